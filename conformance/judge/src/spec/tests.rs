//! Each specification on short traces: one that it accepts, and what it says of one that it does not.

use super::*;
use crate::{
    context::{Agent, Binding, DmScope, Peer, PeerKind, Wall},
    tests::{context_with, trace},
    verdict::Failure,
};

/// Two agents; alice is bound to `work`. Sessions are per channel and peer, and the wall clock shows 03:00 at zero.
fn context() -> Context {
    context_with(|it| {
        let agent = |id: &str, is_default| Agent {
            id: id.to_owned(),
            is_default,
            models: vec![format!("{id}-model")],
        };
        let configuration = &mut it.configuration;
        configuration.agents = vec![agent("main", true), agent("work", false)];
        configuration.bindings = vec![Binding {
            agent: "work".to_owned(),
            channel: "telegram".to_owned(),
            peer: Some(Peer { kind: PeerKind::Direct, id: "1".to_owned() }),
            ..Binding::default()
        }];
        configuration.session.dm_scope = Some(DmScope::PerChannelPeer);
        // 2026-03-16T03:00:00Z.
        let zero_unix_us = 1_773_630_000_000_000;
        configuration.wall = Some(Wall { zero_unix_us, zone: "UTC".to_owned() });
    })
}

/// What a specification says: the rules of a pass, or what was expected.
fn check(id: &str, script: &str) -> String {
    let (trace, context) = (trace(script), context());
    let turns = Turns::of(&trace, &context);
    let specification = ALL.iter().find(|it| it.id == id).expect("it is one of ours");
    let Ruling { verdict, rules } = specification.check(&trace, &turns, &context);
    match verdict {
        Verdict::Pass { .. } => rules.iter().map(|it| it.name()).collect::<Vec<_>>().join(" "),
        Verdict::Fail(Failure { expected, .. }) => expected,
        other => other.word().to_owned(),
    }
}

/// A first turn of alice, who is answered.
const FIRST: &str = "0 say m1 alice\n0.004 ask alice@work-model#work user m1\n\
                     1 end 1 completed one\n1.002 sent alice one\n";

#[test]
fn the_agent_is_the_one_that_routing_names() {
    assert_eq!(check("spec-routing", FIRST), "routing-peer");
    let wrong = "0 say m1 alice\n0.004 ask alice@main-model#main user m1\n";
    assert_eq!(
        check("spec-routing", wrong),
        "`m1` answered by agent `work` (routing-peer: RTE-005)"
    );
    assert_eq!(check("spec-routing", "0 say m1 alice\n"), "vacuous");
}

#[test]
fn a_request_carries_its_own_session_and_all_of_it() {
    let second =
        |prompt: &str| format!("{FIRST}2 say m2 alice\n2.004 ask alice@work-model#work {prompt}\n");
    let whole = second("user m1 | assistant one | user m2");
    assert_eq!(check("spec-session", &whole), "session-channel-peer session-history");
    let forgetful = check("spec-session", &second("user m2"));
    assert!(forgetful.ends_with("(session-history: RUN-005)"), "{forgetful}");
    let leak = format!("{FIRST}2 say m2 bob\n2.004 ask bob@main-model#main user m1 | user m2\n");
    let leak = check("spec-session", &leak);
    assert!(leak.ends_with("(session-channel-peer: SES-004)"), "{leak}");
}

#[test]
fn a_session_ends_with_new_and_at_the_hour_and_not_before() {
    let second = |at: &str, first: &str, prompt: &str| {
        format!("{FIRST}{first}{at} say m2 alice\n{at}.004 ask alice@work-model#work {prompt}\n")
    };
    let (old, fresh) = ("user m1 | assistant one | user m2", "user m2");
    let new = "1.5 say c1 alice /new\n";
    assert_eq!(check("spec-life", &second("2", new, fresh)), "life-fresh");
    let stale = check("spec-life", &second("2", new, old));
    assert!(stale.ends_with("(life-fresh: SES-033, SES-034)"), "{stale}");
    // Four o'clock is 3600 s after zero.
    assert_eq!(check("spec-life", &second("3599", "", old)), "life-goes-on");
    let early = check("spec-life", &second("3599", "", fresh));
    assert!(early.ends_with("(life-goes-on: SES-022, SES-023)"), "{early}");
    assert_eq!(check("spec-life", &second("3601", "", fresh)), "life-default");
    let late = check("spec-life", &second("3601", "", old));
    assert!(late.ends_with("(life-default: SES-022)"), "{late}");
}

#[test]
fn turns_are_grouped_and_timed_as_the_queue_says() {
    let busy = "0 say m1 alice\n0.004 ask alice@work-model#work user m1\n0.5 say m2 alice\n\
                0.6 say m3 alice\n2 end 1 completed one\n2.002 sent alice one\n";
    let turn = |at: &str, new: &str| {
        format!("{busy}{at} ask alice@work-model#work user m1 | assistant one | {new}\n")
    };
    // The form of the prompt is not judged: nothing marks the messages.
    assert_eq!(check("spec-queue", &turn("2.004", "user m2 m3")), "queue-idle queue-collect");
    for wrong in [turn("2.004", "user m2"), turn("2.004", "user m3 m2"), turn("3", "user m2 m3")] {
        let said = check("spec-queue", &wrong);
        assert!(said.ends_with("(queue-collect: QUE-003, QUE-004)"), "{said}\n{wrong}");
    }
}

/// Alice's agent is `work`. She writes again after a renewal, and waits until 9 s.
#[test]
fn the_renewal_of_another_agents_login_keeps_no_turn_waiting() {
    let late = |credential: &str| {
        let script = format!(
            "{FIRST}3 say b1 bob\n3.001 refresh {credential} granted\n\
             3.004 ask bob@main-model#main user b1\n3.5 end 2 completed two\n3.502 sent bob two\n4 say m2 alice\n\
             9 ask alice@work-model#work user m1 | assistant one | user m2\n"
        );
        check("spec-queue", &script)
    };
    assert_eq!(late("work/p:one"), "queue-idle");
    assert_eq!(late("p:one"), "queue-idle", "it may be everybody's");
    assert!(late("main/p:one").ends_with("(queue-idle: QUE-013)"), "{}", late("main/p:one"));
}

/// Behind the gateway's end nothing is predicted.
#[test]
fn what_no_model_has_is_not_judged() {
    let ended = format!(
        "{FIRST}1.5 exit bye\n2 start\n3 say m2 alice\n3.004 ask alice@work-model#work user m2\n"
    );
    assert_eq!(check("spec-queue", &ended), "queue-idle");
    assert_eq!(check("spec-session", &ended), "vacuous");
}
