//! `creel record` between a gateway and its providers, on real sockets: what is recorded replays, and no secret is in it.
#![expect(clippy::unwrap_used, reason = "in a test, a failure is the report")]

#[path = "support/live.rs"]
mod live;
#[path = "support/program.rs"]
mod program;

use std::{fs, path::Path, process::Command};

use live::{Gateway, Program, call, call_with, say, until};
use serde_json::{Value, json};

const ONE: &str = "sk-test-one-5f2b9c";
const TWO: &str = "sk-test-two-83ad10";
const OTHER: &str = "plain-key-of-q";
const BOT: &str = "100:creel";

fn creel(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program::command(folder);
    command.args(arguments);
    command
}

fn provider(folder: &Path, keys: &[&str]) -> Program {
    let mut command = creel(folder, &["twin", "openai", "--port", "0"]);
    for key in keys {
        command.args(["--key", key]);
    }
    Program::start(&mut command)
}

fn telegram(folder: &Path) -> Program {
    Program::start(&mut creel(folder, &["twin", "telegram", "--port", "0", "--token", BOT]))
}

/// A gateway with two keys at `p`, and `q` behind it.
fn gateway(folder: &Path, profile: &str, telegram: &Program, (p, q): (&str, &str)) -> Gateway {
    let at = |base: &str| json!({ "baseUrl": base, "models": [{ "id": "m" }] });
    let config = json!({
        "agents": { "defaults": { "model": { "primary": "p/m", "fallbacks": ["q/m"] } } },
        "auth": { "order": { "p": ["p:one", "p:two"] } },
        "models": { "providers": { "p": at(p), "q": at(q) } },
        "channels": { "telegram": {
            "apiRoot": format!("http://{}", telegram.address),
            "botToken": BOT, "dmPolicy": "open", "allowFrom": ["*"],
        } },
    });
    let mut command = creel(folder, &[]);
    command.env("NO_COLOR", "1");
    let keys = [("p:one", ONE), ("p:two", TWO), ("q:only", OTHER)];
    Gateway::start(command, folder, (config, profile), &keys)
}

/// Tells a twin what to do next.
#[track_caller]
fn tell(twin: &Program, what: &Value) {
    let (status, body) = call(&twin.address, "POST", "/twin/answers", Some(what));
    assert_eq!(status, 200, "{body}");
}

/// Who was asked in a trace, and what came of it.
fn attempts(trace: &str) -> Vec<String> {
    let facts: Vec<Value> =
        trace.lines().skip(1).map(|it| serde_json::from_str(it).unwrap()).collect();
    let of_kind = |kind: &'static str| {
        facts.iter().map(|it| &it["fact"]).filter(move |it| it["kind"] == kind)
    };
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    of_kind("model-request")
        .map(|request| {
            let end = of_kind("model-end").find(|it| it["request"] == request["request"]).unwrap();
            let outcome = &end["outcome"];
            let status = outcome["status"].as_u64().map_or_else(String::new, |it| format!(" {it}"));
            let (model, credential) = (text(&request["model"]), text(&request["credential"]));
            format!("{model} {credential}: {}{status}", text(&outcome["outcome"]))
        })
        .collect()
}

