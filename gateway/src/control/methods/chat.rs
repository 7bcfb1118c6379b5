//! `chat.*`: speaking in a session as an operator.

use std::time::Duration;

use creel_core::{
    ids::MessageId,
    operator::{Ended, Progress, Refused, Say, Taken},
    profile::Version,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, deliver::Target, refuse_given, refused, runs, said};
use crate::control::{
    frame::ErrorShape,
    plane::Plane,
    schema::{self, Shape},
};

/// How many entries of a history are shown unless more are asked for.
const HISTORY_DEFAULT: usize = 200;

/// The most that may be asked for.
const HISTORY_MAX: usize = 1_000;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Send {
    #[schemars(length(min = 1, max = 512))]
    session_key: String,
    message: String,
    #[schemars(length(min = 1, max = 256))]
    idempotency_key: String,
    thinking: Option<String>,
    deliver: Option<bool>,
    attachments: Option<Vec<Value>>,
    /// None if it is zero.
    timeout_ms: Option<u64>,
}

/// `chat.send`.
pub(super) async fn send(plane: &Plane, params: &Value) -> Outcome {
    let version = plane.facts.version;
    // The newer contract looks for the session before it looks at the rest.
    if version == Version::V2026_9 && !params["sessionKey"].is_string() {
        let details = json!({ "code": "SESSION_MUTATION_TARGET_REQUIRED", "method": "chat.send" });
        let why = "invalid chat.send params: must have required property 'sessionKey'";
        return Err(ErrorShape::invalid(why).with_details(details));
    }
    let Send { session_key, message, idempotency_key, attachments, thinking, deliver, timeout_ms } =
        schema::check(version, "chat.send", params)?;
    let thinks = thinking.is_some_and(|it| !matches!(it.trim(), "" | "off"));
    let missing =
        [("attachments", attachments.is_some_and(|it| !it.is_empty())), ("thinking", thinks)];
    refuse_given(&missing, "this gateway takes it with no message yet")?;
    let name = name(&idempotency_key)?;
    let say = Say { name: name.clone(), session: session_key, text: message, deliver: None };
    // Whoever writes in a conversation that has no chat is answered all the same.
    let deliver = (deliver == Some(true)).then_some((Target::Last(None), Otherwise::Nowhere));
    let taken = say_once(plane, say, deliver).await?;
    let status = match taken {
        Taken::New { .. } => {
            runs::end_within(plane, &name, timeout_ms.map(Duration::from_millis)).await?;
            json!({ "runId": name.as_str(), "status": "started" })
        }
        Taken::Again { progress, .. } => match progress {
            Progress::Waiting | Progress::Running(_) => {
                json!({ "runId": name.as_str(), "status": "in_flight" })
            }
            Progress::Ended(end) => match end.how {
                Ended::Answered(_) | Ended::Aborted => {
                    json!({ "runId": name.as_str(), "status": "ok" })
                }
                Ended::Failed(why) => {
                    json!({ "runId": name.as_str(), "status": "error", "summary": why })
                }
            },
        },
    };
    Ok(status)
}

/// What becomes of an answer that shall be delivered, and there is no chat for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// The call is refused.
    Refused,
    /// Its asker alone hears it.
    Nowhere,
}

/// Says something under a name, once.
pub(super) async fn say_once(
    plane: &Plane,
    say: Say,
    deliver: Option<(Target, Otherwise)>,
) -> Result<Taken, ErrorShape> {
    let name = say.name.clone();
    let said = plane.operate(move |core, now, effects| {
        let chat = deliver.map(|(target, otherwise)| (target.route(core, &say.session), otherwise));
        let said = match chat {
            Some((Err(why), Otherwise::Refused)) => Err(why),
            chat => {
                let deliver = chat.and_then(|it| it.0.ok());
                core.say_as_operator(now, Say { deliver, ..say }, effects)
            }
        };
        let known = core.progress(&name).map(|(key, it)| (key.clone(), it.clone()));
        (said, known)
    });
    match said.await? {
        (Ok(taken), _) => Ok(taken),
        // The older contract looks at the name alone.
        (Err(Refused::Conflict), Some((session, progress)))
            if plane.facts.version == Version::V2026_3 =>
        {
            Ok(Taken::Again { session, progress })
        }
        (Err(why), _) => Err(refused(&why)),
    }
}

