//! The configuration's keys as they stand in the file, after its shape was checked.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Document {
    pub(super) gateway: Gateway,
    pub(super) agents: Agents,
    pub(super) models: Models,
    pub(super) channels: Channels,
    pub(super) bindings: Vec<Binding>,
    pub(super) session: Session,
    pub(super) messages: Messages,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Gateway {
    pub(super) port: Option<u16>,
    pub(super) bind: Option<String>,
    pub(super) auth: Auth,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Auth {
    pub(super) token: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Agents {
    pub(super) defaults: AgentDefaults,
    pub(super) list: Vec<Agent>,
    pub(super) entries: BTreeMap<String, Agent>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AgentDefaults {
    pub(super) model: Option<serde_json::Value>,
    pub(super) workspace: Option<String>,
    pub(super) max_concurrent: Option<u32>,
    pub(super) timeout_seconds: Option<u64>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Agent {
    pub(super) id: String,
    pub(super) default: bool,
    pub(super) name: Option<String>,
    pub(super) model: Option<serde_json::Value>,
    pub(super) workspace: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Models {
    pub(super) providers: BTreeMap<String, Provider>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provider {
    pub(super) base_url: String,
    pub(super) api_key: Option<String>,
    #[serde(default)]
    pub(super) models: Vec<Model>,
}

#[derive(Deserialize)]
pub(super) struct Model {
    pub(super) id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Channels {
    pub(super) telegram: Option<Telegram>,
}

/// The channel's own fields are those of an account: they hold for accounts that do not say otherwise.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Telegram {
    pub(super) default_account: Option<String>,
    pub(super) accounts: BTreeMap<String, TelegramAccount>,
    pub(super) enabled: Option<bool>,
    pub(super) bot_token: Option<String>,
    pub(super) api_root: Option<String>,
    pub(super) dm_policy: Option<String>,
    pub(super) allow_from: Option<Vec<serde_json::Value>>,
    pub(super) group_policy: Option<String>,
    pub(super) group_allow_from: Option<Vec<serde_json::Value>>,
    pub(super) groups: Option<BTreeMap<String, Group>>,
    pub(super) text_chunk_limit: Option<u16>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TelegramAccount {
    pub(super) enabled: Option<bool>,
    pub(super) bot_token: Option<String>,
    pub(super) api_root: Option<String>,
    pub(super) dm_policy: Option<String>,
    pub(super) allow_from: Option<Vec<serde_json::Value>>,
    pub(super) group_policy: Option<String>,
    pub(super) group_allow_from: Option<Vec<serde_json::Value>>,
    pub(super) groups: Option<BTreeMap<String, Group>>,
}

impl Telegram {
    /// Every account with what it takes over from the channel. Without `accounts` there is one, `default`, if only to be
    /// told what it lacks.
    pub(super) fn accounts(&self) -> BTreeMap<String, TelegramAccount> {
        let mut accounts = self.accounts.clone();
        if accounts.is_empty() {
            accounts.insert("default".to_owned(), TelegramAccount::default());
        }
        for account in accounts.values_mut() {
            let or = |own: &mut Option<String>, shared: &Option<String>| {
                *own = own.take().or_else(|| shared.clone());
            };
            account.enabled = account.enabled.or(self.enabled);
            or(&mut account.bot_token, &self.bot_token);
            or(&mut account.api_root, &self.api_root);
            or(&mut account.dm_policy, &self.dm_policy);
            or(&mut account.group_policy, &self.group_policy);
            account.allow_from = account.allow_from.take().or_else(|| self.allow_from.clone());
            account.group_allow_from =
                account.group_allow_from.take().or_else(|| self.group_allow_from.clone());
            account.groups = account.groups.take().or_else(|| self.groups.clone());
        }
        accounts
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Group {
    pub(super) enabled: Option<bool>,
    #[serde(rename = "groupPolicy")]
    pub(super) policy: Option<String>,
    pub(super) require_mention: Option<bool>,
    pub(super) allow_from: Option<Vec<serde_json::Value>>,
    pub(super) topics: BTreeMap<String, Topic>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Topic {
    pub(super) enabled: Option<bool>,
    #[serde(rename = "groupPolicy")]
    pub(super) policy: Option<String>,
    pub(super) require_mention: Option<bool>,
    pub(super) allow_from: Option<Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Binding {
    pub(super) agent_id: String,
    pub(super) r#match: Match,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Match {
    pub(super) channel: String,
    pub(super) account_id: Option<String>,
    pub(super) peer: Option<Peer>,
    pub(super) guild_id: Option<String>,
    pub(super) team_id: Option<String>,
    #[serde(default)]
    pub(super) roles: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Peer {
    pub(super) kind: String,
    pub(super) id: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Session {
    pub(super) dm_scope: Option<String>,
    pub(super) main_key: Option<String>,
    pub(super) identity_links: BTreeMap<String, Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Messages {
    pub(super) queue: Queue,
    pub(super) inbound: Inbound,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Queue {
    pub(super) mode: Option<String>,
    pub(super) by_channel: BTreeMap<String, String>,
    pub(super) debounce_ms: Option<u64>,
    pub(super) debounce_ms_by_channel: BTreeMap<String, u64>,
    pub(super) cap: Option<u64>,
    pub(super) drop: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Inbound {
    pub(super) debounce_ms: Option<u64>,
    pub(super) by_channel: BTreeMap<String, u64>,
}
