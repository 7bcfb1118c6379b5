//! What the core is configured with: checked already, so that no step can fail on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    admission,
    broadcast::Broadcasts,
    cron::Cron,
    egress::{chunk::Utf16Units, stream::Streaming},
    failover::{
        self,
        credentials::{Credentials, Ledger},
    },
    ids::{AgentId, Channel, ModelId, ProviderId},
    ingress::BurstConfig,
    lane::QueueConfig,
    life::LifeRules,
    mention::Mentions,
    overheard,
    owners::{Commanders, Owners},
    profile::Profile,
    routing::RoutingTable,
    run::Widths,
    send_policy::SendPolicy,
    session_key::KeyRules,
    time::Millis,
    tools::{policy::Policy, settings::ToolSettings},
};

/// One agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The model that it asks.
    pub model: ModelId,
    /// Those that it asks when that one cannot answer, in their order.
    pub fallbacks: Vec<ModelId>,
    /// Its credentials, and no other agent's.
    pub credentials: Credentials,
    /// How they were doing when the gateway ended.
    pub health: Ledger,
    /// Its system prompt.
    pub system: Arc<str>,
    /// By which words a message in a group speaks to it.
    pub mentions: Mentions,
    /// Which tools it may use.
    pub tools: Policy,
    /// Which other agents its sub-agents may be: ids, or `*`.
    pub spawns: Vec<String>,
}

/// The whole configuration of the core.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The contract's version.
    pub profile: Profile,
    /// Every agent.
    pub agents: BTreeMap<AgentId, Agent>,
    /// The one that an operator speaks to who names none.
    pub default_agent: AgentId,
    /// Every model that a user may choose.
    pub models: BTreeSet<ModelId>,
    /// Who may speak.
    pub admission: admission::Rules,
    /// How much of what was said to others a turn is told.
    pub history: overheard::Limits,
    /// With whose authority words are said.
    pub owners: Owners,
    /// Who may give commands.
    pub commanders: Commanders,
    /// Which conversations are answered.
    pub send_policy: SendPolicy,
    /// `messages.inbound`.
    pub bursts: BurstConfig,
    /// Which agent answers.
    pub routing: RoutingTable,
    /// Which agents answer together.
    pub broadcasts: Broadcasts,
    /// Which conversation it is.
    pub keys: KeyRules,
    /// When a conversation begins anew.
    pub life: LifeRules,
    /// `session.resetTriggers`, lower-cased: phrases that do what `/new` does.
    pub reset_triggers: Vec<String>,
    /// `messages.queue`.
    pub queue: QueueConfig,
    /// How many runs may talk to a model at once: 1 or more.
    pub max_concurrent: u32,
    /// How long a run may take.
    pub run_timeout: Millis,
    /// What failures lead to.
    pub failover: failover::ledger::Policy,
    /// For how long credentials of these providers are disabled first, where that is another time.
    pub disabled_first: BTreeMap<ProviderId, Millis>,
    /// `tools`, and `agents.defaults.subagents`.
    pub tools: ToolSettings,
    /// Whether those who may decide on a call are asked in the chat that it is for.
    pub approve_in_chat: bool,
    /// What runs by the clock.
    pub cron: Cron,
    /// Whether answers leave while the model still writes them.
    pub streaming: Streaming,
    /// The longest text that a channel takes, in UTF-16 code units, where it is not the default.
    pub text_limits: BTreeMap<Channel, Utf16Units>,
}

impl Settings {
    /// How many runs each lane has at once.
    pub(super) fn widths(&self) -> Widths {
        let (subagent, cron) = (self.tools.subagents.max_concurrent, self.cron.max_concurrent);
        Widths { main: self.max_concurrent, subagent, cron }
    }

    /// How each agent's credentials were doing when the gateway ended.
    pub(super) fn ledgers(&self) -> BTreeMap<AgentId, Ledger> {
        self.agents.iter().map(|(id, it)| (id.clone(), it.health.clone())).collect()
    }

    /// The longest text that a channel takes.
    pub fn text_limit(&self, channel: &Channel) -> Utf16Units {
        self.text_limits.get(channel).copied().unwrap_or(Utf16Units::DEFAULT)
    }
}
