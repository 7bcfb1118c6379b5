//! Same seed, same bytes, also in another process. (In one process: `corpus.rs`, with the corpus itself.)
#![expect(clippy::unwrap_used, reason = "in a test, a failure is the report")]

use std::process::Command;

use serde_json::Value;

/// Runs two areas in a process of their own: case to hash.
fn hashes(seed: &str, jobs: &str) -> Vec<(String, String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_creel"))
        .args(["run", "queue", "run", "--json", "--seed", seed, "-j", jobs])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |case: &Value, key: &str| case[key].as_str().unwrap().to_owned();
    let cases = report["cases"].as_array().unwrap();
    assert!(cases.len() > 20, "only {} cases ran", cases.len());
    cases
        .iter()
        .map(|it| (text(it, "scenario"), text(it, "profile"), text(it, "trace_hash")))
        .collect()
}

#[test]
fn two_processes_see_the_same_traces() {
    let first = hashes("7", "2");
    assert_eq!(first, hashes("7", "1"), "the same seed in another process");
    let other = hashes("8", "2");
    assert!(first.iter().zip(&other).all(|(one, two)| one.2 != two.2), "another seed");
}
