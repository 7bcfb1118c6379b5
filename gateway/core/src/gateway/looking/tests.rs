use super::*;
use crate::{
    failover::Reason,
    lane::{DropPolicy, Mode},
    profile::Version,
    testing,
};

#[test]
fn rests_are_seen_until_they_are_over() {
    let settings = testing::settings(Version::V2026_3, Mode::Followup, DropPolicy::Old);
    let policy = settings.failover;
    let mut gateway = Gateway::new(settings, 1);
    let agent = AgentId::new("main").unwrap();
    let profile = ProfileId::new("openai:default").unwrap();
    let model = crate::ids::ModelId::new("openai/m").unwrap();
    let at = Timestamp::from_ms;
    let health = gateway.ledgers.entry(agent).or_default().entry(profile).or_default();
    health.failed(at(0), &model, (Reason::RateLimit, None), &policy);
    health.failed(at(0), &model, (Reason::Billing, None), &policy);
    let seen = |now| {
        let [view] = gateway.credentials(at(now)).try_into().unwrap();
        let rests = view.rests.iter().map(|(left, it)| format!("{left} {}", it.reason.name()));
        (view.is_disabled, rests.collect::<Vec<_>>().join(", "))
    };
    assert_eq!(seen(1_000), (true, "59 s rate_limit, 17999 s billing".to_owned()));
    assert_eq!(seen(60_000), (true, "17940 s billing".to_owned()));
    assert_eq!(seen(18_000_000), (false, String::new()));
}

#[test]
fn agents_without_anything_that_waits_are_counted_too() {
    let settings = testing::settings(Version::V2026_3, Mode::Followup, DropPolicy::Old);
    let load = Gateway::new(settings, 1).load();
    let waiting = [(AgentId::new("main").unwrap(), 0)].into();
    assert_eq!(load, Load { waiting, ..Load::default() });
}
