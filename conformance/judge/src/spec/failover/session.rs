//! What a trace shows of one session: what a person chose and stopped there, and what became of its requests.

use std::collections::BTreeSet;

use super::{
    Asked, Happening, Reason, What,
    allowed::WAIT_MAX_US,
    observed, provider_of,
    reasons::{reason_of, reason_of_end},
};
use crate::{
    context::Chain,
    spec::{cast::Cast, command::may_be_fresh, session_key::SessionKey},
    trace::{ModelOutcome, Trace},
    turns::{End, Moment, Request},
};

/// A provider that asks for longer is not to be waited for in a scenario.
const REST_US_MAX: i64 = 366 * 24 * 3_600 * 1_000_000;

/// One session of a trace.
pub(super) struct Told<'a> {
    cast: &'a Cast<'a>,
    key: &'a SessionKey,
    chain: &'a Chain,
    requests: Vec<&'a Request>,
    /// When the gateway ended, or began anew.
    lives: Vec<Moment>,
    /// When the trace ends.
    ends_us: i64,
    stops: Vec<Moment>,
    all: Vec<Happening>,
}

impl<'a> Told<'a> {
    /// The session of this key, with its requests.
    pub(super) fn of(
        trace: &Trace,
        cast: &'a Cast<'a>,
        (key, chain): (&'a SessionKey, &'a Chain),
        requests: &[usize],
    ) -> Self {
        Self {
            cast,
            key,
            chain,
            requests: requests.iter().map(|it| &cast.turns.requests[*it]).collect(),
            lives: observed::lives(trace),
            ends_us: trace.facts.last().map_or(0, |it| it.at_us),
            stops: Vec::new(),
            all: Vec::new(),
        }
    }

    /// What happened in it; nothing where the trace does not tell.
    pub(super) fn happened(mut self) -> Option<Vec<Happening>> {
        self.commands()?;
        // What a gateway forgets of a choice when it begins anew is its own.
        let is_chosen = |it: &Happening| matches!(&it.what, What::Chosen(model, pin) if model.is_some() || pin.is_some());
        let first = self.all.iter().find(|it| is_chosen(it)).map(|it| it.seq);
        if first.is_some_and(|first| self.lives.iter().any(|it| it.seq > first)) {
            return None;
        }
        for index in 0..self.requests.len() {
            self.request(index)?;
        }
        Some(self.all)
    }

    fn add(&mut self, at: Moment, what: What) {
        let session = format!("{:?}", self.key);
        self.all.push(Happening { at_us: at.at_us, session, seq: at.seq, what });
    }

