//! Socket Mode: `hello`, then envelopes, each until it is acknowledged.

use axum::{
    extract::{
        Query, State as Extract, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::Slack;

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
    let Some((account, connection)) = twin.state().connect(&ticket) else {
        return StatusCode::FORBIDDEN.into_response();
    };
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
        loop {
            let next = twin.state().next_envelope(account, connection);
            let Some(text) = next else { break };
            if socket.send(Message::Text(text.into())).await.is_err() {
                return;
            }
        }
        tokio::select! {
            biased;
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

fn hear(twin: &Slack, account: &str, text: &str) {
    let mut state = twin.state();
    let known = serde_json::from_str::<Acknowledgement>(text)
        .is_ok_and(|it| state.acknowledge(account, &it.envelope_id));
    if !known {
        let what =
            "Slack was told of an envelope that it did not send, or had acknowledged already";
        state.recorder.harness_error(what);
    }
}
