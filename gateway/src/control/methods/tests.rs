use std::sync::Arc;

use creel_core::profile::Version;

use super::{super::plane::Facts, *};
use crate::control::{schema::problems, tests};

#[test]
fn the_table_is_sorted_and_names_nothing_twice() {
    assert!(METHODS.is_sorted_by(|one, other| one.name < other.name));
}

/// Parameters that each method takes.
fn good(version: Version, method: &str) -> Value {
    let is_new = version == Version::V2026_9;
    match method {
        "agent" => json!({ "message": "hi", "idempotencyKey": "k", "agentId": "main" }),
        "agent.wait" => json!({ "runId": "k", "timeoutMs": 0 }),
        "agents.create" => json!({ "name": "Ada", "workspace": "/ada" }),
        "agents.delete" => json!({ "agentId": "ada" }),
        "agents.update" => json!({ "agentId": "ada", "name": "Ada" }),
        "channels.status" => json!({ "probe": true }),
        "chat.abort" | "chat.history" => json!({ "sessionKey": "main" }),
        "chat.inject" if is_new => {
            json!({ "sessionKey": "main", "message": "hi", "agentId": "main" })
        }
        "chat.inject" => json!({ "sessionKey": "main", "message": "hi", "label": "note" }),
        "chat.send" => json!({ "sessionKey": "main", "message": "hi", "idempotencyKey": "k" }),
        "config.apply" | "config.patch" | "config.set" => json!({ "raw": "{}", "baseHash": "x" }),
        "cron.add" => json!({
            "name": "a", "schedule": { "kind": "every", "everyMs": 1_000 },
            "payload": { "kind": "agentTurn", "message": "look" },
        }),
        "cron.remove" | "cron.run" => json!({ "jobId": "a" }),
        "cron.update" => json!({ "jobId": "a", "patch": { "enabled": false } }),
        "device.pair.approve" | "device.pair.reject" => json!({ "requestId": "a" }),
        "device.pair.remove" => json!({ "deviceId": "a" }),
        "device.token.revoke" | "device.token.rotate" => {
            json!({ "deviceId": "a", "role": "operator" })
        }
        "exec.approval.get" | "exec.approval.waitDecision" => json!({ "id": "a" }),
        "exec.approval.request" => json!({ "command": "ls", "timeoutMs": 1 }),
        "exec.approval.resolve" => json!({ "id": "a", "decision": "deny" }),
        "exec.approvals.set" => json!({ "file": { "version": 1 } }),
        "models.list" if is_new => json!({ "agentId": "main", "view": "all" }),
        "send" => json!({ "to": "5", "message": "hi", "idempotencyKey": "k", "channel": "x" }),
        "sessions.patch" => json!({ "key": "main", "label": null }),
        "sessions.delete" | "sessions.reset" => json!({ "key": "main" }),
        "sessions.preview" => json!({ "keys": ["main"] }),
        "wake" => json!({ "mode": "now", "text": "hi" }),
        _ => json!({}),
    }
}

/// What a call is refused with, if it is.
async fn refusal(plane: &Plane, method: &str, params: &Value) -> Option<String> {
    let caller = Caller {
        connection: "c".to_owned(),
        role: Role::Operator,
        scopes: Scopes::known(Scope::ALL.iter().map(|it| it.name())),
        device_id: None,
        client: "cli".to_owned(),
        by: connect::Method::Token,
    };
    let request =
        Request { id: "1".to_owned(), method: method.to_owned(), params: Some(params.clone()) };
    match call(plane, &caller, &request).await {
        Reply::Now(outcome) => outcome.err().map(|it| it.message),
        Reply::Later(_) | Reply::Twice(..) => None,
    }
}

#[tokio::test]
async fn what_a_method_takes_is_what_it_is_described_to_take() {
    for version in Version::ALL {
        let (plane, _open) = tests::plane();
        let facts = Facts { version, ..(*plane.facts).clone() };
        let plane = Plane { facts: Arc::new(facts), ..plane };
        let described = describe::describe(&plane, &json!({})).unwrap();
        let rows = described["methods"].as_array().unwrap();
        let described: Vec<&str> = rows.iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(described, names());
        for row in rows {
            let (method, schema) = (row["name"].as_str().unwrap(), &row["params"]);
            assert!(!schema.is_null(), "{method} is not described");
            let told = |params: &Value| problems::of(version, schema, params);
            let beginning = format!("invalid {method} params: ");
            let good = good(version, method);
            assert_eq!(told(&good), [""; 0], "{version:?} {method}");
            let answer = refusal(&plane, method, &good).await.unwrap_or_default();
            assert!(!answer.starts_with(&beginning), "{version:?} {method}: {answer}");
            // One that nobody knows, and none as it should be.
            let mut unknown = good.clone();
            unknown["foo"] = json!(1);
            let mut wrong = json!({ "foo": 1 });
            for name in schema["properties"].as_object().into_iter().flatten().map(|it| it.0) {
                wrong[name] = json!([[]]);
            }
            if method == "chat.send" {
                wrong["sessionKey"] = json!("main");
            }
            for params in [unknown, wrong] {
                let expected = told(&params);
                let answer = refusal(&plane, method, &params).await.unwrap_or_default();
                if expected.is_empty() {
                    assert!(!answer.starts_with(&beginning), "{version:?} {method}: {answer}");
                } else {
                    let expected = format!("{beginning}{}", problems::text(&expected));
                    assert_eq!(answer, expected, "{version:?} {method}");
                }
            }
            let is_closed = schema["additionalProperties"] == false;
            let reads_all = ["health", "status", "system-presence"].contains(&method)
                || (method == "wake" && version == Version::V2026_9);
            assert_eq!(is_closed, !reads_all, "{version:?} {method}");
        }
        let one = describe::describe(&plane, &json!({ "method": "chat.abort" })).unwrap();
        assert_eq!(one["methods"][0]["scope"], "operator.write");
        let none = describe::describe(&plane, &json!({ "method": "node.list" })).unwrap_err();
        assert_eq!(none.message, "unknown method: node.list");
    }
}
