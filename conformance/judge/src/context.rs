//! What the scenario declared, which the facts alone cannot say.

mod configuration;
mod failover;

use std::collections::BTreeMap;

pub use configuration::{
    Agent, Binding, Broadcast, Channel, Configuration, GroupScope, Hops, Peer, PeerKind,
    QueueRules, Reset, ResetMode, ResetRules, Session, Wall,
};

pub use failover::{Chain, Choices, Cooldowns, Credential, CredentialKind, LadderReset};

use crate::trace::Place;

/// Everything that a check may know beside the facts.
#[derive(Clone, Debug)]
pub struct Context {
    /// The contract profile's name: `2026.3` or `2026.9`.
    pub profile: String,
    /// The chats, by the scenario's names.
    pub chats: BTreeMap<String, Chat>,
    /// How the gateway is asked to queue.
    pub queue: Queue,
    /// The gateway's whole configuration, as far as the specifications depend on it.
    pub configuration: Configuration,
    /// Which direct chats are declared to share one session.
    pub dm_scope: DmScope,
    /// `identityLinks`: canonical name to `channel:peer` entries.
    pub identity_links: BTreeMap<String, Vec<String>>,
    /// Messages which the gateway must not admit, by name (`admitted: false`).
    pub unadmitted: Vec<String>,
    /// Messages that trigger nothing and may be told to a later turn, once, by name (`overheard: true`).
    pub overheard: Vec<String>,
    /// What no person, prompt or log may see: first the name that a report may print, then the value.
    pub secrets: Vec<(String, String)>,
    /// How far the clock can be trusted.
    pub clock: Clock,
    /// What the gateway's target declares where the contract leaves a choice.
    pub choices: Choices,
    /// I5's bound: how long a free lane may keep a message waiting beyond the debounce, in microseconds. A field of
    /// the profile.
    pub liveness_us: i64,
}

/// A chat as the scenario names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// Where it is.
    pub place: Place,
    /// Whether it is one person's.
    pub direct: bool,
    /// Who writes in it.
    pub sender: String,
    /// What it is on its platform, beside its place.
    pub room: Room,
}

/// What a chat is on its platform, beside its place. A direct chat has the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Whether the platform calls it a channel rather than a group.
    pub is_channel: bool,
    /// The guild (Discord's server) that it is in.
    pub guild: Option<String>,
    /// The team (Slack's workspace) that it is in.
    pub team: Option<String>,
    /// The roles that the sender holds there.
    pub roles: Vec<String>,
}

/// How the gateway is asked to queue, as far as checks depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Every mode that is in force at some time: the configured one and those set by `/queue`.
    pub modes: Vec<String>,
    /// Every drop policy that is in force at some time.
    pub drops: Vec<String>,
    /// The longest debounce in force at some time, queue and inbound together, in microseconds.
    pub debounce_us: i64,
    /// How many runs may be active at once.
    pub max_concurrent: u64,
}

/// `session.dmScope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmScope {
    /// All direct chats of an agent share one session.
    Main,
    /// One session a person, across channels.
    PerPeer,
    /// One session a person and channel.
    PerChannelPeer,
    /// One session a person, channel and account.
    PerAccountChannelPeer,
}

/// How far the trace's clock can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Virtual: bounds are exact, but for what the simulated network does to a message on its way.
    Exact {
        /// The longest that one hop takes.
        hop_us: i64,
    },
    /// Real: bounds are widened by `slack_us`, and when the harness itself was late by more than that
    /// (`lateness_us`), a bound that does not hold is inconclusive.
    Measured {
        /// What a bound is widened by, on both sides.
        slack_us: i64,
        /// The worst lateness of the harness's own timer during the run.
        lateness_us: i64,
    },
}
