//! `channels.slack`: apps, and who may speak to them.

use std::collections::BTreeMap;

use creel_core::{
    admission::{AccountRules, ChatRule, GroupPolicy, GroupRule, Groups},
    egress::chunk::Utf16Units,
    ids::PeerId,
};
use creel_document::shape::{Field, Shape};
use serde::Deserialize;
use serde_json::Value;

use super::{Found, accounts, channel};
use crate::{
    channels::{
        self,
        slack::{self, GroupDms, Memory, Mode},
    },
    secret::Secret,
    settings::{
        Problems, Source,
        admission::{SenderIds, senders},
        agents::is_http,
        shape::{
            ALLOW_FROM, BLOCK_STREAMING, BOOL, CHANNEL_COALESCE, DM_POLICY, ENABLED, GROUP_POLICY,
            HISTORY_LIMIT, IDS, MEDIA_MAX_MB, TEXT, key, open, with_account,
        },
    },
};

/// Slack's own address.
const API_ROOT: &str = "https://slack.com/api";

/// The longest text of one message, unless the file says otherwise.
const TEXT_CHUNK_LIMIT: u32 = 4_000;

/// The largest image, in MB, unless the file says otherwise.
const MEDIA_MB_MAX: u64 = 20;

const MODE: Field =
    key("mode", &Shape::OneOf(&["socket", "http"]), "Whether we connect, or Slack calls us.");
const BOT_TOKEN: Field = key("botToken", &TEXT, "The bot's token, `xoxb-…`.");
const APP_TOKEN: Field = key("appToken", &TEXT, "The app's token for Socket Mode, `xapp-…`.");
const SIGNING_SECRET: Field = key("signingSecret", &TEXT, "What Slack signs its calls with.");
const WEBHOOK_PATH: Field =
    key("webhookPath", &TEXT, "Where on the gateway's port Slack calls, with `mode: http`.");
const API_ROOT_KEY: Field = key("apiRoot", &TEXT, "The Web API's address. Ours, for twins.");
/// Where a reply opens a thread of its own is not ours yet, so that the other modes are refused.
const REPLY_TO_MODE: Field = key(
    "replyToMode",
    &Shape::OneOf(&["off"]),
    "Whether replies open a thread. In a thread they always stay there.",
);
const REPLY_TO_MODES: Field = key(
    "replyToModeByChatType",
    &Shape::MapOf(&Shape::OneOf(&["off"])),
    "The same by kind of chat.",
);
const REQUIRE_MENTION: Field =
    key("requireMention", &BOOL, "Whether messages in channels must speak to the bot.");
/// Every field decides who may speak, so that unknown ones are refused where they do: see `REFUSED`.
const ROOM: Shape = open(&[
    ENABLED,
    key("allow", &BOOL, "The same, as older files have it."),
    REQUIRE_MENTION,
    key("users", &IDS, "Who may speak here."),
]);
const CHANNELS: Field = key("channels", &Shape::MapOf(&ROOM), "Channels by id, or `*`.");
const DM: Field = key(
    "dm",
    &open(&[
        ENABLED,
        key(
            "policy",
            &Shape::OneOf(&["open", "allowlist", "pairing", "disabled"]),
            "`dmPolicy`, as older files have it.",
        ),
        ALLOW_FROM,
        key("groupEnabled", &BOOL, "Whether it listens to conversations of several people."),
        key("groupChannels", &IDS, "To which of them."),
        key("replyToMode", &Shape::OneOf(&["off"]), "`replyToMode`, in direct chats."),
    ]),
    "Direct chats.",
);
const ACCOUNT: &[Field] = &[
    ENABLED,
    MODE,
    BOT_TOKEN,
    APP_TOKEN,
    SIGNING_SECRET,
    WEBHOOK_PATH,
    API_ROOT_KEY,
    DM_POLICY,
    ALLOW_FROM,
    DM,
    GROUP_POLICY,
    REQUIRE_MENTION,
    CHANNELS,
    REPLY_TO_MODE,
    REPLY_TO_MODES,
    HISTORY_LIMIT,
    MEDIA_MAX_MB,
    BLOCK_STREAMING,
    CHANNEL_COALESCE,
];
/// `channels.slack`.
pub(in crate::settings) const SHAPE: Shape = open(FIELDS);
const OWN: &[Field] = &[
    key("defaultAccount", &TEXT, "The account of bindings that name none."),
    key("accounts", &Shape::MapOf(&open(ACCOUNT)), "Several apps."),
    key(
        "textChunkLimit",
        &Shape::Integer { min: 1, max: 40_000 },
        "The longest text of one message; at most 8,000 are kept to, since what is escaped grows.",
    ),
];
const FIELDS: &[Field] = &with_account::<{ OWN.len() + ACCOUNT.len() }>(OWN, ACCOUNT);

