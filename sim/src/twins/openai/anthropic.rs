//! Anthropic's messages, as `https://docs.anthropic.com/en/api/messages` documents them, streamed and whole.

mod request;

use std::time::Duration;

use axum::{
    Json,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

pub(super) use self::request::read;
use super::{
    Refusal,
    answer::{Heading, even, fault, parts, tokens},
    body::{Ending, Finale, Piece, Planned},
    dialect::bearer,
};
use crate::scenario::{Part, StreamEnd, ToolUse};

/// The key that a request carries: in a header of its own, or as a bearer, as the official client has it by now.
pub(super) fn key(headers: &HeaderMap) -> Option<&str> {
    let own = headers.get("x-api-key").and_then(|it| it.to_str().ok()).map(str::trim);
    own.filter(|it| !it.is_empty()).or_else(|| bearer(headers))
}

/// The type that a status usually has.
pub(super) fn usual_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// An error answer: `type: error`, `error: {type, message}`.
pub(super) fn refuse(refusal: &Refusal) -> Response {
    let kind = refusal.kind.as_deref().unwrap_or_else(|| usual_kind(refusal.status));
    let error = json!({ "type": kind, "message": refusal.message });
    let body = json!({ "type": "error", "error": error, "request_id": null });
    Json(body).into_response()
}

/// The whole text, in pieces with a pause between them where the client asked for a stream.
pub(super) fn say(
    heading: &Heading<'_>,
    ending: Ending,
    text: &str,
    pace: (u32, Duration),
) -> Planned {
    heading_of(heading).whole(ending, (text, pace), &[], "end_turn")
}

/// A stream of these parts, with its end if it has one.
pub(super) fn stream(heading: &Heading<'_>, parts: &[Part], ends: StreamEnd) -> Vec<Piece> {
    let mut pieces = heading_of(heading).opening_with(parts);
    let reason = match ends {
        StreamEnd::Complete => "end_turn",
        StreamEnd::Length => "max_tokens",
        StreamEnd::Refused => "refusal",
        StreamEnd::Cut | StreamEnd::Eof | StreamEnd::Stall => return pieces,
        StreamEnd::Error | StreamEnd::Failed | StreamEnd::Overloaded => {
            let (kind, message) = fault(ends);
            let kind = if kind == "server_error" { "api_error" } else { kind };
            let error = json!({ "type": kind, "message": message });
            pieces.push(event(&json!({ "type": "error", "error": error })));
            return pieces;
        }
    };
    let text: String = parts.iter().map(|it| it.text.as_str()).collect();
    pieces.extend(closing(&text, reason));
    pieces
}

/// An answer that asks for tools.
pub(super) fn call(
    heading: &Heading<'_>,
    ending: Ending,
    text: &str,
    calls: &[ToolUse],
) -> Planned {
    heading_of(heading).whole(ending, (text, (1, Duration::ZERO)), calls, "tool_use")
}

/// A part of an answer, and then nothing: the connection closes.
pub(super) fn cut(heading: &Heading<'_>, ending: Ending, text: &str) -> Planned {
    let answer = heading_of(heading);
    if heading.asked.stream {
        let pieces = answer.opening(text, (1, Duration::ZERO));
        return Planned::new(pieces, Finale::Cut, ending);
    }
    let mut document = answer.document(text, &[], "end_turn").to_string();
    let written = document.find("\"usage\"").expect("documents report usage");
    document.truncate(written);
    Planned::new(vec![Piece::of(document, text)], Finale::Cut, ending)
}

/// A part of an answer, then an event that is not JSON, in a response that ends properly otherwise.
pub(super) fn malformed(heading: &Heading<'_>, ending: Ending, text: &str) -> Planned {
    let broken = r#"{"type":"content_block_delta","index":0,"delta":{"text":"#;
    let answer = heading_of(heading);
    let pieces = if heading.asked.stream {
        let mut pieces = answer.opening(text, (1, Duration::ZERO));
        pieces.push(Piece::of(format!("event: content_block_delta\ndata: {broken}\n\n"), ""));
        pieces.extend(closing(text, "end_turn"));
        pieces
    } else {
        vec![Piece::of(broken.to_owned(), text)]
    };
    Planned::new(pieces, Finale::Spoiled("malformed"), ending)
}

/// A part of an answer in a response that ends properly, without a reason or `message_stop`.
pub(super) fn eof(heading: &Heading<'_>, ending: Ending, text: &str) -> Planned {
    let answer = heading_of(heading);
    let pieces = if heading.asked.stream {
        answer.opening(text, (1, Duration::ZERO))
    } else {
        let mut document = answer.document(text, &[], "");
        document["stop_reason"] = Value::Null;
        vec![Piece::of(document.to_string(), text)]
    };
    Planned::new(pieces, Finale::Spoiled("eof"), ending)
}

/// An answer to one request.
#[derive(Clone, Copy)]
struct Answer<'a>(&'a Heading<'a>);

fn heading_of<'a>(heading: &'a Heading<'a>) -> Answer<'a> {
    Answer(heading)
}

impl Answer<'_> {
    fn whole(
        self,
        ending: Ending,
        (text, pace): (&str, (u32, Duration)),
        calls: &[ToolUse],
        reason: &str,
    ) -> Planned {
        if !self.0.asked.stream {
            let document = self.document(text, calls, reason).to_string();
            return Planned::new(vec![Piece::of(document, text)], Finale::Complete, ending);
        }
        let mut pieces = self.opening(text, pace);
        let is_silent = text.is_empty() && !calls.is_empty();
        if is_silent {
            pieces = vec![self.start(), event(&json!({ "type": "ping" }))];
        } else {
            pieces.push(event(&json!({ "type": "content_block_stop", "index": 0 })));
        }
        for (number, tool_use) in calls.iter().enumerate() {
            let index = number + usize::from(!is_silent);
            let mut block = self.tool_use(number, tool_use);
            block["input"] = json!({});
            let start =
                json!({ "type": "content_block_start", "index": index, "content_block": block });
            pieces.push(event(&start));
            for part in parts(&tool_use.arguments, 2) {
                let delta = json!({ "type": "input_json_delta", "partial_json": part });
                pieces.push(event(&delta_of(index, &delta)));
            }
            pieces.push(event(&json!({ "type": "content_block_stop", "index": index })));
        }
        pieces.extend(end(text, reason));
        Planned::new(pieces, Finale::Complete, ending)
    }

    /// The message, then the text's block, which stays open.
    fn opening(self, text: &str, pace: (u32, Duration)) -> Vec<Piece> {
        self.opening_with(&even(text, pace))
    }

    fn opening_with(self, parts: &[Part]) -> Vec<Piece> {
        let block = json!({ "type": "text", "text": "" });
        let start = json!({ "type": "content_block_start", "index": 0, "content_block": block });
        let ping = json!({ "type": "ping" });
        let mut pieces = vec![self.start(), event(&start), event(&ping)];
        for Part { after, text } in parts {
            let delta = json!({ "type": "text_delta", "text": text });
            pieces.push(Piece { after: *after, text: text.clone(), ..event(&delta_of(0, &delta)) });
        }
        pieces
    }

    fn start(self) -> Piece {
        let mut message = self.document("", &[], "");
        message["content"] = json!([]);
        message["stop_reason"] = Value::Null;
        event(&json!({ "type": "message_start", "message": message }))
    }

    fn document(self, text: &str, calls: &[ToolUse], reason: &str) -> Value {
        let said = json!({ "type": "text", "text": text });
        let said = (!text.is_empty() || calls.is_empty()).then_some(said);
        let uses = calls.iter().enumerate().map(|(number, it)| self.tool_use(number, it));
        let content: Vec<Value> = said.into_iter().chain(uses).collect();
        json!({
            "id": format!("msg_{}", self.0.request),
            "type": "message",
            "role": "assistant",
            "model": self.0.asked.model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": null,
            "usage": {
                "input_tokens": self.0.prompt_tokens(),
                "output_tokens": tokens(text),
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
            },
        })
    }

    fn tool_use(self, number: usize, tool_use: &ToolUse) -> Value {
        let id = format!("toolu_{}_{}", self.0.request, number + 1);
        let input: Value = serde_json::from_str(&tool_use.arguments).unwrap_or_else(|_| json!({}));
        json!({ "type": "tool_use", "id": id, "name": tool_use.tool, "input": input })
    }
}

fn delta_of(index: usize, delta: &Value) -> Value {
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

/// An event bears its type twice.
fn event(data: &Value) -> Piece {
    let kind = data["type"].as_str().expect("every event has its type");
    Piece::of(format!("event: {kind}\ndata: {data}\n\n"), "")
}

/// How a message with one block ends.
fn closing(text: &str, reason: &str) -> Vec<Piece> {
    let stop = event(&json!({ "type": "content_block_stop", "index": 0 }));
    std::iter::once(stop).chain(end(text, reason)).collect()
}

/// How a message ends.
fn end(text: &str, reason: &str) -> [Piece; 2] {
    let delta = json!({ "stop_reason": reason, "stop_sequence": null });
    let usage = json!({ "output_tokens": tokens(text) });
    [
        event(&json!({ "type": "message_delta", "delta": delta, "usage": usage })),
        event(&json!({ "type": "message_stop" })),
    ]
}
