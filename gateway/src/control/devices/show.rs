//! Devices as the methods `device.*` and the events `device.pair.*` show them: without keys of any kind but the public one.

use serde_json::{Map, Value, json};

use super::{About, Consent, Devices, Paired, Pending, Token};
use crate::control::scope::Role;

impl Devices {
    /// The answer to `device.pair.list`, of one device alone or of all.
    pub fn json(&self, only: Option<&str>) -> Value {
        let is_shown = |device: &str| only.is_none_or(|it| it == device);
        let pending = self.all_pending().into_iter().filter(|it| is_shown(&it.access.device_id));
        let paired = self.all_paired().into_iter().filter(|it| is_shown(&it.device_id));
        let pending: Vec<Value> = pending.map(Pending::json).collect();
        let paired: Vec<Value> = paired.map(Paired::json).collect();
        json!({ "pending": pending, "paired": paired })
    }
}

impl Pending {
    /// A waiting device.
    pub fn json(&self) -> Value {
        let mut shown = about(&self.access.about);
        shown.extend(object(json!({
            "requestId": self.request_id,
            "deviceId": self.access.device_id,
            "publicKey": self.access.public_key,
            "role": self.access.role.name(),
            "roles": names(&self.roles),
            "scopes": self.access.scopes.names(),
            "silent": self.access.consent == Consent::Silent,
            "isRepair": self.is_repair,
            "ts": self.at_ms,
        })));
        Value::Object(shown)
    }
}

impl Paired {
    /// A paired device.
    pub fn json(&self) -> Value {
        let mut shown = about(&self.about);
        let tokens: Vec<Value> = self.tokens.iter().map(|(role, it)| it.json(*role)).collect();
        shown.extend(object(json!({
            "deviceId": self.device_id,
            "publicKey": self.public_key,
            "roles": names(&self.roles),
            "scopes": self.scopes.names(),
            "tokens": tokens,
            "createdAtMs": self.created_at_ms,
            "approvedAtMs": self.approved_at_ms,
        })));
        Value::Object(shown)
    }
}

impl Token {
    /// What there is to know about a token, without it.
    pub fn json(&self, role: Role) -> Value {
        let mut shown = object(json!({
            "role": role.name(),
            "scopes": self.scopes.names(),
            "createdAtMs": self.created_at_ms,
        }));
        let times = [
            ("rotatedAtMs", self.rotated_at_ms),
            ("revokedAtMs", self.revoked_at_ms),
            ("lastUsedAtMs", self.last_used_at_ms),
        ];
        shown
            .extend(times.into_iter().filter_map(|(name, at)| Some((name.to_owned(), json!(at?)))));
        Value::Object(shown)
    }
}

fn about(about: &About) -> Map<String, Value> {
    let parts = [
        ("displayName", &about.display_name),
        ("platform", &about.platform),
        ("deviceFamily", &about.family),
        ("clientId", &about.client_id),
        ("clientMode", &about.client_mode),
        ("remoteIp", &about.remote_ip),
    ];
    parts
        .into_iter()
        .filter_map(|(name, it)| Some((name.to_owned(), json!(it.as_ref()?))))
        .collect()
}

fn names(roles: &[Role]) -> Vec<&'static str> {
    roles.iter().map(|it| it.name()).collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
