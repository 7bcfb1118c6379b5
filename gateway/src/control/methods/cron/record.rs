//! `cron.runs`: what became of jobs. It is remembered for as long as the gateway lives.

use creel_core::{
    gateway::{JobDone, JobEnd},
    ids::JobId,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SortDir, named, page};
use crate::control::{
    methods::{Outcome, refuse_given},
    plane::Plane,
    schema,
};

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Runs {
    scope: Option<Scope>,
    #[schemars(length(min = 1))]
    id: Option<String>,
    #[schemars(length(min = 1))]
    job_id: Option<String>,
    #[schemars(length(min = 1))]
    agent_id: Option<String>,
    #[schemars(length(min = 1))]
    run_id: Option<String>,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    offset: Option<u64>,
    #[schemars(length(min = 1, max = 3))]
    statuses: Option<Vec<Status>>,
    status: Option<Status>,
    delivery_statuses: Option<Value>,
    delivery_status: Option<Value>,
    query: Option<String>,
    sort_dir: Option<SortDir>,
}

/// Whose runs.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum Scope {
    Job,
    All,
}

/// How they ended.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum Status {
    All,
    Ok,
    Error,
    Skipped,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

/// `cron.runs`: the latest first.
pub(in super::super) async fn runs(plane: &Plane, params: &Value) -> Outcome {
    const METHOD: &str = "cron.runs";
    let asked: Runs = schema::check(plane.facts.version, METHOD, params)?;
    let why = "this gateway does not follow what becomes of an answer once it is handed on";
    let by_delivery = [
        ("deliveryStatuses", asked.delivery_statuses.is_some()),
        ("deliveryStatus", asked.delivery_status.is_some()),
    ];
    refuse_given(&by_delivery, why)?;
    let why = "what became of jobs is found by their own ids";
    refuse_given(&[("agentId", asked.agent_id.is_some()), ("runId", asked.run_id.is_some())], why)?;
    let has_id = asked.job_id.is_some() || asked.id.is_some();
    let scope = asked.scope.unwrap_or(if has_id { Scope::Job } else { Scope::All });
    let job = match scope {
        Scope::All => None,
        Scope::Job => Some(named(METHOD, asked.job_id, asked.id)?.1),
    };
    let statuses: Vec<&str> = match (asked.statuses, asked.status) {
        (Some(statuses), _) => statuses.into_iter().map(Status::name).collect(),
        (None, Some(status)) => vec![status.name()],
        (None, None) => Vec::new(),
    };
    let query = asked.query.map(|it| it.trim().to_lowercase()).filter(|it| !it.is_empty());
    let done = plane.operate(move |core, _, _| {
        let is_meant = |it: &&JobDone| job.as_ref().is_none_or(|id| it.job == *id);
        core.jobs_done().rev().filter(is_meant).cloned().collect::<Vec<_>>()
    });
    let mut found: Vec<Value> = done.await?.iter().map(|it| entry(it, scope)).collect();
    found.retain(|it| {
        let text = |key: &str| it[key].as_str().unwrap_or_default();
        let holds = |query: &String| {
            ["summary", "error", "jobId", "jobName"]
                .iter()
                .any(|key| text(key).to_lowercase().contains(query))
        };
        let is_asked =
            statuses.is_empty() || statuses.contains(&"all") || statuses.contains(&text("status"));
        is_asked && query.as_ref().is_none_or(holds)
    });
    if asked.sort_dir == Some(SortDir::Asc) {
        found.reverse();
    }
    Ok(page(found, (asked.limit, asked.offset), "entries"))
}

fn entry(done: &JobDone, scope: Scope) -> Value {
    let JobDone { job, name, began, ended, how, session, announces } = done;
    let (status, summary, error) = told(how);
    let mut entry = json!({
        "ts": ended.as_unix_ms(), "jobId": JobId::as_str(job), "action": "finished", "status": status,
        "runAtMs": began.as_unix_ms(), "durationMs": ended.as_unix_ms() - began.as_unix_ms(),
        "sessionKey": session.as_str(),
        "deliveryStatus": if *announces { "unknown" } else { "not-requested" },
    });
    for (key, value) in [("summary", summary), ("error", error)] {
        if let Some(value) = value {
            entry[key] = json!(value);
        }
    }
    if scope == Scope::All {
        entry["jobName"] = json!(name);
    }
    entry
}

/// The status of an end, what was said, and what was wrong.
pub(super) fn told(how: &JobEnd) -> (&'static str, Option<String>, Option<String>) {
    match how {
        JobEnd::Answered(text) => (Status::Ok.name(), Some(text.clone()), None),
        JobEnd::Failed(why) => (Status::Error.name(), None, Some(why.clone())),
        JobEnd::Skipped(why) => (Status::Skipped.name(), None, Some(why.to_string())),
    }
}
