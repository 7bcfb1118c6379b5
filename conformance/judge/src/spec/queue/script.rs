//! Writes what a trace shows of a session as a script for the lane model.

mod arrivals;

use std::collections::BTreeMap;

use crate::{
    spec::{
        Renewals,
        cast::Cast,
        lane::{Arrival, End, Script, Span, Turn, Unit},
        session_key::SessionKey,
    },
    trace::{Kind, ModelOutcome, Place, Trace},
    turns::Request,
};
use arrivals::Arrivals;

/// What is seen of a session, and how far it can be followed.
pub(super) struct Session<'a> {
    pub(super) key: &'a SessionKey,
    /// The requests that its turns begin with.
    pub(super) turns: Vec<usize>,
    /// The messages, by their numbers in the script.
    pub(super) names: Vec<&'a str>,
    /// The requests of each turn.
    groups: Vec<Vec<usize>>,
    arrivals: Vec<Arrival>,
    units: Vec<Unit>,
    /// From when on it cannot be followed, in microseconds.
    horizon_us: i64,
}

/// How long two requests may overlap while one hands over to the other, in microseconds.
const HANDOVER_US: i64 = 50_000;

impl<'a> Session<'a> {
    pub(super) fn of(
        trace: &Trace,
        cast: &'a Cast<'a>,
        key: &'a SessionKey,
        requests: &[usize],
    ) -> Self {
        let Arrivals { list: arrivals, units, names, horizon_us, .. } = Arrivals::of(cast, key);
        let mut this =
            Self { key, turns: Vec::new(), names, groups: Vec::new(), arrivals, units, horizon_us };
        let exit = trace.facts.iter().find(|it| matches!(it.kind, Kind::GatewayExited { .. }));
        this.horizon_us = this.horizon_us.min(exit.map_or(i64::MAX, |it| it.at_us));
        let ours = cast.heard.iter().filter(|it| it.keys.contains(key));
        let mut fans = ours.filter_map(|it| Some((it, it.fan.as_ref()?)));
        if fans.any(|(it, fan)| !fan.is_whole || (fan.is_sequential && it.keys[0] != *key)) {
            // Whom a mention chose, rounds in which agents answer one another, and when it is somebody's turn, the
            // model does not have.
            this.horizon_us = i64::MIN;
        }
        // Requests wait for the renewal of a login, and how long it takes no fact says.
        let renewal = Renewals::of_cast(cast).before_agent(&key.agent).next();
        this.horizon_us = this.horizon_us.min(renewal.map_or(i64::MAX, |it| it.at.at_us));
        if cast.context.configuration.chains.contains_key(&key.agent) {
            // While credentials rest, a turn can end without a request.
            let ends = cast.turns.requests.iter().filter_map(|it| it.end.as_ref());
            let failed = ends.filter(|it| !matches!(it.outcome, ModelOutcome::Completed { .. }));
            let first_us = failed.map(|it| it.at.at_us).min();
            this.horizon_us = this.horizon_us.min(first_us.unwrap_or(i64::MAX));
        }
        this.group(cast, requests);
        this
    }

    /// Puts the requests into turns.
    fn group(&mut self, cast: &Cast, requests: &[usize]) {
        let mut until_us = i64::MIN;
        for &index in requests {
            let request = &cast.turns.requests[index];
            if request.start.at_us.saturating_add(HANDOVER_US) < until_us {
                self.horizon_us = self.horizon_us.min(request.start.at_us);
            }
            until_us = request.end.as_ref().map_or(i64::MAX, |it| it.at.at_us);
            if self.numbers(cast, index).is_empty() {
                match self.groups.last_mut() {
                    Some(group) => group.push(index),
                    // A run that nothing of ours began.
                    None => self.horizon_us = self.horizon_us.min(request.start.at_us),
                }
            } else {
                self.turns.push(index);
                self.groups.push(vec![index]);
            }
        }
    }

    /// The numbers of the messages that are new in a request.
    fn numbers(&self, cast: &Cast, request: usize) -> Vec<usize> {
        let number = |name: &&str| self.names.iter().position(|it| it == name);
        cast.served[request].new.iter().filter_map(number).collect()
    }

