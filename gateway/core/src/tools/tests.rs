use super::*;

fn call(name: &str) -> ToolCall {
    ToolCall {
        id: format!("id-{name}").into(),
        name: ToolName::nearest(name),
        arguments: "{}".into(),
        asked: Asked::Other,
    }
}

/// Plays `<event>` words on a round of calls; those whose name begins with `p` may run beside others. Shows what each
/// launch started and the results in the end.
#[track_caller]
fn check(names: &[&str], script: &str, expected: &str) {
    let calls = names.iter().map(|it| call(it)).collect();
    let mut round = Round::new("".into(), calls, |it| it.name.as_str().starts_with('p'));
    let mut log = Vec::new();
    for word in script.split_whitespace() {
        match word.split_once(':') {
            None if word == "launch" => {
                let started: Vec<_> =
                    round.launch().iter().map(|it| round.call(*it).name.to_string()).collect();
                log.push(format!("[{}]", started.join(" ")));
            }
            None => {
                assert_eq!(word, "skip");
                round.skip();
            }
            Some((index, "refuse")) => round.refuse(index.parse().unwrap(), "refused"),
            Some((index, result)) => {
                let awaited = round.finish(index.parse().unwrap(), result.to_owned());
                log.push(if awaited { result.to_owned() } else { "late".to_owned() });
            }
        }
    }
    let results: Vec<_> = round
        .settle()
        .calls
        .iter()
        .map(|(_, text)| text.split([':', '.']).next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(format!("{} -> {}", log.join(" "), results.join(", ")), expected);
}

#[test]
fn calls_start_one_after_the_other() {
    check(&["a", "b"], "launch 0:x launch 1:y launch", "[a] x [b] y [] -> x, y");
}

#[test]
fn those_that_may_run_beside_others_start_together() {
    check(
        &["p1", "p2", "c", "p3"],
        "launch 1:y 0:x launch 2:z launch 3:w",
        "[p1 p2] y x [c] z [p3] w -> x, y, z, w",
    );
}

#[test]
fn a_steering_message_skips_what_has_not_started() {
    check(&["a", "b"], "launch 0:x skip launch", "[a] x [] -> x, Not run");
}

#[test]
fn what_was_refused_does_not_start_and_stays_refused() {
    check(&["a", "b"], "0:refuse launch skip 1:y", "[b] y -> refused, y");
}

#[test]
fn every_call_has_a_result_however_the_run_ends() {
    check(&["a", "b", "c"], "launch 0:x launch", "[a] x [b] -> x, Cancelled, Not run");
}

#[test]
fn a_result_that_nobody_waits_for_changes_nothing() {
    check(&["a", "b"], "launch 0:x 0:again 1:early 7:none", "[a] x late late late -> x, Not run");
}

#[test]
fn a_name_is_one_that_providers_take() {
    let nearest = |it: &str| ToolName::nearest(it).to_string();
    assert_eq!(nearest(" outlook__send mail "), "outlook__send-mail");
    assert_eq!(nearest("größe"), "gr--e");
    assert_eq!(nearest(""), "unnamed");
    assert_eq!(nearest(&"x".repeat(100)).len(), 64);
}

#[test]
fn a_result_that_is_too_long_says_so() {
    let long = "é".repeat(RESULT_BYTES_MAX);
    let told = ToolOutcome::Done(long).told();
    assert!(told.len() < RESULT_BYTES_MAX + 100);
    assert!(told.ends_with(&format!("[Cut here: the result has {} bytes.]", 2 * RESULT_BYTES_MAX)));
    assert_eq!(ToolOutcome::Done(String::new()).told(), "(no output)");
    assert_eq!(ToolOutcome::Failed("gone".to_owned()).told(), "Error: gone");
}
