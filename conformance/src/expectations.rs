//! What is known to fail on a target, so that a run says what changed: `<target>.expect.toml` beside its manifest.
//!
//! The list is held to its word. A listed check that passes, fails in other words, or was skipped makes its case *stale*,
//! and the run fails: so the list never hides more than what somebody wrote down, and never outlives it.
//!
//! - [`read`]: from the file, strictly; everything that is wrong is told at once.
//! - [`update`]: writes the list anew from a report, with its comments.

pub mod read;
pub mod update;

use std::path::{Path, PathBuf};

use creel_judge::verdict::Verdict;
use creel_sim::target::Target;

use crate::suite::{Case, Check, Judged, Missing, Outcome};

include!(concat!(env!("OUT_DIR"), "/expected.rs"));

/// The check that stands for the target itself: it did not start, did not get ready, or ended during the run.
pub const TARGET_CHECK: &str = "target";

/// What stands for anything in a message.
pub const ANYTHING: &str = "…";

/// A file of known failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectations {
    /// The file, as a person would open it.
    pub file: String,
    /// The profiles that the target claims. It says nothing of others.
    pub profiles: Vec<String>,
    /// What it lists, in its order.
    pub listed: Vec<Listed>,
}

/// One entry of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Whether it always fails.
    pub kind: Kind,
    /// The case's name, in which `*` stands for anything.
    pub case: String,
    /// Only under this profile, if given.
    pub profile: Option<String>,
    /// The label of a check, the id of a requirement whose checks are meant, or [`TARGET_CHECK`].
    pub check: String,
    /// Of a known failure: words that are observed, in which [`ANYTHING`] stands for anything. Of a flaky one: why it flakes.
    pub message: String,
    /// Where it is reported.
    pub link: String,
    /// Of a flaky one: the last day on which it may be listed.
    pub until: Option<String>,
    /// The line of the entry, counted from 1.
    pub line: usize,
}

/// Whether a listed check always fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It does, in the same words.
    Failing,
    /// It does now and then.
    Flaky,
}

/// Why the failure of a case was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Whether it always fails.
    pub kind: Kind,
    /// The words that were expected, or why it flakes.
    pub message: String,
    /// Where it is reported.
    pub link: String,
    /// The last day on which it may be listed, if it flakes.
    pub until: Option<String>,
}

/// What the list says of an outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// Why it was expected, if all that is broken in it is listed.
    pub known: Option<Known>,
    /// What the list has, and was not so.
    pub stale: Vec<String>,
}

impl Kind {
    /// The key of the file under which it is listed.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Failing => "known-failing",
            Self::Flaky => "known-flaky",
        }
    }
}

/// Where a target's list is: its path, and its text if there is one. A built-in target's is built in, that of `x.toml` is
/// `x.expect.toml`.
///
/// # Errors
///
/// When the file is there and cannot be read.
pub fn of_target(name_or_path: &str) -> Result<Option<(String, String)>, std::io::Error> {
    let built_in = |it: &&(&str, &str)| it.0 == name_or_path;
    if let Some((name, text)) = EXPECTED.iter().find(built_in) {
        return Ok(Some((format!("sim/targets/{name}.expect.toml"), (*text).to_owned())));
    }
    let Some(path) = beside(name_or_path).filter(|it| it.exists()) else { return Ok(None) };
    Ok(Some((path.display().to_string(), std::fs::read_to_string(&path)?)))
}

/// The list's path beside a manifest; none for a built-in target.
pub fn beside(name_or_path: &str) -> Option<PathBuf> {
    let path = Path::new(name_or_path);
    path.extension().is_some_and(|it| it == "toml").then(|| path.with_extension("expect.toml"))
}

/// The profiles that count for a target's list: those that it claims.
pub fn profiles(target: Option<&Target>) -> Vec<String> {
    let all = || creel_judge::profile::ALL.iter().map(|it| it.name.to_owned()).collect();
    target.map_or_else(all, |it| it.profiles.clone())
}

impl Expectations {
    /// Whether a case is listed.
    pub fn lists(&self, case: &Case) -> bool {
        !self.about(case).is_empty()
    }

    fn about(&self, case: &Case) -> Vec<&Listed> {
        let (name, profile) = (case.entry.scenario.name(), &case.profile);
        let is_claimed = self.profiles.contains(profile);
        self.listed.iter().filter(|it| is_claimed && it.is_about(&name, profile)).collect()
    }

