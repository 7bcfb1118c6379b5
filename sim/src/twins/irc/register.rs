//! How a client gets in: its password, its nick, what it wants of the protocol, and its welcome.
//!
//! ```text
//!   PASS? · CAP LS … END? · AUTHENTICATE? · NICK · USER ──▶ welcome (001 … 376)
//!                                                     ╰──▶ 464 and the end, where the password is wrong
//! ```

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    Bot, SERVER,
    line::{Command, NICK_BYTES_MAX, ROOM_BYTES_MAX, cut, is_nick},
    state::{Out, Seat, State, now},
};

/// What the server offers beside the protocol, with what each says of itself.
const CAPABILITIES: [(&str, &str); 4] =
    [("echo-message", ""), ("message-tags", ""), ("sasl", "PLAIN"), ("server-time", "")];

/// The longest part of an answer to `AUTHENTICATE`; a shorter one is the last.
const SASL_PART_BYTES: usize = 400;

/// The longest answer, in bytes.
const SASL_BYTES_MAX: usize = 4_096;

/// The longest name that a client gives itself as user, in bytes.
const USER_BYTES_MAX: usize = 20;

pub(super) fn pass(state: &mut State, number: u64, command: &Command) {
    let Some(seat) = state.seats.get_mut(&number) else { return };
    match command.param(0) {
        _ if seat.is_registered => {
            state.answer(number, 462, ":You may not reregister");
        }
        Some(pass) => seat.pass = Some(pass.to_owned()),
        None => state.answer(number, 461, "PASS :Not enough parameters"),
    }
}

pub(super) fn nick(state: &mut State, number: u64, command: &Command) {
    let Some(wanted) = command.param(0) else {
        return state.answer(number, 431, ":No nickname given");
    };
    let wanted = wanted.to_owned();
    if !is_nick(&wanted) {
        return state.answer(number, 432, format!("{wanted} :Erroneous nickname"));
    }
    let holder = state.holder(&wanted).filter(|it| *it != number);
    if holder.is_some() || state.person(&wanted).is_some() {
        return state.answer(number, 433, format!("{wanted} :Nickname is already in use"));
    }
    let neighbours = state.neighbours(number);
    let Some(seat) = state.seats.get_mut(&number) else { return };
    let before = seat.prefix();
    let is_registered = seat.is_registered;
    seat.nick = Some(wanted.clone());
    if is_registered {
        for other in neighbours.into_iter().chain([number]) {
            state.tell(other, format!(":{before} NICK :{wanted}"));
        }
    } else {
        complete(state, number);
    }
}

pub(super) fn user(state: &mut State, number: u64, command: &Command) {
    let Some(seat) = state.seats.get_mut(&number) else { return };
    if seat.user.is_some() {
        return state.answer(number, 462, ":You may not reregister");
    }
    let (Some(user), Some(real_name)) = (command.param(0), command.params.get(3)) else {
        return state.answer(number, 461, "USER :Not enough parameters");
    };
    seat.user = Some(cut(user, USER_BYTES_MAX).to_owned());
    seat.real_name.clone_from(real_name);
    complete(state, number);
}

/// `CAP`: what there is, what is wanted, and the end of it.
pub(super) fn capabilities(state: &mut State, number: u64, command: &Command) {
    let Some(seat) = state.seats.get_mut(&number) else { return };
    let whom = seat.nick.clone().unwrap_or_else(|| "*".to_owned());
    let what = command.param(0).unwrap_or_default().to_ascii_uppercase();
    match what.as_str() {
        "LS" => {
            seat.negotiates |= !seat.is_registered;
            let is_new = command.param(1).and_then(|it| it.parse().ok()).unwrap_or(0) >= 302;
            let offer = |(name, value): &(&str, &str)| match value {
                value if is_new && !value.is_empty() => format!("{name}={value}"),
                _ => (*name).to_owned(),
            };
            let offers: Vec<String> = CAPABILITIES.iter().map(offer).collect();
            state.tell(number, format!(":{SERVER} CAP {whom} LS :{}", offers.join(" ")));
        }
        "LIST" => {
            let names: Vec<&str> = seat.capabilities.iter().copied().collect();
            let names = names.join(" ");
            state.tell(number, format!(":{SERVER} CAP {whom} LIST :{names}"));
        }
        "REQ" => {
            seat.negotiates |= !seat.is_registered;
            let asked = command.param(1).unwrap_or_default().to_owned();
            let verb = if request(seat, &asked) { "ACK" } else { "NAK" };
            state.tell(number, format!(":{SERVER} CAP {whom} {verb} :{asked}"));
        }
        "END" => {
            seat.negotiates = false;
            complete(state, number);
        }
        other => state.answer(number, 410, format!("{other} :Invalid CAP command")),
    }
}

