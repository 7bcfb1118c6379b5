use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    failover::{
        credentials::{Credentials, Ledger},
        ledger::{POLICY_2026_3, POLICY_2026_9},
    },
    ids::ProviderId,
    testing,
};

/// One gateway's credentials, asked by turns of which each may have several requests.
struct World {
    credentials: Credentials,
    ledger: Ledger,
    policy: &'static Policy,
    kept: BTreeMap<ProviderId, ProfileId>,
    now: Timestamp,
}

impl World {
    fn new(policy: &'static Policy, profiles: &[&str]) -> Self {
        let (credentials, ledger) = (testing::credentials(profiles), Ledger::new());
        Self { credentials, ledger, policy, kept: BTreeMap::new(), now: Timestamp::from_ms(0) }
    }

    fn pool(&self) -> Pool<'_> {
        let Self { credentials, ledger, policy, kept, .. } = self;
        Pool { credentials, ledger, policy, pin: None, kept }
    }

    fn pass(&mut self, span: Millis) {
        self.now = self.now + span;
    }

    /// One turn whose requests fail for these reasons and then succeed: what was asked when, and how it ended.
    fn turn(&mut self, models: &[&str], failures: &[Reason]) -> String {
        let mut plan = Plan::new(models.iter().map(|it| ModelId::new(it).unwrap()));
        let mut told = Vec::new();
        let mut failures = failures.iter();
        loop {
            let Some(Attempt { model, profile }) = plan.choose(self.now, &self.pool()) else {
                told.push("nothing left".to_owned());
                return told.join(", ");
            };
            let at = self.now.as_ms() / 1_000;
            told.push(format!("{at} {model} {profile}"));
            let health = self.ledger.entry(profile).or_default();
            health.used(self.now);
            let Some(reason) = failures.next().copied() else {
                health.succeeded(self.now, &model);
                return told.join(", ");
            };
            let failed = Failed { reason, rest_asked: None, jitter: 0 };
            let next = plan.failed(self.now, failed, self.policy);
            if let Next::Wait(wait) = next {
                self.pass(wait);
                continue;
            }
            health.failed(self.now, &model, (reason, None), self.policy);
            if next == Next::Surface {
                told.push(reason.name().to_owned());
                return told.join(", ");
            }
        }
    }
}

const OLD: &Policy = &POLICY_2026_3;
const NEW: &Policy = &POLICY_2026_9;
const KEYS: &[&str] = &["p:1", "p:2", "p:3", "q:1"];
const MODELS: &[&str] = &["p/m", "q/m"];

#[test]
fn a_turn_goes_through_credentials_then_models() {
    use Reason::{Auth, RateLimit};
    let check = |policy, failures: &[Reason], expected: &str| {
        assert_eq!(World::new(policy, KEYS).turn(MODELS, failures), expected, "{failures:?}");
    };
    check(OLD, &[], "0 p/m p:1");
    check(OLD, &[RateLimit], "0 p/m p:1, 0 p/m p:2");
    check(OLD, &[RateLimit; 3], "0 p/m p:1, 0 p/m p:2, 0 p/m p:3, 0 q/m q:1");
    check(NEW, &[Auth; 3], "0 p/m p:1, 0 p/m p:2, 0 p/m p:3, 0 q/m q:1");
    check(OLD, &[Auth; 4], "0 p/m p:1, 0 p/m p:2, 0 p/m p:3, 0 q/m q:1, nothing left");
}

#[test]
fn in_2026_9_a_passing_failure_is_waited_out_and_rotates_once() {
    let failures = [Reason::RateLimit; 11];
    let expected = "0 p/m p:1, 2 p/m p:1, 6 p/m p:1, 14 p/m p:1, 30 p/m p:1, 60 p/m p:1, 90 p/m p:1, 120 p/m p:1, \
                    150 p/m p:1, 180 p/m p:1, 180 p/m p:2, 180 q/m q:1";
    assert_eq!(World::new(NEW, KEYS).turn(MODELS, &failures), expected);
    let failures = [Reason::Overloaded; 8];
    let expected = "0 p/m p:1, 1 p/m p:1, 3 p/m p:1, 7 p/m p:1, 15 p/m p:1, 31 p/m p:1, 61 p/m p:1, 61 p/m p:2, \
                    61 q/m q:1";
    assert_eq!(World::new(NEW, KEYS).turn(MODELS, &failures), expected);
}

#[test]
fn every_reason_has_its_way_on() {
    use Reason::{Aborted, ContextOverflow, Format, Local, ModelNotFound, Refusal};
    for policy in [OLD, NEW] {
        for reason in [Aborted, ContextOverflow, Local, Refusal] {
            let expected = format!("0 p/m p:1, {}", reason.name());
            assert_eq!(World::new(policy, KEYS).turn(MODELS, &[reason]), expected);
        }
        let found = World::new(policy, KEYS).turn(MODELS, &[ModelNotFound]);
        assert_eq!(found, "0 p/m p:1, 0 q/m q:1");
    }
    assert_eq!(World::new(NEW, KEYS).turn(MODELS, &[Format]), "0 p/m p:1, format");
    assert_eq!(World::new(OLD, KEYS).turn(MODELS, &[Format]), "0 p/m p:1, 0 p/m p:2");
}

