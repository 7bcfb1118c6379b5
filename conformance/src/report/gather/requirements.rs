//! What came of each requirement, over all cases.
//!
//! A requirement holds only where a check passed with facts that show it. A failure anywhere outweighs that, and so does an
//! expectation that is about the requirement and could not be told, was not exercised, or cannot fail. Invariants and
//! specifications look at every case; where they could not tell of one of them, the others count.

use crate::{
    catalogue::{self, Catalogue, Evidence},
    report::data::{
        Case, Check, CheckVerdict, Cited, ControlStatus, LeftOut, Level, Requirement, Standing,
        Status, Support,
    },
};

/// Every requirement of the catalogue. `lacks` says why the target does not claim one, if it does not.
pub(super) fn all(
    catalogue: &Catalogue,
    cases: &[Case],
    profiles: &[String],
    lacks: impl Fn(&str) -> Option<String>,
) -> Vec<Requirement> {
    let one = |area: &catalogue::Area, it: &catalogue::Requirement| {
        let found = one(&area.id, it, cases, profiles);
        match lacks(&it.id) {
            Some(why) if it.judging().is_some() => {
                Requirement { verdict: Standing::Unclaimed, why: Some(why), ..found }
            }
            Some(_) | None => found,
        }
    };
    let of = |area: &catalogue::Area| {
        area.requirements.iter().map(|it| one(area, it)).collect::<Vec<_>>()
    };
    catalogue.areas.iter().flat_map(of).collect()
}

fn one(
    area: &str,
    requirement: &catalogue::Requirement,
    cases: &[Case],
    profiles: &[String],
) -> Requirement {
    let mut tally = Tally::default();
    for case in cases {
        tally.add(requirement, case);
    }
    let (verdict, why) = tally.standing(requirement, profiles);
    Requirement {
        id: requirement.id.clone(),
        area: area.to_owned(),
        level: level(requirement.level),
        text: requirement.text.clone(),
        profiles: requirement.profiles.clone(),
        feature: requirement.feature.clone(),
        support: support(requirement, profiles),
        verdict,
        why,
        held: tally.held,
        broken: tally.broken,
        cases: tally.cited,
    }
}

fn level(level: catalogue::Level) -> Level {
    match level {
        catalogue::Level::Must => Level::Must,
        catalogue::Level::Should => Level::Should,
        catalogue::Level::May => Level::May,
    }
}

/// The best evidence: by its grade; of equals the one with a quote, and of these the one about a profile that was run.
fn support(requirement: &catalogue::Requirement, profiles: &[String]) -> Option<Support> {
    let is_about_a_run = |it: &Evidence| {
        it.source.version().is_some_and(|version| {
            let starts =
                |name: &str| version.strip_prefix(name).is_some_and(|it| it.starts_with('.'));
            profiles.iter().any(|it| starts(it))
        })
    };
    let all = &requirement.judging()?.evidence;
    let best = all.iter().min_by_key(|it| (it.grade, it.quote.is_none(), !is_about_a_run(it)))?;
    Some(Support {
        grade: best.grade.letter().to_owned(),
        source: best.source.word().to_owned(),
        version: best.source.version().map(str::to_owned),
        place: best.place.clone(),
        quote: best.quote.clone(),
    })
}

/// What cases say of one requirement.
#[derive(Debug, Default)]
struct Tally {
    held: usize,
    broken: usize,
    /// Broken in a case that is listed as failing.
    known: usize,
    /// The first reason for each standing that is neither held nor broken, with who gave it.
    reasons: Vec<(Standing, Whose, String)>,
    cited: Vec<Cited>,
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// An expectation that is about the requirement, or the scenario that covers it.
    Own,
    /// What looks at every case.
    General,
}

impl Tally {
    fn add(&mut self, requirement: &catalogue::Requirement, case: &Case) {
        let covers = case.covers.contains(&requirement.id) && requirement.is_of(&case.profile);
        if case.trace_hash.is_none() {
            if covers {
                self.add_unjudged(case);
            }
            return;
        }
        let judging = case.checks.iter().filter(|it| it.requirements.contains(&requirement.id));
        for check in judging {
            self.add_check(case, check);
        }
    }

    fn add_unjudged(&mut self, case: &Case) {
        if case.status == Status::KnownFailing {
            self.known += 1;
            return;
        }
        let standing = match case.left_out {
            Some(LeftOut::VirtualTime) => Standing::NotTestable,
            Some(LeftOut::Unclaimed) => Standing::Unclaimed,
            Some(LeftOut::Unforeseen) => Standing::NotApplicable,
            None => Standing::Error,
        };
        let why = case.reason.clone().unwrap_or_default();
        self.reasons.push((standing, Whose::Own, format!("{}: {why}", case.name())));
    }

