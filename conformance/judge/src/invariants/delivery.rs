//! The second half of I5: a completed answer becomes visible.

use std::collections::BTreeSet;

use super::{
    answers::{Origin, origin},
    conservation::is_discarding,
    conversations::Conversations,
    occupancy::moments,
};
use crate::{
    context::Context,
    phrase::{self, quote, seconds},
    plain::plain,
    timing::Fit,
    trace::{Kind, Place, Trace},
    turns::{Moment, Request, Turns},
    verdict::Verdict,
};

/// The answer that asks for silence.
const SILENT: &str = "NO_REPLY";

/// What the gateway tried to show people, accepted or not, in order.
#[derive(Debug)]
pub(super) struct Attempts<'a>(Vec<Attempt<'a>>);

#[derive(Debug)]
struct Attempt<'a> {
    at: Moment,
    /// Where, if that much was understood.
    place: Option<&'a Place>,
    text: &'a str,
    refusal: Option<Refusal>,
}

#[derive(Clone, Copy, Debug)]
struct Refusal {
    status: u16,
    /// The wait that the platform asked for, in microseconds.
    retry_after_us: Option<i64>,
}

impl<'a> Attempts<'a> {
    pub(super) fn of(trace: &'a Trace) -> Self {
        let attempts = trace.facts.iter().filter_map(|fact| {
            let at = Moment { seq: fact.seq, at_us: fact.at_us };
            match &fact.kind {
                Kind::Sent { place, text, .. } | Kind::Edited { place, text, .. } => {
                    Some(Attempt { at, place: Some(place), text, refusal: None })
                }
                Kind::Refused { place, text, status, retry_after_s, .. } => {
                    let us =
                        |it: u64| i64::try_from(it.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
                    let refusal =
                        Refusal { status: *status, retry_after_us: retry_after_s.map(us) };
                    Some(Attempt { at, place: place.as_ref(), text, refusal: Some(refusal) })
                }
                _ => None,
            }
        });
        Self(attempts.collect())
    }

    /// When the last of the answers of some requests was accepted at a place, or its platform's last wait was over, but
    /// not later than `until`.
    pub(super) fn last_before(
        &self,
        until: Moment,
        place: &Place,
        requests: &[&Request],
    ) -> Option<Moment> {
        let is_answer = |it: &Attempt| {
            requests.iter().any(|request| request.start < it.at && shows(it.text, request))
        };
        let attempts = self.0.iter().filter(|it| it.at < until && it.is_at(place) && is_answer(it));
        attempts
            .map(|it| Moment { seq: it.at.seq, at_us: it.over_us().min(until.at_us) })
            .max_by_key(|it| it.at_us)
    }

    /// When the answer of a request was first seen at a place.
    fn first_seen(&self, request: &Request, place: &Place) -> Option<Moment> {
        let later = self.0.partition_point(|it| it.at <= request.start);
        let is_it =
            |it: &&Attempt| it.refusal.is_none() && it.is_at(place) && shows(it.text, request);
        self.0[later..].iter().find(is_it).map(|it| it.at)
    }
}

impl Attempt<'_> {
    /// What was not understood may have been meant for any place.
    fn is_at(&self, place: &Place) -> bool {
        self.place.is_none_or(|it| it == place)
    }

    /// When the platform was ready for the next one.
    fn over_us(&self) -> i64 {
        let wait_us = self.refusal.and_then(|it| it.retry_after_us).unwrap_or(0);
        self.at.at_us.saturating_add(wait_us)
    }
}

/// Whether a text is the answer, or one holds the other: gateways cut answers into pieces and put labels before them.
fn shows(text: &str, request: &Request) -> bool {
    let (text, answer) = (plain(text), plain(request.answer()));
    let (text, words) = (text.trim(), words(&answer));
    let is_part = |answer: &str| {
        !text.is_empty() && !answer.is_empty() && (answer.contains(text) || text.contains(answer))
    };
    is_part(answer.trim()) || is_part(words.trim())
}

