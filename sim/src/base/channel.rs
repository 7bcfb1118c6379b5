//! The base of each channel: open policies, no mention needed, replies not streamed, and its twin's address.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Credentials, token};
use crate::{
    scenario::{Chat, ChatKind, Scenario},
    twins::{discord, irc, slack, telegram, webhook, whatsapp},
};

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
        irc::CHANNEL => {
            let (host, port) = host_and_port(address);
            json!({
                "enabled": true,
                "host": host,
                "port": port,
                "tls": false,
                "dmPolicy": "open",
                "allowFrom": ["*"],
                "groupPolicy": "open",
                "groupAllowFrom": ["*"],
                "groups": { "*": { "requireMention": false } },
            })
        }
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
        irc::CHANNEL => json!({ "nick": irc::nick(id) }),
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
        irc::CHANNEL => [(irc::PASSWORD, token(seed, "irc", id))].into(),
        webhook::CHANNEL => [(webhook::SECRET, token(seed, "webhook", id))].into(),
        other => unreachable!("scenarios name known channels only, not `{other}`"),
    }
}

/// What an account takes over from its channel where it says nothing itself.
const INHERITED: [&str; 5] = ["dmPolicy", "allowFrom", "groupPolicy", "groupAllowFrom", "groups"];

/// Has each IRC account join the rooms where people write to it. It is told its channel's policies, too: gateways differ in
/// whether an account has defaults of its own.
pub(super) fn join_rooms(config: &mut Value, scenario: &Scenario) {
    let Some(Value::Object(channel)) = config.pointer_mut("/channels/irc") else { return };
    let inherited: Vec<(&str, Value)> =
        INHERITED.iter().filter_map(|it| Some((*it, channel.get(*it)?.clone()))).collect();
    let Some(Value::Object(accounts)) = channel.get_mut("accounts") else { return };
    for (id, account) in accounts {
        let Value::Object(account) = account else { continue };
        for (key, value) in &inherited {
            account.entry(*key).or_insert_with(|| value.clone());
        }
        let of_account = |it: &&Chat| it.channel == irc::CHANNEL && it.account == *id;
        let rooms: BTreeSet<&str> = scenario
            .chats
            .values()
            .filter(of_account)
            .filter_map(|it| match &it.kind {
                ChatKind::Group { id, .. } | ChatKind::Room { id, .. } => Some(id.as_str()),
                ChatKind::Direct => None,
            })
            .collect();
        account.insert("channels".to_owned(), json!(rooms));
    }
}

/// The two parts of `http://host:port`.
fn host_and_port(address: &str) -> (&str, u16) {
    let authority = address.split_once("://").map_or(address, |(_, it)| it);
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    (host, port.parse().unwrap_or_default())
}

/// A bot token in Telegram's form: the bot's id, a colon, a secret.
fn bot_token(seed: u64, index: usize, name: &str) -> String {
    format!("{}:AA{}", 7_000_000 + index, token(seed, "bot", name))
}
