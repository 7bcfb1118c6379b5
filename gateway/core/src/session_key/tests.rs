use std::fmt::Write as _;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::{
    ids::{AccountId, ThreadId},
    origin::Peer,
    testing,
};

/// An origin: `<channel>/<account>/<kind>/<chat>[/topic/<id>|/thread/<id>]`.
fn origin(text: &str) -> Origin {
    let words = text.split('/').collect::<Vec<_>>();
    let [channel, account, kind, chat, ref thread @ ..] = words[..] else { panic!("{text}") };
    let kind = match kind {
        "direct" => PeerKind::Direct,
        "group" => PeerKind::Group,
        other => {
            assert_eq!(other, "channel");
            PeerKind::Channel
        }
    };
    let mut made = testing::dm("3001");
    made.route.channel = Channel::new(channel).unwrap();
    made.route.account = AccountId::new(account).unwrap();
    made.route.peer = Peer { kind, id: PeerId::new(chat).unwrap() };
    made.route.thread = match *thread {
        [] => None,
        ["topic", id] => Some(Thread::Topic(ThreadId::new(id).unwrap())),
        ["thread", id] => Some(Thread::Thread(ThreadId::new(id).unwrap())),
        ref other => panic!("{other:?}"),
    };
    made
}

/// `<channel>:<peer>=<name>`, separated by spaces.
fn links(text: &str) -> BTreeMap<(Channel, PeerId), PeerId> {
    let link = |it: &str| {
        let (from, name) = it.split_once('=').unwrap();
        let (channel, peer) = from.split_once(':').unwrap();
        ((Channel::new(channel).unwrap(), PeerId::new(peer).unwrap()), PeerId::new(name).unwrap())
    };
    text.split_whitespace().map(link).collect()
}

fn rules(scope: DmScope, linked: &str) -> KeyRules {
    KeyRules::new(Version::V2026_3, scope, MAIN_KEY, &links(linked)).0
}

/// The key of each origin under each scope; one line where all scopes agree.
fn check(linked: &str, origins: &[&str]) -> String {
    let agent = AgentId::new("main").unwrap();
    let mut log = String::new();
    for text in origins {
        writeln!(log, "{text}").unwrap();
        let key = |scope| rules(scope, linked).key(&agent, &origin(text));
        let keys = DmScope::ALL.map(|scope| (scope.name(), key(scope)));
        if keys.iter().all(|(_, key)| *key == keys[0].1) {
            writeln!(log, "    {}", keys[0].1).unwrap();
            continue;
        }
        for (scope, key) in keys {
            writeln!(log, "    {scope:<25} {key}").unwrap();
        }
    }
    log
}

