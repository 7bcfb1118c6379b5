//! The handshake on a socket: the challenge, the first frame, and what comes of it.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::time::timeout;

use super::{close, now_ms, say};
use crate::{
    allowance::Allowance,
    control::{
        connect::{
            self, Accepted, Cause, Close, First, Fresh, Handshake, Method, News, Peer, Refused,
        },
        members::Member,
        plane::Plane,
    },
    secret::Secret,
};

/// How much a client may say before it has shown who it is, in bytes: the longest first frame, and some of what the protocol of
/// the socket itself needs.
pub(super) const BYTES_MAX: usize = connect::FIRST_FRAME_BYTES_MAX + 4_096;

/// What came first on a socket.
enum Came {
    Text(String),
    /// More than anybody may say now.
    TooMuch,
    /// The end.
    End,
}

/// The challenge and the first frame; none if the connection has ended. Who came as a device is a member from now on.
pub(super) async fn shake(
    plane: &Plane,
    socket: &mut WebSocket,
    (peer, allowance): (&Peer, &Allowance),
) -> Option<(Accepted, Option<Member>)> {
    let version = plane.facts.version;
    let nonce = plane.entropy.uuid();
    let challenge = connect::challenge(&nonce, now_ms(plane));
    say(socket, challenge.json().to_string()).await.ok()?;
    let within = Duration::from_millis(connect::first_frame_ms_max(version));
    let first = match timeout(within, first(socket, allowance)).await {
        Ok(Came::Text(first)) => first,
        Ok(Came::TooMuch) => {
            close(socket, connect::too_large()).await;
            return None;
        }
        Ok(Came::End) => return None,
        Err(_) => {
            close(socket, Close { code: 1_000, reason: String::new() }).await;
            return None;
        }
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
    let (first, member) = plane.with_devices(|it| {
        let first = handshake.first(&first, now_ms(plane), it);
        // Here, or the device could be removed before somebody is there to be dismissed.
        let member = match &first {
            First::Accepted(it) => it.device_id.as_ref().map(|id| plane.members.join(id, it.role)),
            First::Refused(..) => None,
        };
        (first, member)
    });
    match first {
        First::Accepted(accepted) => {
            if accepted.method == Method::Token {
                plane.guesses.succeeded(peer);
            }
            tell(plane, &accepted.news).await;
            Some((*accepted, member))
        }
        First::Refused(refused, news) => {
            tell(plane, &news).await;
            refuse(plane, socket, (peer, refused)).await;
            None
        }
    }
}

async fn first(socket: &mut WebSocket, allowance: &Allowance) -> Came {
    loop {
        let heard = tokio::select! {
            biased;
            heard = socket.next() => heard,
            () = allowance.spent() => return Came::TooMuch,
        };
        match heard {
            Some(Ok(Message::Text(text))) => return Came::Text(text.as_str().to_owned()),
            Some(Ok(Message::Binary(_))) => return Came::Text(String::new()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Came::End,
        }
    }
}

async fn refuse(plane: &Plane, socket: &mut WebSocket, (peer, refused): (&Peer, Refused)) {
    if refused.cause == Cause::Guessed {
        plane.guesses.failed(peer);
    }
    tracing::warn!(cause = ?refused.cause, "a client was refused");
    if let Some(response) = refused.response
        && say(socket, response.json().to_string()).await.is_err()
    {
        return;
    }
    close(socket, refused.close).await;
}

/// What changed for the devices is kept, and those who may pair hear of it.
async fn tell(plane: &Plane, news: &[News]) {
    if !news.is_empty() {
        plane.keep_devices().await;
    }
    let resolved = |request_id: &str, device_id: &str, decision: &str| {
        let payload = json!({
            "requestId": request_id, "deviceId": device_id, "decision": decision, "ts": plane.hub.now_ms(),
        });
        plane.hub.publish("device.pair.resolved", payload);
    };
    for news in news {
        match news {
            News::Requested(request) => {
                plane.hub.publish("device.pair.requested", request.clone());
            }
            News::Approved { request_id, device_id } => {
                resolved(request_id, device_id, "approved");
            }
            News::Superseded { request_id, device_id } => {
                resolved(request_id, device_id, "superseded");
            }
            News::Token => {}
        }
    }
}
