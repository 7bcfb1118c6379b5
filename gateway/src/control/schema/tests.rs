use std::collections::BTreeMap;

use super::*;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "what is read is compared as it is printed")]
struct Send {
    #[schemars(length(min = 1))]
    session_key: String,
    message: String,
    idempotency_key: String,
    #[schemars(range(min = 1, max = 10))]
    limit: Option<u64>,
    mood: Option<Mood>,
    #[serde(default)]
    label: Change<String>,
    #[serde(default)]
    tags: Vec<String>,
    marks: Option<BTreeMap<String, bool>>,
    place: Option<Place>,
}

/// Documented, so that the schema is generated with branches.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mood {
    /// Good.
    Glad,
    /// Bad.
    Sad,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the same")]
struct Place {
    x: i64,
}

fn read(version: Version, params: &Value) -> String {
    match check::<Send>(version, "chat.send", params) {
        Ok(read) => format!("{read:?}"),
        Err(error) => error.message,
    }
}

#[track_caller]
fn check_3(params: &Value, expected: &str) {
    assert_eq!(read(Version::V2026_3, params), format!("invalid chat.send params: {expected}"));
}

fn with(name: &str, value: Value) -> Value {
    let mut params = json!({ "sessionKey": "main", "message": "x", "idempotencyKey": "k" });
    params[name] = value;
    params
}

#[test]
fn captured_messages_are_the_same() {
    check_3(
        &json!({ "foo": 1 }),
        "must have required property 'sessionKey'; must have required property 'message'; must have required \
         property 'idempotencyKey'; at root: unexpected property 'foo'",
    );
    check_3(
        &json!({ "sessionKey": "main", "message": "x" }),
        "must have required property 'idempotencyKey'",
    );
}

#[test]
fn all_problems_are_told_at_once_and_values_never() {
    check_3(&json!(null), "must be object");
    check_3(&json!("secret"), "must be object");
    check_3(
        &json!({ "sessionKey": "", "message": 1, "limit": 11, "place": { "y": 1 }, "a": 1, "b": 2 }),
        "must have required property 'idempotencyKey'; at root: unexpected property 'a'; at root: unexpected \
         property 'b'; at /sessionKey: must NOT have fewer than 1 characters; at /message: must be string; at \
         /limit: must be <= 10; at /place: must have required property 'x'; at /place: unexpected property 'y'",
    );
    check_3(&with("limit", json!(0)), "at /limit: must be >= 1");
    check_3(&with("limit", json!(1.5)), "at /limit: must be integer");
    check_3(
        &with("tags", json!(["a", 1, null])),
        "at /tags/1: must be string; at /tags/2: must be string",
    );
    check_3(&with("marks", json!({ "a/b": "yes" })), "at /marks/a~1b: must be boolean");
}

#[test]
fn no_optional_property_is_null_unless_that_clears_it() {
    check_3(&with("limit", json!(null)), "at /limit: must be integer");
    check_3(&with("place", json!(null)), "at /place: must be object");
    check_3(
        &with("label", json!(7)),
        "at /label: must be string; at /label: must be null; at /label: must match a schema in anyOf",
    );
    let label = |params: Value| check::<Send>(Version::V2026_3, "x", &params).unwrap().label;
    assert_eq!(label(with("label", json!(null))), Change::Clear);
    assert_eq!(label(with("label", json!("a"))), Change::Set("a".to_owned()));
    assert_eq!(label(with("tags", json!([]))), Change::Keep);
}

#[test]
fn a_choice_of_names_is_told_as_the_version_does() {
    check_3(
        &with("mood", json!("odd")),
        "at /mood: must be equal to constant; at /mood: must match a schema in anyOf",
    );
    check_3(
        &with("mood", json!(null)),
        "at /mood: must be string; at /mood: must be equal to constant; at /mood: must match a schema in anyOf",
    );
    assert_eq!(
        read(Version::V2026_9, &with("mood", json!("odd"))),
        "invalid chat.send params: at /mood: must be equal to one of the allowed values"
    );
    let glad = check::<Send>(Version::V2026_3, "x", &with("mood", json!("glad"))).unwrap();
    assert!(matches!(glad.mood, Some(Mood::Glad)));
}

#[test]
fn numbers_may_be_written_as_floats() {
    let read = |limit| check::<Send>(Version::V2026_3, "x", &with("limit", limit)).unwrap().limit;
    assert_eq!(read(json!(3.0)), Some(3));
    assert_eq!(read(json!(3)), Some(3));
    check_3(&with("place", json!({ "x": 1e300 })), "validation error");
}

#[test]
fn a_frame_full_of_mistakes_has_an_answer_of_bounded_length() {
    let many: serde_json::Map<String, Value> =
        (0..5_000).map(|at| (format!("{at}{}", "n".repeat(1_000)), json!(1))).collect();
    let told = read(Version::V2026_3, &Value::Object(many));
    assert!(told.len() < 6_000, "{}", told.len());
    let many = with("tags", json!(vec![1; 5_000]));
    assert!(read(Version::V2026_3, &many).len() < 6_000);
}

#[test]
fn the_schema_that_is_shown_is_the_one_that_is_checked() {
    let shape = Shape::<Send>::new().without(&[("/mood", "sad"), ("", "place")]);
    assert_eq!(shape.json()["properties"]["mood"]["enum"], json!(["glad"]));
    assert_eq!(shape.json()["properties"]["limit"]["type"], "integer");
    assert_eq!(shape.json()["additionalProperties"], false);
    assert!(!shape.json().to_string().contains("keepsNull"));
    let refused = shape.check(Version::V2026_9, "x", &with("place", json!({ "x": 1 })));
    assert_eq!(
        refused.unwrap_err().message,
        "invalid x params: at root: unexpected property 'place'"
    );
}
