//! Whether the requirements that a scenario names are there, and can be judged by it.

use creel_document::{path::Path, problem::Problem};
use creel_sim::scenario::Scenario;

use super::{Catalogue, Standing};

/// What is wrong with the requirements that a scenario names. `text` is its file.
pub fn check(catalogue: &Catalogue, scenario: &Scenario, text: &str) -> Vec<Problem> {
    let problem = |id: &String| {
        let (message, help) = complaint(catalogue, scenario, id)?;
        let start = text.find(id.as_str()).unwrap_or_default();
        Some(Problem {
            help,
            ..Problem::new(start..start + id.len(), Path::default().key("covers"), message)
        })
    };
    scenario.covers.iter().filter_map(problem).collect()
}

fn complaint(
    catalogue: &Catalogue,
    scenario: &Scenario,
    id: &str,
) -> Option<(String, Option<String>)> {
    let Some(requirement) = catalogue.find(id) else {
        let near = catalogue.nearest(id).map(|it| format!("did you mean `{it}`?"));
        let help = near.unwrap_or_else(|| "`creel list --requirements` lists them".to_owned());
        return Some((format!("no requirement is called `{id}`"), Some(help)));
    };
    if let Standing::Excluded { why } = &requirement.standing {
        return Some((format!("the requirement `{id}` is not judged"), Some(why.clone())));
    }
    if !scenario.profiles.iter().any(|it| requirement.is_of(it)) {
        let profiles = requirement.profiles.join(", ");
        return Some((format!("the requirement `{id}` is of profile {profiles} alone"), None));
    }
    None
}
