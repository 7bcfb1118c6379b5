//! Twins: fakes that speak a platform's true public protocol, and record what crosses the wire.
//!
//! - [`slack`]: the Web API, Socket Mode and the Events API.
//! - [`telegram`]: the Bot API.
//! - [`discord`]: the Gateway and the REST API.
//! - [`irc`]: an IRC server, the one platform whose protocol is not HTTP.
//! - [`mcp`]: servers of tools.
//! - [`openai`]: chat completions, in the dialect that most providers speak.
//! - [`whatsapp`]: the Cloud API.
//! - [`webhook`]: the gateway's own generic webhook; [`push`] is what makes the calls of platforms that push.
//! - [`tokens`]: where providers renew logins.
//! - [`script`]: which of the scenario's answers a model request gets, for provider twins of any dialect.

pub mod discord;
pub mod irc;
pub mod mcp;
pub mod openai;
pub mod push;
pub mod script;
pub mod slack;
pub mod telegram;
pub mod tokens;
pub mod webhook;
pub mod whatsapp;

use std::{collections::BTreeMap, time::Duration};

use axum::Router;
use creel_gateway::net::Net;
use creel_judge::trace::Place;

use crate::{
    base::Credentials,
    picture::Picture,
    recorder::Recorder,
    scenario::{Chat, Cut, Event, Forgery, SendFault},
};

/// What a person writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// The message's name in the scenario.
    pub name: String,
    /// The chat's name in the scenario.
    pub chat: String,
    /// The text, with its canary.
    pub text: String,
    /// The canary that the text carries, if it does.
    pub canary: Option<String>,
    /// Whether the bot is addressed. The twin adds the mention, since it knows the bot's name and how its platform writes
    /// a mention: on Telegram `@bot` before a text, `/command@bot` in a command.
    pub mention: bool,
    /// The platform's id of the message that it answers, if it quotes one.
    pub reply_to: Option<String>,
    /// How the call that brings it is forged, if it is not the platform's. Only platforms that push have such calls.
    pub forged: Option<Forgery>,
    /// The picture that it shows.
    pub image: Option<Picture>,
    /// The events that tell of it, in this order, where the platform has several; none for the usual ones.
    pub events: Option<Vec<Event>>,
    /// How long after each of them the next one comes.
    pub apart: Duration,
}

/// Why a platform could not be set up: the scenario's chats cannot be on it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Telegram's.
    #[error(transparent)]
    Telegram(#[from] telegram::Error),
}

/// The twin of a channel's platform. A clone is another handle on the same platform.
#[derive(Clone, Debug)]
pub enum Platform {
    /// Discord.
    Discord(discord::Discord),
    /// An IRC network.
    Irc(irc::Irc),
    /// Slack.
    Slack(slack::Slack),
    /// Telegram.
    Telegram(telegram::Telegram),
    /// The generic webhook.
    Webhook(webhook::Webhook),
    /// WhatsApp.
    WhatsApp(whatsapp::WhatsApp),
}

/// What a platform speaks to those who connect to it.
#[derive(Clone, Debug)]
pub enum Interface {
    /// HTTP, at these routes.
    Http(Router),
    /// Lines.
    Irc(irc::Irc),
}

impl Platform {
    /// The platform of a channel with these accounts, where `zero_unix_s` is the date at the recorder's zero.
    ///
    /// # Panics
    ///
    /// If there is no twin of the channel, which a scenario cannot name.
    pub fn new(
        channel: &str,
        accounts: &BTreeMap<String, Credentials>,
        recorder: Recorder,
        zero_unix_s: i64,
    ) -> Self {
        match channel {
            slack::CHANNEL => Self::Slack(slack::Slack::new(recorder, accounts, zero_unix_s)),
            telegram::CHANNEL => {
                let bots = accounts.iter().map(|(id, it)| telegram::Bot::of(id, it)).collect();
                Self::Telegram(telegram::Telegram::new(recorder, bots, zero_unix_s))
            }
            discord::CHANNEL => {
                let bots = (1..).zip(accounts).map(|(n, (id, it))| discord::Bot::of(n, id, it));
                Self::Discord(discord::Discord::new(recorder, bots.collect(), zero_unix_s))
            }
            irc::CHANNEL => {
                let bots = accounts.iter().map(|(id, it)| irc::Bot::of(id, it));
                Self::Irc(irc::Irc::new(recorder, bots.collect(), zero_unix_s))
            }
            webhook::CHANNEL => {
                Self::Webhook(webhook::Webhook::new(recorder, accounts.iter(), zero_unix_s))
            }
            whatsapp::CHANNEL => {
                let numbers = accounts.iter().map(|(id, it)| whatsapp::Number::of(id, it));
                Self::WhatsApp(whatsapp::WhatsApp::new(recorder, numbers.collect(), zero_unix_s))
            }
            other => unreachable!("scenarios name known channels only, not `{other}`"),
        }
    }

