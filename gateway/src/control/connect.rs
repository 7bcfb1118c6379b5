//! The handshake: the first frame of a connection decides whether there is a second.
//!
//! ```text
//!   JSON? request? connect? params? -> protocol -> role -> secret, device's proof -> paired? -> accepted
//!     any "no" ends the connection, most of them with an answer first (see `refusal`)
//! ```
//!
//! [`Handshake::first`] is the whole decision. The order is the original's: a client with several faults is told the first. It
//! changes [`Devices`] alone (a device that asks starts to wait, one on this machine is paired at once), and says so in
//! [`Accepted::news`] or [`First::Refused`], so that the caller can tell the other clients and store the file.
//!
//! Whether the peer is on this machine, whether a browser sent it and from which page, and how often it has failed, is the
//! caller's to find out ([`Peer`], [`Attempts`]); `Host` and `Origin` are checked before the socket is one.

use creel_core::profile::Version;
use serde_json::{Value, json};

use super::{
    devices::{Devices, Token},
    frame::{self, ErrorShape, Event, Request, Unreadable},
    schema::Shape,
    scope::{Role, Scopes},
};
use crate::{secret::Secret, signature::is_same};

mod asked;
mod params;
mod refusal;

pub use params::{Auth, Client, ClientId, ConnectParams, Device, Mode, ModelCatalog};
pub use refusal::{Cause, Close, Refused};

use asked::{Asked, Shared};
use params::given;
use refusal::Failure;

/// How large a first frame may be, in bytes.
pub const FIRST_FRAME_BYTES_MAX: usize = 65_536;

/// What probes and nodes of 2026.9 may speak, too.
const PROTOCOL_OF_PROBES: u64 = 3;

/// How often a device is let in silently for one connection: for pairing, a role, and scopes.
const CONSENTS_MAX: usize = 3;

/// What the gateway knows of a connection before its first frame.
#[derive(Debug)]
pub struct Handshake<'a> {
    /// Whose rules hold.
    pub version: Version,
    /// [`ConnectParams::shape`] of the version.
    pub shape: &'a Shape<ConnectParams>,
    /// The gateway's token, if it has one.
    pub token: Option<&'a Secret>,
    /// Who is at the other end.
    pub peer: &'a Peer,
    /// Whether the gateway's own page may come without a device.
    pub page: Page,
    /// Whether the peer may try a secret.
    pub attempts: Attempts,
    /// The challenge that the connection was sent.
    pub nonce: &'a str,
    /// What is used if something new is needed.
    pub fresh: &'a Fresh,
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A program on this machine.
    Program,
    /// A page in a browser on this machine, from an origin that is allowed.
    Page,
    /// Another machine, by its address.
    Remote(String),
}

/// Whether the gateway's own page may come without a device, from this machine and with the right token. It keeps its scopes then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// It may not.
    #[default]
    NeedsDevice,
    /// It may (`gateway.controlUi.allowInsecureAuth`).
    MayBeWithout,
}

/// Whether the peer may try a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attempts {
    /// It may.
    #[default]
    Left,
    /// It has failed too often.
    Exhausted {
        /// When it may again, in ms from now.
        retry_after_ms: u64,
    },
}

/// Random values, made for each connection whether or not they are needed.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// For a device that starts to wait.
    pub request_id: String,
    /// For a device that gets a token.
    pub token: Secret,
}

/// What a first frame leads to.
#[derive(Debug)]
pub enum First {
    /// The connection ends. If a device started to wait, it is the second.
    Refused(Refused, Vec<News>),
    /// The connection begins.
    Accepted(Box<Accepted>),
}

/// What changed for the devices: it has to be kept, and most of it is told to those who may pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A device waits (`device.pair.requested`); the value is what is shown of it.
    Requested(Value),
    /// A device asks for more than it did, under another id; the one that it had is worth nothing (`device.pair.resolved`).
    Superseded {
        /// The id that it had.
        request_id: String,
        /// The device's.
        device_id: String,
    },
    /// A device has a new token, which nobody else is told.
    Token,
    /// A device was let in silently (`device.pair.resolved`).
    Approved {
        /// The request's id.
        request_id: String,
        /// The device's.
        device_id: String,
    },
}

/// A connection that begins.
#[derive(Debug)]
pub struct Accepted {
    /// The id of the request, for the answer `hello-ok`.
    pub id: String,
    /// The protocol that is spoken.
    pub protocol: u64,
    /// What the client said.
    pub params: ConnectParams,
    /// What it is.
    pub role: Role,
    /// What it may do.
    pub scopes: Scopes,
    /// What let it in.
    pub method: Method,
    /// Its device's id.
    pub device_id: Option<String>,
    /// Its device's token, if it is paired.
    pub token: Option<Token>,
    /// What changed for the devices.
    pub news: Vec<News>,
}

/// What let a client in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Nothing was asked for.
    None,
    /// The gateway's token.
    Token,
    /// Its device's token.
    DeviceToken,
}