#[test]
fn an_incident_replays_with_the_same_attempts_and_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (p, q, people) =
        (provider(folder, &[ONE, TWO]), provider(folder, &[OTHER]), telegram(folder));
    let (at_p, at_q) = (format!("p=http://{}/v1", p.address), format!("q=http://{}/v1", q.address));
    let recorder = Program::start(&mut creel(
        folder,
        &[
            "record",
            "--upstream",
            &at_p,
            "--upstream",
            &at_q,
            "--out",
            "incident.yaml",
            "--profile",
            "2026.9",
        ],
    ));
    let base = |name: &str| format!("http://{}/{name}/v1", recorder.address);
    let _gateway = gateway(folder, "2026.9", &people, (&base("p"), &base("q")));
    // The provider breaks down twice, and is asked again after a while.
    tell(&p, &json!({ "status": 500, "times": 2 }));
    tell(&p, &json!({ "say": "the first of all answers", "times": 1 }));
    say(&people.address, "what is the weather in Bern", "the first of all answers");
    // A key is revoked; with the next, the answer breaks off once.
    tell(&p, &json!({ "key": ONE, "status": 401 }));
    tell(&p, &json!({ "key": TWO, "cut": "half of a", "times": 1 }));
    tell(&p, &json!({ "key": TWO, "say": "the second of all answers", "times": 1 }));
    say(&people.address, "and in Chur", "the second of all answers");
    // There is no money left: the other provider answers.
    tell(&p, &json!({ "key": TWO, "status": 402 }));
    tell(&q, &json!({ "say": "the third of all answers" }));
    say(&people.address, "and in Thun", "the third of all answers");
    let (code, said) = recorder.terminate();
    assert_eq!((code, said.trim()), (Some(0), "wrote incident.yaml: requests 8, conversations 1"));

    let text = fs::read_to_string(folder.join("incident.yaml")).unwrap();
    for secret in [ONE, TWO, OTHER, BOT, "Bern", "Chur", "Bearer", "of all answers"] {
        assert!(!text.contains(secret), "`{secret}` is in the file:\n{text}");
    }
    let expected = [
        "m p:k1: failed 500",
        "m p:k1: failed 500",
        "m p:k1: completed",
        "m p:k1: failed 401",
        "m p:k2: spoiled",
        "m p:k2: completed",
        "m p:k2: failed 402",
        "m q:k1: completed",
    ];
    for world in ["events", "turmoil"] {
        let mut run =
            creel(folder, &["run", "incident.yaml", "--world", world, "--trace", "trace.jsonl"]);
        let ran = program::run(&mut run);
        assert!(ran.code == 0 && ran.out.contains("1 passed, 0 failed"), "{ran:#?}\n{text}");
        let trace = fs::read_to_string(folder.join("trace.jsonl")).unwrap();
        assert_eq!(attempts(&trace), expected, "{text}");
    }
}

#[test]
fn a_key_that_is_killed_live_is_rotated_away_and_the_log_says_so_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (p, q, people) =
        (provider(folder, &[ONE, TWO]), provider(folder, &[OTHER]), telegram(folder));
    let base = |twin: &Program| format!("http://{}/v1", twin.address);
    let gateway = gateway(folder, "2026.3", &people, (&base(&p), &base(&q)));
    say(&people.address, "one", "You said: one");
    tell(&p, &json!({ "key": ONE, "status": 429 }));
    say(&people.address, "two", "You said: two");
    say(&people.address, "three", "You said: three");
    until("the log has all three runs", || gateway.log().matches("run answered").count() == 3);
    let log = gateway.log();
    let rows = ["model request", "model request failed", "credential rests", "run answered"];
    let is_told = |line: &&str| {
        rows.iter().any(|it| line.ends_with(it) || line.contains(&format!(": {it} ")))
    };
    let told: Vec<&str> = log.lines().filter(is_told).map(without_time).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    INFO model{run=run-1 call=1 model=p/m profile=p:one}: creel_gateway::outside: model request
    INFO creel_gateway::driver: run answered run=run-1
    INFO model{run=run-2 call=1 model=p/m profile=p:one}: creel_gateway::outside: model request
    WARN model{run=run-2 call=1 model=p/m profile=p:one}: creel_gateway::providers::refusal: model request was refused status=429 Too Many Requests kind="requests"
    WARN creel_gateway::driver: model request failed run=run-2 model=p/m profile=p:one reason="rate_limit"
    WARN creel_gateway::driver: credential rests model=p/m profile=p:one wait=60 s
    INFO model{run=run-2 call=2 model=p/m profile=p:two}: creel_gateway::outside: model request
    INFO creel_gateway::driver: run answered run=run-2
    INFO model{run=run-3 call=1 model=p/m profile=p:two}: creel_gateway::outside: model request
    INFO creel_gateway::driver: run answered run=run-3
    "#);
    for secret in [ONE, TWO, OTHER, BOT] {
        assert!(!log.contains(secret), "`{secret}` is in the log:\n{log}");
    }
}

