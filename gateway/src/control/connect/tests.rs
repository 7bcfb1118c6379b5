//! The handshakes that were captured of both releases, and those that their documentation tells of. A row is the facts of one:
//! what was sent, what was answered, how it ended.

use std::fmt::Write as _;

use serde_json::Map;

use super::*;
use crate::control::device::tests::{Device as Key, NOW_MS};

mod devices;
mod fuzz;
mod without_device;

const OLD: Version = Version::V2026_3;
const NEW: Version = Version::V2026_9;
const NONCE: &str = "nonce-1";
const TOKEN: &str = "canary-token";

const ALL_SCOPES: [&str; 5] =
    ["operator.read", "operator.write", "operator.admin", "operator.approvals", "operator.pairing"];

/// A gateway with a token and no devices; a test says what differs.
struct Lab {
    version: Version,
    token: Option<Secret>,
    peer: Peer,
    page: Page,
    attempts: Attempts,
    fresh: Fresh,
    now_ms: u64,
    devices: Devices,
    shape: Shape<ConnectParams>,
}

impl Lab {
    fn new(version: Version) -> Self {
        Self {
            version,
            token: Some(Secret::new(TOKEN)),
            peer: Peer::Program,
            page: Page::NeedsDevice,
            attempts: Attempts::Left,
            fresh: Fresh {
                request_id: "request-1".to_owned(),
                token: Secret::new("device-token-1"),
            },
            now_ms: NOW_MS,
            devices: Devices::default(),
            shape: ConnectParams::shape(version),
        }
    }

    fn remote(version: Version) -> Self {
        Self { peer: Peer::Remote("192.0.2.1".to_owned()), ..Self::new(version) }
    }

    fn first(&mut self, text: &str) -> First {
        let handshake = Handshake {
            version: self.version,
            shape: &self.shape,
            token: self.token.as_ref(),
            peer: &self.peer,
            page: self.page,
            attempts: self.attempts,
            nonce: NONCE,
            fresh: &self.fresh,
        };
        handshake.first(text, self.now_ms, &mut self.devices)
    }

    fn connect(&mut self, params: &Value) -> String {
        let text = json!({ "type": "req", "id": "1", "method": "connect", "params": params });
        told(self.version, self.first(&text.to_string()))
    }

    /// The same with another connection's random values.
    fn next(&mut self, number: u32) -> &mut Self {
        self.fresh = Fresh {
            request_id: format!("request-{number}"),
            token: Secret::new(format!("device-token-{number}")),
        };
        self
    }
}