/// The protocol of a version.
pub const fn protocol(version: Version) -> u64 {
    match version {
        Version::V2026_3 => 3,
        Version::V2026_9 => 4,
    }
}

/// How long a connection may be silent before its first frame, in ms. It is then closed with code 1000 and no reason.
pub const fn first_frame_ms_max(version: Version) -> u64 {
    match version {
        Version::V2026_3 => 3_000,
        Version::V2026_9 => 15_000,
    }
}

/// How a connection ends on which too much is said before its handshake.
pub fn too_large() -> Close {
    refusal::too_large().close
}

/// What a connection is sent first.
pub fn challenge(nonce: &str, now_ms: u64) -> Event {
    Event::unnumbered("connect.challenge", json!({ "nonce": nonce, "ts": now_ms }))
}

impl Handshake<'_> {
    /// Decides on a connection by its first frame.
    pub fn first(&self, text: &str, now_ms: u64, devices: &mut Devices) -> First {
        let mut news = Vec::new();
        match self.read(text, now_ms).and_then(|it| it.decide(devices, &mut news)) {
            Ok(accepted) => First::Accepted(Box::new(Accepted { news, ..accepted })),
            Err(refused) => First::Refused(refused, news),
        }
    }

    fn read(&self, text: &str, now_ms: u64) -> Result<Asked<'_>, Refused> {
        if text.len() > FIRST_FRAME_BYTES_MAX {
            return Err(refusal::too_large());
        }
        let Request { id, method, params } =
            frame::read(self.version, text).map_err(|it| match it {
                Unreadable::NotJson => refusal::not_json(),
                Unreadable::NotRequest(_) => refusal::not_a_request(),
            })?;
        if method != "connect" {
            let error = ErrorShape::invalid("invalid handshake: first request must be connect");
            return Err(refusal::malformed(&id, error));
        }
        let params = self
            .shape
            .check(self.version, "connect", &params.unwrap_or_default())
            .map_err(|it| refusal::malformed(&id, it))?;
        let ours = protocol(self.version);
        if self.spoken(&params).is_none() {
            return Err(refusal::protocol(self.version, &id, &params, ours));
        }
        let role = Role::named(params.role.as_deref().unwrap_or("operator"))
            .ok_or_else(|| refusal::role(&id))?;
        let names = params.scopes.iter().flatten().map(String::as_str);
        let scopes = Scopes::known(names);
        let shared = self.shared(&params);
        Ok(Asked { id, params, role, scopes, shared, handshake: self, now_ms })
    }

    /// The protocol that both speak. 2026.9 lets nodes of the version before in, and probes.
    fn spoken(&self, params: &ConnectParams) -> Option<u64> {
        let ours = protocol(self.version);
        let speaks = |it| (params.min_protocol..=params.max_protocol).contains(&it);
        if speaks(ours) {
            return Some(ours);
        }
        let is_node = params.client.mode == Mode::Node && params.role.as_deref() == Some("node");
        let is_probe = params.client.mode == Mode::Probe;
        let may = self.version == Version::V2026_9 && (is_node || is_probe);
        (may && speaks(PROTOCOL_OF_PROBES)).then_some(PROTOCOL_OF_PROBES)
    }

    /// Compares the gateway's own token. In 2026.9 a client may send it as a password.
    fn shared(&self, params: &ConnectParams) -> Shared {
        let Some(token) = self.token else { return Shared::Open };
        let auth = params.auth.as_ref();
        let as_token = given(auth.and_then(|it| it.token.as_ref()));
        let sent = match self.version {
            Version::V2026_3 => as_token,
            Version::V2026_9 => {
                as_token.or_else(|| given(auth.and_then(|it| it.password.as_ref())))
            }
        };
        if let (Attempts::Exhausted { retry_after_ms }, Some(_)) = (self.attempts, sent) {
            return Shared::Wrong(Failure::RateLimited { retry_after_ms });
        }
        match sent {
            None => Shared::Wrong(Failure::TokenMissing),
            Some(sent) if is_same(token, sent) => Shared::Right,
            Some(_) => Shared::Wrong(Failure::TokenMismatch { may_retry_with_device: false }),
        }
    }
}

impl Accepted {
    /// What `hello-ok` says under `auth`: in 2026.3 the device's token, if there is one; from 2026.9 on also what the connection may do.
    pub fn auth(&self, version: Version) -> Option<Value> {
        let mut auth = match version {
            Version::V2026_3 => json!({
                "role": self.role.name(),
                "scopes": self.token.as_ref()?.scopes.names(),
            }),
            Version::V2026_9 => json!({
                "method": self.method.name(),
                "role": self.role.name(),
                "scopes": self.scopes.names(),
            }),
        };
        if let Some(token) = &self.token {
            auth["deviceToken"] = json!(token.secret.expose());
            auth["issuedAtMs"] = json!(token.issued_at_ms());
        }
        Some(auth)
    }
}

impl Method {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::DeviceToken => "device-token",
        }
    }
}

#[cfg(test)]
mod tests;
