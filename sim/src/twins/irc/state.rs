//! The server: who is on it, where they are, and what was written.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use creel_judge::trace::{Kind, Place};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use super::{
    Bot, CHANNEL, SERVER,
    line::{LINE_BYTES_MAX, cut, fold},
};
use crate::{
    declared,
    recorder::Recorder,
    scenario::{Chat, ChatKind, SendFault},
};

/// How many lines may wait for a connection before it is ended.
pub(super) const LINES_MAX: usize = 4_096;

/// How long ago a client must have been welcomed to count as one that listens: there are some that lose what comes in one
/// piece with their welcome.
const SETTLED: Duration = Duration::from_millis(500);

/// The host that people are said to come from.
const PEOPLE_HOST: &str = "people.creel.test";

#[derive(Debug)]
pub(super) struct State {
    pub(super) recorder: Recorder,
    pub(super) bots: Vec<Bot>,
    /// The scenario's chats, by name.
    pub(super) members: BTreeMap<String, Member>,
    /// The connections, by number.
    pub(super) seats: BTreeMap<u64, Seat>,
    /// The rooms, by folded name.
    pub(super) rooms: BTreeMap<String, Room>,
    /// What people wrote, by the messages' names: who saw it is decided anew each time.
    pub(super) delivered: BTreeMap<String, Delivered>,
    pub(super) shown: Vec<Shown>,
    pub(super) zero_unix_s: i64,
    last_seat: u64,
    last_message: u64,
}

/// A chat of the scenario: a person, with the gateway's client or in a room.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) chat: Chat,
    pub(super) place: Place,
    pub(super) faults: VecDeque<SendFault>,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) nick: Option<String>,
    pub(super) user: Option<String>,
    pub(super) real_name: String,
    pub(super) host: String,
    /// What it said by `PASS`.
    pub(super) pass: Option<String>,
    /// The account whose client it is, once that is known.
    pub(super) account: Option<String>,
    /// Whether it was welcomed.
    pub(super) is_registered: bool,
    /// When that was.
    pub(super) welcomed: Option<Instant>,
    /// Whether it is still negotiating capabilities.
    pub(super) negotiates: bool,
    pub(super) capabilities: BTreeSet<&'static str>,
    /// What it has sent of SASL's answer, once it began.
    pub(super) sasl: Option<String>,
    pub(super) away: Option<String>,
    pub(super) lines: mpsc::Sender<Out>,
}

/// What a connection is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Out {
    /// Write this line.
    Line {
        text: String,
        /// The message of the scenario that is then fetched.
        message: Option<String>,
    },
    /// End.
    Close,
}

#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) name: String,
    pub(super) topic: Option<(String, String)>,
    /// The connections that are in it; whether each is an operator of the room.
    pub(super) seats: BTreeMap<u64, bool>,
    pub(super) created_unix_s: i64,
}

#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) fact: Kind,
    pub(super) chat: String,
    pub(super) pieces: Vec<String>,
}

/// A message that somebody saw.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) place: Place,
    pub(super) from: String,
    pub(super) by_us: bool,
    pub(super) text: String,
}

impl State {
    pub(super) fn new(recorder: Recorder, bots: Vec<Bot>, zero_unix_s: i64) -> Self {
        Self {
            recorder,
            bots,
            members: BTreeMap::new(),
            seats: BTreeMap::new(),
            rooms: BTreeMap::new(),
            delivered: BTreeMap::new(),
            shown: Vec::new(),
            zero_unix_s,
            last_seat: 0,
            last_message: 0,
        }
    }

    /// Seconds since 1970.
    pub(super) fn date(&self) -> i64 {
        self.zero_unix_s + self.recorder.now_us().div_euclid(1_000_000)
    }

    pub(super) fn declare(&mut self, name: &str, chat: &Chat, faults: &[SendFault]) {
        let place = declared::place(chat);
        if chat.kind != ChatKind::Direct {
            self.open(&place.peer);
        }
        let faults = faults.iter().cloned().collect();
        self.members.insert(name.to_owned(), Member { chat: chat.clone(), place, faults });
    }

    /// The room of this name, which there is from now on.
    pub(super) fn open(&mut self, name: &str) -> &mut Room {
        let created_unix_s = self.date();
        self.rooms.entry(fold(name)).or_insert_with(|| Room {
            name: name.to_owned(),
            created_unix_s,
            ..Room::default()
        })
    }

    pub(super) fn knows(&self, chat: &str) -> bool {
        self.members.contains_key(chat)
    }

    pub(super) fn script(&mut self, chat: &str, fault: SendFault) {
        match self.members.get_mut(chat) {
            Some(member) => member.faults.push_back(fault),
            None => self.recorder.harness_error(format!("irc has no chat `{chat}`")),
        }
    }

    /// A new connection, and its number.
    pub(super) fn seat(&mut self, host: String) -> (u64, mpsc::Receiver<Out>) {
        let (lines, receiver) = mpsc::channel(LINES_MAX);
        self.last_seat += 1;
        let seat = Seat {
            nick: None,
            user: None,
            real_name: String::new(),
            host,
            pass: None,
            account: None,
            is_registered: false,
            welcomed: None,
            negotiates: false,
            capabilities: BTreeSet::new(),
            sasl: None,
            away: None,
            lines,
        };
        self.seats.insert(self.last_seat, seat);
        (self.last_seat, receiver)
    }

