//! From what came back to why it failed: one table, the first row that fits decides.

use super::Reason;

/// What a provider's client saw instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<'a> {
    /// An error status with a body.
    Status {
        /// The HTTP status, 400 to 599.
        status: u16,
        /// The error's code or type, where the body has one.
        code: &'a str,
        /// The error's words, or the body's beginning.
        words: &'a str,
    },
    /// The stream said that the answer ended for this reason, which is none of the usual ones.
    FinishReason(&'a str),
    /// An error in the middle of the stream.
    StreamError {
        /// The error's code or type, where it has one.
        code: &'a str,
        /// Its words.
        words: &'a str,
    },
    /// The provider could not be reached, or the connection broke before or in the middle of an answer.
    Connection,
    /// The answer ended in good order, but without its end.
    EndMissing,
    /// What came was not an answer in the provider's protocol.
    Malformed,
    /// Nothing came for too long: the gateway itself ended the request.
    TimedOut,
    /// The user or the operator ended the request.
    Aborted,
    /// The gateway could not make the request.
    Local,
}

/// The reason of a failure.
///
/// # Example
///
/// ```
/// use creel_core::failover::{Reason, classify::{Failure, classify}};
///
/// let spent = Failure::Status { status: 402, code: "", words: "Insufficient credits" };
/// assert_eq!(classify(spent), Reason::Billing);
/// let window = Failure::Status { status: 402, code: "", words: "Weekly usage limit reached, resets Monday" };
/// assert_eq!(classify(window), Reason::RateLimit);
/// ```
///
/// Source: contract, section 6; public bugs F-12 and F-14.
pub fn classify(failure: Failure<'_>) -> Reason {
    match failure {
        Failure::Status { status, code, words } => of_status(status, code, words),
        Failure::StreamError { code, words } => {
            of_words(None, code, words).unwrap_or(Reason::ServerError)
        }
        Failure::FinishReason(reason) => of_finish_reason(reason),
        Failure::Connection | Failure::EndMissing | Failure::TimedOut => Reason::Timeout,
        Failure::Malformed => Reason::ServerError,
        Failure::Aborted => Reason::Aborted,
        Failure::Local => Reason::Local,
    }
}

/// A row: it fits when the status is one of these, or none are given, and the words hold one of these.
struct Row {
    statuses: &'static [u16],
    any_of: &'static [&'static str],
    reason: Reason,
}

