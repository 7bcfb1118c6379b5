//! Changes a JSON document where it has to, and leaves every other byte of it as it is: what we do not know, comments, the
//! order of the keys, and how its author laid it out.

mod reshape;

pub use self::reshape::reshape;

use crate::{
    json5,
    problem::Problem,
    tree::{Node, Value},
};

/// By how much one level of a laid out document is indented.
const INDENT: &str = "  ";

/// The document with `value` at the end of `keys`. Maps on the way that are missing are made; what is there and no map is
/// replaced by one.
///
/// ```
/// use creel_document::edit;
///
/// let text = "{\n  \"b\": { \"x\": 1.50 },\n  \"a\": []\n}\n";
/// let edited = edit::set(text, &["b", "y"], &2.into()).expect("it is JSON");
/// assert_eq!(edited, "{\n  \"b\": { \"x\": 1.50, \"y\": 2 },\n  \"a\": []\n}\n");
/// ```
///
/// # Errors
///
/// What is wrong with the document.
pub fn set(text: &str, keys: &[&str], value: &serde_json::Value) -> Result<String, Vec<Problem>> {
    let tree = json5::parse(text)?;
    let (found, missing) = walk(&tree, keys);
    let is_map = matches!(found.value, Value::Map(_));
    Ok(match missing.split_first() {
        None => spliced(text, found, &written(text, found, value)),
        Some((key, deeper)) if is_map => insert(text, found, key, &nested(deeper, value)),
        Some(_) => spliced(text, found, &written(text, found, &nested(missing, value))),
    })
}

/// The document without the value at the end of `keys`.
///
/// # Errors
///
/// What is wrong with the document.
pub fn remove(text: &str, keys: &[&str]) -> Result<String, Vec<Problem>> {
    let tree = json5::parse(text)?;
    let Some((last, before)) = keys.split_last() else { return Ok(text.to_owned()) };
    let (map, missing) = walk(&tree, before);
    let entries = map.entries();
    let at = entries.iter().position(|(key, _)| key.name == *last);
    let (Some(at), true) = (at, missing.is_empty()) else { return Ok(text.to_owned()) };
    let (key, value) = &entries[at];
    // With the comma behind it, or else with the one before it.
    let (start, end) = match (entries.get(at + 1), at.checked_sub(1)) {
        (Some((next, _)), _) => (key.span.start, next.span.start),
        (None, Some(earlier)) => (entries[earlier].1.span.end, value.span.end),
        (None, None) => (key.span.start, value.span.end),
    };
    let mut edited = text.to_owned();
    edited.replace_range(start..end, "");
    Ok(edited)
}

/// As far as the keys lead, and those that lead no further.
fn walk<'a, 'k>(root: &'a Node, keys: &'k [&'k str]) -> (&'a Node, &'k [&'k str]) {
    let (mut node, mut rest) = (root, keys);
    while let Some((key, deeper)) = rest.split_first() {
        let Some(next) = node.get(key) else { break };
        (node, rest) = (next, deeper);
    }
    (node, rest)
}

fn nested(keys: &[&str], value: &serde_json::Value) -> serde_json::Value {
    let within = |inner, key: &&str| serde_json::json!({ *key: inner });
    keys.iter().rev().fold(value.clone(), within)
}

fn insert(text: &str, map: &Node, key: &str, value: &serde_json::Value) -> String {
    let key = serde_json::Value::from(key);
    let within = text.get(map.span.clone()).unwrap_or_default();
    let base = indentation(text, map.span.start);
    let deeper = format!("{base}{INDENT}");
    let mut edited = text.to_owned();
    match map.entries().last() {
        Some((_, last)) if within.contains('\n') => {
            let value = laid_out(value, &deeper);
            edited.insert_str(last.span.end, &format!(",\n{deeper}{key}: {value}"));
        }
        Some((_, last)) => {
            let space = if within.contains(' ') { " " } else { "" };
            edited.insert_str(last.span.end, &format!(",{space}{key}:{space}{value}"));
        }
        None if text.trim_end().contains('\n') => {
            let whole = format!("{{\n{deeper}{key}: {}\n{base}}}", laid_out(value, &deeper));
            edited.replace_range(map.span.clone(), &whole);
        }
        None => edited.replace_range(map.span.clone(), &format!("{{{key}:{value}}}")),
    }
    edited
}

/// A value as it is written in the place of another: laid out where the document is.
fn written(text: &str, instead_of: &Node, value: &serde_json::Value) -> String {
    if text.trim_end().contains('\n') {
        laid_out(value, indentation(text, instead_of.span.start))
    } else {
        value.to_string()
    }
}

fn laid_out(value: &serde_json::Value, base: &str) -> String {
    format!("{value:#}").replace('\n', &format!("\n{base}"))
}

/// The white space at the beginning of the line.
fn indentation(text: &str, at: usize) -> &str {
    let start = text.get(..at).and_then(|it| it.rfind('\n')).map_or(0, |it| it + 1);
    let line = text.get(start..).unwrap_or_default();
    line.split(|it: char| it != ' ' && it != '\t').next().unwrap_or_default()
}

fn spliced(text: &str, node: &Node, with: &str) -> String {
    let mut edited = text.to_owned();
    edited.replace_range(node.span.clone(), with);
    edited
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, keys: &[&str], value: &serde_json::Value, expected: &str) {
        assert_eq!(set(text, keys, value).as_deref(), Ok(expected));
    }

    #[test]
    fn a_value_is_replaced_where_it_stands() {
        check("{\"b\":1.50,\"a\":2}", &["a"], &json!(3), "{\"b\":1.50,\"a\":3}");
        check(
            "{ \"a\": { \"x:y\": null } }",
            &["a", "x:y"],
            &json!("z"),
            "{ \"a\": { \"x:y\": \"z\" } }",
        );
    }

    #[test]
    fn what_is_missing_is_added_last() {
        check("{}", &["a", "b"], &json!(1), "{\"a\":{\"b\":1}}");
        check("{\"z\":0}", &["a"], &json!(1), "{\"z\":0,\"a\":1}");
        let laid_out = "{\n  \"z\": {\n    \"y\": 0\n  }\n}\n";
        let expected =
            "{\n  \"z\": {\n    \"y\": 0,\n    \"a\": {\n      \"b\": 1\n    }\n  }\n}\n";
        check(laid_out, &["z", "a", "b"], &json!(1), expected);
        let empty = "{\n  \"z\": {}\n}";
        check(empty, &["z", "a"], &json!(1), "{\n  \"z\": {\n    \"a\": 1\n  }\n}");
    }

    #[test]
    fn what_is_no_map_gives_way_to_one() {
        check("{\"a\":null,\"b\":2}", &["a", "x"], &json!(1), "{\"a\":{\"x\":1},\"b\":2}");
    }

    #[test]
    fn a_value_goes_with_its_comma() {
        let check = |text: &str, keys: &[&str], expected: &str| {
            assert_eq!(remove(text, keys).as_deref(), Ok(expected));
        };
        check("{\"a\":1,\"b\":2}", &["a"], "{\"b\":2}");
        check("{\"a\":1,\"b\":2}", &["b"], "{\"a\":1}");
        check("{\"a\":{\"b\":2}}", &["a", "b"], "{\"a\":{}}");
        check("{\"a\":1}", &["c"], "{\"a\":1}");
        check("{\"a\":1}", &["c", "d"], "{\"a\":1}");
    }

    #[test]
    fn a_broken_document_is_not_edited() {
        assert!(set("{\"a\":", &["a"], &json!(1)).is_err());
    }
}
