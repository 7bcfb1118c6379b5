//! Words about order and time: `order`, `gap`, `quiet`.

use super::{Filter, Span, matching::Evidence};
use crate::{
    phrase::{self, seconds},
    timing::{Fit, between},
    trace::Fact,
    verdict::Verdict,
};

pub(super) fn order(filters: &[Filter], evidence: Evidence) -> Verdict {
    let mut before: Option<(&Filter, &Fact)> = None;
    let mut witnesses = Vec::new();
    for filter in filters {
        let Some(first) = evidence.matches(filter).into_iter().next() else {
            let observed = format!("there was no {filter}");
            return Verdict::fail(in_order(filters), observed, Vec::new());
        };
        if let Some((earlier, before)) = before.filter(|(_, before)| first.seq <= before.seq) {
            let observed = format!(
                "the first {filter} at {}, not after the first {earlier} at {}",
                seconds(first.at_us),
                seconds(before.at_us)
            );
            let mut facts = vec![first.seq, before.seq];
            facts.dedup();
            return Verdict::fail(in_order(filters), observed, facts);
        }
        witnesses.push(first.seq);
        before = Some((filter, first));
    }
    Verdict::pass_or_vacuous(witnesses, "nothing was to be in order")
}

fn in_order(filters: &[Filter]) -> String {
    filters.iter().map(ToString::to_string).collect::<Vec<_>>().join(", then ")
}

pub(super) fn gap(from: &Filter, to: &Filter, bounds: Span, evidence: Evidence) -> Verdict {
    let expected = format!("{} from the first {from} to the next {to}", between(bounds));
    let Some(start) = evidence.matches(from).into_iter().next() else {
        return Verdict::Vacuous { why: format!("there was no {from} to start the clock") };
    };
    let Some(stop) = evidence.matches(to).into_iter().find(|it| it.seq > start.seq) else {
        let observed = format!("no {to} after the {from} at {}", seconds(start.at_us));
        return Verdict::fail(expected, observed, vec![start.seq]);
    };
    let wait_us = stop.at_us.saturating_sub(start.at_us);
    let witnesses = vec![start.seq, stop.seq];
    match evidence.context.clock.fit(wait_us, bounds) {
        Fit::Inside => Verdict::pass(witnesses),
        Fit::Outside => {
            let observed = format!(
                "{}, from {} to {}",
                seconds(wait_us),
                seconds(start.at_us),
                seconds(stop.at_us)
            );
            Verdict::fail(expected, observed, witnesses)
        }
        Fit::Unknown(why) => Verdict::Inconclusive {
            why: format!("{} from one to the other, but {why}", seconds(wait_us)),
        },
    }
}

pub(super) fn quiet(of: &Filter, span: Span, evidence: Evidence) -> Verdict {
    let clock = evidence.context.clock;
    let slack_us = clock.slack_us();
    // What matches near an edge may have been on its other side.
    let surely = span.from_us.saturating_add(slack_us)..=span.to_us.saturating_sub(slack_us);
    let found: Vec<_> =
        evidence.matches(of).into_iter().filter(|it| surely.contains(&it.at_us)).collect();
    if let Some(first) = found.first() {
        let failure = Verdict::fail(
            format!("no {of} {}", between(span)),
            phrase::times(&found),
            vec![first.seq],
        );
        return clock.blame(failure);
    }
    if surely.is_empty() && slack_us > 0 {
        let why = format!(
            "{} is no longer than the clock is unsure: {} on both sides",
            between(span),
            seconds(slack_us)
        );
        return Verdict::Inconclusive { why };
    }
    let beyond = evidence.trace.facts.iter().find(|it| it.at_us > span.to_us);
    let why = format!(
        "nothing was seen after {}, so the trace may have ended before",
        seconds(span.to_us)
    );
    Verdict::pass_or_vacuous(beyond.map(|it| it.seq).into_iter().collect(), &why)
}