fn without_time(line: &str) -> &str {
    line.split_once("  ").map_or(line, |(_, it)| it.trim_start())
}

#[test]
fn a_provider_that_cannot_be_reached_is_one_to_the_gateway_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let nowhere = provider(folder, &[ONE]).address.clone();
    let upstream = format!("http://{nowhere}");
    let arguments =
        ["record", "--upstream", &upstream, "--out", "a.yaml", "--requests", "1", "--keep-texts"];
    let recorder = Program::start(&mut creel(folder, &arguments));
    let words = format!("my key is {TWO}, is it not");
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": words }] });
    let bearer = format!("Bearer {ONE}");
    let asked = ("POST", "/v1/chat/completions");
    let answer = call_with(&recorder.address, asked, &[("authorization", &bearer)], Some(&body));
    assert_eq!(answer, (0, String::new()), "the connection is closed without an answer");
    let (code, _) = recorder.ended();
    assert_eq!(code, Some(0));
    let text = fs::read_to_string(folder.join("a.yaml")).unwrap();
    assert!(text.contains("stream: [], ends: cut"), "{text}");
    assert!(text.contains("\"my key is [redacted], is it not\""), "{text}");
    // It ends where nobody had answered yet, and replays all the same.
    let ran = program::run(&mut creel(folder, &["run", "a.yaml", "--world", "events"]));
    assert!(ran.code == 0 && ran.out.contains("2 passed, 0 failed"), "{ran:#?}\n{text}");
}

#[test]
fn a_secret_that_cannot_be_told_from_words_keeps_the_file_from_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let p = provider(folder, &["e"]);
    let upstream = format!("http://{}", p.address);
    let arguments = ["record", "--upstream", &upstream, "--out", "a.yaml", "--requests", "2"];
    let mut command = creel(folder, &arguments);
    command.stderr(fs::File::create(folder.join("err")).unwrap());
    let recorder = Program::start(&mut command);
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hello" }] });
    let asked = ("POST", "/v1/chat/completions");
    // The gateway keeps its provider.
    for _ in 0..2 {
        let (status, answer) =
            call_with(&recorder.address, asked, &[("authorization", "Bearer e")], Some(&body));
        assert!(status == 200 && answer.contains("You said: hello"), "{status} {answer}");
    }
    assert_eq!(recorder.ended().0, Some(1));
    let err = fs::read_to_string(folder.join("err")).unwrap();
    assert!(err.starts_with("error: a secret of request 1 would still be in the file"), "{err}");
    assert!(!folder.join("a.yaml").exists());
}

#[test]
fn what_cannot_be_recorded_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let taken = provider(folder, &[ONE]);
    let check = |arguments: &[&str], code: i32, says: &str| {
        let ran = program::run(creel(folder, &["record"]).args(arguments));
        assert_eq!(ran.code, code, "{ran:#?}");
        assert!(ran.err.contains(says), "{ran:#?}");
    };
    let at = ["--upstream", "http://127.0.0.1:1"];
    let [option, url] = at;
    check(&[option, url, "--out", "a.yaml", "--listen", &taken.address], 3, "listen on 127.0.0.1:");
    check(&[option, url, "--out", "A B.yaml"], 2, "cannot be a scenario's file");
    check(&[option, url, "--out", "a.txt"], 2, "cannot be a scenario's file");
    check(&[option, "ftp://x", "--out", "a.yaml"], 2, "is no address");
    check(&[option, url, option, url, "--out", "a.yaml"], 2, "two providers are called `p`");
    fs::write(folder.join("file"), "").unwrap();
    check(&[option, url, "--out", "file/a.yaml"], 2, "write file/a.yaml: ");
}
