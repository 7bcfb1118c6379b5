//! Two reports side by side: what broke since, what holds now, what came out otherwise.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::data::{Case, Report, Requirement, Standing, Status};

/// What is different between two reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The older one.
    pub old: String,
    /// The newer one.
    pub new: String,
    /// The requirements that came out otherwise.
    pub requirements: Vec<Change>,
    /// The cases that came out otherwise.
    pub cases: Vec<Change>,
}

/// Something that came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// A requirement's id, or a case's name.
    pub name: String,
    /// In which way.
    pub kind: Kind,
    /// What came of it in the older report.
    pub was: Option<Side>,
    /// What came of it in the newer one.
    pub is: Option<Side>,
}

/// What one report says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// In a word.
    pub word: &'static str,
    /// Why, if it says.
    pub why: String,
}

/// In which way something came out otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It held, and is broken.
    Broken,
    /// It held, and was not shown to hold any more.
    Lost,
    /// It did not hold, and does.
    Held,
    /// It came out otherwise, and holds in neither.
    Changed,
    /// It came out the same, for another reason.
    Reason,
    /// Only the newer report has it.
    Added,
    /// Only the older report has it.
    Removed,
}

impl Kind {
    /// Every kind, the worst first.
    pub const ALL: [Self; 7] = [
        Self::Broken,
        Self::Lost,
        Self::Held,
        Self::Changed,
        Self::Reason,
        Self::Added,
        Self::Removed,
    ];

    /// What a heading calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Broken => "newly broken",
            Self::Lost => "not shown to hold any more",
            Self::Held => "newly held",
            Self::Changed => "came out otherwise",
            Self::Reason => "the same for another reason",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

/// What something amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    Held,
    Broken,
    Neither,
}

/// Something that both reports may have.
struct Item {
    name: String,
    amount: Amount,
    side: Side,
}

/// Compares two reports.
pub fn compare(old: &Report, new: &Report) -> Comparison {
    let name = |it: &Report| {
        format!("{} (profiles {}, world {})", it.target_name(), it.profiles.join(", "), it.world)
    };
    let requirements = |it: &Report| it.requirements.iter().map(requirement).collect();
    let cases = |it: &Report| it.cases.iter().map(case).collect();
    Comparison {
        old: name(old),
        new: name(new),
        requirements: changes(requirements(old), requirements(new)),
        cases: changes(cases(old), cases(new)),
    }
}

impl Comparison {
    /// Whether something that held is broken.
    pub fn is_worse(&self) -> bool {
        self.requirements.iter().chain(&self.cases).any(|it| it.kind == Kind::Broken)
    }

    /// The whole for people.
    pub fn text(&self) -> String {
        let mut text = format!("old  {}\nnew  {}\n", self.old, self.new);
        for (what, changes) in [("requirements", &self.requirements), ("cases", &self.cases)] {
            for kind in Kind::ALL {
                let of: Vec<&Change> = changes.iter().filter(|it| it.kind == kind).collect();
                if of.is_empty() {
                    continue;
                }
                line(&mut text, &format!("\n{} {what} {}:", of.len(), kind.title()));
                for change in of {
                    change.tell(&mut text);
                }
            }
        }
        let count = |changes: &[Change], kind| changes.iter().filter(|it| it.kind == kind).count();
        let (broken, held) =
            (count(&self.requirements, Kind::Broken), count(&self.requirements, Kind::Held));
        let (cases_broken, cases_held) =
            (count(&self.cases, Kind::Broken), count(&self.cases, Kind::Held));
        line(
            &mut text,
            &format!(
                "\n{broken} requirements and {cases_broken} cases newly broken, {held} and {cases_held} newly held"
            ),
        );
        text
    }
}

impl Change {
    fn tell(&self, text: &mut String) {
        let word = |side: &Option<Side>| side.as_ref().map_or("", |it| it.word);
        let change = match (word(&self.was), word(&self.is)) {
            (was, is) if was == is => was.to_owned(),
            ("", is) => is.to_owned(),
            (was, "") => was.to_owned(),
            (was, is) => format!("{was} → {is}"),
        };
        line(text, &format!("  {}  {change}", self.name));
        let sides = [("was", &self.was), ("is", &self.is)];
        for (when, why) in sides.iter().filter_map(|(when, it)| Some((when, &it.as_ref()?.why))) {
            let is_shown = self.kind == Kind::Reason || *when == "is";
            if is_shown && !why.is_empty() {
                line(text, &format!("    {when:<4}{why}"));
            }
        }
    }
}

fn requirement(requirement: &Requirement) -> Item {
    let amount = match requirement.verdict {
        Standing::Pass => Amount::Held,
        Standing::Fail => Amount::Broken,
        Standing::KnownFailing
        | Standing::Error
        | Standing::Inconclusive
        | Standing::Vacuous
        | Standing::NotTestable
        | Standing::NotApplicable
        | Standing::Unclaimed
        | Standing::Excluded
        | Standing::NotRun => Amount::Neither,
    };
    let why = requirement.why.clone().unwrap_or_default();
    let side = Side { word: requirement.verdict.word(), why };
    Item { name: requirement.id.clone(), amount, side }
}

