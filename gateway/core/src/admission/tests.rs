use std::fmt::Write as _;

use insta::assert_snapshot;

use super::*;
use crate::{
    ids::{PeerId, ThreadId},
    origin::{Peer, Thread},
    testing,
    time::Millis,
};

fn account(name: &str) -> (Channel, AccountId) {
    (Channel::new("telegram").unwrap(), AccountId::new(name).unwrap())
}

/// Reads an account's rules: `dm=<policy>`, `allow=<id,…>`, `group=<policy>`, `groupallow=<id,…>`, and for a group or `*`
/// `<id>`, `<id>/mention=off`, `<id>/allow=<id,…>`, `<id>/policy=<policy>`, with `<id>/<topic>` for a topic of it.
fn rules(text: &str) -> AccountRules {
    let mut made = AccountRules::default();
    for word in text.split_whitespace() {
        let (field, value) = word.split_once('=').unwrap_or((word, ""));
        match field {
            "dm" => made.dm_policy = dm_policy(value),
            "allow" => made.allow_from = Senders::of(value.split(',')),
            "group" => made.groups.policy = group_policy(value),
            "groupallow" => made.groups.allow_from = Some(Senders::of(value.split(','))),
            path => set_group(&mut made.groups, &path.split('/').collect::<Vec<_>>(), value),
        }
    }
    made
}

fn set_group(groups: &mut Groups, path: &[&str], value: &str) {
    let (id, rest) = path.split_first().unwrap();
    let chat = match (*id, rest) {
        ("*", _) => groups.any.get_or_insert_default(),
        (id, rest) => {
            let group = groups.listed.entry(PeerId::new(id).unwrap()).or_default();
            match rest {
                [topic, _] => group.topics.entry(ThreadId::new(topic).unwrap()).or_default(),
                _ => &mut group.chat,
            }
        }
    };
    if let Some(field) = rest.last() {
        set_chat(chat, field, value);
    }
}

fn set_chat(chat: &mut ChatRule, field: &str, value: &str) {
    match field {
        "mention" => chat.require_mention = Some(value != "off"),
        "allow" => chat.allow_from = Some(Senders::of(value.split(','))),
        other => {
            assert_eq!(other, "policy");
            chat.policy = Some(group_policy(value));
        }
    }
}

fn dm_policy(text: &str) -> DmPolicy {
    match text {
        "pairing" => DmPolicy::Pairing,
        "allowlist" => DmPolicy::Allowlist,
        "open" => DmPolicy::Open,
        other => {
            assert_eq!(other, "disabled");
            DmPolicy::Disabled
        }
    }
}

fn group_policy(text: &str) -> GroupPolicy {
    match text {
        "allowlist" => GroupPolicy::Allowlist,
        "open" => GroupPolicy::Open,
        other => {
            assert_eq!(other, "disabled");
            GroupPolicy::Disabled
        }
    }
}

/// Plays a script into accounts `default` and `beta`, which have the same rules, and shows the warnings and what becomes
/// of each event.
///
/// Events: `<minute> <sender> [@<account>] [<group>[/<topic>]] [mention]`, or `<minute> approve <code>`, where `#1` is the
/// first code that was told.
fn check(text: &str, script: &str) -> String {
    let both = BTreeMap::from([(account("default"), rules(text)), (account("beta"), rules(text))]);
    let (rules, warnings) = match Rules::new(both) {
        Ok(made) => made,
        Err(error) => return error.to_string(),
    };
    let mut log = String::new();
    for warning in warnings {
        writeln!(log, "warning: {warning}").unwrap();
    }
    let mut pairings = Pairings::new(7);
    let mut told = Vec::new();
    for line in script.split('|').map(str::trim) {
        let (minute, event) = line.split_once(' ').unwrap();
        let now = Timestamp::from_ms(0) + Millis::from_s(minute.parse::<u64>().unwrap() * 60);
        let seen = match event.strip_prefix("approve ") {
            Some(code) => {
                let told: Option<&String> =
                    code.strip_prefix('#').map(|it| &told[it.parse::<usize>().unwrap() - 1]);
                let channel = Channel::new("telegram").unwrap();
                match pairings.approve(now, &channel, told.map_or(code, |it| it)) {
                    Ok((account, sender)) => format!("{sender} may write to {account}"),
                    Err(error) => error.to_string(),
                }
            }
            None => match admit(&rules, now, event, &mut pairings) {
                Admission::Admitted => "admitted".to_owned(),
                Admission::Ignored(why) => format!("ignored: {why}"),
                Admission::PairingNeeded { code } => {
                    told.push(code.to_string().to_lowercase());
                    format!("told {code}")
                }
            },
        };
        writeln!(log, "{line:<24} {seen}").unwrap();
    }
    log
}

