use std::time::Duration;

use creel_core::ids::AgentId;

use super::*;
use crate::control::{
    completions::Endpoint,
    connect, console,
    guesses::{Near, Rule},
    hooks::{self, Named},
};

fn read(lines: &str) -> Loaded {
    let text = with(&format!("{MODEL}\n{lines}"));
    load_with(OLD, &text, &[], &[]).unwrap_or_else(|it| panic!("{}", it.plain()))
}

#[test]
fn nothing_of_it_is_served_unless_the_file_says_so() {
    let web = read("").settings.web;
    assert_eq!(web.completions, Endpoint::Off);
    assert_eq!(web.hooks, None);
    assert_eq!(web.page, console::Page::Served);
    assert_eq!(web.page_device, connect::Page::NeedsDevice);
    assert_eq!(web.guesses, Rule::default());
}

#[test]
fn a_gateway_that_listens_everywhere_is_reached_by_a_name_of_this_machine() {
    let check = |bind: &str, listens: &str, reachable: &str| {
        let settings = read(&format!("gateway: {{ bind: '{bind}', port: 5 }}")).settings;
        assert_eq!(settings.listen.to_string(), listens);
        assert_eq!(settings.reachable().to_string(), reachable);
    };
    check("lan", "0.0.0.0:5", "127.0.0.1:5");
    check("loopback", "127.0.0.1:5", "127.0.0.1:5");
    let mut settings = read("").settings;
    settings.listen = "[::]:7".parse().unwrap();
    assert_eq!(settings.reachable().to_string(), "[::1]:7");
}

#[test]
fn the_gateways_token_has_no_space_around_it() {
    let token = |lines: &str, given: &str| {
        let env = [("OPENCLAW_GATEWAY_TOKEN", given)];
        let loaded = load_with(OLD, &with(&format!("{MODEL}\n{lines}")), &env, &[]).unwrap();
        loaded.settings.token.map(|it| it.expose().to_owned())
    };
    assert_eq!(token("", " from-a-file\n").as_deref(), Some("from-a-file"));
    assert_eq!(token("gateway: { auth: { token: ' own ' } }", "x").as_deref(), Some("own"));
    assert_eq!(token("", " \n"), None);
    assert_eq!(token("gateway: { auth: { mode: 'none' } }", "x"), None);
    assert_eq!(token("gateway: { auth: { mode: 'token' } }", "x").as_deref(), Some("x"));
}

#[test]
fn what_the_file_says_of_the_token_is_meant() {
    let check = |auth: &str, expected: &str| {
        assert_eq!(told_with(OLD, &format!("gateway: {{ auth: {auth} }}")).trim_end(), expected);
    };
    check(
        "{ mode: 'token' }",
        "openclaw.json:3:26: gateway.auth.mode: found `token` and no token, expected `gateway.auth.token` or \
         OPENCLAW_GATEWAY_TOKEN",
    );
    check(
        "{ mode: 'none', token: 't' }",
        "openclaw.json:3:41: gateway.auth.token: found a token beside `mode: none`, expected one of them",
    );
}

#[test]
fn a_file_says_what_is_served() {
    let text = r#"
        gateway: {
            auth: { token: "t", rateLimit: { maxAttempts: 3, lockoutMs: 1000, exemptLoopback: false } },
            http: { endpoints: { chatCompletions: { enabled: true } } },
            controlUi: { enabled: false, allowInsecureAuth: true },
        },
        hooks: {
            enabled: true, token: "h", path: "ingress/", allowedAgentIds: ["Main"],
            allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["Hook:"],
        },
    "#;
    let web = read(text).settings.web;
    assert_eq!(web.completions, Endpoint::On);
    assert_eq!(web.page, console::Page::Missing);
    assert_eq!(web.page_device, connect::Page::MayBeWithout);
    assert_eq!((web.guesses.failures_max, web.guesses.near), (3, Near::Counted));
    assert_eq!(web.guesses.lockout, Duration::from_secs(1));
    let expected = hooks::Settings {
        token: Secret::new("h"),
        path: "/ingress".to_owned(),
        agents: Some(vec![AgentId::new("main").unwrap()]),
        session: None,
        named: Named::Beginning(vec!["hook:".to_owned()]),
    };
    assert_eq!(web.hooks, Some(expected));
}

#[test]
fn hooks_that_would_be_open_or_in_the_way_are_refused() {
    let check = |hooks: &str, expected: &str| {
        let report = told_with(OLD, &format!("hooks: {hooks}"));
        assert!(report.contains(expected), "{report}");
    };
    check("{ enabled: true }", "hooks are enabled: expected a token");
    check("{ enabled: true, token: '  ' }", "hooks are enabled: expected a token");
    check("{ enabled: true, token: 'x', path: '/' }", "found the path `/`");
    check("{ enabled: true, token: 'x', path: '/health' }", "found the path `/health`");
    check(
        "{ enabled: true, token: 'x', allowedSessionKeyPrefixes: ['mail:'] }",
        "expected `hook:` among them",
    );
    check(
        "{ enabled: true, token: 'x', defaultSessionKey: 'main', allowedSessionKeyPrefixes: ['hook:'] }",
        "expected it to begin with",
    );
}

#[test]
fn a_token_that_opens_two_doors_is_warned_of() {
    let text = "gateway: { auth: { token: 'same' } }, hooks: { enabled: true, token: 'same' }";
    let warnings = read(text).warnings;
    assert!(
        warnings.iter().any(|it| it.starts_with("hooks.token is the gateway's own")),
        "{warnings:?}"
    );
}
