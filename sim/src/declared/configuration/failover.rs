//! Models and credentials in the judge's types.

use std::collections::BTreeMap;

use creel_judge::{
    context::{Chain, Cooldowns, Credential, CredentialKind},
    profile::Profile,
};
use serde_json::Value;

use super::{entries, items, text, whole};
use crate::scenario::{Kind, Scenario};

/// With what each agent can ask, in a scenario that has providers of its own.
pub(super) fn chains(
    config: &Value,
    scenario: &Scenario,
    profile: &Profile,
) -> BTreeMap<String, Chain> {
    if scenario.providers.is_empty() {
        return BTreeMap::new();
    }
    let listed = items(config, "/agents/list").map(|it| (text(it, "/id"), it));
    let entered = entries(config, "/agents/entries").map(|(id, it)| (Some(id.clone()), it));
    let agents = listed.chain(entered).filter_map(|(id, it)| Some((id?, it)));
    let is_known = |model: &String| {
        let provider = model.split_once('/').map_or("", |(provider, _)| provider);
        scenario.providers.contains_key(provider)
    };
    agents
        .map(|(id, agent)| (id, models(config, agent, profile)))
        .filter(|(_, models)| models.iter().all(is_known))
        .map(|(id, models)| (id, chain(config, scenario, models)))
        .collect()
}

/// The models of an agent. One of its own without fallbacks has in `2026.3` those of all agents, later none.
fn models(config: &Value, agent: &Value, profile: &Profile) -> Vec<String> {
    let shared = config.pointer("/agents/defaults/model").unwrap_or(&Value::Null);
    let primary = |model: &Value| text(model, "").or_else(|| text(model, "/primary"));
    let fallbacks = |model: &Value| -> Option<Vec<String>> {
        model.get("fallbacks").map(|it| items(it, "").filter_map(|it| text(it, "")).collect())
    };
    let (first, rest) = match agent.get("model") {
        None => (primary(shared), fallbacks(shared)),
        Some(own) => {
            let inherits = profile.name == "2026.3";
            let inherited = || fallbacks(shared).filter(|_| inherits);
            (primary(own).or_else(|| primary(shared)), fallbacks(own).or_else(inherited))
        }
    };
    first.into_iter().chain(rest.into_iter().flatten()).collect()
}

/// The chain of an agent that has these models.
fn chain(config: &Value, scenario: &Scenario, models: Vec<String>) -> Chain {
    let credentials = scenario.providers.iter().flat_map(|(provider, it)| {
        it.credentials.iter().map(move |(name, kind)| Credential {
            provider: provider.clone(),
            name: name.clone(),
            kind: match kind {
                Kind::OAuth => CredentialKind::OAuth,
                Kind::Token => CredentialKind::Token,
                Kind::ApiKey => CredentialKind::ApiKey,
            },
        })
    });
    let own = |it: String| it.split_once(':').map_or(it.clone(), |(_, own)| own.to_owned());
    let order = entries(config, "/auth/order").map(|(provider, ids)| {
        (provider.clone(), items(ids, "").filter_map(|it| text(it, "")).map(own).collect())
    });
    let choices = scenario.providers.iter().flat_map(|(provider, it)| {
        it.models.iter().map(move |model| format!("{provider}/{model}"))
    });
    Chain {
        choices: choices.collect(),
        models,
        credentials: credentials.collect(),
        order: order.collect(),
        cooldowns: cooldowns(config),
    }
}

fn cooldowns(config: &Value) -> Cooldowns {
    let us = |it: u64| i64::try_from(it * 3_600_000_000).ok();
    let hours = |key: &str| whole(config, &format!("/auth/cooldowns/{key}")).and_then(us);
    let by_provider = entries(config, "/auth/cooldowns/billingBackoffHoursByProvider");
    let by_provider = by_provider.filter_map(|(name, it)| Some((name.clone(), us(it.as_u64()?)?)));
    Cooldowns {
        failure_window_us: hours("failureWindowHours"),
        billing_backoff_us: hours("billingBackoffHours"),
        billing_backoff_by_provider_us: by_provider.collect(),
        billing_max_us: hours("billingMaxHours"),
    }
}
