//! What an operator asks a running gateway from the command line.

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

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

/// How long a turn may take unless it is told: a run's ten minutes, and a while to wait for its place.
const TURN_WITHIN_S: u64 = 660;

/// How long after its time a turn may still take to say that it is over.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// How many lines the gateway is asked for where those of one agent are wanted.
const LINES_MAX: u64 = 5_000;

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
    /// How many lines of the past at the most.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=LINES_MAX))]
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
        let Some(target) = self.target()? else { return Ok(ExitCode::from(REFUSED)) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let asked = runtime.block_on(async {
            let mut client = Client::connect(&Http::new(TokioNet), &target).await?;
            let asked = ask(&mut client).await;
            client.close().await;
            asked
        });
        match asked {
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

/// `logs`.
pub(super) fn logs(asked: &Logs) -> anyhow::Result<ExitCode> {
    let within = asked.common.within();
    let mut of = asked.agent.as_deref().map(LinesOf::agent);
    let mut spoken = |page: &Value| -> Vec<String> {
        let lines = page["lines"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let is_meant = |line: &&str| of.as_mut().is_none_or(|it| it.take(said(line).1.as_str()));
        lines.filter(is_meant).map(str::to_owned).collect()
    };
    let answered = async |client: &mut Client<TokioNet>| {
        if let Some(id) = &asked.agent
            && let Some(why) = unknown(id, &client.call("agents.list", &json!({}), within).await?)
        {
            return Ok(Some(why));
        }
        // Which lines are an agent's, is told here.
        let limit = if asked.agent.is_some() { LINES_MAX } else { asked.limit };
        let mut params = json!({ "limit": limit });
        let page = client.call("logs.tail", &params, within).await?;
        let lines = spoken(&page);
        let most = usize::try_from(asked.limit).unwrap_or(usize::MAX);
        let mut page = page;
        for line in &lines[lines.len().saturating_sub(most)..] {
            asked.print(line);
        }
        if !asked.follow {
            return Ok(None);
        }
        loop {
            params["cursor"] = page["cursor"].take();
            tokio::time::sleep(FOLLOW_EVERY).await;
            page = client.call("logs.tail", &params, within).await?;
            for line in spoken(&page) {
                asked.print(&line);
            }
        }
    };
    asked.common.with(answered, |refused| match refused {
        None => ExitCode::SUCCESS,
        Some(why) => {
            eprintln(&format!("error: {why}"));
            ExitCode::from(REFUSED)
        }
    })
}

/// Why an agent cannot be meant, if the gateway has none of this id.
fn unknown(id: &str, agents: &Value) -> Option<String> {
    let known = agents["agents"].as_array().into_iter().flatten();
    let known: Vec<&str> = known.filter_map(|it| it["id"].as_str()).collect();
    let is_known = known.iter().any(|it| it.eq_ignore_ascii_case(id.trim()));
    (!is_known).then(|| format!("found the agent `{id}`, expected one of `{}`", known.join("`, `")))
}

/// What a line of the log is, and what it says.
fn said(line: &str) -> (Value, String) {
    let record: Value = serde_json::from_str(line).unwrap_or_default();
    let said = record["1"].as_str().unwrap_or(line).to_owned();
    (record, said)
}

impl Logs {
    fn print(&self, line: &str) {
        let (record, said) = said(line);
        let (at, level) = (&record["time"], &record["_meta"]["logLevelName"]);
        match (self.common.json, at.as_str(), level.as_str()) {
            (false, Some(at), Some(level)) => println(&format!("{at} {level:<5} {said}")),
            _ => println(line),
        }
    }
}

/// Which lines speak of an agent: those that name a session of it, and those of a run that was begun in one.
struct LinesOf {
    session: String,
    runs: BTreeSet<String>,
}

impl LinesOf {
    fn agent(id: &str) -> Self {
        Self { session: format!("agent:{}:", id.trim().to_lowercase()), runs: BTreeSet::new() }
    }

    fn take(&mut self, said: &str) -> bool {
        let run = said.split(' ').find_map(|it| it.strip_prefix("run="));
        if said.contains(&self.session) {
            self.runs.extend(run.map(str::to_owned));
            return true;
        }
        run.is_some_and(|it| self.runs.contains(it))
    }
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
        shown(|| {
            if common.json {
                print_json(&it);
            } else {
                println(&format!("taken for {channel}:{to}"));
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_an_agent_are_those_of_its_runs_too() {
        let mut of = LinesOf::agent("Beta");
        let check = [
            ("run started run=1 session=agent:main:main", false),
            ("run started run=12 session=agent:beta:main", true),
            ("model request run=1 call=1 model=p/m", false),
            ("model request failed reason=rate_limit run=12 model=p/m profile=p:1", true),
            ("run answered run=12", true),
            ("redelivered, not taken twice message=5", false),
        ];
        for (line, expected) in check {
            assert_eq!(of.take(line), expected, "{line}");
        }
    }

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
