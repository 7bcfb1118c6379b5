//! One connection: the challenge, the handshake, then calls and events until either side ends it.
//!
//! Calls are taken in their order. One whose answer takes its time does not hold up the next. Events leave before answers that
//! became ready at the same moment, so that whoever waits for a run has its words first.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{interval_at, timeout},
};

use super::{
    connect::{self, Accepted, Cause, Close, First, Fresh, Handshake, Method, News, Peer},
    frame::{self, Event, Response, Unreadable},
    hub::{BUFFERED_BYTES_MAX, Listener, Seat, TooSlow},
    methods::{self, Caller, Reply},
    plane::Plane,
};
use crate::{clock, secret::Secret};

/// The longest message of a client that is read, in bytes: `policy.maxPayload`.
pub const PAYLOAD_BYTES_MAX: usize = 26_214_400;

/// How often a connection is told that the gateway is there: `policy.tickIntervalMs`.
const TICK_EVERY: Duration = Duration::from_secs(30);

/// How long a message may take to leave.
const SEND_WITHIN: Duration = Duration::from_secs(20);

/// How many calls of one connection may wait for their answers.
const LATER_MAX: usize = 256;

/// How many connections may be open.
const CONNECTIONS_MAX: usize = 16_384;

/// A socket that has been upgraded, and who is at its other end.
#[derive(Debug)]
pub struct Opened {
    /// The socket.
    pub socket: WebSocket,
    /// Who.
    pub peer: Peer,
}

/// Serves every socket that comes, for as long as the future is polled: dropping it ends them all.
pub async fn serve(plane: Plane, mut opened: mpsc::Receiver<Opened>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(ended) = connections.join_next() => if let Err(error) = ended {
                // A bug of ours, which must not look like a client that left.
                std::panic::resume_unwind(error.into_panic());
            },
            Some(Opened { socket, peer }) = opened.recv() => {
                if connections.len() < CONNECTIONS_MAX {
                    connections.spawn(hold(plane.clone(), socket, peer));
                } else {
                    tracing::warn!("too many clients; one was not taken");
                }
            }
        }
    }
}

/// A text leaves, or the connection is as good as broken.
struct Gone;

async fn say(socket: &mut WebSocket, text: String) -> Result<(), Gone> {
    put(socket, Message::Text(Utf8Bytes::from(text))).await
}

async fn put(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match timeout(SEND_WITHIN, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

async fn close(socket: &mut WebSocket, Close { code, reason }: Close) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from(reason) };
    // It ends in any case.
    _ = put(socket, Message::Close(Some(frame))).await;
    // The other side's consent, so that our last words are not lost with a reset.
    let consent = async { while let Some(Ok(_)) = socket.next().await {} };
    _ = timeout(Duration::from_secs(1), consent).await;
}

/// Holds one connection from its first moment to its last.
async fn hold(plane: Plane, mut socket: WebSocket, peer: Peer) {
    let Some(accepted) = shake(&plane, &mut socket, &peer).await else { return };
    let client = accepted.params.client.id.name();
    let connection = plane.entropy.uuid();
    let caller = Caller {
        connection: connection.clone(),
        role: accepted.role,
        scopes: accepted.scopes.clone(),
    };
    let (role, scopes) = (accepted.role.name(), accepted.scopes.to_string());
    tracing::info!(client, connection, role, scopes, "a client connected");
    let listener = Listener { role: accepted.role, scopes: accepted.scopes.clone() };
    let mut seat = plane.hub.seat(listener, presence(&plane, &accepted));
    let hello = hello(&plane, &accepted, &connection).await;
    let greeted = say(&mut socket, Response::ok(&*accepted.id, hello).json().to_string()).await;
    if greeted.is_ok() {
        attend(&plane, &caller, (&mut socket, &mut seat)).await;
    }
    tracing::info!(connection, "a client left");
}

