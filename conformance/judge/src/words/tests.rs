//! What each word says of short traces.

mod attempts;
mod claims;

use super::*;
use crate::tests::{context, context_with, measured, shown, trace};

const SCRIPT: &str = "
    0 say m1 alice one
    1 ask alice user m1
    2 say m2 alice two
    5 end 1 completed first answer
    5.1 sent alice first answer
    6 ask alice user m1 | assistant first answer | user m2
    6.5 end 2 failed 500
    7 ask alice@gpt-b#key-b user m1 | assistant first answer | user m2
    8 end 3 completed second
    8.1 sent alice second
    8.2 edit alice s2 second answer
    9 sent bob psst
    9.1 delete bob s3
";

fn check(word: &Word) -> String {
    check_in(SCRIPT, word, &context())
}

fn check_in(script: &str, word: &Word, context: &Context) -> String {
    let trace = trace(script);
    shown(&super::check(word, &trace, &Turns::of(&trace, context), context))
}

fn filter(of: FactName) -> Filter {
    Filter {
        of,
        chat: None,
        message: None,
        contains: None,
        call: None,
        model: None,
        credential: None,
        outcome: None,
        anywhere: None,
        operator: Operating::default(),
    }
}

fn in_chat(of: FactName, chat: &str) -> Filter {
    Filter { chat: Some(chat.to_owned()), ..filter(of) }
}

fn containing(of: FactName, text: &str) -> Filter {
    Filter { contains: Some(text.to_owned()), ..filter(of) }
}

fn about(of: FactName, message: &str) -> Filter {
    Filter { message: Some(message.to_owned()), ..filter(of) }
}

fn seconds(from: i64, to: i64) -> Span {
    Span { from_us: from * 1_000_000, to_us: to * 1_000_000 }
}

fn matching(filter: Filter) -> String {
    check(&Word::AtLeast { n: 1, of: filter }).lines().next().unwrap().to_owned()
}

#[test]
fn filters_match_what_their_kind_has() {
    use FactName::{
        Acknowledged, Deleted, Edited, Fetched, Inbound, ModelEnd, ModelRequest, OperatorCalled,
        Sent,
    };
    assert_eq!(matching(in_chat(Sent, "alice")), "pass [7, 12]");
    assert_eq!(matching(in_chat(Sent, "nobody")), "fail []");
    assert_eq!(matching(in_chat(Deleted, "bob")), "pass [15]");
    assert_eq!(matching(in_chat(Fetched, "alice")), "pass [2, 5]");
    assert_eq!(matching(about(Inbound, "m2")), "pass [4]");
    assert_eq!(matching(about(ModelRequest, "m2")), "pass [8]");
    assert_eq!(matching(about(ModelEnd, "m2")), "pass [9]");
    assert_eq!(matching(about(Sent, "m2")), "fail []");
    assert_eq!(matching(about(Acknowledged, "m2")), "fail []");
    assert_eq!(matching(containing(Edited, "second")), "pass [13]");
    assert_eq!(matching(containing(Fetched, "one")), "fail []");
    assert_eq!(matching(containing(ModelRequest, "one")), "pass [3]");
    assert_eq!(matching(containing(ModelRequest, "two")), "pass [8, 10]");
    assert_eq!(matching(containing(ModelEnd, "second")), "pass [11]");
    let anywhere = |of| matching(Filter { anywhere: Some("one".to_owned()), ..filter(of) });
    assert_eq!(anywhere(ModelRequest), "pass [3, 8, 10]");
    assert_eq!(anywhere(ModelEnd), "fail []");
    assert_eq!(matching(filter(OperatorCalled)), "fail []");
    let second = Filter { call: Some(2), ..filter(ModelEnd) };
    assert_eq!(
        matching(Filter { outcome: Some("failed".to_owned()), ..second.clone() }),
        "pass [9]"
    );
    assert_eq!(
        matching(Filter { outcome: Some("completed".to_owned()), ..second.clone() }),
        "fail []"
    );
    assert_eq!(matching(Filter { model: Some("gpt".to_owned()), ..second }), "fail []");
    let key_b = Filter { credential: Some("key-b".to_owned()), ..filter(ModelRequest) };
    assert_eq!(matching(Filter { model: Some("gpt-b".to_owned()), ..key_b }), "pass [10]");
}

