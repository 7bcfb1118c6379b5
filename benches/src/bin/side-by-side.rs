//! What the gateway adds to a message, beside a bare relay that makes the same exchanges: a ratio from one run.
//!
//! Both serve the same instant platform and the same instant provider over loopback sockets, in turns, so that whatever
//! else the machine does hits both alike. The relay decides nothing: it polls, asks, and sends.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use creel_benches::{platform::Platform, settings};
use creel_gateway::{
    app,
    http::Http,
    net::{Net, TokioNet},
    state::StateFolder,
};
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};

const ROUNDS: usize = 10;
const MESSAGES_A_ROUND: usize = 200;
const CHATS: usize = 50;
const MESSAGES_A_CHAT: usize = 20;
const GATEWAY: &str = "100:x";
const RELAY: &str = "200:x";

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(compare());
}

async fn compare() {
    let platform = Arc::new(Platform::new(&[GATEWAY, RELAY]));
    let listener = TokioNet.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a port");
    let address = axum::serve::Listener::local_addr(&listener).expect("a port");
    let base = format!("http://{address}");
    let mut servers = tokio::task::JoinSet::new();
    servers.spawn(serve(listener, platform.router()));
    servers.spawn(gateway(base.clone()));
    servers.spawn(relay(base));
    for token in [GATEWAY, RELAY] {
        measure_latency(&platform, token, 100).await;
    }
    let (mut gateway, mut relay) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        relay.extend(measure_latency(&platform, RELAY, MESSAGES_A_ROUND).await);
        gateway.extend(measure_latency(&platform, GATEWAY, MESSAGES_A_ROUND).await);
    }
    let messages = gateway.len();
    let (relay_ms, gateway_ms) = (report("relay", relay), report("gateway", gateway));
    say(&format!(
        "the gateway adds {:.3} ms to the median of {messages} messages ({:.2} times the relay)",
        gateway_ms - relay_ms,
        gateway_ms / relay_ms
    ));
    let relay_rate = measure_throughput(&platform, RELAY).await;
    let gateway_rate = measure_throughput(&platform, GATEWAY).await;
    say(&format!(
        "{CHATS} chats at once: relay {relay_rate:.0} messages/s, gateway {gateway_rate:.0} messages/s \
         ({:.2} of the relay)",
        gateway_rate / relay_rate
    ));
    servers.shutdown().await;
}

async fn serve<L: axum::serve::Listener<Addr = SocketAddr>>(listener: L, router: axum::Router) {
    axum::serve(listener, router).await.expect("it serves until the end");
}

async fn gateway(base: String) {
    let mut settings = settings("collect", &json!([]), &base, &format!("{base}/v1"));
    settings.listen.set_port(0);
    settings.state = StateFolder::in_memory(std::collections::BTreeMap::new());
    app::run(TokioNet, settings, 1, std::future::pending()).await.expect("it runs until the end");
}

/// Polls, asks, sends: nothing else. Each message is a task, so that it is no slower than it must be.
async fn relay(base: String) {
    let http = Http::new(TokioNet);
    let mut offset = 0;
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let body = json!({ "offset": offset, "timeout": 30 });
        let answer = post(&http, &format!("{base}/bot{RELAY}/getUpdates"), &body).await;
        let answer: Value = serde_json::from_slice(&answer).expect("the platform speaks JSON");
        for update in answer["result"].as_array().expect("updates") {
            offset = update["update_id"].as_i64().expect("an id") + 1;
            let (http, base) = (http.clone(), base.clone());
            let chat = update["message"]["chat"]["id"].clone();
            let text = update["message"]["text"].clone();
            tasks.spawn(async move {
                let messages = json!([{ "role": "user", "content": text }]);
                let ask = json!({ "model": "m", "stream": true, "messages": messages });
                post(&http, &format!("{base}/v1/chat/completions"), &ask).await;
                let send = json!({ "chat_id": chat, "text": "It is fine." });
                post(&http, &format!("{base}/bot{RELAY}/sendMessage"), &send).await;
            });
        }
        while tasks.try_join_next().is_some() {}
    }
}

async fn post(http: &Http<TokioNet>, address: &str, body: &Value) -> Bytes {
    let request = Request::post(address)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .expect("an address of ours");
    let (_, body) =
        http.exchange(request, Duration::from_mins(1), 1 << 20).await.expect("loopback answers");
    body
}

/// One message after the other in one chat each: from the platform having it to the platform having the answer.
#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
async fn measure_latency(platform: &Platform, token: &str, messages: usize) -> Vec<Duration> {
    let mut took = Vec::with_capacity(messages);
    for number in 0..messages {
        let started = Instant::now();
        // Chats take turns, so that no history grows long.
        platform.write(token, 5_000_000 + number);
        platform.answered(token).await;
        took.push(started.elapsed());
    }
    took
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
async fn measure_throughput(platform: &Platform, token: &str) -> f64 {
    let started = Instant::now();
    for chat in 0..CHATS {
        platform.write(token, 6_000_000 + chat);
    }
    for answered in 0..CHATS * MESSAGES_A_CHAT {
        let chat = platform.answered(token).await;
        if answered + CHATS < CHATS * MESSAGES_A_CHAT {
            platform.write(token, chat);
        }
    }
    let messages = f64::from(u32::try_from(CHATS * MESSAGES_A_CHAT).expect("small"));
    messages / started.elapsed().as_secs_f64()
}

/// The median in milliseconds, after it was printed with the tail.
fn report(name: &str, mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    let at = |permille: usize| took[(took.len() - 1) * permille / 1_000].as_secs_f64() * 1_000.0;
    say(&format!("{name:<8} median {:.3} ms, 99% {:.3} ms", at(500), at(990)));
    at(500)
}

#[expect(clippy::print_stdout, reason = "the figures")]
fn say(line: &str) {
    println!("{line}");
}
