//! Chat completions as a client meets them, with the facts that they leave.

use std::{fmt::Write, time::Duration};

use tokio::task::JoinSet;

use super::*;
use crate::http::testing::{self, Client};

const CHAT: &str = "/v1/chat/completions";
const CANARY: &str = "kaaaaaaaaaaa1";

struct Stage {
    recorder: Recorder,
    client: Client,
    _server: JoinSet<()>,
}

/// A provider that answers Alice so.
fn stage(acts: Vec<Act>) -> Stage {
    let recorder = Recorder::new();
    let answers = acts.into_iter().map(|act| Answer { after: Duration::from_secs(1), act });
    let script = ModelScript::new([("alice".to_owned(), answers.collect())].into());
    script.expect(CANARY, "m1", "alice");
    let provider = Provider {
        name: "prova".to_owned(),
        keys: [("sk-1".to_owned(), "first".to_owned())].into(),
        models: vec!["m1".to_owned()],
        zero_unix_s: 1_700_000_000,
    };
    let twin = OpenAi::new(recorder.clone(), script, provider);
    let (client, server) = testing::serve(twin.router());
    Stage { recorder, client, _server: server }
}

fn say(text: &str, chunks: u32, every: Duration) -> Act {
    Act::Say { text: text.to_owned(), chunks, every }
}

fn whole() -> Value {
    json!({ "model": "m1", "messages": [{ "role": "user", "content": format!("hi {CANARY}") }] })
}

fn streamed() -> Value {
    let mut request = whole();
    request["stream"] = json!(true);
    request
}

fn request(path: &str, key: &str, body: &Value) -> HttpRequest {
    let mut request = testing::post(path, "application/json", body.to_string());
    let value = format!("Bearer {key}").parse().unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, value);
    request
}

impl Stage {
    async fn call(&self, body: &Value) -> testing::Answer {
        self.client.call(request(CHAT, "sk-1", body)).await
    }

