use super::*;

fn configuration(scope: DmScope) -> Configuration {
    let mut configuration = Configuration::default();
    configuration.session.dm_scope = Some(scope);
    configuration
}

fn said(channel: &'static str, account: &'static str, at: At<'static>) -> Speaker<'static> {
    Speaker { channel, account, at }
}

fn text(configuration: &Configuration, speaker: Speaker<'_>) -> String {
    key(configuration, Version::March, "Main", None, speaker).to_string()
}

#[test]
fn keys_read_as_the_contract_writes_them() {
    let ann = said("Telegram", "Default", At::Direct("Ann"));
    let rows = [
        (DmScope::Main, "agent:main:main"),
        (DmScope::PerPeer, "agent:main:direct:ann"),
        (DmScope::PerChannelPeer, "agent:main:telegram:direct:ann"),
        (DmScope::PerAccountChannelPeer, "agent:main:telegram:default:direct:ann"),
    ];
    for (scope, expected) in rows {
        assert_eq!(text(&configuration(scope), ann), expected);
    }
    let all = configuration(DmScope::Main);
    let rows = [
        (said("telegram", "", At::Group("-1", None)), "agent:main:telegram:group:-1"),
        (
            said("telegram", "", At::Group("-1", Some("42"))),
            "agent:main:telegram:group:-1:topic:42",
        ),
        (said("discord", "", At::Channel("C", None)), "agent:main:discord:channel:c"),
        (said("slack", "", At::Channel("C", Some("T"))), "agent:main:slack:channel:c:thread:t"),
    ];
    for (speaker, expected) in rows {
        assert_eq!(text(&all, speaker), expected);
    }
}

#[test]
fn the_main_key_is_configured_in_the_older_version_only() {
    let mut configuration = configuration(DmScope::Main);
    configuration.session.main_key = Some(" Home ".to_owned());
    let ann = said("telegram", "default", At::Direct("ann"));
    let read = |version| key(&configuration, version, "main", None, ann).to_string();
    assert_eq!(read(Version::March), "agent:main:home");
    assert_eq!(read(Version::September), "agent:main:main");
}

#[test]
fn linked_ids_are_one_person_and_a_stranger_of_that_name_is_another() {
    let mut linked = configuration(DmScope::PerPeer);
    let ids = vec!["telegram:123".to_owned(), "discord:9".to_owned()];
    linked.session.identity_links.insert("ann".to_owned(), ids);
    let of = |configuration: &Configuration, speaker| {
        key(configuration, Version::March, "main", None, speaker)
    };
    let telegram = said("telegram", "default", At::Direct("123"));
    let discord = said("discord", "default", At::Direct("9"));
    let stranger = said("telegram", "default", At::Direct("ann"));
    assert_eq!(of(&linked, telegram), of(&linked, discord));
    assert_ne!(of(&linked, telegram), of(&linked, stranger));
    linked.session.dm_scope = Some(DmScope::PerChannelPeer);
    assert_ne!(of(&linked, telegram), of(&linked, discord));
}

#[test]
fn no_part_passes_for_another_key() {
    let all = configuration(DmScope::PerPeer);
    let of = |speaker| key(&all, Version::March, "main", None, speaker);
    let forged = of(said("telegram", "default", At::Group("-1:topic:42", None)));
    assert_ne!(forged, of(said("telegram", "default", At::Group("-1", Some("42")))));
}

#[test]
fn a_bindings_scopes_hold_in_the_newer_version_only() {
    let all = configuration(DmScope::PerPeer);
    let binding = Binding {
        dm_scope: Some(DmScope::Main),
        group_scope: Some(GroupScope::Main),
        ..Binding::default()
    };
    let of = |version, at| {
        key(&all, version, "main", Some(&binding), said("telegram", "default", at)).to_string()
    };
    assert_eq!(of(Version::September, At::Direct("1")), "agent:main:main");
    assert_eq!(of(Version::September, At::Group("-1", None)), "agent:main:main");
    assert_eq!(of(Version::March, At::Direct("1")), "agent:main:direct:1");
}
