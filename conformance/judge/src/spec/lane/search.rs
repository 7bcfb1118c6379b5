//! Looks for a lane that explains what was seen.
//!
//! Arrivals have an order, and so have the starts and ends of turns; how the two interleave can be told only as far as
//! their times lie apart. All interleavings that the times allow are tried, the likeliest first.

use super::{Arrival, Lane, Span, Turn, Unit, Way, options::Next};
use crate::{
    context::Hops,
    spec::{Rule, settings::Drop, version::Version},
};

/// How many steps a search may take.
const STEPS_MAX: usize = 50_000;

/// What was seen of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The version of the contract.
    pub version: Version,
    /// What is queued.
    pub units: Vec<Unit>,
    /// What came from outside, in order.
    pub arrivals: Vec<Arrival>,
    /// The turns, in order.
    pub turns: Vec<Turn>,
    /// Until when it is known that no further turn started. `None`: not known.
    pub closes_us: Option<i64>,
    /// How far apart what was seen and what the gateway knows may lie.
    pub hops: Hops,
    /// When something that the lane does not know of may have held a turn back.
    pub held: Vec<Span>,
    /// How much earlier than it was a moment may seem to be, in microseconds. 0 on an exact clock.
    pub early_us: i64,
}

/// How the lane was explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The rules that decided, with the turn that shows each.
    pub rules: Vec<(Rule, usize)>,
}

/// Where the lane could not be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The rule that was broken.
    pub rule: Rule,
    /// The messages that should have been new in a turn. Empty where no turn was due.
    pub expected: Vec<usize>,
    /// When that turn should have started.
    pub due: Option<Span>,
    /// The turn that was seen instead; none where one is missing.
    pub turn: Option<usize>,
    /// Whether the search gave up: then nothing is shown.
    pub gave_up: bool,
}

/// Whether some lane does what was seen.
///
/// # Errors
///
/// The disagreement that came last, which is the one that no interleaving avoids.
pub fn explain(script: &Script) -> Result<Evidence, Disagreement> {
    let mut search = Search { script, steps: 0, furthest: None };
    let start = Node { arrival: 0, event: 0, lane: Lane::new(script.version), rules: Vec::new() };
    match search.go(start) {
        Some(rules) => Ok(Evidence { rules }),
        None => Err(search.furthest.expect("a search without success failed somewhere").1),
    }
}

struct Search<'a> {
    script: &'a Script,
    steps: usize,
    /// The failure after the most steps of one path.
    furthest: Option<(usize, Disagreement)>,
}

/// How far one path has come.
#[derive(Clone)]
struct Node {
    arrival: usize,
    /// Twice the turn for its start, and one more for its end.
    event: usize,
    lane: Lane,
    rules: Vec<(Rule, usize)>,
}

