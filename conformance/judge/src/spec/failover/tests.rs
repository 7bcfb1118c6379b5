//! Who may be asked, on short histories of two conversations.

mod open;

use super::*;
use crate::context::{Credential, CredentialKind, LadderReset};

const SECOND_US: i64 = 1_000_000;

/// Provider `p` with three credentials in their order and two models, then `q`.
fn chain() -> Chain {
    let of = |(provider, name): (&str, &str)| Credential {
        provider: provider.to_owned(),
        name: name.to_owned(),
        kind: CredentialKind::ApiKey,
    };
    let credentials = [("p", "one"), ("p", "two"), ("p", "three"), ("q", "only")].map(of);
    let order = ["one", "two", "three"].map(str::to_owned).to_vec();
    Chain {
        models: vec!["p/m".to_owned(), "q/m".to_owned()],
        credentials: credentials.to_vec(),
        order: [("p".to_owned(), order)].into(),
        ..Chain::default()
    }
}

fn what(words: &[&str]) -> What {
    match words {
        ["begins"] => What::Begins,
        ["asks", whom] => {
            let (model, credential) = whom.split_once('@').expect("model@credential");
            What::Asks(Asked { model: model.to_owned(), credential: credential.to_owned() })
        }
        ["answered"] => What::Answered,
        ["429"] => What::Failed(Reason::RateLimit, 0),
        ["429", rest] => {
            What::Failed(Reason::RateLimit, rest.parse::<i64>().expect("s") * SECOND_US)
        }
        ["401"] => What::Failed(Reason::Auth, 0),
        ["local"] => What::Failed(Reason::Local, 0),
        ["over"] => What::Over,
        ["stopped"] => What::Stopped,
        ["doubted", provider, name] => What::Doubted(((*provider).to_owned(), (*name).to_owned())),
        ["renewed"] => What::Renewed,
        ["restarted"] => What::Restarted,
        other => panic!("no happening {other:?}"),
    }
}

/// One happening a line: second, session, what.
fn happened(script: &str) -> Vec<Happening> {
    (0..)
        .zip(script.lines())
        .map(|(seq, line)| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let at_us = words[0].parse::<i64>().expect("a second") * SECOND_US;
            Happening { at_us, session: words[1].to_owned(), seq, what: what(&words[2..]) }
        })
        .collect()
}

/// `fine`, or what is wrong with what happened.
fn check(version: Version, script: &str) -> String {
    check_with(Choices::default(), version, script)
}

fn check_with(choices: Choices, version: Version, script: &str) -> String {
    let happened = happened(script);
    match judge(version, (&chain(), choices), &happened, 0) {
        Ok(_) => "fine".to_owned(),
        Err(it) => format!("{}: {} expected, {}", it.seq, it.expected, it.observed),
    }
}

/// A turn of alice's that is stopped while a request might be made again, and the next credential that bob is asked with.
fn stopped(next: &str) -> String {
    let script = format!(
        "0 alice begins\n0 alice asks p/m@one\n1 alice 429 300\n2 alice stopped\n3 bob begins\n3 bob asks p/m@{next}\n\
         4 bob answered\n4 bob over"
    );
    check(Version::September, &script)
}

#[test]
fn whether_a_failure_counted_before_a_stop_is_not_known() {
    assert_eq!(stopped("one"), "fine");
    assert_eq!(stopped("two"), "fine");
    assert_eq!(stopped("three"), "5: `p/m@two` asked expected, `p/m@three` was asked");
    let both = |again: &str| {
        let script = format!(
            "0 alice begins\n0 alice asks p/m@one\n1 alice 429 300\n2 alice stopped\n\
             3 bob begins\n3 bob asks p/m@two\n4 bob answered\n4 bob over\n\
             5 carol begins\n5 carol asks p/m@{again}\n6 carol answered\n6 carol over"
        );
        check(Version::September, &script)
    };
    // What bob was asked with says what was counted.
    assert_eq!(both("two"), "fine");
    assert_eq!(both("one"), "9: `p/m@two` asked expected, `p/m@one` was asked, which rests");
}

