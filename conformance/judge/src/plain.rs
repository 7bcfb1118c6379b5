//! Words without their looks: answers are compared with what people see, and people see no asterisks.

/// A character without width, which keeps marks from being taken for formatting.
const WORD_JOINER: char = '\u{2060}';

/// The marks that Markdown and the platforms' own formatting are made of.
const MARKS: [char; 8] = ['*', '_', '~', '`', '[', ']', '\\', WORD_JOINER];

/// The text without marks, the lines that open and close code blocks, and the addresses of links; runs of spaces are
/// one. Comparing two texts this way is coarser than comparing them, never finer.
pub(crate) fn plain(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("```") {
            continue;
        }
        let level = line.len() - line.trim_start_matches('#').len();
        let heading = line.get(level..).filter(|it| level > 0 && it.starts_with(' '));
        let mut rest = heading.map_or(line, str::trim_start);
        while let Some((before, address)) = rest.split_once("(http") {
            let Some((_, after)) = address.split_once(')') else { break };
            push(before, &mut words);
            rest = after;
        }
        push(rest, &mut words);
    }
    words
}

fn push(text: &str, words: &mut String) {
    for letter in text.chars().filter(|it| !MARKS.contains(it)) {
        let doubled = letter == ' ' && words.ends_with(' ');
        if !doubled {
            words.push(letter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn the_looks_of_a_text_do_not_matter() {
        let check = |a: &str, b: &str| assert_eq!(plain(a).trim(), plain(b).trim());
        check("**bold** and `code`", "bold and code");
        check("see:\n```c\nint x;\n```\nend", "see:\nint x;\nend");
        check("# Title\n[docs](https://a.b) now", "Title\ndocs now");
        check("docs (https://a.b) now", "docs now");
        check("2 * 3", "2 * 3");
        assert_ne!(plain("one"), plain("two"));
    }
}
