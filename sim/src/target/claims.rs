//! What a target claims: the features and keys that scenarios may use of it, and the requirements that it is held to.

use std::collections::BTreeSet;

use creel_judge::words::Word;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use crate::scenario::{Act, Action, Answer, ChatKind, Scenario};

/// What a target claims to do. A list that is not there claims everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Claims {
    /// The requirements that it is held to: ids, or their beginnings with a `*` behind, such as `QUE-*`.
    pub requirements: Option<Vec<String>>,
    /// Those of them that it is not, each with the reason.
    #[serde(default)]
    pub excluded: Vec<Excluded>,
    /// What scenarios may use: see [`FEATURES`].
    #[serde(default, deserialize_with = "some_features")]
    pub features: Option<BTreeSet<String>>,
    /// The keys of OpenClaw's configuration that scenarios may set, such as `session.dmScope`. A key has everything
    /// below it; `*` is any one part. `messages.queue.mode=followup|interrupt` claims these values alone.
    pub knobs: Option<Vec<String>>,
    /// Keys that it does not have, in the same form. They are named where the rest is claimed whole.
    #[serde(default)]
    pub unknown_knobs: Vec<String>,
}

/// What a target is not held to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Excluded {
    /// A requirement's id, or a beginning with a `*` behind; or a scenario's id.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// What scenarios may use of a target beside its configuration, and what that is.
pub const FEATURES: &[(&str, &str)] = &[
    ("telegram", "chats on Telegram"),
    ("discord", "chats on Discord"),
    ("slack", "chats on Slack"),
    ("whatsapp", "chats on WhatsApp"),
    ("webhook", "chats on the generic webhook"),
    ("irc", "chats on IRC"),
    ("groups", "group chats and rooms"),
    ("topics", "topics and threads of groups"),
    ("accounts", "several accounts of a channel"),
    ("agents", "several agents"),
    ("providers", "several providers and credentials"),
    ("credentials", "a credential for each agent, in `auth-profiles.json`"),
    ("logins", "logins that are renewed"),
    ("tools", "servers of tools (MCP)"),
    ("approvals", "asking an operator before a tool is called"),
    ("images", "pictures"),
    ("operators", "the control plane's WebSocket"),
    ("http", "the control plane's HTTP"),
    ("hooks", "hooks"),
    ("pairing", "approving a pairing code"),
    ("restart", "ending the gateway and starting it again"),
    ("state", "files in OpenClaw's state folder"),
    ("refusals", "refusing to start"),
];

/// Names of [`FEATURES`].
///
/// # Errors
///
/// Refuses any other name.
pub(super) fn features<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<String>, D::Error> {
    let names = BTreeSet::<String>::deserialize(from)?;
    let is_unknown = |it: &&String| FEATURES.iter().all(|(name, _)| name != it);
    let Some(unknown) = names.iter().find(is_unknown) else { return Ok(names) };
    let known: Vec<String> = FEATURES.iter().map(|(name, _)| format!("`{name}`")).collect();
    let known = known.join(", ");
    Err(D::Error::custom(format!("unknown feature `{unknown}`, expected one of {known}")))
}

fn some_features<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BTreeSet<String>>, D::Error> {
    features(from).map(Some)
}

impl Claims {
    /// The first pattern that means none of these requirements, if there is one. What is excluded may also be a scenario.
    pub fn meaningless<'a>(&'a self, ids: &[&str]) -> Option<&'a str> {
        let excluded = self.excluded.iter().map(|it| &it.id).filter(|it| !it.contains('/'));
        let mut patterns = self.requirements.iter().flatten().chain(excluded);
        patterns.find(|pattern| !ids.iter().any(|it| matches(pattern, it))).map(String::as_str)
    }

    /// Whether a requirement is claimed; if not, why.
    pub fn lacks_requirement(&self, id: &str) -> Option<String> {
        if let Some(it) = self.excluded.iter().find(|it| matches(&it.id, id)) {
            return Some(it.reason.clone());
        }
        let claimed =
            self.requirements.as_ref().is_none_or(|it| it.iter().any(|it| matches(it, id)));
        (!claimed).then(|| format!("the target does not claim {id}"))
    }

    /// What a scenario needs that is not claimed, if anything.
    pub fn lacks(&self, scenario: &Scenario) -> Option<String> {
        if let Some(it) = self.excluded.iter().find(|it| it.id == scenario.id) {
            return Some(it.reason.clone());
        }
        if let Some(features) = &self.features
            && let Some(lacking) = needs(scenario).into_iter().find(|it| !features.contains(*it))
        {
            let what = FEATURES.iter().find(|(name, _)| *name == lacking).map_or("", |it| it.1);
            return Some(format!("the target does not claim `{lacking}`: {what}"));
        }
        let covers_it = |knobs: &[String], (key, value): &(String, String)| {
            knobs.iter().any(|it| covers(it, key, value))
        };
        let claimed = |it: &_| {
            self.knobs.as_ref().is_none_or(|knobs| covers_it(knobs, it))
                && !covers_it(&self.unknown_knobs, it)
        };
        let set = keys(&scenario.gateway);
        let (key, value) = set.into_iter().find(|it| !claimed(it))?;
        Some(format!("the target does not claim the key `{key}` with the value {value}"))
    }
}

