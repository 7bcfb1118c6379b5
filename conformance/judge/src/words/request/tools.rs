//! What the word `request` says of tools.

use super::{Claim, Difference, Evidence};
use crate::{phrase::names, turns::Request};

pub(super) fn differences(claim: &Claim, found: &Request, evidence: Evidence) -> Vec<Difference> {
    let mut differences = Vec::new();
    let offered = found.tools(evidence.trace);
    let missing: Vec<_> = claim.offers.iter().filter(|it| !offered.contains(it)).collect();
    if !missing.is_empty() {
        let observed = format!("{} not offered", names(missing));
        differences.push((format!("{} offered", names(&claim.offers)), observed));
    }
    let present: Vec<_> = claim.withholds.iter().filter(|it| offered.contains(it)).collect();
    if !present.is_empty() {
        let observed = format!("{} offered", names(present));
        differences.push((format!("{} not offered", names(&claim.withholds)), observed));
    }
    if let Some(wanted) = &claim.results {
        let results = results(found, evidence);
        let fits = results.len() == wanted.len()
            && wanted.iter().zip(&results).all(|(wanted, text)| text.contains(wanted.as_str()));
        if !fits {
            let expected = format!("the results {} behind the last answer", names(wanted));
            differences.push((expected, format!("the results {}", names(&results))));
        }
    }
    differences
}

/// The results of tools behind the model's last answer.
fn results(found: &Request, evidence: Evidence) -> Vec<String> {
    let prompt = found.prompt(evidence.trace);
    let answered = prompt.iter().rposition(|it| it.role == "assistant").map_or(0, |it| it + 1);
    let behind = prompt.iter().skip(answered);
    behind.filter(|it| it.role == "tool").map(|it| it.text.clone()).collect()
}
