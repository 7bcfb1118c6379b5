//! `methods.describe`: what each method takes, as the schema that its parameters are checked against. OpenClaw has no such method.

use creel_core::profile::Version;
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    METHODS, Method, Nothing, Outcome, agents, approvals, chat, config, cron, devices, is_there,
    look, runs, send, sessions, wake,
};
use crate::control::{
    connect::protocol,
    frame::ErrorShape,
    plane::Plane,
    schema::{self, Shape},
};

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Describe {
    #[schemars(length(min = 1))]
    method: Option<String>,
}

/// `methods.describe`: every method that is there, or one.
pub(super) fn describe(plane: &Plane, params: &Value) -> Outcome {
    let version = plane.facts.version;
    let Describe { method } = schema::check(version, "methods.describe", params)?;
    let is_meant = |it: &&Method| method.as_deref().is_none_or(|name| name == it.name);
    let row = |it: &Method| {
        json!({
            "name": it.name, "scope": it.needs.map(crate::control::scope::Scope::name),
            "params": params_of(version, it.name),
        })
    };
    let rows: Vec<Value> =
        METHODS.iter().filter(|it| is_there(it)).filter(is_meant).map(row).collect();
    if let (Some(name), true) = (&method, rows.is_empty()) {
        return Err(ErrorShape::unknown_method(name));
    }
    Ok(json!({ "protocol": protocol(version), "methods": rows }))
}

fn of<T: JsonSchema + DeserializeOwned>() -> Value {
    Shape::<T>::new().json().clone()
}

/// The schema of a method's parameters: what it refuses is refused by it. None for a method that nobody has described.
pub(super) fn params_of(version: Version, method: &str) -> Option<Value> {
    Some(match method {
        "agent" => of::<runs::Agent>(),
        "agent.wait" => of::<runs::Wait>(),
        "agents.create" => agents::create_shape(version).json().clone(),
        "agents.delete" => of::<agents::Delete>(),
        "agents.update" => agents::update_shape(version).json().clone(),
        "channels.status" => of::<look::Channels>(),
        "chat.abort" => of::<chat::Abort>(),
        "chat.history" => of::<chat::History>(),
        "chat.inject" => chat::inject_shape(version).json().clone(),
        "chat.send" => of::<chat::Send>(),
        "config.apply" | "config.patch" => config::change_shape(version, method).json().clone(),
        "config.set" => of::<config::Set>(),
        "cron.add" => cron::add_shape(version).json().clone(),
        "cron.list" => of::<cron::List>(),
        "cron.remove" => of::<cron::Remove>(),
        "cron.run" => cron::run_shape(version).json().clone(),
        "cron.runs" => of::<cron::Runs>(),
        // What is to be changed of a job is checked like a job.
        "cron.update" => of::<cron::Update>(),
        "device.pair.approve" | "device.pair.reject" => of::<devices::Request>(),
        "device.pair.remove" => of::<devices::Device>(),
        "device.token.revoke" | "device.token.rotate" => of::<devices::Token>(),
        "exec.approval.get" | "exec.approval.waitDecision" => of::<approvals::Called>(),
        "exec.approval.request" => of::<approvals::Asked>(),
        "exec.approval.resolve" => of::<approvals::Resolve>(),
        "exec.approvals.set" => of::<approvals::Replace>(),
        "logs.tail" => of::<look::Logs>(),
        "methods.describe" => of::<Describe>(),
        "models.list" => look::models_shape(version).json().clone(),
        "send" => of::<send::Send>(),
        "sessions.delete" => of::<sessions::Delete>(),
        "sessions.list" => of::<sessions::List>(),
        "sessions.patch" => of::<sessions::Patch>(),
        "sessions.preview" => of::<sessions::Preview>(),
        "sessions.reset" => of::<sessions::Reset>(),
        "tools.catalog" => of::<look::Tools>(),
        "wake" => wake::params(version),
        "agents.list" | "config.get" | "config.schema" | "credentials.status" | "cron.status"
        | "device.pair.list" | "exec.approval.list" | "exec.approvals.get" => of::<Nothing>(),
        // These read none, as the original's.
        "health" | "status" | "system-presence" => json!(true),
        _ => return None,
    })
}
