//! Whatever a client sends, the gateway answers it once, tells no secret, and goes on.
//!
//! A gateway on loopback gets frames and bodies that are nearly right, wrong, or no text at all. `CREEL_FUZZ=10000000` says how
//! many (2,000 by default); what the process holds of the machine's memory is printed ten times on the way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{collections::BTreeMap, env, fs, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, http::header, response::IntoResponse, routing::post};
use bytes::Bytes;
use creel_core::profile::Version;
use creel_document::problem::{Problem, Report};
use creel_gateway::{
    app,
    control::{
        client::{self, Target},
        methods,
    },
    http::Http,
    net::{Net as _, TokioNet},
    secret::Secret,
    settings::{self, Settings, Source, file::ConfigFile},
    state::StateFolder,
};
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::Full;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

const TOKEN: &str = "canary-gateway";
const HOOK_TOKEN: &str = "canary-hook";
const KEY: &str = "sk-canary-key";
const WITHIN: Duration = Duration::from_mins(1);

/// How many inputs are sent before their answers are read.
const BATCH: usize = 64;

const ANSWER: &str = concat!(
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Yes.\"},\"finish_reason\":null}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);

/// What parameters are called. Each is at home in some method.
const KEYS: [&str; 47] = [
    "sessionKey",
    "key",
    "message",
    "text",
    "idempotencyKey",
    "runId",
    "limit",
    "agentId",
    "timeoutMs",
    "label",
    "model",
    "sendPolicy",
    "name",
    "id",
    "requestId",
    "deviceId",
    "role",
    "scopes",
    "cursor",
    "channel",
    "to",
    "accountId",
    "deliver",
    "thinking",
    "maxChars",
    "keys",
    "includeGlobal",
    "stream",
    "messages",
    "user",
    "content",
    "mode",
    "enabled",
    "attachments",
    "raw",
    "baseHash",
    "replacePaths",
    "restartDelayMs",
    "workspace",
    "deleteFiles",
    "schedule",
    "payload",
    "delivery",
    "patch",
    "jobId",
    "kind",
    "everyMs",
];

/// What they may well be.
const WORDS: [&str; 21] = [
    "main",
    "agent:main:main",
    "agent:main:side",
    "agent:nobody:x",
    "operator",
    "operator.read",
    "user",
    "assistant",
    "now",
    "next-heartbeat",
    "openclaw",
    "openclaw/main",
    "/stop",
    "/new",
    "r1",
    "{ agents: { list: [] } }",
    "{ gateway: null }",
    "every",
    "agentTurn",
    "/nonexistent/creel-fuzz",
    "",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => any::<i64>().prop_map(Value::from),
        1 => (0_u64..100).prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        6 => proptest::sample::select(&WORDS[..]).prop_map(Value::from),
        2 => any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key =
            prop_oneof![proptest::sample::select(&KEYS[..]).prop_map(str::to_owned), "[a-z]{1,6}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..6)
                .prop_map(|it| it.into_iter().collect()),
        ]
    })
}

/// Parameters: an object, most of the time.
fn params() -> impl Strategy<Value = Value> {
    let key = proptest::sample::select(&KEYS[..]).prop_map(str::to_owned);
    prop_oneof![
        5 => proptest::collection::btree_map(key, any_json(), 0..6).prop_map(|it| it.into_iter().collect()),
        1 => any_json(),
    ]
}

