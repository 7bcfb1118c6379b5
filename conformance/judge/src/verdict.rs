//! The six words that a check may answer with.

use std::fmt;

/// What one check says about one trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was exercised and it held.
    Pass {
        /// The facts that exercised it: `seq`s, never empty.
        witnesses: Vec<u64>,
    },
    /// It was broken.
    Fail(Failure),
    /// Nothing in the trace exercised it.
    Vacuous {
        /// What would have.
        why: String,
    },
    /// The harness was late, or the order cannot be told.
    Inconclusive {
        /// What stood in the way, with figures.
        why: String,
    },
    /// A hook is missing. Counts against the claim.
    NotTestable {
        /// Which hook.
        why: String,
    },
    /// The profile or the feature does not have it.
    NotApplicable {
        /// Which of the two, and why.
        why: String,
    },
}

/// What a failing check shows a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What should have been seen.
    pub expected: String,
    /// What was seen instead.
    pub observed: String,
    /// The fewest facts that show it, as `seq`s. Empty only when the failure is that nothing happened.
    pub witnesses: Vec<u64>,
    /// The requirements that it breaks, where the check judges more than these.
    pub breaks: &'static [&'static str],
}

impl Verdict {
    /// A pass with its witnesses.
    pub fn pass(witnesses: Vec<u64>) -> Self {
        assert!(!witnesses.is_empty(), "a pass without evidence is not a pass");
        Self::Pass { witnesses }
    }

    /// A failure, in the order in which a person reads it.
    pub fn fail(
        expected: impl Into<String>,
        observed: impl Into<String>,
        witnesses: Vec<u64>,
    ) -> Self {
        let (expected, observed) = (expected.into(), observed.into());
        Self::Fail(Failure { expected, observed, witnesses, breaks: &[] })
    }

    /// The same, of a check that judges more requirements than those that it found broken.
    #[must_use]
    pub fn breaking(self, ids: &'static [&'static str]) -> Self {
        match self {
            Self::Fail(failure) => Self::Fail(Failure { breaks: ids, ..failure }),
            other => other,
        }
    }

    /// A pass if anything exercised the check, else vacuous for the reason given.
    pub fn pass_or_vacuous(witnesses: Vec<u64>, why: &str) -> Self {
        if witnesses.is_empty() {
            Self::Vacuous { why: why.to_owned() }
        } else {
            Self::pass(witnesses)
        }
    }

    /// The verdict's one word, as reports print it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass { .. } => "pass",
            Self::Fail(_) => "fail",
            Self::Vacuous { .. } => "vacuous",
            Self::Inconclusive { .. } => "inconclusive",
            Self::NotTestable { .. } => "not testable",
            Self::NotApplicable { .. } => "not applicable",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
