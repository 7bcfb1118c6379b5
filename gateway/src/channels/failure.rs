//! Why a platform's method has no result, and what that means for what was to be sent.

use std::{fmt, time::Duration};

use creel_core::{
    egress::{SendOutcome, Sent},
    ids::MessageId,
    time::Millis,
};
use serde_json::Value;

use crate::http;

/// Why a method has no result. No token is in it, and no address that would hold one.
#[derive(Debug)]
pub(super) enum Failure {
    /// The platform asks to wait.
    RetryAfter(Duration),
    /// The platform refused.
    Refused { status: u16, description: String },
    /// Somebody answered, not the platform: a proxy, a wrong address.
    NotThePlatform { status: u16 },
    /// The platform was certainly not reached.
    Unreached(String),
    /// The platform may have taken the request.
    Ambiguous(String),
    /// A picture did not arrive, and nothing is shown yet: its words can go without it.
    PictureLost(String),
}

impl Failure {
    /// What it means for a piece: whether, and when, the same may be tried again.
    pub(super) fn outcome(&self) -> SendOutcome {
        match self {
            Self::RetryAfter(wait) => {
                let wait_ms = wait.as_nanos().div_ceil(1_000_000);
                SendOutcome::RetryAfter(Millis::new(u64::try_from(wait_ms).unwrap_or(u64::MAX)))
            }
            Self::NotThePlatform { status: 200..=299 }
            | Self::Unreached(_)
            | Self::Ambiguous(_)
            | Self::PictureLost(_) => SendOutcome::Transient,
            Self::Refused { status, .. } | Self::NotThePlatform { status } => {
                outcome_of_status(*status)
            }
        }
    }
}

/// How a send ended, by what came of it and what a failure of it means.
pub(super) fn sent<F: fmt::Display>(
    sent: Result<Option<MessageId>, F>,
    outcome: impl FnOnce(&F) -> SendOutcome,
) -> Sent {
    match sent {
        Ok(message) => Sent::delivered(message),
        Err(failure) => {
            tracing::warn!(%failure, "send");
            Sent::failed(outcome(&failure), &failure.to_string())
        }
    }
}

/// What a platform calls a message that it took, if it says so.
pub(super) fn called(id: &Value) -> Option<MessageId> {
    match id {
        Value::Number(id) => MessageId::new(&id.to_string()).ok(),
        Value::String(id) => MessageId::new(id).ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What an answer that is no success means, by its status alone.
pub(super) fn outcome_of_status(status: u16) -> SendOutcome {
    match status {
        408 | 429 | 500.. => SendOutcome::Transient,
        _ => SendOutcome::Permanent,
    }
}

impl From<http::Error> for Failure {
    fn from(error: http::Error) -> Self {
        match error {
            http::Error::Connect(_) => Self::Unreached(error.to_string()),
            http::Error::Exchange(_)
            | http::Error::Body(_)
            | http::Error::TooLong
            | http::Error::TimedOut(_) => Self::Ambiguous(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RetryAfter(wait) => write!(f, "the platform asks to wait {wait:?}"),
            Self::Refused { status, description } => write!(f, "{status} {description}"),
            Self::NotThePlatform { status } => {
                write!(f, "an answer with status {status} that is not the platform's")
            }
            Self::Unreached(why) | Self::Ambiguous(why) | Self::PictureLost(why) => {
                f.write_str(why)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again() {
        let refused = |status| Failure::Refused { status, description: String::new() }.outcome();
        let strange = |status| Failure::NotThePlatform { status }.outcome();
        for status in [408, 429, 500, 503] {
            assert_eq!(
                (refused(status), strange(status)),
                (SendOutcome::Transient, SendOutcome::Transient)
            );
        }
        // A page of a network that wants a log-in first is as good as no answer.
        assert_eq!(strange(200), SendOutcome::Transient);
        for status in [400, 401, 403, 404] {
            assert_eq!(
                (refused(status), strange(status)),
                (SendOutcome::Permanent, SendOutcome::Permanent)
            );
        }
        let wait = Failure::RetryAfter(Duration::from_micros(1_500));
        assert_eq!(wait.outcome(), SendOutcome::RetryAfter(Millis::new(2)));
    }
}
