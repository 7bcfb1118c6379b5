use proptest::prelude::*;

use super::*;

/// Whether a binding stands in a tier.
type StandsIn<'a> = &'a dyn Fn(&Binding) -> bool;

/// What section 2 of the contract says, read aloud: every binding against every tier, no index.
fn oracle(version: Version, bindings: &[Binding], origin: &Origin) -> String {
    let route = &origin.route;
    let chat = route.peer.id.as_str();
    let (here, parent) = match &route.thread {
        None => (chat.to_owned(), None),
        Some(Thread::Topic(topic)) => (format!("{chat}:topic:{topic}"), Some(chat)),
        Some(Thread::Thread(thread)) => (thread.to_string(), Some(chat)),
    };
    let of_kind = |kind| match (kind, route.peer.kind) {
        (PeerKind::Direct, PeerKind::Direct) => true,
        (PeerKind::Direct, _) | (_, PeerKind::Direct) => false,
        (PeerKind::Group | PeerKind::Channel, PeerKind::Group | PeerKind::Channel) => true,
    };
    let peer_is = |it: &Binding, id: &str| match &it.peer {
        Some(PeerMatch::Exact(peer)) => of_kind(peer.kind) && peer.id.as_str() == id,
        Some(PeerMatch::AnyOfKind(kind)) => {
            version == Version::V2026_3 && of_kind(*kind) && id == "*"
        }
        None => false,
    };
    let rest_matches = |it: &&Binding| {
        let account = match &it.account {
            AccountMatch::Any => true,
            AccountMatch::Default => route.account.as_str() == "default",
            AccountMatch::Exact(account) => *account == route.account,
        };
        it.channel == route.channel
            && account
            && (it.guild.is_none() || it.guild == origin.guild)
            && (it.team.is_none() || it.team == origin.team)
            && (it.roles.is_empty() || it.roles.iter().any(|role| origin.roles.contains(role)))
    };
    let tiers: [(&str, StandsIn<'_>); 8] = [
        ("peer", &|it| peer_is(it, &here)),
        ("parent-peer", &|it| parent.is_some_and(|chat| peer_is(it, chat))),
        ("peer-wildcard", &|it| {
            version == Version::V2026_9
                && matches!(&it.peer, Some(PeerMatch::AnyOfKind(kind)) if of_kind(*kind))
        }),
        ("guild-roles", &|it| it.peer.is_none() && it.guild.is_some() && !it.roles.is_empty()),
        ("guild", &|it| it.peer.is_none() && it.guild.is_some() && it.roles.is_empty()),
        ("team", &|it| it.peer.is_none() && it.guild.is_none() && it.team.is_some()),
        ("account", &|it| {
            it.peer.is_none()
                && it.guild.is_none()
                && it.team.is_none()
                && it.account != AccountMatch::Any
        }),
        ("channel", &|it| {
            it.peer.is_none()
                && it.guild.is_none()
                && it.team.is_none()
                && it.account == AccountMatch::Any
        }),
    ];
    for (name, stands_in) in tiers {
        if let Some(found) = bindings.iter().filter(rest_matches).find(|it| stands_in(it)) {
            return format!("{} ({name})", found.agent);
        }
    }
    "main (default)".to_owned()
}

fn ids(names: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(names)
}

prop_compose! {
    fn any_binding()(
        agent in ids(&["main", "a", "b", "c"]), channel in ids(&["telegram", "discord"]),
        account in prop::option::of(ids(&["default", "x", "*"])),
        peer in prop::option::of((ids(&["direct", "group", "channel"]), ids(&["1", "2", "*", "1:topic:2"]))),
        guild in prop::option::of(ids(&["1", "2"])), team in prop::option::of(ids(&["1", "2"])),
        roles in prop::collection::vec(ids(&["1", "2", "3"]), 0..3),
    ) -> Binding {
        let mut line = format!("{agent} {channel}");
        let fields = [("account", account), ("guild", guild), ("team", team)];
        let given = fields.iter().filter_map(|(field, value)| value.map(|it| (*field, it)));
        let roles = roles.iter().map(|it| ("role", *it));
        for (field, value) in given.chain(roles).chain(peer) {
            write!(line, " {field}={value}").unwrap();
        }
        binding(&line)
    }
}

prop_compose! {
    fn any_origin()(
        channel in ids(&["telegram", "discord"]), account in ids(&["default", "x", "y"]),
        peer in (ids(&["direct", "group", "channel"]), ids(&["1", "2", "*", "1:topic:2"])),
        thread in prop::option::of((ids(&["topic", "thread"]), ids(&["1", "2"]))),
        guild in prop::option::of(ids(&["1", "2"])), team in prop::option::of(ids(&["1", "2"])),
        roles in prop::collection::vec(ids(&["1", "2", "3"]), 0..3),
    ) -> Origin {
        let mut line = format!("{channel} account={account}");
        let fields = [("guild", guild), ("team", team)];
        let given = fields.iter().filter_map(|(field, value)| value.map(|it| (*field, it)));
        let roles = roles.iter().map(|it| ("role", *it));
        for (field, value) in given.chain(roles).chain([peer]).chain(thread) {
            write!(line, " {field}={value}").unwrap();
        }
        origin(&line)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_answers_as_the_contract_read_aloud(
        bindings in prop::collection::vec(any_binding(), 0..16),
        origins in prop::collection::vec(any_origin(), 1..8),
    ) {
        for version in Version::ALL {
            let roster = agents("main* a b c");
            let made =
                RoutingTable::new(&version.profile(), &roster, bindings.clone(), &BTreeMap::new());
            let (table, _) = made.unwrap();
            for origin in &origins {
                prop_assert_eq!(show(&table.route(origin)), oracle(version, &bindings, origin));
            }
        }
    }
}
