//! `credentials.status`: which credentials rest, and for how long still. The original has no such method; the console uses it.

use creel_core::{failover::credentials::Kind, gateway::CredentialView, ids::ModelId};
use serde_json::{Value, json};

use super::{Outcome, nothing};
use crate::control::plane::Plane;

/// `credentials.status`.
pub(super) async fn status(plane: &Plane, params: &Value) -> Outcome {
    nothing(plane, "credentials.status", params)?;
    let views = plane.operate(|core, now, _| core.credentials(now.monotonic)).await?;
    let rows: Vec<Value> = views.iter().map(row).collect();
    Ok(json!({ "ts": plane.hub.now_ms(), "credentials": rows }))
}

/// A credential without its secret, which the core does not have.
fn row(view: &CredentialView) -> Value {
    let count = view.rests.len();
    let rests = view.rests.iter().enumerate().map(|(index, (left, window))| {
        let is_disable = view.is_disabled && index + 1 == count;
        json!({
            "state": if is_disable { "disabled" } else { "cooling" }, "reason": window.reason.name(),
            "model": window.model.as_ref().map(ModelId::as_str), "remainingMs": left.as_ms(),
        })
    });
    json!({
        "agentId": view.agent.as_str(), "profileId": view.profile.as_str(),
        "provider": view.provider.as_str(),
        "kind": match view.kind {
            Kind::OAuth => "oauth",
            Kind::Token => "token",
            Kind::ApiKey => "api_key",
        },
        "failures": view.failures, "rests": rests.collect::<Vec<_>>(),
    })
}
