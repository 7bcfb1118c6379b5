//! I10: what was ended does nothing any more.

use crate::tests::{context, context_with, invariant};

fn i10(script: &str) -> String {
    invariant("I10", script, &context())
}

/// `m1` is asked, `command` comes at 2 s and is acknowledged at 2.1 s; then what is told.
fn after(command: &str, more: &str) -> String {
    i10(&format!(
        "
        0 say m1 alice
        0.1 ask alice user m1
        2 say c1 alice {command}
        2.05 end 1 abandoned so far
        2.1 sent alice done
        {more}
        "
    ))
}

#[test]
fn a_command_that_ended_something_is_judged() {
    assert_eq!(after("/stop", ""), "pass [4, 6]");
    assert_eq!(after("/new", ""), "pass [4, 6]");
    assert_eq!(after("/status", ""), "vacuous: no command ended anything that was under way");
    let idle = "0 say m1 alice\n0.1 ask alice user m1\n1 end 1 completed fine\n1.1 sent alice fine\n2 say c1 alice /stop\n2.1 sent alice done";
    assert!(i10(idle).starts_with("vacuous"));
    let unacknowledged = "0 say m1 alice\n0.1 ask alice user m1\n2 say c1 alice /stop\n9 end 1 completed fine\n9.1 sent alice fine";
    assert!(i10(unacknowledged).starts_with("vacuous"));
}

#[test]
fn nothing_that_came_later_is_seen() {
    for command in ["/stop", "/new", "/reset please"] {
        assert!(after(command, "5 sent alice so far").starts_with("fail"), "{command}");
        assert!(after(command, "2.11 sent alice so far").starts_with("pass"), "{command}");
        assert!(after(command, "5 sent alice something else").starts_with("pass"), "{command}");
        assert!(after(command, "5 sent bob so far").starts_with("pass"), "{command}");
    }
    let went_on = |seen: &str| {
        i10(&format!(
            "0 say m1 alice\n0.1 ask alice user m1\n2 say c1 alice /new\n2.1 sent alice begun anew\n9 end 1 completed late words\n{seen}"
        ))
    };
    insta::assert_snapshot!(went_on("9.1 sent alice late words"), @r#"
    fail [4, 6, 8]
    expected nothing of what `c1` ended after 2.100 s, when that was acknowledged
    observed "late words", which an earlier request brought, at 9.100 s
    "#);
    assert!(went_on("9.1 edit alice s1 late words").starts_with("fail"));
    assert!(went_on("").starts_with("pass"));
    let both = "9.1 say m2 alice\n9.2 ask alice user m2\n9.3 end 2 completed late words\n9.4 sent alice late words";
    assert!(went_on(both).starts_with("pass"), "{}", went_on(both));
    // What the model had said before, only the platform kept back.
    let said = "0 say m1 alice\n0.1 ask alice user m1\n1 end 1 completed early words\n1 refuse alice 429 5 early words\n2 say m2 alice\n2 ask alice user m1 | assistant early words | user m2\n3 say c1 alice /stop\n3.1 end 2 abandoned\n3.1 sent alice done\n6 sent alice early words";
    assert!(i10(said).starts_with("pass"), "{}", i10(said));
}

#[test]
fn no_request_goes_on() {
    insta::assert_snapshot!(after("/stop", "4 ask alice user m1"), @r#"
    fail [4, 6, 8]
    expected nothing of what `c1` ended after 2.050 s, when that was acknowledged
    observed request 2 went on with it at 4.000 s
    "#);
    assert!(after("/new", "4 ask alice user m1").starts_with("fail"));
    let tools = "4 ask alice user m1 | assistant | tool 42";
    assert!(after("/stop", tools).starts_with("fail"));
    assert!(after("/stop", "4 ask alice user m1 | user a report").starts_with("pass"));
    assert!(after("/stop", "4 say m2 alice\n4.1 ask alice user m1 | user m2").starts_with("pass"));
    let restricted = context_with(|it| it.configuration.restricts_commands = true);
    let script = "0 say m1 alice\n0.1 ask alice user m1\n2 say c1 alice /stop\n2.1 sent alice you may not\n2.1 end 1 failed 500\n4 ask alice user m1";
    assert!(invariant("I10", script, &restricted).starts_with("vacuous"));
    assert!(i10(script).starts_with("fail"));
}

#[test]
fn what_waited_is_told_to_nobody_after_a_stop() {
    let waited = |command: &str, more: &str| {
        i10(&format!(
            "
            0 say m1 alice
            0.1 ask alice user m1
            1 say m2 alice
            2 say c1 alice {command}
            2.05 end 1 abandoned
            2.1 sent alice done
            {more}
            "
        ))
    };
    assert!(waited("/stop", "").starts_with("pass"));
    insta::assert_snapshot!(waited("/stop", "5 ask alice user m1 | user m2"), @r#"
    fail [6, 8, 10]
    expected nothing of what `c1` ended after 2.050 s, when that was acknowledged
    observed `m2`, which waited, in request 2 at 5.000 s
    "#);
    // A new conversation may begin with what waited.
    assert!(waited("/new", "5 ask alice user m2").starts_with("pass"));
    // It was delivered again, or the gateway began anew.
    assert!(waited("/stop", "4 again m2\n5 ask alice user m2").starts_with("pass"));
    assert!(waited("/stop", "3 exit\n4 start\n5 ask alice user m2").starts_with("pass"));
}
