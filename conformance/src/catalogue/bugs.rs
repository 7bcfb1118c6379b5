//! The public bugs that the scenarios were made from: which scenario reproduces each, or why none does.
//!
//! `conformance/bugs.toml` holds them, built in like the catalogue. A scenario says which of them it reproduces (`bugs`).

use std::{fmt::Write as _, sync::LazyLock};

use creel_document::{
    check,
    path::Path,
    problem::{Problem, Report},
    shape::{Field, Shape},
    tree::Node,
};
use creel_sim::scenario::Scenario;

use crate::toml_tree;

const FILE_NAME: &str = "conformance/bugs.toml";
const FILE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/bugs.toml"));

/// A bug that somebody has reported of some gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bug {
    /// `Q-01`.
    pub id: String,
    /// Where it was reported.
    pub source: String,
    /// What went wrong: a sentence.
    pub was: String,
    /// What the scenarios say of it.
    pub reach: Reach,
}

/// How far scenarios can reproduce a bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Wholly.
    Whole,
    /// But for a part, which is named.
    Without(String),
    /// Not at all, for this reason.
    Not(String),
}

static SHAPE: Shape = Shape::record(&[Field::required(
    "bug",
    &Shape::ListOf(&BUG),
    "The bugs, in the order of the document.",
)]);

static BUG: Shape = Shape::record(&[
    Field::required("id", &Shape::Text, "Such as `Q-01`."),
    Field::required("source", &Shape::Text, "Where it was reported."),
    Field::required("was", &Shape::Text, "What went wrong, as a sentence."),
    Field::optional("unreached", &Shape::Text, "Why no scenario reproduces it."),
    Field::optional("beyond", &Shape::Text, "The part of it that its scenarios leave out."),
]);

/// The bugs that are built in.
///
/// # Panics
///
/// If the built-in file is not right, which the suite's tests rule out.
pub fn built_in() -> &'static [Bug] {
    static BUILT_IN: LazyLock<Vec<Bug>> = LazyLock::new(|| {
        read(FILE).unwrap_or_else(|problems| {
            let report = Report::new(FILE_NAME, FILE, problems).plain();
            panic!("the built-in bugs are not right:\n{report}")
        })
    });
    &BUILT_IN
}

/// The bug of this id.
pub fn find(id: &str) -> Option<&'static Bug> {
    built_in().iter().find(|it| it.id == id)
}

fn read(text: &str) -> Result<Vec<Bug>, Vec<Problem>> {
    let tree = toml_tree::parse(text)?;
    let mut problems = check(&tree, &SHAPE).problems;
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut bugs: Vec<Bug> = Vec::new();
    for node in tree.get("bug").map(Node::items).unwrap_or_default() {
        let text = |key| node.get(key).and_then(Node::text).unwrap_or_default().to_owned();
        let reach = match (node.get("unreached"), node.get("beyond")) {
            (Some(_), Some(_)) => {
                let message = "`unreached` and `beyond` exclude each other";
                problems.push(Problem::new(node.span.clone(), Path::default(), message));
                continue;
            }
            (Some(_), None) => Reach::Not(text("unreached")),
            (None, Some(_)) => Reach::Without(text("beyond")),
            (None, None) => Reach::Whole,
        };
        let bug = Bug { id: text("id"), source: text("source"), was: text("was"), reach };
        if bugs.iter().any(|it| it.id == bug.id) {
            let message = format!("`{}` is there twice", bug.id);
            problems.push(Problem::new(node.span.clone(), Path::default(), message));
        }
        bugs.push(bug);
    }
    if problems.is_empty() { Ok(bugs) } else { Err(problems) }
}

/// The ids of the scenarios that say they reproduce a bug.
pub fn scenarios<'a>(bug: &str, all: &[&'a Scenario]) -> Vec<&'a str> {
    let names = |it: &&&Scenario| it.bugs.iter().any(|it| it == bug);
    all.iter().filter(names).map(|it| it.id.as_str()).collect()
}

