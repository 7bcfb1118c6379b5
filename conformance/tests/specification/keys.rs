//! Session keys: two messages share a key in the core exactly when they do in the specification, whatever characters ids
//! and configured names have; and where ids are plain, the keys read alike.

use creel_core::{
    ids::{AccountId, AgentId, Channel, PeerId, SenderId, ThreadId},
    origin::{Origin, Peer, PeerKind, Route, Thread},
    session_key::{DmScope as CoreScope, Scopes},
};
use creel_judge::{
    context::{Binding, DmScope},
    spec::{
        session_key::{At, Speaker, key},
        version::Version,
    },
};
use creel_sim::declared;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::{load, try_all};

/// Ids, some of which read like parts of keys, or differ in case alone.
const IDS: [&str; 10] =
    ["1", "2", "ann", "ANN", "a:b", "main", "direct:1", "telegram:direct:1", "1:topic:9", "%"];

/// A message, as far as its key asks.
#[derive(Clone, Debug)]
struct Said {
    agent: &'static str,
    channel: &'static str,
    account: &'static str,
    kind: &'static str,
    id: &'static str,
    thread: Option<&'static str>,
    /// The scope of a binding of its own.
    scope: Option<usize>,
}

fn said() -> impl Strategy<Value = Said> {
    (
        select(&["main", "work"][..]),
        select(&["telegram", "discord"][..]),
        select(&["default", "second"][..]),
        select(&["direct", "direct", "group", "channel"][..]),
        select(&IDS[..]),
        option::of(select(&["9", "9:topic:1", "X", "x"][..])),
        option::weighted(0.2, 0..4_usize),
    )
        .prop_map(|(agent, channel, account, kind, id, thread, scope)| Said {
            agent,
            channel,
            account,
            kind,
            id,
            thread: thread.filter(|_| kind != "direct"),
            scope,
        })
}

fn session() -> impl Strategy<Value = Value> {
    let scopes = ["main", "per-peer", "per-channel-peer", "per-account-channel-peer"];
    let link = (select(&["telegram", "discord"][..]), select(&IDS[..]));
    let links = vec((select(&["ann", "Ann", "1", "main"][..]), vec(link, 1..3)), 0..3);
    let main_key =
        option::weighted(0.3, select(&["home", " HOME ", "telegram:group:1", "direct:1"][..]));
    (select(scopes.to_vec()), links, main_key).prop_map(|(scope, links, main_key)| {
        let ids = |ids: Vec<(&str, &str)>| -> Vec<String> {
            ids.into_iter().map(|(channel, id)| format!("{channel}:{id}")).collect()
        };
        let links = links.into_iter().map(|(name, it)| (name.to_owned(), json!(ids(it))));
        let mut session =
            json!({ "dmScope": scope, "identityLinks": links.collect::<Map<_, _>>() });
        if let Some(main_key) = main_key {
            session["mainKey"] = json!(main_key);
        }
        session
    })
}

fn origin(said: &Said) -> Origin {
    let kind = match said.kind {
        "direct" => PeerKind::Direct,
        "group" => PeerKind::Group,
        _ => PeerKind::Channel,
    };
    let thread = said.thread.map(|it| {
        let id = ThreadId::new(it).expect("an id");
        if said.channel == "telegram" { Thread::Topic(id) } else { Thread::Thread(id) }
    });
    Origin {
        route: Route {
            channel: Channel::new(said.channel).expect("a name"),
            account: AccountId::new(said.account).expect("a name"),
            peer: Peer { kind, id: PeerId::new(said.id).expect("an id") },
            thread,
        },
        sender: SenderId::new(said.id).expect("an id"),
        guild: None,
        team: None,
        roles: Vec::new(),
    }
}

fn check(profile: &'static str, version: Version) {
    try_all(2_000, &(session(), vec(said(), 2..7)), |(session, said)| {
        let config = json!({
            "session": session,
            "models": { "providers": { "openai": {
                "baseUrl": "http://localhost/v1", "apiKey": "k", "models": [{ "id": "m" }],
            } } },
            "agents": { "defaults": { "model": "openai/m" } },
        });
        // Links that give one id two names are refused, which is the settings' affair.
        let Ok(settings) = load(&config, &[].into(), profile, "UTC") else {
            return Err(TestCaseError::reject("refused"));
        };
        let declared = declared::configuration(&config);
        let scopes = [
            (CoreScope::Main, DmScope::Main),
            (CoreScope::PerPeer, DmScope::PerPeer),
            (CoreScope::PerChannelPeer, DmScope::PerChannelPeer),
            (CoreScope::PerAccountChannelPeer, DmScope::PerAccountChannelPeer),
        ];
        let mut known = Vec::new();
        for said in &said {
            // Only the newer version's bindings have scopes of their own.
            let scope = said.scope.filter(|_| version == Version::September).map(|it| scopes[it]);
            let agent = AgentId::new(said.agent).expect("a name");
            let own = Scopes { dm: scope.map(|it| it.0), group: None };
            let done = settings.core.keys.key_in(&agent, &origin(said), own);
            let at = match said.kind {
                "direct" => At::Direct(said.id),
                "group" => At::Group(said.id, said.thread),
                _ => At::Channel(said.id, said.thread),
            };
            let speaker = Speaker { channel: said.channel, account: said.account, at };
            let binding = Binding { dm_scope: scope.map(|it| it.1), ..Binding::default() };
            let asked = key(&declared, version, said.agent, Some(&binding), speaker);
            let is_plain = |it: &str| it.bytes().all(|it| it.is_ascii_alphanumeric());
            let has_links = !declared.session.identity_links.is_empty();
            let main_key = declared.session.main_key.as_deref().unwrap_or_default().trim();
            if is_plain(said.id)
                && said.thread.is_none_or(is_plain)
                && is_plain(main_key)
                && !has_links
            {
                prop_assert_eq!(done.as_str(), asked.to_string(), "gateway, then specification");
            }
            known.push((said, done, asked));
        }
        for (index, (one, done, asked)) in known.iter().enumerate() {
            for (other, other_done, other_asked) in &known[..index] {
                prop_assert_eq!(
                    done == other_done,
                    asked == other_asked,
                    "whether the gateway, and whether the specification joins {:?} ({}) and {:?} ({})",
                    one,
                    asked,
                    other,
                    other_asked
                );
            }
        }
        Ok(())
    });
}

#[test]
fn conversations_are_those_of_the_specification_in_2026_3() {
    check("2026.3", Version::March);
}

#[test]
fn conversations_are_those_of_the_specification_in_2026_9() {
    check("2026.9", Version::September);
}
