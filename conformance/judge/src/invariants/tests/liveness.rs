//! I5, liveness.

use crate::{
    context::Context,
    tests::{context, context_with, invariant, measured, two_agents},
};

fn i5(script: &str) -> String {
    invariant("I5", script, &context())
}

/// `m1` runs until 5 s and is answered at 5.1 s; `m2` waits for it and is asked at `asked`.
fn busy(asked: &str) -> String {
    format!(
        "
        0 say m1 alice
        0.1 ask alice user m1
        1 say m2 alice
        5 end 1 completed the answer
        5.1 sent alice the answer
        {asked} ask alice user m1 | assistant the answer | user m2
        "
    )
}

#[test]
fn a_free_conversation_does_not_keep_a_message_waiting() {
    assert_eq!(i5(&busy("5.2")), "pass [3, 7, 8]");
    assert_eq!(i5(&busy("11.1")), "pass [3, 7, 8]");
    insta::assert_snapshot!(i5(&busy("11.101")), @r#"
    fail [7, 8]
    expected `m2` in a model request within 6.000 s after 5.100 s, when nothing kept it waiting any longer
    observed at 11.101 s
    "#);
    assert_eq!(
        i5("0 say m1 alice"),
        "vacuous: no message appeared, and no completed answer had text and a place"
    );
}

#[test]
fn a_real_clock_widens_the_bound() {
    let with = |lateness_us, asked| {
        invariant("I5", &busy(asked), &context_with(|it| it.clock = measured(lateness_us)))
    };
    assert_eq!(with(0, "11.35"), "pass [3, 7, 8]");
    assert!(with(0, "11.351").starts_with("fail"));
    insta::assert_snapshot!(with(300_000, "11.351"), @"inconclusive: `m2` came at 11.351 s, but the harness itself was up to 0.300 s late, more than the 0.250 s that bounds are widened by");
}

#[test]
fn a_lane_that_only_a_later_message_wakes_is_not_live() {
    let script = busy("60.1")
        .replace("60.1 ask", "60 say m3 alice\n60.1 ask")
        .replace("user m2\n", "user m2 m3\n");
    insta::assert_snapshot!(i5(&script), @r#"
    fail [7, 10]
    expected `m2` in a model request within 6.000 s after 5.100 s, when nothing kept it waiting any longer
    observed at 60.100 s
    "#);
}

#[test]
fn each_arrival_starts_the_debounce_anew() {
    let arrivals: Vec<_> = (1..10).map(|it| format!("{it} say m{it} alice")).collect();
    let script = format!(
        "0.5 say m0 alice\n{}\n14.9 ask alice user m0 m1 m2 m3 m4 m5 m6 m7 m8 m9",
        arrivals.join("\n")
    );
    assert!(i5(&script).starts_with("pass"), "{}", i5(&script));
}

/// A bob who asks at once, and an alice who waits for room.
fn crowded(context: &Context) -> String {
    let script = "
        0 say b1 bob
        0.1 ask bob user b1
        1 say m1 alice
        20 end 1 failed 400
        20.2 ask alice user m1
    ";
    invariant("I5", script, context)
}

#[test]
fn a_message_waits_for_room_under_the_cap_but_not_for_others_below_it() {
    assert_eq!(crowded(&context_with(|it| it.queue.max_concurrent = 1)), "pass [3, 7]");
    insta::assert_snapshot!(crowded(&context()), @r#"
    fail [5, 7]
    expected `m1` in a model request within 6.000 s after 1.000 s, when nothing kept it waiting any longer
    observed at 20.200 s
    "#);
}

#[test]
fn a_restart_a_cooldown_or_tools_may_keep_a_message_waiting() {
    assert_eq!(i5("0 say m1 alice\n1 exit\n59 start\n60 ready\n61 ask alice user m1"), "pass [6]");
    let cooling = busy("60").replace("completed the answer", "failed 429");
    assert_eq!(i5(&cooling), "pass [3]");
    let tools = busy("60").replace("| user m2", "| tool 42 | user m2");
    assert!(i5(&tools).starts_with("pass"), "{}", i5(&tools));
}

#[test]
fn a_renewal_keeps_its_own_agents_messages_waiting_and_others_only_by_their_slots() {
    let late = |credential: &str, slots: u64| {
        let script = format!(
            "0 say b1 bob\n0 say m1 alice\n0.1 refresh {credential} unanswered\n30 ask alice user m1"
        );
        let context = context_with(|it| {
            two_agents(it);
            it.queue.max_concurrent = slots;
        });
        invariant("I5", &script, &context)
    };
    assert!(late("main/p:one", 4).starts_with("vacuous"));
    assert!(late("p:one", 4).starts_with("vacuous"), "shared by all agents");
    assert!(late("work/p:one", 4).starts_with("fail"), "{}", late("work/p:one", 4));
    assert!(late("work/p:one", 1).starts_with("vacuous"), "it holds the only slot");
}

#[test]
fn a_greeting_after_new_may_keep_a_message_waiting() {
    let script = "
        0 say c1 alice /new
        1 ask - user greet them
        2 say m1 alice
        20 end 1 completed hello there
        20.1 ask alice user m1
    ";
    assert_eq!(i5(script), "pass [7]");
}

#[test]
fn a_rejection_comes_in_time_too() {
    assert_eq!(i5("0 say m1 alice\n6 sent alice ^m1 too busy"), "pass [3]");
    assert!(i5("0 say m1 alice\n6.001 sent alice ^m1 too busy").starts_with("fail"));
}

/// What comes of an answer that ends at 1 s.
fn answered_in(more: &str, context: &Context) -> String {
    let script =
        format!("0 say m1 alice\n0.1 ask alice user m1\n1 end 1 completed the answer\n{more}");
    invariant("I5", &script, context)
}

#[test]
fn a_completed_answer_is_seen_in_time() {
    let answered = |more: &str| answered_in(more, &context());
    assert_eq!(answered("6 sent alice the answer"), "pass [3, 5]");
    assert_eq!(answered("6 sent alice [gpt] the answer"), "pass [3, 5]");
    insta::assert_snapshot!(answered("6.001 sent alice the answer"), @r#"
    fail [4, 5]
    expected the answer "the answer" at `telegram:default:1` within 5.000 s after 1.000 s
    observed at 6.001 s
    "#);
    insta::assert_snapshot!(answered("2 sent bob the answer"), @r#"
    fail [4]
    expected the answer "the answer" at `telegram:default:1` within 5.000 s after 1.000 s
    observed it was never seen there
    "#);
}

#[test]
fn the_platform_may_hold_an_answer_up() {
    let answered = |more: &str| answered_in(more, &context());
    assert_eq!(
        answered("2 refuse alice 429 30 the answer\n33 sent alice the answer"),
        "pass [3, 6]"
    );
    assert!(
        answered("2 refuse alice 429 30 the answer\n42 sent alice the answer").starts_with("fail")
    );
    assert!(
        answered("2 refuse alice 502 - the answer\n10 sent alice the answer").starts_with("pass")
    );
    assert_eq!(answered("2 refuse alice 403 - the answer"), "pass [3]");
    let late = context_with(|it| it.clock = measured(300_000));
    insta::assert_snapshot!(answered_in("7 sent alice the answer", &late), @r#"inconclusive: the answer "the answer" at `telegram:default:1` came at 7.000 s, but the harness itself was up to 0.300 s late, more than the 0.250 s that bounds are widened by"#);
}

#[test]
fn some_answers_need_not_be_seen() {
    let answered = |more: &str| answered_in(more, &context());
    assert_eq!(answered("1.1 say c1 alice /stop"), "pass [3]");
    assert_eq!(answered("1.1 exit"), "pass [3]");
    assert!(answered("7 exit").starts_with("fail"));
    assert!(answered("7 say c1 alice /new").starts_with("fail"));
    assert!(answered("1.1 sent alice something else").starts_with("fail"));
    assert_eq!(
        answered("1.1 ask alice user m1\n2 end 2 completed yes\n2 sent alice yes"),
        "pass [3, 7]"
    );
    assert_eq!(answered("1.1 ask alice user m1 | assistant the answer | tool 42"), "pass [3]");
    assert!(answered("1.1 say m2 alice").starts_with("fail"));
    assert!(answered("1.1 say c1 bob /stop").starts_with("fail"));
    let interrupts = context_with(|it| it.queue.modes.push("interrupt".to_owned()));
    assert_eq!(answered_in("1.1 say m2 alice", &interrupts), "pass [3]");
    let silent = "0 say m1 alice\n0.1 ask alice user m1\n1 end 1 completed NO_REPLY";
    assert_eq!(i5(silent), "pass [3]");
}

/// Whether the answer to what another session asked must be seen where a person wrote before: it is that session's.
#[test]
fn an_errand_s_answer_is_nobody_s_whatever_tools_brought() {
    let errand = |last: &str| {
        i5(&format!(
            "0 say m1 alice\n0.1 ask alice user m1\n1 end 1 completed one\n1.1 sent alice one\n{last}"
        ))
    };
    let asked = "2 ask alice user m1 | assistant one | user what is new\n3 end 2 completed two";
    assert_eq!(errand(asked), "pass [3]");
    let with_a_tool = format!(
        "{asked}\n4 ask alice user m1 | assistant one | user what is new | assistant two | tool 42\n5 end 3 completed three"
    );
    assert_eq!(errand(&with_a_tool), "pass [3]");
    let own =
        "2 say m2 alice\n2 ask alice user m1 | assistant one | user m2\n3 end 2 completed two";
    assert!(errand(own).starts_with("fail"), "{}", errand(own));
}

#[test]
fn a_steered_run_may_deliver_when_it_is_over() {
    let more = "
        0.5 say m2 alice
        1.1 ask alice user m1 | assistant the answer | user m2
        20 end 2 completed more
        20.1 sent alice the answer
        20.2 sent alice more
    ";
    assert!(answered_in(more, &context()).starts_with("fail"));
    let steer = context_with(|it| it.queue.modes = vec!["steer".to_owned()]);
    assert!(answered_in(more, &steer).starts_with("pass"), "{}", answered_in(more, &steer));
}
