//! What push channels share: their platforms call the gateway, on routes of its own port.
//!
//! A call is answered with 200 only after the core adopted every message in it. A platform that hears 503 keeps the
//! message and calls again, also when the gateway is ending.

use axum::{extract::DefaultBodyLimit, http::StatusCode, routing::MethodRouter};
use creel_core::message::Inbound;

use crate::{clock::WallClock, driver::Inbox, http::Http, net::Net};

/// What the handlers of a push channel stand on.
#[derive(Clone, Debug)]
pub struct Ground<N: Net> {
    /// The client, for what a call only points to.
    pub http: Http<N>,
    /// The way to the loop.
    pub inbox: Inbox,
    /// The clock that a call's date is held against.
    pub wall_clock: WallClock,
}

/// A path of the gateway's port, and who answers there.
#[derive(Debug)]
pub struct Door {
    /// The path.
    pub path: String,
    /// The handlers.
    pub methods: MethodRouter,
}

impl Door {
    /// A door whose callers may send `bytes_max` bytes. More is refused with 413, before it is read.
    pub fn new(path: &str, bytes_max: usize, methods: MethodRouter) -> Self {
        let methods = methods.layer(DefaultBodyLimit::max(bytes_max));
        Self { path: path.to_owned(), methods }
    }
}

/// The path of an account that the configuration gives none.
pub fn default_path(channel: &str, account: &str) -> String {
    format!("/webhooks/{channel}/{account}")
}

/// Whether the gateway's port can have such a path: it begins with a slash and has letters, digits, `-`, `_`, `.` and
/// single slashes, none at its end.
pub fn is_path(path: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it))
    };
    path.strip_prefix('/').is_some_and(|it| it.split('/').all(is_part))
}

/// Hands messages in, in order, and says what the platform is told.
pub async fn adopt(inbox: &Inbox, messages: Vec<Inbound>) -> StatusCode {
    if inbox.is_closing() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    for message in messages {
        if !inbox.adopt(message).await {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    }
    StatusCode::OK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain() {
        let good = ["/a", "/webhooks/whatsapp/default", "/a-b_c.d/1"];
        let bad = ["", "/", "a", "/a/", "//a", "/a b", "/{a}", "/*a", "/a?b", "/ä"];
        assert!(good.into_iter().all(is_path));
        assert_eq!(bad.into_iter().filter(|it| is_path(it)).collect::<Vec<_>>(), [""; 0]);
        assert!(is_path(&default_path("webhook", "default")));
    }
}
