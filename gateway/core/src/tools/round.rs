//! The calls of one answer, on their way to their results.
//!
//! ```text
//!            launch                      finish
//!   Waiting ────────▶ Running ─────────────────────▶ Done
//!      │          hold │ ▲ └── the run ends: cancelled ──▲
//!      │               ▼ │ release                       │
//!      │              Held ── denied, skipped, or the ───┤
//!      │                      run ends                   │
//!      └── refused, skipped, or the run ends ────────────┘
//! ```
//!
//! Before each launch there is a boundary: a steering message that waits there lets no further call start. A call that is
//! held has not started: somebody has to decide on it first.

use std::sync::Arc;

use super::ToolCall;

/// Why a steering message's model request follows without the call.
const SKIPPED: &str = "Not run: a new message came in before this call could start. Read it first.";

/// The run ended first.
const NOT_STARTED: &str = "Not run: the turn was ended before this call could start.";

/// The run ended in between.
const CANCELLED: &str =
    "Cancelled: the turn was ended while this call ran. What it did so far may have had effects.";

/// The calls of one answer, with what the model said beside them.
#[derive(Clone, Debug)]
pub struct Round {
    text: Arc<str>,
    slots: Vec<Slot>,
    /// Whether a call of the batch that was launched last has run to its end.
    has_run: bool,
}

#[derive(Clone, Debug)]
struct Slot {
    call: ToolCall,
    /// Whether it may run beside its neighbours.
    parallel: bool,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Held,
    Running,
    Done(Arc<str>),
}

/// A round in which every call has its result. There is no other kind in a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What the model said beside its calls; may be empty.
    pub text: Arc<str>,
    /// The calls and their results, in the order of the answer.
    pub calls: Vec<(ToolCall, Arc<str>)>,
}

impl Round {
    /// Calls that have not started. `parallel` says which of them may run beside their neighbours.
    pub fn new(text: Arc<str>, calls: Vec<ToolCall>, parallel: impl Fn(&ToolCall) -> bool) -> Self {
        let slot = |call: ToolCall| Slot { parallel: parallel(&call), call, state: State::Waiting };
        Self { text, slots: calls.into_iter().map(slot).collect(), has_run: false }
    }

    /// The calls, in the order of the answer.
    pub fn calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.slots.iter().map(|it| &it.call)
    }

    /// A call, by its place in the answer.
    pub fn call(&self, index: usize) -> &ToolCall {
        &self.slots[index].call
    }

    /// Whether a call is under way.
    pub fn is_running(&self) -> bool {
        self.slots.iter().any(|it| it.state == State::Running)
    }

    /// Whether somebody has to decide on a call.
    pub fn is_held(&self) -> bool {
        self.slots.iter().any(|it| it.state == State::Held)
    }

    /// Whether every call has its result.
    pub fn is_settled(&self) -> bool {
        self.slots.iter().all(|it| matches!(it.state, State::Done(_)))
    }

    /// Gives a call that has not started its result: it will not start.
    pub fn refuse(&mut self, index: usize, why: &str) {
        let slot = &mut self.slots[index];
        if slot.state == State::Waiting {
            slot.state = State::Done(why.into());
        }
    }

    /// Starts what starts next, once nothing runs: the first call that waits and, if it may run beside others, those
    /// behind it that may too. One boundary stands before all of them.
    pub fn launch(&mut self) -> Vec<usize> {
        debug_assert!(!self.is_running() && !self.is_held(), "one batch at a time");
        let waits = |it: &Slot| it.state == State::Waiting;
        let Some(first) = self.slots.iter().position(waits) else { return Vec::new() };
        let mut batch = vec![first];
        if self.slots[first].parallel {
            let behind = self.slots.iter().enumerate().skip(first + 1);
            let beside = behind.filter(|(_, it)| waits(it)).take_while(|(_, it)| it.parallel);
            batch.extend(beside.map(|(index, _)| index));
        }
        for index in &batch {
            self.slots[*index].state = State::Running;
        }
        self.has_run = false;
        batch
    }

    /// A call that was launched waits for a decision before it starts.
    pub fn hold(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        if slot.state == State::Running {
            slot.state = State::Held;
        }
    }

    /// A call that was held may start; false if it is held no longer.
    pub fn release(&mut self, index: usize) -> bool {
        let slot = self.slots.get_mut(index).filter(|it| it.state == State::Held);
        let is_held = slot.is_some();
        if let Some(slot) = slot {
            slot.state = State::Running;
        }
        is_held
    }

    /// Gives a call that was launched and has not begun its result: it is not to begin.
    pub fn deny(&mut self, index: usize, why: &str) {
        let slot = &mut self.slots[index];
        if matches!(slot.state, State::Held | State::Running) {
            slot.state = State::Done(why.into());
        }
    }

    /// A message steers the run while calls are held: none of them is to start, unless one of their batch has. A batch is
    /// skipped whole or runs whole.
    pub fn skip_held(&mut self) {
        if self.is_running() || self.has_run {
            return;
        }
        for slot in self.slots.iter_mut().filter(|it| it.state == State::Held) {
            slot.state = State::Done(SKIPPED.into());
        }
    }

    /// Takes a result in; false if nobody waits for it.
    pub fn finish(&mut self, index: usize, result: String) -> bool {
        let slot = self.slots.get_mut(index).filter(|it| it.state == State::Running);
        let is_awaited = slot.is_some();
        if let Some(slot) = slot {
            slot.state = State::Done(result.into());
            self.has_run = true;
        }
        is_awaited
    }

    /// A message steers the run: what has not started will not, and is said to be skipped.
    pub fn skip(&mut self) {
        for index in 0..self.slots.len() {
            self.refuse(index, SKIPPED);
        }
    }

    /// The round with a result for every call: the run ends here, whatever still waits or runs.
    pub fn settle(self) -> Settled {
        let result = |slot: Slot| {
            let text = match slot.state {
                State::Done(text) => text,
                State::Running => CANCELLED.into(),
                State::Waiting | State::Held => NOT_STARTED.into(),
            };
            (slot.call, text)
        };
        Settled { text: self.text, calls: self.slots.into_iter().map(result).collect() }
    }
}
