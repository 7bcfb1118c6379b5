//! What the gateway's port serves over HTTP, over real sockets on loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/world.rs"]
#[expect(dead_code, reason = "operators need less of the world than channels")]
mod world;

use std::collections::BTreeMap;

use creel_core::profile::Version;
use creel_gateway::{
    app,
    net::TokioNet,
    settings::{self, Settings, Source},
    state::StateFolder,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinSet,
};

use self::world::{GATEWAY_TOKEN, World, call, config, free_port, get, get_until};

const HOOK_TOKEN: &str = "canary-hook";

/// A gateway that ends with the test.
struct Running {
    port: u16,
    _gateway: JoinSet<()>,
}

impl Running {
    async fn start(world: &World, served: &world::Served) -> Self {
        Self::start_with(world, served, true).await
    }

    async fn start_with(_: &World, served: &world::Served, completions: bool) -> Self {
        let port = free_port();
        let mut file: Value = serde_json::from_str(&config(served, port, json!({}))).unwrap();
        file["gateway"]["http"] =
            json!({ "endpoints": { "chatCompletions": { "enabled": completions } } });
        file["hooks"] = json!({ "enabled": true, "token": HOOK_TOKEN });
        let text = file.to_string();
        let source = Source::alone(Version::V2026_9, &text);
        let loaded = settings::load(&source).unwrap_or_else(|it| panic!("{}", it.plain()));
        let state = StateFolder::in_memory(BTreeMap::new());
        let settings = Settings { state, ..loaded.settings };
        let mut gateway = JoinSet::new();
        gateway.spawn(async move {
            app::run(TokioNet, settings, 1, std::future::pending()).await.unwrap();
        });
        get_until(port, "/ready", 200).await;
        Self { port, _gateway: gateway }
    }

    /// A call with these headers, as `name: value`.
    async fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> (u16, String) {
        let mut request = hyper::Request::builder().method(method).uri(path);
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let (request, ()) = request.body(()).unwrap().into_parts();
        call(self.port, &request, body).await
    }

    async fn complete(&self, headers: &[&str], body: &Value) -> (u16, Value) {
        let token = format!("authorization: Bearer {GATEWAY_TOKEN}");
        let all = [&[token.as_str(), "content-type: application/json"], headers].concat();
        let (status, text) =
            self.ask("POST", "/v1/chat/completions", &all, &body.to_string()).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn hook(&self, name: &str, headers: &[&str], body: &Value) -> (u16, Value) {
        let token = format!("authorization: Bearer {HOOK_TOKEN}");
        let all = [&[token.as_str(), "content-type: application/json"], headers].concat();
        let path = format!("/hooks/{name}");
        let (status, text) = self.ask("POST", &path, &all, &body.to_string()).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

fn says(text: &str) -> Value {
    json!({ "model": "openclaw", "messages": [{ "role": "user", "content": text }] })
}

fn with(mut body: Value, key: &str, value: impl Into<Value>) -> Value {
    body[key] = value.into();
    body
}

#[tokio::test]
async fn a_completion_is_a_turn_of_an_agent() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&world, &served).await;
    let (status, answer) = gateway.complete(&[], &says("hi")).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "openclaw");
    assert_eq!(answer["choices"][0]["message"]["content"], "you said hi");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_completion_can_be_streamed() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&world, &served).await;
    let body = with(says("hi"), "stream", true);
    let (status, text) = gateway.complete(&[], &body).await;
    assert_eq!(status, 200, "{text}");
    let text = text.as_str().unwrap();
    let data: Vec<&str> = text.lines().filter_map(|it| it.strip_prefix("data: ")).collect();
    let (done, chunks) = data.split_last().unwrap();
    assert_eq!(*done, "[DONE]");
    let chunks: Vec<Value> = chunks.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
    let said: String =
        chunks.iter().filter_map(|it| it["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, "you said hi");
    let finish: Vec<_> =
        chunks.iter().filter(|it| it["choices"][0]["finish_reason"] == "stop").collect();
    assert_eq!(finish.len(), 1);
    assert!(!text.contains("usage"), "nobody counts: {text}");
}

#[tokio::test]
async fn a_failed_turn_is_an_error_that_is_not_tried_again() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&world, &served).await;
    let (status, answer) = gateway.complete(&[], &says("break")).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (502, Some("run_failed")), "{answer}");
    let (status, text) = gateway.complete(&[], &with(says("break"), "stream", true)).await;
    assert_eq!(status, 200);
    let text = text.as_str().unwrap();
    let (error, done) = (text.find("run_failed"), text.find("[DONE]"));
    assert!(error.is_some() && error < done, "{text}");
}

