//! What is configured about tools beside each agent's policy.

use super::{CALLS_MAX, ToolSpec, builtin, policy::Layer};
use crate::{ids::AgentId, time::Millis, tools::policy};

/// How many sub-agents run at once, unless configured.
const SUBAGENTS_AT_ONCE: u32 = 8;

/// How many sub-agents one session may have under way, unless configured.
const CHILDREN_MAX: usize = 5;

/// What a sub-agent never has: it speaks to its parent, and starts none of its own.
const NEVER_SUBAGENTS: [&str; 6] = [
    builtin::GATEWAY,
    builtin::MESSAGE,
    builtin::SESSIONS_LIST,
    builtin::SESSIONS_HISTORY,
    builtin::SESSIONS_SEND,
    builtin::SESSIONS_SPAWN,
];

/// What is configured about tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolSettings {
    /// How many calls a run may make.
    pub calls_max: u32,
    /// `tools.sessions.visibility`.
    pub visibility: Visibility,
    /// `tools.agentToAgent`: which agents may see each other's sessions, none unless configured.
    pub between_agents: BetweenAgents,
    /// `agents.defaults.subagents`, and `tools.subagents.tools`.
    pub subagents: Subagents,
}

impl Default for ToolSettings {
    fn default() -> Self {
        Self {
            calls_max: CALLS_MAX,
            visibility: Visibility::Tree,
            between_agents: BetweenAgents::Off,
            subagents: Subagents::default(),
        }
    }
}

/// Which sessions a session's tools may reach. None of another agent's, unless [`BetweenAgents`] lets them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// Itself.
    Own,
    /// Itself, and the sub-agents that it started.
    #[default]
    Tree,
    /// Every session of its agent.
    Agent,
    /// Every session.
    All,
}

impl Visibility {
    /// Every reach, from the narrowest to the widest.
    pub const ALL: [Self; 4] = [Self::Own, Self::Tree, Self::Agent, Self::All];

    /// The name that configuration uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "self",
            Self::Tree => "tree",
            Self::Agent => "agent",
            Self::All => "all",
        }
    }
}

/// Which agents may reach each other's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BetweenAgents {
    /// None.
    #[default]
    Off,
    /// Those of these names, with `*` for any letters: both sides must be among them.
    Among(Vec<String>),
}

impl BetweenAgents {
    /// Whether one agent may reach another's sessions.
    pub fn joins(&self, one: &AgentId, other: &AgentId) -> bool {
        let holds = |names: &[String], id: &AgentId| {
            names.iter().any(|it| policy::is_match(&it.to_lowercase(), id.as_str()))
        };
        match self {
            Self::Off => one == other,
            Self::Among(names) => one == other || (holds(names, one) && holds(names, other)),
        }
    }
}

/// What is configured about sub-agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subagents {
    /// How many run at once: 1 or more.
    pub max_concurrent: u32,
    /// How many one session may have under way.
    pub children_max: usize,
    /// How long one may take, if not as long as every run.
    pub timeout: Option<Millis>,
    /// How long a finished one's session can be read.
    pub archive_after: Millis,
    /// `tools.subagents.tools`.
    pub tools: Layer,
}

impl Default for Subagents {
    fn default() -> Self {
        Self {
            max_concurrent: SUBAGENTS_AT_ONCE,
            children_max: CHILDREN_MAX,
            timeout: None,
            archive_after: Millis::from_s(60 * 60),
            tools: Layer::default(),
        }
    }
}

impl Subagents {
    /// Whether sub-agents may use a tool that their agent may.
    pub fn allow(&self, tool: &ToolSpec) -> bool {
        !NEVER_SUBAGENTS.contains(&tool.name.as_str()) && self.tools.allows(tool)
    }
}
