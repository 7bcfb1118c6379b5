//! `config.*`: what the gateway was started with. Nothing secret is shown.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Outcome;
use crate::{
    control::{plane::Plane, schema as shapes},
    settings,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// `config.get`.
pub(super) fn get(plane: &Plane, params: &Value) -> Outcome {
    let Nothing {} = shapes::check(plane.facts.version, "config.get", params)?;
    let shown = &plane.facts.shown;
    Ok(json!({
        "path": shown.path, "exists": true, "raw": shown.text, "parsed": shown.json,
        "resolved": shown.json, "config": shown.json, "valid": true, "hash": shown.hash,
        "issues": [], "warnings": [], "legacyIssues": [],
    }))
}

/// `config.schema`.
pub(super) fn schema(plane: &Plane, params: &Value) -> Outcome {
    let Nothing {} = shapes::check(plane.facts.version, "config.schema", params)?;
    Ok(json!({
        "schema": settings::json_schema(), "uiHints": {}, "version": env!("CARGO_PKG_VERSION"),
        "generatedAt": plane.started_ms,
    }))
}
