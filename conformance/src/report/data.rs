//! The report as data: what `report.json` holds, and all that every other format knows of a run.
//!
//! ```text
//! plan + outcomes ──► gather ──► Report ──┬──► report.json ──► matrix, compare
//!                                         └──► console, JUnit, HTML, Markdown, GitHub, badge
//! ```

mod case;
mod requirement;
mod words;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    case::{Case, Check, Control, Fact, Known, Moment},
    requirement::{Cited, Requirement, Support},
    words::{CheckVerdict, ControlStatus, KnownKind, LeftOut, Level, Standing, Status, Track, Way},
};

/// The version of the format.
pub const VERSION: u32 = 2;

/// Everything that a run found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "a file says by its first key what it is")]
pub struct Report {
    /// The version of this format.
    pub creel_report: u32,
    /// The version of the program that wrote it.
    pub creel: String,
    /// The name of the gateway under test.
    pub target: String,
    /// The gateway's version, where it is known.
    pub target_version: Option<String>,
    /// Where the scenarios ran: `turmoil`, `events` or `real`.
    pub world: String,
    /// Whose time it was: `virtual`, or that of the machine.
    pub clock: String,
    /// The contract profiles that were asked for and that the target claims.
    pub profiles: Vec<String>,
    /// Whether all was run that says something of the target, and not a part that somebody chose.
    pub whole: bool,
    /// The seed.
    pub seed: u64,
    /// The command line.
    pub command: Vec<String>,
    /// A text of this run alone. With the digest it tells whether a report is the one that the run wrote.
    pub nonce: String,
    /// How long all took, in milliseconds.
    pub took_ms: u64,
    /// What the verdicts rest on.
    pub evidence: Evidence,
    /// How many cases there are of each status.
    pub counts: BTreeMap<Status, usize>,
    /// The areas of the catalogue, in the order in which a message passes through them.
    pub areas: Vec<Area>,
    /// Every requirement of the catalogue, and what came of it.
    pub requirements: Vec<Requirement>,
    /// Every case, in order.
    pub cases: Vec<Case>,
}

/// What a run's verdicts rest on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// How many facts were seen.
    pub facts: usize,
    /// How many checks held with facts that show it. Without any, nothing is green.
    pub witnessed: usize,
    /// SHA-256 over nonce, target, seed, every case's name, profile, status and trace, and every requirement's verdict.
    pub digest: String,
}

/// One part of a gateway that requirements are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Such as `QUE`.
    pub id: String,
    /// Such as `queue`: scenarios of it begin with this.
    pub name: String,
    /// Such as `Queue`.
    pub title: String,
}

/// What a whole run amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Light {
    /// Something held with evidence, and nothing is wrong.
    Green,
    /// Something is wrong.
    Red,
    /// Nothing was shown to hold, whatever else was or was not found.
    Grey,
}

impl Report {
    /// What the whole amounts to. It is never green where no fact shows that anything held.
    pub fn light(&self) -> Light {
        if self.failed() > 0 {
            Light::Red
        } else if self.count(Status::Pass) > 0 && self.evidence.witnessed > 0 {
            Light::Green
        } else {
            Light::Grey
        }
    }

    /// How many cases have this status.
    pub fn count(&self, status: Status) -> usize {
        self.counts.get(&status).copied().unwrap_or_default()
    }

    /// Cases that are not green: what failed, what was not exercised, what was listed wrongly, what could not be judged
    /// because of an error.
    pub fn failed(&self) -> usize {
        let red = [Status::Fail, Status::Vacuous, Status::Error, Status::Stale];
        red.into_iter().map(|it| self.count(it)).sum()
    }

    /// How many requirements came out so.
    pub fn standing(&self, standing: Standing) -> usize {
        self.requirements.iter().filter(|it| it.verdict == standing).count()
    }

    /// The requirement of this id.
    pub fn requirement(&self, id: &str) -> Option<&Requirement> {
        self.requirements.iter().find(|it| it.id == id)
    }

    /// The gateway's name and version, as a heading has it.
    pub fn target_name(&self) -> String {
        match &self.target_version {
            Some(version) => format!("{} {version}", self.target),
            None => self.target.clone(),
        }
    }
}
