//! OpenAI chat completions, streamed.
//!
//! The answer is read as server-sent events and is whole only when the stream said so: a `finish_reason` and a clean
//! end. Anything else has a reason of its own, so that half an answer is never passed off as one.

mod calls;
mod content;
mod refusal;

use std::time::Duration;

use bytes::Bytes;
use creel_core::{
    run::{Answer, ModelFailed, ModelFailure, ModelOutcome, ModelRequest},
    session::Entry,
    tools::ToolSpec,
};
use futures_util::StreamExt as _;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Request, Response, StatusCode, body::Incoming, header};
use serde::{Deserialize, Serialize};
use sse_stream::SseStream;

use super::Parts;
use crate::{
    http::Http,
    media::{Picture, Unavailable},
    net::Net,
    secret::Secret,
};

/// The longest answer that is taken, in bytes of text.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// How much of a stream is read in all, in bytes: an answer with what JSON puts around it.
const STREAM_BYTES_MAX: usize = 64 * ANSWER_BYTES_MAX;

/// How long the end of a stream is waited for after `[DONE]`, so that its connection can be used again.
const END_WAIT: Duration = Duration::from_secs(1);

const EVENT_STREAM: &str = "text/event-stream";

/// Where a provider is, and who asks.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address up to and without `/chat/completions`.
    pub base_url: String,
    /// The bearer key.
    pub key: Secret,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Which model.
    pub model: &'a str,
    /// What.
    pub request: &'a ModelRequest,
    /// What came of fetching the request's images, in their order.
    pub pictures: &'a [Result<Picture, Unavailable>],
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
    tool_calls: Option<Vec<calls::Piece>>,
}

/// The body broke off or was longer than expected.
#[derive(Debug, thiserror::Error)]
enum Spoiled {
    #[error("longer than {STREAM_BYTES_MAX} bytes")]
    TooLong,
    #[error("{0}")]
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

impl From<Box<dyn std::error::Error + Send + Sync>> for Spoiled {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        if error.is::<LengthLimitError>() { Self::TooLong } else { Self::Broken(error) }
    }
}

/// Asks the model once. The future may be dropped at any time: the connection closes then.
pub async fn complete<N: Net>(
    http: &Http<N>,
    endpoint: &Endpoint,
    asked: Asked<'_>,
    parts: Option<&Parts>,
) -> ModelOutcome {
    match exchange(http, endpoint, asked, parts).await {
        Ok(answer) => ModelOutcome::Answered(answer),
        Err(failure) => ModelOutcome::Failed(failure),
    }
}

async fn exchange<N: Net>(
    http: &Http<N>,
    endpoint: &Endpoint,
    asked: Asked<'_>,
    parts: Option<&Parts>,
) -> Result<Answer, ModelFailed> {
    let encoded = encode(endpoint, asked).map_err(|error| {
        tracing::warn!(%error, "provider address or key cannot be used");
        ModelFailure::NotConfigured
    })?;
    let response = http.send(encoded).await.map_err(|error| {
        tracing::warn!(%error, "model request");
        match error {
            crate::http::Error::Connect(_) => ModelFailure::Unreachable,
            _ => ModelFailure::BrokenOff,
        }
    })?;
    let status = response.status();
    if status != StatusCode::OK {
        return Err(refusal::read(status, response, &endpoint.key).await);
    }
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|it| !it.as_bytes().starts_with(EVENT_STREAM.as_bytes())) {
        tracing::warn!(content_type = ?kind, "the model's answer is not `{EVENT_STREAM}`");
        return Err(ModelFailure::Malformed.into());
    }
    read_stream(response, parts).await
}

fn encode(
    endpoint: &Endpoint,
    Asked { model, request, pictures }: Asked<'_>,
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

async fn read_stream(
    response: Response<Incoming>,
    parts: Option<&Parts>,
) -> Result<Answer, ModelFailed> {
    // Boxed, since the compiler loses track of the closure's lifetimes across the waits below otherwise.
    let body =
        Limited::new(response.into_body(), STREAM_BYTES_MAX).map_err(Spoiled::from).boxed_unsync();
    let mut events = SseStream::new(body);
    let mut text = String::new();
    let mut calls = calls::Calls::default();
    let mut finished = false;
    while let Some(event) = events.next().await {
        let Some(data) = event.map_err(|it| broken(&it))?.data else { continue };
        if data.trim() == "[DONE]" {
            // Nothing behind it matters, neither what comes nor that nothing does.
            let rest = async { while events.next().await.is_some() {} };
            _ = tokio::time::timeout(END_WAIT, rest).await;
            return Ok(Answer { text, calls: calls.finish() });
        }
        let chunk: Chunk = serde_json::from_str(&data).map_err(|_| ModelFailure::Malformed)?;
        if let Some(error) = chunk.error {
            tracing::warn!("the model's answer ended in an error");
            return Err(error.into_failed(ModelFailure::InStream));
        }
        for choice in chunk.choices.into_iter().take(1) {
            let part = choice.delta.content.as_deref().unwrap_or_default();
            text.push_str(part);
            if let (Some(parts), false) = (parts, part.is_empty()) {
                parts.tell(part).await;
            }
            for piece in choice.delta.tool_calls.into_iter().flatten() {
                calls.add(piece)?;
            }
            match choice.finish_reason {
                Some(reason) if refusal::is_unusual(&reason) => {
                    let failed = ModelFailed::from(ModelFailure::EndedEarly);
                    return Err(ModelFailed { code: reason, ..failed });
                }
                it => finished |= it.is_some(),
            }
        }
        if text.len() + calls.bytes() > ANSWER_BYTES_MAX {
            return Err(ModelFailure::TooLong.into());
        }
    }
    let answer = Answer { text, calls: calls.finish() };
    if finished { Ok(answer) } else { Err(ModelFailure::BrokenOff.into()) }
}

fn broken(error: &sse_stream::Error) -> ModelFailure {
    tracing::warn!(%error, "model stream");
    match error {
        sse_stream::Error::Body(why) if matches!(why.downcast_ref(), Some(Spoiled::TooLong)) => {
            ModelFailure::TooLong
        }
        sse_stream::Error::Body(_) => ModelFailure::BrokenOff,
        _ => ModelFailure::Malformed,
    }
}