/// The challenge and the first frame; none if the connection has ended.
async fn shake(plane: &Plane, socket: &mut WebSocket, peer: &Peer) -> Option<Accepted> {
    let version = plane.facts.version;
    let nonce = plane.entropy.uuid();
    let challenge = connect::challenge(&nonce, now_ms(plane));
    say(socket, challenge.json().to_string()).await.ok()?;
    let within = Duration::from_millis(connect::first_frame_ms_max(version));
    let nothing = || Close { code: 1_000, reason: String::new() };
    let first = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => return Some(text.as_str().to_owned()),
                Some(Ok(Message::Binary(_))) => return Some(String::new()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            }
        }
    };
    let Ok(first) = timeout(within, first).await else {
        close(socket, nothing()).await;
        return None;
    };
    let fresh =
        Fresh { request_id: plane.entropy.uuid(), token: Secret::new(plane.entropy.text()) };
    let handshake = Handshake {
        version,
        shape: &plane.shape,
        token: plane.token.as_ref(),
        peer,
        page: plane.page,
        attempts: plane.guesses.attempts(peer),
        nonce: &nonce,
        fresh: &fresh,
    };
    let first = first?;
    match plane.with_devices(|it| handshake.first(&first, now_ms(plane), it)) {
        First::Accepted(accepted) => {
            if accepted.method == Method::Token {
                plane.guesses.succeeded(peer);
            }
            tell(plane, &accepted.news);
            Some(*accepted)
        }
        First::Refused(refused, news) => {
            tell(plane, &news);
            if refused.cause == Cause::Guessed {
                plane.guesses.failed(peer);
            }
            tracing::warn!(cause = ?refused.cause, "a client was refused");
            if let Some(response) = refused.response {
                say(socket, response.json().to_string()).await.ok()?;
            }
            close(socket, refused.close).await;
            None
        }
    }
}

/// Those who may pair hear what changed for the devices.
fn tell(plane: &Plane, news: &[News]) {
    if !news.is_empty() {
        plane.keep_devices();
    }
    for news in news {
        match news {
            News::Requested(request) => {
                plane.hub.publish("device.pair.requested", request.clone());
            }
            News::Approved { request_id, device_id } => {
                let payload = json!({
                    "requestId": request_id, "deviceId": device_id, "decision": "approved", "ts": plane.hub.now_ms(),
                });
                plane.hub.publish("device.pair.resolved", payload);
            }
        }
    }
}

fn now_ms(plane: &Plane) -> u64 {
    u64::try_from(plane.hub.now_ms()).unwrap_or_default()
}

/// A client as others see it.
fn presence(plane: &Plane, accepted: &Accepted) -> Value {
    let client = &accepted.params.client;
    let host = client.display_name.clone().unwrap_or_else(|| client.id.name().to_owned());
    let mode = client.mode.name();
    let mut presence = json!({
        "host": host, "version": client.version, "platform": client.platform, "mode": mode,
        "roles": [accepted.role.name()], "scopes": accepted.scopes.names(), "reason": "connect",
        "text": format!("Node: {host} · mode {mode}"), "ts": plane.hub.now_ms(),
    });
    let known = [
        ("deviceId", &accepted.device_id),
        ("instanceId", &client.instance_id),
        ("deviceFamily", &client.device_family),
        ("modelIdentifier", &client.model_identifier),
    ];
    for (key, value) in known {
        if let Some(value) = value {
            presence[key] = json!(value);
        }
    }
    presence
}

/// `hello-ok`.
async fn hello(plane: &Plane, accepted: &Accepted, connection: &str) -> Value {
    let facts = &plane.facts;
    let health = methods::health(plane).await.unwrap_or_else(|_| json!({ "ok": false }));
    let mut hello = json!({
        "type": "hello-ok",
        "protocol": accepted.protocol,
        "server": { "version": env!("CARGO_PKG_VERSION"), "connId": connection },
        "features": { "methods": methods::names(), "events": methods::EVENTS },
        "snapshot": {
            "presence": plane.hub.presence(),
            "health": health,
            "stateVersion": plane.hub.version(),
            "uptimeMs": plane.hub.now_ms() - plane.started_ms,
            "sessionDefaults": {
                "defaultAgentId": facts.default_agent.as_str(), "mainKey": facts.main_key(),
                "mainSessionKey": facts.main_session, "scope": "per-sender",
            },
            "authMode": if plane.token.is_some() { "token" } else { "none" },
        },
        "policy": {
            "maxPayload": PAYLOAD_BYTES_MAX, "maxBufferedBytes": BUFFERED_BYTES_MAX,
            "tickIntervalMs": u64::try_from(TICK_EVERY.as_millis()).unwrap_or(u64::MAX),
        },
    });
    if let Some(auth) = accepted.auth(facts.version) {
        hello["auth"] = auth;
    }
    hello
}

