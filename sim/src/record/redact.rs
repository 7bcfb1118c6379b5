//! Secrets: which values are some, how they go out of texts, and whether one is left.
//!
//! Two sieves. What was seen where only secrets stand (keys in headers, cookies, queries) is known, is replaced wherever it
//! occurs, and keeps a file from being written if it occurs after all. What merely looks like a secret is replaced too.

use std::{collections::BTreeMap, sync::OnceLock};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::HeaderMap;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use regex::Regex;

/// What stands in a secret's place.
pub(super) const REDACTED: &str = "[redacted]";

/// Words in the name of a header whose value is secret.
const SECRET_NAMES: [&str; 7] =
    ["authorization", "cookie", "key", "token", "secret", "password", "credential"];

/// Headers that are named like secrets and hold limits.
const OPEN_NAMES: [&str; 2] = ["ratelimit", "rate-limit"];

/// The last words of headers that are named like secrets and hold numbers.
const COUNT_NAMES: [&str; 3] = ["tokens", "count", "limit"];

/// The least length of a secret in a query or a cookie whose name says nothing, in bytes.
const SECRET_BYTES_MIN: usize = 8;

/// The least length of a word that may be a secret by its looks alone, in characters, between hyphens: names of models
/// are words with hyphens.
const LOOKS_CHARS_MIN: usize = 20;

/// The least disorder of such a word, in thousandths of a bit a character. English has some 3 bits, keys have over 4.
const LOOKS_DISORDER_MIN: u32 = 3_500;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    /// The first request that each was seen with.
    known: BTreeMap<String, u64>,
}

impl Secrets {
    /// Remembers what in a request's or an answer's head is secret.
    pub(super) fn see(&mut self, request: u64, headers: &HeaderMap, query: Option<&str>) {
        for (name, value) in headers {
            let name = name.as_str();
            let is_secret = SECRET_NAMES.iter().any(|it| name.contains(it));
            let value = String::from_utf8_lossy(value.as_bytes());
            let is_open = OPEN_NAMES.iter().any(|it| name.contains(it)) || is_count(name, &value);
            if is_secret && !is_open {
                self.see_header(request, name, &value);
            }
        }
        for pair in query.unwrap_or_default().split('&') {
            self.see_pair(request, pair);
        }
    }

    fn see_header(&mut self, request: u64, name: &str, value: &str) {
        if name.contains("cookie") {
            // The first pair of `Set-Cookie` is the cookie, what follows are its attributes.
            let pairs = value.split(';').take(if name == "set-cookie" { 1 } else { usize::MAX });
            for pair in pairs {
                self.see_pair(request, pair);
            }
            return;
        }
        let (scheme, credential) = value.trim().split_once(' ').unwrap_or(("", value));
        self.remember(request, credential);
        if scheme.eq_ignore_ascii_case("basic")
            && let Ok(both) = BASE64_STANDARD.decode(credential.trim())
        {
            let both = String::from_utf8_lossy(&both);
            self.remember(request, both.split_once(':').map_or(&both, |(_, password)| password));
        }
    }

    /// A pair of a query or a cookie, whose value is secret unless both its name and its length say otherwise:
    /// `beta=true` would make a secret of every `true`.
    fn see_pair(&mut self, request: u64, pair: &str) {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let name = name.to_ascii_lowercase();
        let is_named = ["sig", "auth"].iter().chain(&SECRET_NAMES).any(|it| name.contains(it));
        if is_named || value.trim().len() >= SECRET_BYTES_MIN {
            self.remember(request, value);
        }
    }

    /// A value, and the forms in which others write it.
    fn remember(&mut self, request: u64, value: &str) {
        let value = value.trim();
        let decoded = percent_decode_str(value).decode_utf8_lossy().into_owned();
        let forms = [
            value.to_owned(),
            utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
            BASE64_STANDARD.encode(value).trim_end_matches('=').to_owned(),
            serde_json::to_string(value).unwrap_or_default().trim_matches('"').to_owned(),
            decoded,
        ];
        for form in forms.into_iter().filter(|it| !it.is_empty()) {
            self.known.entry(form).or_insert(request);
        }
    }

