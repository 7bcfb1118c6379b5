//! What the health of credentials leaves behind: every change of it is kept, so that what a restart finds is what was so.

use super::{Effect, Gateway};
use crate::{
    failover::ledger::Health,
    ids::{AgentId, ProfileId, ProviderId},
};

/// How a credential is doing now, for the agent's own file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose credential.
    pub agent: AgentId,
    /// Which one.
    pub profile: ProfileId,
    /// How it is doing.
    pub health: Health,
    /// The provider that it was good for just now, if it answered.
    pub good_for: Option<ProviderId>,
}

impl Gateway {
    /// Changes how a credential is doing, and asks for the change to be kept. Nothing waits for the writing: a crash in between
    /// forgets the change, and the provider tells of it again.
    pub(super) fn change_health(
        &mut self,
        (agent, profile): (&AgentId, &ProfileId),
        good_for: Option<ProviderId>,
        effects: &mut Vec<Effect>,
        change: impl FnOnce(&mut Health),
    ) {
        let ledger = self.ledgers.entry(agent.clone()).or_default();
        let health = ledger.entry(profile.clone()).or_default();
        let before = health.clone();
        change(health);
        if *health != before || good_for.is_some() {
            let (agent, profile, health) = (agent.clone(), profile.clone(), health.clone());
            effects.push(Effect::KeepHealth(Box::new(Kept { agent, profile, health, good_for })));
        }
    }
}