#[test]
fn what_rests_is_skipped_and_probed_near_its_end_only() {
    let mut world = World::new(OLD, &["p:1", "q:1"]);
    let both = [Reason::Timeout; 2];
    assert_eq!(world.turn(MODELS, &both), "0 p/m p:1, 0 q/m q:1, nothing left");
    world.pass(Millis::from_s(54));
    assert_eq!(world.turn(MODELS, &[]), "nothing left");
    world.pass(Millis::from_s(1));
    assert_eq!(world.turn(MODELS, &[Reason::Timeout]), "55 p/m p:1, nothing left");
    world.pass(Millis::from_s(5));
    assert_eq!(world.turn(MODELS, &[]), "60 p/m p:1");
}

#[test]
fn a_provider_that_asks_for_a_wait_gets_it_and_one_that_asks_for_too_much_is_left() {
    for (asked_s, expected) in
        [(0, Next::Wait(Millis::from_s(2))), (45, Next::Wait(Millis::from_s(45)))]
    {
        let mut world = World::new(NEW, KEYS);
        let mut plan = Plan::new([ModelId::new("p/m").unwrap()]);
        plan.choose(world.now, &world.pool());
        let rest_asked = Some(Millis::from_s(asked_s));
        let failed = Failed { reason: Reason::RateLimit, rest_asked, jitter: 0 };
        assert_eq!(plan.failed(world.now, failed, NEW), expected);
        world.pass(Millis::from_s(asked_s));
        let failed = Failed { rest_asked: Some(Millis::from_s(61)), ..failed };
        assert_eq!(plan.failed(world.now, failed, NEW), Next::Choose);
    }
}

fn reason() -> impl Strategy<Value = Reason> {
    proptest::sample::select(Reason::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Turns one after another, whose requests fail in any way and take any time.
    #[test]
    fn a_plan_ends_and_never_asks_what_rests(
        is_old in any::<bool>(),
        turns in proptest::collection::vec(
            (0_u64..4_000_000, proptest::collection::vec(
                (proptest::option::of(reason()), 0_u64..200_000, any::<u64>(), proptest::option::of(0_u64..200)), 1..40)),
            1..12),
    ) {
        let policy = if is_old { OLD } else { NEW };
        let mut world = World::new(policy, KEYS);
        for (pause, script) in turns {
            world.pass(Millis::new(pause));
            let mut plan = Plan::new(["p/m", "p/n", "q/m"].map(|it| ModelId::new(it).unwrap()));
            let (mut probes, mut asked) = (0, 0);
            let mut script = script.into_iter();
            while let Some(Attempt { model, profile }) = plan.choose(world.now, &world.pool()) {
                asked += 1;
                // Three models, at most three credentials each, and the tries of the first of each model.
                prop_assert!(asked <= 9 + 3 * 10, "the turn does not end");
                if world.pool().blocked_until(world.now, &model, &profile).is_some() {
                    probes += 1;
                    prop_assert_eq!(model.as_str(), "p/m");
                    prop_assert!(probes <= 1, "at most one probe a turn");
                }
                let Some((failure, takes, jitter, asked_s)) = script.next() else { break };
                world.pass(Millis::new(takes));
                let before = world.ledger.clone();
                let health = world.ledger.entry(profile).or_default();
                health.used(world.now);
                let Some(reason) = failure else {
                    health.succeeded(world.now, &model);
                    prop_assert!(health.blocked(world.now, &model).is_none());
                    break;
                };
                let rest_asked = asked_s.map(Millis::from_s);
                match plan.failed(world.now, Failed { reason, rest_asked, jitter }, policy) {
                    Next::Wait(wait) => {
                        prop_assert!(wait <= WAIT_ASKED_MAX && wait >= rest_asked.unwrap_or_default());
                        world.pass(wait);
                        continue;
                    }
                    Next::Choose => health.failed(world.now, &model, (reason, rest_asked), policy),
                    Next::Surface => {
                        health.failed(world.now, &model, (reason, rest_asked), policy);
                        break;
                    }
                }
                for (profile, before) in &before {
                    let windows = before.cooldowns.iter().chain(&before.disabled);
                    for window in windows.filter(|it| world.now < it.until) {
                        let after = &world.ledger[profile];
                        let mut now = after.cooldowns.iter().chain(&after.disabled);
                        prop_assert!(now.any(|it| it == window), "a window in force was moved");
                    }
                }
            }
        }
    }
}
