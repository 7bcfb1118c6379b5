//! What models write, in Discord's Markdown.
//!
//! It is nearly everybody's, with differences that would be seen: `__words__` are underlined there, `||words||` hidden, and a
//! backslash escapes. What is not markup to us must not become markup there.

use super::TEXT_MAX;
use crate::channels::markup::{self, Part, Style};

/// Without width: keeps backticks apart.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// A text as `content`. Escapes count against the platform's limit; a text that is too long with them goes as it is.
pub(super) fn write(text: &str) -> String {
    let written = marked(&markup::read(text));
    let limit = usize::try_from(TEXT_MAX).expect("it is short");
    if written.chars().count() > limit { text.to_owned() } else { written }
}

fn marked(parts: &[Part<'_>]) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(it) => words(it, &mut text),
            Part::Begin(style) | Part::End(style) => text.push_str(match style {
                Style::Bold => "**",
                Style::Italic => "*",
                Style::Strike => "~~",
            }),
            Part::Code(code) if code.contains('`') => text.extend(["`` ", code, " ``"]),
            Part::Code(code) => text.extend(["`", code, "`"]),
            Part::Block(language, code) => {
                let code = code.replace("```", &format!("``{ZERO_WIDTH_SPACE}`"));
                text.extend(["```", language, "\n", &code, "\n```"]);
            }
            Part::Link(label, address) if label == address => text.push_str(address),
            Part::Link(label, address) if markup::address(address).is_some() => {
                text.push('[');
                words(label, &mut text);
                text.extend(["](", address, ")"]);
            }
            Part::Link(label, address) => {
                words(label, &mut text);
                text.extend([" (", address, ")"]);
            }
        }
    }
    text
}

/// Words, with a backslash before what would be a mark.
fn words(words: &str, text: &mut String) {
    let mut rest = words;
    while let Some(letter) = rest.chars().next() {
        // Marks in an address are part of it, and so would a backslash be.
        if let Some(length) = markup::address(rest) {
            let (address, behind) = rest.split_at(length);
            text.push_str(address);
            rest = behind;
            continue;
        }
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        let next = rest.chars().next();
        let marks = match letter {
            '_' | '`' => true,
            '*' => next.is_none_or(|it| !it.is_whitespace()),
            '~' | '|' => next == Some(letter),
            '\\' => next.is_none_or(|it| !it.is_alphanumeric() && !it.is_whitespace()),
            _ => false,
        };
        if marks {
            text.push('\\');
        }
        text.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(write(text), expected, "{text}");
    }

    #[test]
    fn styles_code_and_links_are_written_in_discords_way() {
        check("a **b** __c__ *d* _e_ ~~f~~", "a **b** **c** *d* *e* ~~f~~");
        check("# Title\nwords", "**Title**\nwords");
        check("`x < y`", "`x < y`");
        check("`` a`b ``", "``  a`b  ``");
        check("see:\n```rust\nlet a = **b;\n```\ndone", "see:\n```rust\nlet a = **b;\n```\ndone");
        check("[docs](https://a.b/x_y_z)", "[docs](https://a.b/x_y_z)");
        check("[mail](mailto:a@b.c)", "mail (mailto:a@b.c)");
    }

    #[test]
    fn a_block_is_not_ended_by_backticks_in_it() {
        check("```\na ``` b\n```", "```\na ``\u{200b}` b\n```");
    }

    #[test]
    fn what_is_not_markup_to_us_is_words_there_too() {
        check("snake_case_name", r"snake\_case\_name");
        check("if a || b || c", r"if a \|| b \|| c");
        check("2 * 3 * 4", "2 * 3 * 4");
        check("**not closed", r"\*\*not closed");
        check(r"\*stars\* C:\path", r"\*stars* C:\path");
        check("~~open and ~5", r"\~~open and ~5");
        check("at https://a.b/_x_ and _open", r"at https://a.b/_x_ and \_open");
        check("- one\n- two\n> said", "- one\n- two\n> said");
    }

    #[test]
    fn escapes_never_make_a_text_too_long() {
        let text = "_".repeat(1_500);
        check(&text, &text);
        check(&"_".repeat(1_000), &r"\_".repeat(1_000));
    }
}
