//! Operators' clients: they speak the control plane's protocol as a scenario says, and record what they are told. Programs
//! outside, which call its hooks, are here too.
//!
//! They know the protocol and nothing of the gateway's own types: any gateway that speaks it is driven the same way.

mod answer;
mod approvals;
mod frame;
mod greeting;
mod hook;
mod http;
mod memory;

use std::{collections::BTreeMap, sync::Arc};

use creel_gateway::{
    http::Http,
    net::Net,
    websocket::{Limits, Received, WebSocket},
};
use creel_judge::trace::{Kind, Operation, Saw};
use hyper::{HeaderMap, header::HeaderName};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

pub(crate) use self::memory::Memory;

use self::{approvals::Approvals, greeting::Greeting};
use crate::{
    base::Hooks,
    recorder::Recorder,
    scenario::{Call, Connect, First, Hook, HttpCall, merge},
};

/// What all clients of a run share.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    /// The gateway, as `http://host:port`.
    pub(crate) gateway: String,
    /// The gateway's token.
    pub(crate) token: String,
    /// Where programs outside call, and what they show.
    pub(crate) hooks: Hooks,
    /// The run's seed.
    pub(crate) seed: u64,
    /// The profile's protocol.
    pub(crate) protocol: u64,
    /// What clients were told that later steps speak of.
    pub(crate) memory: Memory,
    /// Where facts go.
    pub(crate) recorder: Recorder,
}

/// The clients of a run. Dropping them ends their connections.
#[derive(Debug)]
pub(crate) struct Clients<N: Net> {
    http: Http<N>,
    ground: Arc<Ground>,
    /// The way to each client's latest connection.
    open: BTreeMap<String, mpsc::Sender<Order>>,
    approvals: Approvals,
    /// What ends each program's requests over HTTP.
    asking: BTreeMap<String, Vec<AbortHandle>>,
    tasks: JoinSet<()>,
}

/// How many orders may wait for a client.
const ORDERS_MAX: usize = 1_024;

/// What stands in the place of what the gateway should have told, and did not.
pub(crate) const UNTOLD: &str = "untold";

/// What a client shall do.
#[derive(Debug)]
enum Order {
    /// Send a text, and record that it did.
    Say(String, Saw),
    /// Break off.
    Leave,
}

