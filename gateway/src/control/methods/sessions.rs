//! `sessions.*`: what conversations there are, and changing them.

use creel_core::{
    operator::SessionView, origin::PeerKind, session_key::SessionKey, time::WallTime,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, refused, said};
use crate::control::{
    frame::ErrorShape,
    plane::Plane,
    schema::{self, Change},
};

/// How many sessions are listed unless a number is asked for.
const LISTED_DEFAULT: usize = 100;

/// How much of a session's first words is its title, and of its last words is shown.
const TITLE_CHARS_MAX: usize = 60;
const PREVIEW_CHARS_MAX: usize = 120;

/// How many letters a label has at the most.
const LABEL_CHARS_MAX: usize = 64;

/// How many sessions' last words may be asked for at once.
const PREVIEWS_MAX: usize = 64;

/// `includeGlobal` and `includeUnknown` change nothing, and clients always send them: this gateway has no session that is
/// everybody's or nobody's.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    #[schemars(range(min = 1))]
    limit: Option<u64>,
    #[schemars(range(min = 1))]
    active_minutes: Option<u64>,
    #[serde(rename = "includeGlobal")]
    _include_global: Option<bool>,
    #[serde(rename = "includeUnknown")]
    _include_unknown: Option<bool>,
    include_derived_titles: Option<bool>,
    include_last_message: Option<bool>,
    label: Option<String>,
    spawned_by: Option<String>,
    agent_id: Option<String>,
    search: Option<String>,
}

/// `sessions.list`: the latest first.
pub(super) async fn list(plane: &Plane, params: &Value) -> Outcome {
    let asked: List = schema::check(plane.facts.version, "sessions.list", params)?;
    let mut found = plane.operate(|core, _, _| core.sessions()).await?;
    let now_ms = plane.hub.now_ms();
    let since =
        asked.active_minutes.map(|it| now_ms.saturating_sub_unsigned(it.saturating_mul(60_000)));
    found.retain(|it| {
        let is_meant =
            |of: &Option<String>, is: &dyn Fn(&str) -> bool| of.as_deref().is_none_or(is);
        let holds = |text: &str| {
            it.key.as_str().contains(text)
                || it.label.as_deref().is_some_and(|it| it.contains(text))
        };
        let parent = it.parent.as_ref().map(SessionKey::as_str);
        is_meant(&asked.spawned_by, &|key| parent.is_some_and(|it| it.eq_ignore_ascii_case(key)))
            && is_meant(&asked.agent_id, &|id| it.agent.as_str() == id)
            && is_meant(&asked.label, &|label| it.label.as_deref() == Some(label))
            && is_meant(&asked.search, &holds)
            && since.is_none_or(|since| it.updated.is_some_and(|it| it.as_unix_ms() >= since))
    });
    found.sort_by_key(|it| (std::cmp::Reverse(it.updated), it.key.clone()));
    let all = found.len();
    let limit = asked.limit.and_then(|it| usize::try_from(it).ok()).unwrap_or(LISTED_DEFAULT);
    found.truncate(limit);
    let mut sessions: Vec<Value> = found.iter().map(row).collect();
    if asked.include_derived_titles == Some(true) || asked.include_last_message == Some(true) {
        let keys: Vec<SessionKey> = found.into_iter().map(|it| it.key).collect();
        let said = plane.operate(move |core, _, _| {
            keys.iter().map(|it| core.first_and_last_words(it)).collect::<Vec<_>>()
        });
        for (row, (first, last)) in sessions.iter_mut().zip(said.await?) {
            if let Some(first) = first.filter(|_| asked.include_derived_titles == Some(true)) {
                row["derivedTitle"] = json!(shortened(&first, TITLE_CHARS_MAX));
            }
            if let Some(last) = last.filter(|_| asked.include_last_message == Some(true)) {
                row["lastMessagePreview"] = json!(shortened(&last, PREVIEW_CHARS_MAX));
            }
        }
    }
    let model = plane.facts.agents.get(&plane.facts.default_agent).map(|it| it.model.to_string());
    let (provider, model) = split(model.as_deref().unwrap_or_default());
    Ok(json!({
        "ts": now_ms, "path": "(memory)", "count": sessions.len(), "totalCount": all,
        "limitApplied": limit, "hasMore": sessions.len() < all, "nextOffset": null,
        "defaults": { "modelProvider": provider, "model": model, "contextTokens": null },
        "sessions": sessions,
    }))
}

