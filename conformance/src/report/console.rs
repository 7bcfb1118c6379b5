//! What a person reads in a terminal: one line a case, a block a failure, one line at the end.

use std::fmt::Write as _;

use creel_judge::verdict::Verdict;
use creel_sim::world::World;

use super::{Counts, diagram, json::reason};
use crate::catalogue::{self, Requirement};
use crate::suite::{Check, Control, Judged, Missing, Outcome, Plan, Status};

/// Whether the terminal shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// It does.
    On,
    /// It does not, or shall not.
    Off,
}

/// Whether a case needs no line of its own: a variant that is as it should be. The scenario's line counts it.
pub fn is_quiet(outcome: &Outcome) -> bool {
    let is_variant = outcome.case.entry.scenario.variant.is_some();
    is_variant && matches!(outcome.status(), Status::Pass | Status::Skipped)
}

/// One case on one line.
pub fn line(outcome: &Outcome, color: Color) -> String {
    let status = outcome.status();
    let painted = paint(status, &format!("{:<13}", status.word()), color);
    let id = outcome.case.entry.scenario.name();
    let detail = match &outcome.result {
        Ok(judged) => {
            let passed =
                judged.checks.iter().filter(|it| matches!(it.verdict, Verdict::Pass { .. }));
            let control = match &judged.control {
                Control::Absent => "no control".to_owned(),
                Control::LeftOut => "control left out".to_owned(),
                Control::Flipped(count) => format!("control flips {count}"),
                Control::Stuck(_) | Control::NotRun(_) => "control stuck".to_owned(),
                Control::Unclear(_) => "control unclear".to_owned(),
            };
            let lasted = judged.trace.facts.last().map_or(0, |it| it.at_us);
            let (checks, lasted) = (passed.count(), diagram::seconds(lasted));
            let variants = match outcome.case.entry.scenario.variants.len() {
                0 => String::new(),
                count => format!(", and {count} variants"),
            };
            let took = outcome.took.as_millis();
            format!("{checks:>2} checks, {control}, {lasted} s in {took} ms{variants}")
        }
        Err(missing) => reason(missing).lines().next().unwrap_or_default().to_owned(),
    };
    format!("{painted} {id:<58} {}  {detail}", outcome.case.profile)
}

/// Everything that is not green, explained.
pub fn failure_text(plan: &Plan, outcome: &Outcome) -> String {
    let id = outcome.case.entry.scenario.name();
    let mut text = format!(
        "{} {id} (profile {}, seed {})\n  {}\n",
        outcome.status().word(),
        outcome.case.profile,
        plan.seed,
        outcome.case.entry.scenario.title
    );
    match &outcome.result {
        Ok(judged) => explain(&mut text, outcome, judged),
        Err(missing) => push(&mut text, &indent(reason(missing))),
    }
    for why in &outcome.stale {
        push(&mut text, &format!("  stale: {why}"));
    }
    push(&mut text, &format!("  again: {}", command(plan, outcome)));
    text
}

fn explain(text: &mut String, outcome: &Outcome, judged: &Judged) {
    for what in &judged.harness_errors {
        push(text, &format!("  the harness or the scenario is at fault: {what}"));
    }
    let mut marked = Vec::new();
    for check in &judged.checks {
        explain_check(text, outcome, check, &mut marked);
    }
    match &judged.control {
        Control::Stuck(labels) => {
            push(text, "  control: with its edit, these checks should fail and did not:");
            for label in labels {
                push(text, &format!("    {label}"));
            }
        }
        Control::Unclear(labels) => {
            push(
                text,
                "  control: with its edit, these checks should fail, and it cannot be told:",
            );
            for label in labels {
                push(text, &format!("    {label}"));
            }
        }
        Control::NotRun(why) => push(text, &format!("  control: could not be run: {why}")),
        Control::Absent | Control::LeftOut | Control::Flipped(_) => (),
    }
    push(text, &diagram::draw(&judged.trace, &marked));
}

