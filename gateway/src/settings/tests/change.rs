use creel_core::profile::Version;
use serde_json::json;

use super::*;
use crate::settings::{
    file::{ConfigFile, Standing},
    tests::load_with,
};
use crate::state::StateFolder;

const FILE: &str = "{
  // The door.
  gateway: { auth: { token: 'canary-1' } },
  models: { providers: { p: { baseUrl: 'http://ann:pw@127.0.0.1:1/v1', apiKey: '${KEY}' } } },
  agents: { defaults: { model: 'p/m' }, list: [ { id: 'main', default: true }, { id: 'b' } ] },
}
";

fn standing() -> Standing {
    let folder = StateFolder::in_memory(std::collections::BTreeMap::new());
    let read = |text: &str| load_with(Version::V2026_3, text, &[("KEY", "canary-2")], &[]);
    let file = ConfigFile::within(folder, "openclaw.json", FILE, std::sync::Arc::new(read));
    file.look().unwrap().unwrap()
}

fn told(wanted: Result<Wanted, Error>) -> String {
    match wanted {
        Ok(wanted) => wanted.text(Some(&standing())),
        Err(error) => format!("refused: {error}"),
    }
}

#[test]
fn what_was_shown_can_come_back_and_nothing_is_lost() {
    let now = standing();
    let shown = now.loaded.as_ref().unwrap().settings.shown.clone();
    assert!(!shown.text.contains("canary") && !shown.text.contains("pw@"), "{}", shown.text);
    assert_eq!(told(replaced(&shown.text, Some(&now))), FILE);
    let mut changed = shown.json;
    changed["gateway"]["port"] = json!(1);
    let expected = FILE.replace("'canary-1' } }", "'canary-1' }, \"port\": 1 }");
    assert_eq!(told(replaced(&changed.to_string(), Some(&now))), expected);
}

#[test]
fn a_text_with_comments_is_written_as_it_is_but_for_its_stars() {
    let raw = "{ gateway: { auth: { token: '***' } } /* new */ }";
    let expected = "{ gateway: { auth: { token: \"canary-1\" } } /* new */ }";
    assert_eq!(told(replaced(raw, Some(&standing()))), expected);
}

#[test]
fn stars_that_stand_for_nothing_are_refused() {
    let check = |raw: &str, standing: Option<&Standing>, expected: &str| {
        let told = told(replaced(raw, standing));
        assert!(told.starts_with(&format!("refused: {expected} is hidden")), "{raw}: {told}");
    };
    let now = standing();
    check("{ hooks: { token: '***' } }", Some(&now), "hooks.token");
    check("{ gateway: { auth: { token: '***' } } }", None, "gateway.auth.token");
    let other = "{ models: { providers: { p: { baseUrl: 'http://******@elsewhere/v1' } } } }";
    check(other, Some(&now), "models.providers.p.baseUrl");
    let fewer = "{ tools: { args: ['***'] }, gateway: { auth: { token: '***' } } }";
    check(fewer, Some(&now), "tools.args[0]");
    assert_eq!(
        told(replaced("{ a: 1 } x", Some(&now))).lines().next(),
        Some("refused: raw:1:10: text cannot contain more than one JSON value"),
    );
    assert!(told(replaced("[]", Some(&now))).starts_with("refused: expected a map"));
}

#[test]
fn a_patch_changes_what_it_names_and_no_comment() {
    let now = standing();
    let told = |raw: &str| told(patched(raw, &now, &[]));
    assert_eq!(told("{}"), FILE);
    assert_eq!(
        told("{ agents: { list: [ { id: 'b', model: 'p/n' }, { id: 'c' } ] } }"),
        FILE.replace("{ id: 'b' } ]", "{ id: 'b', \"model\": \"p/n\" }, {\"id\":\"c\"} ]"),
    );
    assert_eq!(told("{ gateway: { auth: { token: '***' }, port: null } }"), FILE);
    assert_eq!(
        told("{ gateway: null }"),
        FILE.replace("  gateway: { auth: { token: 'canary-1' } },\n", "")
    );
}

#[test]
fn what_differs_is_named() {
    let before = json!({ "a": { "b": 1, "c": [1] }, "d": 1 });
    let after = json!({ "a": { "b": 2, "c": [1], "e": { "f": 1 } } });
    assert_eq!(changed(&before, &after), ["a.b", "a.e.f", "d"]);
    assert_eq!(changed(&before, &before), [""; 0]);
}

#[test]
fn a_list_that_loses_items_is_named() {
    let before =
        json!({ "a": { "x": [1, 2], "y": [] }, "l": [{ "id": "i", "z": [1] }, { "id": "j" }] });
    let check = |patch: &str, replaced: &[&str], expected: &[&str]| {
        let replaced: Vec<String> = replaced.iter().map(|it| (*it).to_owned()).collect();
        let mut after = before.clone();
        arrays::merge(&mut after, json5::parse(patch).unwrap().to_json(), ("", &replaced));
        assert_eq!(lost(&before, &after, &replaced), expected, "{patch}");
    };
    check("{ a: { x: [2, 1, 3] } }", &[], &[]);
    check("{ a: { x: [1] } }", &[], &["a.x"]);
    check("{ a: { x: [1] } }", &["a.x"], &[]);
    check("{ a: null }", &["a"], &["a.x", "a.y"]);
    check("{ l: [{ id: 'i', z: [2] }] }", &[], &["l[].z"]);
    check("{ l: [{ id: 'i', z: [2] }] }", &["l[].z"], &[]);
    check("{ l: null }", &["l"], &[]);
    check("{ l: [{ id: 'k' }] }", &["l"], &[]);
    check("{ l: [{ id: 'k' }] }", &[], &[]);
}
