//! A scenario's own providers, in the gateway's configuration and in each agent's `auth-profiles.json`.

use serde_json::{Map, Value, json};

use super::{Addresses, Providers};
use crate::scenario::Kind;

/// How far in the future logins end, in milliseconds since 1970: the year 2100.
const EXPIRES_MS: i64 = 4_102_444_800_000;

/// The names that facts give the credentials: `p:one`, and with several agents `work/p:one`.
pub(super) fn names(agents: &[String], providers: &Providers) -> Vec<String> {
    let alone = agents.len() == 1;
    let of_agent = |agent: &String| {
        let agent = agent.clone();
        all(providers)
            .map(move |(provider, credential, _)| name((&agent, alone), provider, credential))
    };
    agents.iter().flat_map(of_agent).collect()
}

fn all(providers: &Providers) -> impl Iterator<Item = (&String, &String, Kind)> {
    providers.iter().flat_map(|(provider, it)| {
        it.credentials.iter().map(move |(name, kind)| (provider, name, *kind))
    })
}

fn name((agent, alone): (&str, bool), provider: &str, credential: &str) -> String {
    if alone {
        format!("{provider}:{credential}")
    } else {
        format!("{agent}/{provider}:{credential}")
    }
}

/// `models.providers`. No key stands in the configuration: the agents have their own.
pub(super) fn configured(providers: &Providers, addresses: &Addresses) -> Value {
    let one = |(name, it): (&String, &crate::scenario::Provider)| {
        let model = |id: &String| json!({ "id": id, "name": id, "contextWindow": 200_000, "maxTokens": 4096 });
        let value = json!({
            "baseUrl": format!("{}/{name}/v1", addresses.provider),
            "api": "openai-completions",
            "models": it.models.iter().map(model).collect::<Vec<_>>(),
        });
        (name.clone(), value)
    };
    providers.iter().map(one).collect::<Map<_, _>>().into()
}

/// An agent's profiles, as OpenClaw 2026.3 writes them.
pub(super) fn profiles(
    agent: (&str, bool),
    providers: &Providers,
    key_of: impl Fn(&str) -> String,
) -> Value {
    let one = |(provider, credential, kind): (&String, &String, Kind)| {
        let key = key_of(&name(agent, provider, credential));
        let mut value = match kind {
            Kind::ApiKey => json!({ "type": "api_key", "key": key }),
            Kind::Token => json!({ "type": "token", "token": key }),
            Kind::OAuth => json!({ "type": "oauth", "access": key, "expires": EXPIRES_MS }),
        };
        value["provider"] = json!(provider);
        (format!("{provider}:{credential}"), value)
    };
    all(providers).map(one).collect::<Map<_, _>>().into()
}
