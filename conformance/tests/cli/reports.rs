//! Reports for machines.

use serde_json::{Value, json};

use crate::{creel, scenarios::Folder};

/// Two cases, one green and one red.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.scenario("fails", &[("n: 1", "n: 2"), ("[exactly, visible]", "[visible]")]);
    folder
}

#[test]
fn a_json_report_says_what_the_lines_say() {
    let folder = folder();
    let ran = creel(&folder, &["run", "run", "--report", "json=out/report.json"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    let report: Value = serde_json::from_str(&folder.read("out/report.json")).unwrap();
    assert_eq!((&report["creel_report"], &report["target"]), (&json!(1), &json!("reference")));
    assert_eq!((&report["counts"]["pass"], &report["counts"]["fail"]), (&json!(1), &json!(1)));
    let [fails, fine] = report["cases"].as_array().unwrap().as_slice() else {
        panic!("{report:#}")
    };
    assert_eq!((&fails["scenario"], &fails["status"]), (&json!("run/fails"), &json!("fail")));
    assert_eq!(fails["checks"][0]["expected"], "exactly 2 `model-request` chat `alice`");
    assert_eq!(fails["checks"][0]["line"], 12);
    assert_eq!((&fine["status"], &fine["control"]["checks"]), (&json!("pass"), &json!(2)));
    assert_eq!(fine["trace_hash"].as_str().map(str::len), Some(64));
}

#[test]
fn json_on_standard_output_is_nothing_but_json() {
    let folder = folder();
    let ran = creel(&folder, &["run", "run", "--json", "--report", "json=report.json"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let printed: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(printed, serde_json::from_str::<Value>(&folder.read("report.json")).unwrap());
}

#[test]
fn a_junit_report_is_xml_with_every_case() {
    let folder = folder();
    let ran = creel(&folder, &["run", "run", "--report", "junit=a.xml", "--report", "json=b.json"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    let xml = folder.read("a.xml");
    assert_balanced(&xml);
    for part in [
        "<testsuites name=\"creel reference turmoil\" tests=\"2\" skipped=\"0\" failures=\"1\"",
        "<testcase name=\"run/fine\" classname=\"creel.2026.3\"",
        "<failure message=\"fail\">",
        "expected  exactly 2 `model-request` chat `alice`",
    ] {
        assert!(xml.contains(part), "the report lacks `{part}`:\n{xml}");
    }
    assert!(folder.read("b.json").starts_with('{'));
}

/// Every element that is opened is closed, in order, and nothing in between is taken for one.
#[track_caller]
fn assert_balanced(xml: &str) {
    let body = xml.split_once("?>").expect("it begins with a declaration").1;
    let mut open: Vec<&str> = Vec::new();
    for piece in body.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("`<{piece}` is not closed"));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "`</{name}>` closes something else");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().expect("an element has a name"));
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
}

#[test]
fn a_report_that_cannot_be_written() {
    let folder = Folder::new();
    folder.write("file", "");
    let ran = creel(&folder, &["run", "run/fine.yaml", "--report", "json=file/report.json"]);
    assert_eq!(ran.code, 2, "{ran:#?}");
    assert!(ran.err.starts_with("error: make file: "), "{}", ran.err);
    assert!(ran.out.contains("1 passed, 0 failed"), "what was found is told all the same");
}
