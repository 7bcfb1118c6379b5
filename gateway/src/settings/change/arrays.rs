//! Merge patches, and which lists they take something from.

use serde_json::{Map, Value};

/// Merges a patch into a value; `(path, replaced)` is where that is, and which lists are replaced as they are.
pub(super) fn merge(base: &mut Value, patch: Value, (path, replaced): (&str, &[String])) {
    match (&mut *base, patch) {
        (Value::Object(entries), Value::Object(patch)) => {
            for (key, value) in patch {
                let path = further(path, &key);
                if value.is_null() {
                    entries.remove(&key);
                } else {
                    merge(entries.entry(key).or_insert(Value::Null), value, (&path, replaced));
                }
            }
        }
        (_, patch @ Value::Object(_)) => {
            *base = Value::Object(Map::new());
            merge(base, patch, (path, replaced));
        }
        (Value::Array(items), Value::Array(patch))
            if !replaced.iter().any(|it| it == path) && items.iter().all(|it| id(it).is_some()) =>
        {
            for item in patch {
                let known = id(&item).and_then(|id| position(items, id));
                match known {
                    Some(at) => merge(&mut items[at], item, (&format!("{path}[]"), replaced)),
                    None => items.push(item),
                }
            }
        }
        (_, patch) => *base = patch,
    }
}

/// The lists that have lost items without being named for it, as `replacePaths` would name them.
///
/// A list that is gone needs its own name only; of a map that is gone every list needs one.
pub fn lost(before: &Value, after: &Value, replaced: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    compare(("", replaced), before, Some(after), &mut found);
    found
}

fn compare(
    (path, replaced): (&str, &[String]),
    before: &Value,
    after: Option<&Value>,
    found: &mut Vec<String>,
) {
    match before {
        Value::Object(entries) => {
            for (key, value) in entries {
                let within = after.and_then(|it| it.get(key));
                compare((&further(path, key), replaced), value, within, found);
            }
        }
        Value::Array(items) if !replaced.iter().any(|it| it == path) => {
            let Some(after) = after.and_then(Value::as_array) else {
                return found.push(path.to_owned());
            };
            let with_ids = !items.is_empty() && items.iter().all(|it| id(it).is_some());
            let is_there = |it: &Value| match id(it).filter(|_| with_ids) {
                Some(id) => position(after, id).is_some(),
                None => after.contains(it),
            };
            if !items.iter().all(is_there) {
                return found.push(path.to_owned());
            }
            for item in items.iter().filter(|_| with_ids) {
                let within = id(item).and_then(|id| after.get(position(after, id)?));
                let path = format!("{path}[]");
                compare((&path, replaced), item, within, found);
            }
        }
        _ => {}
    }
}

/// The way to a key, one further.
pub(super) fn further(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn id(item: &Value) -> Option<&str> {
    item.get("id")?.as_str().filter(|it| !it.is_empty())
}

fn position(items: &[Value], wanted: &str) -> Option<usize> {
    items.iter().position(|it| id(it) == Some(wanted))
}
