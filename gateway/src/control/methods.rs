//! The methods: which there are, what each needs, and how a call becomes an answer.
//!
//! What this gateway does not have is not in the table's list of features; a client that calls it anyway reads why it is not
//! there.

mod chat;
mod config;
mod credentials;
mod cron;
mod devices;
mod look;
mod runs;
mod sessions;

pub use self::look::health;

use std::pin::Pin;

use creel_core::operator::Refused;
use serde_json::{Value, json};

use super::{
    frame::{ErrorShape, Request},
    plane::Plane,
    scope::{Role, Scope, Scopes},
};

/// What a method answers.
pub type Outcome = Result<Value, ErrorShape>;

/// An answer that takes its time.
pub type Later = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// How a call is answered.
#[expect(missing_debug_implementations, reason = "futures have none")]
pub enum Reply {
    /// At once.
    Now(Outcome),
    /// Later, and other calls do not wait for it.
    Later(Later),
    /// At once, and a second time under the same id.
    Twice(Value, Later),
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The connection's own name.
    pub connection: String,
    /// What it is.
    pub role: Role,
    /// What it may do.
    pub scopes: Scopes,
    /// Which device it came as.
    pub device_id: Option<String>,
}

impl Caller {
    /// Whether it may look at what people say.
    pub fn may_read(&self) -> bool {
        self.role == Role::Operator && self.scopes.allow(Scope::Read)
    }
}

/// What is known of a method before it is called.
struct Method {
    name: &'static str,
    needs: Scope,
    /// Why it is not there, if it is not.
    missing: Option<&'static str>,
}

const fn has(name: &'static str, needs: Scope) -> Method {
    Method { name, needs, missing: None }
}

const fn lacks(name: &'static str, needs: Scope, why: &'static str) -> Method {
    Method { name, needs, missing: Some(why) }
}

const NO_COMPACTION: &str = "this gateway does not shorten histories yet";
const NO_SKILLS: &str = "this gateway has no skills";
const NO_NODES: &str = "this gateway has no nodes";
const NO_CHANGES: &str =
    "this gateway reads its configuration at its start: change the file, then start it again";
const NO_APPROVALS: &str = "this gateway runs no commands that somebody would have to approve";
const NO_JOURNAL: &str = "this gateway keeps cron jobs in its configuration only";

/// All methods, by name.
const METHODS: &[Method] = &[
    has("agent", Scope::Write),
    has("agent.wait", Scope::Write),
    lacks("agents.create", Scope::Admin, NO_CHANGES),
    lacks("agents.delete", Scope::Admin, NO_CHANGES),
    has("agents.list", Scope::Read),
    lacks("agents.update", Scope::Admin, NO_CHANGES),
    has("channels.status", Scope::Read),
    has("chat.abort", Scope::Write),
    has("chat.history", Scope::Read),
    has("chat.inject", Scope::Admin),
    has("chat.send", Scope::Write),
    lacks("config.apply", Scope::Admin, NO_CHANGES),
    has("config.get", Scope::Read),
    lacks("config.patch", Scope::Admin, NO_CHANGES),
    has("config.schema", Scope::Admin),
    lacks("config.set", Scope::Admin, NO_CHANGES),
    has("credentials.status", Scope::Read),
    lacks("cron.add", Scope::Admin, NO_JOURNAL),
    has("cron.list", Scope::Read),
    lacks("cron.remove", Scope::Admin, NO_JOURNAL),
    has("cron.run", Scope::Admin),
    has("cron.status", Scope::Read),
    lacks("cron.update", Scope::Admin, NO_JOURNAL),
    has("device.pair.approve", Scope::Pairing),
    has("device.pair.list", Scope::Pairing),
    has("device.pair.reject", Scope::Pairing),
    has("device.pair.remove", Scope::Pairing),
    has("device.token.revoke", Scope::Pairing),
    has("device.token.rotate", Scope::Pairing),
    lacks("exec.approval.request", Scope::Approvals, NO_APPROVALS),
    lacks("exec.approval.resolve", Scope::Approvals, NO_APPROVALS),
    lacks("exec.approval.waitDecision", Scope::Approvals, NO_APPROVALS),
    has("health", Scope::Read),
    has("logs.tail", Scope::Read),
    has("models.list", Scope::Read),
    lacks("node.list", Scope::Read, NO_NODES),
    has("send", Scope::Write),
    lacks("sessions.compact", Scope::Admin, NO_COMPACTION),
    has("sessions.delete", Scope::Admin),
    has("sessions.list", Scope::Read),
    has("sessions.patch", Scope::Admin),
    has("sessions.preview", Scope::Read),
    has("sessions.reset", Scope::Admin),
    lacks("skills.install", Scope::Admin, NO_SKILLS),
    lacks("skills.status", Scope::Read, NO_SKILLS),
    has("status", Scope::Read),
    has("system-presence", Scope::Read),
    has("tools.catalog", Scope::Read),
];

