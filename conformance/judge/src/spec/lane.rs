//! What one session does with what arrives: who runs, who waits, and in which order what waits becomes turns.
//!
//! ```text
//!             arrive                   start                 end, stop, interrupt
//!   idle ───────────────▶ waiting ───────────────▶ running ───────────────────────▶ idle or waiting
//!                            ▲                        │ arrive
//!                            └────────────────────────┘
//! ```
//!
//! Where the contract leaves a choice, or the order of two moments cannot be told, there are several lanes after a
//! step, and a gateway may be like any of them. `search` looks for one that explains what was seen.
//!
//! Source: contract, section 4.

mod options;
mod search;

pub use search::{Disagreement, Evidence, Script, explain};

use super::{
    settings::{Drop, Mode, Settings},
    version::Version,
};

/// From when to when something may have been, in microseconds since the scenario's zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The earliest.
    pub from_us: i64,
    /// The latest.
    pub to_us: i64,
}

impl Span {
    /// One moment.
    pub fn at(us: i64) -> Self {
        Self { from_us: us, to_us: us }
    }

    /// The later of two moments.
    fn max(self, other: Self) -> Self {
        Self { from_us: self.from_us.max(other.from_us), to_us: self.to_us.max(other.to_us) }
    }

    /// Later by `least_us` at the least and `most_us` at the most.
    fn plus(self, least_us: i64, most_us: i64) -> Self {
        let later = |at: i64, by: i64| at.saturating_add(by);
        Self { from_us: later(self.from_us, least_us), to_us: later(self.to_us, most_us) }
    }
}

/// What is queued as one: a message, or a burst that was gathered. Messages are numbered by who writes the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its messages, in order.
    pub messages: Vec<usize>,
    /// Where it was written; equal numbers are one place.
    pub place: usize,
    /// Who wrote it; equal numbers are one person.
    pub sender: usize,
    /// Whether the writer is an owner. `None`: nothing says what authority anybody has.
    pub is_owner: Option<bool>,
    /// What is in force for it.
    pub settings: Settings,
    /// When it is queued.
    pub at: Span,
    /// Whether an overflow summary must hold all of it: it is short enough not to be cut.
    pub is_short: bool,
}

/// What two units' writers may do, compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authority {
    /// The same.
    Same,
    /// Different things.
    Different,
    /// Nothing tells.
    Unknown,
}

impl Unit {
    fn authority(&self, other: &Self) -> Authority {
        match (self.is_owner, other.is_owner) {
            _ if self.sender == other.sender => Authority::Same,
            (Some(one), Some(other)) if one == other => Authority::Same,
            (Some(_), Some(_)) => Authority::Different,
            (None, _) | (_, None) => Authority::Unknown,
        }
    }
}

/// What comes to a lane from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A unit, by its place in the script.
    Unit(usize),
    /// `/stop`: the run ends and what waits is forgotten.
    Stop(Span),
    /// `/new` or `/reset` with a text, which is the unit.
    Fresh(usize),
}

/// A turn that was seen: the first model request that has something new, and the end of the last one that goes on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When it was seen to start. The gateway may have started it up to a few hops earlier.
    pub start_us: i64,
    /// The messages that are new in it, in order. Those that no unit has are left out.
    pub new: Vec<usize>,
    /// The messages that it carries anywhere.
    pub carries: Vec<usize>,
    /// Its end. `None`: it was not seen to end.
    pub end: Option<End>,
    /// Whether something that the lane does not know of may have held it back: no slot, a cooling credential.
    pub was_held: bool,
    /// Whether it goes on with the run before it, whose tools ran: only what is steered may join then.
    pub goes_on: bool,
}

/// The end of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When. It ends with the model's response or with the delivery of the answer, which the contract leaves open.
    pub at: Span,
    /// Whether the model came to its end, so that there was a boundary at which a message could join.
    pub is_boundary: bool,
}

/// A session's queue and what is known of its run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lane {
    version: Version,
    waiting: Vec<Waiting>,
    /// Units that an overflow dropped, of which the next turn must tell.
    untold: Vec<usize>,
    /// Units that an overflow dropped at any time, of which a turn may tell.
    dropped: Vec<usize>,
    running: Option<Running>,
    /// When the latest run was over.
    free: Span,
    /// Whether it came to a boundary.
    is_boundary: bool,
    /// A unit of the latest run.
    latest: Option<usize>,
    /// When the latest unit was queued.
    queued: Span,
    /// Whether what waits has been drained one by one because it came from several places.
    one_by_one: bool,
    /// Runs that were told to end, and by when.
    aborts: Vec<(usize, i64)>,
}

/// The run of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Running {
    turn: usize,
}

/// A unit that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting {
    unit: usize,
    way: Way,
    at: Span,
}

/// How a unit waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It runs at once, as soon as there is a slot.
    Now,
    /// With all that wait.
    Collect,
    /// As a turn of its own.
    Followup,
    /// For the boundary of the run.
    Steer,
    /// As a turn of its own, though it is steered as well.
    Copy,
}

impl Lane {
    fn new(version: Version) -> Self {
        Self {
            version,
            waiting: Vec::new(),
            untold: Vec::new(),
            dropped: Vec::new(),
            running: None,
            free: Span::at(i64::MIN),
            is_boundary: false,
            latest: None,
            queued: Span::at(i64::MIN),
            one_by_one: false,
            aborts: Vec::new(),
        }
    }

