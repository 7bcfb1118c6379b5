//! The way in: an HTTP request that becomes a socket, if it comes from where a client may be.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Extension,
    extract::{
        Request, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::sync::mpsc;

use super::{
    connect::Peer,
    console::{self, Page},
    socket::{Opened, PAYLOAD_BYTES_MAX, STRANGER_BYTES_MAX},
};
use crate::allowance::Allowance;

/// What a connection reads at once, in bytes. Most clients say little and seldom, and each would hold 128 KiB otherwise.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// What the door needs.
#[derive(Clone, Debug)]
pub struct Porch {
    /// Where opened sockets go.
    pub opened: mpsc::Sender<Opened>,
    /// Whether every address counts as this machine's own, as in a simulation.
    pub all_are_near: bool,
}

/// Upgrades a request, or shows the page to one that asks for no upgrade.
pub async fn enter(
    State((porch, page)): State<(Porch, Page)>,
    (Extension(from), Extension(allowance)): (Extension<SocketAddr>, Extension<Allowance>),
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(_) if !headers.contains_key(header::UPGRADE) => {
            return match host(&headers, from.ip(), porch.all_are_near) {
                Ok(()) => console::answer(page),
                Err(why) => (StatusCode::FORBIDDEN, format!("{why}\n")).into_response(),
            };
        }
        Err(rejection) => return rejection.into_response(),
    };
    let peer = match peer(&headers, from.ip(), porch.all_are_near) {
        Ok(peer) => peer,
        Err(why) => return (StatusCode::FORBIDDEN, format!("{why}\n")).into_response(),
    };
    let opened = porch.opened;
    allowance.limit(STRANGER_BYTES_MAX);
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(PAYLOAD_BYTES_MAX)
        .max_frame_size(PAYLOAD_BYTES_MAX)
        // An error means that the gateway has ended.
        .on_upgrade(move |socket| async move {
            _ = opened.send(Opened { socket, peer, allowance }).await;
        })
}

/// What a proxy says about whom it asks for. What it says is anybody's word; that it says something is not.
const FORWARDED: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
];

/// Whether a request comes to this machine by one of its own names. A page of another site that has its name lead here would
/// read what is said without a secret; programs that name no host are no pages.
///
/// # Errors
///
/// Says what was expected.
pub fn host(headers: &HeaderMap, from: IpAddr, all_are_near: bool) -> Result<(), &'static str> {
    let is_near = from.to_canonical().is_loopback() && !all_are_near;
    if !is_near
        || !headers.contains_key(header::HOST)
        || named(headers).is_some_and(|it| is_ours(&it))
    {
        return Ok(());
    }
    Err(NOT_OURS)
}

/// Refuses a request with two names: one reader would go by the first, another by the second.
pub async fn one_host(request: Request, next: Next) -> Response {
    match request.headers().get_all(header::HOST).iter().nth(1) {
        Some(_) => (StatusCode::BAD_REQUEST, "expected one `Host`\n").into_response(),
        None => next.run(request).await,
    }
}

/// The name by which a request knows this machine.
fn named(headers: &HeaderMap) -> Option<Authority> {
    let host = headers.get(header::HOST)?.to_str().ok()?.parse::<Uri>().ok()?;
    host.authority().cloned()
}

const NOT_OURS: &str = "expected `Host` to be this machine: localhost or a loopback address";

/// Who asks. A page of another site is nobody: it would speak with this machine's own standing.
pub(super) fn peer(
    headers: &HeaderMap,
    from: IpAddr,
    all_are_near: bool,
) -> Result<Peer, &'static str> {
    let (host, from) = (named(headers), from.to_canonical());
    let is_near = from.is_loopback() || all_are_near;
    // A name that leads here by somebody else's doing is no name of this machine.
    if is_near && !all_are_near && !host.as_ref().is_some_and(is_ours) {
        return Err(NOT_OURS);
    }
    // Who is behind a proxy on this machine may be anywhere.
    let is_near = is_near && !FORWARDED.iter().any(|it| headers.contains_key(*it));
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(if is_near { Peer::Program } else { Peer::Remote(from.to_string()) });
    };
    let origin = origin.to_str().ok().and_then(|it| it.parse::<Uri>().ok());
    let same =
        origin.as_ref().and_then(|it| it.authority()).is_some_and(|it| Some(it) == host.as_ref());
    match (same, is_near) {
        (true, true) => Ok(Peer::Page),
        (true, false) => Ok(Peer::Remote(from.to_string())),
        (false, _) => Err("origin not allowed: expected the gateway's own page"),
    }
}

fn is_ours(name: &Authority) -> bool {
    let host = name.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, origin: Option<&str>, from: &str, expected: Option<&Peer>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let found = peer(&headers, from.parse().unwrap(), false);
        assert_eq!(found.ok().as_ref(), expected, "{host} {origin:?} {from}");
    }

    #[test]
    fn pages_of_other_sites_are_nobody() {
        let near = "127.0.0.1";
        check("127.0.0.1:18789", None, near, Some(&Peer::Program));
        check("[::1]:18789", None, "::1", Some(&Peer::Program));
        check("localhost:18789", Some("http://localhost:18789"), near, Some(&Peer::Page));
        check("localhost:18789", Some("http://localhost:18790"), near, None);
        check("localhost:18789", Some("https://evil.example"), near, None);
        check("localhost:18789", Some("null"), near, None);
        check("evil.example:18789", None, near, None);
        check("evil.example", Some("http://evil.example"), near, None);
        let far = Peer::Remote("192.0.2.7".to_owned());
        check("gateway.example:18789", None, "192.0.2.7", Some(&far));
        check("gateway.example", Some("http://gateway.example"), "192.0.2.7", Some(&far));
        check("gateway.example", Some("http://other.example"), "192.0.2.7", None);
        check("evil.example", None, "::ffff:127.0.0.1", None);
        check("127.0.0.1", None, "::ffff:127.0.0.1", Some(&Peer::Program));
    }

    #[test]
    fn who_is_behind_a_proxy_on_this_machine_is_elsewhere() {
        for name in FORWARDED {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "127.0.0.1:18789".parse().unwrap());
            headers.insert(name, "127.0.0.1".parse().unwrap());
            let behind = Peer::Remote("127.0.0.1".to_owned());
            let from = "127.0.0.1".parse().unwrap();
            assert_eq!(peer(&headers, from, false), Ok(behind.clone()), "{name}");
            headers.insert(header::ORIGIN, "http://127.0.0.1:18789".parse().unwrap());
            assert_eq!(peer(&headers, from, false), Ok(behind), "{name}");
        }
    }
}