/// The methods that are there, by name: `features.methods`.
pub fn names() -> Vec<&'static str> {
    METHODS.iter().filter(|it| it.missing.is_none()).map(|it| it.name).collect()
}

/// The events that are told: `features.events`.
pub const EVENTS: [&str; 8] = [
    "agent",
    "chat",
    "connect.challenge",
    "device.pair.requested",
    "device.pair.resolved",
    "presence",
    "shutdown",
    "tick",
];

/// Whether a method may answer later.
pub fn takes_its_time(method: &str) -> bool {
    matches!(method, "agent" | "agent.wait")
}

/// Answers a call.
pub async fn call(plane: &Plane, caller: &Caller, request: &Request) -> Reply {
    let name = request.method.as_str();
    if name == "connect" {
        return Reply::Now(Err(ErrorShape::connected_already()));
    }
    let Some(method) = METHODS.iter().find(|it| it.name == name) else {
        return Reply::Now(Err(ErrorShape::unknown_method(name)));
    };
    // `health` says to each what it may know.
    if caller.role != Role::Operator && name != "health" {
        return Reply::Now(Err(ErrorShape::unauthorized_role(caller.role.name())));
    }
    if name != "health" && !caller.scopes.allow(method.needs) {
        return Reply::Now(Err(ErrorShape::missing_scope(plane.facts.version, method.needs)));
    }
    if let Some(why) = method.missing {
        return Reply::Now(Err(ErrorShape::unavailable(why)));
    }
    let params = &request.params_or_empty();
    match name {
        "agent" => runs::agent(plane, params).await,
        "agent.wait" => runs::wait(plane, params).await,
        "agents.list" => Reply::Now(look::agents(plane, params)),
        "channels.status" => Reply::Now(look::channels(plane, params)),
        "chat.abort" => Reply::Now(chat::abort(plane, params).await),
        "chat.history" => Reply::Now(chat::history(plane, params).await),
        "chat.inject" => Reply::Now(chat::inject(plane, params).await),
        "chat.send" => Reply::Now(chat::send(plane, params).await),
        "config.get" => Reply::Now(config::get(plane, params)),
        "config.schema" => Reply::Now(config::schema(plane, params)),
        "credentials.status" => Reply::Now(credentials::status(plane, params).await),
        "cron.list" => Reply::Now(cron::list(plane, params).await),
        "cron.run" => Reply::Now(cron::run(plane, params).await),
        "cron.status" => Reply::Now(cron::status(plane, params).await),
        "device.pair.approve" => Reply::Now(devices::approve(plane, caller, params).await),
        "device.pair.list" => Reply::Now(devices::list(plane, params)),
        "device.pair.reject" => Reply::Now(devices::reject(plane, params).await),
        "device.pair.remove" => Reply::Now(devices::remove(plane, caller, params).await),
        "device.token.revoke" => Reply::Now(devices::revoke(plane, caller, params).await),
        "device.token.rotate" => Reply::Now(devices::rotate(plane, caller, params).await),
        "health" => Reply::Now(health(plane, caller).await),
        "logs.tail" => Reply::Now(look::logs(plane, params)),
        "models.list" => Reply::Now(look::models(plane, params)),
        "send" => Reply::Now(runs::send(plane, params).await),
        "sessions.delete" => Reply::Now(sessions::delete(plane, params).await),
        "sessions.list" => Reply::Now(sessions::list(plane, params).await),
        "sessions.patch" => Reply::Now(sessions::patch(plane, params).await),
        "sessions.preview" => Reply::Now(sessions::preview(plane, params).await),
        "sessions.reset" => Reply::Now(sessions::reset(plane, params).await),
        "status" => Reply::Now(look::status(plane).await),
        "tools.catalog" => Reply::Now(look::tools(plane, params).await),
        "system-presence" => Reply::Now(Ok(json!(plane.hub.presence()))),
        _ => unreachable!("every method of the table that is there is called here"),
    }
}

/// How a client reads why the core does not take something.
fn refused(why: &Refused) -> ErrorShape {
    let error = ErrorShape::invalid(why.to_string());
    match why {
        Refused::Conflict => error.with_details(json!({ "reason": "chat-request-conflict" })),
        Refused::TooMany | Refused::Busy => {
            ErrorShape::unavailable(why.to_string()).retry_after_ms(1_000)
        }
        Refused::Session { .. } | Refused::Empty(_) | Refused::NotTheirs | Refused::Text => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_nothing_twice() {
        assert!(METHODS.is_sorted_by(|one, other| one.name < other.name));
    }
}
