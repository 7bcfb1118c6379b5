//! JSON-RPC 2.0, as far as servers of tools need it.

use serde_json::{Value, json};

/// What a client says: a request, or a notification, which has no number.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) id: Value,
    pub(super) method: String,
    pub(super) params: Value,
}

/// What it is answered.
#[derive(Clone, Debug)]
pub(super) struct Answer(pub(super) Value);

impl Request {
    /// Reads a message; none if it is not one.
    pub(super) fn read(body: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(body).ok()?;
        if message["jsonrpc"] != "2.0" {
            return None;
        }
        let method = message["method"].as_str()?.to_owned();
        let is_notification = method.starts_with("notifications/");
        if is_notification != message["id"].is_null() {
            return None;
        }
        Some(Self { id: message["id"].clone(), method, params: message["params"].clone() })
    }

    pub(super) fn answer(&self, result: &Value) -> Answer {
        Answer(result_of(&self.id, result))
    }

    pub(super) fn refuse(&self, code: i64, message: &str) -> Answer {
        let error = json!({ "code": code, "message": message });
        Answer(json!({ "jsonrpc": "2.0", "id": self.id, "error": error }))
    }
}

/// The message that carries a result.
pub(super) fn result_of(id: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}
