//! `channels.telegram`: bots, and who may speak to them.

use std::collections::BTreeMap;

use creel_core::{admission::AccountRules, egress::chunk::Utf16Units, ids::AccountId, routing};
use creel_document::shape::{Field, Shape};
use serde::Deserialize;

use super::{Found, channel};
use crate::{
    channels::{self, telegram},
    media::MIB,
    secret::Secret,
    settings::{
        Problems, Source,
        admission::{Policies, SenderIds, account_rules, is_number, is_usable, sender},
        agents::is_http,
        raw::Group,
        shape::{
            ALLOW_FROM, BLOCK_STREAMING, CHANNEL_COALESCE, DM_POLICY, ENABLED, GROUP_ALLOW_FROM,
            GROUP_POLICY, GROUPS, HISTORY_LIMIT, MEDIA_MAX_MB, TEXT, key, open, with_account,
        },
    },
};

/// Telegram's own address.
const API_ROOT: &str = "https://api.telegram.org";

/// The largest image, in MB, unless the file says otherwise.
const MEDIA_MB_MAX: u16 = 100;

const BOT_TOKEN: Field = key("botToken", &TEXT, "The bot's token.");
const API_ROOT_KEY: Field = key("apiRoot", &TEXT, "The Bot API's address.");
const TEXT_CHUNK_LIMIT: Field = key(
    "textChunkLimit",
    &Shape::Integer { min: 1, max: 4_096 },
    "The longest text of one message.",
);
const ACCOUNT: &[Field] = &[
    ENABLED,
    BOT_TOKEN,
    API_ROOT_KEY,
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
/// `channels.telegram`.
pub(in crate::settings) const SHAPE: Shape = open(FIELDS);
const OWN: &[Field] = &[
    key("defaultAccount", &TEXT, "The account of bindings that name none."),
    key("accounts", &Shape::MapOf(&open(ACCOUNT)), "Several bots."),
    TEXT_CHUNK_LIMIT,
];
const FIELDS: &[Field] = &with_account::<{ OWN.len() + ACCOUNT.len() }>(OWN, ACCOUNT);

/// The channel's own fields are those of an account: they hold for accounts that do not say otherwise.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::settings) struct Telegram {
    default_account: Option<String>,
    accounts: BTreeMap<String, Account>,
    enabled: Option<bool>,
    bot_token: Option<String>,
    api_root: Option<String>,
    dm_policy: Option<String>,
    allow_from: Option<Vec<serde_json::Value>>,
    group_policy: Option<String>,
    group_allow_from: Option<Vec<serde_json::Value>>,
    groups: Option<BTreeMap<String, Group>>,
    text_chunk_limit: Option<u16>,
    media_max_mb: Option<u16>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::settings) struct Account {
    enabled: Option<bool>,
    bot_token: Option<String>,
    api_root: Option<String>,
    dm_policy: Option<String>,
    allow_from: Option<Vec<serde_json::Value>>,
    group_policy: Option<String>,
    group_allow_from: Option<Vec<serde_json::Value>>,
    groups: Option<BTreeMap<String, Group>>,
    media_max_mb: Option<u16>,
}

impl Telegram {
    /// Every account with what it takes over from the channel. Without `accounts` there is one, `default`, if only to be
    /// told what it lacks.
    fn accounts(&self) -> BTreeMap<String, Account> {
        let mut accounts = self.accounts.clone();
        if accounts.is_empty() {
            accounts.insert("default".to_owned(), Account::default());
        }
        for account in accounts.values_mut() {
            let or = |own: &mut Option<String>, shared: &Option<String>| {
                *own = own.take().or_else(|| shared.clone());
            };
            account.enabled = account.enabled.or(self.enabled);
            or(&mut account.bot_token, &self.bot_token);
            or(&mut account.api_root, &self.api_root);
            or(&mut account.dm_policy, &self.dm_policy);
            or(&mut account.group_policy, &self.group_policy);
            account.allow_from = account.allow_from.take().or_else(|| self.allow_from.clone());
            account.group_allow_from =
                account.group_allow_from.take().or_else(|| self.group_allow_from.clone());
            account.groups = account.groups.take().or_else(|| self.groups.clone());
            account.media_max_mb = account.media_max_mb.or(self.media_max_mb);
        }
        accounts
    }
}

impl Account {
    fn rules(&self) -> AccountRules {
        account_rules(&Policies {
            senders: SenderIds::Telegram,
            dm_policy: self.dm_policy.as_deref(),
            allow_from: self.allow_from.as_deref(),
            group_policy: self.group_policy.as_deref(),
            group_allow_from: self.group_allow_from.as_deref(),
            groups: self.groups.as_ref(),
        })
    }
}

