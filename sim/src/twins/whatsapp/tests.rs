//! The Graph API as clients meet it.

use axum::body::Body;
use hyper::Request;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::http::testing::{self, Client};

/// A platform on which Ann (`+15550001`) wrote, and Bob (`+15550002`) did not.
fn platform() -> (WhatsApp, Client, JoinSet<()>) {
    let secrets: Credentials = [
        (ACCESS_TOKEN, "EAAtoken".to_owned()),
        (APP_SECRET, "app".to_owned()),
        (VERIFY_TOKEN, "verify".to_owned()),
    ]
    .into();
    let twin = WhatsApp::new(Recorder::new(), vec![Number::of("default", &secrets)], 1_000);
    for (name, number) in [("ann", "+15550001"), ("bob", "+15550002")] {
        twin.declare(name, &Chat::direct(CHANNEL, "default", number), &[]);
    }
    let inbound = Inbound {
        name: "m1".to_owned(),
        chat: "ann".to_owned(),
        text: "hello".to_owned(),
        canary: None,
        mention: false,
        reply_to: None,
        forged: None,
        image: None,
        events: None,
        apart: std::time::Duration::ZERO,
    };
    assert_eq!(twin.deliver(&inbound).as_deref(), Some("wamid.HBgCREEL000000000001"));
    let (client, server) = testing::serve(twin.router());
    (twin, client, server)
}

async fn send(client: &Client, token: &str, body: &Value) -> String {
    let number = phone_number_id("default");
    let request = Request::post(format!("/v23.0/{number}/messages"))
        .header("host", "twin")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_string()))
        .unwrap();
    let (status, answer) = client.call(request).await.json().await;
    match answer["error"]["code"].as_u64() {
        Some(code) => format!("{status} {code} {}", answer["error"]["message"].as_str().unwrap()),
        None => format!("{status} {}", answer["messages"][0]["id"].as_str().unwrap()),
    }
}

fn text(to: &str, body: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": to, "type": "text", "text": { "body": body } })
}

#[tokio::test]
async fn a_text_is_shown() {
    let (twin, client, _server) = platform();
    let mut message = text("+1 555-0001", "hi");
    message["context"] = json!({ "message_id": "wamid.HBgCREEL000000000001" });
    assert_eq!(send(&client, "EAAtoken", &message).await, "200 wamid.HBgCREEL000000000002");
    let place = declared(&twin);
    assert_eq!(place.as_deref(), Some("hi"));
}

fn declared(twin: &WhatsApp) -> Option<String> {
    twin.last_text(&crate::declared::place(&Chat::direct(CHANNEL, "default", "+15550001")))
}

#[tokio::test]
async fn what_the_platform_would_refuse_is_refused() {
    let (_twin, client, _server) = platform();
    let refused = async |token: &str, edit: &dyn Fn(&mut Value)| {
        let mut body = text("15550001", "hi");
        edit(&mut body);
        send(&client, token, &body).await
    };
    let plain = |_: &mut Value| ();
    assert!(refused("wrong", &plain).await.starts_with("401 190 "));
    let own = "EAAtoken";
    assert!(refused(own, &|it| it["to"] = json!("15559999")).await.starts_with("400 131030 "));
    assert!(refused(own, &|it| it["to"] = json!("15550002")).await.starts_with("400 131047 "));
    assert!(refused(own, &|it| it["to"] = json!("ann")).await.starts_with("400 100 "));
    assert!(refused(own, &|it| it["text"]["body"] = json!("")).await.starts_with("400 100 "));
    let long = "x".repeat(4_097);
    assert!(refused(own, &|it| it["text"]["body"] = json!(long)).await.starts_with("400 100 "));
    assert!(refused(own, &|it| it["texts"] = json!("x")).await.starts_with("400 100 "));
    assert!(
        refused(own, &|it| it["messaging_product"] = json!("sms")).await.starts_with("400 100 ")
    );
    assert!(refused(own, &|it| it["type"] = json!("dance")).await.starts_with("400 131009 "));
    let unknown = json!({ "message_id": "wamid.other" });
    assert!(refused(own, &|it| it["context"] = unknown.clone()).await.starts_with("400 131009 "));
}

#[test]
fn a_signature_is_the_one_that_others_compute() {
    let known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(sign("It's a Secret to Everybody", b"Hello, World!"), known);
}
