//! Operators who change the configuration of a gateway that runs, over real sockets and a file on the disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/world.rs"]
#[expect(dead_code, reason = "operators need less of the world than channels")]
mod world;

#[path = "changing/agents.rs"]
mod agents;
#[path = "changing/jobs.rs"]
mod jobs;

use std::{
    collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc,
    time::Duration,
};

use creel_core::profile::Version;
use creel_gateway::{
    app,
    control::client::{Client, Error, Target, hello},
    http::Http,
    net::TokioNet,
    secret::Secret,
    settings::{self, Source, file::ConfigFile},
    state::StateFolder,
    websocket::{Limits, Received, WebSocket},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use self::world::{GATEWAY_TOKEN, Served, World, config, free_port, get, soon};

const WITHIN: Duration = Duration::from_secs(20);

/// A gateway that was started from a file, and ends with the test.
struct Running {
    target: Target,
    folder: TempDir,
    _gateway: JoinSet<()>,
}

impl Running {
    async fn start(served: &Served, version: Version) -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("openclaw.json");
        fs::write(&path, format!("// Ours.\n{}\n", config(served, port, json!({})))).unwrap();
        let state = StateFolder::in_memory(BTreeMap::new());
        let kept = state.clone();
        let read = move |text: &str| {
            let source = Source {
                name: "openclaw.json",
                text,
                version,
                env: &|_| None,
                state_file: &|file| kept.read(file),
                state_dir: Path::new("/nonexistent/state"),
                cpus: 1,
            };
            let mut loaded = settings::load(&source)?;
            loaded.settings.state = kept.clone();
            Ok(loaded)
        };
        let file = ConfigFile::on_disk(&path, Arc::new(read));
        let settings = file.load().unwrap_or_else(|it| panic!("{it}")).settings;
        let mut gateway = JoinSet::new();
        gateway.spawn(async move {
            app::run(TokioNet, settings, 1, std::future::pending()).await.unwrap();
        });
        assert_eq!(get(port, "/health").await.0, 200);
        let (address, token) = (format!("127.0.0.1:{port}"), Secret::new(GATEWAY_TOKEN.to_owned()));
        let target = Target { address, version, token: Some(token), state };
        Self { target, folder, _gateway: gateway }
    }

    async fn client(&self) -> Client<TokioNet> {
        let connected = Client::connect(&Http::new(TokioNet), &self.target).await;
        connected.unwrap_or_else(|it| panic!("{it}"))
    }

    fn text(&self) -> String {
        fs::read_to_string(self.folder.path().join("openclaw.json")).unwrap()
    }

    /// Waits until somebody is let in who was not there before, and asks.
    async fn asked_again(&self, method: &str) -> Value {
        let mut client = self.client().await;
        client.call(method, &json!({}), WITHIN).await.unwrap()
    }

    /// What a client is told until the gateway lets it go, and why it does.
    async fn watch(&self) -> JoinSet<(Vec<Value>, String)> {
        let address = format!("ws://{}/", self.target.address);
        let mut socket =
            WebSocket::connect(&Http::new(TokioNet), &address, Limits::default()).await.unwrap();
        let challenge = next(&mut socket).await.unwrap();
        let nonce = challenge["payload"]["nonce"].as_str().unwrap();
        let params = hello(&self.target, nonce).unwrap();
        let first = json!({ "type": "req", "id": "1", "method": "connect", "params": params });
        socket.send(first.to_string()).await.unwrap();
        let mut watching = JoinSet::new();
        assert_eq!(next(&mut socket).await.unwrap()["ok"], true);
        watching.spawn(async move {
            let mut told = Vec::new();
            loop {
                match next(&mut socket).await {
                    Ok(event) => told.push(event),
                    Err(why) => return (told, why),
                }
            }
        });
        watching
    }
}

