//! The program itself: its exit codes, its output, its log.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/world.rs"]
#[expect(dead_code, reason = "the program is tested for less than the library")]
mod world;

use std::{fs, path::Path, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
};

use self::world::{
    API_KEY, BLOCKED, BOT_TOKEN, GATEWAY_TOKEN, World, config, free_port, get_until, soon,
};

/// The program in a folder of its own, with this configuration and nothing of the environment.
struct Program(tempfile::TempDir);

/// How a program ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Program {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("openclaw.json"), config).unwrap();
        Self(folder)
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.start_logging("trace", arguments)
    }

    fn start_logging(&self, level: &str, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_creel-gateway"))
            .args(arguments)
            .args(["--config", "openclaw.json", "--state-dir", "state"])
            .current_dir(self.0.path())
            .env_clear()
            .env("RUST_LOG", level)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).ended().await
    }
}

trait Ending {
    async fn ended(self) -> Ended;
    fn signal(&self, signal: Signal);
}

impl Ending for Child {
    async fn ended(mut self) -> Ended {
        let (mut stdout, mut stderr) = (self.stdout.take().unwrap(), self.stderr.take().unwrap());
        let (mut said, mut logged) = (String::new(), String::new());
        let everything = async {
            let (status, said, logged) = tokio::join!(
                self.wait(),
                stdout.read_to_string(&mut said),
                stderr.read_to_string(&mut logged)
            );
            said.and(logged).unwrap();
            status.unwrap()
        };
        let status = soon("the program ends", everything).await;
        Ended { code: status.code(), stdout: said, stderr: logged }
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id().expect("it still runs")).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }
}

const GOOD: &str = "{
  // One bot.
  models: { providers: { p: { baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'canary' } } },
  agents: { defaults: { model: 'p/m' } },
  channels: { telegram: { botToken: '1:canary', allowFrom: ['*', 5, 6], streaming: 'off' } },
}";

