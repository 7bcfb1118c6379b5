//! The whole gateway as a library, over real sockets on loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/world.rs"]
mod world;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use creel_core::{gateway::Gateway, profile::Version};
use creel_gateway::{
    app,
    clock::{Clock, WallClock},
    control::hub::Hub,
    credentials::{Keeper, Logins},
    driver::{Driver, Unfinished},
    http::Http,
    net::TokioNet,
    outside::Outside,
    settings::{self, Settings, Source},
    state::StateFolder,
    tools::servers::Servers,
};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinSet};

use self::world::{
    BOT_TOKEN, GATEWAY_TOKEN, Served, World, call, config, free_port, get, get_until, soon,
};

/// A gateway that runs until it is asked to end.
struct Running {
    port: u16,
    end: oneshot::Sender<()>,
    gateway: JoinSet<Result<Unfinished, app::Error>>,
}

fn settings(text: &str) -> Settings {
    let source = Source::alone(Version::V2026_3, text);
    let loaded = settings::load(&source).unwrap_or_else(|it| panic!("{}", it.plain()));
    Settings { state: StateFolder::in_memory(BTreeMap::new()), ..loaded.settings }
}

impl Running {
    async fn start(served: &Served) -> Self {
        Self::start_with(served, json!({})).await
    }

    /// With more keys under `channels.telegram`.
    async fn start_with(served: &Served, telegram: Value) -> Self {
        let port = free_port();
        let settings = settings(&config(served, port, telegram));
        let (end, asked) = oneshot::channel();
        let mut gateway = JoinSet::new();
        gateway.spawn(app::run(TokioNet, settings, 1, async { _ = asked.await }));
        // It listens before anything else is expected of it.
        assert_eq!(get(port, "/health").await, (200, r#"{"ok":true}"#.to_owned()));
        Self { port, end, gateway }
    }

    async fn ended(mut self) -> Unfinished {
        soon("the gateway ends", self.gateway.join_next()).await.unwrap().unwrap().unwrap()
    }

    async fn end(self) -> Unfinished {
        let Self { port, end, gateway } = self;
        end.send(()).unwrap();
        Self { port, end: oneshot::channel().0, gateway }.ended().await
    }
}

#[tokio::test]
async fn a_message_is_answered_and_acknowledged() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served).await;
    world.write("hi");
    world.says("you said hi").await;
    world.platform("acknowledged", |it| it.offsets.contains(&Some(2))).await;
    assert_eq!(gateway.end().await, Unfinished::default());
    assert_eq!(world.sent(), ["5: you said hi"]);
}

#[tokio::test]
async fn ready_means_that_every_account_receives() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served).await;
    insta::assert_snapshot!(get_until(gateway.port, "/ready", 200).await, @r#"{"channels":{"telegram/default":"up"},"closing":false,"ready":true}"#);
    gateway.end().await;
}

