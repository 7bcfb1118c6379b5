//! Connections over pipes in memory: what becomes of those who are slow, who are too many and who say too much.

use std::net::{IpAddr, SocketAddr};

use axum::{Router, routing::get};
use serde_json::Value;
use tokio::{io::DuplexStream, sync::watch, task::yield_now};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite};

use super::*;
use crate::{
    control::{
        console,
        devices::{About, Access, Consent},
        door::{self, Porch},
        scope::{Role, Scopes},
        tests,
    },
    server::{self, Idle},
};

type Socket = WebSocketStream<DuplexStream>;

const NEAR: [u8; 4] = [127, 0, 0, 1];
const FAR: [u8; 4] = [192, 0, 2, 7];

/// How much a pipe holds, in bytes.
const PIPE_BYTES: usize = 65_536;

struct House {
    plane: Plane,
    opened: mpsc::Sender<Opened>,
    tasks: JoinSet<()>,
    _open: watch::Sender<bool>,
}

impl House {
    fn new() -> Self {
        let (plane, open) = tests::plane();
        let (opened, sockets) = mpsc::channel(16);
        let mut tasks = JoinSet::new();
        let serving = serve(plane.clone(), sockets);
        tasks.spawn(serving);
        Self { plane, opened, tasks, _open: open }
    }

    /// A socket on which nothing was said yet.
    async fn socket(&mut self, from: [u8; 4]) -> Socket {
        let (far, near) = tokio::io::duplex(PIPE_BYTES);
        let porch = Porch { opened: self.opened.clone(), all_are_near: false };
        let root = get(door::enter).with_state((porch, console::Page::default()));
        let from = SocketAddr::new(IpAddr::from(from), 1);
        let router = Router::new().route("/", root);
        self.tasks.spawn(server::connection((near, from), router, Idle::Kept));
        client_async("ws://127.0.0.1:18789/", far).await.unwrap().0
    }

    /// A helper of the gateway that may do everything.
    async fn client(&mut self) -> Socket {
        let mut socket = self.socket(NEAR).await;
        let params = json!({
            "minProtocol": 4, "maxProtocol": 4, "auth": { "token": tests::TOKEN },
            "scopes": ["operator.admin", "operator.read", "operator.pairing"],
            "client": { "id": "gateway-client", "mode": "backend", "version": "1", "platform": "linux" },
        });
        call(&mut socket, "connect", params).await;
        until(&mut socket, |it| it["payload"]["type"] == "hello-ok").await;
        socket
    }
}

async fn call(socket: &mut Socket, method: &str, params: Value) {
    let request = json!({ "type": "req", "id": method, "method": method, "params": params });
    socket.send(tungstenite::Message::text(request.to_string())).await.unwrap();
}