    /// Adds a chat with what happens to the gateway's sends there.
    ///
    /// # Errors
    ///
    /// Refuses chats that the platform could not have.
    pub fn declare(&self, name: &str, chat: &Chat, faults: &[SendFault]) -> Result<(), Error> {
        match self {
            Self::Discord(twin) => twin.declare(name, chat, faults),
            Self::Irc(twin) => twin.declare(name, chat, faults),
            Self::Slack(twin) => twin.declare(name, chat, faults),
            Self::Telegram(twin) => twin.declare(name, chat, faults)?,
            Self::Webhook(twin) => twin.declare(name, chat, faults),
            Self::WhatsApp(twin) => twin.declare(name, chat, faults),
        }
        Ok(())
    }

    /// Lets a person write.
    pub fn deliver(&self, inbound: &Inbound) {
        match self {
            Self::Discord(twin) => _ = twin.deliver(inbound),
            Self::Irc(twin) => _ = twin.deliver(inbound),
            Self::Slack(twin) => _ = twin.deliver(inbound),
            Self::Telegram(twin) => _ = twin.deliver(inbound),
            Self::Webhook(twin) => twin.deliver(inbound),
            Self::WhatsApp(twin) => _ = twin.deliver(inbound),
        }
    }

    /// Delivers a message once more, if it was written here.
    pub fn redeliver(&self, message: &str) {
        match self {
            Self::Discord(twin) => twin.redeliver(message),
            Self::Irc(twin) => twin.redeliver(message),
            Self::Slack(twin) => twin.redeliver(message),
            Self::Telegram(twin) => twin.redeliver(message),
            Self::Webhook(twin) => twin.redeliver(message),
            Self::WhatsApp(twin) => twin.redeliver(message),
        }
    }

    /// Cuts the connections to the platform, and takes no new one for a while. Platforms without lasting ones have none.
    pub fn cut(&self, cut: Cut, lasts: Duration) {
        match self {
            Self::Discord(twin) => twin.cut(cut, lasts),
            Self::Irc(twin) => twin.cut(None),
            Self::Slack(twin) => twin.cut(cut, lasts),
            Self::Telegram(_) | Self::Webhook(_) | Self::WhatsApp(_) => (),
        }
    }

    /// The account's newest message in a place, as it reads now.
    pub fn last_text(&self, place: &Place) -> Option<String> {
        match self {
            Self::Discord(twin) => twin.last_text(place),
            Self::Irc(twin) => twin.last_text(place),
            Self::Slack(twin) => twin.last_text(place),
            Self::Telegram(twin) => twin.last_text(place),
            Self::Webhook(twin) => twin.last_text(place),
            Self::WhatsApp(twin) => twin.last_text(place),
        }
    }

    /// Whether the gateway receives for this account: it has asked for messages, or is connected.
    pub fn is_listened_to(&self, account: &str) -> bool {
        match self {
            Self::Discord(twin) => twin.is_connected(account),
            Self::Irc(twin) => twin.is_listened_to(account),
            Self::Slack(twin) => twin.is_listened_to(account),
            Self::Telegram(twin) => twin.polled(account),
            Self::Webhook(twin) => twin.push().is_listened_to(account),
            Self::WhatsApp(twin) => twin.push().is_listened_to(account),
        }
    }

    /// Makes the calls of a platform that pushes, for as long as the future is polled; waits for ever if it does not.
    pub async fn push<N: Net>(&self, net: N, gateway: push::Gateway) {
        match self {
            Self::Discord(_) | Self::Irc(_) | Self::Telegram(_) => std::future::pending().await,
            Self::Slack(twin) => match twin.run(net, gateway).await {},
            Self::Webhook(twin) => match twin.push().run(net, gateway).await {},
            Self::WhatsApp(twin) => match twin.push().run(net, gateway).await {},
        }
    }

    /// The platform's own interface.
    pub fn interface(&self) -> Interface {
        match self {
            Self::Discord(twin) => Interface::Http(twin.router()),
            Self::Irc(twin) => Interface::Irc(twin.clone()),
            Self::Slack(twin) => Interface::Http(twin.router()),
            Self::Telegram(twin) => Interface::Http(twin.router()),
            Self::Webhook(twin) => Interface::Http(twin.router()),
            Self::WhatsApp(twin) => Interface::Http(twin.router()),
        }
    }
}
