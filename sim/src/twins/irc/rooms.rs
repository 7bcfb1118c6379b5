//! Rooms: who is in them, what they are about, and what may be done there.

use super::{
    line::{Command, fold, is_room},
    state::{Room, Seat, State},
};

/// How many rooms a client may be in.
const ROOMS_MAX: usize = 100;

pub(super) fn join(state: &mut State, number: u64, command: &Command) {
    let Some(names) = command.param(0) else {
        return state.answer(number, 461, "JOIN :Not enough parameters");
    };
    if names == "0" {
        let inside = |it: &&Room| it.seats.contains_key(&number);
        let all: Vec<String> =
            state.rooms.values().filter(inside).map(|it| it.name.clone()).collect();
        return all.iter().for_each(|it| leave(state, number, it, "Left all channels"));
    }
    for name in names.split(',') {
        enter(state, number, name);
    }
}

fn enter(state: &mut State, number: u64, name: &str) {
    if !is_room(name) {
        return state.answer(number, 403, format!("{name} :No such channel"));
    }
    if state.rooms.values().filter(|it| it.seats.contains_key(&number)).count() >= ROOMS_MAX {
        return state.answer(number, 405, format!("{name} :You have joined too many channels"));
    }
    let is_first = state.people_in(name).is_empty();
    let prefix = state.seats.get(&number).map(Seat::prefix).unwrap_or_default();
    let room = state.open(name);
    if room.seats.contains_key(&number) {
        return;
    }
    room.seats.insert(number, is_first && room.seats.is_empty());
    let (name, seats) = (room.name.clone(), room.seats.keys().copied().collect::<Vec<_>>());
    for seat in seats {
        state.tell(seat, format!(":{prefix} JOIN {name}"));
    }
    if state.rooms.get(&fold(&name)).is_some_and(|it| it.topic.is_some()) {
        topic_of(state, number, &name);
    }
    names_of(state, number, &name);
}

pub(super) fn part(state: &mut State, number: u64, command: &Command) {
    let Some(names) = command.param(0) else {
        return state.answer(number, 461, "PART :Not enough parameters");
    };
    let reason = command.param(1).unwrap_or_default().to_owned();
    for name in names.split(',') {
        if is_in(state, number, name) {
            leave(state, number, name, &reason);
        }
    }
}

fn leave(state: &mut State, number: u64, name: &str, reason: &str) {
    let prefix = state.seats.get(&number).map(Seat::prefix).unwrap_or_default();
    let Some(room) = state.rooms.get_mut(&fold(name)) else { return };
    let (name, seats) = (room.name.clone(), room.seats.keys().copied().collect::<Vec<_>>());
    room.seats.remove(&number);
    for seat in seats {
        state.tell(seat, format!(":{prefix} PART {name} :{reason}"));
    }
}

/// Whether a connection is in a room; tells it if not.
fn is_in(state: &State, number: u64, name: &str) -> bool {
    match state.rooms.get(&fold(name)) {
        None => state.answer(number, 403, format!("{name} :No such channel")),
        Some(room) if !room.seats.contains_key(&number) => {
            state.answer(number, 442, format!("{name} :You're not on that channel"));
        }
        Some(_) => return true,
    }
    false
}

/// Whether it is an operator of the room, too; tells it if not.
fn rules(state: &State, number: u64, name: &str) -> bool {
    if !is_in(state, number, name) {
        return false;
    }
    let rules = state.rooms.get(&fold(name)).and_then(|it| it.seats.get(&number)).copied();
    if rules != Some(true) {
        state.answer(number, 482, format!("{name} :You're not channel operator"));
    }
    rules == Some(true)
}

pub(super) fn names(state: &mut State, number: u64, command: &Command) {
    match command.param(0) {
        Some(names) => names.split(',').for_each(|it| names_of(state, number, it)),
        None => state.answer(number, 366, "* :End of /NAMES list"),
    }
}

fn names_of(state: &State, number: u64, name: &str) {
    let Some(room) = state.rooms.get(&fold(name)) else {
        return state.answer(number, 366, format!("{name} :End of /NAMES list"));
    };
    let seated = room.seats.iter().filter_map(|(seat, rules)| {
        let nick = state.seats.get(seat)?.nick.clone()?;
        Some(if *rules { format!("@{nick}") } else { nick })
    });
    let people = state.people_in(name).into_iter().map(str::to_owned);
    let all: Vec<String> = seated.chain(people).collect();
    // Ten of the longest nicks fit into one line.
    for some in all.chunks(10) {
        state.answer(number, 353, format!("= {} :{}", room.name, some.join(" ")));
    }
    state.answer(number, 366, format!("{} :End of /NAMES list", room.name));
}

