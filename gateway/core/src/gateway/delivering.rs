//! Who hears an answer that nobody waits for in a chat: the chat of a cron job, and those that operators and programs name.

use std::collections::BTreeSet;

use super::{Effect, Gateway};
use crate::{
    ids::{AccountId, Channel, PeerId, RunId},
    message::Errand,
    operator::{Addressee, Refused},
    origin::{Peer, PeerKind, Route},
    session_key::SessionKey,
    time::Timestamp,
};

/// What an answer is that tells nobody anything.
const ALL_IS_WELL: &str = "HEARTBEAT_OK";

impl Gateway {
    /// The chat that an operator calls so: one that is known, or a person's.
    ///
    /// # Errors
    ///
    /// Refuses a channel, an account or a chat without a letter.
    pub fn chat_called(&self, to: &Addressee) -> Result<Route, Refused> {
        let (channel, account) = (Channel::new(&to.channel)?, AccountId::new(&to.account)?);
        let id = PeerId::new(&to.chat)?;
        let known = self.sessions.values().filter_map(|it| it.route.as_ref());
        let mut same =
            known.filter(|it| it.channel == channel && it.account == account && it.peer.id == id);
        let kind = same.next().map_or(PeerKind::Direct, |it| it.peer.kind);
        Ok(Route { channel, account, peer: Peer { kind, id }, thread: None })
    }

    /// The chat in which people last wrote to a session, or else to its agent, if it is on this channel.
    ///
    /// # Errors
    ///
    /// Refuses a session that cannot be, and if there is no such chat.
    pub fn last_chat(&self, session: &str, channel: Option<&str>) -> Result<Route, Refused> {
        let (key, agent) = self.session_called(session)?;
        let route = |key: &SessionKey| self.sessions.get(key)?.route.clone();
        let chat = route(&key).or_else(|| route(&self.settings.keys.main(&agent)));
        let is_meant = |it: &Route| channel.is_none_or(|named| it.channel.as_str() == named);
        chat.filter(is_meant).ok_or(Refused::NoChat)
    }

    /// A run has answered: the chats hear its last words that are to hear them, each once, unless the run has written there
    /// itself.
    pub(super) fn deliver_answer(
        &mut self,
        now: Timestamp,
        id: RunId,
        text: &str,
        effects: &mut Vec<Effect>,
    ) {
        let text = text.trim();
        if text.is_empty() || text == ALL_IS_WELL {
            return;
        }
        let run = &self.runs[&id];
        let jobs = run.route.clone().filter(|_| run.errand == Errand::Cron);
        let mut chats: BTreeSet<Route> = self.requests.chats(&run.asked);
        chats.extend(jobs);
        chats.retain(|chat| run.sent.iter().all(|(there, ..)| there != chat));
        for chat in chats {
            self.show_answer(now, id, (&chat, text), effects);
        }
    }
}

#[cfg(test)]
mod tests;
