//! Whatever a first frame says, it is decided upon, and no secret in it comes back.

use proptest::prelude::*;

use super::*;

/// What a client sends as a secret.
const SENT: &str = "hush-hush-hush";

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z.]{0,12}".prop_map(Value::from),
        Just(json!(SENT)),
        Just(json!(["operator.read", "operator.admin"])),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-zA-Z]{1,8}", inner, 0..4)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// The places of a connect that a case may write anything to.
const PLACES: [&str; 20] = [
    "/minProtocol",
    "/maxProtocol",
    "/client",
    "/client/id",
    "/client/mode",
    "/client/version",
    "/client/platform",
    "/role",
    "/scopes",
    "/caps",
    "/auth",
    "/auth/token",
    "/auth/deviceToken",
    "/auth/bootstrapToken",
    "/auth/password",
    "/device",
    "/device/publicKey",
    "/device/signature",
    "/device/signedAt",
    "/device/nonce",
];

fn full() -> Value {
    let auth =
        json!({ "token": SENT, "deviceToken": SENT, "bootstrapToken": SENT, "password": SENT });
    signed(4, with(params("cli", "cli"), &json!({ "auth": auth })))
}

fn decide(version: Version, text: &str) -> String {
    let mut lab = Lab::new(version);
    told(version, lab.first(text))
}

proptest! {
    #[test]
    fn no_text_is_too_much(text in any::<String>(), old in any::<bool>()) {
        let told = decide(if old { OLD } else { NEW }, &text);
        prop_assert!(!told.is_empty());
    }

    #[test]
    fn no_frame_after_the_handshake_is_too_much(value in any_json(), kind in "req|res|x", old in any::<bool>()) {
        let version = if old { OLD } else { NEW };
        let frames = [value.clone(), json!({ "type": kind, "id": value, "method": "x" }),
            json!({ "type": "req", "id": "1", "method": value }), json!({ "type": kind, "id": "1", "method": "x", "params": value })];
        for frame in frames {
            if let Err(Unreadable::NotRequest(response)) = frame::read(version, &frame.to_string()) {
                let told = response.json().to_string();
                // An id is repeated, nothing else is.
                prop_assert!(frame["id"] == SENT || !told.contains(SENT), "{}", told);
            }
        }
    }

    #[test]
    fn no_change_of_a_connect_makes_it_tell_a_secret(
        changes in proptest::collection::vec((0..PLACES.len(), any_json()), 0..4),
        old in any::<bool>(),
    ) {
        let mut params = full();
        for (place, value) in changes {
            if let Some(found) = params.pointer_mut(PLACES[place]) {
                *found = value;
            }
        }
        let text = json!({ "type": "req", "id": "1", "method": "connect", "params": params }).to_string();
        let told = decide(if old { OLD } else { NEW }, &text);
        prop_assert!(!told.contains(SENT) && !told.contains(TOKEN), "{}", told);
    }

    #[test]
    fn no_cut_of_a_frame_is_too_much(at in 0_usize..2_000, old in any::<bool>()) {
        let frame = json!({ "type": "req", "id": "1", "method": "connect", "params": full() }).to_string();
        let text: String = frame.chars().take(at).collect();
        let told = decide(if old { OLD } else { NEW }, &text);
        prop_assert!(!told.contains(SENT) && !told.contains(TOKEN), "{}", told);
    }
}
