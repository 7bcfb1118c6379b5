//! `spec-queue`: the messages of each session become the turns that its queue settings say, in order and in time.

mod prompt;
mod script;

use super::{
    Findings, Rule, Ruling,
    cast::Cast,
    lane::{self, Disagreement},
};
use crate::{
    phrase::{names, seconds},
    trace::Trace,
};
use script::{Session, Slots};

/// Exercised by turns whose session can be told. A session is followed up to where something happens that the model does
/// not have: a message without a canary, a greeting, `/compact`, the gateway's end, overlapping runs.
pub(super) fn check(trace: &Trace, cast: &Cast) -> Ruling {
    let mut findings = Findings::default();
    let sessions: Vec<Session> = cast
        .sessions()
        .into_iter()
        .map(|(key, requests)| Session::of(trace, cast, key, &requests))
        .collect();
    let slots = Slots::of(cast, &sessions);
    for session in &sessions {
        let script = session.script(trace, cast, &slots);
        match lane::explain(&script) {
            Ok(evidence) => {
                for (rule, turn) in evidence.rules {
                    if let Some(&request) = session.turns.get(turn) {
                        findings.hold(rule, cast.turns.requests[request].start.seq);
                        if rule == Rule::QueueCollect {
                            reads(cast, session, turn, &mut findings);
                        }
                    }
                }
            }
            Err(found) => report(cast, session, &found, &mut findings),
        }
    }
    findings.ruling("no session had a turn")
}

/// How the prompt of a collected turn reads, where each of its messages was queued alone.
fn reads(cast: &Cast, session: &Session, turn: usize, findings: &mut Findings) {
    let request = &cast.turns.requests[session.turns[turn]];
    let Some(names) = session.queued_alone(cast, turn) else { return };
    let messages: Vec<_> =
        names.iter().filter_map(|it| cast.heard(it)).map(|it| it.message).collect();
    let mut witnesses: Vec<u64> = messages.iter().map(|it| it.inbound[0].seq).collect();
    witnesses.push(request.start.seq);
    match prompt::reading(request, &messages) {
        None => (),
        Some(Ok(())) => findings.hold(Rule::QueuePrompt, request.start.seq),
        Some(Err((expected, observed))) => {
            findings.fail(Rule::QueuePrompt, &expected, observed, witnesses);
        }
    }
}

fn report(cast: &Cast, session: &Session, found: &Disagreement, findings: &mut Findings) {
    if found.gave_up {
        let why = format!("too many orders of moments are possible in `{}`", session.key);
        return findings.doubt(why);
    }
    let name = |it: &usize| session.names[*it];
    let expected = match (&found.due, found.rule) {
        (Some(due), Rule::QueueAbort) => {
            format!("the run of `{}` ended by {}", session.key, seconds(due.to_us))
        }
        (due, _) if !found.expected.is_empty() => {
            let from = due.map(|it| format!(" from {}", seconds(it.from_us))).unwrap_or_default();
            let late_us = |us: i64| us.saturating_add(cast.context.configuration.hops.promptly_us);
            let to = due.filter(|it| it.to_us < i64::MAX / 2);
            let to = to.map(|it| format!(" to {}", seconds(late_us(it.to_us)))).unwrap_or_default();
            let new = names(found.expected.iter().map(name));
            format!("a turn of `{}` with exactly {new} new, started{from}{to}", session.key)
        }
        _ => format!("no turn of `{}`: nothing waits", session.key),
    };
    let Some(&index) = found.turn.and_then(|it| session.turns.get(it)) else {
        let observed = "no such turn".to_owned();
        let witnesses = found.expected.iter().filter_map(|it| cast.heard(session.names[*it]));
        let witnesses = witnesses.map(|it| it.message.inbound[0].seq).collect();
        return blame(cast, findings, found.rule, (&expected, observed), witnesses);
    };
    let request = &cast.turns.requests[index];
    let served = |it: &&str| cast.served[..index].iter().any(|earlier| earlier.new.contains(it));
    if found.rule != Rule::QueueAbort && cast.served[index].new.iter().all(served) {
        // A message that ran before: I1 and I2 say so.
        return;
    }
    let new = names(&cast.served[index].new);
    let observed = if let (Some(end), Rule::QueueAbort) = (&request.end, found.rule) {
        format!("request {} ended at {}", request.number, seconds(end.at.at_us))
    } else {
        let at = seconds(request.start.at_us);
        format!("request {} at {at} with {new} new", request.number)
    };
    let mut witnesses: Vec<u64> = found
        .expected
        .iter()
        .filter_map(|it| cast.heard(session.names[*it]))
        .map(|it| it.message.inbound[0].seq)
        .chain([request.start.seq])
        .collect();
    witnesses.sort_unstable();
    blame(cast, findings, found.rule, (&expected, observed), witnesses);
}

/// A failure, unless the harness may be to blame.
fn blame(
    cast: &Cast,
    findings: &mut Findings,
    rule: Rule,
    (expected, observed): (&str, String),
    witnesses: Vec<u64>,
) {
    match cast.context.clock.outside() {
        crate::timing::Fit::Unknown(why) => findings.doubt(why),
        _ => findings.fail(rule, expected, observed, witnesses),
    }
}
