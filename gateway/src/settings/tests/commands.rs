//! `commands` and `session.sendPolicy`.

use creel_core::{
    ids::SenderId,
    origin::PeerKind,
    owners::Owners,
    send_policy::{Match, SendPolicy, Verdict},
};

use super::*;

fn core(version: Version, lines: &str) -> (gateway::Settings, Vec<String>) {
    let loaded = load_with(version, &with(&format!("{MODEL}\n{lines}")), &[], &[]).unwrap();
    (loaded.settings.core, loaded.warnings)
}

fn owners(version: Version, entries: &str) -> Owners {
    core(version, &format!("commands: {{ ownerAllowFrom: [{entries}] }}")).0.owners
}

#[test]
fn owners_are_listed_with_their_channel_or_without() {
    let sender = |id| SenderId::new(id).unwrap();
    let telegram = Channel::new("telegram").ok();
    let expected = Owners::Listed([(telegram, sender("1")), (None, sender("2"))].into());
    assert_eq!(owners(OLD, "'tg: 1', 2, 'Telegram:1'"), expected);
}

#[test]
fn a_star_makes_everybody_an_owner_in_the_older_version_only() {
    assert_eq!(owners(OLD, "'*'"), Owners::Everybody);
    assert_eq!(owners(NEW, "'*'"), Owners::default());
    let (_, warnings) = core(NEW, "commands: { ownerAllowFrom: ['*'] }");
    assert!(warnings[0].contains("`*` makes nobody an owner"), "{warnings:?}");
}

#[test]
fn without_a_list_the_accounts_own_names_the_owners() {
    let lines =
        "channels: { telegram: { botToken: '1:a', dmPolicy: 'open', allowFrom: ['*', 7] } }";
    let Owners::OfAccounts(accounts) = core(NEW, lines).0.owners else { panic!("no accounts") };
    let listed: Vec<&str> = accounts.values().flatten().map(SenderId::as_str).collect();
    assert_eq!(listed, ["7"]);
}

#[test]
fn a_send_policy_keeps_the_order_of_its_rules() {
    let lines = "session: { sendPolicy: { default: 'deny', rules: [
        { action: 'deny', match: { channel: 'Telegram', chatType: 'dm' } },
        { action: 'allow', match: { keyPrefix: ' CRON: ', rawKeyPrefix: 'agent:x:' } },
        { action: 'allow' },
    ] } }";
    let first = Match {
        channel: Channel::new("telegram").ok(),
        chat: Some(PeerKind::Direct),
        ..Match::default()
    };
    let second = Match {
        key_prefix: Some("cron:".to_owned()),
        raw_key_prefix: Some("agent:x:".to_owned()),
        ..Match::default()
    };
    let rules =
        vec![(first, Verdict::Deny), (second, Verdict::Allow), (Match::default(), Verdict::Allow)];
    assert_eq!(core(OLD, lines).0.send_policy, SendPolicy { rules, default: Verdict::Deny });
}

#[test]
fn a_rule_with_an_unknown_word_is_refused() {
    let told = told_with(
        OLD,
        "session: { sendPolicy: { rules: [{ action: 'deny', match: { chanel: 'x' } }] } }",
    );
    assert!(told.contains("unknown key `chanel`"), "{told}");
}
