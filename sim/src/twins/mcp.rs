//! Servers of tools, as `https://modelcontextprotocol.io/specification` has them over streamable HTTP.
//!
//! Each server of the scenario's `tools` is at `/mcp/<server>`. Lists come as JSON, results of tools as one server-sent
//! event, so that a client meets both. The client takes a call back by a notification, or by closing its connection.

mod call;
mod rpc;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use creel_judge::trace::{Kind, ToolOutcome};
use serde_json::{Value, json};

use self::{call::Open, rpc::Request};
use crate::{
    recorder::Recorder,
    scenario::{ToolAct, ToolAnswer},
};

/// The header of a session.
const SESSION: &str = "mcp-session-id";

/// The newest version of the protocol that the twin speaks, and the older ones that it speaks too.
const VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// The tools of each server, and what each call of them gets.
pub type Scripts = BTreeMap<String, BTreeMap<String, Vec<ToolAnswer>>>;

/// What each server says of its tools: their `annotations`.
pub type Hints = BTreeMap<String, BTreeMap<String, Value>>;

/// All servers of a scenario. A clone is another handle on the same ones.
#[derive(Clone, Debug)]
pub struct Servers {
    recorder: Recorder,
    scripts: Arc<Scripts>,
    hints: Arc<Hints>,
    state: Arc<Mutex<Progress>>,
    unfinished: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Progress {
    sessions: BTreeSet<String>,
    sessions_opened: u64,
    calls: u64,
    calls_of: BTreeMap<(String, String), usize>,
    /// Calls under way, by session and the client's number.
    open: BTreeMap<(String, String), Open>,
}

impl Servers {
    /// Servers that answer as scripted.
    pub fn new(recorder: Recorder, scripts: Scripts) -> Self {
        let (state, unfinished) = (Arc::default(), Arc::default());
        let hints = Arc::default();
        Self { recorder, scripts: Arc::new(scripts), hints, state, unfinished }
    }

    /// The same, that say this of their tools.
    #[must_use]
    pub fn saying(self, hints: Hints) -> Self {
        Self { hints: Arc::new(hints), ..self }
    }

    /// How many calls are under way and will end by themselves.
    pub fn unfinished(&self) -> usize {
        self.unfinished.load(Ordering::Relaxed)
    }

    /// The servers' addresses, below `/mcp`.
    pub fn router(&self) -> Router {
        let methods = post(receive).get(no_stream).delete(end_session);
        Router::new().route("/mcp/{server}", methods).with_state(self.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Progress) -> T) -> T {
        act(&mut self.state.lock().expect("nothing panics while it holds the progress"))
    }

    fn open_session(&self) -> String {
        self.with(|it| {
            it.sessions_opened += 1;
            let id = format!("session-{}", it.sessions_opened);
            it.sessions.insert(id.clone());
            id
        })
    }

    /// What the call of a tool gets, with the call's number. None is an answer that the scenario must add.
    fn next_answer(&self, server: &str, tool: &str) -> (u64, Option<ToolAnswer>) {
        let answers = self.scripts.get(server).and_then(|it| it.get(tool));
        self.with(|it| {
            it.calls += 1;
            let count = it.calls_of.entry((server.to_owned(), tool.to_owned())).or_default();
            *count += 1;
            (it.calls, answers.and_then(|answers| answers.get(*count - 1)).cloned())
        })
    }

    fn call(&self, server: &str, session: &str, request: &Request) -> Response {
        let tool = request.params["name"].as_str().unwrap_or_default().to_owned();
        let known = self.scripts.get(server).is_some_and(|it| it.contains_key(&tool));
        if !known {
            let what = format!("the gateway called `{tool}`, which `tools.{server}` does not have");
            self.recorder.harness_error(what);
            return request.refuse(-32602, &format!("Unknown tool: {tool}")).into_response();
        }
        let (call, answer) = self.next_answer(server, &tool);
        let arguments = request.params["arguments"].to_string();
        let server = server.to_owned();
        self.recorder.record(Kind::ToolCalled { call, server, tool: tool.clone(), arguments });
        let answer = answer.unwrap_or_else(|| {
            let what = format!("call {call} of a tool needs another answer of `{tool}`");
            self.recorder.harness_error(what);
            ToolAnswer::unscripted()
        });
        let counted = (answer.act != ToolAct::Hang).then(|| self.unfinished.clone());
        let (open, waiting) = Open::new(self.recorder.clone(), call, counted);
        let key = (session.to_owned(), request.id.to_string());
        self.with(|it| it.open.insert(key, open));
        let body = call::Planned::new(request.id.clone(), answer, waiting);
        let stream = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        (stream, Body::new(body)).into_response()
    }

