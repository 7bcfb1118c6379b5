//! The methods: which there are, what each needs, and how a call becomes an answer.
//!
//! What this gateway does not have is in the table all the same, though not among the features: a client that calls it anyway
//! reads why it is not there.

mod agents;
mod approvals;
mod chat;
mod config;
mod credentials;
mod cron;
pub mod deliver;
mod describe;
mod devices;
mod look;
mod runs;
mod said;
mod send;
mod sessions;
mod wake;
mod write;

pub use self::{look::health, send::ANSWERED_WITHIN};

use std::pin::Pin;

use creel_core::operator::Refused;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connect,
    frame::{ErrorShape, Request},
    plane::Plane,
    schema,
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
    /// What it calls itself.
    pub client: String,
    /// What let it in.
    pub by: connect::Method,
}

impl Caller {
    /// Whether it may look at what people say.
    pub fn may_read(&self) -> bool {
        self.role == Role::Operator && self.scopes.allow(Scope::Read)
    }
}

/// A call that may be made.
#[derive(Clone, Copy)]
struct Call<'a> {
    plane: &'a Plane,
    caller: &'a Caller,
    params: &'a Value,
}

type Asking<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// What answers a method.
enum Answer {
    /// What is known without asking the loop.
    Known(fn(Call<'_>) -> Outcome),
    /// What the loop is asked for, once.
    Asking(for<'a> fn(Call<'a>) -> Asking<'a>),
    /// The same, by somebody who may answer later, or twice.
    Replying(for<'a> fn(Call<'a>) -> Asking<'a>),
    /// Nobody: why it is not there.
    Missing(&'static str),
}

/// A method: what it is called, what it needs, and what answers it.
struct Method {
    name: &'static str,
    /// None for what everybody may know, a node too.
    needs: Option<Scope>,
    answer: Answer,
}

/// One line a method. `knows` answers at once, `asks` answers once and has to ask the loop for it, `replies` says itself how often
/// it answers, and `lacks` says why nothing does. Those with `who` are told who calls.
macro_rules! methods {
    ($($name:literal $needs:ident $kind:ident $($of:ident)? ($answer:path);)*) => {
        &[$(Method { name: $name, needs: methods!(@ $needs), answer: methods!(@ $kind $($of)? $answer) }),*]
    };
    (@ Anybody) => { None };
    (@ knows $answer:path) => { Answer::Known(|it| $answer(it.plane, it.params)) };
    (@ asks who $answer:path) => {
        Answer::Asking(|it| {
            Box::pin(async move { Reply::Now($answer(it.plane, it.caller, it.params).await) })
        })
    };
    (@ asks $answer:path) => {
        Answer::Asking(|it| Box::pin(async move { Reply::Now($answer(it.plane, it.params).await) }))
    };
    (@ replies $answer:path) => { Answer::Replying(|it| Box::pin($answer(it.plane, it.params))) };
    (@ lacks $why:path) => { Answer::Missing($why) };
    (@ $scope:ident) => { Some(Scope::$scope) };
}

const NO_COMPACTION: &str = "this gateway does not shorten histories yet";
const NO_SKILLS: &str = "this gateway has no skills";
const NO_NODES: &str = "this gateway has no nodes";
const NO_HEARTBEATS: &str = "this gateway has no heartbeats";

/// All methods, by name.
const METHODS: &[Method] = methods! {
    "agent"                     Write     replies (runs::agent);
    "agent.wait"                Write     replies (runs::wait);
    "agents.create"             Admin     asks who (agents::create);
    "agents.delete"             Admin     asks who (agents::delete);
    "agents.list"               Read      knows (agents::list);
    "agents.update"             Admin     asks who (agents::update);
    "channels.status"           Read      knows (look::channels);
    "chat.abort"                Write     asks (chat::abort);
    "chat.history"              Read      asks (chat::history);
    "chat.inject"               Admin     asks (chat::inject);
    "chat.send"                 Write     asks (chat::send);
    "config.apply"              Admin     asks who (config::apply);
    "config.get"                Read      asks (config::get);
    "config.patch"              Admin     asks who (config::patch);
    "config.schema"             Admin     knows (config::schema);
    "config.set"                Admin     asks who (config::set);
    "credentials.status"        Read      asks (credentials::status);
    "cron.add"                  Admin     asks (cron::add);
    "cron.list"                 Read      asks (cron::list);
    "cron.remove"               Admin     asks (cron::remove);
    "cron.run"                  Admin     asks (cron::run);
    "cron.runs"                 Read      asks (cron::runs);
    "cron.status"               Read      asks (cron::status);
    "cron.update"               Admin     asks (cron::update);
    "device.pair.approve"       Pairing   asks who (devices::approve);
    "device.pair.list"          Pairing   asks who (devices::list);
    "device.pair.reject"        Pairing   asks who (devices::reject);
    "device.pair.remove"        Pairing   asks who (devices::remove);
    "device.token.revoke"       Pairing   asks who (devices::revoke);
    "device.token.rotate"       Pairing   asks who (devices::rotate);
    "exec.approval.get"         Approvals asks (approvals::get);
    "exec.approval.list"        Approvals asks (approvals::list);
    "exec.approval.request"     Approvals replies (approvals::request);
    "exec.approval.resolve"     Approvals asks who (approvals::resolve);
    "exec.approval.waitDecision" Approvals replies (approvals::wait);
    "exec.approvals.get"        Admin     asks (approvals::document);
    "exec.approvals.set"        Admin     asks (approvals::replace);
    "health"                    Anybody   asks who (look::health_asked);
    "last-heartbeat"            Read      lacks (NO_HEARTBEATS);
    "logs.tail"                 Read      knows (look::logs);
    "methods.describe"          Read      knows (describe::describe);
    "models.list"               Read      knows (look::models);
    "node.list"                 Read      lacks (NO_NODES);
    "node.pair.approve"         Pairing   lacks (NO_NODES);
    "node.pair.list"            Pairing   lacks (NO_NODES);
    "node.pair.reject"          Pairing   lacks (NO_NODES);
    "node.pair.request"         Pairing   lacks (NO_NODES);
    "node.pair.verify"          Pairing   lacks (NO_NODES);
    "send"                      Write     replies (send::send);
    "sessions.compact"          Admin     lacks (NO_COMPACTION);
    "sessions.delete"           Admin     asks (sessions::delete);
    "sessions.list"             Read      asks (sessions::list);
    "sessions.patch"            Admin     asks (sessions::patch);
    "sessions.preview"          Read      asks (sessions::preview);
    "sessions.reset"            Admin     asks (sessions::reset);
    "set-heartbeats"            Admin     lacks (NO_HEARTBEATS);
    "skills.install"            Admin     lacks (NO_SKILLS);
    "skills.status"             Read      lacks (NO_SKILLS);
    "status"                    Read      asks (look::status);
    "system-presence"           Read      knows (look::presence);
    "tools.catalog"             Read      asks (look::tools);
    "wake"                      Write     asks (wake::wake);
};

/// The methods that are there, by name: `features.methods`.
pub fn names() -> Vec<&'static str> {
    METHODS.iter().filter(|it| is_there(it)).map(|it| it.name).collect()
}

fn is_there(method: &Method) -> bool {
    !matches!(method.answer, Answer::Missing(_))
}

/// The events that are told: `features.events`.
pub const EVENTS: [&str; 11] = [
    "agent",
    "chat",
    "connect.challenge",
    "device.pair.requested",
    "device.pair.resolved",
    "exec.approval.requested",
    "exec.approval.resolved",
    "health",
    "presence",
    "shutdown",
    "tick",
];

/// Whether a method may answer later.
pub fn takes_its_time(method: &str) -> bool {
    METHODS.iter().any(|it| it.name == method && matches!(it.answer, Answer::Replying(_)))
}

/// Answers a call.
pub async fn call(plane: &Plane, caller: &Caller, request: &Request) -> Reply {
    let method = match allowed(plane, caller, request.method.as_str()) {
        Ok(method) => method,
        Err(error) => return Reply::Now(Err(error)),
    };
    let call = Call { plane, caller, params: &request.params_or_empty() };
    match method.answer {
        Answer::Known(answer) => Reply::Now(answer(call)),
        Answer::Asking(answer) | Answer::Replying(answer) => answer(call).await,
        Answer::Missing(why) => Reply::Now(Err(ErrorShape::unavailable(why))),
    }
}

/// The method of a name, if this caller may call it.
fn allowed(plane: &Plane, caller: &Caller, name: &str) -> Result<&'static Method, ErrorShape> {
    if name == "connect" {
        return Err(ErrorShape::connected_already());
    }
    let method = METHODS.iter().find(|it| it.name == name);
    let method = method.ok_or_else(|| ErrorShape::unknown_method(name))?;
    let Some(needs) = method.needs else { return Ok(method) };
    if caller.role != Role::Operator {
        return Err(ErrorShape::unauthorized_role(caller.role.name()));
    }
    if !caller.scopes.allow(needs) {
        return Err(ErrorShape::missing_scope(plane.facts.version, needs));
    }
    Ok(method)
}

/// What a method's parameters are that has none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Checks the parameters of a method that has none.
fn nothing(plane: &Plane, method: &str, params: &Value) -> Result<(), ErrorShape> {
    schema::check(plane.facts.version, method, params).map(|Nothing {}| ())
}

/// Refuses what cannot be done, by the first of these parameters that is there.
fn refuse_given(given: &[(&str, bool)], why: &str) -> Result<(), ErrorShape> {
    match given.iter().find(|it| it.1) {
        Some((name, _)) => Err(ErrorShape::unavailable(format!("{name}: {why}"))),
        None => Ok(()),
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
        Refused::Session { .. }
        | Refused::Empty(_)
        | Refused::NotTheirs
        | Refused::NoChat
        | Refused::Text => error,
    }
}

#[cfg(test)]
mod tests;
