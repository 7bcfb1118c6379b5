//! `agents.defaults.blockStreaming*`, and what channels and accounts say of their own.

use creel_core::{
    egress::stream::{Blocks, Break, BreakAt, Coalesce, StreamedBy, Streaming},
    ids::Channel,
    profile::Version,
    time::Millis,
};
use serde_json::Value;

use super::{
    Problems, raw,
    shared::{Given, given},
};

/// How long no block may have come before those that wait leave, unless configured.
const IDLE_MS: u64 = 1_000;

/// The least that leaves before the end on channels that show each message loudly, unless configured, in characters.
const CHATTY_CHARS_MIN: usize = 1_500;

pub(super) fn streaming(
    version: Version,
    (file, document): (&Value, &raw::Document),
    problems: &mut Problems<'_>,
) -> Streaming {
    let defaults = &document.agents.defaults;
    let blocks = blocks(defaults, problems);
    let own = match version {
        Version::V2026_3 => given(file, "blockStreaming", Value::as_bool),
        Version::V2026_9 => {
            refuse_flat(file, problems);
            given(file, "streaming", |it| it.pointer("/block/enabled").and_then(Value::as_bool))
        }
    };
    let Given { by_channel, by_account } = own;
    let (key, pointer) = match version {
        Version::V2026_3 => ("blockStreamingCoalesce", ""),
        Version::V2026_9 => ("streaming", "/block/coalesce"),
    };
    let coalesce = given(file, key, |it| {
        serde_json::from_value::<raw::BlockCoalesce>(it.pointer(pointer)?.clone()).ok()
    });
    let default = match (defaults.block_streaming_default.as_deref(), version) {
        (Some("on"), Version::V2026_9) => StreamedBy::All,
        // Other channels have to ask for it.
        (Some("on"), Version::V2026_3) => {
            StreamedBy::One(Channel::new("telegram").expect("a constant name"))
        }
        _ => StreamedBy::None,
    };
    let asked =
        default != StreamedBy::None || by_channel.values().chain(by_account.values()).any(|it| *it);
    let made = |channel: &Channel, own: raw::BlockCoalesce| coalesce_of(channel, &own, &blocks);
    let coalesce_by_channel = coalesce.by_channel.into_iter().map(|(channel, own)| {
        let made = made(&channel, own);
        (channel, made)
    });
    let coalesce_by_account = coalesce.by_account.into_iter().map(|(account, own)| {
        let made = made(&account.0, own);
        (account, made)
    });
    Streaming {
        blocks: asked.then_some(blocks),
        default,
        by_channel,
        by_account,
        coalesce_by_channel: coalesce_by_channel.collect(),
        coalesce_by_account: coalesce_by_account.collect(),
    }
}

/// What a channel leaves out is as of all, but for the least on two channels.
fn coalesce_of(channel: &Channel, own: &raw::BlockCoalesce, blocks: &Blocks) -> Coalesce {
    let all = blocks.coalesce;
    let chars_max = own.max_chars.or(all.map(|it| it.chars_max)).unwrap_or(blocks.chars_max);
    let least = match channel.as_str() {
        "discord" | "slack" => Some(CHATTY_CHARS_MIN.min(chars_max)),
        _ => None,
    };
    let least = least.or(all.map(|it| it.chars_min)).unwrap_or(blocks.chars_min);
    let idle = own.idle_ms.map(Millis::new).or(all.map(|it| it.idle));
    Coalesce {
        chars_min: own.min_chars.unwrap_or(least),
        chars_max,
        idle: idle.unwrap_or(Millis::new(IDLE_MS)),
    }
}

fn blocks(defaults: &raw::AgentDefaults, problems: &mut Problems<'_>) -> Blocks {
    let chunk = defaults.block_streaming_chunk.clone().unwrap_or_default();
    let chars_max = chunk.max_chars.unwrap_or(Blocks::CHARS_MAX);
    let chars_min = chunk.min_chars.unwrap_or(Blocks::CHARS_MIN.min(chars_max));
    if chars_min > chars_max {
        let why =
            format!("found {chars_min}, expected no more than `maxChars`, which is {chars_max}");
        problems.add("agents.defaults.blockStreamingChunk.minChars", why);
    }
    let coalesce = defaults.block_streaming_coalesce.as_ref().map(|it| Coalesce {
        chars_min: it.min_chars.unwrap_or(chars_min),
        chars_max: it.max_chars.unwrap_or(chars_max),
        idle: Millis::new(it.idle_ms.unwrap_or(IDLE_MS)),
    });
    Blocks {
        chars_min,
        chars_max,
        prefer: match chunk.break_preference.as_deref() {
            Some("newline") => Break::Newline,
            Some("sentence") => Break::Sentence,
            _ => Break::Paragraph,
        },
        at: match defaults.block_streaming_break.as_deref() {
            Some("message_end") => BreakAt::Message,
            _ => BreakAt::Text,
        },
        coalesce,
    }
}

/// The older key, where the newer version has another.
fn refuse_flat(file: &Value, problems: &mut Problems<'_>) {
    let Given { by_channel, by_account } = given(file, "blockStreaming", |_| Some(()));
    let channels = by_channel.keys().map(|it| format!("channels.{it}"));
    let accounts =
        by_account.keys().map(|(channel, it)| format!("channels.{channel}.accounts.{it}"));
    for holder in channels.chain(accounts) {
        let why = "2026.9 has no `blockStreaming` here: use `streaming.block.enabled`";
        problems.add(&format!("{holder}.blockStreaming"), why);
    }
}
