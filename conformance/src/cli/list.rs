//! `creel list`.

use std::fmt;

use clap::Args;
use creel_sim::world::{RealClock, needs_virtual_time};
use serde_json::json;

use super::{Exit, explain, print, refuse};
use crate::{
    catalogue::{self, Catalogue, Grade, Level, Requirement, Standing, coverage, kills},
    corpus::{self, Entry},
};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Ids, areas, globs over ids, or paths of files and folders. The built-in corpus if none is given.
    select: Vec<String>,
    /// List requirements instead, with what of the chosen scenarios judges them.
    #[arg(long)]
    requirements: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        let entries = match corpus::choose(&self.select) {
            Ok(entries) => entries,
            Err(error) => return refuse(error),
        };
        if self.requirements {
            let catalogue = catalogue::built_in();
            if self.json {
                let rows = catalogue.requirements().map(|it| explain::as_json(it, &entries));
                print(&format!("{:#}", json!(rows.collect::<Vec<_>>())));
            } else {
                print(requirements(catalogue, &entries).trim_end());
            }
            return Exit::Ok;
        }
        if self.json {
            let rows: Vec<_> = entries
                .iter()
                .map(|it| {
                    json!({
                        "id": it.scenario.id,
                        "title": it.scenario.title,
                        "profiles": it.scenario.profiles,
                        "bugs": it.scenario.bugs,
                        "covers": it.scenario.covers,
                        "variants": it.scenario.variants.iter().map(|it| it.name()).collect::<Vec<_>>(),
                        "file": it.file,
                        "virtual_only": needs_virtual_time(&it.scenario, RealClock::Wall),
                    })
                })
                .collect();
            print(&format!("{:#}", json!(rows)));
            return Exit::Ok;
        }
        for entry in &entries {
            let profiles = entry.scenario.profiles.join(" ");
            print(&format!("{:<58} {profiles:<14} {}", entry.scenario.id, entry.scenario.title));
        }
        Exit::Ok
    }
}

/// A row for each requirement, and what they come to.
fn requirements(catalogue: &Catalogue, entries: &[Entry]) -> String {
    let mut text = "id       level  evidence scenarios controls defects  standing\n".to_owned();
    let rows: Vec<Row<'_>> = catalogue.requirements().map(|it| Row::of(it, entries)).collect();
    for row in &rows {
        text.push_str(format!("{row}").trim_end());
        text.push('\n');
    }
    text.push('\n');
    for level in Level::ALL {
        text.push_str(&total(&rows, level));
    }
    text
}

/// What judges a requirement, in figures.
struct Row<'a> {
    requirement: &'a Requirement,
    /// How many scenarios judge it.
    scenarios: usize,
    /// How many of their controls show that they can fail.
    controls: usize,
    /// How many defects were planted for it.
    planted: usize,
    /// How many of them were noticed.
    killed: usize,
}

impl<'a> Row<'a> {
    fn of(requirement: &'a Requirement, entries: &[Entry]) -> Self {
        let covers = coverage::of(requirement, entries.iter().map(|it| &*it.scenario));
        let defects = kills::of(&requirement.id);
        Self {
            requirement,
            scenarios: covers.len(),
            controls: covers.iter().filter(|it| !it.flipped.is_empty()).count(),
            planted: defects.len(),
            killed: defects.iter().filter(|it| it.killed).count(),
        }
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requirement, scenarios, controls, planted, killed } = self;
        let grade = requirement.grade().map_or("", Grade::letter);
        let standing = match &requirement.standing {
            Standing::Excluded { why } => format!("not judged: {why}"),
            Standing::Judged(judging) => {
                judging.pending.as_ref().map(|it| format!("pending: {it}")).unwrap_or_default()
            }
        };
        let defects = format!("{killed}/{planted}");
        let (id, level) = (&requirement.id, requirement.level.word());
        write!(
            f,
            "{id:<8} {level:<6} {grade:<8} {scenarios:>9} {controls:>8} {defects:>7}  {standing}"
        )
    }
}

fn total(rows: &[Row<'_>], level: Level) -> String {
    let all: Vec<_> = rows.iter().filter(|it| it.requirement.level == level).collect();
    let judged: Vec<_> = all.iter().filter(|it| it.requirement.judging().is_some()).collect();
    let count = |test: &dyn Fn(&Row<'_>) -> bool| judged.iter().filter(|it| test(it)).count();
    let pending = count(&is_pending);
    format!(
        "{:<6} {} in all: {} not judged, {pending} pending; of the others {} have a scenario, {} a control, \
         {} evidence of grade A or B, {} a killed defect\n",
        level.word(),
        all.len(),
        all.len() - judged.len(),
        count(&|it| it.scenarios > 0),
        count(&|it| it.controls > 0),
        count(&|it| !is_pending(it) && it.requirement.grade().is_some_and(|it| it <= Grade::B)),
        count(&|it| it.killed > 0),
    )
}

fn is_pending(row: &Row<'_>) -> bool {
    row.requirement.judging().is_some_and(|it| it.pending.is_some())
}
