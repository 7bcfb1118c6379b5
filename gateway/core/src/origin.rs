//! Where a message came from, and where its answer goes.

use crate::ids::{
    AccountId, Channel, GuildId, MessageId, PeerId, RoleId, SenderId, TeamId, ThreadId,
};

/// What kind of chat a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeerKind {
    /// One person. Configuration also says `dm`.
    Direct,
    /// Several people.
    Group,
    /// A room or channel of a workspace. Bindings let `group` and `channel` match each other.
    Channel,
}

/// A chat.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    /// What kind of chat.
    pub kind: PeerKind,
    /// Its id on the channel.
    pub id: PeerId,
}

/// A thread inside a chat. The two kinds differ in how bindings and session keys name them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thread {
    /// A Telegram forum topic: bindings know it as `<chat>:topic:<id>`, its parent is the chat.
    Topic(ThreadId),
    /// A Slack or Discord thread: bindings know it by its own id, its parent is the chat.
    Thread(ThreadId),
}

impl Thread {
    /// The thread's id on the channel.
    pub fn id(&self) -> &ThreadId {
        match self {
            Self::Topic(id) | Self::Thread(id) => id,
        }
    }
}

/// Where a reply goes: exactly where the message stood that caused it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The channel.
    pub channel: Channel,
    /// The account that speaks.
    pub account: AccountId,
    /// The chat.
    pub peer: Peer,
    /// The thread in the chat.
    pub thread: Option<Thread>,
}

/// Everything about a message's source that routing, sessions and admission may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where it stood, and so where its answer goes.
    pub route: Route,
    /// Who wrote it.
    pub sender: SenderId,
    /// The guild of a Discord message.
    pub guild: Option<GuildId>,
    /// The team of a Slack message.
    pub team: Option<TeamId>,
    /// The sender's roles in the guild.
    pub roles: Vec<RoleId>,
}

/// An inbound message's identity: equal for a redelivery, different for the same words from another sender or topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InboundId {
    /// Where it stood.
    pub route: Route,
    /// The platform's number for it.
    pub message: MessageId,
}
