//! `agent` and `agent.wait`: a turn that somebody waits for.

use std::time::Duration;

use creel_core::{
    ids::{AgentId, MessageId},
    operator::{End, Ended, Progress, Say, Taken},
    profile::Version,
    time::Millis,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    Reply,
    chat::{self, Otherwise},
    deliver::Target,
    refuse_given,
};
use crate::control::{frame::ErrorShape, plane::Plane, schema};

/// How long `agent.wait` waits unless it is told.
const WAIT_DEFAULT: Duration = Duration::from_secs(30);

/// The longest that it waits.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// What changes nothing here is refused where it is given, for it would change what is meant.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the protocol's own names")]
pub(super) struct Agent {
    #[schemars(length(min = 1))]
    message: String,
    #[schemars(length(min = 1, max = 256))]
    idempotency_key: String,
    agent_id: Option<String>,
    #[schemars(length(max = 512))]
    session_key: Option<String>,
    session_id: Option<String>,
    to: Option<String>,
    thinking: Option<String>,
    deliver: Option<bool>,
    channel: Option<String>,
    reply_channel: Option<String>,
    reply_to: Option<String>,
    reply_account_id: Option<String>,
    account_id: Option<String>,
    thread_id: Option<String>,
    group_id: Option<String>,
    lane: Option<String>,
    label: Option<String>,
    extra_system_prompt: Option<String>,
    attachments: Option<Vec<Value>>,
    /// In seconds; none if it is zero.
    timeout: Option<u64>,
    bootstrap_context_mode: Option<String>,
    best_effort_deliver: Option<bool>,
    input_provenance: Option<Value>,
    spawned_by: Option<String>,
}

impl Agent {
    /// Refuses what it asks for and this gateway cannot do.
    fn refuse_what_is_missing(&self) -> Result<(), ErrorShape> {
        let text = |it: &Option<String>| it.as_ref().is_some_and(|it| !it.trim().is_empty());
        // Its words of today that mean no more than what happens anyhow.
        let other = |it: &Option<String>, usual: &str| text(it) && it.as_deref() != Some(usual);
        let has_key = text(&self.session_key);
        // It may name the conversation too, which we know by its key alone.
        let of_whom = text(&self.to) && !has_key && self.agent_id.is_none();
        let elsewhere = [
            ("to", of_whom && self.deliver != Some(true)),
            ("threadId", text(&self.thread_id)),
            ("groupId", text(&self.group_id)),
        ];
        refuse_given(
            &elsewhere,
            "this gateway delivers to whole chats, and knows sessions by their `sessionKey`",
        )?;
        let by_id = [("sessionId", text(&self.session_id) && !has_key)];
        refuse_given(&by_id, "this gateway knows sessions by their `sessionKey` alone")?;
        let missing = [
            ("attachments", self.attachments.as_ref().is_some_and(|it| !it.is_empty())),
            ("thinking", other(&self.thinking, "off")),
            ("lane", other(&self.lane, "main")),
            ("label", text(&self.label)),
            ("extraSystemPrompt", text(&self.extra_system_prompt)),
            ("bootstrapContextMode", other(&self.bootstrap_context_mode, "full")),
            ("inputProvenance", self.input_provenance.is_some()),
            ("spawnedBy", text(&self.spawned_by)),
        ];
        refuse_given(&missing, "this gateway takes it with no turn yet")
    }

    /// Where its answer shall be delivered, and what if that is nowhere.
    fn delivery(&self, plane: &Plane) -> Result<Option<(Target, Otherwise)>, ErrorShape> {
        if self.deliver != Some(true) {
            return Ok(None);
        }
        let first = |own: &Option<String>, usual: &Option<String>| own.clone().or(usual.clone());
        let channel = first(&self.reply_channel, &self.channel);
        let account = first(&self.reply_account_id, &self.account_id);
        let to = first(&self.reply_to, &self.to);
        let target =
            Target::of(&plane.facts, channel.as_deref(), (account.as_deref(), to.as_deref()));
        match (target, self.best_effort_deliver) {
            (Ok(target), Some(true)) => Ok(Some((target, Otherwise::Nowhere))),
            (Ok(target), _) => Ok(Some((target, Otherwise::Refused))),
            (Err(_), Some(true)) => Ok(None),
            (Err(why), _) => Err(ErrorShape::invalid(why)),
        }
    }
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
    asked.refuse_what_is_missing()?;
    let deliver = asked.delivery(plane)?;
    let agent = asked.agent_id.as_deref().filter(|it| !it.trim().is_empty());
    let agent = agent.map(|it| plane.facts.agent(it)).transpose()?;
    let key = asked.session_key.filter(|it| !it.trim().is_empty());
    let session = match (key, agent) {
        (Some(key), None) => key,
        (None, None) => plane.facts.main_session.clone(),
        (None, Some(agent)) => plane.facts.keys.main(&agent).to_string(),
        (Some(key), Some(agent)) => {
            let why = || format!("session \"{key}\" is not of the agent \"{agent}\"");
            let own = plane.facts.session_of(&agent, &key);
            own.ok_or_else(|| ErrorShape::invalid(why()))?.to_string()
        }
    };
    let name = chat::name(&asked.idempotency_key)?;
    // Before it can end.
    let end = plane.hub.end_of(&name);
    let say = Say { name: name.clone(), session, text: asked.message, deliver: None };
    let taken = chat::say_once(plane, say, deliver).await?;
    let (session, known) = match taken {
        Taken::New { session } => (session, None),
        Taken::Again { session, progress } => (session, Some(progress)),
    };
    let run = name.as_str().to_owned();
    if known.is_none() {
        end_within(plane, &name, asked.timeout.map(Duration::from_secs)).await?;
    }
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

/// A turn that was taken may take so long from now on, however long its client stays; none, zero or a day is as long as any run.
pub(super) async fn end_within(
    plane: &Plane,
    name: &MessageId,
    within: Option<Duration>,
) -> Result<(), ErrorShape> {
    let Some(within) = within.filter(|it| !it.is_zero() && *it < WAIT_MAX) else { return Ok(()) };
    let within = Millis::new(u64::try_from(within.as_millis()).unwrap_or(u64::MAX));
    let name = name.clone();
    plane.operate(move |core, now, _| core.end_within(now, &name, within)).await
}

/// The second answer: what came of the turn.
fn ended(run: &str, end: &End) -> Value {
    let began = end.began.unwrap_or(end.at);
    let duration_ms = end.at.as_unix_ms() - began.as_unix_ms();
    match &end.how {
        Ended::Answered(text) => json!({
            "runId": run, "status": "ok", "summary": "completed",
            "result": {
                "payloads": [{ "text": text, "mediaUrl": null }],
                "meta": { "durationMs": duration_ms, "aborted": false, "stopReason": "stop" },
            },
        }),
        Ended::Failed(why) => json!({ "runId": run, "status": "error", "summary": why }),
        Ended::Aborted => json!({
            "runId": run, "status": "ok", "summary": "aborted",
            "result": { "payloads": [], "meta": { "durationMs": duration_ms, "aborted": true } },
        }),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wait {
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
