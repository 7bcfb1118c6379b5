//! What `request` and `visible` say of short traces.

use super::*;

fn request(call: u64) -> Request {
    Request {
        chat: "alice".to_owned(),
        call,
        new: None,
        history: None,
        lacks: Vec::new(),
        contains: Vec::new(),
        model: None,
        credential: None,
        offers: Vec::new(),
        withholds: Vec::new(),
        results: None,
        images: None,
        between: None,
    }
}

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn a_request_carries_what_is_claimed() {
    let claim = Request {
        new: Some(list(&["m2"])),
        history: Some(list(&["m1"])),
        lacks: list(&["m9"]),
        contains: list(&["two", "first"]),
        model: Some("gpt".to_owned()),
        credential: Some("key-a".to_owned()),
        between: Some(seconds(6, 6)),
        ..request(2)
    };
    assert_eq!(check(&Word::Request(claim)), "pass [8]");
    let retry = Request { new: Some(Vec::new()), ..request(3) };
    assert_eq!(check(&Word::Request(retry)), "pass [10]");
}

#[test]
fn a_request_differs_in_all_that_is_said() {
    let claim = Request {
        new: Some(list(&["m1", "m2"])),
        history: Some(list(&["m2"])),
        lacks: list(&["m1"]),
        contains: list(&["three"]),
        model: Some("gpt-b".to_owned()),
        credential: Some("key-b".to_owned()),
        between: Some(seconds(7, 8)),
        ..request(2)
    };
    insta::assert_snapshot!(check(&Word::Request(claim)), @r#"
    fail [8]
    expected request 2 of `alice` with exactly `m1`, `m2` new; `m2` before what is new; nothing of `m1`; "three" in its prompt; model `gpt-b`; credential `key-b`
    observed at 6.000 s with `m2` new; `m1` before what is new; `m1` in it; a prompt without it; model `gpt`; credential `key-a`
    "#);
    insta::assert_snapshot!(check(&Word::Request(request(4))), @r#"
    fail [10]
    expected request 4 of `alice`
    observed `alice` had 3 requests
    "#);
}

#[test]
fn a_request_comes_in_time() {
    let claim = |us: i64| {
        let between = Some(Span { from_us: 6_000_000 + us, to_us: 6_100_000 + us });
        Word::Request(Request { between, ..request(2) })
    };
    insta::assert_snapshot!(check(&claim(1)), @r#"
    fail [8]
    expected request 2 of `alice` between 6.000001 s and 6.100001 s
    observed at 6.000 s
    "#);
    let with = |clock, us| check_in(SCRIPT, &claim(us), &context_with(|it| it.clock = clock));
    assert_eq!(with(measured(0), 250_000), "pass [8]");
    insta::assert_snapshot!(with(measured(0), 250_001), @r#"
    fail [8]
    expected request 2 of `alice` between 6.250001 s and 6.350001 s
    observed at 6.000 s
    "#);
    insta::assert_snapshot!(with(measured(300_000), 250_001), @"inconclusive: it came at 6.000 s, but the harness itself was up to 0.300 s late, more than the 0.250 s that bounds are widened by");
}

#[test]
fn a_claim_of_absence_alone_needs_something_that_could_be_there() {
    let lacks = |call, names: &[&str]| {
        check(&Word::Request(Request { lacks: list(names), ..request(call) }))
    };
    insta::assert_snapshot!(lacks(1, &["m2"]), @"vacuous: none of `m2` had been written with a canary before the request");
    insta::assert_snapshot!(lacks(2, &["m9"]), @"vacuous: none of `m9` had been written with a canary before the request");
    insta::assert_snapshot!(lacks(2, &["m1"]), @r#"
    fail [8]
    expected request 2 of `alice` with nothing of `m1`
    observed at 6.000 s with `m1` in it
    "#);
    let script = "0 say m1 alice\n0 say m2 alice\n1 ask alice user m1";
    let claim = Word::Request(Request { lacks: list(&["m2"]), ..request(1) });
    assert_eq!(check_in(script, &claim, &context()), "pass [5]");
}

fn visible(chat: &str) -> Visible {
    Visible {
        chat: chat.to_owned(),
        texts: None,
        images: None,
        ends_with: None,
        contains: Vec::new(),
        lacks: Vec::new(),
        between: None,
    }
}

#[test]
fn visible_is_what_is_left_after_edits_and_deletions() {
    let claim = Visible {
        texts: Some(list(&["first answer", "second answer"])),
        ends_with: Some("d answer".to_owned()),
        contains: list(&["first", "second"]),
        lacks: list(&["psst"]),
        between: Some(seconds(8, 9)),
        ..visible("alice")
    };
    assert_eq!(check(&Word::Visible(claim)), "pass [7, 13]");
    let nothing = Visible { texts: Some(Vec::new()), ..visible("bob") };
    assert_eq!(check(&Word::Visible(nothing)), "pass [14]");
}

#[test]
fn visible_fails_at_the_first_difference() {
    let alice = || visible("alice");
    let check = |claim| check(&Word::Visible(claim));
    insta::assert_snapshot!(check(Visible { texts: Some(list(&["first answer", "second"])), ..alice() }), @r#"
    fail [13]
    expected in `alice`: exactly "first answer", "second"
    observed "first answer", "second answer"
    "#);
    insta::assert_snapshot!(check(Visible { ends_with: Some("first answer".to_owned()), ..alice() }), @r#"
    fail [13]
    expected in `alice`: the last text ends with "first answer"
    observed "first answer", "second answer"
    "#);
    insta::assert_snapshot!(check(Visible { contains: list(&["third"]), ..alice() }), @r#"
    fail [13]
    expected in `alice`: a text that contains "third"
    observed "first answer", "second answer"
    "#);
    insta::assert_snapshot!(check(Visible { lacks: list(&["first"]), ..alice() }), @r#"
    fail [7]
    expected in `alice`: no text that contains "first"
    observed "first answer", "second answer"
    "#);
    insta::assert_snapshot!(check(Visible { between: Some(seconds(0, 8)), ..alice() }), @r#"
    fail [13]
    expected in `alice`: the last text between 0.000 s and 8.000 s
    observed at 8.200 s
    "#);
    insta::assert_snapshot!(check(Visible { contains: list(&["psst"]), ..visible("bob") }), @r#"
    fail []
    expected in `bob`: a text that contains "psst"
    observed none
    "#);
}

#[test]
fn visible_is_vacuous_where_nobody_could_have_seen_anything() {
    let claim = |chat| Word::Visible(Visible { lacks: list(&["psst"]), ..visible(chat) });
    insta::assert_snapshot!(check(&claim("ops")), @"vacuous: nobody wrote in `ops`, and neither did the gateway");
    insta::assert_snapshot!(check(&claim("nowhere")), @"not testable: the scenario declares no chat `nowhere`");
}

#[test]
fn what_a_word_says_of_texts_tells_no_secret() {
    let context = context_with(|it| it.secrets = vec![("key `a`".to_owned(), "sk-123".to_owned())]);
    let claim = Word::Visible(Visible { texts: Some(Vec::new()), ..visible("alice") });
    insta::assert_snapshot!(check_in("1 sent alice my key is sk-123", &claim, &context), @r#"
    fail [1]
    expected in `alice`: exactly none
    observed "my key is <key `a`>"
    "#);
}

#[test]
fn a_gateway_that_does_not_begin_says_why() {
    let refuses = |says: &[&str]| {
        let says = says.iter().map(|it| (*it).to_owned()).collect();
        Word::Refuses(Refuses { says })
    };
    let told = |script: &str, says: &[&str]| check_in(script, &refuses(says), &context());
    let refused = "0 start\n0 refused there is no agent ghost";
    assert_eq!(told(refused, &["ghost", "no agent"]), "pass [2]");
    let other = told(refused, &["ghost", "binding"]);
    assert!(other.contains("observed \"there is no agent ghost\""), "{other}");
    let ready = told("0 start\n1 ready", &["ghost"]);
    assert!(ready.contains("it was ready at 1.000 s"), "{ready}");
    assert!(told("0 start\n1 exit ghost", &["ghost"]).starts_with("fail"));
}
