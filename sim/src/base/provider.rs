//! A scenario's own providers, in the gateway's configuration and in each agent's `auth-profiles.json`.

use serde_json::{Map, Value, json};

use super::token;
use super::{Addresses, Providers};
use crate::scenario::{Kind, Terms};

/// How far in the future logins end, in milliseconds since 1970: the year 2100.
const EXPIRES_MS: i64 = 4_102_444_800_000;

/// Who the gateway is to the providers that renew its logins.
const CLIENT: &str = "creel-client";

/// A login that ends and is renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Its provider.
    pub provider: String,
    /// The name that facts give it.
    pub name: String,
    /// Its first access token.
    pub access: String,
    /// Its first refresh token.
    pub refresh: String,
    /// Who may renew it.
    pub client: String,
    /// For how long it is good.
    pub terms: Terms,
}

/// The logins that end, each once.
pub(super) fn logins(
    agents: &[String],
    providers: &Providers,
    seed: u64,
    key_of: impl Fn(&str) -> String,
) -> Vec<Login> {
    let alone = agents.len() == 1;
    let mut logins: Vec<Login> = Vec::new();
    for agent in agents {
        for (provider, credential, _) in all(providers) {
            let Some(terms) = providers[provider].logins.get(credential) else { continue };
            let name = name((agent, alone), (providers, provider), credential);
            if logins.iter().any(|it| it.name == name) {
                continue;
            }
            logins.push(Login {
                access: key_of(&name),
                refresh: format!("rt-{}", token(seed, "refresh", &name)),
                client: CLIENT.to_owned(),
                terms: *terms,
                provider: provider.clone(),
                name,
            });
        }
    }
    logins
}

/// The names that facts give the credentials: `p:one`, and with several agents `work/p:one`.
pub(super) fn names(agents: &[String], providers: &Providers) -> Vec<String> {
    let alone = agents.len() == 1;
    let of_agent = |agent: &String| {
        let agent = agent.clone();
        all(providers).map(move |(provider, credential, _)| {
            name((&agent, alone), (providers, provider), credential)
        })
    };
    agents.iter().flat_map(of_agent).collect()
}

fn all(providers: &Providers) -> impl Iterator<Item = (&String, &String, Kind)> {
    providers.iter().flat_map(|(provider, it)| {
        it.credentials.iter().map(move |(name, kind)| (provider, name, *kind))
    })
}

fn name(
    (agent, alone): (&str, bool),
    (providers, provider): (&Providers, &str),
    credential: &str,
) -> String {
    let is_shared = providers[provider].logins.get(credential).is_some_and(|it| it.is_shared);
    if alone || is_shared {
        format!("{provider}:{credential}")
    } else {
        format!("{agent}/{provider}:{credential}")
    }
}

/// `models.providers`. No key stands in the configuration: the agents have their own.
pub(super) fn configured(providers: &Providers, addresses: &Addresses) -> Value {
    let one = |(name, it): (&String, &crate::scenario::Provider)| {
        let model = |id: &String| json!({ "id": id, "name": id, "input": ["text", "image"], "contextWindow": 200_000, "maxTokens": 4096 });
        let value = json!({
            "baseUrl": format!("{}/{name}/v1", addresses.provider),
            "api": "openai-completions",
            "models": it.models.iter().map(model).collect::<Vec<_>>(),
        });
        let mut value = value;
        if !it.logins.is_empty() {
            let url = format!("{}/{name}/oauth/token", addresses.provider);
            value["oauth"] = json!({ "tokenUrl": url });
        }
        (name.clone(), value)
    };
    providers.iter().map(one).collect::<Map<_, _>>().into()
}

/// An agent's profiles, as OpenClaw 2026.3 writes them.
pub(super) fn profiles(
    agent: (&str, bool),
    (providers, (logins, zero_unix_s)): (&Providers, (&[Login], i64)),
    key_of: impl Fn(&str) -> String,
) -> Value {
    let one = |(provider, credential, kind): (&String, &String, Kind)| {
        let name = name(agent, (providers, provider), credential);
        let key = key_of(&name);
        let mut value = match kind {
            Kind::ApiKey => json!({ "type": "api_key", "key": key }),
            Kind::Token => json!({ "type": "token", "token": key }),
            Kind::OAuth => json!({ "type": "oauth", "access": key, "expires": EXPIRES_MS }),
        };
        if let Some(login) = logins.iter().find(|it| it.name == name) {
            let expires_in = i64::try_from(login.terms.expires_in.as_millis()).unwrap_or(i64::MAX);
            value["refresh"] = json!(login.refresh);
            value["expires"] = json!((zero_unix_s * 1_000).saturating_add(expires_in));
            value["clientId"] = json!(login.client);
            value["email"] = json!(format!("{credential}@example.com"));
        }
        value["provider"] = json!(provider);
        (format!("{provider}:{credential}"), value)
    };
    all(providers).map(one).collect::<Map<_, _>>().into()
}
