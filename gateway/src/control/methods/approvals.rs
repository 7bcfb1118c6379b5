//! `exec.approval.*`: calls that wait for a decision; `exec.approvals.*`: the document of what was allowed for good.

use std::sync::Arc;

use creel_core::{
    approval::{Approval, Decision, NotTaken, Past, Undecided},
    gateway::{Known, Question},
    ids::{AgentId, ApprovalId},
    profile::Version,
    session_key::SessionKey,
    time::Millis,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::{Caller, Later, Outcome, Reply, nothing, refuse_given};
use crate::{
    control::{
        approvals,
        frame::{ErrorCode, ErrorShape},
        plane::Plane,
        schema::{self, Change},
    },
    grants::{self, NotReplaced, Standing},
};

/// How many characters a client's words for what it wants decided may have.
const COMMAND_CHARS_MAX: usize = 4_000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Called {
    #[schemars(length(min = 1))]
    id: String,
}

/// `exec.approval.get`: one that waits.
pub(super) async fn get(plane: &Plane, params: &Value) -> Outcome {
    let version = plane.facts.version;
    let Called { id } = schema::check(version, "exec.approval.get", params)?;
    let found = plane.operate(move |core, _, _| core.approval_called(&id).cloned()).await?;
    let approval = found.map_err(|it| undecided(version, &it))?;
    let shown = approvals::requested(&approval, plane.hub.masks());
    let request = &shown["request"];
    Ok(json!({
        "id": shown["id"], "commandText": request["command"], "commandPreview": null,
        "allowedDecisions": request["allowedDecisions"], "host": request["host"],
        "nodeId": request["nodeId"], "agentId": request["agentId"], "expiresAtMs": shown["expiresAtMs"],
    }))
}

/// `exec.approval.list`: all that wait, oldest first.
pub(super) async fn list(plane: &Plane, params: &Value) -> Outcome {
    nothing(plane, "exec.approval.list", params)?;
    let waiting = plane.operate(|core, _, _| core.approvals().to_vec()).await?;
    let shown = waiting.iter().map(|it| {
        let mut shown = approvals::requested(it, plane.hub.masks());
        shown["approvalKind"] = json!("exec");
        shown
    });
    Ok(Value::Array(shown.collect()))
}

/// What a client wants decided. What is not named is shown to whoever decides as it was given, and means nothing else here.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Asked {
    #[schemars(length(min = 1))]
    id: Option<String>,
    #[schemars(length(min = 1))]
    command: Option<String>,
    command_argv: Option<Vec<String>>,
    system_run_plan: Option<Map<String, Value>>,
    env: Option<Map<String, Value>>,
    #[serde(default)]
    cwd: Change<String>,
    #[serde(default)]
    node_id: Change<String>,
    #[serde(default)]
    host: Change<String>,
    #[serde(default)]
    security: Change<String>,
    #[serde(default)]
    ask: Change<String>,
    #[serde(default)]
    agent_id: Change<String>,
    #[serde(default)]
    resolved_path: Change<String>,
    #[serde(default)]
    session_key: Change<String>,
    #[serde(default)]
    turn_source_channel: Change<String>,
    #[serde(default)]
    turn_source_to: Change<String>,
    #[serde(default)]
    turn_source_account_id: Change<String>,
    #[serde(default)]
    turn_source_thread_id: Change<Value>,
    #[serde(default)]
    warning_text: Change<String>,
    #[serde(default)]
    session_id: Change<String>,
    #[serde(default)]
    run_id: Change<String>,
    #[serde(default)]
    tool_call_id: Change<String>,
    scope: Option<Value>,
    unavailable_decisions: Option<Vec<String>>,
    #[serde(rename = "commandSpans")]
    _command_spans: Option<Value>,
    require_delivery_route: Option<bool>,
    suppress_delivery: Option<bool>,
    /// Nobody else is told anyhow.
    #[serde(rename = "deliverToApprovalClientsOnly")]
    _deliver_to_approval_clients_only: Option<bool>,
    approval_reviewer_device_ids: Option<Vec<String>>,
    #[schemars(range(min = 1))]
    timeout_ms: Option<u64>,
    two_phase: Option<bool>,
}