/// Where the bugs and the scenarios do not say the same, one sentence each.
pub fn drift(bugs: &[Bug], all: &[&Scenario]) -> Vec<String> {
    let mut drift = Vec::new();
    for bug in bugs {
        let found = scenarios(&bug.id, all);
        match (&bug.reach, found.first()) {
            (Reach::Not(_), Some(scenario)) => drift.push(format!(
                "{} is reproduced by {scenario}: take its `unreached` out, or say in `beyond` what is left",
                bug.id
            )),
            (Reach::Whole | Reach::Without(_), None) => drift.push(format!(
                "{} has no scenario: write one with `bugs: [{}]`, or say in `unreached` why not",
                bug.id, bug.id
            )),
            (Reach::Not(_), None) | (Reach::Whole | Reach::Without(_), Some(_)) => {}
        }
    }
    for scenario in all {
        let unknown = scenario.bugs.iter().filter(|id| bugs.iter().all(|it| it.id != **id));
        drift.extend(unknown.map(|id| format!("{} names {id}, which is no bug", scenario.id)));
    }
    drift
}

/// The bugs as a section of the document.
pub(super) fn section(text: &mut String, bugs: &[Bug], all: &[&Scenario]) {
    let reached = bugs.iter().filter(|it| !matches!(it.reach, Reach::Not(_))).count();
    text.push_str("\n## Public bugs\n\n");
    let count = bugs.len();
    writeln!(
        text,
        "What went wrong in gateways that people run, and the scenarios that would notice it again: {reached} of {count}. The\n\
         source is `conformance/bugs.toml`.\n\n| bug | reported | what went wrong | scenarios |\n|---|---|---|---|"
    )
    .expect("writing to a string");
    for bug in bugs {
        let Bug { id, source, was, .. } = bug;
        let by = reproduced(bug, all);
        writeln!(text, "| {id} | {source} | {was} | {by} |").expect("writing to a string");
    }
}

/// What reproduces a bug, or why nothing does.
fn reproduced(bug: &Bug, all: &[&Scenario]) -> String {
    let names: Vec<String> =
        scenarios(&bug.id, all).into_iter().map(|it| format!("`{it}`")).collect();
    match &bug.reach {
        Reach::Whole => names.join(", "),
        Reach::Without(part) => format!("{}; *not: {part}*", names.join(", ")),
        Reach::Not(why) => format!("*none: {why}*"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(bugs: &str) -> Scenario {
        let text = format!(
            "id: regressions/a\ntitle: t\nbugs: [{bugs}]\nchats: {{ alice: {{ dm: \"1\" }} }}\n\
             steps: [{{ at: 0s, send: {{ chat: alice, text: hi }} }}]\n\
             expect: [{{ exactly: {{ n: 1, of: model-request }} }}]\n"
        );
        creel_sim::scenario::parse("regressions/a", &text).unwrap_or_else(|it| panic!("{it:?}"))
    }

    fn bug(id: &str, reach: Reach) -> Bug {
        Bug { id: id.to_owned(), source: String::new(), was: String::new(), reach }
    }

    #[test]
    fn a_bug_has_a_scenario_or_a_reason_and_not_both() {
        let bugs = [
            bug("Q-01", Reach::Whole),
            bug("Q-02", Reach::Not("why".to_owned())),
            bug("Q-03", Reach::Without("a part".to_owned())),
        ];
        let right = [scenario("Q-01"), scenario("Q-03")];
        assert_eq!(drift(&bugs, &right.iter().collect::<Vec<_>>()), Vec::<String>::new());
        let wrong = [scenario("Q-01, Q-02"), scenario("Q-09")];
        let found = drift(&bugs, &wrong.iter().collect::<Vec<_>>());
        let says = |part: &str| found.iter().any(|it| it.contains(part));
        assert!(says("Q-02 is reproduced by"), "{found:?}");
        assert!(says("Q-03 has no scenario"), "{found:?}");
        assert!(says("names Q-09, which is no bug"), "{found:?}");
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn a_file_that_is_not_right_is_refused() {
        let row = "[[bug]]\nid = \"Q-01\"\nsource = \"s\"\nwas = \"w\"\n";
        assert_eq!(read(row).map(|it| it.len()), Ok(1));
        let message = |text: &str| read(text).expect_err("not right")[0].message.clone();
        assert!(message(&format!("{row}{row}")).contains("twice"));
        assert!(message(&format!("{row}unreached = \"u\"\nbeyond = \"b\"\n")).contains("exclude"));
        assert!(read("[[bug]]\nid = \"Q-01\"\n").is_err());
    }
}