    /// The messages that are new in a turn, where there are several and each was queued by itself.
    pub(super) fn queued_alone(&self, cast: &Cast, turn: usize) -> Option<Vec<&'a str>> {
        let numbers = self.numbers(cast, self.turns[turn]);
        let is_alone = |it: &usize| self.units.iter().any(|unit| unit.messages == [*it]);
        (numbers.len() > 1 && numbers.iter().all(is_alone))
            .then(|| numbers.into_iter().map(|it| self.names[it]).collect())
    }

    pub(super) fn script(&self, trace: &Trace, cast: &Cast, slots: &Slots) -> Script {
        let hops = cast.context.configuration.hops;
        let is_seen = |it: &Arrival| self.time(it).from_us < self.horizon_us;
        let arrivals: Vec<Arrival> = self.arrivals.iter().copied().filter(is_seen).collect();
        let followed = self.turns.iter().take_while(|it| {
            let start_us = cast.turns.requests[**it].start.at_us;
            start_us < self.horizon_us.saturating_sub(hops.few_us)
        });
        let full = slots.spans(self.key);
        let turns: Vec<Turn> =
            (0..followed.count()).map(|it| self.turn(it, cast, slots, &full)).collect();
        let is_whole = self.horizon_us == i64::MAX && turns.iter().all(|it| it.end.is_some());
        let last = trace.facts.last().map(|it| it.at_us).filter(|_| is_whole);
        Script {
            version: cast.version,
            units: self.units.clone(),
            arrivals,
            turns,
            closes_us: last.filter(|_| !slots.cools_at_end),
            hops,
            held: full.into_iter().chain(slots.cooling()).collect(),
            early_us: cast.context.clock.slack_us(),
        }
    }

    fn time(&self, arrival: &Arrival) -> Span {
        match arrival {
            Arrival::Unit(unit) | Arrival::Fresh(unit) => self.units[*unit].at,
            Arrival::Stop(at) => *at,
        }
    }

    fn turn(&self, turn: usize, cast: &Cast, slots: &Slots, full: &[Span]) -> Turn {
        let request = &cast.turns.requests[self.turns[turn]];
        let group: Vec<&Request> =
            self.groups[turn].iter().map(|it| &cast.turns.requests[*it]).collect();
        let number = |name: &String| self.names.iter().position(|it| it == name);
        let next = self.turns.get(turn + 1).map(|it| cast.turns.requests[*it].start);
        Turn {
            start_us: request.start.at_us,
            new: self.numbers(cast, self.turns[turn]),
            carries: request.anywhere.iter().filter_map(number).collect(),
            end: end(&group, next.map_or(u64::MAX, |it| it.seq), cast),
            was_held: slots.held(full, request, cast),
            goes_on: cast.turns.goes_on(self.turns[turn]),
        }
    }
}

/// When a turn was over, which is with the model's response at the earliest and with the delivery of the answer at the
/// latest.
fn end(group: &[&Request], next_seq: u64, cast: &Cast) -> Option<End> {
    let hops = cast.context.configuration.hops;
    let last = group.last()?;
    let end = last.end.as_ref()?;
    let completed = group.iter().filter(|it| it.completed_answer().is_some());
    let first = completed.filter_map(|it| it.end.as_ref()).map(|it| it.at.at_us).next();
    let from_us = first.unwrap_or(end.at.at_us).min(end.at.at_us);
    Some(match &end.outcome {
        ModelOutcome::Completed { text } => {
            let to_us = delivered(last, text, next_seq, cast).unwrap_or(i64::MAX);
            let to_us = to_us.max(end.at.at_us);
            End { at: Span { from_us, to_us }, is_boundary: true }
        }
        // The gateway knew before the provider; and whether it tries again, nothing tells.
        ModelOutcome::Abandoned { .. } => {
            let from_us = from_us.saturating_sub(hops.few_us);
            End { at: Span { from_us, to_us: i64::MAX }, is_boundary: false }
        }
        ModelOutcome::Failed { .. } | ModelOutcome::Spoiled { .. } => {
            End { at: Span { from_us, to_us: i64::MAX }, is_boundary: false }
        }
    })
}

/// When the last piece of an answer was accepted.
fn delivered(request: &Request, answer: &str, next_seq: u64, cast: &Cast) -> Option<i64> {
    let start = request.end.as_ref()?.at;
    let shows = |text: &str| !text.trim().is_empty() && answer.contains(text.trim());
    let ours: Vec<&Place> =
        request.counts.keys().filter_map(|it| Some(&cast.heard(it)?.message.place)).collect();
    let sends = cast.turns.sends.iter().filter(|it| {
        start.seq < it.shown().seq
            && it.shown().seq < next_seq
            && ours.contains(&&it.place)
            && shows(it.final_text())
    });
    sends.map(|it| it.shown().at_us).max()
}

