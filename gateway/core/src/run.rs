//! A run: one turn's way through the model and its tools, and the lanes that runs share.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
    sync::Arc,
};

use crate::{
    failover::{Reason, classify::Failure, plan::Plan},
    ids::{AgentId, MessageId, ModelId, ProfileId, RunId},
    message::{Errand, Turn},
    origin::Route,
    owners::Authority,
    session::History,
    session_key::SessionKey,
    time::{Millis, WallTime},
    tools::{Round, ToolCall, ToolSpec},
};

/// A turn that waits for a slot of its lane, talks to the model, or has tools run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The session whose lane it holds.
    pub session: SessionKey,
    /// Who hears what it says.
    pub errand: Errand,
    /// Where its next answer goes, if it has a chat.
    pub route: Option<Route>,
    /// With whose authority it has tools run.
    pub authority: Authority,
    /// Which slots it uses.
    pub lane: LaneName,
    /// How far it is.
    pub phase: Phase,
    /// With which models and credentials it asks.
    pub plan: Plan,
    /// Why its last request failed, if one did.
    pub last_failure: Option<(Reason, ModelFailure)>,
    /// How many tools its model has asked for.
    pub tool_calls: u32,
    /// The requests of operators that it serves.
    pub asked: Vec<MessageId>,
    /// When it began to talk to its model.
    pub began: Option<WallTime>,
    /// What operators are told that it said.
    pub told: String,
    /// What its model has written for them since it was asked last.
    pub partial: String,
    /// What its model had sent by the `message` tool, and where to: the same words and image are not sent twice.
    pub sent: BTreeSet<(Route, String, Option<String>)>,
}

impl Run {
    /// A run that waits for its slot.
    pub fn new(session: SessionKey, lane: LaneName, turn: Turn) -> Self {
        let (errand, route, authority) = (turn.errand, turn.route.clone(), turn.authority);
        let (asked, told) = (turn.asked.clone(), String::new());
        let (phase, sent) = (Phase::Pending(turn), BTreeSet::new());
        let (plan, last_failure) = (Plan::default(), None);
        Self {
            session,
            errand,
            route,
            authority,
            lane,
            phase,
            plan,
            last_failure,
            tool_calls: 0,
            asked,
            began: None,
            told,
            partial: String::new(),
            sent,
        }
    }

    /// The model that it asked last, if it asked one.
    pub fn model(&self) -> Option<ModelId> {
        self.plan.current().map(|it| it.model.clone())
    }
}

/// How far a run is.
#[derive(Clone, Debug)]
pub enum Phase {
    /// It waits for a slot.
    Pending(Turn),
    /// Its model request of this number, from 1, is under way.
    Calling(u32),
    /// Its model request of this number failed, and is made again after a wait.
    Waiting(u32),
    /// The answer to its model request of this number asked for tools, which run.
    Tools(u32, Round),
}

/// What the shell shall ask a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRequest {
    /// For which run.
    pub run: RunId,
    /// The run's request of this number, from 1.
    pub call: u32,
    /// For which agent, and so with whose credentials.
    pub agent: AgentId,
    /// Which model.
    pub model: ModelId,
    /// With which of the agent's credentials.
    pub profile: ProfileId,
    /// The system prompt.
    pub system: Arc<str>,
    /// What was said, the new entries last.
    pub history: History,
    /// What the model may ask for.
    pub tools: Vec<Arc<ToolSpec>>,
    /// Whether the parts of the answer are wanted as they come.
    pub deltas: bool,
}

/// How a model request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelOutcome {
    /// The whole answer.
    Answered(Answer),
    /// No answer, or not the whole of it.
    Failed(ModelFailed),
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it said.
    pub text: String,
    /// The tools that it asked for, in its order. Each has an id of its own.
    pub calls: Vec<ToolCall>,
}

impl Answer {
    /// An answer that asks for nothing.
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), calls: Vec::new() }
    }
}

/// Why a model request has no answer. The provider's own words are not in it: they may hold secrets, and go to the log
/// after redaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelFailure {
    /// It answered an error status.
    #[error("the model provider answered with status {0}")]
    Status(u16),
    /// It could not be reached.
    #[error("the model provider could not be reached")]
    Unreachable,
    /// The answer broke off.
    #[error("the model's answer broke off")]
    BrokenOff,
    /// The answer was not understood.
    #[error("the model provider's answer was not understood")]
    Malformed,
    /// The answer was longer than the gateway takes.
    #[error("the model's answer was too long")]
    TooLong,
    /// It did not begin to answer in time.
    #[error("the model provider did not answer in time")]
    Silent,
    /// It began to answer, and then nothing came for too long.
    #[error("the model's answer stopped before its end")]
    Stalled,
    /// It answered, but not to the end in time.
    #[error("the model's answer took too long")]
    TooSlow,
    /// It said in the middle of the answer that it failed.
    #[error("the model's answer ended in an error")]
    InStream,
    /// It said that the answer ended for a reason that is none of the usual ones.
    #[error("the model's answer ended early")]
    EndedEarly,
    /// The login that it would have been made with is over.
    #[error("the login at the model provider is over, and must be made anew")]
    LoginRefused,
    /// The login that it would have been made with could not be renewed, and is not over.
    #[error("the login at the model provider could not be renewed")]
    LoginNotRenewed,
    /// No credential or provider is configured for the model.
    #[error("no provider with a credential is configured for this agent's model")]
    NotConfigured,
}

