//! What clients say of a job: what we do not have is refused rather than forgotten.

use creel_core::{cron::moment, profile::Version};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::wrong;
use crate::control::{
    frame::ErrorShape,
    plane::Plane,
    schema::{self, Change},
};

/// How far in the past a moment may be, in ms: whoever asks is not always in time.
const PAST_MS_MAX: i64 = 60_000;

/// How far in the future a moment may be, in ms.
const FUTURE_MS_MAX: i64 = 3_652 * 86_400_000 + 43_200_000;

/// A job, or the part of it that shall change. Types are checked by this, what they mean by whoever reads the file.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Fields {
    #[serde(rename = "name")]
    #[schemars(length(min = 1))]
    _name: Option<String>,
    #[serde(default, rename = "agentId")]
    _agent_id: Change<String>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "enabled")]
    _enabled: Option<bool>,
    #[serde(rename = "schedule")]
    _schedule: Option<Map<String, Value>>,
    #[serde(rename = "sessionTarget")]
    _session_target: Option<String>,
    #[serde(rename = "wakeMode")]
    _wake_mode: Option<WakeMode>,
    #[serde(rename = "payload")]
    _payload: Option<Map<String, Value>>,
    #[serde(rename = "delivery")]
    _delivery: Option<Map<String, Value>>,
    #[serde(rename = "deleteAfterRun")]
    _delete_after_run: Option<bool>,
    #[serde(default, rename = "sessionKey")]
    _session_key: Change<String>,
    #[serde(default, rename = "failureAlert")]
    _failure_alert: Change<Value>,
    #[serde(default, rename = "declarationKey")]
    _declaration_key: Change<String>,
    #[serde(default, rename = "displayName")]
    _display_name: Change<String>,
    #[serde(default, rename = "owner")]
    _owner: Change<Value>,
    #[serde(default, rename = "pacing")]
    _pacing: Change<Value>,
    #[serde(default, rename = "trigger")]
    _trigger: Change<Value>,
}

/// When what a job says to the main session is read; here that is at once.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum WakeMode {
    NextHeartbeat,
    Now,
}

/// The fields that 2026.3 does not know.
const NEW_FIELDS: [(&str, &str); 5] =
    [("", "declarationKey"), ("", "displayName"), ("", "owner"), ("", "pacing"), ("", "trigger")];

/// The fields that jobs here do not have; those of a part have its name before them.
const LACKING: [&str; 22] = [
    "sessionKey",
    "failureAlert",
    "declarationKey",
    "displayName",
    "owner",
    "pacing",
    "trigger",
    "schedule.staggerMs",
    "payload.thinking",
    "payload.fallbacks",
    "payload.deliver",
    "payload.channel",
    "payload.to",
    "payload.bestEffortDeliver",
    "payload.allowUnsafeExternalContent",
    "payload.lightContext",
    "payload.toolsAllow",
    "payload.toolsAllowIsDefault",
    "delivery.bestEffort",
    "delivery.threadId",
    "delivery.failureDestination",
    "delivery.completionDestination",
];

/// The fields of each part that jobs here have.
const PARTS: [(&str, &[&str]); 3] = [
    ("schedule", &["kind", "at", "everyMs", "anchorMs", "expr", "tz"]),
    ("payload", &["kind", "text", "message", "model", "timeoutSeconds"]),
    ("delivery", &["mode", "channel", "to", "accountId"]),
];

/// The shape of what clients say of a job.
pub(super) fn shape(version: Version) -> schema::Shape<Fields> {
    match version {
        Version::V2026_3 => schema::Shape::new().without(&NEW_FIELDS),
        Version::V2026_9 => schema::Shape::new(),
    }
}

/// Checks what a client says of a job, and returns what of it stands in a file.
///
/// # Errors
///
/// For what no job has, what ours do not have, and moments that cannot be meant.
pub(super) fn fields(
    plane: &Plane,
    (method, shape): (&str, &schema::Shape<Fields>),
    given: &Value,
) -> Result<Map<String, Value>, ErrorShape> {
    let Fields { .. } = shape.check(plane.facts.version, method, given)?;
    let mut fields = given.as_object().cloned().unwrap_or_default();
    lack(&fields, "")?;
    for (part, known) in PARTS {
        let Some(inner) = fields.get_mut(part).and_then(Value::as_object_mut) else { continue };
        lack(inner, &format!("{part}."))?;
        inner.retain(|key, _| !is_lacking(part, key));
        if let Some((key, _)) = inner.iter().find(|it| !known.contains(&it.0.as_str())) {
            return Err(wrong(method, &format!("at /{part}: unexpected property '{key}'")));
        }
    }
    fields.retain(|key, _| !LACKING.contains(&key.as_str()));
    if let Some(schedule) = fields.get("schedule") {
        soon_enough(method, schedule, plane.hub.now_ms())?;
    }
    Ok(fields)
}

fn is_lacking(part: &str, key: &str) -> bool {
    LACKING.iter().any(|it| it.split_once('.') == Some((part, key)))
}

/// Refuses what has a meaning that we would not give it. What is off, or nothing, has none.
fn lack(fields: &Map<String, Value>, part: &str) -> Result<(), ErrorShape> {
    for (key, value) in fields {
        let is_nothing = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Number(it) => it.as_u64() == Some(0),
            _ => false,
        };
        let name = format!("{part}{key}");
        if !is_nothing && LACKING.contains(&name.as_str()) {
            let why = format!("{name}: cron jobs of this gateway do not have it");
            return Err(ErrorShape::unavailable(why));
        }
    }
    if part == "delivery." && fields.get("mode").is_some_and(|it| it == "webhook") {
        return Err(ErrorShape::unavailable(
            "delivery.mode: this gateway calls no webhook for a cron job",
        ));
    }
    Ok(())
}

/// A moment that has passed would never come.
fn soon_enough(method: &str, schedule: &Value, now_ms: i64) -> Result<(), ErrorShape> {
    if schedule["kind"] != "at" {
        return Ok(());
    }
    // What is no moment is told by whoever reads the file.
    let Some(at) = schedule["at"].as_str().and_then(moment) else { return Ok(()) };
    let from_now = at.as_unix_ms().saturating_sub(now_ms);
    if from_now < -PAST_MS_MAX {
        return Err(wrong(method, "at /schedule/at: the moment has passed"));
    }
    if from_now > FUTURE_MS_MAX {
        return Err(wrong(method, "at /schedule/at: the moment is more than ten years away"));
    }
    Ok(())
}
