use std::fmt::Write as _;

use insta::assert_snapshot;

use super::*;
use crate::{ids::ThreadId, testing};

mod oracle;

/// Reads bindings, one a line (`<agent> <channel> [<field>=<value>…]`), and shows where each of the messages of `from`
/// goes (`<channel> [<field>=<value>…]`). The agents are `main`, `a`, `b` and `c`; the fields are those of
/// `bindings.match`; `thread` and `topic` say where in the chat a message stands.
fn check(version: Version, bindings: &str, from: &str) -> String {
    let rows = bindings.split('|').map(str::trim).filter(|it| !it.is_empty());
    let bindings = rows.map(binding).collect::<Vec<_>>();
    let agents = agents("main a b c");
    let (table, warnings) =
        match RoutingTable::new(&version.profile(), &agents, bindings, &BTreeMap::new()) {
            Ok(made) => made,
            Err(error) => return error.to_string(),
        };
    let mut log = String::new();
    for warning in warnings {
        writeln!(log, "warning: {warning}").unwrap();
    }
    for line in from.split('|').map(str::trim) {
        writeln!(log, "{line:<42} -> {}", show(&table.route(&origin(line)))).unwrap();
    }
    log
}

fn show(routed: &Routed) -> String {
    match routed {
        Routed::To { agent, tier, scopes: _ } => format!("{agent} ({tier})"),
        Routed::SelectionRequired => "selection required".to_owned(),
    }
}

/// `<id>[*] …`, where `*` marks a default.
fn agents(text: &str) -> Agents {
    let listed = |it: &str| Listed {
        id: AgentId::new(it.trim_end_matches('*')).unwrap(),
        default: it.ends_with('*'),
    };
    Agents(text.split_whitespace().map(listed).collect())
}

fn kind(text: &str) -> PeerKind {
    match text {
        "direct" => PeerKind::Direct,
        "group" => PeerKind::Group,
        "channel" => PeerKind::Channel,
        other => panic!("no kind {other}"),
    }
}

fn binding(line: &str) -> Binding {
    let mut words = line.split_whitespace();
    let mut made = Binding {
        agent: AgentId::new(words.next().unwrap()).unwrap(),
        channel: Channel::new(words.next().unwrap()).unwrap(),
        account: AccountMatch::Default,
        peer: None,
        guild: None,
        roles: Vec::new(),
        team: None,
        scopes: Scopes::default(),
    };
    for (field, value) in words.map(|it| it.split_once('=').unwrap()) {
        match field {
            "account" if value == "*" => made.account = AccountMatch::Any,
            "account" => made.account = AccountMatch::Exact(AccountId::new(value).unwrap()),
            "guild" => made.guild = Some(GuildId::new(value).unwrap()),
            "team" => made.team = Some(TeamId::new(value).unwrap()),
            "role" => made.roles.push(RoleId::new(value).unwrap()),
            any if value == "*" => made.peer = Some(PeerMatch::AnyOfKind(kind(any))),
            exact => {
                let peer = Peer { kind: kind(exact), id: PeerId::new(value).unwrap() };
                made.peer = Some(PeerMatch::Exact(peer));
            }
        }
    }
    made
}

fn origin(line: &str) -> Origin {
    let mut words = line.split_whitespace();
    let mut made = testing::dm("3001");
    made.route.channel = Channel::new(words.next().unwrap()).unwrap();
    for (field, value) in words.map(|it| it.split_once('=').unwrap()) {
        match field {
            "account" => made.route.account = AccountId::new(value).unwrap(),
            "guild" => made.guild = Some(GuildId::new(value).unwrap()),
            "team" => made.team = Some(TeamId::new(value).unwrap()),
            "role" => made.roles.push(RoleId::new(value).unwrap()),
            "topic" => made.route.thread = Some(Thread::Topic(ThreadId::new(value).unwrap())),
            "thread" => made.route.thread = Some(Thread::Thread(ThreadId::new(value).unwrap())),
            chat => made.route.peer = Peer { kind: kind(chat), id: PeerId::new(value).unwrap() },
        }
    }
    made
}