const fn row(statuses: &'static [u16], any_of: &'static [&'static str], reason: Reason) -> Row {
    Row { statuses, any_of, reason }
}

/// What speaks of a window that opens again by itself, whatever the status is.
const WINDOW: &[&str] = &[
    "usage limit",
    "weekly limit",
    "monthly limit",
    "daily limit",
    "hourly limit",
    "spending limit",
    "spend limit",
    "limit reached, resets",
    "limit will reset",
    "tokens per minute",
    "requests per minute",
    "exceed max qps",
];

/// By words, most telling first. Words are compared without case.
const ROWS: &[Row] = &[
    // A conversation that is too long looks like many other things.
    row(
        &[],
        &[
            "context length",
            "context_length",
            "context window",
            "maximum number of tokens",
            "maximum number of input tokens",
            "input too long",
            "prompt is too long",
            "request_too_large",
            "too many tokens in the prompt",
        ],
        Reason::ContextOverflow,
    ),
    // A quota that comes back is a rate limit, even where it is answered like a bill.
    row(&[400, 402, 403, 429], WINDOW, Reason::RateLimit),
    row(
        &[],
        &[
            "insufficient credit",
            "insufficient_credit",
            "insufficient balance",
            "insufficient_quota",
            "credit balance",
            "payment required",
            "purchase credits",
        ],
        Reason::Billing,
    ),
    // A rate limit's own words point to the page where one may pay for more: that is no bill.
    row(&[400, 402, 403], &["billing"], Reason::Billing),
    row(
        &[400, 401, 403],
        &[
            "revoked",
            "deactivated",
            "account has been disabled",
            "account is disabled",
            "suspended",
        ],
        Reason::AuthPermanent,
    ),
    row(
        &[],
        &[
            "invalid api key",
            "invalid_api_key",
            "incorrect api key",
            "authentication_error",
            "expired token",
        ],
        Reason::Auth,
    ),
    row(&[], &["overloaded", "overloaded_error", "at capacity", "high demand"], Reason::Overloaded),
    row(
        &[],
        &[
            "rate limit",
            "rate_limit",
            "too many requests",
            "too many concurrent",
            "concurrency limit",
            "resource exhausted",
            "resource_exhausted",
            "throttl",
            "quota limit exceeded",
        ],
        Reason::RateLimit,
    ),
    row(
        &[400, 404],
        &[
            "model_not_found",
            "model not found",
            "model_not_supported",
            "no such model",
            "model does not exist",
            "does not exist or you do not have access",
            "is not supported by this provider",
            "decommissioned",
            "has been retired",
        ],
        Reason::ModelNotFound,
    ),
    row(&[], &["content_policy", "content policy", "safety system", "refusal"], Reason::Refusal),
    // What a router says of a provider behind it that failed.
    row(&[400, 500, 502, 503], &["provider returned error", "upstream error"], Reason::Timeout),
];

fn of_status(status: u16, code: &str, words: &str) -> Reason {
    if let Some(reason) = of_words(Some(status), code, words) {
        return reason;
    }
    match status {
        401 | 403 => Reason::Auth,
        402 => Reason::Billing,
        404 => Reason::ModelNotFound,
        // 499 is what a proxy says of a client that went away before the provider answered.
        408 | 499 | 504 | 522 | 524 => Reason::Timeout,
        413 => Reason::ContextOverflow,
        429 => Reason::RateLimit,
        529 => Reason::Overloaded,
        500.. => Reason::ServerError,
        _ => Reason::Format,
    }
}

fn of_words(status: Option<u16>, code: &str, words: &str) -> Option<Reason> {
    let text = format!("{code} {words}").to_lowercase();
    let fits = |row: &&Row| {
        let status_fits =
            row.statuses.is_empty() || status.is_none_or(|it| row.statuses.contains(&it));
        status_fits && row.any_of.iter().any(|it| text.contains(it))
    };
    ROWS.iter().find(fits).map(|it| it.reason)
}

fn of_finish_reason(reason: &str) -> Reason {
    match reason {
        "content_filter" | "refusal" => Reason::Refusal,
        // The connection behind the provider broke, not the provider.
        "abort" | "network_error" | "malformed_response" => Reason::Timeout,
        _ => Reason::ServerError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, code: &str, words: &str) -> &'static str {
        classify(Failure::Status { status, code, words }).name()
    }

    /// Shapes that providers and what stands before them have been seen to answer with.
    #[test]
    fn every_shape_has_its_reason() {
        let rows: &[(u16, &str, &str, &str)] = &[
            (401, "invalid_api_key", "Incorrect API key provided", "auth"),
            (401, "", "Unauthorized", "auth"),
            (403, "permission_error", "Your key may not use this", "auth"),
            (401, "", "This key was revoked", "auth_permanent"),
            (403, "account_deactivated", "The workspace is deactivated", "auth_permanent"),
            (402, "", "", "billing"),
            (402, "", "Insufficient credits. Add more", "billing"),
            (400, "invalid_request_error", "Your credit balance is too low", "billing"),
            (403, "", "Insufficient balance", "billing"),
            (429, "insufficient_quota", "You exceeded your current quota", "billing"),
            (402, "", "Weekly usage limit reached", "rate_limit"),
            (400, "", "You have reached your specified API usage limits", "rate_limit"),
            (
                429,
                "rate_limit_exceeded",
                "Rate limit reached for m on tokens per min. Add a payment method: https://x.example/account/billing",
                "rate_limit",
            ),
            (
                429,
                "RESOURCE_EXHAUSTED",
                "Exceeded your quota, check your plan and billing",
                "rate_limit",
            ),
            (500, "", "The billing service did not answer", "server_error"),
            (402, "", "Daily limit reached, resets tomorrow", "rate_limit"),
            (402, "", "Organization spending limit exceeded", "rate_limit"),
            (429, "", "Exceed Max QPS", "rate_limit"),
            (429, "rate_limit_exceeded", "Slow down", "rate_limit"),
            (429, "", "", "rate_limit"),
            (400, "", "ThrottlingException", "rate_limit"),
            (503, "RESOURCE_EXHAUSTED", "Resource exhausted", "rate_limit"),
            (529, "overloaded_error", "Overloaded", "overloaded"),
            (529, "", "", "overloaded"),
            (503, "", "The model is overloaded", "overloaded"),
            (408, "", "", "timeout"),
            (499, "", "", "timeout"),
            (504, "", "", "timeout"),
            (522, "", "", "timeout"),
            (524, "", "", "timeout"),
            (400, "", "Provider returned error", "timeout"),
            (500, "", "", "server_error"),
            (502, "", "Bad gateway", "server_error"),
            (503, "", "Service unavailable", "server_error"),
            (400, "invalid_request_error", "messages: tool ids must match", "format"),
            (422, "", "", "format"),
            (404, "", "", "model_not_found"),
            (404, "model_not_found", "The model `x` does not exist", "model_not_found"),
            (404, "", "This model was decommissioned", "model_not_found"),
            (400, "model_not_supported", "", "model_not_found"),
            (413, "", "", "context_overflow"),
            (400, "context_length_exceeded", "", "context_overflow"),
            (400, "", "prompt is too long: 210000 tokens > 200000 maximum", "context_overflow"),
            (
                429,
                "",
                "input token count exceeds the maximum number of input tokens",
                "context_overflow",
            ),
            (400, "content_policy_violation", "", "refusal"),
        ];
        for (status, code, words, expected) in rows {
            assert_eq!(of(*status, code, words), *expected, "{status} {code:?} {words:?}");
        }
    }

    #[test]
    fn what_no_status_tells_has_its_reason_too() {
        let rows = [
            (Failure::Connection, "timeout"),
            (Failure::EndMissing, "timeout"),
            (Failure::TimedOut, "timeout"),
            (Failure::Malformed, "server_error"),
            (Failure::Aborted, "aborted"),
            (Failure::Local, "local"),
            (Failure::FinishReason("error"), "server_error"),
            (Failure::FinishReason("network_error"), "timeout"),
            (Failure::FinishReason("content_filter"), "refusal"),
            (Failure::StreamError { code: "overloaded_error", words: "Overloaded" }, "overloaded"),
            (
                Failure::StreamError { code: "api_error", words: "Internal server error" },
                "server_error",
            ),
        ];
        for (failure, expected) in rows {
            assert_eq!(classify(failure).name(), expected, "{failure:?}");
        }
    }

    #[test]
    fn case_does_not_matter() {
        assert_eq!(of(400, "", "INSUFFICIENT CREDITS"), of(400, "", "insufficient credits"));
    }
}
