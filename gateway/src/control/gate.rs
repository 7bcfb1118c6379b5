//! What every call over HTTP has to pass: where it comes from, which secret it bears, and how large it may be.

use std::{net::IpAddr, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use super::{
    connect::{Attempts, Peer},
    door,
    guesses::Guesses,
};
use crate::{secret::Secret, signature};

/// How long a body may take to arrive.
pub const BODY_WITHIN: Duration = Duration::from_secs(30);

/// The way in for operators. A clone is the same.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The gateway's token. Without one nobody may pass.
    pub token: Option<Secret>,
    /// Who has guessed at it.
    pub guesses: Guesses,
    /// Whether every address counts as this machine's own, as in a simulation.
    pub all_are_near: bool,
}

/// Why a call does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It comes from where no caller may be.
    #[error("{0}")]
    Elsewhere(&'static str),
    /// There is no token that anybody could show.
    #[error("no `gateway.auth.token` is configured, so operator calls are refused")]
    NoToken,
    /// It bears no secret, or a wrong one.
    #[error("expected the header `authorization: Bearer <gateway.auth.token>`")]
    NoSecret,
    /// Its peer has guessed too often.
    #[error("too many failed attempts")]
    TooOften {
        /// When it may try again, in ms from now.
        retry_after_ms: u64,
    },
}

/// Why a body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It is longer than it may be.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// It did not arrive in time.
    #[error("the body did not arrive within {} seconds", BODY_WITHIN.as_secs())]
    TooSlow,
    /// It broke off.
    #[error("the body broke off")]
    Broken,
    /// It says that it is something else.
    #[error("expected `content-type: application/json`")]
    NotJson,
}

impl Gate {
    /// Lets an operator's call pass.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it.
    pub fn operator(&self, headers: &HeaderMap, from: IpAddr) -> Result<(), Refusal> {
        let peer = door::peer(headers, from, self.all_are_near).map_err(Refusal::Elsewhere)?;
        let token = self.token.as_ref().ok_or(Refusal::NoToken)?;
        check(&self.guesses, &peer, token, bearer(headers))
    }

    /// Who asks, where no secret is needed.
    ///
    /// # Errors
    ///
    /// When no caller may be there.
    pub fn anybody(&self, headers: &HeaderMap, from: IpAddr) -> Result<Peer, Refusal> {
        door::peer(headers, from, self.all_are_near).map_err(Refusal::Elsewhere)
    }
}

/// Compares what a peer shows with a secret, and remembers what was wrong.
///
/// # Errors
///
/// When it shows nothing or something else, and when it has done so too often.
pub fn check(
    guesses: &Guesses,
    peer: &Peer,
    secret: &Secret,
    shown: Option<&str>,
) -> Result<(), Refusal> {
    let shown = shown.ok_or(Refusal::NoSecret)?;
    if let Attempts::Exhausted { retry_after_ms } = guesses.attempts(peer) {
        return Err(Refusal::TooOften { retry_after_ms });
    }
    if signature::is_same(secret, shown) {
        guesses.succeeded(peer);
        return Ok(());
    }
    guesses.failed(peer);
    Err(Refusal::NoSecret)
}

/// What stands behind `Bearer`, if anything does.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = given.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

impl Refusal {
    /// The status of its answer.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Elsewhere(_) | Self::NoToken => StatusCode::FORBIDDEN,
            Self::NoSecret => StatusCode::UNAUTHORIZED,
            Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// The headers of its answer.
    pub fn headers(self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self {
            Self::NoSecret => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::TooOften { retry_after_ms } => {
                let seconds = retry_after_ms.div_ceil(1_000).max(1);
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Self::Elsewhere(_) | Self::NoToken => {}
        }
        headers
    }
}

impl Unread {
    /// The status of its answer.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

/// Reads a body that is JSON, or does not say what it is.
///
/// # Errors
///
/// When it says that it is something else, is too long, or does not come.
pub async fn read(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Unread> {
    let kind = headers.get(header::CONTENT_TYPE).map(|it| it.to_str().unwrap_or_default());
    let is_json = |kind: &str| {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind == "application/json" || kind.ends_with("+json")
    };
    if kind.is_some_and(|it| !is_json(it)) {
        return Err(Unread::NotJson);
    }
    match timeout(BODY_WITHIN, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(all)) => Ok(all.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLong(bytes_max)),
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::TooSlow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn gate() -> Gate {
        let token = Some(Secret::new("right".to_owned()));
        Gate { token, guesses: Guesses::default(), all_are_near: false }
    }

    fn check(from: &str, pairs: &[(&'static str, &str)], expected: Result<(), Refusal>) {
        assert_eq!(gate().operator(&headers(pairs), from.parse().unwrap()), expected, "{pairs:?}");
    }

    #[test]
    fn only_the_right_bearer_from_the_right_place_passes() {
        let here = ("host", "127.0.0.1:18789");
        let near = "127.0.0.1";
        check(near, &[here, ("authorization", "Bearer right")], Ok(()));
        check(near, &[here, ("authorization", "bearer  right ")], Ok(()));
        check(near, &[here, ("authorization", "Bearer wrong")], Err(Refusal::NoSecret));
        check(near, &[here, ("authorization", "Basic right")], Err(Refusal::NoSecret));
        check(near, &[here, ("authorization", "Bearer ")], Err(Refusal::NoSecret));
        check(near, &[here], Err(Refusal::NoSecret));
        let right = ("authorization", "Bearer right");
        let other = "expected `Host` to be this machine: localhost or a loopback address";
        check(near, &[("host", "evil.example"), right], Err(Refusal::Elsewhere(other)));
        let page = "origin not allowed: expected the gateway's own page";
        let evil = ("origin", "https://evil.example");
        check(near, &[here, evil, right], Err(Refusal::Elsewhere(page)));
        check("192.0.2.7", &[("host", "gateway.example"), right], Ok(()));
    }

    #[test]
    fn guessing_ends_and_the_right_token_does_not_help_then() {
        let gate = gate();
        let far: IpAddr = "192.0.2.7".parse().unwrap();
        let with = |secret: &str| {
            gate.operator(&headers(&[("authorization", &format!("Bearer {secret}"))]), far)
        };
        for _ in 0..10 {
            assert_eq!(with("wrong"), Err(Refusal::NoSecret));
        }
        let refused = with("right").unwrap_err();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()["retry-after"], "300");
    }

    #[tokio::test]
    async fn bodies_are_json_and_no_longer_than_they_may_be() {
        let send = async |kind: Option<&str>, body: &str| {
            let headers = kind.map_or_else(HeaderMap::new, |it| headers(&[("content-type", it)]));
            read(&headers, Body::from(body.to_owned()), 4).await
        };
        assert_eq!(send(None, "1234").await.as_deref(), Ok(&b"1234"[..]));
        assert_eq!(
            send(Some("application/json; charset=utf-8"), "{}").await.as_deref(),
            Ok(&b"{}"[..])
        );
        assert_eq!(send(Some("text/plain"), "{}").await, Err(Unread::NotJson));
        assert_eq!(send(None, "12345").await, Err(Unread::TooLong(4)));
    }
}
