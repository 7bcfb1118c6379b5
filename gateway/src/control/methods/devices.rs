//! `device.pair.*` and `device.token.*`: which devices may connect.
//!
//! Nobody hands out what they may not do themselves, and who came as a device manages that one alone, administrators excepted.

use creel_core::profile::Version;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Caller, Outcome};
use crate::{
    control::{
        connect::Method,
        frame::ErrorShape,
        plane::Plane,
        schema,
        scope::{Role, Scope, Scopes},
    },
    secret::Secret,
};

/// `device.pair.list`.
pub(super) async fn list(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    super::nothing(plane, "device.pair.list", params)?;
    let only = itself_alone(plane, caller);
    Ok(plane.with_devices(|it| {
        it.forget_expired(now_ms(plane));
        it.json(only)
    }))
}

/// The only device whose pairing a caller may see and decide on, if that is not every one: from 2026.9 on the own one of a device
/// that showed its token.
fn itself_alone<'a>(plane: &Plane, caller: &'a Caller) -> Option<&'a str> {
    let is_bounded = plane.facts.version == Version::V2026_9
        && caller.by == Method::DeviceToken
        && !caller.scopes.allow(Scope::Admin);
    caller.device_id.as_deref().filter(|_| is_bounded)
}

/// Refuses a request to be let in that is another device's business.
fn may_decide(
    plane: &Plane,
    caller: &Caller,
    (request_id, denied): (&str, &str),
) -> Result<(), ErrorShape> {
    let Some(own) = itself_alone(plane, caller) else { return Ok(()) };
    let is_own = plane.with_devices(|it| {
        it.pending(request_id).is_some_and(|pending| pending.access.device_id == own)
    });
    if is_own { Ok(()) } else { Err(ErrorShape::invalid(denied)) }
}

