//! Agents that come and go.

use super::*;

impl Running {
    /// What the gateway's next life says, as soon as it is as expected.
    async fn agents(&self, expected: &[&str]) -> Vec<Value> {
        let asking = async {
            loop {
                if let Ok(mut client) = Client::connect(&Http::new(TokioNet), &self.target).await
                    && let Ok(answer) = client.call("agents.list", &json!({}), WITHIN).await
                {
                    let agents = answer["agents"].as_array().unwrap().clone();
                    let ids: Vec<&str> = agents.iter().filter_map(|it| it["id"].as_str()).collect();
                    if ids == expected {
                        return agents;
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        soon("the agents", Box::pin(asking)).await
    }
}

#[tokio::test]
async fn an_agent_is_made_and_is_there_after_the_start() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let mut client = gateway.client().await;
    let create = json!({ "name": "Night Shift", "workspace": "/nonexistent/night", "emoji": "🌙" });
    let answer = client.call("agents.create", &create, WITHIN).await.unwrap();
    assert_eq!(answer["agentId"], "night-shift");
    assert_eq!(answer["workspace"], "/nonexistent/night");
    assert_eq!(answer["restart"]["reason"], "agents.create");
    let text = gateway.text();
    assert!(text.starts_with("// Ours.\n") && text.contains("Night Shift"), "{text}");
    let again = refused(&mut client, "agents.create", create).await;
    assert_eq!(again, "INVALID_REQUEST: there is an agent `night-shift` already");
    let agents = gateway.agents(&["main", "night-shift"]).await;
    assert_eq!(agents[1]["model"]["primary"], "p/m");
}

#[tokio::test]
async fn what_cannot_be_done_to_agents_is_refused() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let mut client = gateway.client().await;
    let text = gateway.text();
    let rows = [
        (
            "agents.create",
            json!({ "name": "x" }),
            "INVALID_REQUEST: invalid agents.create params: must have required property 'workspace'",
        ),
        (
            "agents.create",
            json!({ "name": "Main", "workspace": "/x" }),
            "INVALID_REQUEST: `main` is the name",
        ),
        (
            "agents.create",
            json!({ "name": "x", "workspace": "x" }),
            "INVALID_REQUEST: found the workspace `x`",
        ),
        (
            "agents.create",
            json!({ "name": "..", "workspace": "/x" }),
            "INVALID_REQUEST: the name has no letter",
        ),
        (
            "agents.create",
            json!({ "name": "x", "workspace": "/x", "avatar": "a.png" }),
            "UNAVAILABLE: avatar: ",
        ),
        ("agents.update", json!({ "agentId": "x" }), "INVALID_REQUEST: agent \"x\" not found"),
        (
            "agents.update",
            json!({ "agentId": "main", "model": "q/none" }),
            "INVALID_REQUEST: invalid config: ",
        ),
        (
            "agents.update",
            json!({ "agentId": "main", "model": null }),
            "INVALID_REQUEST: invalid agents.update params: at /model",
        ),
        (
            "agents.delete",
            json!({ "agentId": "main" }),
            "INVALID_REQUEST: `main` cannot be deleted",
        ),
        ("agents.delete", json!({ "agentId": "x" }), "INVALID_REQUEST: agent \"x\" not found"),
        (
            "agents.delete",
            json!({ "agentId": "x", "deleteFiles": true }),
            "UNAVAILABLE: deleteFiles: ",
        ),
    ];
    for (method, params, expected) in rows {
        let told = refused(&mut client, method, params.clone()).await;
        assert!(told.starts_with(expected), "{method} {params}: {told}");
    }
    assert_eq!(gateway.text(), text);
}

#[tokio::test]
async fn an_agent_goes_with_its_bindings() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    let hash = shown(&mut client).await["hash"].clone();
    let raw = json!({
        "agents": { "entries": { "main": { "default": true }, "b": { "model": "p/n" } } },
        "bindings": [{ "agentId": "b", "match": { "channel": "telegram" } }],
    });
    let patch = json!({ "raw": raw.to_string(), "baseHash": hash, "restartDelayMs": 60_000 });
    client.call("config.patch", &patch, WITHIN).await.unwrap();
    let update = json!({ "agentId": "B", "name": "Second", "model": null });
    let answer = client.call("agents.update", &update, WITHIN).await.unwrap();
    assert_eq!((&answer["agentId"], &answer["restart"]["coalesced"]), (&json!("b"), &json!(false)));
    let entries = shown(&mut client).await["config"]["agents"]["entries"].clone();
    assert_eq!(entries["b"], json!({ "name": "Second" }));
    let answer = client.call("agents.delete", &json!({ "agentId": "b" }), WITHIN).await.unwrap();
    assert_eq!((&answer["removedBindings"], &answer["filesKept"]), (&json!(1), &json!(true)));
    assert_eq!(shown(&mut client).await["config"]["bindings"], json!([]));
    gateway.agents(&["main"]).await;
}
