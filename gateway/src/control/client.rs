//! The other end of the control plane: a client for the command line.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    connect,
    device::{Claim, Signed, fingerprint},
    scope::Scope,
};
use crate::{
    clock::WallClock,
    entropy::Entropy,
    http::Http,
    net::Net,
    secret::Secret,
    state::StateFolder,
    websocket::{self, Limits, Received, WebSocket},
};
use creel_core::profile::Version;

/// Where the command line keeps the key of its device, below the state folder.
const KEY_FILE: &str = "identity/creel-cli.json";

/// How long the gateway may take to let a client in.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The gateway is not there, or the connection broke.
    #[error("call the gateway at {address}; is it running?")]
    Connection {
        /// Where.
        address: String,
        /// Why.
        source: websocket::Error,
    },
    /// It ended the connection.
    #[error("the gateway ended the connection ({0})")]
    Closed(String),
    /// It did not answer in time.
    #[error("the gateway did not answer within {0:?}")]
    TimedOut(Duration),
    /// It refused the call.
    #[error("{code}: {message}")]
    Refused {
        /// The kind of error.
        code: String,
        /// For people.
        message: String,
    },
    /// The device's key cannot be read or kept.
    #[error("the key of this device in {KEY_FILE}: {0}")]
    Key(String),
}

/// How to reach a gateway.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its address, such as `127.0.0.1:18789`.
    pub address: String,
    /// The contract's version that it speaks.
    pub version: Version,
    /// Its token, if it has one.
    pub token: Option<Secret>,
    /// Where the key of this device is.
    pub state: StateFolder,
}

/// A connection on which calls can be made.
#[derive(Debug)]
pub struct Client<N: Net> {
    socket: WebSocket<N>,
    address: String,
    calls: u64,
}

impl<N: Net> Client<N> {
    /// Connects, with all that an operator may do.
    ///
    /// # Errors
    ///
    /// When the gateway is not there or does not let us in.
    pub async fn connect(http: &Http<N>, target: &Target) -> Result<Self, Error> {
        let address = target.address.clone();
        let limits = Limits { connect_within: CONNECT_WITHIN, ..Limits::default() };
        let socket = WebSocket::connect(http, &format!("ws://{address}/"), limits).await;
        let socket =
            socket.map_err(|source| Error::Connection { address: address.clone(), source })?;
        let mut client = Self { socket, address, calls: 0 };
        let nonce = loop {
            let frame = client.frame(CONNECT_WITHIN).await?;
            if frame["event"] == "connect.challenge" {
                break frame["payload"]["nonce"].as_str().unwrap_or_default().to_owned();
            }
        };
        let hello = hello(target, &nonce)?;
        client.call("connect", &hello, CONNECT_WITHIN).await?;
        Ok(client)
    }

    /// Makes a call and waits for its answer; an answer that merely accepts is not waited beyond.
    ///
    /// # Errors
    ///
    /// When it is refused, or the connection breaks.
    pub async fn call(
        &mut self,
        method: &str,
        params: &Value,
        within: Duration,
    ) -> Result<Value, Error> {
        self.calls += 1;
        let id = self.calls.to_string();
        let frame = json!({ "type": "req", "id": id, "method": method, "params": params });
        let address = self.address.clone();
        let sent = self.socket.send(frame.to_string()).await;
        sent.map_err(|source| Error::Connection { address, source })?;
        self.answer(&id, within).await
    }

    /// The next answer to the last call: `agent` answers twice.
    ///
    /// # Errors
    ///
    /// As [`Client::call`].
    pub async fn another(&mut self, within: Duration) -> Result<Value, Error> {
        let id = self.calls.to_string();
        self.answer(&id, within).await
    }

