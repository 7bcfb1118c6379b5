//! The lines that open and close a block of code.

use super::units;

/// How many marks a fence has at least.
const MARKS_MIN: usize = 3;

/// An open block of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::egress) struct Fence<'a> {
    /// A backtick or a tilde.
    pub(super) mark: char,
    /// How many of them.
    pub(super) length: usize,
    /// What stands behind them and is repeated: the language.
    pub(super) info: &'a str,
}

impl<'a> Fence<'a> {
    /// The block that a line opens, if it does.
    pub(in crate::egress) fn opened_by(line: &'a str, limit: usize) -> Option<Self> {
        let (mark, _, info) = marks(line)?;
        Self::begun_by(line, limit).filter(|_| mark != '`' || !info.contains('`'))
    }

    /// The block that a line opens unless the rest of it forbids that. Marks that would fill more than a quarter of a
    /// piece are text: they could not be repeated at both ends. An info string as long as that is not repeated, and none
    /// that would read as more marks.
    pub(super) fn begun_by(line: &'a str, limit: usize) -> Option<Self> {
        let (mark, length, info) = marks(line)?;
        let (quarter, info) = (limit / 4, info.trim());
        let repeated = units(info) <= quarter && !info.starts_with(mark);
        (length <= quarter).then_some(Self { mark, length, info: if repeated { info } else { "" } })
    }

    /// Whether a line closes the block. How far it is indented is not looked at: lists indent fences as they like.
    pub(in crate::egress) fn is_closed_by(self, line: &str) -> bool {
        marks(line).is_some_and(|(mark, length, info)| {
            mark == self.mark && length >= self.length && info.trim_start().is_empty()
        })
    }

    /// The line that opens the block again, its end included.
    pub(super) fn opening(self) -> String {
        format!("{}{}\n", self.marks(), self.info)
    }

    pub(super) fn marks(self) -> String {
        std::iter::repeat_n(self.mark, self.length).collect()
    }
}

/// Whether a text starts like a line that opens or closes a block.
pub(super) fn starts(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("```") || text.starts_with("~~~")
}

fn marks(line: &str) -> Option<(char, usize, &str)> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|it| matches!(it, '`' | '~'))?;
    let info = line.trim_start_matches(mark);
    let length = line.len() - info.len();
    (length >= MARKS_MIN).then_some((mark, length, info))
}
