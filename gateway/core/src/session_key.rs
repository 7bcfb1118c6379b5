//! Which conversation a message belongs to. The key is also the permission boundary: nothing crosses it.
//!
//! ```text
//!   direct   main                      agent:<id>:<mainKey>
//!            per-peer                  agent:<id>:direct:<peer>
//!            per-channel-peer          agent:<id>:<channel>:direct:<peer>
//!            per-account-channel-peer  agent:<id>:<channel>:<account>:direct:<peer>
//!   group    main                      agent:<id>:<mainKey>
//!            per-group                 agent:<id>:<channel>:group:<chat>
//!   room                               agent:<id>:<channel>:channel:<chat>
//!   in a topic, in a thread            …:topic:<id>, …:thread:<id>
//!   sub-agent                          agent:<id>:subagent:<n>
//!   cron job                           agent:<id>:cron:<job>
//! ```
//!
//! The parts in angle brackets may hold anything, a `:` too, so that a chat named `3001:topic:42` could pass for a topic
//! of chat 3001. In them `%` is therefore written `%25` and `:` is written `%3a`; ids without either look as they are.
//!
//! Keys are lower-cased, so two chats whose ids differ in case alone share one. The platforms whose ids are words of
//! that kind (Signal's groups) draw them at random, and nobody can choose one to meet another.
//!
//! Source: contract, section 3.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::{
    ids::{AgentId, Channel, Empty, JobId, PeerId},
    origin::{Origin, PeerKind, Thread},
    profile::Version,
};

/// The main session's name, unless configured.
pub const MAIN_KEY: &str = "main";

/// Written before a peer's id that reads like somebody's canonical name. No id can hold it: its `%` would be `%25`.
const NOT_CANONICAL: &str = "%40";

/// The key of one conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(Arc<str>);

impl SessionKey {
    /// A key that somebody wrote down, in its canonical form: trimmed and lower-cased. Doing it twice changes nothing.
    ///
    /// # Errors
    ///
    /// Refuses a key without a character in it.
    pub fn canonical(text: &str) -> Result<Self, Empty> {
        match text.trim() {
            "" => Err(Empty { what: "a session key" }),
            found => Ok(Self(found.to_lowercase().into())),
        }
    }

    /// The key of an agent's sub-agent, counted over the gateway's life.
    pub fn of_subagent(agent: &AgentId, number: u64) -> Self {
        Self(format!("agent:{}:subagent:{number}", part(agent.as_str())).into())
    }

    /// The key of an agent's cron job.
    pub fn of_cron(agent: &AgentId, job: &JobId) -> Self {
        Self(format!("agent:{}:cron:{}", part(agent.as_str()), part(job.as_str())).into())
    }

    /// Whether it is one of an agent's, and says which.
    pub fn is_of(&self, agent: &AgentId) -> bool {
        let begins = format!("agent:{}:", part(agent.as_str()));
        self.0.strip_prefix(&begins).is_some_and(|it| !it.is_empty())
    }

    /// Whether it is a thread's.
    pub fn is_of_thread(&self) -> bool {
        self.0.contains(":thread:")
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which direct messages share a conversation: `session.dmScope`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DmScope {
    /// All of them, on every channel.
    #[default]
    Main,
    /// Those of one person, on every channel.
    PerPeer,
    /// Those of one person on one channel.
    PerChannelPeer,
    /// Those of one person to one account.
    PerAccountChannelPeer,
}

impl DmScope {
    /// Every scope, from the widest to the narrowest.
    pub const ALL: [Self; 4] =
        [Self::Main, Self::PerPeer, Self::PerChannelPeer, Self::PerAccountChannelPeer];

    /// The name that configuration uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::PerPeer => "per-peer",
            Self::PerChannelPeer => "per-channel-peer",
            Self::PerAccountChannelPeer => "per-account-channel-peer",
        }
    }
}

/// Which group messages share a conversation: `session.groupScope`. `2026.9` only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupScope {
    /// Those of one group or room; of one thread in it.
    #[default]
    PerGroup,
    /// All of them, with the agent's main conversation.
    Main,
}

/// What a binding says about the conversations of its messages; where it says nothing, `session` holds. `2026.9` only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Of direct chats.
    pub dm: Option<DmScope>,
    /// Of groups and rooms.
    pub group: Option<GroupScope>,
}

/// Something that the operator should hear about when the rules are made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// `session.mainKey` is set, and the version of the contract does not read it.
    #[error("session.mainKey is `{found}`, which 2026.9 does not read: the main session is `main`")]
    MainKeyIsFixed {
        /// What was configured.
        found: String,
    },
}

/// How origins become keys: `session` of the configuration.
#[derive(Clone, Debug)]
pub struct KeyRules {
    dm_scope: DmScope,
    group_scope: GroupScope,
    main_key: String,
    /// The canonical name of a channel's peer, both lower-cased and escaped.
    links: BTreeMap<(Channel, String), String>,
    /// Every canonical name, so that no stranger bears it.
    canonical: BTreeSet<String>,
}

