//! The platform: bots, the chats that they are in, and what waits for them.

use std::collections::BTreeMap;

use creel_judge::trace::{Kind, Place};
use serde_json::{Value, json};

use super::{
    Bot, CHANNEL, Error,
    chores::Settings,
    files::{Files, Photo},
    rooms::{Address, Author, Member, Message, Room},
    updates::Queue,
    wire,
};
use crate::{
    picture::Picture,
    recorder::Recorder,
    scenario::{Chat, SendFault},
    twins::Inbound,
};

#[derive(Debug)]
pub(super) struct State {
    pub(super) recorder: Recorder,
    pub(super) accounts: Vec<Account>,
    /// Where the scenario's chats are, by name: the account's index and the address.
    chats: BTreeMap<String, (usize, Address)>,
    /// What people wrote, by the messages' names, to deliver it once more.
    delivered: BTreeMap<String, Delivered>,
    pub(super) files: Files,
    zero_unix_s: i64,
    messages: u64,
}

/// A bot with everything that is its own.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) bot: Bot,
    pub(super) rooms: BTreeMap<i64, Room>,
    pub(super) queue: Queue,
    pub(super) settings: Settings,
    /// The newest message id of the direct chats, which share one sequence a bot. Groups have their own, so that ids of
    /// different chats collide, as they do on the platform.
    last_id: i64,
}

#[derive(Debug)]
struct Delivered {
    account: usize,
    message: Value,
    fact: Kind,
}

impl State {
    pub(super) fn new(recorder: Recorder, bots: Vec<Bot>, zero_unix_s: i64) -> Self {
        let accounts = bots.into_iter().map(Account::new).collect();
        let (chats, delivered) = (BTreeMap::new(), BTreeMap::new());
        let files = Files::default();
        Self { recorder, accounts, chats, delivered, files, zero_unix_s, messages: 0 }
    }

    pub(super) fn bot_index(&self, token: &str) -> Option<usize> {
        self.accounts.iter().position(|it| it.bot.token == token)
    }

    /// Seconds since 1970.
    pub(super) fn date(&self) -> i64 {
        self.zero_unix_s + self.recorder.now_us().div_euclid(1_000_000)
    }

    pub(super) fn declare(
        &mut self,
        name: &str,
        chat: &Chat,
        faults: &[SendFault],
    ) -> Result<(), Error> {
        let address = Address::parse(name, chat)?;
        let account = self
            .accounts
            .iter()
            .position(|it| it.bot.account == chat.account)
            .ok_or_else(|| self.unknown_account(name, chat))?;
        let room = self.accounts[account].room(address.room);
        room.members.push(Member {
            chat: name.to_owned(),
            sender: address.sender,
            thread: address.thread,
            faults: faults.iter().cloned().collect(),
        });
        self.chats.insert(name.to_owned(), (account, address));
        Ok(())
    }

    fn unknown_account(&self, name: &str, chat: &Chat) -> Error {
        let known: Vec<_> =
            self.accounts.iter().map(|it| format!("`{}`", it.bot.account)).collect();
        let (chat, account) = (name.to_owned(), chat.account.clone());
        Error::UnknownAccount { chat, account, known: known.join(", ") }
    }

    pub(super) fn knows(&self, chat: &str) -> bool {
        self.chats.contains_key(chat)
    }

    pub(super) fn deliver(&mut self, inbound: &Inbound) -> Option<i64> {
        let Some(&(account, address)) = self.chats.get(&inbound.chat) else {
            self.recorder.harness_error(format!("telegram has no chat `{}`", inbound.chat));
            return None;
        };
        let text = match &self.accounts[account].bot.username {
            username if inbound.mention => mentioning(&inbound.text, username),
            _ => inbound.text.clone(),
        };
        let reply_to = inbound.reply_to.as_ref().and_then(|it| it.parse().ok());
        let photo = inbound.image.as_ref().map(|it| self.files.keep(it));
        let message = self.write(account, address, (text, photo), reply_to);
        let bot = &self.accounts[account];
        let fact = Kind::Inbound {
            message: inbound.name.clone(),
            chat: inbound.chat.clone(),
            place: bot.place(address.room, address.thread),
            sender: address.sender.to_string(),
            platform_id: message.id.to_string(),
            text: message.text.clone(),
            canary: inbound.canary.clone(),
            images: inbound.image.iter().map(Picture::seen).collect(),
        };
        let wire = wire::message((&bot.bot, &self.files), &bot.rooms[&address.room], &message);
        let id = message.id;
        let delivered = Delivered { account, message: wire, fact };
        self.delivered.insert(inbound.name.clone(), delivered);
        self.redeliver(&inbound.name);
        Some(id)
    }

