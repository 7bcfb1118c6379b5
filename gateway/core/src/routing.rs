//! Which agent answers a message: bindings in tiers, most specific first.
//!
//! ```text
//!   peer > parent peer > peer of any id (2026.9) > guild and roles > guild > team > account > channel > default
//! ```
//!
//! Every field that a binding gives must match. Its most specific field chooses its tier; inside a tier the first binding
//! in configuration order wins. A binding for a guild and a peer therefore stands in tier `peer` alone and says nothing
//! about the rest of the guild.
//!
//! Bindings are indexed by (channel, place), so that a message looks at the few rows that could be about it.
//!
//! Source: contract, section 2.

mod agents;

use std::{collections::BTreeMap, fmt};

pub use self::agents::{Agents, Listed};
use crate::{
    ids::{AccountId, AgentId, Channel, GuildId, PeerId, RoleId, TeamId},
    origin::{Origin, Peer, PeerKind, Route, Thread},
    profile::{Profile, Version},
    session_key::Scopes,
};

/// The account that speaks where none is named.
const DEFAULT: &str = "default";

/// One row of `bindings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Who answers.
    pub agent: AgentId,
    /// On which channel.
    pub channel: Channel,
    /// For which of the channel's accounts.
    pub account: AccountMatch,
    /// For which chats.
    pub peer: Option<PeerMatch>,
    /// For which guild.
    pub guild: Option<GuildId>,
    /// For senders with at least one of these roles; empty for all senders.
    pub roles: Vec<RoleId>,
    /// For which team.
    pub team: Option<TeamId>,
    /// Which of its messages share a conversation.
    pub scopes: Scopes,
}

/// Which accounts a binding is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountMatch {
    /// The channel's default account, as when `accountId` is left out.
    Default,
    /// Every account of the channel, as `accountId: "*"` says.
    Any,
    /// This one.
    Exact(AccountId),
}

/// Which chats a binding is for. In both, `group` and `channel` match each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerMatch {
    /// This chat, and the threads in it that have no binding of their own.
    Exact(Peer),
    /// Every chat of a kind, as `id: "*"` says. `2026.3` reads `*` as a chat's name and so never matches it.
    AnyOfKind(PeerKind),
}

/// How specific a match was, most specific first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// The chat itself.
    Peer,
    /// The chat that the thread is in.
    ParentPeer,
    /// Any chat of its kind.
    PeerWildcard,
    /// The guild, and a role of the sender's.
    GuildRoles,
    /// The guild.
    Guild,
    /// The team.
    Team,
    /// The account.
    Account,
    /// The channel, whatever the account.
    Channel,
    /// No binding matched.
    Default,
}

impl Tier {
    /// The name that traces and reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::ParentPeer => "parent-peer",
            Self::PeerWildcard => "peer-wildcard",
            Self::GuildRoles => "guild-roles",
            Self::Guild => "guild",
            Self::Team => "team",
            Self::Account => "account",
            Self::Channel => "channel",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routed {
    /// This agent.
    To {
        /// Which.
        agent: AgentId,
        /// Why.
        tier: Tier,
        /// What the binding says about its conversations.
        scopes: Scopes,
    },
    /// Nobody: there are several agents, none is marked default, and no binding matched.
    SelectionRequired,
}

/// Something that the operator should hear about when the table is made. Rows count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A binding names an agent that is not configured, so its messages go to another.
    #[error(
        "binding {row} names agent `{agent}`, which is not configured: its messages go to `{instead}` (known agents: {})",
        list(known)
    )]
    UnknownAgent {
        /// The row.
        row: usize,
        /// The name that was not found.
        agent: AgentId,
        /// Who answers instead.
        instead: AgentId,
        /// The names that would have been found.
        known: Vec<AgentId>,
    },
    /// A binding is for every chat of a kind, which its version of the contract does not know.
    #[error(
        "binding {row} has peer id `*`, which 2026.3 reads as a chat's name: it matches no chat (expected a chat's id, \
         or no peer at all)"
    )]
    WildcardIsLiteral {
        /// The row.
        row: usize,
    },
    /// More than one agent is marked default.
    #[error(
        "{count} agents are marked default: `{chosen}`, the first of them, is (expected at most one)"
    )]
    SeveralDefaults {
        /// How many.
        count: usize,
        /// The one that is it.
        chosen: AgentId,
    },
}

