//! The log of a running gateway, on the command line.

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::{REFUSED, eprintln, operator::Common, println};
use crate::{control::client::Client, net::TokioNet};

/// How many lines the gateway is asked for where those of one agent are wanted.
const LINES_MAX: u64 = 5_000;

/// How often a log that is followed is asked for more.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

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
}
