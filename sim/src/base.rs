//! The harness's base configuration: what every scenario's `gateway` is merged over.
//!
//! Policies are open, no mention is needed, replies are not streamed, sessions are per channel and peer. Every
//! credential is unique and every agent has a model of its own, so that leaks and the agent that answered are found by
//! search. `creel explain base` prints it.

mod channel;
mod provider;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::scenario::Scenario;

/// The provider's name in configuration and facts.
pub const PROVIDER: &str = "openai";

/// The providers of a scenario beside the base's own, by name.
pub type Providers = BTreeMap<String, crate::scenario::Provider>;

pub use self::provider::Login;

/// Where the gateway under test finds the world, and what it is to use there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The gateway's own port.
    pub gateway_port: u16,
    /// The twin of each channel, as `http://host:port`. A channel that is not here gets none.
    pub channels: BTreeMap<String, String>,
    /// The provider twin, as `http://host:port`.
    pub provider: String,
    /// The folder of the agents' workspaces.
    pub workspaces: String,
    /// The date at the scenario's zero, in seconds since 1970: when logins end is counted from it.
    pub zero_unix_s: i64,
}

/// An account's secrets, by the key of `channels.<channel>.accounts.<account>` that holds them.
pub type Credentials = BTreeMap<&'static str, String>;

/// What the gateway under test is configured with.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// `openclaw.json`.
    pub config: Value,
    /// Files of the state folder, by path below it: each agent's `auth-profiles.json`, and what a scenario adds.
    pub state_files: BTreeMap<String, String>,
    /// The gateway's token.
    pub gateway_token: String,
    /// Where programs outside call, and what they show.
    pub hooks: Hooks,
    /// The accounts of each channel that is used.
    pub accounts: BTreeMap<String, BTreeMap<String, Credentials>>,
    /// Provider keys: value to the name that facts give them.
    pub keys: BTreeMap<String, String>,
    /// The logins that end and are renewed. Their first access tokens are among the keys.
    pub logins: Vec<Login>,
}

/// Where programs outside call, and what they show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// The beginning of every path, without a `/` at its end.
    pub path: String,
    /// Their token; empty where the gateway has none.
    pub token: String,
}

impl Hooks {
    /// As the configuration says. One without a token gets nobody in.
    fn of(config: &Value) -> Self {
        let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
        let path = text("/hooks/path").unwrap_or("/hooks").trim_matches('/');
        Self {
            path: format!("/{path}"),
            token: text("/hooks/token").unwrap_or_default().to_owned(),
        }
    }
}

impl Configuration {
    /// Merges a scenario's configuration over the base.
    pub fn of(scenario: &Scenario, profile: &str, seed: u64, addresses: &Addresses) -> Self {
        let accounts = channels(scenario).into_iter().map(|it| {
            let ids = account_ids(scenario, &it);
            (it, ids)
        });
        let servers: Vec<&str> = scenario.tools.keys().map(String::as_str).collect();
        let beside = (servers.as_slice(), &scenario.providers);
        let who = (profile, seed);
        let mut it = Self::merged(&scenario.gateway, &accounts.collect(), beside, who, addresses);
        let written = scenario.state.iter().map(|(file, json)| (file.clone(), json.to_string()));
        it.state_files.extend(written);
        channel::join_rooms(&mut it.config, scenario);
        it
    }

    /// The keys of a provider, with the names that facts give them.
    pub fn keys_of(&self, provider: &str) -> BTreeMap<String, String> {
        let is_its = |name: &str| {
            let whose = name.rsplit('/').next().and_then(|it| it.split_once(':'));
            let is_login = self.logins.iter().any(|it| it.name == name);
            !is_login && whose.map_or(PROVIDER, |(whose, _)| whose) == provider
        };
        let keys = self.keys.iter().filter(|(_, name)| is_its(name));
        keys.map(|(key, name)| (key.clone(), name.clone())).collect()
    }

