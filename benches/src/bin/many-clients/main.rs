//! What many clients of the control plane cost the gateway, and whether they all hear the same.
//!
//! ```text
//!   this process: provider, figures ──spawns──▶ gateway          its memory is what is measured
//!                        └──────────spawns──▶ watchers (two)     5,000 idle connections each, then 1,000 that follow a run
//! ```
//!
//! Each is a process of its own, so that no one needs more than 20,000 descriptors and the gateway's memory is its alone.

mod client;
mod roles;

use std::{process::ExitCode, time::Duration};

use creel_gateway::clock::instant;
use serde_json::Value;
use tokio::task::JoinSet;

use self::roles::{Child, Gateway};

const IDLE: usize = 10_000;
const IDLE_PROCESSES: usize = 2;
const FOLLOWING: usize = 1_000;
const QUESTIONS: usize = 500;

/// What the gateway may hold of the machine's memory with all idle clients connected.
const HELD_KB_MAX: usize = 400 * 1_024;

#[tokio::main]
async fn main() -> ExitCode {
    let role: Vec<String> = std::env::args().skip(1).collect();
    let role: Vec<&str> = role.iter().map(String::as_str).collect();
    match role.as_slice() {
        [] => return measure().await,
        ["gateway", base] => roles::gateway(base).await,
        ["idle", address, count] => roles::idle(address, number(count)).await,
        ["follow", address, count] => roles::follow(address, number(count)).await,
        _ => {
            say("expected no arguments: the processes that this one starts have them");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn number(text: &str) -> usize {
    text.parse().expect("a number: this program wrote it")
}

async fn measure() -> ExitCode {
    let mut servers = JoinSet::new();
    let base = roles::provider(&mut servers).await;
    let gateway = Gateway::start(&base).await;
    let empty = gateway.memory_kb();

    let began = instant();
    let mut idle: Vec<Child> = Vec::new();
    for _ in 0..IDLE_PROCESSES {
        let count = (IDLE / IDLE_PROCESSES).to_string();
        idle.push(Child::start(&["idle", &gateway.address, &count]));
    }
    for watchers in &mut idle {
        assert_eq!(watchers.line().await, "ready", "all its clients are connected");
    }
    let took = began.elapsed();
    // They have been told of each other, and of a tick.
    tokio::time::sleep(Duration::from_secs(35)).await;
    let held = gateway.memory_kb();
    let mut left = 0;
    for mut watchers in idle {
        left += number(&watchers.ask().await);
    }
    say(&format!(
        "{left} of {IDLE} idle clients are still connected; the gateway holds {} MB ({} MB alone), {} KB each; they came in {:.1} s",
        held / 1_024,
        empty / 1_024,
        (held - empty) / IDLE,
        took.as_secs_f64()
    ));

    let mut following = Child::start(&["follow", &gateway.address, &FOLLOWING.to_string()]);
    assert_eq!(following.line().await, "ready", "all its clients are connected");
    let mut operator = client::Client::connect(&gateway.address).await;
    operator.ask(roles::SLOWLY, "slow").await;
    let heard: Value = serde_json::from_str(&following.line().await).expect("JSON");
    say(&format!("{FOLLOWING} clients followed one answer: {heard}"));
    drop(following);

    report_latency(&mut operator).await;
    let all_heard = heard["whole"] == FOLLOWING && heard["missed"] == 0 && heard["repeated"] == 0;
    let broken = [
        (left != IDLE, "an idle client was let go".to_owned()),
        (held > HELD_KB_MAX, format!("expected at most {} MB", HELD_KB_MAX / 1_024)),
        (!all_heard, "not every client heard every part once".to_owned()),
    ];
    for (_, what) in broken.iter().filter(|it| it.0) {
        say(&format!("FAILED: {what}"));
    }
    if broken.iter().any(|it| it.0) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// How long `chat.send` takes until it is answered, and until the instant model's words are there.
async fn report_latency(operator: &mut client::Client) {
    let (mut taken, mut ended) = (Vec::new(), Vec::new());
    for number in 0..QUESTIONS {
        let began = instant();
        let name = format!("quick-{number}");
        operator.ask(roles::QUICKLY, &name).await;
        taken.push(began.elapsed());
        operator.end_of(&name).await;
        ended.push(began.elapsed());
    }
    for (what, mut all) in [("is answered", taken), ("has its final event", ended)] {
        all.sort_unstable();
        let at = |permille: usize| all[(all.len() - 1) * permille / 1_000].as_secs_f64() * 1_000.0;
        say(&format!(
            "chat.send {what} after {:.3} ms (median), {:.3} ms (99 %)",
            at(500),
            at(990)
        ));
    }
}

#[expect(clippy::print_stdout, reason = "the figures")]
fn say(line: &str) {
    println!("{line}");
}
