//! The generic webhook: signed JSON in, signed JSON out. For platforms of one's own.
//!
//! ```text
//!   POST <webhookPath>  {id, conversation, sender, kind, text, …}     ──▶ 200 once the gateway has adopted it
//!   POST <replyUrl>     {id, conversation, kind, text, replyTo, …}    ◀── again until 2xx; `id` stays the same
//! ```
//!
//! Both carry `X-Creel-Timestamp`, the seconds since 1970, and `X-Creel-Signature-256`, which is `sha256=` and the
//! HMAC-SHA256 of the timestamp, a full stop and the body, in hexadecimal. A timestamp that is more than
//! [`TOLERANCE_S`] away from the receiver's clock is refused, so that a recorded call cannot be played back later.

mod message;
mod reply;

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use creel_core::ids::AccountId;

pub use self::reply::send;
use crate::{
    channels::{
        Board, State as Doing,
        push::{Door, Ground, adopt},
    },
    driver::Inbox,
    net::Net,
    secret::Secret,
    signature,
};

/// The name of the channel in configuration, bindings and session keys.
pub const CHANNEL: &str = "webhook";

/// The header with the date of a call.
pub const TIMESTAMP: &str = "x-creel-timestamp";

/// The header with the signature.
pub const SIGNATURE: &str = "x-creel-signature-256";

/// How far a call's date may lie from the clock on the wall, in seconds.
pub const TOLERANCE_S: i64 = 300;

/// The largest call that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One account: a place that calls us, and the one that we call.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name in the configuration.
    pub id: AccountId,
    /// What both sides sign with.
    pub secret: Secret,
    /// Where replies go.
    pub reply_url: String,
    /// Where on our port it calls.
    pub path: String,
    /// The largest image that it takes, either way, in bytes.
    pub media_bytes_max: usize,
}

impl Account {
    /// The account as the log and `/ready` call it.
    pub fn name(&self) -> String {
        format!("{CHANNEL}/{}", self.id)
    }

    /// What it adds to the gateway's port.
    pub fn door<N: Net>(&self, ground: Ground<N>) -> Door {
        let caller = Caller { account: self.clone(), ground };
        let methods = post(take::<N>).with_state(caller);
        Door::new(&self.path, BODY_BYTES_MAX, methods)
    }
}

/// Is up at once, until the gateway takes no more messages: there is nothing to ask for.
pub async fn receive(account: Account, inbox: Inbox, board: Arc<Board>) {
    board.set(&account.name(), Doing::Up);
    tracing::info!(account = account.name(), path = account.path, "receiving");
    inbox.closing().await;
}

#[derive(Clone)]
struct Caller<N: Net> {
    account: Account,
    ground: Ground<N>,
}

async fn take<N: Net>(
    State(Caller { account, ground }): State<Caller<N>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let refused = |status: StatusCode, why: &str| {
        tracing::warn!(account = account.name(), why, "a call was refused");
        (status, format!("{why}\n"))
    };
    let header = |name| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let (date, given) = (header(TIMESTAMP), header(SIGNATURE));
    // The signature first: a stranger must not hear what else is wrong.
    if !signature::is_valid(&account.secret, &[date.as_bytes(), b".", &body], given) {
        return refused(StatusCode::UNAUTHORIZED, "the signature is not valid");
    }
    let now_s = ground.wall_clock.now().as_unix_ms().div_euclid(1_000);
    let is_near = |it: i64| now_s.abs_diff(it) <= TOLERANCE_S.unsigned_abs();
    if !date.parse().is_ok_and(is_near) {
        return refused(StatusCode::UNAUTHORIZED, "the timestamp is too far from this clock");
    }
    match message::read(&body, &account.id) {
        Ok(inbound) => (adopt(&ground.inbox, vec![inbound]).await, String::new()),
        Err(why) => refused(StatusCode::BAD_REQUEST, &why),
    }
}
