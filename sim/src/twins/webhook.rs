//! A platform of one's own, which speaks the generic webhook that the gateway documents: it posts signed messages, and
//! takes signed replies.
//!
//! The signature is computed here and not by the gateway's code, so that a mistake in one shows in the other.

mod replies;
mod state;

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{Router, routing::post};
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
pub const CHANNEL: &str = "webhook";

/// The largest reply that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;

/// The header with a call's date.
const TIMESTAMP: &str = "x-creel-timestamp";

/// The header with a call's signature.
const SIGNATURE: &str = "x-creel-signature-256";

/// How far a call's date may lie from the platform's clock, in seconds.
const TOLERANCE_S: i64 = 300;

/// The key of an account's secret in the configuration.
pub const SECRET: &str = "secret";

/// The twin. A clone is another handle on the same platform.
#[derive(Clone, Debug)]
pub struct Webhook {
    state: Arc<Mutex<State>>,
    push: Push,
}

impl Webhook {
    /// A platform with these accounts and their secrets, where `zero_unix_s` is the date at the recorder's zero.
    pub fn new<'a>(
        recorder: Recorder,
        accounts: impl Iterator<Item = (&'a String, &'a Credentials)>,
        zero_unix_s: i64,
    ) -> Self {
        let secrets: Vec<(String, String)> =
            accounts.map(|(id, it)| (id.clone(), it[SECRET].clone())).collect();
        let probes = secrets.iter().map(|(account, _)| Probe {
            account: account.clone(),
            target: path(account),
            post: None,
            answer: None,
        });
        let push = Push::new(recorder.clone(), probes.collect());
        let state = State::new(recorder, secrets, zero_unix_s);
        Self { state: Arc::new(Mutex::new(state)), push }
    }

    /// The calls that it makes.
    pub fn push(&self) -> &Push {
        &self.push
    }

    /// Adds a chat with what happens to the gateway's replies there.
    pub fn declare(&self, name: &str, chat: &Chat, faults: &[SendFault]) {
        self.state().declare(name, chat, faults);
    }

    /// Lets a person write.
    pub fn deliver(&self, inbound: &Inbound) {
        if let Some(call) = self.state().deliver(inbound) {
            self.push.deliver(call);
        }
    }

    /// Delivers a message once more, if it was written here.
    pub fn redeliver(&self, name: &str) {
        let call = self.state().redeliver(name);
        if let Some(call) = call {
            self.push.deliver(call);
        }
    }

    /// The account's newest message in a place, as it reads now.
    pub fn last_text(&self, place: &Place) -> Option<String> {
        self.state().last_text(place)
    }

    /// Where replies go: `/replies/<account>`.
    pub fn router(&self) -> Router {
        Router::new().route("/replies/{account}", post(replies::take)).with_state(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the platform")
    }
}

/// Where on the gateway's port the messages of an account are posted.
fn path(account: &str) -> String {
    format!("/webhooks/{CHANNEL}/{account}")
}

/// The signature of a call with this date.
fn sign(secret: &str, date: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &[date.as_bytes(), b".", body].concat());
    tag.as_ref().iter().fold("sha256=".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}
