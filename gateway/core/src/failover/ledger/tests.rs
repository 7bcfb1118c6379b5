use super::*;

fn model(name: &str) -> ModelId {
    ModelId::new(name).unwrap()
}

/// Fails a credential at each of these seconds, and tells for how many seconds from then on it rests; `-` where the
/// failure moved nothing.
fn check(policy: &Policy, script: &[(u64, Reason)], expected: &str) {
    let mut health = Health::default();
    let mut rests = Vec::new();
    for (at, reason) in script {
        let now = Timestamp::from_ms(at * 1_000);
        let before = health.blocked(now, &model("p/m")).map(|it| it.until);
        health.failed(now, &model("p/m"), (*reason, None), policy);
        let after = health.blocked(now, &model("p/m")).map(|it| it.until);
        rests.push(match after {
            Some(until) if before != after => (until.since(now).as_ms() / 1_000).to_string(),
            _ => "-".to_owned(),
        });
    }
    assert_eq!(rests.join(" "), expected, "{script:?}");
}

#[test]
fn rests_grow_step_by_step() {
    use Reason::{Auth, Overloaded, RateLimit, ServerError, Timeout};
    let at_each_end =
        [(0, RateLimit), (60, Timeout), (360, ServerError), (1_860, Overloaded), (5_460, Auth)];
    check(&POLICY_2026_3, &at_each_end, "60 300 1500 3600 3600");
    let at_each_end = [(0, RateLimit), (30, Timeout), (90, ServerError), (390, Overloaded)];
    check(&POLICY_2026_9, &at_each_end, "30 60 300 300");
}

#[test]
fn a_window_in_force_is_not_moved() {
    let script = [0, 10, 59, 60, 100, 359].map(|at| (at, Reason::RateLimit));
    check(&POLICY_2026_3, &script, "60 - - 300 - -");
}

#[test]
fn a_credential_without_money_is_left_alone_for_hours() {
    let hours = 3_600;
    let script = [(0, Reason::Billing), (60, Reason::Billing), (5 * hours, Reason::Billing)];
    check(&POLICY_2026_3, &script, "18000 - 36000");
    check(&POLICY_2026_3, &[(0, Reason::AuthPermanent), (18_000, Reason::Billing)], "18000 36000");
    let doubling = [0, 5, 15, 35, 59].map(|it| (it * hours, Reason::Billing));
    check(&POLICY_2026_3, &doubling, "18000 36000 72000 86400 18000");
    check(&POLICY_2026_9, &[(0, Reason::Billing), (600, Reason::Billing)], "600 600");
}

#[test]
fn a_first_disable_of_another_length_doubles_up_to_the_limit_too() {
    let hour = 3_600;
    let at =
        |hours: &[u64]| hours.iter().map(|it| (it * hour, Reason::Billing)).collect::<Vec<_>>();
    let short = POLICY_2026_3.disabling_for(Millis::from_s(hour));
    check(&short, &at(&[0, 1, 3]), "3600 7200 14400");
    let long = POLICY_2026_3.disabling_for(Millis::from_s(48 * hour));
    check(&long, &at(&[0, 48]), "172800 172800");
    check(&short, &[(0, Reason::RateLimit)], "60");
}

#[test]
fn a_day_without_a_failure_begins_the_count_anew() {
    let day = 24 * 3_600;
    let script = [0, 60, 60 + day - 1].map(|at| (at, Reason::Timeout));
    check(&POLICY_2026_3, &script, "60 300 1500");
    let script = [0, 60, 60 + day].map(|at| (at, Reason::Timeout));
    check(&POLICY_2026_3, &script, "60 300 60");
}

#[test]
fn what_the_provider_is_not_to_blame_for_changes_nothing() {
    use Reason::{Aborted, ContextOverflow, Format, Local, ModelNotFound, Refusal};
    for reason in [Aborted, ContextOverflow, Format, Local, ModelNotFound, Refusal] {
        let mut health = Health::default();
        health.failed(Timestamp::default(), &model("p/m"), (reason, None), &POLICY_2026_3);
        assert_eq!(health, Health::default(), "{reason:?}");
    }
}

#[test]
fn success_forgets_all_but_the_use() {
    let mut health = Health::default();
    let at = Timestamp::from_ms;
    health.failed(at(0), &model("p/m"), (Reason::Timeout, None), &POLICY_2026_3);
    health.failed(at(60_000), &model("p/m"), (Reason::Billing, None), &POLICY_2026_3);
    health.succeeded(at(70_000), &model("p/m"));
    assert_eq!(health, Health { last_used: Some(at(70_000)), ..Health::default() });
}

#[test]
fn a_rate_limit_holds_for_its_model_alone_in_2026_9() {
    for (policy, is_free) in [(&POLICY_2026_3, false), (&POLICY_2026_9, true)] {
        let mut health = Health::default();
        let now = Timestamp::from_ms(5);
        health.failed(now, &model("p/m"), (Reason::RateLimit, None), policy);
        assert!(health.blocked(now, &model("p/m")).is_some());
        assert_eq!(health.blocked(now, &model("p/other")).is_none(), is_free);
    }
}

#[test]
fn a_model_s_success_leaves_another_model_s_rate_limit_in_force() {
    let mut health = Health::default();
    let at = Timestamp::from_ms;
    health.failed(at(0), &model("p/m"), (Reason::RateLimit, None), &POLICY_2026_9);
    health.succeeded(at(10), &model("p/other"));
    assert!(health.blocked(at(20), &model("p/m")).is_some());
    health.succeeded(at(30), &model("p/m"));
    assert!(health.blocked(at(40), &model("p/m")).is_none());
}

#[test]
fn who_asks_to_be_left_alone_is_left_alone() {
    for (asked, rests) in [(10, 60), (90, 90), (7_200, 7_200), (200_000, 86_400)] {
        let mut health = Health::default();
        let why = (Reason::RateLimit, Some(Millis::from_s(asked)));
        health.failed(Timestamp::default(), &model("p/m"), why, &POLICY_2026_3);
        let until = health.blocked(Timestamp::default(), &model("p/m")).map(|it| it.until);
        assert_eq!(until, Some(Timestamp::default() + Millis::from_s(rests)));
    }
}
