//! Frames: what one text message on the socket says, in both directions.
//!
//! A client sends requests only. Reading is strict: other kinds, missing and unknown fields are told from one another, because
//! the answer differs before the handshake (the connection ends) and after it (a refusal is answered, the connection stays).

use creel_core::profile::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{schema::problems, scope::Scope};

/// The id that answers a frame which has none of its own.
const UNKNOWN_ID: &str = "invalid";

/// How much of a client's words is repeated where it could be much.
const SHOWN_CHARS_MAX: usize = 100;

/// `{type: "req", id, method, params?}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The client's name for the request; its answers carry it.
    pub id: String,
    /// What is called.
    pub method: String,
    /// With what; a `null` is the same as nothing.
    pub params: Option<Value>,
}

/// Why a text is no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not JSON at all: nothing is answered.
    NotJson,
    /// JSON, but not a request. The response is what a client is told after the handshake.
    NotRequest(Box<Response>),
}

/// `{type: "res", id, ok, payload | error}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The id of the request.
    pub id: String,
    /// What came of it.
    pub outcome: Result<Value, ErrorShape>,
}

/// `{type: "event", event, payload, seq?, stateVersion?}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What happened, such as `chat` or `tick`.
    #[serde(rename = "event")]
    pub name: String,
    /// What there is to say about it.
    pub payload: Value,
    /// Its place among the connection's events, from 1 and without gaps; absent for the challenge and for what one client alone is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Which state the snapshot parts have after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_version: Option<StateVersion>,
}

/// How often each part of the snapshot has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StateVersion {
    /// Who is connected.
    pub presence: u64,
    /// How the gateway is.
    pub health: u64,
}

/// What went wrong: `{code, message, details?, retryable?, retryAfterMs?}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorShape {
    /// The kind, for programs.
    pub code: ErrorCode,
    /// The same for people.
    pub message: String,
    /// What a program may want to know beyond the kind; its own `code` is finer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Whether the same request may succeed later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// When that is worth trying, in ms from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// The kinds of errors, as both releases name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// A channel has no account; kept for clients that know it.
    NotLinked,
    /// The device waits for approval, or there is none.
    NotPaired,
    /// The agent did not answer in time.
    AgentTimeout,
    /// The request is wrong, or what it needs is not there.
    InvalidRequest,
    /// The caller may not do this (from 2026.9 on; before, `INVALID_REQUEST`).
    Forbidden,
    /// An approval is unknown or over (from 2026.9 on).
    ApprovalNotFound,
    /// Not now, or not by this gateway.
    Unavailable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "type")]
    kind: Kind,
    id: String,
    method: String,
    #[serde(default)]
    params: Option<Value>,
}

#[derive(Deserialize)]
enum Kind {
    #[serde(rename = "req")]
    Request,
}

/// Reads one text message of a client.
///
/// # Errors
///
/// For what is no request; the response in it is for a client that has shaken hands.
pub fn read(version: Version, text: &str) -> Result<Request, Unreadable> {
    let value: Value = serde_json::from_str(text).map_err(|_| Unreadable::NotJson)?;
    if let Ok(Wire { kind: Kind::Request, id, method, params }) = Wire::deserialize(&value)
        && !id.is_empty()
        && !method.is_empty()
    {
        return Ok(Request { id, method, params });
    }
    let text = problems::text(&problems::of(version, &request_schema(), &value));
    let id = value.get("id").and_then(Value::as_str).filter(|it| !it.is_empty());
    let error = ErrorShape::invalid(format!("invalid request frame: {text}"));
    let response = Response::refused(id.unwrap_or(UNKNOWN_ID), error);
    Err(Unreadable::NotRequest(Box::new(response)))
}

fn request_schema() -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    json!({
        "type": "object",
        "required": ["type", "id", "method"],
        "properties": { "type": { "const": "req" }, "id": text, "method": text, "params": true },
        "additionalProperties": false,
    })
}

impl Request {
    /// The parameters as methods take them: none is the same as an empty object.
    pub fn params_or_empty(&self) -> Value {
        self.params.clone().unwrap_or_else(|| json!({}))
    }
}

impl Response {
    /// An answer.
    pub fn ok(id: impl Into<String>, payload: Value) -> Self {
        Self { id: id.into(), outcome: Ok(payload) }
    }

    /// A refusal.
    pub fn refused(id: impl Into<String>, error: ErrorShape) -> Self {
        Self { id: id.into(), outcome: Err(error) }
    }

    /// The frame.
    pub fn json(&self) -> Value {
        let Self { id, outcome } = self;
        match outcome {
            Ok(payload) => json!({ "type": "res", "id": id, "ok": true, "payload": payload }),
            Err(error) => json!({ "type": "res", "id": id, "ok": false, "error": error }),
        }
    }
}

impl Event {
    /// An event without a place among the connection's others.
    pub fn unnumbered(name: impl Into<String>, payload: Value) -> Self {
        Self { name: name.into(), payload, seq: None, state_version: None }
    }

    /// The frame.
    pub fn json(&self) -> Value {
        let mut frame = serde_json::to_value(self).expect("an event is JSON");
        frame["type"] = json!("event");
        frame
    }
}

