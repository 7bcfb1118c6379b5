//! Routing tables: random bindings and messages, asked of both.

use creel_core::{
    ids::{AccountId, Channel, GuildId, PeerId, RoleId, SenderId, TeamId, ThreadId},
    origin::{Origin, Peer, PeerKind, Route, Thread},
    routing::{Routed, Tier as CoreTier},
};
use creel_judge::{
    context,
    spec::{
        routing::{Address, Tier, route},
        version::Version,
    },
};
use creel_sim::declared;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::{load, try_all};

/// A message, as far as routing asks.
#[derive(Clone, Debug)]
struct Sent {
    channel: &'static str,
    account: &'static str,
    kind: &'static str,
    id: &'static str,
    thread: Option<&'static str>,
    guild: Option<&'static str>,
    team: Option<&'static str>,
    roles: Vec<&'static str>,
}

const CHANNELS: [&str; 2] = ["telegram", "discord"];
const IDS: [&str; 3] = ["1", "2", "Three"];

fn sent() -> impl Strategy<Value = Sent> {
    (
        select(&CHANNELS[..]),
        select(&["default", "second", "third"][..]),
        select(&["direct", "group", "channel"][..]),
        select(&IDS[..]),
        option::of(select(&["1", "9"][..])),
        option::of(select(&["g1", "g2"][..])),
        option::of(select(&["t1", "t2"][..])),
        vec(select(&["r1", "r2", "r3"][..]), 0..3),
    )
        .prop_map(|(channel, account, kind, id, thread, guild, team, roles)| Sent {
            channel,
            account,
            kind,
            id,
            thread: thread.filter(|_| kind != "direct"),
            guild,
            team,
            roles,
        })
}

fn binding() -> impl Strategy<Value = Value> {
    let peer = (
        select(&["direct", "dm", "group", "channel"][..]),
        select(&["1", "2", "Three", " 1 ", "*", "1:topic:9", "9"][..]),
    );
    let peer = peer.prop_map(|(kind, id)| json!({ "kind": kind, "id": id }));
    let roles = vec(select(&["r1", "r2", "r3"][..]), 1..3);
    let fields = (
        select(&["main", "work", "desk"][..]),
        select(&["telegram", "discord", " Telegram "][..]),
        option::of(select(&["*", "default", "second", " SECOND ", "third"][..])),
        option::weighted(0.4, peer),
        option::weighted(0.3, select(&["g1", "g2", " g1 "][..])),
        option::weighted(0.2, select(&["t1", "t2"][..])),
        option::weighted(0.3, roles),
    );
    fields.prop_map(|(agent, channel, account, peer, guild, team, roles)| {
        let fields = [
            ("channel", Some(json!(channel))),
            ("accountId", account.map(|it| json!(it))),
            ("peer", peer),
            ("guildId", guild.map(|it| json!(it))),
            ("teamId", team.map(|it| json!(it))),
            ("roles", roles.map(|it| json!(it))),
        ];
        let given = fields.into_iter().filter_map(|(key, it)| Some((key.to_owned(), it?)));
        json!({ "agentId": agent, "match": given.collect::<Map<_, _>>() })
    })
}

/// A configuration: roster, accounts and bindings.
fn config(profile: &'static str) -> impl Strategy<Value = Value> {
    let accounts = vec(select(&["default", "second", "third"][..]), 1..4);
    let default = option::weighted(0.3, select(&["second", "third"][..]));
    let marked = option::weighted(0.5, 0..3_usize);
    (vec(binding(), 0..7), accounts, default, marked).prop_map(
        move |(bindings, accounts, default, marked)| {
            let ids = ["desk", "main", "work"];
            let agent = |(index, id): (usize, &&'static str)| {
                (*id, json!({ "default": marked == Some(index), "model": "openai/m" }))
            };
            let agents: Vec<(&str, Value)> = ids.iter().enumerate().map(agent).collect();
            let roster = if profile == "2026.3" {
                let listed = agents.into_iter().map(|(id, mut it)| {
                    it["id"] = json!(id);
                    it
                });
                json!({ "list": listed.collect::<Vec<_>>() })
            } else {
                let entries = agents.into_iter().map(|(id, it)| (id.to_owned(), it));
                json!({ "entries": entries.collect::<Map<_, _>>() })
            };
            let accounts = accounts.iter().map(|it| {
                (
                    (*it).to_owned(),
                    json!({ "botToken": format!("1:{it}"), "dmPolicy": "open", "allowFrom": ["*"] }),
                )
            });
            let mut telegram = json!({ "accounts": accounts.collect::<Map<_, _>>() });
            if let Some(default) = default {
                telegram["defaultAccount"] = json!(default);
            }
            json!({
                "agents": roster,
                "bindings": bindings,
                "channels": { "telegram": telegram },
                "models": { "providers": { "openai": {
                    "baseUrl": "http://localhost/v1", "apiKey": "k", "models": [{ "id": "m" }],
                } } },
            })
        },
    )
}

