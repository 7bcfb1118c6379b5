//! Whom a text speaks to, where the platform itself does not tell, and whose session that is.

use super::{Agent, Gateway, Timer};
use crate::{
    broadcast::{self, Group},
    ids::AgentId,
    message::Inbound,
    origin::{Origin, PeerKind},
    routing::Routed,
    session::Session,
    session_key::SessionKey,
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

    /// The session of an origin, made if it is new; none when no agent is chosen to answer.
    pub(super) fn session_of(&mut self, origin: &Origin) -> Option<(SessionKey, &mut Session)> {
        let Routed::To { agent, tier: _, scopes } = self.settings.routing.route(origin) else {
            return None;
        };
        let key = self.settings.keys.key_in(&agent, origin, scopes);
        let session = self.sessions.entry(key.clone()).or_insert_with(|| Session::new(agent));
        Some((key, session))
    }

    pub(super) fn session(&mut self, key: &SessionKey) -> &mut Session {
        self.sessions
            .get_mut(key)
            .expect("a session that is used is known: it goes only when it is idle")
    }

    pub(super) fn agent(&self, id: &AgentId) -> &Agent {
        self.settings.agents.get(id).expect("routing knows configured agents only")
    }

    pub(super) fn watch_lane(&mut self, key: &SessionKey) {
        let due = self.session(key).lane.next_deadline();
        self.deadlines.set(&Timer::Lane(key.clone()), due);
    }
}
