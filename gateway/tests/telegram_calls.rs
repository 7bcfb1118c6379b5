//! What the Telegram channel calls when, in virtual time: no call is made without end, none is lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/pipes.rs"]
mod pipes;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path as Segments, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use creel_core::{
    egress::{Outgoing, SendOutcome, Sent},
    gateway::Gateway,
    ids::{AccountId, Channel, PeerId, SendId},
    origin::{Peer, PeerKind, Route},
    profile::Version,
};
use creel_gateway::{
    channels::{
        Board, State,
        telegram::{self, Account},
    },
    clock::{Clock, WallClock},
    control::hub::Hub,
    credentials::{Keeper, Logins},
    driver::{Driver, Unfinished},
    http::Http,
    outside::Outside,
    secret::Secret,
    server::{self, Idle},
    settings::{self, Source},
};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use self::pipes::{PipeNet, network};

const TOKEN: &str = "1:canary";

/// More calls of one method than any test needs.
const CALLS_MAX: usize = 1_000;

/// Answers the call of this number of a method.
type Script = fn(method: &str, number: usize) -> (u16, Value);

#[derive(Clone)]
struct Platform {
    script: Script,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Platform {
    fn calls(&self, method: &str) -> Vec<Value> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(it, _)| it == method).map(|(_, body)| body.clone()).collect()
    }
}

async fn answer(
    Shared(platform): Shared<Platform>,
    Segments((_, method)): Segments<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    platform.calls.lock().unwrap().push((method.clone(), body));
    let number = platform.calls(&method).len();
    // Without this, a client that never waits would never let time pass.
    assert!(number <= CALLS_MAX, "{method} is called without end");
    let (status, body) = (platform.script)(&method, number);
    let status = StatusCode::from_u16(status).unwrap();
    match body {
        Value::String(page) => (status, page).into_response(),
        Value::Null => std::future::pending().await,
        body => (status, Json(body)).into_response(),
    }
}

/// A platform that answers as the script says, and the client of its network.
fn platform(script: Script) -> (Platform, Http<PipeNet>, JoinSet<()>) {
    let platform = Platform { script, calls: Arc::default() };
    let router = Router::new().route("/{bot}/{method}", post(answer)).with_state(platform.clone());
    let (net, pipes) = network();
    let mut servers = JoinSet::new();
    servers.spawn(async move {
        server::serve(pipes, router, Idle::Kept).await;
    });
    (platform, Http::new(net), servers)
}

fn account() -> Account {
    Account {
        id: AccountId::new("default").unwrap(),
        token: Secret::new(TOKEN),
        api_root: "http://platform".to_owned(),
        media_bytes_max: 1_000_000,
    }
}

fn driver(http: &Http<PipeNet>) -> (Driver<PipeNet>, creel_gateway::driver::Inbox) {
    let text = r#"{
        models: { providers: { p: { baseUrl: 'http://platform', apiKey: 'k' } } },
        agents: { defaults: { model: 'p/m' } },
        channels: { telegram: { botToken: '1:canary', dmPolicy: 'disabled' } },
    }"#;
    let source = Source::alone(Version::V2026_3, text);
    let settings = settings::load(&source).unwrap().settings;
    let keeper = Keeper::new(settings.state);
    let wall_clock = WallClock::system();
    let logins = Logins::new(http.clone(), keeper.clone(), wall_clock, settings.logins);
    let outside = Outside {
        servers: creel_gateway::tools::servers::Servers::default(),
        http: http.clone(),
        accounts: settings.accounts,
        providers: settings.providers,
        keys: settings.keys,
        logins: Arc::new(logins),
        board: Arc::default(),
        wall_clock: WallClock::system(),
        life: 1,
        workspaces: settings.workspaces,
        store: creel_gateway::media::Store::default(),
    };
    Driver::new(
        Gateway::new(settings.core, 1),
        Clock::start(WallClock::system()),
        (Arc::new(outside), keeper, Hub::new(WallClock::system())),
    )
}

/// Lets an account receive for this long, then ends the gateway. Shows how the account was doing before the end, and
/// what it called.
async fn receive(script: Script, lasting: Duration) -> (State, Platform) {
    let (platform, http, _servers) = platform(script);
    let (driver, inbox) = driver(&http);
    let board = Arc::new(Board::default());
    board.set(&account().name(), State::Starting);
    let mut channel = JoinSet::new();
    channel.spawn(telegram::receive(http, account(), inbox, board.clone()));
    let mut state = None;
    let shutdown = async {
        sleep(lasting).await;
        state = board.states().remove("telegram/default");
    };
    assert_eq!(driver.run(shutdown, Duration::from_secs(1)).await, Unfinished::default());
    timeout(Duration::from_secs(1), channel.join_next()).await.expect("the end is not held up");
    (state.unwrap(), platform)
}

fn me() -> (u16, Value) {
    (200, json!({ "ok": true, "result": { "id": 1, "username": "b" } }))
}

fn updates(found: &Value) -> (u16, Value) {
    (200, json!({ "ok": true, "result": found }))
}

