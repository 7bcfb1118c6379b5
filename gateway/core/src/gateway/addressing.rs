//! Whom a text speaks to, where the platform itself does not tell.

use super::Gateway;
use crate::{
    broadcast::{self, Group},
    ids::AgentId,
    message::Inbound,
    origin::PeerKind,
    routing::Routed,
};

impl Gateway {
    /// Whether a message in a group speaks to an agent that answers there, by a pattern of its own.
    pub(super) fn is_named_in(&self, inbound: &Inbound) -> bool {
        if inbound.origin.route.peer.kind == PeerKind::Direct {
            return false;
        }
        let group = self.settings.broadcasts.of(&inbound.origin.route);
        if group.is_some_and(|it| it.by_mention && !self.addressed_in(it, &inbound.text).is_empty())
        {
            return true;
        }
        match self.settings.routing.route(&inbound.origin) {
            Routed::To { agent, .. } => self.agent(&agent).mentions.are_in(&inbound.text),
            Routed::SelectionRequired => false,
        }
    }

    /// The agents of a broadcast group whom a text addresses with an `@`: by a pattern, or by id where an agent has none.
    pub(super) fn addressed_in(&self, group: &Group, text: &str) -> Vec<AgentId> {
        let is_addressed = |id: &&AgentId| {
            let mentions = &self.agent(id).mentions;
            if mentions.is_empty() { broadcast::names(text, id) } else { mentions.address(text) }
        };
        group.agents.iter().filter(is_addressed).cloned().collect()
    }
}
