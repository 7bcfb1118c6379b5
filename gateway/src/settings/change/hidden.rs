//! Stars that come back from an operator, and what they stand for.

use serde_json::Value;

use super::{super::secrecy, arrays::further};

/// Puts what the file has in the place of stars that stand where it was shown with stars. Returns the ways to those that
/// stand for nothing. The pair is what was shown of the file, and what it says.
pub(super) fn restore(given: &mut Value, pair: Option<(&Value, &Value)>) -> Vec<String> {
    let mut lost = Vec::new();
    put_back("", given, pair, &mut lost);
    lost
}

fn put_back(path: &str, given: &mut Value, pair: Option<(&Value, &Value)>, lost: &mut Vec<String>) {
    match given {
        Value::Object(entries) => {
            for (key, value) in entries.iter_mut() {
                let within = pair.and_then(|it| Some((it.0.get(key)?, it.1.get(key)?)));
                put_back(&further(path, key), value, within, lost);
            }
        }
        Value::Array(items) => {
            let same_count = pair.is_some_and(|it| count(it.1) == Some(items.len()));
            for (index, item) in items.iter_mut().enumerate() {
                let place = place(item, index, same_count, pair);
                let within =
                    place.and_then(|at| pair.and_then(|it| Some((it.0.get(at)?, it.1.get(at)?))));
                put_back(&format!("{path}[{index}]"), item, within, lost);
            }
        }
        // Also a number that was hidden was shown as a text.
        Value::String(text) => match pair {
            Some((shown, real)) if shown.as_str() == Some(text) => *given = real.clone(),
            _ if secrecy::is_hidden(text) => lost.push(path.to_owned()),
            _ => {}
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Which of the file's items one is: the one with its `id`; without one, the one in its place if there are as many.
fn place(
    item: &Value,
    index: usize,
    same_count: bool,
    pair: Option<(&Value, &Value)>,
) -> Option<usize> {
    match item.get("id").filter(|it| it.is_string()) {
        Some(id) => pair?.1.as_array()?.iter().position(|it| it.get("id") == Some(id)),
        None => Some(index).filter(|_| same_count),
    }
}

fn count(value: &Value) -> Option<usize> {
    value.as_array().map(Vec::len)
}
