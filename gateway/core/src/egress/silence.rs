//! `NO_REPLY`: an answer that says nothing on purpose.
//!
//! An answer is silent if the token stands alone in it, or alone on its first line: what follows then is for nobody. A
//! token at an answer's end goes and the rest is said.
//!
//! Source: contract, section 5; the documents on session maintenance.

/// The token.
pub const NO_REPLY: &str = "NO_REPLY";

/// What of an answer is said; none if it is silent. An answer of white space is not silent: it is empty.
pub fn said(answer: &str) -> Option<&str> {
    let trimmed = answer.trim();
    let first = trimmed.lines().next().unwrap_or_default();
    if first.trim_end() == NO_REPLY {
        return None;
    }
    let Some(before) = trimmed.strip_suffix(NO_REPLY) else { return Some(answer) };
    // `SAY_NO_REPLY` is another word.
    if before.ends_with(char::is_whitespace) { Some(before.trim_end()) } else { Some(answer) }
}

/// Whether an answer of which this much is known may still turn out to be silent.
pub fn may_be_silent(begun: &str) -> bool {
    let begun = begun.trim_start();
    let first = begun.lines().next().unwrap_or_default();
    NO_REPLY.starts_with(first.trim_end()) || first.trim_end() == NO_REPLY
}

/// How much of a text must be held back since it may turn out to be a token at the end, in bytes.
pub fn held_back(text: &str) -> usize {
    let trimmed = text.trim_end();
    let word = trimmed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let (before, tail) = trimmed.split_at(trimmed.ceil_char_boundary(word));
    if NO_REPLY.starts_with(tail) { text.len() - before.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_alone_or_on_the_first_line_is_silence() {
        for answer in ["NO_REPLY", " \nNO_REPLY \n", "NO_REPLY\nI stored it.", "NO_REPLY \r\nx"] {
            assert_eq!(said(answer), None, "{answer:?}");
        }
    }

    #[test]
    fn a_token_at_the_end_goes() {
        assert_eq!(said("It is done.\nNO_REPLY"), Some("It is done."));
        assert_eq!(said("It is done. NO_REPLY\n"), Some("It is done."));
    }

    #[test]
    fn words_about_the_token_are_words() {
        for answer in
            ["Say NO_REPLY now", "NO_REPLY is a token", "no_reply", "SAY_NO_REPLY", "", "NO_REPLY."]
        {
            assert_eq!(said(answer), Some(answer));
        }
    }

    #[test]
    fn a_beginning_is_silent_as_long_as_it_can_be() {
        for begun in ["", "  ", "N", "NO_RE", "NO_REPLY", "NO_REPLY\nmore"] {
            assert!(may_be_silent(begun), "{begun:?}");
        }
        for begun in ["No", "NO_REPLYING", "Hello", "NO_REPLY is"] {
            assert!(!may_be_silent(begun), "{begun:?}");
        }
    }

    #[test]
    fn an_end_that_may_be_the_token_is_held_back() {
        assert_eq!(held_back("done. NO_"), 3);
        assert_eq!(held_back("done. NO_REPLY\n"), 9);
        assert_eq!(held_back("done. NOT"), 0);
        assert_eq!(held_back("done."), 0);
        assert_eq!(held_back(""), 0);
    }
}
