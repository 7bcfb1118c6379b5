//! Markdown, for job summaries: what held, area by area, then what did not.

use std::fmt::Write as _;

use super::{
    console,
    data::{Area, Case, Check, Light, Report, Requirement, Standing},
    failure,
};

/// The most cases that are explained. Job summaries have a limit, and so have readers.
const CASES_MAX: usize = 50;

/// The standings that have a column of their own.
const COLUMNS: [Standing; 5] = [
    Standing::Pass,
    Standing::Fail,
    Standing::KnownFailing,
    Standing::Inconclusive,
    Standing::Vacuous,
];

/// The whole document.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    let profiles = report.profiles.join(" and ");
    line(&mut text, &format!("# {}: {}\n", cell(&report.target_name()), headline(report)));
    line(&mut text, &format!("{}.\n", console::last_line(report)));
    line(
        &mut text,
        &format!(
            "Profile {profiles}, world {}, seed {}; {} facts, {} checks held with witnesses; nonce `{}`.\n",
            report.world,
            report.seed,
            report.evidence.facts,
            report.evidence.witnessed,
            report.nonce
        ),
    );
    areas(&mut text, report);
    let loud: Vec<&Case> = report.cases.iter().filter(|it| !it.is_quiet()).collect();
    if !loud.is_empty() {
        line(&mut text, "\n## Not green\n");
    }
    for case in loud.iter().take(CASES_MAX) {
        explain(&mut text, report, case);
    }
    if let Some(rest) = loud.len().checked_sub(CASES_MAX).filter(|it| *it > 0) {
        line(&mut text, &format!("And {rest} more, which the other reports explain."));
    }
    text
}

/// What the whole amounts to, in words.
pub fn headline(report: &Report) -> String {
    let of = |standing| report.standing(standing);
    match report.light() {
        Light::Green => format!("{} requirements held, none broken", of(Standing::Pass)),
        Light::Red => match of(Standing::Fail) {
            0 => format!(
                "no requirement broken, and {} cases are not as they should be",
                report.failed()
            ),
            broken => format!("{} requirements held, {broken} broken", of(Standing::Pass)),
        },
        Light::Grey => "nothing was shown to hold".to_owned(),
    }
}

fn areas(text: &mut String, report: &Report) {
    let heads = COLUMNS.map(Standing::word).join(" | ");
    line(text, &format!("| area | {heads} | other |"));
    line(text, &format!("|---|{}---:|", "---:|".repeat(COLUMNS.len())));
    for Area { id, title, .. } in &report.areas {
        row(text, title, report.requirements.iter().filter(|it| it.area == *id));
    }
    row(text, "**all**", report.requirements.iter());
}

fn row<'a>(text: &mut String, title: &str, of: impl Iterator<Item = &'a Requirement>) {
    let all: Vec<_> = of.collect();
    let counts = COLUMNS.map(|it| all.iter().filter(|of| of.verdict == it).count());
    let other = all.len() - counts.iter().sum::<usize>();
    let counts = counts.map(|it| it.to_string()).join(" | ");
    line(text, &format!("| {title} | {counts} | {other} |"));
}

fn explain(text: &mut String, report: &Report, case: &Case) {
    line(
        text,
        &format!("### {} `{}`, profile {}\n", case.status.word(), case.scenario, case.profile),
    );
    line(text, &format!("{}\n", cell(&case.title)));
    if let Some(known) = &case.known {
        let link = known.link.as_deref().unwrap_or("no link");
        line(text, &format!("- listed as {}: {link}", known.kind.word()));
    }
    for why in &case.stale {
        line(text, &format!("- the list does not hold any more: {}", cell(why)));
    }
    let is_explained = case.harness_errors.is_empty() && case.checks.iter().any(Check::is_loud);
    if !is_explained {
        line(text, &format!("- {}", cell(&case.summary())));
    }
    for check in case.checks.iter().filter(|it| it.is_loud()) {
        explain_check(text, report, case, check);
    }
    if let Some(again) = case.again.first() {
        line(text, &format!("\n```sh\n{again}\n```\n"));
    }
}

fn explain_check(text: &mut String, report: &Report, case: &Case, check: &Check) {
    let place = check.line.map(|it| format!(" (`{}:{it}`)", case.file)).unwrap_or_default();
    line(text, &format!("- **{}** {}{place}", check.verdict.word(), cell(&check.name())));
    for requirement in check.requirements.iter().filter_map(|it| report.requirement(it)) {
        line(text, &format!("  - {}", cell(&requirement.headline())));
        if let Some((support, quote)) =
            requirement.support.as_ref().and_then(|it| it.quote.as_ref().map(|quote| (it, quote)))
        {
            line(text, &format!("    > {} — {}", cell(quote), cell(&support.origin())));
        }
    }
    match (&check.expected, &check.observed, &check.why) {
        (Some(expected), Some(observed), _) => {
            line(text, &format!("  - expected: {}", cell(expected)));
            line(
                text,
                &format!("  - observed: {}, facts `{}`", cell(observed), failure::witnesses(check)),
            );
        }
        (_, _, Some(why)) => line(text, &format!("  - because: {}", cell(why))),
        _ => (),
    }
}

/// A text that stays on its line, in its cell, and is text.
pub(super) fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|").replace('<', "&lt;")
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{red, without_evidence};

    #[test]
    fn a_job_summary_is_short_and_says_why() {
        insta::assert_snapshot!("markdown-red", text(&red()));
    }

    #[test]
    fn nothing_is_green_without_evidence() {
        assert_eq!(headline(&without_evidence()), "nothing was shown to hold");
    }

    #[test]
    fn a_text_does_not_leave_its_cell() {
        assert_eq!(cell("a |\n<b>"), "a \\| &lt;b>");
    }
}
