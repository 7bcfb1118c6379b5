//! Formatting within a line: what stands between two equal marks belongs together.

/// The marks, longer ones first.
const MARKS: [&str; 6] = ["**", "__", "~~", "`", "*", "_"];

/// Where the formatting begins that a cut at `at` would part; none if it parts none.
pub(super) fn parted(line: &str, at: usize) -> Option<usize> {
    let mut from = 0;
    while from < at {
        let (before, rest) = line.split_at(from);
        let mark = MARKS.into_iter().find(|it| rest.starts_with(it));
        match mark.and_then(|it| length(rest, it, before.chars().next_back())) {
            Some(length) if from + length > at => return Some(from),
            Some(length) => from += length,
            None => from += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    None
}

/// The length of the pair that a text begins with. The words touch both marks, and underscores inside a word are part of it.
fn length(text: &str, mark: &str, before: Option<char>) -> Option<usize> {
    let in_word = |it: Option<char>| mark.starts_with('_') && it.is_some_and(char::is_alphanumeric);
    let body = text.strip_prefix(mark)?;
    let first = body.chars().next()?;
    if first.is_whitespace() || mark.starts_with(first) || in_word(before) {
        return None;
    }
    let closes = |(at, _): &(usize, &str)| {
        let (inner, rest) = body.split_at(*at);
        let after = rest.strip_prefix(mark).and_then(|it| it.chars().next());
        inner.chars().next_back().is_some_and(|it| !it.is_whitespace()) && !in_word(after)
    };
    body.match_indices(mark).find(closes).map(|(at, _)| at + 2 * mark.len())
}
