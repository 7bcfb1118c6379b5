//! I5, liveness: a message that may run does run, and an answer that was given is seen.

use super::{
    answers::Answers,
    conservation::{is_command, rejection},
    conversations::Conversations,
    delivery, merged,
    occupancy::{Occupancy, moments},
};
use crate::{
    context::Context,
    phrase::seconds,
    spec::Renewals,
    timing::Fit,
    trace::{Kind, ModelOutcome, Trace},
    turns::{Message, Moment, Request, Turns},
    verdict::Verdict,
};

/// Once its conversation is free, a message is in a model request, or rejected, within the profile's bound and the
/// debounce; and a completed answer is visible within the profile's bound.
///
/// Exercised by messages that appeared or were rejected, and by completed answers that have text and a place. A
/// conversation is free when its earlier request is over and its answer accepted, the gateway is ready, there is room
/// under `maxConcurrent`, and nobody has written for the debounce. Not judged are messages that tools, a cooling
/// credential or a login's renewal may have kept waiting: how long shows in no trace.
pub(super) fn check(trace: &Trace, turns: &Turns, context: &Context) -> Verdict {
    let conversations = Conversations::of(turns, context);
    let is_up = |kind: &Kind| matches!(kind, Kind::GatewayStarted | Kind::GatewayReady);
    let waits = Waits {
        turns,
        context,
        occupancy: Occupancy::of(trace, turns, context, &conversations),
        answers: Answers::of(turns),
        deliveries: delivery::Attempts::of(trace),
        ups: moments(trace, is_up).collect(),
        renewals: Renewals::of(turns, context),
        conversations: &conversations,
    };
    let is_judged = |it: &&Message| {
        it.canary.is_some()
            && !is_command(it)
            && !context.unadmitted.contains(&it.name)
            && !context.overheard.contains(&it.name)
    };
    let messages = turns.messages.iter().filter(is_judged).map(|it| waits.judge(it));
    let answers = delivery::check(trace, turns, context, &conversations);
    merged(
        messages.chain(answers),
        "no message appeared, and no completed answer had text and a place",
    )
}

struct Waits<'a> {
    turns: &'a Turns,
    context: &'a Context,
    conversations: &'a Conversations<'a>,
    occupancy: Occupancy,
    answers: Answers<'a>,
    deliveries: delivery::Attempts<'a>,
    ups: Vec<Moment>,
    renewals: Renewals<'a>,
}

/// What a message waited for.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// The end of its wait.
    until: Moment,
    /// The request that ended it, unless a rejection did.
    request: Option<usize>,
}

