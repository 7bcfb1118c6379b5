//! Chats as one bot sees them, and the messages in them.

use std::collections::{BTreeMap, VecDeque};

use super::{Error, call::Failure, files::Photo};
use crate::scenario::{Chat, ChatKind, SendFault};

/// How many messages a chat keeps. Older ones can no longer be edited, deleted or quoted.
pub(super) const MESSAGES_MAX: usize = 10_000;

/// The topic that every forum has. Its messages carry no thread, and the API refuses its number in sends.
const GENERAL: i64 = 1;

/// A person's direct chat, or a group with all its topics.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) id: i64,
    pub(super) kind: Kind,
    pub(super) members: Vec<Member>,
    pub(super) messages: BTreeMap<i64, Message>,
    /// The newest message id of a group. Direct chats take theirs from the bot's.
    pub(super) last_id: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Private,
    Group,
    Supergroup,
}

/// A chat of the scenario: a person in a room, or in one topic of it.
#[derive(Debug)]
pub(super) struct Member {
    /// The chat's name.
    pub(super) chat: String,
    pub(super) sender: i64,
    pub(super) thread: Option<i64>,
    pub(super) faults: VecDeque<SendFault>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: i64,
    /// Counts the platform's messages, so that a conversation can be listed in order.
    pub(super) order: u64,
    pub(super) author: Author,
    pub(super) thread: Option<i64>,
    pub(super) date: i64,
    pub(super) edited: Option<i64>,
    pub(super) text: String,
    pub(super) photo: Option<Photo>,
    pub(super) reply_to: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    Bot,
    Person(i64),
}

/// A scenario's chat with Telegram's numbers in place of its strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) room: i64,
    pub(super) thread: Option<i64>,
    pub(super) sender: i64,
}

impl Address {
    pub(super) fn parse(name: &str, chat: &Chat) -> Result<Self, Error> {
        let number = |what, found: &str, example| {
            found.parse::<i64>().map_err(|_| Error::NotANumber {
                chat: name.to_owned(),
                what,
                found: found.to_owned(),
                example,
            })
        };
        let wrong_sign = |what, found, expected| Error::WrongSign {
            chat: name.to_owned(),
            what,
            found,
            expected,
        };
        let sender = number("sender", &chat.sender, "3001")?;
        if sender <= 0 {
            return Err(wrong_sign("sender", sender, "positive"));
        }
        let ChatKind::Group { id, topic } = &chat.kind else {
            return Ok(Self { room: sender, thread: None, sender });
        };
        let room = number("group", id, "-100777")?;
        if room >= 0 {
            return Err(wrong_sign("group", room, "negative"));
        }
        let thread = topic.as_deref().map(|it| number("topic", it, "42")).transpose()?;
        Ok(Self { room, thread, sender })
    }
}

impl Room {
    pub(super) fn new(id: i64) -> Self {
        let kind = match id {
            1.. => Kind::Private,
            _ if id.to_string().starts_with("-100") => Kind::Supergroup,
            _ => Kind::Group,
        };
        Self { id, kind, members: Vec::new(), messages: BTreeMap::new(), last_id: 0 }
    }

    /// Whether the group has topics.
    pub(super) fn is_forum(&self) -> bool {
        self.members.iter().any(|it| it.thread.is_some())
    }

    /// The topic that a send with this `message_thread_id` appears in.
    pub(super) fn thread(&self, asked: Option<i64>) -> Result<Option<i64>, Failure> {
        let exists = |thread| self.members.iter().any(|it| it.thread == Some(thread));
        match asked {
            None if exists(GENERAL) => Ok(Some(GENERAL)),
            None => Ok(None),
            Some(thread) if thread != GENERAL && exists(thread) => Ok(Some(thread)),
            Some(_) => Err(Failure::bad_request("message thread not found")),
        }
    }

    /// What happens to the next send into a topic.
    pub(super) fn next_fault(&mut self, thread: Option<i64>) -> SendFault {
        let mut here = self.members.iter_mut().filter(|it| it.thread == thread);
        here.find_map(|it| it.faults.pop_front()).unwrap_or(SendFault::Accept)
    }

    pub(super) fn keep(&mut self, message: Message) {
        self.messages.insert(message.id, message);
        while self.messages.len() > MESSAGES_MAX {
            self.messages.pop_first();
        }
    }
}

/// The number of a topic as the wire carries it: the general topic's messages have none.
pub(super) fn wire_thread(thread: Option<i64>) -> Option<i64> {
    thread.filter(|it| *it != GENERAL)
}
