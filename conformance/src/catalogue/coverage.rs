//! Which scenarios judge a requirement, and which controls show that their checks can fail.

use std::fmt;

use creel_sim::scenario::Scenario;

use super::Requirement;

/// A scenario that judges a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover<'a> {
    /// The scenario's id.
    pub scenario: &'a str,
    /// The profiles under which it judges it.
    pub profiles: Vec<&'a str>,
    /// The labels of the checks that judge it: expectations, and the invariant if the control names it.
    pub labels: Vec<&'a str>,
    /// Those of them that the scenario's control makes fail.
    pub flipped: Vec<&'a str>,
}

impl fmt::Display for Cover<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.scenario, self.labels.join(", "))?;
        match self.flipped.len() {
            0 => f.write_str("; no control)"),
            all if all == self.labels.len() => f.write_str(")"),
            _ => write!(f, "; control flips {})", self.flipped.join(", ")),
        }
    }
}

/// The scenarios that judge a requirement by what they expect, in their order. An invariant judges every scenario; only
/// those count here whose control makes it fail.
pub fn of<'a>(
    requirement: &Requirement,
    scenarios: impl IntoIterator<Item = &'a Scenario>,
) -> Vec<Cover<'a>> {
    scenarios.into_iter().filter_map(|it| cover(requirement, it)).collect()
}

fn cover<'a>(requirement: &Requirement, scenario: &'a Scenario) -> Option<Cover<'a>> {
    let flips = scenario.control.as_ref().map(|it| it.flips.as_slice()).unwrap_or_default();
    let judging = scenario.expect.iter().filter(|it| it.covers.contains(&requirement.id));
    let invariant = flips.iter().filter(|it| requirement.invariant.as_ref() == Some(it));
    let labels: Vec<&str> =
        judging.map(|it| it.label.as_str()).chain(invariant.map(String::as_str)).collect();
    let flipped = labels.iter().copied().filter(|it| flips.iter().any(|flip| flip == it)).collect();
    let profiles: Vec<&str> =
        scenario.profiles.iter().map(String::as_str).filter(|it| requirement.is_of(it)).collect();
    let covers = !labels.is_empty() && !profiles.is_empty();
    covers.then_some(Cover { scenario: &scenario.id, profiles, labels, flipped })
}
