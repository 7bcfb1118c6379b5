//! `wake`: telling the default agent's main session of something that happened, as `/hooks/wake` does for programs outside.

use creel_core::{ids::MessageId, operator::Taken};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, refused};
use crate::control::{frame::ErrorShape, plane::Plane, schema};

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wake {
    mode: Mode,
    #[schemars(length(min = 1))]
    text: String,
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
    let Wake { mode, text } = schema::check(plane.facts.version, "wake", params)?;
    match mode {
        Mode::Now => (),
        Mode::NextHeartbeat => {
            let why = "this gateway has no heartbeats that an event could wait for: expected the mode `now`";
            return Err(ErrorShape::unavailable(why));
        }
    }
    let agent = plane.facts.default_agent.clone();
    let name = MessageId::new(&format!("wake-{}", plane.entropy.uuid())).expect("it has letters");
    let told = plane.operate(move |core, now, effects| {
        core.tell_of_event(now, (&name, &agent, &text), effects)
    });
    let (Taken::New { session } | Taken::Again { session, .. }) =
        told.await?.map_err(|it| refused(&it))?;
    tracing::info!(session = session.as_str(), "an operator told of an event");
    Ok(json!({ "ok": true }))
}
