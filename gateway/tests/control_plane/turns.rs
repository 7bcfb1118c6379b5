//! What operators ask of turns and sessions, and what becomes of what they ask.

use creel_core::profile::Version;
use serde_json::{Value, json};

use super::{Running, WITHIN, refused, world::World};

#[tokio::test]
async fn an_agents_turn_is_in_a_session_of_that_agent() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start_with(&served, Version::V2026_3, |file| {
        file["session"]["mainKey"] = json!("home");
        file["agents"]["list"] = json!([{ "id": "main" }, { "id": "beta" }]);
    })
    .await;
    let mut client = gateway.client().await;
    let other = json!({
        "message": "x", "idempotencyKey": "k0", "agentId": "beta", "sessionKey": "agent:main:home",
    });
    assert_eq!(
        refused(&mut client, "agent", other).await,
        "INVALID_REQUEST: session \"agent:main:home\" is not of the agent \"beta\""
    );
    let rows = [
        (json!({ "agentId": "beta" }), "agent:beta:home"),
        (json!({ "agentId": "Beta", "sessionKey": "main" }), "agent:beta:home"),
        (json!({ "agentId": "beta", "sessionKey": "AGENT:beta:side" }), "agent:beta:side"),
        (json!({ "agentId": "beta", "sessionKey": "side" }), "agent:beta:side"),
        (json!({ "agentId": "main", "sessionKey": " " }), "agent:main:home"),
        (json!({}), "agent:main:home"),
    ];
    for (number, (mut ask, session)) in rows.into_iter().enumerate() {
        ask["message"] = json!(format!("number {number}"));
        ask["idempotencyKey"] = json!(format!("n{number}"));
        client.call("agent", &ask, WITHIN).await.unwrap();
        client.another(WITHIN).await.unwrap();
        let history = json!({ "sessionKey": session, "limit": 1 });
        let history = client.call("chat.history", &history, WITHIN).await.unwrap();
        let last = &history["messages"][0]["content"][0]["text"];
        assert_eq!(*last, json!(format!("you said number {number}")), "{ask}");
    }
}

#[tokio::test]
async fn an_operator_tells_the_main_session_of_an_event() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    let wake = json!({ "mode": "now", "text": "the bell rang" });
    assert_eq!(client.call("wake", &wake, WITHIN).await.unwrap(), json!({ "ok": true }));
    world.asked("[Event from outside] the bell rang").await;
    let later = json!({ "mode": "next-heartbeat", "text": "the bell rang" });
    assert!(refused(&mut client, "wake", later).await.starts_with("UNAVAILABLE: "));
    for wrong in [json!({ "mode": "now" }), json!({ "mode": "soon", "text": "x" })] {
        let why = refused(&mut client, "wake", wrong).await;
        assert!(why.starts_with("INVALID_REQUEST: invalid wake params: "), "{why}");
    }
    let runs = client.call("cron.runs", &json!({}), WITHIN).await.unwrap();
    assert_eq!(runs["entries"], json!([]));
}

#[tokio::test]
async fn a_turn_takes_no_longer_than_its_client_allows() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    world.hold();
    let say = json!({
        "sessionKey": "main", "message": "hi", "idempotencyKey": "k1", "timeoutMs": 500,
    });
    client.call("chat.send", &say, WITHIN).await.unwrap();
    client.close().await;
    let mut client = gateway.client().await;
    let wait = json!({ "runId": "k1", "timeoutMs": 9_000 });
    let waited = client.call("agent.wait", &wait, WITHIN).await.unwrap();
    assert_eq!((&waited["status"], &waited["stopReason"]), (&json!("error"), &json!("rpc")));
    let ask = json!({ "message": "hi", "idempotencyKey": "k2", "timeout": 1 });
    client.call("agent", &ask, WITHIN).await.unwrap();
    let ended = client.another(WITHIN).await.unwrap();
    assert_eq!(ended["result"]["meta"]["aborted"], true, "{ended}");
    world.release();
    let ask = json!({ "message": "hi", "idempotencyKey": "k3", "timeout": 0 });
    client.call("agent", &ask, WITHIN).await.unwrap();
    assert_eq!(client.another(WITHIN).await.unwrap()["summary"], "completed");
}

#[tokio::test]
async fn what_would_change_a_turn_and_cannot_is_refused() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    let ask = |more: Value| {
        let mut ask = json!({ "message": "hi", "idempotencyKey": "k" });
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ask
    };
    for more in [
        json!({ "extraSystemPrompt": "be brief" }),
        json!({ "to": "5" }),
        json!({ "threadId": "9" }),
        json!({ "thinking": "high" }),
        json!({ "lane": "nested" }),
        json!({ "sessionId": "7" }),
        json!({ "spawnedBy": "agent:main:main" }),
    ] {
        let why = refused(&mut client, "agent", ask(more.clone())).await;
        let name = more.as_object().unwrap().keys().next().unwrap().clone();
        assert!(why.starts_with(&format!("UNAVAILABLE: {name}: ")), "{why}");
    }
    let mut say = ask(json!({ "sessionKey": "main", "thinking": "low" }));
    let why = refused(&mut client, "chat.send", say.clone()).await;
    assert!(why.starts_with("UNAVAILABLE: thinking: "), "{why}");
    assert_eq!(world.requests(), Vec::<String>::new());
    // What clients send that mean nothing by it.
    say["thinking"] = json!("off");
    say["deliver"] = json!(false);
    client.call("chat.send", &say, WITHIN).await.unwrap();
    world.asked("hi").await;
}