    /// The lanes that there may be after a unit has arrived.
    fn arrive(self, units: &[Unit], unit: usize, promptly_us: i64) -> Vec<Self> {
        let Unit { settings, at, .. } = &units[unit];
        if self.running.is_none() && self.waiting.is_empty() {
            return vec![self.with(unit, Way::Now, *at)];
        }
        let is_live = self.running.is_some() || self.has(Way::Now);
        match settings.mode {
            Mode::Interrupt => {
                let mut lanes = Vec::new();
                if !is_live {
                    // What waits for quiet is superseded; or, since nothing runs, it keeps its place.
                    lanes.push(self.clone().with(unit, Way::Followup, *at));
                }
                let mut cleared = self;
                cleared.clear(*at, promptly_us);
                lanes.push(cleared.with(unit, Way::Now, *at));
                lanes
            }
            Mode::Collect => self.enqueue(units, unit, &[Way::Collect]),
            Mode::Followup => self.enqueue(units, unit, &[Way::Followup]),
            Mode::Steer if is_live && !self.has(Way::Collect) && !self.has(Way::Followup) => {
                self.enqueue(units, unit, &[Way::Steer])
            }
            Mode::SteerBacklog
                if is_live && !self.has(Way::Collect) && !self.has(Way::Followup) =>
            {
                self.enqueue(units, unit, &[Way::Steer, Way::Copy])
            }
            Mode::Steer | Mode::SteerBacklog => self.enqueue(units, unit, &[Way::Followup]),
        }
    }

    fn has(&self, way: Way) -> bool {
        self.waiting.iter().any(|it| it.way == way)
    }

    fn with(mut self, unit: usize, way: Way, at: Span) -> Self {
        self.waiting.push(Waiting { unit, way, at });
        self
    }

    /// Queues a unit, where there is room for it. Whether what waits for a boundary counts against the cap, the
    /// contract leaves open.
    fn enqueue(self, units: &[Unit], unit: usize, ways: &[Way]) -> Vec<Self> {
        let count = |is_counted: fn(Way) -> bool| {
            self.waiting.iter().filter(|it| it.way != Way::Now && is_counted(it.way)).count()
        };
        let (queued, all) = (count(|way| way != Way::Steer), count(|_| true));
        let settings = units[unit].settings;
        let joins = ways.contains(&Way::Steer);
        let may_fit = queued < settings.cap || ways == [Way::Steer];
        let may_not = all >= settings.cap;
        let mut lanes = Vec::new();
        if may_fit {
            lanes.push(self.clone().queue(unit, ways, units[unit].at));
            if joins && may_not {
                lanes.push(self.clone().queue(unit, &[Way::Followup], units[unit].at));
            }
        }
        if may_not {
            lanes.extend(self.overflow(units, unit, ways));
        }
        lanes
    }

    fn queue(mut self, unit: usize, ways: &[Way], at: Span) -> Self {
        self.queued = at;
        ways.iter().fold(self, |lane, way| lane.with(unit, *way, at))
    }

    /// What the drop policy makes of a full queue.
    fn overflow(self, units: &[Unit], unit: usize, ways: &[Way]) -> Vec<Self> {
        let Unit { settings, at, .. } = &units[unit];
        if settings.drop == Drop::New {
            return vec![self];
        }
        let oldest = |is_it: fn(Way) -> bool| {
            self.waiting.iter().position(|it| it.way != Way::Now && is_it(it.way))
        };
        let mut victims: Vec<usize> =
            [oldest(|_| true), oldest(|way| way != Way::Steer)].into_iter().flatten().collect();
        victims.dedup();
        let joins = ways.contains(&Way::Steer);
        let mut lanes = Vec::new();
        for victim in victims {
            let mut lane = self.clone();
            let gone = lane.waiting.remove(victim).unit;
            if settings.drop == Drop::Summarize {
                lane.untold.push(gone);
                lane.dropped.push(gone);
            }
            lanes.push(lane.clone().queue(unit, ways, *at));
            if joins {
                lanes.push(lane.queue(unit, &[Way::Followup], *at));
            }
        }
        lanes
    }

    /// Ends the run and forgets what waits.
    fn clear(&mut self, at: Span, promptly_us: i64) {
        self.waiting.clear();
        if let Some(running) = self.running.take() {
            self.aborts.push((running.turn, at.to_us.saturating_add(promptly_us)));
            self.free = at;
            self.is_boundary = false;
        }
    }

    fn stop(mut self, at: Span, promptly_us: i64) -> Self {
        self.clear(at, promptly_us);
        self.untold.clear();
        self
    }

    /// The end of a turn was seen. `Err`: it should have ended before this moment.
    fn end(mut self, turn: usize, end: End) -> Result<Self, i64> {
        if let Some((_, by_us)) = self.aborts.iter().find(|(aborted, _)| *aborted == turn) {
            return if end.at.from_us <= *by_us { Ok(self) } else { Err(*by_us) };
        }
        if self.running.is_some_and(|it| it.turn == turn) {
            self.running = None;
            self.free = end.at;
            self.is_boundary = end.is_boundary;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
