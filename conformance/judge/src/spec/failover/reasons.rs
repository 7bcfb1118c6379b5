//! Why a request failed, by what a trace has of it: its status, what the provider said, or how its stream ended.

use super::Reason;

/// What a status and a provider's words say, by the words that the contract names. Nothing where they may say something else.
pub(super) fn reason_of(status: u16, said: Option<&str>) -> Option<Reason> {
    let Some(said) = said.map(str::to_lowercase) else { return Some(reason_of_status(status)) };
    let known = WORDS.iter().find(|(words, _)| said.contains(words)).map(|(_, reason)| *reason);
    let is_missing = || status == 404 && said.contains("model");
    let is_plain = || is_missing() || !TELLING.iter().any(|it| said.contains(it));
    known.or_else(|| is_plain().then(|| reason_of_status(status)))
}

/// What the contract has providers say, whatever the status.
const WORDS: [(&str, Reason); 6] = [
    ("usage limit", Reason::RateLimit),
    ("resource exhausted", Reason::RateLimit),
    ("resource_exhausted", Reason::RateLimit),
    ("insufficient credits", Reason::Billing),
    ("overloaded", Reason::Overloaded),
    ("prompt is too long", Reason::ContextOverflow),
];

/// What words may be made of that tell a gateway more than the status does.
const TELLING: [&str; 33] = [
    "auth",
    "billing",
    "busy",
    "capacity",
    "content",
    "context",
    "credit",
    "decommission",
    "exceed",
    "exhaust",
    "expire",
    "filter",
    "header",
    "input",
    "invalid",
    "large",
    "limit",
    "load",
    "long",
    "model",
    "policy",
    "provider",
    "qps",
    "quota",
    "refus",
    "reject",
    "revoked",
    "safety",
    "server",
    "throttl",
    "token",
    "tool",
    "usage",
];

/// What a status says where the provider says nothing more.
pub fn reason_of_status(status: u16) -> Reason {
    match status {
        401 | 403 => Reason::Auth,
        402 => Reason::Billing,
        404 => Reason::ModelNotFound,
        408 | 499 | 504 | 522 | 524 => Reason::Timeout,
        413 => Reason::ContextOverflow,
        429 => Reason::RateLimit,
        529 => Reason::Overloaded,
        500.. => Reason::ServerError,
        _ => Reason::Format,
    }
}

/// What the end of a spoiled stream is taken for.
pub(super) fn reason_of_end(how: &str) -> Reason {
    match how {
        "malformed" | "error" => Reason::ServerError,
        "overloaded" => Reason::Overloaded,
        "refused" => Reason::Refusal,
        _ => Reason::Timeout,
    }
}
