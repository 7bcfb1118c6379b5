//! The rules of the house that no compiler knows: ARCHITECTURE.md's table and STYLE.md's limits, executable.
//!
//! Every rule is a function from files to breaches. Here they meet the checkout; in `canaries.rs` they meet texts that
//! break them, since a rule that cannot fail is none.

mod canaries;
mod manifests;
mod sources;
mod tree;

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use creel::corpus;
use tree::{Breach, File};

/// Fails with every breach, one a line.
#[track_caller]
fn assert_kept(breaches: &[Breach]) {
    let lines: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} breaches:\n{}", lines.len(), lines.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn files() -> Vec<File> {
    tree::files(&root())
}

#[test]
fn crates_depend_only_downwards() {
    assert_kept(&manifests::dependencies_point_downwards(&files()));
}

#[test]
fn the_core_stays_pure() {
    assert_kept(&manifests::the_core_needs_next_to_nothing(&files()));
}

#[test]
fn the_gateway_names_no_simulator_and_the_judge_no_gateway() {
    assert_kept(&sources::names_only_what_it_may(&files()));
}

#[test]
fn every_file_says_what_it_is_for() {
    assert_kept(&sources::begins_with_its_purpose(&files()));
}

#[test]
fn files_are_short() {
    assert_kept(&sources::is_short(&files()));
}

#[test]
fn nothing_is_left_over() {
    assert_kept(&sources::has_no_leftovers(&files()));
}

#[test]
fn no_file_knows_a_machine() {
    assert_kept(&tree::names_no_machine(&files()));
}

#[test]
fn folders_are_the_agreed_ones() {
    assert_kept(&tree::is_in_an_agreed_folder(&files()));
}

#[test]
fn every_dependency_is_used() {
    assert_kept(&manifests::every_dependency_is_used(&files()));
}

#[test]
fn every_dependency_says_why() {
    assert_kept(&manifests::every_dependency_says_why(&files()));
}

#[test]
fn versions_stand_in_the_root_manifest_only() {
    assert_kept(&manifests::versions_stand_in_the_root_only(&files()));
}

#[test]
fn every_scenario_has_a_control() {
    let entries = corpus::choose(&[]).unwrap_or_else(|error| panic!("{error}"));
    let breaches: Vec<Breach> = entries
        .iter()
        .filter(|it| it.scenario.control.is_none())
        .map(|it| Breach {
            file: it.file.clone(),
            line: 1,
            what: "has no control, so no check of it was seen to fail".to_owned(),
            to_do: "add `control: { edit: …, flips: […] }`",
        })
        .collect();
    assert_kept(&breaches);
    assert_kept(&tree::is_in_the_corpus(&files(), |id| corpus::CORPUS.iter().any(|it| it.0 == id)));
}

#[test]
fn ci_can_be_run() {
    let mode = fs::metadata(root().join(".ci/run")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, ".ci/run:1: is not executable: chmod +x .ci/run");
}
