//! Canaries: tokens that find a message again wherever its text went.

use sha2::{Digest, Sha256};

/// The length of a canary in bytes: `k` and twelve more.
const LENGTH: usize = 13;

/// What the twelve are drawn from. No `0`, `1`, `8` or `9`: 32 letters take five bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The canary of the message that a scenario numbers `index`, for example `k7m2qxa4tzo3b`.
///
/// It has 60 bits of SHA-256, so two messages do not share one, and at least one digit, so that it is no word of any
/// language (`kindergartens` is as long).
pub fn canary(seed: u64, index: u64) -> String {
    // Four draws of five have a digit.
    let mut attempt = 0;
    loop {
        let token = draw(seed, index, attempt);
        if has_digit(&token) {
            return token;
        }
        attempt += 1;
    }
}

fn draw(seed: u64, index: u64, attempt: u64) -> String {
    let digest = Sha256::digest(format!("canary\n{seed}\n{index}\n{attempt}"));
    let letters = digest.iter().take(LENGTH - 1).map(|byte| ALPHABET[usize::from(byte % 32)]);
    std::iter::once(b'k').chain(letters).map(char::from).collect()
}

fn has_digit(token: &str) -> bool {
    token.bytes().any(|it| it.is_ascii_digit())
}

/// Every token of a text that has the form of a canary, in order: `k` and twelve lower-case letters or digits, set
/// apart by anything that is neither letter nor digit. Whether it is one, the list of messages says.
pub fn canaries_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !it.is_alphanumeric()).filter(|it| has_form(it))
}

fn has_form(token: &str) -> bool {
    token.len() == LENGTH
        && token.starts_with('k')
        && token.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn canaries_are_stable_distinct_and_never_words() {
        insta::assert_snapshot!(canary(1, 1), @"k3nhjwpgt3v5z");
        let all: BTreeSet<String> = (0..5_000).map(|index| canary(7, index)).collect();
        assert_eq!(all.len(), 5_000);
        for canary in &all {
            assert!(has_digit(canary), "{canary}");
            assert_eq!(canaries_in(canary).collect::<Vec<_>>(), [canary.as_str()]);
        }
    }

    #[test]
    fn a_canary_is_found_between_punctuation_only() {
        let found = |text| canaries_in(text).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            found("(kaaaaaaaaaaa1) *kaaaaaaaaaaa2*,kaaaaaaaaaaa3"),
            ["kaaaaaaaaaaa1", "kaaaaaaaaaaa2", "kaaaaaaaaaaa3"]
        );
        assert_eq!(
            found("xkaaaaaaaaaaa1 kaaaaaaaaaaa1x Kaaaaaaaaaaa1 ékaaaaaaaaaaa1 kaaaaaaaaaaé"),
            [""; 0]
        );
    }
}
