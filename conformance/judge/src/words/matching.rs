//! Which facts a filter speaks of.

mod operating;

use std::fmt;

use super::{FactName, Filter};
use crate::{
    context::Context,
    phrase,
    trace::{Fact, Kind, ModelOutcome, Place, ToolOutcome, Trace},
    turns::{Request, Turns},
};

/// What a check may look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence<'a> {
    pub(super) trace: &'a Trace,
    pub(super) turns: &'a Turns,
    pub(super) context: &'a Context,
}

impl<'a> Evidence<'a> {
    /// The facts that a filter speaks of, in order.
    pub(super) fn matches(self, filter: &Filter) -> Vec<&'a Fact> {
        self.facts()
            .filter(|(index, fact)| self.is_match(filter, *index, fact))
            .map(|(_, fact)| fact)
            .collect()
    }

    /// All facts of a filter's kind, in order.
    pub(super) fn of_kind(self, kind: FactName) -> Vec<&'a Fact> {
        self.trace.facts.iter().filter(|it| FactName::of(&it.kind) == Some(kind)).collect()
    }

    /// The text that `contains` and `unique` read in a fact, if its kind has one.
    pub(super) fn text(self, fact: &'a Fact) -> Option<&'a str> {
        match &fact.kind {
            Kind::Inbound { text, .. }
            | Kind::Sent { text, .. }
            | Kind::Edited { text, .. }
            | Kind::Refused { text, .. } => Some(text),
            Kind::ModelRequest { request, .. } => {
                self.turns.request(*request).map(|it| it.newest_text.as_str())
            }
            Kind::ModelEnd { outcome, .. } => answer(outcome),
            Kind::OperatorCalled { call, .. } => Some(call),
            Kind::Operator(it) => operating::text(&it.saw),
            Kind::ToolCalled { tool, .. } => Some(tool),
            Kind::ToolEnded { text, .. } => Some(text),
            Kind::Fetched { .. }
            | Kind::Acknowledged { .. }
            | Kind::Deleted { .. }
            | Kind::GatewayStarted
            | Kind::GatewayReady
            | Kind::GatewayRefused { .. }
            | Kind::GatewayExited { .. }
            | Kind::Refresh { .. }
            | Kind::StateFile { .. }
            | Kind::HarnessError { .. } => None,
        }
    }

    fn facts(self) -> impl Iterator<Item = (usize, &'a Fact)> {
        self.trace.facts.iter().enumerate()
    }

    fn is_match(self, filter: &Filter, index: usize, fact: &'a Fact) -> bool {
        let Filter {
            of,
            chat,
            message,
            contains,
            anywhere,
            call,
            model,
            credential,
            outcome,
            operator,
        } = filter;
        if FactName::of(&fact.kind) != Some(*of) {
            return false;
        }
        // A field that a kind does not have matches no fact of the kind.
        let request = self.request_of(index, fact);
        let asked = request.filter(|_| *of == FactName::ModelRequest);
        agrees(chat.as_deref(), |it| self.is_in_chat(fact, request, it))
            && agrees(message.as_deref(), |it| self.is_about(fact, request, it))
            && operating::agrees(operator, fact)
            && agrees(contains.as_deref(), |it| {
                self.text(fact).is_some_and(|text| text.contains(it))
            })
            && agrees(anywhere.as_deref(), |it| {
                asked.is_some_and(|request| {
                    request.prompt(self.trace).iter().any(|said| said.text.contains(it))
                })
            })
            && call.is_none_or(|it| request.is_some_and(|request| request.call == Some(it)))
            && agrees(model.as_deref(), |it| asked.is_some_and(|request| request.model == it))
            && agrees(credential.as_deref(), |it| credential_of(fact, asked) == Some(it))
            && agrees(outcome.as_deref(), |it| outcome_of(fact) == Some(it))
    }

    /// The request that a `model-request` or `model-end` is of.
    fn request_of(self, index: usize, fact: &Fact) -> Option<&'a Request> {
        match &fact.kind {
            Kind::ModelRequest { .. } => self.turns.request_at(index),
            Kind::ModelEnd { request, .. } => self.turns.request(*request),
            _ => None,
        }
    }

    fn is_in_chat(self, fact: &Fact, request: Option<&Request>, wanted: &str) -> bool {
        let is_place =
            |place: &Place| self.context.chats.get(wanted).is_some_and(|it| it.place == *place);
        match &fact.kind {
            Kind::Inbound { chat, .. } => chat == wanted,
            Kind::Fetched { message } | Kind::Acknowledged { message } => {
                self.turns.message(message).is_some_and(|it| it.chat == wanted)
            }
            Kind::Sent { place, .. } | Kind::Edited { place, .. } | Kind::Deleted { place, .. } => {
                is_place(place)
            }
            Kind::Refused { place, .. } => place.as_ref().is_some_and(is_place),
            Kind::ModelRequest { .. } | Kind::ModelEnd { .. } => {
                request.is_some_and(|it| it.chat.as_deref() == Some(wanted))
            }
            Kind::GatewayStarted
            | Kind::GatewayReady
            | Kind::GatewayRefused { .. }
            | Kind::GatewayExited { .. }
            | Kind::OperatorCalled { .. }
            | Kind::Operator(_)
            | Kind::ToolCalled { .. }
            | Kind::ToolEnded { .. }
            | Kind::Refresh { .. }
            | Kind::StateFile { .. }
            | Kind::HarnessError { .. } => false,
        }
    }

    fn is_about(self, fact: &Fact, request: Option<&Request>, wanted: &str) -> bool {
        match &fact.kind {
            Kind::Inbound { message, .. }
            | Kind::Fetched { message }
            | Kind::Acknowledged { message } => message == wanted,
            Kind::Operator(it) => operating::is_about(self.trace, &it.saw, wanted),
            _ => request.is_some_and(|it| it.new.iter().any(|new| new == wanted)),
        }
    }
}

