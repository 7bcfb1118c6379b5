//! Gateways as processes over loopback sockets: ours and a foreign one, and nothing of either is left behind.
#![expect(clippy::unwrap_used, reason = "in a test, a failure is the report")]

#[path = "support/program.rs"]
mod program;
#[path = "support/scenarios.rs"]
mod scenarios;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use program::Ran;
use scenarios::Folder;
use serde_json::Value;

/// How often a process that was killed is looked for, before it counts as left behind. Each look takes milliseconds.
const LOOKS_MAX: usize = 1_000;

/// The reference gateway behind a shell that writes down what must be gone in the end: itself (the gateway takes over
/// its id), a child that nobody waits for, and the folder of the run.
const LEAVING_TRACKS: &str = r#"name = "leaving-tracks"
profiles = ["2026.3"]
argv = ["sh", "-c", '''
sleep 600 &
echo "$$ $! {{ sandbox }}" >> "$TRACKS"
exec "{{ creel }}" gateway serve --config "{{ config_file }}" --state-dir "{{ state_dir }}" --profile "{{ profile }}"
''']
config = "{{ openclaw | tojson }}"
env = { HOME = "{{ sandbox }}", TRACKS = "TRACKS_FILE" }

[ready]
http-path = "/ready"
within-s = 30
"#;

/// Runs `creel run` with temporary files below the test's folder.
fn creel_run(folder: &Folder, arguments: &[&str]) -> Ran {
    fs::create_dir_all(folder.path().join("tmp")).unwrap();
    let mut command = program::command(&folder.path());
    command.env("TMPDIR", folder.path().join("tmp")).arg("run").args(arguments);
    program::run(&mut command)
}

/// The names in a folder of the test.
fn names(folder: &Folder, name: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.path().join(name)).unwrap();
    entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
}

/// The good scenario, as quick as real time allows.
fn quick() -> Folder {
    let folder = Folder::new();
    folder
        .scenario("quick", &[("after: 1s", "after: 100ms"), ("expect:", "settle: 400ms\nexpect:")]);
    folder
}