/// What a client may send.
#[derive(Clone, Debug)]
enum Input {
    /// A request after the handshake, with an id of ours: it has one answer at least.
    Call(String, Value),
    /// A text after the handshake.
    Text(String),
    /// The first frame of a connection of its own.
    First(String),
    /// A body, for one of the paths.
    Body(&'static str, Vec<u8>),
}

const PATHS: [&str; 3] = ["/v1/chat/completions", "/hooks/agent", "/hooks/wake"];

fn inputs(methods: Vec<String>) -> impl Strategy<Value = Input> {
    let method = prop_oneof![20 => proptest::sample::select(methods), 1 => any::<String>()];
    let frame = (any_json(), any_json(), params())
        .prop_map(|(kind, method, params)| {
            json!({ "type": kind, "id": "raw", "method": method, "params": params }).to_string()
        })
        .boxed();
    let connect = params().prop_map(|params| {
        json!({ "type": "req", "id": "raw", "method": "connect", "params": params }).to_string()
    });
    let body = prop_oneof![
        params().prop_map(|it| it.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..64),
    ];
    prop_oneof![
        60 => (method, params()).prop_map(|(method, params)| Input::Call(method, params)),
        20 => prop_oneof![any::<String>(), frame.clone()].prop_map(Input::Text),
        1 => prop_oneof![any::<String>(), frame, connect].prop_map(Input::First),
        19 => (proptest::sample::select(&PATHS[..]), body).prop_map(|(path, body)| Input::Body(path, body)),
    ]
}

/// A gateway that ends with the test, and a provider for it.
struct Running {
    target: Target,
    http: Http<TokioNet>,
    _tasks: JoinSet<()>,
}

impl Running {
    async fn start(version: Version) -> Self {
        let mut tasks = JoinSet::new();
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = TokioNet.bind(any_port).await.unwrap();
        let provider = axum::serve::Listener::local_addr(&listener).unwrap();
        let answer =
            || async { ([(header::CONTENT_TYPE, "text/event-stream")], ANSWER).into_response() };
        let router = Router::new().route("/chat/completions", post(answer));
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let free = std::net::TcpListener::bind(any_port).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let text = json!({
            "gateway": {
                "port": address.port(), "auth": { "token": TOKEN },
                "http": { "endpoints": { "chatCompletions": { "enabled": true } } },
            },
            "hooks": { "enabled": true, "token": HOOK_TOKEN },
            "agents": { "defaults": { "model": "p/m" } },
            "models": { "providers": { "p": {
                "baseUrl": format!("http://{provider}"), "apiKey": KEY, "models": [{ "id": "m" }],
            } } },
        })
        .to_string();
        let source = Source::alone(version, &text);
        let loaded = settings::load(&source).unwrap_or_else(|it| panic!("{}", it.plain()));
        let state = StateFolder::in_memory(BTreeMap::new());
        // Whatever is asked for is read as a change would be, and none is ever taken: a start would end the connection.
        let problem = Problem::new(0..0, creel_document::path::Path::default(), "not in a test");
        let none = move |_: &str| Err(Report::new("openclaw.json", "", vec![problem.clone()]));
        let file = ConfigFile::within(state.clone(), "openclaw.json", &text, Arc::new(none));
        let settings = Settings { state: state.clone(), file: Some(file), ..loaded.settings };
        tasks.spawn(async move {
            app::run(TokioNet, settings, 1, std::future::pending()).await.unwrap();
        });
        let token = Some(Secret::new(TOKEN.to_owned()));
        let target = Target { address: address.to_string(), version, token, state };
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { target, http: Http::new(TokioNet), _tasks: tasks }
    }

