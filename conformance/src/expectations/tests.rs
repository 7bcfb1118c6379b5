//! What a list says of outcomes, and what is said of lists.

use creel_judge::verdict::Failure;
use creel_sim::world::World;

use super::{
    read::{Universe, read},
    *,
};
use crate::{
    corpus::{self, Entry},
    suite::{self, Controls, Plan, Status},
};

const QUIET: &str = "queue/collect-waits-for-quiet";

fn entries() -> Vec<Entry> {
    corpus::choose(&["queue".to_owned()]).unwrap()
}

fn parse(text: &str) -> Result<Expectations, String> {
    let profiles = profiles(None);
    let universe = Universe { entries: &entries(), profiles: &profiles, today: "2026-11-22" };
    read("my.expect.toml", text, universe).map_err(|it| it.plain())
}

fn listing(check: &str, message: &str) -> Expectations {
    let entry = format!(
        "[[known-failing]]\ncase = \"{QUIET}\"\ncheck = \"{check}\"\nmessage = \"{message}\"\nlink = \"https://a.org\"\n"
    );
    parse(&entry).unwrap()
}

/// The case under 2026.3, run once; its first request is then broken in the way that is asked for.
fn outcome(observed: Option<&str>) -> Outcome {
    let entries = corpus::choose(&[QUIET.to_owned()]).unwrap();
    let plan = Plan {
        profile: Some("2026.3".to_owned()),
        controls: Controls::LeftOut,
        ..Plan::new(entries, World::Events)
    };
    let mut outcome = suite::run(&plan, |_| ()).remove(0);
    assert_eq!(outcome.status(), Status::Pass);
    let Ok(judged) = &mut outcome.result else { panic!("it was judged") };
    let request = judged.checks.iter_mut().find(|it| it.label == "request").unwrap();
    if let Some(observed) = observed {
        request.verdict = Verdict::Fail(Failure {
            expected: "something else".to_owned(),
            observed: observed.to_owned(),
            witnesses: vec![1],
            breaks: &[],
        });
    }
    outcome
}

#[track_caller]
fn check(list: &Expectations, mut outcome: Outcome, expected: (Status, &str)) {
    let Ruling { known, stale } = list.rule(&outcome);
    outcome.known = known;
    outcome.stale = stale;
    assert_eq!(outcome.status(), expected.0, "{:?}", outcome.stale);
    assert!(outcome.stale.join("\n").contains(expected.1), "{:?}", outcome.stale);
}

#[test]
fn what_fails_as_listed_is_known_and_nothing_else_is() {
    let broken = || outcome(Some("at 2.802 s with `m3`, `m2` new"));
    check(&listing("request", "with `m3`, `m2` new"), broken(), (Status::KnownFailing, ""));
    check(&listing("request", "at … s with `m3`"), broken(), (Status::KnownFailing, ""));
    check(&listing("QUE-004", "with `m3`"), broken(), (Status::KnownFailing, ""));
    check(&listing("request", "with `m1`"), broken(), (Status::Fail, "in other words than"));
    check(&listing("quiet", "with `m3`"), broken(), (Status::Fail, "it was pass"));
    check(&listing("target", "it ended"), broken(), (Status::Fail, "the target got through"));
}

#[test]
fn what_is_listed_and_passes_or_is_skipped_is_stale() {
    let list = listing("request", "with `m3`");
    check(&list, outcome(None), (Status::Stale, "my.expect.toml:1: `request` is listed"));
    let mut skipped = outcome(None);
    skipped.result = Err(Missing::NeedsVirtualTime("it waits 90 s".to_owned()));
    check(&list, skipped, (Status::Stale, "the case was skipped: it waits 90 s"));
}

#[test]
fn a_target_that_breaks_down_can_be_listed() {
    let mut broken = outcome(None);
    broken.result = Err(Missing::Target("it ended during the run: exit status 1".to_owned()));
    check(&listing("target", "it ended"), broken.clone(), (Status::KnownFailing, ""));
    check(&listing("target", "not ready"), broken.clone(), (Status::Error, ""));
    check(&listing("request", "it ended"), broken, (Status::Error, ""));
}

#[test]
fn what_flakes_may_pass_and_may_fail() {
    let list = format!(
        "[[known-flaky]]\ncase = \"{QUIET}\"\ncheck = \"request\"\nreason = \"a coarse timer\"\n\
         link = \"https://a.org\"\nexpires = \"2026-11-22\"\n"
    );
    let list = parse(&list).unwrap();
    check(&list, outcome(None), (Status::Pass, ""));
    check(&list, outcome(Some("whatever")), (Status::KnownFailing, ""));
    let known = list.rule(&outcome(Some("whatever"))).known.unwrap();
    assert_eq!((known.kind, known.until.as_deref()), (Kind::Flaky, Some("2026-11-22")));
}

#[test]
fn everything_that_is_wrong_with_a_list_is_told_at_once() {
    let text = r#"[[known-failing]]
case = "queue/colect-merges-a-burst"
check = "request"
message = "…"
link = "somewhere"

[[known-failing]]
case = "queue/*"
check = "request"
message = "of words"
link = "https://a.org"

[[known-failing]]
case = "queue/collect-waits-for-quiet"
check = "reqest"
message = "of words"
link = "https://a.org"

[[known-flaky]]
case = "queue/collect-waits-for-quiet"
check = "QUE-004"
reason = "a coarse timer"
link = "https://a.org"
expires = 2026-11-21
"#;
    insta::assert_snapshot!(parse(text).unwrap_err());
    insta::assert_snapshot!(
        parse("[[known-failing]]\ncase = 5\nprofil = \"2026.3\"\n[[known]]\n").unwrap_err()
    );
}

#[test]
fn the_built_in_lists_are_right() {
    let entries = corpus::choose(&[]).unwrap();
    for (name, text) in EXPECTED {
        let target = Target::load(name).unwrap();
        let profiles = profiles(Some(&target));
        let today = read::today();
        let universe = Universe { entries: &entries, profiles: &profiles, today: &today };
        let list = read(name, text, universe).map_err(|it| it.plain());
        assert!(list.is_ok(), "{}", list.unwrap_err());
    }
}

#[test]
fn a_wildcard_stands_for_anything() {
    for (pattern, text, fits) in [
        ("queue/a", "queue/a", true),
        ("queue/a", "queue/ab", false),
        ("queue/*", "queue/ab", true),
        ("*/a*c", "queue/abc", true),
        ("*/a*c", "queue/abcd", false),
        ("a*a", "a", false),
    ] {
        assert_eq!(in_order(pattern, "*", text), fits, "{pattern} {text}");
    }
}