fn case(case: &Case) -> Item {
    let amount = match case.status {
        Status::Pass => Amount::Held,
        Status::Fail | Status::Vacuous | Status::Error | Status::Stale => Amount::Broken,
        Status::KnownFailing | Status::Inconclusive | Status::Skipped => Amount::Neither,
    };
    let why = if case.status == Status::Pass { String::new() } else { case.summary() };
    Item { name: case.name(), amount, side: Side { word: case.status.word(), why } }
}

/// What is different, in the newer report's order; what was removed stands last.
fn changes(old: Vec<Item>, new: Vec<Item>) -> Vec<Change> {
    let mut before: BTreeMap<String, Item> =
        old.into_iter().map(|it| (it.name.clone(), it)).collect();
    let mut changes = Vec::new();
    for item in new {
        let was = before.remove(&item.name);
        let kind = match &was {
            None => Kind::Added,
            Some(was) => match kind(was, &item) {
                Some(kind) => kind,
                None => continue,
            },
        };
        let was = was.map(|it| it.side);
        changes.push(Change { name: item.name, kind, was, is: Some(item.side) });
    }
    let removed = before.into_values().map(|it| Change {
        name: it.name,
        kind: Kind::Removed,
        was: Some(it.side),
        is: None,
    });
    changes.extend(removed);
    changes
}

fn kind(was: &Item, is: &Item) -> Option<Kind> {
    match (was.amount, is.amount) {
        (Amount::Held, Amount::Held) => None,
        (Amount::Held, Amount::Broken) => Some(Kind::Broken),
        (Amount::Held, Amount::Neither) => Some(Kind::Lost),
        (Amount::Broken | Amount::Neither, Amount::Held) => Some(Kind::Held),
        _ if was.side.word != is.side.word => Some(Kind::Changed),
        _ if without_figures(&was.side.why) != without_figures(&is.side.why) => Some(Kind::Reason),
        _ => None,
    }
}

/// A reason without what no two runs on a real clock have in common.
fn without_figures(text: &str) -> String {
    text.chars().filter(|it| !it.is_ascii_digit() && *it != '.').collect()
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{green, red};

    fn kinds(comparison: &Comparison) -> (Vec<Kind>, Vec<Kind>) {
        let of = |changes: &[Change]| changes.iter().map(|it| it.kind).collect();
        (of(&comparison.requirements), of(&comparison.cases))
    }

    #[test]
    fn what_held_and_is_broken_makes_it_worse() {
        let worse = compare(&green(), &red());
        assert_eq!(kinds(&worse), (vec![Kind::Broken], vec![Kind::Broken]));
        assert!(worse.is_worse());
        let text = worse.text();
        assert!(text.contains("1 requirements newly broken:\n  QUE-001  pass → fail\n"), "{text}");
        assert!(
            text.contains("queue/one (2026.9)  pass → fail\n    is  exactly: expected"),
            "{text}"
        );
        let better = compare(&red(), &green());
        assert_eq!(kinds(&better), (vec![Kind::Held], vec![Kind::Held]));
        assert!(!better.is_worse());
    }

    #[test]
    fn the_same_twice_is_no_change_and_neither_is_another_moment() {
        assert_eq!(kinds(&compare(&red(), &red())), (vec![], vec![]));
        let mut later = red();
        later.cases[0].checks[0].observed = Some("1, at 0.777 s".to_owned());
        assert_eq!(kinds(&compare(&red(), &later)), (vec![], vec![]));
    }

    #[test]
    fn another_reason_is_a_change() {
        let mut other = red();
        other.cases[0].checks[0].observed = Some("none at all".to_owned());
        let comparison = compare(&red(), &other);
        assert_eq!(kinds(&comparison), (vec![], vec![Kind::Reason]));
        assert!(!comparison.is_worse(), "it was broken before");
    }

    #[test]
    fn what_only_one_of_them_has_is_told() {
        let mut other = green();
        other.cases[0].scenario = "queue/two".to_owned();
        let comparison = compare(&green(), &other);
        assert_eq!(kinds(&comparison), (vec![], vec![Kind::Added, Kind::Removed]));
        assert!(!comparison.is_worse());
    }

    #[test]
    fn what_is_left_out_now_is_not_shown_any_more() {
        let mut skipped = green();
        skipped.cases[0].status = Status::Skipped;
        skipped.requirements[0].verdict = Standing::Unclaimed;
        let comparison = compare(&green(), &skipped);
        assert_eq!(kinds(&comparison), (vec![Kind::Lost], vec![Kind::Lost]));
        assert!(!comparison.is_worse());
    }
}
