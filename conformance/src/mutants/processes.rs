//! Lying gateways as processes of others: does the suite catch each over real sockets, too, and let the honest one pass?
//!
//! On the machine's clock a scenario takes as long as it takes, so a liar meets those first that are known to catch it in
//! simulated time, one after the other until a check fails.

use std::path::Path;

use creel_sim::{
    fakes::{Fake, Lie},
    target::Target,
    world::{self, RealClock, needs_virtual_time, real::Keep},
};

use super::liars::{Caught, evidence};
use crate::{
    corpus::Entry,
    suite::{self, Controls, Outcome, Plan, Status},
};

/// How a fake is started. `NAME` stands for its name.
const MANIFEST: &str = r#"
name = "NAME"
profiles = ["2026.3", "2026.9"]
argv = [
  "{{ creel }}", "fake-gateway", "--config", "{{ config_file }}", "--state-dir", "{{ state_dir }}",
  "--profile", "{{ profile }}", "--lie", "NAME",
]
[ready]
within-s = 30
"#;

/// The manifest of a fake.
fn target(fake: Fake) -> Target {
    toml::from_str(&MANIFEST.replace("NAME", fake.name())).expect("the manifest is one")
}

/// The scenarios that a real clock can show.
pub fn able(entries: &[Entry]) -> Vec<Entry> {
    entries
        .iter()
        .filter(|it| needs_virtual_time(&it.scenario, RealClock::Wall).is_none())
        .cloned()
        .collect()
}

/// Runs scenarios on a fake that the program `creel` serves.
fn run(fake: Fake, entries: Vec<Entry>, creel: &Path, jobs: usize) -> Vec<Outcome> {
    let world = world::real(target(fake), creel.to_owned(), Keep::No);
    let plan = Plan { jobs, controls: Controls::LeftOut, ..Plan::new(entries, world) };
    suite::run(&plan, |_| ())
}

/// The cases in which the honest fake is found wrong. Where the machine was too slow to tell, it is not.
pub fn wrongly_accused(entries: &[Entry], creel: &Path, jobs: usize) -> Vec<Outcome> {
    let mut outcomes = run(Fake::Honest, able(entries), creel, jobs);
    outcomes.retain(|it| !matches!(it.status(), Status::Pass | Status::Inconclusive));
    outcomes
}

/// Lets a liar meet one scenario after the other, those of the ids `first` before all others, until a check fails it that
/// does not fail the honest one at the same time: a machine that is too busy accuses both.
pub fn catch(lie: Lie, first: &[&str], entries: &[Entry], creel: &Path) -> Caught {
    let mut able = able(entries);
    able.sort_by_key(|it| !first.contains(&it.scenario.id.as_str()));
    let failed = |fake, entry: &Entry| {
        let outcomes = run(fake, vec![entry.clone()], creel, 2);
        outcomes.iter().filter_map(evidence).collect::<Vec<_>>()
    };
    for entry in &able {
        let by = failed(Fake::Liar(lie), entry);
        if !by.is_empty() && failed(Fake::Honest, entry).is_empty() {
            return Caught { lie, by };
        }
    }
    Caught { lie, by: Vec::new() }
}
