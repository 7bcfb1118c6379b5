//! The platform: its accounts, the chats, what was written in them, and what still has to be delivered.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use creel_judge::trace::{Kind, Place};
use serde_json::{Value, json};

use super::{
    APP_TOKEN, BOT_TOKEN, CHANNEL, SIGNING_SECRET,
    events::{Told, call, callback, escaped},
    path,
};
use crate::{
    base::Credentials,
    declared,
    recorder::Recorder,
    scenario::{Chat, ChatKind, Event, Forgery, SendFault},
    twins::{Inbound, push::Call},
};

/// The team of chats that name none.
const TEAM: &str = "T1";

#[derive(Debug)]
pub(super) struct State {
    pub(super) recorder: Recorder,
    accounts: BTreeMap<String, Account>,
    chats: BTreeMap<String, Member>,
    /// What people wrote, by the messages' names, to deliver it once more.
    written: BTreeMap<String, Written>,
    /// What has to be delivered, by its moment and its number.
    due: BTreeMap<(i64, u64), Delivery>,
    /// The gateway's messages, in order.
    shown: Vec<(Place, String)>,
    fetched: BTreeSet<String>,
    zero_unix_s: i64,
    numbers: u64,
}

/// An app in a workspace, with its bot.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) bot: String,
    pub(super) app: String,
    bot_token: String,
    app_token: String,
    signing_secret: String,
    met: bool,
    /// The number of its open connection.
    connection: Option<u64>,
    /// The tickets of connections that are not opened yet.
    tickets: BTreeSet<String>,
    /// What its connection has to carry: with the envelope's id, until it is acknowledged.
    envelopes: VecDeque<Envelope>,
}

#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) id: String,
    pub(super) message: String,
    callback: Value,
    /// How often it was sent.
    attempts: u32,
    /// The connection that has it.
    sent_on: Option<u64>,
}

/// A callback on its way.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) account: String,
    pub(super) call: Call,
    envelope: Option<Envelope>,
}

#[derive(Clone, Debug)]
struct Written {
    fact: Kind,
    account: String,
    told: Told,
    events: Vec<Event>,
    apart: Duration,
    forged: Option<Forgery>,
}

/// A chat of the scenario.
#[derive(Debug)]
struct Member {
    chat: Chat,
    place: Place,
    faults: VecDeque<SendFault>,
}

impl State {
    pub(super) fn new(
        recorder: Recorder,
        accounts: &BTreeMap<String, Credentials>,
        zero_unix_s: i64,
    ) -> Self {
        let accounts = accounts.iter().enumerate().map(|(index, (id, secrets))| {
            let account = Account {
                bot: format!("UBOT{index}"),
                app: format!("A{index:05}"),
                bot_token: secrets[BOT_TOKEN].clone(),
                app_token: secrets[APP_TOKEN].clone(),
                signing_secret: secrets[SIGNING_SECRET].clone(),
                met: false,
                connection: None,
                tickets: BTreeSet::new(),
                envelopes: VecDeque::new(),
            };
            (id.clone(), account)
        });
        Self {
            recorder,
            accounts: accounts.collect(),
            chats: BTreeMap::new(),
            written: BTreeMap::new(),
            due: BTreeMap::new(),
            shown: Vec::new(),
            fetched: BTreeSet::new(),
            zero_unix_s,
            numbers: 0,
        }
    }

