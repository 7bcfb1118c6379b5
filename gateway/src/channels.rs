//! Channels: each only moves messages. What is admitted, to whom it goes and what is answered is the core's business.

pub mod telegram;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use creel_core::egress::{Outgoing, SendOutcome};

use crate::{driver::Inbox, http::Http, net::Net};

/// One account of any channel: what receives and sends under its name.
#[derive(Clone, Debug)]
pub enum Account {
    /// A Telegram bot.
    Telegram(telegram::Account),
}

impl Account {
    /// The account as the log and `/ready` call it: `<channel>/<account>`.
    pub fn name(&self) -> String {
        match self {
            Self::Telegram(account) => account.name(),
        }
    }

    /// Receives until the gateway takes no more messages.
    pub async fn receive<N: Net>(self, http: Http<N>, inbox: Inbox, board: Arc<Board>) {
        match self {
            Self::Telegram(account) => telegram::receive(http, account, inbox, board).await,
        }
    }

    /// Sends one piece.
    pub async fn send<N: Net>(&self, http: Http<N>, outgoing: &Outgoing) -> SendOutcome {
        match self {
            Self::Telegram(account) => telegram::send(http, account.clone(), outgoing).await,
        }
    }
}

/// How a channel account is doing, for `/ready` and the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not received from its platform yet.
    Starting,
    /// The platform does not answer as it should, for this reason; it is asked again.
    Retrying(String),
    /// It receives.
    Up,
    /// It will not receive again until the configuration changes, for this reason.
    Down(String),
}

/// The states of all accounts, as `channel/account`. The one thing that tasks and the server share.
#[derive(Debug, Default)]
pub struct Board(Mutex<BTreeMap<String, State>>);

impl Board {
    /// Writes an account's state.
    pub fn set(&self, account: &str, state: State) {
        self.0.lock().expect("no holder of this lock panics").insert(account.to_owned(), state);
    }

    /// All states.
    pub fn states(&self) -> BTreeMap<String, State> {
        self.0.lock().expect("no holder of this lock panics").clone()
    }
}