    async fn answer(&mut self, id: &str, within: Duration) -> Result<Value, Error> {
        let answered = async {
            loop {
                let frame = self.frame(within).await?;
                if frame["type"] != "res" || frame["id"] != id {
                    continue;
                }
                let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
                return match frame["ok"].as_bool() {
                    Some(true) => Ok(frame["payload"].clone()),
                    _ => Err(Error::Refused {
                        code: text(&frame["error"]["code"]),
                        message: text(&frame["error"]["message"]),
                    }),
                };
            }
        };
        timeout(within, answered).await.unwrap_or(Err(Error::TimedOut(within)))
    }

    async fn frame(&mut self, within: Duration) -> Result<Value, Error> {
        let Ok(received) = timeout(within, self.socket.receive()).await else {
            return Err(Error::TimedOut(within));
        };
        let address = self.address.clone();
        match received.map_err(|source| Error::Connection { address, source })? {
            Received::Text(text) => Ok(serde_json::from_str(&text).unwrap_or_default()),
            Received::Closed(close) => {
                let why = close.map(|it| format!("{} {}", it.code, it.reason));
                Err(Error::Closed(why.unwrap_or_else(|| "without a reason".to_owned())))
            }
        }
    }

    /// Ends the connection.
    pub async fn close(self) {
        self.socket.close(1_000).await;
    }
}

/// The parameters of `connect`.
/// What a client says of itself in `connect`, with its device's proof for a challenge.
///
/// # Errors
///
/// When the device's key cannot be read or kept.
pub fn hello(target: &Target, nonce: &str) -> Result<Value, Error> {
    let key = device_key(&target.state)?;
    let public = key.public_key().as_ref();
    let id = fingerprint(public);
    let scopes: Vec<String> = Scope::ALL.iter().map(|it| it.name().to_owned()).collect();
    let token = target.token.as_ref().map(Secret::expose).unwrap_or_default();
    let signed_at_ms = u64::try_from(WallClock::system().now().as_unix_ms()).unwrap_or_default();
    let platform = std::env::consts::OS;
    let claim = Claim {
        id: &id,
        public_key: "",
        signature: "",
        signed_at_ms,
        nonce,
        signed: Signed {
            client_id: "cli",
            client_mode: "cli",
            role: "operator",
            scopes: &scopes,
            token,
            platform,
            family: "",
        },
    };
    let signature = key.sign(claim.text_v3().as_bytes());
    let protocol = connect::protocol(target.version);
    let mut hello = json!({
        "minProtocol": protocol, "maxProtocol": protocol,
        "client": { "id": "cli", "mode": "cli", "version": env!("CARGO_PKG_VERSION"), "platform": platform },
        "role": "operator", "scopes": scopes, "caps": [],
        "device": {
            "id": id, "publicKey": BASE64_URL_SAFE_NO_PAD.encode(public),
            "signature": BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref()),
            "signedAt": signed_at_ms, "nonce": nonce,
        },
    });
    if !token.is_empty() {
        hello["auth"] = json!({ "token": token });
    }
    Ok(hello)
}

/// The key of this device, made if there is none yet.
fn device_key(state: &StateFolder) -> Result<Ed25519KeyPair, Error> {
    let broken = |why: &dyn std::fmt::Display| Error::Key(why.to_string());
    let known = state.read(KEY_FILE).map_err(|it| broken(&it))?;
    let document = if let Some(text) = known {
        let file: Value = serde_json::from_str(&text).map_err(|it| broken(&it))?;
        let key = file["pkcs8"].as_str().unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.decode(key).map_err(|it| broken(&it))?
    } else {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let made = made.map_err(|it| broken(&it))?.as_ref().to_vec();
        let file = json!({ "pkcs8": BASE64_URL_SAFE_NO_PAD.encode(&made) });
        state.replace(KEY_FILE, &file.to_string()).map_err(|it| broken(&it))?;
        made
    };
    Ed25519KeyPair::from_pkcs8(&document).map_err(|it| broken(&it))
}

/// A name for a request that nothing else bears.
pub fn new_name() -> String {
    Entropy::System.uuid()
}
