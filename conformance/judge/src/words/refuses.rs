//! The word `refuses`: the gateway ends before it is ready, and says why.

use super::matching::Evidence;
use crate::{
    phrase::{quote, seconds, texts},
    trace::Kind,
    verdict::Verdict,
};

/// Why a gateway does not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refuses {
    /// What it says holds each of these.
    pub says: Vec<String>,
}

pub(super) fn refuses(Refuses { says }: &Refuses, evidence: Evidence) -> Verdict {
    let expected = format!("a gateway that refuses to begin, and says {}", texts(says));
    let facts = &evidence.trace.facts;
    let refused = facts.iter().find_map(|fact| match &fact.kind {
        Kind::GatewayRefused { text } => Some((fact.seq, text)),
        _ => None,
    });
    if let Some((seq, text)) = refused {
        return if says.iter().all(|it| text.contains(it)) {
            Verdict::pass(vec![seq])
        } else {
            Verdict::fail(expected, quote(text), vec![seq])
        };
    }
    match facts.iter().find(|it| it.kind == Kind::GatewayReady) {
        Some(ready) => {
            let observed = format!("it was ready at {}", seconds(ready.at_us));
            Verdict::fail(expected, observed, vec![ready.seq])
        }
        None => Verdict::fail(expected, "it said nothing".to_owned(), Vec::new()),
    }
}
