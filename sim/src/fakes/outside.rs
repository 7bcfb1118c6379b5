//! What a fake says to the platform and to the provider.

use std::time::Duration;

use bytes::Bytes;
use creel_gateway::{http::Http, net::Net};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, header};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{
    Fake, Lie,
    parts::{Answer, Place},
};

/// How long a poll waits for an update.
const POLL: Duration = Duration::from_secs(30);

/// The wait behind a call that failed.
const BACKOFF: Duration = Duration::from_secs(1);

/// How often a text is tried.
const TRIES_MAX: u32 = 5;

/// The most that is read of an answer.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// The platform, as one bot sees it.
#[derive(Clone)]
pub(super) struct Bot<N: Net> {
    pub(super) http: Http<N>,
    /// The address of its methods.
    pub(super) root: String,
    pub(super) fake: Fake,
}

impl<N: Net> Bot<N> {
    async fn call(&self, method: &str, body: &Value) -> Option<Value> {
        let request = Request::post(format!("{}/{method}", self.root))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .ok()?;
        let (_, bytes) = self.http.exchange(request, POLL * 2, BYTES_MAX).await.ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Updates from `offset` on. Those before it are acknowledged.
    pub(super) async fn updates(&self, offset: i64) -> Vec<Value> {
        let body = json!({ "offset": offset, "timeout": POLL.as_secs() });
        match self.call("getUpdates", &body).await {
            Some(answer) if answer["ok"] == true => {
                answer["result"].as_array().cloned().unwrap_or_default()
            }
            _ => {
                sleep(BACKOFF).await;
                Vec::new()
            }
        }
    }

    /// Sends one piece until it is accepted or refused for good.
    pub(super) async fn send(&self, place: &Place, text: &str) {
        if self.fake.tells(Lie::AnswersLate) {
            sleep(Duration::from_secs(30)).await;
        }
        let mut body = json!({ "chat_id": place.chat, "text": text });
        if let Some(topic) = place.topic.filter(|it| *it != 1 && !self.fake.tells(Lie::WrongThread))
        {
            body["message_thread_id"] = json!(topic);
        }
        for _ in 0..TRIES_MAX {
            let Some(answer) = self.call("sendMessage", &body).await else {
                sleep(BACKOFF).await;
                continue;
            };
            if let Some(id) = answer.pointer("/result/message_id") {
                return self.regret(place, id).await;
            }
            let asked = answer.pointer("/parameters/retry_after").and_then(Value::as_u64);
            let passing = answer["error_code"].as_u64().is_some_and(|it| it >= 500 || it == 429);
            if !passing || self.fake.tells(Lie::NeverRetries) {
                return;
            }
            if !self.fake.tells(Lie::TimeBlind) {
                sleep(asked.map_or(BACKOFF, Duration::from_secs)).await;
            }
        }
    }

    /// What comes after a text was accepted: nothing, of an honest gateway.
    async fn regret(&self, place: &Place, id: &Value) {
        let mut body = json!({ "chat_id": place.chat, "message_id": id });
        if self.fake.tells(Lie::TakesBack) {
            _ = self.call("deleteMessage", &body).await;
        }
        if self.fake.tells(Lie::EditsAway) {
            body["text"] = json!("never mind");
            _ = self.call("editMessageText", &body).await;
        }
    }
}

/// A provider, as one agent sees it.
#[derive(Clone)]
pub(super) struct Provider<N: Net> {
    pub(super) http: Http<N>,
    pub(super) base_url: String,
    pub(super) key: String,
    pub(super) model: String,
}

impl<N: Net> Provider<N> {
    /// Asks the model once, for as long as `within`.
    pub(super) async fn ask(&self, messages: &[Value], within: Duration) -> Answer {
        let asked = timeout(within, self.exchange(messages)).await;
        asked.unwrap_or_else(|_| Answer::Failed("it took too long".to_owned()))
    }

    async fn exchange(&self, messages: &[Value]) -> Answer {
        let body = json!({ "model": self.model, "stream": true, "messages": messages });
        let request = Request::post(format!("{}/chat/completions", self.base_url))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .body(Full::new(Bytes::from(body.to_string())))
            .expect("an address of ours is valid");
        let response = match self.http.send(request).await {
            Ok(response) if response.status().is_success() => response,
            Ok(response) => return Answer::Failed(format!("status {}", response.status())),
            Err(_) => return Answer::Failed("no connection".to_owned()),
        };
        let mut body = response.into_body();
        let mut raw = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            raw.extend(frame.into_data().unwrap_or_default());
        }
        read(&String::from_utf8_lossy(&raw))
    }
}

/// Puts an answer together from its events.
fn read(events: &str) -> Answer {
    let mut text = String::new();
    let mut finished = false;
    for data in events.lines().filter_map(|it| it.strip_prefix("data:")) {
        let Ok(chunk) = serde_json::from_str::<Value>(data) else {
            if data.trim() == "[DONE]" {
                break;
            }
            return Answer::Half(text);
        };
        text.push_str(
            chunk.pointer("/choices/0/delta/content").and_then(Value::as_str).unwrap_or(""),
        );
        finished |= chunk.pointer("/choices/0/finish_reason").is_some_and(Value::is_string);
    }
    if finished { Answer::Whole(text) } else { Answer::Half(text) }
}
