//! A requirement in a report: what it rests on, and what came of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckVerdict, Level, Standing};

/// A promise of the contract, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Such as `QUE-003`.
    pub id: String,
    /// The area's id, such as `QUE`.
    pub area: String,
    /// How binding it is.
    pub level: Level,
    /// One sentence.
    pub text: String,
    /// The contract profiles that it holds for.
    pub profiles: Vec<String>,
    /// What a gateway must have for it, if not every gateway has it.
    pub feature: Option<String>,
    /// The best evidence that it rests on; none where it is judged of no gateway.
    pub support: Option<Support>,
    /// What came of it.
    pub verdict: Standing,
    /// Why, where it neither held nor broke.
    pub why: Option<String>,
    /// How many checks held, with facts that show it.
    pub held: usize,
    /// How many checks were broken.
    pub broken: usize,
    /// The cases whose expectations judge it, and those in which anything else found it broken or could not tell.
    pub cases: Vec<Cited>,
}

/// What a requirement rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Support {
    /// `A` the vendor promises it, `B` two independent implementations do it, `C` one does or somebody reported it, `D` we
    /// decided.
    pub grade: String,
    /// Such as `docs-9`.
    pub source: String,
    /// The version that the source is about, if it is about one.
    pub version: Option<String>,
    /// The page, the row of the bug corpus, or our reason.
    pub place: String,
    /// What stands there.
    pub quote: Option<String>,
}

/// A check that judged a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cited {
    /// The scenario's id.
    pub scenario: String,
    /// The contract profile.
    pub profile: String,
    /// The check's label.
    pub check: String,
    /// What it said.
    pub verdict: CheckVerdict,
}

impl Requirement {
    /// On one line: id, level, grade of the evidence, text.
    pub fn headline(&self) -> String {
        let Self { id, level, text, .. } = self;
        match &self.support {
            Some(it) => format!("{id} {}, evidence {}: {text}", level.word(), it.grade),
            None => format!("{id} {}, not judged: {text}", level.word()),
        }
    }
}

impl Support {
    /// Where it is from, on one line: source, version, place.
    pub fn origin(&self) -> String {
        match &self.version {
            Some(version) => format!("{} ({version}), {}", self.source, self.place),
            None => format!("{}, {}", self.source, self.place),
        }
    }
}