/// A text on one line, and not too long.
fn shortened(text: &str, chars_max: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default().trim_end()),
        None => words,
    }
}

fn split(model: &str) -> (&str, &str) {
    model.split_once('/').unwrap_or(("", model))
}

/// Which model a session's next turn asks.
fn resolved(view: &SessionView) -> Value {
    let model = view.model.to_string();
    let (provider, model) = split(&model);
    json!({ "modelProvider": provider, "model": model })
}

/// Whether a session is a group's: by its key, or by where somebody last wrote in it, since a main session may be shared.
pub(super) fn kind(view: &SessionView) -> &'static str {
    let key = view.key.as_str();
    let by_route = view.route.as_ref().is_some_and(|it| it.peer.kind != PeerKind::Direct);
    let by_key = key.contains(":group:") || key.contains(":channel:");
    if by_key || by_route { "group" } else { "direct" }
}

/// A session as clients read it.
fn row(view: &SessionView) -> Value {
    let model = view.model.to_string();
    let (provider, model) = split(&model);
    let kind = kind(view);
    let mut row = json!({
        "key": view.key.as_str(), "kind": kind, "chatType": kind, "agentId": view.agent.as_str(),
        "updatedAt": view.updated.map(WallTime::as_unix_ms), "modelProvider": provider, "model": model,
        "running": view.active.is_some(), "waiting": view.waiting, "entries": view.entries,
    });
    if let Some(label) = &view.label {
        row["label"] = json!(label);
    }
    if let Some(route) = &view.route {
        let context = json!({
            "channel": route.channel.as_str(), "to": route.peer.id.as_str(), "accountId": route.account.as_str(),
        });
        row["deliveryContext"] = context;
        row["lastChannel"] = json!(route.channel.as_str());
    }
    row
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Preview {
    #[schemars(length(min = 1))]
    keys: Vec<String>,
    #[schemars(range(min = 1))]
    limit: Option<u64>,
    #[schemars(range(min = 20))]
    max_chars: Option<u64>,
}

/// `sessions.preview`: the last words of some sessions.
pub(super) async fn preview(plane: &Plane, params: &Value) -> Outcome {
    let Preview { keys, limit, max_chars } =
        schema::check(plane.facts.version, "sessions.preview", params)?;
    let limit = limit.and_then(|it| usize::try_from(it).ok()).unwrap_or(12).min(50);
    let chars = max_chars.and_then(|it| usize::try_from(it).ok()).unwrap_or(240).min(2_000);
    let keys: Vec<String> = keys.into_iter().take(PREVIEWS_MAX).collect();
    let read = plane.operate(move |core, _, _| {
        let of = |key: String| {
            let known = core.session_view(&key).is_ok_and(|it| it.entries > 0);
            let entries = core.history(&key, limit).map(|it| it.1).unwrap_or_default();
            (key, known, entries)
        };
        keys.into_iter().map(of).collect::<Vec<_>>()
    });
    let preview = |(key, known, entries): (String, bool, Vec<_>)| {
        let items: Vec<Value> =
            entries.iter().flat_map(said::messages).map(|it| item(&it, chars)).collect();
        let status = if known { "ok" } else { "empty" };
        json!({ "key": key, "status": status, "items": items })
    };
    let previews: Vec<Value> = read.await?.into_iter().map(preview).collect();
    Ok(json!({ "ts": plane.hub.now_ms(), "previews": previews }))
}

fn item(message: &Value, chars: usize) -> Value {
    let texts = message["content"].as_array().into_iter().flatten();
    let text: Vec<&str> = texts.filter_map(|it| it["text"].as_str()).collect();
    let text: String = text.join("\n").chars().take(chars).collect();
    json!({ "role": message["role"], "text": text })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Patch {
    #[schemars(length(min = 1, max = 512))]
    key: String,
    #[serde(default)]
    label: Change<String>,
    #[serde(default)]
    model: Change<String>,
    #[serde(default)]
    send_policy: Change<String>,
}

/// `sessions.patch`.
pub(super) async fn patch(plane: &Plane, params: &Value) -> Outcome {
    let Patch { key, label, model, send_policy } =
        schema::check(plane.facts.version, "sessions.patch", params)?;
    let label = match label {
        Change::Set(text) => {
            let text = text.trim().to_owned();
            if text.is_empty() || text.chars().count() > LABEL_CHARS_MAX {
                let why = format!("invalid label: expected 1 to {LABEL_CHARS_MAX} characters");
                return Err(ErrorShape::invalid(why));
            }
            Some(Some(text))
        }
        Change::Clear => Some(None),
        Change::Keep => None,
    };
    let model = match model {
        Change::Set(text) => {
            let known = plane.facts.models.iter().find(|it| it.as_str() == text.trim());
            let known =
                known.ok_or_else(|| ErrorShape::invalid(format!("unknown model: {text}")))?;
            Some(Some(known.clone()))
        }
        Change::Clear => Some(None),
        Change::Keep => None,
    };
    let send = match send_policy {
        Change::Set(text) => match text.as_str() {
            "allow" => Some(Some(creel_core::send_policy::Verdict::Allow)),
            "deny" => Some(Some(creel_core::send_policy::Verdict::Deny)),
            _ => return Err(ErrorShape::invalid("invalid sendPolicy (use \"allow\"|\"deny\")")),
        },
        Change::Clear => Some(None),
        Change::Keep => None,
    };
    let changed = plane.operate(move |core, _, _| {
        core.change_session(&key, |session| {
            if let Some(label) = label {
                session.label = label;
            }
            if let Some(model) = model {
                session.model = model;
            }
            if let Some(send) = send {
                session.send = send;
            }
        })
    });
    let view = changed.await?.map_err(|it| refused(&it))?;
    Ok(json!({
        "ok": true, "path": "(memory)", "key": view.key.as_str(), "entry": row(&view),
        "resolved": resolved(&view),
    }))
}

/// `reason` is for hooks that hear of a reset; there are none here.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Reset {
    #[schemars(length(min = 1, max = 512))]
    key: String,
    #[serde(rename = "reason")]
    _reason: Option<String>,
}

/// `sessions.reset`.
pub(super) async fn reset(plane: &Plane, params: &Value) -> Outcome {
    let Reset { key, .. } = schema::check(plane.facts.version, "sessions.reset", params)?;
    let renewed = plane.operate(move |core, now, effects| {
        core.reset_session(now, &key, effects)?;
        core.session_view(&key)
    });
    let view = renewed.await?.map_err(|it| refused(&it))?;
    Ok(json!({
        "ok": true, "key": view.key.as_str(), "entry": row(&view), "resolved": resolved(&view),
    }))
}

/// `deleteTranscript` and `emitLifecycleHooks` change nothing, and clients always send them: what was said is kept nowhere but in
/// the session, and there are no hooks that hear of its end.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    #[schemars(length(min = 1, max = 512))]
    key: String,
    #[serde(rename = "deleteTranscript")]
    _delete_transcript: Option<bool>,
    #[serde(rename = "emitLifecycleHooks")]
    _emit_lifecycle_hooks: Option<bool>,
}

/// `sessions.delete`. A main session too: the next words begin a new one.
pub(super) async fn delete(plane: &Plane, params: &Value) -> Outcome {
    let Delete { key, .. } = schema::check(plane.facts.version, "sessions.delete", params)?;
    let deleted = plane.operate(move |core, now, effects| core.delete_session(now, &key, effects));
    let (key, deleted) = deleted.await?.map_err(|it| refused(&it))?;
    Ok(json!({ "ok": true, "key": key.as_str(), "deleted": deleted, "archived": [] }))
}