    fn add_check(&mut self, case: &Case, check: &Check) {
        let whose = if check.line.is_some() { Whose::Own } else { Whose::General };
        let is_known = case.status == Status::KnownFailing && check.is_loud();
        let mut because = |standing, why: &str| {
            self.reasons.push((standing, whose, format!("{}: {why}", case.name())));
        };
        let why = check.why.as_deref().unwrap_or_default();
        match check.verdict {
            CheckVerdict::Fail | CheckVerdict::Vacuous if is_known => self.known += 1,
            CheckVerdict::Fail => self.broken += 1,
            CheckVerdict::Pass if case.status == Status::Error => {
                because(Standing::Error, &case.summary());
            }
            CheckVerdict::Pass if cannot_fail(case, check) => {
                because(Standing::Vacuous, "its control did not make it fail");
            }
            CheckVerdict::Pass if check.witnesses.is_empty() => {
                because(Standing::Vacuous, "no fact shows it");
            }
            CheckVerdict::Pass => self.held += 1,
            CheckVerdict::Vacuous => because(Standing::Vacuous, why),
            CheckVerdict::Inconclusive => because(Standing::Inconclusive, why),
            CheckVerdict::NotTestable => because(Standing::NotTestable, why),
            CheckVerdict::NotApplicable => because(Standing::NotApplicable, why),
        }
        let is_news = matches!(check.verdict, CheckVerdict::Fail | CheckVerdict::Inconclusive);
        if whose == Whose::Own || is_news {
            self.cited.push(Cited {
                scenario: case.scenario.clone(),
                profile: case.profile.clone(),
                check: check.label.clone(),
                verdict: check.verdict,
            });
        }
    }

    fn standing(
        &self,
        requirement: &catalogue::Requirement,
        profiles: &[String],
    ) -> (Standing, Option<String>) {
        if let catalogue::Standing::Excluded { why } = &requirement.standing {
            return (Standing::Excluded, Some(why.clone()));
        }
        if self.broken > 0 {
            return (Standing::Fail, None);
        }
        if self.known > 0 {
            return (Standing::KnownFailing, None);
        }
        let find = |standing, whose: Option<Whose>| {
            let is_it = |it: &&(Standing, Whose, String)| {
                it.0 == standing && whose.is_none_or(|whose| it.1 == whose)
            };
            self.reasons.iter().find(is_it).map(|it| (standing, Some(it.2.clone())))
        };
        let doubts = [Standing::Error, Standing::Inconclusive, Standing::Vacuous];
        let own = doubts.into_iter().find_map(|it| find(it, Some(Whose::Own)));
        if let Some(found) = own {
            return found;
        }
        if self.held > 0 {
            return (Standing::Pass, None);
        }
        let rest = [
            Standing::Error,
            Standing::Inconclusive,
            Standing::NotTestable,
            Standing::NotApplicable,
            Standing::Unclaimed,
            Standing::Vacuous,
        ];
        if let Some(found) = rest.into_iter().find_map(|it| find(it, None)) {
            return found;
        }
        if requirement.profiles.iter().any(|it| profiles.contains(it)) {
            (Standing::NotRun, None)
        } else {
            let of = requirement.profiles.join(" and ");
            (Standing::NotApplicable, Some(format!("it is of profile {of} alone")))
        }
    }
}