    /// Merges `gateway` over the base, with these accounts of each channel, these servers of tools and these providers.
    pub fn merged(
        gateway: &Value,
        accounts: &BTreeMap<String, Vec<String>>,
        (servers, providers): (&[&str], &Providers),
        (profile, seed): (&str, u64),
        addresses: &Addresses,
    ) -> Self {
        let agents = agent_ids(gateway);
        let gateway_token = token(seed, "gateway", "token");
        let credentials = |(channel, ids): (&String, &Vec<String>)| {
            let of = |(index, id): (usize, &String)| {
                (id.clone(), channel::credentials(channel, seed, index, id))
            };
            (channel.clone(), ids.iter().enumerate().map(of).collect())
        };
        let accounts: BTreeMap<String, BTreeMap<String, Credentials>> =
            accounts.iter().map(credentials).collect();
        let keys: BTreeMap<String, String> = agents
            .iter()
            .map(String::as_str)
            .chain(["config"])
            .map(str::to_owned)
            .chain(provider::names(&agents, providers))
            .map(|name| (format!("sk-{}", token(seed, "key", &name)), name))
            .collect();
        let key_of = |name: &str| {
            keys.iter().find(|(_, it)| *it == name).map(|(key, _)| key.clone()).expect("made above")
        };
        let logins = provider::logins(&agents, providers, seed, key_of);
        let dated = (logins.as_slice(), addresses.zero_unix_s);
        let state_files = agents.iter().map(|id| {
            let mut profiles = json!({ format!("{PROVIDER}:default"): {
                "type": "api_key", "provider": PROVIDER, "key": key_of(id),
            } });
            let alone = agents.len() == 1;
            merge(&mut profiles, &provider::profiles((id, alone), (providers, dated), key_of));
            let file = json!({ "version": 1, "profiles": profiles });
            (format!("agents/{id}/agent/auth-profiles.json"), file.to_string())
        });
        let state_files = state_files.collect();
        let mut config = base((addresses, profile), &gateway_token, &accounts, &key_of("config"));
        if !servers.is_empty() {
            config["mcp"] = json!({ "servers": tool_servers(servers, addresses) });
        }
        merge(&mut config["models"]["providers"], &provider::configured(providers, addresses));
        if gateway.get("hooks").is_some() {
            config["hooks"] = json!({ "token": token(seed, "hooks", "token") });
        }
        merge(&mut config, gateway);
        complete_agents(&mut config, &agents, addresses, profile);
        let hooks = Hooks::of(&config);
        Self { config, state_files, gateway_token, hooks, accounts, keys, logins }
    }
}

/// The base, before a scenario is merged over it.
fn base(
    (addresses, profile): (&Addresses, &str),
    gateway_token: &str,
    accounts: &BTreeMap<String, BTreeMap<String, Credentials>>,
    key: &str,
) -> Value {
    let channels: Map<String, Value> = accounts
        .iter()
        .map(|(name, accounts)| {
            let address = addresses.channels.get(name).map_or("", String::as_str);
            let mut base = channel::base(name, address, profile);
            let account = |(id, secrets): (&String, &Credentials)| {
                let mut account = channel::account(name, address, id);
                merge(&mut account, &json!(secrets));
                (id.clone(), account)
            };
            base["accounts"] = accounts.iter().map(account).collect::<Map<_, _>>().into();
            (name.clone(), base)
        })
        .collect();
    json!({
        "gateway": {
            "mode": "local",
            "port": addresses.gateway_port,
            "bind": "loopback",
            "auth": { "mode": "token", "token": gateway_token },
        },
        "agents": { "defaults": {} },
        "models": { "mode": "replace", "providers": { PROVIDER: {
            "baseUrl": format!("{}/v1", addresses.provider),
            "api": "openai-completions",
            "apiKey": key,
            "models": [],
        } } },
        "channels": channels,
        "session": { "dmScope": "per-channel-peer" },
        // OpenClaw 2026.9 gathers what somebody writes on Telegram for 300 ms, unless it is told otherwise.
        "messages": { "inbound": { "debounceMs": 0 } },
    })
}

