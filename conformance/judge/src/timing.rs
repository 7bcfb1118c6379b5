//! Whether a time lies within bounds, on a clock that may not be exact.

use crate::{context::Clock, phrase::seconds, verdict::Verdict, words::Span};

/// What bounds say about a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It lies within, or as near as the clock can tell.
    Inside,
    /// It lies outside.
    Outside,
    /// It lies outside, but the harness itself was late: with figures.
    Unknown(String),
}

impl Clock {
    /// Whether a time lies within bounds, both inclusive.
    pub(crate) fn fit(self, time_us: i64, bounds: Span) -> Fit {
        let from_us = bounds.from_us.saturating_sub(self.slack_us());
        let to_us = bounds.to_us.saturating_add(self.slack_us());
        if (from_us..=to_us).contains(&time_us) { Fit::Inside } else { self.outside() }
    }

    /// Whether a wait was not longer than it may be.
    pub(crate) fn fit_at_most(self, wait_us: i64, bound_us: i64) -> Fit {
        self.fit(wait_us, Span { from_us: i64::MIN, to_us: bound_us })
    }

    /// What bounds are widened by.
    pub(crate) fn slack_us(self) -> i64 {
        match self {
            Self::Exact { .. } => 0,
            Self::Measured { slack_us, .. } => slack_us.max(0),
        }
    }

    /// What to say of a time that is out of bounds.
    pub(crate) fn outside(self) -> Fit {
        match self {
            Self::Measured { slack_us, lateness_us } if lateness_us > slack_us => {
                Fit::Unknown(format!(
                    "the harness itself was up to {} late, more than the {} that bounds are widened by",
                    seconds(lateness_us),
                    seconds(slack_us)
                ))
            }
            Self::Exact { .. } | Self::Measured { .. } => Fit::Outside,
        }
    }

    /// The failure, unless the harness may be to blame for it.
    pub(crate) fn blame(self, failure: Verdict) -> Verdict {
        match self.outside() {
            Fit::Unknown(why) => Verdict::Inconclusive { why },
            Fit::Inside | Fit::Outside => failure,
        }
    }
}

/// Bounds as people read them.
pub(crate) fn between(bounds: Span) -> String {
    format!("between {} and {}", seconds(bounds.from_us), seconds(bounds.to_us))
}
