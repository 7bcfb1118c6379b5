//! `report.json`: the one machine-readable report that others are made from.

use std::{fs, path::Path};

use super::{
    data::{Report, VERSION},
    evidence,
};

/// Why a report is not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("read {path}: {source}")]
    Read {
        /// Which.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It is of another version.
    #[error(
        "{path} is a report of version {found}, and this program reads version {VERSION}: make it anew"
    )]
    Version {
        /// Which.
        path: String,
        /// Its version.
        found: u64,
    },
    /// It is no report.
    #[error("{path} is not a report that `creel run --report json=PATH` wrote: {source}")]
    Parse {
        /// Which.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It is not what a run wrote.
    #[error(
        "{path} was changed after it was written: its digest is {found}, and what it says has {computed}"
    )]
    Digest {
        /// Which.
        path: String,
        /// What stands in it.
        found: String,
        /// What should.
        computed: String,
    },
}

/// Reads a report, and refuses one that is not what a run wrote.
///
/// # Errors
///
/// Says which file, what was found and what would be accepted.
pub fn read(path: &Path) -> Result<Report, Error> {
    let name = path.display().to_string();
    let text =
        fs::read_to_string(path).map_err(|source| Error::Read { path: name.clone(), source })?;
    parse(&name, &text)
}

/// Reads a report from its text.
fn parse(path: &str, text: &str) -> Result<Report, Error> {
    let path = path.to_owned();
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|source| Error::Parse { path: path.clone(), source })?;
    match value.get("creel_report").and_then(serde_json::Value::as_u64) {
        Some(found) if found != u64::from(VERSION) => return Err(Error::Version { path, found }),
        Some(_) | None => (),
    }
    let report: Report = serde_json::from_value(value)
        .map_err(|source| Error::Parse { path: path.clone(), source })?;
    let computed = evidence::digest(&report);
    let found = report.evidence.digest.clone();
    if found == computed { Ok(report) } else { Err(Error::Digest { path, found, computed }) }
}

/// The report's text, on one line: with one for each number it would be three times as long.
pub fn text(report: &Report) -> String {
    serde_json::to_string(report).expect("a report is plain data")
}

/// The JSON Schema of the report.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}