/// An answer without its lines that show pictures: those are shown, not said.
fn words(answer: &str) -> String {
    let is_said = |it: &&str| !it.trim_start().starts_with("MEDIA:");
    answer.lines().filter(is_said).collect::<Vec<_>>().join("\n")
}

impl Refusal {
    /// Whether sending it again is of no use.
    fn is_permanent(self) -> bool {
        (400..500).contains(&self.status) && self.status != 429
    }
}

/// Judges each completed answer that has text and one place.
///
/// Not judged are answers that a later command or interrupt made void, that the platform refused for good, that the
/// gateway did not live to send, those with which the turn was not over (retried, or followed by results of tools), and
/// those to what nobody wrote in a chat.
pub(super) fn check(
    trace: &Trace,
    turns: &Turns,
    context: &Context,
    conversations: &Conversations,
) -> Vec<Verdict> {
    let attempts = Attempts::of(trace);
    let audience = Audience {
        turns,
        context,
        conversations,
        refusals: attempts.0.iter().filter_map(|it| Some((it, it.refusal?))).collect(),
        attempts: &attempts,
        exits: moments(trace, |it| matches!(it, Kind::GatewayExited { .. })).collect(),
        continued: continued(turns),
    };
    (0..turns.requests.len()).filter_map(|it| audience.judge(it)).collect()
}

/// The requests with which a turn was not over.
fn continued(turns: &Turns) -> BTreeSet<usize> {
    let continuing = (0..turns.requests.len()).filter(|it| turns.continues(*it));
    continuing.filter_map(|it| turns.requests[it].predecessor).collect()
}

#[derive(Debug)]
struct Audience<'a> {
    turns: &'a Turns,
    context: &'a Context,
    conversations: &'a Conversations<'a>,
    attempts: &'a Attempts<'a>,
    refusals: Vec<(&'a Attempt<'a>, Refusal)>,
    exits: Vec<Moment>,
    continued: BTreeSet<usize>,
}

/// When an answer should have been seen, and when it was.
#[derive(Clone, Copy, Debug)]
struct Sight {
    /// The end of its run.
    end: Moment,
    /// How long it may take from there.
    allowed_us: i64,
    seen: Option<Moment>,
}

