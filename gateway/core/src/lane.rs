//! A lane serialises one session: at most one run at a time, and a bounded queue behind it.
//!
//! ```text
//!              arrived: start                 run ended, nothing waits
//!      Free ────────────────────▶ Busy ──────────────────────────────────▶ Free
//!       ▲                        │   ▲
//!       │ run ended, some wait   │   │ due: max(run ended, last arrival + debounce)
//!       │                        ▼   │
//!       └── (taken by `/stop`) Quieting ──┐ arrived: joins the queue, restarts the quiet
//!                                 ▲───────┘
//! ```
//!
//! Messages of owners and of guests are never in one turn: neither lends the other its authority.
//!
//! Source: contract, section 4.

mod prompt;
mod settings;

use std::collections::VecDeque;

pub use self::settings::{Cap, DropPolicy, Mode, QueueConfig, QueueOverride, QueueSettings};
use crate::{
    ids::{MessageId, RunId},
    message::{Message, Turn},
    owners::Authority,
    profile::SteerBatch,
    time::{Millis, Timestamp},
};

/// How many summary lines of dropped messages are kept; of those dropped beyond it only the count is.
const SUMMARY_LINES_MAX: usize = 50;

/// The longest summary line of a dropped message, in characters.
const SUMMARY_LINE_CHARS_MAX: usize = 160;

/// The queue of one session.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    /// The run that holds the lane, and its turn's authority if messages may join it.
    active: Option<(RunId, Option<Authority>)>,
    /// Messages that join the active run at its next boundary, in order of arrival.
    steering: VecDeque<Waiting>,
    /// Messages that become turns of their own or together, in order of arrival.
    waiting: VecDeque<Waiting>,
    /// What was dropped and not yet told.
    dropped: Dropped,
    /// The requests of operators that gave way, until they are told so.
    given_way: Vec<MessageId>,
    /// When the last run ended.
    free_since: Timestamp,
}

#[derive(Clone, Debug)]
struct Waiting {
    message: Message,
    settings: QueueSettings,
    arrived: Timestamp,
    /// What the gateway itself reports: no cap drops or refuses it, and it takes no room from people.
    is_report: bool,
}

#[derive(Clone, Debug)]
struct Dropped {
    count: u64,
    lines: Vec<String>,
    /// The least of their senders'.
    authority: Authority,
}

impl Default for Dropped {
    fn default() -> Self {
        Self { count: 0, lines: Vec::new(), authority: Authority::Owner }
    }
}

/// What an arrival led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The lane was free: this turn runs now.
    Start(Turn),
    /// It waits.
    Queued,
    /// The active run is to be aborted, and this turn runs now.
    Interrupt {
        /// The run to abort.
        aborted: RunId,
        /// The turn that takes its place.
        turn: Turn,
    },
    /// The queue is full and the newest gives way.
    Rejected(Message),
}

impl Lane {
    /// Takes a message in.
    pub fn arrive(&mut self, now: Timestamp, message: Message, settings: QueueSettings) -> Arrival {
        let mut item = Waiting { message, settings, arrived: now, is_report: false };
        match (self.active, settings.mode) {
            (None, Mode::Interrupt) => {
                self.give_way();
                Arrival::Start(prompt::batch(&[item.message], self.dropped.take()))
            }
            (None, _) if self.waiting.is_empty() => {
                Arrival::Start(prompt::batch(&[item.message], self.dropped.take()))
            }
            (Some((aborted, _)), Mode::Interrupt) => {
                self.give_way();
                let turn = prompt::batch(&[item.message], self.dropped.take());
                Arrival::Interrupt { aborted, turn }
            }
            (Some((_, running)), Mode::Steer) if self.may_join(&item, running) => {
                self.steering.push_back(item);
                Arrival::Queued
            }
            (Some((_, running)), Mode::SteerBacklog) if self.may_join(&item, running) => {
                let kept = self.enqueue(item.clone());
                // What is rejected visibly must not run either.
                if kept == Arrival::Queued {
                    self.steering.push_back(item);
                }
                kept
            }
            (None | Some(_), Mode::Steer | Mode::SteerBacklog) => {
                item.settings.mode = Mode::Followup;
                self.enqueue(item)
            }
            (None | Some(_), Mode::Collect | Mode::Followup) => self.enqueue(item),
        }
    }

