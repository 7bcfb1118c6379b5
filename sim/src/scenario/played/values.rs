//! Configuration and parameters, with the other channel's names in them.

use serde_json::{Map, Value};

use super::names::Exchange;

/// What both channels' configurations have, with the same meaning, beside what [`channel`] knows by name.
const SHARED: [&str; 12] = [
    "enabled",
    "name",
    "dmPolicy",
    "groupPolicy",
    "defaultAccount",
    "requireMention",
    "systemPrompt",
    "skills",
    "tools",
    "blockStreaming",
    "textChunkLimit",
    "mentionPatterns",
];

/// A scenario's configuration.
pub(super) fn configuration(gateway: &Value, exchange: &Exchange) -> Result<Value, String> {
    let mut gateway = gateway.clone();
    let mut settings = None;
    if let Some(Value::Object(channels)) = gateway.get_mut("channels") {
        settings = channels.remove(&exchange.from);
    }
    // Nothing is overheard there, so there is nothing to limit.
    if let Some(Value::Object(groups)) = gateway.pointer_mut("/messages/groupChat") {
        groups.remove("historyLimit");
    }
    if gateway.pointer("/messages/inbound").is_some() {
        return Err("inbound debounce".to_owned());
    }
    if gateway.get("broadcast").is_some() {
        return Err("broadcast groups".to_owned());
    }
    for key in ["allowFrom", "ownerAllowFrom"] {
        if gateway.pointer(&format!("/commands/{key}")).is_some() {
            return Err(format!("plain ids in `commands.{key}`"));
        }
    }
    let mut gateway = parameters(&gateway, exchange)?;
    if let Some(settings) = settings {
        let settings = channel(&settings, exchange)?;
        let channels = gateway.get_mut("channels").and_then(Value::as_object_mut);
        channels.expect("it was there").insert(exchange.to.clone(), settings);
    }
    Ok(gateway)
}

/// The settings of the channel, of one of its accounts, or of a group.
fn channel(settings: &Value, exchange: &Exchange) -> Result<Value, String> {
    let Value::Object(settings) = settings else { return Ok(settings.clone()) };
    let mut changed = Map::new();
    for (key, value) in settings {
        let value = match (key.as_str(), value) {
            (_, Value::Null) => Value::Null,
            ("allowFrom" | "groupAllowFrom", Value::Array(people)) => {
                people.iter().map(|it| allowed(it, exchange)).collect::<Result<_, _>>()?
            }
            ("groups", Value::Object(groups)) => {
                let group =
                    |(id, it): (&String, &Value)| Ok((Exchange::peer(id)?, channel(it, exchange)?));
                Value::Object(groups.iter().map(group).collect::<Result<_, String>>()?)
            }
            ("accounts", Value::Object(accounts)) => {
                // Such a list keeps all other groups out on Telegram, and on IRC only under another policy.
                let lists = |it: &Value| it.get("groups").is_some_and(|it| it.get("*").is_none());
                if accounts.values().any(lists) {
                    return Err("list of groups that keeps the others out".to_owned());
                }
                let account =
                    |(id, it): (&String, &Value)| Ok((id.clone(), channel(it, exchange)?));
                Value::Object(accounts.iter().map(account).collect::<Result<_, String>>()?)
            }
            (key, value) if SHARED.contains(&key) => value.clone(),
            (key, _) => return Err(format!("key `{key}`")),
        };
        changed.insert(key.clone(), value);
    }
    // Telegram falls back to this list where a group has none; IRC does not.
    if let Some(people) = changed.get("allowFrom").cloned()
        && settings.contains_key("dmPolicy") | settings.contains_key("groupPolicy")
    {
        changed.entry("groupAllowFrom").or_insert(people);
    }
    Ok(Value::Object(changed))
}

fn allowed(value: &Value, exchange: &Exchange) -> Result<Value, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    exchange.allowed(&text).map(Value::String)
}

/// What names the channel, and ids beside or behind it, wherever that is.
pub(super) fn parameters(value: &Value, exchange: &Exchange) -> Result<Value, String> {
    let changed = walk(value, exchange, false)?;
    if speaks_of(&changed, &exchange.from) {
        return Err(format!("other name for all that is said of {}", exchange.from));
    }
    Ok(changed)
}

/// `is_peer` says whether an `id` in here is one of the channel's.
fn walk(value: &Value, exchange: &Exchange, is_peer: bool) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) if exchange.is_from(text) => Value::String(exchange.channel(text)),
        Value::String(text) => Value::String(exchange.key(text)?),
        Value::Array(items) => {
            let items = items.iter().map(|it| walk(it, exchange, is_peer));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let named = map.get("channel").and_then(Value::as_str);
            let is_here = is_peer || named.is_some_and(|it| exchange.is_from(it));
            let entry = |(key, it): (&String, &Value)| {
                let key_then = if exchange.is_from(key) {
                    exchange.channel(key)
                } else {
                    exchange.key(key)?
                };
                let changed = match (key.as_str(), it) {
                    ("id" | "to", Value::String(text)) if is_here => {
                        Value::String(exchange.recipient(text)?)
                    }
                    ("peer" | "parentPeer", it) => walk(it, exchange, is_here)?,
                    (_, it) => walk(it, exchange, false)?,
                };
                Ok((key_then, changed))
            };
            Value::Object(map.iter().map(entry).collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

/// Whether a channel is named anywhere.
pub(super) fn speaks_of(value: &Value, channel: &str) -> bool {
    value.to_string().to_lowercase().contains(channel)
}
