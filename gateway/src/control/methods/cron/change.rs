//! `cron.add`, `cron.update`, `cron.remove`: the file first, so that a job that was taken is there after a start too.

use creel_core::{cron::Job, ids::JobId, profile::Version};
use creel_document::problem::Report;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{State, given, id_of, kept, named, row, states, unknown, wrong};
use crate::control::{
    frame::ErrorShape,
    jobs::JOBS_MAX,
    methods::{Outcome, refuse_given},
    plane::Plane,
    schema::{self, Shape},
};

/// Without these there is no job.
const REQUIRED: [&str; 3] = ["name", "schedule", "payload"];

/// The shape of a job that is added.
pub(in super::super) fn add_shape(version: Version) -> Shape<given::Fields> {
    given::shape(version).requiring(&REQUIRED)
}

/// `cron.add`.
pub(in super::super) async fn add(plane: &Plane, params: &Value) -> Outcome {
    const METHOD: &str = "cron.add";
    let shape = add_shape(plane.facts.version);
    let fields = given::fields(plane, (METHOD, &shape), params)?;
    let (id, now_ms) = (plane.entropy.uuid(), plane.hub.now_ms());
    let mut job = json!({
        "id": id, "enabled": true, "createdAtMs": now_ms, "updatedAtMs": now_ms, "wakeMode": "now",
        "state": {},
    });
    lay_over(&mut job, fields);
    let read = checked(plane, METHOD, &job)?;
    if job["schedule"]["kind"] == "at" && job["deleteAfterRun"].is_null() {
        job["deleteAfterRun"] = json!(true);
    }
    job["sessionTarget"] = row(plane, &job, &State::default())["sessionTarget"].clone();
    let alone = plane.jobs.alone().await;
    let new = job.clone();
    let added = plane.jobs.change(move |jobs| {
        if jobs.len() >= JOBS_MAX {
            return Err(ErrorShape::unavailable(format!("there are {JOBS_MAX} jobs already")));
        }
        jobs.push(new);
        Ok(())
    });
    added.await?;
    let state = plan(plane, &job, read).await?;
    drop(alone);
    tracing::info!(job = id, "a cron job was added");
    Ok(row(plane, &job, &state))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Update {
    #[schemars(length(min = 1))]
    id: Option<String>,
    #[schemars(length(min = 1))]
    job_id: Option<String>,
    patch: Map<String, Value>,
    expected_config_revision: Option<String>,
}

/// `cron.update`. A turn that is under way goes on.
pub(in super::super) async fn update(plane: &Plane, params: &Value) -> Outcome {
    const METHOD: &str = "cron.update";
    let Update { id, job_id, patch, expected_config_revision } =
        schema::check(plane.facts.version, METHOD, params)?;
    let why = "jobs of this gateway have no revision";
    refuse_given(&[("expectedConfigRevision", expected_config_revision.is_some())], why)?;
    let (id, job) = named(METHOD, job_id, id)?;
    let shape = given::shape(plane.facts.version);
    let fields = given::fields(plane, (METHOD, &shape), &Value::from(patch))?;
    let now_ms = plane.hub.now_ms();
    // One that is over is not changed any more.
    kept(plane).await?;
    let alone = plane.jobs.alone().await;
    let standing = plane.jobs.look().await?;
    let standing = standing.into_iter().find(|it| id_of(it).as_ref() == Some(&job));
    let mut changed = standing.ok_or_else(|| unknown(&id))?;
    lay_over(&mut changed, fields);
    changed["updatedAtMs"] = json!(now_ms);
    let read = checked(plane, METHOD, &changed)?;
    let new = changed.clone();
    let written = plane.jobs.change(move |jobs| {
        let found = jobs.iter_mut().find(|it| id_of(it).as_ref() == Some(&job));
        *found.ok_or_else(|| unknown(&id))? = new;
        Ok(id)
    });
    let id = written.await?;
    let state = plan(plane, &changed, read).await?;
    drop(alone);
    tracing::info!(job = id, "a cron job was changed");
    Ok(row(plane, &changed, &state))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Remove {
    #[schemars(length(min = 1))]
    id: Option<String>,
    #[schemars(length(min = 1))]
    job_id: Option<String>,
}

/// `cron.remove`: a turn that is under way ends. What is not there can be removed as often as one likes.
pub(in super::super) async fn remove(plane: &Plane, params: &Value) -> Outcome {
    const METHOD: &str = "cron.remove";
    let Remove { id, job_id } = schema::check(plane.facts.version, METHOD, params)?;
    let (id, job) = named(METHOD, job_id, id)?;
    let alone = plane.jobs.alone().await;
    let of = job.clone();
    let removed = plane.jobs.change(move |jobs| {
        let before = jobs.len();
        jobs.retain(|it| id_of(it).as_ref() != Some(&of));
        Ok(jobs.len() < before)
    });
    let removed = removed.await?;
    plane.operate(move |core, now, effects| core.remove_job(now, &job, effects)).await?;
    drop(alone);
    if removed {
        tracing::info!(job = id, "a cron job was removed");
    }
    Ok(json!({ "ok": true, "removed": removed }))
}

/// Takes jobs away that are done.
pub(super) async fn forget(plane: &Plane, over: Vec<JobId>) -> Result<(), ErrorShape> {
    let alone = plane.jobs.alone().await;
    let gone = over.clone();
    let changed = plane.jobs.change(move |jobs| {
        jobs.retain(|it| id_of(it).is_none_or(|it| !gone.contains(&it)));
        Ok(())
    });
    changed.await?;
    let unplanned = plane.operate(move |core, now, _| {
        for id in &over {
            core.unplan_job(now, id);
        }
    });
    unplanned.await?;
    drop(alone);
    Ok(())
}

/// Has the core do a job from now on, or do it no more.
async fn plan(plane: &Plane, job: &Value, read: Job) -> Result<State, ErrorShape> {
    let runs = job["enabled"] != false && plane.jobs.ground().enabled;
    let planned = plane.operate(move |core, now, _| {
        let id: JobId = read.id.clone();
        if runs {
            core.put_job(now, read);
        } else {
            core.unplan_job(now, &id);
        }
        states(core).remove(&id).unwrap_or_default()
    });
    planned.await
}

/// A job as it would be read at a start.
fn checked(plane: &Plane, method: &str, job: &Value) -> Result<Job, ErrorShape> {
    let ground = plane.jobs.ground();
    if let Some(agent) = job["agentId"].as_str() {
        plane.facts.agent(agent)?;
    }
    ground.job(job).map_err(|it| refused(method, &it))
}

fn refused(method: &str, report: &Report) -> ErrorShape {
    let told = |it: &creel_document::problem::Problem| {
        let path = it.path.to_string();
        let path = path.strip_prefix("jobs[0]").unwrap_or(&path).trim_start_matches('.');
        if path.is_empty() { it.message.clone() } else { format!("{path}: {}", it.message) }
    };
    let all: Vec<String> = report.problems().iter().map(told).collect();
    wrong(method, &all.join("; "))
}

/// Puts what was given over a job. A schedule is another one as a whole, and so is a payload of another kind.
fn lay_over(job: &mut Value, fields: Map<String, Value>) {
    for (key, value) in fields {
        let same_kind =
            key == "payload" && value.get("kind").is_none_or(|it| *it == job["payload"]["kind"]);
        let is_merged = job[&key].is_object() && (key == "delivery" || same_kind);
        match value {
            Value::Null => _ = job.as_object_mut().and_then(|it| it.remove(&key)),
            Value::Object(inner) if is_merged => lay_over(&mut job[&key], inner),
            value => job[&key] = value,
        }
    }
}
