//! Reads which requirements the expectations judge.
//!
//! Only the form of an id is checked here. Whether the catalogue has it is for whoever has the catalogue to say.

use super::{Expectation, at::At, context::Context};

/// The key, in a scenario and beside the word of an expectation.
pub(super) const KEY: &str = "covers";

/// How many letters an area's id has.
const AREA_LETTERS: usize = 3;

/// How many digits the number in an id has.
const NUMBER_DIGITS: usize = 3;

/// The requirements that a scenario or an expectation names itself, if it does.
pub(super) fn read(at: &At<'_>, context: &mut Context<'_>) -> Option<Vec<String>> {
    let at = at.get(KEY)?;
    let items = if at.text().is_some() { vec![at.clone()] } else { at.items() };
    let mut covers: Vec<String> = Vec::new();
    for item in &items {
        let Some(id) = item.text() else { continue };
        if !is_id(&id) {
            let problem = item.problem(format!("found `{id}`, expected the id of a requirement"));
            context.push(problem.help("three capitals and three digits, such as `QUE-003`"));
        } else if covers.contains(&id) {
            context.push(item.problem(format!("the requirement `{id}` stands here twice")));
        }
        covers.push(id);
    }
    if items.is_empty() {
        let problem = at.problem("found no requirement, expected one at the least");
        context.push(problem.help("leave `covers` out"));
    }
    Some(covers)
}

/// What the scenario names must be judged by something: an expectation that names nothing of its own.
pub(super) fn require_use(root: &At<'_>, items: &[At<'_>], context: &mut Context<'_>) {
    let Some(at) = root.get(KEY) else { return };
    if !items.is_empty() && items.iter().all(|it| it.get(KEY).is_some()) {
        let problem = at.problem("no expectation is left to judge these requirements");
        context.push(problem.help("each expectation has a `covers` of its own"));
    }
}

/// What all expectations judge, each requirement once.
pub(super) fn of_all(expect: &[Expectation]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for id in expect.iter().flat_map(|it| &it.covers) {
        if !all.contains(id) {
            all.push(id.clone());
        }
    }
    all
}

fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        area.len() == AREA_LETTERS
            && area.bytes().all(|it| it.is_ascii_uppercase())
            && number.len() == NUMBER_DIGITS
            && number.bytes().all(|it| it.is_ascii_digit())
    })
}
