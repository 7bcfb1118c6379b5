//! The reference gateway's core agrees with the executable specifications, on configurations and arrivals that nobody
//! wrote down.
//!
//! A disagreement shrinks to the smallest case that still shows it and is printed so that it can be replayed: turns as a
//! scenario file for `creel run`, tables as configuration and message. Cases are the same on every machine;
//! `PROPTEST_CASES=20000 cargo test -p creel --test specification` tries more of them.

mod alone;
mod failover;
mod fans;
mod keys;
mod lives;
mod routes;
mod script;
mod turns;

use creel_core::profile::Version;
use creel_gateway::settings::{self, Settings, Source};
use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Debug, path::Path};

/// Tries so many cases, the same ones each time, unless `PROPTEST_CASES` asks for more.
fn try_all<S>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S: Strategy,
    S::Value: Debug,
{
    let asked = Config::default();
    let cases = if asked.cases == 256 { cases } else { asked.cases };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..asked };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    if let Err(error) = runner.run(strategy, test) {
        panic!("{error}");
    }
}

/// The gateway's settings, read as the gateway reads them.
fn load(
    config: &Value,
    files: &BTreeMap<String, String>,
    profile: &str,
    zone: &str,
) -> Result<Settings, String> {
    let version = Version::ALL.into_iter().find(|it| it.name() == profile).expect("a version");
    let loaded = settings::load(&Source {
        name: "openclaw.json",
        text: &config.to_string(),
        version,
        env: &|name| (name == "TZ").then(|| zone.to_owned()),
        state_file: &|file| Ok(files.get(file).cloned()),
        state_dir: Path::new("/state"),
        cpus: 2,
    });
    loaded.map(|it| it.settings).map_err(|it| it.plain())
}
