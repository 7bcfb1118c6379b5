//! Keys are read for whom they belong to, and shown to nobody.

use super::*;

#[test]
fn one_agent_s_keys_are_read_for_it_alone() {
    let text = with("agents: { list: [ { id: 'a', model: 'p/m' }, { id: 'b', model: 'p/m' } ] }");
    let profiles = r#"{"version": 1, "profiles": {"p:2": {"provider": "p", "key": "second"},
        "p:1": {"type": "api_key", "provider": "p", "key": "first"}, "p:0": {"type": "oauth", "provider": "p"}}}"#;
    let files = [("agents/a/agent/auth-profiles.json", profiles)];
    let keys = load_with(OLD, &text, &[], &files).unwrap().settings.keys;
    let of = |agent: &str| {
        let keys = &keys[&AgentId::new(agent).unwrap()];
        keys.iter().map(|(id, key)| format!("{id} {}", key.expose())).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(of("a"), "p:1 first, p:2 second");
    assert_eq!(of("b"), "p:default k");
}

#[test]
fn a_file_of_keys_that_is_not_understood_is_told_without_its_keys() {
    let told = |file| {
        let files = [("agents/main/agent/auth-profiles.json", file)];
        load_with(OLD, &with(MODEL), &[], &files).unwrap_err().plain()
    };
    insta::assert_snapshot!(told(r#"{"profiles": {"p:1": "sk-canary"}}"#), @r#"openclaw.json:2:9: agents: read the keys of agent `main` in /state/agents/main/agent/auth-profiles.json: line 1, column 32: expected `profiles` with a `provider` and a `key` each"#);
    insta::assert_snapshot!(told("{\nsk-canary"), @r#"openclaw.json:2:9: agents: read the keys of agent `main` in /state/agents/main/agent/auth-profiles.json: line 2, column 1: expected JSON"#);
}

const CANARY: &str = "canary";

#[test]
fn secrets_are_not_in_the_debug_form_of_settings() {
    let text = with(&format!(
        "{MODEL} channels: {{ telegram: {{ botToken: '1:canary' }} }}, gateway: {{ auth: {{ token: 'canary' }} }}"
    ))
    .replace("apiKey: 'k'", "apiKey: 'canary'");
    let profiles = r#"{"profiles": {"p:1": {"provider": "p", "key": "canary"}}}"#;
    let files = [("agents/main/agent/auth-profiles.json", profiles)];
    let loaded = load_with(OLD, &text, &[], &files).unwrap();
    let shown = format!("{loaded:?} {}", loaded.summary());
    assert!(shown.contains("[secret]") && !shown.contains(CANARY), "{shown}");
}

#[test]
fn secrets_are_in_no_report_however_it_is_shown() {
    let env = [("KEY", "canary-from-the-environment")];
    let wrong = [
        // Other errors on the lines of secrets, which reports quote.
        "{ gateway: { auth: { token: 'canary', mode: 5 } }, models: { providers: { p: { apiKey: 'canary', baseUrl: 5 } } } }",
        "{ channels: { telegram: { accounts: { a: { botToken: /* mine */ 'canary', dmPolicy: 'open' } } } } }",
        // Secrets that are wrong themselves.
        "{ gateway: { auth: { token: [ 'canary' ] } } }",
        "{ channels: { telegram: { botToken: { canary: 1 } } } }",
        "{ gateway: { auth: 'canary' } }",
        // Secrets from the environment in places that are quoted.
        "{ gateway: { bind: '${KEY}' } }",
        "{ models: { providers: { p: { baseUrl: '${KEY}' } } }, agents: { defaults: { model: '${KEY}' } } }",
        "{ messages: { queue: { mode: '${KEY}' } }, session: { identityLinks: { a: ['${KEY}'] } } }",
        "{ channels: { telegram: { botToken: '${KEY}', apiRoot: '${KEY}' } } }",
        // Secrets in what programs are handed, and in addresses.
        "{ mcp: { servers: { a: { command: 'a', args: [['canary']] } } } }",
        "{ mcp: { servers: { a: { url: 'ftp://h/?canary' } } } }",
        // No tree to look secrets up in.
        "{ channels: { telegram: { botToken: 'canary' } ",
        "{ channels: { telegram: { botToken: canary",
        "{ \"apiKey\" : \"canary, port: 1\n }",
    ];
    for text in wrong {
        let report = load_with(OLD, text, &env, &[]).unwrap_err();
        let plain = report.plain();
        let fancy = format!("{:?}", miette::Report::new(report));
        let leaks = [&plain, &fancy].into_iter().any(|it| it.contains(CANARY));
        assert!(!leaks, "{text}\n{plain}\n{fancy}");
    }
}

#[test]
fn an_operator_is_shown_the_configuration_and_nothing_secret() {
    let text = r#"{
        // botToken: "123:canary"
        models: { providers: { p: {
            baseUrl: "http://ann:canary@127.0.0.1:1/v1", apiKey: "canary", /* canary */
            headers: { "x-key": "canary", "x-number": 5 },
        } } },
        agents: { defaults: { model: "p/m" } },
        mcp: { servers: {
            files: { command: "files", args: ["--api-key", "canary"], env: { HOME: "canary", B: "${KEY}" } },
            web: { url: "http://127.0.0.1:1/sse?key=canary" },
        } },
    }"#;
    let env = [("KEY", "canary-from-the-environment")];
    let shown = load_with(OLD, text, &env, &[])
        .unwrap_or_else(|it| panic!("{}", it.plain()))
        .settings
        .shown;
    assert!(!format!("{} {}", shown.text, shown.json).contains(CANARY), "{}", shown.text);
    assert_eq!(shown.json["mcp"]["servers"]["web"]["url"], "http://127.0.0.1:1/sse?**********");
    assert_eq!(shown.json["mcp"]["servers"]["files"]["command"], "files");
    assert_eq!(shown.json["mcp"]["servers"]["files"]["args"][0], "***");
    assert_eq!(
        shown.json["models"]["providers"]["p"]["baseUrl"],
        "http://**********@127.0.0.1:1/v1"
    );
    assert_eq!(serde_json::from_str::<serde_json::Value>(&shown.text).unwrap(), shown.json);
}

#[test]
fn a_secret_number_is_not_quoted() {
    insta::assert_snapshot!(told_with(OLD, "gateway: { auth: { token: 12345 } }"), @r#"openclaw.json:3:27: gateway.auth.token: found a value that is not shown, expected text (put it in quotes)"#);
}
