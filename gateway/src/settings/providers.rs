//! `models.providers`: which providers there are, what they speak, and how long they may take.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use creel_core::ids::ModelId;
use creel_document::shape::{Field, Shape};

use super::{
    Problems,
    agents::is_http,
    raw,
    shape::{TEXT, key, open},
};
use crate::{
    credentials::TokenEndpoint,
    media::is_public,
    outside::Provider,
    providers::{Api, Patience},
    secret::Secret,
};

/// How long a provider on the internet may be silent.
const CLOUD_IDLE: Duration = Duration::from_mins(2);

/// How long one of one's own may be: it may have to load its model first.
const SELF_HOSTED_IDLE: Duration = Duration::from_mins(5);

/// Endings of names that stand for a host nearby.
const NEARBY: [&str; 5] = [".local", ".localhost", ".internal", ".lan", ".home.arpa"];

const SECONDS: Shape = Shape::Integer { min: 1, max: 604_800 };
const SECONDS_OR_NONE: Shape = Shape::Integer { min: 0, max: 604_800 };

/// A reference is replaced by what it stands for before anything is checked.
const API_KEY: Shape = Shape::Either(&[
    TEXT,
    Shape::record(&[
        Field::required("source", &Shape::OneOf(&["env"]), "Where it is."),
        Field::optional("provider", &TEXT, "What OpenClaw calls that place."),
        Field::required("id", &TEXT, "The variable's name."),
    ]),
]);

/// A provider.
pub(super) const SHAPE: Shape = open(&[
    Field::required("baseUrl", &TEXT, "The address, up to and without the protocol's own path."),
    key("api", &Shape::OneOf(&API_NAMES), "The protocol."),
    key("apiKey", &API_KEY, "The key of agents that have none of their own."),
    key("timeoutSeconds", &SECONDS, "How long a request may take, from connecting to its end."),
    key(
        "oauth",
        &open(&[
            Field::required("tokenUrl", &TEXT, "Where it renews logins."),
            key("clientId", &TEXT, "Who we are to it, where a login does not say so."),
        ]),
        "How its logins are renewed. Ours: OpenClaw's plugins each know their provider's.",
    ),
    key(
        "models",
        &Shape::ListOf(&open(&[
            Field::required("id", &TEXT, "The provider's name for it."),
            key("maxTokens", &Shape::Integer { min: 1, max: 10_000_000 }, "An answer's length."),
        ])),
        "Its models.",
    ),
]);

/// `agents.defaults.llm`. 2026.9 has no such key; who writes it means it all the same.
pub(super) const LLM: Shape = open(&[
    key(
        "idleTimeoutSeconds",
        &SECONDS_OR_NONE,
        "How long a model may be silent, before its answer and in the middle of it; 0 is for ever.",
    ),
    key(
        "firstByteTimeoutSeconds",
        &SECONDS_OR_NONE,
        "How long it may be silent before its answer, where that is another time.",
    ),
]);

const API_NAMES: [&str; Api::NAMES.len()] = {
    let mut names = [""; Api::NAMES.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = Api::NAMES[index].0;
        index += 1;
    }
    names
};

/// The providers and their models.
pub(super) struct Providers {
    pub(super) by_name: BTreeMap<String, Provider>,
    pub(super) models: BTreeSet<ModelId>,
}

pub(super) fn providers(document: &raw::Document, problems: &mut Problems<'_>) -> Providers {
    let mut providers = Providers { by_name: BTreeMap::new(), models: BTreeSet::new() };
    for (name, provider) in &document.models.providers {
        let base_url = provider.base_url.trim_end_matches('/');
        if !is_http(base_url) {
            let path = format!("models.providers.{name}.baseUrl");
            problems.add(
                &path,
                format!("found `{base_url}`, expected an address with `http://` or `https://`"),
            );
        }
        let known = provider.models.iter().map(|it| format!("{name}/{}", it.id));
        providers.models.extend(known.filter_map(|it| ModelId::new(&it).ok()));
        let found = Provider {
            base_url: base_url.to_owned(),
            api: api(provider.api.as_deref()),
            tokens_max: provider
                .models
                .iter()
                .filter_map(|it| Some((it.id.clone(), it.max_tokens?)))
                .collect(),
            patience: patience(document, base_url, provider.timeout_seconds),
            key: provider.api_key.clone().map(Secret::new),
            token_endpoint: token_endpoint((name, provider), problems),
        };
        providers.by_name.insert(name.clone(), found);
    }
    providers
}