/// Takes what is asked for, all of it or nothing.
fn request(seat: &mut Seat, asked: &str) -> bool {
    let known = |name: &str| CAPABILITIES.iter().map(|(it, _)| *it).find(|it| *it == name);
    let mut wanted = seat.capabilities.clone();
    for name in asked.split_whitespace() {
        let taken = match name.strip_prefix('-') {
            Some(name) => known(name).map(|it| _ = wanted.remove(it)),
            None => known(name).map(|it| _ = wanted.insert(it)),
        };
        if taken.is_none() {
            return false;
        }
    }
    seat.capabilities = wanted;
    true
}

/// `AUTHENTICATE`, by the mechanism `PLAIN` alone.
pub(super) fn authenticate(state: &mut State, number: u64, command: &Command) {
    let Some(seat) = state.seats.get_mut(&number) else { return };
    let said = command.param(0).unwrap_or_default();
    if !seat.has("sasl") {
        return state.answer(number, 904, ":SASL authentication failed");
    }
    if said == "*" {
        seat.sasl = None;
        return state.answer(number, 906, ":SASL authentication aborted");
    }
    let Some(so_far) = &mut seat.sasl else {
        if said.eq_ignore_ascii_case("PLAIN") {
            seat.sasl = Some(String::new());
            return state.tell(number, "AUTHENTICATE +");
        }
        state.answer(number, 908, "PLAIN :are available SASL mechanisms");
        return state.answer(number, 904, ":SASL authentication failed");
    };
    if said != "+" {
        so_far.push_str(said);
    }
    if so_far.len() > SASL_BYTES_MAX || said.len() > SASL_PART_BYTES {
        seat.sasl = None;
        return state.answer(number, 905, ":SASL message too long");
    }
    if said.len() == SASL_PART_BYTES {
        return;
    }
    let shown = seat.sasl.take().unwrap_or_default();
    match plain(&shown).and_then(|secret| account_of(&state.bots, Some(&secret))) {
        Some(account) => {
            let seat = state.seats.get_mut(&number).expect("it is attended");
            seat.account = Some(account.clone());
            let prefix = seat.prefix();
            let rest = format!("{prefix} {account} :You are now logged in as {account}");
            state.answer(number, 900, rest);
            state.answer(number, 903, ":SASL authentication successful");
        }
        None => state.answer(number, 904, ":SASL authentication failed"),
    }
}

/// The password in an answer of `PLAIN`: what stands behind two NULs.
fn plain(shown: &str) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(shown).ok()?;
    let password = bytes.splitn(3, |it| *it == 0).nth(2)?;
    String::from_utf8(password.to_vec()).ok()
}

/// The account that a password opens. Where one has none, anybody may be it.
fn account_of(bots: &[Bot], password: Option<&str>) -> Option<String> {
    let opens = |it: &&Bot| it.password.as_deref().is_none_or(|it| Some(it) == password);
    bots.iter().find(opens).map(|it| it.account.clone())
}

/// Welcomes a client that has said all that it must, or sends it away.
fn complete(state: &mut State, number: u64) {
    let Some(seat) = state.seats.get_mut(&number) else { return };
    let Seat { nick: Some(_), user: Some(_), is_registered: false, negotiates: false, .. } = seat
    else {
        return;
    };
    let known = seat.account.clone().or_else(|| account_of(&state.bots, seat.pass.as_deref()));
    let Some(account) = known else {
        state.answer(number, 464, ":Password incorrect");
        state.tell(number, "ERROR :Closing Link: Bad password");
        return state.push(number, Out::Close);
    };
    seat.account = Some(account);
    seat.is_registered = true;
    seat.welcomed = Some(now());
    let prefix = seat.prefix();
    state.answer(number, 1, format!(":Welcome to the Creel IRC network {prefix}"));
    state.answer(number, 2, format!(":Your host is {SERVER}, running version creel-twin"));
    state.answer(number, 3, ":This server was created for this run");
    state.answer(number, 4, format!("{SERVER} creel-twin io bnt"));
    state.answer(
        number,
        5,
        format!(
            "CASEMAPPING=ascii CHANTYPES=#& PREFIX=(o)@ CHANMODES=b,,,nt NICKLEN={NICK_BYTES_MAX} \
             CHANNELLEN={ROOM_BYTES_MAX} NETWORK=Creel :are supported by this server"
        ),
    );
    crowd(state, number);
    greeting(state, number);
}

/// `LUSERS`: how many there are.
pub(super) fn crowd(state: &State, number: u64) {
    let clients = state.seats.values().filter(|it| it.is_registered).count();
    let people: std::collections::BTreeSet<&str> =
        state.members.values().map(|it| it.chat.sender.as_str()).collect();
    let all = clients + people.len();
    state.answer(number, 251, format!(":There are {all} users and 0 invisible on 1 servers"));
    state.answer(number, 254, format!("{} :channels formed", state.rooms.len()));
    state.answer(number, 255, format!(":I have {all} clients and 0 servers"));
}

/// `MOTD`.
pub(super) fn greeting(state: &State, number: u64) {
    state.answer(number, 375, format!(":- {SERVER} Message of the day -"));
    state.answer(number, 372, ":- Nothing here is kept.");
    state.answer(number, 376, ":End of /MOTD command");
}
