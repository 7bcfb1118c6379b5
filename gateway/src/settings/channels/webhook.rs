//! `channels.webhook`: platforms of one's own, that call the gateway with signed JSON.

use creel_core::egress::chunk::Utf16Units;
use creel_document::shape::{Field, Shape};
use serde_json::Value;

use super::{Found, accounts, channel};
use crate::{
    channels::{self, webhook},
    secret::Secret,
    settings::{
        Problems,
        admission::SenderIds,
        agents::is_http,
        shape::{
            ALLOW_FROM, BLOCK_STREAMING, CHANNEL_COALESCE, DM_POLICY, ENABLED, GROUP_ALLOW_FROM,
            GROUP_POLICY, GROUPS, HISTORY_LIMIT, MEDIA_MAX_MB, TEXT, key, open, with_account,
        },
    },
};

/// The longest text of one reply, unless the file says otherwise.
const TEXT_CHUNK_LIMIT: u32 = 16_000;

/// The largest image, in MB, unless the file says otherwise. A call has room for 11 in base64.
const MEDIA_MB_MAX: u64 = 10;

const SECRET: Field = key("secret", &TEXT, "What both sides sign with.");
const REPLY_URL: Field = key("replyUrl", &TEXT, "Where replies are posted.");
const WEBHOOK_PATH: Field =
    key("webhookPath", &TEXT, "Where on the gateway's port messages are posted.");
const ACCOUNT: &[Field] = &[
    ENABLED,
    SECRET,
    REPLY_URL,
    WEBHOOK_PATH,
    DM_POLICY,
    ALLOW_FROM,
    GROUP_POLICY,
    GROUP_ALLOW_FROM,
    GROUPS,
    MEDIA_MAX_MB,
    HISTORY_LIMIT,
    BLOCK_STREAMING,
    CHANNEL_COALESCE,
];
/// `channels.webhook`.
pub(in crate::settings) const SHAPE: Shape = open(FIELDS);
const OWN: &[Field] = &[
    key("defaultAccount", &TEXT, "The account of bindings that name none."),
    key("accounts", &Shape::MapOf(&open(ACCOUNT)), "Several platforms."),
    key(
        "textChunkLimit",
        &Shape::Integer { min: 16, max: 1_000_000 },
        "The longest text of one reply.",
    ),
];
const FIELDS: &[Field] = &with_account::<{ OWN.len() + ACCOUNT.len() }>(OWN, ACCOUNT);

/// What the file says of webhooks; none if it says nothing.
pub(in crate::settings) fn read(
    value: Option<&Value>,
    problems: &mut Problems<'_>,
) -> Option<Found> {
    let value = value?;
    let (found, default) = accounts::read(webhook::CHANNEL, value, SenderIds::AsGiven, problems);
    let rules = found
        .iter()
        .map(|it| (it.id.clone(), (it.rules.clone(), it.policy_path.clone())))
        .collect();
    let accounts = found
        .iter()
        .filter_map(|it| Some((it.id.clone(), channels::Account::Webhook(account(it, problems)?))))
        .collect();
    let limit = value.get("textChunkLimit").and_then(Value::as_u64);
    let limit = limit.and_then(|it| u32::try_from(it).ok()).unwrap_or(TEXT_CHUNK_LIMIT);
    let limit = Utf16Units::new(limit).ok();
    Some(Found { channel: channel(webhook::CHANNEL), accounts, rules, default, limit })
}

fn account(found: &accounts::Account, problems: &mut Problems<'_>) -> Option<webhook::Account> {
    let secret = found.required("secret", "a text that is hard to guess", problems);
    let reply_url = found.required("replyUrl", "the address that replies are posted to", problems);
    if let Some(url) = reply_url.as_ref().filter(|it| !is_http(it)) {
        let expected = "expected an address with `http://` or `https://`";
        problems.add(&format!("{}.replyUrl", found.path), format!("found `{url}`, {expected}"));
    }
    let path = found.webhook_path(webhook::CHANNEL, problems);
    let (secret, reply_url) = (Secret::new(secret?), reply_url?);
    let media_bytes_max = found.media_bytes_max(MEDIA_MB_MAX);
    Some(webhook::Account { id: found.id.clone(), secret, reply_url, path, media_bytes_max })
}
