//! The parameters of methods: their schemas come from the types, and every request is checked against them before it is read.
//!
//! A [`Shape`] holds the schema of one type. [`Shape::check`] tells all that is wrong with a value in one message, in the words
//! that clients of OpenClaw know (`must have required property 'message'; at root: unexpected property 'foo'`), and never quotes
//! a value: it may be a secret. Write parameters so:
//!
//! ```
//! use creel_core::profile::Version;
//! use creel_gateway::control::schema::{Change, check};
//!
//! #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
//! #[serde(rename_all = "camelCase", deny_unknown_fields)]
//! struct Patch {
//!     #[schemars(length(min = 1))]
//!     key: String,             // required
//!     timeout_ms: Option<u64>, // absent, or a value: no optional property may be `null`
//!     #[serde(default)]
//!     label: Change<String>,   // absent, `null` (which clears it), or a value
//! }
//!
//! let params = serde_json::json!({ "timeoutMs": null, "foo": 1 });
//! let refused = check::<Patch>(Version::V2026_3, "sessions.patch", &params).unwrap_err();
//! assert_eq!(
//!     refused.message,
//!     "invalid sessions.patch params: must have required property 'key'; at root: unexpected property 'foo'; \
//!      at /timeoutMs: must be integer"
//! );
//! ```
//!
//! Required properties are judged in the order of the fields, optional ones by name.

use std::{borrow::Cow, fmt, marker::PhantomData};

use creel_core::profile::Version;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json};

use super::frame::ErrorShape;
use crate::secret::Secret;

mod plain;
pub mod problems;

/// Whole numbers up to this are the same as a float and as an integer.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// What a type looks like as JSON, for checking and for showing.
pub struct Shape<T> {
    schema: Value,
    of: PhantomData<fn() -> T>,
}

/// A property that is left as it is, cleared, or set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The property is absent.
    #[default]
    Keep,
    /// It is `null`.
    Clear,
    /// It has a value.
    Set(T),
}

/// Checks and reads the parameters of `what`; for a type that is read often, keep its [`Shape`].
///
/// # Errors
///
/// All problems of the parameters.
pub fn check<T: JsonSchema + DeserializeOwned>(
    version: Version,
    what: &str,
    params: &Value,
) -> Result<T, ErrorShape> {
    Shape::new().check(version, what, params)
}

impl<T: JsonSchema + DeserializeOwned> Shape<T> {
    /// The shape of the type.
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|it| {
            it.inline_subschemas = true;
            it.meta_schema = None;
        });
        let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
        plain::make(&mut schema);
        Self { schema, of: PhantomData }
    }

    /// The same without some properties or values: `("/client/id", "openclaw-tui")` takes a value from an enumeration,
    /// `("/client", "timeZone")` a property from an object.
    #[must_use]
    pub fn without(mut self, parts: &[(&str, &str)]) -> Self {
        for (path, name) in parts {
            let found = plain::at(&mut self.schema, path).expect("the path leads to a property");
            assert!(plain::take(found, name), "`{name}` is not at `{path}`");
        }
        self
    }

    /// The same with properties that must be there, though the type has them as optional ones.
    #[must_use]
    pub fn requiring(mut self, names: &[&str]) -> Self {
        let mut required: Vec<Value> =
            self.schema["required"].as_array().cloned().unwrap_or_default();
        required.extend(names.iter().map(|it| json!(it)));
        self.schema["required"] = Value::from(required);
        self
    }

    /// The schema.
    pub const fn json(&self) -> &Value {
        &self.schema
    }

    /// Checks and reads the parameters of `what`.
    ///
    /// # Errors
    ///
    /// All problems of the parameters.
    pub fn check(&self, version: Version, what: &str, params: &Value) -> Result<T, ErrorShape> {
        let problems = problems::of(version, &self.schema, params);
        let refused = |text: &str| ErrorShape::invalid(format!("invalid {what} params: {text}"));
        if !problems.is_empty() {
            return Err(refused(&problems::text(&problems)));
        }
        // The reader's own words may quote a value, so they are not passed on.
        let read = T::deserialize(params).or_else(|_| {
            let mut params = params.clone();
            make_whole(&mut params);
            T::deserialize(params)
        });
        read.map_err(|_| refused("validation error"))
    }
}

impl<T: JsonSchema + DeserializeOwned> Default for Shape<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Shape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shape").field(&self.schema).finish()
    }
}

/// `3.0` is a whole number to those who write JavaScript.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|it| it.fract() == 0.0 && it.abs() <= WHOLE_MAX);
            if let Some(whole) = whole.filter(|_| number.is_f64()) {
                #[expect(clippy::cast_possible_truncation, reason = "whole, and small enough")]
                let whole = whole as i64;
                *value = json!(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(properties) => properties.values_mut().for_each(make_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(reader)?.map_or(Self::Clear, Self::Set))
    }
}

impl<T: JsonSchema> JsonSchema for Change<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Change_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [value, { "type": "null" }], (plain::KEEPS_NULL): true })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        String::deserialize(reader).map(Self::new)
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

#[cfg(test)]
mod tests;
