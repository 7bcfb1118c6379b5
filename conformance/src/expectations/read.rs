//! Reads a list of known failures.

use std::{collections::BTreeSet, sync::LazyLock};

use creel_document::{
    check, names,
    path::Path,
    problem::{Position, Problem, Report},
    shape::{Field, Shape},
    tree::Node,
};
use creel_judge::{invariants, spec};
use creel_sim::scenario::Scenario;

use super::{ANYTHING, Expectations, Kind, Listed, TARGET_CHECK, in_order};
use crate::{catalogue, corpus::Entry, toml_tree};

/// How many cases an entry with a `*` may cover.
const COVERED_MAX: usize = 20;

/// How many letters and digits a message has at the least, so that it says something.
const MESSAGE_LETTERS_MIN: usize = 3;

static FILE: Shape = Shape::record(&[
    Field::optional(
        Kind::Failing.key(),
        &Shape::ListOf(&FAILING),
        "Checks that fail, each time and in the same words.",
    ),
    Field::optional(Kind::Flaky.key(), &Shape::ListOf(&FLAKY), "Checks that fail now and then."),
]);

const CASE: Field =
    Field::required("case", &Shape::Text, "A scenario's id, or several with `*` for anything.");
const PROFILE: Field = Field::optional(
    "profile",
    &Shape::OneOf(&["2026.3", "2026.9"]),
    "Only under this profile of the contract. Default: under each.",
);
const CHECK: Field = Field::required(
    "check",
    &Shape::Text,
    "A check's label, a requirement's id, or `target` where the target itself breaks down.",
);
const LINK: Field = Field::required("link", &Shape::Text, "Where it is reported.");

static FAILING: Shape = Shape::record(&[
    CASE,
    PROFILE,
    CHECK,
    Field::required("message", &Shape::Text, "Words that are observed; `…` stands for anything."),
    LINK,
]);

static FLAKY: Shape = Shape::record(&[
    CASE,
    PROFILE,
    CHECK,
    Field::required("reason", &Shape::Text, "Why it fails now and then."),
    LINK,
    Field::required("expires", &Shape::Text, "The last day on which it may be listed."),
]);

/// What a list may be about.
#[derive(Clone, Copy, Debug)]
pub struct Universe<'a> {
    /// Every scenario.
    pub entries: &'a [Entry],
    /// The profiles that the target claims.
    pub profiles: &'a [String],
    /// Today, as `2026-12-31`.
    pub today: &'a str,
}

/// Reads a list, and holds it against what there is.
///
/// # Errors
///
/// Everything that is wrong, with its place.
pub fn read(file: &str, text: &str, universe: Universe<'_>) -> Result<Expectations, Report> {
    let report = |problems| Report::new(file, text, problems);
    let nodes = nodes(text).map_err(report)?;
    let cases = universe.cases();
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for (listed, node) in &nodes {
        let reader = Reader { listed, node, universe, cases: &cases };
        reader.check(&mut problems);
        let Listed { case, profile, check, message, .. } = listed;
        if !seen.insert((case, profile, check, message)) {
            problems.push(reader.problem("case", "it is listed twice".to_owned()));
        }
    }
    if problems.is_empty() {
        let listed = nodes.into_iter().map(|it| it.0).collect();
        let profiles = universe.profiles.to_vec();
        Ok(Expectations { file: file.to_owned(), profiles, listed })
    } else {
        Err(report(problems))
    }
}

/// What a list holds, whatever there is. In the order of the text.
///
/// # Errors
///
/// Everything that is wrong with its form.
pub fn listed(text: &str) -> Result<Vec<Listed>, Vec<Problem>> {
    Ok(nodes(text)?.into_iter().map(|it| it.0).collect())
}

fn nodes(text: &str) -> Result<Vec<(Listed, Node)>, Vec<Problem>> {
    let tree = toml_tree::parse(text)?;
    let problems = check(&tree, &FILE).problems;
    if !problems.is_empty() {
        return Err(problems);
    }
    let of = |kind: Kind| {
        let nodes = tree.get(kind.key()).map(Node::items).unwrap_or_default();
        nodes.iter().map(move |it| (entry(kind, it, text), it.clone()))
    };
    let mut all: Vec<(Listed, Node)> = of(Kind::Failing).chain(of(Kind::Flaky)).collect();
    all.sort_by_key(|it| it.1.span.start);
    Ok(all)
}

fn entry(kind: Kind, node: &Node, text: &str) -> Listed {
    let optional = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let required = |key: &str| optional(key).unwrap_or_default();
    Listed {
        kind,
        case: required("case"),
        profile: optional("profile"),
        check: required("check"),
        message: required(match kind {
            Kind::Failing => "message",
            Kind::Flaky => "reason",
        }),
        link: required("link"),
        until: optional("expires"),
        line: Position::of(text, node.span.start).line,
    }
}

impl Universe<'_> {
    /// Every case: a scenario or a variant, under a profile that the target claims.
    fn cases(&self) -> Vec<(String, &str, &Scenario)> {
        let scenarios = self.entries.iter().flat_map(|it| {
            std::iter::once(&*it.scenario).chain(it.scenario.variants.iter().map(|it| &**it))
        });
        let of = |scenario| {
            let scenario: &Scenario = scenario;
            let claimed = scenario.profiles.iter().filter(|it| self.profiles.contains(it));
            claimed.map(move |profile| (scenario.name(), profile.as_str(), scenario))
        };
        scenarios.flat_map(of).collect()
    }
}