impl<N: Net> Clients<N> {
    pub(crate) fn new(http: Http<N>, ground: Ground) -> Self {
        Self {
            http,
            ground: Arc::new(ground),
            open: BTreeMap::new(),
            approvals: Approvals::default(),
            asking: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// A client connects; what becomes of it is recorded.
    pub(crate) fn connect(&mut self, connect: &Connect) {
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        self.open.insert(connect.client.clone(), orders);
        let approvals = self.approvals.clone();
        let client = Client { connect: connect.clone(), ground: self.ground.clone(), approvals };
        self.tasks.spawn(client.live(self.http.clone(), taken));
    }

    /// A client asks for something, with the canary that its text shall have.
    pub(crate) fn call(&mut self, call: &Call, canary: Option<String>) {
        let mut params = worded("message", call, canary.as_deref());
        self.name(call, &mut params);
        if let Some(key) = &call.key {
            params["idempotencyKey"] = json!(key);
        }
        merge(&mut params, &call.params);
        self.approvals.fill(&mut params);
        let frame =
            json!({ "type": "req", "id": call.name, "method": call.method, "params": params });
        let asked = Saw::Asked {
            call: call.name.clone(),
            method: Some(call.method.clone()),
            key: params["idempotencyKey"].as_str().map(str::to_owned),
            canary,
            headers: BTreeMap::new(),
            text: frame.to_string(),
        };
        self.order(&call.client, Order::Say(frame.to_string(), asked));
    }

    /// A program outside calls a hook, with the canary that its text shall have.
    pub(crate) fn hook(&mut self, hook: &Hook, canary: Option<String>) {
        let posted = hook::Posted::of(hook, canary, self.ground.clone());
        self.tasks.spawn(posted.live(self.http.clone()));
    }

    /// A program outside asks for something over HTTP, with the canary that its text shall have.
    pub(crate) fn http(&mut self, http: &HttpCall, canary: Option<String>) {
        let asked = http::Asked::of(http, canary, self.ground.clone());
        let task = self.tasks.spawn(asked.live(self.http.clone()));
        self.asking.entry(http.call.client.clone()).or_default().push(task);
    }

    /// Names the device and the request to be let in that a call is about.
    fn name(&self, call: &Call, params: &mut Value) {
        if let Some(client) = &call.device_of {
            params["deviceId"] = json!(greeting::device_id(self.ground.seed, client));
        }
        if let Some(client) = &call.request_of {
            // Who was let in at once waits for nobody, which is the checks' to say.
            let request = self.ground.memory.request_of(client);
            params["requestId"] = json!(request.unwrap_or_else(|| UNTOLD.to_owned()));
        }
    }

    /// A client sends any text.
    pub(crate) fn frame(&mut self, client: &str, name: &str, text: &str) {
        let asked = Saw::Asked {
            call: name.to_owned(),
            method: None,
            key: None,
            canary: None,
            headers: BTreeMap::new(),
            text: shortened(text.to_owned()),
        };
        self.order(client, Order::Say(text.to_owned(), asked));
    }

    /// A client breaks off, or a program outside waits no longer for what it asked for over HTTP.
    pub(crate) fn leave(&mut self, client: &str) {
        let Some(asking) = self.asking.remove(client) else {
            // Where the gateway has closed the connection already, nothing is left to break off.
            if let Some(open) = self.open.get(client) {
                _ = open.try_send(Order::Leave);
            }
            return;
        };
        asking.iter().for_each(AbortHandle::abort);
        let client = client.to_owned();
        self.ground.recorder.record(Kind::Operator(Operation { client, saw: Saw::Left }));
    }

    fn order(&mut self, client: &str, order: Order) {
        let is_taken = self.open.get(client).is_some_and(|it| it.try_send(order).is_ok());
        if !is_taken {
            let what = format!(
                "client `{client}` has no connection any more, or {ORDERS_MAX} orders wait for it: connect it again"
            );
            self.ground.recorder.harness_error(what);
        }
    }
}

/// What a call says: its text under this key, with the canary behind it.
fn worded(key: &str, call: &Call, canary: Option<&str>) -> Value {
    match &call.text {
        Some(text) => json!({ key: in_words(text, canary) }),
        None => json!({}),
    }
}

/// A text, with the canary behind it.
fn in_words(text: &str, canary: Option<&str>) -> String {
    canary.map_or_else(|| text.to_owned(), |canary| format!("{text} {canary}"))
}

/// How much of a text that was sent becomes a fact, in bytes.
const ASKED_BYTES_MAX: usize = 8 * 1024;

/// What was sent, as a fact has it.
fn shortened(text: String) -> String {
    if text.len() <= ASKED_BYTES_MAX {
        return text;
    }
    let beginning: String = text.chars().take(200).collect();
    format!("{beginning}… ({} bytes)", text.len())
}

/// The headers that a scenario gives a request.
fn headers(given: &BTreeMap<String, String>, ground: &Ground) -> HeaderMap {
    let header = |(name, value): (&String, &String)| {
        let parsed = name.parse::<HeaderName>().ok().zip(value.parse().ok());
        if parsed.is_none() {
            ground.recorder.harness_error(format!("`{name}: {value}` is no header"));
        }
        parsed
    };
    given.iter().filter_map(header).collect()
}

/// One connection.
#[derive(Debug)]
struct Client {
    connect: Connect,
    ground: Arc<Ground>,
    approvals: Approvals,
}

impl Client {
    fn record(&self, saw: Saw) {
        let client = self.connect.client.clone();
        self.ground.recorder.record(Kind::Operator(Operation { client, saw }));
    }

    /// Lives from the first packet to the end of the connection.
    async fn live<N: Net>(self, http: Http<N>, mut orders: mpsc::Receiver<Order>) {
        let address = format!("{}/", self.ground.gateway.replacen("http", "ws", 1));
        let headers = headers(&self.connect.headers, &self.ground);
        let opened = WebSocket::connect_with(&http, (&address, headers), Limits::default());
        let mut socket = match opened.await {
            Ok(socket) => socket,
            Err(why) => return self.record(Saw::Closed { code: None, reason: why.to_string() }),
        };
        let device = greeting::device_id(self.ground.seed, &self.connect.client);
        let mut is_in = false;
        loop {
            tokio::select! {
                biased;
                order = orders.recv(), if is_in => match order {
                    Some(Order::Say(text, asked)) => {
                        self.record(asked);
                        if let Err(why) = socket.send(text).await {
                            return self.record(Saw::Closed { code: None, reason: why.to_string() });
                        }
                    }
                    Some(Order::Leave) => return self.record(Saw::Left),
                    // The same name connects anew, and this connection stays as it is.
                    None => is_in = false,
                },
                heard = socket.receive() => match heard {
                    Ok(Received::Text(text)) => {
                        self.ground.memory.hear((&self.connect.client, &device), &text);
                        let saw = frame::read(&text);
                        self.approvals.hear(&text);
                        is_in |= matches!(saw, Saw::Connected { .. });
                        let challenge = frame::challenge(&text);
                        self.record(saw);
                        let first = challenge.and_then(|it| self.first(&it));
                        if let Some(first) = first && let Err(why) = socket.send(first).await {
                            return self.record(Saw::Closed { code: None, reason: why.to_string() });
                        }
                    }
                    Ok(Received::Closed(close)) => {
                        let (code, reason) = close.map_or((None, String::new()), |it| (Some(it.code), it.reason));
                        return self.record(Saw::Closed { code, reason });
                    }
                    Err(why) => return self.record(Saw::Closed { code: None, reason: why.to_string() }),
                },
            }
        }
    }

    /// What it answers the challenge with.
    fn first(&self, challenge: &Value) -> Option<String> {
        match &self.connect.first {
            First::Silence => None,
            First::Text(text) => Some(text.clone()),
            First::Connect => {
                let greeting = Greeting { connect: &self.connect, ground: &self.ground };
                Some(greeting.frame(challenge).to_string())
            }
        }
    }
}