fn explain_check(text: &mut String, outcome: &Outcome, check: &Check, marked: &mut Vec<u64>) {
    let name = match check.title {
        Some(title) => format!("{} {title}", check.label),
        None => check.label.clone(),
    };
    let lines = match &check.verdict {
        Verdict::Fail(failure) => {
            marked.extend(&failure.witnesses);
            let facts: Vec<String> = failure.witnesses.iter().map(|it| format!("#{it}")).collect();
            let facts = if facts.is_empty() { "none".to_owned() } else { facts.join(" ") };
            vec![
                ("expected", failure.expected.clone()),
                ("observed", failure.observed.clone()),
                ("facts", facts),
            ]
        }
        Verdict::Vacuous { why } if check.line.is_some() => vec![("because", why.clone())],
        Verdict::Inconclusive { why } => vec![("because", why.clone())],
        Verdict::Pass { .. }
        | Verdict::Vacuous { .. }
        | Verdict::NotTestable { .. }
        | Verdict::NotApplicable { .. } => return,
    };
    push(text, &format!("  {}: {name}", check.verdict));
    for requirement in broken(check) {
        push(text, &format!("    {}", headline(requirement)));
    }
    if let Some(line) = check.line {
        let entry = &outcome.case.entry;
        push(text, &format!("    {}:{line}", entry.file));
        push(text, &format!("    | {}", entry.line(line).trim()));
    }
    for (what, words) in lines {
        push(text, &format!("    {what:<9} {}", words.replace('\n', "\n              ")));
    }
}

/// The requirements that a check judges and that the reader should know of.
fn broken(check: &Check) -> impl Iterator<Item = &'static Requirement> {
    check.requirements.iter().filter_map(|it| catalogue::built_in().find(it))
}

/// A requirement on one line: id, level, grade of its evidence, text.
pub fn headline(requirement: &Requirement) -> String {
    let Requirement { id, level, text, .. } = requirement;
    match requirement.grade() {
        Some(grade) => format!("{id} {level}, evidence {grade}: {text}"),
        None => format!("{id} {level}, not judged: {text}"),
    }
}

/// The command that runs the case again.
fn command(plan: &Plan, outcome: &Outcome) -> String {
    let entry = &outcome.case.entry;
    let built_in =
        crate::corpus::CORPUS.iter().any(|(id, _)| entry.file == format!("scenarios/{id}.yaml"));
    let selector = if built_in { entry.scenario.name() } else { entry.file.clone() };
    let mut command = format!(
        "creel run {selector} --profile {} --seed {} --trace trace.jsonl",
        outcome.case.profile, plan.seed
    );
    match (&plan.world, &plan.target) {
        (World::Turmoil | World::Fake(_), _) => (),
        (World::Events, _) => command.push_str(" --world events"),
        (World::Real(_), Some(target)) => {
            write!(command, " --target {target}").expect("writing to a string");
        }
        (World::Real(_), None) => command.push_str(" --world real"),
    }
    command
}

/// The last lines: every verdict's count, then what CI systems look for.
pub fn summary(outcomes: &[Outcome], took: std::time::Duration) -> String {
    let counts = Counts::of(outcomes);
    let mut text = String::new();
    let count = |test: fn(&Missing) -> bool| {
        outcomes.iter().filter(|it| it.result.as_ref().is_err_and(test)).count()
    };
    let skipped = [
        (
            count(|it| matches!(it, Missing::NeedsVirtualTime(_))),
            "need virtual time (run them without --world real)",
        ),
        (
            count(|it| matches!(it, Missing::Unclaimed(_))),
            "are of a profile that the target does not claim",
        ),
        (
            count(|it| matches!(it, Missing::Unforeseen(_))),
            "have no answers for a choice that the target declares",
        ),
    ];
    for (cases, why) in skipped.iter().filter(|(cases, _)| *cases > 0) {
        writeln!(text, "skipped: {cases} cases {why}").expect("writing to a string");
    }
    let checks = outcomes.iter().filter_map(|it| it.result.as_ref().ok());
    let checks: Vec<&Check> = checks.flat_map(|it| &it.checks).collect();
    let words = ["pass", "fail", "vacuous", "inconclusive", "not testable", "not applicable"];
    let verdicts = words.map(|word| {
        format!("{} {word}", checks.iter().filter(|it| it.verdict.word() == word).count())
    });
    let seconds = took.as_secs_f64();
    writeln!(text, "checks: {}", verdicts.join(", ")).expect("writing to a string");
    let statuses = [
        Status::Vacuous,
        Status::Inconclusive,
        Status::KnownFailing,
        Status::Stale,
        Status::Error,
        Status::Skipped,
    ];
    let others = statuses.map(|it| format!("{} {}", counts.get(it), it.word())).join(", ");
    writeln!(text, "cases: {} in {seconds:.1} s; of them {others}", outcomes.len())
        .expect("writing to a string");
    let failed = counts.not_green();
    write!(text, "{} passed, {failed} failed", counts.get(Status::Pass))
        .expect("writing to a string");
    text
}

fn paint(status: Status, text: &str, color: Color) -> String {
    let code = match status {
        Status::Pass => "32",
        Status::Fail | Status::Stale | Status::Error => "31",
        Status::Vacuous | Status::Inconclusive | Status::KnownFailing => "33",
        Status::Skipped => "2",
    };
    match color {
        Color::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        Color::Off => text.to_owned(),
    }
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