    pub(super) fn declare(&mut self, name: &str, chat: &Chat, faults: &[SendFault]) {
        let place = declared::place(chat);
        let faults = faults.iter().cloned().collect();
        self.chats.insert(name.to_owned(), Member { chat: chat.clone(), place, faults });
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A time stamp that no other message has.
    pub(super) fn next_ts(&mut self) -> String {
        let seconds = self.zero_unix_s + self.recorder.now_us().div_euclid(1_000_000);
        format!("{seconds}.{:06}", self.next_number())
    }

    /// What stands for a person in a direct chat, as Slack names the conversation.
    pub(super) fn conversation_with(person: &str) -> String {
        format!("D{}", person.strip_prefix('U').unwrap_or(person))
    }

    /// Lets a person write; [`State::take_due`] has what comes of it.
    pub(super) fn deliver(&mut self, inbound: &Inbound) {
        let ts = self.next_ts();
        let Some(Member { chat, place, .. }) = self.chats.get(&inbound.chat) else {
            let what = format!("slack has no chat `{}`", inbound.chat);
            return self.recorder.harness_error(what);
        };
        let account = &self.accounts[&chat.account];
        let (channel, channel_type) = match &chat.kind {
            ChatKind::Direct => (Self::conversation_with(&chat.sender), "im"),
            ChatKind::Group { id, .. } => (id.clone(), "mpim"),
            ChatKind::Room { id, .. } => (id.clone(), "channel"),
        };
        let mention = if inbound.mention { format!("<@{}> ", account.bot) } else { String::new() };
        let told = Told {
            team: chat.team.clone().unwrap_or_else(|| TEAM.to_owned()),
            channel,
            channel_type,
            user: chat.sender.clone(),
            text: format!("{mention}{}", escaped(&inbound.text)),
            ts: ts.clone(),
            thread_ts: place.thread.clone(),
        };
        let both = inbound.mention && channel_type == "channel";
        let usual = if both { &[Event::Message, Event::AppMention][..] } else { &[Event::Message] };
        let written = Written {
            fact: Kind::Inbound {
                message: inbound.name.clone(),
                chat: inbound.chat.clone(),
                place: place.clone(),
                sender: chat.sender.clone(),
                platform_id: ts,
                text: inbound.text.clone(),
                canary: inbound.canary.clone(),
                images: Vec::new(),
            },
            account: chat.account.clone(),
            told,
            events: inbound.events.clone().unwrap_or_else(|| usual.to_vec()),
            apart: inbound.apart,
            forged: inbound.forged,
        };
        self.written.insert(inbound.name.clone(), written);
        self.redeliver(&inbound.name);
    }

    pub(super) fn redeliver(&mut self, name: &str) {
        let Some(written) = self.written.get(name).cloned() else { return };
        let Written { fact, account, told, events, apart, forged } = written;
        self.recorder.record(fact);
        self.fetched.remove(name);
        let mut at_us = self.recorder.now_us();
        for event in events {
            let number = self.next_number();
            let Account { app, signing_secret, .. } = &self.accounts[&account];
            let callback = callback(&told, event, app, number);
            let clock = (self.recorder.clone(), self.zero_unix_s);
            let secret = (signing_secret.clone(), forged);
            let call = call(name, path(&account), &callback, secret, clock);
            let envelope = Envelope {
                id: format!("envelope-{number}"),
                message: name.to_owned(),
                callback,
                attempts: 0,
                sent_on: None,
            };
            // On a connection nobody but Slack can say anything.
            let envelope = forged.is_none().then_some(envelope);
            self.due.insert((at_us, number), Delivery { account: account.clone(), call, envelope });
            at_us = at_us.saturating_add(i64::try_from(apart.as_micros()).unwrap_or(i64::MAX));
        }
    }

    /// The calls that are due now. Envelopes are put in line for their accounts' connections, open or not.
    pub(super) fn take_due(&mut self, is_called: &dyn Fn(&str) -> bool) -> Vec<Delivery> {
        let now_us = self.recorder.now_us();
        let later = self.due.split_off(&(now_us.saturating_add(1), 0));
        let due: Vec<Delivery> = std::mem::replace(&mut self.due, later).into_values().collect();
        let mut calls = Vec::new();
        for delivery in due {
            let account = self.accounts.get_mut(&delivery.account).expect("accounts stay");
            if account.connection.is_none() && is_called(&delivery.account) {
                calls.push(delivery);
            } else {
                account.envelopes.extend(delivery.envelope);
            }
        }
        calls
    }

    /// How long until the next delivery is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let ((at_us, _), _) = self.due.first_key_value()?;
        let wait_us = at_us.saturating_sub(self.recorder.now_us());
        Some(Duration::from_micros(u64::try_from(wait_us).unwrap_or_default()))
    }

    pub(super) fn is_connected(&self, account: &str) -> bool {
        self.accounts.get(account).is_some_and(|it| it.connection.is_some())
    }

    pub(super) fn has_met(&self, account: &str) -> bool {
        self.accounts.get(account).is_some_and(|it| it.met)
    }

    /// The account of a bot's token.
    pub(super) fn bot(&mut self, token: &str) -> Option<(&String, &mut Account)> {
        self.accounts.iter_mut().find(|(_, it)| it.bot_token == token)
    }

    /// A ticket for a connection, for an app's token.
    pub(super) fn ticket(&mut self, token: &str) -> Option<String> {
        let number = self.next_number();
        let account = self.accounts.values_mut().find(|it| it.app_token == token)?;
        let ticket = format!("{}-{number}", account.app);
        account.tickets.insert(ticket.clone());
        Some(ticket)
    }

