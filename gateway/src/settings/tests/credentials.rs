//! Credentials as OpenClaw stores them: references, ends, and how long those without money are left alone.

use creel_core::{failover::credentials::Kind, ids::ProviderId, time::WallTime};

use super::*;

const ENV: [(&str, &str); 2] = [("KEY_1", "canary-1"), ("TOKEN_1", "canary-2")];

fn load_profiles(profiles: &str) -> Result<Loaded, Report> {
    let file = format!(r#"{{"version": 1, "profiles": {{{profiles}}}}}"#);
    load_with(OLD, &with(MODEL), &ENV, &[("agents/main/agent/auth-profiles.json", &file)])
}

/// The credentials that there are, with their secrets and ends; then what a person is told.
fn check(profiles: &str, expected: &str) {
    let told = match load_profiles(profiles) {
        Err(report) => report.plain(),
        Ok(loaded) => {
            let main = AgentId::new("main").unwrap();
            let keys = &loaded.settings.keys[&main];
            let stored = loaded.settings.core.agents[&main].credentials.stored.iter();
            let mut told = stored.map(|(id, it)| {
                let kind = match it.kind {
                    Kind::OAuth => "login",
                    Kind::Token => "token",
                    Kind::ApiKey => "key",
                };
                let ends = it.ends.map_or(String::new(), |it| format!(" until {}", it.as_ms()));
                format!("{id} {kind} {}{ends}", keys[id].expose())
            });
            let told = told.by_ref().chain(loaded.warnings.iter().cloned());
            told.collect::<Vec<_>>().join("\n")
        }
    };
    assert_eq!(told.trim(), expected, "{profiles}");
}

#[test]
fn a_reference_stands_for_a_variable_and_goes_before_a_text() {
    check(
        r#""p:1": {"type": "api_key", "provider": "p", "keyRef": {"source": "env", "provider": "default", "id": "KEY_1"}},
        "p:2": {"type": "token", "provider": "p", "token": "t", "tokenRef": {"source": "env", "provider": "default", "id": "TOKEN_1"}}"#,
        "p:1 key canary-1\np:2 token canary-2",
    );
}

#[test]
fn a_reference_that_leads_nowhere_is_a_problem_that_names_its_place() {
    let at = "openclaw.json:2:9: agents: credential `p:1` of agent `main` in /state/agents/main/agent/auth-profiles.json, `";
    let missing = r#""p:1": {"type": "api_key", "provider": "p", "key": "k", "keyRef": {"source": "env", "provider": "default", "id": "NONE"}}"#;
    check(missing, &format!("{at}keyRef`: the environment has no value for `NONE`, expected one"));
    let file = r#""p:1": {"type": "token", "provider": "p", "tokenRef": {"source": "file", "provider": "f", "id": "/p"}}"#;
    let why = "found a reference with the source `file`, expected the source `env`";
    check(file, &format!("{at}tokenRef`: {why}"));
    let elsewhere = r#""q:1": {"type": "api_key", "provider": "q", "keyRef": {"source": "exec", "provider": "f", "id": "p"}}"#;
    let place = "credential `q:1` of agent `main` in /state/agents/main/agent/auth-profiles.json";
    let why = "`keyRef`: found a reference with the source `exec`, expected the source `env`";
    check(elsewhere, &format!("p:default key k\n{place} is not used, {why}"));
}

#[test]
fn a_token_ends_and_one_whose_end_is_no_date_is_not_used() {
    check(
        r#""p:1": {"type": "token", "provider": "p", "token": "t", "expires": 1000.0},
        "p:2": {"type": "api_key", "provider": "p", "key": "k", "expires": 1000},
        "p:3": {"type": "token", "provider": "p", "token": "t", "expires": null}"#,
        "p:1 token t until 1000\np:2 key k\np:3 token t",
    );
    for expires in ["0", "-5", r#""soon""#, "[]"] {
        let profile = r#""p:1": {"type": "token", "provider": "p", "token": "t", "expires": "#;
        let place =
            "credential `p:1` of agent `main` in /state/agents/main/agent/auth-profiles.json";
        let why = "`expires`: found no date, expected milliseconds since 1970";
        let told = format!("p:default key k\n{place} is not used, {why}");
        check(&format!("{profile}{expires}}}"), &told);
    }
}

#[test]
fn a_credential_without_a_secret_is_not_used_and_that_is_told() {
    let place = "credential `p:1` of agent `main` in /state/agents/main/agent/auth-profiles.json";
    for (profile, why) in [
        (
            r#""type": "api_key""#,
            "found no `key` and no `keyRef`, one of which `type: api_key` needs",
        ),
        (r#""key": """#, "found no `key` and no `keyRef`, one of which `type: api_key` needs"),
        (
            r#""type": "token", "key": "k", "keyRef": {"source": "env", "provider": "default", "id": "KEY_1"}"#,
            "found no `token` and no `tokenRef`, one of which `type: token` needs",
        ),
        (r#""type": "oauth", "refresh": "r""#, "found no `access`, which `type: oauth` needs"),
    ] {
        let told = format!("p:default key k\n{place} is not used, {why}");
        check(&format!(r#""p:1": {{"provider": "p", {profile}}}"#), &told);
    }
}

#[test]
fn what_has_ended_is_told() {
    let profile = r#""p:1": {"type": "token", "provider": "p", "token": "t", "expires": 1000}"#;
    let settings = load_profiles(profile).unwrap().settings;
    let told = |unix_ms| settings.ended(WallTime::from_unix_ms(unix_ms)).join("\n");
    assert_eq!(told(999), "");
    assert_eq!(told(1_000), "credential `p:1` of agent `main` has ended and is not used");
}

#[test]
fn a_provider_s_key_may_be_a_reference_that_nobody_is_shown_the_secret_of() {
    let reference = "{ source: 'env', provider: 'default', id: 'KEY_1' }";
    let text = with(MODEL).replace("apiKey: 'k'", &format!("apiKey: {reference}"));
    let loaded = load_with(OLD, &text, &ENV, &[]).unwrap();
    let key = loaded.settings.providers["p"].key.as_ref().map(Secret::expose);
    assert_eq!(key, Some("canary-1"));
    assert!(!format!("{loaded:?}").contains("canary"), "{loaded:?}");
    let shown = &loaded.settings.shown.json["models"]["providers"]["p"]["apiKey"];
    assert_eq!(*shown, serde_json::json!({ "source": "env", "provider": "default", "id": "***" }));
    let told = |from: &str, to: &str| {
        load_with(OLD, &text.replace(from, to), &ENV, &[]).unwrap_err().plain()
    };
    let at = "openclaw.json:1:73: models.providers.p.apiKey: ";
    let why = "the environment has no value for `KEY_2`, expected one";
    assert_eq!(told("KEY_1", "KEY_2").trim(), format!("{at}{why}"));
    let why = "found a reference with the source `file`, expected the source `env`";
    assert_eq!(told("'env'", "'file'").trim(), format!("{at}{why}"));
    assert!(told("source: 'env',", "").contains("models.providers.p.apiKey"));
    let profiles = r#""p:1": {"provider": "p", "keyRef": {"source": "env", "id": "KEY_1"}}"#;
    let loaded = load_profiles(profiles).unwrap();
    assert!(!format!("{loaded:?} {}", loaded.summary()).contains("canary"));
}

#[test]
fn a_provider_has_its_own_time_without_money() {
    let text =
        "auth: { cooldowns: { billingBackoffHours: 2, billingBackoffHoursByProvider: { p: 3 } } }";
    let core = load_with(OLD, &with(&format!("{MODEL} {text}")), &[], &[]).unwrap().settings.core;
    assert_eq!(core.failover.disabled_first, Millis::from_s(2 * 3_600));
    let provider = ProviderId::new("p").unwrap();
    assert_eq!(core.disabled_first, [(provider, Millis::from_s(3 * 3_600))].into());
    let told = told_with(OLD, "auth: { cooldowns: { billingBackoffHoursByProvider: { p: 0 } } }");
    assert!(told.contains("auth.cooldowns.billingBackoffHoursByProvider.p: found"), "{told}");
}
