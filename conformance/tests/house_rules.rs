//! The rules of the house that no compiler knows: ARCHITECTURE.md's table and STYLE.md's limits, executable.
#![expect(clippy::unwrap_used, reason = "in a test, a failure is the report")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Which of our crates may depend on which: the whole architecture in seven rows.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("gateway/core", &[]),
    ("gateway/document", &[]),
    ("gateway", &["creel-core", "creel-document"]),
    ("conformance/judge", &[]),
    ("sim", &["creel-core", "creel-document", "creel-gateway", "creel-judge"]),
    ("conformance", &["creel-core", "creel-document", "creel-gateway", "creel-judge", "creel-sim"]),
    (
        "benches",
        &["creel-core", "creel-document", "creel-gateway", "creel-judge", "creel-sim", "creel"],
    ),
];

/// What the pure core may name: nothing that could reach a clock, a socket or a thread.
const CORE_DEPENDENCIES: [&str; 2] = ["thiserror", "unicode-segmentation"];

const TOP_LEVEL: [&str; 8] =
    ["gateway", "sim", "scenarios", "conformance", "benches", ".ci", ".cargo", ".github"];

/// Lines of code in a file: not blank, not comment.
const LINES_MAX: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file that git knows or would take, with its text if it is one.
fn files() -> Vec<(String, String)> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "git lists the files of a checkout");
    let names = String::from_utf8(output.stdout).unwrap();
    let read = |name: &str| Some((name.to_owned(), fs::read_to_string(root().join(name)).ok()?));
    names.lines().filter_map(read).collect()
}

fn sources() -> Vec<(String, String)> {
    let is_rust =
        |(name, _): &(String, String)| Path::new(name).extension().is_some_and(|it| it == "rs");
    files().into_iter().filter(is_rust).collect()
}

fn dependencies(member: &str, table: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let found = manifest.get(table).and_then(|it| it.as_table());
    found.into_iter().flat_map(|it| it.keys().cloned()).collect()
}

#[test]
fn crates_depend_only_downwards() {
    for (member, allowed) in ALLOWED {
        for name in dependencies(member, "dependencies") {
            let ours = name == "creel" || name.starts_with("creel-");
            assert!(
                !ours || allowed.contains(&name.as_str()),
                "`{member}` must not depend on `{name}`"
            );
        }
    }
    for name in dependencies("gateway/core", "dependencies") {
        assert!(
            CORE_DEPENDENCIES.contains(&name.as_str()),
            "the pure core must not depend on `{name}`"
        );
    }
}

/// Lines of `text` that name any of `words` outside comments.
fn naming<'a>(text: &'a str, words: &[&str]) -> Vec<(usize, &'a str)> {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let lines = text.lines().enumerate().filter(|(_, line)| code(line));
    lines
        .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
        .map(|(index, line)| (index + 1, line))
        .collect()
}

#[test]
fn the_gateway_names_no_simulator_and_the_judge_no_gateway() {
    let rules: [(&str, &[&str]); 2] = [
        ("gateway/", &["turmoil", "creel_sim", "creel_judge"]),
        ("conformance/judge/", &["creel_core", "creel_gateway", "creel_sim", "creel_document"]),
    ];
    for (folder, words) in rules {
        for (name, text) in sources().iter().filter(|(name, _)| name.starts_with(folder)) {
            for (line, found) in naming(text, words) {
                panic!("{name}:{line}: names one of {words:?}: {found}");
            }
        }
    }
    assert_eq!(naming("// turmoil\nuse turmoil::net;", &["turmoil"]).len(), 1, "the rule can fail");
}

fn lines_of_code(text: &str) -> usize {
    text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with("//")).count()
}

#[test]
fn files_say_what_they_are_for_and_are_short() {
    for (name, text) in sources() {
        let is_tests = name.ends_with("/tests.rs") || name.contains("/tests/");
        assert!(
            is_tests || text.starts_with("//!"),
            "{name}:1: begin with `//!` and what the file is for"
        );
        let lines = lines_of_code(&text);
        assert!(
            lines <= LINES_MAX,
            "{name}: {lines} lines of code, {LINES_MAX} are the most: split it by concept"
        );
    }
    assert_eq!(lines_of_code("// a\n\nb\n  // c\nd"), 2, "the rule can count");
}

#[test]
fn nothing_is_left_over() {
    // Put together here, so that this file does not hold them.
    let marks = ["FIX", "XX", "todo!", "unimplemented!"].map(str::to_owned);
    let marks = [
        format!("{}ME", marks[0]),
        format!("{}X", marks[1]),
        format!("{}(", marks[2]),
        format!("{}(", marks[3]),
    ];
    let homes =
        ["/ro", "/ho", "/wo"].iter().zip(["ot/", "me/", "rk/"]).map(|(a, b)| format!("{a}{b}"));
    let homes: Vec<String> = homes.collect();
    for (name, text) in files().iter().filter(|(name, _)| name != "Cargo.lock") {
        for (index, line) in text.lines().enumerate() {
            let place = format!("{name}:{}", index + 1);
            let mark = marks.iter().find(|it| line.contains(it.as_str()));
            assert!(mark.is_none() || !name.ends_with(".rs"), "{place}: left over: {line}");
            let home = homes.iter().find(|it| {
                let before = line.split(it.as_str()).next().unwrap_or_default();
                line.contains(it.as_str())
                    && !before.ends_with(|c: char| c.is_alphanumeric() || "_.-}/".contains(c))
            });
            assert!(home.is_none(), "{place}: a path of one machine: {line}");
        }
    }
}

#[test]
fn folders_are_the_agreed_ones() {
    let folders: BTreeSet<String> = files()
        .iter()
        .filter_map(|(name, _)| name.split_once('/').map(|(folder, _)| folder.to_owned()))
        .collect();
    for folder in folders {
        assert!(TOP_LEVEL.contains(&folder.as_str()), "`{folder}/` is not one of {TOP_LEVEL:?}");
    }
}

#[test]
fn every_dependency_is_used_and_says_why() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    let theirs = section.split("# Theirs").nth(1).unwrap();
    let obvious = ["serde", "serde_json", "thiserror", "tokio", "tracing", "tracing-subscriber"];
    let sources = sources();
    for line in theirs.lines().filter(|it| it.contains(" = ")) {
        let name = line.split(" = ").next().unwrap().trim();
        let explained = line.split('"').next_back().is_some_and(|it| it.contains("# "));
        assert!(
            explained || obvious.contains(&name),
            "Cargo.toml: `{name}` does not say why it is there"
        );
        let module = name.replace('-', "_");
        let used = sources.iter().any(|(_, text)| text.contains(&module));
        assert!(used, "Cargo.toml: `{name}` is used by no source file: remove it");
    }
    for (member, _) in ALLOWED {
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        assert!(
            !manifest.contains("version = "),
            "{member}/Cargo.toml: versions stand in the root manifest"
        );
    }
}
