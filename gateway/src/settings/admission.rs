//! Who may speak, per account: `dmPolicy`, `allowFrom`, `groupPolicy`, `groupAllowFrom` and `groups`.

use std::collections::BTreeMap;

use creel_core::{
    admission::{
        AccountRules, ChatRule, DmPolicy, GroupPolicy, GroupRule, Groups, Pairings, Rules, Senders,
    },
    ids::{PeerId, ThreadId},
    session_key::DmScope,
};
use serde_json::Value;

use super::{Problems, channels::Found, raw};

pub(super) fn rules(
    channels: &[Found],
    scope: DmScope,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<Rules> {
    let mut all = BTreeMap::new();
    for Found { channel, rules, .. } in channels {
        for (account, (one, path)) in rules {
            let key = (channel.clone(), account.clone());
            // One account at a time, so that each is told what is wrong with it.
            if let Err(error) = Rules::new([(key.clone(), one.clone())].into()) {
                problems.add(path, error.to_string());
            }
            all.insert(key, one.clone());
        }
    }
    let (rules, found) = Rules::new(all).ok()?;
    warnings.extend(found.iter().map(ToString::to_string));
    let shared = rules.shared_conversations(scope, &Pairings::new(0));
    warnings.extend(shared.iter().map(ToString::to_string));
    Some(rules)
}

pub(super) fn is_usable(entry: &str) -> bool {
    entry == "*" || is_number(entry)
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

/// How a channel names senders.
#[derive(Clone, Copy, Debug)]
pub(super) enum SenderIds {
    /// Positive numbers, with the channel's name before them or without.
    Telegram,
    /// Phone numbers, however they are written: all but their digits is dropped.
    Phone,
    /// Numbers, with `discord:` or `user:` before them, as a mention, or plain.
    Discord,
    /// Any text.
    AsGiven,
    /// Words of capital letters and digits, with `slack:` or `user:` before them or without.
    Slack,
}

impl SenderIds {
    /// An entry of a list of senders, if it can match one.
    pub(super) fn read(self, entry: &Value) -> Option<String> {
        match self {
            Self::Telegram => Some(sender(entry)).filter(|it| is_usable(it)),
            Self::Phone => match text(entry) {
                any if any == "*" => Some(any),
                number => {
                    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
                    (!digits.is_empty()).then(|| format!("+{digits}"))
                }
            },
            Self::Discord => Some(discord_user(&text(entry))).filter(|it| is_usable(it)),
            Self::AsGiven => Some(text(entry)),
            Self::Slack => {
                let text = text(entry).to_uppercase();
                let id = text.strip_prefix("SLACK:").or(text.strip_prefix("USER:"));
                Some(id.unwrap_or(&text).trim().to_owned()).filter(|it| !it.is_empty())
            }
        }
    }
}

/// The keys about who may speak that most channels have, of one account.
pub(super) struct Policies<'a> {
    pub(super) senders: SenderIds,
    pub(super) dm_policy: Option<&'a str>,
    pub(super) allow_from: Option<&'a [Value]>,
    pub(super) group_policy: Option<&'a str>,
    pub(super) group_allow_from: Option<&'a [Value]>,
    pub(super) groups: Option<&'a BTreeMap<String, raw::Group>>,
}

pub(super) fn account_rules(policies: &Policies<'_>) -> AccountRules {
    let ids = policies.senders;
    let groups = policies.groups.cloned().unwrap_or_default();
    let any = groups.get("*").map(|it| group_rule(it, ids).chat);
    let listed = groups
        .iter()
        .filter(|(id, _)| *id != "*")
        .filter_map(|(id, group)| Some((PeerId::new(id).ok()?, group_rule(group, ids))))
        .collect();
    AccountRules {
        dm_policy: match policies.dm_policy {
            Some("open") => DmPolicy::Open,
            Some("allowlist") => DmPolicy::Allowlist,
            Some("disabled") => DmPolicy::Disabled,
            _ => DmPolicy::Pairing,
        },
        allow_from: senders(policies.allow_from.unwrap_or_default(), ids),
        groups: Groups {
            policy: policies.group_policy.map(group_policy).unwrap_or_default(),
            allow_from: policies.group_allow_from.map(|it| senders(it, ids)),
            listed,
            any,
        },
        guilds: None,
    }
}

fn group_rule(group: &raw::Group, ids: SenderIds) -> GroupRule {
    let topics = group.topics.iter().filter_map(|(id, topic)| {
        let raw::Topic { enabled, policy, require_mention, allow_from } = topic;
        let policy = chat_policy(*enabled, policy.as_deref());
        let rule = ChatRule {
            policy,
            require_mention: *require_mention,
            allow_from: allow_from.as_deref().map(|it| senders(it, ids)),
        };
        Some((ThreadId::new(id).ok()?, rule))
    });
    GroupRule {
        topics: topics.collect(),
        chat: ChatRule {
            policy: chat_policy(group.enabled, group.policy.as_deref()),
            require_mention: group.require_mention,
            allow_from: group.allow_from.as_deref().map(|it| senders(it, ids)),
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

pub(super) fn senders(entries: &[Value], ids: SenderIds) -> Senders {
    let entries: Vec<String> = entries.iter().filter_map(|it| ids.read(it)).collect();
    Senders::of(entries.iter().map(String::as_str))
}

fn discord_user(text: &str) -> String {
    let plain = text.trim_start_matches("<@").trim_start_matches('!').trim_end_matches('>');
    let id = match plain.split_once(':') {
        Some((kind, id)) if matches!(kind.to_lowercase().as_str(), "discord" | "user") => id,
        _ => plain,
    };
    id.trim().to_owned()
}

/// Ids stand in the file as texts or as numbers, with the channel's name before them or without.
pub(super) fn sender(entry: &Value) -> String {
    let text = text(entry);
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

fn text(entry: &Value) -> String {
    entry.as_str().map_or_else(|| entry.to_string(), |it| it.trim().to_owned())
}
