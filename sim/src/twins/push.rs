//! Platforms that push: they call the gateway for every message, and again until it says that it has it.
//!
//! ```text
//!   deliver ──▶ connecting ──▶ handed over (fetched) ──▶ 2xx: acknowledged
//!                   ▲                                ──▶ anything else, or no answer: waits, twice as long each time
//!                   └──────────────────────────────────────┘
//! ```

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::http::{Method, Uri, header};
use bytes::Bytes;
use creel_gateway::net::Net;
use creel_judge::trace::Kind;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::recorder::Recorder;

/// How many calls may wait to be made.
const CALLS_MAX: usize = 10_000;

/// The wait after the first call that failed; it doubles with each further one.
const WAIT_FIRST: Duration = Duration::from_secs(1);

/// How often a call is made before the platform gives it up.
const ATTEMPTS_MAX: u32 = 10;

/// How long the gateway may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// How much of an answer is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long the platform waits before it asks again whether the gateway is there.
const PROBE_EVERY: Duration = Duration::from_millis(20);

/// A call that a platform makes.
#[derive(Clone, Debug)]
pub struct Call {
    /// The message's name in the scenario; none for what is no message, of which no fact tells.
    pub message: Option<String>,
    /// The path on the gateway's port.
    pub path: String,
    /// The body.
    pub body: Bytes,
    /// The headers of each attempt, which may hold its date and a signature.
    pub headers: Headers,
    /// How it is repeated.
    pub policy: Policy,
}

/// A header's name and value.
pub type Header = (&'static str, String);

/// Makes headers from a body.
type Make = dyn Fn(&[u8]) -> Vec<Header> + Send + Sync;

/// Makes the headers of an attempt from its body.
#[derive(Clone)]
pub struct Headers(pub Arc<Make>);

impl std::fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Headers")
    }
}

/// How a call is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Until the gateway has it.
    UntilTaken,
    /// Never: it is a stranger's, who does not expect to be heard.
    Once,
}

/// How a platform finds out that the gateway is there.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The account that it asks for.
    pub account: String,
    /// Path and query.
    pub target: String,
    /// The body that is posted there, with its headers; none for a `GET`.
    pub post: Option<(Bytes, Headers)>,
    /// What the gateway must say, with 200. None if any answer but 404 and 5xx will do.
    pub answer: Option<String>,
}

/// The calls of one platform. A clone is another handle on the same queue.
#[derive(Clone, Debug)]
pub struct Push {
    recorder: Recorder,
    calls: mpsc::Sender<Call>,
    waiting: Arc<Mutex<Option<mpsc::Receiver<Call>>>>,
    probes: Arc<[Probe]>,
    listened_to: watch::Sender<Vec<String>>,
    unasked: watch::Sender<Vec<String>>,
}

/// Where the gateway is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Push {
    /// A platform that asks for the gateway with these probes.
    pub fn new(recorder: Recorder, probes: Vec<Probe>) -> Self {
        let (calls, receiver) = mpsc::channel(CALLS_MAX);
        let waiting = Arc::new(Mutex::new(Some(receiver)));
        let (listened_to, _) = watch::channel(Vec::new());
        let (unasked, _) = watch::channel(Vec::new());
        Self { recorder, calls, waiting, probes: probes.into(), listened_to, unasked }
    }

    /// Puts a call in line.
    pub fn deliver(&self, call: Call) {
        let name = call.message.clone();
        if self.calls.try_send(call).is_err() {
            let what = format!("more than {CALLS_MAX} calls wait: message {name:?} is lost");
            self.recorder.harness_error(what);
        }
    }

    /// Whether the gateway has answered for this account.
    pub fn is_listened_to(&self, account: &str) -> bool {
        self.listened_to.borrow().iter().any(|it| it == account)
    }

    /// The accounts for which the gateway has answered, as they come.
    pub fn listened_to(&self) -> watch::Receiver<Vec<String>> {
        self.listened_to.subscribe()
    }

    /// Asks no more whether the gateway answers for this account: it gets its messages in another way.
    pub fn stop_asking(&self, account: &str) {
        self.unasked.send_modify(|it| it.push(account.to_owned()));
    }

    /// Makes the calls, for as long as the future is polled. Calls do not wait for each other, as on a true platform.
    pub async fn run<N: Net>(&self, net: N, gateway: Gateway) -> Infallible {
        let receiver = self.waiting.lock().expect("nothing panics while it holds this").take();
        let mut receiver = receiver.expect("a platform's calls are made by one");
        let mut tasks = JoinSet::new();
        for probe in self.probes.iter().cloned() {
            let (net, gateway) = (net.clone(), gateway.clone());
            let (listened_to, unasked) = (self.listened_to.clone(), self.unasked.clone());
            tasks.spawn(async move {
                while !answers(&net, &gateway, &probe).await {
                    sleep(PROBE_EVERY).await;
                    if unasked.borrow().contains(&probe.account) {
                        return;
                    }
                }
                listened_to.send_modify(|it| it.push(probe.account));
            });
        }
        loop {
            tokio::select! {
                biased;
                Some(ended) = tasks.join_next() => if let Err(error) = ended {
                    std::panic::resume_unwind(error.into_panic());
                },
                Some(call) = receiver.recv() => {
                    let (net, gateway) = (net.clone(), gateway.clone());
                    tasks.spawn(make(net, gateway, call, self.recorder.clone()));
                }
            }
        }
    }
}

