//! The platform: bots with their sessions, channels, and what was written in them.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use axum::http::{HeaderMap, header};
use creel_judge::trace::{Kind, Place};
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use super::{Bot, CHANNEL, files::File, intents, wire};
use crate::{
    declared,
    recorder::Recorder,
    scenario::{Chat, ChatKind, Cut, SendFault},
    twins::Inbound,
};

/// How many events a session keeps to be played again, and a connection has before it: what a client does not read, it finds
/// when it resumes.
pub(super) const EVENTS_MAX: usize = 10_000;

/// How often a bot may log in a day, and so in a scenario.
pub(super) const LOGINS_MAX: usize = 1_000;

/// How long after a login the next one may come, in microseconds.
const LOGINS_APART_US: i64 = 5_000_000;

/// How many messages the platform keeps.
const MESSAGES_MAX: usize = 10_000;

#[derive(Debug)]
pub(super) struct State {
    pub(super) recorder: Recorder,
    pub(super) bots: Vec<Bot>,
    pub(super) chats: BTreeMap<String, Member>,
    pub(super) sessions: BTreeMap<String, Session>,
    /// Everything that was written and not deleted, in order.
    pub(super) messages: VecDeque<Message>,
    /// What people wrote, by the messages' names, to play it once more.
    delivered: BTreeMap<String, (usize, Value, Kind)>,
    /// When each bot logged in, in microseconds since zero.
    pub(super) logins: BTreeMap<usize, Vec<i64>>,
    /// Until when no connection is taken, in microseconds since zero.
    pub(super) closed_until_us: i64,
    /// Until when new connections are taken and told nothing, in microseconds since zero.
    pub(super) silent_until_us: i64,
    zero_unix_s: i64,
    numbers: u64,
    /// Where clients find us.
    pub(super) host: String,
}

/// A chat of the scenario.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) chat: Chat,
    pub(super) place: Place,
    pub(super) bot: usize,
    /// The id of the channel, or of the thread in it.
    pub(super) channel: String,
    faults: VecDeque<SendFault>,
}

/// A bot's login, which outlives its connections.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) bot: usize,
    /// Which events it asked for.
    pub(super) intents: u64,
    pub(super) seq: u64,
    pub(super) events: VecDeque<Event>,
    /// The connection that carries it now.
    pub(super) connection: Option<Sender<Order>>,
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) seq: u64,
    pub(super) frame: String,
    /// The message of the scenario that it brings.
    pub(super) message: Option<String>,
}

/// What a connection is told to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Carry this event.
    Carry(Event),
    /// Say this.
    Say(String),
    /// Close with this code.
    Close(u16, &'static str),
    /// Break off without a word.
    Drop,
    /// Stay, and say nothing any more.
    Silence,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) channel: String,
    /// The bot that wrote it; none for a person's.
    pub(super) bot: Option<usize>,
    pub(super) author: String,
    /// As it was written.
    pub(super) text: String,
    /// As people see it.
    pub(super) shown: String,
    pub(super) reply_to: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) at_ms: i64,
    pub(super) edited: bool,
    pub(super) file: Option<File>,
}

impl State {
    pub(super) fn new(recorder: Recorder, bots: Vec<Bot>, zero_unix_s: i64) -> Self {
        Self {
            recorder,
            bots,
            chats: BTreeMap::new(),
            sessions: BTreeMap::new(),
            messages: VecDeque::new(),
            delivered: BTreeMap::new(),
            logins: BTreeMap::new(),
            closed_until_us: i64::MIN,
            silent_until_us: i64::MIN,
            zero_unix_s,
            numbers: 0,
            host: String::new(),
        }
    }

    /// Learns where a client finds us.
    pub(super) fn meet(&mut self, headers: &HeaderMap) {
        if let Some(host) = headers.get(header::HOST).and_then(|it| it.to_str().ok()) {
            host.clone_into(&mut self.host);
        }
    }

    /// Milliseconds since 1970.
    pub(super) fn now_ms(&self) -> i64 {
        self.zero_unix_s * 1_000 + self.recorder.now_us().div_euclid(1_000)
    }

