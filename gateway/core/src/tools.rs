//! Tools: what a model may ask the gateway to do, and what comes of it.
//!
//! A model's answer may hold calls. The calls of one answer are a [`Round`]: they start in their order, and the history
//! gets them only together with their results, so that no request can carry a call without one.
//!
//! Source: contract, sections 4, 5 and 9.

pub mod builtin;
pub mod policy;
mod round;
pub mod settings;

use std::{fmt, sync::Arc};

pub use self::{
    builtin::Builtin,
    round::{Round, Settled},
};
use crate::{ids::RunId, owners::Authority};

/// How many tools a request offers at the most, as providers have it.
pub const TOOLS_MAX: usize = 128;

/// How many calls a run may make, unless configured. A model that asks for more goes in a circle.
pub const CALLS_MAX: u32 = 100;

/// The longest result that a model is told, in bytes. What is cut is said to be.
pub const RESULT_BYTES_MAX: usize = 64 * 1024;

/// The longest name of a tool, as providers have it.
const NAME_BYTES_MAX: usize = 64;

/// The name of a tool: 1 to 64 letters, digits, underscores and dashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolName(Arc<str>);

impl ToolName {
    /// The name that is nearest to a text: what no name may hold becomes a dash, what is too long is cut.
    pub fn nearest(text: &str) -> Self {
        let is_allowed = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-');
        let letters = text.trim().chars().map(|it| if is_allowed(it) { it } else { '-' });
        let name: String = letters.take(NAME_BYTES_MAX).collect();
        Self(if name.is_empty() { "unnamed".into() } else { name.into() })
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tool as a model is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolSpec {
    /// Its name.
    pub name: ToolName,
    /// What it does.
    pub description: Arc<str>,
    /// What its arguments may be: a JSON Schema, as text.
    pub parameters: Arc<str>,
    /// Whose it is.
    pub owner: ToolOwner,
    /// Whether its calls may run beside others of the same answer.
    pub parallel: bool,
    /// Whose turns may use it.
    pub least: Authority,
    /// Whose decision its calls wait for.
    pub consent: Consent,
}

/// Whose decision the calls of a tool wait for. With the tool's name as its server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Nobody's.
    Free,
    /// Somebody's, unless the agent was allowed the tool for good.
    Kept(Arc<str>),
    /// Somebody's, each time.
    Each(Arc<str>),
}

/// Whose a tool is, and so who performs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToolOwner {
    /// The core performs it.
    Gateway,
    /// A server of `mcp.servers` performs it.
    Server(ServerName),
}

/// The name of a server of tools, as configured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerName(pub Arc<str>);

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A model asks for a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The model's number for it, unique in its answer.
    pub id: Arc<str>,
    /// Which tool.
    pub name: ToolName,
    /// The arguments, as the model wrote them.
    pub arguments: Arc<str>,
    /// What they say.
    pub asked: Asked,
}

/// What the arguments of a call say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The gateway's own tool.
    Builtin(Builtin),
    /// Some other tool, which reads its arguments itself.
    Other,
    /// Nothing: they are not what the tool takes, for this reason.
    Malformed(String),
}

/// Which call of which run: what a result is recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// The run.
    pub run: RunId,
    /// The run's model request whose answer asked, from 1.
    pub request: u32,
    /// The call's place in the answer, from 0.
    pub index: usize,
}

/// What the shell shall have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What its result is recognised by.
    pub ticket: Ticket,
    /// Who performs it.
    pub server: ServerName,
    /// Which tool.
    pub name: ToolName,
    /// The arguments, as the model wrote them: a JSON object.
    pub arguments: Arc<str>,
}

/// How a job ended. Both have a text for the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolOutcome {
    /// The tool answered.
    Done(String),
    /// It failed, took too long, or could not be reached.
    Failed(String),
}

impl ToolOutcome {
    /// What the model is told.
    pub fn told(self) -> String {
        match self {
            Self::Done(text) => capped(text),
            Self::Failed(why) => capped(format!("Error: {why}")),
        }
    }
}

/// A result that is not too long, and says so if it was.
fn capped(mut text: String) -> String {
    let bytes = text.len();
    if bytes > RESULT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(RESULT_BYTES_MAX));
        text = format!("{text}\n[Cut here: the result has {bytes} bytes.]");
    }
    if text.is_empty() { "(no output)".to_owned() } else { text }
}

#[cfg(test)]
mod tests;