/// Alice waits for `one`, which bob loses; then she is asked with `next` at that second.
fn lost(at_s: u32, next: &str) -> String {
    let script = format!(
        "0 alice begins\n0 alice asks p/m@one\n1 alice 429\n\
         2 bob begins\n2 bob asks p/m@one\n3 bob 401\n3 bob asks p/m@two\n3 bob answered\n3 bob over\n\
         {at_s} alice asks {next}\n{at_s} alice answered\n{at_s} alice over"
    );
    check(Version::September, &script)
}

#[test]
fn who_waits_for_what_another_lost_goes_on_before_the_wait_is_over() {
    assert_eq!(lost(5, "p/m@two"), "fine");
    assert_eq!(lost(5, "p/m@one"), "9: `p/m@two` asked expected, `p/m@one` was asked, which rests");
    assert!(lost(200, "p/m@two").starts_with("9: "), "a wait has an end");
}

#[test]
fn a_turn_that_waited_may_end_since_another_lost_the_last_credential() {
    let check = |before: &str, after: &str| {
        let script = format!(
            "0 alice begins\n0 alice asks p/m@one\n0 alice 401\n0 alice asks p/m@two\n0 alice 401\n\
             0 alice asks p/m@three\n0 alice 401\n0 alice asks q/m@only\n{before}1 alice 429\n1 alice over\n{after}"
        );
        check(Version::September, &script)
    };
    // Alice was to be tried again, until bob's last try failed.
    let bob = "0 bob begins\n0 bob asks q/m@only\n";
    let found = check(bob, "2 bob 429\n10 bob asks q/m@only\n11 bob 429\n11 bob over");
    assert_eq!(found, "fine");
    // Nobody else failed: it was her own failure that put it aside.
    let found = check("", "2 bob begins\n2 bob asks q/m@only\n3 bob answered\n3 bob over");
    assert!(found.ends_with("`q/m@only` was asked, which rests"), "{found}");
}

#[test]
fn a_failure_of_the_gateway_s_own_ends_the_turn_and_harms_nobody() {
    let script = "0 alice begins\n0 alice asks p/m@one\n1 alice local\n1 alice over\n\
                  2 alice begins\n2 alice asks p/m@one\n3 alice answered\n3 alice over";
    assert_eq!(check(Version::September, script), "fine");
    let goes_on = "0 alice begins\n0 alice asks p/m@one\n1 alice local\n1 alice asks p/m@two";
    let expected = "3: nobody asked expected, `p/m@two` was asked";
    assert_eq!(check(Version::September, goes_on), expected);
}

#[test]
fn a_probe_is_made_once() {
    let script = |probe: &str| {
        format!(
            "0 alice begins\n0 alice asks p/m@one\n0 alice 401\n0 alice asks p/m@two\n0 alice 401\n\
             0 alice asks p/m@three\n0 alice 401\n0 alice asks q/m@only\n0 alice 401\n0 alice over\n\
             28 alice begins\n28 alice asks p/m@one\n28 alice 401\n{probe}28 alice over"
        )
    };
    assert_eq!(check(Version::September, &script("")), "fine");
    let again = script("28 alice asks p/m@two\n28 alice 401\n");
    let expected = "13: nobody asked expected, `p/m@two` was asked, which rests";
    assert_eq!(check(Version::September, &again), expected);
}

#[test]
fn a_credential_that_is_not_accepted_costs_the_next_one_no_try() {
    let tries = (0..10).map(|at_s| format!("{at_s} alice asks p/m@two\n{at_s} alice 429\n"));
    let tries: String = tries.collect();
    let script = format!("0 alice begins\n0 alice asks p/m@one\n0 alice 401\n{tries}");
    assert_eq!(check(Version::September, &format!("{script}9 alice asks p/m@three")), "fine");
    let eleventh = format!("{script}10 alice asks p/m@two");
    let expected = "23: `p/m@three` asked expected, `p/m@two` was asked";
    assert_eq!(check(Version::September, &eleventh), expected);
}

