//! `creel explain` and `creel spec`: what the harness and its catalogue mean.

use std::fmt::Write as _;

use clap::Args;
use creel_document::names;
use creel_judge::invariants;
use creel_sim::scenario::Scenario;
use serde_json::{Value, json};

use super::{Exit, complain, print, refuse, run};
use crate::{
    catalogue::{
        self, Area, Catalogue, Judging, Requirement, Standing,
        bugs::{self, Bug, Reach},
        coverage, kills, markdown,
    },
    corpus::{self, Entry},
    report::console::headline,
};

/// The topic that is not of the catalogue.
const BASE: &str = "base";

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A requirement's id, such as `QUE-003`; an area, such as `queue` or `QUE`; a public bug's id, such as `Q-01`; or
    /// `base`, the configuration that every scenario is merged over.
    topic: String,
    /// For this profile, where the topic is `base`.
    #[arg(long, default_value = "2026.3", value_parser = ["2026.3", "2026.9"])]
    profile: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        if self.topic == BASE {
            print(&format!("{:#}", run::base(&self.profile)));
            return Exit::Ok;
        }
        let entries = match corpus::choose(&[]) {
            Ok(entries) => entries,
            Err(error) => return refuse(error),
        };
        let catalogue = catalogue::built_in();
        if let Some(requirement) = catalogue.find(&self.topic.to_uppercase()) {
            if self.json {
                print(&format!("{:#}", as_json(requirement, &entries)));
            } else {
                print(explained(requirement, &entries).trim_end());
            }
        } else if let Some(area) = catalogue.area(&self.topic) {
            if self.json {
                let all: Vec<Value> =
                    area.requirements.iter().map(|it| as_json(it, &entries)).collect();
                print(&format!("{:#}", json!(all)));
            } else {
                print(overview(area).trim_end());
            }
        } else if let Some(bug) = bugs::find(&self.topic.to_uppercase()) {
            if self.json {
                print(&format!("{:#}", bug_as_json(bug, &entries)));
            } else {
                print(reproduced(bug, &entries).trim_end());
            }
        } else {
            complain(&format!("error: {}", unknown(catalogue, &self.topic)));
            return Exit::Usage;
        }
        Exit::Ok
    }
}

/// Prints the whole catalogue as markdown.
pub(super) fn spec() -> Exit {
    match corpus::choose(&[]) {
        Ok(entries) => {
            let scenarios: Vec<&Scenario> = entries.iter().map(|it| &*it.scenario).collect();
            print(markdown::document(catalogue::built_in(), &scenarios).trim_end());
            Exit::Ok
        }
        Err(error) => refuse(error),
    }
}

/// A public bug, and what would notice it again.
fn reproduced(bug: &Bug, entries: &[Entry]) -> String {
    let mut text = format!("{}: {}\n\n", bug.id, bug.was);
    let mut row = |what: &str, words: &str| line(&mut text, &format!("{what:<13} {words}"));
    row("reported", &bug.source);
    for entry in entries.iter().filter(|it| it.scenario.bugs.contains(&bug.id)) {
        row("reproduced by", &format!("{}: {}", entry.scenario.id, entry.scenario.title));
    }
    match &bug.reach {
        Reach::Whole => {}
        Reach::Without(part) => row("but not", part),
        Reach::Not(why) => row("by nothing", why),
    }
    text
}

fn bug_as_json(bug: &Bug, entries: &[Entry]) -> Value {
    let scenarios = entries.iter().filter(|it| it.scenario.bugs.contains(&bug.id));
    let (beyond, unreached) = match &bug.reach {
        Reach::Whole => (None, None),
        Reach::Without(part) => (Some(part), None),
        Reach::Not(why) => (None, Some(why)),
    };
    json!({
        "id": bug.id,
        "was": bug.was,
        "source": bug.source,
        "scenarios": scenarios.map(|it| &it.scenario.id).collect::<Vec<_>>(),
        "beyond": beyond,
        "unreached": unreached,
    })
}