    async fn call(&self, path: &str, body: Vec<u8>) -> (u16, String) {
        let token = if path.starts_with("/hooks") { HOOK_TOKEN } else { TOKEN };
        let request = hyper::Request::post(format!("http://{}{path}", self.target.address))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let (status, body) = self.http.exchange(request, WITHIN, 16 * 1024 * 1024).await.unwrap();
        (status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
    }

    /// A first frame, and everything that the gateway says to it before it ends the connection.
    async fn begin(&self, first: String) -> String {
        let (mut socket, _) =
            connect_async(format!("ws://{}/", self.target.address)).await.unwrap();
        let mut heard = String::new();
        let mut first = Some(first);
        loop {
            match timeout(WITHIN, socket.next()).await.expect("a first frame has an end") {
                Some(Ok(Message::Text(text))) => {
                    heard.push_str(&text);
                    if text.contains("hello-ok") {
                        return heard;
                    }
                    if let Some(first) = first.take() {
                        // It may be closed already.
                        _ = socket.send(Message::text(first)).await;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return heard,
            }
        }
    }
}

/// A connection that is let in.
struct Connection {
    /// How many requests were made on it: each has an id of its own.
    calls: usize,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Connection {
    async fn open(target: &Target) -> Self {
        let (mut socket, _) = connect_async(format!("ws://{}/", target.address)).await.unwrap();
        let challenge = timeout(WITHIN, socket.next()).await.unwrap().unwrap().unwrap();
        let challenge: Value = serde_json::from_str(challenge.to_text().unwrap()).unwrap();
        let hello = client::hello(target, challenge["payload"]["nonce"].as_str().unwrap());
        let frame =
            json!({ "type": "req", "id": "hello", "method": "connect", "params": hello.unwrap() });
        socket.send(Message::text(frame.to_string())).await.unwrap();
        let mut connection = Self { socket, calls: 0 };
        connection.answers_until("hello").await;
        connection
    }

    /// Makes a request; its id.
    async fn call(&mut self, method: &str, params: &Value) -> String {
        self.calls += 1;
        let id = self.calls.to_string();
        self.say(
            json!({ "type": "req", "id": id, "method": method, "params": params }).to_string(),
        )
        .await;
        id
    }

    async fn say(&mut self, text: String) {
        timeout(WITHIN, self.socket.send(Message::text(text))).await.unwrap().unwrap();
    }

    /// How often each id was answered, up to the first answer to `last`.
    async fn answers_until(&mut self, last: &str) -> BTreeMap<String, usize> {
        let mut answers = BTreeMap::<String, usize>::new();
        loop {
            let frame = timeout(WITHIN, self.socket.next()).await.expect("the gateway answers");
            let Message::Text(text) = frame.expect("the connection stays").unwrap() else {
                continue;
            };
            assert_no_secret(&text);
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == "res" {
                let id = frame["id"].as_str().unwrap().to_owned();
                *answers.entry(id.clone()).or_default() += 1;
                if id == last {
                    return answers;
                }
            }
        }
    }
}

fn assert_no_secret(text: &str) {
    for secret in [TOKEN, HOOK_TOKEN, KEY] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

/// What the process holds of the machine's memory, in kB; none where nobody says.
fn memory_kb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|it| it.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

async fn send_batch(gateway: &Running, connection: &mut Connection, inputs: Vec<Input>) {
    let mut called = Vec::new();
    for input in inputs {
        match input {
            // It waits on purpose, for as long as it is told.
            Input::Call(method, _) if method == "agent.wait" => {}
            Input::Call(method, params) => called.push(connection.call(&method, &params).await),
            Input::Text(text) => connection.say(text).await,
            Input::First(text) => assert_no_secret(&gateway.begin(text).await),
            Input::Body(path, body) => {
                let (status, answer) = gateway.call(path, body).await;
                assert_no_secret(&answer);
                assert!(status != 500, "{path}: {answer}");
            }
        }
    }
    let last = connection.call("health", &json!({})).await;
    let answers = connection.answers_until(&last).await;
    for id in called {
        assert!(matches!(answers.get(&id), Some(1 | 2)), "{id}: {answers:?}");
    }
}

#[expect(clippy::print_stdout, reason = "figures of a long run")]
async fn fuzz(version: Version, count: usize) {
    let gateway = Running::start(version).await;
    let methods = methods::names().into_iter().map(str::to_owned).collect();
    let mut connection = Connection::open(&gateway.target).await;
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let inputs = inputs(methods);
    let batches = count.div_ceil(BATCH);
    for batch in 0..batches {
        let batch_of =
            (0..BATCH).map(|_| inputs.new_tree(&mut runner).unwrap().current()).collect();
        send_batch(&gateway, &mut connection, batch_of).await;
        if count > 100_000 && batch % (batches / 10) == 0 {
            println!("{version:?}: {} inputs, {:?} kB", batch * BATCH, memory_kb());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "how long a run is whoever runs it says")]
async fn whatever_is_sent_is_answered_and_tells_no_secret() {
    let count =
        env::var("CREEL_FUZZ").map_or(2_000, |it| it.parse().expect("CREEL_FUZZ is a number"));
    for version in Version::ALL {
        fuzz(version, count / Version::ALL.len()).await;
    }
}
