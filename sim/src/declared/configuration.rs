//! The gateway's configuration in the judge's types, read by the contract's keys.

mod failover;

use std::collections::BTreeMap;

use creel_judge::{
    context::{
        Agent, Binding, Broadcast, Channel, Clock, Configuration, DmScope, GroupScope, Hops, Peer,
        PeerKind, QueueRules, Reset, ResetMode, ResetRules, Session, Wall,
    },
    profile::Profile,
};
use serde_json::{Map, Value};

use crate::{scenario::Scenario, twins::irc};

/// How long a virtual gateway may take beyond its hops, in microseconds: it computes in no time, so it waits on purpose
/// for longer than this.
const VIRTUAL_PROMPTLY_US: i64 = 60_000;

/// How long a real gateway's own handling of a message may take before facts are out of order, in microseconds.
const REAL_FEW_US: i64 = 50_000;

/// What the configuration says, with nothing added. What it does not hold, the clock and the network, has defaults.
pub fn configuration(config: &Value) -> Configuration {
    Configuration {
        agents: agents(config),
        bindings: items(config, "/bindings").filter_map(binding).collect(),
        owners: texts(config, "/commands/ownerAllowFrom"),
        restricts_commands: config.pointer("/commands/allowFrom").is_some(),
        broadcast: broadcasts(config),
        broadcast_strategy: text(config, "/broadcast/strategy"),
        channels: entries(config, "/channels")
            .map(|(name, it)| (name.clone(), channel(name, it)))
            .collect(),
        session: session(config),
        queue: queue(config),
        chains: BTreeMap::new(),
        wall: None,
        hops: Hops::default(),
    }
}

/// The same, with the clock and the network of a run.
pub(super) fn in_a_run(
    config: &Value,
    scenario: &Scenario,
    profile: &Profile,
    clock: Clock,
) -> Configuration {
    Configuration {
        chains: failover::chains(config, scenario, profile),
        wall: wall(scenario, clock),
        hops: hops(profile, clock),
        ..configuration(config)
    }
}

fn entries<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn items<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn texts(value: &Value, pointer: &str) -> Vec<String> {
    items(value, pointer).filter_map(|it| text(it, "")).collect()
}

fn whole(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer).and_then(Value::as_u64)
}

/// Milliseconds as microseconds.
fn ms(value: &Value) -> Option<i64> {
    value.as_i64().and_then(|it| it.checked_mul(1_000))
}

fn agents(config: &Value) -> Vec<Agent> {
    let listed = items(config, "/agents/list").map(|it| (text(it, "/id"), it));
    let entered = entries(config, "/agents/entries").map(|(id, it)| (Some(id.clone()), it));
    let agent = |(id, it): (Option<String>, &Value)| {
        let defaults = config.pointer("/agents/defaults").filter(|_| it.get("model").is_none());
        let it_or_defaults = defaults.unwrap_or(it);
        let primary =
            text(it_or_defaults, "/model").or_else(|| text(it_or_defaults, "/model/primary"));
        let fallbacks = items(it_or_defaults, "/model/fallbacks").filter_map(|it| text(it, ""));
        let models = primary.into_iter().chain(fallbacks);
        let name = |it: String| it.split_once('/').map_or(it.clone(), |(_, name)| name.to_owned());
        Some(Agent {
            id: id?,
            is_default: it.get("default").and_then(Value::as_bool).unwrap_or(false),
            models: models.map(name).collect(),
        })
    };
    listed.chain(entered).filter_map(agent).collect()
}

fn binding(value: &Value) -> Option<Binding> {
    let peer = value.pointer("/match/peer").and_then(peer);
    Some(Binding {
        agent: text(value, "/agentId")?,
        channel: text(value, "/match/channel")?,
        account: text(value, "/match/accountId"),
        peer,
        guild: text(value, "/match/guildId"),
        team: text(value, "/match/teamId"),
        roles: items(value, "/match/roles").filter_map(|it| text(it, "")).collect(),
        dm_scope: text(value, "/session/dmScope").as_deref().and_then(dm_scope),
        group_scope: text(value, "/session/groupScope").as_deref().and_then(group_scope),
    })
}

fn peer(value: &Value) -> Option<Peer> {
    let kind = match text(value, "/kind")?.trim() {
        "dm" | "direct" => PeerKind::Direct,
        "group" => PeerKind::Group,
        "channel" => PeerKind::Channel,
        _ => return None,
    };
    Some(Peer { kind, id: text(value, "/id")? })
}

fn broadcasts(config: &Value) -> BTreeMap<String, Broadcast> {
    let list = |it: &Value| {
        let listed = if it.is_array() { items(it, "") } else { items(it, "/agents") };
        Broadcast {
            agents: listed.filter_map(|it| text(it, "")).collect(),
            mention_gating: it.get("mentionGating").and_then(Value::as_bool),
            max_rounds: whole(it, "/maxRounds"),
            max_turns: whole(it, "/maxTurns"),
        }
    };
    entries(config, "/broadcast")
        .map(|(peer, it)| (peer.clone(), list(it)))
        .filter(|(_, list)| !list.agents.is_empty())
        .collect()
}

