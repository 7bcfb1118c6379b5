//! The processes: who provides, who is measured, who watches.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::Stdio,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use creel_benches::load;
use creel_core::profile::Version;
use creel_gateway::{
    app,
    net::{Net as _, TokioNet},
    state::StateFolder,
};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{ChildStdin, ChildStdout, Command},
    task::JoinSet,
};

use super::{
    client::{self, Client},
    say,
};

/// How many clients of one process connect at once.
const AT_ONCE: usize = 16;

/// Of so many parts is a slow answer.
const PARTS: usize = 400;

/// Asks for one.
pub(super) const SLOWLY: &str = "bench-answer-slowly";

/// Asks for an answer at once.
pub(super) const QUICKLY: &str = "bench-answer-quickly";

const BETWEEN_PARTS: Duration = Duration::from_millis(20);

/// What a slow answer ends with.
pub(super) const LAST_WORD: &str = "word 400.";

/// A process of this program, which ends with this one.
pub(super) struct Child {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    process: tokio::process::Child,
}

impl Child {
    pub(super) fn start(role: &[&str]) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(program);
        command.args(role).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("this program starts");
        let input = process.stdin.take().expect("it is piped");
        let output = process.stdout.take().expect("it is piped");
        Self { input, output: BufReader::new(output).lines(), process }
    }

    pub(super) async fn line(&mut self) -> String {
        let line = self.output.next_line().await.expect("it is text");
        line.expect("the process lives until it has said all")
    }

    /// Whatever it has to say now.
    pub(super) async fn ask(&mut self) -> String {
        self.input.write_all(b"\n").await.expect("it listens");
        self.line().await
    }
}

/// The gateway, as the process that is measured.
pub(super) struct Gateway {
    child: Child,
    pub(super) address: String,
}

impl Gateway {
    pub(super) async fn start(base: &str) -> Self {
        let mut child = Child::start(&["gateway", base]);
        let address = child.line().await;
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { child, address }
    }

    /// How much of the machine's memory it holds, in kB.
    pub(super) fn memory_kb(&self) -> usize {
        let id = self.child.process.id().expect("it lives");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux");
        let line = status.lines().find(|it| it.starts_with("VmRSS:")).expect("Linux says so");
        let kb = line.split_whitespace().nth(1).and_then(|it| it.parse().ok());
        kb.expect("a number of kB")
    }
}

/// The role of the gateway.
pub(super) async fn gateway(base: &str) {
    // Another program could take the port in between; then this one ends, and so does the measurement.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = free.local_addr().expect("a port");
    drop(free);
    let config = json!({
        "gateway": { "port": address.port(), "auth": { "token": client::TOKEN } },
        "agents": { "defaults": { "model": "openai/m" } },
        "models": { "providers": { "openai": {
            "baseUrl": base, "apiKey": "k", "models": [{ "id": "m" }],
        } } },
    });
    let mut settings = load(Version::V2026_9, &config);
    settings.state = StateFolder::in_memory(BTreeMap::new());
    say(&address.to_string());
    app::run(TokioNet, settings, 1, std::future::pending()).await.expect("it runs until the end");
}

async fn connect_all(address: &str, count: usize) -> Vec<Client> {
    let address = address.to_owned();
    let clients = stream::iter(0..count).map(|_| Client::connect(&address));
    clients.buffer_unordered(AT_ONCE).collect().await
}

/// The role of clients that only listen. Asked, it says how many are still connected.
pub(super) async fn idle(address: &str, count: usize) {
    let mut clients = JoinSet::new();
    for mut client in connect_all(address, count).await {
        clients.spawn(async move {
            loop {
                client.frame().await;
            }
        });
    }
    say("ready");
    let mut asked = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(_)) = asked.next_line().await {
        while clients.try_join_next().is_some() {}
        say(&clients.len().to_string());
    }
}

/// The role of clients that follow one run.
pub(super) async fn follow(address: &str, count: usize) {
    let mut clients = JoinSet::new();
    for mut client in connect_all(address, count).await {
        clients.spawn(async move { client.follow().await });
    }
    say("ready");
    let heard = clients.join_all().await;
    let sum = |of: fn(&client::Heard) -> usize| heard.iter().map(of).sum::<usize>();
    let all = json!({
        "whole": sum(|it| usize::from(it.whole)), "events": sum(|it| it.events),
        "missed": sum(|it| it.missed), "repeated": sum(|it| it.repeated),
    });
    say(&all.to_string());
}

/// A provider that answers at once, or slowly when it is asked to, and ends with `servers`; its address.
pub(super) async fn provider(servers: &mut JoinSet<()>) -> String {
    let listener = TokioNet.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
    let listener = listener.expect("a port");
    let address = axum::serve::Listener::local_addr(&listener).expect("a port");
    let router = Router::new().route("/v1/chat/completions", post(complete));
    servers.spawn(
        async move { axum::serve(listener, router).await.expect("it serves until the end") },
    );
    format!("http://{address}/v1")
}

async fn complete(asked: String) -> Response {
    // Of all that the session has said, the last counts.
    let is_slow = asked.rfind(SLOWLY) > asked.rfind(QUICKLY);
    let (parts, between) = if is_slow { (PARTS, BETWEEN_PARTS) } else { (1, Duration::ZERO) };
    let words = stream::iter(1..=parts).then(move |number| async move {
        tokio::time::sleep(between).await;
        let end = if number == PARTS { "." } else { " " };
        let delta = json!({ "role": "assistant", "content": format!("word {number}{end}") });
        chunk(&json!({ "index": 0, "delta": delta, "finish_reason": null }))
    });
    let last =
        chunk(&json!({ "index": 0, "delta": {}, "finish_reason": "stop" })) + "data: [DONE]\n\n";
    let events =
        words.chain(stream::iter([last])).map(|it| Ok::<_, std::io::Error>(Bytes::from(it)));
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

fn chunk(choice: &serde_json::Value) -> String {
    format!("data: {}\n\n", json!({ "choices": [choice] }))
}
