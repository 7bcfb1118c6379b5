//! What a client may ask about others.

use super::{
    SERVER,
    line::{Command, fold, is_room},
    state::{Seat, State, people_host},
};

/// Somebody on the server: a connection, or a person.
struct Somebody {
    nick: String,
    user: String,
    host: String,
    real_name: String,
    account: Option<String>,
    /// `H`ere or `G`one.
    flag: &'static str,
}

impl Somebody {
    fn find(state: &State, nick: &str) -> Option<Self> {
        if let Some(seat) = state.holder(nick).and_then(|it| state.seats.get(&it)) {
            return Some(Self::seated(seat));
        }
        let person = state.person(nick)?;
        Some(Self {
            nick: person.to_owned(),
            user: fold(person),
            host: people_host().to_owned(),
            real_name: person.to_owned(),
            account: None,
            flag: "H",
        })
    }

    fn seated(seat: &Seat) -> Self {
        Self {
            nick: seat.nick.clone().unwrap_or_default(),
            user: format!("~{}", seat.user.as_deref().unwrap_or_default()),
            host: seat.host.clone(),
            real_name: seat.real_name.clone(),
            account: seat.account.clone(),
            flag: if seat.away.is_some() { "G" } else { "H" },
        }
    }
}

/// The nicks of everybody in a room.
fn nicks_in(state: &State, room: &str) -> Vec<String> {
    let seats = state.rooms.get(&fold(room)).into_iter().flat_map(|it| it.seats.keys());
    let nicks = seats.filter_map(|it| state.seats.get(it)?.nick.clone());
    nicks.chain(state.people_in(room).into_iter().map(str::to_owned)).collect()
}

pub(super) fn who(state: &mut State, number: u64, command: &Command) {
    let mask = command.param(0).unwrap_or("*").to_owned();
    let nicks = if is_room(&mask) { nicks_in(state, &mask) } else { vec![mask.clone()] };
    for nick in nicks {
        let Some(it) = Somebody::find(state, &nick) else { continue };
        let place = if is_room(&mask) { mask.as_str() } else { "*" };
        let Somebody { nick, user, host, real_name, flag, .. } = it;
        let who = format!("{place} {user} {host} {SERVER} {nick} {flag} :0 {real_name}");
        state.answer(number, 352, who);
    }
    state.answer(number, 315, format!("{mask} :End of /WHO list"));
}

pub(super) fn whois(state: &mut State, number: u64, command: &Command) {
    // With two parameters, the first is a server.
    let Some(nick) = command.param(1).or(command.param(0)).map(str::to_owned) else {
        return state.answer(number, 431, ":No nickname given");
    };
    match Somebody::find(state, &nick) {
        Some(Somebody { nick, user, host, real_name, account, .. }) => {
            state.answer(number, 311, format!("{nick} {user} {host} * :{real_name}"));
            let rooms = state.rooms.values().map(|it| it.name.as_str());
            let rooms = rooms.filter(|it| nicks_in(state, it).contains(&nick));
            let rooms = rooms.collect::<Vec<_>>().join(" ");
            if !rooms.is_empty() {
                state.answer(number, 319, format!("{nick} :{rooms}"));
            }
            state.answer(number, 312, format!("{nick} {SERVER} :Creel"));
            if let Some(account) = account {
                state.answer(number, 330, format!("{nick} {account} :is logged in as"));
            }
        }
        None => state.answer(number, 401, format!("{nick} :No such nick/channel")),
    }
    state.answer(number, 318, format!("{nick} :End of /WHOIS list"));
}

pub(super) fn whowas(state: &mut State, number: u64, command: &Command) {
    let nick = command.param(0).unwrap_or("*");
    state.answer(number, 406, format!("{nick} :There was no such nickname"));
    state.answer(number, 369, format!("{nick} :End of WHOWAS"));
}

/// `ISON`: which of these are here.
pub(super) fn are_here(state: &mut State, number: u64, command: &Command) {
    let asked = command.params.iter().flat_map(|it| it.split_whitespace());
    let here: Vec<String> =
        asked.filter_map(|it| Somebody::find(state, it)).map(|it| it.nick).collect();
    state.answer(number, 303, format!(":{}", here.join(" ")));
}

/// `USERHOST`: where these are from.
pub(super) fn hosts(state: &mut State, number: u64, command: &Command) {
    let asked = command.params.iter().take(5);
    let host = |it: Somebody| {
        let away = if it.flag == "G" { '-' } else { '+' };
        format!("{}={away}{}@{}", it.nick, it.user, it.host)
    };
    let found: Vec<String> = asked.filter_map(|it| Somebody::find(state, it)).map(host).collect();
    state.answer(number, 302, format!(":{}", found.join(" ")));
}