    /// Takes in what the gateway itself has to tell the session. It interrupts nothing and is never dropped.
    pub fn report(&mut self, now: Timestamp, message: Message, settings: QueueSettings) -> Arrival {
        let mode = match settings.mode {
            Mode::Interrupt => Mode::Followup,
            Mode::SteerBacklog => Mode::Steer,
            mode @ (Mode::Collect | Mode::Followup | Mode::Steer) => mode,
        };
        let settings = QueueSettings { mode, ..settings };
        if self.active.is_none() && self.waiting.is_empty() {
            return Arrival::Start(prompt::batch(&[message], self.dropped.take()));
        }
        let mut item = Waiting { message, settings, arrived: now, is_report: true };
        match (self.active, mode) {
            (Some((_, running)), Mode::Steer) if self.may_join(&item, running) => {
                self.steering.push_back(item);
            }
            (_, Mode::Steer) => {
                item.settings.mode = Mode::Followup;
                self.waiting.push_back(item);
            }
            _ => self.waiting.push_back(item),
        }
        Arrival::Queued
    }

    /// Takes in what another session's run says. It is a turn of its own, behind all that waits, and is never dropped.
    pub fn ask(&mut self, now: Timestamp, message: Message, settings: QueueSettings) -> Arrival {
        if self.active.is_none() && self.waiting.is_empty() {
            return Arrival::Start(prompt::batch(&[message], None));
        }
        let settings = QueueSettings { mode: Mode::Followup, debounce: Millis::ZERO, ..settings };
        self.waiting.push_back(Waiting { message, settings, arrived: now, is_report: true });
        Arrival::Queued
    }

    /// Gives the lane to a run, whose turn has this authority if messages may join it.
    pub fn occupy(&mut self, run: RunId, authority: Option<Authority>) {
        debug_assert!(self.active.is_none(), "a lane is occupied only when it is free");
        self.active = Some((run, authority));
    }

    /// The run that holds the lane.
    pub fn active(&self) -> Option<RunId> {
        self.active.map(|(run, _)| run)
    }

    /// The active run reached a boundary: takes the messages that join it, oldest first. They share a route, since one
    /// answer goes to one room; those behind a message from another room wait for the boundary after.
    pub fn take_steering(&mut self, batch: SteerBatch) -> Vec<Message> {
        let Some(first) = self.steering.front() else { return Vec::new() };
        let in_room = |it: &&Waiting| it.message.route == first.message.route;
        let count = match batch {
            SteerBatch::One => 1,
            SteerBatch::All => self.steering.iter().take_while(in_room).count(),
        };
        self.steering.drain(..count).map(|it| it.message).collect()
    }

    /// Whether a message waits to join the active run.
    pub fn has_steering(&self) -> bool {
        !self.steering.is_empty()
    }

    /// The active run ended, however it did. What was to join it waits in front of all that came later.
    pub fn release(&mut self, now: Timestamp) {
        self.active = None;
        self.free_since = now;
        while let Some(mut item) = self.steering.pop_back() {
            // Kept in the backlog already: that copy is the one that runs.
            if item.settings.mode == Mode::SteerBacklog {
                continue;
            }
            item.settings.mode = Mode::Followup;
            self.waiting.push_front(item);
        }
        self.waiting.make_contiguous().sort_by_key(|it| it.arrived);
    }

    /// Forgets all that waits, and says how many messages that were.
    pub fn clear(&mut self) -> usize {
        let backlog = |it: &&Waiting| it.settings.mode == Mode::SteerBacklog;
        let twice = self.steering.iter().filter(backlog).count();
        let count = self.waiting.len() + self.steering.len() - twice;
        self.note_requests(|_| true);
        self.waiting.clear();
        self.steering.clear();
        self.dropped = Dropped::default();
        count
    }

    /// People's messages give way to a later one.
    fn give_way(&mut self) {
        self.note_requests(|it| !it.is_report);
        self.waiting.retain(|it| it.is_report);
        self.steering.retain(|it| it.is_report);
    }

    fn note_requests(&mut self, gone: impl Fn(&&Waiting) -> bool) {
        let gone = self.waiting.iter().chain(&self.steering).filter(gone);
        self.given_way.extend(gone.flat_map(|it| it.message.requests()).cloned());
    }

    /// The requests of operators that gave way since this was asked.
    pub fn take_given_way(&mut self) -> Vec<MessageId> {
        std::mem::take(&mut self.given_way)
    }