    /// A name without secrets. Models are called by what looks like one (`accounts/a/models/qwen2p5-72b-instruct`), so the
    /// looks alone are not enough.
    pub(super) fn redact_name(&self, name: &str) -> String {
        // A secret may be a part of another one, which must go first.
        let mut known: Vec<&String> = self.known.keys().collect();
        known.sort_by_key(|it| std::cmp::Reverse(it.len()));
        let name = known.into_iter().fold(name.to_owned(), |name, it| name.replace(it, REDACTED));
        shapes().replace_all(&name, REDACTED).into_owned()
    }

    /// A text without secrets.
    pub(super) fn redact(&self, text: &str) -> String {
        let text = self.redact_name(text);
        words()
            .replace_all(&text, |found: &regex::Captures<'_>| {
                let word = &found[0];
                if looks_secret(word) { REDACTED.to_owned() } else { word.to_owned() }
            })
            .into_owned()
    }

    /// The first request with a secret that is in a text.
    pub(super) fn left_in(&self, text: &str) -> Option<u64> {
        let left = self.known.iter().filter(|(it, _)| text.contains(it.as_str()));
        left.map(|(_, request)| *request).min()
    }
}

/// Whether a header holds a number of tokens and none of them: `x-generated-tokens: 3`.
fn is_count(name: &str, value: &str) -> bool {
    let is_number = !value.is_empty() && value.bytes().all(|it| it.is_ascii_digit());
    let last = name.rsplit(['-', '_']).next().unwrap_or_default();
    is_number && value.len() <= SECRET_BYTES_MIN && COUNT_NAMES.contains(&last)
}

/// The shapes of well-known keys and tokens.
fn shapes() -> &'static Regex {
    static SHAPES: OnceLock<Regex> = OnceLock::new();
    SHAPES.get_or_init(|| {
        let shapes = [
            r"(?i)\bbearer\s+[A-Za-z0-9._~+/=-]+",
            r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{6,}",
            r"\bxox[a-z]-[A-Za-z0-9-]{6,}",
            r"\bxapp-[A-Za-z0-9-]{6,}",
            r"\bgh[a-z]_[A-Za-z0-9]{16,}",
            r"\bgithub_pat_[A-Za-z0-9_]{16,}",
            r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}",
            r"\bAIza[A-Za-z0-9_-]{20,}",
            r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?",
            r"\b[0-9]{6,}:[A-Za-z0-9_-]{20,}",
            r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
        ];
        Regex::new(&shapes.join("|")).expect("the shapes are regular expressions")
    })
}

fn words() -> &'static Regex {
    static WORDS: OnceLock<Regex> = OnceLock::new();
    WORDS.get_or_init(|| {
        let word = format!("[A-Za-z0-9+/_=-]{{{LOOKS_CHARS_MIN},}}");
        Regex::new(&word).expect("a word is a regular expression")
    })
}

/// Whether a part of a long word is as disordered as keys are.
fn looks_secret(word: &str) -> bool {
    word.split(['-', '_']).filter(|it| it.len() >= LOOKS_CHARS_MIN).any(is_disordered)
}

fn is_disordered(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.bytes().any(|it| test(&it));
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
        || has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let is_hexadecimal = word.len() >= 32 && word.bytes().all(|it| it.is_ascii_hexdigit());
    is_hexadecimal || is_mixed && disorder(word) >= LOOKS_DISORDER_MIN
}

