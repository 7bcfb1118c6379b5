//! What a document may look like, as data: checked by [`check()`](crate::check()), told to editors by
//! [`schema`](crate::schema).

/// What a value may look like. Not recursive: a shape is a finite tree, so that a schema of it is one too.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Anything.
    Any,
    /// Text. In YAML, what reads as a number or a boolean must be quoted.
    Text,
    /// `true` or `false`.
    Bool,
    /// `true`: for a key that says something by standing there.
    True,
    /// A whole number.
    Integer {
        /// Not less than this.
        min: i64,
        /// Not more than this.
        max: i64,
    },
    /// A number.
    Number,
    /// A duration with its unit, such as `5s` or `200ms`: see [`duration`](crate::duration).
    Duration,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list of such values.
    ListOf(&'static Shape),
    /// A map with any names and such values.
    MapOf(&'static Shape),
    /// A map with these names.
    Record {
        /// The names.
        fields: &'static [Field],
        /// What happens to other names.
        unknown: Unknown,
    },
    /// A map that says exactly one of several things. Other names are refused.
    Choice {
        /// Names that go with each of them.
        common: &'static [Field],
        /// The things that it may say.
        cases: &'static [Case],
    },
    /// The first of these shapes that fits.
    Either(&'static [Shape]),
}

/// A name that a map may have.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// Whether it may be left out.
    pub need: Need,
    /// What its value may look like.
    pub shape: &'static Shape,
    /// What it says, for messages and editors: a sentence.
    pub doc: &'static str,
}

/// One of the things that a [`Shape::Choice`] may say.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name that chooses it.
    pub key: Field,
    /// Names that go with it only.
    pub with: &'static [Field],
}

/// Whether a name may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must stand there.
    Required,
    /// It may be left out.
    Optional,
}

/// What happens to a name that a [`Shape::Record`] does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It is a problem.
    Refuse,
    /// It is listed in [`Checked::ignored`](crate::check::Checked), with whatever it holds.
    Ignore,
}

impl Shape {
    /// A map with exactly one of several names.
    pub const fn variant(cases: &'static [Case]) -> Self {
        Self::Choice { common: &[], cases }
    }

    /// A map with these names and no others.
    pub const fn record(fields: &'static [Field]) -> Self {
        Self::Record { fields, unknown: Unknown::Refuse }
    }
}

impl Field {
    /// A name that must stand there.
    pub const fn required(name: &'static str, shape: &'static Shape, doc: &'static str) -> Self {
        Self { name, need: Need::Required, shape, doc }
    }

    /// A name that may be left out.
    pub const fn optional(name: &'static str, shape: &'static Shape, doc: &'static str) -> Self {
        Self { name, need: Need::Optional, shape, doc }
    }
}

impl Case {
    /// A thing that is said by one name.
    pub const fn new(name: &'static str, shape: &'static Shape, doc: &'static str) -> Self {
        Self { key: Field::required(name, shape, doc), with: &[] }
    }

    /// The same thing, with names that go with it only.
    #[must_use]
    pub const fn with(self, fields: &'static [Field]) -> Self {
        Self { with: fields, ..self }
    }
}
