//! The catalogue as its readers meet it.

use serde_json::Value;

use crate::{assert_refused, assert_said, creel, creel_anywhere, scenarios::Folder};

#[test]
fn a_requirement_is_explained() {
    let says = [
        "QUE-003 MUST, evidence A: In mode collect, what arrives during a run MUST become one follow-up turn.",
        "profiles   2026.3, 2026.9",
        "contract   4.3.1",
        "evidence   A docs-3 (2026.3.13), concepts/queue.md: “",
        "judged by  queue/collect-merges-a-burst (exactly, request, visible)",
    ];
    assert_said(&creel_anywhere(&["explain", "que-003"]), 0, &says);
    let json = creel_anywhere(&["explain", "QUE-003", "--json"]).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["level"], "MUST");
    assert_eq!(json["evidence"][0]["version"], "2026.3.13");
}

#[test]
fn an_invariants_requirement_says_that_every_scenario_is_judged() {
    let says = ["judged by  I1 conservation in every scenario", "allowed    in steer-backlog"];
    assert_said(&creel_anywhere(&["explain", "QUE-075"]), 0, &says);
}

#[test]
fn what_is_not_judged_says_why() {
    let says =
        ["CTL-017 SHOULD, not judged:", "because    the names are counted where they are built"];
    assert_said(&creel_anywhere(&["explain", "CTL-017"]), 0, &says);
}

#[test]
fn an_area_is_explained_by_its_requirements() {
    assert_said(&creel_anywhere(&["explain", "session"]), 0, &["Sessions (SES)", "SES-001 With"]);
    assert_said(&creel_anywhere(&["explain", "SES"]), 0, &["Sessions (SES)"]);
}

#[test]
fn a_public_bug_is_explained_by_what_reproduces_it() {
    let says =
        ["Q-04: A message", "reproduced by regressions/openclaw-q-04-", "but not       a gateway"];
    assert_said(&creel_anywhere(&["explain", "q-04"]), 0, &says);
    assert_said(
        &creel_anywhere(&["explain", "A-03"]),
        0,
        &["by nothing    compaction is not built"],
    );
    let json: Value =
        serde_json::from_str(&creel_anywhere(&["explain", "A-03", "--json"]).out).unwrap();
    assert_eq!(json["unreached"], "compaction is not built");
}

#[test]
fn what_cannot_be_explained_is_refused_with_what_was_meant() {
    let refused = |topic: &str, says: &str| {
        assert_refused(&creel_anywhere(&["explain", topic]), 2, &[says]);
    };
    refused("QUE-03", "did you mean `QUE-003`?");
    refused("quue", "did you mean `queue`?");
    refused("bas", "did you mean `base`?");
    refused("weather", "expected a requirement's or a bug's id, an area or `base`");
}

#[test]
fn requirements_are_listed_with_what_judges_them() {
    let ran = creel_anywhere(&["list", "--requirements"]);
    assert_said(&ran, 0, &["id       level  evidence", "\nQUE-003  MUST   A", "\nMUST   "]);
    let json = creel_anywhere(&["list", "--requirements", "--json"]).out;
    let rows: Value = serde_json::from_str(&json).unwrap();
    let ids: Vec<&str> =
        rows.as_array().unwrap().iter().filter_map(|it| it["id"].as_str()).collect();
    assert!(ids.contains(&"QUE-003") && ids.contains(&"CTL-001"), "{ids:?}");
}

/// An id that is misspelt in a file of the user's is told where it stands.
#[test]
fn a_scenario_that_names_no_requirement_of_the_catalogue_is_refused() {
    let folder = Folder::new();
    let title = "title: A message is answered";
    let refused = |covers: &str, says: &str| {
        folder.scenario("covers", &[(title, &format!("{title}\ncovers: [{covers}]"))]);
        assert_refused(&creel(&folder, &["lint", "run/covers.yaml"]), 2, &[says]);
    };
    refused("QUE-999", "no requirement is called `QUE-999`");
    refused("CTL-017", "the requirement `CTL-017` is not judged");
}