    /// The client takes a call back.
    fn cancel(&self, session: &str, request: &Request) {
        let key = (session.to_owned(), request.params["requestId"].to_string());
        if let Some(open) = self.with(|it| it.open.remove(&key)) {
            open.end(ToolOutcome::Abandoned, String::new());
        }
    }
}

/// `POST`: one message of the client.
async fn receive(
    State(servers): State<Servers>,
    Path(server): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let Some(tools) = servers.scripts.get(&server) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(request) = Request::read(&body) else {
        let what = format!("the gateway sent `{server}` what is no JSON-RPC message");
        servers.recorder.harness_error(what);
        return StatusCode::BAD_REQUEST.into_response();
    };
    let accepts = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !(accepts.contains("application/json") && accepts.contains("text/event-stream")) {
        return (StatusCode::NOT_ACCEPTABLE, "Not Acceptable").into_response();
    }
    if request.method == "initialize" {
        let session = servers.open_session();
        let answer = request.answer(&initialized(&server, &request.params));
        return ([(SESSION, session)], answer).into_response();
    }
    let session = headers.get(SESSION).and_then(|it| it.to_str().ok()).unwrap_or_default();
    match session {
        "" => return (StatusCode::BAD_REQUEST, "Missing session ID").into_response(),
        id if !servers.with(|it| it.sessions.contains(id)) => {
            return (StatusCode::NOT_FOUND, "Session not found").into_response();
        }
        _ => {}
    }
    match request.method.as_str() {
        "notifications/cancelled" => {
            servers.cancel(session, &request);
            StatusCode::ACCEPTED.into_response()
        }
        method if method.starts_with("notifications/") => StatusCode::ACCEPTED.into_response(),
        "ping" => request.answer(&json!({})).into_response(),
        "tools/list" => request.answer(&listed(tools, servers.hints.get(&server))).into_response(),
        "tools/call" => servers.call(&server, session, &request),
        method => request.refuse(-32601, &format!("Method not found: {method}")).into_response(),
    }
}

/// `GET`: the servers have nothing to say by themselves.
async fn no_stream() -> Response {
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}

/// `DELETE`: the client is done.
async fn end_session(State(servers): State<Servers>, headers: HeaderMap) -> StatusCode {
    let session = headers.get(SESSION).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let was_there = servers.with(|it| it.sessions.remove(session));
    if was_there { StatusCode::OK } else { StatusCode::NOT_FOUND }
}

fn initialized(server: &str, params: &Value) -> Value {
    let asked = params["protocolVersion"].as_str().unwrap_or_default();
    let version = VERSIONS.iter().find(|it| **it == asked).unwrap_or(&VERSIONS[0]);
    json!({
        "protocolVersion": version,
        "capabilities": { "tools": { "listChanged": false } },
        "serverInfo": { "name": server, "version": "1.0.0" },
    })
}

fn listed(
    tools: &BTreeMap<String, Vec<ToolAnswer>>,
    hints: Option<&BTreeMap<String, Value>>,
) -> Value {
    let tool = |name: &String| {
        let mut tool = json!({
            "name": name,
            "description": format!("The tool {name}."),
            "inputSchema": { "type": "object", "additionalProperties": true },
        });
        if let Some(said) = hints.and_then(|it| it.get(name)) {
            tool["annotations"] = said.clone();
        }
        tool
    };
    json!({ "tools": tools.keys().map(tool).collect::<Vec<_>>() })
}

impl IntoResponse for rpc::Answer {
    fn into_response(self) -> Response {
        Json(self.0).into_response()
    }
}

#[cfg(test)]
mod tests;
