//! The platform as bots meet it.

use axum::{body::Body, serve::Listener};
use creel_gateway::{
    http::Http,
    net::{Net, TokioNet},
    websocket::{Limits, Received, WebSocket},
};
use creel_judge::trace::Kind;
use hyper::Request;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::{
    http::testing::{self, Client},
    scenario::ChatKind,
};

const AUTHORIZATION: &str = "Bot secret";

/// A platform where Ann (3001, who has the role 42) has a direct chat, and writes in the room 800 of the guild 900 and in its thread 801.
fn platform() -> (Discord, Recorder) {
    let recorder = Recorder::new();
    let bot = Bot::of(1, "default", &[(TOKEN, "secret".to_owned())].into());
    let twin = Discord::new(recorder.clone(), vec![bot], 1_800_000_000);
    let direct = Chat::direct(CHANNEL, "default", "3001");
    let room = |thread: Option<&str>| Chat {
        kind: ChatKind::Room { id: "800".to_owned(), thread: thread.map(str::to_owned) },
        guild: Some("900".to_owned()),
        roles: vec!["42".to_owned()],
        ..direct.clone()
    };
    for (name, chat) in
        [("direct", direct.clone()), ("room", room(None)), ("thread", room(Some("801")))]
    {
        twin.declare(name, &chat, &[]);
    }
    (twin, recorder)
}

fn write(twin: &Discord, chat: &str, text: &str) -> String {
    let inbound = Inbound {
        name: text.to_owned(),
        chat: chat.to_owned(),
        text: text.to_owned(),
        canary: None,
        mention: false,
        reply_to: None,
        forged: None,
        image: None,
        apart: Duration::ZERO,
        events: None,
    };
    twin.deliver(&inbound).unwrap()
}

async fn call(client: &Client, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v10{path}"))
        .header("host", "twin")
        .header("authorization", AUTHORIZATION)
        .header("user-agent", "DiscordBot (test, 1)")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    client.call(request).await.json().await
}

/// Sends into the room, and shows the status and the refusal's code.
async fn send(client: &Client, body: &Value) -> (u16, Value) {
    let (status, answer) = call(client, "POST", "/channels/800/messages", body).await;
    (status, answer["code"].clone())
}

