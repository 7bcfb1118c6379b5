//! Slack: the part of the Web API that bots use, Socket Mode, and signed calls of the Events API.
//!
//! A message that mentions the bot in a room comes twice, as `message` and as `app_mention`, as on the true platform. An
//! account whose gateway has opened a connection gets envelopes there; the others' gateways are called.
//!
//! The signature is computed here and not by the gateway's code, so that a mistake in one shows in the other.

mod events;
mod socket;
mod state;
mod web_api;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    routing::{any, post},
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
    scenario::{Chat, SendFault},
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
        let probes = accounts.keys().map(|account| Probe {
            account: account.clone(),
            target: path(account),
            answer: None,
        });
        let push = Push::new(recorder.clone(), probes.collect());
        let state = Arc::new(Mutex::new(State::new(recorder, accounts, zero_unix_s)));
        Self { state, push, bell: Arc::new(Notify::new()) }
    }

    /// Adds a chat with what happens to the gateway's sends there.
    pub fn declare(&self, name: &str, chat: &Chat, faults: &[SendFault]) {
        self.state().declare(name, chat, faults);
    }

    /// Lets a person write.
    pub fn deliver(&self, inbound: &Inbound) {
        self.state().deliver(inbound);
        self.dispatch();
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
            .route("/api/{method}", post(web_api::take))
            .route("/link", any(socket::take))
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
