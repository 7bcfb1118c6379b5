//! The rules about Rust files: what they may name, how they begin, how long they are, what must not stay in them.

use crate::tree::{Breach, File};

/// The most lines of code in a file: those that are neither blank nor only a comment. Tests count, wherever they stand,
/// since whoever reads the file scrolls past them too.
const LINES_MAX: usize = 400;

/// Who may not name what, in code or in a manifest.
const SILENCE: [(&str, &[&str], &str); 2] = [
    (
        "gateway/",
        &["turmoil", "creel_sim", "creel-sim", "creel_judge", "creel-judge"],
        "the gateway must not know that it is simulated: pass what it needs as an argument",
    ),
    (
        "conformance/judge/",
        &[
            "creel_core",
            "creel-core",
            "creel_gateway",
            "creel-gateway",
            "creel_document",
            "creel-document",
            "creel_sim",
            "creel-sim",
        ],
        "a mistake in the gateway's types must not hide itself: say it in the trace's words",
    ),
];

fn is_rust(file: &File) -> bool {
    file.has_extension("rs")
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// The gateway never names the simulator, the judge never the gateway. Comments may.
pub(crate) fn names_only_what_it_may(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (folder, words, to_do) in SILENCE {
        let is_theirs = |file: &&File| {
            file.name.starts_with(folder) && (is_rust(file) || file.name.ends_with("Cargo.toml"))
        };
        for file in files.iter().filter(is_theirs) {
            for (number, line) in file.lines().filter(|(_, line)| !is_comment(line)) {
                if let Some(word) = words.iter().find(|it| line.contains(**it)) {
                    breaches.push(file.breach(number, format!("names `{word}`"), to_do));
                }
            }
        }
    }
    breaches
}

/// A file begins with what it is for. Modules of unit tests are for what is beside them.
pub(crate) fn begins_with_its_purpose(files: &[File]) -> Vec<Breach> {
    let is_unit_tests = |file: &File| {
        file.name.ends_with("/tests.rs")
            || (file.name.contains("/src/") && file.name.contains("/tests/"))
    };
    let silent = |file: &&File| !file.text.starts_with("//! ") && !is_unit_tests(file);
    let breach = |file: &File| {
        let what = "does not begin with its purpose".to_owned();
        file.breach(1, what, "begin with `//!` and a line that says what the file is for")
    };
    files.iter().filter(|it| is_rust(it)).filter(silent).map(breach).collect()
}

/// A file is short enough to be read.
pub(crate) fn is_short(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|it| is_rust(it)) {
        let code = file.lines().filter(|(_, line)| !line.trim().is_empty() && !is_comment(line));
        let numbers: Vec<usize> = code.map(|(number, _)| number).collect();
        if let Some(first_beyond) = numbers.get(LINES_MAX) {
            let what = format!("has {} lines of code, {LINES_MAX} are the most", numbers.len());
            breaches.push(file.breach(*first_beyond, what, "split it by concept"));
        }
    }
    breaches
}

/// What somebody meant to come back to is an issue, not a comment; a test runs, or it goes.
pub(crate) fn has_no_leftovers(files: &[File]) -> Vec<Breach> {
    // Put together here, so that this file does not hold them.
    let words = [["FIX", "ME"], ["XX", "X"], ["TO", "DO"]].map(|it| it.concat());
    let code = [
        ["todo", "!("],
        ["unimplemented", "!("],
        ["dbg", "!("],
        ["#[ign", "ore"],
        ["#[should", "_panic"],
    ]
    .map(|it| it.concat());
    let is_ours = |file: &&File| {
        ["rs", "toml", "yaml", "yml", "md", "sh", "py"].iter().any(|it| file.has_extension(it))
    };
    let mut breaches = Vec::new();
    for file in files.iter().filter(is_ours) {
        for (number, line) in file.lines() {
            let word = words.iter().find(|it| has_word(line, it));
            let code =
                code.iter().find(|it| file.has_extension("rs") && line.contains(it.as_str()));
            if let Some(found) = word.or(code) {
                let what = format!("was left over, with `{found}`");
                breaches.push(file.breach(number, what, "do it, or take it out"));
            }
        }
    }
    breaches
}

/// Whether a line holds a word with nothing of a word around it.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let is_inside = |it: char| it.is_alphanumeric() || it == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|it| it.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|it| it.chars().next());
        !before.is_some_and(is_inside) && !after.is_some_and(is_inside)
    })
}
