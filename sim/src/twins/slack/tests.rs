//! The Web API and Socket Mode as clients meet them.

use axum::body::Body;
use creel_judge::trace::Kind;
use hyper::Request;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::{
    http::testing::{self, Client},
    scenario::ChatKind,
};

/// A platform with a direct chat of Ann's and a channel.
fn platform() -> (Slack, Client, JoinSet<()>) {
    let secrets: Credentials = [
        (BOT_TOKEN, "xoxb-1".to_owned()),
        (APP_TOKEN, "xapp-1".to_owned()),
        (SIGNING_SECRET, "secret".to_owned()),
    ]
    .into();
    let accounts = [("default".to_owned(), secrets)].into();
    let twin = Slack::new(Recorder::new(), &accounts, 1_700_000_000);
    let ann = Chat::direct(CHANNEL, "default", "U3001");
    let kind = ChatKind::Room { id: "C800".to_owned(), thread: None };
    twin.declare("hall", &Chat { kind, ..ann.clone() }, &[]);
    twin.declare("ann", &ann, &[]);
    let (client, server) = testing::serve(twin.router());
    (twin, client, server)
}

fn write(twin: &Slack, chat: &str, mention: bool) -> String {
    let inbound = Inbound {
        name: "m1".to_owned(),
        chat: chat.to_owned(),
        text: "hello & <welcome>".to_owned(),
        canary: None,
        mention,
        reply_to: None,
        forged: None,
        image: None,
        events: None,
        apart: Duration::ZERO,
    };
    twin.deliver(&inbound).expect("the chat is there")
}

async fn call(client: &Client, token: &str, method: &str, body: &Value) -> (u16, Value) {
    let request = Request::post(format!("/api/{method}"))
        .header("host", "twin")
        .header("content-type", "application/json; charset=utf-8")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_string()))
        .unwrap();
    let (status, answer) = client.call(request).await.json().await;
    (status, answer)
}

async fn refusal(client: &Client, method: &str, body: Value) -> String {
    let (status, answer) = call(client, "xoxb-1", method, &body).await;
    format!("{status} {}", answer["error"].as_str().unwrap_or("accepted"))
}

/// What the account's connection would carry now.
fn carried(twin: &Slack) -> Vec<Value> {
    let mut state = twin.state();
    let ticket = state.ticket("xapp-1").expect("the app is there");
    let (account, connection) = state.connect(&ticket).expect("the ticket is good");
    drop(state);
    twin.dispatch();
    let mut state = twin.state();
    let texts = std::iter::from_fn(|| state.next_envelope(&account, connection));
    texts.map(|it| serde_json::from_str(&it).unwrap()).collect()
}

#[tokio::test]
async fn a_post_is_seen_in_its_place_as_a_person_sees_it() {
    let (twin, client, _server) = platform();
    let body = json!({ "channel": "D3001", "text": "a *b* &lt;c&gt;" });
    let (status, answer) = call(&client, "xoxb-1", "chat.postMessage", &body).await;
    assert_eq!((status, &answer["ok"]), (200, &json!(true)));
    assert_eq!(answer["ts"], "1700000000.000001");
    let body = json!({ "channel": "C800", "text": "there", "thread_ts": "1700000000.000100" });
    call(&client, "xoxb-1", "chat.postMessage", &body).await;
    let seen = twin.conversation();
    assert_eq!((&seen[0]["chat"], &seen[0]["text"]), (&json!("U3001"), &json!("a b <c>")));
    assert_eq!(seen[1]["thread"], "1700000000.000100");
}

