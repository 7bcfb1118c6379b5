//! Failover: the core asks whom the specification allows, whatever providers do, in the conversations of two agents that
//! share credentials.
//!
//! `PROPTEST_CASES=100000 cargo test -p creel --test specification failover -- --nocapture` tries that many provider
//! scripts, and prints how many there were and what they met. Agreement says little where nothing can disagree: every mark
//! of [`SOMETIMES`] and its like must be met, and each constant of [`PLANTED`], changed in the core alone, must be found.
//!
//! What it found when it was written: a chosen credential that outlived a choice of a model alone (`2026.3`), a rotation that
//! was not counted when another conversation had lost the credential, a provider's wish cut to an hour; and, in the
//! specification, failures counted in a turn that was stopped, tries of one credential counted against the next, an
//! outage that began with a refused credential, and a use that only requests were.

#![expect(clippy::print_stderr, reason = "a count that nobody sees proves nothing")]

mod cases;
mod play;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use creel_core::{
    failover::ledger::{Malformed, Pin, Policy, RateLimitScope},
    gateway::Gateway,
    time::Millis,
};
use creel_judge::{
    context::Choices,
    spec::{failover::judge, version::Version},
};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{RngAlgorithm, TestCaseError, TestRng, TestRunner},
};

use self::{
    cases::{Case, cases},
    play::Play,
};
use crate::{load, try_all};

/// How often each thing was met.
type Marks = BTreeMap<String, u64>;

/// How many cases are tried where nobody asks for more.
const CASES: u32 = 800;

/// What some case must have met, so that agreement says something.
const SOMETIMES: &[&str] = &[
    "/model",
    "/new",
    "/stop in a request",
    "/stop in a wait",
    "a person is told when something can be asked again",
    "a person is told who answers instead",
    "an agent's own model alone",
    "an agent's own model, then those of all",
    "an agent's own models",
    "models of all agents",
];

/// What some case of either version must have met.
const SOMETIMES_IN_BOTH: &[&str] = &[
    "disabled 1",
    "disabled 2",
    "exhausted",
    "exhausted before anybody was asked",
    "failures of long ago do not count",
    "harmless",
    "an answer ended a count",
    "an answer ended a rest",
    "another model",
    "chosen model",
    "pin",
    "not the pin",
    "probe",
    "step 1",
    "step 2",
    "step 3",
    "the rest that was asked for",
    "unmoved",
    "skipped what another conversation lost",
    "reason Auth",
    "reason AuthPermanent",
    "reason Billing",
    "reason RateLimit",
    "reason Overloaded",
    "reason Timeout",
    "reason ServerError",
    "reason Format",
    "reason ModelNotFound",
    "reason ContextOverflow",
    "reason Refusal",
    "reason Local",
];

/// The ladder's last step.
const SOMETIMES_IN_2026_3: &[&str] = &["step 4"];

/// Requests that are made again, and what holds for one model.
const SOMETIMES_IN_2026_9: &[&str] = &[
    "again",
    "again after the wait that was asked for",
    "again, the tenth try",
    "a wait in vain",
    "another model after one rotation",
    "asked while it rests for another model",
];

/// Plays a case with changed constants, and asks the specification: what was met, and how many requests there were.
fn compare(
    case: &Case,
    choices: Choices,
    change: impl FnOnce(&mut Policy),
) -> Result<(BTreeSet<String>, usize), String> {
    let mut settings = load(&case.config(), &case.files(), case.profile, "UTC")?;
    change(&mut settings.core.failover);
    let mut play = Play::new(case, Gateway::new(settings.core, 7));
    play.run();
    let version = Version::named(case.profile).expect("a version");
    let mut met: BTreeSet<String> = play.marks.iter().map(|it| (*it).to_owned()).collect();
    for (agent, happened) in &play.happened {
        let (chain, mark) = case.chain(agent);
        met.insert(mark.to_owned());
        let (marks, _) = judge(version, (&chain, choices), happened, 0).map_err(|it| {
            let told: Vec<String> = happened.iter().map(|it| format!("{it:?}")).collect();
            format!("{it:?}\n{agent}\n{}", told.join("\n"))
        })?;
        met.extend(marks.into_iter().map(|it| format!("{} {it}", case.profile)));
    }
    Ok((met, play.requests))
}

