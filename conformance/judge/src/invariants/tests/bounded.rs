//! I14: what fails is tried again so often and no more.

use std::fmt::Write as _;

use crate::{
    context::Context,
    tests::{context, context_with, invariant},
};

fn i14(script: &str) -> String {
    invariant("I14", script, &context())
}

/// `m1` is asked so often, each request answered as told, `every` seconds apart.
fn asked(times: u32, every: f64, outcome: &str, more: &dyn Fn(u32) -> String) -> String {
    let mut script = "0 say m1 alice\n".to_owned();
    for number in 1..=times {
        let at = f64::from(number) * every;
        let (more, end) = (more(number), at + 0.1);
        let more = more.replace("AT", &(at - 0.05).to_string());
        _ = write!(script, "{more}\n{at} ask alice user m1\n{end} end {number} {outcome}\n");
    }
    script
}

fn nothing(_: u32) -> String {
    String::new()
}

#[test]
fn a_request_that_fails_is_made_again_twenty_times_at_most() {
    assert_eq!(
        i14(&asked(1, 1.0, "failed 500", &nothing)),
        "vacuous: nothing that failed was tried again"
    );
    assert_eq!(i14(&asked(3, 1.0, "failed 500", &nothing)), "pass [5, 7]");
    assert!(i14(&asked(20, 1.0, "failed 500", &nothing)).starts_with("pass"));
    let found = i14(&asked(21, 1.0, "failed 500", &nothing));
    let found = found.split_once('\n').map_or("", |(_, words)| words);
    insta::assert_snapshot!(found, @r#"
    expected `openai/gpt` asked with `key-a` 20 times at most, where nothing new is to be said
    observed asked 21 times from 1.000 s to 21.000 s
    "#);
    assert!(i14(&asked(21, 1.0, "spoiled", &nothing)).starts_with("fail"));
    assert!(i14(&asked(21, 1.0, "abandoned", &nothing)).starts_with("fail"));
}

#[test]
fn each_credential_and_each_cause_has_tries_of_its_own() {
    let rotated = asked(40, 1.0, "failed 500", &nothing);
    let mut number = 0;
    let lines = rotated.lines().map(|line| {
        number += u32::from(line.contains(" ask "));
        line.replace("ask alice", if number % 2 == 0 { "ask alice@gpt#b" } else { "ask alice" })
    });
    assert!(i14(&lines.collect::<Vec<_>>().join("\n")).starts_with("pass"));
    let words = |number: u32| format!("AT say u{number} alice /help");
    assert!(i14(&asked(60, 1.0, "failed 500", &words)).starts_with("vacuous"));
    let called = |_: u32| "AT call wake".to_owned();
    assert!(i14(&asked(60, 1.0, "failed 500", &called)).starts_with("vacuous"));
    let now_and_then = |number: u32| match number % 10 {
        0 => format!("AT say u{number} alice /help"),
        _ => String::new(),
    };
    assert!(i14(&asked(60, 1.0, "failed 500", &now_and_then)).starts_with("pass"));
}

/// What must not be admitted is no cause: that it is answered all the same, I1 says as well.
#[test]
fn a_message_that_must_not_be_admitted_is_no_cause() {
    let words = |number: u32| format!("AT say u{number} alice /help");
    let names = (1..60).map(|it| format!("u{it}")).collect();
    let context = context_with(|it: &mut Context| it.unadmitted = names);
    let found = invariant("I14", &asked(21, 1.0, "failed 500", &words), &context);
    assert!(found.starts_with("fail"), "{found}");
}

#[test]
fn a_clock_may_begin_turns_and_what_is_reported_may_too() {
    assert!(i14(&asked(40, 70.0, "failed 500", &nothing)).starts_with("vacuous"));
    assert!(i14(&asked(40, 70.0, "completed fine", &nothing)).starts_with("vacuous"));
    assert!(i14(&asked(3, 1.0, "completed fine", &nothing)).starts_with("pass"));
    assert!(i14(&asked(21, 1.0, "completed fine", &nothing)).starts_with("fail"));
    let reported = |number: u32| format!("user m1 | assistant fine | user report {number}");
    let mut script = "0 say m1 alice\n".to_owned();
    for number in 1..=40 {
        _ = write!(
            script,
            "{number} ask alice {}\n{number}.5 end {number} completed fine\n",
            reported(number)
        );
    }
    assert!(i14(&script).starts_with("vacuous"), "{}", i14(&script));
}

#[test]
fn what_answers_itself_is_ended() {
    let mut script =
        "0 say m1 alice\n0.5 ask alice user m1\n0.6 end 1 completed an echo\n".to_owned();
    for number in 2..=21 {
        _ = write!(
            script,
            "{number} ask alice user m1 | assistant an echo | user an echo\n{number}.5 end {number} completed an echo\n"
        );
    }
    assert!(i14(&script).starts_with("fail"), "{}", i14(&script));
}

/// A text that is refused so often, and then seen.
fn refused(times: u32, more: &str) -> String {
    let mut script =
        format!("0 say m1 alice\n0.1 ask alice user m1\n0.2 end 1 completed words\n{more}\n");
    for number in 1..=times {
        _ = writeln!(script, "{number} refuse alice 500 - words");
    }
    script + "999 sent alice words"
}

#[test]
fn a_text_that_is_refused_is_tried_twenty_times_at_most_for_each_cause() {
    assert!(i14(&refused(0, "")).starts_with("vacuous"));
    assert_eq!(i14(&refused(1, "")), "pass [5, 6]");
    // It was written there once, and once said.
    assert!(i14(&refused(39, "")).starts_with("pass"));
    let found = i14(&refused(40, ""));
    let found = found.split_once('\n').map_or("", |(_, words)| words);
    insta::assert_snapshot!(found, @r#"
    expected "words" tried at `telegram:default:1` 40 times at most
    observed tried 41 times from 1.000 s to 999.000 s
    "#);
    assert!(i14(&refused(40, "0.3 call send")).starts_with("pass"));
    assert!(i14(&refused(40, "0.3 again m1")).starts_with("pass"));
}
