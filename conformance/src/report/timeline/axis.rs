//! Time along a line of characters: true to scale, but long silences take a few columns and say how long they are.

use super::{Entry, EntryKind, Timeline, words};

/// How wide a compressed silence is, in columns: its mark is in it.
const BREAK: i64 = 9;

/// The least time that a column is: what is closer happens at once.
const COLUMN_US_MIN: i64 = 2_000;

/// Parts of a column, so that rounding does not add up.
const PARTS: i64 = 1_000;

/// A line of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// Moments, each with its place in parts of a column.
    places: Vec<(i64, i64)>,
    /// Compressed silences: the column where each begins, and its length.
    breaks: Vec<(usize, i64)>,
}

/// The time between two moments.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    us: i64,
    /// Whether nothing was under way.
    is_silent: bool,
    is_compressed: bool,
}

impl Axis {
    pub(super) fn of(timeline: &Timeline, columns: usize) -> Self {
        let ends_us = timeline.ends_us();
        let edges = timeline.entries.iter().flat_map(|it| [it.at_us, it.until_us.min(ends_us)]);
        let mut moments: Vec<i64> = edges.collect();
        moments.sort_unstable();
        moments.dedup();
        let mut stretches: Vec<Stretch> = moments
            .windows(2)
            .map(|pair| Stretch {
                us: pair[1] - pair[0],
                is_silent: is_silent(timeline, pair[0], pair[1]),
                is_compressed: false,
            })
            .collect();
        let columns = i64::try_from(columns).unwrap_or(i64::MAX).max(BREAK);
        let column_us = scale(&mut stretches, columns);
        let mut places = Vec::new();
        let mut breaks = Vec::new();
        let mut place = 0;
        for (index, at_us) in moments.iter().enumerate() {
            places.push((*at_us, place));
            let Some(stretch) = stretches.get(index) else { continue };
            if stretch.is_compressed {
                breaks.push((column(place), stretch.us));
                place = (place / PARTS + BREAK) * PARTS;
            } else {
                place += stretch.us.saturating_mul(PARTS) / column_us;
            }
        }
        Self { places, breaks }
    }

    /// The column of a moment; of those outside, the nearest.
    pub(super) fn column(&self, at_us: i64) -> usize {
        let after = self.places.partition_point(|(moment, _)| *moment <= at_us);
        let Some((from_us, from)) = after.checked_sub(1).map(|it| self.places[it]) else {
            return 0;
        };
        let Some((until_us, until)) = self.places.get(after).copied() else { return column(from) };
        let share = i128::from(at_us - from_us) * i128::from(until - from);
        let inside = share / i128::from((until_us - from_us).max(1));
        column(from + i64::try_from(inside).unwrap_or_default())
    }

    /// How many columns there are.
    pub(super) fn columns(&self) -> usize {
        self.places.last().map_or(1, |(_, place)| column(*place) + 1)
    }

    /// The compressed silences: first column, width, length.
    pub(super) fn breaks(&self) -> impl Iterator<Item = (usize, usize, i64)> {
        let width = usize::try_from(BREAK).expect("a few columns");
        self.breaks.iter().map(move |(at, us)| (*at, width, *us))
    }

    /// Moments to write along a line of so many columns, from left to right, `apart` columns from each other.
    pub(super) fn ticks(&self, columns: usize, apart: usize) -> Vec<(usize, String)> {
        let mut ticks = Vec::new();
        let mut free = 0;
        for (at_us, place) in &self.places {
            let column = column(*place);
            let label = words::length(*at_us);
            let length = label.chars().count();
            // The last stands at the end of the line, not beyond it.
            let column = column.min(columns.saturating_sub(length));
            let mut breaks = self.breaks();
            let is_broken =
                breaks.any(|(at, width, _)| column < at + width && at < column + length);
            if column >= free && !is_broken {
                free = column + length + apart;
                ticks.push((column, label));
            }
        }
        ticks
    }
}

fn column(place: i64) -> usize {
    usize::try_from(place / PARTS).unwrap_or_default()
}

/// Whether nobody waits for anything in this time: no attempt, no wait, and no message that is yet to be answered.
fn is_silent(timeline: &Timeline, from_us: i64, until_us: i64) -> bool {
    let covers = |at_us: i64, end_us: i64| at_us < until_us && from_us < end_us;
    let is_busy = |it: &Entry| {
        (it.kind.is_attempt() || it.kind == EntryKind::Wait || it.kind == EntryKind::Told)
            && covers(it.at_us, it.until_us)
    };
    let is_turn = |it: &super::Turn| {
        let last = it.attempts.last().map_or(it.from_us, |it| it.until_us);
        covers(it.from_us, it.told.as_ref().map_or(last, |it| it.at_us))
    };
    !timeline.entries.iter().any(is_busy) && !timeline.turns.iter().any(is_turn)
}

/// Compresses the silences that would take too much of the line, and says how long a column is.
fn scale(stretches: &mut [Stretch], columns: i64) -> i64 {
    loop {
        let (mut us, mut left) = (0, columns);
        for it in stretches.iter() {
            if it.is_compressed { left -= BREAK } else { us += it.us }
        }
        let column_us = (us / (left - 1).max(1) + 1).max(COLUMN_US_MIN);
        let silent = stretches.iter_mut().filter(|it| it.is_silent && !it.is_compressed);
        match silent.max_by_key(|it| it.us) {
            // A break must leave most of the line to what happens.
            Some(it) if it.us / column_us > columns / 6 && left - BREAK > columns / 3 => {
                it.is_compressed = true;
            }
            _ => return column_us,
        }
    }
}
