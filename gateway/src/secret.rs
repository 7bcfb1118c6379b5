//! A value that no log, error or report may show.

use std::fmt;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_in_no_text() {
        let secret = Secret::new("k-1");
        assert_eq!(format!("{secret:?} {}", secret.redact("bad\nk-1!")), "[secret] bad [secret]!");
        assert_eq!(Secret::new("").redact("ab"), "ab");
        assert_eq!(secret.redact(&"é".repeat(1_000)).chars().count(), REDACTED_CHARS_MAX);
    }
}