impl Default for KeyRules {
    /// All direct messages in `agent:<id>:main`, nobody linked.
    fn default() -> Self {
        let links = BTreeMap::new();
        let main_key = MAIN_KEY.to_owned();
        let group_scope = GroupScope::default();
        Self { dm_scope: DmScope::Main, group_scope, main_key, links, canonical: BTreeSet::new() }
    }
}

impl KeyRules {
    /// Makes the rules. `identity_links` gives a channel's peer the canonical name that replaces its id in the isolating
    /// scopes. A main key without a character in it is `main`.
    pub fn new(
        version: Version,
        dm_scope: DmScope,
        main_key: &str,
        identity_links: &BTreeMap<(Channel, PeerId), PeerId>,
    ) -> (Self, Option<Warning>) {
        let (main_key, warning) = match (version, main_key.trim()) {
            (_, "" | MAIN_KEY) => (MAIN_KEY.to_owned(), None),
            (Version::V2026_3, found) => (part(found), None),
            (Version::V2026_9, found) => {
                (MAIN_KEY.to_owned(), Some(Warning::MainKeyIsFixed { found: found.to_owned() }))
            }
        };
        let link = |((channel, peer), name): (&(Channel, PeerId), &PeerId)| {
            ((channel.clone(), part(peer.as_str())), part(name.as_str()))
        };
        let links = identity_links.iter().map(link).collect::<BTreeMap<_, _>>();
        let canonical = links.values().cloned().collect();
        let group_scope = GroupScope::default();
        (Self { dm_scope, group_scope, main_key, links, canonical }, warning)
    }

    /// The same rules with another scope of groups.
    #[must_use]
    pub fn with_groups(self, group_scope: GroupScope) -> Self {
        Self { group_scope, ..self }
    }

    /// Which direct messages share a conversation.
    pub fn dm_scope(&self) -> DmScope {
        self.dm_scope
    }

    /// The main conversation of an agent.
    pub fn main(&self, agent: &AgentId) -> SessionKey {
        SessionKey(format!("agent:{}:{}", part(agent.as_str()), self.main_key).into())
    }

    /// The conversation of an agent that somebody calls by a name alone: `main` is the main one.
    pub fn named(&self, agent: &AgentId, name: &SessionKey) -> SessionKey {
        match name.as_str() {
            MAIN_KEY => self.main(agent),
            name => SessionKey(format!("agent:{}:{name}", part(agent.as_str())).into()),
        }
    }

    /// The conversation of `agent` that a message from `origin` belongs to.
    pub fn key(&self, agent: &AgentId, origin: &Origin) -> SessionKey {
        self.key_in(agent, origin, Scopes::default())
    }

    /// The same, where the message's binding may have scopes of its own.
    pub fn key_in(&self, agent: &AgentId, origin: &Origin, scopes: Scopes) -> SessionKey {
        let route = &origin.route;
        let agent = part(agent.as_str());
        let is_group = route.peer.kind != PeerKind::Direct;
        if is_group && scopes.group.unwrap_or(self.group_scope) == GroupScope::Main {
            return SessionKey(format!("agent:{agent}:{}", self.main_key).into());
        }
        let channel = part(route.channel.as_str());
        let chat = part(route.peer.id.as_str());
        let mut key = match (route.peer.kind, scopes.dm.unwrap_or(self.dm_scope)) {
            (PeerKind::Group, _) => format!("agent:{agent}:{channel}:group:{chat}"),
            (PeerKind::Channel, _) => format!("agent:{agent}:{channel}:channel:{chat}"),
            (PeerKind::Direct, DmScope::Main) => format!("agent:{agent}:{}", self.main_key),
            (PeerKind::Direct, DmScope::PerPeer) => {
                format!("agent:{agent}:direct:{}", self.person(&route.channel, chat))
            }
            (PeerKind::Direct, DmScope::PerChannelPeer) => {
                format!("agent:{agent}:{channel}:direct:{}", self.person(&route.channel, chat))
            }
            (PeerKind::Direct, DmScope::PerAccountChannelPeer) => {
                let account = part(route.account.as_str());
                let person = self.person(&route.channel, chat);
                format!("agent:{agent}:{channel}:{account}:direct:{person}")
            }
        };
        match &route.thread {
            None => (),
            Some(Thread::Topic(id)) => key.extend([":topic:", part(id.as_str()).as_str()]),
            Some(Thread::Thread(id)) => key.extend([":thread:", part(id.as_str()).as_str()]),
        }
        SessionKey(key.into())
    }

    /// What stands for a peer in a key: its canonical name, else its id, marked if that is somebody's canonical name.
    fn person(&self, channel: &Channel, peer: String) -> String {
        let looked_up = (channel.clone(), peer);
        match self.links.get(&looked_up) {
            Some(name) => name.clone(),
            None if self.canonical.contains(&looked_up.1) => {
                format!("{NOT_CANONICAL}{}", looked_up.1)
            }
            None => looked_up.1,
        }
    }
}

/// An untrusted part of a key: lower-cased, and without a `:` of its own.
fn part(text: &str) -> String {
    let lower = text.to_lowercase();
    if lower.contains(['%', ':']) { lower.replace('%', "%25").replace(':', "%3a") } else { lower }
}

#[cfg(test)]
mod tests;