/// Everything observable about a decision, a line each.
fn told(version: Version, first: First) -> String {
    let mut text = String::new();
    let news = match first {
        First::Refused(Refused { cause: _, response, close }, news) => {
            if let Some(response) = response {
                let frame = response.json();
                writeln!(text, "{} {}", frame["id"], frame["error"]).unwrap();
            }
            writeln!(text, "{} {}", close.code, close.reason).unwrap();
            news
        }
        First::Accepted(it) => {
            let auth = it.auth(version).map(|it| it.to_string()).unwrap_or_default();
            let (role, scopes, method) = (it.role.name(), &it.scopes, it.method.name());
            writeln!(text, "{} {} {role} [{scopes}] by {method} {auth}", it.id, it.protocol)
                .unwrap();
            it.news
        }
    };
    for news in news {
        match news {
            News::Requested(it) => writeln!(text, "requested {}", it["requestId"]).unwrap(),
            News::Approved { request_id, .. } => writeln!(text, "approved {request_id}").unwrap(),
            News::Superseded { request_id, .. } => {
                writeln!(text, "superseded {request_id}").unwrap();
            }
            News::Token => text.push_str("a new token\n"),
        }
    }
    text.trim_end().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn client(id: &str, mode: &str) -> Value {
    json!({ "id": id, "version": "1", "platform": "linux", "mode": mode })
}

fn params(id: &str, mode: &str) -> Value {
    json!({ "minProtocol": 3, "maxProtocol": 4, "client": client(id, mode), "role": "operator",
        "scopes": ALL_SCOPES, "caps": [], "auth": { "token": TOKEN } })
}

fn with(mut params: Value, changes: &Value) -> Value {
    let none = Map::new();
    for (name, value) in changes.as_object().unwrap_or(&none) {
        params[name] = value.clone();
    }
    params
}

/// The parameters with a device's proof in them.
fn signed(seed: u8, mut params: Value) -> Value {
    let key = Key::new(seed);
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let (id, client) = (key.id(), &params["client"]);
    let scopes: Vec<String> = params["scopes"].as_array().into_iter().flatten().map(text).collect();
    let tokens = ["token", "deviceToken", "bootstrapToken"].map(|it| text(&params["auth"][it]));
    let parts = [
        "v3".to_owned(),
        id.clone(),
        text(&client["id"]),
        text(&client["mode"]),
        text(&params["role"]),
        scopes.join(","),
        NOW_MS.to_string(),
        tokens.into_iter().find(|it| !it.is_empty()).unwrap_or_default(),
        NONCE.to_owned(),
        text(&client["platform"]),
        text(&client["deviceFamily"]),
    ];
    let signature = key.sign(&parts.join("|"));
    params["device"] = json!({ "id": id, "publicKey": key.public_key(), "signature": signature,
        "signedAt": NOW_MS, "nonce": NONCE });
    params
}

fn error(message: &str, details: &Value) -> String {
    let mut error = json!({ "code": "INVALID_REQUEST", "message": message });
    if !details.is_null() {
        error["details"] = details.clone();
    }
    format!("\"1\" {error}")
}

/// `1008` and the same words.
fn refused(message: &str, details: &Value) -> String {
    format!("{}\n1008 {message}", error(message, details))
}

#[test]
fn first_frames_that_are_no_connect_end_the_connection() {
    for version in Version::ALL {
        let check = |text: &str, expected: &str| {
            assert_eq!(told(version, Lab::new(version).first(text)), expected, "{text}");
        };
        check("hello", "1000");
        check(r#"{"type":"event","event":"x"}"#, "1008 invalid request frame");
        check("[1]", "1008 invalid request frame");
        check(r#"{"type":"req","method":"connect"}"#, "1008 invalid request frame");
        check(
            r#"{"type":"req","id":"1","method":"health"}"#,
            &refused("invalid handshake: first request must be connect", &Value::Null),
        );
        check(&"a".repeat(FIRST_FRAME_BYTES_MAX + 1), "1009 preauth payload too large");
        let missing = refused("invalid connect params: must be object", &Value::Null);
        check(r#"{"type":"req","id":"1","method":"connect"}"#, &missing);
    }
}

#[test]
fn connects_of_another_form_are_told_what_is_wrong() {
    for version in Version::ALL {
        let check = |params: Value, text: &str| {
            let expected = refused(&format!("invalid connect params: {text}"), &Value::Null);
            assert_eq!(Lab::new(version).connect(&params), expected);
        };
        check(
            json!({ "minProtocol": 3, "maxProtocol": 3 }),
            "must have required property 'client'",
        );
        let extra = with(params("gateway-client", "backend"), &json!({ "bogus": 1 }));
        check(extra, "at root: unexpected property 'bogus'");
        let names = match version {
            Version::V2026_3 => {
                "must be equal to constant; at /client/id: must match a schema in anyOf"
            }
            Version::V2026_9 => "must be equal to one of the allowed values",
        };
        check(params("my-suite", "backend"), &format!("at /client/id: {names}"));
    }
}

#[test]
fn reasons_of_closes_are_short_and_answers_are_not() {
    let mut params = params("cli", "cli");
    params["ü".repeat(90)] = json!(1);
    let told = Lab::new(OLD).connect(&params);
    let (answer, close) = told.split_once("\n1008 ").unwrap();
    assert!(answer.contains(&"ü".repeat(90)));
    assert!(close.len() <= 120 && close.ends_with('ü'), "{close}");
}

#[test]
fn protocols_without_ours_are_refused() {
    let check = |version, range: [u64; 2], expected: Option<Value>| {
        let range = json!({ "minProtocol": range[0], "maxProtocol": range[1] });
        let told = Lab::new(version).connect(&signed(1, with(params("cli", "cli"), &range)));
        match expected {
            Some(details) => assert_eq!(
                told,
                format!("{}\n1002 protocol mismatch", error("protocol mismatch", &details))
            ),
            None => assert!(told.starts_with("\"1\"") || told.starts_with("1 "), "{told}"),
        }
    };
    let old = json!({ "expectedProtocol": 3 });
    let new = |min: u64, max: u64| {
        json!({ "code": "PROTOCOL_MISMATCH", "clientMinProtocol": min, "clientMaxProtocol": max,
            "expectedProtocol": 4, "minimumProbeProtocol": 3 })
    };
    check(OLD, [1, 2], Some(old.clone()));
    check(OLD, [99, 99], Some(old.clone()));
    check(OLD, [4, 5], Some(old.clone()));
    check(OLD, [4, 3], Some(old));
    check(OLD, [3, 4], None);
    check(NEW, [1, 2], Some(new(1, 2)));
    check(NEW, [99, 99], Some(new(99, 99)));
    check(NEW, [3, 3], Some(new(3, 3)));
    check(NEW, [4, 5], None);
}

#[test]
fn nodes_and_probes_may_be_one_protocol_behind() {
    let behind = json!({ "minProtocol": 3, "maxProtocol": 3 });
    let node = with(params("node-host", "node"), &json!({ "role": "node", "scopes": [] }));
    let told = Lab::new(NEW).connect(&signed(1, with(node, &behind)));
    assert!(told.starts_with("1 3 node [] by token"), "{told}");
    let told = Lab::new(NEW).connect(&signed(1, with(params("openclaw-probe", "probe"), &behind)));
    assert!(told.starts_with("1 3 operator"), "{told}");
}

#[test]
fn unknown_roles_are_refused_and_unknown_scopes_left_out() {
    for version in Version::ALL {
        let wrong = with(params("cli", "cli"), &json!({ "role": "root" }));
        assert_eq!(Lab::new(version).connect(&wrong), refused("invalid role", &Value::Null));
        let more = json!({ "scopes": ["operator.read", "operator.moon", "operator.read"] });
        let told =
            Lab::new(version).connect(&signed(1, with(params("gateway-client", "backend"), &more)));
        assert!(
            told.starts_with(&format!("1 {} operator [operator.read] by token", protocol(version))),
            "{told}"
        );
        let mut none = params("gateway-client", "backend");
        none.as_object_mut().unwrap().remove("scopes");
        let told = Lab::new(version).connect(&signed(1, none));
        assert!(told.contains("operator [] by token"), "{told}");
    }
}

#[test]
fn waiting_times_are_those_that_were_seen() {
    assert_eq!(Version::ALL.map(first_frame_ms_max), [3_000, 15_000]);
    let challenge = challenge("n", 5).json();
    let expected = json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "n", "ts": 5 } });
    assert_eq!(challenge, expected);
}

#[test]
fn only_wrong_secrets_count_against_a_peer() {
    let cause = |text: &str| match Lab::new(OLD).first(text) {
        First::Refused(refused, _) => Some(refused.cause),
        First::Accepted(_) => None,
    };
    let connect = |params: Value| {
        let frame = json!({ "type": "req", "id": "1", "method": "connect", "params": params });
        cause(&frame.to_string())
    };
    let auth = |auth: Value| with(params("cli", "cli"), &json!({ "auth": auth }));
    assert_eq!(cause("hello"), Some(Cause::Malformed));
    assert_eq!(connect(json!({})), Some(Cause::Malformed));
    assert_eq!(connect(auth(json!({}))), Some(Cause::DeviceRequired));
    assert_eq!(connect(auth(json!({ "token": "nope" }))), Some(Cause::Guessed));
    assert_eq!(connect(signed(1, auth(json!({ "token": "nope" })))), Some(Cause::Guessed));
    assert_eq!(connect(signed(1, auth(json!({ "deviceToken": "nope" })))), Some(Cause::Guessed));
    assert_eq!(connect(signed(1, auth(json!({})))), Some(Cause::Unauthorized));
    assert_eq!(connect(params("cli", "cli")), None);
}