impl Search<'_> {
    fn go(&mut self, first: Node) -> Option<Vec<(Rule, usize)>> {
        let mut open = vec![first];
        while let Some(node) = open.pop() {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                let found = self.disagreement(&node, Rule::QueueOrder, None);
                self.furthest = Some((usize::MAX, Disagreement { gave_up: true, ..found }));
                return None;
            }
            let arrival = self.script.arrivals.get(node.arrival).map(|it| self.span(*it));
            let event = self.event(node.event);
            let mut next = match (arrival, event) {
                (None, None) => match self.finished(&node) {
                    Ok(()) => return Some(node.rules),
                    Err(found) => {
                        self.note(&node, found);
                        Vec::new()
                    }
                },
                (Some(_), None) => self.arrive(node),
                (None, Some(_)) => self.happen(node),
                (Some(arrival), Some(event)) => {
                    let arrival_may = arrival.from_us <= event.to_us;
                    let event_may = event.from_us <= arrival.to_us;
                    let mut next = Vec::new();
                    let arrival_first = arrival.from_us <= event.from_us;
                    for is_arrival in [!arrival_first, arrival_first] {
                        if is_arrival && (arrival_may || !event_may) {
                            next.extend(self.arrive(node.clone()));
                        } else if !is_arrival && event_may {
                            next.extend(self.happen(node.clone()));
                        }
                    }
                    next
                }
            };
            open.append(&mut next);
        }
        None
    }

    fn span(&self, arrival: Arrival) -> Span {
        match arrival {
            Arrival::Unit(unit) | Arrival::Fresh(unit) => self.script.units[unit].at,
            Arrival::Stop(at) => at,
        }
    }

    /// When the start or end of a turn may have been for the gateway.
    fn event(&self, event: usize) -> Option<Span> {
        let turn = self.script.turns.get(event / 2)?;
        let few_us = self.script.hops.few_us;
        if event.is_multiple_of(2) {
            let from_us =
                if turn.was_held { i64::MIN } else { turn.start_us.saturating_sub(few_us) };
            return Some(Span { from_us, to_us: turn.start_us });
        }
        turn.end.map(|it| it.at.plus(0, few_us))
    }

    fn arrive(&mut self, mut node: Node) -> Vec<Node> {
        let arrival = self.script.arrivals[node.arrival];
        if let Some(found) = self.overdue(&node, self.span(arrival)) {
            self.note(&node, found);
            return Vec::new();
        }
        node.arrival += 1;
        let promptly_us = self.script.hops.promptly_us;
        let units = &self.script.units;
        let Node { arrival, event, lane, rules } = node;
        let mut rules_now = rules;
        let lanes = match self.script.arrivals[arrival - 1] {
            Arrival::Unit(unit) => {
                if lane.running.is_some() && self.is_full(&lane, unit) {
                    let rule = match units[unit].settings.drop {
                        Drop::Old => Rule::QueueDropOld,
                        Drop::New => Rule::QueueDropNew,
                        Drop::Summarize => Rule::QueueSummary,
                    };
                    rules_now.push((rule, event / 2));
                }
                lane.arrive(units, unit, promptly_us)
            }
            Arrival::Stop(at) => vec![lane.stop(at, promptly_us)],
            Arrival::Fresh(unit) => {
                let at = units[unit].at;
                vec![lane.stop(at, promptly_us).with(unit, Way::Now, at)]
            }
        };
        // The likeliest comes first, so it must be pushed last.
        let node = |lane| Node { arrival, event, lane, rules: rules_now.clone() };
        lanes.into_iter().rev().map(node).collect()
    }

    fn is_full(&self, lane: &Lane, unit: usize) -> bool {
        lane.waiting.len() >= self.script.units[unit].settings.cap
    }

    /// The disagreement if a turn should have started before something else arrived.
    fn overdue(&self, node: &Node, arrives: Span) -> Option<Disagreement> {
        let Hops { promptly_us, .. } = self.script.hops;
        if node.lane.running.is_some() {
            return None;
        }
        let turn = self.script.turns.get(node.event / 2);
        if turn.is_some_and(|it| it.was_held) || (turn.is_none() && self.script.closes_us.is_none())
        {
            return None;
        }
        let options = node.lane.options(&self.script.units, false);
        let latest_us = options.iter().map(|it| it.due.to_us).max()?;
        let from_us = options.iter().map(|it| it.due.from_us).min()?;
        let may_wait = |it: &Span| {
            it.from_us <= arrives.from_us && from_us <= it.to_us.saturating_add(promptly_us)
        };
        if self.script.held.iter().any(may_wait) {
            return None;
        }
        let is_late = latest_us.saturating_add(promptly_us) < arrives.from_us;
        is_late.then(|| self.disagreement(node, options[0].rule, Some(&options[0])))
    }

    fn happen(&mut self, mut node: Node) -> Vec<Node> {
        let turn = node.event / 2;
        if node.event % 2 == 1 {
            node.event += 1;
            let Some(end) = self.script.turns[turn].end else { return vec![node] };
            return match node.lane.clone().end(turn, end) {
                Ok(lane) => vec![Node { lane, ..node }],
                Err(by_us) => {
                    let due = Some(Span::at(by_us));
                    let found = self.disagreement(&node, Rule::QueueAbort, None);
                    self.note(&node, Disagreement { due, turn: Some(turn), ..found });
                    Vec::new()
                }
            };
        }
        let seen = &self.script.turns[turn];
        let mut options = node.lane.options(&self.script.units, seen.was_held);
        if seen.goes_on {
            options.retain(|it| is_steered(it.rule));
        }
        if seen.new.iter().all(|it| self.is_of(&node.lane.dropped, *it)) && !seen.new.is_empty() {
            // A summary may be a turn of its own.
            let due = Span { from_us: node.lane.free.from_us, to_us: i64::MAX };
            let rule = Rule::QueueSummary;
            options.push(Next { takes: Vec::new(), forgets: Vec::new(), due, rule });
        }
        let mut next = Vec::new();
        for option in options.iter().rev() {
            match self.start(&node, option) {
                Ok(started) => next.push(started),
                Err(found) => self.note(&node, found),
            }
        }
        if options.is_empty() {
            // What is still held for more of its burst came too early; else nothing waits at all.
            let is_held = seen.new.iter().any(|it| self.is_yet_to_come(&node, *it));
            let rule = if is_held { Rule::QueueInbound } else { Rule::QueueOrder };
            let found = self.disagreement(&node, rule, None);
            self.note(&node, found);
        }
        next
    }

    fn is_of(&self, units: &[usize], message: usize) -> bool {
        units.iter().any(|it| self.script.units[*it].messages.contains(&message))
    }

    fn is_yet_to_come(&self, node: &Node, message: usize) -> bool {
        let coming = self.script.arrivals.iter().skip(node.arrival);
        let mut units = coming.filter_map(|it| match it {
            Arrival::Unit(unit) | Arrival::Fresh(unit) => Some(unit),
            Arrival::Stop(_) => None,
        });
        units.any(|it| self.script.units[*it].messages.contains(&message))
    }

    /// The node after a turn that was seen, if it is the option.
    fn start(&self, node: &Node, option: &Next) -> Result<Node, Disagreement> {
        let turn = node.event / 2;
        let seen = &self.script.turns[turn];
        let units = &self.script.units;
        let taken = || option.takes.iter().map(|it| &node.lane.waiting[*it]);
        let expected: Vec<usize> =
            taken().flat_map(|it| units[it.unit].messages.iter().copied()).collect();
        let is_told = |it: &&usize| !expected.contains(it) && self.is_of(&node.lane.dropped, **it);
        let new: Vec<usize> = seen.new.iter().filter(|it| !is_told(it)).copied().collect();
        let failure = |rule| self.disagreement(node, rule, Some(option));
        if new != expected {
            return Err(failure(option.rule));
        }
        let late_us = option.due.to_us.saturating_add(self.script.hops.promptly_us);
        let is_early = seen.start_us.saturating_add(self.script.early_us) < option.due.from_us;
        if is_early || (!seen.was_held && seen.start_us > late_us) {
            return Err(failure(option.rule));
        }
        let mut lane = node.lane.clone();
        let mut rules = node.rules.clone();
        if !is_steered(option.rule) || lane.untold.iter().all(|it| carries(seen, &units[*it])) {
            let untold = std::mem::take(&mut lane.untold);
            if !untold.is_empty() {
                rules.push((Rule::QueueSummary, turn));
            }
            if untold.iter().any(|it| units[*it].is_short && !carries(seen, &units[*it])) {
                return Err(failure(Rule::QueueSummary));
            }
        }
        let places = |it: &super::Waiting| units[it.unit].place;
        let first = lane.waiting.first().map(places);
        lane.one_by_one |= lane.waiting.iter().any(|it| Some(places(it)) != first);
        lane.latest = taken().next().map(|it| it.unit).or(lane.latest);
        let gone: Vec<usize> = option.takes.iter().chain(&option.forgets).copied().collect();
        let mut index = 0;
        lane.waiting.retain(|_| {
            index += 1;
            !gone.contains(&(index - 1))
        });
        lane.one_by_one &= !lane.waiting.is_empty();
        lane.running = Some(super::Running { turn });
        rules.push((option.rule, turn));
        Ok(Node { arrival: node.arrival, event: node.event + 1, lane, rules })
    }

    /// Whether nothing is left that should have run.
    fn finished(&self, node: &Node) -> Result<(), Disagreement> {
        let Some(closes_us) = self.script.closes_us else { return Ok(()) };
        if node.lane.running.is_some() {
            return Ok(());
        }
        let options = node.lane.options(&self.script.units, false);
        let Some(latest_us) = options.iter().map(|it| it.due.to_us).max() else { return Ok(()) };
        if latest_us.saturating_add(self.script.hops.promptly_us) >= closes_us {
            return Ok(());
        }
        Err(self.disagreement(node, options[0].rule, Some(&options[0])))
    }

    fn disagreement(&self, node: &Node, rule: Rule, option: Option<&Next>) -> Disagreement {
        let unit = |it: &usize| &self.script.units[node.lane.waiting[*it].unit];
        let expected = option.iter().flat_map(|it| &it.takes).flat_map(|it| &unit(it).messages);
        let turn = node.event / 2;
        Disagreement {
            rule,
            expected: expected.copied().collect(),
            due: option.map(|it| it.due),
            turn: (turn < self.script.turns.len()).then_some(turn),
            gave_up: false,
        }
    }

    fn note(&mut self, node: &Node, found: Disagreement) {
        let progress = node.arrival + node.event;
        if self.furthest.as_ref().is_none_or(|(furthest, _)| progress > *furthest) {
            self.furthest = Some((progress, found));
        }
    }
}

/// Whether a turn carries all of a unit.
fn carries(turn: &Turn, unit: &Unit) -> bool {
    unit.messages.iter().all(|it| turn.carries.contains(it))
}

/// Whether a turn joined a run at its boundary.
fn is_steered(rule: Rule) -> bool {
    matches!(rule, Rule::QueueSteerOne | Rule::QueueSteerAll)
}
