//! Answers in OpenAI's shape.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::asked::Wrong;

/// What every part of one answer says about it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) model: String,
    /// In seconds since 1970.
    pub(super) created: i64,
}

/// There is no `usage`: several models may have answered, each with its own tokens, and nobody counts them.
impl Shown {
    /// An answer that is not streamed.
    pub(super) fn whole(&self, text: &str) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{
                "index": 0, "finish_reason": "stop", "logprobs": null,
                "message": { "role": "assistant", "content": text, "refusal": null },
            }],
        })
    }

    /// Says who speaks.
    pub(super) fn first(&self) -> String {
        self.chunk(&json!({ "role": "assistant", "content": "" }), &Value::Null)
    }

    /// A part of the answer.
    pub(super) fn part(&self, text: &str) -> String {
        self.chunk(&json!({ "content": text }), &Value::Null)
    }

    /// Says that it is over.
    pub(super) fn last(&self) -> String {
        self.chunk(&json!({}), &json!("stop"))
    }

    fn chunk(&self, delta: &Value, finish: &Value) -> String {
        let mut chunk = self.head();
        chunk["choices"] = json!([{
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish,
        }]);
        chunk.to_string()
    }

    fn head(&self) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
        })
    }
}

/// An error.
pub(super) fn error(status: StatusCode, Wrong { message, parameter, code }: &Wrong) -> Value {
    let kind = match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    json!({ "error": { "message": message, "type": kind, "param": parameter, "code": code } })
}

/// What is left to say of an answer after `sent`. White space does not count. Who joined a turn that somebody else began has heard
/// its end alone, and hears no more. Where something else was sent (a try that failed half-way, and cannot be taken back), it is the
/// whole answer, on lines of its own.
pub(super) fn rest(sent: &str, answer: &str) -> String {
    let letters = |it: &str| it.chars().filter(|it| !it.is_whitespace()).collect::<String>();
    let sent_letters = letters(sent);
    if !sent_letters.is_empty() && letters(answer).ends_with(&sent_letters) {
        return String::new();
    }
    let mut left = answer.char_indices().filter(|it| !it.1.is_whitespace());
    let mut said = 0;
    for letter in sent.chars().filter(|it| !it.is_whitespace()) {
        match left.next() {
            Some((at, found)) if found == letter => said = at + found.len_utf8(),
            _ => return format!("\n\n{answer}"),
        }
    }
    let rest = answer.get(said..).unwrap_or_default();
    if rest.trim().is_empty() { String::new() } else { rest.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_streamed_is_not_said_again() {
        let check = |sent, answer, expected| assert_eq!(rest(sent, answer), expected, "{sent}");
        check("", "Hello.", "Hello.");
        check("Hel", "Hello.", "lo.");
        check("Hello. ", "Hello.", "");
        check("Looking.", "Looking.\n\nFound.", "\n\nFound.");
        check("Looking.Found.", "Looking.\n\nFound.", "");
        check("B.", "A.\n\nB.", "");
        check("Hello th", "Goodbye.", "\n\nGoodbye.");
        check("Hello there.", "Hello", "\n\nHello");
    }

    #[test]
    fn errors_have_openais_shape() {
        let wrong = Wrong { message: "no".into(), parameter: Some("model"), code: "x" };
        insta::assert_snapshot!(error(StatusCode::NOT_FOUND, &wrong), @r#"{"error":{"code":"x","message":"no","param":"model","type":"invalid_request_error"}}"#);
    }
}
