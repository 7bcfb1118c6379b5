//! `auth` and each agent's `auth-profiles.json`: which credentials there are, and in which order they are used.
//!
//! The file is read at the start, as 2026.3 lays it out. What changes is written by [`crate::credentials`].

use std::collections::BTreeMap;

use creel_core::{
    failover::{
        credentials::{Credential, Credentials, Kind, Ledger},
        ledger::Policy,
    },
    gateway::Agent,
    ids::{AgentId, ProfileId, ProviderId},
    profile::Profile,
    time::{Millis, Timestamp, WallTime},
};
use creel_document::shape::Shape;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Problems, Settings, Source, raw, reference,
    shape::{TEXT, TEXTS, key, open},
};
use crate::{
    credentials::{Login, Renewable, Stats, file_of, moment},
    outside::Provider,
    secret::Secret,
};

const HOURS: Shape = Shape::Integer { min: 1, max: 8_760 };

/// `auth`.
pub(super) const SHAPE: Shape = open(&[
    key(
        "profiles",
        &Shape::MapOf(&open(&[
            key("provider", &TEXT, "Whose credential it is."),
            key("mode", &Shape::OneOf(&["api_key", "oauth", "token"]), "Of which kind."),
        ])),
        "Which credentials are used; their secrets stand elsewhere.",
    ),
    key("order", &Shape::MapOf(&TEXTS), "The order of credentials, by provider."),
    key(
        "cooldowns",
        &open(&[
            key("billingBackoffHours", &HOURS, "How long one without money is left alone first."),
            key(
                "billingBackoffHoursByProvider",
                &Shape::MapOf(&HOURS),
                "The same for single providers.",
            ),
            key("billingMaxHours", &HOURS, "How long at most."),
            key("failureWindowHours", &HOURS, "After how long failures are forgotten."),
        ]),
        "How long credentials rest.",
    ),
]);

