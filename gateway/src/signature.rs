//! Signatures of webhooks: HMAC-SHA256, written in hexadecimal behind `sha256=`, as most platforms have it.

use std::fmt::Write as _;

use ring::hmac;

use crate::secret::Secret;

/// What stands before the hexadecimal digits.
const PREFIX: &str = "sha256=";

/// How many bytes a signature has.
const BYTES: usize = 32;

/// The signature of what the parts say one behind the other.
pub fn sign(secret: &Secret, parts: &[&[u8]]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, &parts.concat());
    let mut text = PREFIX.to_owned();
    for byte in tag.as_ref() {
        write!(text, "{byte:02x}").expect("writing to a string");
    }
    text
}

/// Whether `given` is the signature of what the parts say. The time taken does not tell how much of it was right.
pub fn is_valid(secret: &Secret, parts: &[&[u8]], given: &str) -> bool {
    given.trim().strip_prefix(PREFIX).is_some_and(|it| is_valid_hex(secret, parts, it))
}

/// The same for hexadecimal digits alone, for platforms that write something else before them.
pub fn is_valid_hex(secret: &Secret, parts: &[&[u8]], digits: &str) -> bool {
    let Some(bytes) = unhex(digits) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    hmac::verify(&key, &parts.concat(), &bytes).is_ok()
}

/// Whether two secrets are the same, without telling by the time taken how much of a guess was right.
pub fn is_same(secret: &Secret, given: &str) -> bool {
    let given = given.as_bytes();
    let expected = secret.expose().as_bytes();
    let differences = given.iter().zip(expected).fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == expected.len() && differences == 0
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    if digits.len() != 2 * BYTES || !digits.is_ascii() {
        return None;
    }
    let pairs = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2));
    pairs.map(|it| u8::from_str_radix(it?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the public documentation of GitHub's webhooks, which sign in the same way.
    const KNOWN: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn a_signature_is_the_one_that_others_compute() {
        let secret = Secret::new("It's a Secret to Everybody");
        assert_eq!(sign(&secret, &[b"Hello, ", b"World!"]), KNOWN);
        assert!(is_valid(&secret, &[b"Hello, World!"], KNOWN));
        assert!(is_valid(&secret, &[b"Hello, World!"], &format!(" {KNOWN} ")));
    }

    #[test]
    fn anything_else_is_refused() {
        let secret = Secret::new("It's a Secret to Everybody");
        let check =
            |body: &[u8], given: &str| assert!(!is_valid(&secret, &[body], given), "{given}");
        check(b"Hello, World?", KNOWN);
        check(b"Hello, World!", &KNOWN.replace("sha256=", ""));
        check(b"Hello, World!", &KNOWN.replace("757", "857"));
        check(b"Hello, World!", KNOWN.get(..KNOWN.len() - 2).unwrap());
        check(b"Hello, World!", "sha256=");
        check(b"Hello, World!", "");
        check(b"Hello, World!", &format!("sha256={}", "ä".repeat(32)));
        check(b"Hello, World!", &format!("sha256={}", "+1".repeat(32)));
        assert!(!is_valid(&Secret::new("other"), &[b"Hello, World!"], KNOWN));
        assert!(is_same(&Secret::new("ab"), "ab"));
        assert!(!is_same(&Secret::new("ab"), "abc") && !is_same(&Secret::new("ab"), "aa"));
    }
}
