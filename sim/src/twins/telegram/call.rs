//! A call of the Bot API: where its parameters may stand, and how it is answered.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::Request,
    http::{StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::BODY_BYTES_MAX;
use crate::multipart;

/// A call, with its parameters from wherever the client put them.
#[derive(Debug)]
pub(super) struct Call {
    /// As in the path.
    pub(super) token: String,
    /// In lower case: names of methods are case-insensitive.
    pub(super) method: String,
    parameters: BTreeMap<String, Value>,
    files: BTreeMap<String, Bytes>,
}

/// What a method answers.
pub(super) type Outcome = Result<Value, Failure>;

/// `ok: false`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) description: String,
    pub(super) retry_after_s: Option<u64>,
}

impl Failure {
    pub(super) fn new(status: u16, description: impl Into<String>) -> Self {
        Self { status, description: description.into(), retry_after_s: None }
    }

    pub(super) fn bad_request(what: &str) -> Self {
        Self::new(400, format!("Bad Request: {what}"))
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// What is no token at all is an unknown address; a token that nobody has is refused.
    pub(super) fn unauthorized(token: &str) -> Self {
        if token.contains(':') { Self::new(401, "Unauthorized") } else { Self::not_found() }
    }
}

/// Writes an answer in the Bot API's envelope; the HTTP status repeats the error code.
pub(super) fn respond(outcome: Outcome) -> Response {
    let failure = match outcome {
        Ok(result) => return Json(json!({ "ok": true, "result": result })).into_response(),
        Err(failure) => failure,
    };
    let Failure { status, description, retry_after_s } = failure;
    let mut body = json!({ "ok": false, "error_code": status, "description": description });
    if let Some(seconds) = retry_after_s {
        body["parameters"] = json!({ "retry_after": seconds });
    }
    let status = StatusCode::from_u16(status).expect("scenarios say 400 to 599");
    (status, Json(body)).into_response()
}

impl Call {
    /// Reads a request. Later places win: query, then body.
    pub(super) async fn read(request: Request) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let (token, method) = address(&parts.uri).ok_or_else(Failure::not_found)?;
        let mut parameters = form(parts.uri.query().unwrap_or_default());
        let body = axum::body::to_bytes(body, BODY_BYTES_MAX)
            .await
            .map_err(|_| Failure::new(413, "Request Entity Too Large"))?;
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let kind = kind.unwrap_or_default();
        parameters.extend(body_parameters(kind, &body)?);
        let files = multipart::parts(kind, &body).into_iter().filter(|it| it.is_file);
        let files = files.map(|it| (it.name, it.content)).collect();
        Ok(Self { token, method, parameters, files })
    }

    /// A parameter that was given and is neither null nor empty.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.parameters.get(name).filter(|it| !it.is_null() && **it != json!(""))
    }

    /// A file in the form.
    pub(super) fn file(&self, name: &str) -> Option<&Bytes> {
        self.files.get(name)
    }

    /// A text, or a number that a client did not quote.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// A whole number, quoted or not.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        integer(self.get(name)?)
    }

    /// A flag: `true` or `1`, quoted or not.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|it| flag(&it))
    }

    /// A structure, which forms carry as JSON text.
    pub(super) fn structure(&self, name: &str) -> Result<Option<Value>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Failure::bad_request(&format!("can't parse {name} JSON object"))),
            Some(value) => Ok(Some(value.clone())),
        }
    }
}

/// A whole number, quoted or not.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

fn flag(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes")
}

/// `/bot<token>/<method>` as token and method.
fn address(uri: &Uri) -> Option<(String, String)> {
    let (token, method) = uri.path().strip_prefix("/bot")?.split_once('/')?;
    let token = percent_decode_str(token).decode_utf8().ok()?;
    Some((token.into_owned(), method.trim_end_matches('/').to_ascii_lowercase()))
}

fn body_parameters(kind: &str, body: &Bytes) -> Result<BTreeMap<String, Value>, Failure> {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        _ if body.is_empty() => Ok(BTreeMap::new()),
        "application/json" => match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(object.into_iter().collect()),
            _ => Err(Failure::bad_request("can't parse request JSON object")),
        },
        "multipart/form-data" => Ok(multipart_texts(kind, body)),
        _ => Ok(form(&String::from_utf8_lossy(body))),
    }
}

/// `application/x-www-form-urlencoded`.
fn form(text: &str) -> BTreeMap<String, Value> {
    let decode = |it: &str| {
        let spaced = it.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter(|it| !it.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), Value::String(decode(value))))
        .collect()
}

/// The text fields of `multipart/form-data`.
fn multipart_texts(kind: &str, body: &Bytes) -> BTreeMap<String, Value> {
    let texts = multipart::parts(kind, body).into_iter().filter(|it| !it.is_file);
    texts.map(|it| (it.name.clone(), Value::String(it.text()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, body: &str, expected: &Value) {
        let found = body_parameters(kind, &Bytes::copy_from_slice(body.as_bytes()));
        assert_eq!(json!(found.unwrap()), *expected);
    }

    #[test]
    fn parameters_may_stand_in_a_form() {
        let body = "chat_id=-100777&text=a+b%26c%C3%A9&empty=";
        let expected = json!({ "chat_id": "-100777", "text": "a b&cé", "empty": "" });
        check("application/x-www-form-urlencoded", body, &expected);
    }

    #[test]
    fn parameters_may_stand_in_multipart_text_fields() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\ntwo\r\nlines\r\n\
            --b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nbytes\r\n--b--\r\n";
        check("multipart/form-data; boundary=\"b\"", body, &json!({ "text": "two\r\nlines" }));
    }

    #[test]
    fn parameters_may_stand_in_json() {
        check("application/json; charset=utf-8", r#"{"chat_id":1}"#, &json!({ "chat_id": 1 }));
    }
}
