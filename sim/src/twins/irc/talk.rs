//! What people write, and what they see of what clients write.

use creel_judge::trace::{Kind, Place};

use super::{
    line::{Command, LINE_BYTES_MAX, cut, fold, is_room, pieces},
    state::{Delivered, Out, Shown, State, mask, place},
};
use crate::{
    scenario::{ChatKind, SendFault},
    twins::Inbound,
};

impl State {
    pub(super) fn deliver(&mut self, inbound: &Inbound) -> bool {
        let id = self.next_id();
        let Some(member) = self.members.get(&inbound.chat) else {
            self.recorder.harness_error(format!("irc has no chat `{}`", inbound.chat));
            return false;
        };
        let (chat, place) = (member.chat.clone(), member.place.clone());
        let text = match self.nick_of(&chat.account) {
            Some(nick) if inbound.mention => format!("{nick}: {}", inbound.text),
            _ => inbound.text.clone(),
        };
        let fact = Kind::Inbound {
            message: inbound.name.clone(),
            chat: inbound.chat.clone(),
            place: place.clone(),
            sender: chat.sender.clone(),
            platform_id: id,
            text: text.clone(),
            canary: inbound.canary.clone(),
            // IRC carries no pictures; a scenario that sends one is told so.
            images: Vec::new(),
        };
        if inbound.image.is_some() {
            self.recorder.harness_error("IRC carries no pictures");
        }
        let pieces = pieces(&text);
        self.shown.push(Shown { place, from: chat.sender, by_us: false, text });
        let delivered = Delivered { fact, chat: inbound.chat.clone(), pieces };
        self.delivered.insert(inbound.name.clone(), delivered);
        self.redeliver(&inbound.name);
        true
    }

    pub(super) fn redeliver(&mut self, name: &str) {
        // Another platform has it.
        let Some(Delivered { fact, chat, pieces }) = self.delivered.get(name) else { return };
        self.recorder.record(fact.clone());
        let member = &self.members[chat];
        let prefix = mask(&member.chat.sender);
        let (target, seats) = match member.chat.kind {
            ChatKind::Direct => match self.seat_of(&member.chat.account) {
                Some((number, nick)) => (nick, vec![number]),
                None => return,
            },
            ChatKind::Group { .. } | ChatKind::Room { .. } => {
                let room = self.rooms.get(&fold(&member.place.peer));
                let seats = room.into_iter().flat_map(|it| it.seats.keys().copied()).collect();
                (member.place.peer.clone(), seats)
            }
        };
        for (index, piece) in pieces.iter().enumerate() {
            // It is there when its last line is.
            let is_last = index + 1 == pieces.len();
            for seat in &seats {
                let of_account = self.seats[seat].account.as_deref() == Some(&member.chat.account);
                let message = (is_last && of_account).then(|| name.to_owned());
                self.pass_on(*seat, (&prefix, "PRIVMSG", &target, piece), message);
            }
        }
    }

    /// The account's client: the first that was welcomed and is still there.
    fn seat_of(&self, account: &str) -> Option<(u64, String)> {
        let mut seats = self.seats.iter().filter(|(_, it)| it.is_registered);
        let (number, seat) = seats.find(|(_, it)| it.account.as_deref() == Some(account))?;
        Some((*number, seat.nick.clone()?))
    }

    fn nick_of(&self, account: &str) -> Option<String> {
        self.seat_of(account).map(|(_, nick)| nick)
    }

    /// Has a connection write what somebody said, cut to what fits into a line behind who said it.
    fn pass_on(
        &self,
        seat: u64,
        (prefix, verb, target, text): (&str, &str, &str, &str),
        message: Option<String>,
    ) {
        let (head, text) = relayed(prefix, verb, target, text);
        let tags = match self.seats.get(&seat) {
            Some(it) if it.has("server-time") => {
                let now_us = self.zero_unix_s * 1_000_000 + self.recorder.now_us();
                format!("@time={} ", stamp(now_us.div_euclid(1_000)))
            }
            _ => String::new(),
        };
        self.push(seat, Out::Line { text: format!("{tags}{head}{text}"), message });
    }

    /// What happens to the next message into a place.
    fn next_fault(&mut self, place: &Place) -> SendFault {
        let mut here = self.members.values_mut().filter(|it| it.place == *place);
        here.find_map(|it| it.faults.pop_front()).unwrap_or(SendFault::Accept)
    }
}

