//! JUnit XML, for CI systems.

use creel_judge::verdict::Verdict;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

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
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn status(plan: &Plan, outcome: &Outcome) -> TestCaseStatus {
    let kind = match outcome.status() {
        Status::Pass => return TestCaseStatus::success(),
        Status::Skipped | Status::Inconclusive => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(why_not_judged(outcome));
            return skipped;
        }
        Status::Fail | Status::Vacuous => NonSuccessKind::Failure,
        Status::Error => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(outcome.status().word()).set_description(failure_text(plan, outcome));
    status
}

fn why_not_judged(outcome: &Outcome) -> String {
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
