//! Who may speak, per account: `dmPolicy`, `allowFrom`, `groupPolicy`, `groupAllowFrom` and `groups`.

use std::collections::BTreeMap;

use creel_core::{
    admission::{
        AccountRules, ChatRule, DmPolicy, Error, GroupPolicy, GroupRule, Groups, Pairings, Rules,
        Senders,
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
        .filter_map(|(name, account)| {
            Some(((channel(), AccountId::new(&name).ok()?), account_rules(&account)))
        })
        .collect();
    match Rules::new(rules) {
        Ok((rules, found)) => {
            warnings.extend(found.iter().map(ToString::to_string));
            let shared = rules.shared_conversations(scope, &Pairings::new(0));
            warnings.extend(shared.iter().map(ToString::to_string));
            Some(rules)
        }
        Err(error) => {
            let (Error::OpenToListed { account, .. } | Error::NobodyListed { account, .. }) = &error;
            // The account's own key where it has one, else the channel's, from which it takes over.
            let own = document.channels.telegram.as_ref().and_then(|it| it.accounts.get(account.as_str()));
            let path = match own.filter(|it| it.dm_policy.is_some()) {
                Some(_) => format!("channels.telegram.accounts.{account}.dmPolicy"),
                None => "channels.telegram.dmPolicy".to_owned(),
            };
            problems.add(&path, error.to_string());
            None
        }
    }
}

fn account_rules(account: &raw::TelegramAccount) -> AccountRules {
    let groups = account.groups.clone().unwrap_or_default();
    let any = groups.get("*").map(|it| chat_rule(it.require_mention, it.allow_from.as_ref()));
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
            policy: match account.group_policy.as_deref() {
                Some("open") => GroupPolicy::Open,
                Some("disabled") => GroupPolicy::Disabled,
                _ => GroupPolicy::Allowlist,
            },
            allow_from: account.group_allow_from.as_deref().map(senders),
            listed,
            any,
        },
    }
}

fn group_rule(group: &raw::Group) -> GroupRule {
    let topics = group.topics.iter().filter_map(|(id, topic)| {
        let rule = chat_rule(topic.require_mention, topic.allow_from.as_ref());
        Some((ThreadId::new(id).ok()?, rule))
    });
    GroupRule {
        chat: chat_rule(group.require_mention, group.allow_from.as_ref()),
        topics: topics.collect(),
    }
}

fn chat_rule(require_mention: Option<bool>, allow_from: Option<&Vec<Value>>) -> ChatRule {
    ChatRule { policy: None, require_mention, allow_from: allow_from.map(|it| senders(it)) }
}

/// Ids stand in the file as texts or as numbers.
fn senders(entries: &[Value]) -> Senders {
    let texts: Vec<String> = entries
        .iter()
        .map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned))
        .collect();
    Senders::of(texts.iter().map(String::as_str))
}
