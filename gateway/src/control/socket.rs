//! One connection: the challenge, the handshake, then calls and events until either side ends it.
//!
//! Calls are taken in their order. One whose answer takes its time does not hold up the next, and whoever is slow to hear is
//! heard all the same. Events leave before answers that became ready at the same moment, so that whoever waits for a run has its
//! words first.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use creel_core::profile::Version;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Interval, MissedTickBehavior, interval_at, timeout},
};

use self::{
    line::{Answers, Ears, Line, Turn},
    places::{CLIENTS_MAX, FAR_MAX, Full, NEAR_MAX, Places},
};
use super::{
    connect::{Close, Peer},
    frame::{self, Event, Response, Unreadable},
    hub::{Listener, Seat, TooSlow},
    members::Member,
    methods::{self, Caller, Reply},
    plane::Plane,
};
use crate::{allowance::Allowance, clock};

mod hello;
mod line;
mod places;
mod shake;

/// The longest message of a client that is read, in bytes: `policy.maxPayload`.
pub const PAYLOAD_BYTES_MAX: usize = 26_214_400;

/// How much a socket may say before its handshake, in bytes.
pub const STRANGER_BYTES_MAX: usize = shake::BYTES_MAX;

/// How often a connection is told that the gateway is there: `policy.tickIntervalMs`.
const TICK_EVERY: Duration = Duration::from_secs(30);

/// How long a message may take to leave.
const SEND_WITHIN: Duration = Duration::from_secs(20);

/// How many calls of one connection may wait for what they were made for.
const LATER_MAX: usize = 256;

/// From how much on answers that wait for a slow line keep further calls from being heard, in bytes.
const ANSWERS_BYTES_MAX: usize = 1_048_576;

/// How many sockets may be on their way out.
const LEAVING_MAX: usize = 256;

/// When clients are told to come back to a gateway that starts again, in ms.
const BACK_WITHIN_MS: u64 = 1_500;

/// A socket that has been upgraded, and who is at its other end.
#[derive(Debug)]
pub struct Opened {
    /// The socket.
    pub socket: WebSocket,
    /// Who.
    pub peer: Peer,
    /// How much it may say.
    pub allowance: Allowance,
}

/// Serves every socket that comes, until the gateway takes no more messages and all have been told good-bye. Dropping the
/// future ends them all.
pub async fn serve(plane: Plane, mut opened: mpsc::Receiver<Opened>) {
    let places = Places::default();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(ended) = connections.join_next() => if let Err(error) = ended {
                // A bug of ours, which must not look like a client that left.
                std::panic::resume_unwind(error.into_panic());
            },
            Some(opened) = opened.recv() => {
                if connections.len() < CLIENTS_MAX + NEAR_MAX + FAR_MAX + LEAVING_MAX {
                    connections.spawn(hold(plane.clone(), places.clone(), opened));
                } else {
                    tracing::warn!("too many connections; one was dropped");
                }
            }
            () = plane.inbox.closing(), if connections.is_empty() => return,
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

/// Turns a socket away for which there is no place.
async fn turn_away(socket: &mut WebSocket, full: Full) {
    tracing::warn!(%full, "a connection was turned away");
    // "Try again later".
    close(socket, Close { code: 1_013, reason: full.to_string() }).await;
}

/// Holds one connection from its first moment to its last.
async fn hold(plane: Plane, places: Places, opened: Opened) {
    let Opened { mut socket, peer, allowance } = opened;
    let stranger = match places.begin(&peer) {
        Ok(stranger) => stranger,
        Err(full) => return turn_away(&mut socket, full).await,
    };
    let Some((accepted, member)) = shake::shake(&plane, &mut socket, (&peer, &allowance)).await
    else {
        return;
    };
    let _place = match places.settle() {
        Ok(place) => place,
        Err(full) => return turn_away(&mut socket, full).await,
    };
    drop(stranger);
    allowance.lift();
    let client = accepted.params.client.id.name();
    let caller = Caller {
        connection: plane.entropy.uuid(),
        role: accepted.role,
        scopes: accepted.scopes.clone(),
        device_id: accepted.device_id.clone(),
        client: accepted.params.client.display_name.clone().unwrap_or_else(|| client.to_owned()),
        by: accepted.method,
    };
    let connection = caller.connection.clone();
    let (role, scopes) = (accepted.role.name(), accepted.scopes.to_string());
    tracing::info!(client, connection, role, scopes, "a client connected");
    let listener = Listener { role: accepted.role, scopes: accepted.scopes.clone() };
    let seat = plane.hub.seat(listener, hello::presence(&plane, &accepted));
    let hello = hello::hello(&plane, &accepted, &caller).await;
    let greeted = say(&mut socket, Response::ok(&*accepted.id, hello).json().to_string()).await;
    if greeted.is_ok() {
        let mut talk = Talk {
            plane: &plane,
            caller,
            seat,
            later: JoinSet::new(),
            answers: Answers::default(),
            seq: 0,
        };
        if let Some(end) = talk.go_on(Line::new(&mut socket), member).await {
            close(&mut socket, end).await;
        }
    }
    tracing::info!(connection, "a client left");
}

fn now_ms(plane: &Plane) -> u64 {
    u64::try_from(plane.hub.now_ms()).unwrap_or_default()
}

/// What is said on a connection after its handshake.
struct Talk<'a> {
    plane: &'a Plane,
    caller: Caller,
    seat: Seat,
    /// Answers that take their time.
    later: JoinSet<Response>,
    answers: Answers,
    /// The number of the last event.
    seq: u64,
}

