//! How the file writes times, texts and names.

use std::{fmt::Write as _, time::Duration};

/// A part of an answer.
pub(super) fn part_of(after: Duration, text: &str) -> String {
    let text = quoted(text);
    if after < Duration::from_millis(1) {
        format!("{{ say: {text} }}")
    } else {
        format!("{{ say: {text}, after: {} }}", time(after))
    }
}

/// How a text is written where others quote it: as it is, and in JSON.
pub(super) fn forms(text: &str) -> [String; 2] {
    let json = serde_json::to_string(text).expect("a text is JSON");
    [text.to_owned(), json.trim_matches('"').to_owned()]
}

/// A text's shape: its spaces and the length of its words.
pub(super) fn shaped(text: &str) -> String {
    text.chars().map(|it| if it.is_whitespace() { it } else { 'x' }).collect()
}

/// The name of a chat.
pub(super) fn chat(number: usize) -> String {
    format!("c{number}")
}

/// The name of a credential.
pub(super) fn key(index: usize) -> String {
    format!("k{}", index + 1)
}

/// A length of time to the millisecond.
pub(super) fn time(time: Duration) -> String {
    let ms = time.as_millis();
    match (ms / 1_000, ms % 1_000) {
        (0, ms) => format!("{ms}ms"),
        (seconds, 0) => format!("{seconds}s"),
        (seconds, ms) => format!("{}s", format!("{seconds}.{ms:03}").trim_end_matches('0')),
    }
}

/// A text in quotation marks, as YAML and JSON both have it, with nothing that does not print.
pub(super) fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).expect("a text is JSON");
    let mut quoted = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                write!(quoted, "\\u{:04x}", u32::from(letter)).expect("writing to a string");
            }
            letter => quoted.push(letter),
        }
    }
    quoted
}
