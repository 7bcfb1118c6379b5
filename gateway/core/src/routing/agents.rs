//! The agents that bindings may name, and the one that answers where none does.

use super::Warning;
use crate::{
    ids::AgentId,
    profile::{Profile, Unmatched},
};

/// The agent that answers where none is configured.
const MAIN: &str = "main";

/// The configured agents, in configuration order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agents(pub Vec<Listed>);

/// One configured agent, as far as routing is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: AgentId,
    /// Whether it is marked `default`.
    pub default: bool,
}

impl Agents {
    /// The ids that a binding may name.
    pub(super) fn known(&self) -> Vec<AgentId> {
        match self.0.as_slice() {
            [] => vec![self.first()],
            listed => listed.iter().map(|it| it.id.clone()).collect(),
        }
    }

    /// The agent that is marked default, else the first listed, else `main`.
    pub fn first(&self) -> AgentId {
        let marked = self.0.iter().find(|it| it.default);
        let listed = marked.or(self.0.first()).map(|it| it.id.clone());
        listed.unwrap_or_else(|| AgentId::new(MAIN).expect("`main` has characters"))
    }

    /// Who answers when no binding matches, if that is decided.
    pub(super) fn fallback(&self, profile: &Profile) -> Option<AgentId> {
        let decided = match profile.unmatched {
            Unmatched::DefaultAgent => true,
            Unmatched::SoleAgent => self.0.len() <= 1 || self.0.iter().any(|it| it.default),
        };
        decided.then(|| self.first())
    }

    pub(super) fn warning(&self) -> Option<Warning> {
        let count = self.0.iter().filter(|it| it.default).count();
        (count > 1).then(|| Warning::SeveralDefaults { count, chosen: self.first() })
    }
}
