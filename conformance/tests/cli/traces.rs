//! Traces: written by a run, judged again without a gateway.

use crate::{assert_refused, assert_said, creel, program::Ran, scenarios::Folder};

/// A folder with the trace of the good scenario in `trace.jsonl`.
fn recorded() -> Folder {
    let folder = Folder::new();
    let ran = creel(&folder, &["run", "run/fine.yaml", "--trace", "trace.jsonl"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    folder
}

fn replay(folder: &Folder) -> Ran {
    creel(folder, &["replay", "trace.jsonl", "--scenario", "run/fine.yaml"])
}

#[test]
fn a_replay_gives_the_same_verdicts() {
    let folder = recorded();
    let ran = replay(&folder);
    assert_said(
        &ran,
        0,
        &["pass           exactly", "pass           visible", " checks, 0 failed"],
    );
    let report = creel(&folder, &["run", "run/fine.yaml", "--json"]).out;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let checks = report["cases"][0]["checks"].as_array().unwrap();
    let text = |it: &serde_json::Value| it.as_str().unwrap().to_owned();
    let ids = |it: &serde_json::Value| {
        let ids: Vec<String> = it.as_array().into_iter().flatten().map(text).collect();
        if ids.is_empty() { String::new() } else { format!("  {}", ids.join(" ")) }
    };
    let line = |it: &serde_json::Value| {
        format!("{:<14} {}{}", text(&it["verdict"]), text(&it["label"]), ids(&it["requirements"]))
    };
    let expected: Vec<String> = checks
        .iter()
        .map(line)
        .chain([format!("trace {}", text(&report["cases"][0]["trace_hash"]))])
        .collect();
    let said: Vec<&str> = ran.out.lines().collect();
    assert_eq!(said[..expected.len()], expected);
}

#[test]
fn a_trace_that_was_altered_turns_red() {
    let folder = recorded();
    let trace = folder.read("trace.jsonl");
    folder.write("trace.jsonl", &trace.replace("hello alice", "hello bob"));
    assert_said(&replay(&folder), 1, &["fail           visible", "hello bob", "▶"]);

    let sent: Vec<&str> = trace.lines().filter(|it| !it.contains("\"kind\":\"sent\"")).collect();
    folder.write("trace.jsonl", &sent.join("\n"));
    assert_said(&replay(&folder), 1, &["fail           visible", "fail           I5"]);
}

/// As in a run, an expectation that nothing exercised is not green.
#[test]
fn a_trace_that_exercises_nothing_is_not_green() {
    let folder = Folder::new();
    let gap = "gap: { from: { of: edited }, to: { of: sent }, between: [0s, 5s] }";
    let first = "exactly: { n: 1, of: model-request, chat: alice }";
    folder.scenario("fine", &[(first, gap), ("[exactly, visible]", "[visible]")]);
    creel(&folder, &["run", "run/fine.yaml", "--trace", "trace.jsonl"]);
    assert_said(&replay(&folder), 1, &["vacuous        gap", "because   there was no `edited`"]);
}

#[test]
fn a_built_in_scenario_needs_no_file() {
    let folder = Folder::new();
    let id = "routing/dm-is-another-name-of-direct";
    let ran = creel(&folder, &["run", id, "--profile", "2026.3", "--trace", "a/trace.jsonl"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_said(&creel(&folder, &["replay", "a/trace.jsonl"]), 0, &[" 0 failed"]);
}

/// Both profiles of a scenario are two cases, so two files in a folder.
#[test]
fn traces_of_many_cases_are_files_of_a_folder() {
    let folder = Folder::new();
    let id = "routing/dm-is-another-name-of-direct";
    creel(&folder, &["run", id, "--trace", "traces"]);
    for profile in ["2026.3", "2026.9"] {
        let trace =
            folder.read(&format!("traces/routing-dm-is-another-name-of-direct-{profile}.jsonl"));
        assert!(trace.starts_with("{\"creel_trace\":1,"), "{trace}");
    }
}

#[test]
fn what_is_no_trace_is_refused() {
    let folder = recorded();
    let ran = creel(&folder, &["replay", "trace.jsonl"]);
    assert_refused(
        &ran,
        2,
        &["scenario `run/fine` is not built in: give its file with `--scenario`"],
    );
    assert_refused(
        &creel(&folder, &["replay", "none.jsonl"]),
        2,
        &["read none.jsonl: No such file"],
    );
    assert_refused(
        &creel(&folder, &["replay", "run/fine.yaml"]),
        2,
        &["line 1 is not a trace line"],
    );
    folder.scenario("other", &[]);
    let ran = creel(&folder, &["replay", "trace.jsonl", "--scenario", "run/other.yaml"]);
    assert_refused(&ran, 2, &["the trace is of scenario `run/fine`"]);
    folder.write(
        "trace.jsonl",
        &folder.read("trace.jsonl").replace("creel_trace\":1", "creel_trace\":99"),
    );
    assert_refused(&replay(&folder), 2, &["99"]);
}
