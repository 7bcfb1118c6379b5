//! What programs send.

use serde::Deserialize;
use serde_json::Value;

use super::Error;

/// `POST <path>/agent`. What it does not name is accepted and changes nothing: clients send it for other gateways.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Turn {
    pub(super) message: String,
    pub(super) name: Option<String>,
    pub(super) agent_id: Option<String>,
    pub(super) session_key: Option<String>,
    pub(super) session_mode: Option<String>,
    pub(super) model: Option<String>,
    pub(super) idempotency_key: Option<String>,
    pub(super) wake_mode: Option<String>,
    pub(super) deliver: Option<bool>,
    pub(super) channel: Option<String>,
    pub(super) to: Option<String>,
}

/// `POST <path>/wake`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wake {
    pub(super) text: String,
    pub(super) mode: Option<String>,
    pub(super) agent_id: Option<String>,
    pub(super) session_key: Option<String>,
}

/// Reads a body by its type. What is wrong is told by its place: the body may hold secrets.
pub(super) fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Error> {
    let value: Value = serde_json::from_slice(body).map_err(|it| {
        Error::wrong(format!("the body is no JSON: line {}, column {}", it.line(), it.column()))
    })?;
    let wanted = if value.get("message").is_some() { "message" } else { "text" };
    T::deserialize(&value).map_err(|_| {
        Error::wrong(format!(
            "expected an object with a text under `{wanted}`, and texts beside it"
        ))
    })
}
