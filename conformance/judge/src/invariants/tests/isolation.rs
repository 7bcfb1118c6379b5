//! I9, isolation.

use crate::{
    context::{Context, DmScope},
    tests::{context, context_with, invariant},
};

const TOLD: &str = "
    0 say m1 alice
    0 say b1 bob
    1 ask alice user m1
    2 ask bob user m1 | user b1
";

const TOLD_ELSEWHERE: &str = "
    0 say m1 alice
    0 say d1 alice-dc
    1 ask alice user m1
    2 ask alice-dc user m1 | user d1
";

fn i9(script: &str) -> String {
    invariant("I9", script, &context())
}

fn scoped(script: &str, dm_scope: DmScope) -> String {
    invariant("I9", script, &context_with(|it| it.dm_scope = dm_scope))
}

#[test]
fn conversations_keep_to_themselves() {
    assert_eq!(i9(&TOLD.replace("m1 | user b1", "b1")), "pass [5, 6]");
    insta::assert_snapshot!(i9(TOLD), @r#"
    fail [1, 6]
    expected nothing of `alice` in a request of `bob`: they share no session
    observed `m1` in request 2 at 2.000 s
    "#);
    insta::assert_snapshot!(i9("0 say m1 alice\n1 ask alice user m1"), @"vacuous: messages were written in one place only, and nothing could tell a secret");
    assert!(
        i9("0 say m1 ops\n0 say m2 ops-7\n1 ask ops system m2 | user m1")
            .starts_with("fail [3, 5]")
    );
}

#[test]
fn main_joins_direct_chats_of_one_agent() {
    assert_eq!(scoped(TOLD, DmScope::Main), "pass [5, 6]");
    let other_agent = TOLD.replace("ask bob", "ask bob@claude");
    insta::assert_snapshot!(scoped(&other_agent, DmScope::Main), @r#"
    fail [1, 6]
    expected nothing of `alice` in a request of `bob`: they share no session
    observed `m1` in request 2 at 2.000 s
    "#);
    let failover = other_agent.replace("1 ask alice", "0.5 ask bob user b1\n1 ask alice");
    assert!(scoped(&failover, DmScope::Main).starts_with("pass"));
    assert!(scoped(&TOLD.replace("bob", "ops"), DmScope::Main).starts_with("fail"));
}

#[test]
fn the_other_scopes_join_one_person() {
    let linked = |dm_scope| {
        let links = [("ann".to_owned(), vec!["telegram:1".to_owned(), "Discord:D1".to_owned()])];
        context_with(|it| {
            it.dm_scope = dm_scope;
            it.identity_links = links.into_iter().collect();
        })
    };
    let elsewhere = |context: &Context| invariant("I9", TOLD_ELSEWHERE, context);
    assert!(scoped(TOLD_ELSEWHERE, DmScope::PerPeer).starts_with("fail"));
    assert!(elsewhere(&linked(DmScope::PerPeer)).starts_with("pass"));
    assert!(elsewhere(&linked(DmScope::PerChannelPeer)).starts_with("fail"));
    assert!(elsewhere(&linked(DmScope::PerAccountChannelPeer)).starts_with("fail"));
    let same_channel = |dm_scope| {
        let mut context = context_with(|it| it.dm_scope = dm_scope);
        let mut work = context.chats["alice"].clone();
        work.place.account = "work".to_owned();
        context.chats.insert("alice-dc".to_owned(), work);
        elsewhere(&context)
    };
    assert!(same_channel(DmScope::PerChannelPeer).starts_with("pass"));
    assert!(same_channel(DmScope::PerAccountChannelPeer).starts_with("fail"));
}

#[test]
fn texts_tell_nothing_of_other_places() {
    let said = |text: &str| i9(&format!("0 say m1 alice\n0 say b1 bob\n1 {text}"));
    assert_eq!(said("sent alice you said k0000000000m1"), "pass [5]");
    insta::assert_snapshot!(said("sent bob she said k0000000000m1"), @r#"
    fail [1, 5]
    expected nothing of `alice` in a text at `telegram:default:2`
    observed `m1` in a text at 1.000 s
    "#);
    let edited = "sent bob hm\n2 edit bob s1 she said k0000000000m1";
    assert!(said(edited).starts_with("fail [1, 6]"));
}

#[test]
fn secrets_reach_nobody_and_are_not_repeated_in_the_report() {
    let context = context_with(|it| it.secrets = vec![("key `a`".to_owned(), "sk-123".to_owned())]);
    let check = |script: &str| invariant("I9", script, &context);
    assert_eq!(check("0 say m1 alice\n1 ask alice user m1\n2 exit bye"), "pass [3, 4]");
    insta::assert_snapshot!(check("1 sent alice the key is sk-123"), @r#"
    fail [1]
    expected no text at `telegram:default:1` with the key `a`
    observed it is in the text at `telegram:default:1` at 1.000 s
    "#);
    insta::assert_snapshot!(check("1 ask alice system sk-123 | user hi"), @r#"
    fail [1]
    expected no prompt with the key `a`
    observed it is in request 1 at 1.000 s
    "#);
    insta::assert_snapshot!(check("1 exit panicked at sk-123"), @r#"
    fail [1]
    expected no last words with the key `a`
    observed it is in the last words at 1.000 s
    "#);
    let wrong_room =
        "0 say m1 ops\n1 ask ops user m1\n2 end 1 completed it is sk-123\n3 sent bob it is sk-123";
    insta::assert_snapshot!(invariant("I3", wrong_room, &context), @r#"
    fail [3, 5]
    expected the answer to `m1` at `telegram:default:-100`
    observed "it is <key `a`>", the answer to `m1` of request 1, sent to `telegram:default:2` at 3.000 s
    "#);
}
