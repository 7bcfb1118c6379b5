//! What a person sees of a text with WhatsApp's marks.

/// A character without width: it is seen as nothing, and marks beside it mark nothing.
const WORD_JOINER: char = '\u{2060}';

/// The text without its marks. A mark marks if it touches words on its inside and none on its outside.
pub(in crate::twins) fn render(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("```") {
        let Some((code, after)) = behind.split_once("```") else { break };
        shown.push_str(&marks(before));
        shown.push_str(code.trim_matches('\n'));
        rest = after;
    }
    shown.push_str(&marks(rest));
    shown.replace(WORD_JOINER, "")
}

fn marks(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut hidden = vec![false; letters.len()];
    for mark in ['`', '*', '_', '~'] {
        let mut opened: Option<usize> = None;
        for (at, _) in letters.iter().enumerate().filter(|(_, it)| **it == mark) {
            let before = at.checked_sub(1).and_then(|it| letters.get(it));
            let after = letters.get(at + 1);
            let is_word = |it: Option<&char>| it.is_some_and(|it| it.is_alphanumeric());
            let is_blank = |it: Option<&char>| it.is_none_or(|it| it.is_whitespace());
            let opens = !is_word(before) && !is_blank(after) && after != Some(&WORD_JOINER);
            let closes = !is_blank(before) && !is_word(after) && after != Some(&WORD_JOINER);
            match opened {
                Some(start) if closes && at > start + 1 => {
                    (hidden[start], hidden[at]) = (true, true);
                    opened = None;
                }
                None if opens => opened = Some(at),
                Some(_) | None => (),
            }
        }
    }
    letters.iter().zip(hidden).filter(|(_, hidden)| !hidden).map(|(letter, _)| *letter).collect()
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn marks_are_not_seen() {
        assert_eq!(render("a *bold* and _it *in* it_, `x`"), "a bold and it in it, x");
        assert_eq!(render("```\nlet a = *b*;\n```"), "let a = *b*;");
        assert_eq!(
            render("2 * 3 * 4, *\u{2060}*\u{2060}open, snake_\u{2060}case_\u{2060}x"),
            "2 * 3 * 4, **open, snake_case_x"
        );
    }
}