#[test]
fn each_tier_beats_the_next() {
    let bindings = "main discord account=* | a discord | b discord team=T | c discord guild=G | \
                    main discord guild=G role=R | a discord channel=* | b discord channel=C | c discord channel=t1";
    let from = "discord channel=C guild=G role=R team=T thread=t1 | discord channel=C guild=G role=R team=T | \
                discord channel=C guild=G role=R team=T thread=t2 | discord channel=D guild=G role=R team=T | \
                discord direct=D guild=G role=R team=T | discord direct=D guild=G role=S team=T | \
                discord direct=D guild=H team=T | discord direct=D | discord account=x direct=D | slack direct=D";
    assert_snapshot!(check(Version::V2026_9, bindings, from), @"
    discord channel=C guild=G role=R team=T thread=t1 -> c (peer)
    discord channel=C guild=G role=R team=T    -> b (peer)
    discord channel=C guild=G role=R team=T thread=t2 -> b (parent-peer)
    discord channel=D guild=G role=R team=T    -> a (peer-wildcard)
    discord direct=D guild=G role=R team=T     -> main (guild-roles)
    discord direct=D guild=G role=S team=T     -> c (guild)
    discord direct=D guild=H team=T            -> b (team)
    discord direct=D                           -> a (account)
    discord account=x direct=D                 -> main (channel)
    slack direct=D                             -> selection required
    ");
}

#[test]
fn a_binding_for_a_peer_and_a_guild_is_not_one_for_the_guild() {
    let bindings = "a discord guild=G channel=A | main discord guild=G";
    let from = "discord guild=G channel=A | discord guild=G channel=B | discord guild=G channel=A thread=t | \
                discord guild=H channel=A | discord direct=A";
    assert_snapshot!(check(Version::V2026_3, bindings, from), @"
    discord guild=G channel=A                  -> a (peer)
    discord guild=G channel=B                  -> main (guild)
    discord guild=G channel=A thread=t         -> a (parent-peer)
    discord guild=H channel=A                  -> main (default)
    discord direct=A                           -> main (default)
    ");
}

#[test]
fn a_peer_of_any_id_is_a_tier_of_its_own_in_2026_9() {
    let bindings =
        "a telegram account=x direct=* | b telegram account=x direct=7 | c telegram account=x";
    let from = "telegram account=x direct=7 | telegram account=x direct=8 | telegram account=x group=8 | \
                telegram direct=8";
    assert_snapshot!(check(Version::V2026_9, bindings, from), @"
    telegram account=x direct=7                -> b (peer)
    telegram account=x direct=8                -> a (peer-wildcard)
    telegram account=x group=8                 -> c (account)
    telegram direct=8                          -> selection required
    ");
}

#[test]
fn a_peer_of_any_id_matches_nothing_in_2026_3() {
    let bindings = "a telegram direct=* | b telegram group=*";
    assert_snapshot!(check(Version::V2026_3, bindings, "telegram direct=8 | telegram group=8"), @"
    warning: binding 1 has peer id `*`, which 2026.3 reads as a chat's name: it matches no chat (expected a chat's id, or no peer at all)
    warning: binding 2 has peer id `*`, which 2026.3 reads as a chat's name: it matches no chat (expected a chat's id, or no peer at all)
    telegram direct=8                          -> main (default)
    telegram group=8                           -> main (default)
    ");
}

#[test]
fn groups_and_channels_match_each_other_and_neither_matches_a_person() {
    let bindings = "a slack group=C1 | b slack channel=C2 | c slack direct=C3";
    let from =
        "slack channel=C1 | slack group=C2 | slack group=C3 | slack direct=C1 | slack direct=C3";
    assert_snapshot!(check(Version::V2026_3, bindings, from), @"
    slack channel=C1                           -> a (peer)
    slack group=C2                             -> b (peer)
    slack group=C3                             -> main (default)
    slack direct=C1                            -> main (default)
    slack direct=C3                            -> c (peer)
    ");
}

#[test]
fn the_first_of_two_in_a_tier_wins_however_narrow_the_second() {
    let bindings = "a telegram account=* group=-1 | b telegram account=x group=-1";
    let from = "telegram account=x group=-1 | telegram account=y group=-1";
    assert_snapshot!(check(Version::V2026_3, bindings, from), @"
    telegram account=x group=-1                -> a (peer)
    telegram account=y group=-1                -> a (peer)
    ");
}

#[test]
fn a_binding_without_an_account_is_for_the_default_account_also_with_a_peer() {
    let bindings = "a telegram direct=7 | b telegram account=* direct=8 | c telegram account=*";
    let from = "telegram direct=7 | telegram account=x direct=7 | telegram account=x direct=8";
    assert_snapshot!(check(Version::V2026_3, bindings, from), @"
    telegram direct=7                          -> a (peer)
    telegram account=x direct=7                -> c (channel)
    telegram account=x direct=8                -> b (peer)
    ");
}

#[test]
fn a_topic_is_a_peer_and_its_chat_the_parent() {
    let bindings = "a telegram group=-100 | b telegram group=-100:topic:42 | c telegram group=42";
    let from = "telegram group=-100 | telegram group=-100 topic=42 | telegram group=-100 topic=43 | \
                telegram group=-100 thread=42";
    assert_snapshot!(check(Version::V2026_3, bindings, from), @"
    telegram group=-100                        -> a (peer)
    telegram group=-100 topic=42               -> b (peer)
    telegram group=-100 topic=43               -> a (parent-peer)
    telegram group=-100 thread=42              -> c (peer)
    ");
}

#[test]
fn roles_outside_a_guild_narrow_a_binding_and_do_not_lift_it() {
    let bindings = "a discord role=R | b discord guild=G";
    let from = "discord channel=C role=R | discord channel=C role=R guild=G | discord channel=C";
    assert_snapshot!(check(Version::V2026_3, bindings, from), @"
    discord channel=C role=R                   -> a (account)
    discord channel=C role=R guild=G           -> b (guild)
    discord channel=C                          -> main (default)
    ");
}

#[test]
fn channels_and_accounts_compare_without_case_and_space() {
    let bindings = "a Telegram account=Work direct=7";
    assert_snapshot!(check(Version::V2026_3, bindings, "TELEGRAM account=WORK direct=7"), @"TELEGRAM account=WORK direct=7             -> a (peer)");
}

#[test]
fn an_unknown_agent_is_replaced_in_2026_3_and_refused_in_2026_9() {
    let bindings = "a telegram | nobody telegram direct=7";
    assert_snapshot!(check(Version::V2026_3, bindings, "telegram direct=7"), @"
    warning: binding 2 names agent `nobody`, which is not configured: its messages go to `main` (known agents: `main`, `a`, `b`, `c`)
    telegram direct=7                          -> main (peer)
    ");
    assert_snapshot!(check(Version::V2026_9, bindings, "telegram direct=7"), @"binding 2 names agent `nobody`, which is not configured (known agents: `main`, `a`, `b`, `c`)");
}

#[test]
fn who_answers_without_a_binding_differs_by_version() {
    let mut log = String::new();
    for roster in ["", "a", "a b", "a b*", "a b* c*"] {
        for version in Version::ALL {
            let made = RoutingTable::new(
                &version.profile(),
                &agents(roster),
                Vec::new(),
                &BTreeMap::new(),
            );
            let (table, warnings) = made.unwrap();
            let answer = show(&table.route(&testing::dm("1")));
            writeln!(log, "{roster:<8} {}: {answer}", version.name()).unwrap();
            for warning in warnings {
                writeln!(log, "  warning: {warning}").unwrap();
            }
        }
    }
    assert_snapshot!(log, @"
             2026.3: main (default)
             2026.9: main (default)
    a        2026.3: a (default)
    a        2026.9: a (default)
    a b      2026.3: a (default)
    a b      2026.9: selection required
    a b*     2026.3: b (default)
    a b*     2026.9: b (default)
    a b* c*  2026.3: b (default)
      warning: 2 agents are marked default: `b`, the first of them, is (expected at most one)
    a b* c*  2026.9: b (default)
      warning: 2 agents are marked default: `b`, the first of them, is (expected at most one)
    ");
}

#[test]
fn the_default_account_is_declared_else_default_else_the_first_by_name() {
    let account = |it| AccountId::new(it).unwrap();
    let both = [account("work"), account("default")];
    let neither = [account("work"), account("home")];
    assert_eq!(default_account(Some(&both[0]), &both), account("work"));
    assert_eq!(default_account(None, &both), account("default"));
    assert_eq!(default_account(None, &neither), account("home"));
    assert_eq!(default_account(None, &[]), account("default"));

    let made = RoutingTable::new(
        &Version::V2026_3.profile(),
        &agents("main a"),
        vec![binding("a telegram")],
        &BTreeMap::from([(Channel::new("telegram").unwrap(), account("home"))]),
    );
    let (table, _) = made.unwrap();
    assert_eq!(show(&table.route(&origin("telegram account=home"))), "a (account)");
    assert_eq!(show(&table.route(&origin("telegram account=default"))), "main (default)");
}