impl ErrorShape {
    /// An error of a kind, without details.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, retryable: None, retry_after_ms: None }
    }

    /// `INVALID_REQUEST`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// `UNAVAILABLE`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    /// The same with details.
    #[must_use]
    pub fn with_details(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }

    /// The same, worth another try after a while.
    #[must_use]
    pub fn retry_after_ms(self, wait_ms: u64) -> Self {
        Self { retryable: Some(true), retry_after_ms: Some(wait_ms), ..self }
    }

    /// For a method that nobody knows.
    pub fn unknown_method(method: &str) -> Self {
        Self::invalid(format!("unknown method: {}", beginning(method)))
    }

    /// For a second `connect`.
    pub fn connected_already() -> Self {
        Self::invalid("connect is only valid as the first request")
    }

    /// For a method that the connection's role may not call.
    pub fn unauthorized_role(role: &str) -> Self {
        Self::invalid(format!("unauthorized role: {role}"))
    }

    /// For a method whose scope the connection does not have.
    pub fn missing_scope(version: Version, scope: Scope) -> Self {
        let name = scope.name();
        let message = format!("missing scope: {name}");
        match version {
            Version::V2026_3 => Self::invalid(message),
            Version::V2026_9 => Self::new(ErrorCode::Forbidden, message).with_details(json!({
                "code": "MISSING_SCOPE",
                "missingScope": name,
                "requiredScopes": [name],
            })),
        }
    }
}

/// The first hundred characters of what a client wrote, where the whole could be too much.
pub fn beginning(text: &str) -> &str {
    let end = text.char_indices().nth(SHOWN_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let read = match read(Version::V2026_3, text) {
            Ok(Request { id, method, params }) => {
                format!("{id} {method} {}", params.unwrap_or_default())
            }
            Err(Unreadable::NotJson) => "not json".to_owned(),
            Err(Unreadable::NotRequest(response)) => match response.outcome {
                Ok(_) => "an answer".to_owned(),
                Err(error) => format!("{}: {:?} {}", response.id, error.code, error.message),
            },
        };
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn a_request_is_read() {
        check(r#"{"type":"req","id":"1","method":"health"}"#, "1 health null");
        check(r#"{"type":"req","id":"1","method":"x","params":null}"#, "1 x null");
        check(r#"{"type":"req","id":"1","method":"x","params":{"a":[1]}}"#, r#"1 x {"a":[1]}"#);
    }

    #[test]
    fn anything_else_is_told_what_is_wrong_with_it() {
        check("hello", "not json");
        check("", "not json");
        check(&"[".repeat(100_000), "not json");
        check("null", "invalid: InvalidRequest invalid request frame: must be object");
        check("[]", "invalid: InvalidRequest invalid request frame: must be object");
        check(
            r#"{"type":"event","event":"x"}"#,
            "invalid: InvalidRequest invalid request frame: must have required property 'id'; must have \
             required property 'method'; at root: unexpected property 'event'; at /type: must be equal to constant",
        );
        check(
            r#"{"type":"req","id":"","method":"x"}"#,
            "invalid: InvalidRequest invalid request frame: at /id: must NOT have fewer than 1 characters",
        );
        check(
            r#"{"type":"req","id":7,"method":"x"}"#,
            "invalid: InvalidRequest invalid request frame: at /id: must be string",
        );
        check(
            r#"{"type":"req","id":"a","method":"x","token":"t"}"#,
            "a: InvalidRequest invalid request frame: at root: unexpected property 'token'",
        );
    }

    #[test]
    fn frames_are_written_as_clients_read_them() {
        let written = Response::ok("1", json!({ "a": 1 })).json().to_string();
        assert_eq!(written, r#"{"id":"1","ok":true,"payload":{"a":1},"type":"res"}"#);
        let busy = ErrorShape::unavailable("later").retry_after_ms(500);
        assert_eq!(
            Response::refused("1", busy).json(),
            json!({ "type": "res", "id": "1", "ok": false, "error": {
                "code": "UNAVAILABLE", "message": "later", "retryable": true, "retryAfterMs": 500 } })
        );
        let mut event = Event::unnumbered("tick", json!({ "ts": 1 }));
        assert_eq!(
            event.json(),
            json!({ "type": "event", "event": "tick", "payload": { "ts": 1 } })
        );
        event.seq = Some(3);
        event.state_version = Some(StateVersion { presence: 1, health: 2 });
        assert_eq!(event.json()["seq"], 3);
        assert_eq!(event.json()["stateVersion"], json!({ "presence": 1, "health": 2 }));
    }

    #[test]
    fn refusals_of_calls_differ_by_version() {
        let old = ErrorShape::missing_scope(Version::V2026_3, Scope::Read);
        assert_eq!(old, ErrorShape::invalid("missing scope: operator.read"));
        let new =
            serde_json::to_value(ErrorShape::missing_scope(Version::V2026_9, Scope::Read)).unwrap();
        assert_eq!(
            new,
            json!({ "code": "FORBIDDEN", "message": "missing scope: operator.read", "details": {
                "code": "MISSING_SCOPE", "missingScope": "operator.read", "requiredScopes": ["operator.read"] } })
        );
        let texts = [
            ErrorShape::unknown_method("no.such").message,
            ErrorShape::connected_already().message,
            ErrorShape::unauthorized_role("node").message,
        ];
        assert_eq!(
            texts.join("; "),
            "unknown method: no.such; connect is only valid as the first request; unauthorized role: node"
        );
    }

    #[test]
    fn a_long_name_is_not_repeated_whole() {
        assert_eq!(beginning("höher"), "höher");
        let refused = ErrorShape::unknown_method(&"ö".repeat(1_000_000));
        assert_eq!(refused.message.chars().count(), "unknown method: ".len() + SHOWN_CHARS_MAX);
    }
}
