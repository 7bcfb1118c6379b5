use proptest::prelude::*;

use super::{Entry, EntryKind, Timeline, axis::Axis, list, words};
use crate::report::{
    console::Color,
    terminal::{Signs, Terminal},
};

fn entry(at_us: i64, until_us: i64, kind: EntryKind) -> Entry {
    Entry { lane: "p/m@one".to_owned(), at_us, until_us, kind, result: "it".to_owned() }
}

fn timeline(entries: Vec<Entry>) -> Timeline {
    Timeline { lanes: Vec::new(), entries, turns: Vec::new(), may_differ: false }
}

#[test]
fn a_long_silence_is_compressed_and_says_how_long_it_is() {
    let at =
        |second: i64| entry(second * 1_000_000, second * 1_000_000 + 500_000, EntryKind::Failed);
    let seconds: Vec<i64> = (0..6).chain(3_600..3_606).collect();
    let axis = Axis::of(&timeline(seconds.iter().map(|it| at(*it)).collect()), 80);
    let breaks: Vec<_> = axis.breaks().map(|(_, _, us)| words::length(us)).collect();
    assert_eq!(breaks, ["59m54s"]);
    let columns = [0, 5, 3_600, 3_605].map(|it| axis.column(it * 1_000_000));
    assert_eq!(columns[1] - columns[0], columns[3] - columns[2], "to scale: {columns:?}");
}

#[test]
fn a_wait_is_never_compressed() {
    let wait = entry(0, 3_600_000_000, EntryKind::Wait);
    let axis =
        Axis::of(&timeline(vec![wait, entry(3_600_000_000, 3_601_000_000, EntryKind::Failed)]), 80);
    assert_eq!(axis.breaks().count(), 0);
}

#[test]
fn what_is_left_out_is_said() {
    let entries = (0..100).map(|it| entry(it, it, EntryKind::Failed)).collect();
    let terminal = Terminal { color: Color::Off, width: 60, signs: Signs::Ascii };
    let text = list::text(&timeline(entries), terminal);
    assert_eq!(text.lines().count(), 61);
    assert!(text.contains("... 40 rows; `--json` has them all"), "{text}");
}

proptest! {
    #[test]
    fn any_times_fit_and_stay_in_order(
        times in prop::collection::vec((0_i64..100_000_000_000, 0_i64..4_000_000_000), 1..40),
        columns in 30_usize..200,
    ) {
        let kinds = [EntryKind::Failed, EntryKind::Wait, EntryKind::Rest, EntryKind::Wrote];
        let entries = times.iter().enumerate();
        let entries = entries.map(|(index, (at, lasts))| entry(*at, at + lasts, kinds[index % 4]));
        let mut entries: Vec<Entry> = entries.collect();
        entries.sort_by_key(|it| it.at_us);
        let timeline = timeline(entries);
        let axis = Axis::of(&timeline, columns);
        prop_assert!(axis.columns() <= columns, "{} of {columns}", axis.columns());
        let found: Vec<usize> = timeline.entries.iter().map(|it| axis.column(it.at_us)).collect();
        prop_assert!(found.is_sorted(), "{found:?}");
        prop_assert!(axis.ticks(columns, 2).iter().all(|it| it.0 + it.1.len() <= columns));
        let ticks = axis.ticks(columns, 2);
        prop_assert!(ticks.windows(2).all(|it| it[0].0 + it[0].1.len() < it[1].0), "{ticks:?}");
    }
}
