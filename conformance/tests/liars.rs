//! Every lying gateway is caught by a check, on scenarios that an honest one passes.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use creel::{
    corpus::Entry,
    mutants::{liars, processes},
};
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

/// The program that serves the fakes.
const CREEL: &str = env!("CARGO_BIN_EXE_creel");

#[test]
fn the_honest_fake_passes_as_a_process() {
    let entries = liars::sample().unwrap();
    assert!(processes::able(&entries).len() >= 20, "only {}", processes::able(&entries).len());
    let accused = processes::wrongly_accused(&entries, Path::new(CREEL), 8);
    let names: Vec<_> = accused.iter().map(|it| it.case.entry.scenario.id.clone()).collect();
    assert!(names.is_empty(), "the honest fake fails {}", names.join(", "));
}

/// As processes of others over real sockets. The table says which scenario each meets first.
#[test]
fn every_liar_is_caught_as_a_process() {
    let able = processes::able(&liars::sample().unwrap());
    let table = include_str!("../defects/LIARS.md");
    let next = AtomicUsize::new(0);
    let hunt = || {
        let mut believed = Vec::new();
        while let Some(lie) = Lie::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let row = table.lines().find(|it| it.starts_with(&format!("| `{}` |", lie.name())));
            let told = row.and_then(|it| it.split('`').nth(3)).unwrap();
            let is_caught =
                |it: &&Entry| !liars::catch(*lie, std::slice::from_ref(*it), 1).by.is_empty();
            // What the table tells may need virtual time.
            let first = able.iter().find(|it| it.scenario.id == told);
            let first = first.or_else(|| able.iter().find(is_caught)).unwrap();
            let caught = processes::catch(*lie, &[&first.scenario.id], &able, Path::new(CREEL));
            if caught.by.is_empty() {
                believed.push(lie.name());
            }
        }
        believed
    };
    let believed = thread::scope(|scope| {
        // They mostly wait.
        let hunters: Vec<_> = (0..jobs() * 6).map(|_| scope.spawn(hunt)).collect();
        hunters.into_iter().flat_map(|it| it.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(believed.is_empty(), "these were believed: {}", believed.join(", "));
}
