//! Long answers in pieces that the channel takes.
//!
//! A piece ends, best first: at a paragraph outside code; at a line outside code; at a line of a code block; at a word;
//! between two grapheme clusters; and inside a cluster only if that one alone is too long. A block that fits a piece is
//! therefore never split; one that does not is closed at a piece's end and opened again, with its language, in the next.
//!
//! Formatting within a line stays whole if it fits a piece. Whether a line opens or closes a block is read off the pieces as they will be seen, not off the whole text, so that
//! each piece is balanced for a reader who has nothing else. Blocks inside quotes are text to us.
//!
//! What disappears is white space where two pieces meet. Time is linear: a piece looks at no more text than it could hold.
//!
//! Source: contract, section 5; the unit is Telegram's.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

use self::fence::Fence;

pub(super) mod fence;
mod pair;

/// A length in UTF-16 code units: 16 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utf16Units(u32);

/// Why a length was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} is no length for a text: expected {} to {} UTF-16 code units", Utf16Units::MIN.0, Utf16Units::MAX.0)]
pub struct Error {
    /// What was given.
    pub found: u32,
}

impl Utf16Units {
    /// The shortest: a fence at both ends and something between them.
    pub const MIN: Self = Self(16);
    /// The longest.
    pub const MAX: Self = Self(1_000_000);
    /// Telegram's `textChunkLimit`, unless configured.
    pub const DEFAULT: Self = Self(4_000);

    /// A length of `units`.
    ///
    /// # Errors
    ///
    /// Refuses lengths outside [`Utf16Units::MIN`] to [`Utf16Units::MAX`].
    pub const fn new(units: u32) -> Result<Self, Error> {
        if units < Self::MIN.0 || units > Self::MAX.0 {
            return Err(Error { found: units });
        }
        Ok(Self(units))
    }

    /// The length as a number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// How many grapheme clusters a cut steps back to keep a run of fence marks from the beginning of the next piece.
const STEPS_BACK_MAX: usize = 16;

/// The pieces of `text`, none longer than `limit` and none empty. A text of white space has none.
///
/// ```
/// use creel_core::egress::chunk::{Utf16Units, chunk};
///
/// let limit = Utf16Units::new(24)?;
/// assert_eq!(chunk("```c\nint a;\nint b;\n```\nDone.", limit), ["```c\nint a;\nint b;\n```", "Done."]);
/// assert_eq!(chunk("```c\nint aaa;\nint bbb;\n```", limit), ["```c\nint aaa;\n```", "```c\nint bbb;\n```"]);
/// # Ok::<(), creel_core::egress::chunk::Error>(())
/// ```
pub fn chunk(text: &str, limit: Utf16Units) -> Vec<String> {
    let limit = usize::try_from(limit.0).expect("a million is a length");
    let mut rest = Rest { text, fence: None, limit };
    let mut chunks = Vec::new();
    while let Some(piece) = rest.take() {
        // Blank only where a piece was white space from end to end.
        if !piece.trim().is_empty() {
            chunks.push(piece);
        }
    }
    chunks
}

/// The first piece of `text`, and the rest: a block of code that the piece's end closes is open again in it.
pub fn first(text: &str, limit: Utf16Units) -> (String, String) {
    let limit = usize::try_from(limit.0).expect("a million is a length");
    let mut rest = Rest { text, fence: None, limit };
    let piece = rest.take().unwrap_or_default();
    let opening = rest.fence.map_or_else(String::new, Fence::opening);
    (piece, opening + rest.text)
}

/// The text that is not in a piece yet.
struct Rest<'a> {
    text: &'a str,
    /// The code block that the text goes on in.
    fence: Option<Fence<'a>>,
    limit: usize,
}

/// Where lines may be parted, worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    CodeLine,
    Line,
    Paragraph,
}

