//! Where an answer goes beside its asker: to the chat that is named, or to the one in which people last wrote.

use creel_core::{
    gateway::Gateway,
    operator::{Addressee, Refused, is_channel},
    origin::Route,
};

use crate::control::plane::Facts;

/// The word for whatever channel people last wrote on.
const LAST: &str = "last";

/// A chat that shall hear an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The one in which people last wrote, on this channel if it is named.
    Last(Option<String>),
    /// This one.
    Chat(Addressee),
}

impl Target {
    /// The chat that a call names by these words; what is blank is not said.
    ///
    /// # Errors
    ///
    /// Why there can be no such chat.
    pub fn of(
        facts: &Facts,
        channel: Option<&str>,
        (account, to): (Option<&str>, Option<&str>),
    ) -> Result<Self, String> {
        let said =
            |it: Option<&str>| it.map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
        let channel = said(channel).map(|it| it.to_lowercase()).filter(|it| it != LAST);
        if channel.as_deref().is_some_and(is_channel) {
            return Err(
                "operators' own channel is none that an answer could be delivered to".into()
            );
        }
        if let Some(channel) = &channel {
            account_of(facts, channel, None)?;
        }
        match (said(to), channel) {
            (None, channel) => Ok(Self::Last(channel)),
            (Some(chat), channel) => {
                let channel = channel.map_or_else(|| only_channel(facts), Ok)?;
                let account = account_of(facts, &channel, said(account))?;
                Ok(Self::Chat(Addressee { channel, account, chat }))
            }
        }
    }

    /// Where that is, for a session.
    ///
    /// # Errors
    ///
    /// If nobody wrote yet.
    pub fn route(&self, core: &Gateway, session: &str) -> Result<Route, Refused> {
        match self {
            Self::Last(channel) => core.last_chat(session, channel.as_deref()),
            Self::Chat(to) => core.chat_called(to),
        }
    }
}

/// The account that sends on a channel: the one that is named, or the first.
///
/// # Errors
///
/// If there is no such one.
pub fn account_of(facts: &Facts, channel: &str, named: Option<String>) -> Result<String, String> {
    let of = format!("{channel}/");
    let mut own = facts.accounts.iter().filter_map(|it| it.strip_prefix(&of));
    let found = match named {
        None => own.next().map(str::to_owned),
        Some(named) => own.find(|it| *it == named).map(str::to_owned),
    };
    found.ok_or_else(|| format!("no such account on channel: {channel}"))
}

fn only_channel(facts: &Facts) -> Result<String, String> {
    let mut channels: Vec<&str> =
        facts.accounts.iter().filter_map(|it| it.split('/').next()).collect();
    channels.sort_unstable();
    channels.dedup();
    match channels.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err("found no channel to deliver to: none is configured".into()),
        several => Err(format!("expected `channel` as one of {}", several.join(", "))),
    }
}
