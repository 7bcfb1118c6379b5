//! `channels.slack`.

use creel_core::{
    admission::{Admission, Pairings},
    ids::{AccountId, Channel, PeerId, SenderId},
    origin::{Origin, Peer, PeerKind, Route},
    time::Timestamp,
};

use super::*;
use crate::channels::slack::{self, GroupDms, Mode};

const TOKENS: &str = "botToken: 'xoxb-1', appToken: 'xapp-1'";

fn file(lines: &str) -> Loaded {
    let text = with(&format!("{MODEL} channels: {{ slack: {{ {lines} }} }}"));
    load_with(OLD, &text, &[], &[]).unwrap_or_else(|it| panic!("{}", it.plain()))
}

fn refused(lines: &str) -> String {
    let text = with(&format!("{MODEL} channels: {{ slack: {{ {lines} }} }}"));
    match load_with(OLD, &text, &[], &[]) {
        Err(report) => report.plain(),
        Ok(loaded) => panic!("accepted: {}", loaded.summary()),
    }
}

/// The one account of a file.
fn account(loaded: &Loaded) -> slack::Account {
    let mut accounts = loaded.settings.accounts.values();
    match accounts.next() {
        Some(Account::Slack(account)) => account.clone(),
        other => panic!("no Slack account: {other:?}"),
    }
}

#[test]
fn an_app_connects_by_itself_unless_it_is_called() {
    let socket = account(&file(TOKENS));
    assert!(matches!(&socket.mode, Mode::Socket { app_token } if app_token.expose() == "xapp-1"));
    assert_eq!((socket.path(), socket.api_root.as_str()), (None, "https://slack.com/api"));
    let called = account(&file("mode: 'http', botToken: 'xoxb-1', signingSecret: 's'"));
    assert_eq!(called.path(), Some("/slack/events"));
}

#[test]
fn what_a_mode_needs_is_asked_for() {
    let told = refused("botToken: 'xoxb-1'");
    assert!(told.contains("appToken"), "{told}");
    let told = refused("mode: 'http', botToken: 'xoxb-1'");
    assert!(told.contains("signingSecret"), "{told}");
    let told = refused("appToken: 'xapp-1'");
    assert!(told.contains("botToken"), "{told}");
}

#[test]
fn two_accounts_of_one_app_are_refused() {
    let told = refused(
        "accounts: { a: { botToken: 'xoxb-1', appToken: 'x' }, b: { botToken: 'xoxb-1', appToken: 'y' } }",
    );
    assert!(told.contains("accounts `a` and `b` have the same token"), "{told}");
    assert!(!told.contains("xoxb-1"), "{told}");
}

#[test]
fn what_decides_who_may_speak_and_is_not_supported_is_refused() {
    for key in ["allowBots: true", "dangerouslyAllowNameMatching: true"] {
        let told = refused(&format!("{TOKENS}, {key}"));
        assert!(told.contains("it decides who may speak"), "{told}");
    }
}

#[test]
fn older_files_have_their_policy_below_dm() {
    let loaded = file(&format!("{TOKENS}, dm: {{ policy: 'allowlist', allowFrom: ['user:u1'] }}"));
    assert!(is_heard(&loaded, (PeerKind::Direct, "U1"), "U1", false));
    assert!(!is_heard(&loaded, (PeerKind::Direct, "U2"), "U2", false));
}

#[test]
fn channels_that_are_not_listed_are_not_listened_to() {
    let loaded = file(&format!(
        "{TOKENS}, channels: {{ C1: {{ users: ['U1'] }}, C2: {{ enabled: false }}, C3: {{ requireMention: false }} }}"
    ));
    let heard =
        |id, sender, mentioned| is_heard(&loaded, (PeerKind::Channel, id), sender, mentioned);
    assert!(heard("C1", "U1", true), "listed");
    assert!(!heard("C1", "U1", false), "a mention is required unless configured");
    assert!(!heard("C1", "U2", true), "not among its people");
    assert!(!heard("C2", "U1", true), "closed");
    assert!(heard("C3", "U2", false), "needs no mention");
    assert!(!heard("C4", "U1", true), "not listed");
    let open = file(&format!("{TOKENS}, groupPolicy: 'open'"));
    assert!(is_heard(&open, (PeerKind::Channel, "C4"), "U1", true));
}

#[test]
fn conversations_of_several_people_are_silent_unless_enabled() {
    assert_eq!(account(&file(TOKENS)).group_dms, GroupDms::Disabled);
    let all = file(&format!("{TOKENS}, dm: {{ groupEnabled: true }}"));
    assert_eq!(account(&all).group_dms, GroupDms::All);
    let some = file(&format!("{TOKENS}, dm: {{ groupEnabled: true, groupChannels: ['g1'] }}"));
    assert_eq!(account(&some).group_dms, GroupDms::Listed(vec!["G1".to_owned()]));
}

#[test]
fn no_limit_lets_an_escaped_text_become_too_long() {
    let limit = |lines: &str| {
        let loaded = file(&format!("{TOKENS}, {lines}"));
        loaded.settings.core.text_limits[&Channel::new("slack").unwrap()].get()
    };
    assert_eq!(limit(""), 4_000);
    assert_eq!(limit("textChunkLimit: 300"), 300);
    assert_eq!(limit("textChunkLimit: 40000"), 8_000);
}

fn is_heard(loaded: &Loaded, (kind, id): (PeerKind, &str), sender: &str, mentioned: bool) -> bool {
    let origin = Origin {
        route: Route {
            channel: Channel::new("slack").unwrap(),
            account: AccountId::new("default").unwrap(),
            peer: Peer { kind, id: PeerId::new(id).unwrap() },
            thread: None,
        },
        sender: SenderId::new(sender).unwrap(),
        guild: None,
        team: None,
        roles: Vec::new(),
    };
    let rules = &loaded.settings.core.admission;
    let admission = rules.admit(Timestamp::from_ms(0), &origin, mentioned, &mut Pairings::new(1));
    admission == Admission::Admitted
}
