//! One connection to the Gateway.

use std::time::Duration;

use axum::{
    extract::{
        State as Extract,
        ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use creel_judge::trace::Kind;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::sleep,
};

use super::{
    Discord, intents,
    state::{EVENTS_MAX, Event, Order, Session},
    wire,
};

/// The time between two heartbeats that the platform asks for.
const HEARTBEAT_EVERY: Duration = Duration::from_millis(41_250);

/// How much later than that a heartbeat may come.
const HEARTBEAT_GRACE: Duration = Duration::from_secs(20);

/// All intents that there are.
const INTENTS_KNOWN: u64 = (1 << 26) - 1;

const OP_HEARTBEAT: u64 = 1;
const OP_IDENTIFY: u64 = 2;
const OP_RESUME: u64 = 6;

/// Why the platform ends a connection.
type Refusal = (u16, &'static str);

pub(super) async fn upgrade(
    Extract(twin): Extract<Discord>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else { return StatusCode::NOT_FOUND.into_response() };
    let (is_closed, is_silent) = {
        let mut state = twin.state();
        state.meet(&headers);
        let now_us = state.recorder.now_us();
        (now_us < state.closed_until_us, now_us < state.silent_until_us)
    };
    if is_closed {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let query = uri.query().unwrap_or_default();
    let has = |wanted: &str| query.split('&').any(|it| it == wanted);
    if query.contains("compress=") || !has("encoding=json") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let version = has("v=10");
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let address = format!("ws://{host}");
    upgrade.on_upgrade(move |socket| async move {
        let (orders, receiver) = channel(EVENTS_MAX);
        let mut connection =
            Connection { twin, socket, orders, address, session: None, told_until: 0 };
        if is_silent {
            return connection.fall_silent().await;
        }
        if !version {
            return connection.close((4_012, "Invalid API version.")).await;
        }
        connection.attend(receiver).await;
    })
}

struct Connection {
    twin: Discord,
    socket: WebSocket,
    /// The way to itself, for the session.
    orders: Sender<Order>,
    /// Where the client found us, and finds us again.
    address: String,
    session: Option<String>,
    /// The last event that this connection carried.
    told_until: u64,
}

impl Connection {
    async fn attend(&mut self, mut orders: Receiver<Order>) {
        let interval = u64::try_from(HEARTBEAT_EVERY.as_millis()).expect("it is short");
        let hello =
            json!({ "op": 10, "s": null, "t": null, "d": { "heartbeat_interval": interval } });
        if !self.say(hello.to_string()).await {
            return;
        }
        let patience = HEARTBEAT_EVERY + HEARTBEAT_GRACE;
        let mut dead = Box::pin(sleep(patience));
        loop {
            tokio::select! {
                biased;
                Some(order) = orders.recv() => if !self.obey(order).await {
                    return;
                },
                () = dead.as_mut() => return self.close((4_009, "Session timed out.")).await,
                frame = self.socket.recv() => {
                    let text = match frame {
                        Some(Ok(Frame::Text(text))) => text,
                        Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => continue,
                        Some(Ok(Frame::Binary(_))) => {
                            return self.close((4_002, "Error while decoding payload.")).await;
                        }
                        Some(Ok(Frame::Close(frame))) => return self.left(frame.map(|it| it.code)),
                        Some(Err(_)) | None => return self.left(None),
                    };
                    match self.hear(&text) {
                        Ok(Heard { beat, answers }) => {
                            if beat {
                                dead = Box::pin(sleep(patience));
                            }
                            for answer in answers {
                                if !self.say(answer).await {
                                    return self.left(None);
                                }
                            }
                        }
                        Err(refusal) => return self.close(refusal).await,
                    }
                }
            }
        }
    }

    /// Takes a client's frame.
    fn hear(&mut self, text: &str) -> Result<Heard, Refusal> {
        let malformed = (4_002, "Error while decoding payload.");
        let frame: Value = serde_json::from_str(text).map_err(|_| malformed)?;
        let op = frame["op"].as_u64().ok_or(malformed)?;
        let d = &frame["d"];
        match op {
            OP_HEARTBEAT => {
                if !(d.is_null() || d.is_u64()) {
                    return Err(malformed);
                }
                // Clients that resume may send one before they say whose session it is.
                if self.session.is_some() && d.as_u64().unwrap_or(0) > self.told_until {
                    return Err((4_007, "Invalid seq."));
                }
                Ok(Heard { beat: true, answers: vec![json!({ "op": 11 }).to_string()] })
            }
            OP_IDENTIFY | OP_RESUME if self.session.is_some() => {
                Err((4_005, "Already authenticated."))
            }
            OP_IDENTIFY => self.identify(d),
            OP_RESUME => self.resume(d),
            3 | 4 | 8 | 31 if self.session.is_some() => Ok(Heard::default()),
            3 | 4 | 8 | 31 => Err((4_003, "Not authenticated.")),
            _ => Err((4_001, "Unknown opcode.")),
        }
    }

    fn bot(&self, d: &Value) -> Result<usize, Refusal> {
        let token = d["token"].as_str().unwrap_or_default();
        let token = token.strip_prefix("Bot ").unwrap_or(token);
        let found = self.twin.state().bots.iter().position(|it| it.token == token);
        found.ok_or((4_004, "Authentication failed."))
    }

    fn identify(&mut self, d: &Value) -> Result<Heard, Refusal> {
        let bot = self.bot(d)?;
        let intents = d["intents"].as_u64().ok_or((4_013, "Invalid intent(s)."))?;
        if intents & !INTENTS_KNOWN != 0 {
            return Err((4_013, "Invalid intent(s)."));
        }
        let properties = &d["properties"];
        let complete = ["os", "browser", "device"].iter().all(|it| properties[it].is_string());
        if !complete {
            return Err((4_002, "Error while decoding payload."));
        }
        let mut state = self.twin.state();
        if !state.log_in(bot) {
            return Ok(Heard::invalid_session());
        }
        let id = format!("session-{}", state.snowflake());
        let guilds = wire::guilds(&state, bot);
        let unavailable: Vec<Value> =
            guilds.iter().map(|it| json!({ "id": it["id"], "unavailable": true })).collect();
        let user = wire::bot(&state, bot);
        let ready = json!({
            "v": 10, "user": user, "guilds": unavailable, "session_id": id,
            "session_type": "normal", "resume_gateway_url": self.address, "shard": [0, 1],
            "application": { "id": user["id"], "flags": 0 }, "private_channels": [],
            "relationships": [],
        });
        let connection = Some(self.orders.clone());
        let mut session = Session { bot, intents, seq: 0, events: [].into(), connection };
        session.add("READY", &ready, None);
        let me = user["id"].as_str().unwrap_or_default();
        for guild in &guilds {
            if let Some(guild) = intents::seen(intents, "GUILD_CREATE", guild, me) {
                session.add("GUILD_CREATE", &guild, None);
            }
        }
        // A bot of one shard has one login: the newer takes the events.
        state.sessions.retain(|_, it| it.bot != bot);
        state.sessions.insert(id.clone(), session);
        drop(state);
        self.session = Some(id);
        Ok(Heard::default())
    }

    fn resume(&mut self, d: &Value) -> Result<Heard, Refusal> {
        let bot = self.bot(d)?;
        let (id, seq) = (d["session_id"].as_str().unwrap_or_default(), d["seq"].as_u64());
        let seq = seq.ok_or((4_002, "Error while decoding payload."))?;
        let mut state = self.twin.state();
        let Some(session) = state.sessions.get_mut(id).filter(|it| it.bot == bot) else {
            return Ok(Heard::invalid_session());
        };
        if seq > session.seq {
            return Err((4_007, "Invalid seq."));
        }
        let missed: Vec<Event> = session.events.iter().filter(|it| it.seq > seq).cloned().collect();
        for event in missed {
            _ = self.orders.try_send(Order::Carry(event));
        }
        session.connection = Some(self.orders.clone());
        session.add("RESUMED", &json!({ "_trace": [] }), None);
        drop(state);
        self.session = Some(id.to_owned());
        self.told_until = seq;
        Ok(Heard::default())
    }

    /// Does what the platform wants; false when the connection is over.
    async fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Carry(Event { seq, frame, message }) => {
                if let Some(message) = message {
                    self.twin.state().recorder.record(Kind::Fetched { message });
                }
                self.told_until = seq;
                self.say(frame).await
            }
            Order::Say(text) => self.say(text).await,
            Order::Close(code, reason) => {
                self.close((code, reason)).await;
                false
            }
            Order::Drop => false,
            Order::Silence => {
                self.fall_silent().await;
                false
            }
        }
    }

    /// Says nothing more, until the client leaves.
    async fn fall_silent(&mut self) {
        while let Some(Ok(frame)) = self.socket.recv().await {
            if let Frame::Close(frame) = frame {
                return self.left(frame.map(|it| it.code));
            }
        }
        self.left(None);
    }

    async fn say(&mut self, text: String) -> bool {
        self.socket.send(Frame::Text(text.into())).await.is_ok()
    }

    async fn close(&mut self, (code, reason): Refusal) {
        self.left((code == 4_009).then_some(1_000));
        let frame = CloseFrame { code, reason: reason.into() };
        _ = self.socket.send(Frame::Close(Some(frame))).await;
    }

    /// The client is gone. One that says goodbye ends its session; any other may come back.
    fn left(&mut self, code: Option<u16>) {
        let Some(id) = &self.session else { return };
        let mut state = self.twin.state();
        if matches!(code, Some(1_000 | 1_001)) {
            state.sessions.remove(id);
        } else if let Some(session) = state.sessions.get_mut(id) {
            let same = |it: &Sender<Order>| it.same_channel(&self.orders);
            session.connection = session.connection.take().filter(|it| !same(it));
        }
    }
}

/// What a frame leads to.
#[derive(Default)]
struct Heard {
    /// Whether it was a heartbeat.
    beat: bool,
    answers: Vec<String>,
}

impl Heard {
    fn invalid_session() -> Self {
        Self { beat: false, answers: vec![json!({ "op": 9, "d": false }).to_string()] }
    }
}
