//! JUnit XML, for CI systems.

use creel_judge::verdict::Verdict;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{
    report::{console::failure_text, json::reason},
    suite::{Control, Judged, Outcome, Plan, Status},
};

/// One suite a profile, one test case a scenario.
///
/// # Errors
///
/// Only if the XML cannot be written.
pub fn report(plan: &Plan, outcomes: &[Outcome]) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new(format!("creel {} {}", plan.world.target(), plan.world.name()));
    let mut profiles: Vec<&str> = outcomes.iter().map(|it| it.case.profile.as_str()).collect();
    profiles.sort_unstable();
    profiles.dedup();
    for profile in profiles {
        let mut suite = TestSuite::new(profile);
        for outcome in outcomes.iter().filter(|it| it.case.profile == profile) {
            let mut case = TestCase::new(outcome.case.entry.scenario.name(), status(plan, outcome));
            case.set_classname(format!("creel.{profile}"));
            case.set_time(outcome.took);
            for id in &outcome.case.entry.scenario.covers {
                case.add_property(Property::new("requirement", id.as_str()));
            }
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn status(plan: &Plan, outcome: &Outcome) -> TestCaseStatus {
    let kind = match outcome.status() {
        Status::Pass => return TestCaseStatus::success(),
        Status::Skipped | Status::Inconclusive | Status::KnownFailing => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(why_not_judged(outcome));
            return skipped;
        }
        Status::Fail | Status::Stale | Status::Vacuous => NonSuccessKind::Failure,
        Status::Error => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(outcome.status().word()).set_description(failure_text(plan, outcome));
    let broken = broken(outcome);
    if !broken.is_empty() {
        status.set_type(broken.join(" "));
    }
    status
}

/// The requirements that a case shows broken, each once, the first to fail first.
fn broken(outcome: &Outcome) -> Vec<&str> {
    let checks = outcome.result.as_ref().map(|it| it.checks.as_slice()).unwrap_or_default();
    let failed = checks.iter().filter(|it| matches!(it.verdict, Verdict::Fail(_)));
    let mut ids: Vec<&str> = Vec::new();
    for id in failed.flat_map(|it| &it.requirements) {
        if !ids.contains(&id.as_str()) {
            ids.push(id);
        }
    }
    ids
}

fn why_not_judged(outcome: &Outcome) -> String {
    if let Some(known) = &outcome.known {
        return format!("{}: {} ({})", known.kind.key(), known.message, known.link);
    }
    match &outcome.result {
        Err(missing) => reason(missing).to_owned(),
        Ok(Judged { control: Control::Unclear(labels), .. }) => {
            format!("control: {}", labels.join("; "))
        }
        Ok(judged) => judged
            .checks
            .iter()
            .filter_map(|it| match &it.verdict {
                Verdict::Inconclusive { why } => Some(format!("{}: {why}", it.label)),
                _ => None,
            })
            .collect::<Vec<_>>()
            .join("; "),
    }
}
