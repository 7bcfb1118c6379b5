//! The way in: an HTTP request that becomes a socket, if it comes from where a client may be.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Extension,
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode, Uri, header},
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
        Err(_) if !headers.contains_key(header::UPGRADE) => return console::answer(page),
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

/// Who asks. A page of another site is nobody: it would speak with this machine's own standing.
pub(super) fn peer(
    headers: &HeaderMap,
    from: IpAddr,
    all_are_near: bool,
) -> Result<Peer, &'static str> {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
    let host = text(header::HOST).and_then(|it| it.parse::<Uri>().ok());
    let host = host.as_ref().and_then(|it| it.authority());
    let is_near = from.is_loopback() || all_are_near;
    // A name that leads here by somebody else's doing is no name of this machine.
    if is_near && !all_are_near && !host.is_some_and(|it| is_own(it.host())) {
        return Err("expected `Host` to be this machine: localhost or a loopback address");
    }
    // Who is behind a proxy on this machine may be anywhere.
    let is_near = is_near && !FORWARDED.iter().any(|it| headers.contains_key(*it));
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(if is_near { Peer::Program } else { Peer::Remote(from.to_string()) });
    };
    let origin = origin.to_str().ok().and_then(|it| it.parse::<Uri>().ok());
    let same = origin.as_ref().and_then(|it| it.authority()).is_some_and(|it| Some(it) == host);
    match (same, is_near) {
        (true, true) => Ok(Peer::Page),
        (true, false) => Ok(Peer::Remote(from.to_string())),
        (false, _) => Err("origin not allowed: expected the gateway's own page"),
    }
}

fn is_own(host: &str) -> bool {
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
