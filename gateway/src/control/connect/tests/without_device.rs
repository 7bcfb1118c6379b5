//! Clients that name no device.

use super::*;

const ALL: &str = "operator.read,operator.write,operator.admin,operator.approvals,operator.pairing";

fn not_paired(message: &str, code: &str) -> String {
    let error = json!({ "code": "NOT_PAIRED", "message": message, "details": { "code": code } });
    format!("\"1\" {error}\n1008 {message}")
}

fn auth_9(scopes: &[&str]) -> String {
    json!({ "method": "token", "role": "operator", "scopes": scopes }).to_string()
}

#[test]
fn without_a_device_the_older_version_empties_the_scopes() {
    for (id, mode) in [("gateway-client", "backend"), ("cli", "cli"), ("test", "test")] {
        let told = Lab::new(OLD).connect(&params(id, mode));
        assert_eq!(told, "1 3 operator [] by token", "{id}");
    }
}

#[test]
fn without_a_device_the_newer_version_keeps_those_of_local_programs() {
    for (id, mode) in [("gateway-client", "backend"), ("cli", "cli")] {
        let kept = format!("1 4 operator [{ALL}] by token {}", auth_9(&ALL_SCOPES));
        assert_eq!(Lab::new(NEW).connect(&params(id, mode)), kept, "{id}");
        let emptied = format!("1 4 operator [] by token {}", auth_9(&[]));
        assert_eq!(Lab::remote(NEW).connect(&params(id, mode)), emptied, "{id} from elsewhere");
        let mut page = Lab { peer: Peer::Page, ..Lab::new(NEW) };
        assert_eq!(page.connect(&params(id, mode)), emptied, "{id} from a browser");
    }
    let told = Lab::new(NEW).connect(&params("test", "test"));
    assert_eq!(told, format!("1 4 operator [] by token {}", auth_9(&[])));
}

#[test]
fn without_a_device_and_a_token_a_device_is_asked_for() {
    let required = not_paired("device identity required", "DEVICE_IDENTITY_REQUIRED");
    for version in Version::ALL {
        let without = |id, mode| with(params(id, mode), &json!({ "auth": {} }));
        assert_eq!(Lab::new(version).connect(&without("cli", "cli")), required);
        let node = with(params("node-host", "node"), &json!({ "role": "node", "scopes": [] }));
        assert_eq!(Lab::new(version).connect(&node), required);
        let mut open = Lab { token: None, ..Lab::new(version) };
        assert_eq!(open.connect(&without("cli", "cli")), required);
    }
    let mut open = Lab { token: None, ..Lab::new(NEW) };
    let told = open.connect(&params("gateway-client", "backend"));
    assert!(told.starts_with(&format!("1 4 operator [{ALL}] by none")), "{told}");
}

#[test]
fn a_wrong_token_without_a_device_is_told_so() {
    for version in Version::ALL {
        let wrong = with(params("cli", "cli"), &json!({ "auth": { "token": "nope" } }));
        let details = json!({ "code": "AUTH_TOKEN_MISMATCH", "authReason": "token_mismatch",
            "canRetryWithDeviceToken": false, "recommendedNextStep": "update_auth_credentials" });
        let message = "unauthorized: gateway token mismatch (provide gateway auth token)";
        assert_eq!(Lab::new(version).connect(&wrong), refused(message, &details));
    }
}

#[test]
fn the_newer_version_takes_the_token_as_a_password() {
    let password = with(params("cli", "cli"), &json!({ "auth": { "password": TOKEN } }));
    let told = Lab::new(NEW).connect(&password);
    assert!(told.starts_with("1 4 operator ["), "{told}");
    let told = Lab::new(OLD).connect(&password);
    assert!(told.contains("AUTH_TOKEN_MISSING"), "{told}");
}

#[test]
fn our_own_page_may_be_without_a_device_if_the_settings_say_so() {
    let params = params("openclaw-control-ui", "webchat");
    for version in Version::ALL {
        let here = || Lab { peer: Peer::Page, ..Lab::new(version) };
        let told = here().connect(&params);
        assert!(told.contains("CONTROL_UI_DEVICE_IDENTITY_REQUIRED"), "{told}");
        let mut allowed = Lab { page: Page::MayBeWithout, ..here() };
        let told = allowed.connect(&params);
        assert!(told.contains(&format!("operator [{ALL}] by token")), "{told}");
        let mut elsewhere = Lab { page: Page::MayBeWithout, ..Lab::remote(version) };
        assert!(elsewhere.connect(&params).contains("CONTROL_UI_DEVICE_IDENTITY_REQUIRED"));
        let wrong = with(params.clone(), &json!({ "auth": { "token": "nope" } }));
        let told = Lab { page: Page::MayBeWithout, ..here() }.connect(&wrong);
        assert!(told.contains("AUTH_TOKEN_MISMATCH"), "{told}");
    }
}

#[test]
fn a_peer_that_failed_too_often_may_not_even_be_right() {
    for version in Version::ALL {
        let mut lab =
            Lab { attempts: Attempts::Exhausted { retry_after_ms: 900 }, ..Lab::new(version) };
        for params in [params("cli", "cli"), signed(1, params("cli", "cli"))] {
            let told = lab.connect(&params);
            let parts = [
                "AUTH_RATE_LIMITED",
                r#""retryAfterMs":900"#,
                r#""retryable":true"#,
                "wait_then_retry",
            ];
            assert!(parts.iter().all(|it| told.contains(it)), "{told}");
        }
    }
}
