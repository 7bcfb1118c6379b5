//! What the log is told.

use crate::{
    admission::Ignored,
    egress::GivenUp,
    failover::Reason,
    gateway::failing::plainly,
    ids::{MessageId, ProfileId, RunId},
    origin::Route,
    run::ModelFailure,
    session_key::SessionKey,
    time::Millis,
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
    /// A run's request failed, with this credential and for this reason.
    RequestFailed(RunId, ProfileId, Reason),
    /// A run makes the same request again after so long.
    RetriesIn(RunId, Millis),
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
    #[error("{}", told(*.0, *.1))]
    Model(Reason, ModelFailure),
    /// Nothing is left that could be asked: why the last request failed, if one was made, and when something can be
    /// asked again.
    #[error("{}", exhaustion(*.last, *.ready_in))]
    Exhausted {
        /// Why the last request failed.
        last: Option<(Reason, ModelFailure)>,
        /// In how long the first of what rests can be asked.
        ready_in: Option<Millis>,
    },
    /// The run took longer than it may.
    #[error("the run took longer than it may")]
    Timeout,
    /// The model asked for more tools than a run may.
    #[error("the model asked for more than {0} tools in one turn")]
    TooManyTools(u32),
}

/// One plain sentence's worth, without a word of the provider's own.
fn told(reason: Reason, failure: ModelFailure) -> String {
    use ModelFailure::{
        BrokenOff, EndedEarly, InStream, Malformed, NotConfigured, Silent, Stalled, Status,
        TooLong, TooSlow, Unreachable,
    };
    match (reason, failure) {
        // What the gateway saw itself says more than a reason.
        (_, NotConfigured | TooLong | Unreachable | BrokenOff | Malformed)
        | (_, Silent | Stalled | TooSlow)
        | (Reason::Timeout, InStream | EndedEarly) => failure.to_string(),
        // A router in between says of a provider behind it that it failed.
        (Reason::Timeout, Status(400 | 500..504)) => Reason::ServerError.told().to_owned(),
        _ => reason.told().to_owned(),
    }
}

fn exhaustion(last: Option<(Reason, ModelFailure)>, ready_in: Option<Millis>) -> String {
    let why = last.map_or_else(
        || "every model rests after earlier failures".to_owned(),
        |(reason, failure)| told(reason, failure),
    );
    match ready_in {
        Some(span) => format!("{why}, and can be asked again in {}", plainly(span)),
        None => why,
    }
}
