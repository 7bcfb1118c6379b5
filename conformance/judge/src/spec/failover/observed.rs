//! What a trace shows of failover, and what the model says of it.

use std::collections::BTreeSet;

use super::{CHOSEN, Happening, What, judge, logins, session::Told};
use crate::{
    context::Chain,
    spec::{Findings, Ruling, cast::Cast},
    trace::{Kind, ModelOutcome, Operation, Saw, Trace},
    turns::Moment,
};

/// Judges each agent of whose failures the trace tells enough.
pub(in crate::spec) fn check(trace: &Trace, cast: &Cast) -> Ruling {
    let mut findings = Findings::default();
    let configuration = &cast.context.configuration;
    for (agent, chain) in &configuration.chains {
        let Some(happened) = happened(trace, cast, (agent, chain)) else { continue };
        let (chain, promptly_us) = ((chain, cast.context.choices), configuration.hops.promptly_us);
        match judge(cast.version, chain, &happened, promptly_us) {
            Ok((_, held)) => held.into_iter().for_each(|(rule, seq)| findings.hold(rule, seq)),
            Err(it) => findings.fail(it.rule, &it.expected, it.observed, vec![it.seq]),
        }
    }
    findings.ruling("no credential failed")
}

/// What the gateway did that its target declares, and ours does not do. Where the trace does not tell what was asked, a
/// failure that it may have answered so.
pub(in crate::spec) fn chosen(trace: &Trace, cast: &Cast) -> BTreeSet<String> {
    let configuration = &cast.context.configuration;
    let mut chosen = BTreeSet::new();
    for (agent, chain) in &configuration.chains {
        let happened = happened(trace, cast, (agent, chain));
        let promptly_us = configuration.hops.promptly_us;
        let judged =
            happened.map(|it| judge(cast.version, (chain, cast.context.choices), &it, promptly_us));
        match judged {
            Some(Ok((marks, _))) => {
                chosen.extend(marks.into_iter().filter(|it| CHOSEN.contains(&it.as_str())));
            }
            // What is wrong, the specification says itself.
            Some(Err(_)) => (),
            None if has_failed(trace) => {
                chosen.insert("a request failed, and perhaps it was made again".to_owned());
            }
            None => (),
        }
    }
    chosen
}

/// Everything that happened to an agent's sessions, in order; nothing where a trace does not tell.
pub(super) fn happened(
    trace: &Trace,
    cast: &Cast,
    (agent, chain): (&str, &Chain),
) -> Option<Vec<Happening>> {
    if trace.facts.iter().any(|it| operates(&it.kind)) {
        return None;
    }
    let mut all = logins::renewed(cast, agent);
    all.extend(lives(trace).into_iter().map(|at| Happening {
        at_us: at.at_us,
        session: String::new(),
        seq: at.seq,
        what: What::Restarted,
    }));
    for (key, requests) in cast.sessions() {
        if key.agent == agent {
            all.extend(Told::of(trace, cast, (key, chain), &requests).happened()?);
        }
    }
    all.sort_by_key(|it| it.seq);
    Some(all)
}

/// Whether operators change what was configured or chosen, or end what runs.
fn operates(kind: &Kind) -> bool {
    let Kind::Operator(Operation { saw: Saw::Asked { method: Some(method), .. }, .. }) = kind
    else {
        return false;
    };
    let changing = ["config.", "agents.", "models.", "cron.", "auth."];
    let ending = ["sessions.patch", "sessions.reset", "sessions.delete", "chat.abort"];
    let reads = [".get", ".list", ".schema"].iter().any(|it| method.ends_with(it));
    ending.contains(&method.as_str()) || !reads && changing.iter().any(|it| method.starts_with(it))
}

/// When the gateway ended, or began anew.
pub(super) fn lives(trace: &Trace) -> Vec<Moment> {
    let is_life = |it: &Kind| matches!(it, Kind::GatewayStarted | Kind::GatewayExited { .. });
    let all = trace.facts.iter().filter(|it| is_life(&it.kind)).skip(1);
    all.map(|it| Moment { seq: it.seq, at_us: it.at_us }).collect()
}

fn has_failed(trace: &Trace) -> bool {
    trace.facts.iter().any(|it| match &it.kind {
        Kind::ModelEnd { outcome, .. } => !matches!(outcome, ModelOutcome::Completed { .. }),
        _ => false,
    })
}