/// A failure, with what the provider said about it.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelFailed {
    /// What kind of failure.
    pub failure: ModelFailure,
    /// The provider's code or type of it; the end's reason for [`ModelFailure::EndedEarly`].
    pub code: String,
    /// The provider's words. They tell the reason, and go nowhere.
    pub words: String,
    /// How long the provider asked to be left alone.
    pub rest_asked: Option<Millis>,
}

impl ModelFailed {
    /// As the classifier reads it.
    pub fn seen(&self) -> Failure<'_> {
        let Self { failure, code, words, rest_asked: _ } = self;
        match *failure {
            ModelFailure::Status(status) => Failure::Status { status, code, words },
            ModelFailure::InStream => Failure::StreamError { code, words },
            ModelFailure::EndedEarly => Failure::FinishReason(code),
            // As if the request had been made with it.
            ModelFailure::LoginRefused | ModelFailure::LoginNotRenewed => {
                Failure::Status { status: 401, code: "", words: "" }
            }
            ModelFailure::Unreachable => Failure::Connection,
            ModelFailure::BrokenOff => Failure::EndMissing,
            ModelFailure::Malformed => Failure::Malformed,
            ModelFailure::Silent | ModelFailure::Stalled | ModelFailure::TooSlow => {
                Failure::TimedOut
            }
            ModelFailure::TooLong | ModelFailure::NotConfigured => Failure::Local,
        }
    }
}

impl From<ModelFailure> for ModelFailed {
    fn from(failure: ModelFailure) -> Self {
        Self { failure, code: String::new(), words: String::new(), rest_asked: None }
    }
}

/// Without the provider's words, which may hold secrets.
impl fmt::Debug for ModelFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failure, code: _, words: _, rest_asked } = self;
        let mut shown = f.debug_struct("ModelFailed");
        shown.field("failure", failure).field("rest_asked", rest_asked).finish_non_exhaustive()
    }
}

/// Whose slots a run uses. What one lane's runs start is in another lane, so that it never waits for its parent's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaneName {
    /// Turns of people's messages.
    Main,
    /// Sub-agents.
    Subagent,
    /// Cron jobs.
    Cron,
    /// Turns that runs of other sessions asked for.
    Nested,
}

/// How many runs each lane has at once, 1 at the least.
///
/// The nested lane has no such number: whoever waits for a nested run holds a slot already, and a number would let a
/// chain of them wait for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    /// Turns of people's messages.
    pub main: u32,
    /// Sub-agents.
    pub subagent: u32,
    /// Cron jobs.
    pub cron: u32,
}

/// The lanes' slots.
#[derive(Clone, Debug)]
pub struct Lanes {
    main: Slots,
    subagent: Slots,
    cron: Slots,
    nested: Slots,
}

impl Lanes {
    /// Lanes of these widths.
    pub fn new(Widths { main, subagent, cron }: Widths) -> Self {
        let [main, subagent, cron, nested] = [main, subagent, cron, u32::MAX].map(Slots::new);
        Self { main, subagent, cron, nested }
    }

    /// A lane's slots.
    pub fn slots(&mut self, lane: LaneName) -> &mut Slots {
        match lane {
            LaneName::Main => &mut self.main,
            LaneName::Subagent => &mut self.subagent,
            LaneName::Cron => &mut self.cron,
            LaneName::Nested => &mut self.nested,
        }
    }
}

/// How many runs may be active at once, and who waits, first come first served.
#[derive(Clone, Debug)]
pub struct Slots {
    width: usize,
    active: usize,
    waiting: VecDeque<RunId>,
}

impl Slots {
    /// Slots for `width` runs at once, 1 at the least.
    pub fn new(width: u32) -> Self {
        assert!(width > 0, "a lane without width would never run anything");
        Self { width: width as usize, active: 0, waiting: VecDeque::new() }
    }

    /// Asks for a slot: true if the run has it now, else it waits.
    pub fn enter(&mut self, run: RunId) -> bool {
        let free = self.active < self.width;
        if free {
            self.active += 1;
        } else {
            self.waiting.push_back(run);
        }
        free
    }

    /// Gives a slot back, and says who has it now.
    pub fn leave(&mut self) -> Option<RunId> {
        debug_assert!(self.active > 0, "only a run that has a slot leaves");
        let next = self.waiting.pop_front();
        if next.is_none() {
            self.active -= 1;
        }
        next
    }

    /// Takes a run out of those that wait.
    pub fn withdraw(&mut self, run: RunId) {
        self.waiting.retain(|it| *it != run);
    }
}
