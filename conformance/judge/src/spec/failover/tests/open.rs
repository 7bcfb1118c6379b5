//! What a trace does not tell is left open, and what it tells is held.

use super::{SECOND_US, chain, check, happened};
use crate::{
    context::Choices,
    spec::{
        failover::{Reason, judge, reasons::reason_of},
        rule::Rule,
        version::Version,
    },
};

#[test]
fn of_a_login_that_was_not_renewed_nothing_is_foreseen() {
    let turn = |asked: &str| {
        let script = format!(
            "0 - doubted p one\n0 alice begins\n0 alice asks {asked}\n1 alice answered\n1 alice over"
        );
        check(Version::March, &script)
    };
    assert_eq!(turn("p/m@one"), "fine");
    assert_eq!(turn("p/m@two"), "fine");
    assert_eq!(
        turn("p/m@three"),
        "2: `p/m@one` or `p/m@two` asked expected, `p/m@three` was asked"
    );
    let ends = |more: &str| {
        let script = format!(
            "0 - doubted p one\n0 alice begins\n0 alice asks p/m@two\n0 alice 401\n{more}0 alice over"
        );
        check(Version::March, &script)
    };
    let all = "0 alice asks p/m@three\n0 alice 401\n0 alice asks q/m@only\n0 alice 401\n";
    assert_eq!(ends(all), "fine");
    assert_eq!(ends(""), "4: `p/m@three` asked expected, the turn ended without an answer");
}

#[test]
fn a_renewal_takes_its_time() {
    let rotated = |more: &str, at: u32| {
        let script = format!(
            "0 alice begins\n0 alice asks p/m@one\n1 alice 401\n{more}{at} alice asks p/m@two"
        );
        check(Version::March, &script)
    };
    assert_eq!(rotated("", 1), "fine");
    assert!(rotated("", 21).starts_with("3: "));
    assert_eq!(rotated("1 - renewed\n", 21), "fine");
    let again = |more: &str| {
        let script = format!(
            "0 alice begins\n0 alice asks p/m@one\n1 alice 401\n{more}2 alice asks p/m@one"
        );
        check(Version::March, &script)
    };
    assert!(again("").starts_with("3: "));
    assert_eq!(again("1 - renewed\n"), "fine");
}

#[test]
fn a_restart_may_forget_what_a_session_kept_and_forgets_no_rest() {
    let after = |more: &str, asked: &str| {
        let script = format!(
            "0 alice begins\n0 alice asks p/m@one\n1 alice 401\n1 alice asks p/m@two\n2 alice answered\n2 alice over\n\
             {more}100 alice begins\n100 alice asks {asked}\n101 alice answered\n101 alice over"
        );
        check(Version::March, &script)
    };
    assert!(after("", "p/m@one").ends_with("`p/m@one` was asked"));
    assert_eq!(after("", "p/m@two"), "fine");
    assert_eq!(after("50 - restarted\n", "p/m@two"), "fine");
    assert_eq!(after("50 - restarted\n", "p/m@one"), "fine");
    assert!(after("50 - restarted\n", "p/m@three").ends_with("`p/m@three` was asked"));
}

/// The rules that decided a script.
fn held(script: &str) -> Vec<Rule> {
    let happened = happened(script);
    let judged = judge(Version::March, (&chain(), Choices::default()), &happened, SECOND_US / 10);
    judged.expect("nothing is wrong").1.into_iter().map(|(rule, _)| rule).collect()
}

#[test]
fn the_end_of_a_rest_and_of_a_turn_are_held() {
    let failed = "0 alice begins\n0 alice asks p/m@one\n0 alice 401\n0 alice asks p/m@two\n0 alice 401\n\
                  0 alice asks p/m@three\n0 alice 401\n0 alice asks q/m@only\n0 alice 401\n0 alice over";
    assert!(held(failed).contains(&Rule::FailoverNobody));
    assert!(!held(failed).contains(&Rule::FailoverBack));
    let again = format!(
        "{failed}\n61 alice begins\n61 alice asks p/m@one\n62 alice answered\n62 alice over"
    );
    assert!(held(&again).contains(&Rule::FailoverBack));
    let twice = format!("{again}\n63 alice begins\n63 alice asks p/m@one");
    let backs = |script: &str| held(script).iter().filter(|it| **it == Rule::FailoverBack).count();
    assert_eq!(backs(&again), backs(&twice), "an answer ends a rest");
}

#[test]
fn words_tell_what_the_contract_says_of_them() {
    assert_eq!(reason_of(429, None), Some(Reason::RateLimit));
    assert_eq!(reason_of(402, Some("Weekly usage limit reached")), Some(Reason::RateLimit));
    assert_eq!(reason_of(400, Some("Insufficient credits")), Some(Reason::Billing));
    assert_eq!(reason_of(500, Some("It failed for <key>")), Some(Reason::ServerError));
    assert_eq!(reason_of(404, Some("The model m is gone")), Some(Reason::ModelNotFound));
    for words in ["Your credit balance is too low", "This key was revoked", "header x-other: 1"] {
        assert_eq!(reason_of(400, Some(words)), None, "{words}");
    }
}
