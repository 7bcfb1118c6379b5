//! `report.json`: the one machine-readable report that others are made from.

use creel_judge::verdict::Verdict;
use serde_json::{Value, json};

use crate::{
    report::{Counts, timeline::Timeline},
    suite::{Check, Control, Extent, Missing, Outcome, Plan, Status},
};

/// The version of the format.
pub const VERSION: u32 = 1;

/// The whole report.
pub fn report(plan: &Plan, outcomes: &[Outcome]) -> Value {
    let counts = Counts::of(outcomes);
    let all = [
        Status::Pass,
        Status::Fail,
        Status::KnownFailing,
        Status::Stale,
        Status::Vacuous,
        Status::Inconclusive,
        Status::Skipped,
        Status::Error,
    ];
    let counts: serde_json::Map<String, Value> =
        all.into_iter().map(|it| (it.word().to_owned(), json!(counts.get(it)))).collect();
    json!({
        "creel_report": VERSION,
        "creel": env!("CARGO_PKG_VERSION"),
        "world": plan.world.name(),
        "target": plan.world.target(),
        "seed": plan.seed,
        "whole": plan.extent == Extent::Whole,
        "counts": counts,
        "cases": outcomes.iter().map(case).collect::<Vec<_>>(),
    })
}

fn case(outcome: &Outcome) -> Value {
    let mut value = json!({
        "scenario": outcome.case.entry.scenario.name(),
        "title": outcome.case.entry.scenario.title,
        "file": outcome.case.entry.file,
        "bugs": outcome.case.entry.scenario.bugs,
        "covers": outcome.case.entry.scenario.covers,
        "profile": outcome.case.profile,
        "status": outcome.status().word(),
        "took_ms": u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX),
    });
    if let Some(known) = &outcome.known {
        value["known"] = json!({
            "kind": known.kind.key(), "message": known.message, "link": known.link, "until": known.until,
        });
    }
    if !outcome.stale.is_empty() {
        value["stale"] = json!(outcome.stale);
    }
    match &outcome.result {
        Ok(judged) => {
            value["checks"] = judged.checks.iter().map(check).collect();
            value["control"] = control(&judged.control);
            value["harness_errors"] = json!(judged.harness_errors);
            value["trace_hash"] = json!(judged.trace.hash());
            value["facts"] = json!(judged.trace.facts.len());
            value["note"] = json!(judged.note);
            value["timeline"] = Timeline::of(&judged.trace, &judged.context).json();
        }
        Err(missing) => value["reason"] = json!(reason(missing)),
    }
    value
}

/// Why a case was not judged, in words.
pub fn reason(missing: &Missing) -> &str {
    match missing {
        Missing::NeedsVirtualTime(why)
        | Missing::Unclaimed(why)
        | Missing::Unforeseen(why)
        | Missing::Target(why)
        | Missing::Manifest(why)
        | Missing::Scenario(why)
        | Missing::Broken(why)
        | Missing::Interrupted(why) => why,
    }
}

fn check(check: &Check) -> Value {
    let mut value = json!({ "label": check.label, "verdict": check.verdict.word() });
    if let Some(title) = check.title {
        value["title"] = json!(title);
    }
    if let Some(line) = check.line {
        value["line"] = json!(line);
    }
    if !check.requirements.is_empty() {
        value["requirements"] = json!(check.requirements);
    }
    match &check.verdict {
        Verdict::Pass { witnesses } => value["witnesses"] = json!(witnesses),
        Verdict::Fail(failure) => {
            value["expected"] = json!(failure.expected);
            value["observed"] = json!(failure.observed);
            value["witnesses"] = json!(failure.witnesses);
        }
        Verdict::Vacuous { why }
        | Verdict::Inconclusive { why }
        | Verdict::NotTestable { why }
        | Verdict::NotApplicable { why } => value["why"] = json!(why),
    }
    value
}

fn control(control: &Control) -> Value {
    match control {
        Control::Absent => json!({ "status": "absent" }),
        Control::LeftOut => json!({ "status": "left out" }),
        Control::Flipped(count) => json!({ "status": "flipped", "checks": count }),
        Control::Stuck(labels) => json!({ "status": "stuck", "checks": labels }),
        Control::Unclear(labels) => json!({ "status": "unclear", "checks": labels }),
        Control::NotRun(why) => json!({ "status": "not run", "why": why }),
    }
}
