//! What a client says of itself, and its device's proof.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    digest,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::Ground;
use crate::scenario::{Connect, DeviceProof, merge};

/// The id of the request that connects.
pub(super) const ID: &str = "connect";

/// How long ago a stale signature was made, in milliseconds.
const STALE_MS: i64 = 3_600_000;

/// A client that connects.
pub(super) struct Greeting<'a> {
    pub(super) connect: &'a Connect,
    pub(super) ground: &'a Ground,
}

impl Greeting<'_> {
    /// The request that answers a challenge.
    pub(super) fn frame(&self, challenge: &Value) -> Value {
        let Connect { scopes, token, device, protocol, params: over, .. } = self.connect;
        let protocol = protocol.unwrap_or(self.ground.protocol);
        let mut params = json!({
            "minProtocol": protocol, "maxProtocol": protocol,
            "client": {
                "id": "gateway-client", "version": "1.0.0", "platform": "linux", "mode": "backend",
            },
            "role": "operator", "scopes": scopes, "caps": [],
        });
        match token.as_deref() {
            None => params["auth"] = json!({ "token": self.ground.token }),
            Some("") => {}
            Some(other) => params["auth"] = json!({ "token": other }),
        }
        merge(&mut params, over);
        if *device != DeviceProof::None && params.get("device").is_none() {
            params["device"] = self.device(&params, challenge);
        }
        json!({ "type": "req", "id": ID, "method": "connect", "params": params })
    }

    fn key(&self, whose: &str) -> Ed25519KeyPair {
        let text = format!("device\n{}\n{whose}", self.ground.seed);
        let seed = digest::digest(&digest::SHA256, text.as_bytes());
        Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("a digest has 32 bytes")
    }

    fn device(&self, params: &Value, challenge: &Value) -> Value {
        let proof = self.connect.device;
        let key = self.key(&self.connect.client);
        let raw = key.public_key().as_ref();
        let fingerprint = digest::digest(&digest::SHA256, raw);
        let id =
            fingerprint.as_ref().iter().fold(String::new(), |id, it| id + &format!("{it:02x}"));
        let nonce = match proof {
            DeviceProof::Replayed => "00000000-0000-4000-8000-000000000000",
            _ => challenge["nonce"].as_str().unwrap_or_default(),
        };
        let now_ms = challenge["ts"].as_i64().unwrap_or_default();
        let signed_at = if proof == DeviceProof::Stale { now_ms - STALE_MS } else { now_ms };
        let text =
            |pointer: &str| params.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let scopes = params["scopes"].as_array().into_iter().flatten();
        let scopes: Vec<&str> = scopes.filter_map(Value::as_str).collect();
        let signed = [
            "v3",
            &id,
            text("/client/id"),
            text("/client/mode"),
            text("/role"),
            &scopes.join(","),
            &signed_at.to_string(),
            text("/auth/token"),
            nonce,
            &text("/client/platform").to_lowercase(),
            &text("/client/deviceFamily").to_lowercase(),
        ];
        let signer = if proof == DeviceProof::Forged { self.key("somebody else") } else { key };
        let signature = signer.sign(signed.join("|").as_bytes());
        json!({
            "id": id,
            "publicKey": BASE64_URL_SAFE_NO_PAD.encode(self.key(&self.connect.client).public_key()),
            "signature": BASE64_URL_SAFE_NO_PAD.encode(signature),
            "signedAt": signed_at,
            "nonce": nonce,
        })
    }
}
