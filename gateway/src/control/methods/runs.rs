//! `agent` and `agent.wait`: a turn that somebody waits for.

use std::time::Duration;

use creel_core::{
    ids::{AgentId, MessageId},
    operator::{Addressee, End, Ended, Progress, Say, Taken},
    profile::Version,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Outcome, Reply, chat, refused};
use crate::control::{frame::ErrorShape, plane::Plane, schema};

/// How long `agent.wait` waits unless it is told.
const WAIT_DEFAULT: Duration = Duration::from_secs(30);

/// The longest that it waits.
const WAIT_MAX: Duration = Duration::from_hours(24);

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the protocol's own names")]
struct Agent {
    #[schemars(length(min = 1))]
    message: String,
    #[schemars(length(min = 1, max = 256))]
    idempotency_key: String,
    agent_id: Option<String>,
    #[schemars(length(max = 512))]
    session_key: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    session_id: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    to: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    thinking: Option<String>,
    deliver: Option<bool>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    channel: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    reply_channel: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    reply_to: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    reply_account_id: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    account_id: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    thread_id: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    group_id: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    lane: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    label: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    extra_system_prompt: Option<String>,
    attachments: Option<Vec<Value>>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    timeout: Option<u64>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    bootstrap_context_mode: Option<String>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    best_effort_deliver: Option<bool>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    input_provenance: Option<Value>,
    #[expect(dead_code, reason = "accepted; it changes nothing here")]
    spawned_by: Option<String>,
}

/// `agent`: answered when the turn is taken, and once more when it has ended.
pub(super) async fn agent(plane: &Plane, params: &Value) -> Reply {
    match begin(plane, params).await {
        Ok(reply) => reply,
        Err(error) => Reply::Now(Err(error)),
    }
}

async fn begin(plane: &Plane, params: &Value) -> Result<Reply, ErrorShape> {
    let asked: Agent = schema::check(plane.facts.version, "agent", params)?;
    if asked.deliver == Some(true) {
        return Err(ErrorShape::unavailable(
            "this gateway delivers no operator's turn to a channel yet",
        ));
    }
    if asked.attachments.is_some_and(|it| !it.is_empty()) {
        return Err(ErrorShape::unavailable("this gateway takes no attachments here yet"));
    }
    let agent = asked.agent_id.as_deref().filter(|it| !it.trim().is_empty());
    let agent = agent.map(|it| plane.facts.agent(it)).transpose()?;
    let session = match (asked.session_key, agent) {
        (Some(key), Some(agent)) if !key.starts_with("agent:") => format!("agent:{agent}:{key}"),
        (Some(key), _) => key,
        (None, Some(agent)) => format!("agent:{agent}:main"),
        (None, None) => plane.facts.main_session.clone(),
    };
    let name = chat::name(&asked.idempotency_key)?;
    // Before it can end.
    let end = plane.hub.end_of(&name);
    let say = Say { name: name.clone(), session, text: asked.message };
    let taken = chat::say_once(plane, say).await?;
    let (session, known) = match taken {
        Taken::New { session } => (session, None),
        Taken::Again { session, progress } => (session, Some(progress)),
    };
    let run = name.as_str().to_owned();
    if let Some(Progress::Ended(end)) = known {
        return Ok(Reply::Now(Ok(ended(&run, &end))));
    }
    if known.is_some() {
        return Ok(Reply::Now(Ok(json!({ "runId": run, "status": "in_flight" }))));
    }
    let mut accepted =
        json!({ "runId": run, "status": "accepted", "acceptedAt": plane.hub.now_ms() });
    if plane.facts.version == Version::V2026_9 {
        accepted["sessionKey"] = json!(session.as_str());
        let agent = plane.facts.agents.keys().find(|it| session.is_of(it));
        accepted["agentId"] = json!(agent.map(AgentId::as_str));
    }
    let later = async move {
        match end.await {
            Ok(end) => Ok(ended(&run, &end)),
            Err(_) => Err(ErrorShape::unavailable("the gateway is ending")),
        }
    };
    Ok(Reply::Twice(accepted, Box::pin(later)))
}

