//! Events in, effects out: all that the core and its shell say to each other.

use super::{Kept, Note};
use crate::{
    approval::{self, Approval, Grant},
    egress::{Outgoing, Sent},
    ids::{ApprovalId, RunId, SendId},
    message::Inbound,
    operator::Told,
    run::{ModelOutcome, ModelRequest},
    tools::{Job, ServerName, Ticket, ToolOutcome, ToolSpec},
};

/// What can happen to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A channel hands a message in. It is adopted when the step returns.
    Inbound(Inbound),
    /// A model request ended.
    ModelEnded {
        /// Of which run.
        run: RunId,
        /// The run's request of this number.
        call: u32,
        /// How.
        outcome: ModelOutcome,
    },
    /// A model wrote a part of its answer. Wanted only where [`ModelRequest::deltas`] says so.
    ModelWrote {
        /// Of which run.
        run: RunId,
        /// The run's request of this number.
        call: u32,
        /// The part.
        text: String,
    },
    /// A send ended.
    SendEnded {
        /// Which.
        send: SendId,
        /// How.
        sent: Sent,
    },
    /// A tool that a run's model asked for ended.
    ToolEnded {
        /// Which call.
        ticket: Ticket,
        /// How.
        outcome: ToolOutcome,
    },
    /// A server tells which tools it has: these, and no others.
    ToolsListed(ServerName, Vec<ToolSpec>),
    /// An approval was shown to whoever may decide.
    ApprovalShown {
        /// Which.
        id: ApprovalId,
        /// How many clients that is.
        heard_by: usize,
        /// The words in which it was, without secrets.
        words: String,
    },
    /// A deadline has come.
    Tick,
    /// Nothing new is taken: cron jobs end here.
    Closing,
}

/// What the shell shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask a provider.
    CallModel(ModelRequest),
    /// Stop asking: whatever the run's request still brings is of no use.
    CancelModel(RunId),
    /// Have a tool run.
    CallTool(Job),
    /// Stop the run's tools: whatever they still bring is of no use.
    CancelTools(RunId),
    /// Send a piece of text.
    Send(Outgoing),
    /// Keep how a credential is doing, where a later life of the gateway finds it.
    KeepHealth(Box<Kept>),
    /// Show an approval to whoever may decide, and say who that was: [`Event::ApprovalShown`].
    ApprovalAsked(Box<Approval>),
    /// An approval is over.
    ApprovalEnded(Box<approval::Ended>),
    /// Keep what an agent was allowed for good, where a later life of the gateway finds it.
    KeepGrant(Grant),
    /// Tell whoever watches.
    Told(Box<Told>),
    /// Tell the log.
    Note(Note),
}
