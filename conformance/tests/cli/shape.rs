//! Whether JSON is as its schema says: as much of JSON Schema as our own schemas use, and nothing that they do not.

use serde_json::Value;

/// The words of JSON Schema that change nothing here.
const NOTES: [&str; 6] = ["$schema", "$defs", "title", "description", "format", "default"];

/// What of a value is not as its schema says, each with its place.
pub(crate) fn problems(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look(schema, schema, value, "$", &mut found);
    found
}

fn look(root: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    if let Some(is_allowed) = schema.as_bool() {
        if !is_allowed {
            found.push(format!("{place}: nothing may be here"));
        }
        return;
    }
    for (word, rule) in schema.as_object().expect("a schema is an object or a boolean") {
        let holds = match word.as_str() {
            word if NOTES.contains(&word) => true,
            "$ref" => {
                let pointer = rule.as_str().expect("a pointer").trim_start_matches('#');
                look(
                    root,
                    root.pointer(pointer).expect("what is named is there"),
                    value,
                    place,
                    found,
                );
                true
            }
            "type" => is_of(rule, value),
            "const" => rule == value,
            "enum" => rule.as_array().expect("a list").contains(value),
            "oneOf" => fitting(root, rule, value) == 1,
            "anyOf" => fitting(root, rule, value) > 0,
            "minimum" => value.as_f64().is_none_or(|it| it >= rule.as_f64().expect("a number")),
            "maximum" => value.as_f64().is_none_or(|it| it <= rule.as_f64().expect("a number")),
            "required" => rule
                .as_array()
                .expect("a list")
                .iter()
                .all(|it| value.get(it.as_str().expect("a name")).is_some()),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    look(root, rule, item, &format!("{place}[{index}]"), found);
                }
                true
            }
            "properties" => {
                for (name, rule) in rule.as_object().expect("an object") {
                    if let Some(inner) = value.get(name) {
                        look(root, rule, inner, &format!("{place}.{name}"), found);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (name, inner) in value.as_object().into_iter().flatten() {
                    if known.is_none_or(|it| !it.contains_key(name)) {
                        look(root, rule, inner, &format!("{place}.{name}"), found);
                    }
                }
                true
            }
            other => panic!("`{other}` is not known here: teach it, or leave it out of the schema"),
        };
        if !holds {
            let shown: String = value.to_string().chars().take(80).collect();
            found.push(format!("{place}: `{word}` is {rule}, and there is {shown}"));
        }
    }
}

/// How many of the schemas a value fits.
fn fitting(root: &Value, schemas: &Value, value: &Value) -> usize {
    let fits = |schema: &&Value| {
        let mut found = Vec::new();
        look(root, schema, value, "$", &mut found);
        found.is_empty()
    };
    schemas.as_array().expect("a list").iter().filter(fits).count()
}

fn is_of(kinds: &Value, value: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str().expect("a type's name") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("`{other}` is no type"),
    };
    match kinds.as_array() {
        Some(kinds) => kinds.iter().any(is),
        None => is(kinds),
    }
}

#[test]
fn what_does_not_fit_is_found() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": { "n": { "type": "integer", "minimum": 0 }, "w": { "oneOf": [{ "const": "a" }] } },
        "required": ["n"],
        "additionalProperties": false,
    });
    let of = |value: Value| problems(&schema, &value).len();
    assert_eq!(of(serde_json::json!({ "n": 1, "w": "a" })), 0);
    assert_eq!(of(serde_json::json!({ "n": -1 })), 1);
    assert_eq!(of(serde_json::json!({ "w": "b" })), 2);
    assert_eq!(of(serde_json::json!({ "n": 1, "x": 1 })), 1);
}
