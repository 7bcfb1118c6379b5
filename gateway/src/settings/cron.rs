//! `cron`, and the jobs of `cron/jobs.json` in the state folder, as OpenClaw writes them.

use std::collections::{BTreeMap, BTreeSet};

use creel_core::{
    cron::{Calendar, Cron, Delivery, Isolated, Job, Schedule, Work, moment},
    ids::{AccountId, AgentId, Channel, JobId, ModelId},
    life::Zone,
    profile::Version,
    time::{Millis, WallTime},
};
use creel_document::{
    check::check,
    json5,
    problem::{Problem, Report},
    shape::{Field, Shape},
};
use serde::Deserialize;

use super::{
    Problems, Source, raw,
    shape::{BOOL, TEXT, key, open},
};

mod target;

/// Where the jobs are, below the state folder.
pub const FILE: &str = "cron/jobs.json";

/// `cron` of the configuration.
pub(super) const SHAPE: Shape = open(&[
    key("enabled", &BOOL, "Whether jobs run."),
    key(
        "maxConcurrentRuns",
        &Shape::Integer { min: 1, max: 1_000 },
        "How many jobs run at once. 2026.3 only.",
    ),
]);

const MOMENT_MS: Shape = Shape::Integer { min: 0, max: i64::MAX };

const JOBS: Shape =
    open(&[Field::required("jobs", &Shape::ListOf(&JOB), "The jobs, each with its own id.")]);

const JOB: Shape = open(&[
    Field::required("id", &TEXT, "Its id."),
    key("name", &TEXT, "What people call it."),
    key("agentId", &TEXT, "Who does it; the default agent if left out."),
    key("enabled", &BOOL, "Whether it runs."),
    Field::required("schedule", &SCHEDULE, "When."),
    key("sessionTarget", &Shape::OneOf(&["main", "isolated"]), "In which session."),
    Field::required("payload", &PAYLOAD, "What."),
    key("delivery", &DELIVERY, "Who hears what it says."),
]);

const SCHEDULE: Shape = open(&[
    Field::required("kind", &Shape::OneOf(&["at", "every", "cron"]), "Which of them."),
    key("at", &TEXT, "The moment, such as `2026-03-16T09:00:00Z`."),
    key("everyMs", &Shape::Integer { min: 1, max: i64::MAX }, "The time between two moments."),
    key("anchorMs", &MOMENT_MS, "A moment that is among them."),
    key("expr", &TEXT, "The cron expression."),
    key("tz", &TEXT, "Whose clocks it means."),
]);

const PAYLOAD: Shape = open(&[
    Field::required("kind", &Shape::OneOf(&["systemEvent", "agentTurn"]), "Which of them."),
    key("text", &TEXT, "The words of an event."),
    key("message", &TEXT, "What the model is asked."),
    key("model", &TEXT, "Which model, as `provider/model`."),
    key("timeoutSeconds", &Shape::Integer { min: 0, max: 31_536_000 }, "How long it may take."),
]);

const DELIVERY: Shape = open(&[
    key("mode", &Shape::OneOf(&["announce", "none"]), "Whether anybody does."),
    key("channel", &TEXT, "On which channel, or `last`."),
    key("to", &TEXT, "In which chat."),
    key("accountId", &TEXT, "By which account."),
]);

/// `cron` as it stands in the configuration.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawCron {
    enabled: Option<bool>,
    max_concurrent_runs: Option<u32>,
}

