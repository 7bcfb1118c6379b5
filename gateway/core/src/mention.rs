//! How an agent is spoken to by text: patterns that a message in a group may match instead of a platform's own mention.
//!
//! Patterns are regular expressions that ignore case. They are matched in time linear to the text, so none of them can
//! hold the gateway up, whatever somebody writes.
//!
//! Source: contract, section 9; the documents on groups.

use regex::{Regex, RegexBuilder};

/// How many patterns an agent may have.
const PATTERNS_MAX: usize = 64;

/// How large a pattern may become when it is compiled, in bytes.
const COMPILED_BYTES_MAX: usize = 256 * 1024;

/// The patterns of one agent. The default has none.
#[derive(Clone, Debug, Default)]
pub struct Mentions(Vec<Regex>);

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no regular expression that can be matched in linear time.
    #[error(
        "`{pattern}` is no regular expression of ours (expected one without look-around and back references)"
    )]
    Unusable {
        /// The pattern.
        pattern: String,
    },
    /// There are more than an agent may have.
    #[error("found {count} patterns, expected {PATTERNS_MAX} at most")]
    TooMany {
        /// How many there are.
        count: usize,
    },
}

impl Mentions {
    /// Takes the patterns that can be used, and says of the others why not. A pattern of spaces is none.
    pub fn of<'a>(patterns: impl IntoIterator<Item = &'a str>) -> (Self, Vec<Error>) {
        let given: Vec<&str> =
            patterns.into_iter().map(str::trim).filter(|it| !it.is_empty()).collect();
        let mut errors = Vec::new();
        if given.len() > PATTERNS_MAX {
            errors.push(Error::TooMany { count: given.len() });
        }
        let mut made = Vec::new();
        for pattern in given.into_iter().take(PATTERNS_MAX) {
            let mut builder = RegexBuilder::new(pattern);
            match builder.case_insensitive(true).size_limit(COMPILED_BYTES_MAX).build() {
                Ok(regex) => made.push(regex),
                Err(_) => errors.push(Error::Unusable { pattern: pattern.to_owned() }),
            }
        }
        (Self(made), errors)
    }

    /// The patterns of an agent that people know by these names: each as a whole word, with an `@` or without.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let pattern = |name: &str| {
            let words: Vec<String> = name.split_whitespace().map(regex::escape).collect();
            let edge = |it: Option<char>| match it {
                Some(it) if it.is_alphanumeric() => r"\b",
                _ => "",
            };
            let (first, last) = (edge(name.chars().next()), edge(name.chars().next_back()));
            format!("(?:@|{first}){}{last}", words.join(r"\s+"))
        };
        let names = names.into_iter().map(str::trim).filter(|it| !it.is_empty());
        Self::of(names.map(pattern).collect::<Vec<_>>().iter().map(String::as_str)).0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a text holds one of them.
    pub fn are_in(&self, text: &str) -> bool {
        self.0.iter().any(|it| it.is_match(text))
    }

    /// Whether a text holds one of them that begins with an `@`.
    pub fn address(&self, text: &str) -> bool {
        self.0.iter().any(|it| it.find_iter(text).any(|found| found.as_str().starts_with('@')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a text speaks to the agent, and how.
    fn check(mentions: &Mentions, text: &str) -> &'static str {
        match (mentions.are_in(text), mentions.address(text)) {
            (true, true) => "addressed",
            (true, false) => "named",
            (false, _) => "-",
        }
    }

    #[test]
    fn patterns_ignore_case_and_stand_anywhere() {
        let (mentions, errors) = Mentions::of(["@?lob(ster)?\\b", "  ", "\\+15550001"]);
        assert!(errors.is_empty());
        let said = ["hey LOBSTER", "@Lob, look", "lobs", "call +15550001", "hello"];
        let found = said.map(|it| check(&mentions, it));
        assert_eq!(found, ["named", "addressed", "-", "named", "-"]);
    }

    #[test]
    fn what_cannot_be_used_is_told_and_the_rest_is() {
        let (mentions, errors) = Mentions::of(["(", "(?=a)b", "(.{1000}){1000}", "ok"]);
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("`(` is no regular expression of ours"), "{told:?}");
        assert_eq!(check(&mentions, "OK?"), "named");
        let many = vec!["a"; PATTERNS_MAX + 1];
        assert_eq!(Mentions::of(many).1, [Error::TooMany { count: 65 }]);
    }

    #[test]
    fn names_are_whole_words() {
        let mentions = Mentions::of_names(["Ann Lee", "🦞", " "]);
        let said = ["ann  lee?", "@ann lee", "joann lee", "ann leers", "x🦞x", "a.nn lee"];
        let found = said.map(|it| check(&mentions, it));
        assert_eq!(found, ["named", "addressed", "-", "-", "named", "-"]);
        assert!(Mentions::of_names([""]).is_empty());
    }
}
