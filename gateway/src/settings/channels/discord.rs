//! `channels.discord`: bots, who may write to them directly, and in which guilds they listen to whom.
//!
//! `apiRoot` is ours: OpenClaw has no key for Discord's address.

mod guilds;

use creel_core::{admission::AccountRules, egress::chunk::Utf16Units};
use creel_document::shape::{Field, Shape};
use serde_json::{Map, Value};

use super::{Found, accounts, channel};
use crate::{
    channels::{
        self,
        discord::{self, DirectChats},
    },
    clock::Rest,
    secret::Secret,
    settings::{
        Problems, Source,
        admission::SenderIds,
        agents::is_http,
        shape::{
            ALLOW_FROM, BLOCK_STREAMING, BOOL, CHANNEL_COALESCE, DM_POLICY, ENABLED, GROUP_POLICY,
            HISTORY_LIMIT, IDS, MEDIA_MAX_MB, TEXT, key, open, with_account,
        },
    },
};

/// Discord's own address.
const API_ROOT: &str = "https://discord.com";

/// The largest image, in MB, unless the file says otherwise.
const MEDIA_MB_MAX: u64 = 10;

const TOKEN: Field = key("token", &TEXT, "The bot's token.");
const API_ROOT_KEY: Field = key("apiRoot", &TEXT, "Discord's address, without `/api`.");
const DM: Field = key(
    "dm",
    &open(&[
        key("enabled", &BOOL, "Whether anybody may write directly."),
        key(
            "policy",
            &Shape::OneOf(&["open", "allowlist", "pairing", "disabled"]),
            "`dmPolicy`, as older files have it.",
        ),
        ALLOW_FROM,
    ]),
    "Direct chats, as older files have it.",
);
const GUILDS: Field = key("guilds", &Shape::MapOf(&GUILD), "Guilds by id, or `*`.");
const REQUIRE_MENTION: Field =
    key("requireMention", &BOOL, "Whether messages must speak to the bot.");
const USERS: Field = key("users", &IDS, "Who may speak here, or `*`.");
const ROLES: Field = key("roles", &IDS, "The roles whose holders may speak here.");
const GUILD: Shape = open(&[
    REQUIRE_MENTION,
    USERS,
    ROLES,
    key("channels", &Shape::MapOf(&ROOM), "Its channels and threads by id, or `*`."),
]);
const ROOM: Shape = open(&[
    key("allow", &BOOL, "Whether the bot listens here."),
    key("enabled", &BOOL, "The same."),
    REQUIRE_MENTION,
    USERS,
    ROLES,
]);
const ACCOUNT: &[Field] = &[
    ENABLED,
    TOKEN,
    API_ROOT_KEY,
    DM_POLICY,
    ALLOW_FROM,
    DM,
    GROUP_POLICY,
    GUILDS,
    HISTORY_LIMIT,
    MEDIA_MAX_MB,
    BLOCK_STREAMING,
    CHANNEL_COALESCE,
];
/// `channels.discord`.
pub(in crate::settings) const SHAPE: Shape = open(FIELDS);
const OWN: &[Field] = &[
    key("defaultAccount", &TEXT, "The account of bindings that name none."),
    key("accounts", &Shape::MapOf(&open(ACCOUNT)), "Several bots."),
    key(
        "textChunkLimit",
        &Shape::Integer { min: 16, max: 2_000 },
        "The longest text of a message.",
    ),
];
const FIELDS: &[Field] = &with_account::<{ OWN.len() + ACCOUNT.len() }>(OWN, ACCOUNT);

/// Keys that we do not have and must not ignore. They may stand in the channel or in an account.
const REFUSED: &[(&[&str], &str)] = &[
    (&["allowBots"], "it decides who may speak"),
    (&["autoThread"], "it decides where answers go"),
    (&["dangerouslyAllowNameMatching"], "it decides who may speak"),
    (&["dm", "groupChannels"], "it decides who may speak"),
    (&["dm", "groupEnabled"], "it decides who may speak"),
    (&["dms"], "it decides who may write directly"),
    (&["groups"], "it decides who may speak (Discord's groups are `guilds`)"),
    (&["groupAllowFrom"], "it decides who may speak (expected `users` or `roles` of a guild)"),
    (&["guilds", "*", "autoThread"], "it decides where answers go"),
    (&["guilds", "*", "channels", "*", "autoThread"], "it decides where answers go"),
    (&["guilds", "*", "channels", "*", "ignoreOtherMentions"], "it decides who may speak"),
    (&["guilds", "*", "ignoreOtherMentions"], "it decides who may speak"),
    (&["mentionPatterns"], "they decide who may speak"),
    (&["pluralkit"], "it decides who may speak"),
    (&["threadBindings"], "they decide who answers"),
];

