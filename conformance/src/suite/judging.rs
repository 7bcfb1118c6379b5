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
        if let Verdict::Fail(Failure { breaks, .. }) = &verdict
            && !breaks.is_empty()
        {
            requirements.retain(|it| breaks.contains(&it.as_str()));
        }
        Check { label: it.id.to_owned(), title: Some(it.title), line: None, requirements, verdict }
    });
    let specifications = spec::ALL.iter().map(|it| {
        let Ruling { verdict, rules } = it.check(trace, &turns, context);
        let ids = rules.into_iter().flat_map(Rule::requirements).map(|it| (*it).to_owned());
        let mut requirements: Vec<String> = ids.filter(|it| holds(&it)).collect();
        requirements.sort_unstable();
        requirements.dedup();
        Check { label: it.id.to_owned(), title: Some(it.title), line: None, requirements, verdict }
    });
    expected.chain(invariants).chain(specifications).collect()
}
