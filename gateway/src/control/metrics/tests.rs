use creel_core::{
    failover::{Reason, credentials::Kind, ledger::Window},
    ids::{AgentId, ProfileId, ProviderId},
    run::ModelFailure,
    time::{Millis, Timestamp},
};

use super::*;

fn run(number: u64, began: Instant) -> (RunId, Timing) {
    let labels = ("main".to_owned(), "tele\"gram".to_owned());
    (RunId(number), Timing { labels, began, outside: Duration::ZERO, waits: None })
}

#[tokio::test(start_paused = true)]
async fn a_page_shows_what_was_counted_and_what_stands() {
    let metrics = Metrics::default();
    let (one, timing) = run(1, clock::instant());
    metrics.counts().under_way.insert(one, timing);
    metrics.counts().leave(one, clock::instant());
    tokio::time::advance(Duration::from_secs(2)).await;
    let failed = ModelOutcome::Failed(ModelFailure::Status(429).into());
    metrics.event(&Event::ModelEnded { run: one, call: 1, outcome: failed });
    // A wait between two tries is the gateway's.
    tokio::time::advance(Duration::from_millis(20)).await;
    metrics.counts().leave(one, clock::instant());
    tokio::time::advance(Duration::from_secs(1)).await;
    let outcome = ModelOutcome::Answered(creel_core::run::Answer::of("yes"));
    metrics.event(&Event::ModelEnded { run: one, call: 2, outcome });
    metrics.counts().ended(one, "answered");
    metrics.counts().ended(RunId(2), "aborted");
    metrics.counts().given_up("telegram", "refused");
    let main = AgentId::new("main").unwrap();
    let load = Load { waiting: [(main.clone(), 3)].into(), runs: 1, sends: 2, sessions: 4 };
    let window = Window { until: Timestamp::from_ms(9), reason: Reason::RateLimit, model: None };
    let view = CredentialView {
        agent: main,
        profile: ProfileId::new("openai:default").unwrap(),
        provider: ProviderId::new("openai").unwrap(),
        kind: Kind::ApiKey,
        rests: vec![(Millis::from_s(1), window)],
        is_disabled: false,
        failures: 1,
    };
    insta::assert_snapshot!(metrics.page(&load, &[view], 5));
}

#[test]
fn tools_that_run_together_are_waited_for_once() {
    let start = clock::instant();
    let at = |s| start + Duration::from_secs(s);
    let (_, mut timing) = run(1, start);
    timing.leave(at(0));
    timing.leave(at(1));
    timing.come_back(at(2));
    timing.come_back(at(5));
    timing.come_back(at(6));
    assert_eq!(timing.outside, Duration::from_secs(5));
}
