//! What filters say of the facts of operators' clients.

use super::super::{FactName, Operating};
use crate::trace::{Fact, Kind, Saw, Trace};

/// The kind, if words can speak of it.
pub(super) fn name(saw: &Saw) -> Option<FactName> {
    Some(match saw {
        Saw::Connected { .. } => FactName::OperatorConnected,
        Saw::Refused { .. } => FactName::OperatorRefused,
        Saw::Asked { .. } => FactName::OperatorAsked,
        Saw::Answered { .. } => FactName::OperatorAnswered,
        Saw::Part { .. } => FactName::OperatorPart,
        Saw::Event { .. } => FactName::OperatorEvent,
        Saw::Closed { .. } => FactName::OperatorClosed,
        Saw::Garbled { .. } | Saw::Left => return None,
    })
}

/// The text that `contains` and `unique` read.
pub(super) fn text(saw: &Saw) -> Option<&str> {
    match saw {
        Saw::Connected { text, .. }
        | Saw::Refused { text, .. }
        | Saw::Asked { text, .. }
        | Saw::Answered { text, .. }
        | Saw::Part { text, .. }
        | Saw::Event { text, .. }
        | Saw::Garbled { text }
        | Saw::Closed { reason: text, .. } => Some(text),
        Saw::Left => None,
    }
}

/// Whether an answer was the one that was asked for.
pub(super) fn outcome(saw: &Saw) -> Option<&'static str> {
    let Saw::Answered { ok, .. } = saw else { return None };
    Some(if *ok { "completed" } else { "failed" })
}

/// Whether a fact is of the call of this name: an event is if its run is the call's.
pub(super) fn is_about(trace: &Trace, saw: &Saw, wanted: &str) -> bool {
    match saw {
        Saw::Asked { call, .. } | Saw::Answered { call, .. } | Saw::Part { call, .. } => {
            call == wanted
        }
        Saw::Event { run: Some(run), .. } => run == key_of(trace, wanted).unwrap_or(wanted),
        Saw::Event { .. }
        | Saw::Connected { .. }
        | Saw::Refused { .. }
        | Saw::Garbled { .. }
        | Saw::Closed { .. }
        | Saw::Left => false,
    }
}

fn key_of<'a>(trace: &'a Trace, wanted: &str) -> Option<&'a str> {
    trace.facts.iter().find_map(|fact| match &fact.kind {
        Kind::Operator(it) => match &it.saw {
            Saw::Asked { call, key: Some(key), .. } if call == wanted => Some(key.as_str()),
            _ => None,
        },
        _ => None,
    })
}

/// Whether a fact is as a filter says. A field that a kind does not have matches no fact of the kind.
pub(super) fn agrees(Operating { client, event, code, state }: &Operating, fact: &Fact) -> bool {
    let operation = match &fact.kind {
        Kind::Operator(it) => Some(it),
        _ => None,
    };
    let saw = operation.map(|it| &it.saw);
    let is = |field: &Option<String>, matches: &dyn Fn(&Saw, &str) -> bool| {
        field.as_deref().is_none_or(|wanted| saw.is_some_and(|it| matches(it, wanted)))
    };
    let is_client = client.as_deref().is_none_or(|it| operation.is_some_and(|of| of.client == it));
    is_client
        && is(event, &|saw, wanted| matches!(saw, Saw::Event { event, .. } if event == wanted))
        && is(code, &has_code)
        && is(state, &has_state)
}

fn has_code(saw: &Saw, wanted: &str) -> bool {
    match saw {
        Saw::Refused { code, details, .. } => code == wanted || details.as_deref() == Some(wanted),
        Saw::Answered { code, details, .. } => {
            [code, details].into_iter().any(|it| it.as_deref() == Some(wanted))
        }
        Saw::Closed { code: Some(code), .. } => code.to_string() == wanted,
        Saw::Closed { code: None, .. }
        | Saw::Connected { .. }
        | Saw::Asked { .. }
        | Saw::Part { .. }
        | Saw::Event { .. }
        | Saw::Garbled { .. }
        | Saw::Left => false,
    }
}

fn has_state(saw: &Saw, wanted: &str) -> bool {
    match saw {
        Saw::Event { state, .. } | Saw::Answered { status: state, .. } => {
            state.as_deref() == Some(wanted)
        }
        Saw::Connected { .. }
        | Saw::Refused { .. }
        | Saw::Asked { .. }
        | Saw::Part { .. }
        | Saw::Garbled { .. }
        | Saw::Closed { .. }
        | Saw::Left => false,
    }
}
