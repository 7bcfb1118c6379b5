//! The smallest platform and provider that a gateway can live with, on loopback sockets.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use creel_gateway::{
    http::{Error, Http},
    net::{Net, TokioNet},
    server::{self, Idle},
};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

/// The secrets of every test, by name.
pub(crate) const BOT_TOKEN: &str = "100:canary-bot";
pub(crate) const API_KEY: &str = "sk-canary-key";
pub(crate) const GATEWAY_TOKEN: &str = "canary-gateway";

/// The chat that lets the bot write no more.
pub(crate) const BLOCKED: &str = "403";

/// How long anything may take before the test is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What comes of `work`, which must come.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// A Telegram with one queue of updates for each bot, and a provider that repeats what it was told.
#[derive(Clone, Debug)]
pub(crate) struct World {
    platform: Arc<watch::Sender<Platform>>,
    provider: Arc<watch::Sender<Provider>>,
}

#[derive(Debug, Default)]
pub(crate) struct Platform {
    updates: Vec<Value>,
    /// What each `getUpdates` asked from on: everything before it is acknowledged.
    pub(crate) offsets: Vec<Option<i64>>,
    /// The texts that were sent, as `<chat>: <text>`.
    pub(crate) sent: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Provider {
    /// What the last message of each request was.
    pub(crate) asked: Vec<String>,
    /// Whether requests wait before they are answered.
    held: bool,
}

/// Where a world is. Its servers end with it.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) telegram: SocketAddr,
    pub(crate) provider: SocketAddr,
    _servers: JoinSet<()>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            platform: Arc::new(watch::Sender::default()),
            provider: Arc::new(watch::Sender::default()),
        }
    }

    pub(crate) async fn serve(&self) -> Served {
        let telegram = Router::new()
            .route("/{bot}/{method}", post(telegram))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(self.clone());
        let provider = Router::new()
            .route("/v1/chat/completions", post(complete))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(self.clone());
        let mut servers = JoinSet::new();
        let mut addresses = Vec::new();
        for router in [telegram, provider] {
            let listener = TokioNet.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
            addresses.push(axum::serve::Listener::local_addr(&listener).unwrap());
            servers.spawn(async move {
                server::serve(listener, router, Idle::Kept).await;
            });
        }
        Served { telegram: addresses[0], provider: addresses[1], _servers: servers }
    }

    /// User 5 writes to the bot. Returns the update's number.
    pub(crate) fn write(&self, text: &str) -> i64 {
        let mut number = 0;
        self.platform.send_modify(|it| {
            number = i64::try_from(it.updates.len()).unwrap() + 1;
            it.updates.push(json!({ "update_id": number, "message": {
                "message_id": number, "text": text, "chat": { "id": 5, "type": "private" },
                "from": { "id": 5, "is_bot": false, "first_name": "Al" },
            } }));
        });
        number
    }

    /// Requests are answered only after [`World::release`].
    pub(crate) fn hold(&self) {
        self.provider.send_modify(|it| it.held = true);
    }

    pub(crate) fn release(&self) {
        self.provider.send_modify(|it| it.held = false);
    }

    /// Waits until the platform is as expected.
    pub(crate) async fn platform(&self, what: &str, as_expected: impl FnMut(&Platform) -> bool) {
        let mut seen = self.platform.subscribe();
        soon(what, seen.wait_for(as_expected)).await.unwrap();
    }

    /// Waits until this was sent to user 5, and nothing that is newer.
    pub(crate) async fn says(&self, text: &str) {
        let line = format!("5: {text}");
        self.platform(text, |it| it.sent.last() == Some(&line)).await;
    }

    /// Waits until the provider is asked this.
    pub(crate) async fn asked(&self, text: &str) {
        let mut seen = self.provider.subscribe();
        let asked = seen.wait_for(|it| it.asked.iter().any(|it| it == text));
        soon("the provider is asked", asked).await.unwrap();
    }

    pub(crate) fn sent(&self) -> Vec<String> {
        self.platform.borrow().sent.clone()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.provider.borrow().asked.clone()
    }
}