    fn commands(&mut self) -> Option<()> {
        let cast = self.cast;
        for heard in cast.heard.iter().filter(|it| it.keys.contains(self.key)) {
            let at = *heard.message.inbound.first()?;
            let text = heard.message.text.trim();
            let (command, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
            match command {
                "/model" => {
                    let rest = rest.strip_suffix(" -s").unwrap_or(rest).trim();
                    // Alone, it asks which one answers.
                    if !rest.is_empty() {
                        let (model, pin) = choice(self.chain, rest)?;
                        self.add(at, What::Chosen(model, pin));
                    }
                }
                "/new" | "/reset" => {
                    self.add(at, What::Reset);
                    let first = rest.split_whitespace().next().unwrap_or_default();
                    if self.chain.choices.iter().any(|it| it == first) {
                        self.add(at, What::Chosen(Some(first.to_owned()), None));
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
                self.stops.push(at);
            }
        }
        Some(())
    }

    fn request(&mut self, index: usize) -> Option<()> {
        let request = self.requests[index];
        let asked = request.asked();
        let (_, credential) = asked.rsplit_once('@')?;
        let credential = credential.rsplit('/').next().unwrap_or_default().to_owned();
        if begins(&self.requests, index)? {
            self.add(request.start, What::Begins);
        }
        let model = format!("{}/{}", request.provider, request.model);
        self.add(request.start, What::Asks(Asked { model, credential: credential.clone() }));
        let Some(end) = &request.end else { return Some(()) };
        let next = self.requests.get(index + 1).copied();
        let is_last = next.is_none() || begins(&self.requests, index + 1)?;
        let until = next.map_or(u64::MAX, |it| it.start.seq);
        let is_in = |it: &&Moment| (request.start.seq..until).contains(&it.seq);
        let is_stopped = self.stops.iter().any(|it| is_in(&it));
        let life = self.lives.iter().find(is_in).copied();
        // What a gateway makes of a turn that its end interrupted is its own.
        if life.is_some() && !is_last {
            return None;
        }
        let (reason, rest_us) = why(end, is_stopped)?;
        self.add(end.at, reason.map_or(What::Answered, |it| What::Failed(it, rest_us)));
        if !is_last {
            return Some(());
        }
        // Which of the gateway's own clocks, or what else, ended it where nobody else was asked, no fact tells.
        let is_cut = matches!(end.outcome, ModelOutcome::Abandoned { .. }) && !is_stopped;
        if is_cut {
            self.add(end.at, What::Doubted((request.provider.clone(), credential)));
        }
        let ends_us = life.map(|it| it.at_us).or(next.is_none().then_some(self.ends_us));
        let is_over = !is_stopped
            && !is_cut
            && !may_be_shown(end)
            && !ends_us.is_some_and(|it| may_go_on(end, (reason, rest_us), it));
        self.add(end.at, if is_over { What::Over } else { What::Stopped });
        Some(())
    }
}

/// Why a request ended otherwise than with an answer, and how long its provider asked to be left alone; nothing where that cannot be told.
fn why(end: &End, is_stopped: bool) -> Option<(Option<Reason>, i64)> {
    Some(match &end.outcome {
        ModelOutcome::Completed { .. } => (None, 0),
        ModelOutcome::Failed { status, retry_after_ms, said } => {
            let asked_us = retry_after_ms.unwrap_or(0).saturating_mul(1_000);
            let rest_us = i64::try_from(asked_us).unwrap_or(i64::MAX).min(REST_US_MAX);
            (Some(reason_of(*status, said.as_deref())?), rest_us)
        }
        ModelOutcome::Spoiled { how, .. } => (Some(reason_of_end(how)), 0),
        ModelOutcome::Abandoned { .. } if is_stopped => (Some(Reason::Aborted), 0),
        ModelOutcome::Abandoned { .. } => (Some(Reason::Timeout), 0),
    })
}

/// What was shown already cannot be taken back: whether somebody else may answer then is not told here.
fn may_be_shown(end: &End) -> bool {
    matches!(&end.outcome, ModelOutcome::Spoiled { text, .. } if !text.is_empty())
}

/// Whether a try may still have been to come when the trace, or the gateway, ended.
fn may_go_on(end: &End, (reason, rest_us): (Option<Reason>, i64), ends_us: i64) -> bool {
    reason.is_some_and(Reason::passes)
        && ends_us.saturating_sub(end.at.at_us) <= WAIT_MAX_US.max(rest_us)
}

/// Whether a session's request begins a turn: it brings something new, or follows an answer with no tool in between, as what a
/// clock or another session asks. Nothing where another text follows a failure: it may be a turn, or the same one in other
/// words.
fn begins(requests: &[&Request], index: usize) -> Option<bool> {
    let request = requests[index];
    let before = index.checked_sub(1).map(|it| requests[it]);
    // Some gateways say what they were asked once more when they ask somebody else.
    let failed = requests[..index].iter().rev().take_while(|it| it.completed_answer().is_none());
    let asked: BTreeSet<&String> = failed.flat_map(|it| &it.new).collect();
    if !request.new.is_empty() && request.new.iter().all(|it| asked.contains(it)) {
        return Some(false);
    }
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
