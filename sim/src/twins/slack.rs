//! Slack: the part of the Web API that bots use, Socket Mode, and signed calls of the Events API.
//!
//! A message that mentions the bot in a room comes twice, as `message` and as `app_mention`, as on the true platform. An
//! account whose gateway has opened a connection gets envelopes there; the others' gateways are called.
//!
//! The signature is computed here and not by the gateway's code, so that a mistake in one shows in the other.

mod account;
mod events;
mod files;
mod lines;
mod socket;
mod state;
#[cfg(test)]
mod tests;
mod web_api;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    routing::{any, get, post},
};
use creel_gateway::net::Net;
use creel_judge::trace::Place;
use tokio::{sync::Notify, time::sleep};

use self::state::{Delivery, State};
use super::{
    Inbound,
    push::{Gateway, Probe, Push},
};
use crate::{
    base::Credentials,
    recorder::Recorder,
    scenario::{Chat, Cut, SendFault},
};

/// The channel's name in scenarios and traces.
pub const CHANNEL: &str = "slack";

/// The key of an account's bot token in the configuration.
pub const BOT_TOKEN: &str = "botToken";

/// The key of its app token.
pub const APP_TOKEN: &str = "appToken";

/// The key of what Slack signs its calls with.
pub const SIGNING_SECRET: &str = "signingSecret";

/// The twin. A clone is another handle on the same platform.
#[derive(Clone, Debug)]
pub struct Slack {
    state: Arc<Mutex<State>>,
    push: Push,
    /// Rung when something new waits for its moment, or for a connection.
    bell: Arc<Notify>,
}

impl Slack {
    /// A platform with these accounts, where `zero_unix_s` is the date at the recorder's zero.
    pub fn new(
        recorder: Recorder,
        accounts: &BTreeMap<String, Credentials>,
        zero_unix_s: i64,
    ) -> Self {
        let paths = accounts.keys().map(|it| (it.clone(), path(it))).collect();
        Self::called_at(recorder, accounts, zero_unix_s, &paths)
    }

    /// The same, where each account is called at its path.
    pub fn called_at(
        recorder: Recorder,
        accounts: &BTreeMap<String, Credentials>,
        zero_unix_s: i64,
        paths: &BTreeMap<String, String>,
    ) -> Self {
        // As on the true platform, an address is asked for a challenge before it is called.
        let probes = accounts.iter().map(|(account, secrets)| {
            let (body, challenge) = events::verification(account);
            let secret = (secrets[SIGNING_SECRET].clone(), None);
            let headers = events::headers(secret, (recorder.clone(), zero_unix_s), 0);
            Probe {
                account: account.clone(),
                target: paths.get(account).cloned().unwrap_or_else(|| path(account)),
                post: Some((body, headers)),
                answer: Some(challenge),
            }
        });
        let push = Push::new(recorder.clone(), probes.collect());
        let state =
            Arc::new(Mutex::new(State::new(recorder, accounts, (zero_unix_s, paths.clone()))));
        Self { state, push, bell: Arc::new(Notify::new()) }
    }

    /// Adds a chat with what happens to the gateway's sends there.
    pub fn declare(&self, name: &str, chat: &Chat, faults: &[SendFault]) {
        self.state().declare(name, chat, faults);
    }

    /// Whether a chat of this name has been added.
    pub fn has_chat(&self, name: &str) -> bool {
        self.state().has_chat(name)
    }

    /// Lets a person write. The message's time stamp, unless the chat does not exist.
    pub fn deliver(&self, inbound: &Inbound) -> Option<String> {
        let ts = self.state().deliver(inbound);
        self.dispatch();
        ts
    }

    /// Ends all connections of Socket Mode, and takes no new one for a while.
    pub fn cut(&self, cut: Cut, lasts: Duration) {
        self.state().cut(cut, lasts);
        self.bell.notify_waiters();
    }

    /// What everybody wrote, as JSON.
    pub fn conversation(&self) -> serde_json::Value {
        self.state().conversation()
    }

    /// Delivers a message once more, if it was written here.
    pub fn redeliver(&self, name: &str) {
        self.state().redeliver(name);
        self.dispatch();
    }

    /// The account's newest message in a place, as it reads now.
    pub fn last_text(&self, place: &Place) -> Option<String> {
        self.state().last_text(place)
    }

    /// Whether the gateway receives for this account: it is connected, or answers on its port and has asked who it is.
    pub fn is_listened_to(&self, account: &str) -> bool {
        let state = self.state();
        state.is_connected(account) || (state.has_met(account) && self.push.is_listened_to(account))
    }

    /// Makes the calls, for as long as the future is polled.
    pub async fn run<N: Net>(&self, net: N, gateway: Gateway) -> Infallible {
        let mut verified = self.push.listened_to();
        let waiting = async {
            loop {
                let rung = self.bell.notified();
                tokio::pin!(rung);
                rung.as_mut().enable();
                let wait = self.state().next_due();
                let due = async {
                    match wait {
                        None => std::future::pending().await,
                        Some(wait) => sleep(wait.max(Duration::from_micros(1))).await,
                    }
                };
                tokio::select! {
                    biased;
                    () = due => self.dispatch(),
                    // An address that is verified late gets what waited for it.
                    Ok(()) = verified.changed() => self.dispatch(),
                    () = rung => (),
                }
            }
        };
        tokio::select! {
            biased;
            never = self.push.run(net, gateway) => never,
            never = waiting => never,
        }
    }

    /// The Web API, and where connections of Socket Mode go.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/api/{method}", get(web_api::take).post(web_api::take))
            .route("/link", any(socket::take))
            .route("/upload/v1/{id}", post(files::upload))
            .route("/files-pri/{id}/{name}", get(files::download))
            .layer(axum::extract::DefaultBodyLimit::max(files::BODY_BYTES_MAX))
            .with_state(self.clone())
    }

    /// Hands over what is due: to connections by the bell, to gateways that are called by calls.
    fn dispatch(&self) {
        let calls = self.state().take_due(&|account| self.push.is_listened_to(account));
        for Delivery { call, .. } in calls {
            self.push.deliver(call);
        }
        self.bell.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the platform")
    }
}

/// Where on the gateway's port an account is called.
pub fn path(account: &str) -> String {
    format!("/slack/{account}")
}