    /// Everything that was recorded, a line each.
    fn facts(&self) -> String {
        let mut lines = String::new();
        for fact in self.recorder.take() {
            let at = fact.at_us / 1_000;
            let what = match fact.kind {
                Kind::ModelRequest { request, chat, call, credential, .. } => {
                    format!("request {request} {chat:?} {call:?} {credential}")
                }
                Kind::ModelEnd { request, outcome } => format!("end {request} {outcome:?}"),
                other => format!("{other:?}"),
            };
            writeln!(lines, "{at} {what}").unwrap();
        }
        lines
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_one_document() {
    let stage = stage(vec![say("Hello.", 3, Duration::from_secs(9))]);
    let (status, answer) = stage.call(&whole()).await.json().await;
    assert_eq!((status, stage.recorder.now_us()), (200, 19_000_000), "1 s, and two pauses");
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello.");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["created"], 1_700_000_001);
    insta::assert_snapshot!(stage.facts(), @r#"
    0 request 1 Some("alice") Some(1) first
    19000 end 1 Completed { text: "Hello." }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_a_role_chunks_a_reason_usage_and_an_end() {
    let stage = stage(vec![say("añ🦀", 3, Duration::from_millis(500))]);
    let mut request = streamed();
    request["stream_options"] = json!({ "include_usage": true });
    let answer = stage.call(&request).await;
    assert_eq!(answer.response.headers()["content-type"], "text/event-stream");
    let (body, ended) = answer.body().await;
    assert!(ended);
    assert_eq!(stage.recorder.now_us(), 2_000_000, "1 s before the first chunk, two pauses");
    insta::assert_snapshot!(body, @r#"
    data: {"choices":[{"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000001,"id":"chatcmpl-1","model":"m1","object":"chat.completion.chunk","usage":null}

    data: {"choices":[{"delta":{"content":"a"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000001,"id":"chatcmpl-1","model":"m1","object":"chat.completion.chunk","usage":null}

    data: {"choices":[{"delta":{"content":"ñ"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000001,"id":"chatcmpl-1","model":"m1","object":"chat.completion.chunk","usage":null}

    data: {"choices":[{"delta":{"content":"🦀"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000001,"id":"chatcmpl-1","model":"m1","object":"chat.completion.chunk","usage":null}

    data: {"choices":[{"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":1700000001,"id":"chatcmpl-1","model":"m1","object":"chat.completion.chunk","usage":null}

    data: {"choices":[],"created":1700000001,"id":"chatcmpl-1","model":"m1","object":"chat.completion.chunk","usage":{"completion_tokens":2,"prompt_tokens":4,"total_tokens":6}}

    data: [DONE]
    "#);
    insta::assert_snapshot!(stage.facts(), @r#"
    0 request 1 Some("alice") Some(1) first
    2000 end 1 Completed { text: "añ🦀" }
    "#);
}

#[tokio::test(start_paused = true)]
async fn spoiled_streams_end_as_the_scenario_says() {
    let text = || "Hel".to_owned();
    let acts =
        vec![Act::Cut { text: text() }, Act::Eof { text: text() }, Act::Malformed { text: text() }];
    let stage = stage([acts.clone(), acts].concat());
    let mut lines = String::new();
    for request in [streamed(), whole()] {
        for how in ["cut", "eof", "malformed"] {
            let (body, ended) = stage.call(&request).await.body().await;
            assert_eq!(ended, how != "cut", "{how}");
            writeln!(lines, "{how}: {}", body.replace("\n\n", "\n")).unwrap();
        }
    }
    insta::assert_snapshot!(lines, @r#"
    cut: data: {"choices":[{"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000001,"id":"chatcmpl-1","model":"m1","object":"chat.completion.chunk"}
    data: {"choices":[{"delta":{"content":"Hel"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000001,"id":"chatcmpl-1","model":"m1","object":"chat.completion.chunk"}

    eof: data: {"choices":[{"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000002,"id":"chatcmpl-2","model":"m1","object":"chat.completion.chunk"}
    data: {"choices":[{"delta":{"content":"Hel"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000002,"id":"chatcmpl-2","model":"m1","object":"chat.completion.chunk"}

    malformed: data: {"choices":[{"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000003,"id":"chatcmpl-3","model":"m1","object":"chat.completion.chunk"}
    data: {"choices":[{"delta":{"content":"Hel"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000003,"id":"chatcmpl-3","model":"m1","object":"chat.completion.chunk"}
    data: {"id":"chatcmpl-broken","choices":[{"delta":{"content":
    data: {"choices":[{"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":1700000003,"id":"chatcmpl-3","model":"m1","object":"chat.completion.chunk"}
    data: [DONE]

    cut: {"choices":[{"finish_reason":"stop","index":0,"logprobs":null,"message":{"content":"Hel","refusal":null,"role":"assistant"}}],"created":1700000004,"id":"chatcmpl-4","model":"m1","object":"chat.completion",
    eof: {"choices":[{"finish_reason":null,"index":0,"logprobs":null,"message":{"content":"Hel","refusal":null,"role":"assistant"}}],"created":1700000005,"id":"chatcmpl-5","model":"m1","object":"chat.completion","usage":{"completion_tokens":1,"prompt_tokens":4,"total_tokens":5}}
    malformed: {"id":"chatcmpl-broken","choices":[{"delta":{"content":
    "#);
    insta::assert_snapshot!(stage.facts(), @r#"
    0 request 1 Some("alice") Some(1) first
    1000 end 1 Spoiled { how: "cut", text: "Hel" }
    1000 request 2 Some("alice") Some(2) first
    2000 end 2 Spoiled { how: "eof", text: "Hel" }
    2000 request 3 Some("alice") Some(3) first
    3000 end 3 Spoiled { how: "malformed", text: "Hel" }
    3000 request 4 Some("alice") Some(4) first
    4000 end 4 Spoiled { how: "cut", text: "Hel" }
    4000 request 5 Some("alice") Some(5) first
    5000 end 5 Spoiled { how: "eof", text: "Hel" }
    5000 request 6 Some("alice") Some(6) first
    6000 end 6 Spoiled { how: "malformed", text: "Hel" }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_is_seen() {
    let slow = say("one two", 2, Duration::from_mins(1));
    let stage = stage(vec![Act::Hang, slow]);
    let patience = Duration::from_secs(5);
    tokio::time::timeout(patience, stage.call(&whole())).await.map(drop).unwrap_err();
    stage.recorder.more_than(1).await;
    let answer = stage.call(&streamed()).await;
    tokio::time::timeout(patience, answer.body()).await.unwrap_err();
    stage.recorder.more_than(3).await;
    insta::assert_snapshot!(stage.facts(), @r#"
    0 request 1 Some("alice") Some(1) first
    5000 end 1 Abandoned { text: "" }
    5000 request 2 Some("alice") Some(2) first
    11000 end 2 Abandoned { text: "one" }
    "#);
}

#[tokio::test(start_paused = true)]
async fn error_statuses_have_the_providers_shape() {
    let headers = [("retry-after-ms".to_owned(), "20000".to_owned())].into();
    let error =
        ErrorStatus { status: 429, retry_after_s: Some(20), headers, ..ErrorStatus::default() };
    let act = Act::Status(error);
    let stage = stage(vec![act]);
    let answer = stage.call(&whole()).await;
    assert_eq!(answer.response.headers()["retry-after"], "20");
    let (status, body) = answer.json().await;
    assert_eq!(status, 429);
    let error = json!({
        "message": "Rate limit reached for requests.",
        "type": "requests",
        "param": null,
        "code": "rate_limit_exceeded",
    });
    assert_eq!(body, json!({ "error": error }));
    insta::assert_snapshot!(stage.facts(), @r#"
    0 request 1 Some("alice") Some(1) first
    1000 end 1 Failed { status: 429, retry_after_ms: Some(20000), said: None }
    "#);
}

#[tokio::test(start_paused = true)]
async fn wrong_keys_wrong_requests_and_missing_answers_are_told_apart() {
    let stage = stage(vec![]);
    let wrong = stage.client.call(request(CHAT, "sk-2", &whole())).await.json().await;
    assert_eq!((wrong.0, &wrong.1["error"]["code"]), (401, &json!("invalid_api_key")));
    let invalid = stage.call(&json!({ "model": "m1", "messages": [] })).await.json().await;
    assert_eq!((invalid.0, &invalid.1["error"]["param"]), (400, &json!("messages")));
    let bare = request("/chat/completions", "sk-1", &whole());
    assert_eq!(stage.client.call(bare).await.json().await.0, 400);
    let other = request("/v1/completions", "sk-1", &json!({}));
    assert_eq!(stage.client.call(other).await.json().await.0, 404);
    insta::assert_snapshot!(stage.facts(), @r#"
    0 request 1 None None ?
    0 end 1 Failed { status: 401, retry_after_ms: None, said: None }
    0 request 2 None None first
    0 HarnessError { what: "the gateway sent an invalid request: Invalid 'messages': empty array. Expected an array with minimum length 1." }
    0 end 2 Failed { status: 400, retry_after_ms: None, said: None }
    0 request 3 Some("alice") Some(1) first
    0 HarnessError { what: "model request 3 is call 1 of chat `alice`, for message `m1`: `model.alice` needs a 1st answer" }
    0 end 3 Failed { status: 400, retry_after_ms: None, said: None }
    0 HarnessError { what: "the gateway called `POST /v1/completions`, which the provider twin does not speak: configure chat completions, responses or messages" }
    "#);
}

#[tokio::test(start_paused = true)]
async fn models_are_listed_for_those_with_a_key() {
    let stage = stage(vec![]);
    let (status, _) = stage.client.get("/v1/models").await;
    assert_eq!(status, 401);
    let get = |path: &str| {
        let request = HttpRequest::get(path).header(header::AUTHORIZATION, "Bearer sk-1");
        stage.client.call(request.body(Body::empty()).unwrap())
    };
    let (_, list) = get("/models").await.json().await;
    assert_eq!(list["data"][0]["id"], "m1");
    assert_eq!(get("/v1/models/m1").await.json().await.0, 200);
    assert_eq!(get("/v1/models/m2").await.json().await.1["error"]["code"], "model_not_found");
}
