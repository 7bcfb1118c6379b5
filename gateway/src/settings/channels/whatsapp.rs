//! `channels.whatsapp`: business phone numbers of the Cloud API, and who may write to them.
//!
//! OpenClaw's own WhatsApp channel pairs a phone and so has no keys for the Cloud API. Who may speak is said in its keys;
//! `accessToken`, `phoneNumberId`, `appSecret`, `verifyToken`, `apiRoot`, `apiVersion` and `webhookPath` are ours.

use creel_core::egress::chunk::Utf16Units;
use creel_document::shape::{Field, Shape};
use serde_json::Value;

use super::{Found, accounts, channel};
use crate::{
    channels::{self, whatsapp},
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

/// The Graph API's own address.
const API_ROOT: &str = "https://graph.facebook.com";

/// The version of the Graph API that we speak unless told otherwise.
const API_VERSION: &str = "v23.0";

/// The largest image, in MB, unless the file says otherwise.
const MEDIA_MB_MAX: u64 = 50;

const PHONE_NUMBER_ID: Field =
    key("phoneNumberId", &TEXT, "The platform's id of the business phone number.");
const ACCESS_TOKEN: Field =
    key("accessToken", &TEXT, "The token that calls of the Graph API bear.");
const APP_SECRET: Field =
    key("appSecret", &TEXT, "The app's secret, with which webhooks are signed.");
const VERIFY_TOKEN: Field =
    key("verifyToken", &TEXT, "What the platform shows when the webhook is registered.");
const API_ROOT_KEY: Field = key("apiRoot", &TEXT, "The Graph API's address, without its version.");
const API_VERSION_KEY: Field = key("apiVersion", &TEXT, "The Graph API's version, as `v23.0`.");
const WEBHOOK_PATH: Field =
    key("webhookPath", &TEXT, "Where on the gateway's port the platform calls.");
const ACCOUNT: &[Field] = &[
    ENABLED,
    PHONE_NUMBER_ID,
    ACCESS_TOKEN,
    APP_SECRET,
    VERIFY_TOKEN,
    API_ROOT_KEY,
    API_VERSION_KEY,
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
/// `channels.whatsapp`.
pub(in crate::settings) const SHAPE: Shape = open(FIELDS);
const OWN: &[Field] = &[
    key("defaultAccount", &TEXT, "The account of bindings that name none."),
    key("accounts", &Shape::MapOf(&open(ACCOUNT)), "Several numbers."),
    key(
        "textChunkLimit",
        &Shape::Integer { min: 16, max: 4_096 },
        "The longest text of one message.",
    ),
];
const FIELDS: &[Field] = &with_account::<{ OWN.len() + ACCOUNT.len() }>(OWN, ACCOUNT);

/// What the file says of WhatsApp; none if it says nothing.
pub(in crate::settings) fn read(
    value: Option<&Value>,
    problems: &mut Problems<'_>,
) -> Option<Found> {
    let value = value?;
    let (found, default) = accounts::read(whatsapp::CHANNEL, value, SenderIds::Phone, problems);
    let rules = found
        .iter()
        .map(|it| (it.id.clone(), (it.rules.clone(), it.policy_path.clone())))
        .collect();
    let accounts = found
        .iter()
        .filter_map(|it| {
            let account = account(it, problems)?;
            Some((it.id.clone(), channels::Account::WhatsApp(account)))
        })
        .collect();
    let limit = value.get("textChunkLimit").and_then(Value::as_u64);
    let limit = limit.and_then(|it| u32::try_from(it).ok()).unwrap_or(whatsapp::TEXT_MAX);
    let limit = Utf16Units::new(limit).ok();
    Some(Found { channel: channel(whatsapp::CHANNEL), accounts, rules, default, limit })
}

fn account(found: &accounts::Account, problems: &mut Problems<'_>) -> Option<whatsapp::Account> {
    let number = found.required("phoneNumberId", "the id of the business phone number", problems);
    let token = found.required("accessToken", "the token of a system user", problems);
    let secret = found.required("appSecret", "the app's secret", problems);
    let verify = found.required("verifyToken", "a text that is hard to guess", problems);
    let number = number.filter(|it| {
        let plain = it.bytes().all(|it| it.is_ascii_digit());
        if !plain {
            let why = format!("found `{it}`, expected digits: it is not the phone number itself");
            problems.add(&format!("{}.phoneNumberId", found.path), why);
        }
        plain
    });
    let root = found.text("apiRoot").unwrap_or_else(|| API_ROOT.to_owned());
    if !is_http(&root) {
        let expected = "expected an address with `http://` or `https://`";
        problems.add(&format!("{}.apiRoot", found.path), format!("found `{root}`, {expected}"));
    }
    let version = found.text("apiVersion").unwrap_or_else(|| API_VERSION.to_owned());
    let is_version = |it: &str| it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'.');
    if !is_version(&version) {
        let why = format!("found `{version}`, expected a version such as `{API_VERSION}`");
        problems.add(&format!("{}.apiVersion", found.path), why);
    }
    let path = found.webhook_path(whatsapp::CHANNEL, problems);
    Some(whatsapp::Account {
        id: found.id.clone(),
        phone_number_id: number?,
        access_token: Secret::new(token?),
        app_secret: Secret::new(secret?),
        verify_token: Secret::new(verify?),
        api_root: format!("{}/{version}", root.trim_end_matches('/')),
        path,
        media_bytes_max: found.media_bytes_max(MEDIA_MB_MAX),
    })
}
