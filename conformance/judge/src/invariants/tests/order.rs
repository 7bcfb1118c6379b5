//! I3, origin fidelity, and I4, single writer and FIFO.

use crate::tests::{context, context_with, invariant, measured};

fn i3(script: &str) -> String {
    invariant("I3", script, &context())
}

fn i4(script: &str) -> String {
    invariant("I4", script, &context())
}

const ASKED: &str = "
    0 say m1 ops
    1 ask ops user m1
    2 end 1 completed the long answer, and more of it
";

#[test]
fn an_answer_goes_where_the_question_came_from() {
    let sent = |more: &str| i3(&format!("{ASKED}\n{more}"));
    assert_eq!(sent("3 sent ops the long answer, and more of it"), "pass [5]");
    assert_eq!(sent("3 sent ops the long answer,\n3 sent ops and more of it"), "pass [5, 6]");
    insta::assert_snapshot!(sent("3 sent ops-7 the long answer, and more of it"), @r#"
    fail [3, 5]
    expected the answer to `m1` at `telegram:default:-100`
    observed "the long answer, and more of it", the answer to `m1` of request 1, sent to `telegram:default:-100 thread 7` at 3.000 s
    "#);
    insta::assert_snapshot!(sent("3 sent bob and more of it"), @r#"
    fail [3, 5]
    expected the answer to `m1` at `telegram:default:-100`
    observed "and more of it", the answer to `m1` of request 1, sent to `telegram:default:2` at 3.000 s
    "#);
    insta::assert_snapshot!(sent("3 sent bob something went wrong"), @"vacuous: no answer of a model was sent");
    assert!(
        sent("3 sent ops hm\n4 edit ops s1 the long answer, and more of it")
            .starts_with("pass [6]")
    );
}

#[test]
fn equal_answers_may_go_to_each_of_their_places() {
    let script = "
        0 say m1 ops
        0 say b1 bob
        1 ask ops user m1
        1 ask bob user b1
        2 end 1 completed yes
        2 end 2 completed yes
        3 sent ops yes
        3 sent bob yes
    ";
    assert_eq!(i3(script), "pass [9, 10]");
    assert!(i3(&format!("{script}\n4 sent alice yes")).starts_with("fail [6, 11]"));
}

#[test]
fn a_retry_belongs_to_its_chat() {
    let script = "
        0 say m1 ops
        1 ask ops user m1
        2 end 1 failed 500
        3 ask ops user m1
        4 end 2 completed the answer
    ";
    assert_eq!(i3(&format!("{script}\n5 sent ops the answer")), "pass [7]");
    insta::assert_snapshot!(i3(&format!("{script}\n5 sent bob the answer")), @r#"
    fail [5, 7]
    expected the answer at `telegram:default:-100`
    observed "the answer", the answer of request 2, sent to `telegram:default:2` at 5.000 s
    "#);
}

/// A sub-agent's report begins a turn that no message began: of a conversation with several places, any may be right.
#[test]
fn a_report_may_be_for_any_place_of_its_conversation() {
    let script = |second: &str, sent: &str| {
        format!(
            "0 say m1 ops\n0 say m2 {second}\n1 ask ops user m1\n2 end 1 completed the first answer\n\
             3 ask {second} user m1 | assistant the first answer | user m2\n\
             4 end 2 completed the second answer\n\
             5 ask {second} user m1 | assistant the first answer | user m2 | assistant the second answer | user a report\n\
             6 end 3 completed the third answer\n7 sent {sent} the third answer"
        )
    };
    assert!(i3(&script("ops-7", "ops")).starts_with("vacuous"));
    assert!(i3(&script("ops-7", "ops-7")).starts_with("vacuous"));
    assert!(i3(&script("ops", "ops")).starts_with("pass"));
    assert!(i3(&script("ops", "bob")).starts_with("fail"));
}

#[test]
fn two_rooms_in_one_request_have_no_place_for_an_answer() {
    let script = "
        0 say m1 ops
        0 say m2 ops-7
        1 ask ops user m1 m2
        2 end 1 completed the answer
        3 sent ops the answer
    ";
    insta::assert_snapshot!(i3(script), @r#"
    fail [5, 7]
    expected no answer to messages of several places at once (`telegram:default:-100`, `telegram:default:-100 thread 7`)
    observed "the answer", the answer to `m1`, `m2` of request 1, sent to `telegram:default:-100` at 3.000 s
    "#);
}

#[test]
fn runs_of_one_conversation_do_not_overlap() {
    let script = |end: &str, next: &str| {
        format!(
            "0 say m1 alice\n1 ask alice user m1\n2 say m2 alice\n{next} ask alice user m2\n{end} end 1 abandoned"
        )
    };
    insta::assert_snapshot!(i4(&script("6", "5")), @r#"
    fail [3, 6, 7]
    expected one model request of a conversation at a time
    observed request 1 lasted from 1.000 s to 6.000 s, and request 2 came at 5.000 s
    "#);
    let sorted = "0 say m1 alice\n1 ask alice user m1\n5 end 1 completed yes\n5 say m2 alice\n6 ask alice user m2";
    assert_eq!(i4(sorted), "pass [3, 7]");
    assert_eq!(i4(&script("5.05", "5")), "pass [3, 6]");
    assert!(i4(&script("5.051", "5")).starts_with("fail"));
    let with = |lateness_us, end| {
        invariant("I4", &script(end, "5"), &context_with(|it| it.clock = measured(lateness_us)))
    };
    assert_eq!(with(0, "5.3"), "pass [3, 6]");
    assert!(with(0, "5.301").starts_with("fail"));
    insta::assert_snapshot!(with(300_000, "5.301"), @"inconclusive: the harness itself was up to 0.300 s late, more than the 0.250 s that bounds are widened by");
}

#[test]
fn a_request_that_never_ends_is_open_until_the_gateway_dies() {
    let script = "0 say m1 alice\n1 ask alice user m1\n2 say m2 alice\n";
    insta::assert_snapshot!(i4(&format!("{script}5 ask alice user m2")), @r#"
    fail [3, 6]
    expected one model request of a conversation at a time
    observed request 1 lasted from 1.000 s to the end of the trace, and request 2 came at 5.000 s
    "#);
    assert_eq!(
        i4(&format!("{script}3 exit\n4 start\n5 ask alice user m1 | user m2")),
        "pass [3, 8]"
    );
}

#[test]
fn different_conversations_may_overlap() {
    let script = "
        0 say m1 alice
        0 say b1 bob
        1 ask alice user m1
        1 ask bob user b1
        2 end 1 completed yes
        2 end 2 completed yes
    ";
    assert_eq!(i4(script), "vacuous: no conversation had two model requests");
    // A leak joins no conversations: it is I9's business.
    let leak = script.replace("ask bob user b1", "ask bob user m1 | user b1");
    assert_eq!(i4(&leak), "vacuous: no conversation had two model requests");
}

#[test]
fn messages_come_in_the_order_in_which_they_were_fetched() {
    let script = "
        0 say m1 alice
        1 ask alice user m1
        2 say m2 alice
        3 say m3 alice
        4 end 1 completed yes
    ";
    let then = |more: &str| i4(&format!("{script}\n{more}"));
    assert_eq!(then("5 ask alice user m1 | assistant yes | user m2 m3"), "pass [3, 9]");
    insta::assert_snapshot!(then("5 ask alice user m1 | assistant yes | user m3 m2"), @r#"
    fail [5, 7, 9]
    expected `m2` before `m3`: they were fetched at 2.000 s and 3.000 s
    observed `m3` stands before `m2` in request 2
    "#);
    insta::assert_snapshot!(then("5 ask alice user m1 | user m3\n6 end 2 completed no\n7 ask alice user m1 | user m3 | user m2"), @r#"
    fail [5, 7, 9, 11]
    expected `m2` before `m3`: they were fetched at 2.000 s and 3.000 s
    observed `m3` is new in request 2 and `m2` in request 3
    "#);
    assert_eq!(then("5 ask alice user m1 | user m3 dropped: m2"), "pass [3, 9]");
}

#[test]
fn an_inbound_debounce_lets_other_senders_overtake() {
    let scoped = |gap: &str| {
        let context = context_with(|it| {
            it.dm_scope = crate::context::DmScope::Main;
        });
        let script = format!(
            "0 say m0 alice\n0 ask alice user m0\n0.1 end 1 completed yes\n1 say m1 alice\n{gap} say b1 bob\n9 ask bob user m0 | user b1\n9.1 end 2 completed no\n9.2 ask alice user m0 | user b1 | user m1"
        );
        invariant("I4", &script, &context)
    };
    assert!(scoped("1.5").starts_with("pass"), "{}", scoped("1.5"));
    assert!(scoped("2.5").starts_with("fail"), "{}", scoped("2.5"));
}
