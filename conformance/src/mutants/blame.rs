//! Which requirement a failing run speaks of first.
//!
//! A check names the requirements that it judges (`requirements` in the report). Over a whole run, with `f` the cases in
//! which a check that names a requirement failed, `h` those of them whose first failing check puts it first, and `j` the
//! cases in which it was judged at all, its suspicion is `f * (1 + h) / j^(1/4)`: it explains many of the failures, it is
//! what one reads first in them, and where it was judged, it seldom held. Of equals the one with the lower id comes
//! first: a general sentence of the contract stands before its special cases. Nothing here knows which requirement a
//! defect was planted for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::hunt::cases;

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Cases in which a check that names it failed.
    failed: u128,
    /// Cases in which a check that names it was exercised.
    judged: u128,
    /// Cases whose first failing check names it first.
    heading: u128,
}

/// What was seen of a scenario under a profile. The offsets of a sweep and the orders of a permutation are one case:
/// they are one scenario's opinion, however often it was asked.
#[derive(Debug, Default)]
struct Seen<'a> {
    /// What was judged, and whether it failed.
    failed: BTreeMap<&'a str, bool>,
    heading: Option<&'a str>,
}

impl<'a> Seen<'a> {
    fn add(&mut self, case: &'a Value) {
        for check in case["checks"].as_array().into_iter().flatten() {
            let failed = check["verdict"] == "fail";
            if !failed && check["verdict"] != "pass" {
                continue;
            }
            let named = check["requirements"].as_array().into_iter().flatten();
            for id in named.filter_map(Value::as_str) {
                *self.failed.entry(id).or_default() |= failed;
                self.heading = self.heading.or_else(|| failed.then_some(id));
            }
        }
    }
}

/// The most suspect requirement of a report; none if no failing check names any.
pub fn first(report: &Value) -> Option<String> {
    ranked(report).into_iter().next()
}

/// Every requirement that a failing check names, the most suspect first.
pub fn ranked(report: &Value) -> Vec<String> {
    let mut by_case = BTreeMap::<(&str, &str), Seen>::new();
    for case in cases(report) {
        let name = case["scenario"].as_str().unwrap_or_default();
        let variant_of = name.split_once('@').map_or(name, |it| it.0);
        let profile = case["profile"].as_str().unwrap_or_default();
        by_case.entry((variant_of, profile)).or_default().add(case);
    }
    let mut tallies = BTreeMap::<String, Tally>::new();
    for Seen { failed, heading } in by_case.into_values() {
        for (id, failed) in failed {
            let tally = tallies.entry(id.to_owned()).or_default();
            tally.judged += 1;
            tally.failed += u128::from(failed);
            tally.heading += u128::from(heading == Some(id));
        }
    }
    let mut suspects: Vec<(String, Tally)> =
        tallies.into_iter().filter(|(_, it)| it.failed > 0).collect();
    suspects.sort_by(|(one, a), (other, b)| {
        // To the fourth power, so that whole numbers compare exactly; each is a number of cases.
        let weight = |it: &Tally| (it.failed * (1 + it.heading)).pow(4);
        (weight(b) * a.judged).cmp(&(weight(a) * b.judged)).then_with(|| one.cmp(other))
    });
    suspects.into_iter().map(|(id, _)| id).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Cases as lists of checks, each as `verdict ID ID`, and the ranking.
    fn check(cases: &[&[&str]], expected: &[&str]) {
        let check = |text: &&str| {
            let mut words = text.split(' ');
            let verdict = words.next().unwrap();
            json!({ "verdict": verdict, "requirements": words.collect::<Vec<_>>() })
        };
        let case = |(index, checks): (usize, &&[&str])| {
            let checks: Vec<_> = checks.iter().map(check).collect();
            json!({ "scenario": format!("run/case-{index}"), "checks": checks })
        };
        let report = json!({ "cases": cases.iter().enumerate().map(case).collect::<Vec<_>>() });
        assert_eq!(ranked(&report), expected);
    }

    #[test]
    fn what_fails_wherever_it_is_judged_comes_before_what_fails_here_and_there() {
        check(
            &[&["fail RUN-001", "fail QUE-004"], &["pass RUN-001"], &["fail QUE-004"]],
            &["QUE-004", "RUN-001"],
        );
    }

    #[test]
    fn what_explains_more_failures_comes_first() {
        check(
            &[&["fail QUE-001"], &["fail QUE-001"], &["fail QUE-001", "fail QUE-002"]],
            &["QUE-001", "QUE-002"],
        );
    }

    #[test]
    fn of_equals_the_one_comes_first_that_its_case_shows_first() {
        check(&[&["fail QUE-002", "fail QUE-001"]], &["QUE-002", "QUE-001"]);
        check(
            &[&["fail QUE-003"], &["fail RUN-001 QUE-001 QUE-002"]],
            &["QUE-003", "RUN-001", "QUE-001", "QUE-002"],
        );
    }

    #[test]
    fn the_offsets_of_a_sweep_have_one_voice() {
        let case = |scenario, requirement| {
            let check = json!({ "verdict": "fail", "requirements": [requirement] });
            json!({ "scenario": scenario, "profile": "2026.3", "checks": [check] })
        };
        let swept = ["run/swept", "run/swept@m1+1ms", "run/swept@m1+2ms"];
        let mut cases: Vec<_> = swept.iter().map(|it| case(*it, "QUE-001")).collect();
        cases.extend(["run/a", "run/b"].iter().map(|it| case(*it, "QUE-002")));
        assert_eq!(ranked(&json!({ "cases": cases })), ["QUE-002", "QUE-001"]);
    }

    #[test]
    fn what_did_not_fail_is_no_suspect() {
        check(&[&["pass QUE-001", "vacuous QUE-002"]], &[]);
        check(&[], &[]);
    }
}
