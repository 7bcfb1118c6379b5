use creel_document::problem::Report;

use super::*;

/// A scenario that uses every key that there is.
const KITCHEN_SINK: &str = include_str!("tests/kitchen-sink.yaml");

/// What is wrong with a scenario, one line each, or `ok`.
fn problems(text: &str) -> String {
    match parse("queue/test", text) {
        Ok(_) => "ok".to_owned(),
        Err(problems) => Report::new("f", text, problems).plain(),
    }
}

/// What is wrong with the smallest scenario after `from` was replaced by `to` in it.
#[track_caller]
fn problems_with(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from} should stand in the scenario");
    problems(&SMALL.replacen(from, to, 1))
}

/// A small scenario that is right. Tests break it in one place.
const SMALL: &str = r#"id: queue/test
title: A test
chats: { alice: { dm: "3001" }, bob: { dm: "3002" } }
model: { alice: [{ say: "hello" }] }
steps:
  - { at: 1s, send: { chat: alice, text: "hi", as: m1 } }
  - { at: 2s, send: { chat: bob, text: "ho" } }
expect:
  - request: { chat: alice, call: 1, new: [m1] }
  - request: { chat: bob, call: 1, new: [bob-1] }
control:
  edit: { "steps[0].send.text": "other" }
  flips: [request#1]
"#;

#[test]
fn a_scenario_with_every_key_is_read() {
    let scenario = parse("queue/kitchen-sink", KITCHEN_SINK).unwrap_or_else(|it| {
        panic!("{}", Report::new("kitchen-sink.yaml", KITCHEN_SINK, it).plain())
    });
    let control = scenario.control.clone().unwrap();
    assert_eq!(control.flips, ["exactly", "visible", "I1"]);
    assert_eq!(control.edited.gateway["messages"]["queue"]["mode"], "followup");
    assert_eq!(control.edited.model["alice"][0].after, Duration::from_secs(9));
    assert!(control.edited.control.is_none());
    assert_eq!(variants(&scenario), "m1+1ms m1+2ms");
    let scenario = Scenario { control: None, variants: Vec::new(), ..scenario };
    insta::assert_snapshot!(format!("{scenario:#?}"));
}

#[test]
fn a_small_scenario_has_defaults() {
    let scenario = parse("queue/test", SMALL).unwrap();
    assert_eq!(scenario.profiles, ["2026.3", "2026.9"]);
    assert_eq!(scenario.latency, Duration::from_millis(1)..Duration::from_millis(1));
    assert_eq!(scenario.settle, Duration::from_secs(3));
    assert_eq!(scenario.lasts, Duration::ZERO);
    assert_eq!(scenario.gateway, serde_json::json!({}));
    let labels: Vec<(&str, usize)> =
        scenario.expect.iter().map(|it| (it.label.as_str(), it.line)).collect();
    assert_eq!(labels, [("request#1", 9), ("request#2", 10)]);
}

#[test]
fn broken_yaml_is_told_where_it_breaks() {
    insta::assert_snapshot!(problems("id: queue/test\nsteps: [{ at: 0s }\nexpect: x: y\n"), @"f:3:1: steps: invalid indentation in flow construct");
    insta::assert_snapshot!(problems(""), @"f:1:1: found nothing, expected a map");
    insta::assert_snapshot!(problems("- 1"), @"f:1:3: found a list, expected a map");
}

#[test]
fn all_errors_of_a_file_are_told_at_once() {
    let text = r#"
id: queues/Test
title: 5
bugs: [Q1, Q-01, abc-01]
profiles: [2026.3, "2026.4"]
chat: {}
chats: { alice: { dm: 3001 }, ops: { group: "-1", sendr: "2" }, untagged: { dm: "x" } }
model: { alcie: [{ say: "a", status: 429 }, { afer: 1s, say: "b" }], ops: [{ say: "a" }] }
platform: { ops: [{ refuse: 429 }, { slow: 5 }] }
network: { latency: "20ms..1ms" }
steps:
  - { at: 5, send: { chat: alice, text: "one", as: m1 } }
  - { at: 2s, sned: { chat: alice, text: "two" } }
  - { at: 1s, send: { chat: alcie, text: "three", as: m1 } }
expect:
  - requst: { chat: alice, call: 0 }
  - exactly: { n: 2, of: model.request, chat: bob }
  - visible: { chat: alice }
  - order: [{ of: sent }]
  - gap: { from: { of: sent, outcome: failed }, to: { of: model-end, model: x }, between: [5s, 4s] }
  - quiet: { of: sent, between: [5s] }
control: { edit: { "platform.bob.x": {}, expect: [], "model.alice[7]": { say: x } }, flips: [exact, I16] }
"#;
    insta::assert_snapshot!(problems(text), @r#"
    f:2:5: id: `queues` is not an area (did you mean `queue`?)
    f:3:8: title: found the number `5`, expected text (put it in quotes)
    f:4:8: bugs[0]: found the text `Q1`, expected a row of the bug corpus such as `Q-01`
    f:4:18: bugs[2]: found the text `abc-01`, expected a row of the bug corpus such as `Q-01`
    f:5:12: profiles[0]: found the number `2026.3`, expected one of `2026.3`, `2026.9` (put it in quotes)
    f:5:20: profiles[1]: found the text `2026.4`, expected one of `2026.3`, `2026.9` (did you mean `2026.3`?)
    f:6:1: unknown key `chat` (did you mean `chats`?)
    f:7:23: chats.alice.dm: found the number `3001`, expected text (put it in quotes)
    f:7:51: chats.ops: unknown key `sendr` (did you mean `sender`?)
    f:7:75: chats.untagged: a chat must not be called `untagged`: `model` means something else by it
    f:7:81: chats.untagged.dm: found the text `x`, expected a Telegram id such as `"3001"`
    f:8:17: model.alcie: no chat is called `alcie` (did you mean `alice`?)
    f:8:30: model.alcie[0]: `say` and `status` exclude each other (expected exactly one of `say`, `stream`, `call`, `status`, `hang`, `cut`, `malformed`, `eof`)
    f:8:47: model.alcie[1]: unknown key `afer` (did you mean `after`?)
    f:8:76: model.ops[0]: `alcie` is answered `a` too, expected a text of its own for each chat (the judge tells answers apart by their text)
    f:9:19: platform.ops[0]: a refusal with 429 needs a `retry_after` (write `retry_after: 2s`)
    f:9:44: platform.ops[1].slow: found the number `5`, expected a duration (write `5s` or `5ms`)
    f:10:21: network.latency: the second bound is less than the first
    f:12:11: steps[0].at: found the number `5`, expected a duration (write `5s` or `5ms`)
    f:13:15: steps[1]: unknown key `sned` (did you mean `send`?)
    f:14:11: steps[2].at: `1s` lies before the step above it, at `2s` (write the steps in order of time)
    f:14:29: steps[2].send.chat: no chat is called `alcie` (did you mean `alice`?)
    f:14:55: steps[2].send.as: a message is already called `m1` (give it another name with `as`)
    f:16:5: expect[0]: unknown key `requst` (did you mean `request`?)
    f:17:26: expect[1].exactly.of: found the text `model.request`, expected one of `inbound`, `fetched`, `acknowledged`, `sent`, `edited`, `deleted`, `refused`, `model-request`, `model-end`, `tool-called`, `tool-ended`, `operator-called`, `refresh`, `operator-connected`, `operator-refused`, `operator-asked`, `operator-answered`, `operator-part`, `operator-event`, `operator-closed` (did you mean `model-request`?)
    f:17:47: expect[1].exactly.chat: no chat is called `bob` (accepted: `alice`, `ops`, `untagged`)
    f:18:14: expect[2].visible: `visible` says nothing about the chat (add one of `texts`, `images`, `ends_with`, `contains`, `lacks`, `between`)
    f:19:12: expect[3].order: expected two facts or more to be in order
    f:20:39: expect[4].gap.from.outcome: `outcome` does not go with `of: sent` (it goes with `model-end`, `tool-ended`, `refresh`, `operator-answered`)
    f:20:77: expect[4].gap.to.model: `model` does not go with `of: model-end` (it goes with `model-request`)
    f:20:91: expect[4].gap.between: the second bound lies before the first
    f:21:33: expect[5].quiet.between: expected two durations, such as `[5s, 5.1s]`
    f:22:20: control.edit: `platform` has no key `bob` (an edit adds one key at a time: set `bob` to a map)
    f:22:42: control.edit: a control must not edit `expect` (it judges by the same checks as the scenario)
    f:22:54: control.edit: `model` has no key `alice` (did you mean `alcie`?)
    "#);
}

#[test]
fn an_unknown_step_is_told_with_what_was_meant() {
    insta::assert_snapshot!(problems_with("send: { chat: bob", "sendd: { chat: bob"), @"f:7:15: steps[1]: unknown key `sendd` (did you mean `send`?)");
    insta::assert_snapshot!(problems_with("send: { chat: bob, text: \"ho\" }", "wait: 5s"), @r"
    f:7:5: steps[1]: expected one of the keys `send`, `redeliver`, `disconnect`, `restart`, `connect`, `call`, `hook`, `http`, `frame`, `drop`, `approve`
    f:7:15: steps[1]: unknown key `wait` (accepted: `send`, `redeliver`, `disconnect`, `restart`, `connect`, `call`, `hook`, `http`, `frame`, `drop`, `approve`, `at`)
    ");
    insta::assert_snapshot!(problems_with("send: { chat: bob", "redeliver: { message: m1 }, send: { chat: bob"), @"f:7:43: steps[1]: `redeliver` and `send` exclude each other (expected exactly one of `send`, `redeliver`, `disconnect`, `restart`, `connect`, `call`, `hook`, `http`, `frame`, `drop`, `approve`)");
}

#[test]
fn a_misspelt_word_is_told_with_what_was_meant() {
    insta::assert_snapshot!(problems_with("- request: { chat: bob", "- reqest: { chat: bob"), @"f:10:5: expect[1]: unknown key `reqest` (did you mean `request`?)");
    insta::assert_snapshot!(problems_with("call: 1, new: [m1]", "calls: 1, nwe: [m1]"), @r"
    f:9:29: expect[0].request: unknown key `calls` (did you mean `call`?)
    f:9:39: expect[0].request: unknown key `nwe` (did you mean `new`?)
    ");
}

#[test]
fn unknown_names_are_told_with_the_nearest() {
    insta::assert_snapshot!(problems_with("send: { chat: alice", "send: { chat: alcie"), @"f:6:29: steps[0].send.chat: no chat is called `alcie` (did you mean `alice`?)");
    insta::assert_snapshot!(problems_with("model: { alice", "model: { carol"), @"f:4:17: model.carol: no chat is called `carol` (accepted: `alice`, `bob`)");
    insta::assert_snapshot!(problems_with("new: [m1]", "new: [m2]"), @"f:9:44: expect[0].request.new[0]: no message is called `m2` (did you mean `m1`?)");
    insta::assert_snapshot!(problems_with("as: m1", "as: bob-1"), @r"
    f:7:21: steps[1].send: a message is already called `bob-1` (give it another name with `as`)
    f:9:44: expect[0].request.new[0]: no message is called `m1` (accepted: `bob-1`)
    ");
    insta::assert_snapshot!(problems_with("send: { chat: bob, text: \"ho\" }", "redeliver: { message: m7 }"), @r"
    f:7:37: steps[1].redeliver.message: no step above sends a message called `m7`
    f:10:42: expect[1].request.new[0]: no message is called `bob-1` (accepted: `m1`)
    ");
}

#[test]
fn clients_of_operators_are_told_by_their_names() {
    let step = |step: &str| problems_with("send: { chat: bob, text: \"ho\" }", step);
    let found = step("call: { as: op, method: health }");
    assert!(found.contains("no step above connects a client called `op`"), "{found}");
    assert!(step("drop: op").contains("no step above connects"), "{}", step("drop: op"));
    let both = |call: &str| step(&format!("connect: {{ as: op }} }}\n  - {{ at: 2s, {call}"));
    let again = both("call: { as: op, method: health, again: r7 }");
    assert!(again.contains("no step above is a call named `r7`"), "{again}");
    let voice = both("call: { as: op, method: chat.send, text: x, voice: alice }");
    assert!(voice.contains("a chat is already called `alice`"), "{voice}");
    let hook = step("hook: { as: ci, path: agent, again: h7 }");
    assert!(hook.contains("no step above is a call named `h7`"), "{hook}");
    let token = step("hook: { as: ci, path: agent, token: right }");
    assert!(token.contains("expected one of `bearer`"), "{token}");
    let state = problems_with(
        "- request: { chat: bob, call: 1, new: [bob-1] }",
        "- never: { of: sent, state: x }",
    );
    assert!(state.contains("`state` does not go with `of: sent`"), "{state}");
}

#[test]
fn texts_that_look_like_other_things_are_told_to_be_quoted() {
    insta::assert_snapshot!(problems_with("dm: \"3001\"", "dm: 3001"), @"f:3:23: chats.alice.dm: found the number `3001`, expected text (put it in quotes)");
    insta::assert_snapshot!(problems_with("title: A test", "profiles: [2026.3]\ntitle: true"), @r"
    f:2:12: profiles[0]: found the number `2026.3`, expected one of `2026.3`, `2026.9` (put it in quotes)
    f:3:8: title: found `true`, expected text (put it in quotes)
    ");
    insta::assert_snapshot!(problems_with("at: 1s", "at: 1"), @"f:6:11: steps[0].at: found the number `1`, expected a duration (write `1s` or `1ms`)");
}

#[test]
fn meaning_is_checked_as_well_as_shape() {
    insta::assert_snapshot!(problems_with("id: queue/test", "id: queue/other"), @"f:1:5: id: found the id `queue/other`, expected `queue/test` (the file's path below `scenarios/`)");
    insta::assert_snapshot!(problems_with("at: 2s", "at: 0.5s"), @"f:7:11: steps[1].at: `0.5s` lies before the step above it, at `1s` (write the steps in order of time)");
    insta::assert_snapshot!(problems_with("{ say: \"hello\" }]", "{ say: \"hello\" }], bob: [{ say: \"hello\" }]"), @"f:4:43: model.bob[0]: `alice` is answered `hello` too, expected a text of its own for each chat (the judge tells answers apart by their text)");
    insta::assert_snapshot!(problems_with("bob: { dm: \"3002\" }", "bob: { dm: \"3001\" }"), @"f:3:38: chats.bob: this is the same chat and person as `alice`");
    insta::assert_snapshot!(problems_with("title:", "network: { latency: 0.5ms }\ntitle:"), @"f:2:21: network.latency: found the latency `0.5ms`, expected `1ms` at the least");
    insta::assert_snapshot!(problems_with("{ say: \"hello\" }", "{ status: 429, retry_after: 1.5s }"), @"f:4:46: model.alice[0].retry_after: found a part of a second, expected whole seconds: the protocol has no others");
}

#[test]
fn what_a_login_has_is_said_of_a_login() {
    let check = |provider: &str, says: &str| {
        let found = problems_with("chats:", &format!("providers:\n  p: {{ {provider} }}\nchats:"));
        assert!(found.contains(says), "{provider}: {found}");
    };
    let credential = |more: &str| format!("credentials: [{{ name: a, kind: oauth, {more} }}]");
    check(&credential("lifetime: 1h"), "`lifetime` is of a login");
    check(&credential("shared: true"), "`shared` is of a login");
    check(&credential("expires_in: 5s, lifetime: 1500ms"), "in whole seconds");
    check("credentials: [a], renewals: [{ refuse: true }]", "no login of this provider is renewed");
}

#[test]
fn a_scenario_without_steps_or_expectations_is_refused() {
    let text = "id: queue/test\ntitle: x\nchats: {}\nsteps: []\nexpect: []\ncontrol: { edit: {}, flips: [] }\n";
    insta::assert_snapshot!(problems(text), @r"
    f:1:1: a scenario needs at least one chat
    f:1:1: a scenario needs at least one step
    f:1:1: a scenario needs at least one expectation
    f:6:18: control.edit: the edit changes nothing
    f:6:29: control.flips: a control must make at least one check fail
    ");
}

#[test]
fn a_control_is_told_what_its_edit_breaks() {
    let edit = |to: &str| problems_with("\"steps[0].send.text\": \"other\"", to);
    insta::assert_snapshot!(edit("\"steps[0].at\": 5"), @"f:12:26: control.edit: after this edit, `steps[0].at`: found the number `5`, expected a duration (write `5s` or `5ms`)");
    insta::assert_snapshot!(edit("\"steps[1].at\": 0s"), @"f:12:26: control.edit: after this edit, `steps[1].at`: `0s` lies before the step above it, at `1s` (write the steps in order of time)");
    insta::assert_snapshot!(edit("\"chats.alice\": { group: \"-1\" }"), @"f:12:26: control.edit: after this edit, `chats.alice`: missing key `sender` (the id of the person who writes, in quotes)");
    insta::assert_snapshot!(edit("\"steps[0].send.as\": m9"), @"f:12:9: control.edit: after this edit, `expect[0].request.new[0]`: no message is called `m1` (did you mean `m9`?)");
    insta::assert_snapshot!(edit("\"steps[0].send.txt\": x"), @"f:12:32: control.edit: after this edit, `steps[0].send`: unknown key `txt` (did you mean `text`?)");
    insta::assert_snapshot!(edit("\"steps[2].send.text\": x"), @"f:12:11: control.edit: `steps` has no item `[2]`, its length is 2 (items are counted from 0)");
    insta::assert_snapshot!(edit("network.delay.latency: x"), @"f:12:11: control.edit: the document has no key `network` (an edit adds one key at a time: set `network` to a map)");
    insta::assert_snapshot!(edit("\"steps[0].send.text\": hi"), @"f:12:9: control.edit: the edit changes nothing");
    insta::assert_snapshot!(edit("\"steps[\": hi"), @"f:12:11: control.edit: `steps[` has brackets without a number, expected an index such as `[0]`");
    insta::assert_snapshot!(edit("\"expect[0].request.call\": 2"), @"f:12:11: control.edit: a control must not edit `expect` (it judges by the same checks as the scenario)");
}

#[test]
fn commands_carry_no_canary() {
    let text = SMALL
        .replace("text: \"hi\"", "text: \"/status\"")
        .replace("text: \"ho\"", "text: \"/new ho\"");
    let scenario = parse("queue/test", &text).unwrap();
    let canaries: Vec<bool> = scenario
        .steps
        .iter()
        .map(|it| matches!(&it.action, Action::Send(send) if send.canary))
        .collect();
    assert_eq!(canaries, [false, true]);
}

#[test]
fn no_damage_makes_the_parser_panic() {
    for (end, _) in KITCHEN_SINK.char_indices().step_by(7) {
        let _ = parse("queue/kitchen-sink", KITCHEN_SINK.get(..end).unwrap());
    }
    for damaged in 0..KITCHEN_SINK.lines().count() {
        let rest = KITCHEN_SINK.lines().enumerate().filter(|(line, _)| *line != damaged);
        let _ = parse("queue/kitchen-sink", &rest.map(|(_, it)| it).collect::<Vec<_>>().join("\n"));
    }
    for (from, to) in [
        ("[", ""),
        ("{", "["),
        (": ", ":"),
        ("\"", ""),
        ("1", "x"),
        ("chat", "x"),
        ("- ", ""),
        ("5", "true"),
    ] {
        let _ = parse("queue/kitchen-sink", &KITCHEN_SINK.replace(from, to));
    }
}

#[test]
fn the_shape_has_a_schema() {
    let schema = creel_document::schema::json_schema(shape(), "scenario");
    let required: Vec<&str> =
        schema["required"].as_array().unwrap().iter().filter_map(|it| it.as_str()).collect();
    assert_eq!(required, ["id", "title", "chats", "steps", "expect"]);
    assert_eq!(schema["properties"]["expect"]["items"]["oneOf"].as_array().unwrap().len(), 14);
}

fn variants(scenario: &Scenario) -> String {
    let names = scenario.variants.iter().filter_map(|it| it.variant.clone());
    names.collect::<Vec<_>>().join(" ")
}

/// When each message is sent, in order, in every course of a scenario.
fn courses(text: &str) -> String {
    let scenario = parse("queue/test", text)
        .unwrap_or_else(|it| panic!("{}", Report::new("f", text, it).plain()));
    let course = |it: &Scenario| {
        let sent = it.steps.iter().filter_map(|step| match &step.action {
            Action::Send(send) => Some(format!("{:?} {}", step.at, send.name)),
            Action::Redeliver { .. }
            | Action::Connect(_)
            | Action::Call(_)
            | Action::Hook(_)
            | Action::Http(_)
            | Action::Frame { .. }
            | Action::Drop { .. }
            | Action::Disconnect { .. }
            | Action::Restart { .. }
            | Action::ApprovePairing { .. } => None,
        });
        format!("{}: {}", it.name(), sent.collect::<Vec<_>>().join(", "))
    };
    let all = std::iter::once(&scenario).chain(scenario.variants.iter().map(AsRef::as_ref));
    all.map(course).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_sweep_moves_messages_past_others() {
    let text = SMALL.replace("expect:", "sweep: { move: m1, by: 1500ms, every: 500ms }\nexpect:");
    insta::assert_snapshot!(courses(&text), @r"
    queue/test: 1s m1, 2s bob-1
    queue/test@m1+500ms: 1.5s m1, 2s bob-1
    queue/test@m1+1000ms: 2s m1, 2s bob-1
    queue/test@m1+1500ms: 2s bob-1, 2.5s m1
    ");
}

#[test]
fn a_permutation_exchanges_times() {
    let text = SMALL.replace(
        "expect:",
        "sweep: { move: [m1], by: 5ms, every: 5ms }\npermute: [m1, bob-1]\nexpect:",
    );
    insta::assert_snapshot!(courses(&text), @r"
    queue/test: 1s m1, 2s bob-1
    queue/test@m1+5ms: 1.005s m1, 2s bob-1
    queue/test@bob-1,m1: 1s bob-1, 2s m1
    queue/test@bob-1,m1:m1+5ms: 1s bob-1, 2.005s m1
    ");
}

#[test]
fn a_sweep_that_cannot_be_is_refused() {
    let with = |lines: &str| problems_with("expect:", &format!("{lines}\nexpect:"));
    insta::assert_snapshot!(with("sweep: { move: m3, by: 1ms, every: 1ms }"), @"f:8:16: sweep.move: no message is called `m3` (did you mean `m1`?)");
    insta::assert_snapshot!(with("sweep: { move: m1, by: 1ms, every: 2ms }"), @"f:8:8: sweep: `every` is more than `by`, so nothing is swept");
    insta::assert_snapshot!(with("sweep: { move: m1, by: 1ms, every: 0s }"), @"f:8:8: sweep: `every` must be a step that `by` is made of");
    insta::assert_snapshot!(with("sweep: { move: m1, by: 2s, every: 1ms }"), @"f:8:8: sweep: there would be 2000 variants, and 1000 is the most (take a wider `every`)");
    insta::assert_snapshot!(with("permute: [m1]"), @"f:8:10: permute: found 1 names, expected 2 to 5 different ones");
    insta::assert_snapshot!(with("permute: [m1, m1]"), @"f:8:10: permute: found 2 names, expected 2 to 5 different ones");
    let redelivered = SMALL.replace("expect:", "  - { at: 3s, redeliver: { message: m1 } }\nsweep: { move: m1, by: 3s, every: 1s }\nexpect:");
    insta::assert_snapshot!(problems(&redelivered), @"f:9:8: sweep: in variant `m1+3000ms` a message is redelivered before it is sent");
}

#[test]
fn a_clock_has_a_zone_and_a_date_in_it() {
    let clock =
        |clock: &str| problems(&SMALL.replacen("chats:", &format!("clock: {clock}\nchats:"), 1));
    assert!(clock("{ zone: Mars }").contains("there is no zone `Mars`"));
    assert!(
        clock("{ start: \"at four\" }").contains("found `at four`, expected the date and time")
    );
}

#[test]
fn an_expectation_covers_its_own_requirements_or_the_scenarios() {
    let text = SMALL.replacen("title: A test", "title: A test\ncovers: [QUE-001, QUE-002]", 1);
    let text = text.replacen("[bob-1] }", "[bob-1] }\n    covers: [SES-001, QUE-001]", 1);
    let scenario = parse("queue/test", &text).unwrap();
    let covers: Vec<&[String]> = scenario.expect.iter().map(|it| it.covers.as_slice()).collect();
    assert_eq!(covers, [["QUE-001", "QUE-002"], ["SES-001", "QUE-001"]]);
    assert_eq!(scenario.covers, ["QUE-001", "QUE-002", "SES-001"]);
    let labels: Vec<&str> = scenario.expect.iter().map(|it| it.label.as_str()).collect();
    assert_eq!(labels, ["request#1", "request#2"]);
}

#[test]
fn requirements_are_named_in_their_form_once_and_for_a_reason() {
    let at_top = |covers: &str| problems_with("title: A test", &format!("title: A test\n{covers}"));
    insta::assert_snapshot!(at_top("covers: [QUE-1, que-001, QUE-001, QUE-001]"), @r"
    f:3:10: covers[0]: found `QUE-1`, expected the id of a requirement (three capitals and three digits, such as `QUE-003`)
    f:3:17: covers[1]: found `que-001`, expected the id of a requirement (three capitals and three digits, such as `QUE-003`)
    f:3:35: covers[3]: the requirement `QUE-001` stands here twice
    ");
    insta::assert_snapshot!(at_top("covers: []"), @"f:3:9: covers: found no requirement, expected one at the least (leave `covers` out)");
    let each = SMALL.replace("title: A test", "title: A test\ncovers: [QUE-001]");
    let each = each.replace("[m1] }", "[m1] }\n    covers: QUE-002");
    let each = each.replace("[bob-1] }", "[bob-1] }\n    covers: QUE-003");
    insta::assert_snapshot!(problems(&each), @"f:3:9: covers: no expectation is left to judge these requirements (each expectation has a `covers` of its own)");
}
