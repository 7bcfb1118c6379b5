//! What a person reads in a terminal: one line a case, a block a failure, a few lines at the end.

use std::fmt::Write as _;

use super::{
    data::{self, CheckVerdict, ControlStatus, LeftOut, Report, Status},
    diagram, failure, gather,
};
use crate::{
    catalogue::{self, Requirement},
    suite::{Outcome, Plan},
};

/// Whether the terminal shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// It does.
    On,
    /// It does not, or shall not.
    Off,
}

/// Whether a case needs no line of its own: a variant that is as it should be. The scenario's line counts it.
pub fn is_quiet(case: &data::Case) -> bool {
    case.variant && case.is_quiet()
}

/// One case on one line. It says how many `variants` the scenario has.
pub fn line(case: &data::Case, variants: usize, color: Color) -> String {
    let painted = paint(case.status, &format!("{:<12}", case.status.word()), color);
    let detail = match (&case.reason, &case.control) {
        (Some(reason), _) => reason.lines().next().unwrap_or_default().to_owned(),
        (None, control) => {
            let passed = case.checks.iter().filter(|it| it.verdict == CheckVerdict::Pass);
            let control = match control.as_ref().map(|it| (it.status, it.checks)) {
                None | Some((ControlStatus::Absent, _)) => "no control".to_owned(),
                Some((ControlStatus::LeftOut, _)) => "control left out".to_owned(),
                Some((ControlStatus::Flipped, count)) => format!("control flips {count}"),
                Some((ControlStatus::Stuck | ControlStatus::NotRun, _)) => {
                    "control stuck".to_owned()
                }
                Some((ControlStatus::Unclear, _)) => "control unclear".to_owned(),
            };
            let (checks, lasted) = (passed.count(), diagram::seconds(case.lasted_us));
            let variants = match variants {
                0 => String::new(),
                count => format!(", and {count} variants"),
            };
            format!("{checks:>2} checks, {control}, {lasted} s in {} ms{variants}", case.took_ms)
        }
    };
    format!("{painted} {:<58} {}  {detail}", case.scenario, case.profile)
}

/// A case on one line, without what it was judged by.
pub fn short_line(outcome: &Outcome) -> String {
    let Outcome { case, .. } = outcome;
    format!("{:<12} {:<58} {}", outcome.status().word(), case.entry.scenario.name(), case.profile)
}

/// Everything about a case that is not green, explained.
pub fn failure_text(plan: &Plan, outcome: &Outcome) -> String {
    explained(&gather::case(plan, outcome), plan.seed)
}

/// The same, of a case as the report has it.
pub fn explained(case: &data::Case, seed: u64) -> String {
    failure::text(case, seed, |id| catalogue::built_in().find(id).map(headline))
}

/// A requirement on one line: id, level, grade of its evidence, text.
pub fn headline(requirement: &Requirement) -> String {
    let Requirement { id, level, text, .. } = requirement;
    match requirement.grade() {
        Some(grade) => format!("{id} {level}, evidence {grade}: {text}"),
        None => format!("{id} {level}, not judged: {text}"),
    }
}

/// The last lines: every verdict's count, what they rest on, then what CI systems look for.
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    let reasons = [
        (LeftOut::VirtualTime, "need virtual time (run them without --world real)"),
        (LeftOut::Unclaimed, "are of what the target does not claim"),
        (LeftOut::Unforeseen, "have no answers for a choice that the target declares"),
    ];
    for (kind, why) in reasons {
        let cases = report.cases.iter().filter(|it| it.left_out == Some(kind)).count();
        if cases > 0 {
            writeln!(text, "skipped: {cases} cases {why}").expect("writing to a string");
        }
    }
    let checks: Vec<_> = report.cases.iter().flat_map(|it| &it.checks).collect();
    let verdicts = CheckVerdict::ALL.iter().map(|verdict| {
        let count = checks.iter().filter(|it| it.verdict == *verdict).count();
        format!("{count} {}", verdict.word())
    });
    let verdicts = verdicts.collect::<Vec<_>>().join(", ");
    writeln!(text, "checks: {verdicts}").expect("writing to a string");
    let tenths = report.took_ms / 100;
    let Report { evidence, nonce, .. } = report;
    writeln!(
        text,
        "cases: {} in {}.{} s; {} facts, {} checks held with witnesses; nonce {nonce}",
        report.cases.len(),
        tenths / 10,
        tenths % 10,
        evidence.facts,
        evidence.witnessed
    )
    .expect("writing to a string");
    text.push_str(&last_line(report));
    text
}

/// What CI systems look for, and whoever wants to know what `passed` leaves out.
pub fn last_line(report: &Report) -> String {
    let of = |status: Status| format!("{} {}", report.count(status), status.word());
    let others = [Status::KnownFailing, Status::Inconclusive, Status::Skipped].map(of).join(", ");
    let among = [Status::Vacuous, Status::Stale, Status::Error].map(of).join(", ");
    let (passed, failed) = (report.count(Status::Pass), report.failed());
    format!("{passed} passed, {failed} failed ({among} among them), {others}")
}

fn paint(status: Status, text: &str, color: Color) -> String {
    let code = match status {
        Status::Pass => "32",
        Status::Fail | Status::Error | Status::Stale => "31",
        Status::Vacuous | Status::Inconclusive | Status::KnownFailing => "33",
        Status::Skipped => "2",
    };
    match color {
        Color::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        Color::Off => text.to_owned(),
    }
}
