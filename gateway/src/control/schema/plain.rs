//! Schemas as the control plane shows them: an optional property is absent or has a value, never `null`, and a choice of names is
//! one `enum`, whether or not its variants are documented.

use serde_json::{Map, Value, json};

/// Marks a schema whose `null` means something.
pub(super) const KEEPS_NULL: &str = "keepsNull";

/// Simplifies a generated schema.
pub(super) fn make(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    join_names(object);
    forbid_null(object);
    for key in ["properties", "$defs"] {
        if let Some(Value::Object(parts)) = object.get_mut(key) {
            parts.values_mut().for_each(make);
        }
    }
    for key in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        if let Some(Value::Array(parts)) = object.get_mut(key) {
            parts.iter_mut().for_each(make);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(part) = object.get_mut(key) {
            make(part);
        }
    }
    object.remove(KEEPS_NULL);
}

/// The schema of the value at a path of property names.
pub(super) fn at<'a>(schema: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    let mut names = path.split('/').filter(|it| !it.is_empty());
    names.try_fold(schema, |found, name| found.get_mut("properties")?.get_mut(name))
}

/// Takes a property or a value of an enumeration away; whether it was there.
pub(super) fn take(schema: &mut Value, name: &str) -> bool {
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        let before = values.len();
        values.retain(|it| it != name);
        return values.len() < before;
    }
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    properties.is_some_and(|it| it.remove(name).is_some())
}

/// A choice between constants is an enumeration.
fn join_names(object: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = object.get("oneOf") else { return };
    let mut names = Vec::new();
    for branch in branches {
        match (branch.get("const"), branch.get("enum")) {
            (Some(name @ Value::String(_)), _) => names.push(name.clone()),
            (None, Some(Value::Array(several))) => names.extend(several.iter().cloned()),
            _ => return,
        }
    }
    object.remove("oneOf");
    object.insert("type".to_owned(), json!("string"));
    object.insert("enum".to_owned(), Value::Array(names));
}

fn forbid_null(object: &mut Map<String, Value>) {
    let required = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = object.get_mut("properties") else { return };
    for (name, schema) in properties {
        if !required.iter().any(|it| it == name) {
            take_null(schema);
        }
    }
}

fn take_null(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if object.contains_key(KEEPS_NULL) {
        return;
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|it| it != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|it| !it.is_null());
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|it| it.get("type").is_none_or(|it| it != "null"));
        if let [one] = branches.as_slice() {
            let one = one.clone();
            object.remove("anyOf");
            if let Value::Object(one) = one {
                object.extend(one);
            }
        }
    }
}
