//! Every way in which a run can end, with its exit code and what a person reads.

use std::{io::Read as _, process::Stdio};

use crate::{assert_said, creel, program, scenarios::Folder, without_times};

/// Runs `run/<fact>.yaml`, made from the good scenario, and compares all of what is said with `snapshots/`.
#[track_caller]
fn check(fact: &str, edits: &[(&str, &str)], code: i32) {
    let folder = Folder::new();
    folder.scenario(fact, edits);
    let ran = creel(&folder, &["run", &format!("run/{fact}.yaml"), "--nonce", "n-1"]);
    assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{}", ran.out);
    insta::assert_snapshot!(format!("run-{fact}"), without_times(&ran.out));
}

#[test]
fn a_scenario_that_passes() {
    check("passes", &[], 0);
}

#[test]
fn an_expectation_that_fails() {
    check("fails", &[("n: 1", "n: 2"), ("[exactly, visible]", "[visible]")], 1);
}

#[test]
fn an_expectation_that_is_not_exercised() {
    let gap = "gap: { from: { of: model-request, chat: alice, call: 2 }, to: { of: sent, chat: alice }, \
        between: [0s, 5s] }";
    let first = "exactly: { n: 1, of: model-request, chat: alice }";
    check("is-vacuous", &[(first, gap), ("[exactly, visible]", "[visible]")], 1);
}

#[test]
fn a_control_that_does_not_flip() {
    let (telling, silent) = ("dmPolicy\": disabled", "streaming\": partial");
    check("has-a-stuck-control", &[(telling, silent)], 1);
}

#[test]
fn a_script_that_is_too_short() {
    let more = "  - { at: 5s, send: { chat: alice, text: \"more\", as: m2 } }\nexpect:";
    check(
        "has-too-few-answers",
        &[("expect:", more), ("n: 1", "n: 2"), ("[\"hello alice\"]", "[\"a\"]")],
        2,
    );
}

#[test]
fn a_configuration_that_the_reference_refuses() {
    check("is-refused", &[("chats:", "gateway: { session: { dmScope: per-planet } }\nchats:")], 2);
}

#[test]
fn nothing_but_what_needs_virtual_time() {
    let folder = Folder::new();
    folder.scenario("is-long", &[("after: 1s", "after: 1m")]);
    let ran = creel(&folder, &["run", "run/is-long.yaml", "--world", "real"]);
    assert_said(
        &ran,
        4,
        &[
            "skipped      run/is-long",
            "it waits 63 s, and 15 s is the most",
            "skipped: 1 cases need virtual time (run them without --world real)",
            "0 passed, 0 failed",
        ],
    );
}

#[test]
fn one_that_fails_among_others_decides() {
    let folder = Folder::new();
    folder.scenario("fails", &[("n: 1", "n: 2"), ("[exactly, visible]", "[visible]")]);
    let ran = creel(&folder, &["run", "run", "-j", "2"]);
    assert_said(
        &ran,
        1,
        &["fail         run/fails", "pass         run/fine", "1 passed, 1 failed"],
    );
}

#[test]
fn colours_only_where_they_are_wanted() {
    let folder = Folder::new();
    let colour = |arguments: &[&str], no_color: Option<&str>| {
        let mut command = program::command(&folder.path());
        command.args(["run", "run/fine.yaml"]).args(arguments);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        program::run(&mut command).out.contains('\u{1b}')
    };
    assert!(!colour(&[], None), "a pipe is no terminal");
    assert!(!colour(&["--color", "auto"], Some("1")));
    assert!(!colour(&["--color", "never"], None));
    assert!(colour(&["--color", "always"], None));
    assert!(
        colour(&["--color", "always"], Some("1")),
        "what is asked for on the command line wins"
    );
}

#[test]
fn a_random_seed_is_told() {
    let ran = creel(&Folder::new(), &["run", "run/fine.yaml", "--seed", "random", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, ran.err), (0, format!("seed {}\n", report["seed"])));
}

/// A reader that has seen enough is no error, and no reason for a backtrace.
#[test]
fn output_that_nobody_reads_to_its_end() {
    let folder = Folder::new();
    for arguments in [["list", "--json"], ["completions", "bash"]] {
        let mut command = program::command(&folder.path());
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
    }
}

/// The promise stands before what was seen: its id, how binding it is, what it rests on, and what it says.
#[test]
fn a_check_that_fails_names_the_promise_that_is_broken() {
    let folder = Folder::new();
    let covers = "title: A message is answered\ncovers: [RUN-029]";
    folder.scenario(
        "promises",
        &[
            ("title: A message is answered", covers),
            ("n: 1", "n: 2"),
            ("[exactly, visible]", "[visible]"),
        ],
    );
    let ran = creel(&folder, &["run", "run/promises.yaml", "--report", "junit=junit.xml"]);
    let promise = "  fail: exactly\n    RUN-029 MUST, evidence A: A direct message MUST be answered once, in its chat.";
    assert_said(&ran, 1, &[promise]);
    let report = creel(&folder, &["run", "run/promises.yaml", "--json"]).out;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["cases"][0]["covers"], serde_json::json!(["RUN-029"]));
    assert_eq!(report["cases"][0]["checks"][0]["requirements"], serde_json::json!(["RUN-029"]));
    let junit = folder.read("junit.xml");
    assert!(junit.contains("type=\"RUN-029\""), "{junit}");
    assert!(junit.contains("<property name=\"requirement\" value=\"RUN-029\"/>"), "{junit}");
}
