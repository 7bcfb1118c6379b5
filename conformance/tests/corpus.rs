//! The whole built-in corpus passes on the reference gateway in simulated time, every case twice with one hash.

use creel::{
    corpus,
    report::console,
    suite::{self, Outcome, Plan, Status},
};
use creel_sim::world::World;

fn plan(seed: u64, jobs: usize) -> Plan {
    let entries = corpus::choose(&[]).unwrap_or_else(|error| panic!("{error}"));
    Plan { entries, profile: None, seed, world: World::Turmoil, target: None, jobs }
}

fn hashes(outcomes: &[Outcome]) -> Vec<(String, String, String)> {
    let row = |it: &Outcome| {
        let judged = it.result.as_ref().unwrap_or_else(|missing| panic!("{missing:?}"));
        (it.case.entry.scenario.id.clone(), it.case.profile.clone(), judged.trace.hash())
    };
    outcomes.iter().map(row).collect()
}

#[test]
fn every_scenario_passes_and_is_the_same_run_each_time() {
    let plan_1 = plan(1, 2);
    let outcomes = suite::run(&plan_1, |_| ());
    let red: Vec<String> = outcomes
        .iter()
        .filter(|it| it.status() != Status::Pass)
        .map(|it| console::failure_text(&plan_1, it))
        .collect();
    assert!(red.is_empty(), "{} cases are not green:\n{}", red.len(), red.join("\n"));
    let first = hashes(&outcomes);
    // One at a time instead of two: the neighbours of a simulation must not matter.
    let again = hashes(&suite::run(&plan(1, 1), |_| ()));
    assert_eq!(first, again, "the same seed, in the same process");
    let other = hashes(&suite::run(&plan(2, 2), |_| ()));
    for (one, two) in first.iter().zip(&other) {
        assert_ne!(one, two, "another seed is another run");
    }
}

#[test]
fn every_scenario_has_a_control() {
    for entry in corpus::choose(&[]).unwrap_or_else(|error| panic!("{error}")) {
        assert!(
            entry.scenario.control.is_some(),
            "{} has no control: no check of it was seen to fail",
            entry.file
        );
    }
}