/// `auth` as it stands in the file.
#[expect(
    clippy::zero_sized_map_values,
    reason = "what a profile holds is read elsewhere; its name counts here"
)]
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Auth {
    profiles: BTreeMap<String, serde::de::IgnoredAny>,
    order: BTreeMap<String, Vec<String>>,
    cooldowns: Cooldowns,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Cooldowns {
    billing_backoff_hours: Option<u64>,
    billing_backoff_hours_by_provider: BTreeMap<String, u64>,
    billing_max_hours: Option<u64>,
    failure_window_hours: Option<u64>,
}

/// What failures lead to.
pub(super) fn policy(document: &raw::Document, profile: &Profile) -> Policy {
    let Cooldowns { billing_backoff_hours, billing_max_hours, failure_window_hours, .. } =
        document.auth.cooldowns;
    let usual = profile.failover;
    let disabled_first = billing_backoff_hours.map_or(usual.disabled_first, hours);
    Policy {
        disabled_first,
        disabled_max: billing_max_hours.map_or(usual.disabled_max, hours).max(disabled_first),
        failure_window: failure_window_hours.map_or(usual.failure_window, hours),
        ..usual
    }
}

/// For how long credentials are disabled first, by provider.
pub(super) fn disabled_first(document: &raw::Document) -> BTreeMap<ProviderId, Millis> {
    let found = document.auth.cooldowns.billing_backoff_hours_by_provider.iter();
    found.filter_map(|(name, it)| Some((ProviderId::new(name).ok()?, hours(*it)))).collect()
}

const fn hours(it: u64) -> Millis {
    Millis::from_s(it * 3_600)
}

/// An agent's credentials, with the secrets for the shell alone.
pub(super) struct Held {
    pub(super) credentials: Credentials,
    pub(super) health: Ledger,
    pub(super) keys: BTreeMap<ProfileId, Secret>,
    pub(super) logins: BTreeMap<ProfileId, Renewable>,
}

/// `auth-profiles.json`, as far as it is used.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthProfiles {
    #[serde(default)]
    profiles: BTreeMap<String, AuthProfile>,
    #[serde(default)]
    order: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    usage_stats: BTreeMap<String, Stats>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthProfile {
    provider: String,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    key_ref: Option<Value>,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    token_ref: Option<Value>,
    #[serde(default)]
    access: Option<String>,
    #[serde(default)]
    refresh: Option<String>,
    #[serde(default)]
    expires: Option<Value>,
    #[serde(default)]
    client_id: Option<String>,
}

impl AuthProfile {
    /// The login that it is, if it can be renewed.
    fn login(&self) -> Option<Login> {
        let tokens = (self.access.clone(), self.refresh.clone());
        let expires = self.expires.as_ref().and_then(Value::as_f64);
        Login::of(tokens, expires, self.client_id.clone())
    }

    /// Of which kind it is.
    fn kind(&self) -> Kind {
        match self.r#type.as_deref() {
            Some("oauth") => Kind::OAuth,
            Some("token") => Kind::Token,
            _ => Kind::ApiKey,
        }
    }

    /// The secret, if there is one: what a reference stands for goes first. Else why it leads nowhere.
    fn secret(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Secret>, String> {
        let (given, key, referred) = match self.kind() {
            Kind::OAuth => (&self.access, "", &None),
            Kind::Token => (&self.token, "tokenRef", &self.token_ref),
            Kind::ApiKey => (&self.key, "keyRef", &self.key_ref),
        };
        let referred = referred.as_ref().map(|it| reference::resolve(it, env)).transpose();
        let given = given.clone().filter(|it| !it.is_empty()).map(Secret::new);
        Ok(referred.map_err(|why| format!("`{key}`: {why}"))?.or(given))
    }

    /// Where its kind keeps a secret.
    fn expects(&self) -> &'static str {
        match self.kind() {
            Kind::OAuth => "found no `access`, which `type: oauth` needs",
            Kind::Token => "found no `token` and no `tokenRef`, one of which `type: token` needs",
            Kind::ApiKey => "found no `key` and no `keyRef`, one of which `type: api_key` needs",
        }
    }

    /// When a token ends, if it does. Logins are renewed, and keys do not end.
    fn ends(&self) -> Result<Option<Timestamp>, &'static str> {
        const NO_DATE: &str = "`expires`: found no date, expected milliseconds since 1970";
        let expires = self.expires.as_ref().filter(|_| self.r#type.as_deref() == Some("token"));
        let date = |it: &Value| it.as_f64().filter(|it| *it > 0.0).map(moment).ok_or(NO_DATE);
        expires.map(date).transpose()
    }
}

/// The agent's own credentials, and a provider's key where it has none of its own. Another agent's are never read.
pub(super) fn of_agent(
    source: &Source<'_>,
    document: &raw::Document,
    (id, providers): (&AgentId, &BTreeMap<String, Provider>),
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<Held> {
    let AuthProfiles { profiles, order, usage_stats } = read(source, id, problems)?;
    let mut held = Held {
        credentials: Credentials::default(),
        health: Ledger::new(),
        keys: BTreeMap::new(),
        logins: BTreeMap::new(),
    };
    let file = source.state_dir.join(file_of(id));
    for (name, profile) in profiles {
        let place = format!("credential `{name}` of agent `{id}` in {}", file.display());
        let provider = providers.get(&profile.provider);
        if profile.r#type.as_deref() == Some("oauth") {
            let endpoint = provider.and_then(|it| it.token_endpoint.clone());
            if let (Some(login), Some(endpoint)) = (profile.login(), endpoint) {
                let provider = profile.provider;
                held.add_login(&name, Renewable { provider, endpoint, login });
                continue;
            }
        }
        match (profile.secret(source.env), profile.ends()) {
            (Err(why), _) if provider.is_some() => {
                problems.add("agents", format!("{place}, {why}"));
            }
            // Nobody can ask a provider that there is not.
            (Err(why), _) => warnings.push(format!("{place} is not used, {why}")),
            (Ok(Some(_)), Err(why)) => warnings.push(format!("{place} is not used, {why}")),
            (Ok(None), _) => warnings.push(format!("{place} is not used, {}", profile.expects())),
            (Ok(Some(secret)), Ok(ends)) => {
                held.add(&name, &profile.provider, (profile.kind(), secret, ends));
            }
        }
    }
    for (name, provider) in providers {
        let is_its = |it: &Credential| it.provider.as_str() == name;
        let key = provider.key.clone().filter(|_| !held.credentials.stored.values().any(is_its));
        if let Some(key) = key {
            held.add(&format!("{name}:default"), name, (Kind::ApiKey, key, None));
        }
    }
    // What was set for the agent alone goes before what was set for all.
    for (provider, ids) in document.auth.order.iter().chain(&order) {
        let Ok(provider) = ProviderId::new(provider) else { continue };
        let ids = ids.iter().filter_map(|it| ProfileId::new(it).ok()).collect();
        held.credentials.order.insert(provider, ids);
    }
    for (id, Credential { provider, .. }) in &held.credentials.stored {
        let stats = usage_stats.get(id.as_str());
        held.health.extend(stats.map(|it| (id.clone(), it.health(provider))));
    }
    let configured = document.auth.profiles.keys();
    held.credentials.configured = configured.filter_map(|it| ProfileId::new(it).ok()).collect();
    Some(held)
}