/// The second answer: what came of the turn.
fn ended(run: &str, end: &End) -> Value {
    match &end.how {
        Ended::Answered(text) => json!({
            "runId": run, "status": "ok", "summary": "completed",
            "result": {
                "payloads": [{ "text": text, "mediaUrl": null }],
                "meta": { "aborted": false },
            },
        }),
        Ended::Failed(why) => json!({ "runId": run, "status": "error", "summary": why }),
        Ended::Aborted => json!({
            "runId": run, "status": "ok", "summary": "aborted",
            "result": { "payloads": [], "meta": { "aborted": true } },
        }),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wait {
    #[schemars(length(min = 1, max = 256))]
    run_id: String,
    timeout_ms: Option<u64>,
}

/// `agent.wait`.
pub(super) async fn wait(plane: &Plane, params: &Value) -> Reply {
    match waiting(plane, params).await {
        Ok(reply) => reply,
        Err(error) => Reply::Now(Err(error)),
    }
}

async fn waiting(plane: &Plane, params: &Value) -> Result<Reply, ErrorShape> {
    let Wait { run_id, timeout_ms } = schema::check(plane.facts.version, "agent.wait", params)?;
    let within = timeout_ms.map_or(WAIT_DEFAULT, Duration::from_millis).min(WAIT_MAX);
    let version = plane.facts.version;
    let name: MessageId = chat::name(&run_id)?;
    // Before it can end.
    let end = plane.hub.end_of(&name);
    let asked = name.clone();
    let known = plane.operate(move |core, _, _| core.progress(&asked).map(|it| it.1.clone()));
    if let Some(Progress::Ended(end)) = known.await? {
        return Ok(Reply::Now(Ok(waited(version, &run_id, &end))));
    }
    Ok(Reply::Later(Box::pin(async move {
        match timeout(within, end).await {
            Ok(Ok(end)) => Ok(waited(version, &run_id, &end)),
            Ok(Err(_)) => Err(ErrorShape::unavailable("the gateway is ending")),
            Err(_) => Ok(json!({ "runId": run_id, "status": "timeout" })),
        }
    })))
}

fn waited(version: Version, run: &str, end: &End) -> Value {
    let at = end.at.as_unix_ms();
    let mut waited = match (&end.how, version) {
        (Ended::Answered(_), Version::V2026_9) => {
            json!({ "runId": run, "status": "ok", "endedAt": at, "stopReason": "stop" })
        }
        (Ended::Answered(_), _) | (Ended::Aborted, Version::V2026_3) => {
            json!({ "runId": run, "status": "ok", "endedAt": at })
        }
        (Ended::Aborted, Version::V2026_9) => {
            json!({ "runId": run, "status": "error", "endedAt": at, "stopReason": "rpc" })
        }
        (Ended::Failed(why), _) => {
            json!({ "runId": run, "status": "error", "endedAt": at, "error": why })
        }
    };
    if let Some(began) = end.began {
        waited["startedAt"] = json!(began.as_unix_ms());
    }
    waited
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Send {
    #[schemars(length(min = 1))]
    to: String,
    message: Option<String>,
    #[schemars(length(min = 1, max = 256))]
    idempotency_key: String,
    channel: Option<String>,
    account_id: Option<String>,
    thread_id: Option<String>,
    media_url: Option<String>,
}

/// `send`: a text to a chat of a channel.
pub(super) async fn send(plane: &Plane, params: &Value) -> Outcome {
    let asked: Send = schema::check(plane.facts.version, "send", params)?;
    if asked.media_url.is_some() || asked.thread_id.is_some() {
        return Err(ErrorShape::unavailable(
            "this gateway sends texts to whole chats only here yet",
        ));
    }
    let text = asked.message.filter(|it| !it.trim().is_empty());
    let text = text.ok_or_else(|| ErrorShape::invalid("send requires text"))?;
    let Some(channel) = asked.channel else {
        return Err(ErrorShape::invalid("expected `channel`: several may be configured"));
    };
    let of = format!("{channel}/");
    let account = asked.account_id.map_or_else(
        || plane.facts.accounts.iter().find_map(|it| it.strip_prefix(&of)).map(str::to_owned),
        Some,
    );
    let configured = account.filter(|it| plane.facts.accounts.contains(&format!("{of}{it}")));
    let account = configured
        .ok_or_else(|| ErrorShape::invalid(format!("no such account on channel: {channel}")))?;
    let name = chat::name(&asked.idempotency_key)?;
    let to = Addressee { channel: channel.clone(), account, chat: asked.to };
    let run = name.as_str().to_owned();
    let taken = plane
        .operate(move |core, now, effects| core.send_as_operator(now, (name, to), &text, effects));
    taken.await?.map_err(|it| refused(&it))?;
    Ok(json!({ "runId": run, "channel": channel, "status": "queued" }))
}
