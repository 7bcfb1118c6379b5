//! A shape as JSON Schema, so that editors complete and check a document while it is written.

use serde_json::{Map, Value, json};

use crate::{
    duration,
    shape::{Case, Field, Need, Shape, Unknown},
};

/// The shape as JSON Schema, draft 2020-12. The docs of fields become descriptions.
///
/// ```
/// use creel_document::{schema::json_schema, shape::Shape};
///
/// let schema = json_schema(&Shape::ListOf(&Shape::Text), "Names");
/// assert_eq!(schema["items"]["type"], "string");
/// ```
pub fn json_schema(shape: &Shape, title: &str) -> Value {
    let mut schema = of(shape);
    schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".to_owned(), title.into());
    Value::Object(schema)
}

fn of(shape: &Shape) -> Map<String, Value> {
    let schema = match shape {
        Shape::Any => json!({}),
        Shape::Text => json!({ "type": "string" }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::True => json!({ "const": true }),
        Shape::Integer { min, max: i64::MAX } => json!({ "type": "integer", "minimum": min }),
        Shape::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Duration => json!({ "type": "string", "pattern": duration::PATTERN }),
        Shape::OneOf(texts) => json!({ "enum": texts }),
        Shape::ListOf(item) => json!({ "type": "array", "items": of(item) }),
        Shape::MapOf(value) => json!({ "type": "object", "additionalProperties": of(value) }),
        Shape::Record { fields, unknown } => object(fields.iter(), *unknown),
        Shape::Choice { common, cases } => {
            json!({ "oneOf": cases.iter().map(|it| case(common, it)).collect::<Vec<_>>() })
        }
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(of).collect::<Vec<_>>() }),
    };
    let Value::Object(schema) = schema else { unreachable!("every arm is a map") };
    schema
}

fn case(common: &[Field], case: &Case) -> Value {
    let Case { key, with } = case;
    let mut schema = object(std::iter::once(key).chain(*with).chain(common), Unknown::Refuse);
    schema["title"] = key.name.into();
    schema
}

fn object<'a>(fields: impl Iterator<Item = &'a Field> + Clone, unknown: Unknown) -> Value {
    let properties: Map<String, Value> =
        fields.clone().map(|it| (it.name.to_owned(), property(it))).collect();
    let required: Vec<&str> =
        fields.filter(|it| it.need == Need::Required).map(|it| it.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": unknown == Unknown::Ignore,
    })
}

fn property(field: &Field) -> Value {
    let mut schema = of(field.shape);
    if !field.doc.is_empty() {
        schema.insert("description".to_owned(), field.doc.into());
    }
    Value::Object(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    static SHAPE: Shape = Shape::record(&[
        Field::required("at", &Shape::Duration, "When."),
        Field::optional("n", &Shape::Integer { min: 1, max: 9 }, "How many."),
        Field::optional(
            "act",
            &Shape::Choice {
                common: &[Field::optional("after", &Shape::Duration, "")],
                cases: &[
                    Case::new("say", &Shape::Text, "A text."),
                    Case::new("hang", &Shape::True, ""),
                ],
            },
            "What happens.",
        ),
        Field::optional(
            "free",
            &Shape::MapOf(&Shape::Either(&[Shape::Bool, Shape::OneOf(&["a"])])),
            "",
        ),
    ]);

    #[test]
    fn a_shape_becomes_a_schema() {
        let schema = json_schema(&SHAPE, "T");
        let keys = |value: &Value| {
            value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(keys(&schema), "$schema additionalProperties properties required title type");
        let properties: Vec<String> = schema["properties"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, it)| format!("{name}: {it}"))
            .collect();
        insta::assert_snapshot!(properties.join("\n"), @r#"
        act: {"description":"What happens.","oneOf":[{"additionalProperties":false,"properties":{"after":{"pattern":"^[0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d)$","type":"string"},"say":{"description":"A text.","type":"string"}},"required":["say"],"title":"say","type":"object"},{"additionalProperties":false,"properties":{"after":{"pattern":"^[0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d)$","type":"string"},"hang":{"const":true}},"required":["hang"],"title":"hang","type":"object"}]}
        at: {"description":"When.","pattern":"^[0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d)$","type":"string"}
        free: {"additionalProperties":{"anyOf":[{"type":"boolean"},{"enum":["a"]}]},"type":"object"}
        n: {"description":"How many.","maximum":9,"minimum":1,"type":"integer"}
        "#);
    }
}
