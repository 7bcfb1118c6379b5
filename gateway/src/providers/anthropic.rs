//! Anthropic's messages, streamed.
//!
//! ```text
//! message_start ─▶ (content_block_start ─▶ content_block_delta* ─▶ content_block_stop)* ─▶ message_delta ─▶ message_stop
//! ```
//!
//! `ping` may come anywhere, and so may `error`, which ends the answer. Events and blocks of other kinds say nothing that
//! is shown and are passed over, as the protocol asks of its clients.

use bytes::Bytes;
use creel_core::{
    run::{Answer, ModelFailed, ModelFailure},
    session::Entry,
    tools::{Settled, ToolSpec},
};
use http_body_util::Full;
use hyper::{Request, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Asked, EVENT_STREAM, Endpoint,
    calls::{Calls, Piece},
    content::{Spoken, base64},
    refusal::Said,
    stream::{Heard, Reading},
};

/// The version of the protocol.
const VERSION: &str = "2023-06-01";

/// How long an answer may be where nothing is configured, in tokens: the protocol wants a number.
const TOKENS_MAX: u32 = 8_192;

/// What stands for a message in which nobody said anything: the protocol has no empty ones.
const NOTHING: &str = "(nothing)";

/// The reason for which an answer is none.
const REFUSAL: &str = "refusal";

/// The base's address may name the version, as `OpenAI`'s do, or not.
fn address(base_url: &str) -> String {
    let root = base_url.strip_suffix("/v1").unwrap_or(base_url);
    format!("{root}/v1/messages")
}

pub(super) fn encode(
    endpoint: &Endpoint,
    asked: Asked<'_>,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let body = serde_json::to_vec(&body(asked)).expect("a JSON value is plain data");
    Request::post(address(&endpoint.base_url))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, EVENT_STREAM)
        .header("anthropic-version", VERSION)
        .header("x-api-key", endpoint.key.expose())
        .body(Full::new(Bytes::from(body)))
}

fn body(Asked { model, tokens_max, request, pictures }: Asked<'_>) -> Value {
    let mut pictures = pictures.iter();
    let mut messages = Vec::new();
    for (turn, entry) in request.history.entries().iter().enumerate() {
        match entry {
            Entry::User(said) => {
                let pictures = pictures.by_ref().take(said.images.len());
                messages.push(json!({ "role": "user", "content": spoken(&said.text, pictures) }));
            }
            Entry::Assistant(text) => messages.push(json!({
                "role": "assistant", "content": words(text).unwrap_or_else(|| text_block(NOTHING)),
            })),
            Entry::Tools(round) => messages.extend(round_of(turn, round)),
        }
    }
    let mut body = json!({
        "model": model,
        "max_tokens": tokens_max.unwrap_or(TOKENS_MAX),
        "stream": true,
        "messages": messages,
    });
    if !request.system.trim().is_empty() {
        body["system"] = json!(&*request.system);
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(|it| tool(it)).collect();
    }
    body
}

fn text_block(text: &str) -> Value {
    json!([{ "type": "text", "text": text }])
}

/// A text as content; none if it says nothing.
fn words(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| text_block(text))
}

fn spoken<'a>(
    text: &'a str,
    pictures: impl Iterator<Item = &'a Result<crate::media::Picture, crate::media::Unavailable>>,
) -> Value {
    let Spoken { words: said, pictures } = Spoken::of(text, pictures);
    let shown = pictures.into_iter().map(|it| {
        let source = json!({ "type": "base64", "media_type": it.mime, "data": base64(it) });
        json!({ "type": "image", "source": source })
    });
    let shown: Vec<Value> = shown.collect();
    let said = words(&said).or_else(|| shown.is_empty().then(|| text_block(NOTHING)));
    let said = said.and_then(|it| it.as_array().cloned()).unwrap_or_default();
    shown.into_iter().chain(said).collect()
}

/// What the model asked for, and what came of it: the results come first in the message after the calls.
fn round_of(turn: usize, round: &Settled) -> [Value; 2] {
    let mut asking: Vec<Value> =
        words(&round.text).and_then(|it| it.as_array().cloned()).unwrap_or_default();
    let mut results = Vec::new();
    for (index, (call, result)) in round.calls.iter().enumerate() {
        let id = if is_id(&call.id) { call.id.to_string() } else { format!("call_{turn}_{index}") };
        asking.push(json!({
            "type": "tool_use",
            "id": id,
            "name": call.name.as_str(),
            "input": input(&call.arguments),
        }));
        results.push(json!({ "type": "tool_result", "tool_use_id": id, "content": &**result }));
    }
    [
        json!({ "role": "assistant", "content": asking }),
        json!({ "role": "user", "content": results }),
    ]
}

