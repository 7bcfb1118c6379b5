//! The planted defects fit the source, and what came of them is written down for exactly those that there are.
#![expect(clippy::unwrap_used, reason = "in a test, a failure is the report")]

use std::{collections::BTreeMap, fs, path::PathBuf};

use creel::mutants::{
    defects::{self, Defect},
    plant,
};
use serde_json::Value;

fn root() -> PathBuf {
    defects::root(PathBuf::from(env!("CARGO_MANIFEST_DIR")).as_path()).unwrap()
}

fn all() -> Vec<Defect> {
    defects::load(&root()).unwrap_or_else(|error| panic!("{error}"))
}

/// What came of the defects, if it is committed: the run takes long, and without its record nothing is claimed.
fn results() -> Option<Vec<Value>> {
    let text = fs::read_to_string(root().join(defects::FOLDER).join("results.json")).ok()?;
    let results: Value = serde_json::from_str(&text).unwrap();
    results["defects"].as_array().cloned()
}

/// Each text to find is in its file once: whoever moves the code moves the defect.
#[test]
fn every_defect_fits_its_source() {
    let mut problems = Vec::new();
    for defect in all() {
        let text = fs::read_to_string(root().join(&defect.file)).unwrap();
        if let Err(error) = plant::plant(&defect.file, &text, &[&defect]) {
            problems.push(error.to_string());
        }
    }
    assert!(problems.is_empty(), "{} defects do not fit:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn every_defect_is_for_a_requirement_of_the_catalogue() {
    let catalogue = creel::catalogue::built_in();
    let stray = |it: &&Defect| catalogue.find(&it.requirement).is_none();
    let stray: Vec<String> =
        all().iter().filter(stray).map(|it| format!("{}: {}", it.id, it.requirement)).collect();
    assert!(stray.is_empty(), "{}", stray.join("\n"));
}

/// `creel mutants --table conformance/defects/TABLE.md --results conformance/defects/results.json` writes both anew.
#[test]
fn the_results_are_of_these_defects() {
    let Some(rows) = results() else { return };
    let named = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let written: BTreeMap<String, (String, String, String)> = rows
        .iter()
        .map(|it| {
            (named(it, "id"), (named(it, "requirement"), named(it, "find"), named(it, "replace")))
        })
        .collect();
    let there: BTreeMap<String, (String, String, String)> =
        all().into_iter().map(|it| (it.id, (it.requirement, it.find, it.replace))).collect();
    let changed: Vec<&String> = there
        .iter()
        .filter(|(id, it)| written.get(*id) != Some(it))
        .map(|(id, _)| id)
        .chain(written.keys().filter(|it| !there.contains_key(*it)))
        .collect();
    assert!(changed.is_empty(), "the results are not of these defects: {changed:?}");
    let table = fs::read_to_string(root().join("conformance/defects/TABLE.md")).unwrap();
    let missing: Vec<&String> =
        there.keys().filter(|it| !table.contains(&format!("| `{it}` |"))).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
}

#[test]
fn all_defects_were_killed_and_nine_of_ten_by_their_requirement() {
    let Some(rows) = results() else { return };
    let alive: Vec<&Value> =
        rows.iter().filter(|it| it["outcome"] != "killed").map(|it| &it["id"]).collect();
    assert!(alive.is_empty(), "not killed: {alive:?}");
    let breaks = |row: &Value, first: &Value| {
        row["requirement"] == *first
            || row["also"].as_array().is_some_and(|also| also.contains(first))
    };
    let right = rows.iter().filter(|it| breaks(it, &it["first_requirement"])).count();
    assert!(rows.len() >= 60, "only {} defects", rows.len());
    assert!(
        right * 10 >= rows.len() * 9,
        "{right} of {} with the right requirement first",
        rows.len()
    );
}
