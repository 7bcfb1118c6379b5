//! `device.pair.*` and `device.token.*`: which devices may connect.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Caller, Outcome};
use crate::{
    control::{
        frame::ErrorShape,
        plane::Plane,
        schema,
        scope::{Role, Scopes},
    },
    secret::Secret,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// `device.pair.list`.
pub(super) fn list(plane: &Plane, params: &Value) -> Outcome {
    let Nothing {} = schema::check(plane.facts.version, "device.pair.list", params)?;
    Ok(plane.with_devices(|it| {
        it.forget_expired(now_ms(plane));
        it.json()
    }))
}

fn now_ms(plane: &Plane) -> u64 {
    u64::try_from(plane.hub.now_ms()).unwrap_or_default()
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    #[schemars(length(min = 1))]
    request_id: String,
}

fn resolved(plane: &Plane, request: &str, device: &str, decision: &str) {
    plane.keep_devices();
    let payload = json!({
        "requestId": request, "deviceId": device, "decision": decision, "ts": plane.hub.now_ms(),
    });
    plane.hub.publish("device.pair.resolved", payload);
}

fn unknown_request() -> ErrorShape {
    ErrorShape::invalid("unknown requestId")
}

/// `device.pair.approve`.
pub(super) fn approve(plane: &Plane, params: &Value) -> Outcome {
    let Request { request_id } = schema::check(plane.facts.version, "device.pair.approve", params)?;
    let token = Secret::new(plane.entropy.text());
    let approved = plane.with_devices(|it| {
        let approved = it.approve(&request_id, token, now_ms(plane));
        approved.map(|it| it.map(|it| (it.device_id.clone(), it.json())))
    });
    let approved = approved.map_err(|it| ErrorShape::unavailable(it.to_string()))?;
    let (device, shown) = approved.ok_or_else(unknown_request)?;
    resolved(plane, &request_id, &device, "approved");
    Ok(json!({ "requestId": request_id, "device": shown }))
}

/// `device.pair.reject`.
pub(super) fn reject(plane: &Plane, params: &Value) -> Outcome {
    let Request { request_id } = schema::check(plane.facts.version, "device.pair.reject", params)?;
    let rejected = plane.with_devices(|it| it.reject(&request_id)).ok_or_else(unknown_request)?;
    let device = rejected.access.device_id;
    resolved(plane, &request_id, &device, "rejected");
    Ok(json!({ "requestId": request_id, "deviceId": device }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Device {
    #[schemars(length(min = 1))]
    device_id: String,
}

/// `device.pair.remove`.
pub(super) fn remove(plane: &Plane, params: &Value) -> Outcome {
    let Device { device_id } = schema::check(plane.facts.version, "device.pair.remove", params)?;
    let removed = plane.with_devices(|it| it.remove(&device_id).is_some());
    if !removed {
        return Err(ErrorShape::invalid("unknown deviceId"));
    }
    plane.keep_devices();
    Ok(json!({ "deviceId": device_id }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Token {
    #[schemars(length(min = 1))]
    device_id: String,
    #[schemars(length(min = 1))]
    role: String,
    scopes: Option<Vec<String>>,
}

fn role(name: &str) -> Result<Role, ErrorShape> {
    Role::named(name).ok_or_else(|| ErrorShape::invalid("unknown deviceId/role"))
}

/// `device.token.rotate`. Nobody hands out what they may not do themselves.
pub(super) fn rotate(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    let Token { device_id, role: name, scopes } =
        schema::check(plane.facts.version, "device.token.rotate", params)?;
    let role = role(&name)?;
    let asked = scopes.map(|it| Scopes::known(it.iter().map(String::as_str)));
    let new = Secret::new(plane.entropy.text());
    let rotated = plane.with_devices(|it| {
        let had = it.paired(&device_id)?.scopes.clone();
        if !caller.scopes.cover(Role::Operator, asked.as_ref().unwrap_or(&had)) {
            return None;
        }
        let token = it.rotate_token(&device_id, (role, asked.as_ref()), new, now_ms(plane))?;
        Some(json!({
            "deviceId": device_id, "role": role.name(), "token": token.secret.expose(),
            "scopes": token.scopes.names(), "rotatedAtMs": token.issued_at_ms(),
        }))
    });
    let rotated = rotated.ok_or_else(|| ErrorShape::invalid("device token rotation denied"))?;
    plane.keep_devices();
    Ok(rotated)
}

/// `device.token.revoke`.
pub(super) fn revoke(plane: &Plane, params: &Value) -> Outcome {
    let Token { device_id, role: name, .. } =
        schema::check(plane.facts.version, "device.token.revoke", params)?;
    let role = role(&name)?;
    let at = now_ms(plane);
    let revoked = plane.with_devices(|it| it.revoke_token(&device_id, role, at).is_some());
    if !revoked {
        return Err(ErrorShape::invalid("unknown deviceId/role"));
    }
    plane.keep_devices();
    Ok(json!({ "deviceId": device_id, "role": role.name(), "revokedAtMs": at }))
}
