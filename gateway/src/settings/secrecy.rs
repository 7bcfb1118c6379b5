//! Reports quote the file and its values. What is secret in them is hidden before anyone sees them.

use std::ops::Range;

use creel_document::{
    json5,
    path::Part,
    problem::Problem,
    tree::{Node, Value},
};

use super::environment::Written;
use crate::secret::Secret;

/// What stands for a secret, however long it is.
const HIDDEN: &str = "\"***\"";

/// What stands for one where OpenClaw has shown the file.
const HIDDEN_ELSEWHERE: &str = "__OPENCLAW_REDACTED__";

/// Endings of the names of keys whose values are secret, in lower case.
const SECRET_ENDINGS: [&str; 6] =
    ["token", "apikey", "_key", "secret", "password", "authorization"];

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    // A text under `auth` is a token in the wrong place.
    matches!(key.as_str(), "key" | "auth" | "env" | "headers")
        || SECRET_ENDINGS.iter().any(|it| key.ends_with(it))
}

/// Whether a key's texts are handed to a program, with whatever it needs to know.
fn is_said_to_programs(key: &str) -> bool {
    key == "args"
}

/// The file's text as reports may show it: secret values are stars of the same length, so that all places stay right.
pub(super) fn shown_text(text: &str, tree: &Node) -> String {
    let spans = Spans::of(text, tree);
    starred(text, &[spans.wholes, spans.parts].concat())
}

/// The configuration as an operator may see it. Comments are left out: nobody knows what is in them.
pub(super) fn shown_json(text: &str, tree: &Node) -> serde_json::Value {
    let spans = Spans::of(text, tree);
    let mut shown = starred(text, &spans.parts);
    // From the end, so that the places before stay right. A letter and its stars have the same length.
    for span in spans.values.into_iter().rev() {
        shown.replace_range(span, HIDDEN);
    }
    json5::parse(&shown).map(|it| it.to_json()).unwrap_or_default()
}

/// Every text that stands under a secret's name.
pub(super) fn values(tree: &Node) -> Vec<Secret> {
    let mut found = Vec::new();
    collect(tree, false, &mut found);
    found
}

fn collect(node: &Node, is_hidden: bool, found: &mut Vec<Secret>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|it| collect(it, is_hidden, found)),
        Value::Map(entries) => {
            for (key, value) in entries {
                let holds_settings = key.name == "auth" && matches!(value.value, Value::Map(_));
                collect(value, is_hidden || (is_secret(&key.name) && !holds_settings), found);
            }
        }
        Value::Text(text) if is_hidden => found.push(Secret::new(text.as_str())),
        Value::Text(_) | Value::Null | Value::Bool(_) | Value::Number(_) => (),
    }
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
    let is_hidden =
        |it: &Part| matches!(it, Part::Key(key) if is_secret(key) || is_said_to_programs(key));
    let secret = match problem.path.parts() {
        [.., parent, Part::Index(_)] => is_hidden(parent),
        [.., last] => is_hidden(last),
        [] => false,
    } || matches!(&node.value, Value::Text(text) if !secrets_of_address(text).is_empty());
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

/// Where secrets stand in a text, in its order.
#[derive(Default)]
struct Spans {
    /// All that stands under a secret's name, be it a text or a map.
    wholes: Vec<Range<usize>>,
    /// The values in it, with their quotes.
    values: Vec<Range<usize>>,
    /// Parts of values.
    parts: Vec<Range<usize>>,
}

impl Spans {
    fn of(text: &str, tree: &Node) -> Self {
        let mut spans = Self::default();
        spans.look(text, tree);
        spans
    }

    fn look(&mut self, text: &str, node: &Node) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|it| self.look(text, it)),
            Value::Map(entries) => {
                for (key, value) in entries {
                    let holds_settings = key.name == "auth" && matches!(value.value, Value::Map(_));
                    let is_hidden = is_secret(&key.name) || is_said_to_programs(&key.name);
                    if is_hidden && !holds_settings {
                        self.wholes.push(value.span.clone());
                        self.hide(value);
                    } else {
                        self.look(text, value);
                    }
                }
            }
            Value::Text(_) => {
                let written = text.get(node.span.clone()).unwrap_or_default();
                let start = node.span.start;
                let parts = secrets_of_address(written).into_iter();
                self.parts.extend(parts.map(|it| start + it.start..start + it.end));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => (),
        }
    }

    /// All that is in a value, but not the marks that make a list or a map of it.
    fn hide(&mut self, node: &Node) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|it| self.hide(it)),
            Value::Map(entries) => entries.iter().for_each(|(_, it)| self.hide(it)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
                self.values.push(node.span.clone());
            }
        }
    }
}

/// Whether a text is what stands for a secret where one was hidden, here or by OpenClaw.
pub(super) fn is_hidden(text: &str) -> bool {
    let is_starred =
        |it: &Range<usize>| text.get(it.clone()).is_some_and(|it| it.bytes().all(|it| it == b'*'));
    format!("\"{text}\"") == HIDDEN
        || text == HIDDEN_ELSEWHERE
        || secrets_of_address(text).iter().any(is_starred)
}

/// What a text that reads as an address holds of secrets: who calls, and what is asked for with the call.
fn secrets_of_address(written: &str) -> Vec<Range<usize>> {
    let Some(begin) = written.find("://").map(|it| it + 3) else { return Vec::new() };
    let from = |at: usize| written.get(at..).unwrap_or_default();
    let host_ends = from(begin).find(['/', '?', '#']).map_or(written.len(), |it| begin + it);
    let host = written.get(begin..host_ends).unwrap_or_default();
    let caller = host.rfind('@').map(|it| begin..begin + it);
    let query = from(host_ends).find(['?', '#']).map(|it| host_ends + it + 1..written.len());
    caller
        .into_iter()
        .chain(query)
        .filter(|it| !from(it.start).trim_matches(['"', '\'']).is_empty())
        .collect()
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
    fn an_address_is_shown_without_who_calls_and_what_for() {
        let check = |text: &str, expected: &str| {
            assert_eq!(starred(text, &secrets_of_address(text)), expected);
        };
        check("https://h/sse", "https://h/sse");
        check("https://ann:pw@h:1/v1", "https://******@h:1/v1");
        check("'https://h/sse?key=abc&x'", "'https://h/sse?*********'");
        check("https://h?key=a@b", "https://h?*******");
        check("https://h/a#token", "https://h/a#*****");
        check("what?no address", "what?no address");
    }

    #[test]
    fn stars_are_known_again() {
        let check = |text, expected| assert_eq!(is_hidden(text), expected, "{text}");
        check("***", true);
        check("__OPENCLAW_REDACTED__", true);
        check("https://******@h/v1", true);
        check("https://h?***", true);
        for said in ["", "****", "**", "what ***", "https://h/***", "https://ann@h"] {
            check(said, false);
        }
    }

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
