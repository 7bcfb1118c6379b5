//! I1, conservation, and I2, exactly-once effect.

use crate::tests::{context, context_with, invariant, two_agents};

fn i1(script: &str) -> String {
    invariant("I1", script, &context())
}

fn i2(script: &str) -> String {
    invariant("I2", script, &context())
}

fn with_mode(id: &str, mode: &str, script: &str) -> String {
    invariant(id, script, &context_with(|it| it.queue.modes.push(mode.to_owned())))
}

#[test]
fn each_message_appears_once() {
    let script = "
        0 say m1 alice
        1 ask alice user m1
        2 end 1 failed 500
        3 ask alice user m1
        4 say m2 alice
        5 ask alice user m1 | user m2
    ";
    assert_eq!(i1(script), "pass [3, 8]");
}

#[test]
fn a_line_of_a_summary_is_an_appearance_also_in_a_system_prompt() {
    let script = "
        0 say m1 alice
        0 say m2 alice
        1 ask alice system dropped: m1 | user m2
    ";
    assert_eq!(i1(script), "pass [5]");
}

#[test]
fn a_lost_message_fails() {
    insta::assert_snapshot!(i1("0 say m1 alice"), @r#"
    fail [2]
    expected `m1` in a model request or a summary, rejected visibly, or discarded by a policy
    observed fetched at 0.000 s and never seen again
    "#);
    insta::assert_snapshot!(i1("0 offer m1 alice"), @r#"
    fail [1]
    expected `m1` fetched by the gateway
    observed the platform offered it at 0.000 s and it was never fetched
    "#);
    insta::assert_snapshot!(i1("0 say c1 alice /stop"), @"vacuous: no message carried a canary");
}

const TWICE: &str = "
    0 say m1 alice
    1 ask alice user m1
    2 say m2 alice
    3 ask alice user m1 | assistant yes | user m2
    4 ask alice user m1 | assistant yes | user m2 | assistant no | user m2
";

#[test]
fn a_message_that_appears_twice_fails_except_under_steer_backlog() {
    insta::assert_snapshot!(i1(TWICE), @r#"
    fail [6, 7]
    expected `m2` new in 1 model request at most
    observed new once in request 2 at 3.000 s, once in request 3 at 4.000 s
    "#);
    assert_eq!(with_mode("I1", "steer-backlog", TWICE), "pass [3, 6]");
    assert_eq!(with_mode("I1", "steer+backlog", TWICE), "pass [3, 6]");
    let thrice = format!("{TWICE}\n 5 ask alice user m1 | user m2 | user m2 | user m2");
    insta::assert_snapshot!(with_mode("I1", "steer-backlog", &thrice), @r#"
    fail [6, 7, 8]
    expected `m2` new in 2 model requests at most
    observed new once in request 2 at 3.000 s, once in request 3 at 4.000 s, once in request 4 at 5.000 s
    "#);
}

#[test]
fn a_duplicate_in_a_batch_fails() {
    insta::assert_snapshot!(i1("0 say m1 alice\n1 again m1\n2 ask alice user m1 m1"), @r#"
    fail [5]
    expected `m1` new in 1 model request at most
    observed new 2 times in request 1 at 2.000 s
    "#);
    let script = "
        0 say m1 alice
        1 ask alice user m1
        2 again m1
        2 say m2 alice
        3 ask alice user m1 | assistant yes | user m2 m1
    ";
    insta::assert_snapshot!(i1(script), @r#"
    fail [3, 8]
    expected `m1` new in 1 model request at most
    observed new once in request 1 at 1.000 s, once in request 2 at 3.000 s
    "#);
}

#[test]
fn a_visible_rejection_quotes_the_message_and_is_no_answer() {
    assert_eq!(i1("0 say m1 alice\n1 sent alice ^m1 too busy"), "pass [3]");
    assert!(i1("0 say m1 alice\n1 sent alice too busy").starts_with("fail [2]"));
    let answered = "
        0 say m1 alice
        0 say m2 alice
        1 ask alice user m1
        2 end 1 completed the answer
        3 sent alice ^m2 the answer
    ";
    assert!(i1(answered).starts_with("fail [4]"));
}

#[test]
fn who_is_told_that_nobody_is_left_has_lost_no_message() {
    let two = |script: &str| invariant("I1", script, &context_with(two_agents));
    let lost = "0 say m1 alice\n1 refresh main/p:one refused";
    assert_eq!(two(&format!("{lost}\n2 sent alice nobody can answer")), "pass [4]");
    let shared = lost.replace("main/", "");
    assert_eq!(two(&format!("{shared}\n2 sent alice nobody can answer")), "pass [4]");
    assert!(two(lost).starts_with("fail [2]"), "nothing was told");
    assert!(two(&format!("{lost}\n2 sent bob nobody can answer")).starts_with("fail [2]"));
    let of_another = lost.replace("main/", "work/");
    let of_another = format!("{of_another}\n2 sent alice nobody can answer");
    assert!(two(&of_another).starts_with("fail [2]"), "{}", two(&of_another));
    let second = format!("{lost}\n2 sent alice nobody can answer\n70 say m2 alice");
    assert!(two(&second).starts_with("fail [6]"), "the words were about the first");
    assert_eq!(two(&format!("{second}\n71 sent alice nobody can answer")), "pass [4, 7]");
    let later = "2 say m2 alice\n3 ask alice user m2\n4 end 1 completed the answer";
    let answered = format!("{lost}\n{later}\n5 sent alice the answer");
    assert!(two(&answered).starts_with("fail [2]"), "an answer tells nothing of what was lost");
    let notice = format!("{lost}\n{later}\n5 sent alice another model answers now");
    assert!(two(&notice).starts_with("fail [2]"), "a later turn's notice is about that turn");
    let failed =
        "0 say m1 alice\n1 ask alice@gpt#main/p:one user m1\n2 say m2 alice\n3 end 1 failed 500";
    let told = |times: usize| {
        two(&format!("{failed}{}", "\n4 sent alice nobody can answer".repeat(times)))
    };
    assert!(told(1).starts_with("fail [5]"), "the words are the failed turn's");
    assert_eq!(told(2), "pass [3, 8]");
}

#[test]
fn declared_policies_discard() {
    assert_eq!(i1("0 say m1 alice\n1 say c1 alice /stop"), "pass [3]");
    assert_eq!(i1("0 say m1 alice\n1 say c1 alice /reset@creel_bot"), "pass [3]");
    assert!(i1("0 say c1 alice /stop\n1 say m1 alice").starts_with("fail"));
    assert!(i1("0 say m1 alice\n1 say c1 bob /stop").starts_with("fail"));
    assert!(i1("0 say m1 alice\n1 say c1 alice /status").starts_with("fail"));
    let superseded = "0 say m1 alice\n1 say m2 alice\n2 ask alice user m2";
    assert!(i1(superseded).starts_with("fail [2]"));
    assert_eq!(with_mode("I1", "interrupt", superseded), "pass [3, 5]");
    let drops_old = context_with(|it| it.queue.drops.push("old".to_owned()));
    assert_eq!(invariant("I1", superseded, &drops_old), "pass [1, 5]");
}

#[test]
fn what_must_not_be_admitted_is_in_no_request() {
    let context = context_with(|it| it.unadmitted.push("m1".to_owned()));
    assert_eq!(invariant("I1", "0 offer m1 bob", &context), "pass [1]");
    insta::assert_snapshot!(invariant("I1", "0 say m1 bob\n1 ask bob user m1", &context), @r#"
    fail [1, 3]
    expected `m1` in no model request: it must not be admitted
    observed it is in a model request
    "#);
}

#[test]
fn a_message_may_run_again_once_its_id_may_be_forgotten() {
    let again = |minutes: &str| {
        i2(&format!(
            "0 say m1 alice\n1 ask alice user m1\n2 again m1\n{minutes} again m1\n{minutes} ask alice user m1 | assistant yes | user m1"
        ))
    };
    assert!(again("1199").starts_with("fail"), "{}", again("1199"));
    assert!(again("1200").starts_with("pass"), "{}", again("1200"));
}

#[test]
fn a_redelivered_message_has_one_turn() {
    assert_eq!(i2("0 say m1 alice\n1 ask alice user m1\n2 again m1"), "pass [1, 2, 4, 5]");
    let after_new = "
        0 say m1 alice
        1 ask alice user m1
        2 end 1 completed a long enough answer
        2.1 sent alice a long enough answer
        3 say c1 alice /new
        4 again m1
        5 ask alice user m1
    ";
    insta::assert_snapshot!(i2(after_new), @r#"
    fail [3, 10]
    expected `m1` new in 1 model request at most
    observed new once in request 1 at 1.000 s, once in request 2 at 5.000 s
    "#);
    let among_others = "
        0 say m1 alice
        1 ask alice user m1
        3 say c1 alice /new
        4 say m2 alice
        5 ask alice user m2
        6 again m1
        7 ask alice user m2 | assistant yes | user m1
    ";
    insta::assert_snapshot!(i2(among_others), @r#"
    fail [3, 11]
    expected `m1` new in 1 model request at most
    observed new once in request 1 at 1.000 s, once in request 3 at 7.000 s
    "#);
}

#[test]
fn an_answer_is_seen_once() {
    let script = "
        0 say m1 alice
        1 ask alice user m1
        2 end 1 completed the answer
        3 sent alice the answer
    ";
    assert_eq!(i2(script), "pass [5]");
    let again = |more: &str| i2(&format!("{script}\n{more}"));
    insta::assert_snapshot!(again("4 sent alice the answer"), @r#"
    fail [5, 6]
    expected the answer "the answer" seen 1 time at most
    observed seen 2 times: at 3.000 s, 4.000 s
    "#);
    assert_eq!(again("4 sent alice the answer\n5 delete alice s1"), "pass [6]");
    assert_eq!(again("4 sent alice working on it\n4 sent alice working on it"), "pass [5]");
    assert_eq!(
        again("4 ask bob user hi\n5 end 2 completed the answer\n6 sent bob the answer"),
        "pass [5, 8]"
    );
    let piece = "4 ask bob user hi\n5 end 2 completed the answer is long\n6 sent bob the answer\n6 sent bob is long";
    assert_eq!(again(piece), "pass [5, 8]");
}