pub(super) fn topic(state: &mut State, number: u64, command: &Command) {
    let Some(name) = command.param(0).map(str::to_owned) else {
        return state.answer(number, 461, "TOPIC :Not enough parameters");
    };
    let Some(topic) = command.params.get(1) else {
        if is_in(state, number, &name) {
            topic_of(state, number, &name);
        }
        return;
    };
    if !rules(state, number, &name) {
        return;
    }
    let prefix = state.seats.get(&number).map(Seat::prefix).unwrap_or_default();
    let room = state.open(&name);
    room.topic = (!topic.is_empty()).then(|| (topic.clone(), prefix.clone()));
    let (name, seats) = (room.name.clone(), room.seats.keys().copied().collect::<Vec<_>>());
    for seat in seats {
        state.tell(seat, format!(":{prefix} TOPIC {name} :{topic}"));
    }
}

fn topic_of(state: &State, number: u64, name: &str) {
    let Some(room) = state.rooms.get(&fold(name)) else { return };
    match &room.topic {
        Some((topic, setter)) => {
            state.answer(number, 332, format!("{} :{topic}", room.name));
            let since = room.created_unix_s;
            state.answer(number, 333, format!("{} {setter} {since}", room.name));
        }
        None => state.answer(number, 331, format!("{} :No topic is set", room.name)),
    }
}

/// `MODE`: what there is can be seen; what a room's operator may change is who else is one.
pub(super) fn mode(state: &mut State, number: u64, command: &Command) {
    let Some(name) = command.param(0).map(str::to_owned) else {
        return state.answer(number, 461, "MODE :Not enough parameters");
    };
    if !is_room(&name) {
        let own = state.seats.get(&number).and_then(|it| it.nick.as_deref()).map(fold);
        return match command.param(1) {
            _ if own != Some(fold(&name)) => {
                state.answer(number, 502, ":Can't change mode for other users");
            }
            None => state.answer(number, 221, "+i"),
            Some(asked) => state.tell(number, format!(":{name} MODE {name} :{asked}")),
        };
    }
    match (command.param(1), command.param(2)) {
        (None, _) => match state.rooms.get(&fold(&name)) {
            Some(room) => {
                state.answer(number, 324, format!("{} +nt", room.name));
                state.answer(number, 329, format!("{} {}", room.name, room.created_unix_s));
            }
            None => state.answer(number, 403, format!("{name} :No such channel")),
        },
        (Some("b" | "+b"), None) => {
            state.answer(number, 368, format!("{name} :End of channel ban list"));
        }
        (Some(asked @ ("+o" | "-o")), Some(whom)) => {
            if rules(state, number, &name) {
                promote(state, number, (&name, whom), asked);
            }
        }
        (Some(asked), _) => {
            if rules(state, number, &name) {
                state.answer(number, 472, format!("{asked} :is unknown mode char to me"));
            }
        }
    }
}

fn promote(state: &mut State, number: u64, (name, whom): (&str, &str), asked: &str) {
    let prefix = state.seats.get(&number).map(Seat::prefix).unwrap_or_default();
    let holder = state.holder(whom);
    let room = state.open(name);
    let (name, seats) = (room.name.clone(), room.seats.keys().copied().collect::<Vec<_>>());
    let Some(rules) = holder.and_then(|it| room.seats.get_mut(&it)) else {
        return state.answer(number, 441, format!("{whom} {name} :They aren't on that channel"));
    };
    *rules = asked == "+o";
    for seat in seats {
        state.tell(seat, format!(":{prefix} MODE {name} {asked} {whom}"));
    }
}

/// `INVITE` and `KICK`: people are where the scenario has them, so that neither moves one.
pub(super) fn move_person(state: &mut State, number: u64, command: &Command) {
    let kicks = command.name == "KICK";
    let (room, whom) = if kicks { (0, 1) } else { (1, 0) };
    let (Some(name), Some(whom)) = (command.param(room), command.param(whom)) else {
        return state.answer(number, 461, format!("{} :Not enough parameters", command.name));
    };
    if state.person(whom).is_none() && state.holder(whom).is_none() {
        return state.answer(number, 401, format!("{whom} :No such nick/channel"));
    }
    if kicks && rules(state, number, name) {
        state.answer(number, 482, format!("{name} :Nobody is put out of a scenario's room"));
    } else if !kicks && is_in(state, number, name) {
        state.answer(number, 341, format!("{whom} {name}"));
    }
}

pub(super) fn list(state: &mut State, number: u64) {
    state.answer(number, 321, "Channel :Users Name");
    for room in state.rooms.values() {
        let count = room.seats.len() + state.people_in(&room.name).len();
        let topic = room.topic.as_ref().map_or("", |(topic, _)| topic);
        state.answer(number, 322, format!("{} {count} :{topic}", room.name));
    }
    state.answer(number, 323, ":End of /LIST");
}