/// A line that does not fit any more.
struct Overlong<'a> {
    /// As much of the line as the window shows.
    line: &'a str,
    /// Where it starts.
    start: usize,
    /// What the piece holds before it, in units.
    used: usize,
    fence: Option<Fence<'a>>,
}

impl<'a> Rest<'a> {
    fn take(&mut self) -> Option<String> {
        if self.fence.is_none() {
            self.text = after_blank_lines(self.text);
        }
        if self.text.is_empty() {
            return None;
        }
        let opening = self.fence.map_or_else(String::new, Fence::opening);
        let (body, rest) = self.text.split_at(self.cut(units(&opening)));
        let fence = body.split('\n').fold(self.fence, |fence, line| self.fence_after(fence, line));
        self.text = resume(rest);
        self.fence = fence;
        let mut piece = opening + body.trim_end();
        if let Some(fence) = fence {
            piece.push('\n');
            piece.push_str(&fence.marks());
            self.skip_closing_line(fence);
        }
        Some(piece)
    }

    /// The piece's end closed the block. If nothing but its closing line was to come, that was its end.
    fn skip_closing_line(&mut self, fence: Fence<'a>) {
        let window = self.window();
        let from_word = after_blank_lines(window);
        let line = from_word.split('\n').next().unwrap_or_default();
        let complete = line.len() < from_word.len() || window.len() == self.text.len();
        if complete && (is_blank(line) || fence.is_closed_by(line)) {
            let end = window.len() - from_word.len() + line.len();
            self.text = resume(self.text.split_at(end).1);
            self.fence = None;
        }
    }

    /// As much of the text as a piece could hold, and a little of what follows, so that the last cluster is whole.
    fn window(&self) -> &'a str {
        let end = self.text.floor_char_boundary(self.limit * 3 + 8);
        self.text.split_at(end).0
    }

    /// Where the next piece ends, if `used` units of it are taken.
    fn cut(&self, mut used: usize) -> usize {
        let window = self.window();
        let shows_all = window.len() == self.text.len();
        let (mut fence, mut start, mut best) = (self.fence, 0, None);
        let mut lines = window.split('\n').peekable();
        loop {
            let line =
                lines.next().expect("a window's last line either ends the text or does not fit");
            let next = lines.peek();
            let after = self.fence_after(fence, line);
            let cost = units(line);
            let complete = next.is_some() || shows_all;
            if !complete || used + cost + closing(after) > self.limit {
                let overlong = Overlong { line, start, used, fence };
                return best.map_or_else(|| self.cut_inside(&overlong), |(_, end)| end);
            }
            let end = start + line.len();
            let Some(next) = next else { return end };
            let level = match (fence, after) {
                // A cut behind its first line would leave an empty block.
                (None, Some(_)) => None,
                (Some(_), Some(_)) => Some(Level::CodeLine),
                (None, None) if is_blank(line) => None,
                (_, None) if is_blank(next) => Some(Level::Paragraph),
                (_, None) => Some(Level::Line),
            };
            best = best.max(level.map(|it| (it, end)));
            used += cost + 1;
            (fence, start) = (after, end + 1);
        }
    }

    /// Where a piece ends whose last line does not fit into it.
    fn cut_inside(&self, overlong: &Overlong<'a>) -> usize {
        let Overlong { line, start, used, fence } = *overlong;
        // The part of a line may open a block, even if the line does not.
        let opened = fence.or_else(|| Fence::begun_by(line, self.limit));
        let budget = self.limit.saturating_sub(used + closing(opened));
        match word_end(line, budget, fence).or_else(|| cluster_end(line, budget)) {
            Some(end) => start + end,
            // Not even a character fits: only the opening line of a block can be before it.
            None => start - 1,
        }
    }

    fn fence_after(&self, fence: Option<Fence<'a>>, line: &'a str) -> Option<Fence<'a>> {
        match fence {
            Some(fence) => (!fence.is_closed_by(line)).then_some(fence),
            None => Fence::opened_by(line, self.limit),
        }
    }
}

