//! The catalogue: every promise of the contract, with an id, a level, its evidence and what shows that it is judged.
//!
//! `conformance/requirements/<area>.toml` holds it, one file an area, built in like the scenarios. Scenarios name what
//! they judge by these ids (`covers`), so a check that fails says which promise is broken.
//!
//! - [`read()`]: from the files, strictly; everything that is wrong is told at once.
//! - [`coverage`]: which scenarios judge a requirement, and which controls show that they can fail.
//! - [`covers`]: whether the ids that scenarios name are there.
//! - [`bugs`]: the public bugs, and which scenario reproduces each, or why none does.
//! - [`kills`]: which planted defects its checks were seen to notice.
//! - [`markdown`]: the catalogue as a document to read.

pub mod bugs;
pub mod coverage;
pub mod covers;
pub mod kills;
pub mod markdown;
mod read;
mod shape;

use std::{fmt, sync::LazyLock};

use creel_document::{names, problem::Report};

pub use read::read;

include!(concat!(env!("OUT_DIR"), "/requirements.rs"));

/// All requirements, by area.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// The areas, in the order in which a message passes through them.
    pub areas: Vec<Area>,
}

/// The requirements about one part of a gateway.
#[derive(Clone, Debug)]
pub struct Area {
    /// Three letters: `QUE`.
    pub id: String,
    /// The file and the scenarios' folder: `queue`.
    pub name: String,
    /// Its title: `Queue`.
    pub title: String,
    /// The requirements, by their numbers.
    pub requirements: Vec<Requirement>,
}

/// One testable promise, or what was left out and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// `QUE-003`. Opaque, and never given to anything else.
    pub id: String,
    /// How binding it is.
    pub level: Level,
    /// One sentence, which holds the level's word.
    pub text: String,
    /// Where the contract says it: section, point and sentence, such as `4.3.1`; of section 0 the row, such as `0.12`.
    pub contract: Vec<String>,
    /// The contract profiles that it holds for.
    pub profiles: Vec<String>,
    /// What a gateway must have for it, if not every gateway has it.
    pub feature: Option<String>,
    /// The invariant that judges it in every scenario, such as `I1`.
    pub invariant: Option<String>,
    /// Whether it is judged, and how.
    pub standing: Standing,
}

/// Whether a requirement is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Judged(Box<Judging>),
    /// It is not.
    Excluded {
        /// Why not.
        why: String,
    },
}

/// How a requirement is judged, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judging {
    /// Who sees it: `channel`, `provider`, `control` or `state`.
    pub observe: Vec<String>,
    /// Which clock shows it.
    pub clock: Clock,
    /// What is allowed, if it is more than what the text says.
    pub outcomes: Vec<String>,
    /// The paired positive: what is changed so that the check must fail.
    pub control: String,
    /// What the reference gateway still lacks for it, if anything.
    pub pending: Option<String>,
    /// Where it comes from. Never empty.
    pub evidence: Vec<Evidence>,
}

/// Which clock shows a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Any.
    Any,
    /// Only a virtual one: it takes long, or hangs on milliseconds.
    Virtual,
}

/// How binding a requirement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A gateway that does not keep it breaks the contract.
    Must,
    /// A gateway needs a reason not to keep it.
    Should,
    /// A gateway may as well do otherwise.
    May,
}

/// What a requirement rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// How good it is.
    pub grade: Grade,
    /// Where it is from.
    pub source: Source,
    /// The page, the row of the bug corpus, or our reason.
    pub place: String,
    /// What stands there: a sentence at the most.
    pub quote: Option<String>,
}

/// How good evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// The vendor promises it.
    A,
    /// Two independent implementations do it.
    B,
    /// One implementation does it, or somebody reported that it should.
    C,
    /// We decided it.
    D,
}