/// The rules that held in a script, each with the happening that it decided.
fn held(version: Version, script: &str) -> Vec<(&'static str, u64)> {
    let (_, held) = judge(version, (&chain(), Choices::default()), &happened(script), 0)
        .expect("nothing is wrong");
    held.into_iter().map(|(rule, seq)| (rule.name(), seq)).collect()
}

#[test]
fn a_rule_holds_where_it_decided() {
    let fine = "0 alice begins\n0 alice asks p/m@one\n1 alice answered\n1 alice over\n\
                2 alice begins\n2 alice asks p/m@one\n3 alice answered\n3 alice over";
    let first = |at| ("failover-first", at);
    assert_eq!(held(Version::September, fine), [first(1), first(5)], "nothing rests");
    let failed = "0 alice begins\n0 alice asks p/m@one\n1 alice 401\n1 alice asks p/m@two\n\
                  2 alice answered\n2 alice over\n\
                  3 bob begins\n3 bob asks p/m@two\n4 bob answered\n4 bob over";
    let expected = [first(1), ("failover-next", 3), first(7), ("failover-rest", 7)];
    assert_eq!(held(Version::September, failed), expected, "`one` rests when bob comes");
    let ended = "0 alice begins\n0 alice asks p/m@one\n1 alice local\n1 alice over";
    assert_eq!(held(Version::September, ended), [first(1), ("failover-end", 3)]);
}

#[test]
fn a_credential_is_asked_again_as_often_as_the_target_declares() {
    let tries = |count: i64| {
        let tries = (0..count).map(|at_s| format!("{at_s} alice asks p/m@one\n{at_s} alice 429\n"));
        let next = (count..).zip(["two", "three"]);
        let next =
            next.map(|(at_s, name)| format!("{at_s} alice asks p/m@{name}\n{at_s} alice 429\n"));
        format!("0 alice begins\n{}", tries.chain(next).collect::<String>())
    };
    let with = |tries_per_credential| Choices { tries_per_credential, ..Choices::default() };
    let of = |declared, made| check_with(with(declared), Version::March, &tries(made));
    let (again, late) =
        ("3: `p/m@two` asked expected, `p/m@one` was asked", "asked expected, `p/m@");
    assert_eq!(of(1, 2), again);
    assert_eq!(of(3, 4), "7: `p/m@two` asked expected, `p/m@one` was asked");
    // What follows begins at once, and each of them has its own tries.
    let whole = "0 alice begins\n0 alice asks p/m@one\n0 alice 429\n1 alice asks p/m@one\n1 alice 429\n\
                 1 alice asks p/m@two\n1 alice 429\n2 alice asks p/m@two\n2 alice 429\n2 alice asks p/m@three\n\
                 3 alice answered\n3 alice over";
    assert_eq!(check_with(with(2), Version::March, whole), "fine");
    assert!(check_with(with(1), Version::March, whole).contains(late));
    let (marks, _) = judge(Version::March, (&chain(), with(2)), &happened(whole), 0).expect("fine");
    assert!(marks.contains(CHOSEN[0]) && !marks.contains(CHOSEN[1]), "{marks:?}");
}

#[test]
fn the_end_of_a_rest_begins_the_count_anew_where_the_target_declares_it() {
    let rests = |second_s: i64, skips: bool| {
        let fails =
            |at_s: i64, name: &str| format!("{at_s} alice asks p/m@{name}\n{at_s} alice 429\n");
        let all = |at_s: i64| {
            let others = ["one", "two", "three"].map(|it| fails(at_s, it)).concat();
            format!(
                "{at_s} alice begins\n{others}{at_s} alice asks q/m@only\n{at_s} alice answered\n{at_s} alice over\n"
            )
        };
        // They rest a minute, and then, by the ladder, five.
        let skips_all = format!(
            "{second_s} alice begins\n{second_s} alice asks q/m@only\n{second_s} alice answered"
        );
        format!("{}{}{}", all(0), all(100), if skips { skips_all } else { all(second_s) })
    };
    let rest_end = Choices { ladder_reset: LadderReset::RestEnd, ..Choices::default() };
    let of =
        |choices, second_s, skips| check_with(choices, Version::March, &rests(second_s, skips));
    assert_eq!(of(Choices::default(), 401, false), "fine");
    assert_eq!(of(Choices::default(), 165, true), "fine");
    assert!(of(Choices::default(), 165, false).ends_with("which rests"));
    assert_eq!(of(rest_end, 165, false), "fine");
    assert!(of(rest_end, 165, true).contains("`p/m@one` asked expected"), "it is held to it");
}

