//! Comparing a tree with a shape, so that everything that is wrong is told at once.

use std::{iter, ops::Range};

use crate::{
    PROBLEMS_MAX, duration, names,
    path::{Part, Path},
    problem::Problem,
    shape::{Case, Field, Need, Shape, Unknown},
    tree::{Key, Node, Value},
};

/// What [`check()`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is wrong, in the order of the document; [`PROBLEMS_MAX`] at the most. If there is nothing, the tree can be
    /// read by its shape without further doubt.
    pub problems: Vec<Problem>,
    /// The keys that nobody reads, in the order of the document.
    pub ignored: Vec<IgnoredKey>,
}

/// A key that a record with [`Unknown::Ignore`] does not list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredKey {
    /// The key with the way to it.
    pub path: Path,
    /// The key's bytes of the document.
    pub span: Range<usize>,
}

/// Compares a tree with a shape.
pub fn check(node: &Node, shape: &Shape) -> Checked {
    let mut checker = Checker { path: Path::default(), checked: Checked::default() };
    checker.node(node, shape);
    checker.checked.problems.sort_by_key(|it| it.span.start);
    checker.checked
}

struct Checker {
    path: Path,
    checked: Checked,
}

impl Checker {
    fn node(&mut self, node: &Node, shape: &Shape) {
        match (*shape, &node.value) {
            (Shape::Any, _)
            | (Shape::Text, Value::Text(_))
            | (Shape::Bool, Value::Bool(_))
            | (Shape::True, Value::Bool(true))
            | (Shape::Number, Value::Number(_)) => (),
            (Shape::Integer { min, max }, Value::Number(number))
                if number.as_i64().is_some_and(|it| (min..=max).contains(&it)) => {}
            (Shape::Duration, Value::Text(text)) => {
                if let Err(error) = duration::parse(text) {
                    self.problem(node, error.to_string());
                }
            }
            (Shape::OneOf(texts), Value::Text(text)) => {
                if !texts.contains(&text.as_str()) {
                    self.mismatch(node, shape, names::nearest(text, texts.iter().copied()));
                }
            }
            (Shape::ListOf(item_shape), Value::List(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.within(Part::Index(index), |it| it.node(item, item_shape));
                }
            }
            (Shape::MapOf(value_shape), Value::Map(entries)) => {
                for (key, value) in entries {
                    self.within(Part::Key(key.name.clone()), |it| it.node(value, value_shape));
                }
            }
            (Shape::Record { fields, unknown }, Value::Map(entries)) => {
                let fields: Vec<Field> = fields.to_vec();
                self.fields(node, entries, &fields);
                self.unknown(entries, &fields, unknown);
            }
            (Shape::Choice { common, cases }, Value::Map(entries)) => {
                self.choice(node, entries, common, cases);
            }
            (Shape::Either(shapes), _) => self.either(node, shapes),
            _ => self.mismatch(node, shape, None),
        }
    }

    fn within(&mut self, part: Part, check: impl FnOnce(&mut Self)) {
        self.path.push(part);
        check(self);
        self.path.pop();
    }

    /// The fields that are there are compared, the required ones that are not are missed unless they are just misspelt.
    fn fields(&mut self, node: &Node, entries: &[(Key, Node)], fields: &[Field]) {
        for (key, value) in entries {
            if let Some(field) = fields.iter().find(|it| it.name == key.name) {
                self.within(Part::Key(key.name.clone()), |it| it.node(value, field.shape));
            }
        }
        let is_unknown = |name: &str| fields.iter().all(|it| it.name != name);
        let misspelt: Vec<&str> = entries
            .iter()
            .filter(|(key, _)| is_unknown(&key.name))
            .filter_map(|(key, _)| names::nearest(&key.name, fields.iter().map(|it| it.name)))
            .collect();
        let missed = |it: &&Field| {
            it.need == Need::Required && node.get(it.name).is_none() && !misspelt.contains(&it.name)
        };
        for field in fields.iter().filter(missed) {
            let problem = self.new_problem(&node.span, format!("missing key `{}`", field.name));
            self.push(if field.doc.is_empty() {
                problem
            } else {
                problem.help(lead_in(field.doc))
            });
        }
    }

    fn unknown(&mut self, entries: &[(Key, Node)], fields: &[Field], unknown: Unknown) {
        for (key, _) in
            entries.iter().filter(|(key, _)| fields.iter().all(|it| it.name != key.name))
        {
            match unknown {
                Unknown::Refuse => self.unknown_key(key, fields.iter().map(|it| it.name)),
                Unknown::Ignore => {
                    let path = self.path.key(&key.name);
                    self.checked.ignored.push(IgnoredKey { path, span: key.span.clone() });
                }
            }
        }
    }