#[derive(Deserialize)]
struct RawJobs {
    jobs: Vec<RawJob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawJob {
    id: String,
    name: Option<String>,
    agent_id: Option<String>,
    enabled: Option<bool>,
    schedule: RawSchedule,
    session_target: Option<String>,
    payload: RawPayload,
    delivery: Option<RawDelivery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSchedule {
    kind: String,
    at: Option<String>,
    every_ms: Option<u64>,
    anchor_ms: Option<i64>,
    expr: Option<String>,
    tz: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPayload {
    kind: String,
    text: Option<String>,
    message: Option<String>,
    model: Option<String>,
    timeout_seconds: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawDelivery {
    mode: Option<String>,
    channel: Option<String>,
    to: Option<String>,
    account_id: Option<String>,
}

/// What jobs may name, and whether they run.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Whether jobs run.
    pub enabled: bool,
    /// How many run at once.
    pub(super) max_concurrent: u32,
    /// Who does the jobs that name no agent.
    pub(super) default_agent: AgentId,
    /// Who may do jobs.
    pub agents: BTreeSet<AgentId>,
    /// What may be asked.
    pub(super) models: BTreeSet<ModelId>,
    /// Where the gateway stands.
    pub(super) zone: Zone,
    /// The accounts of each channel, the default one apart.
    pub(super) channels: BTreeMap<Channel, (AccountId, Vec<AccountId>)>,
}

/// `cron` of the configuration: whether jobs run, and how many at once.
pub(super) fn of(document: &raw::Document) -> (bool, u32) {
    let RawCron { enabled, max_concurrent_runs } = document.cron;
    (enabled != Some(false), max_concurrent_runs.unwrap_or(Cron::default().max_concurrent))
}

/// What the configuration says of jobs; each version has words that the other does not know.
pub(super) fn check_settings(
    version: Version,
    document: &raw::Document,
    problems: &mut Problems<'_>,
) {
    if version == Version::V2026_9 && document.cron.max_concurrent_runs.is_some() {
        let why = "2026.9 has no `cron.maxConcurrentRuns`: one job runs at a time";
        problems.add("cron.maxConcurrentRuns", why);
    }
}

/// The jobs that are enabled.
///
/// # Errors
///
/// Every problem of their file.
pub(super) fn read(
    source: &Source<'_>,
    ground: &Ground,
    warnings: &mut Vec<String>,
) -> Result<Cron, Report> {
    let cron = |jobs| Cron { max_concurrent: ground.max_concurrent, jobs };
    let name = source.state_dir.join(FILE).display().to_string();
    match (source.state_file)(FILE) {
        Ok(Some(text)) if ground.enabled => ground.read(&name, &text, warnings).map(cron),
        Ok(_) => Ok(cron(Vec::new())),
        Err(error) => {
            let problem =
                Problem::new(0..0, creel_document::path::Path::default(), error.to_string());
            Err(Report::new(name, "", vec![problem]))
        }
    }
}

impl Ground {
    /// Who does the jobs that name no agent.
    pub const fn usual_agent(&self) -> &AgentId {
        &self.default_agent
    }

    /// A job as it stands in the file, whether or not it is enabled.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn job(&self, job: &serde_json::Value) -> Result<Job, Report> {
        let mut job = job.clone();
        job["enabled"] = true.into();
        let text = serde_json::json!({ "jobs": [job] }).to_string();
        let jobs = self.read(FILE, &text, &mut Vec::new())?;
        Ok(jobs.into_iter().next().expect("an enabled job is read or refused"))
    }

    /// The jobs of a file that are enabled.
    fn read(&self, name: &str, text: &str, warnings: &mut Vec<String>) -> Result<Vec<Job>, Report> {
        let refuse = |problems| Report::new(name, text, problems);
        let tree = json5::parse(text).map_err(refuse)?;
        let found = check(&tree, &JOBS).problems;
        if !found.is_empty() {
            return Err(refuse(found));
        }
        let raw =
            RawJobs::deserialize(tree.to_json()).expect("a checked file has the raw types' shape");
        let problems = Problems { tree: &tree, found: Vec::new() };
        let mut reader = Reader { ground: self, problems, warnings };
        let mut jobs: Vec<Job> = Vec::new();
        let enabled = raw.jobs.into_iter().enumerate().filter(|(_, it)| it.enabled != Some(false));
        for (index, raw) in enabled {
            let path = format!("jobs[{index}]");
            let Some(job) = reader.job(&path, raw) else { continue };
            if jobs.iter().any(|it| it.id == job.id) {
                let why = format!("there are two jobs `{}`, expected ids to be unique", job.id);
                reader.problems.add(&format!("{path}.id"), why);
            }
            jobs.push(job);
        }
        let found = reader.problems.found;
        if found.is_empty() { Ok(jobs) } else { Err(refuse(found)) }
    }
}

struct Reader<'a> {
    ground: &'a Ground,
    problems: Problems<'a>,
    warnings: &'a mut Vec<String>,
}

impl Reader<'_> {
    /// None only after a problem was added.
    fn job(&mut self, path: &str, raw: RawJob) -> Option<Job> {
        let Ok(id) = JobId::new(&raw.id) else {
            self.problems.add(&format!("{path}.id"), "the job's id is empty");
            return None;
        };
        let agent = raw.agent_id.as_deref().and_then(|it| AgentId::new(it).ok());
        let known = agent.clone().filter(|it| self.ground.agents.contains(it));
        if let (Some(named), None) = (&agent, &known) {
            self.warnings.push(format!(
                "cron job `{id}` is for agent `{named}`, which is not configured: `{}` does it",
                self.ground.default_agent
            ));
        }
        let agent = known.unwrap_or_else(|| self.ground.default_agent.clone());
        let schedule = self.schedule(&format!("{path}.schedule"), raw.schedule);
        let work = self.work(path, raw.session_target.as_deref(), raw.payload, raw.delivery);
        let name = raw.name.unwrap_or_else(|| id.to_string());
        Some(Job { id, name, agent, schedule: schedule?, work: work? })
    }

