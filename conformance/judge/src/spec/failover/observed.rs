//! What a trace shows of failover, and what the model says of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, CHOSEN, Happening, Reason, What, judge, logins, provider_of};
use crate::{
    context::Chain,
    spec::{Findings, Ruling, cast::Cast, command::may_be_fresh, session_key::SessionKey},
    trace::{Kind, ModelOutcome, Operation, Saw, Trace},
    turns::Request,
};

/// A provider that asks for longer is not to be waited for in a scenario.
const REST_US_MAX: i64 = 366 * 24 * 3_600 * 1_000_000;

/// Where requests are retried, their failures must be told by their statuses alone.
pub(in crate::spec) fn check(trace: &Trace, cast: &Cast) -> Ruling {
    let mut findings = Findings::default();
    let configuration = &cast.context.configuration;
    for (agent, chain) in configuration.chains.iter().filter(|(_, it)| !it.tells_more) {
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
        let judged = happened
            .filter(|_| !chain.tells_more)
            .map(|it| judge(cast.version, (chain, cast.context.choices), &it, promptly_us));
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
    let ends_us = trace.facts.last().map_or(0, |it| it.at_us);
    let mut all = logins::renewed(cast, agent);
    all.extend(lives(trace));
    for (key, requests) in cast.sessions() {
        if key.agent == agent {
            let requests: Vec<&Request> =
                requests.iter().map(|it| &cast.turns.requests[*it]).collect();
            all.extend(in_session(cast, (key, chain), &requests, ends_us)?);
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

/// When the gateway began anew.
fn lives(trace: &Trace) -> impl Iterator<Item = Happening> {
    let starts = trace.facts.iter().filter(|it| matches!(it.kind, Kind::GatewayStarted)).skip(1);
    starts.map(|it| Happening {
        at_us: it.at_us,
        session: String::new(),
        seq: it.seq,
        what: What::Restarted,
    })
}

/// What the end of a spoiled stream is taken for.
fn reason_of_end(how: &str) -> Reason {
    match how {
        "malformed" | "error" => Reason::ServerError,
        "overloaded" => Reason::Overloaded,
        "refused" => Reason::Refusal,
        _ => Reason::Timeout,
    }
}

fn has_failed(trace: &Trace) -> bool {
    trace.facts.iter().any(|it| match &it.kind {
        Kind::ModelEnd { outcome, .. } => !matches!(outcome, ModelOutcome::Completed { .. }),
        _ => false,
    })
}

fn in_session(
    cast: &Cast,
    (key, chain): (&SessionKey, &Chain),
    requests: &[&Request],
    ends_us: i64,
) -> Option<Vec<Happening>> {
    let session = format!("{key:?}");
    let mut all = Vec::new();
    let mut add = |at: crate::turns::Moment, what| {
        all.push(Happening { at_us: at.at_us, session: session.clone(), seq: at.seq, what });
    };
    let mut stops = BTreeMap::new();
    for heard in cast.heard.iter().filter(|it| it.keys.contains(key)) {
        let at = *heard.message.inbound.first()?;
        let text = heard.message.text.trim();
        let (command, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match command {
            "/model" => {
                let rest = rest.strip_suffix(" -s").unwrap_or(rest).trim();
                // Alone, it asks which one answers.
                if !rest.is_empty() {
                    let (model, pin) = choice(chain, rest)?;
                    add(at, What::Chosen(model, pin));
                }
            }
            "/new" | "/reset" => {
                add(at, What::Reset);
                let first = rest.split_whitespace().next().unwrap_or_default();
                if chain.choices.iter().any(|it| it == first) {
                    add(at, What::Chosen(Some(first.to_owned()), None));
                }
            }
            _ if may_be_fresh(heard.message, cast.version, &cast.context.configuration) => {
                return None;
            }
            // In which request it is, nothing tells.
            _ if heard.message.canary.is_none() && !command.starts_with('/') => return None,
            _ => (),
        }
        if matches!(command, "/stop" | "/new" | "/reset") {
            stops.insert(at.seq, at);
        }
    }
    for (index, request) in requests.iter().enumerate() {
        let ((), credential) =
            request.asked().rsplit_once('@').map(|(_, it)| ((), it.to_owned()))?;
        let credential = credential.rsplit('/').next().unwrap_or_default().to_owned();
        let model = format!("{}/{}", request.provider, request.model);
        if begins(requests, index)? {
            add(request.start, What::Begins);
        }
        add(request.start, What::Asks(Asked { model, credential }));
        let Some(end) = &request.end else { continue };
        let next = requests.get(index + 1);
        let is_last = next.is_none() || begins(requests, index + 1)?;
        let until = next.map_or(u64::MAX, |it| it.start.seq);
        let is_stopped = stops.range(request.start.seq..until).next().is_some();
        let rest_us = match &end.outcome {
            ModelOutcome::Failed { retry_after_ms: Some(ms), .. } => {
                i64::try_from(ms.saturating_mul(1_000)).unwrap_or(i64::MAX).min(REST_US_MAX)
            }
            _ => 0,
        };
        let reason = match &end.outcome {
            ModelOutcome::Completed { .. } => None,
            ModelOutcome::Failed { status, .. } => Some(reason_of_status(*status)),
            ModelOutcome::Spoiled { how, .. } => Some(reason_of_end(how)),
            ModelOutcome::Abandoned { .. } if is_stopped => Some(Reason::Aborted),
            // The gateway's own patience: which of its clocks ended it, no fact tells.
            ModelOutcome::Abandoned { .. } => return None,
        };
        add(end.at, reason.map_or(What::Answered, |it| What::Failed(it, rest_us)));
        if is_last {
            // What was shown already cannot be taken back: whether somebody else may answer then is not told here.
            let may_be_shown =
                matches!(&end.outcome, ModelOutcome::Spoiled { text, .. } if !text.is_empty());
            // Nor whether a try is still to come when the trace ends.
            let may_go_on = next.is_none()
                && reason.is_some_and(Reason::passes)
                && ends_us - end.at.at_us <= super::allowed::WAIT_MAX_US.max(rest_us);
            add(
                end.at,
                if is_stopped || may_be_shown || may_go_on { What::Stopped } else { What::Over },
            );
        }
    }
    Some(all)
}

/// Whether a session's request begins a turn: it brings something new, or follows an answer with no tool in between, as what a
/// clock or another session asks. Nothing where another text follows a failure: it may be a turn, or the same one in other
/// words.
fn begins(requests: &[&Request], index: usize) -> Option<bool> {
    let request = requests[index];
    let before = index.checked_sub(1).map(|it| requests[it]);
    let Some(before) = before.filter(|_| request.new.is_empty()) else { return Some(true) };
    if before.completed_answer().is_some() {
        return Some(before.tool_results == request.tool_results);
    }
    (before.newest_text == request.newest_text).then_some(false)
}

/// The model and the credential that a person chooses; `default` is no model. None where the gateway may refuse it: there is
/// no such model, or no such credential of its provider.
fn choice(chain: &Chain, rest: &str) -> Option<(Option<String>, Option<String>)> {
    if rest == "default" {
        return Some((None, None));
    }
    let (model, pin) = rest.split_once('@').map_or((rest, None), |(model, pin)| {
        (model, Some(pin.rsplit(':').next().unwrap_or(pin).to_owned()))
    });
    let is_its = |pin: &String| {
        let mut its = chain.credentials.iter().filter(|it| it.name == *pin);
        its.any(|it| it.provider == provider_of(model))
    };
    let is_there = chain.choices.iter().any(|it| it == model) && pin.as_ref().is_none_or(is_its);
    is_there.then(|| (Some(model.to_owned()), pin))
}

/// What a status says where the provider says nothing more.
pub fn reason_of_status(status: u16) -> Reason {
    match status {
        401 | 403 => Reason::Auth,
        402 => Reason::Billing,
        404 => Reason::ModelNotFound,
        408 | 499 | 504 | 522 | 524 => Reason::Timeout,
        413 => Reason::ContextOverflow,
        429 => Reason::RateLimit,
        529 => Reason::Overloaded,
        500.. => Reason::ServerError,
        _ => Reason::Format,
    }
}
