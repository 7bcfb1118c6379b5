//! The glance: a row a lane, time to the right.

use std::fmt::Write as _;

use super::{
    Entry, EntryKind, Timeline,
    axis::Axis,
    words::{self, shown},
};
use crate::report::{
    console::Color,
    terminal::{Signs, Terminal},
};

/// The widest name of a lane, in columns.
const NAME_MAX: usize = 26;

/// A cell's look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Plain,
    Good,
    Bad,
    Pale,
    Resting,
}

/// What can stand in a cell, and with which sign.
#[derive(Clone, Copy, Debug)]
struct Sign {
    unicode: char,
    ascii: char,
    look: Look,
    means: &'static str,
}

const fn sign(unicode: char, ascii: char, look: Look, means: &'static str) -> Sign {
    Sign { unicode, ascii, look, means }
}

const WROTE: Sign = sign('▸', '>', Look::Plain, "a person wrote");
const TOLD: Sign = sign('◂', '<', Look::Plain, "was shown something");
const BOTH: Sign = sign('◆', '*', Look::Plain, "wrote, and was shown something");
const REFUSED: Sign = sign('⊘', '!', Look::Bad, "refused by the platform");
const RESTART: Sign = sign('↻', '@', Look::Plain, "the gateway was started or ended");
const ANSWERED: Sign = sign('✓', 'o', Look::Good, "answered");
const FAILED: Sign = sign('✗', 'x', Look::Bad, "failed");
const OPEN: Sign = sign('○', '?', Look::Bad, "given up");
const ASKING: Sign = sign('━', '-', Look::Plain, "being asked");
const WAIT: Sign = sign('┄', '.', Look::Pale, "waiting");
const REST: Sign = sign('▒', '=', Look::Resting, "rests");
const DISABLED: Sign = sign('▓', '#', Look::Resting, "disabled");
const BREAK: Sign = sign('⋯', '~', Look::Pale, "silence, compressed");

type Cell = (char, Look);

/// Draws the chart, with a legend of the signs that are in it.
pub(super) fn draw(timeline: &Timeline, terminal: Terminal) -> String {
    let longest = timeline.lanes.iter().map(|it| it.name.chars().count()).max().unwrap_or(0);
    let name_width = longest.clamp(4, NAME_MAX);
    let columns = terminal.width.saturating_sub(name_width + 4);
    let axis = Axis::of(timeline, columns);
    let mut canvas = Canvas { axis, columns, terminal, used: Vec::new(), has_counts: false };
    let mut text = canvas.head(name_width);
    for lane in &timeline.lanes {
        let entries = timeline.entries.iter().filter(|it| it.lane == lane.name);
        let cells = canvas.row(&entries.collect::<Vec<_>>());
        let name = fitted(&shown(&lane.name, terminal.signs), name_width);
        let row = painted(&cells, terminal.color);
        let line = format!("  {name:<name_width$}  {row}");
        writeln!(text, "{}", line.trim_end()).expect("writing to a string");
    }
    text.push_str(&canvas.legend(timeline));
    text
}

struct Canvas {
    axis: Axis,
    /// How many columns there are for time.
    columns: usize,
    terminal: Terminal,
    /// The signs that were needed, for the legend.
    used: Vec<Sign>,
    /// Whether attempts were counted.
    has_counts: bool,
}

impl Canvas {
    fn cell(&mut self, sign: Sign) -> Cell {
        if !self.used.iter().any(|it| it.unicode == sign.unicode) {
            self.used.push(sign);
        }
        let shown = match self.terminal.signs {
            Signs::Unicode => sign.unicode,
            Signs::Ascii => sign.ascii,
        };
        (shown, sign.look)
    }

    /// The moments, and how long the compressed silences are.
    fn head(&mut self, name_width: usize) -> String {
        let columns = self.columns;
        let mut cells = vec![(' ', Look::Pale); columns];
        let mut write = |at: usize, words: &str| {
            for (index, letter) in words.chars().enumerate() {
                if let Some(cell) = cells.get_mut(at + index) {
                    *cell = (letter, Look::Pale);
                }
            }
        };
        for (column, label) in self.axis.ticks(columns, 2) {
            write(column, &label);
        }
        let breaks: Vec<_> = self.axis.breaks().collect();
        for (column, width, us) in breaks {
            let (dots, _) = self.cell(BREAK);
            let label = format!("{dots}{}{dots}", words::length(us));
            let words = format!("{label:^room$}", room = width - 1);
            write(column + 1, &words);
        }
        let row = painted(&cells, self.terminal.color);
        format!("  {:name_width$}  {}\n", "", row)
    }

    fn row(&mut self, entries: &[&Entry]) -> Vec<Cell> {
        let mut cells = vec![(' ', Look::Plain); self.axis.columns()];
        for entry in entries {
            let sign = match entry.kind {
                EntryKind::Rest => REST,
                EntryKind::Disabled => DISABLED,
                _ => continue,
            };
            self.fill(&mut cells, entry, sign);
        }
        for entry in entries.iter().filter(|it| it.kind == EntryKind::Wait) {
            self.fill(&mut cells, entry, WAIT);
            self.label(&mut cells, entry);
        }
        for entry in entries.iter().filter(|it| it.kind.is_attempt()) {
            if self.axis.column(entry.at_us) < self.axis.column(entry.until_us) {
                self.fill(&mut cells, entry, ASKING);
            }
        }
        self.mark(&mut cells, entries);
        cells
    }

