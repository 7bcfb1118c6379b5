//! `cron.*`: what runs by the clock.

mod change;
mod given;
mod record;

use std::collections::BTreeMap;

use creel_core::{
    gateway::{Gateway, JobEnd},
    ids::JobId,
    profile::Version,
    time::WallTime,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use self::{
    change::{Remove, Update, add, add_shape, remove, update},
    record::{Runs, runs},
};
use super::{Outcome, nothing, refuse_given};
use crate::control::{
    frame::ErrorShape,
    plane::Plane,
    schema::{self, Shape},
};

/// How many are listed at once.
const LISTED_MAX: usize = 200;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    include_disabled: Option<bool>,
    enabled: Option<Listed>,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    offset: Option<u64>,
    query: Option<String>,
    sort_by: Option<SortBy>,
    sort_dir: Option<SortDir>,
}

/// Which jobs are listed.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum Listed {
    All,
    Enabled,
    Disabled,
}

/// In which order; the file's unless one is asked for.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum SortBy {
    NextRunAtMs,
    UpdatedAtMs,
    Name,
}

/// From which end.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum SortDir {
    Asc,
    Desc,
}

/// `cron.list`: the jobs that are enabled, or all.
pub(super) async fn list(plane: &Plane, params: &Value) -> Outcome {
    let asked: List = schema::check(plane.facts.version, "cron.list", params)?;
    let List { include_disabled, enabled, limit, offset, query, sort_by, sort_dir } = asked;
    let unless = if include_disabled == Some(true) { Listed::All } else { Listed::Enabled };
    let which = enabled.unwrap_or(unless);
    let query = query.map(|it| it.trim().to_lowercase()).filter(|it| !it.is_empty());
    let is_meant = |row: &Value| {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_lowercase();
        let holds =
            |it: &String| ["id", "name", "description"].iter().any(|key| text(key).contains(it));
        let is_listed = match which {
            Listed::All => true,
            Listed::Enabled => row["enabled"] == true,
            Listed::Disabled => row["enabled"] == false,
        };
        is_listed && query.as_ref().is_none_or(holds)
    };
    let mut found = rows(plane).await?;
    found.retain(is_meant);
    match sort_by {
        None => {}
        Some(SortBy::Name) => {
            found.sort_by_key(|it| it["name"].as_str().unwrap_or_default().to_lowercase());
        }
        Some(SortBy::UpdatedAtMs) => found.sort_by_key(|it| it["updatedAtMs"].as_i64()),
        // What is never due again comes last.
        Some(SortBy::NextRunAtMs) => {
            found.sort_by_key(|it| it["state"]["nextRunAtMs"].as_i64().unwrap_or(i64::MAX));
        }
    }
    if sort_dir == Some(SortDir::Desc) {
        found.reverse();
    }
    let mut page = page(found, (limit, offset), "jobs");
    page["snapshotRevision"] = json!(plane.started_ms.to_string());
    Ok(page)
}

/// A part of what was found.
fn page(found: Vec<Value>, (limit, offset): (Option<u64>, Option<u64>), called: &str) -> Value {
    let number =
        |it: Option<u64>, unless| it.and_then(|it| usize::try_from(it).ok()).unwrap_or(unless);
    let (limit, offset) = (number(limit, LISTED_MAX), number(offset, 0));
    let total = found.len();
    let page: Vec<Value> = found.into_iter().skip(offset).take(limit).collect();
    let next = offset.saturating_add(page.len());
    json!({
        called: page, "total": total, "offset": offset, "limit": limit, "hasMore": next < total,
        "nextOffset": (next < total).then_some(next),
    })
}

/// What the core knows of one job.
#[derive(Clone, Debug, Default)]
struct State {
    next: Option<WallTime>,
    /// Since when one of its turns is under way.
    since: Option<WallTime>,
    /// When the last of its turns began and ended, and how.
    last: Option<(WallTime, WallTime, JobEnd)>,
}

/// What the core knows of every job, of which one is looked up after the other.
fn states(core: &Gateway) -> BTreeMap<JobId, State> {
    let mut states: BTreeMap<JobId, State> = BTreeMap::new();
    for (job, next) in core.jobs() {
        let since = core.job_under_way_since(&job.id);
        states.insert(job.id.clone(), State { next, since, last: None });
    }
    for done in core.jobs_done() {
        states.entry(done.job.clone()).or_default().last =
            Some((done.began, done.ended, done.how.clone()));
    }
    states
}

/// Every job of the file, with what became of it. One that shall be gone when it is done goes now, since nobody has seen it
/// since.
async fn kept(plane: &Plane) -> Result<Vec<(Value, State)>, ErrorShape> {
    let jobs = plane.jobs.look().await?;
    let mut states = plane.operate(|core, _, _| states(core)).await?;
    let (mut kept, mut over) = (Vec::new(), Vec::new());
    for job in jobs {
        let id = id_of(&job);
        let state = id.as_ref().and_then(|it| states.remove(it)).unwrap_or_default();
        match id.filter(|_| is_over(&job, &state)) {
            Some(id) => over.push(id),
            None => kept.push((job, state)),
        }
    }
    if !over.is_empty() {
        change::forget(plane, over).await?;
    }
    Ok(kept)
}

/// The same as clients see it.
async fn rows(plane: &Plane) -> Result<Vec<Value>, ErrorShape> {
    let kept = kept(plane).await?;
    Ok(kept.iter().map(|(job, state)| row(plane, job, state)).collect())
}