pub(super) fn name(idempotency_key: &str) -> Result<MessageId, ErrorShape> {
    MessageId::new(idempotency_key)
        .map_err(|_| ErrorShape::invalid("idempotencyKey: expected at least one character"))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct History {
    #[schemars(length(min = 1, max = 512))]
    session_key: String,
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u64>,
}

/// `chat.history`.
pub(super) async fn history(plane: &Plane, params: &Value) -> Outcome {
    let History { session_key, limit } =
        schema::check(plane.facts.version, "chat.history", params)?;
    let limit = limit.and_then(|it| usize::try_from(it).ok()).unwrap_or(HISTORY_DEFAULT);
    let session = session_key.clone();
    let read = plane.operate(move |core, _, _| core.history(&session, limit.min(HISTORY_MAX)));
    let (key, entries) = read.await?.map_err(|it| refused(&it))?;
    let messages: Vec<Value> = entries.iter().flat_map(said::messages).collect();
    Ok(json!({ "sessionKey": key.as_str(), "messages": messages, "thinkingLevel": "off" }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Abort {
    #[schemars(length(min = 1, max = 512))]
    session_key: String,
    #[schemars(length(max = 256))]
    run_id: Option<String>,
}

/// `chat.abort`.
pub(super) async fn abort(plane: &Plane, params: &Value) -> Outcome {
    let Abort { session_key, run_id } = schema::check(plane.facts.version, "chat.abort", params)?;
    let only = run_id.as_deref().map(name).transpose()?;
    let aborted = plane.operate(move |core, now, effects| {
        core.abort_as_operator(now, (Some(&session_key), only.as_ref()), effects)
    });
    let aborted = aborted.await?.map_err(|it| refused(&it))?;
    let names: Vec<&str> = aborted.names.iter().map(MessageId::as_str).collect();
    Ok(json!({ "ok": true, "aborted": aborted.any, "runIds": names }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Inject {
    #[schemars(length(min = 1, max = 512))]
    session_key: String,
    #[schemars(length(min = 1))]
    agent_id: Option<String>,
    #[schemars(length(min = 1))]
    message: String,
    #[schemars(length(max = 100))]
    label: Option<String>,
}

/// The older contract's names no agent. Neither has a key by which the same words would be put there once.
pub(super) fn inject_shape(version: Version) -> Shape<Inject> {
    match version {
        Version::V2026_3 => Shape::new().without(&[("", "agentId")]),
        Version::V2026_9 => Shape::new(),
    }
}

/// `chat.inject`.
pub(super) async fn inject(plane: &Plane, params: &Value) -> Outcome {
    let version = plane.facts.version;
    let Inject { session_key, agent_id, message, label } =
        inject_shape(version).check(version, "chat.inject", params)?;
    let session_key = match agent_id {
        None => session_key,
        Some(id) => {
            let agent = plane.facts.agent(&id)?;
            let why = || format!("session \"{session_key}\" is not of the agent \"{agent}\"");
            let own = plane.facts.session_of(&agent, &session_key);
            own.ok_or_else(|| ErrorShape::invalid(why()))?.to_string()
        }
    };
    let text = match label {
        Some(label) => format!("[{label}]\n\n{message}"),
        None => message,
    };
    let said = text.clone();
    let injected = plane.operate(move |core, now, _| core.inject(now, &session_key, &said));
    let key = injected.await?.map_err(|it| refused(&it))?;
    let id = format!("inject-{}", plane.entropy.uuid());
    plane.hub.publish(
        "chat",
        json!({
            "runId": id, "sessionKey": key.as_str(), "seq": 0, "state": "final",
            "message": {
                "role": "assistant", "content": [{ "type": "text", "text": text }],
                "timestamp": plane.hub.now_ms(),
            },
        }),
    );
    Ok(json!({ "ok": true, "messageId": id }))
}
