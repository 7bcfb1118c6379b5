//! What the log is told.

use crate::{
    admission::Ignored,
    egress::GivenUp,
    ids::{MessageId, RunId},
    origin::Route,
    run::ModelFailure,
    session_key::SessionKey,
    tools::{ServerName, Ticket, ToolName},
};

/// What an operator would want to read in the log. No note holds a message's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A redelivered message was not taken twice.
    Duplicate(MessageId),
    /// A message was not admitted.
    NotAdmitted(MessageId, Ignored),
    /// A run began to talk to its model.
    RunStarted(RunId, SessionKey),
    /// A run ended with an answer.
    RunAnswered(RunId),
    /// A run ended without one.
    RunFailed(RunId, RunFailure),
    /// A run was aborted by `/stop`, `/new`, `/reset` or an interrupting message.
    RunAborted(RunId),
    /// A piece of an answer will never be visible.
    SendGivenUp(Route, GivenUp),
    /// A route's line was full, so a text was not sent.
    OutboxFull(Route),
    /// A server told which tools it has, so many.
    ToolsListed(ServerName, usize),
    /// A run's model asked for a tool.
    ToolCalled(Ticket, ToolName),
    /// A sub-agent was started, in this session.
    SubagentStarted(SessionKey),
}

/// Why a run has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunFailure {
    /// The model request failed.
    #[error(transparent)]
    Model(ModelFailure),
    /// The run took longer than it may.
    #[error("the run took longer than it may")]
    Timeout,
    /// The model asked for more tools than a run may.
    #[error("the model asked for more than {0} tools in one turn")]
    TooManyTools(u32),
}
