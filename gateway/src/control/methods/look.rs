//! Looking: what the gateway is, and how it is doing.

use std::collections::BTreeMap;

use creel_core::{
    gateway::{Effect, Gateway},
    ids::{AgentId, ModelId},
    operator::SessionView,
    profile::Version,
    time::{Now, WallTime},
    tools::ToolOwner,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{Caller, Outcome, sessions::kind};
use crate::{
    channels::State,
    clock,
    control::{
        plane::Plane,
        schema::{self, Shape},
    },
};

/// How many sessions `health` and `status` show.
const RECENT_MAX: usize = 5;

/// Clients ask for the models of one agent, or for a view of them. Any agent may use each that is configured, and what is known of
/// them is always fresh, so that all views are the same here; an agent that is not there has none.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Models {
    agent_id: Option<String>,
    provider: Option<String>,
    #[serde(rename = "view")]
    _view: Option<View>,
    #[serde(rename = "includeDetails")]
    _include_details: Option<bool>,
    #[serde(rename = "preparedOnly")]
    _prepared_only: Option<bool>,
    #[serde(rename = "refresh")]
    _refresh: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum View {
    Default,
    Configured,
    ProviderConfig,
    All,
}

/// The older contract's has no parameters.
pub(super) fn models_shape(version: Version) -> Shape<Models> {
    let newer = ["agentId", "provider", "view", "includeDetails", "preparedOnly", "refresh"];
    match version {
        Version::V2026_3 => Shape::new().without(&newer.map(|it| ("", it))),
        Version::V2026_9 => Shape::new(),
    }
}

type Holds = fn(&Value) -> bool;

/// What the configuration may say of a model and clients read; what is of another type is left out.
const MODEL_FACTS: [(&str, Holds); 4] = [
    ("name", Value::is_string),
    ("contextWindow", Value::is_number),
    ("reasoning", Value::is_boolean),
    ("input", Value::is_array),
];

/// `models.list`.
pub(super) fn models(plane: &Plane, params: &Value) -> Outcome {
    let version = plane.facts.version;
    let asked = models_shape(version).check(version, "models.list", params)?;
    if let Some(id) = &asked.agent_id {
        plane.facts.agent(id)?;
    }
    let of_provider = |it: &&ModelId| {
        let provider = it.as_str().split_once('/').map_or("", |it| it.0);
        asked.provider.as_deref().is_none_or(|asked| asked == provider)
    };
    let configured = &plane.facts.shown.json["models"]["providers"];
    let row = |it: &ModelId| {
        let (provider, id) = it.as_str().split_once('/').unwrap_or(("", it.as_str()));
        let mut row = json!({ "id": id, "name": id, "provider": provider });
        let mut of_provider = configured[provider]["models"].as_array().into_iter().flatten();
        let said = of_provider.find(|model| model["id"] == id);
        for (key, is_meant) in MODEL_FACTS {
            if let Some(value) = said.and_then(|model| model.get(key)).filter(|it| is_meant(it)) {
                row[key] = value.clone();
            }
        }
        row
    };
    Ok(
        json!({ "models": plane.facts.models.iter().filter(of_provider).map(row).collect::<Vec<_>>() }),
    )
}

/// Whether to look again, and for how long: nothing of it is needed, since what the gateway knows is always fresh.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Channels {
    #[serde(rename = "probe")]
    _probe: Option<bool>,
    #[serde(rename = "timeoutMs")]
    _timeout_ms: Option<u64>,
}

/// `channels.status`.
pub(super) fn channels(plane: &Plane, params: &Value) -> Outcome {
    let Channels { .. } = schema::check(plane.facts.version, "channels.status", params)?;
    let (mut channels, mut accounts, mut first) = (Map::new(), BTreeMap::new(), Map::new());
    for (name, state) in plane.board.states() {
        let (channel, account) = name.split_once('/').unwrap_or((&name, ""));
        let (running, error) = told(&state);
        let row = json!({
            "accountId": account, "configured": true, "enabled": true, "running": running,
            "connected": state == State::Up, "lastError": error,
        });
        first.entry(channel.to_owned()).or_insert_with(|| json!(account));
        channels.entry(channel.to_owned()).or_insert_with(
            || json!({ "configured": true, "running": running, "lastError": error }),
        );
        accounts.entry(channel.to_owned()).or_insert_with(Vec::new).push(row);
    }
    let order: Vec<&String> = accounts.keys().collect();
    let labels: Map<String, Value> = order.iter().map(|it| ((*it).clone(), json!(it))).collect();
    Ok(json!({
        "ts": plane.hub.now_ms(), "channelOrder": order, "channelLabels": labels,
        "channelDetailLabels": labels, "channelSystemImages": {},
        "channelMeta": order.iter().map(|it| json!({ "id": it, "label": it, "detailLabel": it })).collect::<Vec<_>>(),
        "channels": channels, "channelAccounts": accounts, "channelDefaultAccountId": first,
    }))
}