impl Talk<'_> {
    /// Answers calls and passes events on until the end; how it is to be closed, if it is not closed yet.
    async fn go_on(&mut self, mut line: Line<'_>, mut member: Option<Member>) -> Option<Close> {
        let mut tick = interval_at(clock::instant() + TICK_EVERY, TICK_EVERY);
        let mut health = looks_at_health(self.plane);
        let has_device = member.is_some();
        let slow = || Some(Close { code: 1_008, reason: TooSlow.to_string() });
        loop {
            let is_free = line.is_free();
            let is_dismissed = has_device && member.is_none();
            if is_dismissed && is_free && self.answers.is_empty() {
                return Some(Close { code: 4_001, reason: "device removed".to_owned() });
            }
            let is_due = self.answers.is_due(self.seat.taken()) || is_dismissed;
            let is_full = is_dismissed || self.answers.bytes() >= ANSWERS_BYTES_MAX;
            let ears = if is_full { Ears::Closed } else { Ears::Open };
            let text = tokio::select! {
                biased;
                () = dismissed(&mut member), if !is_dismissed => {
                    member = None;
                    continue;
                }
                Some(answer) = async { self.answers.take() }, if is_free && is_due => answer,
                event = self.seat.next(self.seq + 1), if is_free && !is_dismissed => {
                    let Ok(text) = event else { return slow() };
                    self.seq += 1;
                    text
                }
                turn = line.turn(ears) => match turn {
                    Turn::Sent => continue,
                    Turn::Heard(Some(message)) => match self.hear(message).await {
                        Heard::Answered => continue,
                        Heard::Leaves => {
                            // The library has our consent ready; it has to leave.
                            _ = timeout(SEND_WITHIN, line.socket.flush()).await;
                            return None;
                        }
                        Heard::Wrong(end) => return Some(end),
                    },
                    Turn::TooLong => {
                        let reason = format!("a frame is longer than {PAYLOAD_BYTES_MAX} bytes");
                        return Some(Close { code: 1_009, reason });
                    }
                    Turn::Stuck => return slow(),
                    Turn::Heard(None) | Turn::Broken => return None,
                },
                Some(ended) = self.later.join_next() => match ended {
                    Ok(response) => {
                        self.answers.push(self.seat.known(), response.json().to_string());
                        continue;
                    }
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                },
                _ = tick.tick(), if is_free => {
                    self.own("tick", json!({ "ts": self.plane.hub.now_ms() }))
                }
                _ = health.tick(), if is_free => {
                    let Ok(found) = methods::health(self.plane, &self.caller).await else { continue };
                    self.own("health", found)
                }
                () = self.plane.inbox.closing(), if is_free => {
                    let shutdown = self.shutdown();
                    // It ends in any case.
                    _ = say(line.socket, shutdown).await;
                    return Some(Close { code: 1_012, reason: "service restart".to_owned() });
                }
            };
            if line.put(text).await.is_err() {
                return None;
            }
        }
    }

    /// An event of this connection alone.
    fn own(&mut self, name: &str, payload: serde_json::Value) -> String {
        self.seq += 1;
        let version = Some(self.plane.hub.version()).filter(|_| name == "health");
        let event = Event {
            seq: Some(self.seq),
            state_version: version,
            ..Event::unnumbered(name, payload)
        };
        event.json().to_string()
    }

    /// The last event: whether it is worth coming back.
    fn shutdown(&mut self) -> String {
        let payload = if self.plane.restart.is_ending() {
            json!({ "reason": "gateway restarting", "restartExpectedMs": BACK_WITHIN_MS })
        } else {
            json!({ "reason": "gateway stopping", "restartExpectedMs": null })
        };
        self.own("shutdown", payload)
    }

    async fn hear(&mut self, message: Message) -> Heard {
        match message {
            Message::Text(text) => {
                let after = self.seat.known();
                let answer = self.answer(text.as_str()).await;
                if let Some(answer) = answer {
                    self.answers.push(after, answer.json().to_string());
                }
                Heard::Answered
            }
            Message::Ping(_) | Message::Pong(_) => Heard::Answered,
            Message::Close(_) => Heard::Leaves,
            Message::Binary(_) => {
                Heard::Wrong(Close { code: 1_003, reason: "expected text frames".to_owned() })
            }
        }
    }

    /// Answers one text, unless the answer takes its time.
    async fn answer(&mut self, text: &str) -> Option<Response> {
        let request = match frame::read(self.plane.facts.version, text) {
            Ok(request) => request,
            Err(Unreadable::NotRequest(response)) => return Some(*response),
            Err(Unreadable::NotJson) => {
                let error = frame::ErrorShape::invalid("invalid request frame: not JSON");
                return Some(Response::refused("invalid", error));
            }
        };
        let id: Arc<str> = request.id.as_str().into();
        let wait = |it: methods::Later, id: Arc<str>| async move {
            Response { id: id.to_string(), outcome: it.await }
        };
        let reply = if self.later.len() >= LATER_MAX && methods::takes_its_time(&request.method) {
            let error = frame::ErrorShape::unavailable("too many calls of this connection wait");
            Reply::Now(Err(error.retry_after_ms(1_000)))
        } else {
            methods::call(self.plane, &self.caller, &request).await
        };
        let outcome = match reply {
            Reply::Now(outcome) => outcome,
            Reply::Later(answer) => {
                self.later.spawn(wait(answer, id));
                return None;
            }
            Reply::Twice(first, second) => {
                self.later.spawn(wait(second, id.clone()));
                Ok(first)
            }
        };
        if let Err(error) = &outcome {
            let (method, why) =
                (frame::beginning(&request.method), frame::beginning(&error.message));
            tracing::info!(method, code = ?error.code, why, "a call was refused");
        }
        Some(Response { id: id.to_string(), outcome })
    }
}

/// When a connection is told how the gateway is.
fn looks_at_health(plane: &Plane) -> Interval {
    let every = plane.hub.health_every();
    // The older contract's clients hear it first as soon as they are greeted.
    let first = match plane.facts.version {
        Version::V2026_3 => Duration::ZERO,
        Version::V2026_9 => every,
    };
    let mut looks = interval_at(clock::instant() + first, every);
    // One that is late is as good as two.
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    looks
}

/// What came of what was heard.
enum Heard {
    Answered,
    /// The other side ends the connection.
    Leaves,
    /// What nobody may say.
    Wrong(Close),
}

/// Returns when a member has to go; never for who is none.
async fn dismissed(member: &mut Option<Member>) {
    match member {
        Some(member) => member.dismissed().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