#[tokio::test]
async fn a_users_session_remembers_and_is_no_others() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&world, &served).await;
    let ann = |text: &str| with(says(text), "user", "ann");
    assert_eq!(gateway.complete(&[], &ann("one")).await.0, 200);
    let key = "x-openclaw-session-key: support";
    assert_eq!(gateway.complete(&[key], &ann("two")).await.0, 200);
    let (status, answer) = gateway.complete(&[key], &with(says("x"), "user", "bob")).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (403, Some("not_your_session")));
    let (status, _) = gateway.complete(&[key], &says("x")).await;
    assert_eq!(status, 403);
    let theirs = "x-openclaw-session-key: openai-user:ann";
    let (status, answer) = gateway.complete(&[theirs], &says("x")).await;
    assert_eq!((status, answer["error"]["param"].as_str()), (400, Some("x-openclaw-session-key")));
    let (status, answer) = gateway.complete(&[], &with(says("x"), "model", "gpt-4o")).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (404, Some("model_not_found")));
    assert_eq!(world.requests(), ["one", "two"], "whoever is refused asks no model");
}

#[tokio::test]
async fn nobody_passes_who_is_not_an_operator() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&world, &served).await;
    let ask = async |method: &str, headers: &[&str], body: &str| {
        gateway.ask(method, "/v1/chat/completions", headers, body).await
    };
    let right = format!("authorization: Bearer {GATEWAY_TOKEN}");
    let right = right.as_str();
    let body = says("hi").to_string();
    assert_eq!(ask("POST", &[], &body).await.0, 401);
    let (status, text) = ask("POST", &["authorization: Bearer wrong"], &body).await;
    assert!(status == 401 && text.contains("invalid_api_key") && !text.contains(GATEWAY_TOKEN));
    assert_eq!(ask("POST", &[right, "origin: https://evil.example"], &body).await.0, 403);
    assert_eq!(ask("GET", &[right], "").await.0, 405);
    assert_eq!(ask("POST", &[right, "content-type: text/plain"], &body).await.0, 415);
    assert_eq!(ask("POST", &[right], "{").await.0, 400);
    assert_eq!(world.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn completions_are_off_unless_they_are_on() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start_with(&world, &served, false).await;
    let (status, answer) = gateway.complete(&[], &says("hi")).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (404, Some("not_found")));
}

#[tokio::test]
async fn a_hook_happens_once() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&world, &served).await;
    let body = json!({ "message": "mail came", "name": "Mail" });
    let key = ["idempotency-key: 7"];
    let (status, first) = gateway.hook("agent", &key, &body).await;
    assert_eq!((status, first["runId"].as_str()), (200, Some("hook-7")), "{first}");
    assert_eq!(first["sessionKey"], "agent:main:hook:hook-7");
    assert_eq!(gateway.hook("agent", &key, &body).await, (200, first.clone()));
    let own = ["x-openclaw-idempotency-key: 7"];
    assert_eq!(gateway.hook("agent", &own, &body).await, (200, first.clone()));
    let beside = with(body, "idempotencyKey", "7");
    assert_eq!(gateway.hook("agent", &[], &beside).await, (200, first));
    // Other words under the same key are another request, which happens once as well.
    let other = json!({ "message": "parcel came" });
    let (status, second) = gateway.hook("agent", &key, &other).await;
    assert_eq!(status, 200, "{second}");
    assert_ne!(second["runId"], "hook-7");
    assert_eq!(gateway.hook("agent", &key, &other).await, (200, second));
    let event = json!({ "text": "the door bell rang" });
    let (status, told) = gateway.hook("wake", &["idempotency-key: 8"], &event).await;
    assert_eq!((status, told["eventOutcome"].as_str()), (200, Some("queued")), "{told}");
    let (_, told) = gateway.hook("wake", &["idempotency-key: 8"], &event).await;
    assert_eq!(told["eventOutcome"], "coalesced");
    let bell = "[Event from outside] the door bell rang";
    world.asked(bell).await;
    let requests = world.requests();
    assert_eq!(requests.iter().filter(|it| it.contains("mail came")).count(), 1, "{requests:?}");
    assert_eq!(requests.iter().filter(|it| it.contains("parcel came")).count(), 1, "{requests:?}");
    assert_eq!(requests.iter().filter(|it| it.contains(bell)).count(), 1, "{requests:?}");
}

