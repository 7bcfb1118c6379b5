use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    declared,
    scenario::{Scenario, parse},
};

fn scenario(body: &str) -> Scenario {
    let text = format!("id: queue/x\ntitle: x\n{body}");
    parse("queue/x", &text).unwrap_or_else(|it| panic!("{it:?}\n{text}"))
}

fn on_irc(body: &str) -> Result<Scenario, String> {
    scenario(body).played_on(&BTreeMap::from([("telegram".to_owned(), "irc".to_owned())]))
}

const TALK: &str = r#"
chats:
  alice: { channel: telegram, dm: "3001" }
  team: { channel: telegram, group: "-100777", sender: "3002" }
steps:
  - { at: 0s, send: { chat: alice, text: "one", as: m1 } }
expect:
  - visible: { chat: alice, texts: ["yes"] }
control: { edit: { "gateway.session": { dmScope: main } }, flips: [visible] }
"#;

fn configured(gateway: &Value) -> Result<Value, String> {
    on_irc(&format!("gateway: {gateway}{TALK}")).map(|it| it.gateway)
}

#[test]
fn people_and_groups_have_names_there() {
    let played = on_irc(TALK).unwrap();
    let places: Vec<_> = played.chats.values().map(declared::place).collect();
    let seen: Vec<_> = places.iter().map(|it| (&*it.channel, &*it.peer)).collect();
    assert_eq!(seen, [("irc", "u3001"), ("irc", "#g100777")]);
    assert_eq!(played.chats["team"].sender, "u3002");
    assert_eq!(played.control.unwrap().edited.chats["alice"].channel, "irc");
}

#[test]
fn the_configuration_speaks_of_the_other_channel() {
    let gateway = json!({
        "channels": { "telegram": {
            "dmPolicy": "allowlist", "allowFrom": ["3001", "telegram:3002", 3003],
            "groups": { "*": { "requireMention": true }, "-100777": { "requireMention": false } },
            "accounts": { "work": { "allowFrom": null } },
        } },
        "bindings": [
            { "agentId": "a", "match": { "channel": " Telegram ", "peer": { "kind": "group", "id": " -100777 " } } },
            { "agentId": "b", "match": { "channel": "discord", "peer": { "kind": "direct", "id": "3001" } } },
        ],
        "messages": { "queue": { "byChannel": { "telegram": "steer" } } },
        "session": {
            "identityLinks": { "alice": ["telegram:3001", "discord:3001"] },
            "sendPolicy": { "rules": [{ "match": { "keyPrefix": "agent:main:telegram:direct:3001" } }] },
        },
    });
    let mask = |nick: &str, user: &str| format!("{nick}!{user}@people.creel.test");
    let allowed = [mask("u3001", "u3001"), mask("irc:u3002", "u3002"), mask("u3003", "u3003")];
    let expected = json!({
        "channels": { "irc": {
            "dmPolicy": "allowlist", "allowFrom": allowed,
            "groupAllowFrom": allowed,
            "groups": { "*": { "requireMention": true }, "#g100777": { "requireMention": false } },
            "accounts": { "work": { "allowFrom": null } },
        } },
        "bindings": [
            { "agentId": "a", "match": { "channel": " irc ", "peer": { "kind": "group", "id": " #g100777 " } } },
            { "agentId": "b", "match": { "channel": "discord", "peer": { "kind": "direct", "id": "3001" } } },
        ],
        "messages": { "queue": { "byChannel": { "irc": "steer" } } },
        "session": {
            "identityLinks": { "alice": ["irc:u3001", "discord:3001"] },
            "sendPolicy": { "rules": [{ "match": { "keyPrefix": "agent:main:irc:direct:u3001" } }] },
        },
    });
    assert_eq!(configured(&gateway), Ok(expected));
}

#[test]
fn a_model_asks_tools_about_the_other_channels_chats() {
    let asks = |key: &str| {
        format!(
            "model:\n  alice:\n    - {{ call: [{{ tool: sessions_send, arguments: {{ sessionKey: \"{key}\" }} }}] }}\n{TALK}"
        )
    };
    let played = on_irc(&asks("agent:main:telegram:direct:3002")).unwrap();
    let expected = scenario(&asks("agent:main:irc:direct:u3002"));
    assert_eq!(played.model, expected.model);
}

#[test]
fn what_stands_in_the_way_is_said() {
    let check = |gateway: Value, expected: &str| {
        let why = configured(&gateway).unwrap_err();
        assert_eq!(why, format!("telegram is played on irc, which has no {expected}"));
    };
    check(json!({ "channels": { "telegram": { "streaming": "block" } } }), "key `streaming`");
    check(json!({ "broadcast": { "telegram:-100777": ["a"] } }), "broadcast groups");
    check(json!({ "x": { "y": "sayTelegram" } }), "other name for all that is said of telegram");
    check(
        json!({ "channels": { "telegram": { "allowFrom": ["@alice"] } } }),
        "person like `@alice`",
    );
    let talk = |from: &str, to: &str| on_irc(&TALK.replace(from, to)).unwrap_err();
    assert!(talk("\"-100777\",", "\"-100777\", topic: \"4\",").ends_with("no topics"));
    assert!(talk("\"one\"", "\"one\\ntwo\"").ends_with("no messages of several lines"));
    assert!(talk("as: m1", "as: m1, padded_to: 4000").ends_with("no messages as long as that"));
    assert!(talk("[\"yes\"]", "[\"yes\\nno\"]").ends_with("no messages of several lines"));
}

#[test]
fn a_scenario_without_the_channel_stays_as_it_is() {
    let other = "
chats: { alice: { channel: webhook, dm: alice } }
steps: [{ at: 0s, send: { chat: alice, text: hi } }]
expect: [{ visible: { chat: alice, texts: [yes] } }]
";
    assert_eq!(on_irc(other).unwrap().chats, scenario(other).chats);
    let discord = BTreeMap::from([("discord".to_owned(), "irc".to_owned())]);
    let why = scenario(other).played_on(&discord).unwrap_err();
    assert_eq!(why, "there is no way to play discord on irc: only telegram on irc");
}
