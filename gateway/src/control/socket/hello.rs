//! What a client is told when it has come, and what others are told of it.

use serde_json::{Value, json};

use super::{PAYLOAD_BYTES_MAX, TICK_EVERY};
use crate::control::{
    connect::Accepted,
    hub::BUFFERED_BYTES_MAX,
    methods::{self, Caller},
    plane::Plane,
};

/// A client as others see it.
pub(super) fn presence(plane: &Plane, accepted: &Accepted) -> Value {
    let client = &accepted.params.client;
    let host = client.display_name.clone().unwrap_or_else(|| client.id.name().to_owned());
    let mode = client.mode.name();
    let mut presence = json!({
        "host": host, "version": client.version, "platform": client.platform, "mode": mode,
        "roles": [accepted.role.name()], "scopes": accepted.scopes.names(), "reason": "connect",
        "text": format!("Node: {host} · mode {mode}"), "ts": plane.hub.now_ms(),
    });
    let known = [
        ("deviceId", &accepted.device_id),
        ("instanceId", &client.instance_id),
        ("deviceFamily", &client.device_family),
        ("modelIdentifier", &client.model_identifier),
    ];
    for (key, value) in known {
        if let Some(value) = value {
            presence[key] = json!(value);
        }
    }
    presence
}

/// `hello-ok`.
pub(super) async fn hello(plane: &Plane, accepted: &Accepted, caller: &Caller) -> Value {
    let facts = &plane.facts;
    let health = methods::health(plane, caller).await.unwrap_or_else(|_| json!({ "ok": false }));
    let mut hello = json!({
        "type": "hello-ok",
        "protocol": accepted.protocol,
        "server": { "version": env!("CARGO_PKG_VERSION"), "connId": caller.connection },
        "features": { "methods": methods::names(), "events": methods::EVENTS },
        "snapshot": {
            "presence": plane.hub.presence(),
            "health": health,
            "stateVersion": plane.hub.version(),
            "uptimeMs": plane.hub.now_ms() - plane.started_ms,
            "sessionDefaults": {
                "defaultAgentId": facts.default_agent.as_str(), "mainKey": facts.main_key(),
                "mainSessionKey": facts.main_session, "scope": "per-sender",
            },
            "authMode": if plane.token.is_some() { "token" } else { "none" },
        },
        "policy": {
            "maxPayload": PAYLOAD_BYTES_MAX, "maxBufferedBytes": BUFFERED_BYTES_MAX,
            "tickIntervalMs": u64::try_from(TICK_EVERY.as_millis()).unwrap_or(u64::MAX),
        },
    });
    if let Some(auth) = accepted.auth(facts.version) {
        hello["auth"] = auth;
    }
    hello
}