/// The servers of tools are at the provider twin's address, below `/mcp`.
fn tool_servers(servers: &[&str], addresses: &Addresses) -> Value {
    let server = |name: &&str| {
        let url = format!("{}/mcp/{name}", addresses.provider);
        ((*name).to_owned(), json!({ "url": url, "transport": "streamable-http" }))
    };
    servers.iter().map(server).collect::<Map<_, _>>().into()
}

/// `b` over `a`: maps are merged key by key, a key that is null is taken out, anything else is replaced.
pub(crate) fn merge(a: &mut Value, b: &Value) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in b {
                if value.is_null() {
                    a.remove(key);
                } else {
                    merge(a.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (a, Value::Object(_)) => {
            *a = json!({});
            merge(a, b);
        }
        (a, b) => *a = b.clone(),
    }
}

/// The agents that a scenario names; `main` if it names none.
fn agent_ids(gateway: &Value) -> Vec<String> {
    let listed = gateway.pointer("/agents/list").and_then(Value::as_array);
    let ids: Vec<String> = listed
        .into_iter()
        .flatten()
        .filter_map(|agent| agent.get("id").and_then(Value::as_str).map(str::to_owned))
        .collect();
    if ids.is_empty() { vec!["main".to_owned()] } else { ids }
}

/// The channels that chats or the configuration name.
pub fn channels(scenario: &Scenario) -> BTreeSet<String> {
    let configured = scenario.gateway.pointer("/channels").and_then(Value::as_object);
    let configured = configured.into_iter().flat_map(Map::keys).cloned();
    scenario.chats.values().map(|it| it.channel.clone()).chain(configured).collect()
}

/// The accounts of a channel that chats or the configuration name, `default` always.
fn account_ids(scenario: &Scenario, channel: &str) -> Vec<String> {
    let configured = scenario.gateway.pointer(&format!("/channels/{channel}/accounts"));
    let configured = configured.and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let chats = scenario.chats.values().filter(|it| it.channel == channel);
    let mut ids: Vec<String> = chats.map(|it| it.account.clone()).collect();
    ids.extend(configured.cloned());
    ids.push("default".to_owned());
    ids.sort();
    ids.dedup();
    ids
}

/// Gives every agent a model and a workspace of its own where the scenario does not (`agents.defaults.model` is one), lists the models, and writes the
/// roster as the profile has it: scenarios always write `agents.list`, and an empty one where there shall be none.
fn complete_agents(config: &mut Value, ids: &[String], addresses: &Addresses, profile: &str) {
    let given = config.pointer("/agents/list").and_then(Value::as_array).cloned();
    // An empty list configures none: who answers then has the model of all.
    let has_none = given.as_ref().is_some_and(Vec::is_empty);
    if has_none && config.pointer("/agents/defaults/model").is_none() {
        config["agents"]["defaults"]["model"] = json!(format!("{PROVIDER}/main-model"));
    }
    let is_shared = config.pointer("/agents/defaults/model").is_some();
    let mut roster = given.unwrap_or_else(|| vec![json!({ "id": "main", "default": true })]);
    for (agent, id) in roster.iter_mut().zip(ids) {
        let Value::Object(agent) = agent else { continue };
        if !is_shared {
            agent.entry("model").or_insert_with(|| json!(format!("{PROVIDER}/{id}-model")));
        }
        agent.entry("workspace").or_insert_with(|| json!(format!("{}/{id}", addresses.workspaces)));
    }
    let models: Vec<Value> = ids
        .iter()
        .map(|id| format!("{id}-model"))
        .chain(["other-model".to_owned()])
        .map(|id| json!({ "id": id, "name": id, "input": ["text", "image"], "contextWindow": 200_000, "maxTokens": 4096 }))
        .collect();
    config["models"]["providers"][PROVIDER]["models"] = json!(models);
    let agents = config["agents"].as_object_mut().expect("the base has it");
    if has_none {
        agents.remove("list");
        return;
    }
    if profile == "2026.3" {
        agents.insert("list".into(), json!(roster));
        return;
    }
    agents.remove("list");
    let is_alone = roster.len() == 1;
    let entries: Map<String, Value> = roster
        .into_iter()
        .zip(ids)
        .map(|(mut agent, id)| {
            if let Value::Object(agent) = &mut agent {
                agent.remove("id");
                // Nobody else could be: 2026.9 takes the mark for one of an older release.
                is_alone.then(|| agent.remove("default"));
            }
            (id.clone(), agent)
        })
        .collect();
    agents.insert("entries".into(), json!(entries));
}

/// A value that is unique to the seed and its use, and looks like nothing else.
pub(crate) fn token(seed: u64, what: &str, name: &str) -> String {
    use creel_judge::{
        context::Choices,
        trace::{Header, Trace, VERSION},
    };
    let header = Header {
        creel_trace: VERSION,
        scenario: format!("{what} {name}"),
        profile: String::new(),
        seed,
        world: String::new(),
        target: String::new(),
        choices: Choices::default(),
        lateness: None,
    };
    Trace { header, facts: Vec::new() }.hash().chars().take(24).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_keeps_what_it_does_not_name() {
        let mut a = json!({ "x": { "y": 1, "z": [1, 2] }, "w": 3 });
        merge(&mut a, &json!({ "x": { "z": [9] }, "v": 4 }));
        assert_eq!(a, json!({ "x": { "y": 1, "z": [9] }, "w": 3, "v": 4 }));
    }

    #[test]
    fn a_null_takes_a_key_out() {
        let mut a = json!({ "x": { "y": 1, "z": 2 } });
        merge(&mut a, &json!({ "x": { "y": null }, "w": null, "v": { "u": null, "t": 1 } }));
        assert_eq!(a, json!({ "x": { "z": 2 }, "v": { "t": 1 } }));
    }

    fn merged(gateway: &Value) -> Configuration {
        let addresses = Addresses {
            gateway_port: 1,
            channels: BTreeMap::new(),
            provider: String::new(),
            workspaces: String::new(),
            zero_unix_s: 0,
        };
        let (accounts, beside) = (BTreeMap::new(), (&[][..], &Providers::new()));
        Configuration::merged(gateway, &accounts, beside, ("2026.9", 1), &addresses)
    }

    #[test]
    fn an_empty_list_configures_no_agent() {
        let agents = merged(&json!({ "agents": { "list": [] } })).config["agents"].take();
        assert_eq!(agents, json!({ "defaults": { "model": "openai/main-model" } }));
        let usual = merged(&json!({})).config["agents"].take();
        assert_eq!(usual.pointer("/entries/main/model"), Some(&json!("openai/main-model")));
    }

    #[test]
    fn hooks_get_a_token_unless_it_is_taken_out() {
        let hooks = |gateway: Value| {
            let it = merged(&gateway);
            assert_eq!(it.config.get("hooks").is_some(), gateway.get("hooks").is_some());
            (it.hooks.path, it.hooks.token)
        };
        let own = (String::from("/hooks"), token(1, "hooks", "token"));
        assert_eq!(hooks(json!({ "hooks": { "enabled": true } })), own);
        let other = json!({ "hooks": { "path": "in/", "token": "x" } });
        assert_eq!(hooks(other), ("/in".to_owned(), "x".to_owned()));
        let none = ("/hooks".to_owned(), String::new());
        assert_eq!(hooks(json!({ "hooks": { "token": null } })), none);
        assert_eq!(hooks(json!({})), none);
    }

    #[test]
    fn credentials_differ_by_seed_and_by_name() {
        assert_ne!(token(1, "key", "main"), token(2, "key", "main"));
        assert_ne!(token(1, "key", "main"), token(1, "key", "work"));
    }
}
