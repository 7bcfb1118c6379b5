//! Who may speak, per account: `dmPolicy`, `allowFrom`, `groupPolicy`, `groupAllowFrom` and `groups`.

use std::collections::BTreeMap;

use creel_core::{
    admission::{
        AccountRules, ChatRule, DmPolicy, GroupPolicy, GroupRule, Groups, Pairings, Rules, Senders,
    },
    ids::{AccountId, PeerId, ThreadId},
    session_key::DmScope,
};
use serde_json::Value;

use super::{Problems, channels::channel, raw};

pub(super) fn rules(
    document: &raw::Document,
    scope: DmScope,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<Rules> {
    let accounts = document.channels.telegram.as_ref().map(raw::Telegram::accounts);
    let rules: BTreeMap<_, _> = accounts
        .unwrap_or_default()
        .into_iter()
        .filter(|(_, account)| account.enabled != Some(false))
        .filter_map(|(name, account)| {
            Some(((channel(), AccountId::new(&name).ok()?), account_rules(&account)))
        })
        .collect();
    if let Some(telegram) = &document.channels.telegram {
        warnings.extend(unusable_entries(telegram));
    }
    // One account at a time, so that each is told what is wrong with it.
    for (account, one) in &rules {
        if let Err(error) = Rules::new([(account.clone(), one.clone())].into()) {
            problems.add(&policy_path(document, &account.1), error.to_string());
        }
    }
    let (rules, found) = Rules::new(rules).ok()?;
    warnings.extend(found.iter().map(ToString::to_string));
    let shared = rules.shared_conversations(scope, &Pairings::new(0));
    warnings.extend(shared.iter().map(ToString::to_string));
    Some(rules)
}

/// The account's own key where it has one, else the channel's, from which it takes over.
fn policy_path(document: &raw::Document, account: &AccountId) -> String {
    let accounts = document.channels.telegram.as_ref().map(|it| &it.accounts);
    let mut own = accounts.into_iter().flatten().filter(|(_, it)| it.dm_policy.is_some());
    match own.find(|(name, _)| AccountId::new(name).as_ref() == Ok(account)) {
        Some((name, _)) => format!("channels.telegram.accounts.{name}.dmPolicy"),
        None => "channels.telegram.dmPolicy".to_owned(),
    }
}

/// Entries of the sender lists that no sender can ever match: Telegram's senders are positive numbers.
fn unusable_entries(telegram: &raw::Telegram) -> Vec<String> {
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

fn is_usable(entry: &str) -> bool {
    entry == "*" || is_number(entry)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

fn account_rules(account: &raw::TelegramAccount) -> AccountRules {
    let groups = account.groups.clone().unwrap_or_default();
    let any = groups.get("*").map(|it| group_rule(it).chat);
    let listed = groups
        .iter()
        .filter(|(id, _)| *id != "*")
        .filter_map(|(id, group)| Some((PeerId::new(id).ok()?, group_rule(group))))
        .collect();
    AccountRules {
        dm_policy: match account.dm_policy.as_deref() {
            Some("open") => DmPolicy::Open,
            Some("allowlist") => DmPolicy::Allowlist,
            Some("disabled") => DmPolicy::Disabled,
            _ => DmPolicy::Pairing,
        },
        allow_from: senders(account.allow_from.as_deref().unwrap_or_default()),
        groups: Groups {
            policy: account.group_policy.as_deref().map(group_policy).unwrap_or_default(),
            allow_from: account.group_allow_from.as_deref().map(senders),
            listed,
            any,
        },
    }
}

fn group_rule(group: &raw::Group) -> GroupRule {
    let topics = group.topics.iter().filter_map(|(id, topic)| {
        let raw::Topic { enabled, policy, require_mention, allow_from } = topic;
        let policy = chat_policy(*enabled, policy.as_deref());
        let rule = ChatRule {
            policy,
            require_mention: *require_mention,
            allow_from: allow_from.as_deref().map(senders),
        };
        Some((ThreadId::new(id).ok()?, rule))
    });
    GroupRule {
        topics: topics.collect(),
        chat: ChatRule {
            policy: chat_policy(group.enabled, group.policy.as_deref()),
            require_mention: group.require_mention,
            allow_from: group.allow_from.as_deref().map(senders),
        },
    }
}

/// A chat that is not enabled is one in which nobody may speak.
fn chat_policy(enabled: Option<bool>, policy: Option<&str>) -> Option<GroupPolicy> {
    if enabled == Some(false) { Some(GroupPolicy::Disabled) } else { policy.map(group_policy) }
}

fn group_policy(name: &str) -> GroupPolicy {
    match name {
        "open" => GroupPolicy::Open,
        "disabled" => GroupPolicy::Disabled,
        _ => GroupPolicy::Allowlist,
    }
}

fn senders(entries: &[Value]) -> Senders {
    let entries: Vec<String> = entries.iter().map(sender).filter(|it| is_usable(it)).collect();
    Senders::of(entries.iter().map(String::as_str))
}

/// Ids stand in the file as texts or as numbers, with the channel's name before them or without.
fn sender(entry: &Value) -> String {
    let text = entry.as_str().map_or_else(|| entry.to_string(), str::to_owned);
    let id = match text.split_once(':') {
        Some((channel, id))
            if matches!(channel.trim().to_lowercase().as_str(), "telegram" | "tg") =>
        {
            id
        }
        _ => text.as_str(),
    };
    id.trim().to_owned()
}