fn channel(name: &str, value: &Value) -> Channel {
    // On IRC every account is told its channel's list.
    let differs =
        |it: &Value| it.get("allowFrom").is_some_and(|it| value.get("allowFrom") != Some(it));
    let has_own = entries(value, "/accounts").any(|(_, it)| differs(it));
    let mut allow_from = if has_own { Vec::new() } else { texts(value, "/allowFrom") };
    if name == irc::CHANNEL {
        // People are allowed with user and host, and known by their nicks.
        for it in &mut allow_from {
            it.truncate(it.find('!').unwrap_or(it.len()));
        }
    }
    Channel {
        allow_from,
        accounts: entries(value, "/accounts").map(|(name, _)| name.clone()).collect(),
        default_account: text(value, "/defaultAccount"),
    }
}

fn dm_scope(name: &str) -> Option<DmScope> {
    Some(match name {
        "main" => DmScope::Main,
        "per-peer" => DmScope::PerPeer,
        "per-channel-peer" => DmScope::PerChannelPeer,
        "per-account-channel-peer" => DmScope::PerAccountChannelPeer,
        _ => return None,
    })
}

fn group_scope(name: &str) -> Option<GroupScope> {
    Some(match name {
        "main" => GroupScope::Main,
        "per-group" => GroupScope::PerGroup,
        _ => return None,
    })
}

fn session(config: &Value) -> Session {
    let links = entries(config, "/session/identityLinks");
    Session {
        dm_scope: text(config, "/session/dmScope").as_deref().and_then(dm_scope),
        group_scope: text(config, "/session/groupScope").as_deref().and_then(group_scope),
        main_key: text(config, "/session/mainKey"),
        identity_links: links
            .map(|(name, ids)| {
                (name.clone(), items(ids, "").filter_map(|it| text(it, "")).collect())
            })
            .collect(),
        reset: ResetRules {
            general: config.pointer("/session/reset").map(reset),
            by_type: resets(config, "/session/resetByType"),
            by_channel: resets(config, "/session/resetByChannel"),
            legacy_idle_minutes: whole(config, "/session/idleMinutes"),
        },
        reset_triggers: items(config, "/session/resetTriggers")
            .filter_map(|it| text(it, ""))
            .collect(),
        denies: denies(config),
    }
}

/// Whether some rule, or the default, of `sendPolicy` denies.
fn denies(config: &Value) -> bool {
    let rules = items(config, "/session/sendPolicy/rules").map(|it| text(it, "/action"));
    let mut actions = rules.chain([text(config, "/session/sendPolicy/default")]).flatten();
    actions.any(|it| it == "deny")
}

fn resets(config: &Value, pointer: &str) -> BTreeMap<String, Reset> {
    entries(config, pointer).map(|(name, it)| (name.clone(), reset(it))).collect()
}

fn reset(value: &Value) -> Reset {
    let mode = match text(value, "/mode").as_deref() {
        Some("daily") => Some(ResetMode::Daily),
        Some("idle") => Some(ResetMode::Idle),
        Some("none") => Some(ResetMode::None),
        _ => None,
    };
    Reset {
        mode,
        at_hour: whole(value, "/atHour").and_then(|it| u8::try_from(it).ok()),
        idle_minutes: whole(value, "/idleMinutes"),
    }
}

fn queue(config: &Value) -> QueueRules {
    let by_channel = |pointer: &str| -> BTreeMap<String, i64> {
        entries(config, pointer).filter_map(|(name, it)| Some((name.clone(), ms(it)?))).collect()
    };
    let modes = entries(config, "/messages/queue/byChannel");
    QueueRules {
        mode: text(config, "/messages/queue/mode"),
        mode_by_channel: modes
            .filter_map(|(name, it)| Some((name.clone(), text(it, "")?)))
            .collect(),
        debounce_us: config.pointer("/messages/queue/debounceMs").and_then(ms),
        debounce_us_by_channel: by_channel("/messages/queue/debounceMsByChannel"),
        cap: whole(config, "/messages/queue/cap"),
        drop: text(config, "/messages/queue/drop"),
        inbound_us: config.pointer("/messages/inbound/debounceMs").and_then(ms),
        inbound_us_by_channel: by_channel("/messages/inbound/byChannel"),
    }
}

/// The simulated gateway's clock is set; a process's is the machine's, which no trace tells. One that jumps has no zero.
fn wall(scenario: &Scenario, clock: Clock) -> Option<Wall> {
    match clock {
        Clock::Exact { .. } if !scenario.clock.jumps.is_empty() => None,
        Clock::Exact { .. } => Some(Wall {
            zero_unix_us: scenario.clock.start_unix_s.checked_mul(1_000_000)?,
            zone: scenario.clock.zone.clone(),
        }),
        Clock::Measured { .. } => None,
    }
}

fn hops(profile: &Profile, clock: Clock) -> Hops {
    let slack_us = match clock {
        Clock::Exact { hop_us } => {
            // There and back, and once more where a connection has to be made first.
            let few_us = hop_us.saturating_mul(4).saturating_add(1_000);
            return Hops { few_us, promptly_us: few_us.saturating_mul(2) + VIRTUAL_PROMPTLY_US };
        }
        Clock::Measured { slack_us, .. } => slack_us,
    };
    Hops { few_us: slack_us + REAL_FEW_US, promptly_us: slack_us + profile.liveness_us }
}
