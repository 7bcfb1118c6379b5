//! Traces and the turns that are seen in them.

use super::*;
use crate::tests::{context, trace};

/// One line a request: what is new, what is history.
fn check(script: &str) -> Vec<String> {
    let turns = Turns::of(&trace(script), &context());
    let line = |it: &Request| format!("new {} history {}", it.new.join(" "), it.history.join(" "));
    turns.requests.iter().map(line).collect()
}

#[test]
fn a_message_is_new_where_it_occurs_for_the_first_time() {
    let script = "
        0 say m1 alice
        1 ask alice system be nice | user m1
        2 say m2 alice
        2 say m3 alice
        3 ask alice system be nice | user m1 | assistant yes | user m2 m3
    ";
    assert_eq!(check(script), ["new m1 history ", "new m2 m3 history m1"]);
}

#[test]
fn a_retry_brings_nothing_new() {
    let script = "
        0 say m1 alice
        1 ask alice user m1
        2 end 1 failed 500
        3 ask alice user m1
    ";
    assert_eq!(check(script), ["new m1 history ", "new  history m1"]);
}

#[test]
fn a_request_is_compared_with_the_latest_that_shares_a_message() {
    let script = "
        0 say m1 alice
        0 say b1 bob
        1 ask alice user m1
        1 ask bob user b1
        2 say m2 alice
        3 ask alice user m1 | user m2
    ";
    assert_eq!(check(script)[2], "new m2 history m1");
}

#[test]
fn a_duplicate_in_a_batch_is_new_although_its_message_is_history() {
    let script = "
        0 say m1 alice
        1 ask alice user m1
        2 say m2 alice
        3 ask alice user m1 | assistant yes | user m2 m1
    ";
    assert_eq!(check(script)[1], "new m2 m1 history ");
    let turns = Turns::of(&trace(script), &context());
    assert_eq!(turns.requests[1].counts["m1"], 2);
    let requests: Vec<_> =
        turns.appearances("m1").iter().map(|it| (it.request, it.times)).collect();
    assert_eq!(requests, [(0, 1), (1, 1)]);
}

#[test]
fn a_message_twice_in_its_first_prompt_is_new_twice() {
    let turns = Turns::of(&trace("0 say m1 alice\n1 ask alice user m1 m1"), &context());
    assert_eq!(turns.appearances("m1"), [Appearance { request: 0, times: 2 }]);
}

#[test]
fn the_order_is_that_of_the_last_occurrences() {
    let script = "
        0 say m1 alice
        0 say m2 alice
        1 ask alice user m2 m1
    ";
    assert_eq!(check(script), ["new m2 m1 history "]);
}

const AFTER_NEW: &str = "
    0 say m1 alice
    1 ask alice user m1
    2 end 1 completed a long enough answer
    2.1 sent alice a long enough answer
    3 say c1 alice /new
    4 again m1
    5 ask alice user m1
";

#[test]
fn a_redelivery_after_new_is_a_second_turn_and_not_a_retry() {
    assert_eq!(check(AFTER_NEW), ["new m1 history ", "new m1 history "]);
}

#[test]
fn the_same_request_without_a_redelivery_or_a_seen_answer_is_a_retry() {
    let without = |line: &str| {
        AFTER_NEW.lines().filter(|it| !it.contains(line)).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(check(&without("again"))[1], "new  history m1");
    assert_eq!(check(&without("sent"))[1], "new  history m1");
    let tool_loop =
        AFTER_NEW.replace("5 ask alice user m1", "5 ask alice user m1 | assistant hm | tool 42");
    assert_eq!(check(&tool_loop)[1], "new  history m1");
}

#[test]
fn a_system_prompt_brings_no_turn_but_is_looked_through() {
    let turns = Turns::of(&trace("0 say m1 alice\n1 ask alice system m1 | user hello"), &context());
    assert_eq!(turns.requests[0].counts.len(), 0);
    assert!(turns.requests[0].anywhere.contains("m1"));
    assert_eq!(turns.requests[0].newest_text, "hello");
}

#[test]
fn sends_have_their_edits_and_deletions() {
    let script = "
        1 sent alice on
        2 edit alice s1 one
        3 sent alice two
        4 delete alice s2
        5 edit bob s1 not the same chat
    ";
    let turns = Turns::of(&trace(script), &context());
    assert_eq!(turns.sends[0].final_text(), "one");
    assert_eq!(turns.sends[0].shown().at_us, 2_000_000);
    assert_eq!(turns.sends[0].texts().count(), 2);
    assert!(turns.sends[1].deleted.is_some());
}

#[test]
fn messages_have_their_deliveries() {
    let turns =
        Turns::of(&trace("0 say m1 alice\n1 ack m1\n2 again m1\n3 offer m2 alice"), &context());
    let m1 = turns.message("m1").unwrap();
    assert_eq!((m1.inbound.len(), m1.fetched.len(), m1.acknowledged.len()), (2, 2, 1));
    assert!(turns.message("m2").unwrap().fetched.is_empty());
}
