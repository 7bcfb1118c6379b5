//! When runs held a slot of the gateway, as far as model requests show it.

use super::conversations::Conversations;
use crate::{
    context::Context,
    trace::{Kind, Trace},
    turns::{Moment, Request, Turns},
};

/// When requests were over, and when the gateway had room for another run again.
#[derive(Debug)]
pub(super) struct Occupancy {
    /// By request, when it was over. `None`: it was still open when the trace ended.
    ends: Vec<Option<Moment>>,
    /// When the number of runs sank below the limit, in order.
    freed: Vec<Moment>,
}

/// A change of the number of active runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    at: Moment,
    is_start: bool,
}

impl Occupancy {
    pub(super) fn of(
        trace: &Trace,
        turns: &Turns,
        context: &Context,
        conversations: &Conversations,
    ) -> Self {
        let ends = ends(trace, turns);
        let mut changes = Vec::new();
        for requests in conversations.all().values() {
            add_runs(requests, turns, &ends, &mut changes);
        }
        changes.sort_unstable();
        Self { freed: freed(&changes, context.queue.max_concurrent), ends }
    }

    /// When a request was over: when its provider saw it end or, if that was earlier, when the gateway ended.
    pub(super) fn end(&self, request: usize) -> Option<Moment> {
        self.ends[request]
    }

    /// When the gateway last had room for another run again before `until`.
    pub(super) fn last_freed(&self, until: Moment) -> Option<Moment> {
        self.freed.iter().rev().find(|it| **it < until).copied()
    }
}

fn ends(trace: &Trace, turns: &Turns) -> Vec<Option<Moment>> {
    let is_exit = |kind: &Kind| matches!(kind, Kind::GatewayExited { .. });
    let exits: Vec<_> = moments(trace, is_exit).collect();
    let end = |request: &Request| {
        let exit = exits.iter().find(|it| **it > request.start).copied();
        request.end.as_ref().map(|it| it.at).into_iter().chain(exit).min()
    };
    turns.requests.iter().map(end).collect()
}

/// When facts of a kind were seen.
pub(super) fn moments(
    trace: &Trace,
    is_wanted: impl Fn(&Kind) -> bool,
) -> impl Iterator<Item = Moment> {
    let facts = trace.facts.iter().filter(move |it| is_wanted(&it.kind));
    facts.map(|it| Moment { seq: it.seq, at_us: it.at_us })
}

/// A run goes on while its requests bring nothing new (retries, backoff) or results of tools; between them it keeps its
/// slot.
fn add_runs(requests: &[usize], turns: &Turns, ends: &[Option<Moment>], changes: &mut Vec<Change>) {
    let mut requests = requests.iter().copied().peekable();
    while let Some(first) = requests.next() {
        let mut last = first;
        while let Some(next) = requests.next_if(|it| turns.continues(*it)) {
            last = next;
        }
        changes.push(Change { at: turns.requests[first].start, is_start: true });
        changes.extend(ends[last].map(|at| Change { at, is_start: false }));
    }
}

fn freed(changes: &[Change], max_concurrent: u64) -> Vec<Moment> {
    let mut active = 0_u64;
    let mut freed = Vec::new();
    for change in changes {
        if change.is_start {
            active = active.saturating_add(1);
        } else {
            if active == max_concurrent {
                freed.push(change.at);
            }
            active = active.saturating_sub(1);
        }
    }
    freed
}
