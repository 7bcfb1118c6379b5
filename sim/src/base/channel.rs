//! The base of each channel: open policies, no mention needed, replies not streamed, and its twin's address.

use serde_json::{Value, json};

use super::{Credentials, token};
use crate::twins::{discord, slack, telegram, webhook, whatsapp};

/// The configuration of a channel whose twin is at `address`, without its accounts.
pub(super) fn base(channel: &str, address: &str, profile: &str) -> Value {
    // 2026.9 writes it as a map, and takes nothing else.
    let streaming = if profile == "2026.3" { json!("off") } else { json!({ "mode": "off" }) };
    match channel {
        slack::CHANNEL => json!({
            "enabled": true,
            "mode": "socket",
            "apiRoot": format!("{address}/api"),
            "dmPolicy": "open",
            "allowFrom": ["*"],
            "dm": { "groupEnabled": true },
            "groupPolicy": "open",
            "requireMention": false,
            "streaming": streaming,
        }),
        telegram::CHANNEL => json!({
            "enabled": true,
            "apiRoot": address,
            "dmPolicy": "open",
            "allowFrom": ["*"],
            "groupPolicy": "open",
            "groups": { "*": { "requireMention": false } },
            "streaming": streaming,
        }),
        whatsapp::CHANNEL => json!({
            "enabled": true,
            "apiRoot": address,
            "apiVersion": "v23.0",
            "dmPolicy": "open",
            "allowFrom": ["*"],
        }),
        discord::CHANNEL => json!({
            "enabled": true,
            "apiRoot": address,
            "dmPolicy": "open",
            "allowFrom": ["*"],
            "groupPolicy": "open",
            "guilds": { "*": { "requireMention": false } },
            "streaming": streaming,
        }),
        webhook::CHANNEL => json!({
            "enabled": true,
            "dmPolicy": "open",
            "allowFrom": ["*"],
            "groupPolicy": "open",
            "groups": { "*": { "requireMention": false } },
        }),
        other => unreachable!("scenarios name known channels only, not `{other}`"),
    }
}

/// What an account needs to find its twin at `address`, beside its secrets.
pub(super) fn account(channel: &str, address: &str, id: &str) -> Value {
    match channel {
        slack::CHANNEL => json!({ "webhookPath": slack::path(id) }),
        webhook::CHANNEL => json!({ "replyUrl": format!("{address}/replies/{id}") }),
        whatsapp::CHANNEL => json!({ "phoneNumberId": whatsapp::phone_number_id(id) }),
        _ => json!({}),
    }
}

/// The secrets of a channel's account of this number and name.
pub(super) fn credentials(channel: &str, seed: u64, index: usize, id: &str) -> Credentials {
    match channel {
        slack::CHANNEL => [
            (slack::BOT_TOKEN, format!("xoxb-{}", token(seed, "slack-bot", id))),
            (slack::APP_TOKEN, format!("xapp-{}", token(seed, "slack-app", id))),
            (slack::SIGNING_SECRET, token(seed, "slack-signing", id)),
        ]
        .into(),
        telegram::CHANNEL => [("botToken", bot_token(seed, index, id))].into(),
        whatsapp::CHANNEL => {
            let secret = |key| (key, token(seed, key, id));
            [
                (whatsapp::ACCESS_TOKEN, format!("EAA{}", token(seed, "whatsapp", id))),
                secret(whatsapp::APP_SECRET),
                secret(whatsapp::VERIFY_TOKEN),
            ]
            .into()
        }
        discord::CHANNEL => {
            [(discord::TOKEN, format!("MTk5.{}.{}", index + 1, token(seed, "discord", id)))].into()
        }
        webhook::CHANNEL => [(webhook::SECRET, token(seed, "webhook", id))].into(),
        other => unreachable!("scenarios name known channels only, not `{other}`"),
    }
}

/// A bot token in Telegram's form: the bot's id, a colon, a secret.
fn bot_token(seed: u64, index: usize, name: &str) -> String {
    format!("{}:AA{}", 7_000_000 + index, token(seed, "bot", name))
}