    fn fill(&mut self, cells: &mut [Cell], entry: &Entry, sign: Sign) {
        let (from, until) = (self.axis.column(entry.at_us), self.axis.column(entry.until_us));
        let filling = self.cell(sign);
        for cell in cells.iter_mut().take(until + 1).skip(from) {
            *cell = filling;
        }
    }

    /// How long a wait is, where there is room in it.
    fn label(&self, cells: &mut [Cell], entry: &Entry) {
        let (from, until) = (self.axis.column(entry.at_us), self.axis.column(entry.until_us));
        let label = words::length(entry.until_us - entry.at_us);
        let room = (until - from).saturating_sub(3);
        let length = label.chars().count();
        if length > room {
            return;
        }
        let at = from + 2 + (room - length) / 2;
        for (cell, letter) in cells.iter_mut().skip(at).zip(label.chars()) {
            *cell = (letter, Look::Pale);
        }
    }

    /// What happened at a moment. Several attempts in one column are counted.
    fn mark(&mut self, cells: &mut [Cell], entries: &[&Entry]) {
        let columns = self.axis.columns();
        let mut attempts = vec![Vec::new(); columns];
        let mut others = vec![Vec::new(); columns];
        for entry in entries {
            let column = self.axis.column(entry.until_us).min(columns - 1);
            match entry.kind {
                kind if kind.is_attempt() => attempts[column].push(kind),
                EntryKind::Wrote | EntryKind::Gateway | EntryKind::Told | EntryKind::Refused => {
                    others[self.axis.column(entry.at_us).min(columns - 1)].push(entry.kind);
                }
                _ => (),
            }
        }
        for (column, (attempts, others)) in attempts.iter().zip(&others).enumerate() {
            let has = |kind| others.contains(&kind);
            let sign = if has(EntryKind::Refused) {
                REFUSED
            } else if has(EntryKind::Gateway) {
                RESTART
            } else if has(EntryKind::Wrote) && has(EntryKind::Told) {
                BOTH
            } else if has(EntryKind::Wrote) {
                WROTE
            } else if has(EntryKind::Told) {
                TOLD
            } else {
                match attempts.last() {
                    Some(EntryKind::Answered) => ANSWERED,
                    Some(EntryKind::Failed) => FAILED,
                    Some(_) => OPEN,
                    None => continue,
                }
            };
            let (shown, look) = self.cell(sign);
            let count = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
            let is_mixed = attempts.iter().any(|it| Some(it) != attempts.last());
            self.has_counts |= count > 2 || (count == 2 && !is_mixed);
            cells[column] = match count {
                0 | 1 => (shown, look),
                _ if is_mixed && count == 2 => (shown, look),
                2..=9 => (char::from_digit(count, 10).unwrap_or('9'), look),
                _ => ('+', look),
            };
        }
    }

    fn legend(&self, timeline: &Timeline) -> String {
        let mut parts: Vec<String> = Vec::new();
        for it in &self.used {
            let shown = match self.terminal.signs {
                Signs::Unicode => it.unicode,
                Signs::Ascii => it.ascii,
            };
            parts.push(format!("{shown} {}", it.means));
        }
        if self.has_counts {
            parts.push("a digit: so many attempts".to_owned());
        }
        if timeline.entries.iter().any(|it| it.kind.is_rest()) {
            let predicted = "rests are what the contract predicts";
            let more = "; not everything is told here, so they may have been others";
            parts.push(format!("{predicted}{}", if timeline.may_differ { more } else { "" }));
        }
        let mut text = String::new();
        let mut line = String::new();
        for part in parts {
            if !line.is_empty()
                && line.chars().count() + part.chars().count() + 7 > self.terminal.width
            {
                writeln!(text, "  {line}").expect("writing to a string");
                line.clear();
            }
            if !line.is_empty() {
                line.push_str("   ");
            }
            line.push_str(&part);
        }
        writeln!(text, "  {line}").expect("writing to a string");
        text
    }
}

/// A name that is too long is cut in the middle: both ends tell it apart.
fn fitted(name: &str, width: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= width {
        return name.to_owned();
    }
    let head = (width - 2) / 2;
    let tail = letters.len() - (width - 2 - head);
    letters[..head].iter().chain(&['.', '.']).chain(&letters[tail..]).collect()
}

/// The cells as a line, without blanks at its end.
fn painted(cells: &[Cell], color: Color) -> String {
    let length = cells.iter().rposition(|(letter, _)| *letter != ' ').map_or(0, |it| it + 1);
    let mut text = String::new();
    let mut before = Look::Plain;
    for (letter, look) in &cells[..length] {
        if color == Color::On && *look != before {
            text.push_str("\u{1b}[0m");
            text.push_str(match look {
                Look::Plain => "",
                Look::Good => "\u{1b}[32m",
                Look::Bad => "\u{1b}[31m",
                Look::Pale => "\u{1b}[2m",
                Look::Resting => "\u{1b}[33m",
            });
        }
        before = *look;
        text.push(*letter);
    }
    if color == Color::On && before != Look::Plain {
        text.push_str("\u{1b}[0m");
    }
    text
}