/// What an account's keys say beside those that all channels have.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Own {
    mode: Option<String>,
    dm: Dm,
    group_policy: Option<String>,
    require_mention: Option<bool>,
    channels: BTreeMap<String, Room>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Dm {
    enabled: Option<bool>,
    group_enabled: bool,
    group_channels: Vec<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Room {
    enabled: Option<bool>,
    allow: Option<bool>,
    require_mention: Option<bool>,
    users: Option<Vec<Value>>,
}

/// What the file says of Slack; none if it says nothing.
pub(in crate::settings) fn read(
    source: &Source<'_>,
    value: Option<&Value>,
    problems: &mut Problems<'_>,
) -> Option<Found> {
    let value = modern(value?);
    let (found, default) = accounts::read(slack::CHANNEL, &value, SenderIds::Slack, problems);
    let own = |it: &accounts::Account| -> Own {
        serde_json::from_value(it.keys.clone()).expect("a checked document has these types")
    };
    let rules = found
        .iter()
        .map(|it| (it.id.clone(), (rules(it.rules.clone(), &own(it)), it.policy_path.clone())))
        .collect();
    let accounts = found
        .iter()
        .filter_map(|it| {
            let environment = |name: &str| (source.env)(name).filter(|_| it.id == default);
            let account = account(it, &own(it), &environment, problems)?;
            Some((it.id.clone(), channels::Account::Slack(account)))
        })
        .collect();
    check_tokens(&accounts, problems);
    let limit = value.get("textChunkLimit").and_then(Value::as_u64);
    let limit = limit.and_then(|it| u32::try_from(it).ok()).unwrap_or(TEXT_CHUNK_LIMIT);
    let limit = Utf16Units::new(limit.min(slack::TEXT_CHARS_MAX)).ok();
    Some(Found { channel: channel(slack::CHANNEL), accounts, rules, default, limit })
}

/// The file with `dm.policy` and `dm.allowFrom` where newer files have them.
fn modern(value: &Value) -> Value {
    let mut value = value.clone();
    modernize(&mut value);
    let accounts = value.get_mut("accounts").and_then(Value::as_object_mut);
    accounts.into_iter().flatten().for_each(|(_, it)| modernize(it));
    value
}

fn modernize(keys: &mut Value) {
    for (old, new) in [("policy", "dmPolicy"), ("allowFrom", "allowFrom")] {
        let given = keys.pointer(&format!("/dm/{old}")).cloned();
        if let (Some(given), Some(keys)) = (given, keys.as_object_mut()) {
            keys.entry(new).or_insert(given);
        }
    }
}

/// In a channel that is listened to everybody may speak, unless `users` says who.
fn rules(shared: AccountRules, own: &Own) -> AccountRules {
    let policy = match own.group_policy.as_deref() {
        Some("open") => GroupPolicy::Open,
        Some("disabled") => GroupPolicy::Disabled,
        _ => GroupPolicy::Allowlist,
    };
    let rule = |room: &Room| {
        let closed = room.enabled == Some(false) || room.allow == Some(false);
        let policy = match (policy, closed) {
            (GroupPolicy::Disabled, _) | (_, true) => GroupPolicy::Disabled,
            (GroupPolicy::Open | GroupPolicy::Allowlist, false) => GroupPolicy::Open,
        };
        ChatRule {
            policy: Some(policy),
            require_mention: room.require_mention.or(own.require_mention),
            allow_from: room
                .users
                .as_deref()
                .map(|it| senders(it, SenderIds::Slack))
                .filter(|it| it.anyone || !it.listed.is_empty()),
        }
    };
    let listed = own.channels.iter().filter(|(id, _)| *id != "*");
    let mut listed: BTreeMap<PeerId, GroupRule> = listed
        .filter_map(|(id, room)| {
            let chat = rule(room);
            Some((PeerId::new(id).ok()?, GroupRule { chat, topics: BTreeMap::new() }))
        })
        .collect();
    // Conversations of several people have a list of their own, and need no mention.
    for id in ids(&own.dm.group_channels).iter().filter(|it| *it != "*") {
        let chat = rule(&Room { require_mention: Some(false), ..Room::default() });
        let named = GroupRule { chat, topics: BTreeMap::new() };
        listed.extend(PeerId::new(id).ok().map(|it| (it, named)));
    }
    // An open policy listens also where nothing is said of the channel.
    let any = own.channels.get("*").map(rule);
    let any = any.or_else(|| (policy == GroupPolicy::Open).then(|| rule(&Room::default())));
    let dm_policy = match own.dm.enabled {
        Some(false) => creel_core::admission::DmPolicy::Disabled,
        Some(true) | None => shared.dm_policy,
    };
    let groups = Groups { policy, allow_from: None, listed, any };
    AccountRules { dm_policy, groups, ..shared }
}

fn ids(entries: &[Value]) -> Vec<String> {
    entries.iter().filter_map(|it| SenderIds::Slack.read(it)).collect()
}

fn account(
    found: &accounts::Account,
    own: &Own,
    environment: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems<'_>,
) -> Option<slack::Account> {
    let mut secret = |name: &str, variable: &str, what: &str| {
        let given = environment(variable).filter(|it| !it.trim().is_empty());
        let given = found.text(name).or(given);
        let text = given.or_else(|| found.required(name, what, problems))?;
        Some(Secret::new(text.trim()))
    };
    let bot_token = secret("botToken", "SLACK_BOT_TOKEN", "the bot's token, `xoxb-…`");
    let mode = if let Some("http") = own.mode.as_deref() {
        let what = "what Slack signs its calls with";
        let signing_secret = secret("signingSecret", "SLACK_SIGNING_SECRET", what);
        let path = found.webhook_path_or(slack::WEBHOOK_PATH, problems);
        signing_secret.map(|signing_secret| Mode::Http { signing_secret, path })
    } else {
        let what = "the app's token, `xapp-…`, or `mode: \"http\"`";
        let app_token = secret("appToken", "SLACK_APP_TOKEN", what);
        app_token.map(|app_token| Mode::Socket { app_token })
    };
    let api_root = found.text("apiRoot").unwrap_or_else(|| API_ROOT.to_owned());
    if !is_http(&api_root) {
        let expected = "expected an address with `http://` or `https://`";
        problems.add(&format!("{}.apiRoot", found.path), format!("found `{api_root}`, {expected}"));
    }
    let group_dms = match (own.dm.group_enabled, &own.dm.group_channels) {
        (false, _) => GroupDms::Disabled,
        (true, listed) if listed.is_empty() => GroupDms::All,
        (true, listed) => GroupDms::Listed(ids(listed)),
    };
    Some(slack::Account {
        id: found.id.clone(),
        bot_token: bot_token?,
        mode: mode?,
        api_root: api_root.trim_end_matches('/').to_owned(),
        group_dms,
        memory: Memory::default(),
        media_bytes_max: found.media_bytes_max(MEDIA_MB_MAX),
    })
}

/// Two accounts of one app would each get half of its messages.
fn check_tokens(
    accounts: &BTreeMap<creel_core::ids::AccountId, channels::Account>,
    problems: &mut Problems<'_>,
) {
    let mut seen: Vec<(&Secret, &creel_core::ids::AccountId)> = Vec::new();
    for (id, account) in accounts {
        let channels::Account::Slack(account) = account else { continue };
        if let Some((_, other)) = seen.iter().find(|(it, _)| **it == account.bot_token) {
            let why = format!(
                "accounts `{other}` and `{id}` have the same token, expected a bot for each"
            );
            problems.add(&format!("channels.slack.accounts.{id}"), why);
        }
        seen.push((&account.bot_token, id));
    }
}
