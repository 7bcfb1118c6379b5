//! What a trace amounts to, check by check.

use creel_judge::{
    context::Context,
    invariants,
    spec::{self, Rule, Ruling},
    trace::{Kind, Trace},
    turns::Turns,
    verdict::{Failure, Verdict},
    words,
};
use creel_sim::scenario::Scenario;

use super::Check;
use crate::catalogue;

/// What the harness itself found wrong during a run.
pub fn harness_errors(trace: &Trace) -> Vec<String> {
    let error = |kind: &Kind| match kind {
        Kind::HarnessError { what } => Some(what.clone()),
        _ => None,
    };
    trace.facts.iter().filter_map(|it| error(&it.kind)).collect()
}

/// Judges a trace: the scenario's expectations, then every invariant and every specification. An expectation that does not
/// foresee a choice which the target declares, and made, does not count.
pub fn judge(scenario: &Scenario, trace: &Trace, context: &Context) -> Vec<Check> {
    let mut checks = judge_as_ours(scenario, trace, context);
    if let Some(why) = chosen(trace, context) {
        let own = checks.iter_mut().filter(|it| it.line.is_some());
        for check in own.filter(|it| !matches!(it.verdict, Verdict::Pass { .. })) {
            check.verdict = Verdict::NotApplicable { why: why.clone() };
        }
    }
    checks
}

/// What the target did that it declares, if our gateway does otherwise.
pub(super) fn chosen(trace: &Trace, context: &Context) -> Option<String> {
    let chosen = spec::chosen(trace, &Turns::of(trace, context), context);
    let chosen: Vec<String> = chosen.into_iter().collect();
    (!chosen.is_empty()).then(|| {
        format!(
            "the target's manifest declares a choice that this does not foresee: {}",
            chosen.join(", ")
        )
    })
}

/// The same, whatever the target declares.
pub(super) fn judge_as_ours(scenario: &Scenario, trace: &Trace, context: &Context) -> Vec<Check> {
    let turns = Turns::of(trace, context);
    let catalogue = catalogue::built_in();
    let holds = |id: &&String| catalogue.find(id).is_some_and(|it| it.is_of(&context.profile));
    let expected = scenario.expect.iter().map(|it| Check {
        label: it.label.clone(),
        title: None,
        line: Some(it.line),
        requirements: it.covers.iter().filter(holds).cloned().collect(),
        verdict: words::check(&it.word, trace, &turns, context),
    });
    let invariants = invariants::ALL.iter().map(|it| {
        let verdict = it.check(trace, &turns, context);
        let mut requirements = catalogue.judged_by(it.id, &context.profile);
        keep_broken(&mut requirements, &verdict);
        Check { label: it.id.to_owned(), title: Some(it.title), line: None, requirements, verdict }
    });
    let specifications = spec::ALL.iter().map(|it| {
        let Ruling { verdict, rules } = it.check(trace, &turns, context);
        let ids = rules.into_iter().flat_map(Rule::requirements).map(|it| (*it).to_owned());
        let mut requirements: Vec<String> = ids.filter(|it| holds(&it)).collect();
        requirements.sort_unstable();
        requirements.dedup();
        keep_broken(&mut requirements, &verdict);
        Check { label: it.id.to_owned(), title: Some(it.title), line: None, requirements, verdict }
    });
    expected.chain(invariants).chain(specifications).collect()
}

/// A failure names what it breaks, and not what held beside it.
fn keep_broken(requirements: &mut Vec<String>, verdict: &Verdict) {
    if let Verdict::Fail(Failure { breaks, .. }) = verdict
        && !breaks.is_empty()
    {
        requirements.retain(|it| breaks.contains(&it.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use creel_judge::context::Choices;
    use creel_sim::world::World;

    use super::*;
    use crate::{corpus, suite::Status};

    /// Ten requests with one credential, as 2026.9 has them, judged as a gateway of 2026.3 that declares so many: by what
    /// this scenario expects, and by what one expects that foresees no second request.
    fn judged(tries_per_credential: u32) -> [Vec<Check>; 2] {
        let scenario = |id: &str| {
            corpus::choose(&[id.to_owned()]).expect("it is in the corpus")[0].scenario.clone()
        };
        let ten = scenario("failover/a-rate-limit-is-tried-ten-times");
        let run = World::Events.run(&ten, "2026.9", 1).expect("it runs");
        let choices = Choices { tries_per_credential, ..Choices::default() };
        let context = Context { profile: "2026.3".to_owned(), choices, ..run.context };
        [ten, scenario("failover/credentials-then-models")]
            .map(|it| judge(&it, &run.trace, &context))
    }

    fn words(checks: &[Check], is_meant: fn(&Check) -> bool) -> Vec<&'static str> {
        checks.iter().filter(|it| is_meant(it)).map(|it| it.verdict.word()).collect()
    }

    #[test]
    fn what_a_target_declares_is_no_failure_and_more_than_that_is() {
        let failover = |it: &Check| it.label == "spec-failover";
        let [foreseen, unforeseen] = judged(10);
        assert_eq!(words(&foreseen, failover), ["pass"]);
        assert_eq!(Status::of(&foreseen, &[]), Status::Pass, "{foreseen:#?}");
        let own = words(&unforeseen, |it| it.line.is_some());
        assert!(own.contains(&"not applicable") && !own.contains(&"fail"), "{own:?}");
        assert_eq!(words(&unforeseen, failover), ["pass"]);

        let [foreseen, unforeseen] = judged(9);
        assert_eq!(words(&foreseen, failover), ["fail"]);
        assert!(words(&unforeseen, |it| it.line.is_some()).contains(&"fail"));
    }
}
