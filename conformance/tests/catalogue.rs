//! The catalogue is right, and complete: every sentence of the contract has an entry.

use std::{collections::BTreeSet, fs, path::Path};

use creel::{
    catalogue::{self, Grade, Judging, Level, Requirement, bugs, coverage, kills, markdown},
    corpus::{self, Entry},
};
use creel_sim::scenario::Scenario;

/// How many sentences each point of the contract has that the catalogue is about: the section and the point, then the
/// sentences.
const SENTENCES: [(&str, usize); 60] = [
    ("2.1", 2),
    ("2.2", 2),
    ("2.3", 1),
    ("2.4", 1),
    ("2.5", 4),
    ("2.6", 1),
    ("2.7", 2),
    ("2.8", 1),
    ("2.9", 2),
    ("2.10", 1),
    ("2.11", 1),
    ("3.1", 2),
    ("3.2", 2),
    ("3.3", 1),
    ("3.4", 1),
    ("3.5", 2),
    ("4.1", 3),
    ("4.2", 1),
    ("4.3", 3),
    ("4.4", 1),
    ("4.5", 5),
    ("4.6", 1),
    ("4.7", 1),
    ("4.8", 1),
    ("4.9", 3),
    ("4.10", 2),
    ("4.11", 2),
    ("4.12", 1),
    ("5.1", 1),
    ("5.2", 2),
    ("5.3", 1),
    ("5.4", 1),
    ("5.5", 1),
    ("5.6", 3),
    ("5.7", 1),
    ("6.1", 1),
    ("6.2", 1),
    ("6.3", 2),
    ("6.4", 2),
    ("6.5", 1),
    ("6.6", 3),
    ("6.7", 2),
    ("6.8", 2),
    ("7.1", 4),
    ("7.2", 1),
    ("8.1", 1),
    ("8.2", 2),
    ("8.3", 1),
    ("8.4", 1),
    ("8.5", 2),
    ("8.6", 1),
    ("8.7", 1),
    ("8.8", 1),
    ("8.9", 1),
    ("9.1", 2),
    ("9.2", 2),
    ("9.3", 1),
    ("9.4", 2),
    ("9.5", 1),
    ("10.1", 15),
];

/// How many rows the profiles' table has, the last aside, which is named below.
const ROWS: u32 = 23;

fn places() -> BTreeSet<&'static str> {
    let of = |it: &'static Requirement| it.contract.iter().map(String::as_str);
    catalogue::built_in().requirements().flat_map(of).collect()
}

#[test]
fn every_sentence_of_the_contract_has_an_entry() {
    let sentences = SENTENCES
        .iter()
        .flat_map(|(point, count)| (1..=*count).map(move |sentence| format!("{point}.{sentence}")));
    let rows = (1..=ROWS).map(|row| format!("0.{row}"));
    let wanted: BTreeSet<String> =
        sentences.chain(rows).chain(["0.24", "1", "6"].map(str::to_owned)).collect();
    let found: BTreeSet<String> = places().into_iter().map(str::to_owned).collect();
    let missing: Vec<&String> = wanted.difference(&found).collect();
    let stray: Vec<&String> = found.difference(&wanted).collect();
    assert!(
        missing.is_empty() && stray.is_empty(),
        "no entry: {missing:?}; no such sentence: {stray:?}"
    );
}

#[test]
fn every_invariant_belongs_to_an_entry() {
    let catalogue = catalogue::built_in();
    for number in 1..=15 {
        let id = format!("I{number}");
        assert!(catalogue.of_invariant(&id).count() > 0, "{id} belongs to no entry");
    }
}

/// The built-in scenarios. That they can be chosen shows that every requirement which they name is there.
fn entries() -> Vec<Entry> {
    corpus::choose(&[]).unwrap_or_else(|it| panic!("{it}"))
}

#[test]
fn every_scenario_says_which_requirements_it_judges() {
    let mut silent = Vec::new();
    for entry in entries() {
        let without = entry.scenario.expect.iter().filter(|it| it.covers.is_empty());
        silent.extend(without.map(|it| format!("{}:{}", entry.file, it.line)));
    }
    let all = silent.join("\n");
    assert!(
        silent.is_empty(),
        "these judge no requirement: add `covers` (`creel explain AREA`):\n{all}"
    );
}