#[tokio::test]
async fn an_account_whose_token_is_refused_is_down_and_the_others_work() {
    let world = World::new();
    let served = world.serve().await;
    let accounts = json!({ "accounts": { "good": {}, "bad": { "botToken": "canary-bad" } } });
    let gateway = Running::start_with(&served, accounts).await;
    world.write("hi");
    world.says("you said hi").await;
    let asking = async {
        loop {
            let (status, body) = get(gateway.port, "/ready").await;
            assert_eq!(status, 503, "{body}");
            if !body.contains("starting") {
                return body;
            }
            tokio::task::yield_now().await;
        }
    };
    insta::assert_snapshot!(soon("both have begun", asking).await, @r#"{"channels":{"telegram/bad":{"down":"the platform refused the token: Unauthorized bot[secret]"},"telegram/good":"up"},"closing":false,"ready":false}"#);
    gateway.end().await;
}

#[tokio::test]
async fn a_platform_that_is_not_there_is_tried_again_and_told() {
    let world = World::new();
    let served = world.serve().await;
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let gateway = Running::start_with(&served, json!({ "apiRoot": nobody })).await;
    let asking = async {
        loop {
            let (status, body) = get(gateway.port, "/ready").await;
            assert_eq!(status, 503, "{body}");
            if body.contains("retrying") {
                return body;
            }
            tokio::task::yield_now().await;
        }
    };
    let body = soon("it was tried", asking).await;
    assert!(body.contains("Connection refused") && !body.contains(BOT_TOKEN), "{body}");
    // The wait before the next attempt does not hold up the end.
    assert_eq!(gateway.end().await, Unfinished::default());
}

#[tokio::test]
async fn a_port_in_use_is_an_error_with_its_address() {
    let world = World::new();
    let served = world.serve().await;
    let port = served.provider.port();
    let settings = settings(&config(&served, port, json!({})));
    let run = app::run(TokioNet, settings, 1, std::future::pending());
    let error = soon("the gateway gives up", Box::pin(run)).await.unwrap_err();
    let app::Error::Listen { address, .. } = error else { panic!("{error}") };
    assert_eq!(address.port(), port);
    let cause = std::error::Error::source(&error).expect("it says why");
    assert_eq!(
        format!("{error}: {cause}"),
        format!("listen on 127.0.0.1:{port}: Address already in use (os error 98)")
    );
}

#[tokio::test]
async fn a_provider_that_fails_is_told_to_the_user_and_the_gateway_lives() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served).await;
    world.write("break");
    world.platform("a failure is shown", |it| !it.sent.is_empty()).await;
    insta::assert_snapshot!(world.sent()[0], @r#"5: No answer this time: the model provider did not accept the request. Your message is kept; please ask again."#);
    world.write("again");
    world.says("you said again").await;
    assert_eq!(get(gateway.port, "/health").await.0, 200);
    gateway.end().await;
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_told_to_the_user() {
    let world = World::new();
    let mut served = world.serve().await;
    served.provider.set_port(free_port());
    let gateway = Running::start(&served).await;
    world.write("hi");
    world.platform("a failure is shown", |it| !it.sent.is_empty()).await;
    insta::assert_snapshot!(world.sent()[0], @r#"5: No answer this time: the model provider could not be reached, and can be asked again in 60 seconds. Your message is kept; please ask again."#);
    gateway.end().await;
}

#[tokio::test]
async fn what_was_adopted_is_finished_before_the_end_and_nothing_else_is_adopted() {
    let world = World::new();
    let served = world.serve().await;
    world.hold();
    let gateway = Running::start(&served).await;
    world.write("slow");
    world.asked("slow").await;
    let Running { port, end, gateway } = gateway;
    end.send(()).unwrap();
    let body = get_until(port, "/ready", 503).await;
    assert!(body.contains(r#""closing":true"#), "{body}");
    // It is acknowledged at once: there is nothing to wait for.
    world.platform("acknowledged", |it| it.offsets.last() == Some(&Some(2))).await;
    world.write("too late");
    world.release();
    let ended = Running { port, end: oneshot::channel().0, gateway }.ended().await;
    assert_eq!(ended, Unfinished::default());
    assert_eq!(world.sent(), ["5: you said slow"]);
    assert_eq!(world.requests(), ["slow"]);
    world.platform("not acknowledged", |it| it.offsets.last() == Some(&Some(2))).await;
}

#[tokio::test]
async fn operators_are_answered_at_once_while_the_gateway_drains() {
    let world = World::new();
    let served = world.serve().await;
    world.hold();
    let gateway = Running::start(&served).await;
    world.write("slow");
    world.asked("slow").await;
    let Running { port, end, gateway } = gateway;
    end.send(()).unwrap();
    get_until(port, "/ready", 503).await;
    let answer = approve(port, Some(GATEWAY_TOKEN), r#"{"channel":"telegram","code":"X"}"#).await;
    insta::assert_snapshot!(answer, @r#"503 {"error":"the gateway is ending","ok":false}"#);
    world.release();
    Running { port, end: oneshot::channel().0, gateway }.ended().await;
}

#[tokio::test]
async fn a_drain_that_takes_too_long_says_what_is_left() {
    let world = World::new();
    let served = world.serve().await;
    world.hold();
    let Settings { core, accounts, providers, keys, logins, state, .. } =
        settings(&config(&served, free_port(), json!({})));
    let receivers: Vec<_> = accounts.values().cloned().collect();
    let http = Http::new(TokioNet);
    let (board, wall_clock) = (Arc::default(), WallClock::system());
    let keeper = Keeper::new(state);
    let logins = Logins::new(http.clone(), keeper.clone(), WallClock::system(), logins);
    let outside = Outside {
        http: http.clone(),
        accounts,
        providers,
        keys,
        logins: Arc::new(logins),
        board,
        wall_clock,
        life: 1,
        servers: Servers::default(),
        workspaces: BTreeMap::default(),
        store: creel_gateway::media::Store::default(),
    };
    let outside = Arc::new(outside);
    let (driver, inbox) = Driver::new(
        Gateway::new(core, 1),
        Clock::start(WallClock::system()),
        (outside, keeper, Hub::new(WallClock::system())),
    );
    let mut channels = JoinSet::new();
    for account in receivers {
        channels.spawn(account.receive(http.clone(), (inbox.clone(), Arc::default()), 0));
    }
    world.write("never answered");
    let asked = world.asked("never answered");
    let unfinished = soon("the drain ends", driver.run(asked, Duration::from_millis(1))).await;
    assert_eq!(unfinished, Unfinished { turns: 1, sends: 0 });
    assert_eq!(world.sent(), [""; 0]);
}

/// Approves a pairing code, and shows the answer.
async fn approve(port: u16, token: Option<&str>, body: &str) -> String {
    let mut request = hyper::Request::post("/pairing/approve");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let (request, ()) = request.body(()).unwrap().into_parts();
    let (status, answer) = call(port, &request, body).await;
    format!("{status} {answer}")
}

#[tokio::test]
async fn pairing_is_approved_by_the_operator_alone() {
    let world = World::new();
    let served = world.serve().await;
    let gateway =
        Running::start_with(&served, json!({ "dmPolicy": "pairing", "allowFrom": [] })).await;
    world.write("hi");
    world.platform("a code is told", |it| !it.sent.is_empty()).await;
    let code = world.sent()[0].rsplit(' ').next().unwrap().to_owned();
    let body = json!({ "channel": "telegram", "code": code }).to_string();
    let port = gateway.port;
    let mut shown = Vec::new();
    for (token, body) in [
        (None, body.as_str()),
        (None, "no JSON"),
        (Some("wrong"), body.as_str()),
        (Some("canary-gatewax"), body.as_str()),
        (Some(GATEWAY_TOKEN), "no JSON"),
        (Some(GATEWAY_TOKEN), r#"{"channel":" ","code":"X"}"#),
        (Some(GATEWAY_TOKEN), r#"{"channel":"telegram","code":"X"}"#),
        (Some(GATEWAY_TOKEN), body.as_str()),
        (Some(GATEWAY_TOKEN), body.as_str()),
    ] {
        shown.push(approve(port, token, body).await);
    }
    insta::assert_snapshot!(shown.join("\n").replace(&code, "<code>"), @r#"
    401 {"error":"expected the header `authorization: Bearer <gateway.auth.token>`","ok":false}
    401 {"error":"expected the header `authorization: Bearer <gateway.auth.token>`","ok":false}
    401 {"error":"expected the header `authorization: Bearer <gateway.auth.token>`","ok":false}
    401 {"error":"expected the header `authorization: Bearer <gateway.auth.token>`","ok":false}
    400 {"error":"expected a body like {\"channel\": \"telegram\", \"code\": \"ABCD2345\"}","ok":false}
    400 {"error":"`channel` is empty","ok":false}
    404 {"error":"no pairing request on telegram has code `X` (codes that wait: `<code>`; a code is valid for 3600 s)","ok":false}
    200 {"approved":{"account":"default","sender":"5"},"ok":true}
    404 {"error":"no pairing request on telegram has code `<code>` (codes that wait: none; a code is valid for 3600 s)","ok":false}
    "#);
    world.write("hi again");
    world.says("you said hi again").await;
    gateway.end().await;
}

#[tokio::test]
async fn without_a_token_nobody_is_an_operator() {
    let world = World::new();
    let served = world.serve().await;
    let port = free_port();
    let mut settings = settings(&config(&served, port, json!({})));
    settings.token = None;
    let approving = approve(port, Some(""), r#"{"channel":"telegram","code":"X"}"#);
    let shown = tokio::select! {
        ended = app::run(TokioNet, settings, 1, std::future::pending()) => panic!("{ended:?}"),
        shown = approving => shown,
    };
    insta::assert_snapshot!(shown, @r#"403 {"error":"no `gateway.auth.token` is configured, so operator calls are refused","ok":false}"#);
}

#[tokio::test]
async fn ten_megabytes_are_answered_with_a_notice() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served).await;
    world.write(&"é".repeat(5 * 1024 * 1024));
    world.platform("a notice is shown", |it| !it.sent.is_empty()).await;
    insta::assert_snapshot!(world.sent()[0], @r#"5: This message has 10485760 bytes, more than the 1048576 that are taken."#);
    world.write("hi");
    world.says("you said hi").await;
    assert_eq!(world.requests(), ["hi"]);
    gateway.end().await;
}

#[tokio::test]
async fn the_longest_text_that_is_taken_comes_back_whole_in_pieces() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served).await;
    // Each is two UTF-16 units; one letter between them moves the rest over the edges.
    let text = format!("{}a{}", "🦞".repeat(5_000), "🦞".repeat(100_000));
    world.write(&text);
    let joined = |sent: &[String]| -> String {
        let texts = sent.iter().filter_map(|it| it.strip_prefix("5: "));
        texts.flat_map(str::chars).filter(|it| !it.is_whitespace()).collect()
    };
    let whole = format!("yousaid{text}");
    world.platform("all pieces are shown", |it| joined(&it.sent).len() >= whole.len()).await;
    assert!(joined(&world.sent()) == whole, "the pieces are not the text");
    assert!(world.sent().iter().all(|it| it.encode_utf16().count() <= 4_096 + 3));
    gateway.end().await;
}
