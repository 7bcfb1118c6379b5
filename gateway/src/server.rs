//! The gateway's own port: is it alive, is it ready, and the operator's pairing approval.
//!
//! The connections are served here rather than by `axum::serve`, so that every task has an owner and ends with it.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::{get, post},
};
use creel_core::ids::Channel;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    channels::{self, Board},
    driver::Inbox,
    secret::Secret,
};

/// How many connections are served at once; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct Control {
    /// How the channels are doing.
    pub board: Arc<Board>,
    /// The way to the loop.
    pub inbox: Inbox,
    /// The token that operator calls must bear. Without one they are refused.
    pub token: Option<Secret>,
}

/// The routes of the gateway's port.
pub fn router(control: Control) -> Router {
    Router::new()
        .route("/health", get(|| async { Json(json!({ "ok": true })) }))
        .route("/ready", get(ready))
        .route("/pairing/approve", post(approve))
        .with_state(control)
}

/// Serves until the future is dropped; its connections are dropped with it.
pub async fn serve(mut listener: impl axum::serve::Listener, router: Router) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await;
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        let service = TowerToHyperService::new(router.clone());
        connections.spawn(async move {
            let mut builder = Builder::new(TokioExecutor::new());
            // The date would be the machine's, and no reader needs it.
            builder.http1().auto_date_header(false).timer(TokioTimer::new());
            // A connection that breaks is its client's business.
            _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn ready(State(control): State<Control>) -> (StatusCode, Json<Value>) {
    let states = control.board.states();
    let up = states.values().all(|it| *it == channels::State::Up);
    let closing = control.inbox.is_closing();
    let ready = up && !closing;
    let shown: serde_json::Map<String, Value> = states
        .into_iter()
        .map(|(account, state)| match state {
            channels::State::Starting => (account, json!("starting")),
            channels::State::Up => (account, json!("up")),
            channels::State::Down(why) => (account, json!({ "down": why })),
        })
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "closing": closing, "channels": shown })))
}

#[derive(Deserialize)]
struct Approval {
    channel: String,
    code: String,
}

async fn approve(
    State(control): State<Control>,
    headers: HeaderMap,
    Json(approval): Json<Approval>,
) -> (StatusCode, Json<Value>) {
    let refused = |status, error: String| (status, Json(json!({ "ok": false, "error": error })));
    let Some(token) = control.token.as_ref() else {
        let why = "no `gateway.auth.token` is configured, so operator calls are refused";
        return refused(StatusCode::FORBIDDEN, why.into());
    };
    if !bears(&headers, token) {
        let why = "expected the header `authorization: Bearer <gateway.auth.token>`";
        return refused(StatusCode::UNAUTHORIZED, why.into());
    }
    let Ok(channel) = Channel::new(&approval.channel) else {
        return refused(StatusCode::BAD_REQUEST, "`channel` is empty".into());
    };
    match control.inbox.approve_pairing(channel, approval.code).await {
        Some(Ok((account, sender))) => {
            let approved = json!({ "account": account.as_str(), "sender": sender.as_str() });
            (StatusCode::OK, Json(json!({ "ok": true, "approved": approved })))
        }
        Some(Err(error)) => refused(StatusCode::NOT_FOUND, error.to_string()),
        None => refused(StatusCode::SERVICE_UNAVAILABLE, "the gateway is ending".into()),
    }
}

/// Compares without telling by the time taken how much of a guess was right.
fn bears(headers: &HeaderMap, token: &Secret) -> bool {
    let given = headers.get(header::AUTHORIZATION).map_or(&[][..], |it| it.as_bytes());
    let expected = format!("Bearer {}", token.expose());
    let differences = given.iter().zip(expected.as_bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == expected.len() && differences == 0
}
