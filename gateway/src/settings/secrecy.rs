//! Reports quote the file and its values. What is secret in them is hidden before anyone sees them.

use std::ops::Range;

use creel_document::{
    path::Part,
    problem::Problem,
    tree::{Node, Value},
};

use super::environment::Written;

/// Endings of the names of keys whose values are secret, in lower case.
const SECRET_ENDINGS: [&str; 6] =
    ["token", "apikey", "_key", "secret", "password", "authorization"];

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    // A text under `auth` is a token in the wrong place.
    matches!(key.as_str(), "key" | "auth" | "env" | "headers")
        || SECRET_ENDINGS.iter().any(|it| key.ends_with(it))
}

/// The file's text as reports may show it: secret values are stars of the same length, so that all places stay right.
pub(super) fn shown_text(text: &str, tree: &Node) -> String {
    let mut spans = Vec::new();
    secret_spans(tree, &mut spans);
    starred(text, &spans)
}

/// The same for a text that has errors of syntax, and so no tree: by the looks of it.
pub(super) fn shown_broken_text(text: &str) -> String {
    let colons = text.match_indices(':');
    let spans = colons.filter_map(|(colon, _)| {
        let (before, after) = text.split_at(colon);
        let name = before.trim_end().trim_end_matches(['"', '\'']);
        let word = name.rsplit(|it: char| !it.is_alphanumeric() && it != '_').next()?;
        is_secret(word).then(|| value_span(after, colon))
    });
    starred(text, &spans.collect::<Vec<_>>())
}

/// A message about a value that is secret, or that came from the environment, does not quote it.
pub(super) fn without_secrets(problem: Problem, tree: &Node, written: &Written) -> Problem {
    let Some(node) = tree.find(&problem.path) else { return problem };
    let secret = matches!(problem.path.parts().last(), Some(Part::Key(key)) if is_secret(key));
    let instead = match written.get(&problem.path.to_string()) {
        _ if secret => "a value that is not shown".to_owned(),
        Some(written) => format!("`{written}`"),
        None => return problem,
    };
    let hide = |text: String| {
        let text = text.replace(&node.describe(), &instead);
        match &node.value {
            Value::Text(value) => text.replace(&format!("`{value}`"), &instead),
            _ => text,
        }
    };
    Problem { message: hide(problem.message), help: problem.help.map(hide), ..problem }
}

fn secret_spans(node: &Node, spans: &mut Vec<Range<usize>>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|it| secret_spans(it, spans)),
        Value::Map(entries) => {
            for (key, value) in entries {
                let holds_settings = key.name == "auth" && matches!(value.value, Value::Map(_));
                if is_secret(&key.name) && !holds_settings {
                    spans.push(value.span.clone());
                } else {
                    secret_spans(value, spans);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => (),
    }
}

/// The value behind a colon at byte `colon`: up to its closing quote or the line's end, or the end of the word.
fn value_span(after: &str, colon: usize) -> Range<usize> {
    let value = after.get(1..).unwrap_or_default().trim_start();
    let start = colon + after.len() - value.len();
    let quote = value.chars().next().filter(|it| matches!(it, '"' | '\''));
    let inside = value.strip_prefix(|it| Some(it) == quote).unwrap_or(value);
    let ends = |it: char| match quote {
        Some(quote) => it == quote || it == '\n',
        None => it.is_whitespace() || matches!(it, ',' | '}' | ']' | '{' | '['),
    };
    let length = inside.find(ends).unwrap_or(inside.len());
    start..start + (value.len() - inside.len()) + length
}

fn starred(text: &str, spans: &[Range<usize>]) -> String {
    let shown = text.char_indices().map(|(at, letter)| {
        let secret = spans.iter().any(|it| it.contains(&at));
        if secret && !matches!(letter, '\n' | '"' | '\'') {
            "*".repeat(letter.len_utf8())
        } else {
            letter.to_string()
        }
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_text_is_shown_without_its_secrets() {
        let check = |text, expected| assert_eq!(shown_broken_text(text), expected);
        check(r#"{"botToken": "1:AA", port: 1"#, r#"{"botToken": "****", port: 1"#);
        check("{ apiKey : 'x y', a: b }", "{ apiKey : '***', a: b }");
        check("token:abc,mainKey:abc", "token:***,mainKey:abc");
        check("token: \"never ends\nport: 1", "token: \"**********\nport: 1");
        check("auth: { token:", "auth: { token:");
    }
}
