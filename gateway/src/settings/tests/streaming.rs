//! `blockStreaming*`.

use creel_core::{
    egress::stream::{Blocks, Break, BreakAt, StreamedBy},
    ids::PeerId,
    origin::{Peer, PeerKind, Route},
};

use super::*;

fn of(version: Version, defaults: &str, telegram: &str, channel: &str) -> Option<Blocks> {
    let lines = format!(
        "agents: {{ defaults: {{ model: 'p/m', {defaults} }} }},
         channels: {{ telegram: {{ accounts: {{ default: {{ botToken: '1:a' }}, biz: {{ botToken: '2:b', {telegram} }} }} }} }}"
    );
    let loaded = load_with(version, &with(&lines), &[], &[]).unwrap();
    let (channel, account) = channel.split_once('/').unwrap();
    let peer = Peer { kind: PeerKind::Direct, id: PeerId::new("1").unwrap() };
    let channel = Channel::new(channel).unwrap();
    let account = AccountId::new(account).unwrap();
    loaded.settings.core.streaming.of(&Route { channel, account, peer, thread: None })
}

#[test]
fn answers_are_whole_unless_asked() {
    assert_eq!(of(OLD, "", "", "telegram/default"), None);
    assert_eq!(of(NEW, "blockStreamingDefault: 'off'", "", "telegram/default"), None);
}

#[test]
fn the_default_is_telegrams_in_the_older_version_and_everybodys_in_the_newer() {
    let on = "blockStreamingDefault: 'on'";
    let blocks = of(OLD, on, "", "telegram/default").unwrap();
    assert_eq!((blocks.chars_min, blocks.chars_max), (800, 1_200));
    assert_eq!(
        (blocks.prefer, blocks.at, blocks.coalesce),
        (Break::Paragraph, BreakAt::Text, None)
    );
    assert_eq!(of(OLD, on, "", "discord/default"), None);
    assert!(of(NEW, on, "", "discord/default").is_some());
}

#[test]
fn an_account_may_say_otherwise() {
    let on = "blockStreamingDefault: 'on'";
    assert_eq!(of(OLD, on, "blockStreaming: false", "telegram/biz"), None);
    assert!(of(OLD, "", "blockStreaming: true", "telegram/biz").is_some());
    assert!(of(NEW, "", "streaming: { block: { enabled: true } }", "telegram/biz").is_some());
    assert_eq!(of(NEW, "", "streaming: { block: { enabled: true } }", "telegram/default"), None);
}

#[test]
fn blocks_have_bounds_and_breaks() {
    let defaults = "blockStreamingDefault: 'on', blockStreamingBreak: 'message_end',
        blockStreamingChunk: { minChars: 10, maxChars: 50, breakPreference: 'sentence' },
        blockStreamingCoalesce: { maxChars: 90 }";
    let blocks = of(OLD, defaults, "", "telegram/default").unwrap();
    assert_eq!((blocks.chars_min, blocks.chars_max), (10, 50));
    assert_eq!((blocks.prefer, blocks.at), (Break::Sentence, BreakAt::Message));
    let coalesce = blocks.coalesce.unwrap();
    assert_eq!(
        (coalesce.chars_min, coalesce.chars_max, coalesce.idle),
        (10, 90, Millis::new(1_000))
    );
}

#[test]
fn bounds_that_contradict_each_other_and_older_keys_are_refused() {
    let lines = "agents: { defaults: { model: 'p/m', blockStreamingChunk: { minChars: 60, maxChars: 50 } } }";
    let told = told(OLD, &with(lines));
    assert!(told.contains("minChars: found 60, expected no more than `maxChars`"), "{told}");
    let told = told_with(NEW, "channels: { telegram: { botToken: '1:a', blockStreaming: true } }");
    assert!(
        told.contains("channels.telegram.blockStreaming: 2026.9 has no `blockStreaming`"),
        "{told}"
    );
}

#[test]
fn nobody_streams_where_no_channel_is_asked_to() {
    let loaded = load_with(OLD, &with(MODEL), &[], &[]).unwrap();
    let streaming = loaded.settings.core.streaming;
    assert_eq!((streaming.blocks, streaming.default), (None, StreamedBy::None));
}

#[test]
fn blocks_of_a_channel_may_wait_in_a_way_of_their_own() {
    let coalesce = |it: Option<Blocks>| {
        it.and_then(|it| it.coalesce).map(|it| (it.chars_min, it.chars_max, it.idle.as_ms()))
    };
    let all = "blockStreamingDefault: 'on', blockStreamingCoalesce: { minChars: 20, idleMs: 300 }";
    let own = "blockStreamingCoalesce: { idleMs: 40 }";
    assert_eq!(coalesce(of(OLD, all, own, "telegram/biz")), Some((20, 1_200, 40)));
    assert_eq!(coalesce(of(OLD, all, own, "telegram/default")), Some((20, 1_200, 300)));
    let newer = "streaming: { block: { enabled: true, coalesce: { maxChars: 90 } } }";
    assert_eq!(coalesce(of(NEW, all, newer, "telegram/biz")), Some((20, 90, 300)));
    let lines = "agents: { defaults: { model: 'p/m' } },
        channels: { slack: { botToken: 'xoxb-1', appToken: 'xapp-1', blockStreaming: true, blockStreamingCoalesce: { maxChars: 4000 } } }";
    let loaded = load_with(OLD, &with(lines), &[], &[]).unwrap();
    let made = &loaded.settings.core.streaming.coalesce_by_channel[&Channel::new("slack").unwrap()];
    assert_eq!((made.chars_min, made.chars_max), (1_500, 4_000));
}