/// Whether the control should have made the check fail and did not.
fn cannot_fail(case: &Case, check: &Check) -> bool {
    let Some(control) = &case.control else { return false };
    match control.status {
        ControlStatus::Stuck => {
            control.labels.iter().any(|it| it.starts_with(&format!("`{}` ", check.label)))
        }
        ControlStatus::NotRun => check.line.is_some(),
        ControlStatus::Absent
        | ControlStatus::LeftOut
        | ControlStatus::Flipped
        | ControlStatus::Unclear => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{data::Control, tests::green};

    /// A case of one check about `QUE-001`, with one edit.
    fn case(edit: impl FnOnce(&mut Case)) -> Case {
        let mut case = green().cases.remove(0);
        edit(&mut case);
        case
    }

    fn says(verdict: CheckVerdict) -> impl FnOnce(&mut Case) {
        move |case| {
            case.checks[0].verdict = verdict;
            case.checks[0].why = Some("so it is".to_owned());
        }
    }

    fn is_general(case: &mut Case) {
        case.checks[0].line = None;
    }

    fn left_out(left_out: Option<LeftOut>) -> impl FnOnce(&mut Case) {
        move |case| {
            case.trace_hash = None;
            case.checks = Vec::new();
            case.left_out = left_out;
            case.reason = Some("so it is".to_owned());
        }
    }

    #[track_caller]
    fn check(cases: &[Case], expected: Standing) -> Requirement {
        let all = all(catalogue::built_in(), cases, &["2026.9".to_owned()], |_| None);
        let found = all.into_iter().find(|it| it.id == "QUE-001").unwrap();
        assert_eq!(found.verdict, expected, "{found:#?}");
        found
    }

    #[test]
    fn what_held_held_unless_something_says_otherwise() {
        let held = || case(|_| ());
        let found = check(&[held()], Standing::Pass);
        assert_eq!((found.held, found.cases.len(), found.why), (1, 1, None));
        check(&[held(), case(says(CheckVerdict::Fail))], Standing::Fail);
        check(&[held(), case(says(CheckVerdict::Vacuous))], Standing::Vacuous);
        let found =
            check(&[held(), case(says(CheckVerdict::Inconclusive))], Standing::Inconclusive);
        assert_eq!(found.why.as_deref(), Some("queue/one (2026.9): so it is"));
        for left_out_as in [LeftOut::VirtualTime, LeftOut::Unclaimed, LeftOut::Unforeseen] {
            check(&[held(), case(left_out(Some(left_out_as)))], Standing::Pass);
        }
        check(&[held(), case(left_out(None))], Standing::Error);
    }

    /// Invariants look at every case; one in which they cannot tell spoils none of the others.
    #[test]
    fn what_looks_at_every_case_may_be_silent_about_some() {
        for verdict in [CheckVerdict::Vacuous, CheckVerdict::Inconclusive] {
            let silent = || {
                case(|it| {
                    says(verdict)(it);
                    is_general(it);
                })
            };
            check(&[case(is_general), silent()], Standing::Pass);
            let alone = check(
                &[silent()],
                match verdict {
                    CheckVerdict::Vacuous => Standing::Vacuous,
                    _ => Standing::Inconclusive,
                },
            );
            assert_eq!(alone.held, 0);
        }
    }

    #[test]
    fn a_check_that_cannot_fail_shows_nothing() {
        let stuck = |status, labels: &[&str]| {
            let labels = labels.iter().map(|it| (*it).to_owned()).collect();
            case(|it| it.control = Some(Control { status, checks: 0, labels, why: None }))
        };
        check(&[stuck(ControlStatus::Stuck, &["`exactly` was pass"])], Standing::Vacuous);
        check(&[stuck(ControlStatus::Stuck, &["`quiet` was pass"])], Standing::Pass);
        check(&[stuck(ControlStatus::NotRun, &[])], Standing::Vacuous);
        check(&[case(|it| it.checks[0].witnesses.clear())], Standing::Vacuous);
        check(&[case(|it| it.status = Status::Error)], Standing::Error);
    }

    #[test]
    fn what_is_listed_is_known_to_fail() {
        let listed = |verdict| {
            case(|it| {
                says(verdict)(it);
                it.status = Status::KnownFailing;
            })
        };
        check(&[listed(CheckVerdict::Fail), case(|_| ())], Standing::KnownFailing);
        check(&[listed(CheckVerdict::Vacuous)], Standing::KnownFailing);
        check(&[listed(CheckVerdict::Fail), case(says(CheckVerdict::Fail))], Standing::Fail);
        let unjudged = case(|it| {
            left_out(None)(it);
            it.status = Status::KnownFailing;
        });
        check(&[unjudged], Standing::KnownFailing);
    }

    #[test]
    fn what_was_not_judged_says_why_not() {
        check(&[case(left_out(Some(LeftOut::VirtualTime)))], Standing::NotTestable);
        check(&[case(left_out(Some(LeftOut::Unclaimed)))], Standing::Unclaimed);
        check(&[case(left_out(Some(LeftOut::Unforeseen)))], Standing::NotApplicable);
        check(&[], Standing::NotRun);
        let of_another = all(catalogue::built_in(), &[], &["2026.1".to_owned()], |_| None);
        assert!(
            of_another
                .iter()
                .all(|it| matches!(it.verdict, Standing::NotApplicable | Standing::Excluded))
        );
        let unclaimed = all(catalogue::built_in(), &[case(|_| ())], &[], |_| Some("no".to_owned()));
        let found = unclaimed.iter().find(|it| it.id == "QUE-001").unwrap();
        assert_eq!((found.verdict, found.why.as_deref()), (Standing::Unclaimed, Some("no")));
    }
}