/// A field that is not given agrees with everything.
fn agrees(field: Option<&str>, matches: impl FnOnce(&str) -> bool) -> bool {
    field.is_none_or(matches)
}

fn answer(outcome: &ModelOutcome) -> Option<&str> {
    match outcome {
        ModelOutcome::Completed { text }
        | ModelOutcome::Spoiled { text, .. }
        | ModelOutcome::Abandoned { text } => Some(text),
        ModelOutcome::Failed { .. } => None,
    }
}

/// With which credential a request was made, or which login was renewed.
fn credential_of<'a>(fact: &'a Fact, asked: Option<&'a Request>) -> Option<&'a str> {
    match &fact.kind {
        Kind::Refresh { credential, .. } => Some(credential),
        _ => asked.map(|it| it.credential.as_str()),
    }
}

fn outcome_of(fact: &Fact) -> Option<&'static str> {
    if let Kind::ToolEnded { outcome, .. } = &fact.kind {
        return Some(match outcome {
            ToolOutcome::Completed => "completed",
            ToolOutcome::Failed => "failed",
            ToolOutcome::Abandoned => "abandoned",
        });
    }
    if let Kind::Refresh { outcome, .. } = &fact.kind {
        return Some(outcome.name());
    }
    if let Kind::Operator(it) = &fact.kind {
        return operating::outcome(&it.saw);
    }
    let Kind::ModelEnd { outcome, .. } = &fact.kind else { return None };
    Some(match outcome {
        ModelOutcome::Completed { .. } => "completed",
        ModelOutcome::Failed { .. } => "failed",
        ModelOutcome::Spoiled { .. } => "spoiled",
        ModelOutcome::Abandoned { .. } => "abandoned",
    })
}

impl FactName {
    /// The name of a fact's kind, if words can speak of it.
    pub fn of(kind: &Kind) -> Option<Self> {
        Some(match kind {
            Kind::Inbound { .. } => Self::Inbound,
            Kind::Fetched { .. } => Self::Fetched,
            Kind::Acknowledged { .. } => Self::Acknowledged,
            Kind::Sent { .. } => Self::Sent,
            Kind::Edited { .. } => Self::Edited,
            Kind::Deleted { .. } => Self::Deleted,
            Kind::Refused { .. } => Self::Refused,
            Kind::ModelRequest { .. } => Self::ModelRequest,
            Kind::ModelEnd { .. } => Self::ModelEnd,
            Kind::OperatorCalled { .. } => Self::OperatorCalled,
            Kind::Operator(it) => return operating::name(&it.saw),
            Kind::ToolCalled { .. } => Self::ToolCalled,
            Kind::ToolEnded { .. } => Self::ToolEnded,
            Kind::Refresh { .. } => Self::Refresh,
            Kind::GatewayStarted
            | Kind::GatewayReady
            | Kind::GatewayRefused { .. }
            | Kind::GatewayExited { .. }
            | Kind::StateFile { .. }
            | Kind::HarnessError { .. } => return None,
        })
    }
}

impl fmt::Display for FactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inbound => "inbound",
            Self::Fetched => "fetched",
            Self::Acknowledged => "acknowledged",
            Self::Sent => "sent",
            Self::Edited => "edited",
            Self::Deleted => "deleted",
            Self::Refused => "refused",
            Self::ModelRequest => "model-request",
            Self::ModelEnd => "model-end",
            Self::ToolCalled => "tool-called",
            Self::ToolEnded => "tool-ended",
            Self::OperatorCalled => "operator-called",
            Self::OperatorConnected => "operator-connected",
            Self::OperatorRefused => "operator-refused",
            Self::OperatorAsked => "operator-asked",
            Self::OperatorAnswered => "operator-answered",
            Self::OperatorPart => "operator-part",
            Self::OperatorEvent => "operator-event",
            Self::OperatorClosed => "operator-closed",
            Self::Refresh => "refresh",
        })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            of,
            chat,
            message,
            contains,
            anywhere,
            call,
            model,
            credential,
            outcome,
            operator,
        } = self;
        write!(f, "`{of}`")?;
        let named = [
            ("client", &operator.client),
            ("event", &operator.event),
            ("chat", chat),
            ("message", message),
            ("model", model),
            ("credential", credential),
            ("code", &operator.code),
            ("state", &operator.state),
        ];
        for (field, name) in named {
            if let Some(name) = name {
                write!(f, " {field} `{name}`")?;
            }
        }
        if let Some(call) = call {
            write!(f, " call {call}")?;
        }
        if let Some(outcome) = outcome {
            write!(f, " {outcome}")?;
        }
        if let Some(text) = contains {
            write!(f, " that contains {}", phrase::quote(text))?;
        }
        if let Some(text) = anywhere {
            write!(f, " with {} anywhere in its prompt", phrase::quote(text))?;
        }
        Ok(())
    }
}