#[tokio::test]
async fn a_message_is_shown_without_its_marks_and_an_enforced_nonce_is_shown_once() {
    let (twin, recorder) = platform();
    let (client, _server) = testing::serve(twin.router());
    let body = json!({ "content": "**hi** <@3001>", "nonce": "n1", "enforce_nonce": true,
        "allowed_mentions": { "parse": [] } });
    assert_eq!(send(&client, &body).await, (200, Value::Null));
    assert_eq!(send(&client, &body).await, (200, Value::Null));
    let sent = |it: &Kind| matches!(it, Kind::Sent { .. });
    let texts: Vec<Kind> =
        recorder.facts_from(0).into_iter().map(|it| it.kind).filter(sent).collect();
    assert!(matches!(&texts[..], [Kind::Sent { text, .. }] if text == "hi <@3001>"), "{texts:?}");
    let unforced = json!({ "content": "hi", "nonce": "n1" });
    send(&client, &unforced).await;
    assert_eq!(twin.conversation().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_the_platform_would_refuse_is_refused() {
    let (twin, _) = platform();
    let (client, _server) = testing::serve(twin.router());
    let refused = async |body: Value| {
        let (status, code) = send(&client, &body).await;
        format!("{status} {code}")
    };
    assert_eq!(refused(json!({ "content": " " })).await, "400 50006");
    assert_eq!(refused(json!({ "content": "é".repeat(2_000) })).await, "200 null");
    assert_eq!(refused(json!({ "content": "é".repeat(2_001) })).await, "400 50035");
    assert_eq!(refused(json!({ "content": "x", "nonce": "x".repeat(26) })).await, "400 50035");
    let unknown = json!({ "content": "x", "message_reference": { "message_id": "1" } });
    assert_eq!(refused(unknown).await, "400 50035");
    let unknown = json!({ "content": "x", "message_reference": { "message_id": "1",
        "fail_if_not_exists": false } });
    assert_eq!(refused(unknown).await, "200 null");
    let parse = json!({ "content": "x", "allowed_mentions": { "parse": ["all"] } });
    assert_eq!(refused(parse).await, "400 50035");
    let (status, answer) =
        call(&client, "POST", "/channels/5/messages", &json!({ "content": "x" })).await;
    assert_eq!((status, answer["code"].as_u64()), (404, Some(10_003)));
    let nobody = Request::get("/api/v10/users/@me").header("host", "twin").body(Body::empty());
    assert_eq!(client.call(nobody.unwrap()).await.json().await.0, 403);
}

#[tokio::test]
async fn a_scripted_refusal_asks_to_wait() {
    let (twin, _) = platform();
    twin.script("room", SendFault::Refuse { status: 429, retry_after_s: Some(3) });
    let (client, _server) = testing::serve(twin.router());
    let body = json!({ "content": "hi" });
    let (status, answer) = call(&client, "POST", "/channels/800/messages", &body).await;
    assert_eq!((status, answer["retry_after"].as_f64()), (429, Some(3.0)));
    assert_eq!(send(&client, &body).await.0, 200);
}

#[tokio::test]
async fn channels_tell_what_they_are() {
    let (twin, _) = platform();
    let (client, _server) = testing::serve(twin.router());
    let get = async |path: &str| call(&client, "GET", path, &Value::Null).await;
    let (_, room) = get("/channels/800").await;
    let (_, thread) = get("/channels/801").await;
    assert_eq!((&room["type"], &room["guild_id"]), (&json!(0), &json!("900")));
    assert_eq!((&thread["type"], &thread["parent_id"]), (&json!(11), &json!("800")));
    let (_, gateway) = get("/gateway/bot").await;
    assert_eq!(gateway["session_start_limit"]["remaining"], 1_000);
    assert!(twin.state().log_in(0));
    assert!(!twin.state().log_in(0));
    let (_, gateway) = get("/gateway/bot").await;
    assert_eq!(gateway["session_start_limit"]["remaining"], 999);
    let person = json!({ "recipient_id": "3001" });
    let (_, direct) = call(&client, "POST", "/users/@me/channels", &person).await;
    assert_eq!(direct["type"], 1);
    let stranger = json!({ "recipient_id": "3009" });
    let (status, answer) = call(&client, "POST", "/users/@me/channels", &stranger).await;
    assert_eq!((status, answer["code"].as_u64()), (400, Some(50_007)));
}

/// A client of the Gateway, which has heard `HELLO`.
struct Socket(WebSocket<TokioNet>);

impl Socket {
    async fn open(address: &str) -> Self {
        let address = format!("{address}/?v=10&encoding=json");
        let socket = WebSocket::connect(&Http::new(TokioNet), &address, Limits::default()).await;
        let mut socket = Self(socket.unwrap());
        assert_eq!(socket.next().await, "10 HELLO 41250");
        socket
    }

    async fn say(&mut self, frame: Value) {
        self.0.send(frame.to_string()).await.unwrap();
    }

    async fn identify(&mut self, token: &str) {
        let properties = json!({ "os": "x", "browser": "x", "device": "x" });
        let d = json!({ "token": token, "intents": 37_377, "properties": properties });
        self.say(json!({ "op": 2, "d": d })).await;
    }

    async fn resume(&mut self, session: &str, seq: u64) {
        let d = json!({ "token": "secret", "session_id": session, "seq": seq });
        self.say(json!({ "op": 6, "d": d })).await;
    }

    async fn frame(&mut self) -> Value {
        match self.0.receive().await.unwrap() {
            Received::Text(text) => serde_json::from_str(&text).unwrap(),
            Received::Closed(close) => json!({ "closed": close.map(|it| it.code) }),
        }
    }

    /// The next frame, in short.
    async fn next(&mut self) -> String {
        let frame = self.frame().await;
        match (frame["op"].as_u64(), frame["t"].as_str()) {
            (None, _) => format!("closed {}", frame["closed"]),
            (Some(0), Some("MESSAGE_CREATE")) => {
                format!("{} {}", frame["s"], frame["d"]["content"].as_str().unwrap())
            }
            (Some(0), name) => format!("{} {}", frame["s"], name.unwrap()),
            (Some(10), _) => format!("10 HELLO {}", frame["d"]["heartbeat_interval"]),
            (Some(op), _) => format!("op {op}"),
        }
    }

    /// Logs in, and gives the session.
    async fn ready(&mut self) -> String {
        self.identify("secret").await;
        let ready = self.frame().await;
        assert_eq!(ready["t"], "READY");
        assert_eq!(self.next().await, "2 GUILD_CREATE");
        ready["d"]["session_id"].as_str().unwrap().to_owned()
    }
}

/// As far as log-ins go.
fn five_seconds_later(twin: &Discord) {
    twin.state().logins.clear();
}

/// The platform on a port, and its address.
async fn listening(twin: &Discord) -> (String, JoinSet<()>) {
    let listener = TokioNet.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = format!("ws://{}", listener.local_addr().unwrap());
    let router = twin.router();
    let mut server = JoinSet::new();
    server.spawn(async move {
        crate::http::serve(listener, router).await;
    });
    (address, server)
}

#[tokio::test]
async fn a_resumed_session_is_told_what_it_missed_once() {
    let (twin, _) = platform();
    let (address, _server) = listening(&twin).await;
    let mut socket = Socket::open(&address).await;
    let session = socket.ready().await;
    assert!(twin.is_connected("default"));
    write(&twin, "direct", "one");
    assert_eq!(socket.next().await, "3 one");
    socket.say(json!({ "op": 1, "d": 3 })).await;
    assert_eq!(socket.next().await, "op 11");
    twin.cut(Cut::Close(4_000), Duration::ZERO);
    assert_eq!(socket.next().await, "closed 4000");
    assert!(!twin.is_connected("default"));
    write(&twin, "room", "two");
    let mut socket = Socket::open(&address).await;
    socket.resume(&session, 3).await;
    assert_eq!(socket.next().await, "4 two");
    assert_eq!(socket.next().await, "5 RESUMED");
    write(&twin, "thread", "three");
    assert_eq!(socket.next().await, "6 three");
}

#[tokio::test]
async fn a_session_that_ended_is_not_resumed() {
    let (twin, _) = platform();
    let (address, _server) = listening(&twin).await;
    let mut socket = Socket::open(&address).await;
    let session = socket.ready().await;
    twin.cut(Cut::Invalid, Duration::ZERO);
    assert_eq!(socket.next().await, "op 9");
    write(&twin, "direct", "lost");
    let mut socket = Socket::open(&address).await;
    socket.resume(&session, 2).await;
    assert_eq!(socket.next().await, "op 9");
    socket.identify("secret").await;
    assert_eq!(socket.next().await, "op 9", "a log-in comes five seconds after the last");
    five_seconds_later(&twin);
    socket.ready().await;
    write(&twin, "direct", "heard");
    assert_eq!(socket.next().await, "3 heard");
}

#[tokio::test]
async fn who_does_not_keep_to_the_protocol_is_closed() {
    let (twin, _) = platform();
    let (address, _server) = listening(&twin).await;
    let closed = async |frame: Value| {
        let mut socket = Socket::open(&address).await;
        socket.say(frame).await;
        socket.next().await
    };
    assert_eq!(closed(json!("words")).await, "closed 4002");
    assert_eq!(closed(json!({ "op": 99 })).await, "closed 4001");
    assert_eq!(closed(json!({ "op": 3 })).await, "closed 4003");
    assert_eq!(closed(json!({ "op": 1, "d": 7 })).await, "op 11");
    assert_eq!(closed(json!({ "op": 2, "d": { "token": "secret" } })).await, "closed 4013");
    assert_eq!(closed(json!({ "op": 2, "d": { "token": "x" } })).await, "closed 4004");
    let mut socket = Socket::open(&address).await;
    socket.ready().await;
    socket.identify("secret").await;
    assert_eq!(socket.next().await, "closed 4005");
    five_seconds_later(&twin);
    let mut socket = Socket::open(&address).await;
    let session = socket.ready().await;
    socket.say(json!({ "op": 1, "d": 7 })).await;
    assert_eq!(socket.next().await, "closed 4007");
    let mut socket = Socket::open(&address).await;
    socket.resume(&session, 1_000).await;
    assert_eq!(socket.next().await, "closed 4007");
}