    /// A number that nothing else has, which tells when it was made, as the platform's do.
    pub(super) fn snowflake(&mut self) -> String {
        self.numbers += 1;
        let ms = u64::try_from(self.now_ms() - 1_420_070_400_000).unwrap_or(0);
        ((ms << 22) | (self.numbers & 0x3f_ffff)).to_string()
    }

    pub(super) fn declare(&mut self, name: &str, chat: &Chat, faults: &[SendFault]) {
        let bot = self.bots.iter().position(|it| it.account == chat.account);
        let bot = bot.expect("every account of a scenario has a bot");
        let channel = match &chat.kind {
            ChatKind::Direct => {
                let person: u64 = chat.sender.parse().unwrap_or(0);
                (500_000_000_000_000_000 + person * 64 + bot as u64).to_string()
            }
            ChatKind::Room { thread: Some(thread), .. } => thread.clone(),
            ChatKind::Room { id, .. } | ChatKind::Group { id, .. } => id.clone(),
        };
        let (place, faults) = (declared::place(chat), faults.iter().cloned().collect());
        let member = Member { chat: chat.clone(), place, bot, channel, faults };
        self.chats.insert(name.to_owned(), member);
    }

    pub(super) fn knows(&self, chat: &str) -> bool {
        self.chats.contains_key(chat)
    }

    /// Some chat of the bot with this channel.
    pub(super) fn member(&self, bot: usize, channel: &str) -> Option<&Member> {
        self.chats.values().find(|it| it.bot == bot && it.channel == channel)
    }

    /// The bot's places with this id as a channel or as the parent of a thread.
    pub(super) fn place(&self, bot: usize, channel: &str) -> Option<Place> {
        if let Some(member) = self.member(bot, channel) {
            return Some(member.place.clone());
        }
        let within = |it: &&Member| it.bot == bot && it.place.peer == channel;
        let parent =
            self.chats.values().filter(|it| it.chat.kind != ChatKind::Direct).find(within)?;
        Some(Place { thread: None, ..parent.place.clone() })
    }

    pub(super) fn deliver(&mut self, inbound: &Inbound) -> Option<String> {
        let id = self.snowflake();
        let Some(member) = self.chats.get(&inbound.chat) else {
            self.recorder.harness_error(format!("{CHANNEL} has no chat `{}`", inbound.chat));
            return None;
        };
        let bot = &self.bots[member.bot];
        let mention = format!("<@{}>", bot.id);
        let text = if inbound.mention && !inbound.text.contains(&mention) {
            format!("{mention} {}", inbound.text)
        } else {
            inbound.text.clone()
        };
        let fact = Kind::Inbound {
            message: inbound.name.clone(),
            chat: inbound.chat.clone(),
            place: member.place.clone(),
            sender: member.chat.sender.clone(),
            platform_id: id.clone(),
            text: text.clone(),
            canary: inbound.canary.clone(),
            images: inbound.image.iter().map(crate::picture::Picture::seen).collect(),
        };
        let (bot, chat, author) = (member.bot, member.chat.clone(), member.chat.sender.clone());
        let message = Message {
            id: id.clone(),
            channel: member.channel.clone(),
            bot: None,
            author,
            shown: text.clone(),
            text,
            reply_to: inbound.reply_to.clone(),
            nonce: None,
            at_ms: self.now_ms(),
            edited: false,
            file: inbound.image.as_ref().map(File::of),
        };
        self.keep(message.clone());
        let mut event = wire::message(self, &message);
        wire::add_member(&mut event, &chat);
        self.delivered.insert(inbound.name.clone(), (bot, event, fact));
        self.redeliver(&inbound.name);
        Some(id)
    }

    pub(super) fn redeliver(&mut self, name: &str) {
        // Another platform has it.
        let Some((bot, event, fact)) = self.delivered.get(name).cloned() else { return };
        self.recorder.record(fact);
        self.dispatch(bot, "MESSAGE_CREATE", &event, Some(name));
    }

    /// How many logins a bot has left.
    pub(super) fn logins_left(&self, bot: usize) -> usize {
        LOGINS_MAX.saturating_sub(self.logins.get(&bot).map_or(0, Vec::len))
    }