fn told(state: &State) -> (bool, Option<&str>) {
    match state {
        State::Starting | State::Up => (true, None),
        State::Retrying(why) => (true, Some(why)),
        State::Down(why) => (false, Some(why)),
    }
}

/// `health`. What the sessions are called says whose they are, so that only those are told who may look at them.
///
/// # Errors
///
/// When the gateway is ending.
pub async fn health(plane: &Plane, caller: &Caller) -> Outcome {
    let (facts, began) = (&plane.facts, clock::instant());
    let now_ms = plane.hub.now_ms();
    let sessions = plane.operate(|core, _, _| core.sessions()).await?;
    let recent = |agent: Option<&AgentId>| {
        let mut of: Vec<_> =
            sessions.iter().filter(|it| agent.is_none_or(|id| it.agent == *id)).collect();
        of.sort_by_key(|it| std::cmp::Reverse(it.updated));
        let row = |it: &&SessionView| {
            let updated = it.updated.map(WallTime::as_unix_ms);
            json!({ "key": it.key.as_str(), "updatedAt": updated, "age": updated.map(|it| now_ms - it) })
        };
        let rows: Vec<Value> = of.iter().take(RECENT_MAX).map(row).collect();
        json!({ "path": "(memory)", "count": of.len(), "recent": rows })
    };
    let agents: Vec<Value> = facts
        .agents
        .keys()
        .map(|id| {
            let mut agent = json!({
                "agentId": id.as_str(), "isDefault": *id == facts.default_agent,
                "heartbeat": { "enabled": false, "every": "disabled", "everyMs": null },
            });
            if caller.may_read() {
                agent["sessions"] = recent(Some(id));
            }
            agent
        })
        .collect();
    let states = plane.board.states();
    let mut channels: Map<String, Value> = Map::new();
    for (name, state) in &states {
        let channel = name.split_once('/').map_or(name.as_str(), |it| it.0);
        let (running, error) = told(state);
        channels.entry(channel.to_owned()).or_insert_with(|| {
            json!({ "configured": true, "linked": *state == State::Up, "running": running, "lastError": error })
        });
    }
    let order: Vec<String> = channels.keys().cloned().collect();
    let labels: Map<String, Value> = order.iter().map(|it| (it.clone(), json!(it))).collect();
    let mut health = json!({
        "ok": true, "ts": now_ms, "durationMs": took_ms(began), "channels": channels, "channelOrder": order,
        "channelLabels": labels, "heartbeatSeconds": 0,
        "defaultAgentId": facts.default_agent.as_str(), "agents": agents,
    });
    if caller.may_read() {
        health["sessions"] = recent(None);
    }
    Ok(health)
}

fn took_ms(began: Instant) -> u64 {
    u64::try_from((clock::instant() - began).as_millis()).unwrap_or(u64::MAX)
}

/// `health`, called by name. Its parameters ask to look again, and what the gateway knows is always fresh.
pub(super) async fn health_asked(plane: &Plane, caller: &Caller, _: &Value) -> Outcome {
    health(plane, caller).await
}

/// `system-presence`. The original reads no parameters either.
#[expect(clippy::unnecessary_wraps, reason = "every method may refuse")]
pub(super) fn presence(plane: &Plane, _: &Value) -> Outcome {
    Ok(json!(plane.hub.presence()))
}