    /// Takes a message out that waits: whether it was there.
    pub fn withdraw(&mut self, message: &MessageId) -> bool {
        let before = self.depth();
        self.waiting.retain(|it| it.message.id != *message);
        self.steering.retain(|it| it.message.id != *message);
        self.depth() < before
    }

    /// Whether any message waits.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty() || !self.steering.is_empty()
    }

    /// Whether this message waits.
    pub fn holds(&self, message: &MessageId) -> bool {
        self.waiting.iter().chain(&self.steering).any(|it| it.message.id == *message)
    }

    /// How many messages wait.
    pub fn depth(&self) -> usize {
        self.waiting.len() + self.steering.len()
    }

    /// How many reports wait, which no cap bounds.
    pub fn reports(&self) -> usize {
        self.waiting.iter().chain(&self.steering).filter(|it| it.is_report).count()
    }

    /// What those reports say, oldest first.
    pub fn reports_waiting(&self) -> impl Iterator<Item = &str> {
        let reports = self.waiting.iter().chain(&self.steering).filter(|it| it.is_report);
        reports.map(|it| it.message.text.as_str())
    }

    /// When [`Lane::take_due`] will have a turn, if ever.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let last = self.waiting.back().filter(|_| self.active.is_none())?;
        Some(self.free_since.max(last.arrived + last.settings.debounce))
    }

    /// Takes the next turn out of the queue, once the queue has been quiet for long enough.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Turn> {
        if self.next_deadline().is_none_or(|due| now < due) {
            return None;
        }
        let batch = self.take_batch();
        // People are told of what they wrote in a turn of theirs.
        let is_peoples = batch.iter().all(|it| it.asker.is_none());
        let dropped = if is_peoples { self.dropped.take() } else { None };
        Some(prompt::batch(&batch, dropped))
    }

    /// The messages of the next turn: what collect may put together, or one. A batch never mixes routes, since its
    /// answer goes to one room; queued messages that differ in route drain one by one.
    fn take_batch(&mut self) -> Vec<Message> {
        let first = self.waiting.front().expect("a due lane has a message waiting");
        let collect = |it: &&Waiting| {
            it.settings.mode == Mode::Collect && it.message.authority == first.message.authority
        };
        let run_length = self.waiting.iter().take_while(collect).count();
        let one_route =
            self.waiting.iter().take(run_length).all(|it| it.message.route == first.message.route);
        let count = if one_route { run_length.max(1) } else { 1 };
        self.waiting.drain(..count).map(|it| it.message).collect()
    }

    /// Whether a message may join the active run: it has the run's authority, there is room, and nothing waits for a turn
    /// of its own that it would overtake. What the backlog keeps has joined already or joins before it.
    fn may_join(&self, item: &Waiting, running: Option<Authority>) -> bool {
        let is_kept = |it: &Waiting| it.settings.mode == Mode::SteerBacklog;
        Some(item.message.authority) == running
            && has_room(&self.steering, item.settings)
            && self.waiting.iter().all(is_kept)
    }

    /// Takes out the oldest message that may be dropped.
    fn take_oldest(&mut self) -> Option<Waiting> {
        let oldest = self.waiting.iter().position(|it| !it.is_report)?;
        let oldest = self.waiting.remove(oldest)?;
        self.given_way.extend(oldest.message.requests().cloned());
        Some(oldest)
    }

    fn enqueue(&mut self, item: Waiting) -> Arrival {
        if has_room(&self.waiting, item.settings) {
            self.waiting.push_back(item);
            return Arrival::Queued;
        }
        match item.settings.drop {
            DropPolicy::New => return Arrival::Rejected(item.message),
            DropPolicy::Old => _ = self.take_oldest(),
            DropPolicy::Summarize => {
                if let Some(oldest) = self.take_oldest() {
                    self.dropped.add(&oldest.message);
                }
            }
        }
        self.waiting.push_back(item);
        Arrival::Queued
    }
}

fn has_room(queue: &VecDeque<Waiting>, settings: QueueSettings) -> bool {
    queue.iter().filter(|it| !it.is_report).count() < settings.cap.get()
}

impl Dropped {
    fn add(&mut self, message: &Message) {
        self.count += 1;
        self.authority = self.authority.min(message.authority);
        if self.lines.len() < SUMMARY_LINES_MAX {
            self.lines.push(prompt::one_line(&message.text, SUMMARY_LINE_CHARS_MAX));
        }
    }

    fn take(&mut self) -> Option<Self> {
        (self.count > 0).then(|| std::mem::take(self))
    }
}

#[cfg(test)]
mod tests;