fn is_calm(platform: &Platform) {
    let polls = platform.calls("getUpdates").len();
    // One a second, and one to acknowledge before the end.
    assert!((2..=62).contains(&polls), "{polls} polls in a minute");
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_platform_that_does_not_wait_for_updates_is_not_asked_without_end() {
    let script: Script = |method, _| if method == "getMe" { me() } else { updates(&json!([])) };
    let (state, platform) = receive(script, MINUTE).await;
    assert_eq!(state, State::Up);
    is_calm(&platform);
}

#[tokio::test(start_paused = true)]
async fn updates_without_a_number_are_not_asked_for_without_end() {
    let script: Script = |method, _| match method {
        "getMe" => me(),
        _ => updates(&json!([{ "message": {} }, 5, null])),
    };
    let (_, platform) = receive(script, MINUTE).await;
    is_calm(&platform);
}

#[tokio::test(start_paused = true)]
async fn the_last_number_of_all_is_no_trouble() {
    let script: Script = |method, _| match method {
        "getMe" => me(),
        _ => updates(&json!([{ "update_id": i64::MAX }])),
    };
    let (state, platform) = receive(script, MINUTE).await;
    assert_eq!(state, State::Up);
    is_calm(&platform);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_for_us_is_acknowledged_too() {
    let script: Script = |method, number| match (method, number) {
        ("getMe", _) => me(),
        (_, 1) => {
            updates(&json!([{ "update_id": 7, "poll": {} }, { "update_id": 8, "message": 5 }]))
        }
        (_, 2) => (200, Value::Null),
        _ => updates(&json!([])),
    };
    let (_, platform) = receive(script, Duration::from_secs(1)).await;
    let offsets: Vec<_> =
        platform.calls("getUpdates").iter().map(|it| it["offset"].clone()).collect();
    // The last one acknowledges before the end, and waits for nothing.
    assert_eq!(offsets, [Value::Null, json!(9), json!(9)]);
    assert_eq!(platform.calls("getUpdates").last().unwrap()["timeout"], 0);
}

#[tokio::test(start_paused = true)]
async fn waits_double_up_to_a_minute_and_the_end_does_not_wait() {
    let script: Script = |_, _| (502, json!("<html>bad gateway</html>"));
    let (state, platform) = receive(script, Duration::from_mins(5)).await;
    assert_eq!(
        state,
        State::Retrying("an answer with status 502 that is not the platform's".into())
    );
    // 0, 1, 3, 7, 15, 31, 63, 123, 183 and 243 seconds.
    assert_eq!(platform.calls("getMe").len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_does_not_hold_up_the_end() {
    let script: Script = |_, _| (200, Value::Null);
    let (state, _) = receive(script, Duration::from_secs(1)).await;
    assert_eq!(state, State::Starting);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_s_page_is_not_taken_for_a_refused_token() {
    let script: Script = |method, number| match (method, number) {
        ("getMe", 1) => (404, json!("no such page")),
        ("getMe", _) => me(),
        _ => (200, Value::Null),
    };
    assert_eq!(receive(script, Duration::from_secs(10)).await.0, State::Up);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_tried_again_and_not_told() {
    let script: Script = |_, _| {
        (404, json!({ "ok": false, "error_code": 404, "description": "Not Found: bot1:canary" }))
    };
    let (state, platform) = receive(script, MINUTE).await;
    let why = "the platform refused the token: Not Found: bot[secret]";
    assert_eq!(state, State::Down(why.into()));
    assert_eq!(platform.calls("getMe").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_platform_asks_for_is_kept() {
    let script: Script = |method, number| match (method, number) {
        ("getMe", 1) => (429, json!({ "ok": false, "parameters": { "retry_after": 59 } })),
        ("getMe", _) => me(),
        _ => (200, Value::Null),
    };
    assert!(matches!(receive(script, Duration::from_secs(58)).await.0, State::Retrying(_)));
    assert_eq!(receive(script, MINUTE).await.0, State::Up);
}

async fn send(script: Script) -> Sent {
    let (_, http, _servers) = platform(script);
    let route = Route {
        channel: Channel::new("telegram").unwrap(),
        account: AccountId::new("default").unwrap(),
        peer: Peer { kind: PeerKind::Direct, id: PeerId::new("5").unwrap() },
        thread: None,
    };
    let outgoing = Outgoing {
        send: SendId(1),
        piece: 1,
        route,
        text: "hi".into(),
        image: None,
        reply_to: None,
    };
    telegram::send(http, account(), &outgoing, None).await
}

#[tokio::test(start_paused = true)]
async fn a_text_is_lost_only_if_the_platform_will_never_take_it() {
    let refusals: [(Script, &str); 9] = [
        (|_, _| (200, json!({ "ok": true, "result": {} })), "Delivered"),
        (
            |_, _| {
                (429, json!({ "ok": false, "error_code": 429, "parameters": { "retry_after": 2 } }))
            },
            "RetryAfter(Millis(2000))",
        ),
        (
            |_, _| (429, json!({ "ok": false, "error_code": 429, "description": "slow down" })),
            "Transient",
        ),
        (|_, _| (500, json!({ "ok": false })), "Transient"),
        (|_, _| (502, json!("<html>")), "Transient"),
        (|_, _| (200, Value::Null), "Transient"),
        (
            |_, _| {
                (400, json!({ "ok": false, "error_code": 400, "description": "chat not found" }))
            },
            "Permanent",
        ),
        (
            |_, _| (403, json!({ "ok": false, "error_code": 403, "description": "blocked" })),
            "Permanent",
        ),
        (|_, _| (413, json!("<html>")), "Permanent"),
    ];
    for (script, expected) in refusals {
        let sent = send(script).await;
        assert_eq!(format!("{:?}", sent.outcome), expected, "{:?}", script("sendMessage", 1));
        let is_delivered = sent.outcome == SendOutcome::Delivered;
        assert_eq!(sent.why.is_none(), is_delivered, "{sent:?}");
    }
}
