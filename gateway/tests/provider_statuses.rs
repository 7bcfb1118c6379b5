//! Every way in which a provider can answer, over real sockets: what the gateway makes of it, and that the key shows
//! nowhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/log.rs"]
mod log;
#[path = "support/request.rs"]
mod request;

use std::{
    future::IntoFuture as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, routing::post, serve::ListenerExt as _};
use creel_core::{run::ModelOutcome, session::Entry};
use creel_gateway::{
    http::Http,
    net::TokioNet,
    providers::{self, Api, Asked, Endpoint, Patience},
    secret::Secret,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, header, method, path},
};

use self::{log::Log, request::request};

/// The key. No outcome and no line of the log may have it.
const KEY: &str = "sk-canary-4711";

fn said() -> [Entry; 3] {
    [Entry::User("hi".into()), Entry::Assistant("hello".into()), Entry::User("and?".into())]
}

#[tokio::test]
async fn turn_after_turn_is_streamed_over_one_connection() {
    let accepted = Arc::new(AtomicUsize::new(0));
    let body = format!("{}{STOP}{DONE}", says("hello"));
    let answer = async move || ([("content-type", "text/event-stream")], body);
    let app = Router::new().route("/v1/chat/completions", post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let counted = accepted.clone();
    let listener = listener.tap_io(move |_| _ = counted.fetch_add(1, Ordering::Relaxed));
    let mut serving = JoinSet::new();
    serving.spawn(axum::serve(listener, app).into_future());
    let (api, patience) = (Api::ChatCompletions, Patience::default());
    let endpoint = Endpoint { base_url, api, key: Secret::new(KEY), patience };
    let http = Http::new(TokioNet);
    for _ in 0..5 {
        let request = request(said());
        let asked = Asked { model: "m", tokens_max: None, request: &request, pictures: &[] };
        let outcome = providers::complete(&http, &endpoint, asked, None).await;
        assert!(matches!(outcome, ModelOutcome::Answered(_)), "{outcome:?}");
    }
    assert_eq!(accepted.load(Ordering::Relaxed), 1);
}

/// Asks once, and shows the outcome with what the log says about it.
async fn ask(base_url: String) -> String {
    let (log, _guard) = Log::listen();
    let (api, patience) = (Api::ChatCompletions, Patience::default());
    let endpoint = Endpoint { base_url, api, key: Secret::new(KEY), patience };
    let asked = Asked { model: "m", tokens_max: None, request: &request(said()), pictures: &[] };
    let outcome = providers::complete(&Http::new(TokioNet), &endpoint, asked, None).await;
    let outcome = match outcome {
        ModelOutcome::Answered(answer) => format!("answered {:?}", answer.text),
        ModelOutcome::Failed(failed) => format!("{:?}: {}", failed.failure, failed.failure),
    };
    let logged = log.text();
    let ours = logged.lines().filter(|it| it.contains("creel_gateway"));
    let shown = std::iter::once(outcome.as_str()).chain(ours.map(str::trim)).collect::<Vec<_>>();
    assert!(!logged.contains(KEY) && !outcome.contains(KEY), "the key shows: {outcome}\n{logged}");
    shown.join("\n")
}

/// Asks a provider that answers like this.
async fn answered(response: ResponseTemplate) -> String {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(header("authorization", format!("Bearer {KEY}")))
        .respond_with(response)
        .expect(1)
        .mount(&server)
        .await;
    ask(format!("{}/v1", server.uri())).await
}

fn stream(body: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
}

/// The event that carries `words`.
fn says(words: &str) -> String {
    let chunk = json!({ "choices": [{ "index": 0, "delta": { "content": words } }] });
    format!("data: {chunk}\n\n")
}

const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[tokio::test]
async fn the_request_says_who_asks_what_of_whom() {
    let server = MockServer::start().await;
    let expected = json!({ "model": "m", "stream": true, "messages": [
        { "role": "system", "content": "You help." },
        { "role": "user", "content": "hi" },
        { "role": "assistant", "content": "hello" },
        { "role": "user", "content": "and?" },
    ] });
    Mock::given(body_json(expected))
        .and(header("accept", "text/event-stream"))
        .respond_with(stream(&format!("{}{STOP}{DONE}", says("fine"))))
        .mount(&server)
        .await;
    assert_eq!(ask(server.uri()).await, r#"answered "fine""#);
}

#[tokio::test]
async fn a_whole_stream_is_an_answer() {
    let body = format!(": keep alive\n\n{}{}{STOP}{DONE}", says("a "), says("b 🦞"));
    assert_eq!(answered(stream(&body)).await, r#"answered "a b 🦞""#);
}

#[tokio::test]
async fn the_end_may_be_said_in_either_way() {
    let without_done = format!("{}{STOP}", says("whole"));
    assert_eq!(answered(stream(&without_done)).await, r#"answered "whole""#);
    let without_reason = format!("{}{DONE}", says("whole"));
    assert_eq!(answered(stream(&without_reason)).await, r#"answered "whole""#);
}

#[tokio::test]
async fn half_an_answer_is_never_passed_off_as_one() {
    insta::assert_snapshot!(answered(stream(&says("half"))).await, @r#"BrokenOff: the model's answer broke off"#);
    insta::assert_snapshot!(answered(stream("")).await, @r#"BrokenOff: the model's answer broke off"#);
    let error = format!("{}data: {{\"error\":{{\"message\":\"{KEY}\"}}}}\n\n", says("half"));
    insta::assert_snapshot!(answered(stream(&error)).await, @r#"
    InStream: the model's answer ended in an error
    WARN creel_gateway::providers::openai: the model's answer ended in an error
    "#);
}

#[tokio::test]
async fn what_is_no_stream_is_not_understood() {
    let page = ResponseTemplate::new(200).set_body_raw("<html>sign in</html>", "text/html");
    insta::assert_snapshot!(answered(page).await, @r#"
    Malformed: the model provider's answer was not understood
    WARN creel_gateway::providers: the model's answer is not `text/event-stream` content_type=Some("text/html")
    "#);
    let whole = ResponseTemplate::new(200).set_body_json(json!({ "choices": [] }));
    insta::assert_snapshot!(answered(whole).await, @r#"
    Malformed: the model provider's answer was not understood
    WARN creel_gateway::providers: the model's answer is not `text/event-stream` content_type=Some("application/json")
    "#);
    insta::assert_snapshot!(answered(stream("data: {\"choices\": 5}\n\n")).await, @r#"Malformed: the model provider's answer was not understood"#);
    let bytes =
        ResponseTemplate::new(200).set_body_raw(b"data: \xff\n\n".to_vec(), "text/event-stream");
    insta::assert_snapshot!(answered(bytes).await, @r#"
    Malformed: the model provider's answer was not understood
    WARN creel_gateway::providers::stream: model stream error=utf8 parse error: invalid utf-8 sequence of 1 bytes from index 0
    "#);
}

#[tokio::test]
async fn every_status_keeps_its_number_and_no_body_reaches_the_log() {
    let mut shown = Vec::new();
    for status in [400, 401, 402, 403, 404, 408, 429, 500, 503, 529] {
        let message = format!("you sent {KEY}\nwhich is wrong");
        let error =
            json!({ "error": { "message": message, "type": format!("kind_{status} {KEY}") } });
        let response =
            ResponseTemplate::new(status).set_body_json(error).append_header("retry-after", "20");
        shown.push(answered(response).await);
    }
    insta::assert_snapshot!(shown.join("\n"), @r#"
    Status(400): the model provider answered with status 400
    WARN creel_gateway::providers::refusal: model request was refused status=400 Bad Request kind="kind_400 [secret]"
    Status(401): the model provider answered with status 401
    WARN creel_gateway::providers::refusal: model request was refused status=401 Unauthorized kind="kind_401 [secret]"
    Status(402): the model provider answered with status 402
    WARN creel_gateway::providers::refusal: model request was refused status=402 Payment Required kind="kind_402 [secret]"
    Status(403): the model provider answered with status 403
    WARN creel_gateway::providers::refusal: model request was refused status=403 Forbidden kind="kind_403 [secret]"
    Status(404): the model provider answered with status 404
    WARN creel_gateway::providers::refusal: model request was refused status=404 Not Found kind="kind_404 [secret]"
    Status(408): the model provider answered with status 408
    WARN creel_gateway::providers::refusal: model request was refused status=408 Request Timeout kind="kind_408 [secret]"
    Status(429): the model provider answered with status 429
    WARN creel_gateway::providers::refusal: model request was refused status=429 Too Many Requests kind="kind_429 [secret]"
    Status(500): the model provider answered with status 500
    WARN creel_gateway::providers::refusal: model request was refused status=500 Internal Server Error kind="kind_500 [secret]"
    Status(503): the model provider answered with status 503
    WARN creel_gateway::providers::refusal: model request was refused status=503 Service Unavailable kind="kind_503 [secret]"
    Status(529): the model provider answered with status 529
    WARN creel_gateway::providers::refusal: model request was refused status=529 <unknown status code> kind="kind_529 [secret]"
    "#);
}

#[tokio::test]
async fn a_refusal_may_have_any_body() {
    insta::assert_snapshot!(answered(ResponseTemplate::new(502).set_body_string("<html>")).await, @r#"
    Status(502): the model provider answered with status 502
    WARN creel_gateway::providers::refusal: model request was refused status=502 Bad Gateway
    "#);
    insta::assert_snapshot!(answered(ResponseTemplate::new(204)).await, @r#"
    Status(204): the model provider answered with status 204
    WARN creel_gateway::providers::refusal: model request was refused status=204 No Content
    "#);
    let endless = ResponseTemplate::new(500).set_body_string("x".repeat(100 * 1024));
    insta::assert_snapshot!(answered(endless).await, @r#"
    Status(500): the model provider answered with status 500
    WARN creel_gateway::providers::refusal: model request was refused status=500 Internal Server Error
    "#);
}

#[tokio::test]
async fn an_answer_has_a_longest_length() {
    let mebibyte = "x".repeat(1024 * 1024);
    let fits = format!("{}{STOP}{DONE}", says(&mebibyte));
    assert_eq!(answered(stream(&fits)).await, format!("answered {mebibyte:?}"));
    let long = format!("{}{}{STOP}{DONE}", says(&mebibyte), says("y"));
    insta::assert_snapshot!(answered(stream(&long)).await, @r#"TooLong: the model's answer was too long"#);
    // Words may be few and what is around them much.
    let padded = format!("{}{}", ": padding\n".repeat(7 * 1024 * 1024), says("late"));
    insta::assert_snapshot!(answered(stream(&padded)).await, @r#"
    TooLong: the model's answer was too long
    WARN creel_gateway::providers::stream: model stream error=body error: longer than 67108864 bytes
    "#);
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let shown = ask(format!("http://{free}")).await;
    assert!(shown.starts_with("Unreachable: the model provider could not be reached"), "{shown}");
}

#[tokio::test]
async fn an_address_that_cannot_be_called_is_not_configured() {
    let shown = ask("not an address".to_owned()).await;
    assert!(shown.starts_with("NotConfigured"), "{shown}");
}

/// What is asked of a server that writes these pieces, each on its own, and then does as it is told.
async fn raw(pieces: &[&[u8]], then: Then) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let server = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.set_nodelay(true).unwrap();
        let mut asked = Vec::new();
        // The whole of it: closing with something unread would take back what was written.
        while !asked.ends_with(b"]}") {
            connection.read_buf(&mut asked).await.unwrap();
        }
        for piece in pieces {
            connection.write_all(piece).await.unwrap();
            connection.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        match then {
            Then::Closes => drop(connection),
            Then::Hangs => {
                // Until the gateway hangs up.
                while connection.read(&mut [0; 1024]).await.is_ok_and(|it| it > 0) {}
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        shown = ask(base_url) => shown,
        () = server => unreachable!("it waits for ever"),
    }
}

#[derive(Clone, Copy)]
enum Then {
    Closes,
    Hangs,
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn an_emoji_on_the_edge_of_a_piece_arrives_whole() {
    let event = says("a🦞b");
    let bytes = event.as_bytes();
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        let shown = raw(&[HEAD, first, second, STOP.as_bytes()], Then::Closes).await;
        assert_eq!(shown, r#"answered "a🦞b""#, "cut at byte {cut}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_from_one_that_ends() {
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let event = says("half");
    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
    insta::assert_snapshot!(raw(&[head, chunk.as_bytes()], Then::Closes).await, @r#"
    BrokenOff: the model's answer broke off
    WARN creel_gateway::providers::stream: model stream error=body error: error reading a body from connection
    "#);
    insta::assert_snapshot!(raw(&[b"HTTP/1.1 200"], Then::Closes).await, @r#"
    BrokenOff: the model's answer broke off
    WARN creel_gateway::providers: model request error=exchange: client error (SendRequest): connection closed before message completed
    "#);
    insta::assert_snapshot!(raw(&[], Then::Closes).await, @r#"
    BrokenOff: the model's answer broke off
    WARN creel_gateway::providers: model request error=exchange: client error (SendRequest): connection closed before message completed
    "#);
    insta::assert_snapshot!(raw(&[b"SSH-2.0-x\r\n"], Then::Closes).await, @r#"
    BrokenOff: the model's answer broke off
    WARN creel_gateway::providers: model request error=exchange: client error (SendRequest): invalid HTTP version parsed
    "#);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_behind_done() {
    let answer = format!("{}{DONE}", says("whole"));
    assert_eq!(raw(&[HEAD, answer.as_bytes()], Then::Hangs).await, r#"answered "whole""#);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_whose_body_never_ends_is_a_refusal() {
    let head = b"HTTP/1.1 503 X\r\ncontent-length: 10\r\n\r\n";
    let shown = raw(&[head], Then::Hangs).await;
    assert!(shown.starts_with("Status(503)"), "{shown}");
}
