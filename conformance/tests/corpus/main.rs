//! The whole built-in corpus passes on the reference gateway in simulated time, whichever engine simulates it.
#![expect(clippy::unwrap_used, reason = "in a test, a failure is the report")]

mod determinism;
#[path = "../support/program.rs"]
mod program;

use std::sync::OnceLock;

use creel::{
    corpus,
    report::console,
    suite::{self, Check, Controls, Outcome, Plan, Status},
};
use creel_sim::world::World;

/// Controls are run by events alone: where both engines agree on every verdict, a second time shows nothing more.
fn plan(world: World) -> Plan {
    let controls = match world {
        World::Events => Controls::Run,
        _ => Controls::LeftOut,
    };
    Plan { controls, ..Plan::new(Vec::new(), world) }
}

/// Runs the corpus.
fn run(world: World) -> Vec<Outcome> {
    let entries = corpus::choose(&[]).unwrap_or_else(|error| panic!("{error}"));
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let plan = Plan { entries, jobs, ..plan(world) };
    suite::run(&plan, |_| ())
}

#[track_caller]
fn assert_green(outcomes: &[Outcome]) {
    let red: Vec<String> = outcomes
        .iter()
        .filter(|it| it.status() != Status::Pass)
        .map(|it| console::failure_text(&plan(World::Turmoil), it))
        .collect();
    assert!(red.is_empty(), "{} cases are not green:\n\n{}", red.len(), red.join("\n"));
}

/// A case's verdicts, a line each. Whether a check that is always on was exercised may depend on what happens in one and the
/// same instant, so there `vacuous` is as good as `pass`.
fn verdicts(outcome: &Outcome) -> String {
    let name = outcome.case.entry.scenario.name();
    let word = |it: &Check| match it.verdict.word() {
        "vacuous" if it.line.is_none() => "pass",
        word => word,
    };
    let verdict = |it: &Check| format!("  {} {}", it.label, word(it));
    let checks: Vec<String> = match &outcome.result {
        Ok(judged) => judged.checks.iter().map(verdict).collect(),
        Err(missing) => vec![format!("{missing:?}")],
    };
    format!("{name} {}\n{}", outcome.case.profile, checks.join("\n"))
}

/// The corpus in turmoil's ticks. Tests share one run.
fn in_ticks() -> &'static [Outcome] {
    static RUN: OnceLock<Vec<Outcome>> = OnceLock::new();
    RUN.get_or_init(|| run(World::Turmoil))
}

/// The corpus by events. Tests share one run.
fn by_events() -> &'static [Outcome] {
    static RUN: OnceLock<Vec<Outcome>> = OnceLock::new();
    RUN.get_or_init(|| run(World::Events))
}

#[test]
fn every_scenario_passes_in_ticks() {
    assert!(in_ticks().len() >= corpus::CORPUS.len(), "only {} cases were run", in_ticks().len());
    assert_green(in_ticks());
}

#[test]
fn every_scenario_passes_by_events() {
    assert!(by_events().len() >= corpus::CORPUS.len(), "only {} cases were run", by_events().len());
    assert_green(by_events());
}

/// A case whose verdict depends on the engine would be a bug of ours.
#[test]
fn both_engines_agree() {
    for (ticks, events) in in_ticks().iter().zip(by_events()) {
        assert_eq!(verdicts(ticks), verdicts(events), "in ticks, and by events");
    }
}
