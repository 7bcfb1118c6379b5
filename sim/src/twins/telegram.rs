//! Telegram's Bot API, as `https://core.telegram.org/bots/api` documents it, for text messages and photos by long polling.
//!
//! A message's life: [`Telegram::deliver`] puts it into the bot's queue, `getUpdates` hands it out, a later offset
//! acknowledges it, and `sendMessage`, `editMessageText` and `deleteMessage` make what the person sees.

mod call;
mod chores;
mod files;
mod messages;
mod render;
mod rooms;
mod state;
mod updates;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard};

use axum::{
    Router,
    extract::{Request, State as Extract},
    response::Response,
};
use creel_judge::trace::Place;
use serde_json::Value;

use self::{
    call::{Call, Failure, Outcome, respond},
    state::State,
};
use super::Inbound;
use crate::{
    base::Credentials,
    recorder::Recorder,
    scenario::{Chat, SendFault},
};

/// The channel's name in scenarios and traces.
pub const CHANNEL: &str = "telegram";

/// The largest request body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;

/// A bot, and the account that it is in the gateway's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// The key of `channels.telegram.accounts`.
    pub account: String,
    /// `<id>:<secret>`, as @`BotFather` gives it.
    pub token: String,
    /// The bot's user id, the part of the token before the colon.
    pub id: i64,
    /// The name by which it is mentioned, without the `@`.
    pub username: String,
}

impl Bot {
    /// The bot of an account whose `botToken` is one of ours.
    pub fn of(account: &str, credentials: &Credentials) -> Self {
        let token = credentials.get("botToken").expect("an account of ours has a token").clone();
        let id = token.split_once(':').and_then(|(id, _)| id.parse().ok());
        Self {
            account: account.to_owned(),
            id: id.expect("a token of ours begins with an id"),
            token,
            username: format!("creel_{account}_bot"),
        }
    }
}

/// Why a twin could not be set up.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Telegram's ids are numbers.
    #[error("chat `{chat}` has {what} `{found}`: expected a whole number, such as `{example}`")]
    NotANumber {
        /// The chat's name.
        chat: String,
        /// Which id.
        what: &'static str,
        /// What it was.
        found: String,
        /// What it could be.
        example: &'static str,
    },
    /// Telegram's group ids are negative, and people's are positive.
    #[error("chat `{chat}` has {what} `{found}`: expected a {expected} number")]
    WrongSign {
        /// The chat's name.
        chat: String,
        /// Which id.
        what: &'static str,
        /// What it was.
        found: i64,
        /// `positive` or `negative`.
        expected: &'static str,
    },
    /// No bot serves the chat's account.
    #[error("chat `{chat}` is in account `{account}`, which has no bot (known accounts: {known})")]
    UnknownAccount {
        /// The chat's name.
        chat: String,
        /// The account that was asked for.
        account: String,
        /// Those that exist.
        known: String,
    },
}

/// The twin. A clone is another handle on the same platform.
#[derive(Clone, Debug)]
pub struct Telegram {
    recorder: Recorder,
    state: Arc<Mutex<State>>,
}

impl Telegram {
    /// A platform with these bots and nobody in it, where `zero_unix_s` is the date at the recorder's zero.
    pub fn new(recorder: Recorder, bots: Vec<Bot>, zero_unix_s: i64) -> Self {
        let state = State::new(recorder.clone(), bots, zero_unix_s);
        Self { recorder, state: Arc::new(Mutex::new(state)) }
    }

    /// Adds a chat with what happens to the gateway's sends there. A bot may only write to chats that exist.
    ///
    /// # Errors
    ///
    /// Refuses ids that are not Telegram's, and accounts without a bot.
    pub fn declare(&self, name: &str, chat: &Chat, faults: &[SendFault]) -> Result<(), Error> {
        self.state().declare(name, chat, faults)
    }

    /// Whether a chat of this name has been added.
    pub fn knows(&self, chat: &str) -> bool {
        self.state().knows(chat)
    }

    /// Lets a person write. The platform's id of the message, unless the chat does not exist.
    pub fn deliver(&self, inbound: &Inbound) -> Option<i64> {
        self.state().deliver(inbound)
    }

    /// Delivers a message once more: a new update with the same message in it.
    pub fn redeliver(&self, name: &str) {
        self.state().redeliver(name);
    }

    /// Decides what happens to the next send into the chat that no fault has been declared for yet.
    pub fn script(&self, chat: &str, fault: SendFault) {
        self.state().script(chat, fault);
    }

    /// The bot's newest message in a place, as it reads now.
    pub fn last_text(&self, place: &Place) -> Option<String> {
        self.state().last_text(place)
    }

    /// Whether the account's bot has asked for updates at least once.
    pub fn polled(&self, account: &str) -> bool {
        self.state().polled(account)
    }

    /// All messages that are there now, in the order in which they were written, as JSON.
    pub fn conversation(&self) -> Value {
        self.state().conversation()
    }

    /// The Bot API, at `/bot<token>/<method>`.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the platform")
    }

    async fn perform(&self, call: &Call) -> Outcome {
        let known = self.state().bot_index(&call.token);
        let Some(bot) = known else {
            let failure = Failure::unauthorized(&call.token);
            if ["sendmessage", "sendphoto"].contains(&call.method.as_str()) {
                self.recorder.record(messages::refused(None, call, &failure));
            }
            return Err(failure);
        };
        match call.method.as_str() {
            "getupdates" => updates::poll(self, bot, call).await,
            "sendmessage" | "sendphoto" => messages::send(self, bot, call).await,
            "getfile" => self.state().files.locate(call),
            "editmessagetext" => messages::edit(&mut self.state(), bot, call),
            "deletemessage" => messages::delete(&mut self.state(), bot, call),
            _ => chores::perform(&mut self.state(), bot, call),
        }
    }
}

async fn answer(Extract(twin): Extract<Telegram>, request: Request) -> Response {
    if let Some(response) = files::download(&twin, request.uri()) {
        return response;
    }
    match Call::read(request).await {
        Ok(call) => respond(twin.perform(&call).await),
        Err(failure) => respond(Err(failure)),
    }
}

#[cfg(test)]
mod tests;