fn unknown(catalogue: &Catalogue, topic: &str) -> String {
    let areas = catalogue.areas.iter().flat_map(|it| [it.name.as_str(), it.id.as_str()]);
    let near = catalogue
        .nearest(&topic.to_uppercase())
        .or_else(|| names::nearest(topic, areas.chain([BASE])));
    let hint = near.map(|it| format!(" (did you mean `{it}`?)")).unwrap_or_default();
    format!(
        "`{topic}` is nothing that can be explained: expected a requirement's or a bug's id, an area or `{BASE}`{hint}"
    )
}

fn overview(area: &Area) -> String {
    let mut text = format!("{} ({})\n", area.title, area.id);
    for requirement in &area.requirements {
        let standing = match &requirement.standing {
            Standing::Excluded { .. } => "  not judged",
            Standing::Judged(judging) if judging.pending.is_some() => "  pending",
            Standing::Judged(_) => "",
        };
        let Requirement { id, text: sentence, .. } = requirement;
        line(&mut text, &format!("{id} {sentence}{standing}"));
    }
    text
}

fn explained(requirement: &Requirement, entries: &[Entry]) -> String {
    let mut text = format!("{}\n\n", headline(requirement));
    let mut row = |what: &str, words: &str| line(&mut text, &format!("{what:<10} {words}"));
    row("profiles", &requirement.profiles.join(", "));
    row("contract", &requirement.contract.join(", "));
    match &requirement.standing {
        Standing::Excluded { why } => row("because", why),
        Standing::Judged(judging) => rows(requirement, judging, entries, &mut row),
    }
    text
}

fn rows(
    requirement: &Requirement,
    judging: &Judging,
    entries: &[Entry],
    row: &mut impl FnMut(&str, &str),
) {
    row("seen by", &format!("{}, on {} clock", judging.observe.join(", "), clock(judging)));
    if let Some(feature) = &requirement.feature {
        row("needs", feature);
    }
    for evidence in &judging.evidence {
        row("evidence", &evidence.to_string());
    }
    for outcome in &judging.outcomes {
        row("allowed", outcome);
    }
    row("control", &judging.control);
    if let Some(pending) = &judging.pending {
        row("pending", pending);
    }
    let always = invariants::ALL.iter().find(|it| Some(it.id) == requirement.invariant.as_deref());
    if let Some(invariant) = always {
        row("judged by", &format!("{} {} in every scenario", invariant.id, invariant.title));
    }
    for cover in coverage::of(requirement, entries.iter().map(|it| &*it.scenario)) {
        row("judged by", &cover.to_string());
    }
    for defect in kills::of(&requirement.id) {
        let what = if defect.killed { "noticed" } else { "not noticed" };
        row("defect", &format!("{}: {what}", defect.id));
    }
}

fn clock(judging: &Judging) -> &'static str {
    match judging.clock {
        catalogue::Clock::Any => "any",
        catalogue::Clock::Virtual => "a virtual",
    }
}

/// A requirement for machines.
pub(super) fn as_json(requirement: &Requirement, entries: &[Entry]) -> Value {
    let mut value = json!({
        "id": requirement.id,
        "level": requirement.level.word(),
        "text": requirement.text,
        "contract": requirement.contract,
        "profiles": requirement.profiles,
        "feature": requirement.feature,
        "invariant": requirement.invariant,
    });
    match &requirement.standing {
        Standing::Excluded { why } => value["excluded"] = json!(why),
        Standing::Judged(judging) => {
            let evidence = judging.evidence.iter().map(|it| {
                json!({
                    "grade": it.grade.letter(),
                    "source": it.source.word(),
                    "version": it.source.version(),
                    "place": it.place,
                    "quote": it.quote,
                })
            });
            let covers = coverage::of(requirement, entries.iter().map(|it| &*it.scenario));
            let covers = covers.iter().map(
                |it| json!({ "scenario": it.scenario, "checks": it.labels, "flipped": it.flipped }),
            );
            value["observe"] = json!(judging.observe);
            value["clock"] = json!(judging.clock.word());
            value["outcomes"] = json!(judging.outcomes);
            value["control"] = json!(judging.control);
            value["pending"] = json!(judging.pending);
            value["evidence"] = evidence.collect();
            value["scenarios"] = covers.collect();
            let defects = kills::of(&requirement.id).iter();
            value["defects"] =
                defects.map(|it| json!({ "id": it.id, "killed": it.killed })).collect();
        }
    }
    value
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string");
}
