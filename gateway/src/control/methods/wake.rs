//! `wake`: telling the default agent's main session of something that happened, as `/hooks/wake` does for programs outside.

use creel_core::{ids::MessageId, operator::Taken, profile::Version};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, refused};
use crate::control::{
    frame::ErrorShape,
    plane::Plane,
    schema::{self, Shape},
};

/// Of 2026.3. No contract has a key by which the same event would be told once.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Closed {
    mode: Mode,
    #[schemars(length(min = 1))]
    text: String,
}

/// Of 2026.9, which lets programs say more than it reads.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Open {
    mode: Mode,
    #[schemars(length(min = 1))]
    text: String,
    #[schemars(length(min = 1))]
    session_key: Option<String>,
    #[schemars(length(min = 1))]
    agent_id: Option<String>,
}

/// The schema of its parameters.
pub(super) fn params(version: Version) -> Value {
    match version {
        Version::V2026_3 => Shape::<Closed>::new().json().clone(),
        Version::V2026_9 => Shape::<Open>::new().json().clone(),
    }
}

fn asked(version: Version, params: &Value) -> Result<Open, ErrorShape> {
    match version {
        Version::V2026_3 => {
            let Closed { mode, text } = schema::check(version, "wake", params)?;
            Ok(Open { mode, text, session_key: None, agent_id: None })
        }
        Version::V2026_9 => schema::check(version, "wake", params),
    }
}

/// When the agent hears of it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Now,
    NextHeartbeat,
}

/// `wake`. What is told is a guest's word, whoever passes it on.
pub(super) async fn wake(plane: &Plane, params: &Value) -> Outcome {
    let facts = &plane.facts;
    let Open { mode, text, session_key, agent_id } = asked(facts.version, params)?;
    match mode {
        Mode::Now => (),
        Mode::NextHeartbeat => {
            let why = "this gateway has no heartbeats that an event could wait for: expected the mode `now`";
            return Err(ErrorShape::unavailable(why));
        }
    }
    let agent = match agent_id {
        Some(id) => facts.agent(&id)?,
        None => facts.default_agent.clone(),
    };
    let is_main = |key: &String| {
        facts.session_of(&agent, key).is_some_and(|it| it == facts.keys.main(&agent))
    };
    if session_key.is_some_and(|it| !is_main(&it)) {
        let why = "`sessionKey`: an event is for an agent's main session here";
        return Err(ErrorShape::unavailable(why));
    }
    let name = MessageId::new(&format!("wake-{}", plane.entropy.uuid())).expect("it has letters");
    let told = plane.operate(move |core, now, effects| {
        core.tell_of_event(now, (&name, &agent, &text), effects)
    });
    let (Taken::New { session } | Taken::Again { session, .. }) =
        told.await?.map_err(|it| refused(&it))?;
    tracing::info!(session = session.as_str(), "an operator told of an event");
    Ok(json!({ "ok": true }))
}
