//! What came of every defect: a table for people, rows for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    defects::Defect,
    hunt::{Kill, Outcome},
};

/// The version of the rows.
pub const VERSION: u32 = 1;

/// A defect and what came of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The defect.
    pub defect: Defect,
    /// What came of it.
    pub outcome: Outcome,
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub all: usize,
    /// Those that a check noticed.
    pub killed: usize,
    /// Those of them whose failures spoke first of a requirement that they were planted for.
    pub right: usize,
}

impl Row {
    /// Whether the failures speak first of the requirement that the defect was planted for.
    pub fn is_right(&self) -> bool {
        let Outcome::Killed(Kill { first: Some(first), .. }) = &self.outcome else { return false };
        self.defect.breaks(first)
    }

    /// The outcome in one word.
    pub fn word(&self) -> &'static str {
        match self.outcome {
            Outcome::Killed(_) => "killed",
            Outcome::Survived => "survived",
            Outcome::Broke(_) => "broke",
            Outcome::Hung(_) => "hung",
        }
    }

    /// One line for the console.
    pub fn line(&self) -> String {
        let Defect { id, requirement, .. } = &self.defect;
        let what = match &self.outcome {
            Outcome::Killed(Kill { scenario, profile, check, cases, first, .. }) => {
                let first = match first {
                    Some(_) if self.is_right() => String::new(),
                    Some(first) => format!(", speaks first of {first}"),
                    None => ", names no requirement".to_owned(),
                };
                format!("{scenario} ({profile}) {check}, {cases} cases{first}")
            }
            Outcome::Survived => "no check failed".to_owned(),
            Outcome::Broke(why) => why.clone(),
            Outcome::Hung(time) => format!("did not end within {} s", time.as_secs()),
        };
        format!("{:<9}{requirement:<8} {id:<44} {what}", self.word())
    }
}

impl Counts {
    /// Counts rows.
    pub fn of(rows: &[Row]) -> Self {
        let killed = rows.iter().filter(|it| matches!(it.outcome, Outcome::Killed(_))).count();
        let right = rows.iter().filter(|it| it.is_right()).count();
        Self { all: rows.len(), killed, right }
    }

    /// Whether every defect was noticed.
    pub fn all_killed(self) -> bool {
        self.killed == self.all
    }
}

/// The rows for machines.
pub fn json(rows: &[Row]) -> Value {
    let Counts { all, killed, right } = Counts::of(rows);
    json!({
        "creel_mutants": VERSION,
        "counts": { "defects": all, "killed": killed, "right_requirement_first": right },
        "defects": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    let Defect { id, requirement, also, file, within, find, replace, why } = &row.defect;
    let mut value = json!({
        "id": id, "requirement": requirement, "file": file, "find": find, "replace": replace, "why": why,
        "outcome": row.word(),
    });
    if !also.is_empty() {
        value["also"] = json!(also);
    }
    if let Some(within) = within {
        value["within"] = json!(within);
    }
    match &row.outcome {
        Outcome::Killed(Kill { scenario, profile, check, cases, profiles, first }) => {
            value["by"] = json!({ "scenario": scenario, "profile": profile, "check": check });
            value["failing_cases"] = json!(cases);
            value["failing_profiles"] = json!(profiles);
            value["first_requirement"] = json!(first);
        }
        Outcome::Survived => (),
        Outcome::Broke(why) => value["reason"] = json!(why),
        Outcome::Hung(time) => value["reason"] = json!(format!("after {} s", time.as_secs())),
    }
    value
}

/// The table for people, as Markdown.
pub fn markdown(rows: &[Row]) -> String {
    let Counts { all, killed, right } = Counts::of(rows);
    let mut text = format!(
        "# Planted defects\n\n\
         Written by `creel mutants --table`. Each row is a bug that was planted into the reference gateway, alone, and\n\
         what the whole corpus then said. *Killed by* is the first check that failed; *first* is the requirement that the\n\
         failures speak of first (`conformance/src/mutants/blame.rs` says how that is told). A run of some defects keeps the\n\
         other rows as an earlier run wrote them.\n\n\
         {killed} of {all} killed, {right} with the requirement first that they were planted for.\n\n\
         | requirement | defect | imitates | killed by | cases | profiles | first |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let Defect { id, requirement, also, why, .. } = &row.defect;
        let ids = std::iter::once(requirement).chain(also).cloned().collect::<Vec<_>>().join(", ");
        let cells = match &row.outcome {
            Outcome::Killed(Kill { scenario, check, cases, profiles, first, .. }) => {
                let first = match first {
                    Some(_) if row.is_right() => "✓".to_owned(),
                    Some(first) => first.clone(),
                    None => "–".to_owned(),
                };
                format!("`{scenario}`: {check} | {cases} | {} | {first}", profiles.join(", "))
            }
            Outcome::Survived | Outcome::Broke(_) | Outcome::Hung(_) => {
                format!("**{}** | – | – | –", row.word())
            }
        };
        writeln!(text, "| {ids} | `{id}` | {why} | {cells} |").expect("writing to a string");
    }
    text
}
