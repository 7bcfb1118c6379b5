//! I10, fencing: what was ended does nothing any more.

use super::{answers::Answers, conservation::rejection, conversations::Conversations, merged};
use crate::{
    context::Context,
    phrase::{names, quote, seconds},
    spec,
    trace::{Kind, ModelOutcome, Trace},
    turns::{Delivery, Message, Moment, Request, Turns},
    verdict::Verdict,
};

/// After a `/stop`, `/new` or `/reset` was acknowledged, its conversation's earlier runs make no request, call no tool and show
/// no text that came later; after `/stop`, no message of the same person that waited there is told to a model.
///
/// Exercised by commands that found a request under way, a failed one or a message that waited. A command is acknowledged when
/// a text is seen at its place that is no answer, when a request carries its own words, or when the request under way was
/// closed. Not judged are commands where not everybody may give them, what happens within the few hops that a network takes, a
/// text that a platform had refused before or that another request was answered with too, messages that were delivered twice or waited in an earlier
/// life, and tools where other conversations asked models too. What operators stop, I11 judges by their events.
pub(super) fn check(trace: &Trace, turns: &Turns, context: &Context) -> Verdict {
    let fence = Fence {
        trace,
        turns,
        context,
        conversations: Conversations::of(turns, context),
        answers: Answers::of(turns),
    };
    let findings: Vec<Verdict> =
        turns.messages.iter().filter_map(|it| fence.ended(it)).map(|it| fence.judge(&it)).collect();
    merged(findings, "no command ended anything that was under way")
}

/// A command that ended something.
struct Ended<'a> {
    command: &'a Message,
    /// Whether what waited is discarded too.
    is_stop: bool,
    given: Moment,
    /// When it was acknowledged, and the hops after it in which what is late cannot be told from what was early.
    acknowledged: Moment,
    due_us: i64,
    /// The conversation's requests before it.
    earlier: Vec<usize>,
    /// The messages that waited.
    waiting: Vec<&'a Message>,
}

struct Fence<'a> {
    trace: &'a Trace,
    turns: &'a Turns,
    context: &'a Context,
    conversations: Conversations<'a>,
    answers: Answers<'a>,
}

impl<'a> Fence<'a> {
    /// What a message ended, if it is a command that did.
    fn ended(&self, command: &'a Message) -> Option<Ended<'a>> {
        let is_stop = spec::ends(command, self.context)?;
        let is_admitted = !self.context.unadmitted.contains(&command.name);
        let given = *command.inbound.first().filter(|_| is_admitted)?;
        let is_ours = |index: &usize| {
            let home = self.conversations.home(*index);
            home.is_some_and(|it| self.conversations.are_joined(&command.chat, it))
        };
        let before = self.turns.requests.iter().take_while(|it| it.start < given).count();
        let earlier: Vec<usize> = (0..before).filter(is_ours).collect();
        let (open, acknowledged) = self.acknowledged(command, given, &earlier)?;
        let waiting = self.waiting(command, given);
        if !open && waiting.is_empty() {
            return None;
        }
        let due_us = acknowledged
            .at_us
            .saturating_add(self.context.configuration.hops.promptly_us)
            .saturating_add(self.context.clock.slack_us());
        Some(Ended { command, is_stop, given, acknowledged, due_us, earlier, waiting })
    }

    /// Whether the conversation's last request was under way or had failed, and when the command was acknowledged.
    fn acknowledged(
        &self,
        command: &Message,
        given: Moment,
        earlier: &[usize],
    ) -> Option<(bool, Moment)> {
        let last = earlier.last().map(|it| &self.turns.requests[*it]);
        let is_open = |it: &Request| {
            let end = it.end.as_ref().filter(|end| end.at < given);
            end.is_none_or(|end| !matches!(end.outcome, ModelOutcome::Completed { .. }))
        };
        let is_here = |text: &str| !text.trim().is_empty() && !self.answers.tells(text);
        let texts = self.turns.sends.iter().filter(|it| it.place == command.place);
        let told = texts.filter(|it| it.at > given && is_here(&it.text)).map(|it| it.at).min();
        let asked = self.turns.appearances(&command.name).first();
        let asked = asked.map(|it| self.turns.requests[it.request].start);
        let closed = last
            .and_then(|it| it.end.as_ref())
            .filter(|end| end.at > given && matches!(end.outcome, ModelOutcome::Abandoned { .. }));
        let acknowledged = [told, asked, closed.map(|it| it.at)].into_iter().flatten().min()?;
        Some((last.is_some_and(is_open), acknowledged))
    }

    /// The person's messages that no request had carried when the command was given.
    fn waiting(&self, command: &Message, given: Moment) -> Vec<&'a Message> {
        let few_us = self.context.configuration.hops.few_us;
        let lives: Vec<u64> = self
            .trace
            .facts
            .iter()
            .filter(|it| matches!(it.kind, Kind::GatewayExited { .. } | Kind::GatewayStarted))
            .map(|it| it.seq)
            .collect();
        let waits = |it: &&Message| {
            let ([_], [fetched]) = (it.inbound.as_slice(), it.fetched.as_slice()) else {
                return false;
            };
            let is_before = fetched.at_us.saturating_add(few_us) < given.at_us && *fetched < given;
            let first = self.turns.appearances(&it.name).first();
            let first = first.map(|it| self.turns.requests[it.request].start);
            let same_life = !lives
                .iter()
                .any(|life| fetched.seq < *life && first.is_none_or(|first| *life < first.seq));
            is_before
                && same_life
                && it.canary.is_some()
                && (&it.place, &it.sender) == (&command.place, &command.sender)
                && !self.context.unadmitted.contains(&it.name)
                && !self.context.overheard.contains(&it.name)
                && first.is_none_or(|first| first > given)
                && rejection(it, self.turns, &self.answers).is_none()
        };
        self.turns.messages.iter().filter(waits).collect()
    }

