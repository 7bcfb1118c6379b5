//! Reports for machines.

use serde_json::{Value, json};

use crate::{assert_refused, assert_said, creel, scenarios::Folder, shape};

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
    assert_eq!((&report["creel_report"], &report["target"]), (&json!(2), &json!("reference")));
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
fn a_report_is_as_its_schema_says() {
    let folder = folder();
    folder.scenario("is-stuck", &[("dmPolicy\": disabled", "streaming\": partial")]);
    folder.scenario("is-long", &[("after: 1s", "after: 1m")]);
    let ran = creel(&folder, &["run", "run", "--world", "events", "--report", "json=a.json"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    let schema = serde_json::from_str(&creel(&folder, &["schema", "report"]).out).unwrap();
    let report = serde_json::from_str(&folder.read("a.json")).unwrap();
    assert_eq!(shape::problems(&schema, &report), Vec::<String>::new());
}

#[test]
fn every_format_is_written() {
    let folder = folder();
    let formats = ["html=a/b.html", "md=a/b.md", "badge=a/b.svg", "github=-", "json=a/b.json"];
    let mut arguments = vec!["run", "run", "--nonce", "n-1"];
    arguments.extend(formats.iter().flat_map(|it| ["--report", it]));
    let ran = creel(&folder, &arguments);
    assert_eq!(ran.code, 1, "{ran:#?}");
    let annotation = "::error file=run/fails.yaml,line=12,title=fail run/fails (2026.3)::exactly: expected \
        exactly 2 `model-request`";
    assert!(ran.out.contains(annotation), "{}", ran.out);
    assert!(ran.out.contains("1 passed, 1 failed ("), "{}", ran.out);
    assert!(ran.out.contains("nonce n-1"), "{}", ran.out);
    for (file, begins, holds) in [
        ("a/b.html", "<!doctype html>", "<span class=\"id\">run&#x2f;fails</span>"),
        ("a/b.md", "# reference ", "### fail `run/fails`, profile 2026.3"),
        ("a/b.svg", "<svg ", "<title>creel 2026.3 + 2026.9: "),
    ] {
        let text = folder.read(file);
        assert!(text.starts_with(begins) && text.contains(holds), "{file}:\n{text}");
    }
}

#[test]
fn an_unknown_format_is_refused() {
    let ran = creel(&Folder::new(), &["run", "run", "--report", "pdf=a.pdf"]);
    assert_refused(&ran, 2, &["`pdf=a.pdf` is not a report", "`json=PATH`", "or `badge=PATH`"]);
}

/// Two runs of the same are told apart, and neither can be passed off as the other.
#[test]
fn each_run_has_a_nonce_of_its_own() {
    let folder = Folder::new();
    let nonce = |file: &str| {
        creel(&folder, &["run", "run", "--report", &format!("json={file}")]);
        let report: Value = serde_json::from_str(&folder.read(file)).unwrap();
        (report["nonce"].clone(), report["evidence"]["digest"].clone())
    };
    let (one, other) = (nonce("1.json"), nonce("2.json"));
    assert!(one.0 != other.0 && one.1 != other.1, "{one:?} {other:?}");
}

#[test]
fn a_report_that_was_changed_by_hand_is_refused() {
    let folder = folder();
    creel(&folder, &["run", "run", "--report", "json=a.json"]);
    let honest = folder.read("a.json");
    for (from, to) in [
        ("\"status\":\"fail\"", "\"status\":\"pass\""),
        ("\"target\":\"reference\"", "\"target\":\"another\""),
        ("\"seed\":1", "\"seed\":2"),
        ("\"trace_hash\":\"", "\"trace_hash\":\"0"),
    ] {
        assert!(honest.contains(from), "`{from}` is not in the report");
        folder.write("b.json", &honest.replace(from, to));
        let why = ["b.json was changed after it was written: its digest is "];
        assert_refused(&creel(&folder, &["compare", "a.json", "b.json"]), 2, &why);
        assert_refused(&creel(&folder, &["matrix", "b.json"]), 2, &why);
    }
    folder.write("b.json", &honest.replace("\"creel_report\":2", "\"creel_report\":1"));
    let ran = creel(&folder, &["matrix", "b.json"]);
    assert_refused(&ran, 2, &["b.json is a report of version 1, and this program reads version 2"]);
    folder.write("b.json", "[]");
    assert_refused(&creel(&folder, &["matrix", "b.json"]), 2, &["b.json is not a report that"]);
}

#[test]
fn what_held_and_is_broken_is_told() {
    let folder = Folder::new();
    let run = |file: &str| creel(&folder, &["run", "run", "--report", &format!("json={file}")]);
    assert_eq!(run("old.json").code, 0);
    folder.write("run/fine.yaml", &folder.read("run/fine.yaml").replace("n: 1", "n: 2"));
    assert_eq!(run("new.json").code, 1);
    let ran = creel(&folder, &["compare", "old.json", "new.json"]);
    assert_said(
        &ran,
        1,
        &["1 cases newly broken:\n  run/fine (2026.3)  pass → fail\n    is  exactly: "],
    );
    let back = creel(&folder, &["compare", "new.json", "old.json"]);
    assert_said(&back, 0, &["1 cases newly held:\n  run/fine (2026.3)  fail → pass"]);
    let ran = creel(&folder, &["compare", "old.json", "new.json", "--json"]);
    let changes: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &changes["cases"][0]["kind"]), (1, &json!("broken")));
}

#[test]
fn reports_stand_beside_each_other() {
    let folder = folder();
    creel(&folder, &["run", "run", "--report", "json=a.json"]);
    creel(&folder, &["run", "run/fine.yaml", "--report", "json=b.json"]);
    assert_said(
        &creel(&folder, &["matrix", "a.json", "b.json"]),
        0,
        &["| reference ", "| · | · |"],
    );
    let ran = creel(&folder, &["matrix", "a.json", "--html", "m/a.html", "--md", "m/a.md"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:#?}");
    assert!(folder.read("m/a.html").starts_with("<!doctype html>"));
    assert!(folder.read("m/a.md").starts_with("# Which gateway keeps what"));
    assert_refused(&creel(&folder, &["matrix", "none.json"]), 2, &["error: read none.json: "]);
}

/// Where nothing was judged, nothing is green.
#[test]
fn nothing_is_green_where_nothing_was_shown() {
    let folder = Folder::new();
    folder.scenario("is-long", &[("after: 1s", "after: 1m")]);
    let ran = creel(
        &folder,
        &["run", "run/is-long.yaml", "--world", "real", "--report", "badge=-", "--report", "md=-"],
    );
    assert_said(&ran, 4, &["2026.9: nothing shown</title>", ": nothing was shown to hold"]);
    assert_said(&ran, 4, &["0 facts, 0 checks held with witnesses"]);
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
