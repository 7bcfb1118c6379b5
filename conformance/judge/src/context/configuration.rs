//! The gateway's configuration in the judge's own types: what the scenario wrote down, before any rule is applied.
//!
//! Nothing is normalised here and no default is filled in but where OpenClaw's keys have several spellings: trimming,
//! lower-casing and defaults are rules of the contract, so they are in `spec`.

use std::collections::BTreeMap;

use super::{Chain, DmScope};

/// What the specifications know of the gateway's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// The agents, in the roster's order.
    pub agents: Vec<Agent>,
    /// The bindings, in order.
    pub bindings: Vec<Binding>,
    /// `commands.ownerAllowFrom`.
    pub owners: Vec<String>,
    /// Whether not everybody who is heard may give commands (`commands.allowFrom`).
    pub restricts_commands: bool,
    /// `broadcast`: peer, or `channel:peer`, to who answers there together.
    pub broadcast: BTreeMap<String, Broadcast>,
    /// `broadcast.strategy`, as written.
    pub broadcast_strategy: Option<String>,
    /// `channels`, by name.
    pub channels: BTreeMap<String, Channel>,
    /// `session`.
    pub session: Session,
    /// `messages`.
    pub queue: QueueRules,
    /// With what each agent can ask for answers, where providers are the scenario's own.
    pub chains: BTreeMap<String, Chain>,
    /// The gateway's wall clock. `None`: it is not known, so no daily reset can be told.
    pub wall: Option<Wall>,
    /// How long crossing the network may take.
    pub hops: Hops,
}

impl Configuration {
    /// The agent that a request is of: its credential tells, else its model, as far as they are one agent's alone.
    pub fn agent(&self, credential: &str, model: &str) -> Option<&str> {
        if let Some(agent) = self.holder(credential) {
            return Some(agent);
        }
        let mut owners = self.agents.iter().filter(|it| it.models.iter().any(|own| own == model));
        let owner = owners.next()?;
        owners.next().is_none().then_some(owner.id.as_str())
    }

    /// The agent that alone has a credential.
    pub fn holder(&self, credential: &str) -> Option<&str> {
        let whose = credential.split_once('/').map_or(credential, |(agent, _)| agent);
        self.agents.iter().find(|it| it.id == whose).map(|it| it.id.as_str())
    }

    /// The agent that a request is of where it keeps conversations apart that share messages: where several agents answer one message.
    pub(crate) fn asker(&self, credential: &str, model: &str) -> Option<String> {
        let tells = !self.broadcast.is_empty();
        tells.then(|| self.agent(credential, model).map(str::to_owned)).flatten()
    }
}

/// A list of `broadcast`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broadcast {
    /// Who answers.
    pub agents: Vec<String>,
    /// `mentionGating`.
    pub mention_gating: Option<bool>,
    /// `maxRounds`.
    pub max_rounds: Option<u64>,
    /// `maxTurns`.
    pub max_turns: Option<u64>,
}

/// One agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// Its id.
    pub id: String,
    /// Whether it is marked as the default.
    pub is_default: bool,
    /// The models that are its own, without the provider's name, the one it starts with first.
    pub models: Vec<String>,
}

/// One of `bindings`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// Who answers.
    pub agent: String,
    /// `match.channel`.
    pub channel: String,
    /// `match.accountId`.
    pub account: Option<String>,
    /// `match.peer`.
    pub peer: Option<Peer>,
    /// `match.guildId`.
    pub guild: Option<String>,
    /// `match.teamId`.
    pub team: Option<String>,
    /// `match.roles`.
    pub roles: Vec<String>,
    /// `session.dmScope` of the binding.
    pub dm_scope: Option<DmScope>,
    /// `session.groupScope` of the binding.
    pub group_scope: Option<GroupScope>,
}

/// A chat as bindings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// What it is.
    pub kind: PeerKind,
    /// Its id, or `*`.
    pub id: String,
}

/// What a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// One person, also written `dm`.
    Direct,
    /// A group.
    Group,
    /// A room.
    Channel,
}

/// One of `channels`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// The configured accounts.
    pub accounts: Vec<String>,
    /// `allowFrom`. Empty where accounts have lists of their own.
    pub allow_from: Vec<String>,
    /// `defaultAccount`.
    pub default_account: Option<String>,
}

/// `session`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// `dmScope`.
    pub dm_scope: Option<DmScope>,
    /// `groupScope`.
    pub group_scope: Option<GroupScope>,
    /// `mainKey`.
    pub main_key: Option<String>,
    /// `identityLinks`: canonical name to `channel:peer` entries.
    pub identity_links: BTreeMap<String, Vec<String>>,
    /// When sessions end by themselves.
    pub reset: ResetRules,
    /// `resetTriggers`: what begins a text that begins a new session, beside `/new` and `/reset`.
    pub reset_triggers: Vec<String>,
    /// Whether `sendPolicy` denies some sessions their answers: one of a broadcast list may then not be asked.
    pub denies: bool,
}

/// `session.groupScope`: where the rooms of an agent talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupScope {
    /// Each in its own session.
    PerGroup,
    /// All in the agent's main session.
    Main,
}

/// When sessions end by themselves, as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResetRules {
    /// `session.reset`.
    pub general: Option<Reset>,
    /// `session.resetByType`, by `direct`, `group`, `thread`.
    pub by_type: BTreeMap<String, Reset>,
    /// `session.resetByChannel`.
    pub by_channel: BTreeMap<String, Reset>,
    /// `session.idleMinutes`, from before there was `reset`.
    pub legacy_idle_minutes: Option<u64>,
}

/// One policy, as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reset {
    /// `mode`.
    pub mode: Option<ResetMode>,
    /// `atHour`.
    pub at_hour: Option<u8>,
    /// `idleMinutes`.
    pub idle_minutes: Option<u64>,
}

/// `reset.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetMode {
    /// Each day at an hour.
    Daily,
    /// After a silence.
    Idle,
    /// Never.
    None,
}

/// `messages.queue` and `messages.inbound`. Durations are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueRules {
    /// `queue.mode`.
    pub mode: Option<String>,
    /// `queue.byChannel`.
    pub mode_by_channel: BTreeMap<String, String>,
    /// `queue.debounceMs`.
    pub debounce_us: Option<i64>,
    /// `queue.debounceMsByChannel`.
    pub debounce_us_by_channel: BTreeMap<String, i64>,
    /// `queue.cap`.
    pub cap: Option<u64>,
    /// `queue.drop`.
    pub drop: Option<String>,
    /// `inbound.debounceMs`.
    pub inbound_us: Option<i64>,
    /// `inbound.byChannel`.
    pub inbound_us_by_channel: BTreeMap<String, i64>,
}

/// The gateway's wall clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wall {
    /// The date at the scenario's zero, in microseconds since 1970.
    pub zero_unix_us: i64,
    /// The gateway's zone, for example `Europe/Berlin`.
    pub zone: String,
}

/// How far the facts of a twin and what the gateway knows may lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hops {
    /// How long a few messages back and forth may take, connecting included, in microseconds.
    pub few_us: i64,
    /// How much later than it may a gateway may act without having waited on purpose, in microseconds. On a virtual
    /// clock computing takes no time, so this is short; on a real one it is the profile's bound of liveness.
    pub promptly_us: i64,
}

impl Default for Hops {
    fn default() -> Self {
        Self { few_us: 5_000, promptly_us: 60_000 }
    }
}
