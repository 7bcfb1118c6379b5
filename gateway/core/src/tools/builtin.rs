//! The gateway's own tools: what they are called, what they take, and what is asked of them.
//!
//! The shell reads the arguments (JSON is its business) with the help of what stands here; the core performs them.

use std::sync::Arc;

use super::{Consent, ToolName, ToolOwner, ToolSpec};
use crate::{ids::AgentId, owners::Authority, session_key::SessionKey, time::Millis};

/// Lists conversations.
pub const SESSIONS_LIST: &str = "sessions_list";
/// Reads a conversation.
pub const SESSIONS_HISTORY: &str = "sessions_history";
/// Says something in another conversation, and waits for its answer.
pub const SESSIONS_SEND: &str = "sessions_send";
/// Starts a sub-agent.
pub const SESSIONS_SPAWN: &str = "sessions_spawn";
/// Sends a text to a chat.
pub const MESSAGE: &str = "message";

/// Tells how the gateway is doing. For owners' turns alone.
pub const GATEWAY: &str = "gateway";

/// The most entries that a tool lists, whatever is asked.
pub const ROWS_MAX: usize = 200;

/// What is asked of one of the gateway's own tools.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Builtin {
    /// How the gateway is doing.
    Gateway,
    /// Which conversations there are.
    SessionsList {
        /// How many at the most.
        limit: usize,
    },
    /// What was said in one.
    SessionsHistory {
        /// Which.
        session: SessionKey,
        /// How many entries at the most, the last ones.
        limit: usize,
        /// Whether calls and results are among them.
        include_tools: bool,
    },
    /// Say something in another conversation.
    SessionsSend(Send),
    /// Start a sub-agent.
    SessionsSpawn(Spawn),
    /// Say something in a chat.
    Message {
        /// The words.
        text: String,
        /// The image that is shown with them: an address, or a path in the agent's workspace.
        media: Option<String>,
        /// The conversation whose chat it is; the run's own chat if none.
        to: Option<SessionKey>,
    },
}

/// Words for another conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Send {
    /// Which conversation.
    pub to: Addressee,
    /// The words.
    pub text: String,
    /// How long to wait for the answer; not at all if none.
    pub wait: Option<Millis>,
}

/// Which conversation is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Addressee {
    /// The one with this key, or `main` for the asking agent's own.
    Session(SessionKey),
    /// The main one of this agent.
    Agent(AgentId),
}

/// How long `sessions_send` waits for an answer, unless asked.
pub const WAIT_S: u64 = 30;

/// The longest that it waits.
pub const WAIT_S_MAX: u64 = 3_600;

/// A sub-agent that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spawn {
    /// What it shall do.
    pub task: String,
    /// What it is called in its report.
    pub label: Option<String>,
    /// Which agent it is; the asking one if none.
    pub agent: Option<AgentId>,
}

/// All of them, by name.
pub fn specs() -> Vec<ToolSpec> {
    [
        (
            GATEWAY,
            "Tells how the gateway is doing: its agents, its conversations and what runs.",
            r#"{"type":"object","properties":{"action":{"type":"string","enum":["status"]}}}"#,
        ),
        (
            MESSAGE,
            "Sends a text or an image to the chat of this conversation, or of another that you may see. The same is sent \
             there once in a turn.",
            r#"{"type":"object","properties":{"action":{"type":"string","enum":["send"]},"message":{"type":"string"},"media":{"type":"string","description":"an image: an https address, or a path in your workspace"},"to":{"type":"string","description":"a session key; this conversation if left out"}}}"#,
        ),
        (
            SESSIONS_HISTORY,
            "Reads what was said in a conversation.",
            r#"{"type":"object","properties":{"sessionKey":{"type":"string"},"limit":{"type":"integer","minimum":1},"includeTools":{"type":"boolean"}},"required":["sessionKey"]}"#,
        ),
        (
            SESSIONS_LIST,
            "Lists the conversations that you may see.",
            r#"{"type":"object","properties":{"limit":{"type":"integer","minimum":1}}}"#,
        ),
        (
            SESSIONS_SEND,
            "Says something in another conversation that you may see, and waits for what its agent answers. People there do \
             not read along.",
            r#"{"type":"object","properties":{"sessionKey":{"type":"string","description":"which conversation"},"agentId":{"type":"string","description":"instead of a key: this agent's main conversation"},"message":{"type":"string"},"timeoutSeconds":{"type":"number","minimum":0,"description":"how long to wait; 0 for not at all"}},"required":["message"]}"#,
        ),
        (
            SESSIONS_SPAWN,
            "Starts a sub-agent on a task in the background. It reports to this conversation when it has finished.",
            r#"{"type":"object","properties":{"task":{"type":"string"},"label":{"type":"string"},"agentId":{"type":"string"}},"required":["task"]}"#,
        ),
    ]
    .into_iter()
    .map(|(name, description, parameters)| ToolSpec {
        name: ToolName::nearest(name),
        description: Arc::from(description),
        parameters: Arc::from(parameters),
        owner: ToolOwner::Gateway,
        parallel: true,
        least: if name == GATEWAY { Authority::Owner } else { Authority::Guest },
        consent: Consent::Free,
    })
    .collect()
}