/// Where evidence is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The documentation in the package of 2026.3.13.
    Docs3,
    /// The documentation in the package of 2026.9.6.
    Docs9,
    /// The package of 2026.3.13, run as a black box.
    Run3,
    /// The package of 2026.9.6, run as a black box.
    Run9,
    /// The articles that the contract began from.
    Seed,
    /// A row of the public bug corpus.
    Bug,
    /// Us.
    Ours,
}

/// The catalogue that is built in.
///
/// # Panics
///
/// If the built-in files are not right, which the suite's tests rule out.
pub fn built_in() -> &'static Catalogue {
    static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
        read(REQUIREMENTS).unwrap_or_else(|reports| {
            let all: String = reports.iter().map(Report::plain).collect();
            panic!("the built-in catalogue is not right:\n{all}")
        })
    });
    &BUILT_IN
}

impl Catalogue {
    /// Every requirement, in order.
    pub fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        self.areas.iter().flat_map(|it| &it.requirements)
    }

    /// The requirement of this id.
    pub fn find(&self, id: &str) -> Option<&Requirement> {
        self.requirements().find(|it| it.id == id)
    }

    /// The area of this id or name, in any case.
    pub fn area(&self, name: &str) -> Option<&Area> {
        let name = name.to_lowercase();
        self.areas.iter().find(|it| it.name == name || it.id.to_lowercase() == name)
    }

    /// The requirements that belong to an invariant, such as `I1`.
    pub fn of_invariant<'a>(&'a self, invariant: &'a str) -> impl Iterator<Item = &'a Requirement> {
        self.requirements().filter(move |it| it.invariant.as_deref() == Some(invariant))
    }

    /// The ids of the requirements that an invariant judges in a profile.
    pub fn judged_by(&self, invariant: &str, profile: &str) -> Vec<String> {
        self.of_invariant(invariant)
            .filter(|it| it.judging().is_some() && it.is_of(profile))
            .map(|it| it.id.clone())
            .collect()
    }

    /// The id that was probably meant by one that is not there.
    pub fn nearest(&self, id: &str) -> Option<&str> {
        names::nearest(id, self.requirements().map(|it| it.id.as_str()))
    }
}

impl Requirement {
    /// How it is judged, if it is.
    pub fn judging(&self) -> Option<&Judging> {
        match &self.standing {
            Standing::Judged(judging) => Some(judging),
            Standing::Excluded { .. } => None,
        }
    }

    /// Whether it holds for a profile.
    pub fn is_of(&self, profile: &str) -> bool {
        self.profiles.iter().any(|it| it == profile)
    }

    /// The best grade of its evidence, if it has any.
    pub fn grade(&self) -> Option<Grade> {
        self.judging()?.evidence.iter().map(|it| it.grade).min()
    }
}

impl Level {
    /// Every level, the most binding one first.
    pub const ALL: [Self; 3] = [Self::Must, Self::Should, Self::May];

    /// The word that requirements are written with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        }
    }
}

impl Clock {
    /// The word that requirements are written with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Virtual => "virtual",
        }
    }
}

impl Grade {
    /// Its letter.
    pub fn letter(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
        }
    }
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 7] =
        [Self::Docs3, Self::Docs9, Self::Run3, Self::Run9, Self::Seed, Self::Bug, Self::Ours];

    /// The word that requirements are written with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Docs3 => "docs-3",
            Self::Docs9 => "docs-9",
            Self::Run3 => "run-3",
            Self::Run9 => "run-9",
            Self::Seed => "seed",
            Self::Bug => "bug",
            Self::Ours => "ours",
        }
    }

    /// The version of OpenClaw that it is about, if it is about one.
    pub fn version(self) -> Option<&'static str> {
        match self {
            Self::Docs3 | Self::Run3 => Some("2026.3.13"),
            Self::Docs9 | Self::Run9 => Some("2026.9.6"),
            Self::Seed | Self::Bug | Self::Ours => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letter())
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.grade, self.source.word())?;
        if let Some(version) = self.source.version() {
            write!(f, " ({version})")?;
        }
        write!(f, ", {}", self.place)?;
        match &self.quote {
            Some(quote) => write!(f, ": “{quote}”"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