    fn choice(&mut self, node: &Node, entries: &[(Key, Node)], common: &[Field], cases: &[Case]) {
        let case_of = |key: &Key| cases.iter().find(|it| it.key.name == key.name);
        let chosen: Vec<(&Key, &Case)> =
            entries.iter().filter_map(|(key, _)| Some((key, case_of(key)?))).collect();
        let own: Vec<Field> =
            chosen.iter().flat_map(|(_, it)| iter::once(it.key).chain(it.with.to_vec())).collect();
        let fields: Vec<Field> = common.iter().copied().chain(own).collect();
        self.fields(node, entries, &fields);
        let mut misspelt = false;
        for (key, _) in
            entries.iter().filter(|(key, _)| fields.iter().all(|it| it.name != key.name))
        {
            let owner = cases.iter().find(|it| it.with.iter().any(|field| field.name == key.name));
            match (owner, chosen.first()) {
                (Some(owner), Some((_, case))) => {
                    let message = format!("`{}` does not go with `{}`", key.name, case.key.name);
                    let help = format!("it goes with `{}`", owner.key.name);
                    let problem = self.new_problem(&key.span, message).help(help);
                    self.push(problem);
                }
                (Some(_), None) => (),
                (None, Some(_)) => self.unknown_key(key, fields.iter().map(|it| it.name)),
                (None, None) => {
                    let names = || cases.iter().map(|it| it.key.name);
                    misspelt |= names::nearest(&key.name, names()).is_some() || common.is_empty();
                    self.unknown_key(key, names().chain(common.iter().map(|it| it.name)));
                }
            }
        }
        let all = names::list(cases.iter().map(|it| it.key.name));
        match chosen.as_slice() {
            [] if misspelt => (),
            [] => self.problem(node, format!("expected one of the keys {all}")),
            [_] => (),
            [(first, _), others @ ..] => {
                for (other, _) in others {
                    let message =
                        format!("`{}` and `{}` exclude each other", first.name, other.name);
                    let problem = self
                        .new_problem(&other.span, message)
                        .help(format!("expected exactly one of {all}"));
                    self.push(problem);
                }
            }
        }
    }

    fn either(&mut self, node: &Node, shapes: &'static [Shape]) {
        // The first that is the right kind of value, and is wrong further inside only.
        let mut nearest: Option<Checked> = None;
        for shape in shapes {
            let mut checker = Self { path: self.path.clone(), checked: Checked::default() };
            checker.node(node, shape);
            let checked = checker.checked;
            if checked.problems.is_empty() {
                self.checked.ignored.extend(checked.ignored);
                return;
            }
            if nearest.is_none() && checked.problems.iter().all(|it| it.path != self.path) {
                nearest = Some(checked);
            }
        }
        if let Some(checked) = nearest {
            self.checked.ignored.extend(checked.ignored);
            checked.problems.into_iter().for_each(|it| self.push(it));
        } else {
            let expected = shapes.iter().map(expected).collect::<Vec<_>>().join(" or ");
            self.problem(node, format!("found {}, expected {expected}", node.describe()));
        }
    }

    fn unknown_key(&mut self, key: &Key, known: impl IntoIterator<Item = &'static str> + Clone) {
        let problem = self
            .new_problem(&key.span, format!("unknown key `{}`", crate::tree::shorten(&key.name)));
        self.push(Problem { help: names::hint(&key.name, known), ..problem });
    }

    fn mismatch(&mut self, node: &Node, shape: &Shape, nearest: Option<&str>) {
        let message = format!("found {}, expected {}", node.describe(), expected(shape));
        let help = match (shape, &node.value) {
            (Shape::Text | Shape::OneOf(_), Value::Number(_) | Value::Bool(_)) => {
                Some("put it in quotes".to_owned())
            }
            (Shape::Duration, Value::Number(it)) => Some(format!("write `{it}s` or `{it}ms`")),
            (
                Shape::Bool | Shape::True | Shape::Integer { .. } | Shape::Number,
                Value::Text(text),
            ) => plain_value(text),
            _ => nearest.map(|it| format!("did you mean `{it}`?")),
        };
        let problem = self.new_problem(&node.span, message);
        self.push(Problem { help, ..problem });
    }

    fn problem(&mut self, node: &Node, message: String) {
        let problem = self.new_problem(&node.span, message);
        self.push(problem);
    }

    fn new_problem(&self, span: &Range<usize>, message: String) -> Problem {
        Problem::new(span.clone(), self.path.clone(), message)
    }

    fn push(&mut self, problem: Problem) {
        if self.checked.problems.len() < PROBLEMS_MAX {
            self.checked.problems.push(problem);
        }
    }
}

/// What a shape accepts, as messages say after "expected".
fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Bool => "`true` or `false`".to_owned(),
        Shape::True => "`true`".to_owned(),
        Shape::Integer { min, max: i64::MAX } => format!("a whole number from {min}"),
        Shape::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Shape::Number => "a number".to_owned(),
        Shape::Duration => "a duration".to_owned(),
        Shape::OneOf([only]) => format!("`{only}`"),
        Shape::OneOf(texts) => format!("one of {}", names::list(texts.iter().copied())),
        Shape::ListOf(_) => "a list".to_owned(),
        Shape::MapOf(_) | Shape::Record { .. } => "a map".to_owned(),
        Shape::Choice { cases, .. } => {
            format!("a map with one of {}", names::list(cases.iter().map(|it| it.key.name)))
        }
        Shape::Either(shapes) => shapes.iter().map(expected).collect::<Vec<_>>().join(" or "),
    }
}

/// The hint for text that would fit without its quotes, or that older YAML read as a boolean.
fn plain_value(text: &str) -> Option<String> {
    match text.to_lowercase().as_str() {
        "yes" | "on" => Some("write `true`".to_owned()),
        "no" | "off" => Some("write `false`".to_owned()),
        other if other.parse::<f64>().is_ok() || other == "true" || other == "false" => {
            Some("write it without quotes".to_owned())
        }
        _ => None,
    }
}

/// A field's doc as help: without its full stop.
fn lead_in(doc: &str) -> String {
    let mut chars = doc.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests;