    /// The connection is over: whoever shares a room with it is told.
    pub(super) fn leave(&mut self, number: u64, reason: &str) {
        let Some(seat) = self.seats.get(&number) else { return };
        let prefix = seat.prefix();
        for other in self.neighbours(number) {
            self.tell(other, format!(":{prefix} QUIT :{reason}"));
        }
        self.seats.remove(&number);
        for room in self.rooms.values_mut() {
            room.seats.remove(&number);
        }
    }

    pub(super) fn cut(&mut self, reason: Option<&str>) {
        for number in self.seats.keys().copied().collect::<Vec<_>>() {
            if let Some(reason) = reason {
                self.tell(number, format!("ERROR :Closing Link: {reason}"));
            }
            self.push(number, Out::Close);
        }
    }

    /// Everybody else with a connection who is in one of its rooms.
    pub(super) fn neighbours(&self, number: u64) -> BTreeSet<u64> {
        let rooms = self.rooms.values().filter(|it| it.seats.contains_key(&number));
        rooms.flat_map(|it| it.seats.keys().copied()).filter(|it| *it != number).collect()
    }

    /// Has a connection write a line, cut to what a line may hold.
    pub(super) fn tell(&self, number: u64, line: impl AsRef<str>) {
        let text = cut(line.as_ref(), LINE_BYTES_MAX - 2).to_owned();
        self.push(number, Out::Line { text, message: None });
    }

    pub(super) fn push(&self, number: u64, out: Out) {
        let Some(seat) = self.seats.get(&number) else { return };
        if seat.lines.try_send(out).is_err() && seat.is_registered {
            let what = format!("more than {LINES_MAX} lines wait for a client that reads none");
            self.recorder.harness_error(what);
        }
    }

    /// The server's answer of this number to a connection.
    pub(super) fn answer(&self, number: u64, code: u16, rest: impl AsRef<str>) {
        let whom = self.seats.get(&number).and_then(|it| it.nick.as_deref()).unwrap_or("*");
        self.tell(number, format!(":{SERVER} {code:03} {whom} {}", rest.as_ref()));
    }

    /// The connection that has a nick.
    pub(super) fn holder(&self, nick: &str) -> Option<u64> {
        let has = |it: &Seat| it.nick.as_ref().is_some_and(|it| fold(it) == fold(nick));
        self.seats.iter().find(|(_, it)| has(it)).map(|(number, _)| *number)
    }

    /// A person's nick as the scenario writes it.
    pub(super) fn person(&self, nick: &str) -> Option<&str> {
        let mut people = self.members.values().map(|it| it.chat.sender.as_str());
        people.find(|it| fold(it) == fold(nick))
    }

    /// The people in a room.
    pub(super) fn people_in(&self, room: &str) -> BTreeSet<&str> {
        let here =
            |it: &&Member| it.chat.kind != ChatKind::Direct && fold(&it.place.peer) == fold(room);
        self.members.values().filter(here).map(|it| it.chat.sender.as_str()).collect()
    }

    pub(super) fn next_id(&mut self) -> String {
        self.last_message += 1;
        format!("irc-{}", self.last_message)
    }

    pub(super) fn is_listened_to(&self, account: &str) -> bool {
        let of_account = |it: &&Member| it.chat.account == account;
        let rooms: Vec<String> = self
            .members
            .values()
            .filter(of_account)
            .filter(|it| it.chat.kind != ChatKind::Direct)
            .map(|it| fold(&it.place.peer))
            .collect();
        let now = now();
        self.seats.iter().any(|(number, seat)| {
            let is_in =
                |it: &String| self.rooms.get(it).is_some_and(|it| it.seats.contains_key(number));
            seat.is_registered
                && seat.welcomed.is_some_and(|it| now.duration_since(it) >= SETTLED)
                && seat.account.as_deref() == Some(account)
                && rooms.iter().all(is_in)
        })
    }

    pub(super) fn last_text(&self, place: &Place) -> Option<String> {
        let here = |it: &&Shown| it.by_us && it.place == *place;
        self.shown.iter().rev().find(here).map(|it| it.text.clone())
    }

    pub(super) fn conversation(&self) -> Value {
        let line = |it: &Shown| json!({ "chat": it.place.peer, "from": it.from, "is_bot": it.by_us, "text": it.text });
        self.shown.iter().map(line).collect()
    }
}

impl Seat {
    /// Who it is, as others see it.
    pub(super) fn prefix(&self) -> String {
        let nick = self.nick.as_deref().unwrap_or("*");
        format!("{nick}!~{}@{}", self.user.as_deref().unwrap_or("*"), self.host)
    }

    pub(super) fn has(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }
}

/// Who a person is, as others see it: nick, user and host. What stands before a colon is no part of the nick.
pub(crate) fn mask(person: &str) -> String {
    let nick = person.rsplit(':').next().unwrap_or_default();
    format!("{person}!{}@{PEOPLE_HOST}", fold(nick))
}

/// The clock by which clients settle. The scenario's zero may move meanwhile.
#[expect(clippy::disallowed_methods, reason = "when a client counts as there, which no fact tells")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// A place of an account: a room, or the direct chat with a person.
pub(super) fn place(account: &str, peer: &str) -> Place {
    Place {
        channel: CHANNEL.to_owned(),
        account: account.to_owned(),
        peer: peer.to_owned(),
        thread: None,
    }
}

/// The host that people are said to come from.
pub(super) fn people_host() -> &'static str {
    PEOPLE_HOST
}