    fn schedule(&mut self, path: &str, raw: RawSchedule) -> Option<Schedule> {
        let RawSchedule { kind, at, every_ms, anchor_ms, expr, tz } = raw;
        match (kind.as_str(), at, every_ms, expr) {
            ("at", Some(at), ..) => {
                let found = moment(&at);
                if found.is_none() {
                    let why =
                        format!("found `{at}`, expected a moment such as `2026-03-16T09:00:00Z`");
                    self.problems.add(&format!("{path}.at"), why);
                }
                found.map(Schedule::At)
            }
            ("every", _, Some(ms), _) => {
                let anchor = anchor_ms.map(WallTime::from_unix_ms);
                Some(Schedule::Every { span: Millis::new(ms), anchor })
            }
            ("cron", _, _, Some(expr)) => {
                let zone = match tz.as_deref().map(|it| (it, Zone::named(it))) {
                    None => self.ground.zone.clone(),
                    Some((_, Some(zone))) => zone,
                    Some((found, None)) => {
                        let why =
                            format!("found `{found}`, expected a zone such as `Europe/Berlin`");
                        self.problems.add(&format!("{path}.tz"), why);
                        return None;
                    }
                };
                let calendar = Calendar::new(&expr, zone).map_err(|why| {
                    let why = format!(
                        "found `{expr}`, expected a cron expression of 5 fields, or 6 with seconds first: {why}"
                    );
                    self.problems.add(&format!("{path}.expr"), why);
                });
                Some(Schedule::Calendar(Box::new(calendar.ok()?)))
            }
            (kind, ..) => {
                let wanted = match kind {
                    "at" => "at",
                    "every" => "everyMs",
                    _ => "expr",
                };
                let why = format!("a schedule of kind `{kind}` needs `{wanted}`");
                self.problems.add(path, why);
                None
            }
        }
    }

