//! `config.*`: what the file says, and changing it. Nothing secret is shown, and what is wrong is not written.
//!
//! `set` writes; `patch` and `apply` write, and have the gateway start again.

use std::io;

use creel_document::problem::Report;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Caller, Outcome, nothing, refuse_given,
    write::{self, Wish},
};
use crate::{
    control::{frame::ErrorShape, plane::Plane, schema::Shape},
    settings::{
        self,
        change::{self, Wanted},
        file::{ConfigFile, Standing},
    },
};

/// How many problems a refusal's message has; its details have all.
const TOLD_MAX: usize = 3;

/// `config.get`: what the file says now.
pub(super) async fn get(plane: &Plane, params: &Value) -> Outcome {
    nothing(plane, "config.get", params)?;
    let Some(file) = &plane.file else {
        let shown = &plane.facts.shown;
        return Ok(json!({
            "path": shown.path, "exists": true, "raw": shown.text, "parsed": shown.json,
            "resolved": shown.json, "config": shown.json, "valid": true, "hash": shown.hash,
            "issues": [], "warnings": [], "legacyIssues": [],
        }));
    };
    let standing = file.apart(ConfigFile::look).await.map_err(|it| unreadable(&it))?;
    let path = &plane.facts.shown.path;
    let row =
        |exists: bool, hash: Option<&str>, shown: Option<&settings::Shown>, issues: &Value| {
            let json = shown.map_or_else(|| json!({}), |it| it.json.clone());
            json!({
                "path": path, "exists": exists, "raw": shown.map(|it| &it.text), "parsed": json,
                "resolved": json, "config": json, "valid": issues == &json!([]), "hash": hash,
                "issues": issues, "warnings": [], "legacyIssues": [],
            })
        };
    Ok(match standing {
        None => row(false, None, None, &json!([])),
        Some(Standing { hash, loaded: Ok(loaded), .. }) => {
            row(true, Some(&hash), Some(&loaded.settings.shown), &json!([]))
        }
        Some(Standing { hash, loaded: Err(report), .. }) => {
            row(true, Some(&hash), None, &json!(issues(&report)))
        }
    })
}