/// Why a key cannot be ignored, by its path's parts; `*` stands for any one.
pub(in crate::settings) fn why_refused(matches: impl Fn(&[&str]) -> bool) -> Option<&'static str> {
    let found = REFUSED.iter().find(|(pattern, _)| {
        let after = |prefix: &[&'static str]| matches(&[prefix, *pattern].concat());
        after(&["channels", "discord"]) || after(&["channels", "discord", "accounts", "*"])
    });
    found.map(|(_, why)| *why)
}

/// What the file says of Discord; none if it says nothing.
pub(in crate::settings) fn read(
    source: &Source<'_>,
    value: Option<&Value>,
    problems: &mut Problems<'_>,
) -> Option<Found> {
    let value = modern(value?);
    let (found, default) = accounts::read(discord::CHANNEL, &value, SenderIds::Discord, problems);
    let mut rules = std::collections::BTreeMap::new();
    let mut accounts: std::collections::BTreeMap<_, channels::Account> = [].into();
    for one in &found {
        let guilds = guilds::read(one, problems);
        let rule = AccountRules { guilds: Some(guilds), ..one.rules.clone() };
        rules.insert(one.id.clone(), (rule, one.policy_path.clone()));
        // The default account's token may come from the environment instead.
        let given = (source.env)("DISCORD_BOT_TOKEN").filter(|_| default == one.id);
        let Some(account) = account(one, given, problems) else { continue };
        let same = |it: &&channels::Account| matches!(it, channels::Account::Discord(it) if it.token == account.token);
        if let Some(other) = accounts.values().find(same) {
            let why =
                format!("it has the same token as `{}`: expected a bot for each", other.name());
            problems.add(&one.path, why);
        }
        accounts.insert(one.id.clone(), channels::Account::Discord(account));
    }
    let limit = value.get("textChunkLimit").and_then(Value::as_u64);
    let limit = limit.and_then(|it| u32::try_from(it).ok()).unwrap_or(discord::TEXT_MAX);
    let limit = Utf16Units::new(limit).ok();
    Some(Found { channel: channel(discord::CHANNEL), accounts, rules, default, limit })
}

fn account(
    found: &accounts::Account,
    given: Option<String>,
    problems: &mut Problems<'_>,
) -> Option<discord::Account> {
    let token = found.text("token").or(given).map(|it| it.trim().to_owned());
    let token = token.map(|it| it.strip_prefix("Bot ").unwrap_or(&it).trim().to_owned());
    let token = token.filter(|it| !it.is_empty());
    if token.is_none() {
        problems.add(&found.path, "there is no `token`: expected the bot's token");
    }
    let api_root = found.text("apiRoot").unwrap_or_else(|| API_ROOT.to_owned());
    if !is_http(&api_root) {
        let expected = "expected an address with `http://` or `https://`";
        problems.add(&format!("{}.apiRoot", found.path), format!("found `{api_root}`, {expected}"));
    }
    let api_root = api_root.trim_end_matches('/').to_owned();
    let direct_chats = DirectChats::default();
    Some(discord::Account {
        id: found.id.clone(),
        token: Secret::new(token?),
        api_root,
        direct_chats,
        rest: Rest::default(),
        media_bytes_max: found.media_bytes_max(MEDIA_MB_MAX),
    })
}

/// The channel's value with `dm` read as `dmPolicy` and `allowFrom`, in itself and in its accounts. What is said the newer
/// way goes before.
fn modern(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(keys) = value.as_object_mut() {
        lift(keys);
        let accounts = keys.get_mut("accounts").and_then(Value::as_object_mut);
        accounts
            .into_iter()
            .flat_map(Map::values_mut)
            .filter_map(Value::as_object_mut)
            .for_each(lift);
    }
    value
}

fn lift(keys: &mut Map<String, Value>) {
    let Some(Value::Object(dm)) = keys.get("dm").cloned() else { return };
    if dm.get("enabled") == Some(&Value::Bool(false)) {
        keys.insert("dmPolicy".to_owned(), Value::from("disabled"));
    }
    for (old, new) in [("policy", "dmPolicy"), ("allowFrom", "allowFrom")] {
        if let Some(given) = dm.get(old) {
            keys.entry(new).or_insert_with(|| given.clone());
        }
    }
}
