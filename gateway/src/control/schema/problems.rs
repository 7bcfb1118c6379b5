//! What is wrong with a value, judged by a schema, in the words and the order that clients of OpenClaw know.
//!
//! Only the keywords that our own types make are judged. An object's missing properties come first, then its unexpected ones, then
//! what is wrong inside. Values are never quoted.

use creel_core::profile::Version;
use serde_json::{Map, Value};

/// How many problems one message tells.
const PROBLEMS_MAX: usize = 32;

/// How much of an unexpected property's name is repeated, in characters.
const NAME_CHARS_MAX: usize = 100;

/// Everything that is wrong with the value, none twice, the first [`PROBLEMS_MAX`].
pub(in crate::control) fn of(version: Version, schema: &Value, value: &Value) -> Vec<String> {
    let mut judge = Judge { version, path: String::new(), problems: Vec::new() };
    judge.value(schema, value);
    judge.problems
}

/// The problems as one text.
pub(in crate::control) fn text(problems: &[String]) -> String {
    if problems.is_empty() { "validation error".to_owned() } else { problems.join("; ") }
}

struct Judge {
    version: Version,
    /// Where in the value, as a JSON pointer.
    path: String,
    problems: Vec<String>,
}

impl Judge {
    fn tell(&mut self, problem: &str) {
        let place =
            if self.path.is_empty() { String::new() } else { format!("at {}: ", self.path) };
        self.add(format!("{place}{problem}"));
    }

    fn add(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn value(&mut self, schema: &Value, value: &Value) {
        let Value::Object(schema) = schema else {
            if schema == &Value::Bool(false) {
                self.tell("boolean schema is false");
            }
            return;
        };
        if self.is_full() || !self.names(schema, value) || !self.kind(schema, value) {
            return;
        }
        match value {
            Value::String(text) => self.length(schema, text),
            Value::Number(_) => self.range(schema, value),
            Value::Array(items) => self.items(schema, items),
            Value::Object(properties) => self.object(schema, properties),
            Value::Null | Value::Bool(_) => {}
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(branches)) = schema.get(keyword) {
                self.branches(keyword, branches, value);
            }
        }
    }

    fn is_full(&self) -> bool {
        self.problems.len() >= PROBLEMS_MAX
    }

    /// Constants and enumerations; whether there is more to judge. 2026.3 writes an enumeration as a choice between constants.
    fn names(&mut self, schema: &Map<String, Value>, value: &Value) -> bool {
        if let Some(constant) = schema.get("const") {
            if constant != value {
                self.tell("must be equal to constant");
            }
            return false;
        }
        let Some(Value::Array(values)) = schema.get("enum") else { return true };
        if values.contains(value) {
            return false;
        }
        match self.version {
            Version::V2026_3 => {
                self.kind(schema, value);
                self.tell("must be equal to constant");
                self.tell("must match a schema in anyOf");
            }
            Version::V2026_9 => self.tell("must be equal to one of the allowed values"),
        }
        false
    }

    fn kind(&mut self, schema: &Map<String, Value>, value: &Value) -> bool {
        let kinds: Vec<&str> = match schema.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => return true,
        };
        let fits = kinds.iter().any(|it| is_of_kind(it, value));
        if !fits {
            self.tell(&format!("must be {}", kinds.join(",")));
        }
        fits
    }

    fn length(&mut self, schema: &Map<String, Value>, text: &str) {
        let length = text.chars().count() as u64;
        self.bounds(schema, ["minLength", "maxLength"], length, "characters");
    }

    fn bounds(&mut self, schema: &Map<String, Value>, keywords: [&str; 2], size: u64, unit: &str) {
        let [least, most] = keywords.map(|it| schema.get(it).and_then(Value::as_u64));
        if let Some(least) = least.filter(|it| size < *it) {
            self.tell(&format!("must NOT have fewer than {least} {unit}"));
        }
        if let Some(most) = most.filter(|it| size > *it) {
            self.tell(&format!("must NOT have more than {most} {unit}"));
        }
    }

    fn range(&mut self, schema: &Map<String, Value>, value: &Value) {
        type Fits = fn(f64, f64) -> bool;
        let number = value.as_f64().unwrap_or(f64::NAN);
        let rules: [(&str, &str, Fits); 4] = [
            ("maximum", "<=", |it, limit| it <= limit),
            ("minimum", ">=", |it, limit| it >= limit),
            ("exclusiveMaximum", "<", |it, limit| it < limit),
            ("exclusiveMinimum", ">", |it, limit| it > limit),
        ];
        for (keyword, sign, fits) in rules {
            if let Some(limit) = schema.get(keyword)
                && !limit.as_f64().is_some_and(|it| fits(number, it))
            {
                self.tell(&format!("must be {sign} {limit}"));
            }
        }
    }

    fn items(&mut self, schema: &Map<String, Value>, items: &[Value]) {
        self.bounds(schema, ["minItems", "maxItems"], items.len() as u64, "items");
        let Some(each) = schema.get("items") else { return };
        for (at, item) in items.iter().enumerate() {
            if self.is_full() {
                return;
            }
            self.inside(&at.to_string(), each, item);
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, found: &Map<String, Value>) {
        let none = Map::new();
        let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required: Vec<&str> = required.filter_map(Value::as_str).collect();
        for name in required.iter().filter(|it| !found.contains_key(**it)) {
            self.tell(&format!("must have required property '{name}'"));
        }
        let others = schema.get("additionalProperties");
        for (name, value) in found.iter().filter(|(name, _)| !known.contains_key(*name)) {
            match others {
                Some(Value::Bool(false)) => self.unexpected(name),
                Some(schema) => self.inside(name, schema, value),
                None => {}
            }
        }
        let optional = known.keys().map(String::as_str).filter(|it| !required.contains(it));
        for name in required.iter().copied().chain(optional) {
            if let (Some(schema), Some(value)) = (known.get(name), found.get(name)) {
                self.inside(name, schema, value);
            }
        }
    }

    fn unexpected(&mut self, name: &str) {
        let name: String = name.chars().take(NAME_CHARS_MAX).collect();
        let place = if self.path.is_empty() { "root" } else { self.path.as_str() };
        self.add(format!("at {place}: unexpected property '{name}'"));
    }

    fn inside(&mut self, name: &str, schema: &Value, value: &Value) {
        let before = self.path.len();
        self.path.push('/');
        // As JSON pointers write them.
        self.path.extend(name.replace('~', "~0").replace('/', "~1").chars().take(NAME_CHARS_MAX));
        self.value(schema, value);
        self.path.truncate(before);
    }

    /// A branch that fits is enough; if none does, all that is wrong with each is told. Our types never fit two branches.
    fn branches(&mut self, keyword: &str, branches: &[Value], value: &Value) {
        let before = self.problems.clone();
        for branch in branches {
            let mut attempt =
                Self { version: self.version, path: self.path.clone(), problems: Vec::new() };
            attempt.value(branch, value);
            if attempt.problems.is_empty() {
                self.problems = before;
                return;
            }
            attempt.problems.into_iter().for_each(|it| self.add(it));
        }
        self.tell(match keyword {
            "anyOf" => "must match a schema in anyOf",
            _ => "must match exactly one schema in oneOf",
        });
    }
}

fn is_of_kind(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|it| it.fract() == 0.0),
        _ => false,
    }
}