fn now_ms(plane: &Plane) -> u64 {
    u64::try_from(plane.hub.now_ms()).unwrap_or_default()
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Request {
    #[schemars(length(min = 1))]
    request_id: String,
}

async fn resolved(plane: &Plane, request: &str, device: &str, decision: &str) {
    plane.keep_devices().await;
    let payload = json!({
        "requestId": request, "deviceId": device, "decision": decision, "ts": plane.hub.now_ms(),
    });
    plane.hub.publish("device.pair.resolved", payload);
}

fn unknown_request() -> ErrorShape {
    ErrorShape::invalid("unknown requestId")
}

/// What a caller lacks to let a device in, if anything.
fn lacks(caller: &Caller, (roles, scopes): (&[Role], &Scopes)) -> Option<Scope> {
    if roles.iter().any(|it| *it != Role::Operator) && !caller.scopes.allow(Scope::Admin) {
        return Some(Scope::Admin);
    }
    scopes.iter().find(|it| !caller.scopes.allow(*it))
}

/// Whether a caller may manage a device that is paired.
fn may_manage(plane: &Plane, caller: &Caller, device_id: &str) -> Result<(), ErrorShape> {
    let is_other = caller.device_id.as_deref().is_some_and(|it| it != device_id);
    if is_other && !caller.scopes.allow(Scope::Admin) {
        return Err(ErrorShape::missing_scope(plane.facts.version, Scope::Admin));
    }
    Ok(())
}

/// `device.pair.approve`.
pub(super) async fn approve(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    let version = plane.facts.version;
    let Request { request_id } = schema::check(version, "device.pair.approve", params)?;
    may_decide(plane, caller, (&request_id, "device pairing approval denied"))?;
    let token = Secret::new(plane.entropy.text());
    let (device, shown) = plane.with_devices(|it| {
        let pending = it.pending(&request_id).ok_or_else(unknown_request)?;
        if let Some(scope) = lacks(caller, (&pending.roles, &pending.access.scopes)) {
            return Err(ErrorShape::missing_scope(version, scope));
        }
        let approved = it.approve(&request_id, token, now_ms(plane));
        let approved = approved.map_err(|it| ErrorShape::unavailable(it.to_string()))?;
        approved.map(|it| (it.device_id.clone(), it.json())).ok_or_else(unknown_request)
    })?;
    resolved(plane, &request_id, &device, "approved").await;
    Ok(json!({ "requestId": request_id, "device": shown }))
}

/// `device.pair.reject`.
pub(super) async fn reject(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    let Request { request_id } = schema::check(plane.facts.version, "device.pair.reject", params)?;
    may_decide(plane, caller, (&request_id, "device pairing rejection denied"))?;
    let rejected = plane.with_devices(|it| it.reject(&request_id)).ok_or_else(unknown_request)?;
    let device = rejected.access.device_id;
    resolved(plane, &request_id, &device, "rejected").await;
    Ok(json!({ "requestId": request_id, "deviceId": device }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Device {
    #[schemars(length(min = 1))]
    device_id: String,
}

/// `device.pair.remove`. Whoever is connected as the device goes.
pub(super) async fn remove(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    let Device { device_id } = schema::check(plane.facts.version, "device.pair.remove", params)?;
    may_manage(plane, caller, &device_id)?;
    let removed = plane.with_devices(|it| it.remove(&device_id).is_some());
    if !removed {
        return Err(ErrorShape::invalid("unknown deviceId"));
    }
    plane.members.dismiss(&device_id);
    plane.keep_devices().await;
    Ok(json!({ "deviceId": device_id }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Token {
    #[schemars(length(min = 1))]
    device_id: String,
    #[schemars(length(min = 1))]
    role: String,
    scopes: Option<Vec<String>>,
}

fn role(name: &str) -> Result<Role, ErrorShape> {
    Role::named(name).ok_or_else(|| ErrorShape::invalid("unknown deviceId/role"))
}

/// Whether a caller is told a device's new token: from 2026.9 on only the device itself, which showed the one before.
fn is_told(plane: &Plane, caller: &Caller, device_id: &str) -> bool {
    let is_itself =
        caller.by == Method::DeviceToken && caller.device_id.as_deref() == Some(device_id);
    match plane.facts.version {
        Version::V2026_3 => true,
        Version::V2026_9 => is_itself,
    }
}

/// `device.token.rotate`. Whoever is connected as the device in this role goes, and comes back with the new token.
pub(super) async fn rotate(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    let Token { device_id, role: name, scopes } =
        schema::check(plane.facts.version, "device.token.rotate", params)?;
    let role = role(&name)?;
    let asked = scopes.map(|it| Scopes::known(it.iter().map(String::as_str)));
    may_manage(plane, caller, &device_id)?;
    let new = Secret::new(plane.entropy.text());
    let rotated = plane.with_devices(|it| {
        let had = it.paired(&device_id)?.scopes.clone();
        if lacks(caller, (&[role], asked.as_ref().unwrap_or(&had))).is_some() {
            return None;
        }
        let token = it.rotate_token(&device_id, (role, asked.as_ref()), new, now_ms(plane))?;
        let mut shown = json!({
            "deviceId": device_id, "role": role.name(), "scopes": token.scopes.names(),
            "rotatedAtMs": token.issued_at_ms(),
        });
        if is_told(plane, caller, &device_id) {
            shown["token"] = json!(token.secret.expose());
        }
        Some(shown)
    });
    let rotated = rotated.ok_or_else(|| ErrorShape::invalid("device token rotation denied"))?;
    plane.members.dismiss_role(&device_id, role);
    plane.keep_devices().await;
    Ok(rotated)
}

/// `device.token.revoke`. Whoever is connected as the device in this role goes.
pub(super) async fn revoke(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    let Token { device_id, role: name, .. } =
        schema::check(plane.facts.version, "device.token.revoke", params)?;
    let role = role(&name)?;
    may_manage(plane, caller, &device_id)?;
    let at = now_ms(plane);
    let unknown = || ErrorShape::invalid("unknown deviceId/role");
    plane.with_devices(|it| {
        let token =
            it.paired(&device_id).and_then(|it| it.tokens.get(&role)).ok_or_else(unknown)?;
        // The older release looks at the scope of the method alone.
        let is_bounded = plane.facts.version == Version::V2026_9;
        if is_bounded && lacks(caller, (&[role], &token.scopes)).is_some() {
            return Err(ErrorShape::invalid("device token revocation denied"));
        }
        it.revoke_token(&device_id, role, at).map(drop).ok_or_else(unknown)
    })?;
    plane.members.dismiss_role(&device_id, role);
    plane.keep_devices().await;
    Ok(json!({ "deviceId": device_id, "role": role.name(), "revokedAtMs": at }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{
        devices::{About, Access, Consent},
        tests,
    };

    fn access(device: &str, role: Role, scopes: &str) -> Access {
        Access {
            device_id: device.to_owned(),
            public_key: format!("key of {device}"),
            role,
            scopes: Scopes::known(scopes.split(',')),
            about: About::default(),
            consent: Consent::Asked,
        }
    }

    fn caller(device: Option<&str>, scopes: &str) -> Caller {
        Caller {
            connection: "c".to_owned(),
            role: Role::Operator,
            scopes: Scopes::known(scopes.split(',')),
            device_id: device.map(str::to_owned),
            client: "cli".to_owned(),
            by: Method::Token,
        }
    }

    fn told(outcome: &Outcome) -> String {
        outcome.as_ref().map_or_else(|it| it.message.clone(), |_| "done".to_owned())
    }

    #[tokio::test]
    async fn nobody_lets_in_who_may_do_more_than_themselves() {
        let (plane, _open) = tests::plane();
        let check = async |role, asked: &str, has: &str, expected: &str| {
            let at = now_ms(&plane);
            plane
                .with_devices(|it| it.request(access("d", role, asked), "r", at).map(drop))
                .unwrap();
            let request = json!({ "requestId": "r" });
            let outcome = approve(&plane, &caller(None, has), &request).await;
            assert_eq!(told(&outcome), expected, "{role:?} {asked} by {has}");
            plane.with_devices(|it| (it.reject("r"), it.remove("d")));
        };
        let (operator, pairing) = (Role::Operator, "operator.pairing");
        check(operator, "operator.admin", pairing, "missing scope: operator.admin").await;
        check(operator, "operator.pairing,operator.read", pairing, "missing scope: operator.read")
            .await;
        check(operator, "operator.pairing", pairing, "done").await;
        check(operator, "operator.read", "operator.pairing,operator.write", "done").await;
        check(operator, "operator.admin", "operator.admin", "done").await;
        check(Role::Node, "", pairing, "missing scope: operator.admin").await;
        check(Role::Node, "", "operator.admin", "done").await;
    }

    #[tokio::test]
    async fn a_device_manages_itself_and_an_administrator_all() {
        let (plane, _open) = tests::plane();
        let check = async |caller: Caller, expected: &str| {
            let at = now_ms(&plane);
            let token = Secret::new("t");
            let wanted = access("d", Role::Operator, "operator.pairing");
            plane.with_devices(|it| {
                it.request(wanted, "r", at).unwrap();
                it.approve("r", token, at).unwrap().expect("it waits");
            });
            let token = json!({ "deviceId": "d", "role": "operator" });
            let device = json!({ "deviceId": "d" });
            assert_eq!(told(&rotate(&plane, &caller, &token).await), expected, "{caller:?}");
            assert_eq!(told(&revoke(&plane, &caller, &token).await), expected, "{caller:?}");
            assert_eq!(told(&remove(&plane, &caller, &device).await), expected, "{caller:?}");
        };
        let refused = "missing scope: operator.admin";
        check(caller(Some("e"), "operator.pairing,operator.write"), refused).await;
        check(caller(Some("e"), "operator.admin"), "done").await;
        check(caller(Some("d"), "operator.pairing"), "done").await;
        check(caller(None, "operator.pairing"), "done").await;
    }
}
