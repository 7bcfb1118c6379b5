//! I1, conservation: no message is lost, and none is told twice.

use std::collections::BTreeMap;

use super::{answers::Answers, conversations::Conversations, merged, unasked::Unasked};
use crate::{
    context::Context,
    phrase::{count, seconds},
    spec,
    trace::Trace,
    turns::{Appearance, Message, Moment, Turns},
    verdict::Verdict,
};

/// Every admitted message ends in exactly one of: new in a model request once (twice under steer-backlog), a line of an
/// overflow summary, a visible rejection, discarded by a declared policy. One that must not be admitted is in no
/// request.
///
/// Exercised by every message with a canary; commands are left out. A request that failed upstream still counts as the
/// message's appearance, and so does a summary's line in a system prompt. Rejections are recognised by quoting the
/// message, or where nobody was left to be asked: then there is no request to appear in. How full a queue was is not known,
/// so where `old` is a declared drop policy, an absent message counts as dropped.
pub(super) fn check(trace: &Trace, turns: &Turns, context: &Context) -> Verdict {
    let fates = Fates {
        turns,
        context,
        conversations: Conversations::of(turns, context),
        answers: Answers::of(turns),
        carriers: carriers(turns),
        unasked: Unasked::of(trace, turns, context),
    };
    let judged = turns.messages.iter().filter(|it| it.canary.is_some() && !is_command(it));
    merged(judged.map(|it| fates.judge(it)), "no message carried a canary")
}

/// Whether a message is one of the gateway's commands, which are not queued and not conserved.
pub(super) fn is_command(message: &Message) -> bool {
    message.text.trim_start().starts_with('/')
}

/// Whether a message discards what waits: `/stop`, `/new`, `/reset`, also as `/stop@bot`.
pub(super) fn is_discarding(message: &Message) -> bool {
    let word = message.text.split_whitespace().next().unwrap_or_default();
    let command = word.split('@').next().unwrap_or_default().to_lowercase();
    matches!(command.as_str(), "/stop" | "/new" | "/reset")
}

/// How long a gateway must know an id again, in microseconds: 20 minutes. Source: contract, sections 0 and 4.
const REMEMBERED_US: i64 = 20 * 60 * 1_000_000;

/// How often a message may be new: once for each agent that answers it.
pub(super) fn turns_max(message: &Message, context: &Context) -> u64 {
    let agents = u64::try_from(spec::agents(message, context)).unwrap_or(u64::MAX);
    turns_each(message, context).saturating_mul(agents)
}

/// How often it may be new to one agent. steer-backlog injects it and also keeps it as a turn of its own, and what is
/// delivered again after its id may be forgotten may run again.
fn turns_each(message: &Message, context: &Context) -> u64 {
    let is_backlog = |mode: &String| mode == "steer-backlog" || mode == "steer+backlog";
    let turns = if context.queue.modes.iter().any(is_backlog) { 2 } else { 1 };
    let mut taken_us = message.inbound[0].at_us;
    let mut lives = 1;
    for delivery in &message.inbound {
        if delivery.at_us.saturating_sub(taken_us) >= REMEMBERED_US {
            lives += 1;
            taken_us = delivery.at_us;
        }
    }
    turns * lives
}

/// The failure if a message is new more often than it may be.
pub(super) fn repeated(message: &Message, turns: &Turns, context: &Context) -> Option<Verdict> {
    let asker = |it: &Appearance| {
        let request = &turns.requests[it.request];
        context.configuration.asker(&request.credential, &request.model)
    };
    let all = turns.appearances(&message.name);
    let mut by_asker = BTreeMap::<String, Vec<Appearance>>::new();
    for appearance in all {
        if let Some(asker) = asker(appearance) {
            by_asker.entry(asker).or_default().push(*appearance);
        }
    }
    let each = turns_each(message, context);
    let own = by_asker.values().find_map(|it| too_often(message, turns, it, each));
    own.or_else(|| too_often(message, turns, all, turns_max(message, context)))
}

/// The failure if a message is new more often than allowed in what of its appearances is counted.
fn too_often(
    message: &Message,
    turns: &Turns,
    appearances: &[Appearance],
    allowed: u64,
) -> Option<Verdict> {
    let mut times = 0_u64;
    let mut shown = Vec::new();
    for appearance in appearances {
        if times <= allowed {
            shown.push((&turns.requests[appearance.request], appearance.times));
        }
        times = times.saturating_add(appearance.times);
    }
    if times <= allowed {
        return None;
    }
    let listed: Vec<_> = shown
        .iter()
        .map(|(it, times)| {
            format!(
                "{} in request {} at {}",
                count_times(*times),
                it.number,
                seconds(it.start.at_us)
            )
        })
        .collect();
    let expected = format!(
        "`{}` new in {} at most",
        message.name,
        count(usize::try_from(allowed).ok()?, "model request")
    );
    let witnesses = shown.iter().map(|(it, _)| it.start.seq).collect();
    Some(Verdict::fail(expected, format!("new {}", listed.join(", ")), witnesses))
}

