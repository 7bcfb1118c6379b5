//! Short ways to write origins and messages in unit tests.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    admission::{AccountRules, DmPolicy, Rules, Senders},
    broadcast::Broadcasts,
    cron::Cron,
    egress::stream::Streaming,
    failover::credentials::{Credential, Credentials, Kind},
    gateway::{Agent, Settings},
    ids::{
        AccountId, AgentId, Channel, MessageId, ModelId, PeerId, ProfileId, ProviderId, SenderId,
    },
    ingress::BurstConfig,
    lane::{Cap, DropPolicy, Mode, QueueConfig, QueueOverride},
    life::{LifeRules, ResetPolicy, Zone},
    mention::Mentions,
    message::{Inbound, Message},
    origin::{Origin, Peer, PeerKind, Route},
    overheard,
    owners::{Authority, Commanders, Owners},
    profile::Version,
    routing::{Agents, Listed, RoutingTable},
    send_policy::SendPolicy,
    session_key::{DmScope, KeyRules},
    time::Millis,
    tools::{policy::Policy, settings::ToolSettings},
};

pub(crate) fn dm(sender: &str) -> Origin {
    let peer = Peer { kind: PeerKind::Direct, id: PeerId::new(sender).unwrap() };
    let channel = Channel::new("telegram").unwrap();
    let route = Route { channel, account: AccountId::new("default").unwrap(), peer, thread: None };
    let sender = SenderId::new(sender).unwrap();
    Origin { route, sender, guild: None, team: None, roles: Vec::new() }
}

pub(crate) fn inbound(origin: Origin, id: &str, text: &str) -> Inbound {
    let sender_name = "Someone".to_owned();
    let message = MessageId::new(id).unwrap();
    let (text, media, merged) = (text.to_owned(), Vec::new(), Vec::new());
    Inbound { origin, message, text, sender_name, mentioned: false, media, merged }
}

pub(crate) fn message(origin: Origin, text: &str) -> Message {
    Message::of(inbound(origin, text, text), Authority::Guest)
}

/// Open settings with one agent, `main`, and this queue: debounce 100 ms, cap 3.
pub(crate) fn settings(version: Version, mode: Mode, drop: DropPolicy) -> Settings {
    let profile = version.profile();
    let main = AgentId::new("main").unwrap();
    let model = ModelId::new("openai/m").unwrap();
    let agents = Agents(vec![Listed { id: main.clone(), default: true }]);
    let (routing, _) = RoutingTable::new(&profile, &agents, Vec::new(), &BTreeMap::new()).unwrap();
    let (keys, _) = KeyRules::new(version, DmScope::PerChannelPeer, "main", &BTreeMap::new());
    let account = (Channel::new("telegram").unwrap(), AccountId::new("default").unwrap());
    let open = AccountRules {
        dm_policy: DmPolicy::Open,
        allow_from: Senders::of(["*"]),
        ..AccountRules::default()
    };
    let (admission, _) = Rules::new([(account, open)].into()).unwrap();
    let queue = QueueOverride {
        mode: Some(mode),
        debounce: Some(Millis::new(100)),
        cap: Cap::new(3),
        drop: Some(drop),
    };
    Settings {
        profile,
        agents: [(main, agent(model))].into(),
        models: BTreeSet::new(),
        admission,
        default_agent: AgentId::new("main").expect("it has letters"),
        history: overheard::Limits::default(),
        owners: Owners::default(),
        commanders: Commanders::default(),
        send_policy: SendPolicy::default(),
        bursts: BurstConfig::default(),
        routing,
        broadcasts: Broadcasts::default(),
        keys,
        life: never_over(version),
        reset_triggers: Vec::new(),
        queue: QueueConfig { all: queue, ..QueueConfig::default() },
        max_concurrent: 2,
        run_timeout: Millis::from_s(600),
        failover: version.profile().failover,
        disabled_first: BTreeMap::new(),
        tools: ToolSettings::default(),
        approve_in_chat: false,
        cron: Cron::default(),
        streaming: Streaming::default(),
        text_limits: BTreeMap::new(),
    }
}

/// Sessions that live for ever, at UTC.
pub(crate) fn never_over(version: Version) -> LifeRules {
    LifeRules {
        zone: Zone::UTC,
        daily_from: version.profile().daily_from,
        all: ResetPolicy::default(),
        by_type: BTreeMap::new(),
        by_channel: BTreeMap::new(),
    }
}

/// API keys of the providers that stand before the colons.
pub(crate) fn credentials(ids: &[&str]) -> Credentials {
    let one = |it: &&str| {
        let (provider, _) = it.split_once(':').unwrap();
        let provider = ProviderId::new(provider).unwrap();
        (ProfileId::new(it).unwrap(), Credential { provider, kind: Kind::ApiKey, ends: None })
    };
    Credentials { stored: ids.iter().map(one).collect(), ..Credentials::default() }
}

fn agent(model: ModelId) -> Agent {
    Agent {
        model,
        fallbacks: Vec::new(),
        credentials: credentials(&["openai:default"]),
        health: BTreeMap::new(),
        system: "You help.".into(),
        mentions: Mentions::default(),
        tools: Policy::default(),
        spawns: Vec::new(),
    }
}