#[tokio::test]
async fn a_good_file_is_summed_up() {
    let Ended { code, stdout, stderr } = Program::new(GOOD).run(&["check-config"]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(stdout, @r#"
    configuration accepted: profile 2026.3, listens on 127.0.0.1:18789
    agents: main (p/m)
    accounts: telegram/default
    providers: p
    warning: telegram account `default` has dmPolicy `pairing` and `*` in allowFrom: strangers have to pair (expected dmPolicy `open` if everybody may write)
    warning: session.dmScope is `main` and 2 senders may write directly on telegram: they share one conversation, and each can ask what another said (expected dmScope `per-channel-peer`, or one sender)
    ignored: channels.telegram.streaming (not supported yet)
    "#);
}

#[tokio::test]
async fn a_broken_file_is_told_with_its_places() {
    let broken = GOOD.replace("'1:canary'", "1").replace("'p/m'", "'q/m' }, list: { id: 1");
    let Ended { code, stdout, stderr } = Program::new(&broken).run(&["check-config"]).await;
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    insta::assert_snapshot!(stderr, @r#"
    openclaw.json:4:47: agents.list: found a map, expected a list
    openclaw.json:5:37: channels.telegram.botToken: found a value that is not shown, expected text (put it in quotes)
    "#);
    let Ended { code, stderr, .. } = Program::new(&broken).run(&["serve"]).await;
    assert_eq!(code, Some(2), "{stderr}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_told() {
    let program = Program::new(GOOD);
    fs::remove_file(program.0.path().join("openclaw.json")).unwrap();
    let Ended { code, stdout, stderr } = program.run(&["check-config"]).await;
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    insta::assert_snapshot!(stderr, @r#"error: read openclaw.json: No such file or directory (os error 2); or give --config"#);
}

#[tokio::test]
async fn a_first_configuration_is_written_where_the_command_stands() {
    let program = Program::new(GOOD);
    fs::remove_file(program.0.path().join("openclaw.json")).unwrap();
    let Ended { code, stdout, stderr } = program.run(&["onboard", "--model", "m"]).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.starts_with("wrote openclaw.json\n"), "{stdout}");
    let written = fs::read_to_string(program.0.path().join("openclaw.json")).unwrap();
    assert!(written.contains("main/m"), "{written}");
    let Ended { code, stderr, .. } = program.run(&["onboard"]).await;
    assert_eq!(code, Some(2));
    assert!(stderr.contains("openclaw.json is there already"), "{stderr}");
}

#[tokio::test]
async fn answers_with_which_no_gateway_begins_are_not_written() {
    let program = Program::new(GOOD);
    fs::remove_file(program.0.path().join("openclaw.json")).unwrap();
    let asked = ["onboard", "--base-url", "nowhere", "--model", "m"];
    let Ended { code, stdout, stderr } = program.run(&asked).await;
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("models.providers.main.baseUrl: "), "{stderr}");
    assert!(stderr.ends_with("nothing was written\n"), "{stderr}");
    assert!(!program.0.path().join("openclaw.json").exists());
    let asked = ["onboard", "--key-env", "sk-canary-4711"];
    let Ended { code, stdout, stderr } = program.run(&asked).await;
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("capital letters") && !stderr.contains("canary"), "{stderr}");
    assert!(!program.0.path().join("openclaw.json").exists());
    let asked = ["onboard", "--json", "--key-env", "CREEL_TEST_UNSET"];
    let Ended { code, stdout, stderr } = program.run(&asked).await;
    assert_eq!(code, Some(0), "{stderr}");
    let written: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(written, json!({ "config": "openclaw.json", "unset": ["CREEL_TEST_UNSET"] }));
}

#[tokio::test]
async fn whoever_asks_a_gateway_needs_none_of_its_keys() {
    let lacking = GOOD.replace("'1:canary'", "'${CREEL_TEST_UNSET}'");
    let program = Program::new(&lacking);
    let Ended { code, stderr, .. } = program.run(&["check-config"]).await;
    assert_eq!(code, Some(2), "{stderr}");
    let Ended { code, stdout, stderr } = program.run(&["agents", "list"]).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("p/m"), "{stdout}");
    let token = lacking.replacen('{', "{ gateway: { auth: { token: '${CREEL_TEST_UNSET}' } },", 1);
    let Ended { code, stderr, .. } = Program::new(&token).run(&["sessions", "list"]).await;
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("`CREEL_TEST_UNSET`, which `gateway.auth.token` names"), "{stderr}");
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_wrong_usage() {
    let Ended { code, stderr, .. } =
        Program::new(GOOD).run(&["check-config", "--profile", "2025.1"]).await;
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(stderr.lines().next().unwrap(), @r#"error: invalid value '2025.1' for '--profile <PROFILE>': expected 2026.3 or 2026.9"#);
}

#[tokio::test]
async fn a_port_in_use_is_told() {
    let world = World::new();
    let served = world.serve().await;
    let port = served.provider.port();
    let program = Program::new(&config(&served, port, json!({})));
    let Ended { code, stderr, .. } = program.run(&["serve"]).await;
    assert_eq!(code, Some(3), "{stderr}");
    let expected =
        format!("error: listen on 127.0.0.1:{port}: Address already in use (os error 98)");
    assert!(stderr.lines().any(|it| it == expected), "{stderr}");
}

/// Starts a gateway, has a message answered and one fail, and asks it to end.
async fn live_through(arguments: &[&str]) -> Ended {
    let world = World::new();
    let served = world.serve().await;
    let port = free_port();
    let accounts = json!({ "accounts": { "default": {}, "bad": { "botToken": "2:canary" } } });
    let program = Program::new(&config(&served, port, accounts));
    let gateway = program.start(arguments);
    world.write("hi");
    world.says("you said hi").await;
    world.write("break");
    world.platform("a failure is told", |it| it.sent.len() == 2).await;
    get_until(port, "/health", 200).await;
    let code = program.run(&["pairing", "approve", "telegram", "X"]).await;
    assert_eq!(code.code, Some(1), "{}", code.stderr);
    assert!(code.stdout.contains("no pairing request on telegram has code `X`"), "{}", code.stdout);
    gateway.signal(Signal::TERM);
    let ended = gateway.ended().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    assert!(Path::new(program.0.path()).join("state/workspace").is_dir());
    ended
}

fn holds_no_secret(text: &str) {
    for secret in [BOT_TOKEN, API_KEY, GATEWAY_TOKEN, "canary"] {
        assert!(!text.contains(secret), "{secret} shows:\n{text}");
    }
}

#[tokio::test]
async fn a_json_log_has_one_object_a_line_with_the_run_and_without_secrets() {
    let Ended { stderr, .. } = live_through(&["serve", "--log", "json"]).await;
    holds_no_secret(&stderr);
    let lines: Vec<Value> = stderr.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let ours =
        lines.iter().filter(|it| it["target"].as_str().unwrap().starts_with("creel_gateway"));
    let shown: Vec<String> = ours
        .map(|it| {
            let fields = &it["fields"];
            let run = [&fields["run"], &it["span"]["run"]].into_iter().find(|it| !it.is_null());
            let run = run.map_or(String::new(), |it| format!("run {}: ", it.as_str().unwrap()));
            format!(
                "{} {run}{}",
                it["level"].as_str().unwrap(),
                fields["message"].as_str().unwrap()
            )
        })
        // Which of the two accounts is first is chance.
        .filter(|it| !it.contains("receiving") && !it.contains("token is not accepted"))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    WARN session.dmScope is `main` and everybody may write directly on telegram: they share one conversation, and each can ask what another said (expected dmScope `per-channel-peer`, or one sender)
    INFO listening
    INFO run run-1: run started
    INFO run run-1: model request
    INFO run run-1: run answered
    INFO run run-2: run started
    INFO run run-2: model request
    WARN run run-2: model request was refused
    WARN run run-2: model request failed
    WARN run run-2: run failed
    INFO asked to end; finishing what was adopted
    INFO ended
    "#);
}

#[tokio::test]
async fn a_log_for_people_has_no_colours_where_nobody_sees_them() {
    let Ended { stderr, .. } = live_through(&["serve"]).await;
    holds_no_secret(&stderr);
    assert!(stderr.contains("run answered run=") && !stderr.contains('\u{1b}'), "{stderr}");
}

#[tokio::test]
async fn asked_twice_it_ends_at_once_and_says_so() {
    let world = World::new();
    let served = world.serve().await;
    world.hold();
    let port = free_port();
    let program = Program::new(&config(&served, port, json!({})));
    let gateway = program.start(&["serve"]);
    world.write("never answered");
    world.asked("never answered").await;
    gateway.signal(Signal::INT);
    get_until(port, "/ready", 503).await;
    gateway.signal(Signal::INT);
    let ended = gateway.ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("asked to end a second time"), "{}", ended.stderr);
}

#[tokio::test]
async fn an_operator_without_a_gateway_is_told_so() {
    let world = World::new();
    let served = world.serve().await;
    let port = free_port();
    let program = Program::new(&config(&served, port, json!({})));
    let Ended { code, stderr, .. } = program.run(&["pairing", "approve", "telegram", "X"]).await;
    assert_eq!(code, Some(3));
    insta::assert_snapshot!(stderr.replace(&port.to_string(), "<port>"), @r#"error: call the gateway at 127.0.0.1:<port>; is it running?: connect: client error (Connect): Connection refused (os error 111)"#);
    let Ended { code, stderr, .. } =
        Program::new(GOOD).run(&["pairing", "approve", "telegram", "X"]).await;
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(stderr, @r#"error: `gateway.auth.token` is not set: operator calls need it"#);
}

#[tokio::test]
async fn a_text_that_did_not_arrive_is_no_success() {
    let world = World::new();
    let served = world.serve().await;
    let port = free_port();
    let program = Program::new(&config(&served, port, json!({})));
    // What it logs is read, or it would stand still before long.
    let mut gateway = tokio::task::JoinSet::new();
    gateway.spawn(program.start(&["serve"]).ended());
    get_until(port, "/ready", 200).await;
    let send = async |chat: &str, how: &[&str]| {
        let send = ["message", "send", "--channel", "telegram", "--to", chat, "--message", "hello"];
        let Ended { code, stdout, stderr } = program.run(&[&send, how].concat()).await;
        holds_no_secret(&format!("{stdout}{stderr}"));
        (code, stdout, stderr)
    };
    let (code, stdout, stderr) = send("5", &[]).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stdout, "sent to telegram:5 as message 1000\n");
    let (code, stdout, _) = send("5", &["--json"]).await;
    let shown: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, shown["messageId"].as_str()), (Some(0), Some("1000")), "{stdout}");
    let why = "403 Forbidden: bot[secret] was blocked by the user";
    let (code, stdout, stderr) = send(BLOCKED, &["--json"]).await;
    let shown: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(shown, json!({ "error": { "code": "UNAVAILABLE", "message": why } }));
    assert_eq!(code, Some(1));
    let told = format!("error: not sent to telegram:{BLOCKED}: UNAVAILABLE: {why}");
    assert!(stderr.lines().any(|it| it == told), "{stderr}");
    assert_eq!(world.sent(), ["5: hello", "5: hello"]);
}

