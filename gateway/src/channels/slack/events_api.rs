//! The Events API: Slack calls the gateway's own port, and signs what it says.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};

use super::{
    Account,
    api::Api,
    event::{self, Callback},
};
use crate::{
    channels::push::{Door, Ground, adopt},
    net::Net,
    secret::Secret,
    signature,
};

/// The header with the date of a call.
const TIMESTAMP: &str = "x-slack-request-timestamp";

/// The header with the signature.
const SIGNATURE: &str = "x-slack-signature";

/// The version of the signature, which is also the first thing signed.
const VERSION: &str = "v0";

/// How far a call's date may lie from the clock on the wall, in seconds.
const TOLERANCE_S: u64 = 300;

/// The largest call that is read, in bytes.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Clone)]
struct Caller<N: Net> {
    account: Account,
    secret: Secret,
    ground: Ground<N>,
}

/// Where Slack calls for an account.
pub(super) fn door<N: Net>(
    account: Account,
    secret: Secret,
    path: &str,
    ground: Ground<N>,
) -> Door {
    let caller = Caller { account, secret, ground };
    Door::new(path, BODY_BYTES_MAX, post(take::<N>).with_state(caller))
}

async fn take<N: Net>(
    State(Caller { account, secret, ground }): State<Caller<N>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let refused = |status: StatusCode, why: &str| {
        tracing::warn!(account = account.name(), why, "a call was refused");
        (status, format!("{why}\n"))
    };
    let header = |name| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let (date, given) = (header(TIMESTAMP), header(SIGNATURE));
    let signed: [&[u8]; 5] = [VERSION.as_bytes(), b":", date.as_bytes(), b":", &body];
    let digits = given.strip_prefix(VERSION).and_then(|it| it.strip_prefix('='));
    // The signature first: a stranger must not hear what else is wrong.
    if !digits.is_some_and(|it| signature::is_valid_hex(&secret, &signed, it)) {
        return refused(StatusCode::UNAUTHORIZED, "the signature is not valid");
    }
    let now_s = ground.wall_clock.now().as_unix_ms().div_euclid(1_000);
    if !date.parse().is_ok_and(|it: i64| now_s.abs_diff(it) <= TOLERANCE_S) {
        return refused(StatusCode::UNAUTHORIZED, "the timestamp is too far from this clock");
    }
    let Ok(callback) = serde_json::from_slice::<Callback>(&body) else {
        return refused(StatusCode::BAD_REQUEST, "the body is not a callback");
    };
    if callback.r#type == "url_verification" {
        return (StatusCode::OK, callback.challenge.unwrap_or_default());
    }
    // Slack calls again; until then we learn who we are.
    let Some(me) = account.memory.me() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "the account is not up yet");
    };
    let api = Api::new(ground.http.clone(), &account);
    let Ok(message) = event::read(callback, &account, &me, &api).await else {
        return refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "whose message this is cannot be told now",
        );
    };
    (adopt(&ground.inbox, message.into_iter().collect()).await, String::new())
}
