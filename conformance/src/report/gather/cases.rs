//! A case, as the report has it.

use std::fmt::Write as _;

use creel_judge::verdict::Verdict;
use creel_sim::world::World;

use super::ms;
use crate::{
    corpus::{self, Entry},
    expectations,
    report::{
        data::{self, CheckVerdict, ControlStatus, KnownKind, LeftOut, Status},
        excerpt,
        timeline::Timeline,
    },
    suite::{self, Check, Control, Judged, Missing, Outcome, Plan},
};

/// What came of a case.
pub fn case(plan: &Plan, outcome: &Outcome) -> data::Case {
    let entry = &outcome.case.entry;
    let scenario = &entry.scenario;
    let mut case = data::Case {
        scenario: scenario.name(),
        variant: scenario.variant.is_some(),
        title: scenario.title.clone(),
        file: entry.file.clone(),
        bugs: scenario.bugs.clone(),
        covers: scenario.covers.clone(),
        profile: outcome.case.profile.clone(),
        status: status(outcome.status()),
        took_ms: ms(outcome.took),
        reason: None,
        left_out: None,
        known: outcome.known.as_ref().map(known),
        stale: outcome.stale.clone(),
        checks: Vec::new(),
        control: None,
        harness_errors: Vec::new(),
        trace_hash: None,
        facts: 0,
        lasted_us: 0,
        excerpt: Vec::new(),
        timeline: Vec::new(),
        note: None,
        again: again(plan, outcome),
    };
    match &outcome.result {
        Ok(judged) => add(&mut case, judged, entry),
        Err(missing) => {
            case.reason = Some(missing.why().to_owned());
            case.left_out = left_out(missing);
        }
    }
    case
}

fn add(case: &mut data::Case, judged: &Judged, entry: &Entry) {
    case.checks = judged.checks.iter().map(|it| check(it, entry)).collect();
    case.control = Some(control(&judged.control));
    case.harness_errors.clone_from(&judged.harness_errors);
    case.trace_hash = Some(judged.trace.hash());
    case.facts = judged.trace.facts.len();
    case.lasted_us = judged.trace.facts.last().map_or(0, |it| it.at_us);
    case.note = Some(judged.note.clone());
    case.timeline = Timeline::of(&judged.trace, &judged.context).moments();
    case.excerpt = if case.is_quiet() {
        let own = case.checks.iter().filter(|it| it.line.is_some());
        excerpt::proof(&judged.trace, &judged.context, own.flat_map(|it| &it.witnesses))
    } else {
        let failed = case.checks.iter().filter(|it| it.verdict == CheckVerdict::Fail);
        let marked: Vec<u64> = failed.flat_map(|it| it.witnesses.clone()).collect();
        excerpt::around(&judged.trace, &judged.context, &marked)
    };
}

fn status(status: suite::Status) -> Status {
    match status {
        suite::Status::Pass => Status::Pass,
        suite::Status::Fail => Status::Fail,
        suite::Status::KnownFailing => Status::KnownFailing,
        suite::Status::Stale => Status::Stale,
        suite::Status::Vacuous => Status::Vacuous,
        suite::Status::Inconclusive => Status::Inconclusive,
        suite::Status::Skipped => Status::Skipped,
        suite::Status::Error => Status::Error,
    }
}

fn known(known: &expectations::Known) -> data::Known {
    data::Known {
        kind: match known.kind {
            expectations::Kind::Failing => KnownKind::Failing,
            expectations::Kind::Flaky => KnownKind::Flaky,
        },
        message: Some(known.message.clone()),
        link: Some(known.link.clone()),
        until: known.until.clone(),
    }
}

