//! Everything that happened, in order, with its words.

use std::fmt::Write as _;

use super::{
    Entry, EntryKind, Timeline,
    words::{length, moment, shown},
};
use crate::report::terminal::{Signs, Terminal};

/// The most rows. Those in the middle are left out.
const ROWS_MAX: usize = 60;

/// A wait that is shorter is in the next row's time, and needs no row of its own.
const WAIT_ROW_US_MIN: i64 = 1_000_000;

/// The list of a timeline.
pub(super) fn text(timeline: &Timeline, terminal: Terminal) -> String {
    let ends_us = timeline.entries.iter().map(|it| it.until_us).max().unwrap_or_default();
    let rows = rows(timeline);
    let lanes = rows.iter().map(|it| it.lane.chars().count()).max().unwrap_or(0).min(30);
    let times = moment(ends_us, ends_us).chars().count().max(7);
    let left_out = rows.len().saturating_sub(ROWS_MAX);
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        if left_out > 0 && index == ROWS_MAX / 2 {
            writeln!(text, "  {:times$}  ... {left_out} rows; `--json` has them all", "")
                .expect("writing to a string");
        }
        if left_out > 0 && (ROWS_MAX / 2..ROWS_MAX / 2 + left_out).contains(&index) {
            continue;
        }
        let time = row.at_us.map_or(String::new(), |it| moment(it, ends_us));
        let line = format!("  {time:>times$}  {:<lanes$}  {}", row.lane, row.words);
        let line = shown(&line, terminal.signs);
        writeln!(text, "{}", cut(line.trim_end(), terminal)).expect("writing to a string");
    }
    text
}

struct Row {
    at_us: Option<i64>,
    lane: String,
    words: String,
}

fn rows(timeline: &Timeline) -> Vec<Row> {
    let mut rows = Vec::new();
    let rests: Vec<&Entry> = timeline.entries.iter().filter(|it| it.kind.is_rest()).collect();
    for entry in &timeline.entries {
        let lasted = entry.until_us - entry.at_us;
        let words = match entry.kind {
            EntryKind::Wrote => format!("wrote {}", entry.result),
            EntryKind::Told if lasted > 0 => {
                format!("was shown {}, complete after {}", entry.result, length(lasted))
            }
            EntryKind::Told => format!("was shown {}", entry.result),
            EntryKind::Refused => format!("the platform refused with {}", entry.result),
            EntryKind::Gateway => entry.result.clone(),
            EntryKind::Wait if lasted >= WAIT_ROW_US_MIN => format!("waits {}", length(lasted)),
            EntryKind::Answered | EntryKind::Failed | EntryKind::Open => {
                let is_next = |it: &&&Entry| it.lane == entry.lane && it.at_us == entry.until_us;
                let rest = rests.iter().find(is_next).map(|it| rest(it));
                let took = if lasted >= 1_000 {
                    format!(" after {}", length(lasted))
                } else {
                    String::new()
                };
                format!("{}{took}{}", entry.result, rest.unwrap_or_default())
            }
            EntryKind::Rest | EntryKind::Disabled | EntryKind::Wait => continue,
        };
        let lane = if entry.kind == EntryKind::Wait { String::new() } else { entry.lane.clone() };
        let at_us = (entry.kind != EntryKind::Wait).then_some(entry.at_us);
        rows.push(Row { at_us, lane, words });
    }
    rows
}

fn rest(rest: &Entry) -> String {
    match rest.kind {
        EntryKind::Disabled => format!("; disabled for {}", rest.result),
        _ => format!("; rests ({})", rest.result),
    }
}

fn cut(line: &str, terminal: Terminal) -> String {
    if line.chars().count() <= terminal.width {
        return line.to_owned();
    }
    let dots = match terminal.signs {
        Signs::Unicode => "…",
        Signs::Ascii => "...",
    };
    let kept = terminal.width - dots.chars().count();
    line.chars().take(kept).collect::<String>() + dots
}
