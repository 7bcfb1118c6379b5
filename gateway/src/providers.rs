//! Model providers: each turns a [`creel_core::run::ModelRequest`] into one exchange in its own protocol.

pub mod openai;

use creel_core::{gateway::Event, ids::RunId};
use tokio::sync::mpsc;

/// Where the parts of an answer go as they come, for requests that want them.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Of which run.
    pub run: RunId,
    /// The run's request of this number.
    pub call: u32,
    /// The way to the loop.
    pub to: mpsc::Sender<Event>,
}

impl Parts {
    /// Tells of a part, and waits while the loop has too many.
    pub async fn tell(&self, text: &str) {
        let Self { run, call, to } = self;
        // The loop is gone only when the gateway ends.
        _ = to.send(Event::ModelWrote { run: *run, call: *call, text: text.to_owned() }).await;
    }
}