fn left_out(missing: &Missing) -> Option<LeftOut> {
    match missing {
        Missing::NeedsVirtualTime(_) => Some(LeftOut::VirtualTime),
        Missing::Unclaimed(_) => Some(LeftOut::Unclaimed),
        Missing::Unforeseen(_) => Some(LeftOut::Unforeseen),
        Missing::Unmoved(_)
        | Missing::Target(_)
        | Missing::Manifest(_)
        | Missing::Scenario(_)
        | Missing::Broken(_)
        | Missing::Interrupted(_) => None,
    }
}

fn check(check: &Check, entry: &Entry) -> data::Check {
    let (mut expected, mut observed, mut why) = (None, None, None);
    let mut shown_by = Vec::new();
    let verdict = match &check.verdict {
        Verdict::Pass { witnesses } => {
            shown_by.clone_from(witnesses);
            CheckVerdict::Pass
        }
        Verdict::Fail(failure) => {
            expected = Some(failure.expected.clone());
            observed = Some(failure.observed.clone());
            shown_by.clone_from(&failure.witnesses);
            CheckVerdict::Fail
        }
        Verdict::Vacuous { why: it } => {
            why = Some(it.clone());
            CheckVerdict::Vacuous
        }
        Verdict::Inconclusive { why: it } => {
            why = Some(it.clone());
            CheckVerdict::Inconclusive
        }
        Verdict::NotTestable { why: it } => {
            why = Some(it.clone());
            CheckVerdict::NotTestable
        }
        Verdict::NotApplicable { why: it } => {
            why = Some(it.clone());
            CheckVerdict::NotApplicable
        }
    };
    let line = check.line.filter(|_| verdict != CheckVerdict::Pass);
    data::Check {
        label: check.label.clone(),
        title: check.title.map(str::to_owned),
        line: check.line,
        source: line.map(|it| entry.line(it).trim().to_owned()),
        requirements: check.requirements.clone(),
        verdict,
        expected,
        observed,
        why,
        witnesses: shown_by,
    }
}

fn control(control: &Control) -> data::Control {
    let of = |status, checks, labels: &[String], why| data::Control {
        status,
        checks,
        labels: labels.to_vec(),
        why,
    };
    match control {
        Control::Absent => of(ControlStatus::Absent, 0, &[], None),
        Control::LeftOut => of(ControlStatus::LeftOut, 0, &[], None),
        Control::Flipped(count) => of(ControlStatus::Flipped, *count, &[], None),
        Control::Stuck(labels) => of(ControlStatus::Stuck, 0, labels, None),
        Control::Unclear(labels) => of(ControlStatus::Unclear, 0, labels, None),
        Control::NotRun(why) => of(ControlStatus::NotRun, 0, &[], Some(why.clone())),
    }
}

/// The commands that run the case again, and judge again what was seen.
fn again(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let entry = &outcome.case.entry;
    let built_in =
        corpus::CORPUS.iter().any(|(id, _)| entry.file == format!("scenarios/{id}.yaml"));
    let selector = if built_in { entry.scenario.name() } else { entry.file.clone() };
    let mut run = format!(
        "creel run {} --profile {} --seed {} --trace trace.jsonl",
        quoted(&selector),
        outcome.case.profile,
        plan.seed
    );
    match (&plan.world, &plan.target) {
        (World::Turmoil | World::Fake(_), _) => (),
        (World::Events, _) => run.push_str(" --world events"),
        (World::Real(_), Some(target)) => {
            write!(run, " --target {}", quoted(target)).expect("writing to a string");
        }
        (World::Real(_), None) => run.push_str(" --world real"),
    }
    let mut replay = "creel replay trace.jsonl".to_owned();
    if !built_in {
        write!(replay, " --scenario {}", quoted(&entry.file)).expect("writing to a string");
    }
    vec![run, replay]
}

/// A word of a shell's command line.
fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_alphanumeric() || "_-./@:+,=".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("queue/edge@m2+17ms"), "queue/edge@m2+17ms");
        assert_eq!(quoted("my scenarios/it's.yaml"), r"'my scenarios/it'\''s.yaml'");
        assert_eq!(quoted(""), "''");
    }
}