fn admit(rules: &Rules, now: Timestamp, event: &str, pairings: &mut Pairings) -> Admission {
    let mut words = event.split_whitespace();
    let mut origin = testing::dm(words.next().unwrap());
    let mut mentioned = false;
    for word in words {
        match word.strip_prefix('@') {
            Some(account) => origin.route.account = AccountId::new(account).unwrap(),
            None if word == "mention" => mentioned = true,
            None => {
                let (group, topic) =
                    word.split_once('/').map_or((word, None), |it| (it.0, Some(it.1)));
                origin.route.peer = Peer { kind: PeerKind::Group, id: PeerId::new(group).unwrap() };
                origin.route.thread = topic.map(|it| Thread::Topic(ThreadId::new(it).unwrap()));
            }
        }
    }
    rules.admit(now, &origin, mentioned, pairings)
}

#[test]
fn direct_messages_follow_the_policy() {
    let script = "0 1 | 0 2 | 0 1 @other";
    assert_snapshot!(check("dm=open allow=*", script), @"
    0 1                      admitted
    0 2                      admitted
    0 1 @other               ignored: the account is not configured
    ");
    assert_snapshot!(check("dm=allowlist allow=1", script), @"
    0 1                      admitted
    0 2                      ignored: the sender is not in allowFrom
    0 1 @other               ignored: the account is not configured
    ");
    assert_snapshot!(check("dm=disabled allow=1,*", script), @"
    0 1                      ignored: direct messages are disabled
    0 2                      ignored: direct messages are disabled
    0 1 @other               ignored: the account is not configured
    ");
    assert_snapshot!(check("dm=pairing allow=1", script), @"
    0 1                      admitted
    0 2                      told DMBE3UPZ
    0 1 @other               ignored: the account is not configured
    ");
}

#[test]
fn contradictions_are_refused_or_flagged() {
    assert_snapshot!(check("dm=open allow=1,2", ""), @r#"telegram account `beta` has dmPolicy `open` and no `*` in allowFrom (expected allowFrom: ["*"] for everybody, or dmPolicy `allowlist` for 2 listed)"#);
    assert_snapshot!(check("dm=allowlist", ""), @"telegram account `beta` has dmPolicy `allowlist` and nobody in allowFrom (expected at least one sender id, or dmPolicy `disabled`)");
    assert_snapshot!(check("dm=pairing allow=*,1", "0 1 | 0 2"), @"
    warning: telegram account `beta` has dmPolicy `pairing` and `*` in allowFrom: strangers have to pair (expected dmPolicy `open` if everybody may write)
    warning: telegram account `default` has dmPolicy `pairing` and `*` in allowFrom: strangers have to pair (expected dmPolicy `open` if everybody may write)
    0 1                      admitted
    0 2                      told DMBE3UPZ
    ");
}

#[test]
fn a_stranger_is_told_one_code_and_then_nothing() {
    assert_snapshot!(check("", "0 1 | 1 1 | 59 1 | 60 1 | 61 1"), @"
    0 1                      told DMBE3UPZ
    1 1                      ignored: the sender's pairing is not approved yet
    59 1                     ignored: the sender's pairing is not approved yet
    60 1                     told EN6ZW6G6
    61 1                     ignored: the sender's pairing is not approved yet
    ");
}

#[test]
fn three_may_wait_on_an_account_and_the_next_account_has_its_own_three() {
    assert_snapshot!(check("", "0 1 | 1 2 | 2 3 | 3 4 | 3 4 @beta | 60 4"), @"
    0 1                      told DMBE3UPZ
    1 2                      told EN6ZW6G6
    2 3                      told G2AA4TLC
    3 4                      ignored: too many pairings wait for approval
    3 4 @beta                told X4MSH8KM
    60 4                     told VV5GL8B4
    ");
}

#[test]
fn an_approval_is_for_one_account_and_for_direct_messages() {
    let script =
        "0 1 | 1 1 @beta | 2 approve #1 | 3 1 | 3 1 @beta | 3 1 -100 mention | 3 approve #1";
    assert_snapshot!(check("-100", script), @"
    0 1                      told DMBE3UPZ
    1 1 @beta                told EN6ZW6G6
    2 approve #1             1 may write to default
    3 1                      admitted
    3 1 @beta                ignored: the sender's pairing is not approved yet
    3 1 -100 mention         ignored: the sender is not in the group's allowFrom or groupAllowFrom
    3 approve #1             no pairing request on telegram has code `dmbe3upz` (codes that wait: `EN6ZW6G6`; a code is valid for 3600 s)
    ");
}

#[test]
fn a_code_that_nobody_waits_with_is_not_approved() {
    assert_snapshot!(check("", "0 approve ABC | 0 1 | 60 approve #1 | 61 1 | 61 approve abc"), @"
    0 approve ABC            no pairing request on telegram has code `ABC` (codes that wait: none; a code is valid for 3600 s)
    0 1                      told DMBE3UPZ
    60 approve #1            no pairing request on telegram has code `dmbe3upz` (codes that wait: none; a code is valid for 3600 s)
    61 1                     told EN6ZW6G6
    61 approve abc           no pairing request on telegram has code `abc` (codes that wait: `EN6ZW6G6`; a code is valid for 3600 s)
    ");
}

#[test]
fn a_group_has_to_be_listed() {
    let script = "0 1 -100 mention | 0 1 -200 mention";
    assert_snapshot!(check("groupallow=1 -100", script), @"
    0 1 -100 mention         admitted
    0 1 -200 mention         ignored: the group is not in groups
    ");
    assert_snapshot!(check("groupallow=1 *", script), @"
    0 1 -100 mention         admitted
    0 1 -200 mention         admitted
    ");
    assert_snapshot!(check("groupallow=1", script), @"
    0 1 -100 mention         admitted
    0 1 -200 mention         admitted
    ");
    assert_snapshot!(check("allow=1", script), @"
    0 1 -100 mention         ignored: the group is not in groups
    0 1 -200 mention         ignored: the group is not in groups
    ");
    assert_snapshot!(check("group=open", script), @"
    0 1 -100 mention         admitted
    0 1 -200 mention         admitted
    ");
    assert_snapshot!(check("group=open -100", script), @"
    0 1 -100 mention         admitted
    0 1 -200 mention         ignored: the group is not in groups
    ");
    assert_snapshot!(check("group=disabled groupallow=* *", script), @"
    0 1 -100 mention         ignored: group messages are disabled
    0 1 -200 mention         ignored: group messages are disabled
    ");
}

#[test]
fn a_sender_has_to_be_listed_for_the_group() {
    let script = "0 1 -100 mention | 0 2 -100 mention | 0 3 -100 mention | 0 3 -100/42 mention";
    assert_snapshot!(check("allow=1 *", script), @"
    0 1 -100 mention         admitted
    0 2 -100 mention         ignored: the sender is not in the group's allowFrom or groupAllowFrom
    0 3 -100 mention         ignored: the sender is not in the group's allowFrom or groupAllowFrom
    0 3 -100/42 mention      ignored: the sender is not in the group's allowFrom or groupAllowFrom
    ");
    assert_snapshot!(check("allow=1 groupallow=2 *", script), @"
    0 1 -100 mention         ignored: the sender is not in the group's allowFrom or groupAllowFrom
    0 2 -100 mention         admitted
    0 3 -100 mention         ignored: the sender is not in the group's allowFrom or groupAllowFrom
    0 3 -100/42 mention      ignored: the sender is not in the group's allowFrom or groupAllowFrom
    ");
    assert_snapshot!(check("allow=1 groupallow=2 -100/allow=3", script), @"
    0 1 -100 mention         ignored: the sender is not in the group's allowFrom or groupAllowFrom
    0 2 -100 mention         ignored: the sender is not in the group's allowFrom or groupAllowFrom
    0 3 -100 mention         admitted
    0 3 -100/42 mention      admitted
    ");
    assert_snapshot!(check("group=open -100/allow=1 -100/42/allow=3", script), @"
    0 1 -100 mention         admitted
    0 2 -100 mention         ignored: the sender is not in the group's allowFrom or groupAllowFrom
    0 3 -100 mention         ignored: the sender is not in the group's allowFrom or groupAllowFrom
    0 3 -100/42 mention      admitted
    ");
    assert_snapshot!(check("-100/policy=open -100/42/policy=disabled", script), @"
    0 1 -100 mention         admitted
    0 2 -100 mention         admitted
    0 3 -100 mention         admitted
    0 3 -100/42 mention      ignored: group messages are disabled
    ");
}

#[test]
fn a_group_message_needs_a_mention_unless_the_topic_the_group_or_all_say_otherwise() {
    let script = "0 1 -100 | 0 1 -100/42 | 0 1 -100/43 | 0 1 -200 | 0 1 -200 mention";
    assert_snapshot!(check("group=open", script), @"
    0 1 -100                 ignored: the group requires a mention
    0 1 -100/42              ignored: the group requires a mention
    0 1 -100/43              ignored: the group requires a mention
    0 1 -200                 ignored: the group requires a mention
    0 1 -200 mention         admitted
    ");
    assert_snapshot!(check("group=open */mention=off -100/mention=on", script), @"
    0 1 -100                 ignored: the group requires a mention
    0 1 -100/42              ignored: the group requires a mention
    0 1 -100/43              ignored: the group requires a mention
    0 1 -200                 admitted
    0 1 -200 mention         admitted
    ");
    assert_snapshot!(check("group=open * -100/mention=off -100/43/mention=on", script), @"
    0 1 -100                 admitted
    0 1 -100/42              admitted
    0 1 -100/43              ignored: the group requires a mention
    0 1 -200                 ignored: the group requires a mention
    0 1 -200 mention         admitted
    ");
}

#[test]
fn a_main_conversation_that_several_share_is_flagged() {
    let mut log = String::new();
    let configs = [
        "dm=open allow=*",
        "dm=allowlist allow=1",
        "dm=allowlist allow=1,2",
        "dm=pairing allow=1",
        "dm=pairing",
        "dm=disabled allow=1,2",
    ];
    for text in configs {
        let (rules, _) = Rules::new(BTreeMap::from([(account("default"), rules(text))])).unwrap();
        let mut pairings = Pairings::new(7);
        let (channel, account) = account("default");
        pairings.allow(channel, account, SenderId::new("9").unwrap());
        let warnings = rules.shared_conversations(DmScope::Main, &pairings);
        let warning = warnings.first().map_or("-".to_owned(), ToString::to_string);
        writeln!(log, "{text:<24} {warning}").unwrap();
        for scope in [DmScope::PerPeer, DmScope::PerChannelPeer, DmScope::PerAccountChannelPeer] {
            assert_eq!(rules.shared_conversations(scope, &pairings), []);
        }
    }
    assert_snapshot!(log, @"
    dm=open allow=*          session.dmScope is `main` and everybody may write directly on telegram: they share one conversation, and each can ask what another said (expected dmScope `per-channel-peer`, or one sender)
    dm=allowlist allow=1     -
    dm=allowlist allow=1,2   session.dmScope is `main` and 2 senders may write directly on telegram: they share one conversation, and each can ask what another said (expected dmScope `per-channel-peer`, or one sender)
    dm=pairing allow=1       session.dmScope is `main` and 2 senders may write directly on telegram: they share one conversation, and each can ask what another said (expected dmScope `per-channel-peer`, or one sender)
    dm=pairing               -
    dm=disabled allow=1,2    -
    ");
}

#[test]
fn codes_repeat_for_a_seed_and_have_no_doubtful_character() {
    let codes = |seed| (0..1_000).map(|it| pairing_code(seed, it).to_string()).collect::<Vec<_>>();
    assert_eq!(codes(1), codes(1));
    assert_ne!(codes(1), codes(2));
    assert_eq!(codes(1).iter().collect::<BTreeSet<_>>().len(), 1_000);
    assert!(codes(3).iter().all(|it| it.len() == 8 && !it.contains(['0', 'O', '1', 'I'])));
    assert_snapshot!(codes(7).iter().take(3).cloned().collect::<Vec<_>>().join(" "), @"DMBE3UPZ EN6ZW6G6 G2AA4TLC");
}
