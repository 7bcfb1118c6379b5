//! I4, single writer and FIFO: one run at a time in a conversation, and messages in the order in which they came.

use super::{conservation::is_command, conversations::Conversations, merged, occupancy::Occupancy};
use crate::{
    context::Context,
    phrase::seconds,
    trace::Trace,
    turns::{Message, Moment, Turns},
    verdict::Verdict,
};

/// How long two requests may overlap while one hands over to the other, in microseconds: a provider learns only after
/// the gateway that a connection is closed or an answer read to its end.
const HANDOVER_US_MAX: i64 = 50_000;

/// No two model requests of one conversation overlap, and messages are new in the order in which they were fetched.
///
/// Exercised by conversations with two requests. Overlaps of up to 50 ms are not told apart from a handover. Messages of
/// different senders or places may overtake each other as long as an inbound debounce may hold the earlier one, and the
/// lines of an overflow summary are not ordered, because a summary stands where the gateway likes.
pub(super) fn check(trace: &Trace, turns: &Turns, context: &Context) -> Verdict {
    let conversations = Conversations::of(turns, context);
    let occupancy = Occupancy::of(trace, turns, context, &conversations);
    let findings = conversations.all().into_values().filter(|it| it.len() > 1).map(|requests| {
        overlap(&requests, turns, context, &occupancy)
            .or_else(|| disorder(&requests, turns, context))
            .unwrap_or_else(|| {
                Verdict::pass(requests.iter().map(|&it| turns.requests[it].start.seq).collect())
            })
    });
    merged(findings, "no conversation had two model requests")
}

/// The verdict if two requests overlap.
fn overlap(
    requests: &[usize],
    turns: &Turns,
    context: &Context,
    occupancy: &Occupancy,
) -> Option<Verdict> {
    let clock = context.clock;
    let tolerance_us = HANDOVER_US_MAX.saturating_add(clock.slack_us());
    let mut earlier = *requests.first()?;
    for &later in requests.iter().skip(1) {
        let (first, second) = (&turns.requests[earlier], &turns.requests[later]);
        let end = occupancy.end(earlier);
        let overlap_us = end.map_or(i64::MAX, |it| it.at_us.saturating_sub(second.start.at_us));
        if overlap_us > tolerance_us {
            let until = end.map_or("the end of the trace".to_owned(), |it| seconds(it.at_us));
            let observed = format!(
                "request {} lasted from {} to {until}, and request {} came at {}",
                first.number,
                seconds(first.start.at_us),
                second.number,
                seconds(second.start.at_us)
            );
            let witnesses = [Some(first.start.seq), Some(second.start.seq), end.map(|it| it.seq)];
            let witnesses = witnesses.into_iter().flatten().collect();
            let failure =
                Verdict::fail("one model request of a conversation at a time", observed, witnesses);
            return Some(clock.blame(failure.breaking(&["QUE-001"])));
        }
        if open_until(occupancy.end(later)) > open_until(end) {
            earlier = later;
        }
    }
    None
}

fn open_until(end: Option<Moment>) -> i64 {
    end.map_or(i64::MAX, |it| it.at_us)
}

/// A message that was new in a request.
#[derive(Clone, Copy, Debug)]
struct Turn<'a> {
    message: &'a Message,
    fetched: Moment,
    /// When it was fetched last before it was new: later than `fetched` where the gateway died in between.
    refetched: Moment,
    /// The request's index and the place in its `new`.
    position: (usize, usize),
}

/// The failure if messages are new in another order than that in which they were fetched.
fn disorder(requests: &[usize], turns: &Turns, context: &Context) -> Option<Verdict> {
    let mut fetched: Vec<Turn> = requests.iter().flat_map(|it| first_turns(*it, turns)).collect();
    fetched.sort_by_key(|it| it.fetched);
    let mut furthest: Option<Turn> = None;
    for (index, &later) in fetched.iter().enumerate() {
        // Only a message that comes before one that was fetched earlier is worth a closer look.
        if furthest.is_some_and(|it| later.position < it.position) {
            let overtaken = fetched[..index].iter().find(|it| {
                later.position < it.position && must_precede(it, &later, &fetched, context)
            });
            if let Some(earlier) = overtaken {
                return Some(overtaking(earlier, &later, turns));
            }
        } else {
            furthest = Some(later);
        }
    }
    None
}

/// The messages whose first turn a request is.
fn first_turns(request: usize, turns: &Turns) -> Vec<Turn<'_>> {
    let asked = &turns.requests[request];
    // A summary of what an overflow dropped.
    if asked.newest_text.to_lowercase().contains("dropped") {
        return Vec::new();
    }
    let is_first =
        |name: &str| turns.appearances(name).first().is_some_and(|it| it.request == request);
    asked
        .new
        .iter()
        .enumerate()
        .filter(|(_, name)| is_first(name))
        .filter_map(|(place, name)| {
            let message = turns.message(name).filter(|it| !is_command(it))?;
            let fetched = *message.fetched.first()?;
            let refetched =
                message.fetched.iter().rfind(|it| **it < asked.start).copied().unwrap_or(fetched);
            Some(Turn { message, fetched, refetched, position: (request, place) })
        })
        .collect()
}

/// Whether nothing allows a message to overtake one that was fetched earlier.
fn must_precede(earlier: &Turn, later: &Turn, fetched: &[Turn], context: &Context) -> bool {
    let is_with = |it: &Turn, other: &Turn| {
        it.message.place == other.message.place && it.message.sender == other.message.sender
    };
    if is_with(earlier, later) || earlier.refetched > later.fetched {
        return earlier.refetched < later.fetched;
    }
    // An inbound debounce holds messages as long as their sender goes on writing.
    let margin_us = context
        .queue
        .debounce_us
        .saturating_add(HANDOVER_US_MAX)
        .saturating_add(context.clock.slack_us());
    let mut held_until_us = earlier.fetched.at_us.saturating_add(margin_us);
    for more in fetched.iter().filter(|it| it.fetched > earlier.fetched && is_with(it, earlier)) {
        if more.fetched.at_us <= held_until_us {
            held_until_us = more.fetched.at_us.saturating_add(margin_us);
        }
    }
    later.fetched.at_us > held_until_us
}

fn overtaking(earlier: &Turn, later: &Turn, turns: &Turns) -> Verdict {
    let (first, second) = (&earlier.message.name, &later.message.name);
    let of = |turn: &Turn| &turns.requests[turn.position.0];
    let expected = format!(
        "`{first}` before `{second}`: they were fetched at {} and {}",
        seconds(earlier.fetched.at_us),
        seconds(later.fetched.at_us)
    );
    let observed = if earlier.position.0 == later.position.0 {
        format!("`{second}` stands before `{first}` in request {}", of(later).number)
    } else {
        format!(
            "`{second}` is new in request {} and `{first}` in request {}",
            of(later).number,
            of(earlier).number
        )
    };
    let mut witnesses =
        vec![earlier.fetched.seq, later.fetched.seq, of(later).start.seq, of(earlier).start.seq];
    witnesses.dedup();
    Verdict::fail(expected, observed, witnesses).breaking(&["QUE-009"])
}
