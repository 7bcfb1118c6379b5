//! What the program says about itself: our public interface, in snapshots.

use serde_json::Value;

use crate::{assert_said, creel_anywhere, program::Ran};

/// Runs `creel` and compares what it says with `snapshots/`.
#[track_caller]
fn check(snapshot: &str, arguments: &[&str]) {
    let Ran { code, out, err } = creel_anywhere(arguments);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    insta::assert_snapshot!(snapshot, out);
}

#[test]
fn help() {
    check("help", &["--help"]);
}

#[test]
fn help_of_every_command() {
    let commands = [
        "run",
        "conform",
        "list",
        "lint",
        "schema",
        "target",
        "expect",
        "record",
        "replay",
        "matrix",
        "compare",
        "explain",
        "spec",
        "mutants",
        "completions",
    ];
    for command in commands {
        check(&format!("help-{command}"), &[command, "--help"]);
    }
}

#[test]
fn help_of_the_twins() {
    check("help-twin", &["twin", "--help"]);
    check("help-twin-telegram", &["twin", "telegram", "--help"]);
    check("help-twin-openai", &["twin", "openai", "--help"]);
    check("help-twin-mcp", &["twin", "mcp", "--help"]);
}

#[test]
fn help_of_targets() {
    for command in ["list", "init", "doctor"] {
        check(&format!("help-target-{command}"), &["target", command, "--help"]);
    }
    check("help-expect-update", &["expect", "update", "--help"]);
}

#[test]
fn help_of_the_gateway() {
    check("help-gateway", &["gateway", "--help"]);
    check("help-gateway-serve", &["gateway", "serve", "--help"]);
    check("help-gateway-check-config", &["gateway", "check-config", "--help"]);
    check("help-gateway-pairing", &["gateway", "pairing", "--help"]);
    check("help-gateway-pairing-approve", &["gateway", "pairing", "approve", "--help"]);
}

/// A command that was added and has no snapshot is found here.
#[test]
fn every_command_has_a_snapshot() {
    let known = [
        "run",
        "conform",
        "list",
        "lint",
        "schema",
        "target",
        "expect",
        "replay",
        "matrix",
        "compare",
        "record",
        "explain",
        "spec",
        "mutants",
        "twin",
        "completions",
        "gateway",
        "help",
    ];
    let out = creel_anywhere(&["--help"]).out;
    let section = out.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands: Vec<&str> = section
        .lines()
        .filter(|it| it.starts_with("  ") && !it.starts_with("   "))
        .filter_map(|it| it.split_whitespace().next())
        .collect();
    assert_eq!(commands, known);
}

#[test]
fn schema() {
    check("schema", &["schema"]);
    check("schema-report", &["schema", "report"]);
}

#[test]
fn the_base_configuration() {
    check("explain-base", &["explain", "base"]);
    check("explain-base-2026.9", &["explain", "base", "--profile", "2026.9"]);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        assert_said(&creel_anywhere(&["completions", shell]), 0, &["creel", "replay", "target"]);
    }
}

#[test]
fn the_selectors_in_the_examples_choose_something() {
    let out = creel_anywhere(&["--help"]).out;
    let example = out.lines().find(|it| it.contains("a glob over ids")).unwrap();
    let glob = example.split('\'').nth(1).expect("a glob is quoted, or the shell reads it");
    assert_said(&creel_anywhere(&["list", glob]), 0, &["routing/"]);
}

#[test]
fn a_list_for_machines_is_json() {
    let ran = creel_anywhere(&["list", "run", "--json"]);
    let rows: Value = serde_json::from_str(&ran.out).unwrap();
    let row = rows.as_array().unwrap().iter().find(|it| it["id"] == "run/fine").unwrap();
    assert_eq!(row["profiles"], serde_json::json!(["2026.3"]));
}