async fn telegram(
    State(world): State<World>,
    Path((bot, method)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    if bot != format!("bot{BOT_TOKEN}") {
        // As platforms should not, it repeats what it was given.
        let error =
            json!({ "ok": false, "error_code": 401, "description": format!("Unauthorized {bot}") });
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    let result = match method.as_str() {
        "getMe" => json!({ "id": 100, "is_bot": true, "username": "creel_bot" }),
        "getUpdates" => world.updates(&body).await,
        _ => {
            let chat = body["chat_id"].as_str().unwrap_or_default();
            if chat == BLOCKED {
                let why = format!("Forbidden: {bot} was blocked by the user");
                let error = json!({ "ok": false, "error_code": 403, "description": why });
                return (StatusCode::FORBIDDEN, Json(error)).into_response();
            }
            let line = format!("{chat}: {}", body["text"].as_str().unwrap_or_default());
            world.platform.send_modify(|it| it.sent.push(line));
            json!({ "message_id": 1_000 })
        }
    };
    Json(json!({ "ok": true, "result": result })).into_response()
}

impl World {
    async fn updates(&self, body: &Value) -> Value {
        // What was acknowledged is not told again, whoever asks.
        let known = self.platform.borrow().offsets.iter().flatten().copied().max();
        let offset = body["offset"].as_i64().max(known);
        self.platform.send_modify(|it| it.offsets.push(offset));
        let new = |platform: &Platform| -> Vec<Value> {
            let from = offset.unwrap_or(0);
            let number = |it: &&Value| it["update_id"].as_i64().is_some_and(|it| it >= from);
            platform.updates.iter().filter(number).cloned().collect()
        };
        let mut seen = self.platform.subscribe();
        let wait = Duration::from_secs(body["timeout"].as_u64().unwrap_or(0));
        let found = async { new(&seen.wait_for(|it| !new(it).is_empty()).await.unwrap()) };
        let found = tokio::select! {
            biased;
            found = found => found,
            () = sleep(wait) => Vec::new(),
        };
        json!(found)
    }
}

async fn complete(
    State(world): State<World>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let key =
        headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok()).unwrap_or_default();
    assert_eq!(key, format!("Bearer {API_KEY}"));
    let last = body["messages"].as_array().and_then(|it| it.last()).unwrap();
    let text = last["content"].as_str().unwrap().to_owned();
    let mut seen = world.provider.subscribe();
    world.provider.send_modify(|it| it.asked.push(text.clone()));
    seen.wait_for(|it| !it.held).await.unwrap();
    if text == "break" {
        let error = json!({ "error": { "type": "oops", "message": key } });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    let answer = format!("you said {text}");
    let chunk = json!({ "choices": [{ "delta": { "content": answer }, "finish_reason": "stop" }] });
    let stream = format!("data: {chunk}\n\ndata: [DONE]\n\n");
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from(stream)).into_response()
}

/// A configuration of this world, with `more` merged over `channels.telegram`.
pub(crate) fn config(served: &Served, port: u16, telegram: Value) -> String {
    let mut config = json!({
        "gateway": { "port": port, "auth": { "token": GATEWAY_TOKEN } },
        "agents": { "defaults": { "model": "p/m" } },
        "models": { "providers": { "p": {
            "baseUrl": format!("http://{}/v1", served.provider), "apiKey": API_KEY,
        } } },
        "channels": { "telegram": {
            "apiRoot": format!("http://{}", served.telegram), "botToken": BOT_TOKEN,
            "dmPolicy": "open", "allowFrom": ["*"],
        } },
    });
    let Value::Object(telegram) = telegram else { unreachable!("a map") };
    config["channels"]["telegram"].as_object_mut().unwrap().extend(telegram);
    config.to_string()
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Asks the gateway, and waits while it does not listen yet.
pub(crate) async fn call(
    port: u16,
    request: &hyper::http::request::Parts,
    body: &str,
) -> (u16, String) {
    let http = Http::new(TokioNet);
    let asking = async {
        loop {
            let (mut head, ()) = hyper::Request::new(()).into_parts();
            head.method = request.method.clone();
            head.headers = request.headers.clone();
            head.uri = format!("http://127.0.0.1:{port}{}", request.uri).parse().unwrap();
            let request = hyper::Request::from_parts(head, Full::new(Bytes::from(body.to_owned())));
            match http.exchange(request, PATIENCE, 1024 * 1024).await {
                Ok((status, body)) => {
                    return (status.as_u16(), String::from_utf8(body.to_vec()).unwrap());
                }
                Err(Error::Connect(_)) => sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    soon("the gateway answers", asking).await
}

/// Asks for a page.
pub(crate) async fn get(port: u16, path: &str) -> (u16, String) {
    let (request, ()) = hyper::Request::get(path).body(()).unwrap().into_parts();
    call(port, &request, "").await
}

/// Waits until a page is answered with this status.
pub(crate) async fn get_until(port: u16, path: &str, status: u16) -> String {
    let asking = async {
        loop {
            let (found, body) = get(port, path).await;
            if found == status {
                return body;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    soon(path, asking).await
}
