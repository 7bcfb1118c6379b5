//! Channels: each only moves messages. What is admitted, to whom it goes and what is answered is the core's business.

pub mod discord;
mod failure;
pub mod markup;
pub mod push;
pub mod slack;
pub mod telegram;
pub mod webhook;
pub mod whatsapp;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use creel_core::{
    egress::{Outgoing, Sent},
    media::{Image, Source},
};

use crate::{
    driver::Inbox,
    http::Http,
    media::{Picture, Unavailable},
    net::Net,
    outside::Outside,
};

/// One account of any channel: what receives and sends under its name.
#[derive(Clone, Debug)]
pub enum Account {
    /// A Discord bot.
    Discord(discord::Account),
    /// A Slack app.
    Slack(slack::Account),
    /// A Telegram bot.
    Telegram(telegram::Account),
    /// A platform of one's own that calls the gateway.
    Webhook(webhook::Account),
    /// A business phone number of WhatsApp.
    WhatsApp(whatsapp::Account),
}

impl Account {
    /// The account as the log and `/ready` call it: `<channel>/<account>`.
    pub fn name(&self) -> String {
        match self {
            Self::Discord(account) => account.name(),
            Self::Slack(account) => account.name(),
            Self::Telegram(account) => account.name(),
            Self::Webhook(account) => account.name(),
            Self::WhatsApp(account) => account.name(),
        }
    }

    /// The path of the gateway's port on which its platform calls, if the platform pushes.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Discord(_) | Self::Telegram(_) => None,
            Self::Slack(account) => account.path(),
            Self::Webhook(account) => Some(&account.path),
            Self::WhatsApp(account) => Some(&account.path),
        }
    }

    /// What it adds to the gateway's port.
    pub fn door<N: Net>(&self, ground: push::Ground<N>) -> Option<push::Door> {
        match self {
            Self::Discord(_) | Self::Telegram(_) => None,
            Self::Slack(account) => account.door(ground),
            Self::Webhook(account) => Some(account.door(ground)),
            Self::WhatsApp(account) => Some(account.door(ground)),
        }
    }

    /// Receives until the gateway takes no more messages. `seed` spreads what many would do at one moment.
    pub async fn receive<N: Net>(
        self,
        http: Http<N>,
        (inbox, board): (Inbox, Arc<Board>),
        seed: u64,
    ) {
        match self {
            Self::Discord(account) => discord::receive(http, account, (inbox, board), seed).await,
            Self::Slack(account) => slack::receive(http, account, inbox, board).await,
            Self::Telegram(account) => telegram::receive(http, account, inbox, board).await,
            Self::Webhook(account) => webhook::receive(account, inbox, board).await,
            Self::WhatsApp(account) => whatsapp::receive(http, account, inbox, board).await,
        }
    }

    /// The largest image that it takes, either way, in bytes.
    pub fn media_bytes_max(&self) -> usize {
        match self {
            Self::Discord(account) => account.media_bytes_max,
            Self::Slack(account) => account.media_bytes_max,
            Self::Telegram(account) => account.media_bytes_max,
            Self::Webhook(account) => account.media_bytes_max,
            Self::WhatsApp(account) => account.media_bytes_max,
        }
    }

    /// Fetches an image that somebody sent, of at most so many bytes.
    ///
    /// # Errors
    ///
    /// Says why it cannot be had; the log says more.
    pub async fn fetch<N: Net>(
        &self,
        outside: &Outside<N>,
        image: &Image,
        bytes_max: usize,
    ) -> Result<Picture, Unavailable> {
        let http = outside.http.clone();
        let Source::Platform(name) = &image.source else { return Err(Unavailable::NotFetched) };
        match self {
            Self::Telegram(account) => telegram::fetch(http, account, name, bytes_max).await,
            Self::Discord(account) => discord::fetch(http, account, name, bytes_max).await,
            Self::Slack(account) => slack::fetch(http, account, name, bytes_max).await,
            // Its images come with their message.
            Self::Webhook(_) => Err(Unavailable::NotFetched),
            Self::WhatsApp(account) => whatsapp::fetch(http, account, name, bytes_max).await,
        }
    }

    /// Sends one piece, with its picture if it shows one.
    pub async fn send<N: Net>(
        &self,
        outside: &Outside<N>,
        outgoing: &Outgoing,
        picture: Option<&Picture>,
    ) -> Sent {
        let http = outside.http.clone();
        match self {
            Self::Discord(account) => {
                discord::send(http, account, (outgoing, picture), outside.life).await
            }
            Self::Slack(account) => slack::send(http, account, outgoing, picture).await,
            Self::Telegram(account) => {
                telegram::send(http, account.clone(), outgoing, picture).await
            }
            Self::Webhook(account) => {
                let key = outside.idempotency_key(outgoing);
                let said = (outgoing, picture);
                webhook::send((http, &outside.wall_clock), account, said, &key).await
            }
            Self::WhatsApp(account) => whatsapp::send(outside, account, outgoing, picture).await,
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
