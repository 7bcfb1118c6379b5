//! Broadcast lists: random lists and chats, asked of both.

use creel_core::{
    broadcast::Strategy as CoreStrategy,
    ids::{AccountId, Channel, PeerId},
    origin::{Peer, PeerKind, Route},
};
use creel_judge::{
    context,
    spec::{
        broadcast::{Fan, fan},
        routing::Address,
        version::Version,
    },
};
use creel_sim::declared;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::{load, try_all};

const AGENTS: [&str; 3] = ["desk", "main", "work"];

/// Chats' ids: keys name chats, and what one with a thread's id would do nobody says.
const IDS: [&str; 3] = ["1", "+2", "Three"];

/// A list by its key. Only a key with a channel may have settings, and only `2026.3` takes agents that are not there.
fn list(profile: &'static str) -> impl Strategy<Value = (String, Value)> {
    let strangers = if profile == "2026.3" { &["nobody", "Desk"][..] } else { &["Desk"][..] };
    let stranger = option::weighted(0.3, select(strangers));
    let channel = option::weighted(0.7, select(&["telegram", "discord", "whatsapp"][..]));
    let settings = (option::of(any::<bool>()), option::of(1..=4_u8), option::of(1..=4_u8));
    let is_record = any::<bool>();
    (channel, select(&IDS[..]), vec(select(&AGENTS[..]), 1..5), stranger, settings, is_record)
        .prop_map(|(channel, id, mut agents, stranger, (gating, rounds, turns), is_record)| {
            agents.extend(stranger);
            let Some(channel) = channel else { return (id.to_owned(), json!(agents)) };
            let key = format!("{channel}:{id}");
            if !is_record {
                return (key, json!(agents));
            }
            let fields = [
                ("agents", Some(json!(agents))),
                ("mentionGating", gating.map(|it| json!(it))),
                ("maxRounds", rounds.map(|it| json!(it))),
                ("maxTurns", turns.map(|it| json!(it))),
            ];
            let given = fields.into_iter().filter_map(|(key, it)| Some((key.to_owned(), it?)));
            (key, Value::Object(given.collect()))
        })
        // In 2026.3 a colon is a letter like others, so that such a key names no chat; a record is refused there.
        .prop_filter("a record in 2026.3", move |(_, it)| profile != "2026.3" || it.is_array())
}

fn config(profile: &'static str) -> impl Strategy<Value = Value> {
    let strategy = option::of(select(&["parallel", "sequential"][..]));
    (vec(list(profile), 0..5), strategy).prop_map(move |(lists, strategy)| {
        let mut broadcast: Map<String, Value> = lists.into_iter().collect();
        if let Some(strategy) = strategy {
            broadcast.insert("strategy".to_owned(), json!(strategy));
        }
        let agents = if profile == "2026.3" {
            json!({ "list": AGENTS.map(|id| json!({ "id": id, "model": "openai/m" })) })
        } else {
            let entries = AGENTS.map(|id| (id.to_owned(), json!({ "model": "openai/m" })));
            json!({ "entries": entries.into_iter().collect::<Map<_, _>>() })
        };
        json!({
            "agents": agents,
            "broadcast": broadcast,
            "models": { "providers": { "openai": {
                "baseUrl": "http://localhost/v1", "apiKey": "k", "models": [{ "id": "m" }],
            } } },
        })
    })
}

fn check(profile: &'static str, version: Version) {
    let chats = vec(
        (
            select(&["telegram", "discord", "whatsapp"][..]),
            select(&IDS[..]),
            any::<bool>(),
            select(&["hello", "hello @desk"][..]),
        ),
        1..6,
    );
    try_all(2_000, &(config(profile), chats), |(config, chats)| {
        let settings = load(&config, &[].into(), profile, "UTC").map_err(TestCaseError::fail)?;
        let declared = declared::configuration(&config);
        for (channel, id, is_direct, text) in chats {
            let kind = if is_direct { PeerKind::Direct } else { PeerKind::Group };
            let route = Route {
                channel: Channel::new(channel).expect("a name"),
                account: AccountId::new("default").expect("a name"),
                peer: Peer { kind, id: PeerId::new(id).expect("an id") },
                thread: None,
            };
            let broadcasts = &settings.core.broadcasts;
            let done = broadcasts.of(&route).map(|group| {
                let mut agents: Vec<String> =
                    group.agents.iter().map(ToString::to_string).collect();
                let may_choose = group.by_mention && text.contains('@');
                let begin = if may_choose {
                    agents.len()
                } else {
                    agents.len().min(group.turns_max.into())
                };
                Fan {
                    beyond: agents.split_off(begin),
                    agents,
                    is_sequential: broadcasts.strategy == CoreStrategy::Sequential,
                    is_whole: !may_choose && group.rounds_max == 1,
                }
            });
            let kind = if is_direct { context::PeerKind::Direct } else { context::PeerKind::Group };
            let address = Address {
                channel: channel.to_owned(),
                account: "default".to_owned(),
                peer: Some(context::Peer { kind, id: id.to_owned() }),
                parent: None,
                guild: None,
                team: None,
                roles: Vec::new(),
            };
            let said = fan(&declared, version, &address, text);
            prop_assert_eq!(
                done,
                said,
                "gateway, then specification, for {:?} in {} {}",
                text,
                channel,
                id
            );
        }
        Ok(())
    });
}

#[test]
fn lists_name_whom_the_specification_names_in_2026_3() {
    check("2026.3", Version::March);
}

#[test]
fn lists_name_whom_the_specification_names_in_2026_9() {
    check("2026.9", Version::September);
}
