//! What the next turn of a lane may be, and when.

use super::{Authority, Lane, Span, Unit, Waiting, Way};
use crate::spec::{Rule, version::Version};

/// A turn that may be next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next {
    /// Which of those that wait it takes, by their places among them, in order.
    pub(super) takes: Vec<usize>,
    /// Which of those that wait are gone as well.
    pub(super) forgets: Vec<usize>,
    /// When it may start.
    pub(super) due: Span,
    /// What decided.
    pub(super) rule: Rule,
}

impl Next {
    fn of(takes: Vec<usize>, due: Span, rule: Rule) -> Self {
        Self { takes, forgets: Vec::new(), due, rule }
    }
}

impl Lane {
    /// The turns that may be next. `was_held`: an unseen hindrance kept the turn waiting, so that it may be smaller than
    /// what waits by now.
    pub(super) fn options(&self, units: &[Unit], was_held: bool) -> Vec<Next> {
        let Some(head) = self.waiting.first() else { return Vec::new() };
        if head.way == Way::Now {
            let due = Span { from_us: head.at.from_us, to_us: head.at.to_us.max(self.free.to_us) };
            let rule = if units[head.unit].messages.len() > 1 {
                Rule::QueueInbound
            } else if self.aborts.is_empty() || self.free != head.at {
                Rule::QueueIdle
            } else {
                Rule::QueueInterrupt
            };
            return vec![Next::of(vec![0], due, rule)];
        }
        let mut options = Vec::new();
        if self.is_boundary {
            options.extend(self.joining(units, was_held));
        }
        if options.is_empty() || !self.is_certain(units) {
            options.extend(self.following(units, was_held));
        }
        options
    }

    /// Whether what waits for the boundary is all that waits, was there in time, and is of the run's place.
    fn is_certain(&self, units: &[Unit]) -> bool {
        self.waiting.iter().all(|it| {
            it.way == Way::Steer
                && it.at.to_us < self.free.from_us
                && self.latest.is_some_and(|latest| {
                    let (latest, unit) = (&units[latest], &units[it.unit]);
                    latest.place == unit.place && latest.authority(unit) == Authority::Same
                })
        })
    }

    /// What may join the run at its boundary.
    fn joining(&self, units: &[Unit], was_held: bool) -> Vec<Next> {
        let is_ready = |it: &&Waiting| matches!(it.way, Way::Steer | Way::Copy);
        let ready = self.waiting.iter().take_while(is_ready).count();
        let steered: Vec<usize> =
            (0..ready).filter(|it| self.waiting[*it].way == Way::Steer).collect();
        let Some(&first) = steered.first() else { return Vec::new() };
        let joined = &units[self.waiting[first].unit];
        if self.latest.is_some_and(|it| units[it].authority(joined) == Authority::Different) {
            return Vec::new();
        }
        let is_certain = self.is_certain(units) && !was_held;
        let due = if is_certain { self.free } else { self.free.max(self.quiet(units, 0)) };
        let due = Span { from_us: self.free.from_us, ..due };
        let alike = |it: &&usize| {
            let (one, other) = (&units[self.waiting[first].unit], &units[self.waiting[**it].unit]);
            one.place == other.place && one.authority(other) == Authority::Same
        };
        let all = steered.iter().take_while(alike).count();
        let sizes = match self.version {
            Version::March => 1..=1,
            Version::September if is_certain && all == steered.len() => all..=all,
            Version::September => 1..=self.same_place(units, &steered),
        };
        let rule = match self.version {
            Version::March => Rule::QueueSteerOne,
            Version::September => Rule::QueueSteerAll,
        };
        sizes
            .rev()
            .map(|size| Next::of(steered.iter().take(size).copied().collect(), due, rule))
            .collect()
    }

    /// How many of these may be in one turn with the first.
    fn same_place(&self, units: &[Unit], indexes: &[usize]) -> usize {
        let unit = |it: &usize| &units[self.waiting[*it].unit];
        let first = unit(&indexes[0]);
        let fits = |it: &&usize| {
            unit(it).place == first.place && unit(it).authority(first) != Authority::Different
        };
        indexes.iter().take_while(fits).count()
    }

    /// What may follow the run as a turn of its own.
    fn following(&self, units: &[Unit], was_held: bool) -> Vec<Next> {
        let due = self.free.max(self.quiet(units, 0));
        if self.waiting[0].way == Way::Collect {
            return self.collected(units, due, was_held);
        }
        let head = self.waiting[0];
        let copy = self
            .waiting
            .iter()
            .position(|it| it.unit == head.unit && head.way == Way::Steer && it.way == Way::Copy);
        let rule = match head.way {
            Way::Steer => Rule::QueueSteerLate,
            Way::Copy => Rule::QueueBacklog,
            Way::Now | Way::Collect | Way::Followup => Rule::QueueFollowup,
        };
        let alone = Next::of(vec![0], due, rule);
        match copy {
            // What was to join and to follow may follow only, once there is nothing to join.
            Some(copy) => vec![Next { forgets: vec![copy], ..alone.clone() }, alone],
            None => vec![alone],
        }
    }

    /// What is collected into one turn.
    fn collected(&self, units: &[Unit], due: Span, was_held: bool) -> Vec<Next> {
        let unit = |index: usize| &units[self.waiting[index].unit];
        let all = self.waiting.iter().take_while(|it| it.way == Way::Collect).count();
        let authority = |it: &usize| unit(0).authority(unit(*it));
        let collects = (0..all).take_while(|it| authority(it) != Authority::Different).count();
        let has_places = self.waiting.iter().any(|it| units[it.unit].place != unit(0).place);
        let alone = || Next::of(vec![0], due, Rule::QueueCollectRooms);
        if has_places {
            return vec![alone()];
        }
        // A batch may end where the writer's authority may be another; and it may be smaller than what waits by now if
        // it was held back.
        let may_end =
            |size: &usize| *size == collects || was_held || authority(size) == Authority::Unknown;
        let sizes = (1..=collects).rev().filter(may_end);
        let rule = if collects > 1 { Rule::QueueCollect } else { Rule::QueueCollectOne };
        let mut options: Vec<Next> =
            sizes.map(|size| Next::of((0..size).collect(), due, rule)).collect();
        if self.one_by_one {
            options.push(alone());
        }
        options
    }

    /// When it has been quiet for as long as those that wait from `from` on ask for.
    fn quiet(&self, units: &[Unit], from: usize) -> Span {
        let waits = || self.waiting[from..].iter().map(|it| units[it.unit].settings.debounce_us);
        self.queued.plus(waits().min().unwrap_or(0), waits().max().unwrap_or(0))
    }
}
