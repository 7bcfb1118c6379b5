//! WhatsApp's Cloud API, as `https://developers.facebook.com/docs/whatsapp/cloud-api` documents it: webhooks that the
//! platform posts, and the Graph API's messages.
//!
//! The signature is computed here and not by the gateway's code, so that a mistake in one shows in the other.

mod call;
mod media;
mod messages;
pub(super) mod render;
mod state;

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    routing::{get, post},
};
use creel_judge::trace::Place;
use ring::hmac;

use self::state::State;
use super::{
    Inbound,
    push::{Probe, Push},
};
use crate::{
    base::Credentials,
    recorder::Recorder,
    scenario::{Chat, SendFault},
};

/// The channel's name in scenarios and traces.
pub const CHANNEL: &str = "whatsapp";

/// The largest request body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;

/// The header with a call's signature.
const SIGNATURE: &str = "x-hub-signature-256";

/// What the platform wants back when a webhook is registered.
const CHALLENGE: &str = "1158201444";

/// The keys of an account's secrets in the configuration.
pub const ACCESS_TOKEN: &str = "accessToken";
/// See [`ACCESS_TOKEN`].
pub const APP_SECRET: &str = "appSecret";
/// See [`ACCESS_TOKEN`].
pub const VERIFY_TOKEN: &str = "verifyToken";

/// A business phone number, and the account that it is in the gateway's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// The key of `channels.whatsapp.accounts`.
    pub account: String,
    /// The platform's id of it.
    pub id: String,
    /// What calls of the Graph API bear.
    pub access_token: String,
    /// What webhooks are signed with.
    pub app_secret: String,
    /// What the platform shows when the webhook is registered.
    pub verify_token: String,
    /// Where the platform calls.
    pub path: String,
}

impl Number {
    /// The number of an account whose secrets are ours.
    pub fn of(account: &str, credentials: &Credentials) -> Self {
        let secret = |key| credentials.get(key).expect("an account of ours has it").clone();
        Self {
            account: account.to_owned(),
            id: phone_number_id(account),
            access_token: secret(ACCESS_TOKEN),
            app_secret: secret(APP_SECRET),
            verify_token: secret(VERIFY_TOKEN),
            path: format!("/webhooks/{CHANNEL}/{account}"),
        }
    }

    /// How people see it: the digits alone.
    pub(super) fn display(&self) -> String {
        format!("1555{}", self.id.get(8..).unwrap_or_default())
    }
}

/// The platform's id of an account's number: fifteen digits that follow from the account's name.
pub fn phone_number_id(account: &str) -> String {
    let sum = account.bytes().fold(7_u64, |sum, it| (sum * 31 + u64::from(it)) % 1_000_000_000);
    (106_000_000_000_000 + sum).to_string()
}

/// The twin. A clone is another handle on the same platform.
#[derive(Clone, Debug)]
pub struct WhatsApp {
    state: Arc<Mutex<State>>,
    push: Push,
}

impl WhatsApp {
    /// A platform with these numbers, where `zero_unix_s` is the date at the recorder's zero.
    pub fn new(recorder: Recorder, numbers: Vec<Number>, zero_unix_s: i64) -> Self {
        let probe = |it: &Number| {
            let query = format!(
                "hub.mode=subscribe&hub.challenge={CHALLENGE}&hub.verify_token={}",
                it.verify_token
            );
            Probe {
                account: it.account.clone(),
                target: format!("{}?{query}", it.path),
                post: None,
                answer: Some(CHALLENGE.to_owned()),
            }
        };
        let push = Push::new(recorder.clone(), numbers.iter().map(probe).collect());
        let state = State::new(recorder, numbers, zero_unix_s);
        Self { state: Arc::new(Mutex::new(state)), push }
    }

    /// The calls that it makes.
    pub fn push(&self) -> &Push {
        &self.push
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
        let (id, call) = self.state().deliver(inbound)?;
        self.push.deliver(call);
        Some(id)
    }

    /// Delivers a message once more, if it was written here.
    pub fn redeliver(&self, name: &str) {
        let call = self.state().redeliver(name);
        if let Some(call) = call {
            self.push.deliver(call);
        }
    }

    /// Decides what happens to the next send into the chat that no fault has been declared for yet.
    pub fn script(&self, chat: &str, fault: SendFault) {
        self.state().script(chat, fault);
    }

    /// The account's newest message in a place, as it reads now.
    pub fn last_text(&self, place: &Place) -> Option<String> {
        self.state().last_text(place)
    }

    /// All messages, in the order in which they were written, as JSON.
    pub fn conversation(&self) -> serde_json::Value {
        self.state().conversation()
    }

    /// The Graph API, below `/<version>`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/{version}/{object}", get(call::object))
            .route("/{version}/{number}/messages", post(messages::send))
            .route("/{version}/{number}/media", post(media::upload))
            .route("/v0.0/download/{id}", get(media::download))
            .fallback(call::unknown)
            .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the platform")
    }
}

/// The signature of a body.
fn sign(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, body).as_ref().iter().fold("sha256=".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

#[cfg(test)]
mod tests;