/// Answers calls and passes events on, until the end.
async fn attend(plane: &Plane, caller: &Caller, (socket, seat): (&mut WebSocket, &mut Seat)) {
    let mut later: JoinSet<Response> = JoinSet::new();
    let mut tick = interval_at(clock::instant() + TICK_EVERY, TICK_EVERY);
    let mut seq = 0;
    loop {
        let sent = tokio::select! {
            biased;
            event = seat.next(seq + 1) => {
                let Ok(text) = event else {
                    let reason = TooSlow.to_string();
                    return close(socket, Close { code: 1_008, reason }).await;
                };
                seq += 1;
                say(socket, text).await
            }
            Some(ended) = later.join_next() => match ended {
                Ok(response) => say(socket, response.json().to_string()).await,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
            _ = tick.tick() => {
                seq += 1;
                let payload = json!({ "ts": plane.hub.now_ms() });
                let event = Event { seq: Some(seq), ..Event::unnumbered("tick", payload) };
                say(socket, event.json().to_string()).await
            }
            () = plane.inbox.closing() => {
                seq += 1;
                let payload = json!({ "reason": "gateway stopping", "restartExpectedMs": null });
                let event = Event { seq: Some(seq), ..Event::unnumbered("shutdown", payload) };
                // It ends in any case.
                _ = say(socket, event.json().to_string()).await;
                return close(socket, Close { code: 1_012, reason: "service restart".into() }).await;
            }
            heard = socket.next(), if later.len() < LATER_MAX => match heard {
                Some(Ok(Message::Text(text))) => {
                    answer(plane, caller, (socket, &mut later), text.as_str()).await
                }
                Some(Ok(Message::Binary(_))) => {
                    let reason = "expected text frames".to_owned();
                    return close(socket, Close { code: 1_003, reason }).await;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                Some(Ok(Message::Close(_))) => {
                    // The library has our consent ready; it has to leave.
                    _ = timeout(SEND_WITHIN, socket.flush()).await;
                    return;
                }
                Some(Err(_)) | None => return,
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Answers one text.
async fn answer(
    plane: &Plane,
    caller: &Caller,
    (socket, later): (&mut WebSocket, &mut JoinSet<Response>),
    text: &str,
) -> Result<(), Gone> {
    let request = match frame::read(plane.facts.version, text) {
        Ok(request) => request,
        Err(Unreadable::NotRequest(response)) => {
            return say(socket, response.json().to_string()).await;
        }
        Err(Unreadable::NotJson) => {
            let error = frame::ErrorShape::invalid("invalid request frame: not JSON");
            return say(socket, Response::refused("invalid", error).json().to_string()).await;
        }
    };
    let id: Arc<str> = request.id.as_str().into();
    let wait = |it: methods::Later, id: Arc<str>| async move {
        Response { id: id.to_string(), outcome: it.await }
    };
    let outcome = match methods::call(plane, caller, &request).await {
        Reply::Now(outcome) => outcome,
        Reply::Later(answer) => {
            later.spawn(wait(answer, id));
            return Ok(());
        }
        Reply::Twice(first, second) => {
            later.spawn(wait(second, id.clone()));
            Ok(first)
        }
    };
    if let Err(error) = &outcome {
        tracing::info!(method = request.method, code = ?error.code, why = error.message, "a call was refused");
    }
    say(socket, Response { id: id.to_string(), outcome }.json().to_string()).await
}