/// What may hold a turn back that its lane does not know of.
pub(super) struct Slots {
    /// When runs may have held a slot, by session.
    runs: BTreeMap<SessionKey, Vec<(i64, i64)>>,
    max_concurrent: usize,
    /// When credentials may have begun to cool, and which.
    failures: Vec<(i64, String)>,
    cools_at_end: bool,
}

impl Slots {
    pub(super) fn of(cast: &Cast, sessions: &[Session]) -> Self {
        let hops = cast.context.configuration.hops;
        let mut runs: BTreeMap<SessionKey, Vec<(i64, i64)>> = BTreeMap::new();
        for session in sessions {
            for (turn, group) in session.groups.iter().enumerate() {
                let group: Vec<&Request> =
                    group.iter().map(|it| &cast.turns.requests[*it]).collect();
                let next = session.turns.get(turn + 1).map(|it| cast.turns.requests[*it].start);
                let end = end(&group, next.map_or(u64::MAX, |it| it.seq), cast);
                let to_us =
                    end.map_or(i64::MAX, |it| match group.last().and_then(|it| it.end.as_ref()) {
                        Some(end) if was_told_to_end(cast, end.at.at_us) => end.at.at_us,
                        _ => it.at.to_us,
                    });
                let to_us = to_us.saturating_add(hops.few_us);
                let from_us = group[0].start.at_us.saturating_sub(hops.few_us);
                runs.entry(session.key.clone()).or_default().push((from_us, to_us));
            }
        }
        let failures: Vec<(i64, String)> = cast
            .turns
            .requests
            .iter()
            .filter_map(|it| {
                let end = it.end.as_ref()?;
                let is_healthy = match &end.outcome {
                    ModelOutcome::Completed { .. } => true,
                    ModelOutcome::Abandoned { .. } => was_told_to_end(cast, end.at.at_us),
                    ModelOutcome::Failed { .. } | ModelOutcome::Spoiled { .. } => false,
                };
                (!is_healthy).then(|| (end.at.at_us, it.credential.clone()))
            })
            .collect();
        let max_concurrent =
            usize::try_from(cast.context.queue.max_concurrent).unwrap_or(usize::MAX);
        let cools_at_end = !failures.is_empty();
        Self { runs, max_concurrent, failures, cools_at_end }
    }

    /// When other sessions may have had all slots.
    fn spans(&self, key: &SessionKey) -> Vec<Span> {
        let others: Vec<&(i64, i64)> =
            self.runs.iter().filter(|(it, _)| *it != key).flat_map(|(_, runs)| runs).collect();
        let active = |us: i64| others.iter().filter(|(from, to)| *from <= us && us <= *to).count();
        let full = |(from_us, to_us): &&(i64, i64)| {
            (active(*from_us) >= self.max_concurrent)
                .then_some(Span { from_us: *from_us, to_us: *to_us })
        };
        others.iter().filter_map(full).collect()
    }

    /// When a credential may have been cooling.
    fn cooling(&self) -> impl Iterator<Item = Span> {
        self.failures.iter().map(|(from_us, _)| Span { from_us: *from_us, to_us: i64::MAX })
    }

    /// Whether something may have held a request back since the first of its messages came.
    fn held(&self, full: &[Span], request: &Request, cast: &Cast) -> bool {
        let at_us = request.start.at_us;
        let is_cool =
            |(since_us, it): &(i64, String)| *since_us < at_us && *it == request.credential;
        let arrivals = request.new.iter().filter_map(|it| cast.heard(it));
        let fetched = arrivals.filter_map(|it| it.message.fetched.first());
        let due_us = fetched.map(|it| it.at_us).min().unwrap_or(at_us);
        let overlaps = |it: &Span| it.from_us <= at_us && due_us <= it.to_us;
        self.failures.iter().any(is_cool) || full.iter().any(overlaps)
    }
}

/// Whether somebody wrote shortly before: a command or an interrupting message may have ended a run.
fn was_told_to_end(cast: &Cast, at_us: i64) -> bool {
    let promptly_us = cast.context.configuration.hops.promptly_us;
    let fetched = cast.turns.messages.iter().flat_map(|it| &it.fetched);
    fetched.into_iter().any(|it| it.at_us <= at_us && at_us - it.at_us <= promptly_us)
}
