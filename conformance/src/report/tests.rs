//! Reports that tests of the formats read.

use std::collections::BTreeMap;

use super::{
    data::{
        Area, Case, Check, CheckVerdict, Cited, Control, ControlStatus, Evidence, Fact, Level,
        Report, Requirement, Standing, Status, Support, Track, VERSION, Way,
    },
    evidence,
};

/// A run of one case, in which one requirement held.
pub(super) fn green() -> Report {
    let mut report = Report {
        creel_report: VERSION,
        creel: "0.1.0".to_owned(),
        target: "other".to_owned(),
        target_version: Some("1.2.3".to_owned()),
        world: "real".to_owned(),
        clock: "the machine's".to_owned(),
        profiles: vec!["2026.9".to_owned()],
        whole: true,
        seed: 1,
        command: vec!["creel".to_owned(), "run".to_owned()],
        nonce: "n-1".to_owned(),
        took_ms: 1_234,
        evidence: Evidence { facts: 3, witnessed: 1, digest: String::new() },
        counts: BTreeMap::from([(Status::Pass, 1)]),
        areas: vec![Area {
            id: "QUE".to_owned(),
            name: "queue".to_owned(),
            title: "Queue".to_owned(),
        }],
        requirements: vec![requirement()],
        cases: vec![case()],
    };
    sign(&mut report);
    report
}

/// The same, but the requirement was broken.
pub(super) fn red() -> Report {
    let mut report = green();
    report.counts = BTreeMap::from([(Status::Fail, 1)]);
    report.evidence.witnessed = 0;
    let case = &mut report.cases[0];
    case.status = Status::Fail;
    let check = &mut case.checks[0];
    check.verdict = CheckVerdict::Fail;
    check.source = Some("- exactly: { n: 2, of: sent }".to_owned());
    check.expected = Some("exactly 2 `sent` | <b>".to_owned());
    check.observed = Some("1, at 0.003 s".to_owned());
    case.excerpt[1].marked = true;
    let requirement = &mut report.requirements[0];
    requirement.verdict = Standing::Fail;
    (requirement.held, requirement.broken) = (0, 1);
    requirement.cases[0].verdict = CheckVerdict::Fail;
    sign(&mut report);
    report
}

/// A run whose cases say that they passed, without a fact that shows it.
pub(super) fn without_evidence() -> Report {
    let mut report = green();
    report.evidence.witnessed = 0;
    sign(&mut report);
    report
}

/// Writes the digest that belongs to what the report says.
pub(super) fn sign(report: &mut Report) {
    report.evidence.digest = evidence::digest(report);
}

fn requirement() -> Requirement {
    Requirement {
        id: "QUE-001".to_owned(),
        area: "QUE".to_owned(),
        level: Level::Must,
        text: "A conversation MUST have one run at a time.".to_owned(),
        profiles: vec!["2026.9".to_owned()],
        feature: None,
        support: Some(Support {
            grade: "A".to_owned(),
            source: "docs-9".to_owned(),
            version: Some("2026.9.6".to_owned()),
            place: "concepts/queue.md".to_owned(),
            quote: Some("one <run> at a time".to_owned()),
        }),
        verdict: Standing::Pass,
        why: None,
        held: 1,
        broken: 0,
        cases: vec![Cited {
            scenario: "queue/one".to_owned(),
            profile: "2026.9".to_owned(),
            check: "exactly".to_owned(),
            verdict: CheckVerdict::Pass,
        }],
    }
}

fn case() -> Case {
    Case {
        scenario: "queue/one".to_owned(),
        variant: false,
        title: "One run at a time".to_owned(),
        file: "scenarios/queue/one.yaml".to_owned(),
        bugs: Vec::new(),
        covers: vec!["QUE-001".to_owned()],
        profile: "2026.9".to_owned(),
        status: Status::Pass,
        took_ms: 12,
        reason: None,
        left_out: None,
        known: None,
        stale: Vec::new(),
        checks: vec![Check {
            label: "exactly".to_owned(),
            title: None,
            line: Some(12),
            source: None,
            requirements: vec!["QUE-001".to_owned()],
            verdict: CheckVerdict::Pass,
            expected: None,
            observed: None,
            why: None,
            witnesses: vec![2],
        }],
        control: Some(Control {
            status: ControlStatus::Flipped,
            checks: 1,
            labels: Vec::new(),
            why: None,
        }),
        harness_errors: Vec::new(),
        trace_hash: Some("ab".repeat(32)),
        facts: 3,
        lasted_us: 3_000,
        excerpt: vec![
            fact(1, Way::Here, "alice ▸ m1 “<hello>”"),
            fact(2, Way::Out, "◂ 3001 “hello alice”"),
        ],
        timeline: Vec::new(),
        note: Some("slack 250 ms".to_owned()),
        again: vec![
            "creel run queue/one --profile 2026.9 --seed 1 --trace trace.jsonl".to_owned(),
            "creel replay trace.jsonl".to_owned(),
        ],
    }
}

fn fact(seq: u64, way: Way, words: &str) -> Fact {
    Fact {
        seq,
        at_us: i64::try_from(seq).expect("a small number") * 1_000,
        track: Track::Channel,
        lane: "alice".to_owned(),
        way,
        words: words.to_owned(),
        more: None,
        marked: false,
    }
}
