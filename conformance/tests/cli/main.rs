//! The command line as its users meet it: what it says, and which exit code it leaves.
//!
//! `INSTA_UPDATE=always cargo test -p creel --test cli` writes the snapshots anew.

mod help;
#[path = "../support/program.rs"]
mod program;
mod refusals;
mod reports;
mod requirements;
#[path = "../support/scenarios.rs"]
mod scenarios;
mod shape;
mod targets;
mod timelines;
mod traces;
mod verdicts;

use program::Ran;
use scenarios::Folder;

/// Runs `creel` in a test's folder.
fn creel(folder: &Folder, arguments: &[&str]) -> Ran {
    program::run(program::command(&folder.path()).args(arguments))
}

/// Runs `creel` in a folder with the one good scenario in it.
fn creel_anywhere(arguments: &[&str]) -> Ran {
    creel(&Folder::new(), arguments)
}

/// Fails, with everything that was said, unless the exit code is this one and standard error holds all of this.
#[track_caller]
fn assert_refused(ran: &Ran, code: i32, says: &[&str]) {
    assert_eq!(ran.code, code, "{ran:#?}");
    for words in says {
        assert!(ran.err.contains(words), "standard error lacks `{words}`:\n{}", ran.err);
    }
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}

/// Fails, with everything that was said, unless the exit code is this one and standard output holds all of this.
#[track_caller]
fn assert_said(ran: &Ran, code: i32, says: &[&str]) {
    assert_eq!(ran.code, code, "{ran:#?}");
    for words in says {
        assert!(ran.out.contains(words), "standard output lacks `{words}`:\n{}", ran.out);
    }
    assert!(ran.err.is_empty(), "{}", ran.err);
}

/// A text without what depends on the machine's speed: durations in `ms`, and seconds of the whole run.
fn without_times(text: &str) -> String {
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let mut kept = words.clone();
        for (index, pair) in words.windows(2).enumerate() {
            let measured = pair[1] == "ms" || pair[1] == "s;";
            if measured && pair[0].parse::<f64>().is_ok() {
                kept[index] = "…";
            }
        }
        kept.join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