/// Makes a call until it is taken, or given up.
async fn make<N: Net>(net: N, gateway: Gateway, call: Call, recorder: Recorder) {
    let mut wait = WAIT_FIRST;
    let mut fetched = false;
    for _ in 0..ATTEMPTS_MAX {
        let handed_over = || {
            let first = !std::mem::replace(&mut fetched, true);
            if let Some(message) = call.message.clone().filter(|_| first) {
                recorder.record(Kind::Fetched { message });
            }
        };
        let attempt = attempt(&net, &gateway, &call, handed_over);
        if timeout(ANSWER_WITHIN, attempt).await == Ok(Some(true)) {
            if let Some(message) = call.message {
                recorder.record(Kind::Acknowledged { message });
            }
            return;
        }
        if call.policy == Policy::Once {
            return;
        }
        sleep(wait).await;
        wait *= 2;
    }
}

/// Makes a call once. Whether it was taken, or none if there is no answer.
async fn attempt<N: Net>(
    net: &N,
    gateway: &Gateway,
    call: &Call,
    handed_over: impl FnOnce(),
) -> Option<bool> {
    let mut request = Request::builder().method(Method::POST).uri(call.path.as_str());
    for (name, value) in (call.headers.0)(&call.body) {
        request = request.header(name, value);
    }
    let request = request.header(header::CONTENT_TYPE, "application/json");
    let (status, _) = exchange(net, gateway, request, call.body.clone(), handed_over).await?;
    Some((200..300).contains(&status))
}

async fn answers<N: Net>(net: &N, gateway: &Gateway, probe: &Probe) -> bool {
    let mut request = Request::builder().uri(probe.target.as_str());
    let mut body = Bytes::new();
    if let Some((posted, headers)) = &probe.post {
        body = posted.clone();
        request = request.method(Method::POST).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in (headers.0)(&body) {
            request = request.header(name, value);
        }
    }
    let asked = exchange(net, gateway, request, body, || ());
    let Ok(Some((status, body))) = timeout(ANSWER_WITHIN, asked).await else { return false };
    match &probe.answer {
        Some(expected) => status == 200 && says(&body, expected),
        None => status != 404 && status < 500,
    }
}

/// Whether an answer is what was expected: as it stands, or as the `challenge` of a JSON object, which Slack takes, too.
fn says(body: &[u8], expected: &str) -> bool {
    let challenge = || {
        let object: serde_json::Value = serde_json::from_slice(body).ok()?;
        Some(object.get("challenge")?.as_str()? == expected)
    };
    body == expected.as_bytes() || challenge() == Some(true)
}

/// One exchange over a connection of its own.
async fn exchange<N: Net>(
    net: &N,
    Gateway { host, port }: &Gateway,
    request: hyper::http::request::Builder,
    body: Bytes,
    handed_over: impl FnOnce(),
) -> Option<(u16, Bytes)> {
    let request = request
        .header(header::HOST, format!("{host}:{port}"))
        .body(Full::new(body))
        .expect("a request of ours is valid");
    let stream = net.connect(host, *port).await.ok()?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.ok()?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    handed_over();
    let response = sender.send_request(request).await.ok()?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.ok()?;
    Some((status, body.to_bytes()))
}

impl Gateway {
    /// Reads `http://host:port`.
    ///
    /// # Panics
    ///
    /// If it is not such an address: the worlds make them.
    pub fn at(address: &str) -> Self {
        let uri: Uri = address.parse().expect("an address of ours is valid");
        let host = uri.host().expect("an address of ours has a host").to_owned();
        Self { host, port: uri.port_u16().expect("an address of ours has a port") }
    }
}
