//! What a target claims: the features and keys that scenarios may use of it, and the requirements that it is held to.

use std::collections::BTreeSet;

use creel_judge::words::Word;
use serde::Deserialize;
use serde_json::Value;

use crate::scenario::{Action, ChatKind, Scenario};

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
    pub features: Option<BTreeSet<String>>,
    /// The keys of OpenClaw's configuration that scenarios may set, such as `session.dmScope`. A key has everything
    /// below it; `*` is any one part. `messages.queue.mode=followup|interrupt` claims these values alone.
    pub knobs: Option<Vec<String>>,
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
    ("images", "pictures"),
    ("operators", "the control plane's WebSocket"),
    ("http", "the control plane's HTTP"),
    ("hooks", "hooks"),
    ("pairing", "approving a pairing code"),
    ("restart", "ending the gateway and starting it again"),
    ("state", "files in OpenClaw's state folder"),
    ("refusals", "refusing to start"),
];

impl Claims {
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
        let knobs = self.knobs.as_ref()?;
        let set = keys(&scenario.gateway);
        let claimed =
            |(key, value): &(String, String)| knobs.iter().any(|it| covers(it, key, value));
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
    let pictures = !scenario.images.is_empty() || scenario.sends().any(|it| it.image.is_some());
    names.extend(pictures.then_some("images"));
    names.extend((!scenario.state.is_empty()).then_some("state"));
    names.extend(scenario.expects_refusal().then_some("refusals"));
    names.extend(scenario.steps.iter().filter_map(|it| needs_of(&it.action)));
    FEATURES.iter().map(|it| it.0).filter(|it| names.contains(it)).collect()
}

/// Whether an expectation says with which credential the base's provider is asked.
fn names_a_credential(word: &Word) -> bool {
    match word {
        Word::Request(request) => request.credential.is_some(),
        Word::Attempts(_) | Word::Backoff(_) => true,
        Word::Exactly { of, .. }
        | Word::AtLeast { of, .. }
        | Word::AtMost { of, .. }
        | Word::Never { of }
        | Word::Quiet { of, .. }
        | Word::Unique { of } => of.credential.is_some(),
        Word::Gap { from, to, .. } => from.credential.is_some() || to.credential.is_some(),
        Word::Order(filters) => filters.iter().any(|it| it.credential.is_some()),
        Word::Visible(_) | Word::State(_) | Word::Refuses(_) => false,
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
    fn keys_go_down_to_what_is_no_map() {
        let config = serde_json::json!({ "a": { "b": [1], "c": {} }, "d": 1 });
        let found = keys(&config);
        let found: Vec<_> =
            found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, [("a.b", "[1]"), ("a.c", "{}"), ("d", "1")]);
    }
}