async fn next(socket: &mut WebSocket<TokioNet>) -> Result<Value, String> {
    match soon("a frame", socket.receive()).await.unwrap() {
        Received::Text(text) => Ok(serde_json::from_str(&text).unwrap()),
        Received::Closed(close) => Err(close.map(|it| it.reason).unwrap_or_default()),
    }
}

async fn refused(client: &mut Client<TokioNet>, method: &str, params: Value) -> String {
    match client.call(method, &params, WITHIN).await {
        Err(Error::Refused { code, message }) => format!("{code}: {message}"),
        other => panic!("{other:?}"),
    }
}

async fn shown(client: &mut Client<TokioNet>) -> Value {
    client.call("config.get", &json!({}), WITHIN).await.unwrap()
}

#[tokio::test]
async fn what_was_shown_is_written_back_with_its_secrets_and_takes_effect_at_the_next_start() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let mut client = gateway.client().await;
    let before = shown(&mut client).await;
    assert!(!before.to_string().contains("canary"), "{before}");
    let mut wanted = before["config"].clone();
    wanted["messages"] = json!({ "queue": { "mode": "followup" } });
    let set = json!({ "raw": wanted.to_string(), "baseHash": before["hash"] });
    let answer = client.call("config.set", &set, WITHIN).await.unwrap();
    assert_eq!(answer["config"], wanted);
    assert_eq!(answer["restart"], Value::Null, "it writes, and no more");
    let after = shown(&mut client).await;
    assert_eq!((&after["config"], &after["hash"]), (&wanted, &answer["hash"]));
    assert_ne!(after["hash"], before["hash"]);
    let text = gateway.text();
    assert!(text.starts_with("// Ours.\n") && text.contains("canary-bot"), "{text}");
    assert!(text.contains("followup") && !text.contains("***"), "{text}");
    let names: Vec<_> = fs::read_dir(gateway.folder.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(names.len(), 1, "nothing is left beside it");
    assert_eq!(names[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_cannot_be_written_leaves_the_file_as_it_was() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    let (before, text) = (shown(&mut client).await, gateway.text());
    let hash = &before["hash"];
    let rows = [
        ("config.set", json!({}), "invalid config.set params: must have required property 'raw'"),
        ("config.set", json!({ "raw": "{}" }), "expected `baseHash`"),
        ("config.patch", json!({ "raw": "{}" }), "expected `baseHash`"),
        ("config.apply", json!({ "raw": "{}", "baseHash": "0" }), "the configuration has changed"),
        ("config.set", json!({ "raw": "{ a: ", "baseHash": hash }), "invalid config: 1:"),
        ("config.set", json!({ "raw": "[]", "baseHash": hash }), "expected a map"),
        (
            "config.apply",
            json!({ "raw": "{\n  gateway: { port: 'x' } }", "baseHash": hash }),
            "invalid config: 2:20: gateway.port: found the text `x`",
        ),
        (
            "config.patch",
            json!({ "raw": "{ hooks: { token: '***' } }", "baseHash": hash }),
            "hooks.token is hidden",
        ),
        (
            "config.patch",
            json!({ "raw": "{ channels: { telegram: { allowFrom: ['5'] } } }", "baseHash": hash }),
            "the patch takes items from channels.telegram.allowFrom",
        ),
    ];
    for (method, params, expected) in rows {
        let told = refused(&mut client, method, params).await;
        assert!(told.starts_with(&format!("INVALID_REQUEST: {expected}")), "{method}: {told}");
        assert!(!told.contains("canary"), "{told}");
        assert_eq!(gateway.text(), text, "{method}");
    }
    let session = json!({ "raw": "{}", "baseHash": hash, "sessionKey": "main" });
    let told = refused(&mut client, "config.patch", session).await;
    assert!(told.starts_with("UNAVAILABLE: sessionKey: "), "{told}");
    let nothing = json!({ "raw": "{ agents: {} }", "baseHash": hash });
    let answer = client.call("config.patch", &nothing, WITHIN).await.unwrap();
    assert_eq!((&answer["noop"], &answer["changedPaths"]), (&json!(true), &json!([])));
    assert_eq!(shown(&mut client).await, before);
}

#[tokio::test]
async fn of_two_who_change_the_same_one_is_told_to_look_again() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let (mut one, mut other) = (gateway.client().await, gateway.client().await);
    let before = shown(&mut one).await;
    let set = |mode: &str| {
        let mut wanted = before["config"].clone();
        wanted["messages"] = json!({ "queue": { "mode": mode } });
        json!({ "raw": wanted.to_string(), "baseHash": before["hash"] })
    };
    let (first, second) = (set("followup"), set("collect"));
    let (first, second) = tokio::join!(
        one.call("config.set", &first, WITHIN),
        other.call("config.set", &second, WITHIN)
    );
    assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1, "{first:?} {second:?}");
}

