//! One client: a program on the gateway's machine, with its token.

use creel_gateway::{
    http::Http,
    net::TokioNet,
    websocket::{Limits, Received, WebSocket},
};
use serde_json::{Value, json};

/// The gateway's token.
pub(super) const TOKEN: &str = "bench-token";

/// A connection that the gateway has let in.
#[derive(Debug)]
pub(super) struct Client {
    socket: WebSocket<TokioNet>,
}

impl Client {
    /// Connects, with all that an operator may do.
    pub(super) async fn connect(address: &str) -> Self {
        let address = format!("ws://{address}/");
        let http = Http::new(TokioNet);
        let socket = WebSocket::connect(&http, &address, Limits::default()).await;
        let mut client = Self { socket: socket.expect("the gateway listens") };
        assert_eq!(client.frame().await["event"], "connect.challenge");
        let connect = json!({
            "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": ["operator.admin"], "caps": [],
            "client": { "id": "gateway-client", "mode": "backend", "version": "1", "platform": "linux" },
            "auth": { "token": TOKEN },
        });
        client.call("connect", &connect).await;
        client
    }

    /// The next frame.
    pub(super) async fn frame(&mut self) -> Value {
        match self.socket.receive().await.expect("the gateway stays") {
            Received::Text(text) => serde_json::from_str(&text).expect("JSON"),
            Received::Closed(close) => panic!("the gateway closed: {close:?}"),
        }
    }

    /// Calls, and waits for the answer. Events before it are passed over.
    async fn call(&mut self, method: &str, params: &Value) {
        let frame = json!({ "type": "req", "id": method, "method": method, "params": params });
        self.socket.send(frame.to_string()).await.expect("the gateway listens");
        loop {
            let frame = self.frame().await;
            if frame["type"] == "res" {
                assert_eq!(frame["ok"], true, "{frame}");
                return;
            }
        }
    }

    /// Says something in the main session, under a name.
    pub(super) async fn ask(&mut self, text: &str, name: &str) {
        let params = json!({ "sessionKey": "main", "message": text, "idempotencyKey": name });
        self.call("chat.send", &params).await;
    }

    /// Waits for the last event of what was asked under a name.
    pub(super) async fn end_of(&mut self, name: &str) {
        loop {
            let frame = self.frame().await;
            if frame["event"] == "chat"
                && frame["payload"]["runId"] == name
                && frame["payload"]["state"] == "final"
            {
                return;
            }
        }
    }

    /// Follows one run to its end, and says what was heard of it.
    pub(super) async fn follow(&mut self) -> Heard {
        let mut heard = Heard::default();
        let (mut last, mut text) = (0, String::new());
        loop {
            let frame = self.frame().await;
            let seq = frame["seq"].as_u64().unwrap_or_default();
            match seq.cmp(&(last + 1)) {
                std::cmp::Ordering::Less => heard.repeated += 1,
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Greater => heard.missed += 1,
            }
            last = seq;
            heard.events += 1;
            if frame["event"] != "chat" {
                continue;
            }
            let said = frame["payload"]["message"]["content"][0]["text"].as_str();
            let said = said.unwrap_or_default().to_owned();
            heard.missed += usize::from(!said.starts_with(&text));
            text = said;
            if frame["payload"]["state"] == "final" {
                heard.whole = text.ends_with(super::roles::LAST_WORD);
                return heard;
            }
        }
    }
}

/// What a client heard.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    /// Whether the last event had the whole answer.
    pub(super) whole: bool,
    /// How many events came.
    pub(super) events: usize,
    /// How many numbers were left out, or words.
    pub(super) missed: usize,
    /// How many numbers came again.
    pub(super) repeated: usize,
}
