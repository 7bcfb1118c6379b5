//! A run: one turn's way through the model, and the main lane that all runs share.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    ids::{AgentId, ModelId, RunId},
    message::Turn,
    origin::Route,
    session::History,
    session_key::SessionKey,
};

/// A turn that waits for a slot of the main lane, or talks to the model.
#[derive(Clone, Debug)]
pub struct Run {
    /// The session whose lane it holds.
    pub session: SessionKey,
    /// Where its next answer goes.
    pub route: Route,
    /// How far it is.
    pub phase: Phase,
}

/// How far a run is.
#[derive(Clone, Debug)]
pub enum Phase {
    /// It waits for a slot.
    Pending(Turn),
    /// Its model request of this number, from 1, is under way.
    Calling(u32),
}

/// What the shell shall ask a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRequest {
    /// For which run.
    pub run: RunId,
    /// The run's request of this number, from 1.
    pub call: u32,
    /// For which agent, and so with whose credentials.
    pub agent: AgentId,
    /// Which model.
    pub model: ModelId,
    /// The system prompt.
    pub system: Arc<str>,
    /// What was said, the new entries last.
    pub history: History,
}

/// How a model request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelOutcome {
    /// The whole answer.
    Answered(String),
    /// No answer, or not the whole of it.
    Failed(ModelFailure),
}

/// Why a model request has no answer. The provider's own words are not in it: they may hold secrets, and go to the log
/// after redaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelFailure {
    /// It answered an error status.
    #[error("the model provider answered with status {0}")]
    Status(u16),
    /// It could not be reached.
    #[error("the model provider could not be reached")]
    Unreachable,
    /// The answer broke off.
    #[error("the model's answer broke off")]
    BrokenOff,
    /// The answer was not understood.
    #[error("the model provider's answer was not understood")]
    Malformed,
    /// The answer was longer than the gateway takes.
    #[error("the model's answer was too long")]
    TooLong,
    /// No credential or provider is configured for the model.
    #[error("no provider with a credential is configured for this agent's model")]
    NotConfigured,
}

/// The main lane: how many runs may talk to a model at once, and who waits, first come first served.
#[derive(Clone, Debug)]
pub struct MainLane {
    width: usize,
    active: usize,
    waiting: VecDeque<RunId>,
}

impl MainLane {
    /// A lane for `width` runs at once, 1 at the least.
    pub fn new(width: u32) -> Self {
        assert!(width > 0, "a main lane without width would never run anything");
        Self { width: width as usize, active: 0, waiting: VecDeque::new() }
    }

    /// Asks for a slot: true if the run has it now, else it waits.
    pub fn enter(&mut self, run: RunId) -> bool {
        let free = self.active < self.width;
        if free {
            self.active += 1;
        } else {
            self.waiting.push_back(run);
        }
        free
    }

    /// Gives a slot back, and says who has it now.
    pub fn leave(&mut self) -> Option<RunId> {
        debug_assert!(self.active > 0, "only a run that has a slot leaves");
        let next = self.waiting.pop_front();
        if next.is_none() {
            self.active -= 1;
        }
        next
    }

    /// Takes a run out of those that wait.
    pub fn withdraw(&mut self, run: RunId) {
        self.waiting.retain(|it| *it != run);
    }

    /// How many runs talk to a model.
    pub fn active(&self) -> usize {
        self.active
    }
}