/// Ids that another provider's model gave may have a form that this protocol does not take.
fn is_id(id: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
    !id.is_empty() && id.bytes().all(is_plain)
}

/// Arguments are an object here. What is none is shown to the model as it was.
fn input(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(Value::Object(object)) => Value::Object(object),
        _ => json!({ "arguments": arguments }),
    }
}

fn tool(spec: &ToolSpec) -> Value {
    let schema = serde_json::from_str(&spec.parameters).ok();
    let mut schema = schema.filter(Value::is_object).unwrap_or_else(|| json!({}));
    schema["type"] = json!("object");
    json!({ "name": spec.name.as_str(), "description": &*spec.description, "input_schema": schema })
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    ContentBlockStart {
        index: usize,
        content_block: Block,
    },
    ContentBlockDelta {
        index: usize,
        delta: Delta,
    },
    MessageDelta {
        delta: Ending,
    },
    MessageStop,
    Error {
        error: Said,
    },
    /// `message_start`, `content_block_stop`, `ping`, and what is not known yet.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Ending {
    #[serde(default)]
    stop_reason: Option<String>,
}

/// What a block of the answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    /// The call of this number.
    Call(usize),
    Other,
}

/// An answer, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct MessageReading {
    text: String,
    calls: Calls,
    /// The blocks that have begun, by their index.
    blocks: std::collections::BTreeMap<usize, Kind>,
    finished: bool,
}

impl MessageReading {
    fn begin(&mut self, index: usize, block: Block) -> Result<Heard, ModelFailed> {
        let (kind, heard) = match block {
            Block::Text { text } => {
                self.text.push_str(&text);
                (Kind::Text, Heard::Part(text))
            }
            Block::ToolUse { id, name, input } => {
                let is_call = |it: &&Kind| matches!(it, Kind::Call(_));
                let number = self.blocks.values().filter(is_call).count();
                // The input comes in pieces, or all of it at once.
                let arguments = match &input {
                    Value::Object(object) if !object.is_empty() => Some(input.to_string()),
                    _ => None,
                };
                let (id, name) = (Some(id), Some(name));
                self.calls.add(Piece { index: Some(number), id, name, arguments })?;
                (Kind::Call(number), Heard::Nothing)
            }
            Block::Other => (Kind::Other, Heard::Nothing),
        };
        let is_new = self.blocks.insert(index, kind).is_none();
        if is_new { Ok(heard) } else { Err(ModelFailure::Malformed.into()) }
    }

    fn go_on(&mut self, index: usize, delta: Delta) -> Result<Heard, ModelFailed> {
        match (self.blocks.get(&index), delta) {
            (Some(Kind::Text), Delta::Text { text }) => {
                self.text.push_str(&text);
                Ok(Heard::Part(text))
            }
            (Some(Kind::Call(number)), Delta::InputJson { partial_json }) => {
                let (index, arguments) = (Some(*number), Some(partial_json));
                self.calls.add(Piece { index, arguments, ..Piece::default() })?;
                Ok(Heard::Nothing)
            }
            (Some(Kind::Other), _) | (Some(_), Delta::Other) => Ok(Heard::Nothing),
            // A piece of a block that never began, or of another kind than it.
            (None | Some(Kind::Text | Kind::Call(_)), _) => Err(ModelFailure::Malformed.into()),
        }
    }
}

impl Reading for MessageReading {
    fn take(&mut self, data: &str) -> Result<Heard, ModelFailed> {
        match serde_json::from_str(data).map_err(|_| ModelFailure::Malformed)? {
            Event::ContentBlockStart { index, content_block } => self.begin(index, content_block),
            Event::ContentBlockDelta { index, delta } => self.go_on(index, delta),
            Event::MessageDelta { delta: Ending { stop_reason } } => match stop_reason {
                Some(reason) if reason == REFUSAL => {
                    let failed = ModelFailed::from(ModelFailure::EndedEarly);
                    Err(ModelFailed { code: reason, ..failed })
                }
                it => {
                    self.finished |= it.is_some();
                    Ok(Heard::Nothing)
                }
            },
            Event::MessageStop => Ok(Heard::End),
            Event::Error { error } => {
                tracing::warn!("the model's answer ended in an error");
                Err(error.into_failed(ModelFailure::InStream))
            }
            Event::Other => Ok(Heard::Nothing),
        }
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.calls.bytes()
    }

    fn may_end(&self) -> bool {
        self.finished
    }

    fn finish(self) -> Answer {
        Answer { text: self.text, calls: self.calls.finish() }
    }
}

#[cfg(test)]
mod tests;
