//! The platform: its accounts, the chats, what was written in them, and what still has to be delivered.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use creel_judge::trace::{Kind, Place};

use super::{
    account::{Account, Envelope, Known},
    events::{Told, call, callback, escaped},
    files::Files,
};
use crate::{
    base::Credentials,
    declared,
    recorder::Recorder,
    scenario::{Chat, ChatKind, Cut, Event, Forgery, SendFault},
    twins::{Inbound, push::Call},
};

/// The team of chats that name none.
const TEAM: &str = "T1";

#[derive(Debug)]
pub(super) struct State {
    pub(super) recorder: Recorder,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) chats: BTreeMap<String, Member>,
    /// What people wrote, by the messages' names, to deliver it once more.
    written: BTreeMap<String, Written>,
    /// What has to be delivered, by its moment and its number.
    due: BTreeMap<(i64, u64), Delivery>,
    /// What was due while the gateway was neither connected nor called.
    parked: Vec<Delivery>,
    /// What everybody wrote, in order.
    pub(super) lines: Vec<Line>,
    fetched: BTreeSet<String>,
    /// How connections end, by their numbers.
    cuts: BTreeMap<u64, Cut>,
    /// Until then no connection is opened.
    closed_until_us: i64,
    /// Where on the gateway's port accounts are called.
    paths: BTreeMap<String, String>,
    zero_unix_s: i64,
    numbers: u64,
    pub(super) files: Files,
    /// Where clients find us.
    pub(super) host: String,
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
    /// How often it was delivered.
    times: u32,
}

/// A message, as people see it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) ts: String,
    pub(super) by_us: bool,
    pub(super) text: String,
    /// The pictures, as people see them.
    pub(super) images: Vec<String>,
}

/// A chat of the scenario.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) chat: Chat,
    pub(super) place: Place,
    pub(super) faults: VecDeque<SendFault>,
}

impl State {
    pub(super) fn new(
        recorder: Recorder,
        accounts: &BTreeMap<String, Credentials>,
        (zero_unix_s, paths): (i64, BTreeMap<String, String>),
    ) -> Self {
        let account = |(index, (id, secrets)): (usize, (&String, &Credentials))| {
            (id.clone(), Account::new(index, secrets))
        };
        Self {
            recorder,
            accounts: accounts.iter().enumerate().map(account).collect(),
            chats: BTreeMap::new(),
            written: BTreeMap::new(),
            due: BTreeMap::new(),
            parked: Vec::new(),
            lines: Vec::new(),
            fetched: BTreeSet::new(),
            cuts: BTreeMap::new(),
            closed_until_us: i64::MIN,
            paths,
            zero_unix_s,
            numbers: 0,
            files: Files::default(),
            host: String::new(),
        }
    }

    pub(super) fn declare(&mut self, name: &str, chat: &Chat, faults: &[SendFault]) {
        let place = declared::place(chat);
        let faults = faults.iter().cloned().collect();
        self.chats.insert(name.to_owned(), Member { chat: chat.clone(), place, faults });
    }

    /// Learns where a client finds us.
    pub(super) fn meet(&mut self, host: &str) {
        host.clone_into(&mut self.host);
    }