/// An entry, and what it is held against.
struct Reader<'a> {
    listed: &'a Listed,
    node: &'a Node,
    universe: Universe<'a>,
    cases: &'a [(String, &'a str, &'a Scenario)],
}

impl Reader<'_> {
    fn problem(&self, key: &str, message: String) -> Problem {
        let span = self.node.get(key).map_or(self.node.span.clone(), |it| it.span.clone());
        let path = Path::default().key(self.listed.kind.key()).key(key);
        Problem::new(span, path, message)
    }

    fn check(&self, problems: &mut Vec<Problem>) {
        let covered: Vec<&Scenario> = self
            .cases
            .iter()
            .filter(|(name, profile, _)| self.listed.is_about(name, profile))
            .map(|it| it.2)
            .collect();
        problems.extend(self.check_case(covered.len()));
        if !covered.is_empty() {
            problems.extend(self.check_check(&covered));
        }
        problems.extend(self.check_words());
        let link = &self.listed.link;
        if !["https://", "http://"].iter().any(|it| link.len() > it.len() && link.starts_with(it)) {
            let message = format!("found `{link}`, expected where it is reported: `https://…`");
            problems.push(self.problem("link", message));
        }
        problems.extend(self.check_expiry());
    }

    fn check_case(&self, covered: usize) -> Option<Problem> {
        let Listed { case, profile, .. } = self.listed;
        if covered > COVERED_MAX {
            let message =
                format!("`{case}` covers {covered} cases, expected {COVERED_MAX} at the most");
            return Some(self.problem("case", message).help("list them in smaller groups"));
        }
        if covered > 0 {
            return None;
        }
        let elsewhere = self.universe.entries.iter().flat_map(|it| {
            std::iter::once(&it.scenario).chain(&it.scenario.variants).map(|it| it.name())
        });
        if elsewhere.into_iter().any(|it| in_order(case, "*", &it)) {
            let of = profile.as_ref().map_or_else(
                || {
                    format!(
                        "a profile that the target claims ({})",
                        self.universe.profiles.join(", ")
                    )
                },
                |it| format!("profile {it}, or the target does not claim that"),
            );
            return Some(self.problem("case", format!("`{case}` is not of {of}")));
        }
        let near = names::nearest(case, self.cases.iter().map(|it| it.0.as_str()));
        let help = near.map_or_else(
            || "`creel list` lists them; `*` stands for anything".to_owned(),
            |it| format!("did you mean `{it}`?"),
        );
        Some(self.problem("case", format!("no case is called `{case}`")).help(help))
    }

    fn check_check(&self, covered: &[&Scenario]) -> Option<Problem> {
        static OF_ALL: LazyLock<Vec<&str>> = LazyLock::new(|| {
            let own = invariants::ALL.iter().map(|it| it.id);
            own.chain(spec::ALL.iter().map(|it| it.id)).chain([TARGET_CHECK]).collect()
        });
        let check = self.listed.check.as_str();
        let labels = covered.iter().flat_map(|it| &it.expect).map(|it| it.label.as_str());
        let mut known: Vec<&str> = labels.chain(OF_ALL.iter().copied()).collect();
        if known.contains(&check) || catalogue::built_in().find(check).is_some() {
            return None;
        }
        known.dedup();
        let case = &self.listed.case;
        let help = names::hint(check, known).unwrap_or_default();
        let problem = self.problem("check", format!("no check of `{case}` is called `{check}`"));
        Some(problem.help(format!("{help}, or a requirement's id")))
    }

    fn check_words(&self) -> Option<Problem> {
        let Listed { kind, message, .. } = self.listed;
        let letters = message.chars().filter(|it| it.is_alphanumeric()).count();
        if letters >= MESSAGE_LETTERS_MIN {
            return None;
        }
        let (key, expected) = match kind {
            Kind::Failing => ("message", "words that are observed"),
            Kind::Flaky => ("reason", "why it fails now and then"),
        };
        let help = format!("`{ANYTHING}` stands for anything, and something must be left");
        let problem = self.problem(key, format!("found `{message}`, expected {expected}"));
        Some(if *kind == Kind::Failing { problem.help(help) } else { problem })
    }

    fn check_expiry(&self) -> Option<Problem> {
        let until = self.listed.until.as_deref()?;
        let today = self.universe.today;
        if !is_date(until) {
            let message = format!("found `{until}`, expected a day such as `2026-12-31`");
            return Some(self.problem("expires", message));
        }
        // Written so, days compare as texts do.
        (until < today).then(|| {
            self.problem("expires", format!("it expired on {until}, and today is {today}"))
                .help("see whether it still fails now and then; mend it, or say until when")
        })
    }
}

/// Whether a text is a day of the calendar, written as `2026-12-31`.
fn is_date(text: &str) -> bool {
    let is_digit = |(index, it): (usize, char)| {
        if [4, 7].contains(&index) { it == '-' } else { it.is_ascii_digit() }
    };
    text.len() == 10
        && text.chars().enumerate().all(is_digit)
        && text.parse::<jiff::civil::Date>().is_ok()
}

/// Today, by the machine's clock, in UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "a list expires by the calendar; no verdict reads it"
)]
pub fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = since.map_or(0, |it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX));
    let now = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::Offset::UTC.to_datetime(now).date().to_string()
}