/// What the specification makes of a trace with the credentials `one` and `two`, in `2026.9`.
fn traced(script: &str) -> String {
    use crate::{
        spec::ALL,
        tests::{context_with, shown, trace},
        turns::Turns,
    };
    let credential = |name: &str| Credential {
        provider: "openai".to_owned(),
        name: name.to_owned(),
        kind: CredentialKind::ApiKey,
    };
    let chain = Chain {
        models: vec!["openai/m".to_owned()],
        choices: ["openai/m", "openai/n"].map(str::to_owned).to_vec(),
        credentials: ["one", "two"].map(credential).to_vec(),
        order: [("openai".to_owned(), ["one", "two"].map(str::to_owned).to_vec())].into(),
        ..Chain::default()
    };
    let context = context_with(|it| {
        it.profile = "2026.9".to_owned();
        it.configuration.chains = [("main".to_owned(), chain)].into();
    });
    let trace = trace(script);
    let turns = Turns::of(&trace, &context);
    let specification = ALL.iter().find(|it| it.id == "spec-failover").expect("it is there");
    shown(&specification.check(&trace, &turns, &context).verdict)
}

/// Alice is answered by `model@credential`, after what she wrote first.
fn answered_by(command: &str, asked: &str) -> String {
    let (model, credential) = asked.split_once('@').expect("model@credential");
    traced(&format!(
        "0 say c1 alice {command}\n1 say m1 alice\n1.004 ask alice@{model}#openai:{credential} user m1\n\
         2 end 1 completed fine"
    ))
}

#[test]
fn a_choice_that_was_only_asked_about_or_may_be_refused_is_not_taken_as_made() {
    assert_eq!(answered_by("/model", "m@one"), "pass [5]");
    assert!(answered_by("/model", "n@one").starts_with("fail"));
    assert_eq!(answered_by("/model openai/n", "n@one"), "pass [5]");
    assert!(answered_by("/model openai/n", "m@one").starts_with("fail"));
    assert_eq!(answered_by("/model openai/m@openai:two", "m@two"), "pass [5]");
    assert!(answered_by("/new openai/n", "m@one").starts_with("fail"));
    for refused in
        ["/model openai/nope", "/model openai/m@openai:three", "/model q/m", "/model list"]
    {
        assert_eq!(answered_by(refused, "m@one"), "vacuous: no credential failed", "{refused}");
    }
}

#[test]
fn who_says_it_again_to_the_next_goes_on_with_the_turn() {
    let again = traced(
        "0 say m1 alice\n0.004 ask alice@m#openai:one user m1\n2 end 1 failed 401\n\
         2.004 ask alice@m#openai:two user m1 | user m1\n4 end 2 completed fine",
    );
    assert!(again.starts_with("pass"), "{again}");
}

#[test]
fn who_gives_up_after_an_answer_of_which_nothing_came_is_wrong() {
    let spoiled = |text: &str| {
        let script = format!(
            "0 say m1 alice\n0.004 ask alice@m#openai:one user m1\n1 end 1 spoiled {text}\n60 say b1 bob"
        );
        traced(script.trim())
    };
    assert!(spoiled("").starts_with("fail"), "{}", spoiled(""));
    assert_eq!(spoiled("half of it"), "pass [3]", "it may have been shown");
}
