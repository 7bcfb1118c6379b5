//! Models and credentials in the judge's types.

use std::collections::BTreeMap;

use creel_judge::context::{Chain, Cooldowns, Credential, CredentialKind};
use serde_json::Value;

use super::{entries, items, text, whole};
use crate::scenario::{Act, ErrorStatus, Kind, Scenario};

/// With what each agent can ask, in a scenario that has providers of its own.
pub(super) fn chains(config: &Value, scenario: &Scenario) -> BTreeMap<String, Chain> {
    let says_more = |it: &Act| match it {
        Act::Status(error) => {
            let ErrorStatus { message, kind, code, retry_after_s, headers, status: _ } = error;
            let words = [message, kind, code];
            words.into_iter().any(Option::is_some) || retry_after_s.is_some() || !headers.is_empty()
        }
        _ => false,
    };
    let standing = scenario.providers.values().flat_map(crate::scenario::Provider::acts);
    let scripted = scenario.model.values().flatten().map(|it| &it.act);
    // A login that is renewed, or is not, is no request of a model.
    let has_logins = scenario.providers.values().any(|it| !it.logins.is_empty());
    let tells_more = has_logins || standing.chain(scripted).any(says_more);
    if scenario.providers.is_empty() {
        return BTreeMap::new();
    }
    let listed = items(config, "/agents/list").map(|it| (text(it, "/id"), it));
    let entered = entries(config, "/agents/entries").map(|(id, it)| (Some(id.clone()), it));
    let agents = listed.chain(entered).filter_map(|(id, it)| Some((id?, it)));
    agents
        .filter(|(_, it)| it.get("model").is_none())
        .map(|(id, _)| (id, chain(config, scenario, tells_more)))
        .collect()
}

/// The chain of an agent that has no model of its own.
fn chain(config: &Value, scenario: &Scenario, tells_more: bool) -> Chain {
    let shared = |pointer: &str| text(config, &format!("/agents/defaults{pointer}"));
    let primary = shared("/model").or_else(|| shared("/model/primary"));
    let fallbacks = items(config, "/agents/defaults/model/fallbacks").filter_map(|it| text(it, ""));
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
        models: primary.into_iter().chain(fallbacks).collect(),
        credentials: credentials.collect(),
        order: order.collect(),
        tells_more,
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
