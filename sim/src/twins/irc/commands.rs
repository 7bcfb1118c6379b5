//! What a client can say.

use super::{
    SERVER,
    line::Command,
    looks, register, rooms,
    state::{Out, State},
    talk,
};

/// Does what a client says.
pub(super) fn perform(state: &mut State, number: u64, command: &Command) {
    let is_registered = state.seats.get(&number).is_some_and(|it| it.is_registered);
    match command.name.as_str() {
        "PASS" => register::pass(state, number, command),
        "NICK" => register::nick(state, number, command),
        "USER" => register::user(state, number, command),
        "CAP" => register::capabilities(state, number, command),
        "AUTHENTICATE" => register::authenticate(state, number, command),
        "PING" => match command.params.first() {
            Some(token) => state.tell(number, format!(":{SERVER} PONG {SERVER} :{token}")),
            None => state.answer(number, 409, ":No origin specified"),
        },
        "PONG" => (),
        "QUIT" => {
            let reason = command.param(0).unwrap_or("Client quit");
            state.tell(number, format!("ERROR :Closing Link: {reason}"));
            state.push(number, Out::Close);
        }
        _ if !is_registered => state.answer(number, 451, ":You have not registered"),
        "PRIVMSG" | "NOTICE" => talk::take(state, number, command),
        "JOIN" => rooms::join(state, number, command),
        "PART" => rooms::part(state, number, command),
        "NAMES" => rooms::names(state, number, command),
        "TOPIC" => rooms::topic(state, number, command),
        "MODE" => rooms::mode(state, number, command),
        "INVITE" | "KICK" => rooms::move_person(state, number, command),
        "LIST" => rooms::list(state, number),
        "WHO" => looks::who(state, number, command),
        "WHOIS" => looks::whois(state, number, command),
        "WHOWAS" => looks::whowas(state, number, command),
        "ISON" => looks::are_here(state, number, command),
        "USERHOST" => looks::hosts(state, number, command),
        "AWAY" => away(state, number, command),
        "LUSERS" => register::crowd(state, number),
        "MOTD" => register::greeting(state, number),
        "VERSION" => state.answer(number, 351, format!("creel-twin. {SERVER} :")),
        "TIME" => {
            let now = talk::stamp(state.date().saturating_mul(1_000));
            state.answer(number, 391, format!("{SERVER} :{now}"));
        }
        "OPER" => state.answer(number, 491, ":No O-lines for your host"),
        "TAGMSG" => (),
        other => state.answer(number, 421, format!("{other} :Unknown command")),
    }
}

fn away(state: &mut State, number: u64, command: &Command) {
    let Some(seat) = state.seats.get_mut(&number) else { return };
    seat.away = command.param(0).map(str::to_owned);
    if seat.away.is_some() {
        state.answer(number, 306, ":You have been marked as being away");
    } else {
        state.answer(number, 305, ":You are no longer marked as being away");
    }
}
