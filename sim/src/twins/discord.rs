//! Discord's Gateway and REST API, version 10, as `https://docs.discord.com/developers` documents them, for text messages.
//!
//! A message's life: [`Discord::deliver`] makes it an event of the bot's session, the session's connection carries it
//! (fetched), or the next connection that resumes the session does; `POST /channels/…/messages` makes what people see.
//! What happens while a bot has no session is lost to it, as on the platform. Compression is not offered.

mod files;
mod intents;
mod messages;
mod render;
mod rest;
mod socket;
mod state;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    routing::{any, get},
};
use creel_judge::trace::Place;

use self::state::State;
use super::Inbound;
use crate::{
    base::Credentials,
    recorder::Recorder,
    scenario::{Chat, Cut, SendFault},
};

/// The channel's name in scenarios and traces.
pub const CHANNEL: &str = "discord";

/// The key of an account's secret in the configuration.
pub const TOKEN: &str = "token";

/// A bot, and the account that it is in the gateway's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// The key of `channels.discord.accounts`.
    pub account: String,
    /// The token.
    pub token: String,
    /// The bot's user id.
    pub id: u64,
    /// Its name.
    pub username: String,
}

impl Bot {
    /// The bot of an account, the one of this number.
    pub fn of(index: u64, account: &str, credentials: &Credentials) -> Self {
        Self {
            account: account.to_owned(),
            token: credentials.get(TOKEN).expect("an account of ours has a token").clone(),
            id: 990_000_000_000_000_000 + index,
            username: format!("creel-{account}"),
        }
    }
}

/// The twin. A clone is another handle on the same platform.
#[derive(Clone, Debug)]
pub struct Discord {
    state: Arc<Mutex<State>>,
}

impl Discord {
    /// A platform with these bots and nobody in it, where `zero_unix_s` is the date at the recorder's zero.
    pub fn new(recorder: Recorder, bots: Vec<Bot>, zero_unix_s: i64) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(recorder, bots, zero_unix_s))) }
    }

    /// Adds a chat with what happens to the gateway's sends there.
    pub fn declare(&self, name: &str, chat: &Chat, faults: &[SendFault]) {
        self.state().declare(name, chat, faults);
    }

    /// Whether a chat of this name has been added.
    pub fn knows(&self, chat: &str) -> bool {
        self.state().knows(chat)
    }

    /// Lets a person write. The platform's id of the message, unless the chat does not exist.
    pub fn deliver(&self, inbound: &Inbound) -> Option<String> {
        self.state().deliver(inbound)
    }

    /// Plays a message's event once more.
    pub fn redeliver(&self, name: &str) {
        self.state().redeliver(name);
    }

    /// Decides what happens to the next send into the chat that no fault has been declared for yet.
    pub fn script(&self, chat: &str, fault: SendFault) {
        self.state().script(chat, fault);
    }

    /// Cuts every connection, and takes no new one for a while.
    pub fn cut(&self, cut: Cut, lasts: Duration) {
        self.state().cut(cut, lasts);
    }

    /// The bot's newest message in a place, as it reads now.
    pub fn last_text(&self, place: &Place) -> Option<String> {
        self.state().last_text(place)
    }

    /// Whether the account's bot has a session.
    pub fn is_connected(&self, account: &str) -> bool {
        self.state().is_connected(account)
    }

    /// All messages that are there now, in order, as JSON.
    pub fn conversation(&self) -> serde_json::Value {
        self.state().conversation()
    }

    /// The Gateway at `/`, the REST API at `/api/v10`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", any(socket::upgrade))
            .route("/attachments/{channel}/{message}/{name}", get(files::download))
            .nest("/api/v10", rest::router())
            .fallback(rest::not_found)
            .layer(axum::extract::DefaultBodyLimit::max(files::BODY_BYTES_MAX))
            .with_state(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the platform")
    }
}