#[test]
fn exactly_counts() {
    let requests = || in_chat(FactName::ModelRequest, "alice");
    assert_eq!(check(&Word::Exactly { n: 3, of: requests() }), "pass [3, 8, 10]");
    insta::assert_snapshot!(check(&Word::Exactly { n: 1, of: requests() }), @r#"
    fail [3, 8]
    expected exactly 1 `model-request` chat `alice`
    observed 3: at 1.000 s, 6.000 s, 7.000 s
    "#);
    insta::assert_snapshot!(check(&Word::Exactly { n: 1, of: in_chat(FactName::Refused, "bob") }), @r#"
    fail []
    expected exactly 1 `refused` chat `bob`
    observed none
    "#);
    assert_eq!(
        check(&Word::Exactly { n: 0, of: in_chat(FactName::Inbound, "bob") }),
        "pass [1, 4]"
    );
    insta::assert_snapshot!(check(&Word::Exactly { n: 0, of: in_chat(FactName::Refused, "bob") }), @"vacuous: there was no `refused` at all, so none could match");
}

#[test]
fn at_least_and_at_most_count() {
    let sent = || filter(FactName::Sent);
    assert_eq!(check(&Word::AtLeast { n: 2, of: sent() }), "pass [7, 12, 14]");
    insta::assert_snapshot!(check(&Word::AtLeast { n: 4, of: sent() }), @r#"
    fail [7, 12, 14]
    expected at least 4 `sent`
    observed 3: at 5.100 s, 8.100 s, 9.000 s
    "#);
    assert_eq!(check(&Word::AtMost { n: 3, of: sent() }), "pass [7, 12, 14]");
    insta::assert_snapshot!(check(&Word::AtMost { n: 2, of: sent() }), @r#"
    fail [7, 12, 14]
    expected at most 2 `sent`
    observed 3: at 5.100 s, 8.100 s, 9.000 s
    "#);
    insta::assert_snapshot!(check(&Word::AtMost { n: 2, of: filter(FactName::Refused) }), @"vacuous: there was no `refused`");
}

#[test]
fn never_needs_something_that_might_have_been() {
    assert_eq!(check(&Word::Never { of: containing(FactName::Sent, "third") }), "pass [7, 12, 14]");
    insta::assert_snapshot!(check(&Word::Never { of: containing(FactName::Sent, "answer") }), @r#"
    fail [7]
    expected no `sent` that contains "answer"
    observed 1: at 5.100 s
    "#);
    insta::assert_snapshot!(check(&Word::Never { of: filter(FactName::Refused) }), @"vacuous: there was no `refused` at all, so none could match");
}

#[test]
fn order_compares_first_matches() {
    let order = |filters: [Filter; 2]| check(&Word::Order(filters.to_vec()));
    let (first, second) =
        (containing(FactName::Sent, "first"), containing(FactName::Sent, "second"));
    assert_eq!(order([first.clone(), second.clone()]), "pass [7, 12]");
    insta::assert_snapshot!(order([second, first.clone()]), @r#"
    fail [7, 12]
    expected `sent` that contains "second", then `sent` that contains "first"
    observed the first `sent` that contains "first" at 5.100 s, not after the first `sent` that contains "second" at 8.100 s
    "#);
    insta::assert_snapshot!(order([first.clone(), first.clone()]), @r#"
    fail [7]
    expected `sent` that contains "first", then `sent` that contains "first"
    observed the first `sent` that contains "first" at 5.100 s, not after the first `sent` that contains "first" at 5.100 s
    "#);
    insta::assert_snapshot!(order([first, filter(FactName::Refused)]), @r#"
    fail []
    expected `sent` that contains "first", then `refused`
    observed there was no `refused`
    "#);
    assert_eq!(check(&Word::Order(Vec::new())), "vacuous: nothing was to be in order");
}

#[test]
fn a_gap_is_measured_from_the_first_match_to_the_next() {
    let gap = |to, between| Word::Gap { from: filter(FactName::ModelEnd), to, between };
    let sent = || filter(FactName::Sent);
    let bounds = |to_us| Span { from_us: 0, to_us };
    assert_eq!(check(&gap(sent(), bounds(100_000))), "pass [6, 7]");
    insta::assert_snapshot!(check(&gap(sent(), bounds(99_999))), @r#"
    fail [6, 7]
    expected between 0.000 s and 0.099999 s from the first `model-end` to the next `sent`
    observed 0.100 s, from 5.000 s to 5.100 s
    "#);
    insta::assert_snapshot!(check(&gap(filter(FactName::Refused), bounds(1))), @r#"
    fail [6]
    expected between 0.000 s and 0.000001 s from the first `model-end` to the next `refused`
    observed no `refused` after the `model-end` at 5.000 s
    "#);
    let never = Word::Gap { from: filter(FactName::Refused), to: sent(), between: bounds(1) };
    insta::assert_snapshot!(check(&never), @"vacuous: there was no `refused` to start the clock");
    let slow = gap(filter(FactName::Deleted), bounds(1));
    let with =
        |word: Word, us| check_in(SCRIPT, &word, &context_with(|it| it.clock = measured(us)));
    assert_eq!(with(gap(sent(), bounds(0)), 900_000), "pass [6, 7]");
    assert!(with(slow.clone(), 250_000).starts_with("fail [6, 15]"));
    insta::assert_snapshot!(with(slow, 250_001), @"inconclusive: 4.100 s from one to the other, but the harness itself was up to 0.250001 s late, more than the 0.250 s that bounds are widened by");
}

#[test]
fn quiet_needs_a_trace_that_lasts() {
    let quiet = |from, to| Word::Quiet { of: filter(FactName::Sent), between: seconds(from, to) };
    assert_eq!(check(&quiet(6, 8)), "pass [12]");
    insta::assert_snapshot!(check(&quiet(6, 9)), @r#"
    fail [12]
    expected no `sent` between 6.000 s and 9.000 s
    observed at 8.100 s, 9.000 s
    "#);
    insta::assert_snapshot!(check(&quiet(10, 20)), @"vacuous: nothing was seen after 20.000 s, so the trace may have ended before");
    let with =
        |word: Word, us| check_in(SCRIPT, &word, &context_with(|it| it.clock = measured(us)));
    assert_eq!(with(quiet(5, 8), 900_000), "pass [12]");
    assert!(with(quiet(4, 8), 0).starts_with("fail [7]"));
    insta::assert_snapshot!(with(quiet(4, 8), 300_000), @"inconclusive: the harness itself was up to 0.300 s late, more than the 0.250 s that bounds are widened by");
    insta::assert_snapshot!(with(quiet(6, 6), 0), @"inconclusive: between 6.000 s and 6.000 s is no longer than the clock is unsure: 0.250 s on both sides");
}

#[test]
fn unique_compares_texts() {
    let unique =
        |script| check_in(script, &Word::Unique { of: filter(FactName::Sent) }, &context());
    assert_eq!(unique(SCRIPT), "pass [7, 12, 14]");
    insta::assert_snapshot!(unique("1 sent alice yes\n2 sent bob no\n3 sent alice yes"), @r#"
    fail [1, 3]
    expected no two `sent` with the same text
    observed "yes" twice, at 1.000 s, 3.000 s
    "#);
    insta::assert_snapshot!(unique("0 say m1 alice"), @"vacuous: there was no `sent` with a text");
}
