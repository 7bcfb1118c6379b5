//! What became of the requirements, area by area.

use std::fmt::Write as _;

use crate::report::data::{Report, Requirement, Standing};

/// A column, and what it counts.
const COLUMNS: [(&str, &[Standing]); 7] = [
    ("held", &[Standing::Pass]),
    ("broken", &[Standing::Fail]),
    ("known failing", &[Standing::KnownFailing]),
    ("inconclusive", &[Standing::Inconclusive, Standing::Error]),
    ("vacuous", &[Standing::Vacuous]),
    ("not judged", &[Standing::NotTestable, Standing::NotApplicable, Standing::NotRun]),
    ("not claimed", &[Standing::Unclaimed]),
];

/// The table. What no gateway is judged by is not in it.
pub(super) fn text(report: &Report) -> String {
    let mut text = format!("\n{:<11} {:>12}", "area", "requirements");
    for (title, _) in COLUMNS {
        write!(text, "  {title:>width$}", width = title.len().max(6)).expect("writing to a string");
    }
    let areas = report.areas.iter().map(|it| (it.name.as_str(), Some(it.id.as_str())));
    for (name, id) in areas.chain([("all", None)]) {
        let of: Vec<&Requirement> = report
            .requirements
            .iter()
            .filter(|it| id.is_none_or(|id| it.area == id) && it.verdict != Standing::Excluded)
            .collect();
        if of.is_empty() {
            continue;
        }
        write!(text, "\n{name:<11} {:>12}", of.len()).expect("writing to a string");
        for (title, standings) in COLUMNS {
            let count = of.iter().filter(|it| standings.contains(&it.verdict)).count();
            write!(text, "  {count:>width$}", width = title.len().max(6))
                .expect("writing to a string");
        }
    }
    text.push('\n');
    text
}
