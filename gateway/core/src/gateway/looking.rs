//! What can be seen of the gateway without changing anything: for operators, and for counting.

use std::{collections::BTreeMap, sync::Arc};

use super::Gateway;
use crate::{
    failover::{credentials::Kind, ledger::Window},
    ids::{AgentId, Channel, ProfileId, ProviderId, RunId},
    session::Entry,
    session_key::SessionKey,
    time::{Millis, Timestamp},
};

/// How one of an agent's credentials is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialView {
    /// Whose credential.
    pub agent: AgentId,
    /// Which one.
    pub profile: ProfileId,
    /// What it is for.
    pub provider: ProviderId,
    /// Of which kind it is.
    pub kind: Kind,
    /// The times in which it is not used, that are not over: how long still, and why. Disables come last.
    pub rests: Vec<(Millis, Window)>,
    /// Whether the last of them is a disable.
    pub is_disabled: bool,
    /// How many failures in a row led to a rest.
    pub failures: u32,
}

/// How much is under way and how much waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Messages that wait in sessions, by agent.
    pub waiting: BTreeMap<AgentId, usize>,
    /// Runs, also those that wait for a slot.
    pub runs: usize,
    /// Pieces of answers that wait to be sent.
    pub sends: usize,
    /// Sessions that are known.
    pub sessions: usize,
}

impl Gateway {
    /// What somebody said first in a session, and what was last said there; nothing of one that nobody used.
    pub fn first_and_last_words(&self, key: &SessionKey) -> (Option<Arc<str>>, Option<Arc<str>>) {
        let entries = self.sessions.get(key).map_or(&[][..], |it| it.history.entries());
        let first = entries.iter().find_map(|it| match it {
            Entry::User(said) => Some(said.text.clone()),
            Entry::Assistant(_) | Entry::Tools(_) => None,
        });
        let last = entries.iter().rev().find_map(|it| match it {
            Entry::User(said) => Some(said.text.clone()),
            Entry::Assistant(text) => Some(text.clone()),
            Entry::Tools(_) => None,
        });
        (first, last)
    }

    /// Every agent's credentials, as they are doing now.
    pub fn credentials(&self, now: Timestamp) -> Vec<CredentialView> {
        let mut views = Vec::new();
        for (id, agent) in &self.settings.agents {
            let ledger = self.ledgers.get(id).unwrap_or(&self.no_ledger);
            for (profile, credential) in &agent.credentials.stored {
                let health = ledger.get(profile);
                let open = |it: &&Window| now < it.until;
                let rest = |it: &Window| (it.until.since(now), it.clone());
                let cooldowns = health.into_iter().flat_map(|it| &it.cooldowns).filter(open);
                let disabled = health.and_then(|it| it.disabled.as_ref()).filter(open);
                views.push(CredentialView {
                    agent: id.clone(),
                    profile: profile.clone(),
                    provider: credential.provider.clone(),
                    kind: credential.kind,
                    rests: cooldowns.chain(disabled).map(rest).collect(),
                    is_disabled: disabled.is_some(),
                    failures: health.map_or(0, |it| it.errors.saturating_add(it.disables)),
                });
            }
        }
        views
    }

    /// How much is under way and how much waits.
    pub fn load(&self) -> Load {
        let none = self.settings.agents.keys().map(|it| (it.clone(), 0));
        let mut load = Load {
            waiting: none.collect(),
            runs: self.runs.len(),
            sends: self.outbox.depth(),
            sessions: self.sessions.len(),
        };
        for session in self.sessions.values() {
            *load.waiting.entry(session.agent.clone()).or_default() += session.lane.depth();
        }
        load
    }

    /// Which agent a run of a session is, and where it is heard: no channel for one that no chat hears; none for one that is over.
    pub fn whose(&self, run: RunId, session: &SessionKey) -> Option<(&AgentId, Option<&Channel>)> {
        let agent = &self.sessions.get(session)?.agent;
        let route = self.runs.get(&run)?.route.as_ref();
        Some((agent, route.map(|it| &it.channel)))
    }
}

#[cfg(test)]
mod tests;
