//! Which requirement a failing run speaks of first.
//!
//! A check names the requirements that it judges (`requirements` in the report). Over a whole run, a requirement is the more
//! suspect the more of the failing cases name it in a failing check, and the fewer cases there are that judged it and
//! were content: with `f` the cases in which a check that names it failed, `j` the cases in which a check that names it
//! was exercised, and `n` the cases with any failing check, its suspicion is `f / sqrt(j * n)` (Ochiai's coefficient, as
//! in spectrum-based fault localisation). Of equals the one comes first that more failing checks name as their first,
//! then the one that the corpus reaches first. Nothing here knows which requirement a defect was planted for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::hunt::cases;

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Cases in which a check that names it failed.
    failed: u64,
    /// Cases in which a check that names it was exercised.
    judged: u64,
    /// Failing checks that name it as their first.
    leading: u64,
    /// Where the corpus names it first.
    place: usize,
}

/// The most suspect requirement of a report; none if no failing check names any.
pub fn first(report: &Value) -> Option<String> {
    ranked(report).into_iter().next()
}

/// Every requirement that a failing check names, the most suspect first.
pub fn ranked(report: &Value) -> Vec<String> {
    let mut tallies = BTreeMap::<String, Tally>::new();
    let mut place = 0;
    for case in cases(report) {
        let mut here = BTreeMap::<&str, bool>::new();
        for check in case["checks"].as_array().into_iter().flatten() {
            let failed = check["verdict"] == "fail";
            if !failed && check["verdict"] != "pass" {
                continue;
            }
            let named: Vec<&str> = check["requirements"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            for (index, id) in named.iter().enumerate() {
                *here.entry(id).or_default() |= failed;
                place += 1;
                let first_seen = Tally { place, ..Tally::default() };
                let tally = tallies.entry((*id).to_owned()).or_insert(first_seen);
                tally.leading += u64::from(failed && index == 0);
            }
        }
        for (id, failed) in here {
            let tally = tallies.entry(id.to_owned()).or_default();
            tally.judged += 1;
            tally.failed += u64::from(failed);
        }
    }
    let mut suspects: Vec<(String, Tally)> =
        tallies.into_iter().filter(|(_, it)| it.failed > 0).collect();
    suspects.sort_by(|(_, a), (_, b)| {
        // f²/j instead of f/sqrt(j * n): n is the same for all, and whole numbers compare exactly.
        let (left, right) = (a.failed * a.failed * b.judged, b.failed * b.failed * a.judged);
        right.cmp(&left).then(b.leading.cmp(&a.leading)).then(a.place.cmp(&b.place))
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
        let case =
            |checks: &&[&str]| json!({ "checks": checks.iter().map(check).collect::<Vec<_>>() });
        let report = json!({ "cases": cases.iter().map(case).collect::<Vec<_>>() });
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
    fn of_equals_the_one_comes_first_that_checks_name_first() {
        check(&[&["pass QUE-002", "fail QUE-001 QUE-002"]], &["QUE-001", "QUE-002"]);
    }

    #[test]
    fn what_did_not_fail_is_no_suspect() {
        check(&[&["pass QUE-001", "vacuous QUE-002"]], &[]);
        check(&[], &[]);
    }
}