    pub(super) fn meet(account: &mut Account) {
        account.met = true;
    }

    /// Opens a connection with a ticket, which is then used up. Any earlier connection gets nothing more.
    pub(super) fn connect(&mut self, ticket: &str) -> Option<(String, u64)> {
        let number = self.next_number();
        let (id, account) = self.accounts.iter_mut().find(|(_, it)| it.tickets.contains(ticket))?;
        account.tickets.remove(ticket);
        account.connection = Some(number);
        Some((id.clone(), number))
    }

    pub(super) fn disconnect(&mut self, account: &str, connection: u64) {
        let account = self.accounts.get_mut(account).expect("accounts stay");
        if account.connection == Some(connection) {
            account.connection = None;
        }
    }

    /// The next envelope that this connection has not got, as it goes over the wire.
    pub(super) fn next_envelope(&mut self, account: &str, connection: u64) -> Option<String> {
        let account = self.accounts.get_mut(account).expect("accounts stay");
        if account.connection != Some(connection) {
            return None;
        }
        let envelope = account.envelopes.iter_mut().find(|it| it.sent_on != Some(connection))?;
        envelope.sent_on = Some(connection);
        let attempt = envelope.attempts;
        envelope.attempts += 1;
        let text = json!({
            "type": "events_api",
            "envelope_id": envelope.id,
            "payload": envelope.callback,
            "accepts_response_payload": false,
            "retry_attempt": attempt,
            "retry_reason": if attempt == 0 { "" } else { "timeout" },
        });
        let message = envelope.message.clone();
        if self.fetched.insert(message.clone()) {
            self.recorder.record(Kind::Fetched { message });
        }
        Some(text.to_string())
    }

    /// Takes an acknowledgement; false if there is no such envelope.
    pub(super) fn acknowledge(&mut self, account: &str, id: &str) -> bool {
        let account = self.accounts.get_mut(account).expect("accounts stay");
        let Some(at) = account.envelopes.iter().position(|it| it.id == id) else { return false };
        let envelope = account.envelopes.remove(at).expect("it was just seen");
        let more = account.envelopes.iter().any(|it| it.message == envelope.message);
        if !more {
            self.recorder.record(Kind::Acknowledged { message: envelope.message });
        }
        true
    }

    /// Where a post goes, as the scenario names it; none if the bot is not there.
    pub(super) fn place(
        &self,
        account: &str,
        channel: &str,
        thread: Option<&str>,
    ) -> Option<Place> {
        let is_here = |it: &&Member| {
            let id = match &it.chat.kind {
                ChatKind::Direct => Self::conversation_with(&it.chat.sender),
                ChatKind::Group { id, .. } | ChatKind::Room { id, .. } => id.clone(),
            };
            it.chat.account == account && id == channel
        };
        let here = self.chats.values().find(is_here)?;
        Some(Place {
            channel: CHANNEL.to_owned(),
            account: account.to_owned(),
            peer: here.place.peer.clone(),
            thread: thread.map(str::to_owned),
        })
    }

    /// Whether a channel is a conversation of several people; none if there is no such channel.
    pub(super) fn is_group(&self, account: &str, channel: &str) -> Option<bool> {
        let place = self.place(account, channel, None)?;
        let here = self.chats.values().find(|it| it.place.peer == place.peer)?;
        Some(matches!(here.chat.kind, ChatKind::Group { .. }))
    }

    /// Whether a person is on the platform.
    pub(super) fn knows(&self, person: &str) -> bool {
        self.chats.values().any(|it| it.chat.sender == person)
    }

    /// What happens to the next message into a place.
    pub(super) fn next_fault(&mut self, place: &Place) -> SendFault {
        let here = self.chats.values_mut().filter(|it| it.place == *place);
        here.filter_map(|it| it.faults.pop_front()).next().unwrap_or(SendFault::Accept)
    }

    pub(super) fn show(&mut self, place: Place, text: String) -> String {
        let ts = self.next_ts();
        self.recorder.record(Kind::Sent {
            place: place.clone(),
            platform_id: ts.clone(),
            text: text.clone(),
            reply_to: None,
            images: Vec::new(),
        });
        self.shown.push((place, text));
        ts
    }

    pub(super) fn last_text(&self, place: &Place) -> Option<String> {
        self.shown.iter().rev().find(|(it, _)| it == place).map(|(_, text)| text.clone())
    }
}
