//! A case in a report: one scenario, or one variant of it, under one profile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckVerdict, ControlStatus, KnownKind, LeftOut, Status, Track, Way};

/// What came of one scenario, or of one variant of it, under one profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The scenario's id; of a variant with `@` and its name.
    pub scenario: String,
    /// Whether it is a variant of a scenario.
    pub variant: bool,
    /// What it shows.
    pub title: String,
    /// The file, as a person would open it.
    pub file: String,
    /// The public bugs that it is made from.
    pub bugs: Vec<String>,
    /// The requirements that it judges.
    pub covers: Vec<String>,
    /// The contract profile.
    pub profile: String,
    /// What came of it, in one word.
    pub status: Status,
    /// How long it took on the machine's clock, control and all.
    pub took_ms: u64,
    /// Why it was not judged, if it was not.
    pub reason: Option<String>,
    /// Which kind of reason it is, where it was left out on purpose.
    pub left_out: Option<LeftOut>,
    /// What a list of expected failures says of it.
    pub known: Option<Known>,
    /// What such a list says of it, and was not so.
    pub stale: Vec<String>,
    /// Every check: expectations, invariants, specifications.
    pub checks: Vec<Check>,
    /// What the control did, if the case was judged.
    pub control: Option<Control>,
    /// What the harness itself found wrong.
    pub harness_errors: Vec<String>,
    /// SHA-256 of what was seen.
    pub trace_hash: Option<String>,
    /// How many facts were seen.
    pub facts: usize,
    /// When the last fact was seen, in microseconds since the scenario's zero.
    pub lasted_us: i64,
    /// Facts in words. Of a case that is not green those that its checks name and those around them, else some that show
    /// what held.
    pub excerpt: Vec<Fact>,
    /// Who was asked with which result, what rested, what people were shown.
    pub timeline: Vec<Moment>,
    /// How the world was set up.
    pub note: Option<String>,
    /// The commands that run it again, and judge again what was seen.
    pub again: Vec<String>,
}

/// What a list of expected failures says of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// How it is listed.
    pub kind: KnownKind,
    /// What the failure is expected to say.
    pub message: Option<String>,
    /// Where it is followed up.
    pub link: Option<String>,
    /// The day after which the list does not hold any more.
    pub until: Option<String>,
}

/// One check and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The expectation's label, or the invariant's or specification's id.
    pub label: String,
    /// What it checks, for an invariant or a specification.
    pub title: Option<String>,
    /// The line in the scenario file, for an expectation.
    pub line: Option<usize>,
    /// What stands there, where the check did not hold.
    pub source: Option<String>,
    /// The requirements that it judges in this profile; where it failed, those that it found broken.
    pub requirements: Vec<String>,
    /// What it says.
    pub verdict: CheckVerdict,
    /// What should have been seen, where it failed.
    pub expected: Option<String>,
    /// What was seen instead.
    pub observed: Option<String>,
    /// Why it neither held nor failed.
    pub why: Option<String>,
    /// The facts that show it, by their numbers.
    pub witnesses: Vec<u64>,
}

/// What the control did: the same scenario with one edit, which must make checks fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// What it did.
    pub status: ControlStatus,
    /// How many checks it made fail.
    pub checks: usize,
    /// What did not fail, or could not be told.
    pub labels: Vec<String>,
    /// Why it could not be run.
    pub why: Option<String>,
}

/// Something that was seen, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// Its number in the trace.
    pub seq: u64,
    /// Microseconds since the scenario's zero.
    pub at_us: i64,
    /// Who saw it.
    pub track: Track,
    /// Where: a chat, a client, a provider, a server of tools, or the gateway.
    pub lane: String,
    /// Which way it went.
    pub way: Way,
    /// What, on half a line.
    pub words: String,
    /// What, with more of its text, where that was cut.
    pub more: Option<String>,
    /// Whether a check that did not hold names it.
    pub marked: bool,
}

/// Something that happened in a lane of a case's timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// A chat, or `provider/model@credential`.
    pub lane: String,
    /// When it began, in microseconds since the scenario's zero.
    pub at_us: i64,
    /// When it ended.
    pub until_us: i64,
    /// Such as `wrote`, `attempt` or `rest`.
    pub kind: String,
    /// What came of it, in words.
    pub result: String,
}

impl Case {
    /// The case's name: scenario and profile.
    pub fn name(&self) -> String {
        format!("{} ({})", self.scenario, self.profile)
    }

    /// The area's name: the scenario's folder.
    pub fn area(&self) -> &str {
        self.scenario.split_once('/').map_or("", |(area, _)| area)
    }

    /// Whether it is as it should be, or was left out on purpose.
    pub fn is_quiet(&self) -> bool {
        matches!(self.status, Status::Pass | Status::Skipped)
    }

    /// The requirements that failed checks name, each once, the first to fail first.
    pub fn broken(&self) -> Vec<&str> {
        let failed = self.checks.iter().filter(|it| it.verdict == CheckVerdict::Fail);
        let mut ids: Vec<&str> = Vec::new();
        for id in failed.flat_map(|it| &it.requirements) {
            if !ids.contains(&id.as_str()) {
                ids.push(id);
            }
        }
        ids
    }

    /// Why it is not green, on one line.
    pub fn summary(&self) -> String {
        let check = |verdict: CheckVerdict| {
            self.checks.iter().find(|it| {
                it.verdict == verdict && (verdict != CheckVerdict::Vacuous || it.line.is_some())
            })
        };
        let said = |it: &Check| match (&it.observed, &it.expected, &it.why) {
            (Some(observed), Some(expected), _) => {
                format!("{}: expected {expected}, observed {observed}", it.label)
            }
            (_, _, Some(why)) => format!("{}: {why}", it.label),
            _ => it.label.clone(),
        };
        let control = self.control.as_ref().and_then(|it| match it.status {
            ControlStatus::Stuck | ControlStatus::Unclear => {
                Some(format!("control {}: {}", it.status.word(), it.labels.join("; ")))
            }
            ControlStatus::NotRun => it.why.as_ref().map(|why| format!("control not run: {why}")),
            ControlStatus::Absent | ControlStatus::LeftOut | ControlStatus::Flipped => None,
        });
        let verdicts = [CheckVerdict::Fail, CheckVerdict::Vacuous, CheckVerdict::Inconclusive];
        let first = self.stale.first().cloned().filter(|_| self.status == Status::Stale);
        let first = first.or_else(|| self.reason.clone());
        let first = first.or_else(|| self.harness_errors.first().cloned());
        let text = first
            .or_else(|| verdicts.into_iter().find_map(check).map(said))
            .or(control)
            .or_else(|| {
                self.checks.iter().find(|it| it.line.is_some() && it.why.is_some()).map(said)
            })
            .unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Check {
    /// Its label and title.
    pub fn name(&self) -> String {
        match &self.title {
            Some(title) => format!("{} {title}", self.label),
            None => self.label.clone(),
        }
    }

    /// Whether a person wants to know of it: it failed, or could not be told, or is a vacuous expectation.
    pub fn is_loud(&self) -> bool {
        match self.verdict {
            CheckVerdict::Fail | CheckVerdict::Inconclusive => true,
            CheckVerdict::Vacuous => self.line.is_some(),
            CheckVerdict::Pass | CheckVerdict::NotTestable | CheckVerdict::NotApplicable => false,
        }
    }
}