fn given(change: Change<String>) -> Option<String> {
    match change {
        Change::Set(text) => Some(text.trim().to_owned()).filter(|it| !it.is_empty()),
        Change::Keep | Change::Clear => None,
    }
}

/// `exec.approval.request`: answered when it was decided, before that too if `twoPhase` asks for it.
pub(super) async fn request(plane: &Plane, params: &Value) -> Reply {
    match ask(plane, params).await {
        Ok(reply) => reply,
        Err(error) => Reply::Now(Err(error)),
    }
}

async fn ask(plane: &Plane, params: &Value) -> Result<Reply, ErrorShape> {
    let version = plane.facts.version;
    let asked: Asked = schema::check(version, "exec.approval.request", params)?;
    let is_two_phase = asked.two_phase == Some(true);
    let question = question(version, asked)?;
    let hub = plane.hub.clone();
    let asked = plane.operate(move |core, now, effects| {
        let asked = core.ask_as_operator(now, question, effects)?;
        // Before anybody is told of it, and so before anybody decides.
        let decision = hub.decision_of(&asked.id);
        Ok::<_, NotTaken>((asked, decision))
    });
    let (approval, decision) = asked.await?.map_err(|it| not_taken(&it))?;
    let times = times(&approval);
    let id = approval.id.clone();
    let first = json!({
        "status": "accepted", "id": id.as_str(), "createdAtMs": times.0, "expiresAtMs": times.1,
    });
    let later = decided((id, times), decision);
    Ok(if is_two_phase { Reply::Twice(first, later) } else { Reply::Later(later) })
}

fn question(version: Version, asked: Asked) -> Result<Question, ErrorShape> {
    let missing = [
        ("suppressDelivery", asked.suppress_delivery == Some(true)),
        ("approvalReviewerDeviceIds", asked.approval_reviewer_device_ids.is_some()),
    ];
    refuse_given(&missing, "this gateway tells of approvals whoever may decide")?;
    let host = given(asked.host);
    if host.as_deref() == Some("node") {
        return Err(ErrorShape::unavailable("host: this gateway has no nodes"));
    }
    let argv = asked.command_argv.as_ref().map(|it| it.join(" "));
    let command = asked.command.or(argv).filter(|it| !it.trim().is_empty());
    let command = command
        .ok_or_else(|| ErrorShape::invalid("expected `command` or `commandArgv` with letters"))?;
    if command.chars().count() > COMMAND_CHARS_MAX {
        let why = format!("expected a `command` of at most {COMMAND_CHARS_MAX} characters");
        let error = ErrorShape::invalid(why);
        return Err(error.with_details(json!({ "reason": "EXEC_APPROVAL_COMMAND_DISPLAY_LIMIT" })));
    }
    let ask = given(asked.ask);
    let (agent, session) = (given(asked.agent_id), given(asked.session_key));
    let thread = match asked.turn_source_thread_id {
        Change::Set(thread) => thread,
        Change::Keep | Change::Clear => Value::Null,
    };
    let words = json!({
        "command": command, "commandArgv": asked.command_argv, "systemRunPlan": asked.system_run_plan,
        "envKeys": asked.env.map(|it| it.keys().cloned().collect::<Vec<_>>()), "cwd": given(asked.cwd),
        "nodeId": given(asked.node_id), "host": host, "security": given(asked.security), "ask": ask,
        "resolvedPath": given(asked.resolved_path), "turnSourceChannel": given(asked.turn_source_channel),
        "turnSourceTo": given(asked.turn_source_to), "turnSourceThreadId": thread,
        "turnSourceAccountId": given(asked.turn_source_account_id), "scope": asked.scope,
        "warningText": given(asked.warning_text), "sessionId": given(asked.session_id),
        "runId": given(asked.run_id), "toolCallId": given(asked.tool_call_id),
    });
    let is_each_time = ask.as_deref() == Some("always");
    let withheld = asked.unavailable_decisions.unwrap_or_default();
    let offered = |it: &Decision| {
        let is_withheld = withheld.iter().any(|name| name == it.name());
        !(is_withheld || is_each_time && *it == Decision::AllowAlways)
    };
    let usual = match version {
        Version::V2026_3 => Millis::from_s(120),
        Version::V2026_9 => Millis::from_s(1_800),
    };
    let id = asked.id.and_then(|it| ApprovalId::new(&it).ok());
    let invalid = |what: &str| ErrorShape::invalid(format!("{what} has no letter"));
    Ok(Question {
        id,
        agent: agent.map(|it| AgentId::new(&it)).transpose().map_err(|_| invalid("agentId"))?,
        session: session
            .map(|it| SessionKey::canonical(&it))
            .transpose()
            .map_err(|_| invalid("sessionKey"))?,
        words: Arc::from(words.to_string()),
        offers: Decision::ALL.into_iter().filter(offered).collect(),
        waits: asked.timeout_ms.map_or(usual, Millis::new),
        needs_hearer: asked.require_delivery_route != Some(false),
    })
}

