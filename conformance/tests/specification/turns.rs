//! Turns, conversations and lives: whole scripts through `Gateway::step`, judged by every specification.

use std::{cell::RefCell, collections::BTreeSet};

use creel_judge::{
    spec::{self, Rule},
    turns::Turns,
    verdict::Verdict,
};
use creel_sim::scenario;
use proptest::test_runner::TestCaseError;

use crate::{
    alone,
    script::{self, Script},
    try_all,
};

/// Judges one script. What its rules were goes to `reached`.
fn judge(script: &Script, reached: &RefCell<BTreeSet<Rule>>) -> Result<(), TestCaseError> {
    let text = script.to_string();
    let scenario = scenario::parse("queue/found", &text).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(|it| it.message.clone()).collect();
        TestCaseError::fail(format!("it is no scenario: {}", problems.join("; ")))
    })?;
    let (trace, context) = alone::play(&scenario, script.profile).map_err(TestCaseError::reject)?;
    let turns = Turns::of(&trace, &context);
    for it in spec::ALL {
        let ruling = it.check(&trace, &turns, &context);
        if let Verdict::Fail(failure) = ruling.verdict {
            let facts: Vec<String> = trace
                .facts
                .iter()
                .map(|it| format!("{} {:?}", it.at_us / 1_000, it.kind))
                .collect();
            return Err(TestCaseError::fail(format!(
                "{}: expected {}, observed {}\n{}",
                it.id,
                failure.expected,
                failure.observed,
                facts.join("\n")
            )));
        }
        reached.borrow_mut().extend(ruling.rules);
    }
    Ok(())
}

/// What no case reached, a disagreement could not be about.
fn assert_reached(reached: &BTreeSet<Rule>, wanted: &[Rule]) {
    let missing: Vec<&str> =
        wanted.iter().filter(|it| !reached.contains(it)).map(|it| it.name()).collect();
    assert!(missing.is_empty(), "no generated case turned on {}", missing.join(", "));
}

#[test]
fn turns_are_those_of_the_specification() {
    let reached = RefCell::default();
    try_all(1_000, &script::queues(), |script| judge(&script, &reached));
    let wanted = [
        Rule::QueueIdle,
        Rule::QueueInbound,
        Rule::QueueCollect,
        Rule::QueueCollectOne,
        Rule::QueueCollectRooms,
        Rule::QueueFollowup,
        Rule::QueueSteerOne,
        Rule::QueueSteerAll,
        Rule::QueueSteerLate,
        Rule::QueueBacklog,
        Rule::QueueInterrupt,
        Rule::QueueDropOld,
        Rule::QueueDropNew,
        Rule::QueueSummary,
        Rule::RoutingPeer,
        Rule::RoutingAccount,
        Rule::RoutingChannel,
        Rule::RoutingParent,
        Rule::RoutingMarked,
        Rule::SessionMain,
        Rule::SessionPeer,
        Rule::SessionChannelPeer,
        Rule::SessionAccountPeer,
        Rule::SessionGroup,
        Rule::SessionTopic,
        Rule::SessionHistory,
        Rule::SessionAgents,
        Rule::LifeFresh,
    ];
    assert_reached(&reached.into_inner(), &wanted);
}

#[test]
fn sessions_end_when_the_specification_says() {
    let reached = RefCell::default();
    try_all(600, &script::lives(), |script| judge(&script, &reached));
    let wanted = [
        Rule::LifeDefault,
        Rule::LifeDaily,
        Rule::LifeIdle,
        Rule::LifeType,
        Rule::LifeChannel,
        Rule::LifeFresh,
        Rule::LifeGoesOn,
        Rule::LifeNotIdle,
        Rule::LifeForever,
    ];
    assert_reached(&reached.into_inner(), &wanted);
}
