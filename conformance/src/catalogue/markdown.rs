//! The catalogue as a document to read: `conformance/SPEC.md`.

use std::fmt::Write as _;

use creel_judge::invariants;
use creel_sim::scenario::Scenario;

use super::{Area, Catalogue, Judging, Requirement, Standing, bugs, coverage};

/// How the document is made again, for whoever finds it out of date.
pub const COMMAND: &str = "creel spec > conformance/SPEC.md";

/// The whole document, with the scenarios that judge each requirement.
pub fn document(catalogue: &Catalogue, scenarios: &[&Scenario]) -> String {
    let mut text = format!(
        "# What a gateway must do\n\n\
         Every promise of the contract that is judged, and what was left out and why. Made by `{COMMAND}`; the source is\n\
         `conformance/requirements/`. A requirement's level is its one word in capitals. Evidence has a grade: **A** the vendor\n\
         promises it, **B** two independent implementations do it, **C** one does or somebody reported it, **D** we decided.\n\
         Which scenarios would notice which [public bug](#public-bugs) again stands at the end.\n\n\
         | area | | MUST | SHOULD | MAY | left out |\n|---|---|---|---|---|---|\n"
    );
    for area in &catalogue.areas {
        let count = |test: &dyn Fn(&Requirement) -> bool| {
            area.requirements.iter().filter(|it| test(it)).count()
        };
        let judged = |word: &str| count(&|it| it.judging().is_some() && it.level.word() == word);
        let Area { id, title, .. } = area;
        let left_out = count(&|it| it.judging().is_none());
        let [must, should, may] = ["MUST", "SHOULD", "MAY"].map(judged);
        line(
            &mut text,
            &format!(
                "| [{id}](#{}) | {title} | {must} | {should} | {may} | {left_out} |",
                anchor(title)
            ),
        );
    }
    for area in &catalogue.areas {
        section(&mut text, area, scenarios);
    }
    bugs::section(&mut text, bugs::built_in(), scenarios);
    text
}

fn anchor(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

fn section(text: &mut String, area: &Area, scenarios: &[&Scenario]) {
    line(text, &format!("\n## {}", area.title));
    let is_judged = |it: &&Requirement| it.judging().is_some();
    for requirement in area.requirements.iter().filter(is_judged) {
        if let Standing::Judged(judging) = &requirement.standing {
            entry(text, requirement, judging, scenarios);
        }
    }
    let left_out: Vec<&Requirement> =
        area.requirements.iter().filter(|it| !is_judged(it)).collect();
    if left_out.is_empty() {
        return;
    }
    line(text, &format!("\n### {}: not judged\n", area.title));
    for requirement in left_out {
        if let Standing::Excluded { why } = &requirement.standing {
            line(
                text,
                &format!(
                    "- **{}**{} {} *{why}*",
                    requirement.id,
                    profile(requirement),
                    requirement.text
                ),
            );
        }
    }
}

fn entry(text: &mut String, requirement: &Requirement, judging: &Judging, scenarios: &[&Scenario]) {
    let Requirement { id, text: sentence, .. } = requirement;
    line(text, &format!("\n**{id}**{} {sentence}\n", profile(requirement)));
    for evidence in &judging.evidence {
        line(text, &format!("- evidence {evidence}"));
    }
    for outcome in &judging.outcomes {
        line(text, &format!("- allowed too: {outcome}"));
    }
    if let Some(invariant) = &requirement.invariant {
        let is_judged = invariants::ALL.iter().any(|it| it.id == invariant);
        let how = if is_judged { "judged in every scenario by" } else { "part of the invariant" };
        line(text, &format!("- {how} {invariant}"));
    }
    if let Some(pending) = &judging.pending {
        line(text, &format!("- pending: {pending}"));
    }
    let covers = coverage::of(requirement, scenarios.iter().copied());
    if !covers.is_empty() {
        let names: Vec<String> = covers.iter().map(|it| format!("`{}`", it.scenario)).collect();
        line(text, &format!("- scenarios {}", names.join(", ")));
    }
    line(text, &format!("- control: {}", judging.control));
}

/// The profile, where it is not all of them.
fn profile(requirement: &Requirement) -> String {
    match requirement.profiles.as_slice() {
        [only] => format!(" ({only})"),
        _ => String::new(),
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string");
}