    /// Whether a chat of this name has been added.
    pub(super) fn has_chat(&self, name: &str) -> bool {
        self.chats.contains_key(name)
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

    /// Lets a person write; [`State::take_due`] has what comes of it. The time stamp, unless the chat does not exist.
    pub(super) fn deliver(&mut self, inbound: &Inbound) -> Option<String> {
        let ts = self.next_ts();
        let Some(Member { chat, place, .. }) = self.chats.get(&inbound.chat) else {
            let what = format!("slack has no chat `{}`", inbound.chat);
            self.recorder.harness_error(what);
            return None;
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
            files: inbound.image.iter().map(|it| self.files.keep(it, &self.host)).collect(),
        };
        let both = inbound.mention && channel_type == "channel";
        let usual = if both { &[Event::Message, Event::AppMention][..] } else { &[Event::Message] };
        let written = Written {
            fact: Kind::Inbound {
                message: inbound.name.clone(),
                chat: inbound.chat.clone(),
                place: place.clone(),
                sender: chat.sender.clone(),
                platform_id: ts.clone(),
                text: inbound.text.clone(),
                canary: inbound.canary.clone(),
                images: inbound.image.iter().map(crate::picture::Picture::seen).collect(),
            },
            account: chat.account.clone(),
            told,
            events: inbound.events.clone().unwrap_or_else(|| usual.to_vec()),
            apart: inbound.apart,
            forged: inbound.forged,
            times: 0,
        };
        let (place, text) = (place.clone(), inbound.text.clone());
        let images = inbound.image.iter().map(crate::picture::Picture::seen).collect();
        self.lines.push(Line { place, ts: ts.clone(), by_us: false, text, images });
        self.written.insert(inbound.name.clone(), written);
        self.redeliver(&inbound.name);
        Some(ts)
    }

    pub(super) fn redeliver(&mut self, name: &str) {
        let Some(written) = self.written.get_mut(name) else { return };
        written.times += 1;
        let Written { fact, account, told, events, apart, forged, times } = written.clone();
        self.recorder.record(fact);
        self.fetched.remove(name);
        let mut at_us = self.recorder.now_us();
        for event in events {
            let number = self.next_number();
            let Account { app, signing_secret, .. } = &self.accounts[&account];
            let callback = callback(&told, event, app);
            let clock = (self.recorder.clone(), self.zero_unix_s);
            let secret = (signing_secret.clone(), forged);
            let path = self.paths[&account].clone();
            let call = call((name, path), &callback, secret, clock, times - 1);
            let envelope = Envelope::new(format!("envelope-{number}"), name, callback, times - 1);
            // On a connection nobody but Slack can say anything.
            let envelope = forged.is_none().then_some(envelope);
            self.due.insert((at_us, number), Delivery { account: account.clone(), call, envelope });
            at_us = at_us.saturating_add(i64::try_from(apart.as_micros()).unwrap_or(i64::MAX));
        }
    }

    /// The calls that are due now. Envelopes are put in line for their accounts' connections; what has neither waits.
    pub(super) fn take_due(&mut self, is_called: &dyn Fn(&str) -> bool) -> Vec<Delivery> {
        let now_us = self.recorder.now_us();
        let later = self.due.split_off(&(now_us.saturating_add(1), 0));
        let due = std::mem::replace(&mut self.due, later).into_values();
        let due: Vec<Delivery> = std::mem::take(&mut self.parked).into_iter().chain(due).collect();
        let mut calls = Vec::new();
        for delivery in due {
            let account = self.accounts.get_mut(&delivery.account).expect("accounts stay");
            match account.connection {
                Some(_) => match delivery.envelope {
                    Some(envelope) => account.carry(envelope),
                    None => self.recorder.harness_error(format!(
                        "the forged call for `{}` was not made: its gateway is not called, it has a connection",
                        delivery.account
                    )),
                },
                None if is_called(&delivery.account) => calls.push(delivery),
                None => self.parked.push(delivery),
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

    /// A ticket for a connection, for an app's token; none if no app has it.
    pub(super) fn ticket(&mut self, token: &str) -> Option<String> {
        let number = self.next_number();
        let account = self.accounts.values_mut().find(|it| it.app_token == token)?;
        Some(account.ticket(number))
    }

    /// Whether the platform takes no connection now.
    pub(super) fn is_closed(&self) -> bool {
        self.recorder.now_us() < self.closed_until_us
    }

    /// Opens a connection with a ticket: its account and its number.
    pub(super) fn connect(&mut self, ticket: &str) -> Option<(String, u64)> {
        let number = self.next_number();
        let mut accounts = self.accounts.iter_mut();
        let (id, _) =
            accounts.find_map(|(id, it)| it.connect(ticket, number).then_some((id, it)))?;
        Some((id.clone(), number))
    }

    pub(super) fn disconnect(&mut self, account: &str, connection: u64) {
        let account = self.account(account);
        if account.connection == Some(connection) {
            account.connection = None;
        }
        self.cuts.remove(&connection);
    }

    /// Ends all connections, and takes no new one for a while. What they had not acknowledged waits for the next one.
    pub(super) fn cut(&mut self, cut: Cut, lasts: Duration) {
        let lasts_us = i64::try_from(lasts.as_micros()).unwrap_or(i64::MAX);
        self.closed_until_us = self.recorder.now_us().saturating_add(lasts_us);
        let open = self.accounts.values_mut().filter_map(|it| it.connection.take());
        self.cuts.extend(open.map(|it| (it, cut)));
    }

    /// How a connection ends now, if it does.
    pub(super) fn cut_of(&mut self, connection: u64) -> Option<Cut> {
        self.cuts.remove(&connection)
    }

    /// The next envelope for this connection, as it goes over the wire.
    pub(super) fn next_envelope(&mut self, account: &str, connection: u64) -> Option<String> {
        let now_us = self.recorder.now_us();
        let (text, message) = self.account(account).next_envelope(connection, now_us)?;
        if self.fetched.insert(message.clone()) {
            self.recorder.record(Kind::Fetched { message });
        }
        Some(text)
    }

    /// How long until an envelope of the account's connection is sent once more.
    pub(super) fn next_retry(&mut self, account: &str) -> Option<Duration> {
        let at_us = self.account(account).again_at_us()?;
        let wait_us = at_us.saturating_sub(self.recorder.now_us());
        Some(Duration::from_micros(u64::try_from(wait_us).unwrap_or_default()))
    }

    /// Takes an acknowledgement; false if there is no such envelope.
    pub(super) fn acknowledge(&mut self, account: &str, id: &str) -> bool {
        let known = self.account(account).acknowledge(id);
        let is_known = known != Known::No;
        if let Known::Last(message) = known {
            self.recorder.record(Kind::Acknowledged { message });
        }
        is_known
    }

    fn account(&mut self, id: &str) -> &mut Account {
        self.accounts.get_mut(id).expect("accounts stay")
    }
}