/// `config.schema`.
pub(super) fn schema(plane: &Plane, params: &Value) -> Outcome {
    nothing(plane, "config.schema", params)?;
    Ok(json!({
        "schema": settings::json_schema(), "uiHints": {}, "version": env!("CARGO_PKG_VERSION"),
        "generatedAt": plane.started_ms,
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Set {
    #[schemars(length(min = 1))]
    raw: String,
    #[schemars(length(min = 1))]
    base_hash: Option<String>,
}

/// `note` is said again in the answer, and nobody else is told.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Apply {
    #[schemars(length(min = 1))]
    raw: String,
    #[schemars(length(min = 1))]
    base_hash: Option<String>,
    session_key: Option<String>,
    delivery_context: Option<Value>,
    note: Option<String>,
    restart_delay_ms: Option<u64>,
    #[schemars(length(max = 256))]
    replace_paths: Option<Vec<String>>,
}

/// The shape of what `config.apply` and `config.patch` take.
pub(super) fn change_shape(version: creel_core::profile::Version, method: &str) -> Shape<Apply> {
    let shape = Shape::<Apply>::new();
    match (version, method) {
        (creel_core::profile::Version::V2026_3, _) => {
            shape.without(&[("", "deliveryContext"), ("", "replacePaths")])
        }
        (_, "config.apply") => shape.without(&[("", "replacePaths")]),
        _ => shape,
    }
}

/// `config.set`: another text.
pub(super) async fn set(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    let Set { raw, base_hash } = Shape::new().check(plane.facts.version, "config.set", params)?;
    let wish = Wish { method: "config.set", base_hash: write::Base::Of(base_hash), restart: None };
    let written = write::write(plane, caller, wish, move |standing| {
        change::replaced(&raw, standing).map_err(|it| refused(&it))
    });
    Ok(written.await?.answer(plane))
}

/// `config.apply`: another text, and a start with it.
pub(super) async fn apply(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    let asked = asked(plane, "config.apply", params)?;
    let wish = Wish {
        method: "config.apply",
        base_hash: write::Base::Of(asked.base_hash),
        restart: Some(asked.restart_delay_ms),
    };
    let raw = asked.raw;
    let written = write::write(plane, caller, wish, move |standing| {
        change::replaced(&raw, standing).map_err(|it| refused(&it))
    });
    let mut answer = written.await?.answer(plane);
    answer["sentinel"] = sentinel(plane, ("config-apply", "config.apply"), asked.note.as_deref());
    Ok(answer)
}

/// `config.patch`: other values where the patch has some, and a start with them.
pub(super) async fn patch(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    let asked = asked(plane, "config.patch", params)?;
    let wish = Wish {
        method: "config.patch",
        base_hash: write::Base::Of(asked.base_hash),
        restart: Some(asked.restart_delay_ms),
    };
    let (raw, replaced) = (asked.raw, asked.replace_paths.unwrap_or_default());
    let guards_lists = plane.facts.version == creel_core::profile::Version::V2026_9;
    let written = write::write(plane, caller, wish, move |standing| {
        let Some(standing) = standing else {
            return Err(ErrorShape::invalid("there is no configuration to patch"));
        };
        let wanted = change::patched(&raw, standing, &replaced).map_err(|it| refused(&it))?;
        if guards_lists {
            keep_lists(standing, &wanted, &replaced)?;
        }
        Ok(wanted)
    });
    let written = written.await?;
    let mut answer = written.answer(plane);
    if written.changed.is_empty() {
        answer["noop"] = json!(true);
        return Ok(answer);
    }
    answer["sentinel"] = sentinel(plane, ("config-patch", "config.patch"), asked.note.as_deref());
    Ok(answer)
}

fn asked(plane: &Plane, method: &str, params: &Value) -> Result<Apply, ErrorShape> {
    let version = plane.facts.version;
    let asked = change_shape(version, method).check(version, method, params)?;
    let given = [
        ("sessionKey", asked.session_key.is_some()),
        ("deliveryContext", asked.delivery_context.is_some()),
    ];
    refuse_given(&given, "conversations end when the gateway starts again, so none can be told")?;
    Ok(asked)
}

/// A list that was shown in part must not lose the rest by a patch.
fn keep_lists(standing: &Standing, wanted: &Wanted, replaced: &[String]) -> Result<(), ErrorShape> {
    let lost = standing.says.as_ref().map(|it| change::lost(it, &wanted.says, replaced));
    let lost = lost.unwrap_or_default();
    if lost.is_empty() {
        return Ok(());
    }
    let names = lost.join(", ");
    let why =
        format!("the patch takes items from {names}: name them in `replacePaths` if it shall");
    Err(ErrorShape::invalid(why).with_details(json!({ "paths": lost })))
}

/// What OpenClaw leaves in a file for its next start; here it is in the answer alone.
fn sentinel(plane: &Plane, (kind, mode): (&str, &str), note: Option<&str>) -> Value {
    let note = note.map(str::trim).filter(|it| !it.is_empty());
    json!({ "path": null, "persisted": false, "payload": {
        "kind": kind, "status": "ok", "ts": plane.hub.now_ms(), "message": note,
        "stats": { "mode": mode, "root": plane.facts.shown.path },
    } })
}

/// Why a text is not taken.
pub(super) fn refused(why: &change::Error) -> ErrorShape {
    match why {
        change::Error::Text(report) => wrong(report),
        change::Error::NoMap | change::Error::Hidden(_) | change::Error::Broken => {
            ErrorShape::invalid(why.to_string())
        }
    }
}

/// Why the file cannot be used.
pub(super) fn unreadable(error: &io::Error) -> ErrorShape {
    ErrorShape::unavailable(format!("the configuration's file: {error}"))
}

/// All that is wrong with a text; the first of it as a message.
pub(super) fn wrong(report: &Report) -> ErrorShape {
    let issues = issues(report);
    let told = |it: &Value| {
        let (line, column) = (&it["line"], &it["column"]);
        let path = it["path"].as_str().filter(|it| !it.is_empty());
        let path = path.map_or_else(String::new, |it| format!("{it}: "));
        format!("{line}:{column}: {path}{}", it["message"].as_str().unwrap_or_default())
    };
    let first: Vec<String> = issues.iter().take(TOLD_MAX).map(told).collect();
    let more = match issues.len() - first.len() {
        0 => String::new(),
        1 => " (+1 more issue)".to_owned(),
        more => format!(" (+{more} more issues)"),
    };
    let message = format!("invalid config: {}{more}", first.join("; "));
    ErrorShape::invalid(message).with_details(json!({ "issues": issues }))
}

fn issues(report: &Report) -> Vec<Value> {
    let issue = |it: &creel_document::problem::Problem| {
        let place = report.place(it);
        let help = it.help.as_ref().map_or_else(String::new, |it| format!(" ({it})"));
        json!({
            "path": it.path.to_string(), "message": format!("{}{help}", it.message),
            "line": place.line, "column": place.column,
        })
    };
    report.problems().iter().map(issue).collect()
}
