//! `OpenAI`'s chat completions, streamed.
//!
//! The answer is whole only when the stream said so: `[DONE]`, or a `finish_reason` and a clean end.

use bytes::Bytes;
use creel_core::{
    run::{Answer, ModelFailed, ModelFailure},
    session::Entry,
    tools::ToolSpec,
};
use http_body_util::Full;
use hyper::{Request, header};
use serde::{Deserialize, Serialize};

use super::{
    Asked, EVENT_STREAM, Endpoint,
    calls::{Calls, Piece},
    content, refusal,
    stream::{Heard, Reading},
};
use crate::media::{Picture, Unavailable};

/// The reasons for which an answer ends in good order.
const USUAL_ENDS: [&str; 4] = ["stop", "length", "tool_calls", "function_call"];

/// Reasons for which an answer is none. Other unknown ones are taken for good ends: providers have their own.
const UNUSUAL_ENDS: [&str; 6] =
    ["error", "abort", "network_error", "malformed_response", "content_filter", "refusal"];

/// Whether a stream that ended for this reason has no answer.
fn is_unusual(reason: &str) -> bool {
    !USUAL_ENDS.contains(&reason) && UNUSUAL_ENDS.contains(&reason)
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    stream: bool,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    /// Null beside calls, where the model said nothing.
    content: Option<content::Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

impl<'a> Message<'a> {
    fn of(role: &'static str, content: &'a str) -> Self {
        let content = Some(content::Content::Text(content));
        Self { role, content, tool_calls: Vec::new(), tool_call_id: None }
    }

    /// What a person said and showed.
    fn with(content: content::Content<'a>) -> Self {
        Self { content: Some(content), ..Self::of("user", "") }
    }
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Called<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: serde_json::Value,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    error: Option<refusal::Said>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallPiece>>,
}

#[derive(Deserialize)]
struct CallPiece {
    index: Option<usize>,
    id: Option<String>,
    #[serde(default)]
    function: FunctionPiece,
}

#[derive(Default, Deserialize)]
struct FunctionPiece {
    name: Option<String>,
    arguments: Option<String>,
}

pub(super) fn encode(
    endpoint: &Endpoint,
    Asked { model, request, pictures, tokens_max: _ }: Asked<'_>,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let mut messages = vec![Message::of("system", &request.system)];
    let mut pictures = pictures.iter();
    let entries = request.history.entries().iter();
    messages.extend(entries.flat_map(|it| messages_of(it, &mut pictures)));
    let tools = request.tools.iter().map(|it| tool(it)).collect();
    let body = Body { model, stream: true, messages, tools };
    let body = serde_json::to_vec(&body).expect("a body of strings is plain data");
    Request::post(format!("{}/chat/completions", endpoint.base_url))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, EVENT_STREAM)
        .header(header::AUTHORIZATION, format!("Bearer {}", endpoint.key.expose()))
        .body(Full::new(Bytes::from(body)))
}

fn messages_of<'a>(
    entry: &'a Entry,
    pictures: &mut std::slice::Iter<'a, Result<Picture, Unavailable>>,
) -> Vec<Message<'a>> {
    match entry {
        Entry::User(said) => {
            let pictures = pictures.by_ref().take(said.images.len());
            vec![Message::with(content::Content::of(&said.text, pictures))]
        }
        Entry::Assistant(text) => vec![Message::of("assistant", text)],
        Entry::Tools(round) => {
            let calls = round.calls.iter().map(|(call, _)| Call {
                id: &call.id,
                r#type: "function",
                function: Called { name: call.name.as_str(), arguments: &call.arguments },
            });
            let asking = Message {
                role: "assistant",
                content: Some(&*round.text).filter(|it| !it.is_empty()).map(content::Content::Text),
                tool_calls: calls.collect(),
                tool_call_id: None,
            };
            let results = round.calls.iter().map(|(call, result)| Message {
                tool_call_id: Some(&call.id),
                ..Message::of("tool", result)
            });
            std::iter::once(asking).chain(results).collect()
        }
    }
}

fn tool(spec: &ToolSpec) -> Tool<'_> {
    // A schema that is no JSON says nothing, which is a schema too.
    let parameters =
        serde_json::from_str(&spec.parameters).unwrap_or_else(|_| serde_json::json!({}));
    let (name, description) = (spec.name.as_str(), &*spec.description);
    Tool { r#type: "function", function: Function { name, description, parameters } }
}

/// An answer, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct ChatReading {
    text: String,
    calls: Calls,
    finished: bool,
}

impl Reading for ChatReading {
    fn take(&mut self, data: &str) -> Result<Heard, ModelFailed> {
        if data.trim() == "[DONE]" {
            return Ok(Heard::End);
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|_| ModelFailure::Malformed)?;
        if let Some(error) = chunk.error {
            tracing::warn!("the model's answer ended in an error");
            return Err(error.into_failed(ModelFailure::InStream));
        }
        let Some(choice) = chunk.choices.into_iter().next() else { return Ok(Heard::Nothing) };
        let part = choice.delta.content.unwrap_or_default();
        self.text.push_str(&part);
        for CallPiece { index, id, function } in choice.delta.tool_calls.into_iter().flatten() {
            let FunctionPiece { name, arguments } = function;
            self.calls.add(Piece { index, id, name, arguments })?;
        }
        match choice.finish_reason {
            Some(reason) if is_unusual(&reason) => {
                let failed = ModelFailed::from(ModelFailure::EndedEarly);
                return Err(ModelFailed { code: reason, ..failed });
            }
            it => self.finished |= it.is_some(),
        }
        Ok(Heard::Part(part))
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
mod tests {
    use super::*;

    #[test]
    fn unusual_ends_are_no_answers() {
        assert!(is_unusual("network_error") && is_unusual("content_filter"));
        assert!(!is_unusual("stop") && !is_unusual("eos"));
    }
}