impl Waits<'_> {
    fn judge(&self, message: &Message) -> Verdict {
        let (Some(fetched), Some(wait)) = (message.fetched.first(), self.wait(message)) else {
            return Verdict::Vacuous { why: "it never appeared, which I1 judges".to_owned() };
        };
        let mut renewals = self.renewals.before_message(message);
        let renews = renewals.any(|it| *fetched < it.at && it.at < wait.until);
        if renews || wait.request.is_some_and(|it| self.is_excused(it)) {
            return Verdict::Vacuous {
                why: "tools, a cooling credential or a renewal may have kept it waiting".to_owned(),
            };
        }
        let free = self.free(message, *fetched, wait);
        let due_us = self.settled_us(message, free.at_us);
        let allowed_us = self.context.liveness_us.saturating_add(self.context.queue.debounce_us);
        let witnesses = vec![free.seq, wait.until.seq];
        match self.context.clock.fit_at_most(wait.until.at_us.saturating_sub(due_us), allowed_us) {
            Fit::Inside => Verdict::pass(vec![wait.until.seq]),
            Fit::Outside => {
                let expected = format!(
                    "`{}` in a model request within {} after {}, when nothing kept it waiting any longer",
                    message.name,
                    seconds(allowed_us),
                    seconds(due_us)
                );
                Verdict::fail(expected, format!("at {}", seconds(wait.until.at_us)), witnesses)
            }
            Fit::Unknown(why) => Verdict::Inconclusive {
                why: format!("`{}` came at {}, but {why}", message.name, seconds(wait.until.at_us)),
            },
        }
    }

    /// How a message's wait ended, if it did.
    fn wait(&self, message: &Message) -> Option<Wait> {
        if let Some(first) = self.turns.appearances(&message.name).first() {
            let until = self.turns.requests[first.request].start;
            return Some(Wait { until, request: Some(first.request) });
        }
        let rejection = rejection(message, self.turns, &self.answers)?;
        Some(Wait { until: rejection, request: None })
    }

    /// Whether something that the trace does not show may have held a request back: tools that ran, or a cooldown of
    /// its credential, whose latest request failed in a way that is the provider's.
    fn is_excused(&self, request: usize) -> bool {
        let asked = &self.turns.requests[request];
        let has_ended = |it: &Request| it.end.as_ref().is_some_and(|end| end.at < asked.start);
        let mut before = self.turns.requests[..request].iter().rev();
        let earlier = before.find(|it| it.credential == asked.credential && has_ended(it));
        let cools = match earlier.and_then(|it| it.end.as_ref()).map(|it| &it.outcome) {
            Some(ModelOutcome::Failed { status, .. }) => !matches!(status, 400 | 404 | 413 | 422),
            Some(ModelOutcome::Spoiled { .. }) => true,
            Some(ModelOutcome::Completed { .. } | ModelOutcome::Abandoned { .. }) | None => false,
        };
        cools || self.turns.tools_ran(request)
    }

    /// The latest moment before the wait's end at which something still kept the message waiting.
    fn free(&self, message: &Message, fetched: Moment, wait: Wait) -> Moment {
        let is_before = |it: &Moment| *it < wait.until;
        let room = self.occupancy.last_freed(wait.until);
        let up = self.ups.iter().rev().find(|it| is_before(it)).copied();
        let earlier = self.earlier_requests(message, wait);
        let over = earlier
            .iter()
            .map(|&it| self.occupancy.end(it).unwrap_or(wait.until).min(wait.until))
            .max();
        let starts = earlier.iter().map(|&it| &self.turns.requests[it]);
        let accepted =
            self.deliveries.last_before(wait.until, &message.place, &starts.collect::<Vec<_>>());
        [Some(fetched), room, up, over, accepted]
            .into_iter()
            .flatten()
            .max_by_key(|it| it.at_us)
            .unwrap_or(fetched)
    }

    /// The requests of the message's conversation that came before the end of its wait. Those that carry no message,
    /// such as a greeting after `/new`, may be of any.
    fn earlier_requests(&self, message: &Message, wait: Wait) -> Vec<usize> {
        let conversation = wait.request.map(|it| self.conversations.conversation(it));
        let is_ours = |index: usize| match (self.conversations.home(index), conversation) {
            (None, _) => true,
            (Some(_), Some(ours)) => self.conversations.conversation(index) == ours,
            (Some(home), None) => self.conversations.are_joined(&message.chat, home),
        };
        let before = self.turns.requests.iter().take_while(|it| it.start < wait.until).count();
        (0..before).filter(|it| is_ours(*it)).collect()
    }

    /// When the conversation had settled after `free_us`: each message that comes during the debounce starts it anew.
    fn settled_us(&self, message: &Message, free_us: i64) -> i64 {
        let messages = self.conversations.messages(&message.chat);
        let mut arrivals: Vec<i64> =
            messages.flat_map(|it| &it.fetched).map(|it| it.at_us).collect();
        arrivals.sort_unstable();
        arrivals.into_iter().fold(free_us, |settled_us, arrival_us| {
            let is_during = arrival_us <= settled_us.saturating_add(self.context.queue.debounce_us);
            if is_during { settled_us.max(arrival_us) } else { settled_us }
        })
    }
}