#[tokio::test]
async fn a_hook_that_is_wrong_is_told_so() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&world, &served).await;
    let right = format!("authorization: Bearer {HOOK_TOKEN}");
    let right = right.as_str();
    let turn = json!({ "message": "hi" }).to_string();
    let ask = async |method: &str, path: &str, headers: &[&str], body: &str| {
        gateway.ask(method, path, headers, body).await.0
    };
    assert_eq!(ask("POST", "/hooks/agent", &[], &turn).await, 401);
    let own = format!("authorization: Bearer {GATEWAY_TOKEN}");
    assert_eq!(ask("POST", "/hooks/agent", &[own.as_str()], &turn).await, 401);
    assert_eq!(
        ask("POST", &format!("/hooks/agent?token={HOOK_TOKEN}"), &[right], &turn).await,
        400
    );
    assert_eq!(ask("GET", "/hooks/agent", &[right], "").await, 405);
    assert_eq!(ask("POST", "/hooks/gmail", &[right], &turn).await, 404);
    assert_eq!(ask("POST", "/hooksagent", &[right], &turn).await, 404);
    assert_eq!(ask("POST", "/hooks/agent", &[right, "content-type: text/plain"], &turn).await, 415);
    assert_eq!(ask("POST", "/hooks/agent", &[right, "origin: http://127.0.0.1"], &turn).await, 403);
    let long = json!({ "message": "x".repeat(300_000) }).to_string();
    assert_eq!(ask("POST", "/hooks/agent", &[right], &long).await, 413);
    for body in [
        json!([]),
        json!({ "message": "" }),
        json!({ "message": 7 }),
        json!({ "text": "x" }),
        json!({ "message": "hi", "sessionKey": "main" }),
        json!({ "message": "hi", "agentId": "nobody" }),
        json!({ "message": "hi", "model": "p/unknown" }),
        json!({ "message": "hi", "wakeMode": "next-heartbeat" }),
        json!({ "message": "hi", "channel": "slack", "to": "5" }),
        json!({ "message": "hi", "channel": "webchat" }),
    ] {
        assert_eq!(ask("POST", "/hooks/agent", &[right], &body.to_string()).await, 400, "{body}");
    }
    assert_eq!(world.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn guessing_at_a_hooks_token_ends() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&world, &served).await;
    let guess = async || {
        let wrong = ["authorization: Bearer wrong"];
        gateway.ask("POST", "/hooks/agent", &wrong, "{}").await.0
    };
    for _ in 0..20 {
        assert_eq!(guess().await, 401);
    }
    assert_eq!(guess().await, 429);
}

#[tokio::test]
async fn what_was_done_is_counted() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&world, &served).await;
    gateway.complete(&[], &says("hi")).await;
    gateway.complete(&[], &says("break")).await;
    let (status, text) = get(gateway.port, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        r#"creel_runs_total{outcome="answered"} 1"#,
        r#"creel_runs_total{outcome="failed"} 1"#,
        r#"creel_model_attempts_total{outcome="answered",reason=""} 1"#,
        r#"creel_model_attempts_total{outcome="failed",reason="format"} 1"#,
        r#"creel_run_duration_seconds_count{agent="main",channel="webchat"} 2"#,
        r#"creel_run_added_seconds_count{agent="main",channel="webchat"} 2"#,
        r#"creel_queue_depth{agent="main"} 0"#,
        r#"creel_credentials_resting{agent="main",state="cooling"} 0"#,
        "creel_sessions 0",
        "creel_clients 0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is missing:\n{text}");
    }
}

#[tokio::test]
async fn a_browser_is_shown_the_page() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&world, &served).await;
    let (status, page) = get(gateway.port, "/").await;
    assert!(status == 200 && page.contains("<title>Creel console</title>"), "{page}");
    assert_eq!(get(gateway.port, "/nothing").await.0, 404);
}

#[tokio::test]
async fn a_name_of_another_machine_leads_nowhere_and_two_names_are_none() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&world, &served).await;
    let token = format!("authorization: Bearer {GATEWAY_TOKEN}");
    for path in ["/", "/health", "/ready", "/metrics"] {
        let own = [format!("127.0.0.1:{}", gateway.port), "localhost".into(), "[::1]:1".into()];
        for host in own {
            let (status, body) = gateway.ask("GET", path, &[&format!("host: {host}")], "").await;
            assert_eq!(status, 200, "{path} {host}: {body}");
        }
        for host in ["evil.example", "evil.example:18789", "127.0.0.1.evil.example", "not a host"] {
            let host = format!("host: {host}");
            let (status, body) = gateway.ask("GET", path, &[&host, &token], "").await;
            assert_eq!(status, 403, "{path} {host}: {body}");
            assert!(body.contains("this machine"), "{path} {host}: {body}");
        }
    }
    let both = ["host: 127.0.0.1", "host: evil.example", token.as_str()];
    for path in ["/", "/health", "/ready", "/metrics", "/hooks/agent", "/v1/chat/completions", "/x"]
    {
        let (status, body) = gateway.ask("GET", path, &both, "").await;
        assert_eq!((status, body.as_str()), (400, "expected one `Host`\n"), "{path}");
    }
    // Old probes name no host at all.
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
    socket.write_all(b"GET /health HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
}