    /// What the list says of an outcome.
    pub fn rule(&self, outcome: &Outcome) -> Ruling {
        let about = self.about(&outcome.case);
        match &outcome.result {
            Ok(judged) => self.rule_judged(&about, judged),
            Err(Missing::Target(why)) => {
                let known = about.iter().find(|it| it.check == TARGET_CHECK && it.fits(why));
                Ruling { known: known.map(|it| it.known()), stale: Vec::new() }
            }
            Err(
                missing @ (Missing::NeedsVirtualTime(_)
                | Missing::Unclaimed(_)
                | Missing::Unforeseen(_)),
            ) => {
                let why = missing.why();
                let stale = |it: &&Listed| self.stale(it, &format!("the case was skipped: {why}"));
                Ruling { known: None, stale: about.iter().map(stale).collect() }
            }
            // The run is no run: what is listed says nothing of it.
            Err(
                Missing::Unmoved(_)
                | Missing::Manifest(_)
                | Missing::Scenario(_)
                | Missing::Broken(_)
                | Missing::Interrupted(_),
            ) => Ruling::default(),
        }
    }

    fn rule_judged(&self, about: &[&Listed], judged: &Judged) -> Ruling {
        let mut ruling = Ruling::default();
        let mut open: Vec<&Check> =
            judged.checks.iter().filter(|it| observed(it).is_some()).collect();
        let any_broken = !open.is_empty();
        for listed in about {
            let meant: Vec<&Check> = judged.checks.iter().filter(|it| listed.means(it)).collect();
            let fits =
                |it: &Check| listed.means(it) && observed(it).is_some_and(|it| listed.fits(it));
            if meant.iter().any(|it| fits(it)) {
                open.retain(|it| !fits(it));
                ruling.known.get_or_insert_with(|| listed.known());
            } else if let Some(why) = otherwise(listed, &meant) {
                ruling.stale.push(self.stale(listed, &why));
            }
        }
        if !open.is_empty() || !any_broken {
            ruling.known = None;
        }
        ruling
    }

    fn stale(&self, listed: &Listed, why: &str) -> String {
        format!("{}:{}: `{}` is listed, and {why}", self.file, listed.line, listed.check)
    }
}

/// What became of a listed check that did not fail in the listed words, if the list is wrong about it.
fn otherwise(listed: &Listed, meant: &[&Check]) -> Option<String> {
    if meant.iter().any(|it| matches!(it.verdict, Verdict::Inconclusive { .. })) {
        return None;
    }
    if listed.check == TARGET_CHECK {
        return (listed.kind == Kind::Failing).then(|| "the target got through".to_owned());
    }
    let Some(first) = meant.first() else {
        return Some("no check of this case is called so".to_owned());
    };
    if let Some(words) = meant.iter().find_map(|it| observed(it)) {
        let words = words.lines().next().unwrap_or_default();
        return Some(format!("it failed in other words than `{}`: {words}", listed.message));
    }
    match (listed.kind, &first.verdict) {
        (Kind::Flaky, Verdict::Pass { .. }) => None,
        _ => Some(format!("it was {}", first.verdict)),
    }
}

/// The words in which a check is broken, if it is: what was observed, or why nothing exercised an expectation.
pub fn observed(check: &Check) -> Option<&str> {
    match &check.verdict {
        Verdict::Fail(failure) => Some(&failure.observed),
        Verdict::Vacuous { why } if check.line.is_some() => Some(why),
        Verdict::Vacuous { .. }
        | Verdict::Pass { .. }
        | Verdict::Inconclusive { .. }
        | Verdict::NotTestable { .. }
        | Verdict::NotApplicable { .. } => None,
    }
}

impl Listed {
    /// Whether it is about this case.
    pub fn is_about(&self, name: &str, profile: &str) -> bool {
        self.profile.as_deref().is_none_or(|it| it == profile) && in_order(&self.case, "*", name)
    }

    /// Whether it is about this check.
    fn means(&self, check: &Check) -> bool {
        check.label == self.check || check.requirements.contains(&self.check)
    }

    /// Whether these observed words were expected.
    pub fn fits(&self, observed: &str) -> bool {
        let anywhere = format!("{ANYTHING}{}{ANYTHING}", self.message);
        self.kind == Kind::Flaky || in_order(&anywhere, ANYTHING, observed)
    }

    fn known(&self) -> Known {
        let Self { kind, message, link, until, .. } = self.clone();
        Known { kind, message, link, until }
    }
}

/// Whether a text is the pattern, with anything in place of each `wildcard`.
fn in_order(pattern: &str, wildcard: &str, text: &str) -> bool {
    let Some((first, others)) = pattern.split_once(wildcard) else { return text == pattern };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let (between, last) = others.rsplit_once(wildcard).unwrap_or(("", others));
    for part in between.split(wildcard) {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests;
