//! Where an answer goes beside its asker: to the chat that is named, or to the one in which people last wrote.

use std::collections::BTreeSet;

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
        let channel = said(channel).map(|it| it.to_lowercase()).filter(|it| it != LAST);
        if channel.as_deref().is_some_and(is_channel) {
            return Err(
                "operators' own channel is none that an answer could be delivered to".into()
            );
        }
        match (said(to), channel) {
            (None, None) => Ok(Self::Last(None)),
            (None, Some(channel)) => {
                Ok(Self::Last(Some(addressed(facts, Some(&channel), None)?.0)))
            }
            (Some(chat), channel) => {
                let (channel, account) = addressed(facts, channel.as_deref(), account)?;
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

/// The channel and the account that are meant; what is blank is not said. A channel need not be named where there is but one, and
/// the first account of a channel is meant where none is.
///
/// # Errors
///
/// If there is no such one.
pub fn addressed(
    facts: &Facts,
    channel: Option<&str>,
    account: Option<&str>,
) -> Result<(String, String), String> {
    let accounts: Vec<(&str, &str)> =
        facts.accounts.iter().filter_map(|it| it.split_once('/')).collect();
    let channels: BTreeSet<&str> = accounts.iter().map(|it| it.0).collect();
    let channel = match (said(channel), channels.first()) {
        (Some(channel), _) => channel.to_lowercase(),
        (None, Some(only)) if channels.len() == 1 => (*only).to_owned(),
        (None, _) => {
            let all = channels.into_iter().collect::<Vec<_>>().join(", ");
            return Err(format!("expected `channel`: one of those that are configured ({all})"));
        }
    };
    let account = said(account);
    let is_meant = |it: &&(&str, &str)| {
        it.0 == channel && account.as_deref().is_none_or(|account| account == it.1)
    };
    let found = accounts.iter().find(is_meant).map(|it| it.1.to_owned());
    let account = found.ok_or_else(|| format!("no such account on channel: {channel}"))?;
    Ok((channel, account))
}

fn said(word: Option<&str>) -> Option<String> {
    word.map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned)
}