/// `status`. The original reads no parameters either.
pub(super) async fn status(plane: &Plane, _: &Value) -> Outcome {
    let facts = &plane.facts;
    let now_ms = plane.hub.now_ms();
    let agent = facts.default_agent.clone();
    let look = move |core: &mut Gateway, _: Now, _: &mut Vec<Effect>| {
        (core.sessions(), core.reports_waiting(&agent))
    };
    let (mut sessions, reports) = plane.operate(look).await?;
    sessions.sort_by_key(|it| std::cmp::Reverse(it.updated));
    let row = |it: &SessionView| {
        let updated = it.updated.map(WallTime::as_unix_ms);
        json!({
            "agentId": it.agent.as_str(), "key": it.key.as_str(), "kind": kind(it), "updatedAt": updated,
            "age": updated.map(|it| now_ms - it), "model": it.model.as_str(),
        })
    };
    let recent: Vec<Value> = sessions.iter().take(RECENT_MAX).map(row).collect();
    let of_agent = |id: &AgentId| {
        let own: Vec<&SessionView> = sessions.iter().filter(|it| it.agent == *id).collect();
        let count = own.len();
        let recent: Vec<Value> = own.into_iter().take(RECENT_MAX).map(row).collect();
        json!({ "agentId": id.as_str(), "path": "(memory)", "count": count, "recent": recent })
    };
    let by_agent: Vec<Value> = facts.agents.keys().map(of_agent).collect();
    let heartbeat = |id: &AgentId| json!({ "agentId": id.as_str(), "enabled": false, "every": "disabled", "everyMs": null });
    let heartbeats: Vec<Value> = facts.agents.keys().map(heartbeat).collect();
    let model = facts.agents.get(&facts.default_agent).map(|it| it.model.to_string());
    Ok(json!({
        "runtimeVersion": env!("CARGO_PKG_VERSION"),
        "heartbeat": { "defaultAgentId": facts.default_agent.as_str(), "agents": heartbeats },
        "channelSummary": plane.board.states().keys().collect::<Vec<_>>(),
        "queuedSystemEvents": reports,
        "sessions": {
            "paths": ["(memory)"], "count": sessions.len(),
            "defaults": { "model": model, "contextTokens": null }, "recent": recent, "byAgent": by_agent,
        },
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Logs {
    cursor: Option<u64>,
    #[schemars(range(min = 1, max = 5000))]
    limit: Option<u64>,
    #[schemars(range(min = 1, max = 1_000_000))]
    max_bytes: Option<u64>,
}

/// `logs.tail`.
pub(super) fn logs(plane: &Plane, params: &Value) -> Outcome {
    let Logs { cursor, limit, max_bytes } =
        schema::check(plane.facts.version, "logs.tail", params)?;
    let most = |asked: Option<u64>, unless| {
        asked.and_then(|it| usize::try_from(it).ok()).unwrap_or(unless)
    };
    let found = plane.log.after(cursor, (most(limit, 500), most(max_bytes, 250_000)));
    Ok(json!({
        "file": "(memory)", "cursor": found.cursor, "size": found.cursor, "lines": found.lines,
        "truncated": found.truncated, "reset": found.reset,
    }))
}

/// `includePlugins` changes nothing: what servers offer is always among the tools.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Tools {
    agent_id: Option<String>,
    #[serde(rename = "includePlugins")]
    _include_plugins: Option<bool>,
}

/// `tools.catalog`: the tools that an agent's turns of its owner are offered, in groups of whose they are.
pub(super) async fn tools(plane: &Plane, params: &Value) -> Outcome {
    let Tools { agent_id, .. } = schema::check(plane.facts.version, "tools.catalog", params)?;
    let agent = match &agent_id {
        None => plane.facts.default_agent.clone(),
        Some(id) => plane.facts.agent(id)?,
    };
    let of = agent.clone();
    let offered = plane.operate(move |core, _, _| core.tools_of(&of)).await?;
    let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for tool in offered {
        let (group, source) = match &tool.owner {
            ToolOwner::Gateway => ("gateway".to_owned(), "core"),
            ToolOwner::Server(name) => (name.to_string(), "plugin"),
        };
        let row = json!({
            "id": tool.name.as_str(), "label": tool.name.as_str(), "description": &*tool.description,
            "source": source, "defaultProfiles": [],
        });
        groups.entry(group).or_default().push(row);
    }
    let group = |(id, tools): (String, Vec<Value>)| json!({ "id": id, "label": id, "source": tools[0]["source"], "tools": tools });
    let groups: Vec<Value> = groups.into_iter().map(group).collect();
    Ok(json!({ "agentId": agent.as_str(), "profiles": [], "groups": groups }))
}
