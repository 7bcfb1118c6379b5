//! `MEDIA:` lines: how an answer shows a picture.
//!
//! A line of its own that begins with `MEDIA:`, indented by three spaces at the most and outside blocks of code, names
//! an address or a path, in double quotes if it has white space. Such a line is not said: its picture is shown. In any
//! other place the word is a word.
//!
//! Source: the documents on images and on rich output; both profiles.

use super::chunk::fence::Fence;

/// What a line begins with that shows a picture.
const MARK: &str = "MEDIA:";

/// How far a line may be indented that is not code.
const INDENT_MAX: usize = 3;

/// How many pictures one answer shows. Further lines stay words.
pub const IMAGES_MAX: usize = 4;

/// What is said of an answer, and which pictures it shows, in order.
pub fn read(answer: &str) -> (String, Vec<&str>) {
    let (mut said, mut shown) = (Vec::new(), Vec::new());
    let mut fence: Option<Fence<'_>> = None;
    for line in answer.split('\n') {
        let found = source(line).filter(|_| fence.is_none() && shown.len() < IMAGES_MAX);
        match found {
            Some(source) => shown.push(source),
            None => said.push(line),
        }
        fence = match fence {
            Some(open) => Some(open).filter(|it| !it.is_closed_by(line)),
            None => Fence::opened_by(line, usize::MAX),
        };
    }
    if shown.is_empty() {
        return (answer.to_owned(), shown);
    }
    (said.join("\n").trim_matches('\n').trim_end().to_owned(), shown)
}

fn source(line: &str) -> Option<&str> {
    let words = line.trim_start_matches(' ');
    if line.len() - words.len() > INDENT_MAX {
        return None;
    }
    let named = words.strip_prefix(MARK)?.trim();
    let quoted = named.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let is_one_word = |it: &&str| !it.contains(char::is_whitespace);
    quoted.or_else(|| Some(named).filter(is_one_word)).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, said: &str, shown: &[&str]) {
        assert_eq!(read(answer), (said.to_owned(), shown.to_vec()));
    }

    #[test]
    fn a_line_of_its_own_shows_a_picture_and_is_not_said() {
        check("Here.\nMEDIA:./cat.png", "Here.", &["./cat.png"]);
        check("MEDIA: https://e.x/cat.png\n\nHere.\r\n", "Here.", &["https://e.x/cat.png"]);
        check("   MEDIA:\"a cat.png\"", "", &["a cat.png"]);
        check("one\nMEDIA:a\ntwo\nMEDIA:b", "one\ntwo", &["a", "b"]);
    }

    #[test]
    fn anywhere_else_it_is_a_word() {
        for answer in [
            "Here is MEDIA:./cat.png",
            "**MEDIA:./cat.png**",
            "`MEDIA:./cat.png`",
            "    MEDIA:./cat.png",
            "\tMEDIA:./cat.png",
            "```\nMEDIA:./cat.png\n```",
            "MEDIA:",
            "MEDIA: two words",
            "media:./cat.png",
            "no picture\n",
        ] {
            check(answer, answer, &[]);
        }
    }

    #[test]
    fn pictures_are_bounded() {
        let answer = "MEDIA:a\n".repeat(IMAGES_MAX + 1);
        let (said, shown) = read(&answer);
        assert_eq!((said.as_str(), shown.len()), ("MEDIA:a", IMAGES_MAX));
    }
}
