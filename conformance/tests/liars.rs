//! Every lying gateway is caught by a check, on scenarios that an honest one passes.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use creel::mutants::liars;
use creel_sim::fakes::Lie;

fn jobs() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[test]
fn the_honest_fake_passes_its_sample() {
    let entries = liars::sample().unwrap();
    assert!(entries.len() >= 20, "only {} scenarios", entries.len());
    let accused = liars::wrongly_accused(&entries, jobs());
    let names: Vec<String> = accused
        .iter()
        .map(|it| format!("{} ({})", it.case.entry.scenario.id, it.case.profile))
        .collect();
    assert!(names.is_empty(), "the honest fake fails {}", names.join(", "));
}

/// Each liar meets one scenario after another until a check fails it.
#[test]
fn every_liar_is_caught() {
    let entries = liars::sample().unwrap();
    assert!(Lie::ALL.len() >= 20, "only {} lies", Lie::ALL.len());
    let next = AtomicUsize::new(0);
    let mut believed = Vec::new();
    let hunt = || {
        let mut believed = Vec::new();
        while let Some(lie) = Lie::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let is_caught = |it| !liars::catch(*lie, std::slice::from_ref(it), 1).by.is_empty();
            if !entries.iter().any(is_caught) {
                believed.push(lie.name());
            }
        }
        believed
    };
    thread::scope(|scope| {
        let hunters: Vec<_> = (0..jobs()).map(|_| scope.spawn(hunt)).collect();
        believed.extend(hunters.into_iter().flat_map(|it| it.join().unwrap()));
    });
    assert!(believed.is_empty(), "these were believed: {}", believed.join(", "));
}

/// Which check catches which liar, `creel mutants --liars --table conformance/defects/LIARS.md` writes down.
#[test]
fn the_table_has_every_liar_and_all_are_caught() {
    let table = include_str!("../defects/LIARS.md");
    let rows: Vec<&str> = table.lines().filter(|it| it.starts_with("| `")).collect();
    let rows = rows.iter().map(|it| it.split('|').map(str::trim).collect::<Vec<_>>());
    let told: Vec<(String, String)> = rows
        .inspect(|it| assert!(it[3] != "0" && it[4].starts_with('`'), "{it:?} was believed"))
        .map(|it| (it[1].to_owned(), it[2].to_owned()))
        .collect();
    let all = Lie::ALL.iter().map(|it| (format!("`{}`", it.name()), it.what().to_owned()));
    assert_eq!(told, all.collect::<Vec<_>>());
}
