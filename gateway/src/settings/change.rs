//! What a file shall say instead, as operators ask for it: another text, or a patch to the one that stands there.
//!
//! What is secret reaches an operator as stars. Stars that come back stand for what the file has in their place.

use creel_document::{
    edit, json5,
    problem::{Problem, Report},
};
use serde_json::{Map, Value};

use super::file::Standing;

pub mod agents;
mod arrays;
mod hidden;

pub use self::arrays::lost;

/// Why a change cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is wrong.
    #[error("{}", .0.plain().trim_end())]
    Text(Box<Report>),
    /// The text is no map.
    #[error("expected a map such as `{{ gateway: {{ port: 18789 }} }}`")]
    NoMap,
    /// Stars stand where the file has nothing that they could stand for.
    #[error("{} is hidden and cannot be put back: write the value itself, or leave it out", .0.join(", "))]
    Hidden(Vec<String>),
    /// What stands in the file has no form, so that no part of it can be changed.
    #[error("the file that is there is wrong: mend it first")]
    Broken,
}

/// Another text for the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What was given, with what its stars stand for: problems are told by its lines.
    pub given: String,
    /// What the file shall say.
    pub says: Value,
}

impl Wanted {
    /// The text to write: what was given, or, if it has no comments of its own, the file's text changed as little as it takes.
    pub fn text(&self, standing: Option<&Standing>) -> String {
        let standing = standing.filter(|it| it.says.is_some());
        match standing {
            Some(standing) if !json5::has_comments(&self.given) => {
                edit::reshape(&standing.text, &self.says).unwrap_or_else(|_| self.given.clone())
            }
            Some(_) | None => self.given.clone(),
        }
    }
}

/// What another text makes of the file.
///
/// # Errors
///
/// When it is no text of a configuration, or hides what cannot be put back.
pub fn replaced(raw: &str, standing: Option<&Standing>) -> Result<Wanted, Error> {
    let mut says = map(raw)?;
    restore(&mut says, standing)?;
    let given = edit::reshape(raw, &says).map_err(|it| wrong(raw, it))?;
    Ok(Wanted { given, says })
}

/// What a JSON merge patch makes of the file: maps are merged, `null` takes a value away, and lists are replaced, unless
/// all their items have an `id`, by which they are merged too. A list at one of `replaced` is replaced in any case.
///
/// # Errors
///
/// When it is no patch, hides what cannot be put back, or there is nothing that it could be made to.
pub fn patched(raw: &str, standing: &Standing, replaced: &[String]) -> Result<Wanted, Error> {
    let patch = map(raw)?;
    let mut says = standing.says.clone().filter(Value::is_object).ok_or(Error::Broken)?;
    arrays::merge(&mut says, patch, ("", replaced));
    restore(&mut says, Some(standing))?;
    let given = edit::reshape(&standing.text, &says).map_err(|it| wrong(raw, it))?;
    Ok(Wanted { given, says })
}

/// What a file becomes that shall say this, without stars.
///
/// # Errors
///
/// When what stands there has no form.
pub fn becoming(standing: &Standing, says: Value) -> Result<Wanted, Error> {
    let given = edit::reshape(&standing.text, &says).map_err(|_| Error::Broken)?;
    Ok(Wanted { given, says })
}

/// The ways to the values that differ, in the order of their names.
pub fn changed(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    differ("", before, after, &mut found);
    found
}

fn differ(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    let empty = Map::new();
    let (one, other) = match (before, after) {
        (Value::Object(one), Value::Object(other)) => (one, other),
        (Value::Null, Value::Object(other)) if !other.is_empty() => (&empty, other),
        (Value::Object(one), Value::Null) if !one.is_empty() => (one, &empty),
        _ if before == after => return,
        _ => return found.push(path.to_owned()),
    };
    let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let of = |it: &Map<String, Value>| it.get(key).cloned().unwrap_or_default();
        differ(&arrays::further(path, key), &of(one), &of(other), found);
    }
}

fn map(raw: &str) -> Result<Value, Error> {
    let tree = json5::parse(raw).map_err(|it| wrong(raw, it))?;
    Some(tree.to_json()).filter(Value::is_object).ok_or(Error::NoMap)
}

fn wrong(raw: &str, problems: Vec<Problem>) -> Error {
    let text = super::secrecy::shown_broken_text(raw);
    Error::Text(Box::new(Report::new("raw", text, problems)))
}

fn restore(says: &mut Value, standing: Option<&Standing>) -> Result<(), Error> {
    let pair = standing.and_then(|it| {
        let loaded = it.loaded.as_ref().ok()?;
        Some((&loaded.settings.shown.json, it.says.as_ref()?))
    });
    let lost = hidden::restore(says, pair);
    if lost.is_empty() { Ok(()) } else { Err(Error::Hidden(lost)) }
}

#[cfg(test)]
#[path = "tests/change.rs"]
mod tests;
