//! `usageStats`: how a credential is doing, as OpenClaw writes it.
//!
//! Ours beside its keys: `disableCount`, since its one count for money and for keys that were revoked is not told by the
//! failures alone, and `modelCooldowns` for further models that rest, since it has room for one.

use std::collections::BTreeMap;

use creel_core::{
    failover::{
        Reason,
        ledger::{Health, Window},
    },
    gateway::Kept,
    ids::{ModelId, ProviderId},
    time::Timestamp,
};
use creel_document::{edit, problem::Problem};
use serde::Deserialize;
use serde_json::{Value, json};

/// An agent that has no file yet.
const EMPTY: &str = "{\n  \"version\": 1,\n  \"profiles\": {}\n}\n";

/// How a credential is doing, as it stands in the file: moments in milliseconds since 1970.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Stats {
    last_used: Option<f64>,
    cooldown_until: Option<f64>,
    cooldown_reason: Option<String>,
    cooldown_model: Option<String>,
    model_cooldowns: BTreeMap<String, f64>,
    disabled_until: Option<f64>,
    disabled_reason: Option<String>,
    disable_count: Option<u32>,
    error_count: Option<u32>,
    failure_counts: BTreeMap<String, u32>,
    last_failure_at: Option<f64>,
}

impl Stats {
    /// How a credential of this provider was doing. Reasons that we do not know count for none.
    pub fn health(&self, provider: &ProviderId) -> Health {
        let named = |name: &str| Reason::ALL.into_iter().find(|it| it.name() == name);
        let model = |it: &String| ModelId::new(&format!("{provider}/{it}")).ok();
        let failures: BTreeMap<Reason, u32> = self
            .failure_counts
            .iter()
            .filter_map(|(name, count)| Some((named(name)?, *count)))
            .collect();
        let cooldown = self.cooldown_until.map(|until| Window {
            until: moment(until),
            reason: reason(self.cooldown_reason.as_deref(), Reason::RateLimit),
            model: self.cooldown_model.as_ref().and_then(model),
        });
        let others = self.model_cooldowns.iter().filter_map(|(name, until)| {
            Some(Window {
                until: moment(*until),
                reason: Reason::RateLimit,
                model: Some(model(name)?),
            })
        });
        let disables = [Reason::Billing, Reason::AuthPermanent];
        let disables = disables.iter().filter_map(|it| failures.get(it)).sum();
        Health {
            last_used: self.last_used.map(moment),
            cooldowns: cooldown.into_iter().chain(others).collect(),
            disabled: self.disabled_until.map(|until| Window {
                until: moment(until),
                reason: reason(self.disabled_reason.as_deref(), Reason::Billing),
                model: None,
            }),
            errors: self.error_count.unwrap_or_default(),
            disables: self.disable_count.unwrap_or(disables),
            last_failure: self.last_failure_at.map(moment),
            failures,
        }
    }
}

fn reason(name: Option<&str>, usual: Reason) -> Reason {
    Reason::ALL.into_iter().find(|it| Some(it.name()) == name).unwrap_or(usual)
}

/// A moment of the file, in milliseconds since 1970.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float becomes the nearest whole number that there is"
)]
pub fn moment(ms: f64) -> Timestamp {
    Timestamp::from_ms(ms as u64)
}

/// The file's text with how a credential is doing now; `None` is an agent without a file. `shown` tells what the wall
/// clock shows at a moment.
///
/// # Errors
///
/// What is wrong with the text.
pub fn edited(
    text: Option<&str>,
    kept: &Kept,
    shown: impl Fn(Timestamp) -> i64,
) -> Result<String, Vec<Problem>> {
    let mut text = text.unwrap_or(EMPTY).to_owned();
    let profile = kept.profile.as_str();
    for (key, value) in rows(&kept.health, shown) {
        let path = ["usageStats", profile, key];
        text = match value {
            Some(value) => edit::set(&text, &path, &value)?,
            None => edit::remove(&text, &path)?,
        };
    }
    if let Some(provider) = &kept.good_for {
        text = edit::set(&text, &["lastGood", provider.as_str()], &profile.into())?;
    }
    Ok(text)
}