#[tokio::test]
async fn a_patch_takes_effect_and_nothing_that_was_adopted_is_lost() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    let mut watching = gateway.watch().await;
    world.hold();
    world.write("hi");
    world.asked("hi").await;
    let hash = shown(&mut client).await["hash"].clone();
    let patch = json!({
        "raw": "{ agents: { entries: { main: { default: true }, other: {} } } }", "baseHash": hash,
        "restartDelayMs": 0, "note": "one more",
    });
    let answer = client.call("config.patch", &patch, WITHIN).await.unwrap();
    assert_eq!(answer["restart"]["delayMs"], 0, "{answer}");
    assert_eq!(answer["sentinel"]["payload"]["message"], "one more");
    let (told, why) = soon("the end", watching.join_next()).await.unwrap().unwrap();
    let last = told.last().unwrap();
    assert_eq!((&last["event"], why.as_str()), (&json!("shutdown"), "service restart"));
    assert!(last["payload"]["restartExpectedMs"].is_u64(), "{last}");
    // What was adopted is answered before the gateway ends its life.
    world.release();
    world.says("you said hi").await;
    let agents = loop {
        // The old life may still let somebody in.
        if let Ok(mut client) = Client::connect(&Http::new(TokioNet), &gateway.target).await
            && let Ok(agents) = client.call("agents.list", &json!({}), WITHIN).await
            && agents["agents"].as_array().unwrap().len() == 2
        {
            break agents;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(agents["agents"][1]["id"], "other");
    // Who was paired still is, and people are answered on.
    let paired = gateway.asked_again("device.pair.list").await;
    assert_eq!(paired["paired"].as_array().unwrap().len(), 1, "{paired}");
    world.write("again");
    world.says("you said again").await;
    assert_eq!(world.requests(), ["hi", "again"]);
}

#[tokio::test]
async fn a_configuration_that_cannot_be_started_is_given_up() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let mut client = gateway.client().await;
    let mut watching = gateway.watch().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let hash = shown(&mut client).await["hash"].clone();
    let raw = format!("{{ gateway: {{ port: {port} }} }}");
    let patch = json!({ "raw": raw, "baseHash": hash, "restartDelayMs": 0 });
    client.call("config.patch", &patch, WITHIN).await.unwrap();
    soon("the end", watching.join_next()).await.unwrap().unwrap();
    // It goes on where it was.
    let address = gateway.target.address.rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(get(address, "/health").await.0, 200);
    world.write("hi");
    world.says("you said hi").await;
}

#[tokio::test]
async fn whoever_writes_too_often_has_to_wait() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let mut client = gateway.client().await;
    let patch = json!({ "raw": "{}", "baseHash": "0" });
    for _ in 0..3 {
        let told = refused(&mut client, "config.patch", patch.clone()).await;
        assert!(told.starts_with("INVALID_REQUEST: the configuration has changed"), "{told}");
    }
    let told = refused(&mut client, "config.patch", patch).await;
    assert_eq!(told, "UNAVAILABLE: too many calls of config.patch");
}