/// Providers whose logins are renewed where their plugins in OpenClaw have it.
const TOKEN_URLS: [(&str, &str); 1] = [("openai-codex", "https://auth.openai.com/oauth/token")];

fn token_endpoint(
    (name, provider): (&str, &raw::Provider),
    problems: &mut Problems<'_>,
) -> Option<TokenEndpoint> {
    let Some(raw::Oauth { token_url, client_id }) = &provider.oauth else {
        let (_, url) = TOKEN_URLS.into_iter().find(|(it, _)| *it == name)?;
        return Some(TokenEndpoint { url: url.to_owned(), client: None });
    };
    if !is_http(token_url) {
        let path = format!("models.providers.{name}.oauth.tokenUrl");
        let what = "expected an address with `http://` or `https://`";
        problems.add(&path, format!("found `{token_url}`, {what}"));
    }
    Some(TokenEndpoint { url: token_url.clone(), client: client_id.clone() })
}

fn api(name: Option<&str>) -> Api {
    let found = Api::NAMES.into_iter().find(|(it, _)| Some(*it) == name);
    found.map_or_else(Api::default, |(_, api)| api)
}

/// A provider that may take longer may also be silent for longer.
fn patience(document: &raw::Document, base_url: &str, timeout_s: Option<u64>) -> Patience {
    let raw::Llm { idle_timeout_seconds, first_byte_timeout_seconds } =
        document.agents.defaults.llm;
    let span = |it: u64| Some(Duration::from_secs(it)).filter(|it| !it.is_zero());
    let total = timeout_s.map(Duration::from_secs);
    let usual = if is_nearby(base_url) { SELF_HOSTED_IDLE } else { CLOUD_IDLE };
    let usual = usual.max(total.unwrap_or_default());
    let idle = idle_timeout_seconds.map_or(Some(usual), span);
    let first_byte = first_byte_timeout_seconds.map_or(idle, span);
    Patience { first_byte, idle, total }
}

/// Whether an address is one's own: a number that is not public, a name without a domain, or one of a nearby host.
fn is_nearby(base_url: &str) -> bool {
    let address = base_url.parse::<hyper::Uri>().ok();
    let Some(host) = address.as_ref().and_then(hyper::Uri::host) else { return false };
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(number) => !is_public(&number),
        Err(_) => !host.contains('.') || NEARBY.iter().any(|it| host.ends_with(it)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_nearby_may_be_silent_for_longer() {
        let nearby = ["http://127.0.0.1:8080/v1", "http://ollama:11434", "http://[::1]/v1"];
        let more = ["http://10.1.2.3/v1", "http://box.local/v1", "http://model.lan"];
        for address in nearby.into_iter().chain(more) {
            assert!(is_nearby(address), "{address}");
        }
        for address in ["https://api.openai.com/v1", "https://8.8.8.8/v1", "https://lan.example"] {
            assert!(!is_nearby(address), "{address}");
        }
    }

    #[test]
    fn each_limit_has_its_key_and_its_default() {
        let check = |llm: (Option<u64>, Option<u64>), timeout_s, expected: [u64; 3]| {
            let mut document = raw::Document::default();
            document.agents.defaults.llm =
                raw::Llm { idle_timeout_seconds: llm.0, first_byte_timeout_seconds: llm.1 };
            let Patience { first_byte, idle, total } =
                patience(&document, "https://api.example.com", timeout_s);
            let found = [first_byte, idle, total].map(|it| it.map_or(0, |it| it.as_secs()));
            assert_eq!(found, expected, "{llm:?} {timeout_s:?}");
        };
        check((None, None), None, [120, 120, 0]);
        check((None, None), Some(30), [120, 120, 30]);
        check((None, None), Some(300), [300, 300, 300]);
        check((Some(7), None), Some(300), [7, 7, 300]);
        check((Some(7), Some(60)), None, [60, 7, 0]);
        check((Some(0), None), None, [0, 0, 0]);
    }
}
