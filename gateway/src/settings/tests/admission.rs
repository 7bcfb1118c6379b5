//! Who may speak, as the file says it.

use creel_core::{
    admission::{Admission, Pairings},
    ids::{PeerId, SenderId, ThreadId},
    origin::{Origin, Peer, PeerKind, Route, Thread},
    time::Timestamp,
};

use super::*;

#[test]
fn who_may_write_must_be_clear() {
    let lines = "channels: { telegram: { botToken: '1:A', dmPolicy: 'open', accounts: {
        one: {}, two: { dmPolicy: 'allowlist', botToken: '2:B' }, off: { enabled: false, dmPolicy: 'open' } } } }";
    insta::assert_snapshot!(told_with(OLD, lines), @r#"
    openclaw.json:3:52: channels.telegram.dmPolicy: telegram account `one` has dmPolicy `open` and no `*` in allowFrom (expected allowFrom: ["*"] for everybody, or dmPolicy `allowlist` for 0 listed)
    openclaw.json:4:35: channels.telegram.accounts.two.dmPolicy: telegram account `two` has dmPolicy `allowlist` and nobody in allowFrom (expected at least one sender id, or dmPolicy `disabled`)
    "#);
}

#[test]
fn what_a_person_should_know_about_who_may_write_is_told() {
    let lines = "channels: { telegram: { botToken: '1:A', allowFrom: ['*', 5, 'tg:6', '@al', -100],
        groups: { '-1': { allowFrom: ['7'], topics: { '2': { allowFrom: ['bo'] } } } } } }";
    insta::assert_snapshot!(told_with(OLD, lines), @r#"
    configuration accepted: profile 2026.3, listens on 127.0.0.1:18789
    agents: main (p/m)
    accounts: telegram/default
    providers: p
    warning: channels.telegram.allowFrom[3]: `@al` matches no sender (expected a user's numeric id, or `*`)
    warning: channels.telegram.allowFrom[4]: `-100` is a group's id and matches no sender (expected a user's id; groups go under `groups`)
    warning: channels.telegram.groups.-1.topics.2.allowFrom[0]: `bo` matches no sender (expected a user's numeric id, or `*`)
    warning: telegram account `default` has dmPolicy `pairing` and `*` in allowFrom: strangers have to pair (expected dmPolicy `open` if everybody may write)
    warning: session.dmScope is `main` and 2 senders may write directly on telegram: they share one conversation, and each can ask what another said (expected dmScope `per-channel-peer`, or one sender)
    "#);
    let lines = "channels: { telegram: { botToken: '1:A', dmPolicy: 'open', allowFrom: ['*'] } }";
    insta::assert_snapshot!(told_with(OLD, lines), @r#"
    configuration accepted: profile 2026.3, listens on 127.0.0.1:18789
    agents: main (p/m)
    accounts: telegram/default
    providers: p
    warning: session.dmScope is `main` and everybody may write directly on telegram: they share one conversation, and each can ask what another said (expected dmScope `per-channel-peer`, or one sender)
    "#);
}

/// Who may speak under these Telegram settings: each message as `<sender> in <chat>[/<topic>]`.
fn admitted(telegram: &str, messages: &[&str]) -> String {
    let text =
        with(&format!("{MODEL} channels: {{ telegram: {{ botToken: '1:A', {telegram} }} }}"));
    let rules = load_with(OLD, &text, &[], &[]).unwrap().settings.core.admission;
    let told = messages.iter().map(|message| {
        let (sender, chat) = message.split_once(" in ").unwrap();
        let (chat, topic) = chat.split_once('/').map_or((chat, None), |(a, b)| (a, Some(b)));
        let kind = if chat.starts_with('-') { PeerKind::Group } else { PeerKind::Direct };
        let origin = Origin {
            route: Route {
                channel: Channel::new("telegram").unwrap(),
                account: AccountId::new("default").unwrap(),
                peer: Peer { kind, id: PeerId::new(chat).unwrap() },
                thread: topic.map(|it| Thread::Topic(ThreadId::new(it).unwrap())),
            },
            sender: SenderId::new(sender).unwrap(),
            guild: None,
            team: None,
            roles: Vec::new(),
        };
        let now = Timestamp::from_ms(0);
        let admission = rules.admit(now, &origin, false, &mut Pairings::new(1));
        match admission {
            Admission::Admitted => format!("{message}: yes"),
            Admission::Ignored(why) => format!("{message}: no, {why}"),
            Admission::PairingNeeded { .. } => format!("{message}: told a code"),
        }
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_defaults_pair_with_strangers_and_speak_in_no_group() {
    insta::assert_snapshot!(admitted("", &["5 in 5", "5 in -1"]), @r#"
    5 in 5: told a code
    5 in -1: no, the group is not in groups
    "#);
}

#[test]
fn ids_may_be_numbers_and_may_have_the_channel_s_name_before_them() {
    let lists = "allowFrom: [5, 'tg:6', 'Telegram:7', ' 8 ']";
    insta::assert_snapshot!(admitted(lists, &["5 in 5", "6 in 6", "7 in 7", "8 in 8", "9 in 9"]), @r#"
    5 in 5: yes
    6 in 6: yes
    7 in 7: yes
    8 in 8: yes
    9 in 9: told a code
    "#);
}

#[test]
fn groups_and_topics_have_policies_of_their_own() {
    let groups = "groupAllowFrom: [5], groups: {
        '*': { requireMention: false },
        '-1': { groupPolicy: 'open', topics: { '3': { groupPolicy: 'disabled' }, '4': { enabled: false } } },
        '-2': { enabled: false, topics: { '3': { enabled: true, groupPolicy: 'open' } } },
        '-3': { requireMention: true },
    }";
    let messages = [
        "9 in -1",
        "9 in -1/3",
        "9 in -1/4",
        "9 in -2",
        "9 in -2/3",
        "5 in -3",
        "5 in -4",
        "9 in -4",
    ];
    insta::assert_snapshot!(admitted(groups, &messages), @r#"
    9 in -1: yes
    9 in -1/3: no, group messages are disabled
    9 in -1/4: no, group messages are disabled
    9 in -2: no, group messages are disabled
    9 in -2/3: yes
    5 in -3: no, the group requires a mention
    5 in -4: yes
    9 in -4: no, the sender is not in the group's allowFrom or groupAllowFrom
    "#);
}