/// Why a routing table was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A binding names an agent that is not configured.
    #[error(
        "binding {row} names agent `{agent}`, which is not configured (known agents: {})",
        list(known)
    )]
    UnknownAgent {
        /// The row, counted from 1.
        row: usize,
        /// The name that was not found.
        agent: AgentId,
        /// The names that would have been.
        known: Vec<AgentId>,
    },
}

/// All bindings, ready to be asked.
#[derive(Clone, Debug)]
pub struct RoutingTable {
    /// The rows of each place, in configuration order.
    rows: BTreeMap<(Channel, Place), Vec<Row>>,
    /// Who answers when no row matches.
    fallback: Option<AgentId>,
}

/// A binding's most specific field: where it is looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Peer(PeerId),
    AnyPeer,
    GuildRoles(GuildId),
    Guild(GuildId),
    Team(TeamId),
    Account(AccountId),
    Channel,
}

/// A binding with its default account filled in.
#[derive(Clone, Debug)]
struct Row {
    agent: AgentId,
    /// None for any.
    account: Option<AccountId>,
    /// The kind of its peer; the id is the place.
    kind: Option<PeerKind>,
    guild: Option<GuildId>,
    roles: Vec<RoleId>,
    team: Option<TeamId>,
    scopes: Scopes,
}

impl RoutingTable {
    /// Indexes `bindings`. `default_accounts` is the outcome of [`default_account`] for every channel; a channel that is
    /// not in it has the account `default`.
    ///
    /// # Errors
    ///
    /// From `2026.9` on, refuses a binding to an agent that is not configured.
    pub fn new(
        profile: &Profile,
        agents: &Agents,
        bindings: Vec<Binding>,
        default_accounts: &BTreeMap<Channel, AccountId>,
    ) -> Result<(Self, Vec<Warning>), Error> {
        let mut warnings = agents.warning().into_iter().collect::<Vec<_>>();
        let mut table = Self { rows: BTreeMap::new(), fallback: agents.fallback(profile) };
        let known = agents.known();
        for (index, mut binding) in bindings.into_iter().enumerate() {
            let row = index + 1;
            if !known.contains(&binding.agent) {
                let (agent, known) = (binding.agent, known.clone());
                match profile.version {
                    Version::V2026_3 => {
                        let instead = agents.first();
                        binding.agent = instead.clone();
                        warnings.push(Warning::UnknownAgent { row, agent, instead, known });
                    }
                    Version::V2026_9 => return Err(Error::UnknownAgent { row, agent, known }),
                }
            }
            if profile.version == Version::V2026_3
                && let Some(PeerMatch::AnyOfKind(kind)) = binding.peer
            {
                let id = PeerId::new("*").expect("`*` is a character");
                binding.peer = Some(PeerMatch::Exact(Peer { kind, id }));
                warnings.push(Warning::WildcardIsLiteral { row });
            }
            table.insert(binding, default_accounts);
        }
        Ok((table, warnings))
    }

    /// Who answers a message from `origin`.
    pub fn route(&self, origin: &Origin) -> Routed {
        let (peer, parent) = peer_and_parent(&origin.route);
        let guild = origin.guild.as_ref();
        let tiers = [
            (Tier::Peer, Some(Place::Peer(peer))),
            (Tier::ParentPeer, parent.map(Place::Peer)),
            (Tier::PeerWildcard, Some(Place::AnyPeer)),
            (Tier::GuildRoles, guild.cloned().map(Place::GuildRoles)),
            (Tier::Guild, guild.cloned().map(Place::Guild)),
            (Tier::Team, origin.team.clone().map(Place::Team)),
            (Tier::Account, Some(Place::Account(origin.route.account.clone()))),
            (Tier::Channel, Some(Place::Channel)),
        ];
        for (tier, place) in tiers {
            if let Some(row) = place.and_then(|place| self.first(place, origin)) {
                return Routed::To { agent: row.agent.clone(), tier, scopes: row.scopes };
            }
        }
        match &self.fallback {
            Some(agent) => {
                let (agent, scopes) = (agent.clone(), Scopes::default());
                Routed::To { agent, tier: Tier::Default, scopes }
            }
            None => Routed::SelectionRequired,
        }
    }

