//! What came of the defects in an earlier run, for those that a later run leaves out.

use std::time::Duration;

use serde_json::Value;

use super::{
    defects::Defect,
    hunt::{Kill, Outcome},
    table::Row,
};

/// The rows of all defects, in their order: the new ones, and of the others those that an earlier run wrote down, as far
/// as nothing of the defect has changed since. Those that were never hunted are left out.
pub fn joined(all: &[Defect], rows: &[Row], earlier: &Value) -> Vec<Row> {
    let of = |defect: &Defect| {
        let new = rows.iter().find(|it| it.defect.id == defect.id).cloned();
        new.or_else(|| kept(defect, earlier))
    };
    all.iter().filter_map(of).collect()
}

fn kept(defect: &Defect, earlier: &Value) -> Option<Row> {
    let text = |row: &Value, key: &str| row[key].as_str().map(ToOwned::to_owned);
    let Defect { id, requirement: _, also: _, file, within, find, replace, why: _ } = defect;
    let is_it = |row: &&Value| {
        let same = |(key, value): (&str, &String)| row[key] == *value;
        [("id", id), ("file", file), ("find", find), ("replace", replace)].into_iter().all(same)
            && row["within"].as_str() == within.as_deref()
    };
    let row = earlier["defects"].as_array()?.iter().find(is_it)?;
    let outcome = match row["outcome"].as_str()? {
        "killed" => Outcome::Killed(Kill {
            scenario: text(&row["by"], "scenario")?,
            profile: text(&row["by"], "profile")?,
            check: text(&row["by"], "check")?,
            cases: usize::try_from(row["failing_cases"].as_u64()?).ok()?,
            profiles: row["failing_profiles"]
                .as_array()?
                .iter()
                .filter_map(Value::as_str)
                .map(ToOwned::to_owned)
                .collect(),
            first: text(row, "first_requirement"),
        }),
        "survived" => Outcome::Survived,
        "broke" => Outcome::Broke(text(row, "reason")?),
        "hung" => Outcome::Hung(Duration::from_secs(seconds(row["reason"].as_str()?)?)),
        _ => return None,
    };
    Some(Row { defect: defect.clone(), outcome })
}

/// Of `after 3600 s`.
fn seconds(reason: &str) -> Option<u64> {
    reason.strip_prefix("after ")?.strip_suffix(" s")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::table;

    fn defect(id: &str, find: &str) -> Defect {
        Defect {
            id: id.to_owned(),
            requirement: "QUE-001".to_owned(),
            also: Vec::new(),
            file: "a.rs".to_owned(),
            within: None,
            find: find.to_owned(),
            replace: "b".to_owned(),
            why: "it is planted".to_owned(),
        }
    }

    fn killed(cases: usize) -> Outcome {
        Outcome::Killed(Kill {
            scenario: "queue/a".to_owned(),
            profile: "2026.3".to_owned(),
            check: "request".to_owned(),
            cases,
            profiles: vec!["2026.3".to_owned()],
            first: Some("QUE-001".to_owned()),
        })
    }

    #[test]
    fn a_row_is_kept_until_its_defect_changes_or_is_hunted_again() {
        let row = |id: &str, outcome| Row { defect: defect(id, "x"), outcome };
        let before = [
            row("killed", killed(3)),
            row("again", killed(2)),
            row("hung", Outcome::Hung(Duration::from_mins(1))),
            row("broke", Outcome::Broke("no answer".to_owned())),
            row("survived", Outcome::Survived),
            row("changed", killed(4)),
            row("gone", killed(5)),
        ];
        let ids = ["killed", "again", "hung", "broke", "survived", "never"];
        let mut all: Vec<_> = ids.map(|it| defect(it, "x")).into();
        all.push(defect("changed", "y"));
        let new = [row("again", killed(1))];
        let joined = joined(&all, &new, &table::json(&before));
        let lines: Vec<_> = joined.iter().map(|it| (&*it.defect.id, it.outcome.clone())).collect();
        let expected = [
            ("killed", killed(3)),
            ("again", killed(1)),
            ("hung", Outcome::Hung(Duration::from_mins(1))),
            ("broke", Outcome::Broke("no answer".to_owned())),
            ("survived", Outcome::Survived),
        ];
        assert_eq!(lines, expected);
    }
}
