//! Programs outside that ask the gateway's port over HTTP: one request each, and its answer, whole or in parts.

use std::{sync::Arc, time::Duration};

use creel_gateway::{
    http::{self, Http},
    net::Net,
};
use creel_judge::trace::{Kind, Operation, Saw};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    header,
};
use serde_json::json;

use super::{
    Ground,
    answer::{self, Streamed},
    in_words, shortened,
};
use crate::{
    base,
    scenario::{Call, HttpCall, HttpToken, merge},
};

/// How long an answer may take: as long as a run may.
const ANSWER_WITHIN: Duration = Duration::from_mins(10);

/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Where text is said as OpenAI's clients say it.
const COMPLETIONS: &str = "/chat/completions";

/// A request that was made.
#[derive(Debug)]
pub(super) struct Asked {
    client: String,
    call: String,
    request: Request<Full<Bytes>>,
    ground: Arc<Ground>,
}

impl Asked {
    /// Makes the request, which is recorded now: that the packets are under way is nothing that anybody sees.
    pub(super) fn of(http: &HttpCall, canary: Option<String>, ground: Arc<Ground>) -> Self {
        let call = &http.call;
        let body = body(http, canary.as_deref());
        let asked = Self {
            client: call.client.clone(),
            call: call.name.clone(),
            request: request(&ground, http, body.clone()),
            ground,
        };
        asked.record(Saw::Asked {
            call: call.name.clone(),
            method: Some(call.method.clone()),
            key: None,
            canary,
            headers: http.headers.clone(),
            text: shortened(body.unwrap_or_default()),
        });
        asked
    }

    fn record(&self, saw: Saw) {
        let client = self.client.clone();
        self.ground.recorder.record(Kind::Operator(Operation { client, saw }));
    }

    /// Lives until it is answered.
    pub(super) async fn live<N: Net>(self, http: Http<N>) {
        let answered = tokio::time::timeout(ANSWER_WITHIN, self.answer(http)).await;
        let saw = answered.unwrap_or(Err(http::Error::TimedOut(ANSWER_WITHIN)));
        self.record(saw.unwrap_or_else(|why| Saw::Closed { code: None, reason: why.to_string() }));
    }

    async fn answer<N: Net>(&self, http: Http<N>) -> Result<Saw, http::Error> {
        let answer = http.send(self.request.clone()).await?;
        let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        if kind.is_some_and(|it| it.starts_with("text/event-stream")) {
            return self.streamed(answer).await;
        }
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|it| http::Error::Body(it.to_string()))?.to_bytes();
        Ok(answer::answered(&self.call, head.status, &body))
    }

    async fn streamed(&self, answer: Response<Incoming>) -> Result<Saw, http::Error> {
        let (status, mut body) = (answer.status(), answer.into_body());
        let mut streamed = Streamed::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|it| http::Error::Body(it.to_string()))?;
            for text in frame.data_ref().map_or_else(Vec::new, |it| streamed.hear(it)) {
                self.record(Saw::Part { call: self.call.clone(), text });
            }
        }
        Ok(streamed.whole(&self.call, status))
    }
}

/// The body, if there is one. Completions say their text behind the messages that the scenario has.
fn body(HttpCall { call, padded_to, .. }: &HttpCall, canary: Option<&str>) -> Option<String> {
    let is_empty = call.params.as_object().is_none_or(serde_json::Map::is_empty);
    let text = call.text.as_ref().map(|it| in_words(&padded(it, *padded_to), canary));
    if is_empty && text.is_none() {
        return None;
    }
    let mut body = call.params.clone();
    match text {
        Some(text) if call.method.ends_with(COMPLETIONS) => {
            let said = json!({ "role": "user", "content": text });
            match body["messages"].as_array_mut() {
                Some(messages) => messages.push(said),
                None => body["messages"] = json!([said]),
            }
        }
        Some(text) => merge(&mut body, &json!({ "message": text })),
        None => {}
    }
    Some(body.to_string())
}

fn padded(text: &str, bytes: Option<usize>) -> String {
    match bytes {
        Some(bytes) => text.chars().cycle().take(bytes).collect(),
        None => text.to_owned(),
    }
}

fn request(
    ground: &Ground,
    HttpCall { call: Call { method, .. }, token, headers, .. }: &HttpCall,
    body: Option<String>,
) -> Request<Full<Bytes>> {
    let (verb, path) = method.split_once(' ').expect("a verb and a path");
    let mut given = HeaderMap::new();
    if body.is_some() {
        given.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    }
    let other = base::token(ground.seed, "gateway", "another token");
    let shown = match token {
        HttpToken::Bearer => Some(ground.token.as_str()),
        HttpToken::Wrong => Some(other.as_str()),
        HttpToken::None => None,
    };
    if let Some(shown) = shown {
        let bearer = format!("Bearer {shown}").parse().expect("a token of ours is a header");
        given.insert(header::AUTHORIZATION, bearer);
    }
    given.extend(super::headers(headers, ground));
    let mut request = Request::builder()
        .method(verb)
        .uri(format!("{}{path}", ground.gateway))
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .unwrap_or_else(|why| {
            ground.recorder.harness_error(format!("`{path}` is no path: {why}"));
            Request::new(Full::default())
        });
    *request.headers_mut() = given;
    request
}