/// What must be judged, and is: the requirements that are no less than binding, and not pending.
fn binding() -> impl Iterator<Item = (&'static Requirement, &'static Judging)> {
    let judged = |it: &'static Requirement| Some((it, it.judging()?));
    catalogue::built_in()
        .requirements()
        .filter(|it| it.level == Level::Must)
        .filter_map(judged)
        .filter(|(_, judging)| judging.pending.is_none())
}

#[test]
fn what_a_gateway_must_do_is_promised_by_somebody() {
    for (requirement, judging) in binding() {
        let found = judging.evidence.iter().any(|it| matches!(it.grade, Grade::A | Grade::B));
        let id = &requirement.id;
        assert!(found, "{id} has no evidence of grade A or B: make it SHOULD, or exclude it");
    }
}

/// A check that was never seen to fail shows nothing, so a control counts, and in every profile.
#[test]
fn what_a_gateway_must_do_is_judged_by_checks_that_can_fail() {
    let entries = entries();
    let mut missing = Vec::new();
    for (requirement, _) in binding() {
        let covers = coverage::of(requirement, entries.iter().map(|it| &*it.scenario));
        for profile in &requirement.profiles {
            let is_shown = covers
                .iter()
                .any(|it| it.profiles.contains(&profile.as_str()) && !it.flipped.is_empty());
            if !is_shown {
                missing.push(format!("{} in {profile}: {}", requirement.id, requirement.text));
            }
        }
    }
    assert!(missing.is_empty(), "no scenario whose control flips:\n{}", missing.join("\n"));
}

/// The defects are planted one by one in a run of its own, whose table is committed: without a table, nothing is claimed.
#[test]
fn what_a_gateway_must_do_has_a_defect_that_was_noticed() {
    if kills::built_in().is_empty() {
        return;
    }
    let is_unnoticed =
        |(it, _): &(&Requirement, &Judging)| kills::of(&it.id).iter().all(|it| !it.killed);
    let missing: Vec<&str> = binding().filter(is_unnoticed).map(|(it, _)| it.id.as_str()).collect();
    assert!(missing.is_empty(), "no defect was planted and noticed for {}", missing.join(", "));
}

#[test]
fn every_defect_is_planted_for_a_requirement_that_is_judged() {
    for id in kills::built_in().keys() {
        let requirement = catalogue::built_in().find(id);
        assert!(requirement.is_some_and(|it| it.judging().is_some()), "{id} is not judged");
    }
}

#[test]
fn what_is_pending_is_not_judged_by_a_scenario() {
    let entries = entries();
    for requirement in catalogue::built_in().requirements() {
        let pending = requirement.judging().is_some_and(|it| it.pending.is_some());
        let covers = coverage::of(requirement, entries.iter().map(|it| &*it.scenario));
        assert!(
            !pending || covers.is_empty(),
            "{} is judged by {}: it is pending no more",
            requirement.id,
            covers[0].scenario
        );
    }
}

/// That a specification is held to says nothing unless it was seen to fail.
#[test]
fn every_specification_is_made_to_fail_by_a_control() {
    let entries = entries();
    let controls = || entries.iter().filter_map(|it| it.scenario.control.as_ref());
    for specification in creel_judge::spec::ALL {
        let id = specification.id;
        let flips = controls().any(|it| it.flips.iter().any(|flip| flip == id));
        assert!(flips, "no control makes {id} fail");
    }
}

#[test]
fn every_public_bug_has_a_scenario_or_a_reason_why_not() {
    let entries = entries();
    let scenarios: Vec<&Scenario> = entries.iter().map(|it| &*it.scenario).collect();
    let drift = bugs::drift(bugs::built_in(), &scenarios);
    assert!(drift.is_empty(), "conformance/bugs.toml:\n{}", drift.join("\n"));
}

#[test]
fn the_document_is_up_to_date() {
    let entries = entries();
    let scenarios: Vec<&Scenario> = entries.iter().map(|it| &*it.scenario).collect();
    let document = markdown::document(catalogue::built_in(), &scenarios);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("SPEC.md");
    let committed = fs::read_to_string(file).expect("the document is committed");
    let command = markdown::COMMAND;
    assert!(document == committed, "conformance/SPEC.md is out of date: run `{command}`");
}
