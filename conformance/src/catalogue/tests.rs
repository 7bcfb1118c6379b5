use super::*;

/// A small file that is right. Tests break it in one place.
const SMALL: &str = r#"area = "OPS"
title = "Operations"

[[requirement]]
id = "OPS-001"
level = "MUST"
contract = ["9.5.1", "0.3"]
text = "A jump MUST change nothing."
observe = ["provider"]
clock = "any"
control = "no jump"
evidence = [{ grade = "A", source = "docs-3", place = "a.md", quote = "Nothing." }]

[[requirement]]
id = "OPS-003"
level = "MAY"
contract = ["9"]
profiles = ["2026.9"]
text = "It MAY rain."
excluded = "no weather"
"#;

/// What is wrong with a file, one line each, or `ok`.
fn problems(text: &str) -> String {
    match read(&[("operations.toml", text)]) {
        Ok(_) => "ok".to_owned(),
        Err(reports) => reports.iter().map(Report::plain).collect(),
    }
}

/// What is wrong with the small file after `from` was replaced by `to` in it.
#[track_caller]
fn problems_with(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from} should stand in the file");
    problems(&SMALL.replacen(from, to, 1))
}

#[test]
fn a_file_is_read() {
    let catalogue = read(&[("operations.toml", SMALL)]).unwrap();
    let [first, second] = catalogue.areas[0].requirements.as_slice() else { panic!() };
    assert_eq!((first.level, first.grade()), (Level::Must, Some(Grade::A)));
    assert_eq!(first.profiles, ["2026.3", "2026.9"]);
    assert_eq!(
        first.judging().unwrap().evidence[0].to_string(),
        "A docs-3 (2026.3.13), a.md: “Nothing.”"
    );
    assert_eq!(second.standing, Standing::Excluded { why: "no weather".to_owned() });
    assert!(second.is_of("2026.9") && !second.is_of("2026.3"));
    assert_eq!(catalogue.find("OPS-003"), Some(second));
    assert_eq!(catalogue.nearest("OPS-03"), Some("OPS-003"));
    assert_eq!(catalogue.area("ops").map(|it| it.name.as_str()), Some("operations"));
}

#[test]
fn every_mistake_is_told() {
    insta::assert_snapshot!(problems_with("area = \"OPS\"", "area = OPS"), @"operations.toml:1:8: string values must be quoted, expected literal string");
    insta::assert_snapshot!(problems_with("\"MAY\"", "\"CAN\""), @"operations.toml:16:9: requirement[1].level: found the text `CAN`, expected one of `MUST`, `SHOULD`, `MAY`");
    insta::assert_snapshot!(problems_with("clock", "clok"), @"operations.toml:10:1: requirement[0]: unknown key `clok` (did you mean `clock`?)");
    insta::assert_snapshot!(problems_with("excluded", "observe = []\nexcluded"), @"operations.toml:20:1: requirement[1]: `observe` does not go with `excluded` (it goes with `evidence`)");
    insta::assert_snapshot!(problems_with("control = \"no jump\"\n", ""), @"operations.toml:4:1: requirement[0]: missing key `control` (what is changed so that the check must fail)");
    insta::assert_snapshot!(problems_with("OPS-003", "OPS-001"), @"operations.toml:15:6: OPS-001: the id `OPS-001` stands behind `OPS-001` (ids count upwards, and none is given twice)");
    insta::assert_snapshot!(problems_with("OPS-003", "QUE-03"), @"operations.toml:15:6: QUE-03: found the id `QUE-03`, expected one such as `OPS-003`");
    insta::assert_snapshot!(problems_with("MUST change", "SHOULD and MUST change"), @"operations.toml:8:8: OPS-001: found the level words SHOULD, MUST, expected `MUST` once");
    insta::assert_snapshot!(problems_with("nothing.", "nothing. It just jumps."), @"operations.toml:8:8: OPS-001: expected one sentence");
    insta::assert_snapshot!(problems_with("\"0.3\"", "\"0.x\""), @"operations.toml:7:12: OPS-001: expected places of the contract such as `4.3.1`");
    insta::assert_snapshot!(problems_with("text", "invariant = \"I16\"\ntext"), @"operations.toml:8:13: OPS-001: no invariant is called `I16` (did you mean `I1`?)");
    insta::assert_snapshot!(problems_with("docs-3", "ours"), @r#"
    operations.toml:12:12: OPS-001: found evidence from `ours`, expected no quote with it
    operations.toml:12:12: OPS-001: grade `D` is for what is `ours`, and for nothing else
    "#);
    insta::assert_snapshot!(problems_with("[{ grade", "[] #"), @"operations.toml:12:12: OPS-001: a requirement rests on something");
    insta::assert_snapshot!(problems(&SMALL.replace("OPS", "QUE")), @"operations.toml:1:8: found the area `QUE`, whose file is `queue.toml`");
}
