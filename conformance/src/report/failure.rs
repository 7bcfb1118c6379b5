//! A case that is not green, explained in plain text: for terminals, and for CI systems.

use super::{
    data::{Case, Check, CheckVerdict, Control, ControlStatus},
    diagram,
};

/// What is broken, what was expected and observed, where it stands, what crossed the wire, and how to see it again.
/// `headline` puts a requirement on one line.
pub fn text(case: &Case, seed: u64, headline: impl Fn(&str) -> Option<String>) -> String {
    let mut text = format!(
        "{} {} (profile {}, seed {seed})\n  {}\n",
        case.status.word(),
        case.scenario,
        case.profile,
        case.title
    );
    if let Some(known) = &case.known {
        let link = known.link.as_deref().unwrap_or("no link");
        push(&mut text, &format!("  listed as {}: {link}", known.kind.word()));
        if let Some(message) = &known.message {
            push(&mut text, &format!("    expected to say: {message}"));
        }
    }
    for why in &case.stale {
        push(&mut text, &format!("  stale: {why}"));
    }
    match &case.reason {
        Some(reason) => push(&mut text, &indent(reason)),
        None => explain(&mut text, case, headline),
    }
    if let Some(again) = case.again.first() {
        push(&mut text, &format!("  again: {again}"));
    }
    text
}

fn explain(text: &mut String, case: &Case, headline: impl Fn(&str) -> Option<String>) {
    for what in &case.harness_errors {
        push(text, &format!("  the harness or the scenario is at fault: {what}"));
    }
    for check in case.checks.iter().filter(|it| it.is_loud()) {
        explain_check(text, case, check, &headline);
    }
    if let Some(control) = &case.control {
        explain_control(text, control);
    }
    push(text, &diagram::draw(&case.excerpt, case.facts));
}

fn explain_control(text: &mut String, control: &Control) {
    let told = match control.status {
        ControlStatus::Stuck => "with its edit, these checks should fail and did not:".to_owned(),
        ControlStatus::Unclear => {
            "with its edit, these checks should fail, and it cannot be told:".to_owned()
        }
        ControlStatus::NotRun => {
            format!("could not be run: {}", control.why.as_deref().unwrap_or_default())
        }
        ControlStatus::Absent | ControlStatus::LeftOut | ControlStatus::Flipped => return,
    };
    push(text, &format!("  control: {told}"));
    for label in &control.labels {
        push(text, &format!("    {label}"));
    }
}

fn explain_check(
    text: &mut String,
    case: &Case,
    check: &Check,
    headline: &impl Fn(&str) -> Option<String>,
) {
    push(text, &format!("  {}: {}", check.verdict.word(), check.name()));
    for headline in check.requirements.iter().filter_map(|it| headline(it)) {
        push(text, &format!("    {headline}"));
    }
    if let (Some(line), Some(source)) = (check.line, &check.source) {
        push(text, &format!("    {}:{line}", case.file));
        push(text, &format!("    | {source}"));
    }
    let mut row = |what: &str, words: &str| {
        push(text, &format!("    {what:<9} {}", words.replace('\n', "\n              ")));
    };
    if check.verdict == CheckVerdict::Fail {
        row("expected", check.expected.as_deref().unwrap_or_default());
        row("observed", check.observed.as_deref().unwrap_or_default());
        row("facts", &witnesses(check));
    } else {
        row("because", check.why.as_deref().unwrap_or_default());
    }
}

/// The facts that a check names, by their numbers.
pub fn witnesses(check: &Check) -> String {
    let facts: Vec<String> = check.witnesses.iter().map(|it| format!("#{it}")).collect();
    if facts.is_empty() { "none".to_owned() } else { facts.join(" ") }
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
