use super::*;

const FAILOVER: &str = "
    0 say m1 alice one
    1 ask alice@m#p:one user m1
    2 end 1 failed 429
    2 ask alice@m#p:two user m1
    3 end 2 failed 429
    62 ask alice@m#p:one user m1
    63 end 3 completed first answer
    363 ask bob@m#p:one user m2
";

fn attempt(asked: &str) -> Attempt {
    Attempt { asked: asked.to_owned(), between: None, after: None }
}

fn attempts(between: Option<Span>, are: Vec<Attempt>) -> Word {
    Word::Attempts(Attempts { chat: Some("alice".to_owned()), between, are, more: false })
}

fn told(word: &Word) -> String {
    let script = FAILOVER.replace("#p:", "#openai:");
    check_in(&script, word, &context())
}

#[test]
fn attempts_are_all_of_them_in_order() {
    let all = ["openai/m@one", "openai/m@two", "openai/m@one"];
    let all = || all.into_iter().map(attempt).collect::<Vec<_>>();
    insta::assert_snapshot!(told(&attempts(None, all())), @"pass [3, 5, 7]");
    let mut timed = all();
    timed[2].after = Some(seconds(60, 60));
    timed[2].between = Some(seconds(60, 63));
    insta::assert_snapshot!(told(&attempts(None, timed.clone())), @"pass [3, 5, 7]");
    timed[2].after = Some(seconds(55, 59));
    insta::assert_snapshot!(told(&attempts(None, timed)), @r#"fail [5, 7]
expected `openai/m@one` between 55.000 s and 59.000 s
observed 60.000 s"#);
    insta::assert_snapshot!(told(&attempts(None, all()[..2].to_vec())), @r#"fail [7]
expected the attempts `openai/m@one`, `openai/m@two`
observed the attempts `openai/m@one`, `openai/m@two`, `openai/m@one`"#);
    insta::assert_snapshot!(told(&attempts(Some(seconds(0, 10)), all())), @r#"fail [5]
expected the attempts `openai/m@one`, `openai/m@two`, `openai/m@one` between 0.000 s and 10.000 s
observed the attempts `openai/m@one`, `openai/m@two`"#);
    insta::assert_snapshot!(told(&attempts(Some(seconds(10, 60)), Vec::new())), @"pass [7]");
    insta::assert_snapshot!(told(&attempts(Some(seconds(10, 600)), Vec::new())), @r#"fail [7]
expected no attempts between 10.000 s and 600.000 s
observed the attempts `openai/m@one`"#);
}

#[test]
fn backoff_is_from_an_end_to_the_next_beginning() {
    let backoff = |gaps: Vec<Span>| {
        told(&Word::Backoff(Backoff { chat: None, asked: "openai/m@one".to_owned(), gaps }))
    };
    insta::assert_snapshot!(backoff(vec![seconds(60, 60), seconds(300, 300)]), @"pass [3, 7, 9]");
    insta::assert_snapshot!(backoff(vec![seconds(60, 60), seconds(301, 310)]), @r#"fail [3, 7, 9]
expected `openai/m@one` asked 3 times with gaps between 60.000 s and 60.000 s, between 301.000 s and 310.000 s
observed gaps 60.000 s, 300.000 s"#);
    insta::assert_snapshot!(backoff(vec![seconds(60, 60)]), @r#"fail [3, 7, 9]
expected `openai/m@one` asked 2 times with gaps between 60.000 s and 60.000 s
observed asked 3 times, with gaps 60.000 s, 300.000 s"#);
}
