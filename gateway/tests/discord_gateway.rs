//! What the Discord channel says to the Gateway and to the REST API, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/pipes.rs"]
mod pipes;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{
        Path as Segment, State as Shared,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use creel_core::{
    egress::{Outgoing, SendOutcome, Sent},
    gateway::Gateway,
    ids::{AccountId, Channel, MessageId, PeerId, SendId, ThreadId},
    origin::{Peer, PeerKind, Route, Thread},
    profile::Version,
    time::Millis,
};
use creel_gateway::{
    channels::{
        Board, State,
        discord::{self, Account, DirectChats},
    },
    clock::{Clock, Rest, WallClock},
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

const MINUTES: Duration = Duration::from_mins(5);

/// How the platform behaves on one connection.
#[derive(Clone, Copy, PartialEq)]
enum Play {
    /// As it should.
    Works,
    /// It says nothing at all.
    NoHello,
    /// It answers no heartbeat.
    Deaf,
    /// It says this instead of letting the bot in.
    Says(&'static str),
    /// It closes with this code once the bot is in.
    Closes(u16),
}

#[derive(Clone)]
struct Platform {
    /// By connection; the last one goes on.
    plays: &'static [Play],
    /// The status and body with which REST calls are answered.
    answer: (u16, Value),
    said: Arc<Mutex<Vec<String>>>,
    bodies: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Platform {
    fn note(&self, what: impl Into<String>) {
        let mut said = self.said.lock().unwrap();
        said.push(what.into());
        // Without this, a client that never waits would never let time pass.
        assert!(said.len() < 1_000, "it talks without end");
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    fn connections(&self) -> usize {
        self.said().iter().filter(|it| *it == "connects").count()
    }
}

async fn upgrade(Shared(platform): Shared<Platform>, upgrade: WebSocketUpgrade) -> Response {
    let number = platform.connections();
    platform.note("connects");
    let last = platform.plays.last().unwrap();
    let play = *platform.plays.get(number).unwrap_or(last);
    upgrade.on_upgrade(move |socket| attend(platform, socket, play))
}

async fn attend(platform: Platform, mut socket: WebSocket, play: Play) {
    let text = |frame: Value| Message::Text(frame.to_string().into());
    if play != Play::NoHello {
        let hello = json!({ "op": 10, "d": { "heartbeat_interval": 40_000 } });
        socket.send(text(hello)).await.unwrap();
    }
    while let Some(Ok(frame)) = socket.recv().await {
        let heard: Value = match frame {
            Message::Text(heard) => serde_json::from_str(&heard).unwrap(),
            Message::Close(frame) => {
                return platform.note(format!("closes {}", frame.map_or(0, |it| it.code)));
            }
            _ => continue,
        };
        let d = &heard["d"];
        let answer = match heard["op"].as_u64().unwrap() {
            1 => {
                platform.note(format!("beats {d}"));
                (play != Play::Deaf).then(|| json!({ "op": 11 }))
            }
            2 => {
                platform.note(format!("identifies {} {}", d["token"], d["intents"]));
                Some(json!({ "op": 0, "s": 1, "t": "READY", "d": { "user": { "id": "99" },
                    "session_id": "s1", "resume_gateway_url": "ws://platform/resumed" } }))
            }
            6 => {
                platform.note(format!("resumes {} {}", d["session_id"], d["seq"]));
                Some(json!({ "op": 0, "s": 2, "t": "RESUMED", "d": {} }))
            }
            other => panic!("op {other}"),
        };
        let is_login = heard["op"] != 1;
        let frame = match (play, answer) {
            (Play::Says(words), Some(_)) if is_login => Message::Text(words.into()),
            (_, Some(answer)) => text(answer),
            (_, None) => continue,
        };
        socket.send(frame).await.unwrap();
        if let (Play::Closes(code), true) = (play, is_login) {
            let close = CloseFrame { code, reason: "why".into() };
            socket.send(Message::Close(Some(close))).await.unwrap();
            return;
        }
    }
}

async fn rest(
    Shared(platform): Shared<Platform>,
    Segment(path): Segment<String>,
    Json(body): Json<Value>,
) -> Response {
    platform.bodies.lock().unwrap().push((path, body));
    let (status, answer) = platform.answer;
    (StatusCode::from_u16(status).unwrap(), Json(answer)).into_response()
}

async fn bot(Shared(platform): Shared<Platform>) -> Response {
    let limit = json!({ "remaining": 5, "reset_after": 0 });
    match platform.answer.0 {
        401 => {
            (StatusCode::UNAUTHORIZED, Json(json!({ "message": "no", "code": 0 }))).into_response()
        }
        _ => Json(json!({ "url": "ws://platform", "session_start_limit": limit })).into_response(),
    }
}

fn platform(
    plays: &'static [Play],
    answer: (u16, Value),
) -> (Platform, Http<PipeNet>, JoinSet<()>) {
    let platform = Platform { plays, answer, said: Arc::default(), bodies: Arc::default() };
    let router = Router::new()
        .route("/", any(upgrade))
        .route("/resumed/", any(upgrade))
        .route("/api/v10/gateway/bot", get(bot))
        .route("/api/v10/{*path}", post(rest))
        .with_state(platform.clone());
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
        token: Secret::new("canary"),
        api_root: "http://platform".to_owned(),
        direct_chats: DirectChats::default(),
        rest: Rest::default(),
        media_bytes_max: 1_000_000,
    }
}

fn driver(http: &Http<PipeNet>) -> (Driver<PipeNet>, creel_gateway::driver::Inbox) {
    let text = r#"{
        models: { providers: { p: { baseUrl: 'http://platform', apiKey: 'k' } } },
        agents: { defaults: { model: 'p/m' } },
        channels: { discord: { token: 'canary', dmPolicy: 'disabled' } },
    }"#;
    let source = Source::alone(Version::V2026_3, text);
    let settings = settings::load(&source).unwrap().settings;
    let keeper = Keeper::new(settings.state);
    let wall_clock = WallClock::system();
    let logins = Logins::new(http.clone(), keeper.clone(), wall_clock, settings.logins);
    let outside = Outside {
        servers: creel_gateway::tools::servers::Servers::default(),
        workspaces: settings.workspaces,
        store: creel_gateway::media::Store::default(),
        http: http.clone(),
        accounts: settings.accounts,
        providers: settings.providers,
        keys: settings.keys,
        logins: Arc::new(logins),
        board: Arc::default(),
        wall_clock: WallClock::system(),
        life: 1,
    };
    Driver::new(
        Gateway::new(settings.core, 1),
        Clock::start(WallClock::system()),
        (Arc::new(outside), keeper, Hub::new(WallClock::system())),
    )
}

/// Lets an account receive for five minutes, then ends the gateway. How the account was doing before the end, and what it
/// said in all.
async fn receive(plays: &'static [Play], status: u16) -> (State, Platform) {
    let (platform, http, _servers) = platform(plays, (status, Value::Null));
    let (driver, inbox) = driver(&http);
    let board = Arc::new(Board::default());
    board.set(&account().name(), State::Starting);
    let mut channel = JoinSet::new();
    channel.spawn(discord::receive(http, account(), (inbox, board.clone()), 1));
    let mut state = None;
    let shutdown = async {
        sleep(MINUTES).await;
        state = board.states().remove("discord/default");
    };
    assert_eq!(driver.run(shutdown, Duration::from_secs(1)).await, Unfinished::default());
    timeout(Duration::from_secs(1), channel.join_next()).await.expect("the end is not held up");
    (state.unwrap(), platform)
}

const IDENTIFIES: &str = "identifies \"canary\" 37377";

#[tokio::test(start_paused = true)]
async fn heartbeats_go_on_and_the_end_is_a_goodbye() {
    let (state, platform) = receive(&[Play::Works], 200).await;
    assert_eq!(state, State::Up);
    let said = platform.said();
    assert_eq!(said[..2], ["connects", IDENTIFIES]);
    let beats = said.iter().filter(|it| *it == "beats 1").count();
    // 300 s / 40 s, the first one at any moment of the first 40 s.
    assert!((7..=8).contains(&beats), "{said:?}");
    assert_eq!((said.len(), said.last().unwrap().as_str()), (beats + 3, "closes 1000"));
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_is_not_answered_ends_the_connection_and_the_next_resumes() {
    let (state, platform) = receive(&[Play::Deaf, Play::Works], 200).await;
    assert_eq!(state, State::Up);
    let said = platform.said();
    let expected = [
        "connects",
        IDENTIFIES,
        "beats 1",
        "closes 4000",
        "connects",
        "resumes \"s1\" 1",
        "beats 2",
    ];
    assert_eq!(said[..expected.len()], expected);
    assert_eq!(platform.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_hello_there_is_another_connection() {
    let (state, platform) = receive(&[Play::NoHello, Play::NoHello, Play::Works], 200).await;
    assert_eq!(state, State::Up);
    assert_eq!(platform.connections(), 3);
    assert_eq!(platform.said().iter().filter(|it| *it == IDENTIFIES).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_valid_is_left_for_a_new_one() {
    const PLAYS: &[Play] = &[Play::Closes(4_000), Play::Says(r#"{"op":9,"d":false}"#), Play::Works];
    let (state, platform) = receive(PLAYS, 200).await;
    assert_eq!(state, State::Up);
    let expected = [
        "connects",
        IDENTIFIES,
        "connects",
        "resumes \"s1\" 1",
        "closes 4000",
        "connects",
        IDENTIFIES,
    ];
    assert_eq!(platform.said()[..expected.len()], expected);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_always_closes_is_not_called_without_end() {
    let (_, platform) = receive(&[Play::Closes(4_000)], 200).await;
    // At 0, 0, 1, 3, 7, 15, 31, 63, 123, 183 and 243 seconds.
    assert_eq!(platform.connections(), 11);
    // A session that does not come back is given up in the end.
    assert!(platform.said().iter().filter(|it| *it == IDENTIFIES).count() > 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_accepted_is_shown_once() {
    let (state, platform) = receive(&[Play::Closes(4_004)], 200).await;
    assert_eq!(platform.connections(), 1);
    assert_eq!(state, State::Down("the platform closed the connection with 4004 `why`".into()));
    let (state, platform) = receive(&[Play::Works], 401).await;
    assert_eq!(platform.connections(), 0);
    assert_eq!(state, State::Down("the platform refused the token: no (code 0)".into()));
}

fn outgoing(kind: PeerKind, thread: Option<&str>) -> Outgoing {
    Outgoing {
        send: SendId(1),
        piece: 3,
        route: Route {
            channel: Channel::new("discord").unwrap(),
            account: AccountId::new("default").unwrap(),
            peer: Peer { kind, id: PeerId::new("800").unwrap() },
            thread: thread.map(|it| Thread::Thread(ThreadId::new(it).unwrap())),
        },
        text: "**hi** a || b".to_owned(),
        image: None,
        reply_to: Some(MessageId::new("7").unwrap()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_calls_nobody_has_a_nonce_and_goes_to_its_thread() {
    let (platform, http, _servers) = platform(&[Play::Works], (200, json!({ "id": "12" })));
    let outgoing = outgoing(PeerKind::Channel, Some("801"));
    let sent = discord::send(http.clone(), &account(), (&outgoing, None), 5).await;
    assert_eq!(sent, Sent::delivered(MessageId::new("12").ok()));
    let expected = json!({
        "content": r"**hi** a \|| b",
        "nonce": "0000000000000005000000003",
        "enforce_nonce": true,
        "allowed_mentions": { "parse": [], "replied_user": false },
        "message_reference": { "message_id": "7", "fail_if_not_exists": false },
    });
    let calls = platform.bodies.lock().unwrap().clone();
    assert_eq!(calls, [("channels/801/messages".to_owned(), expected)]);
}

#[tokio::test(start_paused = true)]
async fn a_persons_direct_chat_is_asked_for_once() {
    let (platform, http, _servers) = platform(&[Play::Works], (200, json!({ "id": "12" })));
    let account = account();
    for _ in 0..2 {
        let sent =
            discord::send(http.clone(), &account, (&outgoing(PeerKind::Direct, None), None), 5)
                .await;
        assert_eq!(sent.outcome, SendOutcome::Delivered);
    }
    let calls = platform.bodies.lock().unwrap().clone();
    let paths: Vec<_> = calls.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(paths, ["users/@me/channels", "channels/12/messages", "channels/12/messages"]);
    assert_eq!(calls[0].1, json!({ "recipient_id": "800" }));
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_everything_holds_every_method_and_one_on_a_method_does_not() {
    for (global, calls) in [(true, 1), (false, 2)] {
        let limited = json!({ "message": "slow down", "retry_after": 60, "global": global });
        let (platform, http, _servers) = platform(&[Play::Works], (429, limited));
        let account = account();
        for thread in ["801", "802"] {
            let outgoing = outgoing(PeerKind::Channel, Some(thread));
            let sent = discord::send(http.clone(), &account, (&outgoing, None), 5).await;
            assert!(matches!(sent.outcome, SendOutcome::RetryAfter(_)), "{sent:?}");
        }
        assert_eq!(platform.bodies.lock().unwrap().len(), calls, "global: {global}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_whether_to_try_again() {
    let outcome = async |status: u16, body: Value| {
        let (_, http, _servers) = platform(&[Play::Works], (status, body));
        let outgoing = outgoing(PeerKind::Channel, None);
        discord::send(http, &account(), (&outgoing, None), 5).await.outcome
    };
    let refusal = |code: u32| json!({ "message": "no", "code": code });
    let limited = json!({ "message": "slow down", "retry_after": 1.25, "global": false });
    assert_eq!(outcome(429, limited).await, SendOutcome::RetryAfter(Millis::new(1_250)));
    assert_eq!(outcome(429, json!("a proxy")).await, SendOutcome::Transient);
    assert_eq!(outcome(500, refusal(0)).await, SendOutcome::Transient);
    assert_eq!(outcome(502, json!("<html>")).await, SendOutcome::Transient);
    assert_eq!(outcome(403, refusal(50_013)).await, SendOutcome::Permanent);
    assert_eq!(outcome(400, refusal(50_035)).await, SendOutcome::Permanent);
    assert_eq!(outcome(404, refusal(10_003)).await, SendOutcome::Permanent);
}
