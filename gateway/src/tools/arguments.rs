//! What a model's arguments say: JSON, and not always what was asked for.

use std::time::Duration;

use creel_core::{
    ids::AgentId,
    session_key::SessionKey,
    time::Millis,
    tools::{
        Asked, Builtin,
        builtin::{self, Addressee, ROWS_MAX, Send, Spawn, WAIT_S, WAIT_S_MAX},
    },
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

#[derive(Deserialize)]
struct SessionsList {
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionsHistory {
    session_key: String,
    limit: Option<usize>,
    #[serde(default)]
    include_tools: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionsSend {
    session_key: Option<String>,
    agent_id: Option<String>,
    message: String,
    timeout_seconds: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionsSpawn {
    task: String,
    label: Option<String>,
    agent_id: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    action: Option<String>,
    #[serde(rename = "message", default)]
    text: String,
    /// OpenClaw has several names for it.
    #[serde(alias = "mediaUrl", alias = "path", alias = "filePath")]
    media: Option<String>,
    to: Option<String>,
}

/// Reads the arguments of a call.
pub fn read(tool: &str, arguments: &str) -> Asked {
    let Ok(object @ Value::Object(_)) = serde_json::from_str::<Value>(arguments) else {
        return Asked::Malformed("the arguments are not a JSON object".to_owned());
    };
    let asked = match tool {
        builtin::GATEWAY => gateway(&object),
        builtin::SESSIONS_LIST => sessions_list(object),
        builtin::SESSIONS_HISTORY => sessions_history(object),
        builtin::SESSIONS_SEND => sessions_send(object),
        builtin::SESSIONS_SPAWN => sessions_spawn(object),
        builtin::MESSAGE => message(object),
        _ => return Asked::Other,
    };
    match asked {
        Ok(asked) => Asked::Builtin(asked),
        Err(why) => Asked::Malformed(format!("the arguments are not what `{tool}` takes: {why}")),
    }
}

fn fields<T: DeserializeOwned>(object: Value) -> Result<T, String> {
    serde_json::from_value(object).map_err(|it| it.to_string())
}

fn gateway(object: &Value) -> Result<Builtin, String> {
    match object.get("action").and_then(Value::as_str) {
        None | Some("status") => Ok(Builtin::Gateway),
        Some(other) => Err(format!("found the action `{other}`, expected `status`")),
    }
}

fn sessions_list(object: Value) -> Result<Builtin, String> {
    let SessionsList { limit } = fields(object)?;
    Ok(Builtin::SessionsList { limit: limit.unwrap_or(ROWS_MAX) })
}

fn sessions_history(object: Value) -> Result<Builtin, String> {
    let SessionsHistory { session_key, limit, include_tools } = fields(object)?;
    let (session, limit) = (key(&session_key)?, limit.unwrap_or(ROWS_MAX));
    Ok(Builtin::SessionsHistory { session, limit, include_tools })
}

fn sessions_send(object: Value) -> Result<Builtin, String> {
    let SessionsSend { session_key, agent_id, message, timeout_seconds } = fields(object)?;
    let to = match (session_key, agent_id) {
        (Some(session), None) => Addressee::Session(key(&session)?),
        (None, Some(agent)) => Addressee::Agent(AgentId::new(&agent).map_err(|it| it.to_string())?),
        (Some(_), Some(_)) | (None, None) => {
            return Err("expected either `sessionKey` or `agentId`".to_owned());
        }
    };
    let wait = match timeout_seconds {
        None => Some(Millis::from_s(WAIT_S)),
        Some(0.0) => None,
        Some(found) => {
            let longest = Duration::from_secs(WAIT_S_MAX);
            let wait = Duration::try_from_secs_f64(found).ok().filter(|it| *it <= longest);
            let wait = wait.ok_or_else(|| {
                format!("found {found} as `timeoutSeconds`, expected 0 to {WAIT_S_MAX}")
            })?;
            Some(Millis::new(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
        }
    };
    Ok(Builtin::SessionsSend(Send { to, text: message, wait }))
}

fn sessions_spawn(object: Value) -> Result<Builtin, String> {
    let SessionsSpawn { task, label, agent_id } = fields(object)?;
    if task.trim().is_empty() {
        return Err("`task` is empty".to_owned());
    }
    let agent = agent_id.map(|it| AgentId::new(&it).map_err(|it| it.to_string())).transpose()?;
    Ok(Builtin::SessionsSpawn(Spawn { task, label, agent }))
}

fn message(object: Value) -> Result<Builtin, String> {
    let Message { action, text, media, to } = fields(object)?;
    match action.as_deref() {
        None | Some("send") => (),
        Some(other) => return Err(format!("found the action `{other}`, expected `send`")),
    }
    let to = to.map(|it| key(&it)).transpose()?;
    let media = media.filter(|it| !it.trim().is_empty());
    Ok(Builtin::Message { text, media, to })
}

fn key(text: &str) -> Result<SessionKey, String> {
    SessionKey::canonical(text).map_err(|it| it.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tool: &str, arguments: &str, expected: &str) {
        let shown = match read(tool, arguments) {
            Asked::Builtin(it) => format!("{it:?}"),
            Asked::Other => "other".to_owned(),
            Asked::Malformed(why) => why,
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn arguments_are_what_their_tool_takes() {
        check("sessions_list", "{}", "SessionsList { limit: 200 }");
        check(
            "sessions_history",
            r#"{"sessionKey": " Agent:MAIN:x ", "limit": 3, "includeTools": true}"#,
            r#"SessionsHistory { session: SessionKey("agent:main:x"), limit: 3, include_tools: true }"#,
        );
        check(
            "sessions_spawn",
            r#"{"task": "dig", "agentId": "Work"}"#,
            r#"SessionsSpawn(Spawn { task: "dig", label: None, agent: Some(AgentId("work")) })"#,
        );
        check(
            "message",
            r#"{"action": "send", "message": "hi"}"#,
            r#"Message { text: "hi", media: None, to: None }"#,
        );
        check(
            "message",
            r#"{"path": "./cat.png"}"#,
            r#"Message { text: "", media: Some("./cat.png"), to: None }"#,
        );
        check(
            "sessions_send",
            r#"{"sessionKey": "MAIN", "message": "hi", "timeoutSeconds": 1.5}"#,
            r#"SessionsSend(Send { to: Session(SessionKey("main")), text: "hi", wait: Some(Millis(1500)) })"#,
        );
        check(
            "sessions_send",
            r#"{"agentId": "work", "message": "hi", "timeoutSeconds": 0}"#,
            r#"SessionsSend(Send { to: Agent(AgentId("work")), text: "hi", wait: None })"#,
        );
        check("notes__read", r#"{"any": [1]}"#, "other");
    }

    #[test]
    fn other_arguments_say_what_is_wrong() {
        for broken in ["", "[]", "null", "{"] {
            check("notes__read", broken, "the arguments are not a JSON object");
        }
        check(
            "sessions_history",
            "{}",
            "the arguments are not what `sessions_history` takes: missing field `sessionKey`",
        );
        check(
            "message",
            r#"{"action": "delete", "message": "x"}"#,
            "the arguments are not what `message` takes: found the action `delete`, expected `send`",
        );
        check(
            "sessions_send",
            r#"{"message": "hi"}"#,
            "the arguments are not what `sessions_send` takes: expected either `sessionKey` or `agentId`",
        );
        check(
            "sessions_send",
            r#"{"sessionKey": "x", "message": "hi", "timeoutSeconds": -1}"#,
            "the arguments are not what `sessions_send` takes: found -1 as `timeoutSeconds`, expected 0 to 3600",
        );
        check(
            "sessions_spawn",
            r#"{"task": " "}"#,
            "the arguments are not what `sessions_spawn` takes: `task` is empty",
        );
    }
}
