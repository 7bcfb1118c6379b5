//! The whole built-in corpus passes on the reference gateway in simulated time, whichever engine simulates it.

use creel::{
    corpus,
    report::console,
    suite::{self, Check, Outcome, Plan, Status},
};
use creel_sim::world::World;

/// Runs the corpus; everything must be green.
fn run(world: World) -> Vec<Outcome> {
    let plan = Plan {
        entries: corpus::choose(&[]).unwrap_or_else(|error| panic!("{error}")),
        profile: None,
        seed: 1,
        world,
        target: None,
        repeat: 1,
        jobs: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    };
    let outcomes = suite::run(&plan, |_| ());
    assert!(outcomes.len() >= corpus::CORPUS.len(), "only {} cases were run", outcomes.len());
    let red: Vec<String> = outcomes
        .iter()
        .filter(|it| it.status() != Status::Pass)
        .map(|it| console::failure_text(&plan, it))
        .collect();
    assert!(red.is_empty(), "{} cases are not green:\n\n{}", red.len(), red.join("\n"));
    outcomes
}

/// A case's verdicts, a line each.
fn verdicts(outcome: &Outcome) -> String {
    let name = outcome.case.entry.scenario.name();
    let judged = outcome.result.as_ref().expect("it passed");
    let verdict = |it: &Check| format!("  {} {}", it.label, it.verdict.word());
    let checks: Vec<String> = judged.checks.iter().map(verdict).collect();
    format!("{name} {}\n{}", outcome.case.profile, checks.join("\n"))
}

/// A case whose verdict depends on the engine would be a bug of ours.
#[test]
fn every_scenario_passes_and_both_engines_agree() {
    let ticks = run(World::Turmoil);
    let events = run(World::Events);
    for (ticks, events) in ticks.iter().zip(&events) {
        assert_eq!(verdicts(ticks), verdicts(events), "in ticks, and by events");
    }
}
