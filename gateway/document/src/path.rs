//! The way to a value: `gateway.messages.queue.mode`, `steps[1].at`, `channels."a.b"`.

use std::{fmt, str::FromStr};

/// A way from the root of a tree to one of its values. Empty for the root itself.
///
/// Written as keys with dots between them and `[n]` for the items of lists, counted from 0. A key that holds one of
/// `.[]"` or is empty stands in double quotes, in which `\"` and `\\` are a quote and a backslash.
///
/// ```
/// use creel_document::path::Path;
///
/// let path: Path = r#"channels."a.b"[2].say"#.parse()?;
/// assert_eq!(path.parts().len(), 4);
/// assert_eq!(path.to_string(), r#"channels."a.b"[2].say"#);
/// # Ok::<(), creel_document::path::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Part>);

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Into a map.
    Key(String),
    /// Into a list, counted from 0.
    Index(usize),
}

/// Why a path was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A key has no letters, or a path none at all.
    #[error("`{path}` has an empty key, expected a path such as `steps[1].at`")]
    EmptyKey {
        /// The whole path.
        path: String,
    },
    /// A quote is not closed.
    #[error("`{path}` has a `\"` that is not closed")]
    OpenQuote {
        /// The whole path.
        path: String,
    },
    /// What stands in brackets is not a number.
    #[error("`{path}` has brackets without a number, expected an index such as `[0]`")]
    BadIndex {
        /// The whole path.
        path: String,
    },
    /// Something follows a quote or bracket that is neither a dot nor a bracket.
    #[error("`{path}` goes on with `{rest}`, expected `.` or `[`")]
    Trailing {
        /// The whole path.
        path: String,
        /// What was not understood.
        rest: String,
    },
}

impl Path {
    /// The steps, from the root.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The same path, one key further.
    #[must_use]
    pub fn key(&self, name: &str) -> Self {
        let mut path = self.clone();
        path.push(Part::Key(name.to_owned()));
        path
    }

    /// The same path, one list item further.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.push(Part::Index(index));
        path
    }

    /// Goes one step further.
    pub fn push(&mut self, part: Part) {
        self.0.push(part);
    }

    /// Goes one step back. Does nothing at the root.
    pub fn pop(&mut self) {
        self.0.pop();
    }
}

impl From<&[Part]> for Path {
    fn from(parts: &[Part]) -> Self {
        Self(parts.to_vec())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, part) in self.0.iter().enumerate() {
            match part {
                Part::Index(index) => write!(f, "[{index}]")?,
                Part::Key(name) => {
                    let dot = if position == 0 { "" } else { "." };
                    if name.is_empty() || name.contains(['.', '[', ']', '"']) {
                        let escaped = name.replace('\\', r"\\").replace('"', r#"\""#);
                        write!(f, "{dot}\"{escaped}\"")?;
                    } else {
                        write!(f, "{dot}{name}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl FromStr for Path {
    type Err = Error;

    fn from_str(path: &str) -> Result<Self, Error> {
        let whole = || path.to_owned();
        let mut parts = Vec::new();
        let mut rest = path;
        loop {
            if let Some(quoted) = rest.strip_prefix('"') {
                let (key, after) =
                    unquote(quoted).ok_or_else(|| Error::OpenQuote { path: whole() })?;
                parts.push(Part::Key(key));
                rest = after;
            } else if !(parts.is_empty() && rest.starts_with('[')) {
                let (key, after) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
                if key.is_empty() {
                    return Err(Error::EmptyKey { path: whole() });
                }
                parts.push(Part::Key(key.to_owned()));
                rest = after;
            }
            while let Some(opened) = rest.strip_prefix('[') {
                let index = opened
                    .split_once(']')
                    .and_then(|(index, after)| Some((index.parse().ok()?, after)));
                let (index, after) = index.ok_or_else(|| Error::BadIndex { path: whole() })?;
                parts.push(Part::Index(index));
                rest = after;
            }
            if rest.is_empty() {
                return Ok(Self(parts));
            }
            rest = rest
                .strip_prefix('.')
                .ok_or_else(|| Error::Trailing { path: whole(), rest: rest.to_owned() })?;
        }
    }
}

/// The key up to the closing quote, and what follows the quote.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((key, chars.as_str())),
            '\\' => key.push(chars.next()?),
            other => key.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_read_or_refused_with_a_reason() {
        let mut log = String::new();
        for text in [
            "a.b",
            "a[1].b",
            "[0][1]",
            r#"a."b.c""#,
            r#""x\"y"[0]"#,
            "",
            "a..b",
            "a[",
            "a[x]",
            r#"a."b"#,
            "a[0]b",
        ] {
            let read =
                text.parse::<Path>().map_or_else(|it| it.to_string(), |it| format!("{:?}", it.0));
            writeln!(log, "{text:9} {read}").unwrap();
        }
        insta::assert_snapshot!(log, @r#"
        a.b       [Key("a"), Key("b")]
        a[1].b    [Key("a"), Index(1), Key("b")]
        [0][1]    [Index(0), Index(1)]
        a."b.c"   [Key("a"), Key("b.c")]
        "x\"y"[0] [Key("x\"y"), Index(0)]
                  `` has an empty key, expected a path such as `steps[1].at`
        a..b      `a..b` has an empty key, expected a path such as `steps[1].at`
        a[        `a[` has brackets without a number, expected an index such as `[0]`
        a[x]      `a[x]` has brackets without a number, expected an index such as `[0]`
        a."b      `a."b` has a `"` that is not closed
        a[0]b     `a[0]b` goes on with `b`, expected `.` or `[`
        "#);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(keys in prop::collection::vec((any::<String>(), any::<Option<usize>>()), 1..5)) {
            let mut path = Path::default();
            for (key, index) in keys {
                path.push(Part::Key(key));
                if let Some(index) = index {
                    path.push(Part::Index(index));
                }
            }
            prop_assert_eq!(path.to_string().parse::<Path>(), Ok(path));
        }
    }
}
