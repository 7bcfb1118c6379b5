//! Clients that name a device.

use super::*;

fn wrong_auth(version: Version, auth: &Value) -> String {
    Lab::new(version)
        .connect(&signed(1, with(params("gateway-client", "backend"), &json!({ "auth": auth }))))
}

fn device_token(told: &str) -> Option<String> {
    let (_, auth) = told.lines().next()?.split_once(" {")?;
    let auth: Value = serde_json::from_str(&format!("{{{auth}")).ok()?;
    Some(auth["deviceToken"].as_str()?.to_owned())
}

#[test]
fn wrong_and_missing_tokens_are_told_apart() {
    for version in Version::ALL {
        let details = json!({ "code": "AUTH_TOKEN_MISMATCH", "authReason": "token_mismatch",
            "canRetryWithDeviceToken": true, "recommendedNextStep": "retry_with_device_token" });
        let message = "unauthorized: gateway token mismatch (provide gateway auth token)";
        assert_eq!(wrong_auth(version, &json!({ "token": "nope" })), refused(message, &details));

        let details = json!({ "code": "AUTH_TOKEN_MISSING", "authReason": "token_missing",
            "canRetryWithDeviceToken": false, "recommendedNextStep": "update_auth_configuration" });
        let message = "unauthorized: gateway token missing (provide gateway auth token)";
        assert_eq!(wrong_auth(version, &json!({})), refused(message, &details));
        assert_eq!(wrong_auth(version, &json!({ "token": " " })), refused(message, &details));

        let code = |auth| {
            let told = wrong_auth(version, &auth);
            let code = told.split(r#""code":"#).nth(2).unwrap_or_default();
            code.split('"').nth(1).unwrap_or_default().to_owned()
        };
        assert_eq!(code(json!({ "bootstrapToken": "b" })), "AUTH_BOOTSTRAP_TOKEN_INVALID");
        assert_eq!(code(json!({ "deviceToken": "d" })), "AUTH_DEVICE_TOKEN_MISMATCH");
        assert_eq!(code(json!({ "token": "n", "deviceToken": "d" })), "AUTH_DEVICE_TOKEN_MISMATCH");
    }
}

#[test]
fn a_helper_of_the_gateway_needs_no_pairing() {
    for version in Version::ALL {
        let mut lab = Lab::new(version);
        let told = lab.connect(&signed(1, params("gateway-client", "backend")));
        assert!(told.contains("operator [operator.read,operator.write,operator.admin,"), "{told}");
        assert_eq!(device_token(&told), None);
        assert!(lab.devices.all_paired().is_empty());
    }
}

#[test]
fn a_new_device_on_this_machine_is_paired_and_gets_a_token() {
    let mut lab = Lab::new(OLD);
    let told = lab.connect(&signed(2, params("cli", "cli")));
    let sorted = [
        "operator.admin",
        "operator.approvals",
        "operator.pairing",
        "operator.read",
        "operator.write",
    ];
    let auth = json!({ "deviceToken": "device-token-1", "role": "operator", "scopes": sorted, "issuedAtMs": NOW_MS });
    let scopes = ALL_SCOPES.join(",");
    assert_eq!(told, format!("1 3 operator [{scopes}] by token {auth}\napproved request-1"));
    // It keeps it.
    let again = lab.next(2).connect(&signed(2, params("cli", "cli")));
    assert_eq!(again, format!("1 3 operator [{scopes}] by token {auth}"));

    let told = Lab::new(NEW).connect(&signed(2, params("cli", "cli")));
    let auth = json!({ "method": "token", "deviceToken": "device-token-1", "role": "operator", "scopes": ALL_SCOPES,
        "issuedAtMs": NOW_MS });
    assert_eq!(told, format!("1 4 operator [{scopes}] by token {auth}\napproved request-1"));
}

#[test]
fn a_narrower_connection_is_just_that() {
    for version in Version::ALL {
        let mut lab = Lab::new(version);
        lab.connect(&signed(2, params("cli", "cli")));
        let narrow = with(params("cli", "cli"), &json!({ "scopes": ["operator.read"] }));
        let told = lab.next(2).connect(&signed(2, narrow));
        assert!(told.contains("operator [operator.read] by token"), "{told}");
        assert_eq!(device_token(&told).as_deref(), Some("device-token-1"));
    }
}

#[test]
fn a_paired_device_comes_with_its_own_token() {
    for version in Version::ALL {
        let mut lab = Lab::new(version);
        let narrow = json!({ "scopes": ["operator.write"] });
        lab.connect(&signed(2, with(params("cli", "cli"), &narrow)));
        for auth in
            [json!({ "deviceToken": "device-token-1" }), json!({ "token": "device-token-1" })]
        {
            let params = with(with(params("cli", "cli"), &narrow), &json!({ "auth": auth }));
            let told = lab.next(2).connect(&signed(2, params.clone()));
            assert!(told.contains("operator [operator.write] by device-token"), "{told}");
            // Another device cannot use it.
            assert!(lab.connect(&signed(3, params)).contains("unauthorized"));
        }
        // Nor does it grant more than it was made for.
        let more = json!({ "auth": { "deviceToken": "device-token-1" } });
        let told = lab.connect(&signed(2, with(params("cli", "cli"), &more)));
        let code = match version {
            Version::V2026_3 => "AUTH_DEVICE_TOKEN_MISMATCH",
            Version::V2026_9 => "AUTH_SCOPE_MISMATCH",
        };
        assert!(told.contains(code), "{told}");
        let id = Key::new(2).id();
        lab.devices.revoke_token(&id, Role::Operator, NOW_MS).expect("there is one");
        let params = with(with(params("cli", "cli"), &narrow), &more);
        assert!(lab.connect(&signed(2, params)).contains("AUTH_DEVICE_TOKEN_MISMATCH"));
    }
}

#[test]
fn a_device_elsewhere_waits_for_approval() {
    for version in Version::ALL {
        let mut lab = Lab::remote(version);
        let id = Key::new(2).id();
        let mut details =
            json!({ "code": "PAIRING_REQUIRED", "requestId": "request-1", "reason": "not-paired" });
        if version == NEW {
            details["deviceId"] = json!(id);
            details["requestedRole"] = json!("operator");
            details["requestedScopes"] = json!(ALL_SCOPES);
        }
        let error =
            json!({ "code": "NOT_PAIRED", "message": "pairing required", "details": details });
        let waits = format!("\"1\" {error}\n1008 pairing required");
        let told = lab.connect(&signed(2, params("cli", "cli")));
        assert_eq!(told, format!("{waits}\nrequested \"request-1\""));
        // Asking again is the same request, and no news.
        assert_eq!(lab.next(2).connect(&signed(2, params("cli", "cli"))), waits);
        lab.devices.approve("request-1", Secret::new("t"), NOW_MS).unwrap().expect("it waits");
        let told = lab.connect(&signed(2, params("cli", "cli")));
        assert_eq!(device_token(&told).as_deref(), Some("t"));
        assert_eq!(lab.devices.paired(&id).unwrap().about.remote_ip.as_deref(), Some("192.0.2.1"));
    }
}

#[test]
fn a_device_that_asks_for_more_is_another_request() {
    for version in Version::ALL {
        let mut lab = Lab::remote(version);
        let narrow = with(params("cli", "cli"), &json!({ "scopes": ["operator.read"] }));
        let told = lab.connect(&signed(2, narrow.clone()));
        assert!(told.ends_with("requested \"request-1\""), "{told}");
        let told = lab.next(2).connect(&signed(2, params("cli", "cli")));
        assert!(told.ends_with("superseded request-1\nrequested \"request-2\""), "{told}");
        let told = lab.next(3).connect(&signed(2, narrow));
        assert!(told.contains("request-2") && !told.contains("superseded"), "{told}");
    }
}

#[test]
fn a_token_that_is_new_is_news() {
    for version in Version::ALL {
        let mut lab = Lab::new(version);
        lab.connect(&signed(2, params("cli", "cli")));
        lab.devices.revoke_token(&Key::new(2).id(), Role::Operator, NOW_MS).expect("there is one");
        let told = lab.next(2).connect(&signed(2, params("cli", "cli")));
        assert_eq!(device_token(&told).as_deref(), Some("device-token-2"), "{told}");
        assert!(told.ends_with("a new token"), "{told}");
        let told = lab.next(3).connect(&signed(2, params("cli", "cli")));
        assert_eq!(device_token(&told).as_deref(), Some("device-token-2"), "{told}");
        assert!(!told.contains("a new token"), "{told}");
    }
}

#[test]
fn what_a_paired_device_may_become_without_being_asked_differs() {
    let check = |version, changes: Value, expected: &str| {
        let mut lab = Lab::new(version);
        let narrow = with(params("cli", "cli"), &json!({ "scopes": ["operator.read"] }));
        lab.connect(&signed(2, narrow.clone()));
        let told = lab.next(2).connect(&signed(2, with(narrow, &changes)));
        assert!(told.contains(expected), "{version:?} {changes}: {told}");
    };
    let mut mac = client("cli", "cli");
    mac["platform"] = json!("darwin");
    for version in Version::ALL {
        check(version, json!({ "client": mac }), r#""reason":"metadata-upgrade""#);
        check(version, json!({ "scopes": ALL_SCOPES }), "approved request-2");
    }
    let node = json!({ "role": "node", "scopes": [] });
    check(OLD, node.clone(), r#""reason":"role-upgrade""#);
    check(NEW, node, "approved request-2");
}

#[test]
fn a_page_on_this_machine_is_paired_silently_only_if_it_is_ours() {
    for version in Version::ALL {
        let mut here = Lab { peer: Peer::Page, ..Lab::new(version) };
        let told = here.connect(&signed(2, params("cli", "cli")));
        assert!(told.contains("PAIRING_REQUIRED"), "{told}");
        let told = here.next(2).connect(&signed(3, params("openclaw-control-ui", "webchat")));
        assert!(told.contains("approved request-2"), "{told}");
    }
}

#[test]
fn a_device_that_is_not_who_it_says_is_refused() {
    for version in Version::ALL {
        let check = |change: fn(&mut Value), message: &str, code: &str, reason: &str| {
            let mut params = signed(2, params("cli", "cli"));
            change(&mut params);
            let details = json!({ "code": code, "reason": reason });
            assert_eq!(Lab::new(version).connect(&params), refused(message, &details));
        };
        check(
            |it| it["device"]["id"] = json!("ab"),
            "device identity mismatch",
            "DEVICE_AUTH_DEVICE_ID_MISMATCH",
            "device-id-mismatch",
        );
        check(
            |it| it["device"]["signedAt"] = json!(NOW_MS - 120_001),
            "device signature expired",
            "DEVICE_AUTH_SIGNATURE_EXPIRED",
            "device-signature-stale",
        );
        check(
            |it| it["device"]["nonce"] = json!(" "),
            "device nonce required",
            "DEVICE_AUTH_NONCE_REQUIRED",
            "device-nonce-missing",
        );
        check(
            |it| it["device"]["nonce"] = json!("another"),
            "device nonce mismatch",
            "DEVICE_AUTH_NONCE_MISMATCH",
            "device-nonce-mismatch",
        );
        check(
            |it| it["scopes"] = json!(["operator.admin"]),
            "device signature invalid",
            "DEVICE_AUTH_SIGNATURE_INVALID",
            "device-signature",
        );
    }
}

#[test]
fn a_signature_may_be_early_or_late_but_not_by_much() {
    let check = |now_ms, expected| {
        let mut lab = Lab { now_ms, ..Lab::new(OLD) };
        let told = lab.connect(&signed(2, params("cli", "cli")));
        assert_eq!(told.starts_with("1 3 operator"), expected, "{told}");
    };
    check(NOW_MS - 120_000, true);
    check(NOW_MS + 120_000, true);
    check(NOW_MS - 120_001, false);
    check(NOW_MS + 120_001, false);
}

#[test]
fn there_is_room_for_so_many_devices_that_wait() {
    for version in Version::ALL {
        let mut lab = Lab::remote(version);
        for number in 0..64 {
            let told = lab.next(number.into()).connect(&signed(number, params("cli", "cli")));
            assert!(told.contains("PAIRING_REQUIRED"), "{told}");
        }
        let told = lab.next(64).connect(&signed(64, params("cli", "cli")));
        assert!(told.contains("UNAVAILABLE") && told.contains("retryAfterMs"), "{told}");
        lab.now_ms += 100_000;
        assert!(lab.connect(&signed(64, params("cli", "cli"))).contains("UNAVAILABLE"));
        // Those who wait are forgotten, and there is room again.
        lab.devices.forget_expired(NOW_MS + 300_001);
        assert!(lab.connect(&signed(64, params("cli", "cli"))).contains("PAIRING_REQUIRED"));
    }
}
