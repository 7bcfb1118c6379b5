//! The closed set of words that a scenario's `expect` may use, as data, and their checks.

mod attempts;
mod count;
mod matching;
mod refuses;
mod request;
mod state;
mod time;
mod visible;

pub use self::{refuses::Refuses, state::State};
use crate::{context::Context, phrase, trace::Trace, turns::Turns, verdict::Verdict};

/// Judges one expectation. What the verdict says of texts has secrets replaced by their names.
pub fn check(word: &Word, trace: &Trace, turns: &Turns, context: &Context) -> Verdict {
    let evidence = matching::Evidence { trace, turns, context };
    let verdict = match word {
        Word::Exactly { n, of } => count::exactly(*n, of, evidence),
        Word::AtLeast { n, of } => count::at_least(*n, of, evidence),
        Word::AtMost { n, of } => count::at_most(*n, of, evidence),
        Word::Never { of } => count::never(of, evidence),
        Word::Order(filters) => time::order(filters, evidence),
        Word::Request(claim) => request::request(claim, evidence),
        Word::Visible(claim) => visible::visible(claim, evidence),
        Word::Gap { from, to, between } => time::gap(from, to, *between, evidence),
        Word::Quiet { of, between } => time::quiet(of, *between, evidence),
        Word::Unique { of } => count::unique(of, evidence),
        Word::Attempts(claim) => attempts::attempts(claim, evidence),
        Word::Backoff(claim) => attempts::backoff(claim, evidence),
        Word::State(claim) => state::state(claim, evidence),
        Word::Refuses(claim) => refuses::refuses(claim, evidence),
    };
    phrase::finished(verdict, context)
}

/// One expectation.
#[expect(clippy::large_enum_variant, reason = "a scenario has a few of them, each read once")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Exactly `n` facts match.
    Exactly {
        /// How many.
        n: u64,
        /// Which facts.
        of: Filter,
    },
    /// At least `n` facts match.
    AtLeast {
        /// How many, at the least: 1 or more.
        n: u64,
        /// Which facts.
        of: Filter,
    },
    /// At most `n` facts match, and one at the least: none would be vacuous.
    AtMost {
        /// How many, at the most.
        n: u64,
        /// Which facts.
        of: Filter,
    },
    /// No fact matches. Vacuous unless a fact of the kind exists at all.
    Never {
        /// Which facts.
        of: Filter,
    },
    /// For each filter in turn, its first match lies after the first match of the filter before it.
    Order(Vec<Filter>),
    /// What one model request carried, and when it came.
    Request(Request),
    /// What a person finally sees in a chat, after edits and deletions.
    Visible(Visible),
    /// The time from one fact to another.
    Gap {
        /// The first match starts the clock.
        from: Filter,
        /// The first match after that stops it.
        to: Filter,
        /// The bounds, both inclusive.
        between: Span,
    },
    /// No fact matches between two moments. Vacuous unless the trace lasted beyond the second.
    Quiet {
        /// Which facts.
        of: Filter,
        /// The moments, both inclusive, since the scenario's zero.
        between: Span,
    },
    /// No two matching facts carry the same text.
    Unique {
        /// Which facts.
        of: Filter,
    },
    /// Who was asked, in which order and when.
    Attempts(Attempts),
    /// How long lay between the attempts with one model and credential.
    Backoff(Backoff),
    /// What stood in a file of the gateway's state folder.
    State(State),
    /// The gateway does not begin, and says why.
    Refuses(Refuses),
}

impl Word {
    /// The filters by which it finds its facts, if it finds them so.
    pub fn filters(&self) -> Vec<&Filter> {
        match self {
            Self::Exactly { of, .. }
            | Self::AtLeast { of, .. }
            | Self::AtMost { of, .. }
            | Self::Never { of }
            | Self::Quiet { of, .. }
            | Self::Unique { of } => vec![of],
            Self::Order(filters) => filters.iter().collect(),
            Self::Gap { from, to, .. } => vec![from, to],
            Self::Request(_)
            | Self::Visible(_)
            | Self::Attempts(_)
            | Self::Backoff(_)
            | Self::State(_)
            | Self::Refuses(_) => Vec::new(),
        }
    }
}

/// Who was asked: all model requests that the first fields speak of, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// Those of this chat; of all chats without.
    pub chat: Option<String>,
    /// Those that began between these moments, since the scenario's zero.
    pub between: Option<Span>,
    /// Exactly these.
    pub are: Vec<Attempt>,
    /// Others may follow.
    pub more: bool,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// `provider/model@credential`.
    pub asked: String,
    /// It began between these moments, since the scenario's zero.
    pub between: Option<Span>,
    /// It began so long after the attempt before it.
    pub after: Option<Span>,
}