#[test]
fn the_core_asks_whom_the_specification_allows() {
    let met = RefCell::new((0_u64, 0_u64, Marks::new()));
    try_all(CASES, &cases(), |case| {
        let (marks, requests) =
            compare(&case, Choices::default(), |_| ()).map_err(TestCaseError::fail)?;
        let mut met = met.borrow_mut();
        met.0 += 1;
        met.1 += requests as u64;
        for it in marks {
            *met.2.entry(it).or_default() += 1;
        }
        Ok(())
    });
    let (count, requests, marks) = met.into_inner();
    let told: Vec<String> = marks.iter().map(|(mark, n)| format!("  {n:>7} {mark}\n")).collect();
    eprintln!(
        "{count} provider scripts with {requests} requests: the core and the specification agree. Scripts that met\n{}",
        told.concat()
    );
    let of = |version: &'static str, all: &'static [&'static str]| {
        all.iter().map(move |it| format!("{version} {it}"))
    };
    let missing: Vec<String> = of("2026.3", SOMETIMES_IN_BOTH)
        .chain(of("2026.9", SOMETIMES_IN_BOTH))
        .chain(of("2026.3", SOMETIMES_IN_2026_3))
        .chain(of("2026.9", SOMETIMES_IN_2026_9))
        .chain(SOMETIMES.iter().map(|it| (*it).to_owned()))
        .filter(|it| !marks.contains_key(it))
        .collect();
    assert!(missing.is_empty(), "no case met {missing:?}");
}

/// A constant of the core that is changed, and how.
type Planted = (&'static str, fn(&mut Policy));

/// What the version's own gateway did: some twelve requests with one credential.
fn tries_twelve_times(it: &mut Policy) {
    if it.outage_retries == 0 {
        (it.rate_limit_tries, it.outage_retries, it.outage) = (12, 11, Millis::from_s(60));
    }
}

const PLANTED: [Planted; 13] = [
    ("a credential of 2026.3 is tried twelve times, which nobody declared", tries_twelve_times),
    ("every step of the ladder is its first", |it| it.ladder = &it.ladder[..1]),
    ("the ladder's first step is left out", |it| it.ladder = &it.ladder[1..]),
    ("a disable is over in a minute", |it| it.disabled_first = Millis::from_s(60)),
    ("a disable does not double", |it| it.disabled_max = it.disabled_first),
    ("failures count for ever", |it| it.failure_window = Millis::from_s(400 * 24 * 3_600)),
    ("failures count for an hour less", |it| {
        it.failure_window = Millis::new(it.failure_window.as_ms() - 3_600_000);
    }),
    ("a rate limit's scope is the other version's", |it| {
        it.rate_limit_scope = match it.rate_limit_scope {
            RateLimitScope::Profile => RateLimitScope::Model,
            RateLimitScope::Model => RateLimitScope::Profile,
        };
    }),
    ("a rate limit is tried twenty-five times", |it| it.rate_limit_tries = 25),
    ("an outage is waited out for ever", |it| {
        (it.outage_retries, it.outage) = (100, Millis::from_s(24 * 3_600));
    }),
    ("all credentials are tried after passing failures, or one alone", |it| {
        it.rotations_max = if it.rotations_max == 1 { u32::MAX } else { 1 };
    }),
    ("a malformed request leads to what it leads to in the other version", |it| {
        it.malformed = match it.malformed {
            Malformed::GoesOn => Malformed::EndsTurn,
            Malformed::EndsTurn => Malformed::GoesOn,
        };
    }),
    ("a chosen credential is what it is in the other version", |it| {
        it.pin = match it.pin {
            Pin::Locked => Pin::Preferred,
            Pin::Preferred => Pin::Locked,
        };
    }),
];

/// The first case, from 1, in which a changed constant is found, if one of so many finds it.
fn found_by(choices: Choices, change: fn(&mut Policy), cases_max: u32) -> Option<u32> {
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(proptest::test_runner::Config::default(), random);
    (1..=cases_max).find(|_| {
        let case = cases().new_tree(&mut runner).expect("no case is refused").current();
        compare(&case, choices, change).is_err()
    })
}

#[test]
fn a_changed_constant_is_found() {
    assert_eq!(found_by(Choices::default(), |_| (), CASES), None, "nothing was changed");
    let mut missed = Vec::new();
    for (what, change) in PLANTED {
        match found_by(Choices::default(), change, CASES) {
            Some(cases) => eprintln!("found by case {cases}: {what}"),
            None => missed.push(what),
        }
    }
    assert!(missed.is_empty(), "none of {CASES} cases finds {missed:?}");
}

#[test]
fn whoever_declares_its_tries_may_make_them_and_no_more() {
    let of = |tries_per_credential| {
        let choices = Choices { tries_per_credential, ..Choices::default() };
        found_by(choices, tries_twelve_times, CASES)
    };
    assert_eq!(of(12), None, "it is as it declares");
    assert!(of(11).is_some(), "one more than it declares");
}
