//! `OpenAI`'s responses, streamed.
//!
//! ```text
//! response.created ─▶ (output_item.added ─▶ output_text.delta* | function_call_arguments.delta* ─▶ output_item.done)*
//!                  ─▶ response.completed | response.incomplete | response.failed
//! ```
//!
//! Every request carries the whole conversation; nothing is kept at the provider (`store: false`). Items and events of other kinds
//! say nothing that is shown and are passed over.

use std::collections::BTreeMap;

use bytes::Bytes;
use creel_core::{
    run::{Answer, ModelFailed, ModelFailure},
    session::Entry,
    tools::ToolSpec,
};
use http_body_util::Full;
use hyper::{Request, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Asked, EVENT_STREAM, Endpoint,
    calls::{Calls, Piece},
    content::{Spoken, data_address},
    refusal::Said,
    stream::{Heard, Reading},
};

pub(super) fn encode(
    endpoint: &Endpoint,
    asked: Asked<'_>,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let body = serde_json::to_vec(&body(asked)).expect("a JSON value is plain data");
    Request::post(format!("{}/responses", endpoint.base_url))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, EVENT_STREAM)
        .header(header::AUTHORIZATION, format!("Bearer {}", endpoint.key.expose()))
        .body(Full::new(Bytes::from(body)))
}

fn body(Asked { model, tokens_max, request, pictures }: Asked<'_>) -> Value {
    let mut pictures = pictures.iter();
    let mut input = Vec::new();
    for entry in request.history.entries() {
        match entry {
            Entry::User(said) => {
                let pictures = pictures.by_ref().take(said.images.len());
                let Spoken { words, pictures } = Spoken::of(&said.text, pictures);
                let mut content = vec![json!({ "type": "input_text", "text": words })];
                content.extend(pictures.into_iter().map(|it| {
                    json!({ "type": "input_image", "detail": "auto", "image_url": data_address(it) })
                }));
                input.push(json!({ "role": "user", "content": content }));
            }
            Entry::Assistant(text) => {
                input.push(json!({ "role": "assistant", "content": &**text }));
            }
            Entry::Tools(round) => {
                if !round.text.is_empty() {
                    input.push(json!({ "role": "assistant", "content": &*round.text }));
                }
                input.extend(round.calls.iter().map(|(call, _)| {
                    json!({
                        "type": "function_call",
                        "call_id": &*call.id,
                        "name": call.name.as_str(),
                        "arguments": &*call.arguments,
                    })
                }));
                input.extend(round.calls.iter().map(|(call, result)| {
                    json!({ "type": "function_call_output", "call_id": &*call.id, "output": &**result })
                }));
            }
        }
    }
    let mut body = json!({
        "model": model,
        "instructions": &*request.system,
        "stream": true,
        "store": false,
        "input": input,
    });
    if let Some(tokens) = tokens_max {
        body["max_output_tokens"] = json!(tokens);
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(|it| tool(it)).collect();
    }
    body
}

fn tool(spec: &ToolSpec) -> Value {
    // A schema that is no JSON says nothing, which is a schema too.
    let schema = serde_json::from_str(&spec.parameters).unwrap_or_else(|_| json!({}));
    json!({
        "type": "function",
        "name": spec.name.as_str(),
        "description": &*spec.description,
        "parameters": schema,
        "strict": false,
    })
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Event {
    #[serde(rename = "response.output_item.added")]
    ItemAdded { output_index: usize, item: Item },
    #[serde(rename = "response.output_text.delta")]
    TextDelta { delta: String },
    #[serde(rename = "response.function_call_arguments.delta")]
    ArgumentsDelta { output_index: usize, delta: String },
    #[serde(rename = "response.refusal.done")]
    Refused {},
    #[serde(rename = "response.completed")]
    Completed {},
    #[serde(rename = "response.incomplete")]
    Incomplete { response: Incomplete },
    #[serde(rename = "response.failed")]
    Failed { response: Failed },
    #[serde(rename = "error")]
    Error(Said),
    /// What begins or ends a part, and what is not known yet.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item {
    FunctionCall {
        call_id: String,
        name: String,
        #[serde(default)]
        arguments: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Incomplete {
    #[serde(default)]
    incomplete_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct Failed {
    #[serde(default)]
    error: Option<Said>,
}

/// An answer, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct ResponseReading {
    text: String,
    calls: Calls,
    /// The numbers of the calls, by the index of their items.
    items: BTreeMap<usize, usize>,
}

impl ResponseReading {
    fn add(&mut self, output_index: usize, item: Item) -> Result<Heard, ModelFailed> {
        let Item::FunctionCall { call_id, name, arguments } = item else {
            return Ok(Heard::Nothing);
        };
        let number = self.items.len();
        let (id, name) = (Some(call_id), Some(name));
        let arguments = Some(arguments);
        self.calls.add(Piece { index: Some(number), id, name, arguments })?;
        let is_new = self.items.insert(output_index, number).is_none();
        if is_new { Ok(Heard::Nothing) } else { Err(ModelFailure::Malformed.into()) }
    }
}

fn ended_early(code: &str) -> ModelFailed {
    ModelFailed { code: code.to_owned(), ..ModelFailure::EndedEarly.into() }
}

impl Reading for ResponseReading {
    fn take(&mut self, data: &str) -> Result<Heard, ModelFailed> {
        match serde_json::from_str(data).map_err(|_| ModelFailure::Malformed)? {
            Event::ItemAdded { output_index, item } => self.add(output_index, item),
            Event::TextDelta { delta } => {
                self.text.push_str(&delta);
                Ok(Heard::Part(delta))
            }
            Event::ArgumentsDelta { output_index, delta } => {
                let number = self.items.get(&output_index).ok_or(ModelFailure::Malformed)?;
                let (index, arguments) = (Some(*number), Some(delta));
                self.calls.add(Piece { index, arguments, ..Piece::default() })?;
                Ok(Heard::Nothing)
            }
            Event::Refused {} => Err(ended_early("refusal")),
            Event::Completed {} => Ok(Heard::End),
            Event::Incomplete { response: Incomplete { incomplete_details } } => {
                let reason = incomplete_details.map(|it| it.reason).unwrap_or_default();
                // An answer that was cut at its longest is one.
                if reason == "content_filter" { Err(ended_early(&reason)) } else { Ok(Heard::End) }
            }
            Event::Failed { response: Failed { error } } => {
                tracing::warn!("the model's answer ended in an error");
                let failed = ModelFailed::from(ModelFailure::InStream);
                Err(error.map_or(failed, |it| it.into_failed(ModelFailure::InStream)))
            }
            Event::Error(said) => {
                tracing::warn!("the model's answer ended in an error");
                Err(said.into_failed(ModelFailure::InStream))
            }
            Event::Other => Ok(Heard::Nothing),
        }
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.calls.bytes()
    }

    fn may_end(&self) -> bool {
        false
    }

    fn finish(self) -> Answer {
        Answer { text: self.text, calls: self.calls.finish() }
    }
}

#[cfg(test)]
mod tests;
