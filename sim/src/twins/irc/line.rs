//! Lines, and what may stand in them.

/// The longest line that a client may send, and that it is sent, with its end, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 512;

/// What a line may have beside that in tags before it, in bytes.
pub(super) const TAGS_BYTES_MAX: usize = 4_096;

/// The longest nick, in bytes.
pub(super) const NICK_BYTES_MAX: usize = 30;

/// The longest name of a room, in bytes.
pub(super) const ROOM_BYTES_MAX: usize = 50;

/// How much of a person's text fits into one line, whoever gets it, in bytes.
const PIECE_BYTES_MAX: usize = 350;

/// How many parameters a line may have.
const PARAMS_MAX: usize = 15;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// In capital letters.
    pub(super) name: String,
    pub(super) params: Vec<String>,
}

impl Command {
    /// Reads a line without its end; none if it says nothing. Tags and a prefix are passed over: a client has no say in
    /// who it is.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut rest = line.trim_start_matches(' ');
        for mark in ['@', ':'] {
            if rest.starts_with(mark) {
                rest = rest.split_once(' ').map_or("", |(_, it)| it).trim_start_matches(' ');
            }
        }
        let (name, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if name.is_empty() {
            return None;
        }
        let mut params = Vec::new();
        loop {
            rest = rest.trim_start_matches(' ');
            if rest.is_empty() {
                break;
            }
            if let Some(trailing) = rest.strip_prefix(':') {
                params.push(trailing.to_owned());
                break;
            }
            if params.len() + 1 == PARAMS_MAX {
                params.push(rest.to_owned());
                break;
            }
            let (param, more) = rest.split_once(' ').unwrap_or((rest, ""));
            params.push(param.to_owned());
            rest = more;
        }
        Some(Self { name: name.to_ascii_uppercase(), params })
    }

    /// A parameter that is there and not empty.
    pub(super) fn param(&self, index: usize) -> Option<&str> {
        self.params.get(index).map(String::as_str).filter(|it| !it.is_empty())
    }
}

/// The same name however it is written: the server's case mapping is `ascii`.
pub(super) fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Whether a text can be somebody's nick.
pub(crate) fn is_nick(text: &str) -> bool {
    let special = |it: u8| b"[]\\`_^{|}".contains(&it);
    let first = |it: u8| it.is_ascii_alphabetic() || special(it);
    let later = |it: u8| first(it) || it.is_ascii_digit() || it == b'-';
    let mut bytes = text.bytes();
    text.len() <= NICK_BYTES_MAX && bytes.next().is_some_and(first) && bytes.all(later)
}

/// Whether a text can be a room's name.
pub fn is_room(text: &str) -> bool {
    let fits = |it: char| !it.is_control() && !matches!(it, ' ' | ',' | ':');
    text.len() > 1
        && text.len() <= ROOM_BYTES_MAX
        && text.starts_with(['#', '&'])
        && text.chars().all(fits)
}

/// The start of a text, at most this long, between two characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// What a person's client makes of a text: lines, each short enough, cut at spaces where there are some.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    for line in text.split(['\r', '\n']).filter(|it| !it.trim().is_empty()) {
        let mut rest = line;
        while rest.len() > PIECE_BYTES_MAX {
            let most = cut(rest, PIECE_BYTES_MAX);
            let end = most.rfind(' ').filter(|it| *it > 0).unwrap_or(most.len());
            let (piece, more) = rest.split_at(end);
            pieces.push(piece.to_owned());
            rest = more.trim_start_matches(' ');
        }
        if !rest.is_empty() {
            pieces.push(rest.to_owned());
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_name_and_parameters_of_which_the_last_may_hold_spaces() {
        let check = |line: &str| {
            Command::parse(line)
                .map(|it| format!("{} {:?}", it.name, it.params))
                .unwrap_or_default()
        };
        assert_eq!(check("privmsg #a :hello  there"), r##"PRIVMSG ["#a", "hello  there"]"##);
        assert_eq!(check("@a=b;c :me!x@y JOIN   #a,#b  k"), r##"JOIN ["#a,#b", "k"]"##);
        assert_eq!(check("USER u 0 * :"), r#"USER ["u", "0", "*", ""]"#);
        assert_eq!(check("X 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16").matches('"').count(), 30);
        assert_eq!((check(""), check(":who"), check("  ")), Default::default());
    }

    #[test]
    fn names_have_a_form() {
        for (text, expected) in [("u3001", true), ("[a]", true), ("3001", false), ("a b", false)] {
            assert_eq!(is_nick(text), expected, "{text}");
        }
        assert!(!is_nick(&"a".repeat(31)) && is_nick(&"a".repeat(30)));
        for (text, expected) in
            [("#a", true), ("&a", true), ("a", false), ("#", false), ("#a,b", false)]
        {
            assert_eq!(is_room(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_becomes_lines_that_fit() {
        assert_eq!(pieces("one\r\n\ntwo "), ["one", "two "]);
        let long = "word ".repeat(200);
        let whole = pieces(long.trim_end());
        assert!(whole.iter().all(|it| it.len() <= PIECE_BYTES_MAX), "{whole:?}");
        assert_eq!(whole.join(" "), long.trim_end());
        assert_eq!(pieces(&"é".repeat(200)).concat(), "é".repeat(200));
        assert_eq!(cut("aé", 2), "a");
    }
}
