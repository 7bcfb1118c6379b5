//! What an operator asks a running gateway from the command line.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Files, REFUSED, eprintln, println};
use crate::{
    control::client::{Client, Error, Target, new_name},
    http::Http,
    net::TokioNet,
    state::StateFolder,
};

/// How long a call may take unless it is told.
const CALL_WITHIN_S: u64 = 30;

/// How often a log that is followed is asked for more.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

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

/// The log.
#[derive(Args, Debug)]
pub(super) struct Logs {
    /// Go on with what comes.
    #[arg(long, short)]
    follow: bool,
    /// Lines that speak of this agent only.
    #[arg(long)]
    agent: Option<String>,
    /// How many lines at the most.
    #[arg(long, default_value_t = 200)]
    limit: u64,
    #[command(flatten)]
    common: Common,
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
    json: bool,
    /// How long to wait, in seconds.
    #[arg(long, default_value_t = CALL_WITHIN_S)]
    timeout: u64,
    #[command(flatten)]
    pub(super) files: Files,
}

impl Common {
    fn within(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    fn target(&self) -> anyhow::Result<Option<Target>> {
        let Some(loaded) = self.files.load()? else { return Ok(None) };
        Ok(Some(Target {
            address: loaded.settings.listen.to_string(),
            version: self.files.profile,
            token: loaded.settings.token,
            state: StateFolder::Disk(self.files.state_dir()?),
        }))
    }

    /// Does something with a connection to the gateway.
    fn with<T>(
        &self,
        ask: impl AsyncFnOnce(&mut Client<TokioNet>) -> Result<T, Error>,
        show: impl FnOnce(T),
    ) -> anyhow::Result<ExitCode> {
        let Some(target) = self.target()? else { return Ok(ExitCode::from(REFUSED)) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let asked = runtime.block_on(async {
            let mut client = Client::connect(&Http::new(TokioNet), &target).await?;
            let asked = ask(&mut client).await;
            client.close().await;
            asked
        });
        match asked {
            Ok(answer) => {
                show(answer);
                Ok(ExitCode::SUCCESS)
            }
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
    asked.common.with(answered, |it| print_json(&it))
}

pub(super) fn print_json(value: &Value) {
    println(&serde_json::to_string_pretty(value).expect("JSON can be written"));
}

/// `agent`.
pub(super) fn agent(asked: &Agent) -> anyhow::Result<ExitCode> {
    let within = asked.common.within();
    let mut params = json!({ "message": asked.message, "idempotencyKey": new_name() });
    if let Some(agent) = &asked.id {
        params["agentId"] = json!(agent);
    }
    if let Some(key) = &asked.session_key {
        params["sessionKey"] = json!(key);
    }
    let answered = async |client: &mut Client<TokioNet>| {
        client.call("agent", &params, within).await?;
        client.another(within).await
    };
    asked.common.with(answered, |it| {
        if asked.common.json {
            return print_json(&it);
        }
        let payloads = it["result"]["payloads"].as_array().into_iter().flatten();
        let texts: Vec<&str> = payloads.filter_map(|it| it["text"].as_str()).collect();
        match (texts.is_empty(), it["summary"].as_str()) {
            (true, Some(summary)) => eprintln(summary),
            _ => println(&texts.join("\n")),
        }
    })
}

/// `sessions`.
pub(super) fn sessions(asked: &Sessions) -> anyhow::Result<ExitCode> {
    let Sessions::List { limit, common } = asked;
    let answered = async |client: &mut Client<TokioNet>| {
        client.call("sessions.list", &json!({ "limit": limit }), common.within()).await
    };
    common.with(answered, |it| {
        if common.json {
            return print_json(&it);
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
    })
}

fn ago(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `logs`.
pub(super) fn logs(asked: &Logs) -> anyhow::Result<ExitCode> {
    let within = asked.common.within();
    let show = |page: &Value| {
        let lines = page["lines"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for line in lines {
            let record: Value = serde_json::from_str(line).unwrap_or_default();
            let said = record["1"].as_str().unwrap_or(line);
            let of = |agent: &String| said.contains(&format!("agent:{agent}:"));
            if asked.agent.as_ref().is_some_and(|it| !of(it)) {
                continue;
            }
            let (at, level) = (&record["time"], &record["_meta"]["logLevelName"]);
            match (asked.common.json, at.as_str(), level.as_str()) {
                (false, Some(at), Some(level)) => println(&format!("{at} {level:<5} {said}")),
                _ => println(line),
            }
        }
    };
    let answered = async |client: &mut Client<TokioNet>| {
        let mut params = json!({ "limit": asked.limit });
        loop {
            let page = client.call("logs.tail", &params, within).await?;
            show(&page);
            if !asked.follow {
                return Ok(());
            }
            params["cursor"] = page["cursor"].clone();
            tokio::time::sleep(FOLLOW_EVERY).await;
        }
    };
    asked.common.with(answered, |()| ())
}

/// `message`.
pub(super) fn message(asked: &Message) -> anyhow::Result<ExitCode> {
    let Message::Send { channel, to, message, account, common } = asked;
    let mut params = json!({
        "channel": channel, "to": to, "message": message, "idempotencyKey": new_name(),
    });
    if let Some(account) = account {
        params["accountId"] = json!(account);
    }
    let answered =
        async |client: &mut Client<TokioNet>| client.call("send", &params, common.within()).await;
    common.with(answered, |it| {
        if common.json { print_json(&it) } else { println(&format!("taken for {channel}:{to}")) }
    })
}
