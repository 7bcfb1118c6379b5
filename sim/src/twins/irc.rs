//! An IRC server, as RFC 1459 and RFC 2812 have it, with `IRCv3`'s negotiation of capabilities and SASL.
//!
//! A message's life: [`Irc::deliver`] has a person write, every connection that is to see it carries it as a line
//! (fetched); a client's `PRIVMSG` or `NOTICE` makes what people see. Nothing is kept for those who are not there, and
//! nothing is acknowledged, as on any IRC network. People are always there, and in the rooms where they write.
//!
//! The server trusts its clients: it delays none that writes fast, but ends one that floods.

mod commands;
mod connection;
mod line;
mod looks;
mod register;
mod rooms;
mod state;
mod talk;

#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::serve::Listener;
use creel_judge::trace::Place;
use tokio::task::JoinSet;

use self::state::State;
use super::Inbound;
use crate::{
    base::Credentials,
    recorder::Recorder,
    scenario::{Chat, SendFault},
};

pub use self::line::is_room;
pub(crate) use self::{line::is_nick, state::mask};

/// The channel's name in scenarios and traces.
pub const CHANNEL: &str = "irc";

/// The key of an account's secret in the configuration: what it says by `PASS`, or shows by SASL.
pub const PASSWORD: &str = "password";

/// The server's own name.
pub const SERVER: &str = "irc.creel.test";

/// How many connections are served at once; further ones are closed.
const CONNECTIONS_MAX: usize = 256;

/// A client of the gateway's, and the account that it is in the gateway's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// The key of `channels.irc.accounts`.
    pub account: String,
    /// What it must say to be let in; none where anybody is.
    pub password: Option<String>,
}

impl Bot {
    /// The client of an account.
    pub fn of(account: &str, credentials: &Credentials) -> Self {
        Self { account: account.to_owned(), password: credentials.get(PASSWORD).cloned() }
    }
}

/// The nick that an account is configured with: letters, digits and hyphens of its name.
pub fn nick(account: &str) -> String {
    let fits = |it: &char| it.is_ascii_alphanumeric() || *it == '-';
    let name: String = account.chars().filter(fits).take(20).collect();
    if name.is_empty() { "creel".to_owned() } else { format!("creel-{name}") }
}

/// The twin. A clone is another handle on the same server.
#[derive(Clone, Debug)]
pub struct Irc {
    state: Arc<Mutex<State>>,
}

impl Irc {
    /// A server that lets these clients in and has nobody on it, where `zero_unix_s` is the date at the recorder's zero.
    pub fn new(recorder: Recorder, bots: Vec<Bot>, zero_unix_s: i64) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(recorder, bots, zero_unix_s))) }
    }

    /// Adds a chat with what happens to the gateway's messages there.
    pub fn declare(&self, name: &str, chat: &Chat, faults: &[SendFault]) {
        self.state().declare(name, chat, faults);
    }

    /// Whether a chat of this name has been added.
    pub fn knows(&self, chat: &str) -> bool {
        self.state().knows(chat)
    }

    /// Lets a person write. False if there is no such chat.
    pub fn deliver(&self, inbound: &Inbound) -> bool {
        self.state().deliver(inbound)
    }

    /// Has a person write a message once more, if it was written here. Nothing tells the second from the first.
    pub fn redeliver(&self, name: &str) {
        self.state().redeliver(name);
    }

    /// Decides what happens to the next message into the chat that no fault has been declared for yet.
    pub fn script(&self, chat: &str, fault: SendFault) {
        self.state().script(chat, fault);
    }

    /// Ends every connection: without a word, or with the server's.
    pub fn cut(&self, reason: Option<&str>) {
        self.state().cut(reason);
    }

    /// The account's newest message in a place.
    pub fn last_text(&self, place: &Place) -> Option<String> {
        self.state().last_text(place)
    }

    /// Whether the account's client is registered, and in every room where it is written to.
    pub fn is_listened_to(&self, account: &str) -> bool {
        self.state().is_listened_to(account)
    }

    /// All messages, in order, as JSON.
    pub fn conversation(&self) -> serde_json::Value {
        self.state().conversation()
    }

    /// Serves connections for as long as the future is polled.
    pub async fn serve<L>(&self, mut listener: L) -> Infallible
    where
        L: Listener<Addr = SocketAddr>,
    {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(ended) = connections.join_next() => if let Err(error) = ended {
                    std::panic::resume_unwind(error.into_panic());
                },
                (stream, from) = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                    let twin = self.clone();
                    connections.spawn(async move { connection::attend(twin, stream, from).await });
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the server")
    }
}