    fn first(&self, place: Place, origin: &Origin) -> Option<&Row> {
        let rows = self.rows.get(&(origin.route.channel.clone(), place))?;
        rows.iter().find(|row| row.matches(origin))
    }

    fn insert(&mut self, binding: Binding, default_accounts: &BTreeMap<Channel, AccountId>) {
        let Binding { agent, channel, account, peer, guild, roles, team, scopes } = binding;
        let account = match account {
            AccountMatch::Any => None,
            AccountMatch::Exact(account) => Some(account),
            AccountMatch::Default => {
                Some(default_accounts.get(&channel).cloned().unwrap_or_else(unnamed_account))
            }
        };
        let (kind, id) = match peer {
            Some(PeerMatch::Exact(Peer { kind, id })) => (Some(kind), Some(id)),
            Some(PeerMatch::AnyOfKind(kind)) => (Some(kind), None),
            None => (None, None),
        };
        let row = Row { agent, account, kind, guild, roles, team, scopes };
        self.rows.entry((channel, row.place(id))).or_default().push(row);
    }
}

impl Row {
    /// Roles without a guild narrow a binding but do not lift it: the tier of roles is one inside a guild.
    fn place(&self, peer: Option<PeerId>) -> Place {
        match (peer, self.kind, &self.guild, &self.team, &self.account) {
            (Some(id), ..) => Place::Peer(id),
            (None, Some(_), ..) => Place::AnyPeer,
            (None, None, Some(guild), ..) if self.roles.is_empty() => Place::Guild(guild.clone()),
            (None, None, Some(guild), ..) => Place::GuildRoles(guild.clone()),
            (None, None, None, Some(team), _) => Place::Team(team.clone()),
            (None, None, None, None, Some(account)) => Place::Account(account.clone()),
            (None, None, None, None, None) => Place::Channel,
        }
    }

    /// Whether every field that the binding gives matches; channel and peer id do, since the row was found by them.
    fn matches(&self, origin: &Origin) -> bool {
        let route = &origin.route;
        self.account.as_ref().is_none_or(|it| *it == route.account)
            && self.kind.is_none_or(|it| same_kind(it, route.peer.kind))
            && self.guild.as_ref().is_none_or(|it| origin.guild.as_ref() == Some(it))
            && self.team.as_ref().is_none_or(|it| origin.team.as_ref() == Some(it))
            && (self.roles.is_empty() || self.roles.iter().any(|it| origin.roles.contains(it)))
    }
}

/// A channel's default account: the one that `defaultAccount` names, else `default`, else the first by name.
pub fn default_account(declared: Option<&AccountId>, configured: &[AccountId]) -> AccountId {
    let unnamed = unnamed_account();
    match declared {
        Some(account) => account.clone(),
        None if configured.contains(&unnamed) => unnamed,
        None => configured.iter().min().cloned().unwrap_or(unnamed),
    }
}

fn unnamed_account() -> AccountId {
    AccountId::new(DEFAULT).expect("`default` has characters")
}

/// The id that an exact peer binding has to name, and that of the chat around it.
fn peer_and_parent(route: &Route) -> (PeerId, Option<PeerId>) {
    let chat = &route.peer.id;
    let peer = match &route.thread {
        None => return (chat.clone(), None),
        Some(Thread::Topic(topic)) => PeerId::new(&format!("{chat}:topic:{topic}")),
        Some(Thread::Thread(thread)) => PeerId::new(thread.as_str()),
    };
    (peer.expect("a thread's id has characters"), Some(chat.clone()))
}

fn same_kind(left: PeerKind, right: PeerKind) -> bool {
    (left == PeerKind::Direct) == (right == PeerKind::Direct)
}

fn list(ids: &[AgentId]) -> String {
    ids.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