impl Audience<'_> {
    /// Whether somebody who writes in no chat asked: another session, a job. Who reads the answer is theirs to say.
    fn is_errand(&self, mut index: usize) -> bool {
        loop {
            let request = &self.turns.requests[index];
            let Some(predecessor) = request.predecessor.filter(|_| request.new.is_empty()) else {
                return false;
            };
            // What is asked again with results of tools is still the same errand.
            if !self.turns.tools_ran(index) {
                let before = &self.turns.requests[predecessor];
                return before.tool_results == request.tool_results
                    && before.newest_text != request.newest_text;
            }
            index = predecessor;
        }
    }

    /// The verdict on one request's answer, if it has one to judge.
    fn judge(&self, index: usize) -> Option<Verdict> {
        let request = &self.turns.requests[index];
        let answer = words(request.completed_answer()?);
        let answer = answer.trim();
        let Origin::Place(place) = origin(request, self.turns, self.conversations) else {
            return None;
        };
        if answer.is_empty() || answer == SILENT || self.continued.contains(&index) {
            return None;
        }
        if self.is_errand(index) {
            return None;
        }
        let seen = self.attempts.first_seen(request, place);
        if seen.is_none() && self.may_be_denied(request, place) {
            return None;
        }
        let (end, allowed_us) = (self.end(index)?, self.allowed_us(request, place, seen));
        let sight = Sight { end, allowed_us, seen };
        if self.is_refused(request, place) || self.is_void(index, sight) {
            return None;
        }
        Some(self.judge_sight(
            &format!("the answer {} at `{}`", quote(answer), phrase::place(place)),
            sight,
        ))
    }

    /// Whether `sendPolicy` may deny what an agent answers at a place: it denies something, and nothing of the agent, which
    /// its model tells, was ever seen there. Whoever is denied may be asked all the same.
    fn may_be_denied(&self, request: &Request, place: &Place) -> bool {
        let is_seen = |it: &Request| {
            it.model == request.model && self.attempts.first_seen(it, place).is_some()
        };
        self.context.configuration.session.denies && !self.turns.requests.iter().any(is_seen)
    }

    fn judge_sight(&self, what: &str, Sight { end, allowed_us, seen }: Sight) -> Verdict {
        let expected =
            format!("{what} within {} after {}", seconds(allowed_us), seconds(end.at_us));
        let Some(seen) = seen else {
            return Verdict::fail(expected, "it was never seen there", vec![end.seq]);
        };
        let at = seconds(seen.at_us);
        match self.context.clock.fit_at_most(seen.at_us.saturating_sub(end.at_us), allowed_us) {
            Fit::Inside => Verdict::pass(vec![seen.seq]),
            Fit::Outside => Verdict::fail(expected, format!("at {at}"), vec![end.seq, seen.seq]),
            Fit::Unknown(why) => {
                Verdict::Inconclusive { why: format!("{what} came at {at}, but {why}") }
            }
        }
    }

    /// The profile's bound and what the platform's refusals at the place added to it. One that names no wait leaves it
    /// to the gateway, which gets the bound once more.
    fn allowed_us(&self, request: &Request, place: &Place, seen: Option<Moment>) -> i64 {
        let bound_us = self.context.liveness_us;
        let is_pending = |it: &Attempt| it.at > request.start || it.over_us() > request.start.at_us;
        let is_before = |it: &Attempt| seen.is_none_or(|seen| it.at < seen);
        let ours = self
            .refusals
            .iter()
            .filter(|(it, _)| it.is_at(place) && is_pending(it) && is_before(it));
        let wait_us =
            |refusal: Refusal| refusal.retry_after_us.unwrap_or(0).saturating_add(bound_us);
        ours.fold(bound_us, |allowed_us, (_, refusal)| allowed_us.saturating_add(wait_us(*refusal)))
    }

    /// Whether the platform refused the answer for good.
    fn is_refused(&self, request: &Request, place: &Place) -> bool {
        let is_it =
            |it: &Attempt| it.at > request.start && it.is_at(place) && shows(it.text, request);
        self.refusals.iter().any(|(it, refusal)| refusal.is_permanent() && is_it(it))
    }

    /// Whether something made an answer void before it was seen, or should have been.
    fn is_void(&self, index: usize, sight: Sight) -> bool {
        // What ends a run that has not asked its model yet ends it, too.
        let request = &self.turns.requests[index];
        let asked = self.turns.messages.iter().filter(|it| request.new.contains(&it.name));
        let asked = asked.filter_map(|it| it.inbound.last().copied()).max();
        let start = asked.unwrap_or(request.start).min(request.start);
        let due_us = sight.end.at_us.saturating_add(sight.allowed_us);
        let is_in_time =
            |it: &Moment| it.at_us <= due_us && sight.seen.is_none_or(|seen| *it < seen);
        let is_between = |it: &Moment| *it > start && is_in_time(it);
        if self.exits.iter().any(is_between) {
            return true;
        }
        let Some(home) = self.conversations.home(index) else { return false };
        let interrupts = self.context.queue.modes.iter().any(|it| it == "interrupt");
        let mut messages =
            self.conversations.messages(home).filter(|it| interrupts || is_discarding(it));
        messages.any(|it| it.inbound.iter().any(is_between))
    }

    /// The end of a request or, where messages are steered into runs, of the last request that followed at once: a run
    /// may deliver its answers when it is over.
    fn end(&self, index: usize) -> Option<Moment> {
        let mut end = self.turns.requests[index].end.as_ref()?.at;
        if !self.context.queue.modes.iter().any(|it| it.starts_with("steer") || it == "queue") {
            return Some(end);
        }
        let conversation = self.conversations.conversation(index);
        for (next, request) in self.turns.requests.iter().enumerate().skip(index + 1) {
            if request.start.at_us > end.at_us.saturating_add(self.context.liveness_us) {
                break;
            }
            let is_ours = self.conversations.conversation(next) == conversation;
            end = request.end.as_ref().filter(|_| is_ours).map_or(end, |it| end.max(it.at));
        }
        Some(end)
    }
}