#[test]
fn direct_messages_are_joined_as_the_scope_says() {
    let origins = ["telegram/default/direct/3001", "discord/work/direct/9"];
    assert_snapshot!(check("", &origins), @"
    telegram/default/direct/3001
        main                      agent:main:main
        per-peer                  agent:main:direct:3001
        per-channel-peer          agent:main:telegram:direct:3001
        per-account-channel-peer  agent:main:telegram:default:direct:3001
    discord/work/direct/9
        main                      agent:main:main
        per-peer                  agent:main:direct:9
        per-channel-peer          agent:main:discord:direct:9
        per-account-channel-peer  agent:main:discord:work:direct:9
    ");
}

#[test]
fn groups_rooms_topics_and_threads_have_keys_of_their_own() {
    let origins = [
        "telegram/default/group/-100777",
        "telegram/work/group/-100777/topic/42",
        "slack/default/channel/C024BE91L",
        "slack/default/channel/C024BE91L/thread/1700000000.000100",
        "discord/default/channel/123456/thread/987654",
    ];
    assert_snapshot!(check("", &origins), @"
    telegram/default/group/-100777
        agent:main:telegram:group:-100777
    telegram/work/group/-100777/topic/42
        agent:main:telegram:group:-100777:topic:42
    slack/default/channel/C024BE91L
        agent:main:slack:channel:c024be91l
    slack/default/channel/C024BE91L/thread/1700000000.000100
        agent:main:slack:channel:c024be91l:thread:1700000000.000100
    discord/default/channel/123456/thread/987654
        agent:main:discord:channel:123456:thread:987654
    ");
}

#[test]
fn threads_of_a_direct_chat_hang_below_its_key() {
    assert_snapshot!(check("", &["telegram/default/direct/3001/topic/7"]), @"
    telegram/default/direct/3001/topic/7
        main                      agent:main:main:topic:7
        per-peer                  agent:main:direct:3001:topic:7
        per-channel-peer          agent:main:telegram:direct:3001:topic:7
        per-account-channel-peer  agent:main:telegram:default:direct:3001:topic:7
    ");
}

#[test]
fn linked_identities_share_what_only_the_channel_or_account_would_part() {
    let linked = "telegram:123=alice discord:9=alice";
    let origins = ["telegram/default/direct/123", "discord/default/direct/9"];
    assert_snapshot!(check(linked, &origins), @"
    telegram/default/direct/123
        main                      agent:main:main
        per-peer                  agent:main:direct:alice
        per-channel-peer          agent:main:telegram:direct:alice
        per-account-channel-peer  agent:main:telegram:default:direct:alice
    discord/default/direct/9
        main                      agent:main:main
        per-peer                  agent:main:direct:alice
        per-channel-peer          agent:main:discord:direct:alice
        per-account-channel-peer  agent:main:discord:default:direct:alice
    ");
}

#[test]
fn a_stranger_named_like_a_canonical_name_stays_a_stranger() {
    let linked = "telegram:123=Alice irc:alice=alice";
    let origins = ["irc/default/direct/alice", "telegram/default/direct/ALICE"];
    assert_snapshot!(check(linked, &origins), @"
    irc/default/direct/alice
        main                      agent:main:main
        per-peer                  agent:main:direct:alice
        per-channel-peer          agent:main:irc:direct:alice
        per-account-channel-peer  agent:main:irc:default:direct:alice
    telegram/default/direct/ALICE
        main                      agent:main:main
        per-peer                  agent:main:direct:%40alice
        per-channel-peer          agent:main:telegram:direct:%40alice
        per-account-channel-peer  agent:main:telegram:default:direct:%40alice
    ");
}

#[test]
fn no_id_forges_another_key() {
    let origins = [
        "telegram/default/group/3001:topic:42",
        "telegram/default/group/3001%3atopic%3a42",
        "slack/default/channel/x:thread:1",
        "telegram/default/direct/main",
        "discord/a:direct:b/direct/c",
        "matrix/default/channel/!Room:example.org",
    ];
    assert_snapshot!(check("", &origins), @"
    telegram/default/group/3001:topic:42
        agent:main:telegram:group:3001%3atopic%3a42
    telegram/default/group/3001%3atopic%3a42
        agent:main:telegram:group:3001%253atopic%253a42
    slack/default/channel/x:thread:1
        agent:main:slack:channel:x%3athread%3a1
    telegram/default/direct/main
        main                      agent:main:main
        per-peer                  agent:main:direct:main
        per-channel-peer          agent:main:telegram:direct:main
        per-account-channel-peer  agent:main:telegram:default:direct:main
    discord/a:direct:b/direct/c
        main                      agent:main:main
        per-peer                  agent:main:direct:c
        per-channel-peer          agent:main:discord:direct:c
        per-account-channel-peer  agent:main:discord:a%3adirect%3ab:direct:c
    matrix/default/channel/!Room:example.org
        agent:main:matrix:channel:!room%3aexample.org
    ");
}

#[test]
fn the_main_key_is_configured_in_2026_3_and_fixed_in_2026_9() {
    let mut log = String::new();
    for version in Version::ALL {
        for main_key in ["", "Home", "direct:3001"] {
            let (rules, warning) =
                KeyRules::new(version, DmScope::Main, main_key, &BTreeMap::new());
            let key = rules.key(&AgentId::new("main").unwrap(), &testing::dm("3001"));
            let warning = warning.map_or(String::new(), |it| format!(" ({it})"));
            writeln!(log, "{} {main_key:?}: {key}{warning}", version.name()).unwrap();
        }
    }
    assert_snapshot!(log, @r#"
    2026.3 "": agent:main:main
    2026.3 "Home": agent:main:home
    2026.3 "direct:3001": agent:main:direct%3a3001
    2026.9 "": agent:main:main
    2026.9 "Home": agent:main:main (session.mainKey is `Home`, which 2026.9 does not read: the main session is `main`)
    2026.9 "direct:3001": agent:main:main (session.mainKey is `direct:3001`, which 2026.9 does not read: the main session is `main`)
    "#);
}

#[test]
fn a_key_without_a_character_is_refused() {
    let refused = SessionKey::canonical("  ").unwrap_err();
    assert_eq!(refused.to_string(), "a session key is empty: expected at least one character");
    assert_eq!(SessionKey::canonical(" Agent:Main:Main ").unwrap().as_str(), "agent:main:main");
}

/// Words that keys are made of, and everything that could confuse them.
fn any_id() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "a", "A", "b", ":", "%", "%3a", "%25", "%40", "direct", "group", "channel", "topic",
        "thread", "main", "alice", ":topic:", "agent", "1", "Σ", "ς", "İ", "é", " ", "x",
    ]);
    prop::collection::vec(word, 1..5)
        .prop_map(|it| it.concat())
        .prop_filter("an id has characters", |it| !it.trim().is_empty())
}

prop_compose! {
    fn any_origin()(
        channel in any_id(), account in any_id(), chat in any_id(),
        kind in prop::sample::select(vec![PeerKind::Direct, PeerKind::Group, PeerKind::Channel]),
        thread in prop::option::of((any::<bool>(), any_id())),
    ) -> Origin {
        let mut made = testing::dm("3001");
        made.route.channel = Channel::new(&channel).unwrap();
        made.route.account = AccountId::new(&account).unwrap();
        made.route.peer = Peer { kind, id: PeerId::new(&chat).unwrap() };
        made.route.thread = thread.map(|(topic, id)| {
            let id = ThreadId::new(&id).unwrap();
            if topic { Thread::Topic(id) } else { Thread::Thread(id) }
        });
        made
    }
}

/// What has to be equal for a scope to join two origins: the contract, without its notation.
fn joined_by(
    scope: DmScope,
    linked: &BTreeMap<(Channel, PeerId), PeerId>,
    agent: &str,
    origin: &Origin,
) -> Vec<String> {
    let route = &origin.route;
    let lower = |it: &str| it.to_lowercase();
    let link = linked.iter().find(|((channel, peer), _)| {
        *channel == route.channel && lower(peer.as_str()) == lower(route.peer.id.as_str())
    });
    let person = match link {
        Some((_, name)) => format!("linked {}", lower(name.as_str())),
        None => format!("peer {}", lower(route.peer.id.as_str())),
    };
    let (channel, account) = (route.channel.to_string(), route.account.to_string());
    let chat = lower(route.peer.id.as_str());
    let mut parts = match (route.peer.kind, scope) {
        (PeerKind::Direct, DmScope::Main) => vec![],
        (PeerKind::Direct, DmScope::PerPeer) => vec![person],
        (PeerKind::Direct, DmScope::PerChannelPeer) => vec![channel, person],
        (PeerKind::Direct, DmScope::PerAccountChannelPeer) => vec![channel, account, person],
        (PeerKind::Group | PeerKind::Channel, _) => vec![channel, chat],
    };
    parts.push(format!("{:?} of {}", route.peer.kind, lower(agent)));
    parts.push(match &route.thread {
        None => "no thread".to_owned(),
        Some(Thread::Topic(id)) => format!("topic {}", lower(id.as_str())),
        Some(Thread::Thread(id)) => format!("thread {}", lower(id.as_str())),
    });
    parts
}

fn assert_injective(scope: DmScope, left: &(String, Origin), right: &(String, Origin)) {
    let linked = links("a:a=alice b:b=alice a:1=x main:direct=a");
    let (rules, _) = KeyRules::new(Version::V2026_3, scope, "Direct:A", &linked);
    let key = |it: &(String, Origin)| rules.key(&AgentId::new(&it.0).unwrap(), &it.1);
    let joined = |it: &(String, Origin)| joined_by(scope, &linked, it.0.trim(), &it.1);
    assert_eq!(
        key(left) == key(right),
        joined(left) == joined(right),
        "{} and {} under {}",
        key(left),
        key(right),
        scope.name()
    );
    let once = key(left);
    assert_eq!(SessionKey::canonical(once.as_str()).unwrap(), once);
}

#[test]
fn a_binding_may_have_scopes_of_its_own() {
    let (rules, _) = KeyRules::new(Version::V2026_9, DmScope::Main, "main", &BTreeMap::new());
    let main = AgentId::new("main").unwrap();
    let mut group = testing::dm("-100777");
    group.route.peer.kind = PeerKind::Group;
    let key = |rules: &KeyRules, origin, scopes| rules.key_in(&main, origin, scopes).to_string();
    let narrow = Scopes { dm: Some(DmScope::PerChannelPeer), group: None };
    let wide = Scopes { dm: None, group: Some(GroupScope::Main) };
    let dm = testing::dm("3001");
    assert_eq!(key(&rules, &dm, Scopes::default()), "agent:main:main");
    assert_eq!(key(&rules, &dm, narrow), "agent:main:telegram:direct:3001");
    assert_eq!(key(&rules, &group, narrow), "agent:main:telegram:group:-100777");
    assert_eq!(key(&rules, &group, wide), "agent:main:main");
    let rules = rules.with_groups(GroupScope::Main);
    assert_eq!(key(&rules, &group, Scopes::default()), "agent:main:main");
    let apart = Scopes { dm: None, group: Some(GroupScope::PerGroup) };
    assert_eq!(key(&rules, &group, apart), "agent:main:telegram:group:-100777");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn origins_share_a_key_exactly_when_the_scope_joins_them(
        left in (any_id(), any_origin()), right in (any_id(), any_origin()), swap in any::<u8>(),
    ) {
        // Origins that differ in everything prove little: some fields are made equal.
        let mut near = right.clone();
        for (bit, take) in [
            (1, (|to, from| to.0.clone_from(&from.0)) as fn(&mut (String, Origin), &(String, Origin))),
            (2, |to, from| to.1.route.channel.clone_from(&from.1.route.channel)),
            (4, |to, from| to.1.route.account.clone_from(&from.1.route.account)),
            (8, |to, from| to.1.route.peer.id.clone_from(&from.1.route.peer.id)),
            (16, |to, from| to.1.route.peer.kind = from.1.route.peer.kind),
            (32, |to, from| to.1.route.thread.clone_from(&from.1.route.thread)),
        ] {
            if swap & bit != 0 {
                take(&mut near, &left);
            }
        }
        for scope in DmScope::ALL {
            assert_injective(scope, &left, &near);
        }
    }

    #[test]
    fn canonicalising_twice_changes_nothing(text in "\\PC{1,12}") {
        if let Ok(once) = SessionKey::canonical(&text) {
            prop_assert_eq!(SessionKey::canonical(once.as_str()).unwrap(), once);
        }
    }
}