/// What stands before the text in a line that carries what somebody said, and as much of the text as fits behind it.
fn relayed<'a>(prefix: &str, verb: &str, target: &str, text: &'a str) -> (String, &'a str) {
    let head = format!(":{prefix} {verb} {target} :");
    let room = (LINE_BYTES_MAX - 2).saturating_sub(head.len());
    (head, cut(text, room))
}

/// A moment as `server-time` has it, from milliseconds since 1970.
pub(super) fn stamp(unix_ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(unix_ms);
    moment.map(|it| format!("{it:.3}")).unwrap_or_default()
}

/// `PRIVMSG` and `NOTICE` of a client.
pub(super) fn take(state: &mut State, number: u64, command: &Command) {
    // A notice is never answered, not even by the server.
    let answers = command.name == "PRIVMSG";
    let Some(targets) = command.param(0) else {
        if answers {
            state.answer(number, 411, ":No recipient given (PRIVMSG)");
        }
        return;
    };
    let Some(text) = command.param(1).map(str::to_owned) else {
        if answers {
            state.answer(number, 412, ":No text to send");
        }
        return;
    };
    for target in targets.split(',') {
        if let Err((code, why)) = say(state, number, (&command.name, target, &text))
            && answers
        {
            state.answer(number, code, format!("{target} :{why}"));
        }
    }
}

type Refusal = (u16, &'static str);

/// Shows a client's words where they go.
fn say(
    state: &mut State,
    number: u64,
    (verb, target, text): (&str, &str, &str),
) -> Result<(), Refusal> {
    let seat = state.seats.get(&number).expect("it is attended");
    let (prefix, nick) = (seat.prefix(), seat.nick.clone().unwrap_or_default());
    let account = seat.account.clone().unwrap_or_default();
    let echoes = seat.has("echo-message");
    let goes_to = destination(state, number, target);
    let peer = goes_to.as_ref().map_or(target, |(peer, _)| peer).to_owned();
    let place = place(&account, &peer);
    let shown = readable(relayed(&prefix, verb, &peer, text).1, &nick);
    let others = match (goes_to, state.next_fault(&place)) {
        (Ok((_, others)), SendFault::Accept | SendFault::Slow { .. }) => others,
        (Ok(_), SendFault::Refuse { .. }) => {
            let refusal = (404, "Cannot send to channel");
            return Err(refused(state, place, (text, refusal)));
        }
        (Err(refusal), _) => return Err(refused(state, place, (text, refusal))),
    };
    for other in others.into_iter().chain(echoes.then_some(number)) {
        state.pass_on(other, (&prefix, verb, &peer, text), None);
    }
    let Some(shown) = shown else { return Ok(()) };
    let platform_id = state.next_id();
    state.recorder.record(Kind::Sent {
        place: place.clone(),
        platform_id,
        text: shown.clone(),
        reply_to: None,
        images: Vec::new(),
    });
    state.shown.push(Shown { place, from: nick, by_us: true, text: shown });
    Ok(())
}

/// The target as everybody writes it, and the connections that are to see what is said there.
fn destination(state: &State, number: u64, target: &str) -> Result<(String, Vec<u64>), Refusal> {
    if is_room(target) {
        let room = state.rooms.get(&fold(target)).ok_or((403, "No such channel"))?;
        if !room.seats.contains_key(&number) {
            return Err((404, "Cannot send to channel"));
        }
        let others = room.seats.keys().copied().filter(|it| *it != number);
        return Ok((room.name.clone(), others.collect()));
    }
    if let Some(person) = state.person(target) {
        return Ok((person.to_owned(), Vec::new()));
    }
    let holder = state.holder(target).ok_or((401, "No such nick/channel"))?;
    Ok((target.to_owned(), vec![holder]))
}

fn refused(state: &State, place: Place, (text, refusal): (&str, Refusal)) -> Refusal {
    state.recorder.record(Kind::Refused {
        place: Some(place),
        text: text.to_owned(),
        status: refusal.0,
        retry_after_s: None,
        description: refusal.1.to_owned(),
    });
    refusal
}

/// What a person reads: an action as clients show one, nothing of other requests between clients.
fn readable(text: &str, nick: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('\u{1}') else { return Some(text.to_owned()) };
    let action = inner.trim_end_matches('\u{1}').strip_prefix("ACTION ")?;
    Some(format!("* {nick} {action}"))
}
