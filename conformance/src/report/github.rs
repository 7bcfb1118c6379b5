//! Annotations for GitHub: workflow commands on standard output, each at the line of the scenario that failed.

use std::fmt::Write as _;

use super::{
    console,
    data::{Case, Check, CheckVerdict, Light, Report, Status},
};

/// Every case that is not green, then the summary.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    for case in &report.cases {
        let command = match case.status {
            Status::Pass | Status::Skipped => continue,
            Status::Fail | Status::Vacuous | Status::Error | Status::Stale => "error",
            Status::Inconclusive => "warning",
            Status::KnownFailing => "notice",
        };
        annotate(&mut text, command, case);
    }
    let command = match report.light() {
        Light::Green => "notice",
        Light::Red => "error",
        Light::Grey => "warning",
    };
    let title = property(&format!("creel: {}", report.target_name()));
    let message = data(&format!("{}; nonce {}", console::last_line(report), report.nonce));
    writeln!(text, "::{command} title={title}::{message}").expect("writing to a string");
    text
}

/// One annotation a case: at the first expectation that did not hold, else at the file's beginning.
fn annotate(text: &mut String, command: &str, case: &Case) {
    let is_it = |it: &&Check| it.is_loud() && it.line.is_some();
    let failed = case.checks.iter().find(|it| is_it(it) && it.verdict == CheckVerdict::Fail);
    let line = failed.or_else(|| case.checks.iter().find(is_it)).and_then(|it| it.line);
    let broken = case.broken().join(" ");
    let title = format!("{} {} {broken}", case.status.word(), case.name());
    let mut message = case.summary();
    if let Some(again) = case.again.first() {
        write!(message, "\nagain: {again}").expect("writing to a string");
    }
    writeln!(
        text,
        "::{command} file={},line={},title={}::{}",
        property(&case.file),
        line.unwrap_or(1),
        property(title.trim()),
        data(&message)
    )
    .expect("writing to a string");
}

/// A message, as a workflow command takes it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value of a workflow command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{green, red};

    #[test]
    fn annotations_stand_at_the_line_that_failed() {
        insta::assert_snapshot!("github-red", text(&red()));
    }

    #[test]
    fn a_green_run_has_a_notice_alone() {
        insta::assert_snapshot!("github-green", text(&green()));
    }

    #[test]
    fn what_a_workflow_command_would_misread_is_escaped() {
        assert_eq!(data("50 %\r\nand ::error::"), "50 %25%0D%0Aand ::error::");
        assert_eq!(property("a: b, c"), "a%3A b%2C c");
    }
}
