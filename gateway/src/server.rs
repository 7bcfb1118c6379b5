//! The gateway's own port: is it alive, is it ready, and the operator's pairing approval.
//!
//! The connections are served here rather than by `axum::serve`, so that every task has an owner and ends with it.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
    serve::Listener,
};
use creel_core::ids::Channel;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::{JoinError, JoinSet},
};

use crate::{
    allowance::{Allowance, Metered},
    channels::{self, Board, push::Door},
    control::{
        door,
        gate::{self, Gate},
        guesses,
        networks::Networks,
    },
    driver::Inbox,
};

/// How many connections are served at once; further ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 4_096;

/// How many of these the machines of one other network may have.
pub const NETWORK_MAX: usize = 512;

/// The longest approval, in bytes.
const APPROVAL_BYTES_MAX: usize = 64 * 1024;

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct Control {
    /// How the channels are doing.
    pub board: Arc<Board>,
    /// The way to the loop.
    pub inbox: Inbox,
    /// What operator calls have to pass.
    pub gate: Gate,
}

/// The routes of the gateway's port.
pub fn router((control, operators): (Control, Router), doors: Vec<Door>) -> Router {
    let doors =
        doors.into_iter().fold(Router::new(), |it, door| it.route(&door.path, door.methods));
    Router::new()
        .route("/health", get(|| async { Json(json!({ "ok": true })) }))
        .route("/ready", get(ready))
        .route_layer(middleware::from_fn_with_state(control.clone(), own_name))
        .route("/pairing/approve", post(approve))
        .with_state(control)
        .merge(operators)
        .merge(doors)
        .layer(middleware::from_fn(door::one_host))
}

/// What needs no secret is told to nobody who knows this machine by another's name.
async fn own_name(
    State(control): State<Control>,
    Extension(from): Extension<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match door::host(request.headers(), from.ip(), control.gate.all_are_near) {
        Ok(()) => next.run(request).await,
        Err(why) => (StatusCode::FORBIDDEN, format!("{why}\n")).into_response(),
    }
}

/// The paths that are the gateway's own, and so no channel's.
pub const PATHS: [&str; 6] =
    ["/", "/health", "/metrics", "/pairing/approve", "/ready", "/v1/chat/completions"];

/// What becomes of a connection whose client sends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// It is closed when a request's head has not come within hyper's 30 s, from its beginning or the request before. One
    /// network has [`NETWORK_MAX`] connections at the most.
    Closed,
    /// It stays: the simulator's platforms close nothing of their own accord.
    Kept,
}

/// Serves `router` on `listener` for as long as the future is polled.
///
/// The connections belong to the future: dropping it ends them all. A connection that its client closes drops the
/// request that it was serving, and with it the handler.
pub async fn serve<L>(mut listener: L, router: Router, idle: Idle) -> Infallible
where
    L: Listener<Addr = SocketAddr>,
{
    let (mut connections, networks) = (JoinSet::new(), Networks::default());
    loop {
        tokio::select! {
            biased;
            Some(ended) = connections.join_next() => propagate(ended),
            (io, from) = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                let is_far = idle == Idle::Closed && !from.ip().to_canonical().is_loopback();
                let name = guesses::network(&from.ip().to_string());
                let share = is_far.then(|| networks.share(name, NETWORK_MAX));
                if matches!(share, Some(None)) {
                    tracing::warn!(%from, "its network has too many connections; one was dropped");
                    continue;
                }
                let served = connection((io, from), router.clone(), idle);
                connections.spawn(async move {
                    let _share = share;
                    served.await;
                });
            }
        }
    }
}

/// Serves one connection until either side closes it.
pub(crate) async fn connection<I>((io, from): (I, SocketAddr), router: Router, idle: Idle)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    // The date would be the machine's, and no reader needs it.
    http.timer(TokioTimer::new()).auto_date_header(false);
    if idle == Idle::Kept {
        http.header_read_timeout(None);
    }
    // Handlers that care find the other side's address among the request's extensions.
    let allowance = Allowance::default();
    let router = router.layer(Extension(from)).layer(Extension(allowance.clone()));
    let io = TokioIo::new(Metered::new(io, allowance));
    // A connection that breaks is its client's business.
    _ = http.serve_connection(io, TowerToHyperService::new(router)).with_upgrades().await;
}

/// A panic in a handler is a bug of ours, so it must end the run.
fn propagate(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        std::panic::resume_unwind(error.into_panic());
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
            channels::State::Retrying(why) => (account, json!({ "retrying": why })),
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
    Extension(from): Extension<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, HeaderMap, Json<Value>) {
    let none = HeaderMap::new;
    let refused =
        |status, error: String| (status, none(), Json(json!({ "ok": false, "error": error })));
    if let Err(refusal) = control.gate.operator(&headers, from.ip()) {
        let (status, _, shown) = refused(refusal.status(), refusal.to_string());
        return (status, refusal.headers(), shown);
    }
    let body = match gate::read(&headers, body, APPROVAL_BYTES_MAX).await {
        Ok(body) => body,
        Err(error) => return refused(error.status(), error.to_string()),
    };
    // Read by hand, since a stranger must not even hear what a body should look like.
    let Ok(Approval { channel, code }) = serde_json::from_slice(&body) else {
        let why = r#"expected a body like {"channel": "telegram", "code": "ABCD2345"}"#;
        return refused(StatusCode::BAD_REQUEST, why.into());
    };
    let Ok(channel) = Channel::new(&channel) else {
        return refused(StatusCode::BAD_REQUEST, "`channel` is empty".into());
    };
    let approved = control
        .inbox
        .operate(move |core, now, _| core.approve_pairing(now.monotonic, &channel, &code));
    match approved.await {
        Some(Ok((account, sender))) => {
            let approved = json!({ "account": account.as_str(), "sender": sender.as_str() });
            (StatusCode::OK, none(), Json(json!({ "ok": true, "approved": approved })))
        }
        Some(Err(error)) => refused(StatusCode::NOT_FOUND, error.to_string()),
        None => refused(StatusCode::SERVICE_UNAVAILABLE, "the gateway is ending".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;
    use crate::clock;

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_too_little_is_closed() {
        for said in ["", "GET / HTTP/1.1\r\nho", "GET / HTTP/1.1\r\nhost: a\r\n\r\n"] {
            let (near, mut far) = duplex(1_024);
            far.write_all(said.as_bytes()).await.expect("it is open");
            let (from, began) = (([127, 0, 0, 1], 1).into(), clock::instant());
            connection((near, from), Router::new(), Idle::Closed).await;
            let took = clock::instant() - began;
            assert!((29..=31).contains(&took.as_secs()), "{said:?}: {took:?}");
            let (near, _far) = duplex(1_024);
            let kept = connection((near, from), Router::new(), Idle::Kept);
            assert!(tokio::time::timeout(Duration::from_mins(10), kept).await.is_err());
        }
    }
}
