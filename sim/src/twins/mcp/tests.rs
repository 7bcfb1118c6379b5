//! Servers of tools as a client meets them, with the facts that they leave.

use std::{fmt::Write, time::Duration};

use axum::extract::Request as HttpRequest;
use tokio::task::JoinSet;

use super::*;
use crate::http::testing::{self, Client};

struct Stage {
    recorder: Recorder,
    servers: Servers,
    client: Client,
    _server: JoinSet<()>,
}

fn stage() -> Stage {
    let recorder = Recorder::new();
    let answer = |after, act| ToolAnswer { after: Duration::from_secs(after), act };
    let read = vec![
        answer(2, ToolAct::Result("a note".to_owned())),
        answer(0, ToolAct::Error("no such note".to_owned())),
        answer(0, ToolAct::Hang),
    ];
    let scripts = [("notes".to_owned(), [("read".to_owned(), read)].into())].into();
    let servers = Servers::new(recorder.clone(), scripts);
    let (client, server) = testing::serve(servers.router());
    Stage { recorder, servers, client, _server: server }
}

fn request(session: &str, body: &Value) -> HttpRequest {
    let mut request = testing::post("/mcp/notes", "application/json", body.to_string());
    let both = HeaderValue::from_static("application/json, text/event-stream");
    request.headers_mut().insert(header::ACCEPT, both);
    if !session.is_empty() {
        request.headers_mut().insert(SESSION, session.parse().unwrap());
    }
    request
}

fn rpc(id: u64, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn read(id: u64) -> Value {
    rpc(id, "tools/call", &json!({ "name": "read", "arguments": { "which": id } }))
}

impl Stage {
    async fn say(&self, body: &Value) -> (u16, String) {
        let answer = self.client.call(request("session-1", body)).await;
        let status = answer.response.status().as_u16();
        (status, answer.body().await.0)
    }

    async fn open(&self) {
        let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {} });
        let answer = self.client.call(request("", &rpc(0, "initialize", &params))).await;
        assert_eq!(answer.response.headers()[SESSION], "session-1");
        let (_, body) = answer.json().await;
        assert_eq!(body["result"]["protocolVersion"], "2025-06-18");
    }

    fn facts(&self) -> String {
        let mut lines = String::new();
        for fact in self.recorder.take() {
            let at = fact.at_us / 1_000;
            let what = match fact.kind {
                Kind::ToolCalled { call, tool, arguments, .. } => {
                    format!("called {call} {tool} {arguments}")
                }
                Kind::ToolEnded { call, outcome, text } => {
                    format!("ended {call} {outcome:?} {text:?}")
                }
                other => format!("{other:?}"),
            };
            writeln!(lines, "{at} {what}").unwrap();
        }
        lines
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_lists_and_calls_tools() {
    let stage = stage();
    stage.open().await;
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(stage.say(&ready).await.0, 202);
    let (_, listed) = stage.say(&rpc(1, "tools/list", &json!({}))).await;
    assert!(listed.contains(r#""name":"read""#), "{listed}");
    let (_, first) = stage.say(&read(2)).await;
    assert!(first.starts_with("event: message\ndata: {"), "{first}");
    assert!(
        first.contains(r#""text":"a note""#) && first.contains(r#""isError":false"#),
        "{first}"
    );
    let (_, second) = stage.say(&read(3)).await;
    assert!(second.contains(r#""isError":true"#), "{second}");
    insta::assert_snapshot!(stage.facts(), @r#"
    0 called 1 read {"which":2}
    2000 ended 1 Completed "a note"
    2000 called 2 read {"which":3}
    2000 ended 2 Failed "no such note"
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_be_taken_back_or_abandoned() {
    let stage = stage();
    stage.open().await;
    let patience = Duration::from_secs(1);
    tokio::time::timeout(patience, stage.say(&read(1))).await.map(drop).unwrap_err();
    stage.recorder.more_than(1).await;
    stage.say(&read(2)).await;
    let hanging = stage.client.call(request("session-1", &read(3))).await;
    let taken_back = json!({
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": { "requestId": 3 },
    });
    assert_eq!(stage.say(&taken_back).await.0, 202);
    drop(hanging);
    assert_eq!(stage.servers.unfinished(), 0);
    insta::assert_snapshot!(stage.facts(), @r#"
    0 called 1 read {"which":1}
    1000 ended 1 Abandoned ""
    1000 called 2 read {"which":2}
    1000 ended 2 Failed "no such note"
    1000 called 3 read {"which":3}
    1000 ended 3 Abandoned ""
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_session_no_message_and_no_tool_is_refused() {
    let stage = stage();
    let list = rpc(1, "tools/list", &json!({}));
    assert_eq!(stage.client.call(request("", &list)).await.response.status(), 400);
    assert_eq!(stage.client.call(request("session-9", &list)).await.response.status(), 404);
    stage.open().await;
    assert_eq!(stage.say(&json!({ "id": 1 })).await.0, 400);
    let (_, unknown) = stage.say(&rpc(2, "resources/list", &json!({}))).await;
    assert!(unknown.contains("-32601"), "{unknown}");
    let (_, gone) = stage.say(&rpc(3, "tools/call", &json!({ "name": "gone" }))).await;
    assert!(gone.contains("-32602"), "{gone}");
    let stream = HttpRequest::get("/mcp/notes").body(Body::empty()).unwrap();
    assert_eq!(stage.client.call(stream).await.response.status(), 405);
}
