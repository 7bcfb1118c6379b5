//! Which agent answers a message: a pure function of the bindings and of where the message was written.
//!
//! Source: contract, section 2.

use crate::context::{Binding, Channel, Configuration, Peer, PeerKind};

use super::version::Version;

/// Where a message was written, as routing sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The channel.
    pub channel: String,
    /// The account that received it.
    pub account: String,
    /// The chat, or the thread of a chat.
    pub peer: Option<Peer>,
    /// The chat, where the peer is a thread of it.
    pub parent: Option<Peer>,
    /// The guild.
    pub guild: Option<String>,
    /// The team.
    pub team: Option<String>,
    /// The roles of the sender.
    pub roles: Vec<String>,
}

/// How specific the rule was that decided, the most specific first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// A binding for exactly this chat.
    Peer,
    /// A binding for the chat that the thread is in.
    Parent,
    /// A binding for all chats of a kind.
    AnyPeer,
    /// A binding for a guild's members of a role.
    GuildRoles,
    /// A binding for a guild.
    Guild,
    /// A binding for a team.
    Team,
    /// A binding for one account.
    Account,
    /// A binding for a channel, whatever the account.
    Channel,
    /// No binding: whom the roster names.
    Default,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The agent's id as the roster has it. `None`: nobody, and the sender is told so.
    pub agent: Option<String>,
    /// What decided.
    pub tier: Tier,
    /// The binding that decided, by its place in the list.
    pub binding: Option<usize>,
    /// Whether that binding names an agent that there is not.
    pub is_unknown: bool,
}

/// Who answers a message written there. In each tier the first binding in order wins; the tier of a binding follows from
/// what it names.
pub fn route(configuration: &Configuration, version: Version, address: &Address) -> Decision {
    let matching = configuration.bindings.iter().enumerate().filter_map(|(index, binding)| {
        Some((tier(binding, configuration, version, address)?, index))
    });
    // `min` is the first of equals, and indexes rise.
    let Some((tier, index)) = matching.min() else {
        return Decision {
            agent: fallback(configuration, version),
            tier: Tier::Default,
            binding: None,
            is_unknown: false,
        };
    };
    let wanted = &configuration.bindings[index].agent;
    let known = configuration.agents.iter().find(|it| same_name(&it.id, wanted));
    let agent = known.map(|it| it.id.clone()).or_else(|| fallback(configuration, version));
    Decision { agent, tier, binding: Some(index), is_unknown: known.is_none() }
}

/// In which tier a binding matches, if it does. Every field that it has must match.
fn tier(
    binding: &Binding,
    configuration: &Configuration,
    version: Version,
    address: &Address,
) -> Option<Tier> {
    if normal(&binding.channel) != normal(&address.channel) {
        return None;
    }
    let channel = configuration.channels.iter().find(|(name, _)| same_name(name, &address.channel));
    let any_account = binding.account.as_ref().is_some_and(|it| it.trim() == "*");
    let account = match &binding.account {
        Some(account) if !account.trim().is_empty() => normal(account),
        _ => default_account(channel.map(|(_, it)| it)),
    };
    if !any_account && account != account_of(&address.account) {
        return None;
    }
    let same_id = |wanted: &Option<String>, found: &Option<String>| match (wanted, found) {
        (None, _) => true,
        (Some(wanted), Some(found)) => wanted.trim() == found.trim(),
        (Some(_), None) => false,
    };
    let holds_role = |role: &String| address.roles.iter().any(|it| it.trim() == role.trim());
    let roles_fit = binding.roles.is_empty() || binding.roles.iter().any(holds_role);
    if !same_id(&binding.guild, &address.guild)
        || !same_id(&binding.team, &address.team)
        || !roles_fit
    {
        return None;
    }
    if let Some(wanted) = &binding.peer {
        return peer_tier(wanted, version, address);
    }
    Some(match (&binding.guild, &binding.team) {
        (Some(_), _) if !binding.roles.is_empty() => Tier::GuildRoles,
        (Some(_), _) => Tier::Guild,
        (None, Some(_)) => Tier::Team,
        (None, None) if any_account => Tier::Channel,
        (None, None) => Tier::Account,
    })
}

fn peer_tier(wanted: &Peer, version: Version, address: &Address) -> Option<Tier> {
    let is_at =
        |found: &Peer| same_kind(wanted.kind, found.kind) && wanted.id.trim() == found.id.trim();
    if address.peer.as_ref().is_some_and(is_at) {
        return Some(Tier::Peer);
    }
    if address.parent.as_ref().is_some_and(is_at) {
        return Some(Tier::Parent);
    }
    let is_star = version == Version::September && wanted.id.trim() == "*";
    let of_kind = address.peer.as_ref().is_some_and(|it| same_kind(wanted.kind, it.kind));
    (is_star && of_kind).then_some(Tier::AnyPeer)
}

/// Groups and channels are one kind to bindings.
fn same_kind(one: PeerKind, other: PeerKind) -> bool {
    (one == PeerKind::Direct) == (other == PeerKind::Direct)
}

/// The account that a binding means which names none: the declared one, else `default`, else the first by name.
fn default_account(channel: Option<&Channel>) -> String {
    let Some(channel) = channel else { return "default".to_owned() };
    if let Some(declared) = channel.default_account.as_deref().filter(|it| !it.trim().is_empty()) {
        return normal(declared);
    }
    let mut names: Vec<String> = channel.accounts.iter().map(|it| normal(it)).collect();
    names.sort();
    let has_default = names.iter().any(|it| it == "default");
    let first = names.into_iter().next().filter(|_| !has_default);
    first.unwrap_or_else(|| "default".to_owned())
}

/// An account that is not named is `default`.
fn account_of(account: &str) -> String {
    let account = normal(account);
    if account.is_empty() { "default".to_owned() } else { account }
}

/// Who answers where no binding matches.
fn fallback(configuration: &Configuration, version: Version) -> Option<String> {
    let agents = &configuration.agents;
    let marked = agents.iter().find(|it| it.is_default);
    let agent = match version {
        Version::March => marked.or(agents.first()),
        Version::September => marked.or(agents.first().filter(|_| agents.len() == 1)),
    };
    match agent {
        Some(agent) => Some(agent.id.clone()),
        None if agents.is_empty() => Some("main".to_owned()),
        None => None,
    }
}

pub(super) fn same_name(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

pub(super) fn normal(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests;