/// Whether a job that is to be done once was done, and is not to be kept.
fn is_over(job: &Value, state: &State) -> bool {
    let is_answered = matches!(&state.last, Some((_, _, JobEnd::Answered(_))));
    let is_once = job["schedule"]["kind"] == "at" && job["deleteAfterRun"] == true;
    is_once && is_answered && state.since.is_none()
}

fn id_of(job: &Value) -> Option<JobId> {
    JobId::new(job["id"].as_str()?).ok()
}

/// A job as clients see it: what the file says of it, what that means where it says nothing, and how it is doing.
fn row(plane: &Plane, job: &Value, state: &State) -> Value {
    let mut row = job.clone();
    if !row.is_object() {
        row = json!({});
    }
    let is_event = job["payload"]["kind"] == "systemEvent";
    let usual = [
        ("name", job["id"].clone()),
        ("agentId", json!(plane.jobs.ground().usual_agent().as_str())),
        ("enabled", json!(true)),
        ("sessionTarget", json!(if is_event { "main" } else { "isolated" })),
        ("wakeMode", json!("now")),
    ];
    for (key, value) in usual {
        if row[key].is_null() {
            row[key] = value;
        }
    }
    let mut shown = json!({});
    if let Some(next) = state.next {
        shown["nextRunAtMs"] = json!(next.as_unix_ms());
    }
    if let Some(since) = state.since {
        shown["runningAtMs"] = json!(since.as_unix_ms());
    }
    if let Some((began, ended, how)) = &state.last {
        let (status, _, error) = record::told(how);
        shown["lastRunAtMs"] = json!(began.as_unix_ms());
        shown["lastDurationMs"] = json!(ended.as_unix_ms() - began.as_unix_ms());
        shown["lastRunStatus"] = json!(status);
        shown["lastStatus"] = json!(status);
        if let Some(error) = error {
            shown["lastError"] = json!(error);
        }
    }
    row["state"] = shown;
    row
}

/// `cron.status`.
pub(super) async fn status(plane: &Plane, params: &Value) -> Outcome {
    nothing(plane, "cron.status", params)?;
    // Those that are over count no more.
    kept(plane).await?;
    let jobs = plane.operate(|core, _, _| core.jobs()).await?;
    let next = jobs.iter().filter_map(|it| it.1).min();
    Ok(json!({
        "enabled": plane.jobs.ground().enabled, "jobs": jobs.len(),
        "nextWakeAtMs": next.map(WallTime::as_unix_ms),
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Run {
    #[schemars(length(min = 1))]
    job_id: Option<String>,
    /// An older name of the same.
    #[schemars(length(min = 1))]
    id: Option<String>,
    mode: Option<RunMode>,
    #[schemars(length(min = 1))]
    expected_process_instance_id: Option<String>,
}

/// When a job that somebody runs is done.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum RunMode {
    Due,
    Force,
    IfEnabled,
}

/// The older contract's runs no job only if it is enabled. Neither has a key by which a job would be done once.
pub(super) fn run_shape(version: Version) -> Shape<Run> {
    match version {
        Version::V2026_3 => {
            Shape::new().without(&[("", "expectedProcessInstanceId"), ("/mode", "if-enabled")])
        }
        Version::V2026_9 => Shape::new(),
    }
}

/// `cron.run`: now, beside its schedule.
pub(super) async fn run(plane: &Plane, params: &Value) -> Outcome {
    let version = plane.facts.version;
    let Run { job_id, id, mode, expected_process_instance_id } =
        run_shape(version).check(version, "cron.run", params)?;
    let given = [("expectedProcessInstanceId", expected_process_instance_id.is_some())];
    refuse_given(&given, "this gateway has no name for its process")?;
    let (id, job) = named("cron.run", job_id, id)?;
    let standing = kept(plane).await?;
    let standing = standing.iter().find(|it| id_of(&it.0).as_ref() == Some(&job));
    let is_off = standing.is_some_and(|it| it.0["enabled"] == false);
    let skipped = |why: &str| Ok(json!({ "ok": true, "ran": false, "reason": why }));
    match mode.unwrap_or(RunMode::Force) {
        RunMode::IfEnabled if is_off => return skipped("disabled"),
        // What becomes due is done then and there: nothing waits for somebody to ask.
        RunMode::Due if standing.is_some() => return skipped("not-due"),
        RunMode::Due | RunMode::Force | RunMode::IfEnabled => {}
    }
    let ran = plane.operate(move |core, now, effects| core.run_job(now, &job, effects)).await?;
    if ran { Ok(json!({ "ok": true, "ran": true })) } else { Err(unknown(&id)) }
}

/// The job that a client means, by either name of its id.
fn named(
    method: &str,
    job_id: Option<String>,
    id: Option<String>,
) -> Result<(String, JobId), ErrorShape> {
    let Some(id) = job_id.or(id) else {
        return Err(wrong(method, "missing `jobId`"));
    };
    let job = JobId::new(&id).map_err(|it| ErrorShape::invalid(it.to_string()))?;
    Ok((id, job))
}

fn unknown(id: &str) -> ErrorShape {
    ErrorShape::invalid(format!("unknown cron job id: {id}"))
}

fn wrong(method: &str, why: &str) -> ErrorShape {
    ErrorShape::invalid(format!("invalid {method} params: {why}"))
}