/// Every key that is ours to write, with its value if it has one.
fn rows(health: &Health, shown: impl Fn(Timestamp) -> i64) -> [(&'static str, Option<Value>); 11] {
    let Health { last_used, cooldowns, disabled, errors, disables, last_failure, failures } =
        health;
    let at = |it: &Timestamp| json!(shown(*it));
    let named = |model: &ModelId| {
        let name = model.as_str().split_once('/').map_or(model.as_str(), |(_, name)| name);
        name.to_owned()
    };
    // There is room for one: the one that holds for all models, or else the last to end.
    let main = cooldowns.iter().max_by_key(|it| (it.model.is_none(), it.until));
    let others: BTreeMap<String, i64> = cooldowns
        .iter()
        .filter(|it| Some(*it) != main)
        .filter_map(|it| Some((named(it.model.as_ref()?), shown(it.until))))
        .collect();
    let counts: BTreeMap<&str, u32> = failures.iter().map(|(it, n)| (it.name(), *n)).collect();
    let count = |it: u32| (it > 0).then(|| json!(it));
    [
        ("lastUsed", last_used.as_ref().map(at)),
        ("cooldownUntil", main.map(|it| at(&it.until))),
        ("cooldownReason", main.map(|it| json!(it.reason.name()))),
        ("cooldownModel", main.and_then(|it| it.model.as_ref()).map(|it| json!(named(it)))),
        ("modelCooldowns", (!others.is_empty()).then(|| json!(others))),
        ("disabledUntil", disabled.as_ref().map(|it| at(&it.until))),
        ("disabledReason", disabled.as_ref().map(|it| json!(it.reason.name()))),
        ("disableCount", count(*disables)),
        // A credential that answered has none, and says so.
        ("errorCount", Some(json!(errors))),
        ("failureCounts", (!counts.is_empty()).then(|| json!(counts))),
        ("lastFailureAt", last_failure.as_ref().map(at)),
    ]
}

#[cfg(test)]
mod tests {
    use creel_core::ids::{AgentId, ProfileId};

    use super::*;

    fn kept(health: Health, good_for: Option<&str>) -> Kept {
        Kept {
            agent: AgentId::new("main").unwrap(),
            profile: ProfileId::new("p:one").unwrap(),
            health,
            good_for: good_for.map(|it| ProviderId::new(it).unwrap()),
        }
    }

    fn window(until: u64, reason: Reason, model: Option<&str>) -> Window {
        let model = model.map(|it| ModelId::new(it).unwrap());
        Window { until: Timestamp::from_ms(until), reason, model }
    }

    fn write(text: Option<&str>, kept: &Kept) -> String {
        edited(text, kept, |it| i64::try_from(it.as_ms()).unwrap()).unwrap()
    }

    fn read(text: &str) -> Health {
        let file: Value = serde_json::from_str(text).unwrap();
        let stats = file["usageStats"]["p:one"].clone();
        Stats::deserialize(stats).unwrap().health(&ProviderId::new("p").unwrap())
    }

    #[test]
    fn what_was_written_is_read_again() {
        let health = Health {
            last_used: Some(Timestamp::from_ms(1_700_000_000_000)),
            cooldowns: vec![
                window(1_700_000_060_000, Reason::Timeout, None),
                window(1_700_000_030_000, Reason::RateLimit, Some("p/a/b")),
                window(1_700_000_050_000, Reason::RateLimit, Some("p/c")),
            ],
            disabled: Some(window(1_700_000_600_000, Reason::AuthPermanent, None)),
            errors: 3,
            disables: 1,
            last_failure: Some(Timestamp::from_ms(1_700_000_000_001)),
            failures: [(Reason::Timeout, 2), (Reason::AuthPermanent, 4)].into(),
        };
        let cases = [
            health.clone(),
            Health { cooldowns: health.cooldowns[1..].to_vec(), ..health.clone() },
            Health { cooldowns: health.cooldowns[2..].to_vec(), ..health.clone() },
            Health { last_used: health.last_used, ..Health::default() },
        ];
        for health in cases {
            let mut again = read(&write(None, &kept(health.clone(), None)));
            let mut wanted = health;
            for it in [&mut again, &mut wanted] {
                it.cooldowns.sort_by_key(|it| it.until);
            }
            assert_eq!(again, wanted);
        }
    }

    #[test]
    fn what_is_not_ours_stays_as_it_is() {
        let text = r#"{"zeta":1,"usageStats":{"p:two":{"errorCount":9},"p:one":{"lastProbeAt":5,"cooldownUntil":7,"lastUsed":1}},"profiles":{"p:one":{"type":"api_key","key":"k","email":"e@x"}}}"#;
        let health = Health { last_used: Some(Timestamp::from_ms(8)), ..Health::default() };
        let expected = r#"{"zeta":1,"usageStats":{"p:two":{"errorCount":9},"p:one":{"lastProbeAt":5,"lastUsed":8,"errorCount":0}},"profiles":{"p:one":{"type":"api_key","key":"k","email":"e@x"}},"lastGood":{"p":"p:one"}}"#;
        assert_eq!(write(Some(text), &kept(health, Some("p"))), expected);
    }

    #[test]
    fn the_counts_of_openclaw_stand_for_ours() {
        let text = r#"{"usageStats":{"p:one":{"disabledUntil":5.5,"failureCounts":{"billing":2,"session_expired":1}}}}"#;
        let health = read(text);
        assert_eq!((health.disables, health.failures.len()), (2, 1));
        assert_eq!(health.disabled, Some(window(5, Reason::Billing, None)));
    }
}
