//! A request to a model.

use creel_core::{
    ids::{AgentId, ModelId, ProfileId, RunId},
    run::ModelRequest,
    session::{Entry, History},
};

/// The first request of agent `main`'s run 7, with what was said so far.
pub(crate) fn request(said: impl IntoIterator<Item = Entry>) -> ModelRequest {
    let mut history = History::default();
    for entry in said {
        history.push(entry);
    }
    ModelRequest {
        run: RunId(7),
        call: 1,
        agent: AgentId::new("main").unwrap(),
        model: ModelId::new("p/m").unwrap(),
        profile: ProfileId::new("p:default").unwrap(),
        system: "You help.".into(),
        history,
        deltas: false,
        tools: Vec::new(),
    }
}