    /// Counts a login of a bot; false if it comes too soon after the last, or too often.
    pub(super) fn log_in(&mut self, bot: usize) -> bool {
        let (now_us, left) = (self.recorder.now_us(), self.logins_left(bot));
        let logins = self.logins.entry(bot).or_default();
        let is_early = logins.last().is_some_and(|it| now_us - it < LOGINS_APART_US);
        let is_taken = left > 0 && !is_early;
        if is_taken {
            logins.push(now_us);
        }
        is_taken
    }

    pub(super) fn keep(&mut self, message: Message) {
        self.messages.push_back(message);
        if self.messages.len() > MESSAGES_MAX {
            self.messages.pop_front();
        }
    }

    /// Makes an event of the bot's sessions.
    pub(super) fn dispatch(&mut self, bot: usize, name: &str, what: &Value, message: Option<&str>) {
        let id = self.bots[bot].id.to_string();
        for session in self.sessions.values_mut().filter(|it| it.bot == bot) {
            if let Some(what) = intents::seen(session.intents, name, what, &id) {
                session.add(name, &what, message);
            }
        }
    }

    pub(super) fn script(&mut self, chat: &str, fault: SendFault) {
        match self.chats.get_mut(chat) {
            Some(member) => member.faults.push_back(fault),
            None => self.recorder.harness_error(format!("{CHANNEL} has no chat `{chat}`")),
        }
    }

    /// What happens to the bot's next send into a channel.
    pub(super) fn next_fault(&mut self, bot: usize, channel: &str) -> SendFault {
        let mut here = self.chats.values_mut().filter(|it| it.bot == bot && it.channel == channel);
        here.find_map(|it| it.faults.pop_front()).unwrap_or(SendFault::Accept)
    }

    pub(super) fn cut(&mut self, cut: Cut, lasts: Duration) {
        let us = i64::try_from(lasts.as_micros()).unwrap_or(i64::MAX);
        let until_us = self.recorder.now_us().saturating_add(us);
        match cut {
            Cut::Silent => self.silent_until_us = until_us,
            Cut::Close(_) | Cut::Drop | Cut::Reconnect | Cut::Invalid => {
                self.closed_until_us = until_us;
            }
        }
        let order = || match cut {
            Cut::Close(code) => Order::Close(code, "the scenario closes it"),
            Cut::Drop => Order::Drop,
            Cut::Reconnect => Order::Say(json!({ "op": 7, "d": null }).to_string()),
            Cut::Invalid => Order::Say(json!({ "op": 9, "d": false }).to_string()),
            Cut::Silent => Order::Silence,
        };
        for session in self.sessions.values_mut() {
            if let Some(connection) = session.connection.take() {
                _ = connection.try_send(order());
            }
        }
        // These end the session itself.
        if matches!(cut, Cut::Invalid | Cut::Close(1_000 | 1_001 | 4_007 | 4_009)) {
            self.sessions.clear();
        }
    }

    pub(super) fn is_connected(&self, account: &str) -> bool {
        let has = |it: &Session| it.connection.is_some() && self.bots[it.bot].account == account;
        self.sessions.values().any(has)
    }

    pub(super) fn last_text(&self, place: &Place) -> Option<String> {
        let here = |it: &&Message| {
            it.bot.is_some_and(|bot| self.place(bot, &it.channel).as_ref() == Some(place))
        };
        self.messages.iter().rev().find(here).map(|it| it.shown.clone())
    }

    pub(super) fn conversation(&self) -> Value {
        self.messages.iter().map(|it| wire::message(self, it)).collect()
    }
}

impl Session {
    /// Appends an event, and has the connection carry it if there is one.
    pub(super) fn add(&mut self, name: &str, what: &Value, message: Option<&str>) {
        self.seq += 1;
        let frame = json!({ "op": 0, "s": self.seq, "t": name, "d": what }).to_string();
        let event = Event { seq: self.seq, frame, message: message.map(str::to_owned) };
        self.events.push_back(event.clone());
        if self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
        if let Some(connection) = &self.connection {
            _ = connection.try_send(Order::Carry(event));
        }
    }
}