/// Green, or the harness itself says that this machine was too slow to tell. Never red.
#[track_caller]
fn assert_not_red(ran: &Ran) -> Value {
    assert!([0, 5].contains(&ran.code), "{}\n{}", ran.out, ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let counts = &report["counts"];
    let told = counts["pass"].as_u64().unwrap() + counts["inconclusive"].as_u64().unwrap();
    assert_eq!(
        told,
        u64::try_from(report["cases"].as_array().unwrap().len()).unwrap(),
        "{report:#}"
    );
    report
}

fn is_alive(pid: &str) -> bool {
    let ps = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8(ps.stdout).unwrap();
    // What nobody has waited for yet runs no more.
    !state.trim().is_empty() && !state.trim_start().starts_with('Z')
}

#[test]
fn the_reference_passes_as_a_process() {
    let folder = quick();
    let ran = creel_run(
        &folder,
        &[
            "--world",
            "real",
            "--json",
            "run/one-message-one-answer",
            "queue/an-idle-session-answers-at-once",
        ],
    );
    let report = assert_not_red(&ran);
    assert_eq!((&report["world"], &report["target"]), (&"real".into(), &"reference".into()));
    assert_eq!(report["cases"].as_array().unwrap().len(), 4);
    assert_eq!(names(&folder, "tmp"), [""; 0], "the folders of the runs go");
}

#[test]
fn nothing_of_a_run_is_left() {
    let folder = quick();
    let tracks = folder.path().join("tracks");
    let manifest = LEAVING_TRACKS.replace("TRACKS_FILE", tracks.to_str().unwrap());
    folder.write("target.toml", &manifest);
    assert_not_red(&creel_run(&folder, &["--target", "./target.toml", "--json", "run/quick.yaml"]));

    let tracks = folder.read("tracks");
    assert_eq!(tracks.lines().count(), 2, "one run, and one of its control:\n{tracks}");
    assert_gone(&tracks);
}

/// A run that is broken off by the terminal's interrupt.
#[test]
fn nothing_of_an_interrupted_run_is_left() {
    let folder = quick();
    let tracks = folder.path().join("tracks");
    let manifest = LEAVING_TRACKS.replace("TRACKS_FILE", tracks.to_str().unwrap());
    folder.write("target.toml", &manifest);
    fs::create_dir_all(folder.path().join("tmp")).unwrap();
    let mut command = program::command(&folder.path());
    command.env("TMPDIR", folder.path().join("tmp"));
    command.args(["run", "--target", "./target.toml", "run/quick.yaml"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = || fs::read_to_string(&tracks).is_ok_and(|it| it.ends_with('\n'));
    assert!((0..LOOKS_MAX).any(|_| is_alive(&child.id().to_string()) && begun()), "it never began");
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_gone(&folder.read("tracks"));
}

/// Every process and folder that is written down in `tracks` is there no more.
#[track_caller]
fn assert_gone(tracks: &str) {
    for line in tracks.lines() {
        let [gateway, child, sandbox] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        for pid in [gateway, child] {
            assert!(
                (0..LOOKS_MAX).any(|_| !is_alive(pid)),
                "process {pid} was left behind:\n{tracks}"
            );
        }
        assert!(!Path::new(sandbox).exists(), "{sandbox} was left behind");
    }
}

/// What the test above rests on: a process that is there is seen.
#[test]
fn a_process_that_is_left_is_found() {
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    assert!(is_alive(&child.id().to_string()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!is_alive(&child.id().to_string()));
}

#[test]
fn a_run_is_kept_on_request() {
    let folder = quick();
    let ran =
        creel_run(&folder, &["--world", "real", "--json", "--keep", "kept", "run/quick.yaml"]);
    assert_not_red(&ran);
    let kept = names(&folder, "kept");
    assert_eq!(kept.len(), 2, "one run, and one of its control: {kept:?}");
    for name in &kept {
        assert!(name.starts_with("creel-run-quick-2026.3-"), "{name}");
        let mut files = names(&folder, &format!("kept/{name}"));
        files.sort();
        assert_eq!(files[..2], ["openclaw.json", "output.log"], "{files:?}");
        assert!(folder.read(&format!("kept/{name}/openclaw.json")).contains("botToken"));
    }
}

/// A case's verdicts by label.
fn verdicts<'a>(
    report: &'a Value,
    scenario: &str,
    profile: &str,
) -> (&'a str, Vec<(&'a str, &'a str)>) {
    let cases = report["cases"].as_array().unwrap();
    let case =
        cases.iter().find(|it| it["scenario"] == scenario && it["profile"] == profile).unwrap();
    let checks = case["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = |it: &'a Value| (it["label"].as_str().unwrap(), it["verdict"].as_str().unwrap());
    (case["status"].as_str().unwrap(), checks.iter().map(row).collect())
}

/// No line of the harness is in this gateway, and no line of it knows of the harness.
#[test]
#[expect(clippy::print_stderr, reason = "that a test judged nothing must be said")]
fn a_foreign_gateway_is_judged_like_ours() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no python3, which the foreign gateway is written in");
        return;
    }
    let folder = Folder::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/fake_gateway.py");
    let manifest = format!(
        "name = \"fake\"\nprofiles = [\"2026.3\"]\n\
        argv = [\"python3\", '{script}', \"{{{{ config_file }}}}\", \"{{{{ state_dir }}}}\"]\n\
        config = \"{{{{ openclaw | tojson }}}}\"\n[ready]\nwithin-s = 30\n"
    );
    folder.write("fake.toml", &manifest);
    let ran = creel_run(
        &folder,
        &[
            "--target",
            "./fake.toml",
            "--json",
            "run/one-message-one-answer",
            "run/no-reply-is-silent",
        ],
    );
    assert_eq!(ran.code, 1, "{}\n{}", ran.out, ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["target"], "fake");

    let (status, checks) = verdicts(&report, "run/one-message-one-answer", "2026.3");
    assert!(["pass", "inconclusive"].contains(&status), "{report:#}");
    assert!(
        checks.contains(&("exactly", "pass")) && checks.contains(&("I1", "pass")),
        "{checks:?}"
    );
    assert!(checks.iter().all(|(_, verdict)| *verdict != "fail"), "{checks:?}");

    // It does not know that NO_REPLY is not for people, and that is all that is wrong with it here.
    let (status, checks) = verdicts(&report, "run/no-reply-is-silent", "2026.3");
    assert_eq!(status, "fail");
    assert!(
        checks.contains(&("visible", "fail")) && checks.contains(&("request", "pass")),
        "{checks:?}"
    );

    // What it does not claim is not held against it.
    let (status, checks) = verdicts(&report, "run/one-message-one-answer", "2026.9");
    assert_eq!((status, checks.len()), ("skipped", 0));
}
