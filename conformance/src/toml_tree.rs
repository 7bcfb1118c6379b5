//! TOML as a tree of values that know where they stand, so that it is checked against a shape as YAML is.

use creel_document::{
    path::Path,
    problem::Problem,
    tree::{Key, Node, Value},
};
use toml::de::{DeTable, DeValue};

/// Reads a TOML document.
///
/// # Errors
///
/// Everything that is not TOML, in the order of the text.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(Node { span: table.span(), value: map(table.get_ref()) });
    }
    let problem = |error: toml::de::Error| {
        Problem::new(error.span().unwrap_or(0..0), Path::default(), error.message())
    };
    Err(errors.into_iter().map(problem).collect())
}

fn map(table: &DeTable<'_>) -> Value {
    let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        let key = Key { name: name.clone().into_owned(), span: key.span() };
        (key, Node { span: value.span(), value: of(value.get_ref()) })
    };
    let mut entries: Vec<(Key, Node)> = table.iter().map(entry).collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    Value::Map(entries)
}

fn of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(it) => Value::Text(it.clone().into_owned()),
        // What is read so has no numbers and no dates: as texts, they fit no shape that would take them.
        DeValue::Integer(it) => Value::Text(it.to_string()),
        DeValue::Float(it) => Value::Text(it.to_string()),
        DeValue::Datetime(it) => Value::Text(it.to_string()),
        DeValue::Boolean(it) => Value::Bool(*it),
        DeValue::Array(items) => {
            let item =
                |it: &toml::Spanned<DeValue<'_>>| Node { span: it.span(), value: of(it.get_ref()) };
            Value::List(items.iter().map(item).collect())
        }
        DeValue::Table(table) => map(table),
    }
}