#[tokio::test]
async fn what_slack_would_refuse_is_refused() {
    let (twin, client, _server) = platform();
    let post = "chat.postMessage";
    for (body, expected) in [
        (json!({ "channel": "C999", "text": "hi" }), "200 channel_not_found"),
        (json!({ "channel": "C800", "text": "" }), "200 no_text"),
        (json!({ "channel": "C800", "text": "x".repeat(40_001) }), "200 msg_too_long"),
        (json!({ "channel": "C800", "txt": "hi" }), "200 invalid_arguments"),
        (json!({ "channel": "C800", "text": "hi", "thread_ts": "7" }), "200 invalid_thread_ts"),
    ] {
        assert_eq!(refusal(&client, post, body).await, expected);
    }
    let (_, answer) = call(&client, "xoxb-2", "auth.test", &json!({})).await;
    assert_eq!(answer["error"], "invalid_auth");
    // A bot's token opens no connection.
    let (_, answer) = call(&client, "xoxb-1", "apps.connections.open", &json!({})).await;
    assert_eq!(answer["error"], "invalid_auth");
    assert_eq!(twin.conversation(), json!([]));
}

#[tokio::test]
async fn a_conversation_tells_its_kind() {
    let (_twin, client, _server) = platform();
    for (channel, is_im, is_channel) in [("D3001", true, false), ("C800", false, true)] {
        let asked = json!({ "channel": channel });
        let (_, answer) = call(&client, "xoxb-1", "conversations.info", &asked).await;
        assert_eq!(answer["channel"]["is_im"], is_im, "{answer}");
        assert_eq!(answer["channel"]["is_channel"], is_channel, "{answer}");
    }
}

#[tokio::test]
async fn a_limited_rate_is_told_once() {
    let (twin, client, _server) = platform();
    let ann = Chat::direct(CHANNEL, "default", "U3001");
    twin.declare("ann", &ann, &[SendFault::Refuse { status: 429, retry_after_s: Some(2) }]);
    let body = json!({ "channel": "D3001", "text": "hi" });
    assert_eq!(refusal(&client, "chat.postMessage", body.clone()).await, "429 ratelimited");
    assert_eq!(refusal(&client, "chat.postMessage", body).await, "200 accepted");
}

#[test]
fn a_mention_in_a_channel_is_two_events_of_one_message() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _guard = runtime.enter();
    let (twin, _client, _server) = platform();
    let ts = write(&twin, "hall", true);
    let events: Vec<Value> =
        carried(&twin).into_iter().map(|mut it| it["payload"]["event"].take()).collect();
    let seen: Vec<_> = events.iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(seen, ["message", "app_mention"]);
    for event in &events {
        assert_eq!(event["ts"], ts.as_str());
        assert_eq!(event["text"], "<@UBOT0> hello &amp; &lt;welcome&gt;");
    }
    assert_eq!(events[0]["channel_type"], "channel");
    assert_eq!(events[1].get("channel_type"), None, "an `app_mention` does not say");
}

#[test]
fn a_message_is_acknowledged_with_all_of_its_envelopes() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _guard = runtime.enter();
    let (twin, _client, _server) = platform();
    write(&twin, "hall", true);
    let envelopes = carried(&twin);
    let mut acknowledged = Vec::new();
    for envelope in &envelopes {
        let id = envelope["envelope_id"].as_str().unwrap();
        assert!(twin.state().acknowledge("default", id));
        let facts = twin.state().recorder.facts_from(0);
        let is_one = |it: &Kind| matches!(it, Kind::Acknowledged { .. });
        acknowledged.push(facts.iter().filter(|it| is_one(&it.kind)).count());
    }
    assert_eq!(acknowledged, [0, 1]);
    assert!(!twin.state().acknowledge("default", "envelope-of-nobody"));
}

#[test]
fn a_connection_that_is_cut_leaves_its_envelopes_to_the_next_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _guard = runtime.enter();
    let (twin, _client, _server) = platform();
    write(&twin, "ann", false);
    let first = carried(&twin);
    twin.cut(Cut::Drop, Duration::ZERO);
    assert!(!twin.is_listened_to("default"));
    let second = carried(&twin);
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(first[0]["envelope_id"], second[0]["envelope_id"]);
    assert_eq!((&first[0]["retry_attempt"], &second[0]["retry_attempt"]), (&json!(0), &json!(1)));
}
