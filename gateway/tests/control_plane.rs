//! The control plane over real sockets on loopback: a client of the protocol, and a person's chat beside it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/world.rs"]
#[expect(dead_code, reason = "operators need less of the world than channels")]
mod world;

#[path = "control_plane/ends.rs"]
mod ends;
#[path = "control_plane/sends.rs"]
mod sends;
#[path = "control_plane/turns.rs"]
mod turns;

use std::{collections::BTreeMap, time::Duration};

use creel_core::profile::Version;
use creel_gateway::{
    app,
    control::client::{Client, Error, Target},
    http::Http,
    net::TokioNet,
    secret::Secret,
    settings::{self, Settings, Source},
    state::StateFolder,
    websocket::{Close, Limits, Received, WebSocket},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_tungstenite::tungstenite::Message;

use self::world::{GATEWAY_TOKEN, Served, World, config, free_port, get, soon};

const WITHIN: Duration = Duration::from_secs(10);

/// A gateway, which ends with the test.
struct Running {
    target: Target,
    _gateway: JoinSet<()>,
}

impl Running {
    async fn start(served: &Served, version: Version) -> Self {
        Self::start_with(served, version, |_| ()).await
    }

    /// With a configuration that was changed.
    async fn start_with(
        served: &Served,
        version: Version,
        change: impl FnOnce(&mut Value),
    ) -> Self {
        let port = free_port();
        let mut file: Value = serde_json::from_str(&config(served, port, json!({}))).unwrap();
        change(&mut file);
        let text = file.to_string();
        let source = Source::alone(version, &text);
        let loaded = settings::load(&source).unwrap_or_else(|it| panic!("{}", it.plain()));
        let state = StateFolder::in_memory(BTreeMap::new());
        let settings = Settings { state: state.clone(), ..loaded.settings };
        let mut gateway = JoinSet::new();
        gateway.spawn(async move {
            app::run(TokioNet, settings, 1, std::future::pending()).await.unwrap();
        });
        assert_eq!(get(port, "/health").await.0, 200);
        let (address, token) = (format!("127.0.0.1:{port}"), Secret::new(GATEWAY_TOKEN.to_owned()));
        Self { target: Target { address, version, token: Some(token), state }, _gateway: gateway }
    }

    async fn client(&self) -> Client<TokioNet> {
        let connected = Client::connect(&Http::new(TokioNet), &self.target).await;
        connected.unwrap_or_else(|it| panic!("{it}"))
    }

    /// A socket on which nothing was said but the challenge.
    async fn socket(&self) -> WebSocket<TokioNet> {
        let address = format!("ws://{}/", self.target.address);
        let http = Http::new(TokioNet);
        let mut socket = WebSocket::connect(&http, &address, Limits::default()).await.unwrap();
        assert_eq!(text(&mut socket).await["event"], "connect.challenge");
        socket
    }
}

async fn text(socket: &mut WebSocket<TokioNet>) -> Value {
    match soon("a frame", socket.receive()).await.unwrap() {
        Received::Text(text) => serde_json::from_str(&text).unwrap(),
        Received::Closed(close) => panic!("closed: {close:?}"),
    }
}

async fn refused(client: &mut Client<TokioNet>, method: &str, params: Value) -> String {
    match client.call(method, &params, WITHIN).await {
        Err(Error::Refused { code, message }) => format!("{code}: {message}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_is_answered_once_however_often_and_from_wherever_it_is_made() {
    for version in Version::ALL {
        let world = World::new();
        let served = world.serve().await;
        let gateway = Running::start(&served, version).await;
        let mut client = gateway.client().await;
        world.hold();
        let say = json!({ "sessionKey": "main", "message": "hi", "idempotencyKey": "k1" });
        let started = client.call("chat.send", &say, WITHIN).await.unwrap();
        assert_eq!(started, json!({ "runId": "k1", "status": "started" }));
        world.asked("hi").await;
        client.close().await;
        let mut client = gateway.client().await;
        let again = client.call("chat.send", &say, WITHIN).await.unwrap();
        assert_eq!(again, json!({ "runId": "k1", "status": "in_flight" }));
        world.release();
        let wait = json!({ "runId": "k1", "timeoutMs": 9_000 });
        let waited = client.call("agent.wait", &wait, WITHIN).await.unwrap();
        assert_eq!(waited["status"], "ok", "{waited}");
        let again = client.call("chat.send", &say, WITHIN).await.unwrap();
        assert_eq!(again, json!({ "runId": "k1", "status": "ok" }));
        assert_eq!(world.requests(), ["hi"]);
        let history = json!({ "sessionKey": "agent:main:main" });
        let history = client.call("chat.history", &history, WITHIN).await.unwrap();
        assert_eq!(history["messages"][1]["content"][0]["text"], "you said hi");
        assert!(world.sent().is_empty(), "what an operator asks is answered to operators alone");
    }
}

#[tokio::test]
async fn an_agents_turn_has_two_answers() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let mut client = gateway.client().await;
    let ask = json!({ "message": "hi", "idempotencyKey": "k1", "sessionKey": "side" });
    let first = client.call("agent", &ask, WITHIN).await.unwrap();
    assert_eq!(first["status"], "accepted");
    let second = client.another(WITHIN).await.unwrap();
    assert_eq!(second["result"]["payloads"][0]["text"], "you said hi");
    let ask = json!({ "message": "break", "idempotencyKey": "k2" });
    client.call("agent", &ask, WITHIN).await.unwrap();
    let second = client.another(WITHIN).await.unwrap();
    assert_eq!(second["status"], "error", "{second}");
}

#[tokio::test]
async fn what_is_wrong_is_told_and_nothing_secret_is() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    let rows = [
        ("no.such", json!({}), "INVALID_REQUEST: unknown method: no.such"),
        ("skills.status", json!({}), "UNAVAILABLE: this gateway has no skills"),
        ("connect", json!({}), "INVALID_REQUEST: connect is only valid as the first request"),
        (
            "agent.wait",
            json!({ "runId": "r".repeat(257) }),
            "INVALID_REQUEST: invalid agent.wait params: at /runId: must NOT have more than 256 characters",
        ),
        (
            "chat.send",
            json!({ "sessionKey": "s".repeat(513), "message": "x", "idempotencyKey": "k".repeat(257) }),
            "INVALID_REQUEST: invalid chat.send params: at /sessionKey: must NOT have more than 512 characters; at \
             /idempotencyKey: must NOT have more than 256 characters",
        ),
        (
            "chat.send",
            json!({ "sessionKey": "agent:nobody:main", "message": "x", "idempotencyKey": "k" }),
            "INVALID_REQUEST: found session `agent:nobody:main`, expected `main`, or `agent:<id>:<name>` of a \
             configured agent (main)",
        ),
    ];
    for (method, params, expected) in rows {
        assert_eq!(refused(&mut client, method, params).await, expected);
    }
    let shown = client.call("config.get", &json!({}), WITHIN).await.unwrap().to_string();
    assert!(shown.contains("baseUrl") && !shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn a_stranger_is_told_no_more_than_that() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let ended = async |said: &str| {
        let mut socket = gateway.socket().await;
        socket.send(said.to_owned()).await.unwrap();
        let mut answers = String::new();
        loop {
            match soon("the end", socket.receive()).await.unwrap() {
                Received::Text(text) => answers.push_str(&text),
                Received::Closed(Some(Close { code, .. })) => return (code, answers),
                Received::Closed(None) => panic!("closed without a code"),
            }
        }
    };
    assert_eq!(ended("hello").await, (1_000, String::new()));
    let (code, answer) = ended(r#"{"type":"req","id":"1","method":"health"}"#).await;
    assert!(code == 1_008 && answer.contains("first request must be connect"), "{code} {answer}");
    let target = Target { token: Some(Secret::new("wrong".to_owned())), ..gateway.target.clone() };
    let error = Client::connect(&Http::new(TokioNet), &target).await.unwrap_err().to_string();
    assert!(error.contains("gateway token mismatch") && !error.contains("canary"), "{error}");
}

#[tokio::test]
async fn devices_that_were_paired_are_kept() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let mut client = gateway.client().await;
    let known = client.call("device.pair.list", &json!({}), WITHIN).await.unwrap();
    let paired = known["paired"].as_array().unwrap();
    assert_eq!(paired.len(), 1, "{known}");
    let kept = gateway.target.state.read("devices/creel.json").unwrap().unwrap();
    assert!(kept.contains(paired[0]["deviceId"].as_str().unwrap()), "{kept}");
    let device = json!({ "deviceId": paired[0]["deviceId"] });
    let token = json!({ "deviceId": paired[0]["deviceId"], "role": "operator" });
    let steps = [
        ("device.token.rotate", &token),
        ("device.token.revoke", &token),
        ("device.pair.remove", &device),
    ];
    // Whose device may not come as it did has to go, whoever says so, and its own answer comes first.
    for (method, params) in steps {
        let mut other = gateway.client().await;
        let mut own = gateway.client().await;
        let answer = own.call(method, params, WITHIN).await.unwrap();
        assert_eq!(answer["deviceId"], device["deviceId"], "{method}");
        for client in [&mut other, &mut own] {
            match client.call("health", &json!({}), WITHIN).await {
                Err(Error::Closed(why)) => assert!(why.contains("device removed"), "{why}"),
                other => panic!("{method}: {other:?}"),
            }
        }
    }
    let kept = gateway.target.state.read("devices/creel.json").unwrap().unwrap();
    assert!(!kept.contains(paired[0]["deviceId"].as_str().unwrap()), "{kept}");
}

#[tokio::test]
async fn whose_sessions_there_are_is_told_to_those_who_may_look() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    for (scope, may) in [("operator.pairing", false), ("operator.read", true)] {
        let stream = TcpStream::connect(&gateway.target.address).await.unwrap();
        let address = format!("ws://{}/", gateway.target.address);
        let (mut socket, _) = tokio_tungstenite::client_async(&address, stream).await.unwrap();
        let connect = json!({ "type": "req", "id": "1", "method": "connect", "params": {
            "minProtocol": 4, "maxProtocol": 4, "auth": { "token": GATEWAY_TOKEN }, "scopes": [scope],
            "client": { "id": "gateway-client", "mode": "backend", "version": "1", "platform": "linux" },
        } });
        socket.send(Message::text(connect.to_string())).await.unwrap();
        let health = json!({ "type": "req", "id": "2", "method": "health" });
        socket.send(Message::text(health.to_string())).await.unwrap();
        let mut answers = Vec::new();
        while answers.len() < 2 {
            let frame = soon("an answer", socket.next()).await.unwrap().unwrap();
            let frame: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
            if frame["type"] == "res" {
                answers.push(frame["payload"].clone());
            }
        }
        let events = answers[0]["features"]["events"].as_array().unwrap();
        assert!(
            events.contains(&json!("device.pair.requested")) && events.contains(&json!("health"))
        );
        for health in [&answers[0]["snapshot"]["health"], &answers[1]] {
            assert_eq!(health["ok"], true, "{health}");
            assert_eq!(health.get("sessions").is_some(), may, "{scope}: {health}");
            assert_eq!(health["agents"][0].get("sessions").is_some(), may, "{scope}: {health}");
        }
    }
}
