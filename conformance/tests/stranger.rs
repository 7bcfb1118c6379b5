//! TEST-YOUR-GATEWAY.md, followed to the letter: the files that it shows are written, its commands run in their order.
#![expect(clippy::unwrap_used, reason = "in a test, a failure is the report")]

#[path = "support/program.rs"]
mod program;

use std::{fs, process::Command};

use program::Ran;

const PAGE: &str = include_str!("../TEST-YOUR-GATEWAY.md");

/// What stands behind a command that does not end with 0.
const ENDS_WITH: &str = "# ends with ";

/// A block of the page: its language, the file that it is, if any, and its text.
struct Block<'a> {
    language: &'a str,
    file: Option<&'a str>,
    text: &'a str,
}

fn blocks(page: &'static str) -> Vec<Block<'static>> {
    // Text and blocks take turns.
    let blocks = page.split("\n```").skip(1).step_by(2);
    blocks
        .map(|it| {
            let (head, text) = it.split_once('\n').unwrap();
            let (language, file) = head.split_once(' ').map_or((head, None), |(a, b)| (a, Some(b)));
            Block { language, file, text }
        })
        .collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "that a test judged nothing must be said")]
fn the_page_works_as_it_stands() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no python3, which the page's gateway is written in");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut ran = Vec::new();
    for Block { language, file, text } in blocks(PAGE) {
        match (language, file) {
            (_, Some(file)) => fs::write(folder.path().join(file), text).unwrap(),
            ("sh", None) => {
                let commands = text.lines().filter(|it| it.starts_with("creel "));
                ran.extend(commands.map(|it| (it, follow(folder.path(), it))));
            }
            _ => (),
        }
    }
    assert_eq!(ran.len(), 9, "commands were added or are no longer found");
    let manifest = fs::read_to_string(folder.path().join("my-gateway.toml")).unwrap();
    assert!(manifest.lines().count() < 60);
    let said = |index: usize, words: &str| {
        let (command, Ran { out, .. }) = &ran[index];
        assert!(out.contains(words), "`{command}` does not say `{words}`:\n{out}");
    };
    said(0, "it is fit to be judged");
    said(2, " 0 failed");
    said(3, "RUN-019 MUST");
    said(5, "new          run/no-reply-is-silent");
    said(6, "1 known failing");
    for file in ["report.json", "report.html", "report.md", "junit.xml", "badge.svg"] {
        assert!(folder.path().join("creel-report").join(file).exists(), "{file}");
    }
}

/// Runs a command of the page, which must end as the page says.
#[track_caller]
fn follow(folder: &std::path::Path, line: &str) -> Ran {
    let (line, code) = line
        .split_once(ENDS_WITH)
        .map_or((line, 0), |(line, code)| (line, code.trim().parse().unwrap()));
    let words = line.split('#').next().unwrap_or_default().split_whitespace().skip(1);
    let ran = program::run(program::command(folder).args(words));
    assert_eq!(ran.code, code, "`{line}`\n{}\n{}", ran.out, ran.err);
    ran
}
