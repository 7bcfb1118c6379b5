//! Targets, and what is known to fail on them.

use super::{Folder, assert_refused, assert_said, creel, creel_anywhere};

/// A scenario that expects another answer than the one that comes.
fn failing() -> Folder {
    let folder = Folder::new();
    folder.scenario("fails", &[("texts: [\"hello alice\"]", "texts: [\"hello bob\"]")]);
    folder
}

fn list(folder: &Folder, message: &str) {
    folder.write(
        "my.expect.toml",
        &format!(
            "# What we know of.\n\n[[known-failing]]\ncase = \"run/fails\"\ncheck = \"visible\"\n\
             message = '{message}'\nlink = \"https://example.org/1\"\n"
        ),
    );
}

const RUN: [&str; 6] =
    ["run", "run/fails.yaml", "--world", "events", "--without-controls", "--expect"];

#[test]
fn what_is_known_to_fail_leaves_a_run_green() {
    let folder = failing();
    list(&folder, "\"hello alice\"");
    let ran = creel(&folder, &[&RUN[..], &["my.expect.toml"]].concat());
    assert_said(&ran, 0, &["known failing run/fails", "0 passed, 0 failed", "1 known failing"]);
}

#[test]
fn what_fails_in_other_words_is_no_known_failure() {
    let folder = failing();
    list(&folder, "\"hello carol\"");
    let ran = creel(&folder, &[&RUN[..], &["my.expect.toml"]].concat());
    assert_said(
        &ran,
        1,
        &["stale: my.expect.toml:3: `visible` is listed, and it failed in other words"],
    );
}

#[test]
fn what_is_listed_and_passes_is_stale() {
    let folder = failing();
    folder.scenario("fails", &[]);
    list(&folder, "\"hello alice\"");
    let ran = creel(&folder, &[&RUN[..], &["my.expect.toml"]].concat());
    assert_said(&ran, 1, &["stale        ", "`visible` is listed, and it was pass"]);
}

#[test]
fn a_list_that_is_wrong_is_refused_with_all_that_is_wrong() {
    let folder = failing();
    list(&folder, "…");
    let ran = creel(&folder, &["run", "run/fine.yaml", "--expect", "my.expect.toml"]);
    let says = [
        "no case is called `run/fails`",
        "expected words that are observed",
        "`my.expect.toml` is no list",
    ];
    assert_refused(&ran, 2, &says);
}

#[test]
fn a_list_is_not_written_from_a_part_of_a_run() {
    let folder = failing();
    let run = [
        "run",
        "run/fine.yaml",
        "--world",
        "events",
        "--without-controls",
        "--report",
        "json=r.json",
    ];
    assert_eq!(creel(&folder, &run).code, 0);
    let update = ["expect", "update", "r.json", "--target", "reference"];
    assert_refused(
        &creel(&folder, &update),
        2,
        &["`reference` is built in: say which file with `--file`"],
    );
    let update = [&update[..], &["--file", "my.expect.toml"]].concat();
    assert_refused(&creel(&folder, &update), 2, &["r.json is of a run that left a part out"]);
}

#[test]
fn a_manifest_is_begun_and_not_written_over() {
    let folder = Folder::new();
    let ran = creel(&folder, &["target", "init", "mine"]);
    assert_said(&ran, 0, &["mine.toml is written", "creel target doctor ./mine.toml"]);
    assert!(folder.read("mine.toml").contains("name = \"mine\""));
    assert_refused(
        &creel(&folder, &["target", "init", "mine"]),
        2,
        &["`mine.toml` is there already"],
    );
    assert_refused(
        &creel(&folder, &["target", "init", "../mine"]),
        2,
        &["found the name `../mine`"],
    );
    let ran = creel(&folder, &["target", "doctor", "./mine.toml"]);
    assert_said(
        &ran,
        3,
        &[" 2  ok ", " 3  FAILS  its program is there", "start `mine`", " 4  -  "],
    );
}

#[test]
fn the_doctor_says_at_which_step_a_target_fails() {
    let folder = Folder::new();
    for (argv, code, says) in [
        ("[\"{{ nothing }}\"]", 2, " 2  FAILS  its templates can be filled in"),
        ("[\"sh\", \"-c\", \"echo broken; exit 7\"]", 3, " 4  FAILS  it starts and stays"),
        ("[\"sleep\", \"60\"]", 3, " 6  FAILS  it listens to its channel"),
    ] {
        let manifest = format!(
            "name = \"x\"\nprofiles = [\"2026.3\"]\nargv = {argv}\n[ready]\nwithin-s = 1\n"
        );
        folder.write("x.toml", &manifest);
        assert_said(&creel(&folder, &["target", "doctor", "./x.toml"]), code, &[says, "likely"]);
    }
    folder.write("x.toml", "name = \"x\"\n");
    assert_said(
        &creel(&folder, &["target", "doctor", "./x.toml"]),
        2,
        &[" 1  FAILS  its manifest is one"],
    );
    let ran = creel(&folder, &["target", "doctor", "reference"]);
    assert_said(&ran, 0, &["10  ok ", "it is fit to be judged: creel conform --target reference"]);
}

#[test]
fn targets_are_listed() {
    let ran = creel_anywhere(&["target", "list"]);
    assert_said(&ran, 0, &["reference  ", "openclaw-2026.9  ", "claims everything"]);
    let rows: serde_json::Value =
        serde_json::from_str(&creel_anywhere(&["target", "list", "--json"]).out).unwrap();
    assert_eq!((&rows[0]["name"], &rows[0]["installed"]), (&"reference".into(), &true.into()));
}

#[test]
fn conform_says_what_it_would_run_and_why_not_more() {
    let ran = creel_anywhere(&["conform", "--target", "reference", "--dry-run"]);
    let says = [
        "reference, profile 2026.3 and 2026.9",
        "chosen: ",
        "(they need virtual time)",
        "2026.3 run/",
    ];
    assert_said(&ran, 0, &says);
    let again = creel_anywhere(&["conform", "--target", "reference", "--dry-run"]);
    assert_eq!(ran.out, again.out);
}