/// The end of the last word that ends within `budget` units, if the next may begin a piece: outside formatting, if any
/// word ends there.
fn word_end(line: &str, budget: usize, fence: Option<Fence<'_>>) -> Option<usize> {
    let edge = character_end(line, budget)?;
    // One more character, for a word that ends exactly at the edge.
    let mut from = line.ceil_char_boundary(edge + 1);
    let mut inside = None;
    loop {
        let Some(gap) = line.split_at(from).0.rfind(may_part) else { return inside };
        let head = line.split_at(gap).0.trim_end_matches(may_part);
        let next = line.split_at(gap).1.trim_start_matches(may_part);
        if head.is_empty() {
            return inside;
        }
        from = head.len();
        if parts_well(head, next, fence) {
            let Some(start) = fence.map_or_else(|| pair::parted(line, from), |_| None) else {
                return Some(from);
            };
            inside = inside.or(Some(from));
            from = start;
        }
    }
}

/// The last edge of a cluster within `budget` units; inside of the first cluster, if it alone is longer.
fn cluster_end(line: &str, budget: usize) -> Option<usize> {
    let edge = character_end(line, budget)?;
    let last = if is_edge(line, edge) { edge } else { edge_before(line, edge) };
    let steps = std::iter::successors(Some(last), |at| Some(edge_before(line, *at)));
    let mut edges = steps.take(STEPS_BACK_MAX).take_while(|at| *at > 0);
    let clear = edges.find(|at| !fence::starts(line.split_at(*at).1));
    clear.or((last > 0).then_some(last)).or(Some(edge))
}

/// The end of the last character within `budget` units.
fn character_end(line: &str, budget: usize) -> Option<usize> {
    let mut used = 0;
    let fits = line.char_indices().map_while(|(at, character)| {
        used += character.len_utf16();
        (used <= budget).then_some(at + character.len_utf8())
    });
    fits.last()
}

/// Whether `at` is between two clusters.
fn is_edge(line: &str, at: usize) -> bool {
    let edge = GraphemeCursor::new(at, line.len(), true).is_boundary(line, 0);
    edge.expect("the whole line is at hand")
}

/// The last place before `at` that is between two clusters, or the line's start.
fn edge_before(line: &str, at: usize) -> usize {
    let edge = GraphemeCursor::new(at, line.len(), true).prev_boundary(line, 0);
    edge.expect("the whole line is at hand").unwrap_or(0)
}

/// Whether a line parted here means the same: nothing seems to open a block, and nothing seems to close it.
fn parts_well(head: &str, next: &str, fence: Option<Fence<'_>>) -> bool {
    !fence::starts(next) && fence.is_none_or(|it| !it.is_closed_by(head))
}

/// What follows a cut: the white space at it is gone, up to the end of the line.
fn resume(text: &str) -> &str {
    for (at, cluster) in text.grapheme_indices(true) {
        let (_, rest) = text.split_at(at);
        if cluster.ends_with('\n') {
            return rest.split_at(cluster.len()).1;
        }
        if !cluster.chars().all(char::is_whitespace) {
            return rest;
        }
    }
    ""
}

fn after_blank_lines(text: &str) -> &str {
    let word = text.find(|it: char| !it.is_whitespace()).unwrap_or(text.len());
    let line = text.split_at(word).0.rfind('\n').map_or(0, |at| at + 1);
    text.split_at(line).1
}

fn is_blank(line: &str) -> bool {
    line.chars().all(char::is_whitespace)
}

/// White space that a line may be broken at.
fn may_part(character: char) -> bool {
    character.is_whitespace() && !matches!(character, '\u{a0}' | '\u{2007}' | '\u{202f}')
}

/// What it costs to close a block: a line end and the marks.
fn closing(fence: Option<Fence<'_>>) -> usize {
    fence.map_or(0, |it| 1 + it.length)
}

fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests;
