//! `config.*`: what the gateway was started with. Nothing secret is shown.

use serde_json::{Value, json};

use super::{Outcome, nothing};
use crate::{control::plane::Plane, settings};

/// `config.get`.
pub(super) fn get(plane: &Plane, params: &Value) -> Outcome {
    nothing(plane, "config.get", params)?;
    let shown = &plane.facts.shown;
    Ok(json!({
        "path": shown.path, "exists": true, "raw": shown.text, "parsed": shown.json,
        "resolved": shown.json, "config": shown.json, "valid": true, "hash": shown.hash,
        "issues": [], "warnings": [], "legacyIssues": [],
    }))
}

/// `config.schema`.
pub(super) fn schema(plane: &Plane, params: &Value) -> Outcome {
    nothing(plane, "config.schema", params)?;
    Ok(json!({
        "schema": settings::json_schema(), "uiHints": {}, "version": env!("CARGO_PKG_VERSION"),
        "generatedAt": plane.started_ms,
    }))
}
