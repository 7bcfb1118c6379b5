//! What the protocols' own tests share.

use std::sync::Arc;

use creel_core::{
    ids::{AgentId, ModelId, ProfileId, RunId},
    owners::Authority,
    run::ModelRequest,
    session::{Entry, History},
    tools::{Asked, Consent, Settled, ToolCall, ToolName, ToolOwner, ToolSpec},
};

use super::stream::{Heard, Reading};

/// A request in which everything occurs that can: words, an empty answer, a round of two calls, a tool on offer.
pub(super) fn request() -> ModelRequest {
    let call = |id: &str, arguments: &str| ToolCall {
        id: id.into(),
        name: ToolName::nearest("look"),
        arguments: arguments.into(),
        asked: Asked::Other,
    };
    let calls = vec![
        (call("c1", r#"{"at":"sky"}"#), Arc::from("blue")),
        (call("a:b", "not JSON"), Arc::from("Error: unreadable")),
    ];
    let mut history = History::default();
    history.push(Entry::User("hi".into()));
    history.push(Entry::Assistant("".into()));
    history.push(Entry::User("look up".into()));
    history.push(Entry::Tools(Arc::new(Settled { text: "I look.".into(), calls })));
    history.push(Entry::User("and?".into()));
    let tool = ToolSpec {
        name: ToolName::nearest("look"),
        description: "Looks.".into(),
        parameters: r#"{"properties":{"at":{"type":"string"}}}"#.into(),
        owner: ToolOwner::Gateway,
        parallel: false,
        least: Authority::Guest,
        consent: Consent::Free,
    };
    ModelRequest {
        run: RunId(7),
        call: 1,
        agent: AgentId::new("main").expect("an id"),
        model: ModelId::new("p/m").expect("an id"),
        profile: ProfileId::new("p:default").expect("an id"),
        system: "You help.".into(),
        history,
        deltas: false,
        tools: vec![Arc::new(tool)],
    }
}

/// Reads events, a JSON object a line, and shows what was heard and what came of it.
pub(super) fn read<R: Reading>(events: &str) -> String {
    let mut reading = R::default();
    let mut parts = Vec::new();
    for line in events.lines().map(str::trim).filter(|it| !it.is_empty()) {
        match reading.take(line) {
            Ok(Heard::Nothing) => (),
            Ok(Heard::Part(part)) => parts.push(part),
            Ok(Heard::End) => {
                let answer = reading.finish();
                let call = |it: &ToolCall| format!("{} {} {}", it.id, it.name, it.arguments);
                let calls: Vec<_> = answer.calls.iter().map(call).collect();
                assert_eq!(parts.concat(), answer.text, "what was told is what was answered");
                return format!("{:?} [{}]", answer.text, calls.join("; "));
            }
            Err(failed) => {
                return format!("{:?} {:?} {:?}", failed.failure, failed.code, failed.words);
            }
        }
    }
    let end = if reading.may_end() { "may end" } else { "may not end" };
    format!("{end} after {} bytes", reading.bytes())
}
