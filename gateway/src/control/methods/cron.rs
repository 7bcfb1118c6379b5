//! `cron.*`: what runs by the clock.

use std::sync::Arc;

use creel_core::{
    cron::{Job, Schedule, Work},
    ids::JobId,
    time::WallTime,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, nothing};
use crate::control::{frame::ErrorShape, plane::Plane, schema};

/// How many jobs are listed at once.
const LISTED_MAX: usize = 200;

/// `includeDisabled` is accepted, and clients always send it: a job that is disabled is not read, so none is left out.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    #[serde(rename = "includeDisabled")]
    _include_disabled: Option<bool>,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    offset: Option<u64>,
    query: Option<String>,
}

/// `cron.list`: the jobs that are enabled, in the order of their file.
pub(super) async fn list(plane: &Plane, params: &Value) -> Outcome {
    let List { limit, offset, query, .. } =
        schema::check(plane.facts.version, "cron.list", params)?;
    let jobs = plane.operate(|core, _, _| core.jobs()).await?;
    let number =
        |it: Option<u64>, unless| it.and_then(|it| usize::try_from(it).ok()).unwrap_or(unless);
    let (limit, offset) = (number(limit, LISTED_MAX), number(offset, 0));
    let is_meant = |(job, _): &&(Arc<Job>, Option<WallTime>)| {
        let holds = |text: &str| job.name.contains(text) || job.id.as_str().contains(text);
        query.as_deref().is_none_or(holds)
    };
    let found: Vec<Value> = jobs.iter().filter(is_meant).map(row).collect();
    let total = found.len();
    let page: Vec<&Value> = found.iter().skip(offset).take(limit).collect();
    let next = offset + page.len();
    Ok(json!({
        "jobs": page, "snapshotRevision": plane.started_ms.to_string(), "total": total, "offset": offset, "limit": limit, "hasMore": next < total,
        "nextOffset": (next < total).then_some(next),
    }))
}

fn row((job, next): &(Arc<Job>, Option<WallTime>)) -> Value {
    let schedule = match &job.schedule {
        Schedule::At(at) => json!({ "kind": "at", "atMs": at.as_unix_ms() }),
        Schedule::Every { span, anchor } => json!({
            "kind": "every", "everyMs": span.as_ms(), "anchorMs": anchor.map(WallTime::as_unix_ms),
        }),
        Schedule::Calendar(_) => json!({ "kind": "cron" }),
    };
    let (target, payload) = match &job.work {
        Work::Event(text) => ("main", json!({ "kind": "systemEvent", "text": text })),
        Work::Isolated(work) => {
            ("isolated", json!({ "kind": "agentTurn", "message": work.message }))
        }
    };
    json!({
        "id": job.id.as_str(), "name": job.name, "agentId": job.agent.as_str(), "enabled": true,
        "schedule": schedule, "sessionTarget": target, "payload": payload,
        "state": { "nextRunAtMs": next.map(WallTime::as_unix_ms) },
    })
}

/// `cron.status`.
pub(super) async fn status(plane: &Plane, params: &Value) -> Outcome {
    nothing(plane, "cron.status", params)?;
    let jobs = plane.operate(|core, _, _| core.jobs()).await?;
    let next = jobs.iter().filter_map(|it| it.1).min();
    Ok(json!({
        "enabled": !jobs.is_empty(), "jobs": jobs.len(),
        "nextWakeAtMs": next.map(WallTime::as_unix_ms),
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Run {
    #[schemars(length(min = 1))]
    job_id: Option<String>,
    /// An older name of the same.
    #[schemars(length(min = 1))]
    id: Option<String>,
    mode: Option<String>,
}

/// `cron.run`: now, beside its schedule.
pub(super) async fn run(plane: &Plane, params: &Value) -> Outcome {
    let Run { job_id, id, mode } = schema::check(plane.facts.version, "cron.run", params)?;
    let Some(id) = job_id.or(id) else {
        return Err(ErrorShape::invalid("invalid cron.run params: missing `jobId`"));
    };
    if mode.is_some_and(|it| it != "force") {
        return Err(ErrorShape::invalid("invalid cron.run mode: expected \"force\""));
    }
    let job = JobId::new(&id).map_err(|it| ErrorShape::invalid(it.to_string()))?;
    let ran = plane.operate(move |core, now, effects| core.run_job(now, &job, effects)).await?;
    if ran {
        Ok(json!({ "ok": true, "ran": true }))
    } else {
        Err(ErrorShape::invalid(format!("unknown cron job id: {id}")))
    }
}