    fn judge(&self, ended: &Ended) -> Verdict {
        let failure = self
            .request(ended)
            .or_else(|| self.told(ended))
            .or_else(|| self.text(ended))
            .or_else(|| self.tool(ended));
        let id: &[&str] = if ended.is_stop { &["QUE-062"] } else { &["SES-041"] };
        match failure {
            Some((observed, seq)) => {
                let expected = format!(
                    "nothing of what `{}` ended after {}, when that was acknowledged",
                    ended.command.name,
                    seconds(ended.acknowledged.at_us)
                );
                let witnesses = vec![ended.given.seq, ended.acknowledged.seq, seq];
                self.context.clock.blame(Verdict::fail(expected, observed, witnesses).breaking(id))
            }
            None => Verdict::pass(vec![ended.given.seq, ended.acknowledged.seq]),
        }
    }

    /// A request that goes on with an earlier one: it says the same last words, and nothing is new in it.
    fn request(&self, ended: &Ended) -> Option<(String, u64)> {
        let untagged = self.conversations.messages(&ended.command.chat).filter(|it| {
            it.canary.is_none() && it.name != ended.command.name && it.inbound[0] > ended.given
        });
        let untagged: Vec<Moment> = untagged.map(|it| it.inbound[0]).collect();
        let goes_on = |it: &&Request| {
            let Some(index) = it.predecessor.filter(|it| ended.earlier.contains(it)) else {
                return false;
            };
            let before = &self.turns.requests[index];
            it.new.is_empty()
                && it.start.at_us > ended.due_us
                && !before.new.is_empty()
                && it.newest_text == before.newest_text
                && before.completed_answer().is_none_or(|_| self.turns.tools_ran(self.index(it)))
                && !untagged.iter().any(|at| *at < it.start)
        };
        let found = self.turns.requests.iter().find(goes_on)?;
        let at = seconds(found.start.at_us);
        Some((format!("request {} went on with it at {at}", found.number), found.start.seq))
    }

    fn index(&self, request: &Request) -> usize {
        self.turns.requests.partition_point(|it| it.start < request.start)
    }

    /// A message that waited, and was told to a model after all.
    fn told(&self, ended: &Ended) -> Option<(String, u64)> {
        let told = |it: &&Message| {
            let first = self.turns.appearances(&it.name).first()?;
            let request = &self.turns.requests[first.request];
            (request.start.at_us > ended.due_us).then(|| {
                let (name, at) = (names([&it.name]), seconds(request.start.at_us));
                (
                    format!("{name}, which waited, in request {} at {at}", request.number),
                    request.start.seq,
                )
            })
        };
        ended.waiting.iter().filter(|_| ended.is_stop).find_map(told)
    }

    /// A text that only earlier requests brought, after the acknowledgement.
    fn text(&self, ended: &Ended) -> Option<(String, u64)> {
        let was_refused = self.trace.facts.iter().any(|it| match &it.kind {
            Kind::Refused { place, .. } => {
                place.as_ref().is_none_or(|it| *it == ended.command.place)
            }
            _ => false,
        });
        let is_late = |it: &Request| {
            let is_earlier = ended.earlier.contains(&self.index(it));
            let end = it.end.as_ref().filter(|_| is_earlier);
            end.is_some_and(|end| match end.outcome {
                ModelOutcome::Abandoned { .. } => end.at > ended.given && !was_refused,
                _ => end.at.at_us > ended.due_us,
            })
        };
        let texts = self.turns.sends.iter().filter(|it| it.place == ended.command.place);
        let mut shown = texts.flat_map(Delivery::texts).filter(|(at, _)| at.at_us > ended.due_us);
        let (at, text) = shown.find(|(at, text)| {
            let sources = self.answers.sources(text, *at);
            !text.trim().is_empty() && !sources.is_empty() && sources.iter().all(|it| is_late(it))
        })?;
        Some((
            format!("{}, which an earlier request brought, at {}", quote(text), seconds(at.at_us)),
            at.seq,
        ))
    }

    /// A tool that only earlier requests can have asked for.
    fn tool(&self, ended: &Ended) -> Option<(String, u64)> {
        let is_late = |it: &&crate::trace::Fact| it.at_us > ended.due_us;
        let mut calls = self.trace.facts.iter().filter(is_late).filter_map(|it| match &it.kind {
            Kind::ToolCalled { tool, .. } => Some((it, tool)),
            _ => None,
        });
        let (fact, tool) = calls.next()?;
        let before = self.turns.requests.iter().take_while(|it| it.start.seq < fact.seq).count();
        let is_its = (0..before).all(|it| ended.earlier.contains(&it));
        let observed = format!("the tool `{tool}` was called at {}", seconds(fact.at_us));
        (is_its && before > 0).then_some((observed, fact.seq))
    }
}