fn times(approval: &Approval) -> (i64, i64) {
    (approval.created.as_unix_ms(), approval.expires.as_unix_ms())
}

fn decided(
    (id, (created, expires)): (ApprovalId, (i64, i64)),
    decision: oneshot::Receiver<Option<Decision>>,
) -> Later {
    Box::pin(async move {
        // An error means that the gateway is ending.
        let decision = decision.await.ok().flatten();
        Ok(wait_answer(&id, (created, expires), decision))
    })
}

fn wait_answer(
    id: &ApprovalId,
    (created, expires): (i64, i64),
    decision: Option<Decision>,
) -> Value {
    json!({
        "id": id.as_str(), "decision": decision.map(Decision::name), "createdAtMs": created,
        "expiresAtMs": expires,
    })
}

/// `exec.approval.waitDecision`.
pub(super) async fn wait(plane: &Plane, params: &Value) -> Reply {
    match wait_for(plane, params).await {
        Ok(reply) => reply,
        Err(error) => Reply::Now(Err(error)),
    }
}

async fn wait_for(plane: &Plane, params: &Value) -> Result<Reply, ErrorShape> {
    let Called { id } = schema::check(plane.facts.version, "exec.approval.waitDecision", params)?;
    let hub = plane.hub.clone();
    let found = plane.operate(move |core, now, _| {
        let found = core.approval(now, id.trim())?;
        Some(match found {
            Known::Pending(approval) => {
                let decision = hub.decision_of(&approval.id);
                Ok((approval, decision))
            }
            Known::Past(past) => Err(past),
        })
    });
    let unknown = || ErrorShape::invalid("approval expired or not found");
    Ok(match found.await?.ok_or_else(unknown)? {
        Ok((approval, decision)) => {
            Reply::Later(decided((approval.id.clone(), times(&approval)), decision))
        }
        Err(Past { id, created, expires, decision, .. }) => {
            let times = (created.as_unix_ms(), expires.as_unix_ms());
            Reply::Now(Ok(wait_answer(&id, times, decision)))
        }
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resolve {
    #[schemars(length(min = 1))]
    id: String,
    #[schemars(length(min = 1))]
    decision: String,
}

/// `exec.approval.resolve`. The first decision stands; in 2026.9 it may be said again.
pub(super) async fn resolve(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    let version = plane.facts.version;
    let Resolve { id, decision } = schema::check(version, "exec.approval.resolve", params)?;
    let decision = Decision::named(&decision).ok_or_else(|| {
        let known = Decision::ALL.map(|it| format!("`{}`", it.name())).join(", ");
        ErrorShape::invalid(format!("found another `decision`, expected one of {known}"))
    })?;
    let by = caller.client.clone();
    let decide =
        plane.operate(move |core, now, effects| core.decide(now, (&id, decision), &by, effects));
    match decide.await? {
        Ok(_) => Ok(json!({ "ok": true })),
        Err(Undecided::Already { decision: first })
            if version == Version::V2026_9 && first == decision =>
        {
            Ok(json!({ "ok": true }))
        }
        Err(error) => Err(undecided(version, &error)),
    }
}

fn undecided(version: Version, why: &Undecided) -> ErrorShape {
    let error = ErrorShape::invalid(why.to_string());
    match (why, version) {
        (Undecided::Unknown | Undecided::Already { .. }, Version::V2026_3) => {
            ErrorShape::invalid(Undecided::Unknown.to_string())
        }
        (Undecided::Unknown, Version::V2026_9) => error.with_details(json!({
            "reason": ErrorCode::ApprovalNotFound,
            "remediation": "Ask again: what waits for a decision is gone after its time or a restart.",
        })),
        (Undecided::Already { .. }, Version::V2026_9) => {
            error.with_details(json!({ "reason": "APPROVAL_ALREADY_RESOLVED" }))
        }
        (Undecided::NotOffered(_), _) => {
            error.with_details(json!({ "reason": "APPROVAL_ALLOW_ALWAYS_UNAVAILABLE" }))
        }
        (Undecided::Ambiguous, _) => error,
    }
}

fn not_taken(why: &NotTaken) -> ErrorShape {
    match why {
        NotTaken::Taken => ErrorShape::invalid(why.to_string()),
        NotTaken::TooMany => ErrorShape::unavailable(why.to_string()).retry_after_ms(1_000),
        NotTaken::Closed => ErrorShape::unavailable(why.to_string()),
    }
}

/// `exec.approvals.get`.
pub(super) async fn document(plane: &Plane, params: &Value) -> Outcome {
    nothing(plane, "exec.approvals.get", params)?;
    let standing = plane.book.look().await.map_err(|it| ErrorShape::unavailable(it.to_string()))?;
    Ok(shown(plane, standing))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Replace {
    file: Map<String, Value>,
    #[schemars(length(min = 1))]
    base_hash: Option<String>,
}

/// `exec.approvals.set`: another document, on what was seen of this one. What it allows for good holds from now on.
pub(super) async fn replace(plane: &Plane, params: &Value) -> Outcome {
    let Replace { file, base_hash } =
        schema::check(plane.facts.version, "exec.approvals.set", params)?;
    let says = Value::Object(file);
    if !grants::is_ours(&says) {
        let why = "file: expected version 1, and for each agent a map whose `mcpTools` have a server and a tool";
        return Err(ErrorShape::invalid(why));
    }
    let replaced = plane.book.replace(base_hash, says).await;
    let (standing, grants) = replaced.map_err(|it| match it {
        NotReplaced::Unusable(why) => ErrorShape::unavailable(why.to_string()),
        NotReplaced::BaseMissing | NotReplaced::Changed => ErrorShape::invalid(it.to_string()),
    })?;
    let book = plane.book.clone();
    let set = plane.operate(move |core, _, _| {
        // What was allowed since it was written is written next.
        core.set_grants(grants.into_iter().chain(book.unwritten()).collect());
    });
    set.await?;
    Ok(shown(plane, standing))
}

/// The document without the token of OpenClaw's own companion.
fn shown(plane: &Plane, Standing { exists, hash, mut says }: Standing) -> Value {
    if let Some(socket) = says.get_mut("socket").and_then(Value::as_object_mut) {
        socket.retain(|key, _| key == "path");
    }
    let mut shown =
        json!({ "path": plane.book.path(), "exists": exists, "hash": hash, "file": says });
    if plane.facts.version == Version::V2026_9 {
        shown["resolvedDefaults"] = json!({
            "security": "full", "ask": "off", "askFallback": "deny", "autoAllowSkills": false,
        });
    }
    shown
}