fn count_times(times: u64) -> String {
    if times == 1 { "once".to_owned() } else { format!("{times} times") }
}

/// By message, the first request that holds it anywhere, as a fact.
fn carriers(turns: &Turns) -> BTreeMap<&str, u64> {
    let mut carriers = BTreeMap::new();
    for request in &turns.requests {
        for name in &request.anywhere {
            carriers.entry(name.as_str()).or_insert(request.start.seq);
        }
    }
    carriers
}

#[derive(Debug)]
struct Fates<'a> {
    turns: &'a Turns,
    context: &'a Context,
    conversations: Conversations<'a>,
    answers: Answers<'a>,
    carriers: BTreeMap<&'a str, u64>,
    unasked: Unasked<'a>,
}

impl Fates<'_> {
    fn judge(&self, message: &Message) -> Verdict {
        let name = &message.name;
        let offered = message.inbound[0];
        let carrier = self.carriers.get(name.as_str());
        if self.context.unadmitted.contains(name) {
            return match carrier {
                Some(&carrier) => Verdict::fail(
                    format!("`{name}` in no model request: it must not be admitted"),
                    "it is in a model request",
                    vec![offered.seq, carrier],
                ),
                None => Verdict::pass(vec![offered.seq]),
            };
        }
        let Some(fetched) = message.fetched.first() else {
            let expected = format!("`{name}` fetched by the gateway");
            let observed = format!(
                "the platform offered it at {} and it was never fetched",
                seconds(offered.at_us)
            );
            return Verdict::fail(expected, observed, vec![offered.seq]);
        };
        if let Some(failure) = repeated(message, self.turns, self.context) {
            return failure;
        }
        // It may be told, once; or nobody triggered a turn that would be told.
        if self.context.overheard.contains(name) {
            return Verdict::pass(vec![offered.seq]);
        }
        if let Some(witness) = self.fate(message) {
            return Verdict::pass(vec![witness]);
        }
        let expected = format!(
            "`{name}` in a model request or a summary, rejected visibly, or discarded by a policy"
        );
        let observed = format!("fetched at {} and never seen again", seconds(fetched.at_us));
        Verdict::fail(expected, observed, vec![fetched.seq])
    }

    /// What became of a message, as a fact.
    fn fate(&self, message: &Message) -> Option<u64> {
        let carrier = || self.carriers.get(message.name.as_str()).copied();
        let rejection = || rejection(message, self.turns, &self.answers).map(|it| it.seq);
        let unasked = || self.unasked.told(message, &self.answers);
        carrier().or_else(rejection).or_else(unasked).or_else(|| self.discard(message))
    }

    /// What discarded a message that never appeared.
    fn discard(&self, message: &Message) -> Option<u64> {
        let declares = |policies: &[String], policy: &str| policies.iter().any(|it| it == policy);
        let interrupts = declares(&self.context.queue.modes, "interrupt");
        let written = message.inbound[0];
        let supersedes =
            |later: &Message| interrupts && !self.turns.appearances(&later.name).is_empty();
        let is_admitted = |later: &Message| !self.context.unadmitted.contains(&later.name);
        let by_later = self
            .conversations
            .messages(&message.chat)
            .filter(|later| later.inbound[0] > written && is_admitted(later))
            .find(|later| is_discarding(later) || supersedes(later))
            .map(|later| later.inbound[0].seq);
        let by_overflow = || declares(&self.context.queue.drops, "old").then_some(written.seq);
        by_later.or_else(by_overflow)
    }
}

/// The send that rejects a message: it quotes the message and is no answer.
pub(super) fn rejection(message: &Message, turns: &Turns, answers: &Answers) -> Option<Moment> {
    let quotes = |reply_to: &Option<String>| reply_to.as_ref() == Some(&message.platform_id);
    turns
        .sends
        .iter()
        .filter(|it| it.place == message.place && quotes(&it.reply_to))
        .find(|it| !it.text.trim().is_empty() && !answers.tells(&it.text))
        .map(|it| it.at)
}
