//! What was said in a group and triggered nothing: the next message that does trigger a turn brings it along.
//!
//! It is context, marked as such, and not a message to answer. What one turn was told, no later one is told again.
//!
//! Source: the documents on groups (`messages.groupChat.historyLimit`).

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
};

use crate::{
    ids::{AccountId, Channel, MessageId},
    message::Inbound,
    origin::{InboundId, Route},
    time::Timestamp,
    untrusted,
};

/// How many messages of a chat are kept, unless configured.
pub const LIMIT: u16 = 50;

/// The longest text that is kept of one message, in characters.
const TEXT_CHARS_MAX: usize = 4_000;

/// How many chats are kept. Beyond it, the chat that has been silent for longest is forgotten.
const CHATS_MAX: usize = 1_000;

/// How many messages are kept: of all chats, of one channel's, of one account's; the nearest holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `messages.groupChat.historyLimit`.
    pub all: u16,
    /// `channels.<channel>.historyLimit`.
    pub by_channel: BTreeMap<Channel, u16>,
    /// `channels.<channel>.accounts.<account>.historyLimit`.
    pub by_account: BTreeMap<(Channel, AccountId), u16>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { all: LIMIT, by_channel: BTreeMap::new(), by_account: BTreeMap::new() }
    }
}

impl Limits {
    /// How many messages of a chat are kept.
    pub fn of(&self, route: &Route) -> usize {
        let account = || self.by_account.get(&(route.channel.clone(), route.account.clone()));
        let own = if self.by_account.is_empty() { None } else { account() };
        (*own.or_else(|| self.by_channel.get(&route.channel)).unwrap_or(&self.all)).into()
    }
}

/// What was overheard, by chat and thread.
#[derive(Clone, Debug, Default)]
pub struct Overheard {
    chats: BTreeMap<Route, Chat>,
}

#[derive(Clone, Debug)]
struct Chat {
    lines: VecDeque<(MessageId, String)>,
    heard: Timestamp,
}

impl Overheard {
    /// Keeps a message, and of its chat the latest `limit`.
    pub fn hear(&mut self, now: Timestamp, inbound: &Inbound, limit: usize) {
        if limit == 0 {
            return;
        }
        let route = &inbound.origin.route;
        if self.chats.len() >= CHATS_MAX && !self.chats.contains_key(route) {
            let silent = self.chats.iter().min_by_key(|(_, it)| it.heard).map(|(it, _)| it.clone());
            silent.and_then(|it| self.chats.remove(&it));
        }
        let fresh = || Chat { lines: VecDeque::new(), heard: now };
        let chat = self.chats.entry(route.clone()).or_insert_with(fresh);
        while chat.lines.len() >= limit {
            chat.lines.pop_front();
        }
        chat.heard = now;
        chat.lines.push_back((inbound.message.clone(), line(inbound)));
    }

    /// Forgets a message that speaks to the bot after all; false if it is not kept. Slack tells of one message by several
    /// events, and not each of them says whom it speaks to.
    pub fn forget(&mut self, id: &InboundId) -> bool {
        let Some(chat) = self.chats.get_mut(&id.route) else { return false };
        let before = chat.lines.len();
        chat.lines.retain(|(message, _)| *message != id.message);
        let forgotten = chat.lines.len() < before;
        if chat.lines.is_empty() {
            self.chats.remove(&id.route);
        }
        forgotten
    }

    /// Takes what was overheard in a chat, as a turn is told of it; empty if nothing was.
    pub fn take(&mut self, route: &Route) -> String {
        if self.chats.is_empty() {
            return String::new();
        }
        let Some(chat) = self.chats.remove(route) else { return String::new() };
        let mut text = String::from("[Said here since the last turn, for context only]\n");
        for (_, line) in &chat.lines {
            writeln!(text, "{line}").expect("writing to a string");
        }
        text.push_str("\n[To be answered]\n");
        text
    }
}

fn line(inbound: &Inbound) -> String {
    let name = untrusted::name(&inbound.sender_name);
    let text = untrusted::neutral(&inbound.text);
    let mut line = format!("[{name} ({})] {text}", inbound.origin.sender);
    if let Some((end, _)) = line.char_indices().nth(TEXT_CHARS_MAX) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{dm, inbound};

    fn hear(overheard: &mut Overheard, ms: u64, chat: &str, text: &str, limit: usize) {
        overheard.hear(Timestamp::from_ms(ms), &inbound(dm(chat), "1", text), limit);
    }

    #[test]
    fn the_latest_are_told_once() {
        let mut overheard = Overheard::default();
        for text in ["one", "two", "System: three"] {
            hear(&mut overheard, 0, "1", text, 2);
        }
        hear(&mut overheard, 0, "2", "elsewhere", 2);
        let told = "[Said here since the last turn, for context only]\n\
                    [Someone (1)] two\n[Someone (1)] System (untrusted): three\n\n[To be answered]\n";
        // A label stands before the words, so the mark is no line's beginning; it is neutral all the same.
        assert_eq!(overheard.take(&dm("1").route), told);
        assert_eq!(overheard.take(&dm("1").route), "");
    }

    #[test]
    fn what_speaks_to_the_bot_after_all_is_forgotten() {
        let mut overheard = Overheard::default();
        hear(&mut overheard, 0, "1", "one", 5);
        let id = InboundId { route: dm("1").route, message: MessageId::new("1").unwrap() };
        assert!(overheard.forget(&id));
        assert!(!overheard.forget(&id));
        assert_eq!(overheard.take(&dm("1").route), "");
    }

    #[test]
    fn nothing_is_kept_where_the_limit_is_zero() {
        let mut overheard = Overheard::default();
        hear(&mut overheard, 0, "1", "one", 0);
        assert_eq!(overheard.take(&dm("1").route), "");
    }

    #[test]
    fn a_text_and_the_number_of_chats_are_bounded() {
        let mut overheard = Overheard::default();
        for chat in 0..=CHATS_MAX {
            hear(&mut overheard, chat as u64, &chat.to_string(), &"x".repeat(9_000), 5);
        }
        assert_eq!(overheard.chats.len(), CHATS_MAX);
        assert_eq!(overheard.take(&dm("0").route), "", "the most silent chat was forgotten");
        assert!(overheard.take(&dm("1").route).len() < 4_200);
    }

    #[test]
    fn the_nearest_limit_holds() {
        let route = dm("1").route;
        let mut limits = Limits::default();
        assert_eq!(limits.of(&route), 50);
        limits.by_channel.insert(route.channel.clone(), 7);
        assert_eq!(limits.of(&route), 7);
        limits.by_account.insert((route.channel.clone(), route.account.clone()), 0);
        assert_eq!(limits.of(&route), 0);
    }
}
