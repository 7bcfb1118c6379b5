//! `channels`, `bindings` and `session`: where people write, who may, who answers, in which conversation.

use std::collections::BTreeMap;

use creel_core::{
    egress::chunk::Utf16Units,
    ids::{AccountId, AgentId, Channel, GuildId, PeerId, RoleId, TeamId},
    origin::{Peer, PeerKind},
    profile::{Profile, Version},
    routing::{self, AccountMatch, Binding, PeerMatch, RoutingTable},
    session_key::{DmScope, KeyRules, MAIN_KEY},
};

use super::{
    Problems, Source,
    agents::{Roster, is_http},
    raw,
};
use crate::{channels::telegram, secret::Secret};

/// Telegram's own address.
const API_ROOT: &str = "https://api.telegram.org";

pub(super) fn channel() -> Channel {
    Channel::new(telegram::CHANNEL).expect("a constant name")
}

/// The accounts that receive.
pub(super) fn telegram(
    source: &Source<'_>,
    document: &raw::Document,
    problems: &mut Problems<'_>,
) -> BTreeMap<AccountId, telegram::Account> {
    let Some(telegram) = &document.channels.telegram else { return BTreeMap::new() };
    let default = default_accounts(document).remove(&channel());
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
        let given = || (source.env)("TELEGRAM_BOT_TOKEN").filter(|_| default.as_ref() == Some(&id));
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
        let account = telegram::Account { id: id.clone(), token, api_root };
        if found.insert(id.clone(), account).is_some() {
            problems.add(&path, format!("there are two accounts `{id}`: case does not matter"));
        }
    }
    found
}

pub(super) fn text_limits(document: &raw::Document) -> BTreeMap<Channel, Utf16Units> {
    let limit = document.channels.telegram.as_ref().and_then(|it| it.text_chunk_limit);
    let limit = limit.and_then(|it| Utf16Units::new(it.into()).ok());
    limit.map(|it| (channel(), it)).into_iter().collect()
}

pub(super) fn routing(
    profile: &Profile,
    document: &raw::Document,
    roster: &Roster,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<RoutingTable> {
    let before = problems.found.len();
    let rows: Vec<Binding> = document
        .bindings
        .iter()
        .enumerate()
        .filter_map(|(index, it)| binding(it, &format!("bindings[{index}]"), problems))
        .collect();
    if problems.found.len() > before {
        return None;
    }
    match RoutingTable::new(profile, &roster.listed, rows, &default_accounts(document)) {
        Ok((table, found)) => {
            warnings.extend(found.iter().map(ToString::to_string));
            Some(table)
        }
        Err(error) => {
            let routing::Error::UnknownAgent { row, .. } = &error;
            problems.add(&format!("bindings[{}].agentId", row - 1), error.to_string());
            None
        }
    }
}

fn default_accounts(document: &raw::Document) -> BTreeMap<Channel, AccountId> {
    let Some(telegram) = &document.channels.telegram else { return BTreeMap::new() };
    let account = |name: &String| AccountId::new(name).ok();
    let configured: Vec<AccountId> = telegram.accounts().keys().filter_map(account).collect();
    let declared = telegram.default_account.as_ref().and_then(account);
    [(channel(), routing::default_account(declared.as_ref(), &configured))].into()
}

fn binding(raw: &raw::Binding, path: &str, problems: &mut Problems<'_>) -> Option<Binding> {
    let raw::Match { channel, account_id, peer, guild_id, team_id, roles } = &raw.r#match;
    let mut empty = |key: &str, error: &dyn std::fmt::Display| {
        problems.add(&format!("{path}.{key}"), error.to_string());
    };
    let peer = match peer {
        None => None,
        Some(raw::Peer { kind, id }) => {
            let kind = match kind.as_str() {
                "group" => PeerKind::Group,
                "channel" => PeerKind::Channel,
                _ => PeerKind::Direct,
            };
            match (id.as_str(), PeerId::new(id)) {
                ("*", _) => Some(PeerMatch::AnyOfKind(kind)),
                (_, Ok(id)) => Some(PeerMatch::Exact(Peer { kind, id })),
                (_, Err(error)) => {
                    empty("match.peer.id", &error);
                    return None;
                }
            }
        }
    };
    let account = match account_id.as_deref().map(str::trim) {
        None | Some("") => AccountMatch::Default,
        Some("*") => AccountMatch::Any,
        Some(name) => AccountMatch::Exact(AccountId::new(name).ok()?),
    };
    Some(Binding {
        agent: AgentId::new(&raw.agent_id).map_err(|it| empty("agentId", &it)).ok()?,
        channel: Channel::new(channel).map_err(|it| empty("match.channel", &it)).ok()?,
        account,
        peer,
        guild: guild_id.as_ref().and_then(|it| GuildId::new(it).ok()),
        roles: roles.iter().filter_map(|it| RoleId::new(it).ok()).collect(),
        team: team_id.as_ref().and_then(|it| TeamId::new(it).ok()),
    })
}

pub(super) fn key_rules(
    version: Version,
    document: &raw::Document,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> KeyRules {
    let raw::Session { dm_scope, main_key, identity_links } = &document.session;
    let mut links = BTreeMap::new();
    for (name, ids) in identity_links {
        for (index, id) in ids.iter().enumerate() {
            let path = format!("session.identityLinks.{name}[{index}]");
            let linked = id.split_once(':').and_then(|(channel, peer)| {
                let key = (Channel::new(channel).ok()?, PeerId::new(peer).ok()?);
                Some((key, PeerId::new(name).ok()?))
            });
            match linked {
                Some((key, name)) => _ = links.insert(key, name),
                None => problems
                    .add(&path, format!("found `{id}`, expected `channel:id`, as `telegram:123`")),
            }
        }
    }
    let scope = DmScope::ALL.into_iter().find(|it| Some(it.name()) == dm_scope.as_deref());
    let main_key = main_key.as_deref().unwrap_or(MAIN_KEY);
    let (rules, warning) = KeyRules::new(version, scope.unwrap_or(DmScope::Main), main_key, &links);
    warnings.extend(warning.map(|it| it.to_string()));
    rules
}