    pub(super) fn redeliver(&mut self, name: &str) {
        // Another platform has it.
        let Some(delivered) = self.delivered.get(name) else { return };
        self.recorder.record(delivered.fact.clone());
        let queue = &mut self.accounts[delivered.account].queue;
        if let Err(what) = queue.push(name, &delivered.message) {
            self.recorder.harness_error(what);
        }
    }

    pub(super) fn script(&mut self, chat: &str, fault: SendFault) {
        let Some(&(account, address)) = self.chats.get(chat) else {
            self.recorder.harness_error(format!("telegram has no chat `{chat}`"));
            return;
        };
        let members = &mut self.accounts[account].room(address.room).members;
        let member = members.iter_mut().find(|it| it.chat == chat);
        member.expect("declared with its chat").faults.push_back(fault);
    }

    /// Lets a person write in a room.
    fn write(
        &mut self,
        account: usize,
        address: Address,
        content: (String, Option<Photo>),
        reply_to: Option<i64>,
    ) -> Message {
        let author = Author::Person(address.sender);
        self.append(account, address.room, author, (address.thread, content, reply_to))
    }

    /// Lets the bot write in a room, which must exist.
    pub(super) fn write_as_bot(
        &mut self,
        account: usize,
        room: i64,
        content: (Option<i64>, (String, Option<Photo>), Option<i64>),
    ) -> Message {
        self.append(account, room, Author::Bot, content)
    }

    fn append(
        &mut self,
        account: usize,
        room: i64,
        author: Author,
        (thread, (text, photo), reply_to): (Option<i64>, (String, Option<Photo>), Option<i64>),
    ) -> Message {
        let date = self.date();
        self.messages += 1;
        let order = self.messages;
        let id = self.accounts[account].next_id(room);
        let edited = None;
        let message = Message { id, order, author, thread, date, edited, text, photo, reply_to };
        self.accounts[account].room(room).keep(message.clone());
        message
    }

    pub(super) fn last_text(&self, place: &Place) -> Option<String> {
        let account = self.accounts.iter().find(|it| it.bot.account == place.account)?;
        let room = account.rooms.get(&place.peer.parse().ok()?)?;
        let here = room.messages.values().rev().filter(|it| it.author == Author::Bot);
        here.filter(|it| account.place(room.id, it.thread) == *place)
            .map(|it| it.text.clone())
            .next()
    }

    pub(super) fn polled(&self, account: &str) -> bool {
        self.accounts.iter().any(|it| it.bot.account == account && it.queue.polled())
    }

    pub(super) fn conversation(&self) -> Value {
        let mut lines: Vec<(u64, Value)> = Vec::new();
        for account in &self.accounts {
            for room in account.rooms.values() {
                for message in room.messages.values() {
                    let from = match message.author {
                        Author::Bot => account.bot.username.clone(),
                        Author::Person(id) => id.to_string(),
                    };
                    let line = json!({
                        "account": account.bot.account,
                        "chat": room.id,
                        "thread": message.thread,
                        "message_id": message.id,
                        "from": from,
                        "is_bot": message.author == Author::Bot,
                        "text": message.text,
                        "edited": message.edited.is_some(),
                        "reply_to": message.reply_to,
                    });
                    lines.push((message.order, line));
                }
            }
        }
        lines.sort_by_key(|(order, _)| *order);
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

impl Account {
    fn new(bot: Bot) -> Self {
        let (rooms, queue, settings) = (BTreeMap::new(), Queue::default(), Settings::default());
        Self { bot, rooms, queue, settings, last_id: 0 }
    }

    fn room(&mut self, id: i64) -> &mut Room {
        self.rooms.entry(id).or_insert_with(|| Room::new(id))
    }

    fn next_id(&mut self, room: i64) -> i64 {
        let last = if room > 0 { &mut self.last_id } else { &mut self.room(room).last_id };
        *last += 1;
        *last
    }

    pub(super) fn place(&self, room: i64, thread: Option<i64>) -> Place {
        Place {
            channel: CHANNEL.to_owned(),
            account: self.bot.account.clone(),
            peer: room.to_string(),
            thread: thread.map(|it| it.to_string()),
        }
    }
}

/// The text as a client writes it when it addresses the bot.
fn mentioning(text: &str, username: &str) -> String {
    let mention = format!("@{username}");
    if text.contains(&mention) {
        return text.to_owned();
    }
    match text.split_once(' ') {
        _ if !text.starts_with('/') => format!("{mention} {text}"),
        Some((command, rest)) => format!("{command}{mention} {rest}"),
        None => format!("{text}{mention}"),
    }
}