/// The next text that is no event of presence or time; or how the connection was closed.
async fn next(socket: &mut Socket) -> Result<Value, (u16, String)> {
    loop {
        match socket.next().await {
            Some(Ok(tungstenite::Message::Text(text))) => {
                let frame: Value = serde_json::from_str(text.as_str()).unwrap();
                if frame["event"] != "presence" && frame["event"] != "tick" {
                    return Ok(frame);
                }
            }
            Some(Ok(tungstenite::Message::Close(Some(frame)))) => {
                return Err((frame.code.into(), frame.reason.to_string()));
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn until(socket: &mut Socket, is_it: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame = next(socket).await.unwrap();
        if is_it(&frame) {
            return frame;
        }
    }
}

/// The numbers of the events that are heard, and how it ends.
async fn numbers(socket: &mut Socket) -> (Vec<u64>, (u16, String)) {
    let mut all = Vec::new();
    loop {
        match next(socket).await {
            Ok(event) => all.push(event["payload"]["number"].as_u64().unwrap()),
            Err(end) => return (all, end),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_hears_nothing_is_told_why_it_ends_and_others_lose_nothing() {
    let mut house = House::new();
    let (mut slow, mut quick) = (house.client().await, house.client().await);
    let long = "x".repeat(1_000_000);
    for number in 0..60 {
        house.plane.hub.publish("chat", json!({ "number": number, "text": long }));
        assert_eq!(next(&mut quick).await.unwrap()["payload"]["number"], number);
    }
    let (heard, end) = numbers(&mut slow).await;
    assert_eq!(end, (1_008, "slow consumer".to_owned()));
    assert!(heard.len() < 5 && heard.is_sorted(), "what had left before: {heard:?}");
    house.plane.hub.publish("chat", json!({ "number": 60 }));
    assert_eq!(next(&mut quick).await.unwrap()["payload"]["number"], 60);
}

#[tokio::test(start_paused = true)]
async fn whose_line_is_blocked_for_long_is_told_why_it_ends() {
    let mut house = House::new();
    let mut slow = house.client().await;
    for number in 0..2 {
        let text = "x".repeat(2 * PIPE_BYTES);
        house.plane.hub.publish("chat", json!({ "number": number, "text": text }));
    }
    tokio::time::sleep(SEND_WITHIN + Duration::from_secs(1)).await;
    assert_eq!(numbers(&mut slow).await, (vec![0], (1_008, "slow consumer".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_to_hear_is_heard_all_the_same() {
    let mut house = House::new();
    let mut slow = house.client().await;
    let wanted = Access {
        device_id: "d".to_owned(),
        public_key: "key".to_owned(),
        role: Role::Operator,
        scopes: Scopes::NONE,
        about: About::default(),
        consent: Consent::Asked,
    };
    let now_ms = now_ms(&house.plane);
    house.plane.with_devices(|it| it.request(wanted, "r", now_ms).map(drop)).unwrap();
    for number in 0..9 {
        let text = "x".repeat(1_000_000);
        house.plane.hub.publish("chat", json!({ "number": number, "text": text }));
    }
    call(&mut slow, "device.pair.reject", json!({ "requestId": "r" })).await;
    let mut turns = 0;
    while house.plane.with_devices(|it| it.pending("r").is_some()) {
        turns += 1;
        assert!(turns < 10_000, "it is not heard");
        yield_now().await;
    }
    let mut heard = Vec::new();
    let answer = loop {
        let frame = next(&mut slow).await.unwrap();
        if frame["type"] == "res" {
            break frame;
        }
        heard.extend(frame["payload"]["number"].as_u64());
    };
    assert_eq!(answer["ok"], true, "{answer}");
    assert!(heard.is_sorted() && heard.len() == 9, "what was there before comes first: {heard:?}");
}

#[tokio::test(start_paused = true)]
async fn sockets_that_say_nothing_keep_nobody_out() {
    let mut house = House::new();
    let mut silent = Vec::new();
    for _ in 0..places::NETWORK_MAX {
        let mut socket = house.socket(FAR).await;
        assert_eq!(next(&mut socket).await.unwrap()["event"], "connect.challenge");
        silent.push(socket);
    }
    let mut one_more = house.socket(FAR).await;
    let full = "too many connections before their handshake".to_owned();
    assert_eq!(next(&mut one_more).await, Err((1_013, full)));
    let mut elsewhere = house.socket([192, 0, 2, 8]).await;
    assert_eq!(next(&mut elsewhere).await.unwrap()["event"], "connect.challenge");
    house.client().await;
    silent.pop();
    for _ in 0..100 {
        yield_now().await;
    }
    let mut again = house.socket(FAR).await;
    assert_eq!(next(&mut again).await.unwrap()["event"], "connect.challenge");
}

#[tokio::test(start_paused = true)]
async fn much_is_heard_of_clients_alone() {
    let mut house = House::new();
    let mut stranger = house.socket(FAR).await;
    assert_eq!(next(&mut stranger).await.unwrap()["event"], "connect.challenge");
    let long = "x".repeat(1_000_000);
    stranger.send(tungstenite::Message::text(long.clone())).await.unwrap();
    assert_eq!(next(&mut stranger).await, Err((1_009, "preauth payload too large".to_owned())));
    let mut client = house.client().await;
    call(&mut client, &long, json!({})).await;
    let refused = next(&mut client).await.unwrap();
    assert_eq!(refused["error"]["message"], format!("unknown method: {}", "x".repeat(100)));
}
