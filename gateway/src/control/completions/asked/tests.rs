use std::collections::BTreeMap;

use creel_core::{gateway::Agent, ids::AgentId, profile::Version};
use serde_json::json;

use super::*;

fn facts() -> Facts {
    let agent = |id: &str| {
        let agent = Agent {
            model: creel_core::ids::ModelId::new("openai/m").unwrap(),
            fallbacks: Vec::new(),
            credentials: creel_core::failover::credentials::Credentials::default(),
            health: BTreeMap::new(),
            system: "You help.".into(),
            mentions: creel_core::mention::Mentions::default(),
            tools: creel_core::tools::policy::Policy::default(),
            spawns: Vec::new(),
        };
        (AgentId::new(id).unwrap(), agent)
    };
    Facts {
        version: Version::V2026_9,
        listen: "127.0.0.1:1".parse().unwrap(),
        agents: [agent("main"), agent("beta")].into(),
        default_agent: AgentId::new("main").unwrap(),
        keys: creel_core::session_key::KeyRules::default(),
        main_session: "agent:main:main".to_owned(),
        models: Vec::new(),
        accounts: Vec::new(),
        shown: crate::settings::Shown::default(),
    }
}

/// The session of a request with this model, user, and header; or the parameter that is wrong.
fn place(
    model: &str,
    user: Option<&str>,
    headers: &[(&'static str, &str)],
) -> Result<String, String> {
    let body =
        json!({ "model": model, "user": user, "messages": [{ "role": "user", "content": "hi" }] });
    let asked = Asked::read(body.to_string().as_bytes()).unwrap();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    match asked.place(&facts(), &headers, "chatcmpl-1") {
        Ok(place) => {
            Ok(format!("{} {}", place.session, if place.is_fresh { "fresh" } else { "kept" }))
        }
        Err(wrong) => Err(format!("{} {}", wrong.parameter.unwrap_or_default(), wrong.code)),
    }
}

#[test]
fn a_model_names_an_agent() {
    for model in ["openclaw", "openclaw/default", "openclaw:main", "openclaw/main", "agent:MAIN"] {
        assert_eq!(
            place(model, None, &[]).unwrap(),
            "agent:main:openai:chatcmpl-1 fresh",
            "{model}"
        );
    }
    assert_eq!(place("openclaw:beta", None, &[]).unwrap(), "agent:beta:openai:chatcmpl-1 fresh");
    for model in ["gpt-4o", "openclaw:gamma", "agent:", ""] {
        assert_eq!(place(model, None, &[]).unwrap_err(), "model model_not_found", "{model}");
    }
    let by_header = |id| place("openclaw", None, &[("x-openclaw-agent-id", id)]);
    assert_eq!(by_header("beta").unwrap(), "agent:beta:openai:chatcmpl-1 fresh");
    assert_eq!(by_header("gamma").unwrap_err(), "x-openclaw-agent-id invalid_request");
}

#[test]
fn a_user_has_a_session_and_no_other_user_has_the_same() {
    let of = |user| place("openclaw", Some(user), &[]).unwrap();
    assert_eq!(of("ann@example.com"), "agent:main:openai-user:ann@example.com kept");
    assert_eq!(of("Ann"), "agent:main:openai-user:%41nn kept");
    assert_eq!(of("a:b%"), "agent:main:openai-user:a%3ab%25 kept");
    assert_eq!(place("openclaw", Some("  "), &[]).unwrap(), "agent:main:openai:chatcmpl-1 fresh");
}

#[test]
fn a_key_in_a_header_is_taken_as_it_is_or_refused() {
    let key = |model, key| place(model, None, &[("x-openclaw-session-key", key)]);
    assert_eq!(key("openclaw", "support").unwrap(), "agent:main:support kept");
    assert_eq!(key("openclaw:beta", "support").unwrap(), "agent:beta:support kept");
    assert_eq!(key("openclaw", "agent:beta:support").unwrap(), "agent:beta:support kept");
    assert_eq!(key("openclaw:beta", "Agent:Beta:x").unwrap(), "agent:beta:x kept");
    let refused = "x-openclaw-session-key invalid_request";
    for (model, name) in [
        ("openclaw:main", "agent:beta:support"),
        ("openclaw", "subagent:1"),
        ("openclaw", "agent:main:cron:daily"),
        ("openclaw", "agent:main:SubAgent:1"),
        ("openclaw", "hook:mail"),
        ("openclaw", "openai-user:bob"),
    ] {
        assert_eq!(key(model, name).unwrap_err(), refused, "{name}");
    }
}

#[test]
fn a_user_claims_no_chat_and_no_main_session() {
    let key = |key| place("openclaw", Some("ann"), &[("x-openclaw-session-key", key)]);
    assert_eq!(key("support").unwrap(), "agent:main:support kept");
    for name in ["main", "agent:main:main", "telegram:direct:5", "agent:beta:direct:5"] {
        assert_eq!(key(name).unwrap_err(), "x-openclaw-session-key invalid_request", "{name}");
    }
}

fn said(messages: &Value) -> Result<(String, String), String> {
    let body = json!({ "messages": messages });
    match Asked::read(body.to_string().as_bytes()) {
        Ok(asked) => Ok((asked.whole, asked.newest)),
        Err(wrong) => Err(wrong.message),
    }
}

#[test]
fn a_new_session_hears_everything_and_a_known_one_what_is_new() {
    let (whole, newest) = said(&json!([{ "role": "user", "content": " hi " }])).unwrap();
    assert_eq!((whole.as_str(), newest.as_str()), (" hi ", " hi "));
    let (whole, newest) = said(&json!([
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": "one" },
        { "role": "assistant", "content": "1" },
        { "role": "user", "content": [{ "type": "text", "text": "two" }] },
    ]))
    .unwrap();
    insta::assert_snapshot!(whole, @r"
    [Instructions of the program that asks:]
    Be brief.

    [The conversation so far:]
    User: one

    You: 1

    [And now:]
    two
    ");
    insta::assert_snapshot!(newest, @r"
    [Instructions of the program that asks:]
    Be brief.

    two
    ");
}

#[test]
fn what_cannot_be_asked_is_told() {
    let check = |body: Value, expected: &str| {
        let wrong = Asked::read(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(wrong.parameter.unwrap_or_default(), expected, "{body}");
    };
    let hi = json!([{ "role": "user", "content": "hi" }]);
    check(json!({ "messages": [] }), "messages");
    check(json!({ "messages": [{ "role": "assistant", "content": "hi" }] }), "messages");
    check(json!({ "messages": [{ "role": "king", "content": "hi" }] }), "messages");
    let image = json!([{ "type": "image_url", "image_url": { "url": "data:," } }]);
    check(json!({ "messages": [{ "role": "user", "content": image }] }), "messages");
    check(json!({ "messages": hi, "n": 2 }), "n");
    check(json!({ "messages": hi, "tools": [{}] }), "tools");
    check(json!({ "messages": hi, "functions": [{}] }), "functions");
    check(json!({ "messages": hi, "stop": "\n" }), "stop");
    check(json!({ "messages": hi, "logprobs": true }), "logprobs");
    check(
        json!({ "messages": hi, "response_format": { "type": "json_object" } }),
        "response_format",
    );
    check(json!({ "messages": hi, "user": "x".repeat(257) }), "user");
    check(json!({ "messages": "hi" }), "");
    assert!(Asked::read(b"{").is_err() && Asked::read(b"").is_err());
}
