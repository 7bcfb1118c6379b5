//! What a client says of itself, and its device's proof.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    digest,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::{Ground, UNTOLD};
use crate::scenario::{Connect, DeviceProof, Token, merge};

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
        let Connect { scopes, device, protocol, params: over, .. } = self.connect;
        let protocol = protocol.unwrap_or(self.ground.protocol);
        let mut params = json!({
            "minProtocol": protocol, "maxProtocol": protocol,
            "client": {
                "id": "gateway-client", "version": "1.0.0", "platform": "linux", "mode": "backend",
            },
            "role": "operator", "scopes": scopes, "caps": [],
        });
        if let Some(token) = self.token() {
            params["auth"] = json!({ "token": token });
        }
        merge(&mut params, over);
        if *device != DeviceProof::None && params.get("device").is_none() {
            params["device"] = self.device(&params, challenge);
        }
        json!({ "type": "req", "id": ID, "method": "connect", "params": params })
    }

    /// What it shows, if anything.
    fn token(&self) -> Option<String> {
        let memory = &self.ground.memory;
        let device = |whose: &str| device_id(self.ground.seed, whose);
        let untold = || UNTOLD.to_owned();
        match &self.connect.token {
            Token::Gateway => Some(self.ground.token.clone()),
            Token::None => None,
            Token::Other(other) => Some(other.clone()),
            Token::FirstOfDevice(whose) => {
                Some(memory.first_token(&device(whose)).unwrap_or_else(untold))
            }
            Token::OfDevice(whose) => {
                Some(memory.last_token(&device(whose)).unwrap_or_else(untold))
            }
        }
    }

    fn nonce(&self, challenge: &Value) -> String {
        match self.connect.device {
            DeviceProof::Replayed => "00000000-0000-4000-8000-000000000000".to_owned(),
            DeviceProof::Foreign => {
                let foreign = self.ground.memory.challenge_of_another(&self.connect.client);
                foreign.unwrap_or_else(|| {
                    let what = "no other client was sent a challenge that could be signed";
                    self.ground.recorder.harness_error(what.to_owned());
                    String::new()
                })
            }
            _ => challenge["nonce"].as_str().unwrap_or_default().to_owned(),
        }
    }

    fn device(&self, params: &Value, challenge: &Value) -> Value {
        let proof = self.connect.device;
        let seed = self.ground.seed;
        let key = key_of(seed, &self.connect.client);
        let public_key = BASE64_URL_SAFE_NO_PAD.encode(key.public_key());
        let id = device_id(seed, &self.connect.client);
        let nonce = self.nonce(challenge);
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
            &nonce,
            &text("/client/platform").to_lowercase(),
            &text("/client/deviceFamily").to_lowercase(),
        ];
        let signer = if proof == DeviceProof::Forged { key_of(seed, "somebody else") } else { key };
        let signature = signer.sign(signed.join("|").as_bytes());
        json!({
            "id": id,
            "publicKey": public_key,
            "signature": BASE64_URL_SAFE_NO_PAD.encode(signature),
            "signedAt": signed_at,
            "nonce": nonce,
        })
    }
}

/// The id of the device that a client is: its key's fingerprint.
pub(super) fn device_id(seed: u64, client: &str) -> String {
    let key = key_of(seed, client);
    let fingerprint = digest::digest(&digest::SHA256, key.public_key().as_ref());
    fingerprint.as_ref().iter().fold(String::new(), |id, it| id + &format!("{it:02x}"))
}

fn key_of(seed: u64, whose: &str) -> Ed25519KeyPair {
    let text = format!("device\n{seed}\n{whose}");
    let seed = digest::digest(&digest::SHA256, text.as_bytes());
    Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("a digest has 32 bytes")
}
