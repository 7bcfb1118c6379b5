//! Which conversation a message belongs to. Two messages share a session exactly when their keys are equal.
//!
//! A key here is made of parts, not of text, so that no part can pass for another one whatever characters it has.
//!
//! Source: contract, section 3.

use std::fmt;

use super::version::Version;
use crate::context::{Binding, Configuration, DmScope, GroupScope, Session};

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionKey {
    /// The agent, whose sessions are its own.
    pub agent: String,
    /// What the conversation is with.
    pub with: With,
}

/// What a conversation is with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum With {
    /// All who share the agent's main session.
    Main {
        /// `session.mainKey`.
        key: String,
    },
    /// One person.
    Person {
        /// The channel, where the scope keeps channels apart.
        channel: Option<String>,
        /// The account, where the scope keeps accounts apart.
        account: Option<String>,
        /// The person: an id, or a canonical name.
        peer: String,
        /// Whether it is a canonical name, which nobody's id can pass for.
        is_linked: bool,
    },
    /// One room, or one thread of it.
    Room {
        /// The channel.
        channel: String,
        /// `group` or `channel`.
        kind: &'static str,
        /// The room's id.
        id: String,
        /// The thread.
        thread: Option<Thread>,
    },
}

/// A thread of a room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thread {
    /// `thread` or `topic`, as the platform calls it.
    pub word: &'static str,
    /// Its id.
    pub id: String,
}

/// Who wrote where, as far as it makes the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaker<'a> {
    /// The channel.
    pub channel: &'a str,
    /// The account.
    pub account: &'a str,
    /// Where.
    pub at: At<'a>,
}

/// Where somebody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At<'a> {
    /// In a direct chat, with this sender.
    Direct(&'a str),
    /// In a group.
    Group(&'a str, Option<&'a str>),
    /// In a channel.
    Channel(&'a str, Option<&'a str>),
}

/// The conversation of a message for an agent, whom a binding may have chosen.
pub fn key(
    configuration: &Configuration,
    version: Version,
    agent: &str,
    binding: Option<&Binding>,
    speaker: Speaker<'_>,
) -> SessionKey {
    let session = &configuration.session;
    let own = binding.filter(|_| version == Version::September);
    let with = match speaker.at {
        At::Direct(peer) => {
            let scope = own.and_then(|it| it.dm_scope).or(session.dm_scope);
            person(session, version, scope.unwrap_or(DmScope::Main), peer, speaker)
        }
        At::Group(id, thread) => room(session, version, own, ("group", id, thread), speaker),
        At::Channel(id, thread) => room(session, version, own, ("channel", id, thread), speaker),
    };
    SessionKey { agent: lower(agent), with }
}

fn main(session: &Session, version: Version) -> With {
    let configured = session.main_key.as_deref().map(str::trim).filter(|it| !it.is_empty());
    let key = match version {
        Version::March => configured.unwrap_or("main"),
        Version::September => "main",
    };
    With::Main { key: lower(key) }
}

fn person(
    session: &Session,
    version: Version,
    scope: DmScope,
    peer: &str,
    speaker: Speaker<'_>,
) -> With {
    let channel = Some(lower(speaker.channel));
    let account = Some(lower(speaker.account)).filter(|it| !it.is_empty());
    let account = account.or(Some("default".to_owned()));
    let link = canonical(session, speaker.channel, peer);
    let is_linked = link.is_some();
    let peer = link.unwrap_or_else(|| lower(peer));
    match scope {
        DmScope::Main => main(session, version),
        DmScope::PerPeer => With::Person { channel: None, account: None, peer, is_linked },
        DmScope::PerChannelPeer => With::Person { channel, account: None, peer, is_linked },
        DmScope::PerAccountChannelPeer => With::Person { channel, account, peer, is_linked },
    }
}

/// The canonical name that a person is linked to.
fn canonical(session: &Session, channel: &str, peer: &str) -> Option<String> {
    let entry = format!("{}:{}", lower(channel), lower(peer));
    let is_linked = |entries: &Vec<String>| entries.iter().any(|it| lower(it) == entry);
    let link = session.identity_links.iter().find(|(_, entries)| is_linked(entries));
    link.map(|(name, _)| lower(name))
}

fn room(
    session: &Session,
    version: Version,
    binding: Option<&Binding>,
    (kind, id, thread): (&'static str, &str, Option<&str>),
    speaker: Speaker<'_>,
) -> With {
    let scope = binding.and_then(|it| it.group_scope).or(session.group_scope);
    if version == Version::September && scope == Some(GroupScope::Main) {
        return main(session, version);
    }
    let channel = lower(speaker.channel);
    let word = if channel == "telegram" { "topic" } else { "thread" };
    let thread = thread.map(|id| Thread { word, id: lower(id) });
    With::Room { channel, kind, id: lower(id), thread }
}

fn lower(part: &str) -> String {
    part.trim().to_lowercase()
}

impl SessionKey {
    /// `direct`, `group` or `thread`, as `session.resetByType` has it.
    pub fn kind(&self) -> &'static str {
        match &self.with {
            With::Main { .. } | With::Person { .. } => "direct",
            With::Room { thread: Some(_), .. } => "thread",
            With::Room { thread: None, .. } => "group",
        }
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "agent:{}", self.agent)?;
        match &self.with {
            With::Main { key } => write!(f, ":{key}"),
            With::Person { channel, account, peer, .. } => {
                for part in [channel, account].into_iter().flatten() {
                    write!(f, ":{part}")?;
                }
                write!(f, ":direct:{peer}")
            }
            With::Room { channel, kind, id, thread } => {
                write!(f, ":{channel}:{kind}:{id}")?;
                match thread {
                    Some(Thread { word, id }) => write!(f, ":{word}:{id}"),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
