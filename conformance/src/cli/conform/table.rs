//! What became of the requirements, area by area.

use std::{collections::BTreeMap, fmt::Write as _};

use creel_judge::verdict::Verdict;

use crate::{
    catalogue,
    selection::{Goal, Selection},
    suite::{Check, Outcome, Status},
};

/// What the cases of a run say of a requirement. The worst word counts, but for what could not be told where others told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    /// Nothing exercised it.
    Vacuous,
    /// It could not be told.
    Inconclusive,
    /// It held, with evidence.
    Held,
    /// It is broken, which was known.
    Known,
    /// It is broken.
    Broken,
}

const COLUMNS: [(Word, &str); 5] = [
    (Word::Held, "held"),
    (Word::Broken, "broken"),
    (Word::Known, "known failing"),
    (Word::Inconclusive, "inconclusive"),
    (Word::Vacuous, "vacuous"),
];

/// A word for each requirement and profile that some check judged.
pub(super) fn verdicts(outcomes: &[Outcome]) -> BTreeMap<Goal, Word> {
    let mut words: BTreeMap<Goal, Word> = BTreeMap::new();
    for outcome in outcomes {
        let Ok(judged) = &outcome.result else { continue };
        for check in &judged.checks {
            let Some(word) = word(check, outcome.status()) else { continue };
            for id in &check.requirements {
                let known = words.entry((id.clone(), outcome.case.profile.clone())).or_insert(word);
                *known = (*known).max(word);
            }
        }
    }
    words
}

fn word(check: &Check, status: Status) -> Option<Word> {
    match &check.verdict {
        Verdict::Fail(_) if status == Status::KnownFailing => Some(Word::Known),
        Verdict::Fail(_) => Some(Word::Broken),
        Verdict::Pass { .. } => Some(Word::Held),
        Verdict::Inconclusive { .. } => Some(Word::Inconclusive),
        Verdict::Vacuous { .. } if check.line.is_some() => Some(Word::Vacuous),
        Verdict::Vacuous { .. } | Verdict::NotTestable { .. } | Verdict::NotApplicable { .. } => {
            None
        }
    }
}

/// The table, with what nothing judged.
pub(super) fn text(words: &BTreeMap<Goal, Word>, selection: &Selection) -> String {
    let titles = COLUMNS.map(|it| it.1);
    let mut text = format!("\n{:<12} {:>12}", "area", "requirements");
    for title in titles {
        write!(text, "  {title:>13}").expect("writing to a string");
    }
    text.push_str("  not judged\n");
    let areas = &catalogue::built_in().areas;
    let all = areas.iter().map(|it| (it.name.as_str(), format!("{}-", it.id)));
    for (name, start) in all.chain([("all", String::new())]) {
        let claimed: Vec<&Goal> = selection
            .judged
            .iter()
            .chain(selection.unreached.keys())
            .chain(words.keys().filter(|it| {
                !selection.judged.contains(*it) && !selection.unreached.contains_key(*it)
            }))
            .filter(|it| it.0.starts_with(&start))
            .collect();
        if claimed.is_empty() {
            continue;
        }
        write!(text, "{name:<12} {:>12}", claimed.len()).expect("writing to a string");
        for (word, _) in COLUMNS {
            let count = claimed.iter().filter(|it| words.get(**it) == Some(&word)).count();
            write!(text, "  {count:>13}").expect("writing to a string");
        }
        let none = claimed.iter().filter(|it| !words.contains_key(**it)).count();
        writeln!(text, "  {none:>10}").expect("writing to a string");
    }
    text
}
