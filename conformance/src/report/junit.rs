//! JUnit XML, for CI systems.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::{
    data::{Case, Report, Status},
    failure,
};

/// One suite a profile, one test case a scenario.
///
/// # Errors
///
/// Only if the XML cannot be written.
pub fn text(report: &Report) -> Result<String, quick_junit::SerializeError> {
    let mut document =
        quick_junit::Report::new(format!("creel {} {}", report.target, report.world));
    let mut profiles: Vec<&str> = report.cases.iter().map(|it| it.profile.as_str()).collect();
    profiles.sort_unstable();
    profiles.dedup();
    for profile in profiles {
        let mut suite = TestSuite::new(profile);
        suite.add_property(Property::new("nonce", report.nonce.as_str()));
        suite.add_property(Property::new("digest", report.evidence.digest.as_str()));
        for case in report.cases.iter().filter(|it| it.profile == profile) {
            let mut test = TestCase::new(case.scenario.as_str(), status(report, case));
            test.set_classname(format!("creel.{profile}"));
            test.set_time(Duration::from_millis(case.took_ms));
            for id in &case.covers {
                test.add_property(Property::new("requirement", id.as_str()));
            }
            suite.add_test_case(test);
        }
        document.add_test_suite(suite);
    }
    document.to_string()
}

fn status(report: &Report, case: &Case) -> TestCaseStatus {
    let kind = match case.status {
        Status::Pass => return TestCaseStatus::success(),
        Status::Skipped | Status::Inconclusive | Status::KnownFailing => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(format!("{}: {}", case.status.word(), case.summary()));
            return skipped;
        }
        Status::Fail | Status::Vacuous | Status::Stale => NonSuccessKind::Failure,
        Status::Error => NonSuccessKind::Error,
    };
    let headline = |id: &str| report.requirement(id).map(super::data::Requirement::headline);
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(case.status.word()).set_description(failure::text(
        case,
        report.seed,
        headline,
    ));
    let broken = case.broken();
    if !broken.is_empty() {
        status.set_type(broken.join(" "));
    }
    status
}
