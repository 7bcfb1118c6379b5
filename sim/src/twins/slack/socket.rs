//! Socket Mode: `hello`, then envelopes, each until it is acknowledged.

use std::time::Duration;

use axum::{
    extract::{
        Query, State as Extract, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use super::Slack;
use crate::scenario::Cut;

#[derive(Deserialize)]
pub(super) struct Link {
    ticket: String,
}

#[derive(Deserialize)]
struct Acknowledgement {
    envelope_id: String,
}

pub(super) async fn take(
    Extract(twin): Extract<Slack>,
    Query(Link { ticket }): Query<Link>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if twin.state().is_closed() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let Some((account, connection)) = twin.state().connect(&ticket) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    twin.push.stop_asking(&account);
    twin.dispatch();
    upgrade.on_upgrade(async move |socket| {
        serve(&twin, &account, connection, socket).await;
        twin.state().disconnect(&account, connection);
    })
}

/// Serves one connection until either side ends it.
async fn serve(twin: &Slack, account: &str, connection: u64, mut socket: WebSocket) {
    let hello = json!({
        "type": "hello",
        "num_connections": 1,
        "connection_info": { "app_id": account },
        "debug_info": { "host": "creel", "approximate_connection_time": 18_060 },
    });
    if socket.send(Message::Text(hello.to_string().into())).await.is_err() {
        return;
    }
    loop {
        let rung = twin.bell.notified();
        tokio::pin!(rung);
        rung.as_mut().enable();
        let cut = twin.state().cut_of(connection);
        if let Some(cut) = cut {
            return end(socket, cut).await;
        }
        loop {
            let next = twin.state().next_envelope(account, connection);
            let Some(text) = next else { break };
            if socket.send(Message::Text(text.into())).await.is_err() {
                return;
            }
        }
        let retry = twin.state().next_retry(account);
        let retry = async {
            match retry {
                None => std::future::pending().await,
                Some(wait) => sleep(wait.max(Duration::from_micros(1))).await,
            }
        };
        tokio::select! {
            biased;
            () = retry => (),
            said = socket.recv() => match said {
                Some(Ok(Message::Text(text))) => hear(twin, account, &text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => (),
                Some(Ok(Message::Binary(_))) => {
                    twin.state().recorder.harness_error("a binary message came over Socket Mode");
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            () = rung => (),
        }
    }
}

/// Ends a connection as the scenario wants it.
async fn end(mut socket: WebSocket, cut: Cut) {
    let reason = match cut {
        Cut::Drop => return,
        // Whoever reads, answers pings. It ends with the simulation, or the machine's connection.
        Cut::Silent => return std::future::pending().await,
        Cut::Close(code) => {
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static("creel") };
            _ = socket.send(Message::Close(Some(frame))).await;
            return;
        }
        Cut::Reconnect => "refresh_requested",
        Cut::Invalid => "link_disabled",
    };
    let said = json!({ "type": "disconnect", "reason": reason, "debug_info": { "host": "creel" } });
    // A client that is gone already needs not be told.
    if socket.send(Message::Text(said.to_string().into())).await.is_ok() {
        _ = socket.send(Message::Close(None)).await;
    }
}

fn hear(twin: &Slack, account: &str, text: &str) {
    let mut state = twin.state();
    let known = serde_json::from_str::<Acknowledgement>(text)
        .is_ok_and(|it| state.acknowledge(account, &it.envelope_id));
    if !known {
        state.recorder.harness_error("Slack was told of an envelope that it did not send");
    }
}
