//! The corpus by events without controls, up to the first failure: for mutants of the core, most of which are noticed in
//! seconds. It shows less than `corpus.rs`, so it runs only when it is named.
#![expect(clippy::unwrap_used, reason = "in a test, a failure is the report")]

use creel::{
    corpus,
    report::console,
    suite::{self, Controls, Plan, Status},
};
use creel_sim::world::World;

/// How many scenarios run before somebody looks whether one failed.
const BATCH: usize = 24;

#[test]
fn nothing_fails() {
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    for entries in corpus::choose(&[]).unwrap().chunks(BATCH) {
        let controls = Controls::LeftOut;
        let plan = Plan { jobs, controls, ..Plan::new(entries.to_vec(), World::Events) };
        for outcome in suite::run(&plan, |_| ()) {
            assert!(outcome.status() == Status::Pass, "{}", console::failure_text(&plan, &outcome));
        }
    }
}
