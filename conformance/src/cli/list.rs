//! `creel list`.

use clap::Args;
use creel_sim::world::needs_virtual_time;
use serde_json::json;

use super::{Exit, explain, print, refuse};
use crate::{
    catalogue::{self, Catalogue, Level, Requirement, Standing, coverage},
    corpus::{self, Entry},
};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Ids, areas, globs over ids, or paths of files and folders. The built-in corpus if none is given.
    select: Vec<String>,
    /// List requirements instead, with what judges them.
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
                        "virtual_only": needs_virtual_time(&it.scenario),
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
    let mut text = format!(
        "{:<8} {:<6} {:<8} {:>9} {:>8}  standing\n",
        "id", "level", "evidence", "scenarios", "controls"
    );
    for requirement in catalogue.requirements() {
        let (scenarios, controls) = counts(requirement, entries);
        let grade = requirement.grade().map_or("", |it| it.letter());
        let Requirement { id, level, .. } = requirement;
        let level = level.word();
        let standing = standing(requirement);
        let row = format!("{id:<8} {level:<6} {grade:<8} {scenarios:>9} {controls:>8}  {standing}");
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text.push('\n');
    for level in Level::ALL {
        text.push_str(&total(catalogue, entries, level));
    }
    text
}

/// How many scenarios judge a requirement, and how many of their controls show that they can fail.
fn counts(requirement: &Requirement, entries: &[Entry]) -> (usize, usize) {
    let covers = coverage::of(requirement, entries.iter().map(|it| &*it.scenario));
    (covers.len(), covers.iter().filter(|it| !it.flipped.is_empty()).count())
}

fn standing(requirement: &Requirement) -> String {
    match &requirement.standing {
        Standing::Excluded { why } => format!("not judged: {why}"),
        Standing::Judged(judging) => {
            judging.pending.as_ref().map(|it| format!("pending: {it}")).unwrap_or_default()
        }
    }
}

fn total(catalogue: &Catalogue, entries: &[Entry], level: Level) -> String {
    let all: Vec<&Requirement> = catalogue.requirements().filter(|it| it.level == level).collect();
    let judged: Vec<_> = all.iter().filter_map(|it| Some((*it, it.judging()?))).collect();
    let pending = judged.iter().filter(|(_, it)| it.pending.is_some()).count();
    let covered: Vec<_> = judged.iter().map(|(it, _)| counts(it, entries)).collect();
    let with_scenario = covered.iter().filter(|(scenarios, _)| *scenarios > 0).count();
    let with_control = covered.iter().filter(|(_, controls)| *controls > 0).count();
    format!(
        "{:<6} {} in all, {} not judged, {pending} pending, {with_scenario} with a scenario, {with_control} with a control\n",
        level.word(),
        all.len(),
        all.len() - judged.len(),
    )
}
