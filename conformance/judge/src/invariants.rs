//! What must hold in every scenario.
//!
//! Each is a pure function from a trace to a verdict. Its first doc line is the rule, the rest says what counts as
//! exercised and what is deliberately not judged.
//!
//! Source: contract, section 10.

mod answers;
mod bounded;
mod conservation;
mod conversations;
mod delivery;
mod effect;
mod fencing;
mod fidelity;
mod isolation;
mod liveness;
mod occupancy;
mod pairing;
mod protocol;
mod single_writer;
mod unasked;

use crate::{context::Context, phrase, trace::Trace, turns::Turns, verdict::Verdict};

/// A rule that holds in every scenario.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// The contract's id, for example `I1`.
    pub id: &'static str,
    /// Its name, for example `conservation`.
    pub title: &'static str,
    /// What it says of a trace.
    check: fn(&Trace, &Turns, &Context) -> Verdict,
}

/// Those that are judged so far, in the contract's order.
pub const ALL: &[Invariant] = &[
    Invariant { id: "I1", title: "conservation", check: conservation::check },
    Invariant { id: "I2", title: "exactly-once effect", check: effect::check },
    Invariant { id: "I3", title: "origin fidelity", check: fidelity::check },
    Invariant { id: "I4", title: "single writer, FIFO", check: single_writer::check },
    Invariant { id: "I5", title: "liveness", check: liveness::check },
    Invariant { id: "I9", title: "isolation", check: isolation::check },
    Invariant { id: "I10", title: "fencing", check: fencing::check },
    Invariant { id: "I11", title: "protocol truth", check: protocol::check },
    Invariant { id: "I12", title: "paired tool calls", check: pairing::check },
    Invariant { id: "I14", title: "bounded work", check: bounded::check },
];

impl Invariant {
    /// Judges a trace. What the verdict says of texts has secrets replaced by their names.
    pub fn check(&self, trace: &Trace, turns: &Turns, context: &Context) -> Verdict {
        phrase::finished((self.check)(trace, turns, context), context)
    }
}

/// Judges a trace by every invariant.
pub fn judge_all(trace: &Trace, turns: &Turns, context: &Context) -> Vec<(&'static str, Verdict)> {
    ALL.iter().map(|it| (it.id, it.check(trace, turns, context))).collect()
}

/// What several findings come to: the first failure, else the first doubt, else a pass with all witnesses.
fn merged(findings: impl IntoIterator<Item = Verdict>, vacuous: &str) -> Verdict {
    let mut witnesses = Vec::new();
    let mut doubt = None;
    for finding in findings {
        match finding {
            Verdict::Pass { witnesses: more } => witnesses.extend(more),
            Verdict::Fail(_) => return finding,
            Verdict::Vacuous { .. } | Verdict::NotApplicable { .. } => {}
            Verdict::Inconclusive { .. } | Verdict::NotTestable { .. } => {
                doubt = doubt.or(Some(finding));
            }
        }
    }
    witnesses.sort_unstable();
    witnesses.dedup();
    doubt.unwrap_or_else(|| Verdict::pass_or_vacuous(witnesses, vacuous))
}

#[cfg(test)]
mod tests;
