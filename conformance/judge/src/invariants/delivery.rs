//! The second half of I5: a completed answer becomes visible.

use super::{
    answers::{Origin, origin},
    conservation::is_discarding,
    conversations::Conversations,
    occupancy::moments,
};
use crate::{
    context::Context,
    phrase::{self, quote, seconds},
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
        let is_it =
            |it: &&Attempt| it.refusal.is_none() && it.at > request.start && it.is_at(place);
        self.0.iter().filter(is_it).find(|it| shows(it.text, request)).map(|it| it.at)
    }

    /// The refusals at a place that may have held up an answer.
    fn refusals(
        &self,
        request: &Request,
        place: &Place,
        until: Option<Moment>,
    ) -> impl Iterator<Item = Refusal> {
        let is_pending =
            |it: &&Attempt| it.at > request.start || it.over_us() > request.start.at_us;
        let is_before = move |it: &&Attempt| until.is_none_or(|until| it.at < until);
        self.0
            .iter()
            .filter(is_before)
            .filter(is_pending)
            .filter(|it| it.is_at(place))
            .filter_map(|it| it.refusal)
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

impl Refusal {
    /// Whether sending it again is of no use.
    fn is_permanent(self) -> bool {
        (400..500).contains(&self.status) && self.status != 429
    }
}

/// Whether a text is the answer, or one holds the other: gateways cut answers into pieces and put labels before them.
fn shows(text: &str, request: &Request) -> bool {
    let (text, answer) = (text.trim(), request.answer().trim());
    !text.is_empty() && !answer.is_empty() && (answer.contains(text) || text.contains(answer))
}

/// Judges each completed answer that has text and one place.
///
/// Not judged are answers that a later command or interrupt made void, that the platform refused for good, that the
/// gateway did not live to send, and those with which the turn was not over: retried, or followed by results of tools.
pub(super) fn check(
    trace: &Trace,
    turns: &Turns,
    context: &Context,
    conversations: &Conversations,
) -> Vec<Verdict> {
    let exits = moments(trace, |it| matches!(it, Kind::GatewayExited { .. })).collect();
    let audience = Audience { turns, context, conversations, attempts: Attempts::of(trace), exits };
    (0..turns.requests.len()).filter_map(|it| audience.judge(it)).collect()
}

#[derive(Debug)]
struct Audience<'a> {
    turns: &'a Turns,
    context: &'a Context,
    conversations: &'a Conversations<'a>,
    attempts: Attempts<'a>,
    exits: Vec<Moment>,
}

impl Audience<'_> {
    /// The verdict on one request's answer, if it has one to judge.
    fn judge(&self, index: usize) -> Option<Verdict> {
        let request = &self.turns.requests[index];
        let answer = request
            .completed_answer()
            .map(str::trim)
            .filter(|it| !it.is_empty() && *it != SILENT)?;
        let Origin::Place(place) = origin(request, self.turns, self.conversations) else {
            return None;
        };
        let seen = self.attempts.first_seen(request, place);
        if self.is_void(index, seen)
            || self.attempts.refusals(request, place, seen).any(Refusal::is_permanent)
        {
            return None;
        }
        let end = self.end(index)?;
        let allowed_us = self.allowed_us(request, place, seen);
        let what = format!("the answer {} at `{}`", quote(answer), phrase::place(place));
        let expected =
            format!("{what} within {} after {}", seconds(allowed_us), seconds(end.at_us));
        let Some(seen) = seen else {
            return Some(Verdict::fail(expected, "it was never seen there", vec![end.seq]));
        };
        Some(
            match self.context.clock.fit_at_most(seen.at_us.saturating_sub(end.at_us), allowed_us) {
                Fit::Inside => Verdict::pass(vec![seen.seq]),
                Fit::Outside => Verdict::fail(
                    expected,
                    format!("at {}", seconds(seen.at_us)),
                    vec![end.seq, seen.seq],
                ),
                Fit::Unknown(why) => Verdict::Inconclusive {
                    why: format!("{what} came at {}, but {why}", seconds(seen.at_us)),
                },
            },
        )
    }

    /// The profile's bound and what the platform's refusals added to it. One that names no wait leaves it to the
    /// gateway, which gets the bound once more.
    fn allowed_us(&self, request: &Request, place: &Place, seen: Option<Moment>) -> i64 {
        let bound_us = self.context.liveness_us;
        let waits = self.attempts.refusals(request, place, seen);
        let waits = waits.map(|it| {
            it.retry_after_us.map_or(bound_us, |wait_us| wait_us.saturating_add(bound_us))
        });
        waits.fold(bound_us, i64::saturating_add)
    }

    /// Whether something between the request and `seen` makes its answer void, or not the turn's last word.
    fn is_void(&self, index: usize, seen: Option<Moment>) -> bool {
        let request = &self.turns.requests[index];
        let is_between = |it: &Moment| *it > request.start && seen.is_none_or(|seen| *it < seen);
        let interrupts = self.context.queue.modes.iter().any(|it| it == "interrupt");
        let supersedes = || {
            let Some(home) = self.conversations.home(index) else { return false };
            let mut later = self.conversations.messages(home);
            later.any(|it| (interrupts || is_discarding(it)) && it.inbound.iter().any(is_between))
        };
        let mut followers =
            (index + 1..self.turns.requests.len()).filter(|it| self.follows(*it, index));
        let mut goes_on = || followers.any(|it| self.turns.continues(it));
        self.exits.iter().any(is_between) || supersedes() || goes_on()
    }

    fn follows(&self, later: usize, earlier: usize) -> bool {
        self.turns.requests[later].predecessor == Some(earlier)
    }

    /// The end of a request or, where messages are steered into runs, of the last request that followed at once: a run
    /// may deliver its answers when it is over.
    fn end(&self, index: usize) -> Option<Moment> {
        let mut end = self.turns.requests[index].end.as_ref()?.at;
        if !self.context.queue.modes.iter().any(|it| it.starts_with("steer") || it == "queue") {
            return Some(end);
        }
        let conversation = self.conversations.conversation(index);
        let later = self.turns.requests.iter().enumerate().skip(index + 1);
        for (_, request) in
            later.filter(|(next, _)| self.conversations.conversation(*next) == conversation)
        {
            let follows = request.start.at_us <= end.at_us.saturating_add(self.context.liveness_us);
            if let Some(next_end) = request.end.as_ref().filter(|_| follows) {
                end = end.max(next_end.at);
            }
        }
        Some(end)
    }
}