/// What the file says of Telegram; none if it says nothing.
pub(in crate::settings) fn read(
    source: &Source<'_>,
    telegram: Option<&Telegram>,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<Found> {
    let telegram = telegram?;
    let names = telegram.accounts();
    let id = |name: &String| AccountId::new(name).ok();
    let configured: Vec<AccountId> = names.keys().filter_map(id).collect();
    let declared = telegram.default_account.as_ref().and_then(id);
    let default = routing::default_account(declared.as_ref(), &configured);
    let rules = names
        .iter()
        .filter(|(_, account)| account.enabled != Some(false))
        .filter_map(|(name, account)| {
            let own = telegram.accounts.get(name).is_some_and(|it| it.dm_policy.is_some());
            let holder = if own { format!("accounts.{name}.") } else { String::new() };
            let path = format!("channels.telegram.{holder}dmPolicy");
            Some((id(name)?, (account.rules(), path)))
        })
        .collect();
    warnings.extend(unusable_entries(telegram));
    let limit = telegram.text_chunk_limit.and_then(|it| Utf16Units::new(it.into()).ok());
    let accounts = accounts(source, telegram, &default, problems)
        .into_iter()
        .map(|(id, account)| (id, channels::Account::Telegram(account)))
        .collect();
    Some(Found { channel: channel(telegram::CHANNEL), accounts, rules, default, limit })
}

/// The accounts that receive.
fn accounts(
    source: &Source<'_>,
    telegram: &Telegram,
    default: &AccountId,
    problems: &mut Problems<'_>,
) -> BTreeMap<AccountId, telegram::Account> {
    let mut found = BTreeMap::<AccountId, telegram::Account>::new();
    for (name, account) in telegram.accounts() {
        let path = format!("channels.telegram.accounts.{name}");
        let Ok(id) = AccountId::new(&name) else {
            problems.add(&path, "the account's name is empty");
            continue;
        };
        if account.enabled == Some(false) {
            continue;
        }
        // The default account's token may come from the environment instead.
        let given = || (source.env)("TELEGRAM_BOT_TOKEN").filter(|_| *default == id);
        let token = account.bot_token.or_else(given).filter(|it| !it.trim().is_empty());
        let Some(token) = token.map(|it| Secret::new(it.trim())) else {
            problems.add(&path, "there is no `botToken`: expected the token that @BotFather gave");
            continue;
        };
        let api_root = account.api_root.unwrap_or_else(|| API_ROOT.to_owned());
        if !is_http(&api_root) {
            let own = telegram.accounts.get(&name).is_some_and(|it| it.api_root.is_some());
            let holder = if own { path.as_str() } else { "channels.telegram" };
            let expected = "expected an address with `http://` or `https://`";
            problems.add(&format!("{holder}.apiRoot"), format!("found `{api_root}`, {expected}"));
        }
        let api_root = api_root.trim_end_matches('/').to_owned();
        if let Some(other) = found.values().find(|it| it.token == token) {
            let why = format!(
                "accounts `{}` and `{id}` have the same token, expected a bot for each",
                other.id
            );
            problems.add(&path, why);
        }
        let media_bytes_max = usize::from(account.media_max_mb.unwrap_or(MEDIA_MB_MAX)) * MIB;
        let account = telegram::Account { id: id.clone(), token, api_root, media_bytes_max };
        if found.insert(id.clone(), account).is_some() {
            problems.add(&path, format!("there are two accounts `{id}`: case does not matter"));
        }
    }
    found
}

/// Entries of the sender lists that no sender can ever match: Telegram's senders are positive numbers.
fn unusable_entries(telegram: &Telegram) -> Vec<String> {
    let top = "channels.telegram".to_owned();
    let mut lists = vec![
        (format!("{top}.allowFrom"), &telegram.allow_from),
        (format!("{top}.groupAllowFrom"), &telegram.group_allow_from),
    ];
    let mut groups = vec![(top.clone(), &telegram.groups)];
    for (name, account) in &telegram.accounts {
        let path = format!("{top}.accounts.{name}");
        lists.push((format!("{path}.allowFrom"), &account.allow_from));
        lists.push((format!("{path}.groupAllowFrom"), &account.group_allow_from));
        groups.push((path, &account.groups));
    }
    for (path, groups) in groups {
        for (id, group) in groups.iter().flatten() {
            lists.push((format!("{path}.groups.{id}.allowFrom"), &group.allow_from));
            for (topic, rule) in &group.topics {
                let path = format!("{path}.groups.{id}.topics.{topic}.allowFrom");
                lists.push((path, &rule.allow_from));
            }
        }
    }
    let entries = lists.iter().flat_map(|(path, list)| {
        list.iter().flatten().enumerate().map(move |(index, it)| (path, index, sender(it)))
    });
    let unusable = entries.filter_map(|(path, index, entry)| {
        let why = match entry.strip_prefix('-') {
            _ if is_usable(&entry) => return None,
            Some(digits) if is_number(digits) => {
                "is a group's id and matches no sender (expected a user's id; groups go under `groups`)"
            }
            _ => "matches no sender (expected a user's numeric id, or `*`)",
        };
        Some(format!("{path}[{index}]: `{entry}` {why}"))
    });
    unusable.collect()
}