/// How long lay between attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Those of this chat; of all chats without.
    pub chat: Option<String>,
    /// Those with `provider/model@credential`.
    pub asked: String,
    /// The time from each one's end to the next one's beginning: so many, each within its bounds.
    pub gaps: Vec<Span>,
}

/// Two moments or durations in microseconds, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Not before or shorter than this.
    pub from_us: i64,
    /// Not after or longer than this.
    pub to_us: i64,
}

/// The kinds of fact that words can name, each written as the trace writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactName {
    /// `inbound`
    Inbound,
    /// `fetched`
    Fetched,
    /// `acknowledged`
    Acknowledged,
    /// `sent`
    Sent,
    /// `edited`
    Edited,
    /// `deleted`
    Deleted,
    /// `refused`
    Refused,
    /// `model-request`
    ModelRequest,
    /// `model-end`
    ModelEnd,
    /// `tool-called`
    ToolCalled,
    /// `tool-ended`
    ToolEnded,
    /// `operator-called`
    OperatorCalled,
    /// `operator-connected`
    OperatorConnected,
    /// `operator-refused`
    OperatorRefused,
    /// `operator-asked`
    OperatorAsked,
    /// `operator-answered`
    OperatorAnswered,
    /// `operator-part`
    OperatorPart,
    /// `operator-event`
    OperatorEvent,
    /// `operator-closed`
    OperatorClosed,
    /// `refresh`
    Refresh,
}

/// Which facts a word speaks of: of one kind, with every given field equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The kind.
    pub of: FactName,
    /// In or for this chat, by its name. For a `model-request`, the chat whose script answered.
    pub chat: Option<String>,
    /// About this message, by its name. For a `model-request`, the message is new in it. For `operator-asked` and
    /// `operator-answered`, the call of this name; for `operator-event`, the run of its key.
    pub message: Option<String>,
    /// Whose text holds this. For a `model-request`, the text of the last message that is new in it or, where none is, of
    /// the last user message.
    pub contains: Option<String>,
    /// In whose prompt this is anywhere, in what was said long ago, too. Only for `model-request`.
    pub anywhere: Option<String>,
    /// The chat's request of this number, from 1. Only for `model-request` and `model-end`.
    pub call: Option<u64>,
    /// To this model. Only for `model-request`.
    pub model: Option<String>,
    /// With this credential, by its name. Only for `model-request` and `refresh`.
    pub credential: Option<String>,
    /// Ended so: `completed`, `failed`, `spoiled` or `abandoned` for `model-end` and `tool-ended`; `granted`, `refused`,
    /// `reused`, `failed` or `unanswered` for `refresh`; `completed` or `failed` for `operator-answered`.
    pub outcome: Option<String>,
    /// What only facts of operators' clients have.
    pub operator: Operating,
}

/// Which facts of operators' clients a filter speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operating {
    /// Of this client.
    pub client: Option<String>,
    /// Of this name. Only for `operator-event`.
    pub event: Option<String>,
    /// With this `code`, or this code in its details; of a close, its number; of an answer over HTTP, its status.
    pub code: Option<String>,
    /// The `state` of an event, or the `status` of an answer; over HTTP its `eventOutcome`.
    pub state: Option<String>,
}

/// What one model request carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The chat.
    pub chat: String,
    /// The chat's request of this number, from 1.
    pub call: u64,
    /// Exactly these messages are new in it, in this order.
    pub new: Option<Vec<String>>,
    /// At least these messages stand before the new ones.
    pub history: Option<Vec<String>>,
    /// None of these messages is anywhere in it.
    pub lacks: Vec<String>,
    /// Each of these texts is somewhere in its prompt.
    pub contains: Vec<String>,
    /// To this model.
    pub model: Option<String>,
    /// With this credential, by its name.
    pub credential: Option<String>,
    /// Each of these tools is offered in it.
    pub offers: Vec<String>,
    /// None of these tools is offered in it.
    pub withholds: Vec<String>,
    /// Exactly so many results of tools stand behind the model's last answer in it; each holds its text, in this order.
    pub results: Option<Vec<String>>,
    /// Exactly these pictures are in its prompt, in this order, each as the trace has it.
    pub images: Option<Vec<String>>,
    /// It came between these moments, since the scenario's zero.
    pub between: Option<Span>,
}

/// What a person finally sees in a chat: the gateway's messages there, in order. At least one field is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible {
    /// The chat.
    pub chat: String,
    /// Exactly these texts.
    pub texts: Option<Vec<String>>,
    /// Exactly these pictures, in this order, each as the trace has it.
    pub images: Option<Vec<String>>,
    /// The last text ends so.
    pub ends_with: Option<String>,
    /// Some text holds each of these.
    pub contains: Vec<String>,
    /// No text holds any of these.
    pub lacks: Vec<String>,
    /// The last text appeared between these moments, since the scenario's zero.
    pub between: Option<Span>,
}

#[cfg(test)]
mod tests;