/// Shannon's entropy of the letters, in thousandths of a bit.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a word is short, and its entropy a few bits"
)]
fn disorder(word: &str) -> u32 {
    let mut counts: BTreeMap<u8, u32> = BTreeMap::new();
    for byte in word.bytes() {
        *counts.entry(byte).or_default() += 1;
    }
    let all = word.len() as f64;
    let share = |count: u32| f64::from(count) / all;
    let bits: f64 = counts.values().map(|it| -share(*it) * share(*it).log2()).sum();
    (bits * 1_000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(rows: &[(&'static str, &str)], query: Option<&str>) -> Secrets {
        let mut secrets = Secrets::default();
        let headers = rows.iter().map(|(name, value)| {
            (hyper::header::HeaderName::from_static(name), value.parse().expect("a value"))
        });
        secrets.see(3, &headers.collect(), query);
        secrets
    }

    #[test]
    fn what_stands_where_secrets_stand_goes_in_every_form() {
        let secrets = seen(
            &[
                ("authorization", "Bearer plain-key"),
                ("x-api-key", "other/key"),
                ("cookie", "a=first-cookie; b=second-cookie"),
                ("x-ratelimit-remaining-tokens", "20"),
                ("content-type", "application/json"),
            ],
            Some("api_key=in-the-query&x=y%2Fz-value"),
        );
        let text = "plain-key other/key other%2Fkey first-cookie second-cookie in-the-query y/z-value 20 application/json";
        assert_eq!(secrets.redact(text), format!("{}20 application/json", "[redacted] ".repeat(7)));
        assert_eq!(secrets.left_in("20 application/json"), None);
        assert_eq!(secrets.left_in("a plain-key b"), Some(3));
        let plain = seen(&[("cookie", "beta=1")], Some("beta=true&stream&key=short"));
        assert_eq!(plain.redact("1 true stream short"), "1 true stream [redacted]");
        let basic = seen(&[("authorization", "Basic dXNlcjpwYXNz")], None);
        assert_eq!(basic.redact("dXNlcjpwYXNz pass"), "[redacted] [redacted]");
    }

    #[test]
    fn a_number_of_tokens_is_no_token() {
        let counts = seen(
            &[
                ("x-generated-tokens", "3"),
                ("x-prompt-token-count", "17"),
                ("x-max-token-limit", "4096"),
                ("x-api-key", "5"),
                ("x-session-tokens", "abc"),
            ],
            None,
        );
        assert_eq!(counts.redact("3 17 4096"), "3 17 4096");
        assert_eq!(counts.redact("5 abc"), "[redacted] [redacted]");
    }

    #[test]
    fn a_models_name_is_no_secret_by_its_looks() {
        let secrets = seen(&[("authorization", "Bearer mine")], None);
        let name = "p/accounts/fireworks/models/qwen2p5-72b-instruct";
        assert_eq!(secrets.redact_name(name), name);
        assert_eq!(secrets.redact_name("p/mine sk-abcdefgh"), "p/[redacted] [redacted]");
    }

    #[test]
    fn what_looks_like_a_secret_goes_and_words_stay() {
        let secrets = Secrets::default();
        for secret in [
            "sk-proj-abcdefgh",
            "Bearer abc.def",
            "xoxb-1234-abcdef",
            "ghp_abcdefghijklmnop",
            "eyJhbGciOi.eyJzdWIi.sig",
            "123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
            "d41d8cd98f00b204e9800998ecf8427e",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ] {
            assert_eq!(secrets.redact(&format!("({secret})")), "([redacted])", "{secret}");
        }
        for plain in [
            "Rate limit reached for requests. Please try again in 20s.",
            "claude-sonnet-4-20250514",
            "an-answer-that-is-written-with-many-hyphens",
            "antidisestablishmentarianism",
        ] {
            assert_eq!(secrets.redact(plain), plain);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_secret_survives(
            secret in "[!-~]{1,40}",
            before in "[ -~]{0,30}",
            after in "[ -~]{0,30}",
        ) {
            let value = format!("Bearer {secret}");
            let secrets = seen(&[("authorization", &value)], None);
            let text = secrets.redact(&format!("{before}{secret}{after}"));
            // Either it is gone, or the whole is told to hold it, and is not written.
            let is_gone = !text.contains(secret.trim());
            proptest::prop_assert!(is_gone || secrets.left_in(&text).is_some(), "{text}");
            if !REDACTED.contains(secret.trim()) && secret.len() > 12 {
                proptest::prop_assert!(is_gone, "{text}");
            }
        }

        #[test]
        fn a_key_of_chance_is_recognised(key in "[A-Za-z0-9]{40}") {
            let text = Secrets::default().redact(&format!("the key is {key}."));
            proptest::prop_assert!(!text.contains(&key), "{text}");
        }
    }
}