/// What a scenario uses of a target, by the names of [`FEATURES`].
pub fn needs(scenario: &Scenario) -> BTreeSet<&'static str> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let channels = crate::base::channels(scenario);
    names.extend(channels.iter().map(String::as_str));
    for chat in scenario.chats.values() {
        let (group, topic) = match &chat.kind {
            ChatKind::Direct => (false, false),
            ChatKind::Group { topic, .. } => (true, topic.is_some()),
            ChatKind::Room { thread, .. } => (true, thread.is_some()),
        };
        names.extend(group.then_some("groups"));
        names.extend(topic.then_some("topics"));
        names.extend((chat.account != "default").then_some("accounts"));
    }
    let agents =
        scenario.gateway.pointer("/agents/list").and_then(Value::as_array).map_or(0, Vec::len);
    names.extend((agents > 1).then_some("agents"));
    names.extend((!scenario.providers.is_empty()).then_some("providers"));
    let named = scenario.expect.iter().any(|it| names_a_credential(&it.word));
    names.extend((named && scenario.providers.is_empty()).then_some("credentials"));
    let logins = scenario.providers.values().any(|it| !it.logins.is_empty());
    names.extend(logins.then_some("logins"));
    names.extend((!scenario.tools.is_empty()).then_some("tools"));
    let shows = |it: &Answer| matches!(&it.act, Act::Say { text, .. } if text.contains("MEDIA:"));
    let pictures = !scenario.images.is_empty()
        || scenario.sends().any(|it| it.image.is_some())
        || scenario.model.values().flatten().any(shows);
    names.extend(pictures.then_some("images"));
    let looks_at = scenario.expect.iter().any(|it| matches!(it.word, Word::State(_)));
    names.extend((looks_at || !scenario.state.is_empty()).then_some("state"));
    let asks = scenario.gateway.pointer("/mcp/servers").and_then(Value::as_object);
    let asks = asks.is_some_and(|it| it.values().any(|it| it.get("codex").is_some()));
    names.extend(asks.then_some("approvals"));
    names.extend(scenario.expects_refusal().then_some("refusals"));
    names.extend(scenario.steps.iter().filter_map(|it| needs_of(&it.action)));
    FEATURES.iter().map(|it| it.0).filter(|it| names.contains(it)).collect()
}

/// Whether an expectation says with which credential the base's provider is asked.
fn names_a_credential(word: &Word) -> bool {
    match word {
        Word::Request(request) => request.credential.is_some(),
        Word::Attempts(_) | Word::Backoff(_) => true,
        _ => word.filters().iter().any(|it| it.credential.is_some()),
    }
}

fn needs_of(action: &Action) -> Option<&'static str> {
    match action {
        Action::Connect(_) | Action::Call(_) | Action::Frame { .. } | Action::Drop { .. } => {
            Some("operators")
        }
        Action::Hook(_) => Some("hooks"),
        Action::Http(_) => Some("http"),
        Action::ApprovePairing { .. } => Some("pairing"),
        Action::Restart { .. } => Some("restart"),
        Action::Send(_) | Action::Redeliver { .. } | Action::Disconnect { .. } => None,
    }
}

/// The keys that a configuration sets, each down to what is no map, and their values: texts as they are, the rest as JSON.
fn keys(config: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, at: &str, keys: &mut Vec<(String, String)>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                    walk(value, &at, keys);
                }
            }
            _ if at.is_empty() => (),
            Value::String(text) => keys.push((at.to_owned(), text.clone())),
            other => keys.push((at.to_owned(), other.to_string())),
        }
    }
    let mut found = Vec::new();
    walk(config, "", &mut found);
    found
}

/// Whether a knob claims this key with this value.
fn covers(knob: &str, key: &str, value: &str) -> bool {
    let (knob, values) = knob.split_once('=').map_or((knob, None), |(knob, it)| (knob, Some(it)));
    let mut parts = key.split('.');
    let is_key = knob.split('.').all(|it| parts.next().is_some_and(|part| it == "*" || it == part));
    is_key && values.is_none_or(|it| it.split('|').any(|it| it == value))
}

/// Whether an id is meant by a pattern: the id itself, or a beginning with a `*` behind.
fn matches(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |start| id.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_everything_below_it() {
        assert!(covers("messages.queue", "messages.queue.mode", "collect"));
        assert!(covers("channels.*.dmPolicy", "channels.telegram.dmPolicy", "open"));
        assert!(!covers("messages.queue.mode", "messages.queue", "{}"));
        assert!(!covers("session.dm", "session.dmScope", "main"));
    }

    #[test]
    fn a_knob_may_claim_some_values_alone() {
        let queue =
            |value| covers("messages.queue.mode=followup|steer", "messages.queue.mode", value);
        assert!(queue("followup") && queue("steer") && !queue("collect"));
        assert!(covers("agents.list.0=[1]", "agents.list.0", "[1]"));
    }

    #[test]
    fn patterns_mean_an_id_or_a_beginning() {
        assert!(matches("QUE-*", "QUE-003") && matches("QUE-003", "QUE-003"));
        assert!(!matches("QUE-003", "QUE-0031") && !matches("ADM-*", "QUE-003"));
    }

    #[test]
    fn names_that_mean_nothing_are_refused() {
        let claims = |text: &str| toml::from_str::<Claims>(text);
        let told = claims("features = [\"telegram\", \"telegraph\"]").unwrap_err().to_string();
        assert!(told.contains("`telegraph`") && told.contains("`irc`"), "{told}");
        let some = claims("requirements = [\"QUE-*\", \"QEU-*\"]").unwrap();
        assert_eq!(some.meaningless(&["QUE-003"]), Some("QEU-*"));
        assert_eq!(claims("").unwrap(), Claims::default());
    }

    #[test]
    fn keys_go_down_to_what_is_no_map() {
        let config = serde_json::json!({ "a": { "b": [1], "c": {} }, "d": 1 });
        let found = keys(&config);
        let found: Vec<_> =
            found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, [("a.b", "[1]"), ("a.c", "{}"), ("d", "1")]);
    }
}
