//! A session: one conversation's history, its overrides and its lane.

use std::sync::Arc;

use crate::{
    ids::{AgentId, ModelId},
    lane::{Lane, QueueOverride},
};

/// One entry of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// What people said.
    User(Arc<str>),
    /// What the model said.
    Assistant(Arc<str>),
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The agent that answers in it.
    pub agent: AgentId,
    /// Counts the session's lives, from 1: `/new` and `/reset` begin another.
    pub generation: u64,
    /// What was said in this life. Shared with the request in flight, so that no turn copies it.
    pub history: Arc<Vec<Entry>>,
    /// What `/queue` set.
    pub queue: QueueOverride,
    /// What `/new <model>` chose.
    pub model: Option<ModelId>,
    /// The queue.
    pub lane: Lane,
}

impl Session {
    /// An agent's session in which nothing was said yet.
    pub fn new(agent: AgentId) -> Self {
        Self {
            agent,
            generation: 1,
            history: Arc::default(),
            queue: QueueOverride::default(),
            model: None,
            lane: Lane::default(),
        }
    }

    /// Appends to the history.
    pub fn append(&mut self, entry: Entry) {
        Arc::make_mut(&mut self.history).push(entry);
    }

    /// Begins another life: nothing of the old one is remembered. What `/queue` set stays.
    pub fn renew(&mut self) {
        self.generation += 1;
        self.history = Arc::default();
        self.model = None;
    }
}
