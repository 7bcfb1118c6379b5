//! What `creel run --timeline` draws.

use serde_json::Value;

use crate::{Ran, creel, program, scenarios::Folder};

/// A scenario in which a credential is asked again shortly before its rest is over.
const PROBE: &str = r#"id: run/probe
title: A credential is probed near the end of its rest
profiles: ["2026.9"]
gateway:
  agents: { defaults: { model: { primary: p/m, fallbacks: [q/m] } } }
providers:
  p: { credentials: [one], answers: { any: [{ status: 401 }, { say: "fine <n>", after: 2s, always: true }] } }
  q: { credentials: [one], answers: { any: [{ status: 401, after: 1s }, { say: "other <n>", always: true }] } }
chats:
  alice: { channel: telegram, dm: "3001" }
steps:
  - { at: 0s, send: { chat: alice, text: "one", as: m1 } }
  - { at: 12s, send: { chat: alice, text: "two", as: m2 } }
  - { at: 27s, send: { chat: alice, text: "three", as: m3 } }
expect:
  - attempts: { chat: alice, are: ["p/m@one", "q/m@one", "p/m@one"] }
"#;

/// Draws one case of the corpus, in a terminal of 100 columns.
#[track_caller]
fn draw(scenario: &str, profile: &str, locale: &str, more: &[&str]) -> Ran {
    let folder = Folder::new();
    folder.write("run/probe.yaml", PROBE);
    let mut command = program::command(&folder.path());
    command.args(["run", scenario, "--profile", profile, "--world", "events"]);
    command.args(["--without-controls", "--timeline"]).args(more).env("LANG", locale);
    let ran = program::run(&mut command);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:#?}");
    ran
}

/// The drawing alone, without the lines of the run.
fn drawing(ran: &Ran) -> String {
    let from = ran.out.split_once('\n').expect("a line is said of the case").1;
    from.split("\nchecks: ").next().unwrap_or_default().trim_end().to_owned() + "\n"
}

#[track_caller]
fn assert_drawn(name: &str, scenario: &str, profile: &str) {
    let text = drawing(&draw(scenario, profile, "C.UTF-8", &[]));
    let widest = text.lines().map(|it| it.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?} columns:\n{text}");
    insta::assert_snapshot!(name, text);
}

#[test]
fn the_ladder_of_rests_over_hours() {
    assert_drawn("timeline-ladder", "failover/rests-grow-to-an-hour", "2026.3");
}

#[test]
fn a_fallback_after_waits() {
    assert_drawn("timeline-fallback", "failover/one-rotation-then-the-next-model", "2026.9");
}

#[test]
fn a_probe_near_the_end_of_a_rest() {
    assert_drawn("timeline-probe", "run/probe.yaml", "2026.9");
}

#[test]
fn a_scenario_without_failures_shows_its_requests() {
    assert_drawn("timeline-queue", "queue/collect-merges-a-burst", "2026.3");
}

#[test]
fn without_a_locale_of_utf_8_or_when_asked_all_is_ascii() {
    let scenario = "failover/one-rotation-then-the-next-model";
    let plain = drawing(&draw(scenario, "2026.9", "C", &[]));
    let asked = drawing(&draw(scenario, "2026.9", "C.UTF-8", &["--ascii"]));
    assert!(plain.is_ascii() && plain.contains("429 rate limit"), "{plain}");
    assert_eq!(plain, asked);
}

#[test]
fn colours_are_only_where_they_are_wanted() {
    let scenario = "failover/one-rotation-then-the-next-model";
    let coloured = draw(scenario, "2026.9", "C.UTF-8", &["--color", "always"]).out;
    assert!(coloured.contains("\u{1b}[31m✗"), "{coloured}");
    assert!(!draw(scenario, "2026.9", "C.UTF-8", &[]).out.contains('\u{1b}'));
}

#[test]
fn a_json_report_has_the_timeline() {
    let scenario = "failover/one-rotation-then-the-next-model";
    let ran = creel(
        &Folder::new(),
        &["run", scenario, "--world", "events", "--without-controls", "--json"],
    );
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let timeline = report["cases"][0]["timeline"].as_array().expect("an array");
    let of = |kind: &str| timeline.iter().filter(|it| it["kind"] == kind).collect::<Vec<_>>();
    assert_eq!((of("attempt").len(), of("rest").len(), of("told").len()), (12, 2, 2));
    let first = of("attempt")[0];
    assert_eq!((&first["lane"], &first["result"]), (&"p/m@one".into(), &"429 rate limit".into()));
    assert!(of("wait").iter().all(|it| it["at_us"].as_i64() < it["until_us"].as_i64()));
}
