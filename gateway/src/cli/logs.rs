//! The log of a running gateway, on the command line.

use std::{collections::BTreeSet, convert::Infallible, process::ExitCode, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::{REFUSED, eprintln, operator::Common, println};
use crate::{
    control::client::{Client, Error, Target},
    http::Http,
    net::TokioNet,
};

/// How many lines the gateway is asked for where those of one agent are wanted.
const LINES_MAX: u64 = 5_000;

/// How often a log that is followed is asked for more.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// How many bytes of it are asked for at once, at the most.
const BYTES_MAX: u64 = 1_000_000;

/// The wait before a gateway that is gone is looked for; it doubles with each further try.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The longest such wait.
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(10);

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
    asked.common.reach(
        async |target| asked.show(target).await,
        |refused| match refused {
            None => ExitCode::SUCCESS,
            Some(why) => {
                eprintln(&format!("error: {why}"));
                ExitCode::from(REFUSED)
            }
        },
    )
}

impl Logs {
    /// Shows the log; why not, if there is no such agent.
    async fn show(&self, target: &Target) -> Result<Option<String>, Error> {
        let within = self.common.within();
        let mut client = connect(target).await?;
        if let Some(id) = &self.agent
            && let Some(why) = unknown(id, &client.call("agents.list", &json!({}), within).await?)
        {
            return Ok(Some(why));
        }
        let mut reader = Reader::new(self);
        // Which lines are an agent's, is told here.
        let limit = if self.agent.is_some() { LINES_MAX } else { self.limit };
        let page = client.call("logs.tail", &json!({ "limit": limit }), within).await?;
        reader.show(&page, usize::try_from(self.limit).unwrap_or(usize::MAX));
        if !self.follow {
            client.close().await;
            return Ok(None);
        }
        loop {
            let Err(lost) = reader.follow(&mut client).await;
            client = again(target, lost).await?;
        }
    }
}

async fn connect(target: &Target) -> Result<Client<TokioNet>, Error> {
    Client::connect(&Http::new(TokioNet), target).await
}

/// Connects once more, however long that takes: a gateway that starts again is gone for a while.
async fn again(target: &Target, lost: Error) -> Result<Client<TokioNet>, Error> {
    if !passes(&lost) {
        return Err(lost);
    }
    eprintln(&format!("the gateway is not there ({lost}); trying again"));
    let mut wait = AGAIN_AFTER;
    loop {
        tokio::time::sleep(wait).await;
        match connect(target).await {
            Ok(client) => {
                eprintln("connected again");
                return Ok(client);
            }
            Err(error) if passes(&error) => wait = (wait * 2).min(AGAIN_AFTER_MAX),
            Err(error) => return Err(error),
        }
    }
}

/// Whether another try may succeed.
fn passes(error: &Error) -> bool {
    match error {
        Error::Connection { .. } | Error::Closed(_) | Error::TimedOut(_) => true,
        Error::Refused { code, .. } => code == "UNAVAILABLE",
        Error::Key(_) => false,
    }
}

/// Whoever reads the log, and how far.
struct Reader<'a> {
    asked: &'a Logs,
    of: Option<LinesOf>,
    cursor: Value,
}

impl<'a> Reader<'a> {
    fn new(asked: &'a Logs) -> Self {
        let of = asked.agent.as_deref().map(LinesOf::agent);
        Self { asked, of, cursor: Value::Null }
    }

    /// Shows what comes, until the gateway is gone.
    async fn follow(&mut self, client: &mut Client<TokioNet>) -> Result<Infallible, Error> {
        loop {
            let params =
                json!({ "limit": LINES_MAX, "maxBytes": BYTES_MAX, "cursor": self.cursor });
            let page = client.call("logs.tail", &params, self.asked.common.within()).await?;
            if page["reset"] == true {
                // What had numbers then has others now.
                self.of = self.asked.agent.as_deref().map(LinesOf::agent);
                eprintln("the gateway began anew: the last of what it wrote before may be missing");
            } else if page["truncated"] == true {
                eprintln("more was written than could be shown: some lines are missing");
            }
            self.show(&page, usize::MAX);
            tokio::time::sleep(FOLLOW_EVERY).await;
        }
    }

    /// Shows those lines of a page that are meant, the last ones of them.
    fn show(&mut self, page: &Value, most: usize) {
        self.cursor = page["cursor"].clone();
        let lines = page["lines"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let of = &mut self.of;
        let is_meant = |line: &&str| of.as_mut().is_none_or(|it| it.take(said(line).1.as_str()));
        let lines: Vec<&str> = lines.filter(is_meant).collect();
        for line in &lines[lines.len().saturating_sub(most)..] {
            self.asked.print(line);
        }
    }
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
