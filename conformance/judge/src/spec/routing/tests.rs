use super::*;
use crate::context::Agent;

fn configuration(bindings: Vec<Binding>) -> Configuration {
    let agent = |id: &str, is_default| Agent { id: id.to_owned(), is_default, models: Vec::new() };
    let agents = vec![agent("main", true), agent("work", false), agent("desk", false)];
    Configuration { agents, bindings, ..Configuration::default() }
}

fn binding(agent: &str, change: impl FnOnce(&mut Binding)) -> Binding {
    let (agent, channel) = (agent.to_owned(), "discord".to_owned());
    let mut binding = Binding { agent, channel, ..Binding::default() };
    change(&mut binding);
    binding
}

fn peer(kind: PeerKind, id: &str) -> Peer {
    Peer { kind, id: id.to_owned() }
}

/// A message in thread 7 of channel 1, in guild g and team t, of somebody with the roles a and b.
fn thread() -> Address {
    Address {
        channel: "discord".to_owned(),
        account: "default".to_owned(),
        peer: Some(peer(PeerKind::Channel, "7")),
        parent: Some(peer(PeerKind::Channel, "1")),
        guild: Some("g".to_owned()),
        team: Some("t".to_owned()),
        roles: vec!["a".to_owned(), "b".to_owned()],
    }
}

/// Who answers the message in the thread, in both versions.
fn check(bindings: &[Binding], expected: (&str, Tier)) {
    for version in [Version::March, Version::September] {
        check_in(version, bindings.to_vec(), expected);
    }
}

fn check_in(version: Version, bindings: Vec<Binding>, (agent, tier): (&str, Tier)) {
    let found = route(&configuration(bindings), version, &thread());
    assert_eq!((found.agent.as_deref(), found.tier), (Some(agent), tier));
}

#[test]
fn the_most_specific_tier_wins_wherever_it_stands() {
    let any = |it: &mut Binding| it.account = Some("*".to_owned());
    let account = |it: &mut Binding| it.account = Some("default".to_owned());
    let team = |it: &mut Binding| it.team = Some("t".to_owned());
    let guild = |it: &mut Binding| it.guild = Some("g".to_owned());
    let roles = |it: &mut Binding| {
        it.guild = Some("g".to_owned());
        it.roles = vec!["b".to_owned(), "c".to_owned()];
    };
    let parent = |it: &mut Binding| it.peer = Some(peer(PeerKind::Group, "1"));
    let own = |it: &mut Binding| it.peer = Some(peer(PeerKind::Channel, " 7 "));
    let mut bindings = vec![binding("desk", any)];
    check(&bindings, ("desk", Tier::Channel));
    bindings.push(binding("work", account));
    check(&bindings, ("work", Tier::Account));
    bindings.push(binding("desk", team));
    check(&bindings, ("desk", Tier::Team));
    bindings.push(binding("work", guild));
    check(&bindings, ("work", Tier::Guild));
    bindings.push(binding("desk", roles));
    check(&bindings, ("desk", Tier::GuildRoles));
    bindings.push(binding("work", parent));
    check(&bindings, ("work", Tier::Parent));
    bindings.push(binding("desk", own));
    check(&bindings, ("desk", Tier::Peer));
}

#[test]
fn inside_a_tier_the_first_binding_wins_and_every_field_must_match() {
    let guild = |agent| binding(agent, |it| it.guild = Some("g".to_owned()));
    check(&[guild("desk"), guild("work")], ("desk", Tier::Guild));
    let elsewhere = binding("desk", |it| {
        it.guild = Some("g".to_owned());
        it.team = Some("u".to_owned());
    });
    check(&[elsewhere, guild("work")], ("work", Tier::Guild));
    // a binding for a chat of a guild is none for the guild.
    let chat = binding("desk", |it| {
        it.guild = Some("g".to_owned());
        it.peer = Some(peer(PeerKind::Channel, "8"));
    });
    check(&[chat], ("main", Tier::Default));
}

#[test]
fn a_binding_without_an_account_is_for_the_default_account() {
    let plain = vec![binding("work", |_| ())];
    let declared = |accounts: &[&str], default: Option<&str>| Channel {
        accounts: accounts.iter().map(|it| (*it).to_owned()).collect(),
        default_account: default.map(str::to_owned),
        ..Channel::default()
    };
    let rows = [
        (declared(&["second", "default"], None), "default"),
        (declared(&["second", "Third"], None), "second"),
        (declared(&["second", "default"], Some(" Second ")), "second"),
        (Channel::default(), "default"),
    ];
    for (channel, account) in rows {
        let mut configuration = configuration(plain.clone());
        configuration.channels.insert("discord".to_owned(), channel);
        for asked in ["default", "second", "third"] {
            let address = Address { account: asked.to_owned(), ..thread() };
            let tier = route(&configuration, Version::March, &address).tier;
            assert_eq!(tier == Tier::Account, asked == account, "{asked} of {configuration:?}");
        }
    }
}

#[test]
fn a_star_is_any_chat_of_a_kind_in_the_newer_version_only() {
    let star = vec![binding("work", |it| it.peer = Some(peer(PeerKind::Group, "*")))];
    check_in(Version::September, star.clone(), ("work", Tier::AnyPeer));
    check_in(Version::March, star, ("main", Tier::Default));
    let direct = vec![binding("work", |it| it.peer = Some(peer(PeerKind::Direct, "*")))];
    check_in(Version::September, direct, ("main", Tier::Default));
}

#[test]
fn without_a_match_the_version_says_who_answers() {
    let mut roster = configuration(Vec::new());
    let who = |roster: &Configuration, version| route(roster, version, &thread()).agent;
    assert_eq!(who(&roster, Version::September).as_deref(), Some("main"), "marked");
    roster.agents[0].is_default = false;
    assert_eq!(who(&roster, Version::March).as_deref(), Some("main"), "the first");
    assert_eq!(who(&roster, Version::September), None, "no owner");
    roster.agents.truncate(1);
    assert_eq!(who(&roster, Version::September).as_deref(), Some("main"), "the sole one");
    roster.agents.clear();
    assert_eq!(who(&roster, Version::March).as_deref(), Some("main"), "nothing configured");
}

#[test]
fn an_unknown_agent_is_the_default_agent() {
    let found = route(&configuration(vec![binding("gone", |_| ())]), Version::March, &thread());
    assert_eq!((found.agent.as_deref(), found.is_unknown), (Some("main"), true));
}
