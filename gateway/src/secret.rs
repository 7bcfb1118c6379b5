//! A value that no log, error or report may show.

use std::{fmt, sync::Arc};

use serde_json::Value;

/// How much of what somebody else wrote is kept for the log, in characters.
const REDACTED_CHARS_MAX: usize = 300;

/// A token or key. Printing it shows that there is one, not which.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// What somebody else wrote, as the log may have it: without the value, on one line, and not too long.
    pub fn redact(&self, text: &str) -> String {
        let plain = |it: char| if it.is_control() { ' ' } else { it };
        self.hide_in(text).chars().take(REDACTED_CHARS_MAX).map(plain).collect()
    }

    /// A text without the value.
    pub fn hide_in(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "[secret]") }
    }

    /// The value itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Everything that may be shown nowhere, for texts that somebody else wrote. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Masks(Arc<[Secret]>);

/// The shortest value that is looked for in a text: anything shorter stands there by chance.
const MASKED_BYTES_MIN: usize = 6;

impl Masks {
    /// Masks for these, the longest first: one may be part of another.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut secrets: Vec<Secret> =
            secrets.into_iter().filter(|it| it.0.len() >= MASKED_BYTES_MIN).collect();
        secrets.sort_by_key(|it| std::cmp::Reverse(it.0.len()));
        Self(secrets.into())
    }

    /// A text without any of them.
    pub fn hide_in(&self, text: &str) -> String {
        let (mut shown, mut rest) = (String::new(), text);
        // What stands for one is not searched for another.
        while let Some(letter) = rest.chars().next() {
            if let Some(after) = self.0.iter().find_map(|it| rest.strip_prefix(it.expose())) {
                shown.push_str("[secret]");
                rest = after;
            } else {
                shown.push(letter);
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            }
        }
        shown
    }

    /// The same for every text in a value, the keys too.
    pub fn hide_in_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.hide_in(text)),
            Value::Array(items) => items.iter().map(|it| self.hide_in_json(it)).collect(),
            Value::Object(entries) => {
                let hidden =
                    |(key, it): (&String, &Value)| (self.hide_in(key), self.hide_in_json(it));
                entries.iter().map(hidden).collect()
            }
            // A number could be one, too.
            Value::Number(number) => match self.hide_in(&number.to_string()) {
                text if text == number.to_string() => value.clone(),
                text => Value::String(text),
            },
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_shows_in_no_text() {
        let secret = Secret::new("k-1");
        assert_eq!(format!("{secret:?} {}", secret.redact("bad\nk-1!")), "[secret] bad [secret]!");
        assert_eq!(Secret::new("").redact("ab"), "ab");
        assert_eq!(secret.redact(&"é".repeat(1_000)).chars().count(), REDACTED_CHARS_MAX);
    }

    #[test]
    fn masks_hide_the_longest_and_leave_what_is_short() {
        let masks = Masks::new(["abc", "secret", "secret-1", "1234567"].map(Secret::new));
        let hidden =
            masks.hide_in_json(&json!({ "secret": ["abc", "a secret-1\"", 1_234_567, 12, null] }));
        assert_eq!(hidden, json!({ "[secret]": ["abc", "a [secret]\"", "[secret]", 12, null] }));
    }
}
