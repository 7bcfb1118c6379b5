//! What cannot be used is refused before anything runs: everything at once, with the place and what would be accepted.

use crate::{assert_refused, assert_said, creel, creel_anywhere, scenarios::Folder};

const MANIFEST: &str = r#"name = "absent"
profiles = ["2026.3"]
argv = ["./there-is-no-such-program"]
config = "{{ openclaw | tojson }}"

[ready]
within-s = 5
"#;

#[test]
fn a_selector_that_chooses_nothing() {
    let ran = creel_anywhere(&["run", "queu"]);
    assert_refused(&ran, 2, &["`queu` chooses no scenario", "did you mean `queue`?"]);
    let ran = creel_anywhere(&["list", "run/one-mesage-one-answer"]);
    assert_refused(&ran, 2, &["did you mean `run/one-message-one-answer`?"]);
    assert_refused(
        &creel_anywhere(&["lint", "qqqqqqqqqqqq"]),
        2,
        &["expected an id, an area, a glob"],
    );
    assert_refused(&creel_anywhere(&["run", "[a"]), 2, &["`[a` is not a glob"]);
    assert_refused(
        &creel_anywhere(&["run", "run/fin.yaml"]),
        2,
        &["read run/fin.yaml: No such file"],
    );
}

#[test]
fn no_command_and_an_unknown_one() {
    assert_refused(&creel_anywhere(&[]), 2, &["Usage: creel <COMMAND>", "Examples:"]);
    assert_refused(
        &creel_anywhere(&["replya"]),
        2,
        &["unrecognized subcommand 'replya'", "'replay'"],
    );
    assert_refused(
        &creel_anywhere(&["run", "--seed", "one"]),
        2,
        &["expected a whole number or `random`"],
    );
    assert_refused(
        &creel_anywhere(&["run", "--report", "xml=a"]),
        2,
        &["`json=PATH`, `junit=PATH`, "],
    );
}

#[test]
fn broken_yaml() {
    let folder = Folder::new();
    folder.write("run/broken.yaml", "id: run/broken\ntitle: [x\n");
    let ran = creel(&folder, &["run", "run/broken.yaml"]);
    assert_refused(&ran, 2, &["run/broken.yaml:2:9", "expected ',' or ']'", "1 of the chosen"]);
}

#[test]
fn an_unknown_step() {
    let folder = Folder::new();
    folder.scenario("misspelt", &[("send:", "sned:")]);
    let ran = creel(&folder, &["run", "run/misspelt.yaml"]);
    assert_refused(
        &ran,
        2,
        &["run/misspelt.yaml:10:15", "unknown key `sned` (did you mean `send`?)"],
    );
}

/// Whoever mends files wants the whole list: two errors of one file, and one of another, and not the good one.
#[test]
fn all_problems_of_all_files() {
    let folder = Folder::new();
    folder.scenario("first", &[("title:", "titel:"), ("of: model-request", "of: model-requests")]);
    folder.scenario("second", &[("after: 1s", "after: 1")]);
    for command in ["run", "lint"] {
        let ran = creel(&folder, &[command, "run"]);
        assert_refused(
            &ran,
            2,
            &[
                "did you mean `title`?",
                "did you mean `model-request`?",
                "found the number `1`, expected a duration",
                "error: 2 of the chosen scenario files cannot be used",
            ],
        );
        assert!(!ran.err.contains("fine.yaml") && ran.out.is_empty(), "{ran:#?}");
    }
    let ran = creel(&folder, &["lint", "run"]);
    insta::assert_snapshot!("refusal-of-two-files", ran.err);
}

#[test]
fn good_files() {
    assert_said(&creel_anywhere(&["lint", "run"]), 0, &["1 scenarios, no problem"]);
    assert_said(&creel_anywhere(&["lint"]), 0, &["scenarios, no problem"]);
}

#[test]
fn a_manifest_with_an_unknown_key() {
    let folder = Folder::new();
    folder.write("target.toml", &MANIFEST.replace("[ready]\n", "[ready]\nhttp-pth = \"/ready\"\n"));
    let ran = creel(&folder, &["run", "run/fine.yaml", "--target", "./target.toml"]);
    let says = [
        "./target.toml is not a target manifest",
        "line 7, column 1",
        "unknown field `http-pth`",
        "`http-path`",
    ];
    assert_refused(&ran, 2, &says);
}

#[test]
fn a_manifest_that_claims_what_there_is_not() {
    let folder = Folder::new();
    folder.write("target.toml", &MANIFEST.replace("2026.3", "2026.4"));
    let ran = creel(&folder, &["run", "run/fine.yaml", "--target", "./target.toml"]);
    assert_refused(
        &ran,
        2,
        &["claims the unknown profile `2026.4`: expected `2026.3` or `2026.9`"],
    );
}

#[test]
fn a_target_that_is_not_there() {
    let ran = creel_anywhere(&["run", "run/fine.yaml", "--target", "referense"]);
    assert_refused(
        &ran,
        2,
        &["there is no target `referense`: expected `reference`, ", "or the path of a manifest"],
    );
    let ran = creel_anywhere(&["run", "run/fine.yaml", "--target", "./none.toml"]);
    assert_refused(&ran, 2, &["read ./none.toml: No such file"]);
}

/// The command that runs the case again must name the manifest as the user did: its `name` finds nothing.
#[test]
fn a_target_that_does_not_start() {
    let folder = Folder::new();
    folder.write("target.toml", MANIFEST);
    let ran = creel(&folder, &["run", "run/fine.yaml", "--target", "./target.toml"]);
    assert_said(
        &ran,
        3,
        &[
            "error        run/fine",
            "start `./there-is-no-such-program`: No such file or directory",
            "again: creel run run/fine.yaml --profile 2026.3 --seed 1 --trace trace.jsonl --target ./target.toml",
            "0 passed, 1 failed",
        ],
    );
}

#[test]
fn a_target_that_ends_at_once_leaves_its_last_words() {
    let folder = Folder::new();
    let shell = r#"["sh", "-c", "echo no licence; exit 7"]"#;
    folder.write("target.toml", &MANIFEST.replace(r#"["./there-is-no-such-program"]"#, shell));
    let ran = creel(&folder, &["run", "run/fine.yaml", "--target", "./target.toml"]);
    assert_said(
        &ran,
        3,
        &["target `absent`: it ended during the run: exit status: 7", "no licence"],
    );
}

#[test]
fn a_template_that_names_what_there_is_not() {
    let folder = Folder::new();
    folder.write("target.toml", &MANIFEST.replace("{{ openclaw | tojson }}", "{{ opnclaw }}"));
    let ran = creel(&folder, &["run", "run/fine.yaml", "--target", "./target.toml"]);
    assert_said(&ran, 2, &["template `config` of target `absent`", "undefined value"]);
}

#[test]
fn options_that_make_no_sense_together() {
    let ran = creel_anywhere(&["run", "run/fine.yaml", "--keep", "kept"]);
    assert_refused(
        &ran,
        2,
        &["`--keep` keeps the folders of real runs: add `--world real` or `--target`"],
    );
    let ran = creel_anywhere(&["run", "run/fine.yaml", "--profile", "2026.9"]);
    assert_refused(
        &ran,
        4,
        &["none of the chosen scenarios is of profile 2026.9, so nothing was judged"],
    );
}