#[tokio::test]
async fn models_are_listed_with_what_the_configuration_says_of_them() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start_with(&served, Version::V2026_3, |file| {
        file["models"]["providers"]["p"]["models"] = json!([
            { "id": "m", "name": "Em", "contextWindow": 8_000, "reasoning": false, "input": ["text"] },
            { "id": "n", "contextWindow": "wide" },
        ]);
    })
    .await;
    let mut client = gateway.client().await;
    let listed = client.call("models.list", &json!({}), WITHIN).await.unwrap();
    let expected = json!([
        {
            "id": "m", "name": "Em", "provider": "p", "contextWindow": 8_000, "reasoning": false, "input": ["text"],
        },
        { "id": "n", "name": "n", "provider": "p" },
    ]);
    assert_eq!(listed["models"], expected);
}

#[tokio::test]
async fn a_message_for_no_session_is_refused_before_all_else() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    assert_eq!(
        refused(&mut client, "chat.send", json!({ "foo": 1 })).await,
        "INVALID_REQUEST: invalid chat.send params: must have required property 'sessionKey'"
    );
}

#[tokio::test]
async fn sessions_are_listed_as_they_were_asked_for() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    for (session, words) in [("main", "hello\nyou"), ("telegram:group:7", "we are many")] {
        let ask = json!({ "message": words, "idempotencyKey": session, "sessionKey": session });
        client.call("agent", &ask, WITHIN).await.unwrap();
        client.another(WITHIN).await.unwrap();
    }
    let all =
        json!({ "includeDerivedTitles": true, "includeLastMessage": true, "includeGlobal": true });
    let all = client.call("sessions.list", &all, WITHIN).await.unwrap();
    let rows: Vec<Value> = all["sessions"].as_array().unwrap().clone();
    let row = |key: &str| rows.iter().find(|it| it["key"] == key).unwrap();
    let (main, group) = (row("agent:main:main"), row("agent:main:telegram:group:7"));
    assert_eq!(main["derivedTitle"], "hello you");
    assert_eq!(main["lastMessagePreview"], "you said hello you");
    assert_eq!((&main["kind"], &group["kind"]), (&json!("direct"), &json!("group")));
    let status = client.call("status", &json!({}), WITHIN).await.unwrap();
    let kinds: Vec<&Value> =
        status["sessions"]["recent"].as_array().unwrap().iter().map(|it| &it["kind"]).collect();
    assert!(kinds.contains(&&json!("group")), "{status}");
    let of_agent = &status["sessions"]["byAgent"][0];
    assert_eq!(of_agent["recent"], status["sessions"]["recent"], "{status}");
    assert_eq!((&of_agent["agentId"], &of_agent["count"]), (&json!("main"), &json!(2)));
    assert_eq!(status["heartbeat"]["agents"][0]["enabled"], false, "{status}");
    let spawned = json!({ "spawnedBy": "agent:main:main" });
    let spawned = client.call("sessions.list", &spawned, WITHIN).await.unwrap();
    assert_eq!(spawned["count"], 0, "{spawned}");
}

#[tokio::test]
async fn a_history_says_who_said_what_when() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    let ask = json!({ "message": "hi", "idempotencyKey": "k1" });
    client.call("agent", &ask, WITHIN).await.unwrap();
    let ended = client.another(WITHIN).await.unwrap();
    assert_eq!(ended["status"], "ok", "{ended}");
    let history = json!({ "sessionKey": "main" });
    let history = client.call("chat.history", &history, WITHIN).await.unwrap();
    let messages = history["messages"].as_array().unwrap();
    let answer = &messages[1];
    assert_eq!((&answer["provider"], &answer["model"]), (&json!("p"), &json!("m")));
    let at = |it: &Value| it["timestamp"].as_i64().unwrap();
    assert!(at(&messages[0]) > 0 && at(&messages[0]) <= at(answer), "{history}");
}

#[tokio::test]
async fn models_are_those_of_an_agent_that_is_there() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    let all = client.call("models.list", &json!({}), WITHIN).await.unwrap();
    let asked = json!({ "agentId": "main", "view": "configured", "provider": "p" });
    assert_eq!(client.call("models.list", &asked, WITHIN).await.unwrap(), all);
    let none = client.call("models.list", &json!({ "provider": "q" }), WITHIN).await.unwrap();
    assert_eq!(none, json!({ "models": [] }));
    let unknown = refused(&mut client, "models.list", json!({ "agentId": "ghost" })).await;
    assert_eq!(unknown, "INVALID_REQUEST: unknown agent id \"ghost\"");
    let view = refused(&mut client, "models.list", json!({ "view": "mine" })).await;
    assert!(view.starts_with("INVALID_REQUEST: invalid models.list params: at /view"), "{view}");
    let older = Running::start(&served, Version::V2026_3).await;
    let mut client = older.client().await;
    assert_eq!(
        refused(&mut client, "models.list", json!({ "agentId": "main" })).await,
        "INVALID_REQUEST: invalid models.list params: at root: unexpected property 'agentId'"
    );
}

#[tokio::test]
async fn what_waits_for_the_main_session_is_in_the_status() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    world.hold();
    let say = json!({ "sessionKey": "main", "message": "hi", "idempotencyKey": "k1" });
    client.call("chat.send", &say, WITHIN).await.unwrap();
    world.asked("hi").await;
    let status = client.call("status", &json!({}), WITHIN).await.unwrap();
    assert_eq!(status["queuedSystemEvents"], json!([]));
    let wake = json!({ "mode": "now", "text": "the build broke" });
    client.call("wake", &wake, WITHIN).await.unwrap();
    let status = client.call("status", &json!({}), WITHIN).await.unwrap();
    assert_eq!(status["queuedSystemEvents"], json!(["[Event from outside] the build broke"]));
    world.release();
}
