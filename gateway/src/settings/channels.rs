//! `channels`, `bindings` and `session`: where people write, who may, who answers, in which conversation.

mod accounts;
pub(super) mod discord;
pub(super) mod slack;
pub(super) mod telegram;
pub(super) mod webhook;
pub(super) mod whatsapp;

use std::collections::BTreeMap;

use creel_core::{
    admission::AccountRules,
    egress::chunk::Utf16Units,
    ids::{AccountId, AgentId, Channel, GuildId, PeerId, RoleId, TeamId},
    origin::{Peer, PeerKind},
    profile::{Profile, Version},
    routing::{self, AccountMatch, Binding, PeerMatch, RoutingTable},
    session_key::{DmScope, GroupScope, KeyRules, MAIN_KEY, Scopes},
};

use super::{Problems, Source, agents::Roster, raw};
use crate::channels::Account;

/// What the file says of one channel.
pub(super) struct Found {
    pub(super) channel: Channel,
    /// The accounts that receive.
    pub(super) accounts: BTreeMap<AccountId, Account>,
    /// Who may speak to each, and the key in the file that decides it.
    pub(super) rules: BTreeMap<AccountId, (AccountRules, String)>,
    /// The account of bindings that name none.
    pub(super) default: AccountId,
    /// The longest text that it takes, where the file says so.
    pub(super) limit: Option<Utf16Units>,
}

impl Found {
    /// The channel's accounts, its default one apart.
    pub(super) fn account_ids(&self) -> (Channel, (AccountId, Vec<AccountId>)) {
        let all = self.accounts.keys().cloned().collect();
        (self.channel.clone(), (self.default.clone(), all))
    }

    /// The accounts, as the gateway tells all of them apart.
    pub(super) fn into_accounts(self) -> impl Iterator<Item = ((Channel, AccountId), Account)> {
        let Self { channel, accounts, .. } = self;
        accounts.into_iter().map(move |(id, account)| ((channel.clone(), id), account))
    }
}

/// Every channel that the file names.
pub(super) fn read(
    source: &Source<'_>,
    document: &raw::Document,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Vec<Found> {
    let raw::Channels { discord, slack, telegram, webhook, whatsapp } = &document.channels;
    let found: Vec<Found> = [
        telegram::read(source, telegram.as_ref(), problems, warnings),
        discord::read(source, discord.as_ref(), problems),
        slack::read(source, slack.as_ref(), problems),
        webhook::read(webhook.as_ref(), problems),
        whatsapp::read(whatsapp.as_ref(), problems),
    ]
    .into_iter()
    .flatten()
    .collect();
    check_paths(&found, problems);
    found
}

/// Each account that is called needs a path of its own, or one would take the other's messages.
fn check_paths(found: &[Found], problems: &mut Problems<'_>) {
    let mut taken: BTreeMap<&str, String> = BTreeMap::new();
    let accounts =
        found.iter().flat_map(|it| it.accounts.values().map(move |account| (it, account)));
    for (Found { channel, .. }, account) in accounts {
        let Some(path) = account.path() else { continue };
        let name = account.name();
        if let Some(other) = taken.insert(path, name.clone()) {
            let why = format!("`{other}` and `{name}` have the same path `{path}` on our port");
            problems.add(&format!("channels.{channel}"), why);
        }
    }
}

fn channel(name: &'static str) -> Channel {
    Channel::new(name).expect("a constant name")
}

/// The longest text of each channel that has another than the usual one.
pub(super) fn text_limits(found: &[Found]) -> BTreeMap<Channel, Utf16Units> {
    found.iter().filter_map(|it| Some((it.channel.clone(), it.limit?))).collect()
}

pub(super) fn routing(
    profile: &Profile,
    document: &raw::Document,
    (channels, roster): (&[Found], &Roster),
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<RoutingTable> {
    let before = problems.found.len();
    let rows: Vec<Binding> = document
        .bindings
        .iter()
        .enumerate()
        .filter_map(|(index, it)| {
            let path = format!("bindings[{index}]");
            if it.session.is_some() && profile.version == Version::V2026_3 {
                let why = "2026.3 has no scopes of a binding's own: use `session.dmScope`";
                problems.add(&format!("{path}.session"), why);
            }
            binding(it, &path, problems)
        })
        .collect();
    if problems.found.len() > before {
        return None;
    }
    let defaults = channels.iter().map(|it| (it.channel.clone(), it.default.clone())).collect();
    match RoutingTable::new(profile, &roster.listed, rows, &defaults) {
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
        scopes: Scopes {
            dm: raw.session.as_ref().and_then(|it| dm_scope(it.dm_scope.as_deref())),
            group: raw.session.as_ref().and_then(|it| group_scope(it.group_scope.as_deref())),
        },
    })
}

pub(super) fn key_rules(
    version: Version,
    document: &raw::Document,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> KeyRules {
    let raw::Session { main_key, identity_links, .. } = &document.session;
    let session = &document.session;
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
    if session.group_scope.is_some() && version == Version::V2026_3 {
        problems.add(
            "session.groupScope",
            "2026.3 has no scope of groups: each is a session of its own",
        );
    }
    let scope = dm_scope(session.dm_scope.as_deref());
    let groups = group_scope(session.group_scope.as_deref()).unwrap_or_default();
    let main_key = main_key.as_deref().unwrap_or(MAIN_KEY);
    let (rules, warning) = KeyRules::new(version, scope.unwrap_or(DmScope::Main), main_key, &links);
    warnings.extend(warning.map(|it| it.to_string()));
    rules.with_groups(groups)
}

fn dm_scope(name: Option<&str>) -> Option<DmScope> {
    DmScope::ALL.into_iter().find(|it| Some(it.name()) == name)
}

fn group_scope(name: Option<&str>) -> Option<GroupScope> {
    match name {
        Some("main") => Some(GroupScope::Main),
        Some("per-group") => Some(GroupScope::PerGroup),
        _ => None,
    }
}