    fn work(
        &mut self,
        path: &str,
        session: Option<&str>,
        payload: RawPayload,
        delivery: Option<RawDelivery>,
    ) -> Option<Work> {
        let RawPayload { kind, text, message, model, timeout_seconds } = payload;
        match (kind.as_str(), session, text, message) {
            ("systemEvent", None | Some("main"), Some(text), _) => {
                if delivery.is_some_and(|it| it.mode.as_deref() == Some("announce")) {
                    let why = "a job of the main session is answered there, expected no `announce`";
                    self.problems.add(&format!("{path}.delivery"), why);
                }
                Some(Work::Event(text))
            }
            ("agentTurn", None | Some("isolated"), _, Some(message)) => {
                let model = self.model(&format!("{path}.payload.model"), model);
                let target =
                    self.delivery(&format!("{path}.delivery"), delivery.unwrap_or_default());
                let timeout = timeout_seconds.filter(|it| *it > 0).map(Millis::from_s);
                Some(Work::Isolated(Isolated { message, model, timeout, delivery: target? }))
            }
            ("systemEvent", None | Some("main"), None, _) => {
                self.problems.add(&format!("{path}.payload"), "an event needs `text`");
                None
            }
            ("agentTurn", None | Some("isolated"), _, None) => {
                self.problems.add(&format!("{path}.payload"), "a turn needs `message`");
                None
            }
            (kind, session, ..) => {
                let wanted = if kind == "agentTurn" { "isolated" } else { "main" };
                let found = session.unwrap_or_default();
                let why =
                    format!("found `{found}`, expected `{wanted}` for a payload of kind `{kind}`");
                self.problems.add(&format!("{path}.sessionTarget"), why);
                None
            }
        }
    }

    fn model(&mut self, path: &str, named: Option<String>) -> Option<ModelId> {
        let named = named?;
        let found = ModelId::new(&named).ok().filter(|it| self.ground.models.contains(it));
        if found.is_none() {
            let why = format!(
                "found `{named}`, expected a model that is configured, as `provider/model`"
            );
            self.problems.add(path, why);
        }
        found
    }

    fn delivery(&mut self, path: &str, raw: RawDelivery) -> Option<Delivery> {
        if raw.mode.as_deref() == Some("none") {
            return Some(Delivery::Nowhere);
        }
        let named = raw.channel.as_deref().filter(|it| *it != "last");
        let channel = named.and_then(|it| Channel::new(it).ok());
        if let Some(channel) = channel.as_ref().filter(|it| !self.ground.channels.contains_key(it))
        {
            let why =
                format!("found `{channel}`, expected a channel that is configured, or `last`");
            self.problems.add(&format!("{path}.channel"), why);
            return None;
        }
        let Some(to) = raw.to else { return Some(Delivery::Last(channel)) };
        let Some((channel, (usual, accounts))) = self.one_channel(channel, &to) else {
            let why = "several channels are configured: expected `channel` beside `to`";
            self.problems.add(path, why);
            return None;
        };
        let account = raw.account_id.as_deref().and_then(|it| AccountId::new(it).ok());
        let account = account.unwrap_or(usual);
        if !accounts.contains(&account) {
            let why =
                format!("found `{account}`, expected an account of `{channel}` that is configured");
            self.problems.add(&format!("{path}.accountId"), why);
            return None;
        }
        let route = target::read(channel, account, &to).map_err(|why| {
            self.problems.add(&format!("{path}.to"), format!("found `{to}`, expected {why}"));
        });
        route.ok().map(Delivery::To)
    }

    /// The channel that is named, or that the target names, or the only one.
    fn one_channel(
        &self,
        named: Option<Channel>,
        to: &str,
    ) -> Option<(Channel, (AccountId, Vec<AccountId>))> {
        let channels = &self.ground.channels;
        let prefix = to.split_once(':').and_then(|(it, _)| Channel::new(it).ok());
        let prefixed = prefix.filter(|it| channels.contains_key(it));
        let only = channels.keys().next().filter(|_| channels.len() == 1).cloned();
        let channel = named.or(prefixed).or(only)?;
        channels.get(&channel).map(|it| (channel.clone(), it.clone()))
    }
}

#[cfg(test)]
#[path = "tests/cron.rs"]
mod tests;
