//! Model providers: each turns a [`creel_core::run::ModelRequest`] into one exchange in its own protocol.
//!
//! What all have in common is here: the request goes out, a refusal is read, the answer's events are waited for within
//! [`Patience`]. What a request looks like and what an event says is the protocol's.

mod anthropic;
mod calls;
mod content;
mod openai;
mod patience;
mod refusal;
mod responses;
mod stream;
#[cfg(test)]
mod testing;

use bytes::Bytes;
use creel_core::{
    gateway::Event,
    ids::RunId,
    run::{Answer, ModelFailed, ModelFailure, ModelOutcome, ModelRequest},
};
use http_body_util::Full;
use hyper::{Request, StatusCode, header};
use tokio::sync::mpsc;

pub use self::patience::Patience;
use self::{patience::Waiting, stream::Reading};
use crate::{
    http::Http,
    media::{Picture, Unavailable},
    net::Net,
    secret::Secret,
};

const EVENT_STREAM: &str = "text/event-stream";

/// Which protocol a provider speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Api {
    /// `OpenAI`'s chat completions, which most providers speak.
    #[default]
    ChatCompletions,
    /// `OpenAI`'s responses.
    Responses,
    /// Anthropic's messages.
    Messages,
}

impl Api {
    /// Every protocol, with its name in configurations.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("openai-completions", Self::ChatCompletions),
        ("openai-responses", Self::Responses),
        ("anthropic-messages", Self::Messages),
    ];
}

/// Where a provider is, and who asks.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address up to and without the protocol's own path.
    pub base_url: String,
    /// Its protocol.
    pub api: Api,
    /// The key.
    pub key: Secret,
    /// How long it may take.
    pub patience: Patience,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Which model.
    pub model: &'a str,
    /// How long its answer may be, in tokens, where that is configured.
    pub tokens_max: Option<u32>,
    /// What.
    pub request: &'a ModelRequest,
    /// What came of fetching the request's images, in their order.
    pub pictures: &'a [Result<Picture, Unavailable>],
}

/// Where the parts of an answer go as they come, for requests that want them.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Of which run.
    pub run: RunId,
    /// The run's request of this number.
    pub call: u32,
    /// The way to the loop.
    pub to: mpsc::Sender<Event>,
}

impl Parts {
    /// Tells of a part, and waits while the loop has too many.
    pub async fn tell(&self, text: &str) {
        let Self { run, call, to } = self;
        // The loop is gone only when the gateway ends.
        _ = to.send(Event::ModelWrote { run: *run, call: *call, text: text.to_owned() }).await;
    }
}

/// Asks the model once. The future may be dropped at any time: the connection closes then.
pub async fn complete<N: Net>(
    http: &Http<N>,
    endpoint: &Endpoint,
    asked: Asked<'_>,
    parts: Option<&Parts>,
) -> ModelOutcome {
    let answered = match endpoint.api {
        Api::ChatCompletions => {
            let request = openai::encode(endpoint, asked);
            exchange::<N, openai::ChatReading>(http, endpoint, request, parts).await
        }
        Api::Responses => {
            let request = responses::encode(endpoint, asked);
            exchange::<N, responses::ResponseReading>(http, endpoint, request, parts).await
        }
        Api::Messages => {
            let request = anthropic::encode(endpoint, asked);
            exchange::<N, anthropic::MessageReading>(http, endpoint, request, parts).await
        }
    };
    answered.map_or_else(ModelOutcome::Failed, ModelOutcome::Answered)
}

async fn exchange<N: Net, R: Reading>(
    http: &Http<N>,
    endpoint: &Endpoint,
    request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    parts: Option<&Parts>,
) -> Result<Answer, ModelFailed> {
    let request = request.map_err(|error| {
        tracing::warn!(%error, "provider address or key cannot be used");
        ModelFailure::NotConfigured
    })?;
    let waiting = Waiting::begin(endpoint.patience);
    let response = waiting.first(http.send(request)).await?.map_err(|error| {
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
    stream::read::<R>(waiting.watch(response.into_body()), parts).await
}