fn origin(sent: &Sent) -> Origin {
    let kind = match sent.kind {
        "direct" => PeerKind::Direct,
        "group" => PeerKind::Group,
        _ => PeerKind::Channel,
    };
    let thread = sent.thread.map(|it| {
        let id = ThreadId::new(it).expect("an id");
        if sent.channel == "telegram" { Thread::Topic(id) } else { Thread::Thread(id) }
    });
    Origin {
        route: Route {
            channel: Channel::new(sent.channel).expect("a name"),
            account: AccountId::new(sent.account).expect("a name"),
            peer: Peer { kind, id: PeerId::new(sent.id).expect("an id") },
            thread,
        },
        sender: SenderId::new(sent.id).expect("an id"),
        guild: sent.guild.map(|it| GuildId::new(it).expect("an id")),
        team: sent.team.map(|it| TeamId::new(it).expect("an id")),
        roles: sent.roles.iter().map(|it| RoleId::new(it).expect("an id")).collect(),
    }
}

fn address(sent: &Sent) -> Address {
    let kind = match sent.kind {
        "direct" => context::PeerKind::Direct,
        "group" => context::PeerKind::Group,
        _ => context::PeerKind::Channel,
    };
    let peer = |id: &str| context::Peer { kind, id: id.to_owned() };
    let own = match (sent.thread, sent.channel) {
        (None, _) => sent.id.to_owned(),
        (Some(topic), "telegram") => format!("{}:topic:{topic}", sent.id),
        (Some(thread), _) => thread.to_owned(),
    };
    Address {
        channel: sent.channel.to_owned(),
        account: sent.account.to_owned(),
        peer: Some(peer(&own)),
        parent: sent.thread.map(|_| peer(sent.id)),
        guild: sent.guild.map(str::to_owned),
        team: sent.team.map(str::to_owned),
        roles: sent.roles.iter().map(|it| (*it).to_owned()).collect(),
    }
}

fn tier(tier: CoreTier) -> Tier {
    match tier {
        CoreTier::Peer => Tier::Peer,
        CoreTier::ParentPeer => Tier::Parent,
        CoreTier::PeerWildcard => Tier::AnyPeer,
        CoreTier::GuildRoles => Tier::GuildRoles,
        CoreTier::Guild => Tier::Guild,
        CoreTier::Team => Tier::Team,
        CoreTier::Account => Tier::Account,
        CoreTier::Channel => Tier::Channel,
        CoreTier::Default => Tier::Default,
    }
}

fn check(profile: &'static str, version: Version) {
    try_all(2_000, &(config(profile), vec(sent(), 1..6)), |(config, sent)| {
        let settings = load(&config, &[].into(), profile, "UTC").map_err(TestCaseError::fail)?;
        let declared = declared::configuration(&config);
        for sent in sent {
            let said = route(&declared, version, &address(&sent));
            let done = match settings.core.routing.route(&origin(&sent)) {
                Routed::To { agent, tier: found, .. } => (Some(agent.to_string()), tier(found)),
                Routed::SelectionRequired => (None, Tier::Default),
            };
            prop_assert_eq!(
                done,
                (said.agent, said.tier),
                "gateway, then specification, for {:?}",
                sent
            );
        }
        Ok(())
    });
}

#[test]
fn bindings_choose_whom_the_specification_chooses_in_2026_3() {
    check("2026.3", Version::March);
}

#[test]
fn bindings_choose_whom_the_specification_chooses_in_2026_9() {
    check("2026.9", Version::September);
}