#[tokio::test]
async fn whoever_follows_the_log_sees_each_line_once_whatever_becomes_of_the_gateway() {
    let world = World::new();
    let served = world.serve().await;
    let port = free_port();
    let program = Program::new(&config(&served, port, json!({})));
    let mut gateway = program.start_logging("info", &["serve"]);
    get_until(port, "/ready", 200).await;
    world.write("one");
    world.says("you said one").await;
    let mut follower = program.start_logging("info", &["logs", "--follow"]);
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    for life in 1..=3 {
        let answered = |it: &Vec<String>| {
            it.iter().filter(|it| it.ends_with("run answered run=run-1")).count() == life
        };
        while !answered(&seen) {
            seen.push(soon("a line", lines.next_line()).await.unwrap().unwrap());
        }
        if life == 3 {
            break;
        }
        gateway.signal(Signal::TERM);
        let ended = gateway.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        gateway = program.start_logging("info", &["serve"]);
        get_until(port, "/ready", 200).await;
        // The new life has written more than the earlier one when it is asked again.
        for text in ["again", "and again", "and again and again"] {
            world.write(text);
            world.says(&format!("you said {text}")).await;
        }
    }
    // A shell has what it begins in the background ignore INT.
    follower.signal(Signal::TERM);
    let told = follower.stderr.take().unwrap();
    let mut told = BufReader::new(told).lines();
    let mut notes = Vec::new();
    while let Some(line) = soon("a note", told.next_line()).await.unwrap() {
        notes.push(line);
    }
    let count = |what: &str| notes.iter().filter(|it| it.contains(what)).count();
    assert_eq!((count("trying again"), count("connected again")), (2, 2), "{notes:?}");
    assert_eq!(count("began anew"), 2, "{notes:?}");
    let unique: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!(unique.len(), seen.len(), "{seen:#?}");
}
