//! What an operator asks a running gateway from the command line.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Files, REFUSED, eprintln, println};
use crate::{
    control::{
        client::{Client, Error, Target, new_name},
        methods::ANSWERED_WITHIN,
    },
    http::Http,
    net::TokioNet,
    state::StateFolder,
};

/// How long a call may take unless it is told.
const CALL_WITHIN_S: u64 = 30;

/// How long a turn may take unless it is told: a run's ten minutes, and a while to wait for its place.
const TURN_WITHIN_S: u64 = 660;

/// How long after its time a turn may still take to say that it is over.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// How long a text may take to be taken by its channel, or to be refused.
const SEND_WITHIN: Duration = Duration::from_secs(ANSWERED_WITHIN.as_secs() + 5);

/// A call of any method.
#[derive(Args, Debug)]
pub(super) struct Call {
    /// The method, for example `health`.
    method: String,
    /// Its parameters, a JSON object.
    #[arg(long, default_value = "{}")]
    params: String,
    /// Wait for the last answer of a call that answers twice.
    #[arg(long)]
    expect_final: bool,
    #[command(flatten)]
    common: Common,
}

/// A turn.
#[derive(Args, Debug)]
pub(super) struct Agent {
    /// What is said to the agent.
    #[arg(long, short)]
    message: String,
    /// Which agent; the default one unless given.
    #[arg(long = "agent")]
    id: Option<String>,
    /// In which session, by key; the agent's main one unless given.
    #[arg(long)]
    session_key: Option<String>,
    /// Show the answer in a chat, too: the one in which people last wrote, or the one of `--to`.
    #[arg(long)]
    deliver: bool,
    /// The channel that delivers; the last one, or the only one, unless given.
    #[arg(long, requires = "deliver")]
    channel: Option<String>,
    /// The id of the chat there.
    #[arg(long, short, requires = "deliver")]
    to: Option<String>,
    /// The account that delivers; the channel's first one unless given.
    #[arg(long, requires = "to")]
    account: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
pub(super) enum Sessions {
    /// List the conversations, the latest first.
    List {
        /// How many at the most.
        #[arg(long, default_value_t = 100)]
        limit: u64,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Message {
    /// Send a text to a chat.
    Send {
        /// The channel, for example `telegram`.
        #[arg(long)]
        channel: String,
        /// The chat's id there.
        #[arg(long, short)]
        to: String,
        /// The text.
        #[arg(long, short)]
        message: String,
        /// The account that sends; the channel's default one unless given.
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        common: Common,
    },
}

/// What all of them take.
#[derive(Args, Debug)]
pub(super) struct Common {
    /// Print the gateway's answer as JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// How long to wait, in seconds [default: 30, for a turn 660]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: Option<u64>,
    #[command(flatten)]
    pub(super) files: Files,
}

impl Common {
    pub(super) fn within(&self) -> Duration {
        Duration::from_secs(self.timeout.unwrap_or(CALL_WITHIN_S))
    }

    fn target(&self) -> anyhow::Result<Option<Target>> {
        let Some(loaded) = self.files.load_of_another()? else { return Ok(None) };
        Ok(Some(Target {
            address: loaded.settings.reachable().to_string(),
            version: self.files.profile,
            token: loaded.settings.token,
            state: StateFolder::Disk(self.files.state_dir()?),
        }))
    }

    /// Does something with a connection to the gateway.
    pub(super) fn with<T>(
        &self,
        ask: impl AsyncFnOnce(&mut Client<TokioNet>) -> Result<T, Error>,
        show: impl FnOnce(T) -> ExitCode,
    ) -> anyhow::Result<ExitCode> {
        let ask = async |target: &Target| {
            let mut client = Client::connect(&Http::new(TokioNet), target).await?;
            let asked = ask(&mut client).await;
            client.close().await;
            asked
        };
        self.reach(ask, show)
    }

    /// Does something with the gateway, by connections of one's own.
    pub(super) fn reach<T>(
        &self,
        ask: impl AsyncFnOnce(&Target) -> Result<T, Error>,
        show: impl FnOnce(T) -> ExitCode,
    ) -> anyhow::Result<ExitCode> {
        let Some(target) = self.target()? else { return Ok(ExitCode::from(REFUSED)) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        match runtime.block_on(ask(&target)) {
            Ok(answer) => Ok(show(answer)),
            Err(error @ Error::Refused { .. }) => {
                eprintln(&format!("error: {error}"));
                Ok(ExitCode::from(1))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// `call`.
pub(super) fn call(asked: &Call) -> anyhow::Result<ExitCode> {
    let params: Value = match serde_json::from_str(&asked.params) {
        Ok(params @ Value::Object(_)) => params,
        Ok(other) => {
            eprintln(&format!("error: `--params` is {other}, expected a JSON object"));
            return Ok(ExitCode::from(REFUSED));
        }
        Err(error) => {
            eprintln(&format!("error: `--params` is not JSON: {error}"));
            return Ok(ExitCode::from(REFUSED));
        }
    };
    let within = asked.common.within();
    let answered = async |client: &mut Client<TokioNet>| {
        let first = client.call(&asked.method, &params, within).await?;
        let is_last = first["status"] != "accepted";
        if is_last || !asked.expect_final { Ok(first) } else { client.another(within).await }
    };
    asked.common.with(answered, |it| shown(|| print_json(&it)))
}

/// What was asked for is shown, and that is all there is to say of it.
pub(super) fn shown(show: impl FnOnce()) -> ExitCode {
    show();
    ExitCode::SUCCESS
}

pub(super) fn print_json(value: &Value) {
    println(&serde_json::to_string_pretty(value).expect("JSON can be written"));
}

/// `agent`.
pub(super) fn agent(asked: &Agent) -> anyhow::Result<ExitCode> {
    let within = Duration::from_secs(asked.common.timeout.unwrap_or(TURN_WITHIN_S));
    let mut params = json!({ "message": asked.message, "idempotencyKey": new_name() });
    // The turn itself ends then, and says so, for which there is a moment more.
    if let Some(timeout) = asked.common.timeout {
        params["timeout"] = json!(timeout);
    }
    let within = within + ENDS_WITHIN;
    if asked.deliver {
        params["deliver"] = json!(true);
    }
    let named = [
        ("agentId", &asked.id),
        ("sessionKey", &asked.session_key),
        ("channel", &asked.channel),
        ("to", &asked.to),
        ("accountId", &asked.account),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            params[name] = json!(value);
        }
    }
    let answered = async |client: &mut Client<TokioNet>| {
        client.call("agent", &params, within).await?;
        client.another(within).await
    };
    asked.common.with(answered, |it| {
        let (ended, code) = ended(&it);
        match (asked.common.json, ended) {
            (true, _) => print_json(&it),
            (false, Ok(answer)) => println(&answer),
            (false, Err(why)) => eprintln(&format!("error: {why}")),
        }
        code
    })
}

/// A turn's answer, or why there is none; and how the program ends.
fn ended(answer: &Value) -> (Result<String, String>, ExitCode) {
    let payloads = answer["result"]["payloads"].as_array().into_iter().flatten();
    let texts: Vec<&str> = payloads.filter_map(|it| it["text"].as_str()).collect();
    let summary = answer["summary"].as_str().unwrap_or("there is no answer").to_owned();
    match (answer["status"].as_str(), texts.as_slice()) {
        (Some("ok"), [_, ..]) => (Ok(texts.join("\n")), ExitCode::SUCCESS),
        _ => (Err(summary), ExitCode::from(1)),
    }
}

/// `sessions`.
pub(super) fn sessions(asked: &Sessions) -> anyhow::Result<ExitCode> {
    let Sessions::List { limit, common } = asked;
    let answered = async |client: &mut Client<TokioNet>| {
        client.call("sessions.list", &json!({ "limit": limit }), common.within()).await
    };
    common.with(answered, |it| shown(|| print_sessions(common.json, &it)))
}

fn print_sessions(as_json: bool, it: &Value) {
    if as_json {
        return print_json(it);
    }
    let rows: Vec<&Value> = it["sessions"].as_array().into_iter().flatten().collect();
    if rows.is_empty() {
        return println("no conversations yet");
    }
    let now_ms = it["ts"].as_i64().unwrap_or_default();
    for row in rows {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let age = row["updatedAt"].as_i64().map(|it| (now_ms - it).max(0) / 1_000);
        let age = age.map_or_else(|| "never".to_owned(), ago);
        let state = if row["running"] == true { "running" } else { "idle" };
        let (key, model) = (text("key"), text("model"));
        println(&format!("{key:<48} {age:>8}  {state:<7} {model}"));
    }
}

fn ago(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `message`.
pub(super) fn message(asked: &Message) -> anyhow::Result<ExitCode> {
    let Message::Send { channel, to, message, account, common } = asked;
    // The gateway itself answers by then, if only that it does not know yet.
    let within = common.timeout.map_or(SEND_WITHIN, Duration::from_secs);
    let mut params = json!({
        "channel": channel, "to": to, "message": message, "idempotencyKey": new_name(),
    });
    if let Some(account) = account {
        params["accountId"] = json!(account);
    }
    let answered = async |client: &mut Client<TokioNet>| {
        // A refusal is an outcome, too.
        match client.call("send", &params, within).await {
            Err(Error::Refused { code, message }) => Ok(Err((code, message))),
            sent => sent.map(Ok),
        }
    };
    common.with(answered, |sent| match (sent, common.json) {
        (Ok(sent), true) => shown(|| print_json(&sent)),
        (Ok(sent), false) => shown(|| println(&delivered((channel, to), &sent))),
        (Err((code, message)), as_json) => {
            if as_json {
                print_json(&json!({ "error": { "code": code, "message": message } }));
            }
            eprintln(&format!("error: not sent to {channel}:{to}: {code}: {message}"));
            ExitCode::from(1)
        }
    })
}

fn delivered((channel, to): (&str, &str), sent: &Value) -> String {
    match sent["messageId"].as_str().unwrap_or_default() {
        "" => format!("sent to {channel}:{to}"),
        id => format!("sent to {channel}:{to} as message {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_failed_is_no_success() {
        let check = |answer: Value, expected: Result<&str, &str>| {
            let (found, code) = ended(&answer);
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
            let usual = if expected.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) };
            assert_eq!(format!("{code:?}"), format!("{usual:?}"));
        };
        let said = json!({ "payloads": [{ "text": "a" }, { "text": "b" }] });
        check(json!({ "status": "ok", "summary": "completed", "result": said }), Ok("a\nb"));
        check(json!({ "status": "error", "summary": "no key works" }), Err("no key works"));
        check(
            json!({ "status": "ok", "summary": "aborted", "result": { "payloads": [] } }),
            Err("aborted"),
        );
    }
}
