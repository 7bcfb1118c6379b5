//! The whole built-in corpus passes on the reference gateway in simulated time.

use creel::{
    corpus,
    report::console,
    suite::{self, Plan, Status},
};
use creel_sim::world::World;

#[test]
fn every_scenario_passes() {
    let plan = Plan {
        entries: corpus::choose(&[]).unwrap_or_else(|error| panic!("{error}")),
        profile: None,
        seed: 1,
        world: World::Turmoil,
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
}