impl Settings {
    /// What a person should know of credentials that have ended, in one line each.
    pub fn ended(&self, now: WallTime) -> Vec<String> {
        let now = Timestamp::from_ms(u64::try_from(now.as_unix_ms()).unwrap_or_default());
        let of_agent = |(id, agent): (&AgentId, &Agent)| {
            let stored = agent.credentials.stored.iter();
            let ended = stored.filter(|(_, it)| it.ends.is_some_and(|end| end <= now));
            let told = |(name, _): (&ProfileId, _)| {
                format!("credential `{name}` of agent `{id}` has ended and is not used")
            };
            ended.map(told).collect::<Vec<_>>()
        };
        self.core.agents.iter().flat_map(of_agent).collect()
    }
}

impl Held {
    /// Adds a login that is renewed.
    fn add_login(&mut self, name: &str, login: Renewable) {
        let names = (ProfileId::new(name), ProviderId::new(&login.provider));
        let (Ok(id), Ok(provider)) = names else { return };
        let credential = Credential { provider, kind: Kind::OAuth, ends: None };
        self.credentials.stored.insert(id.clone(), credential);
        self.logins.insert(id, login);
    }

    /// Adds a credential, unless its secret is empty.
    fn add(
        &mut self,
        name: &str,
        provider: &str,
        (kind, secret, ends): (Kind, Secret, Option<Timestamp>),
    ) {
        let (Ok(id), Ok(provider)) = (ProfileId::new(name), ProviderId::new(provider)) else {
            return;
        };
        if secret.expose().is_empty() {
            return;
        }
        self.credentials.stored.insert(id.clone(), Credential { provider, kind, ends });
        self.keys.insert(id, secret);
    }
}

fn read(source: &Source<'_>, id: &AgentId, problems: &mut Problems<'_>) -> Option<AuthProfiles> {
    let file = file_of(id);
    let read = match (source.state_file)(&file) {
        Ok(None) => return Some(AuthProfiles::default()),
        Ok(Some(text)) => serde_json::from_str::<AuthProfiles>(&text).map_err(|it| unread(&it)),
        Err(error) => Err(error.to_string()),
    };
    read.map_err(|why| {
        let path = source.state_dir.join(file);
        let message = format!("read the keys of agent `{id}` in {}: {why}", path.display());
        problems.add("agents", message);
    })
    .ok()
}

/// Where a file is not as expected. The error's own words may quote a key.
fn unread(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => {
            "expected `profiles` with a `provider` and a `key` each"
        }
        _ => "expected JSON",
    };
    format!("line {}, column {}: {what}", error.line(), error.column())
}
