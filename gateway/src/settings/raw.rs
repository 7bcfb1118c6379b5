//! The configuration's keys as they stand in the file, after its shape was checked.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    credentials,
    cron::RawCron,
    mentions::{GroupChat, Identity},
    tools::{AgentTools, Approvals, Mcp, RawSubagents, Tools},
    web::{ControlUi, Http, RateLimit, RawHooks},
};

use super::channels::telegram;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Document {
    pub(super) gateway: Gateway,
    pub(super) agents: Agents,
    pub(super) models: Models,
    pub(super) auth: credentials::Auth,
    pub(super) channels: Channels,
    pub(super) bindings: Vec<Binding>,
    pub(super) broadcast: BTreeMap<String, serde_json::Value>,
    pub(super) session: Session,
    pub(super) messages: Messages,
    pub(super) commands: Commands,
    pub(super) tools: Tools,
    pub(super) mcp: Mcp,
    pub(super) approvals: Approvals,
    pub(super) cron: RawCron,
    pub(super) hooks: RawHooks,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Gateway {
    pub(super) port: Option<u16>,
    pub(super) bind: Option<String>,
    pub(super) auth: Auth,
    pub(super) http: Http,
    pub(super) control_ui: ControlUi,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Auth {
    pub(super) mode: Option<String>,
    pub(super) token: Option<String>,
    pub(super) rate_limit: RateLimit,
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
    pub(super) llm: Llm,
    pub(super) subagents: RawSubagents,
    pub(super) block_streaming_default: Option<String>,
    pub(super) block_streaming_break: Option<String>,
    pub(super) block_streaming_chunk: Option<BlockChunk>,
    pub(super) block_streaming_coalesce: Option<BlockCoalesce>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Llm {
    pub(super) idle_timeout_seconds: Option<u64>,
    pub(super) first_byte_timeout_seconds: Option<u64>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BlockChunk {
    pub(super) min_chars: Option<usize>,
    pub(super) max_chars: Option<usize>,
    pub(super) break_preference: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BlockCoalesce {
    pub(super) min_chars: Option<usize>,
    pub(super) max_chars: Option<usize>,
    pub(super) idle_ms: Option<u64>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Agent {
    pub(super) id: String,
    pub(super) default: bool,
    pub(super) name: Option<String>,
    pub(super) identity: Identity,
    #[serde(rename = "groupChat")]
    pub(super) group_chat: GroupChat,
    pub(super) model: Option<serde_json::Value>,
    pub(super) workspace: Option<String>,
    pub(super) tools: AgentTools,
    pub(super) subagents: RawSubagents,
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
    pub(super) api: Option<String>,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) oauth: Option<Oauth>,
    #[serde(default)]
    pub(super) models: Vec<Model>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Oauth {
    pub(super) token_url: String,
    pub(super) client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Model {
    pub(super) id: String,
    pub(super) max_tokens: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Channels {
    pub(super) telegram: Option<telegram::Telegram>,
    pub(super) discord: Option<serde_json::Value>,
    pub(super) slack: Option<serde_json::Value>,
    pub(super) webhook: Option<serde_json::Value>,
    pub(super) whatsapp: Option<serde_json::Value>,
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
    pub(super) session: Option<Scopes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scopes {
    pub(super) dm_scope: Option<String>,
    pub(super) group_scope: Option<String>,
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
    pub(super) group_scope: Option<String>,
    pub(super) main_key: Option<String>,
    pub(super) identity_links: BTreeMap<String, Vec<String>>,
    pub(super) reset: Option<Reset>,
    pub(super) reset_by_type: Option<BTreeMap<String, Reset>>,
    pub(super) reset_by_channel: BTreeMap<String, Reset>,
    pub(super) idle_minutes: Option<u64>,
    pub(super) reset_triggers: Vec<String>,
    pub(super) send_policy: Option<SendPolicy>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SendPolicy {
    pub(super) rules: Vec<SendRule>,
    pub(super) default: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct SendRule {
    pub(super) action: String,
    #[serde(default)]
    pub(super) r#match: SendMatch,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SendMatch {
    pub(super) channel: Option<String>,
    pub(super) chat_type: Option<String>,
    pub(super) key_prefix: Option<String>,
    pub(super) raw_key_prefix: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Commands {
    pub(super) owner_allow_from: Option<Vec<serde_json::Value>>,
    pub(super) allow_from: Option<BTreeMap<String, Vec<serde_json::Value>>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Reset {
    pub(super) mode: Option<String>,
    pub(super) at_hour: Option<u8>,
    pub(super) idle_minutes: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Messages {
    pub(super) queue: Queue,
    pub(super) inbound: Inbound,
    pub(super) group_chat: GroupChat,
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
