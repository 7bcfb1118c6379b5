//! `commands` and `session.sendPolicy`: who the owners are, who may give commands, which conversations are answered.

use std::collections::BTreeMap;

use creel_core::{
    admission::Senders,
    ids::{Channel, SenderId},
    origin::PeerKind,
    owners::{Commanders, Owners},
    profile::Version,
    send_policy::{Match, SendPolicy, Verdict},
};
use serde_json::Value;

use super::{channels::Found, raw};

/// The owners: those who are listed as such, else those whom the accounts' own lists name.
pub(super) fn owners(
    version: Version,
    document: &raw::Document,
    channels: &[Found],
    warnings: &mut Vec<String>,
) -> Owners {
    let listed = document.commands.owner_allow_from.as_deref().unwrap_or_default();
    if listed.is_empty() {
        let accounts = channels.iter().flat_map(|found| {
            let listed = found.rules.iter().map(|(id, (rules, _))| (id, &rules.allow_from.listed));
            listed.map(|(id, listed)| ((found.channel.clone(), id.clone()), listed.clone()))
        });
        return Owners::OfAccounts(accounts.filter(|(_, it)| !it.is_empty()).collect());
    }
    let entries: Vec<(Option<Channel>, String)> = listed.iter().map(entry).collect();
    if entries.iter().any(|(_, it)| it == "*") {
        match version {
            Version::V2026_3 => return Owners::Everybody,
            Version::V2026_9 => warnings.push(
                "commands.ownerAllowFrom: `*` makes nobody an owner (expected ids, as `telegram:123`)"
                    .to_owned(),
            ),
        }
    }
    let listed = entries.into_iter().filter(|(_, it)| it != "*");
    Owners::Listed(
        listed.filter_map(|(channel, it)| Some((channel, SenderId::new(&it).ok()?))).collect(),
    )
}

/// Ids stand in the file as texts or as numbers, with the channel's name before them or without.
fn entry(value: &Value) -> (Option<Channel>, String) {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = text.trim();
    let channel = text.split_once(':').and_then(|(name, id)| {
        let name = if name.eq_ignore_ascii_case("tg") { "telegram" } else { name };
        let is_name = name.chars().all(|it| it.is_ascii_alphabetic());
        Some((Channel::new(name).ok().filter(|_| is_name && name != "user")?, id.trim()))
    });
    match channel {
        Some((channel, id)) => (Some(channel), id.to_owned()),
        None => (None, text.trim_start_matches("user:").to_owned()),
    }
}

pub(super) fn commanders(document: &raw::Document) -> Commanders {
    let lists = document.commands.allow_from.iter().flatten().filter_map(|(channel, list)| {
        let channel = match channel.as_str() {
            "*" => None,
            name => Some(Channel::new(name).ok()?),
        };
        let entries: Vec<String> = list.iter().map(|it| entry(it).1).collect();
        Some((channel, Senders::of(entries.iter().map(String::as_str))))
    });
    Commanders(lists.collect::<BTreeMap<_, _>>())
}

pub(super) fn send_policy(document: &raw::Document) -> SendPolicy {
    let Some(policy) = &document.session.send_policy else { return SendPolicy::default() };
    let lower = |it: &Option<String>| {
        it.as_deref().map(|it| it.trim().to_lowercase()).filter(|it| !it.is_empty())
    };
    let rules = policy.rules.iter().map(|rule| {
        let raw::SendMatch { channel, chat_type, key_prefix, raw_key_prefix } = &rule.r#match;
        let matched = Match {
            channel: channel.as_deref().and_then(|it| Channel::new(it).ok()),
            chat: chat_type.as_deref().map(|it| match it {
                "group" => PeerKind::Group,
                "channel" => PeerKind::Channel,
                _ => PeerKind::Direct,
            }),
            key_prefix: lower(key_prefix),
            raw_key_prefix: lower(raw_key_prefix),
        };
        (matched, verdict(&rule.action))
    });
    let default = policy.default.as_deref().map(verdict).unwrap_or_default();
    SendPolicy { rules: rules.collect(), default }
}

fn verdict(action: &str) -> Verdict {
    if action == "deny" { Verdict::Deny } else { Verdict::Allow }
}
