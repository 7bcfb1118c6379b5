//! An instant platform and an instant provider: what is left is what the gateway takes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::header,
    response::IntoResponse,
    routing::post,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

/// The most updates that one poll hands out, as the real platform has it.
const UPDATES_MAX: usize = 100;

const ANSWER: &str = concat!(
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"It is fine.\"},\"finish_reason\":null}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);

/// The platform, with a bot for each token.
#[derive(Debug)]
pub struct Platform {
    bots: Arc<BTreeMap<String, Bot>>,
}

#[derive(Debug)]
struct Bot {
    updates: Mutex<Updates>,
    written: Notify,
    answers: Mutex<VecDeque<usize>>,
    answered: Semaphore,
}

#[derive(Debug, Default)]
struct Updates {
    waiting: VecDeque<(i64, Value)>,
    last: i64,
}

impl Platform {
    /// A platform with nobody in it.
    pub fn new(tokens: &[&str]) -> Self {
        let bot = || Bot {
            updates: Mutex::default(),
            written: Notify::new(),
            answers: Mutex::default(),
            answered: Semaphore::new(0),
        };
        Self { bots: Arc::new(tokens.iter().map(|it| ((*it).to_owned(), bot())).collect()) }
    }

    /// The Bot API and the chat completions.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/{bot}/{method}", post(bot))
            .route("/v1/chat/completions", post(complete))
            .with_state(self.bots.clone())
    }

    /// A person writes in the chat of this number.
    ///
    /// # Panics
    ///
    /// If there is no such bot.
    pub fn write(&self, token: &str, chat: usize) {
        let bot = &self.bots[token];
        let mut updates = bot.updates.lock().expect("nothing panics while it holds the updates");
        updates.last += 1;
        let id = updates.last;
        let message = json!({
            "message_id": id, "date": 0, "text": "what is the weather like today?",
            "chat": { "id": chat, "type": "private" },
            "from": { "id": chat, "is_bot": false, "first_name": "Someone" },
        });
        updates.waiting.push_back((id, json!({ "update_id": id, "message": message })));
        drop(updates);
        bot.written.notify_one();
    }

    /// Waits for an answer, and says in which chat it is.
    ///
    /// # Panics
    ///
    /// If there is no such bot.
    pub async fn answered(&self, token: &str) -> usize {
        let bot = &self.bots[token];
        bot.answered.acquire().await.expect("it is never closed").forget();
        let mut answers = bot.answers.lock().expect("nothing panics while it holds the answers");
        answers.pop_front().expect("each permit is an answer")
    }
}

async fn complete() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/event-stream")], ANSWER)
}

async fn bot(
    State(bots): State<Arc<BTreeMap<String, Bot>>>,
    Path((token, method)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Json<Value> {
    let bot = &bots[token.trim_start_matches("bot")];
    let result = match method.as_str() {
        "getUpdates" => bot.poll(&body).await,
        "sendMessage" => bot.take(&body),
        _ => json!({ "id": 1, "is_bot": true, "username": "bench_bot" }),
    };
    Json(json!({ "ok": true, "result": result }))
}

impl Bot {
    async fn poll(&self, body: &Value) -> Value {
        let offset = body["offset"].as_i64().unwrap_or(0);
        loop {
            {
                let mut updates =
                    self.updates.lock().expect("nothing panics while it holds the updates");
                updates.waiting.retain(|(id, _)| *id >= offset);
                if !updates.waiting.is_empty() {
                    let found = updates.waiting.iter().take(UPDATES_MAX);
                    return found.map(|(_, update)| update.clone()).collect();
                }
            }
            self.written.notified().await;
        }
    }

    fn take(&self, body: &Value) -> Value {
        let chat = &body["chat_id"];
        let chat = chat.as_u64().or_else(|| chat.as_str().and_then(|it| it.parse().ok()));
        let chat = usize::try_from(chat.expect("a chat")).expect("small");
        self.answers.lock().expect("nothing panics while it holds the answers").push_back(chat);
        self.answered.add_permits(1);
        json!({ "message_id": 1, "date": 0, "chat": { "id": chat, "type": "private" } })
    }
}
