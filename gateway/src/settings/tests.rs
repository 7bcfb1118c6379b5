//! Files as people have them, what is made of them, and what is said about those that are wrong.

mod admission;
mod broadcast;
mod commands;
mod credentials;
mod mentions;
mod secrecy;
mod session;
mod slack;
mod streaming;
mod web;

use std::fmt::Write as _;

use creel_core::time::Millis;

use super::*;

/// Reads a file with these environment variables and state files.
pub(super) fn load_with(
    version: Version,
    text: &str,
    env: &[(&str, &str)],
    files: &[(&str, &str)],
) -> Result<Loaded, Report> {
    let find = |list: &[(&str, &str)], name: &str| {
        list.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
    };
    load(&Source {
        env: &|name| find(env, name),
        state_file: &|file| Ok(find(files, file)),
        cpus: 4,
        ..Source::alone(version, text)
    })
}

/// What a person is told about a file: all that was understood of it, or all that is wrong.
fn told(version: Version, text: &str) -> String {
    match load_with(version, text, &[], &[]) {
        Err(report) => report.plain(),
        Ok(loaded) => {
            let mut told = loaded.summary();
            loaded.warnings.iter().for_each(|it| write!(told, "\nwarning: {it}").unwrap());
            loaded.ignored.iter().for_each(|it| write!(told, "\nignored: {it}").unwrap());
            told
        }
    }
}

/// A file in which nothing is wrong, with more lines behind the first.
fn with(lines: &str) -> String {
    format!(
        "{{ models: {{ providers: {{ p: {{ baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'k' }} }} }},\n{lines}\n}}"
    )
}

const MODEL: &str = "agents: { defaults: { model: 'p/m' } },";

/// As [`with`], with a model too.
fn told_with(version: Version, lines: &str) -> String {
    told(version, &with(&format!("{MODEL}\n{lines}")))
}

fn telegram<'a>(settings: &'a Settings, account: &str) -> &'a crate::channels::telegram::Account {
    let key = (Channel::new("telegram").unwrap(), AccountId::new(account).unwrap());
    let Account::Telegram(account) = &settings.accounts[&key] else { panic!("a bot") };
    account
}

const OLD: Version = Version::V2026_3;
const NEW: Version = Version::V2026_9;

/// What the lab gave to OpenClaw 2026.3, in shorter words.
const LAB_2026_3: &str = r##"{
 "gateway": {"mode":"local","port":18301,"bind":"loopback","auth":{"mode":"token","token":"labtoken"},"controlUi":{"enabled":false}},
 "agents": {
  "defaults": {"model":{"primary":"prova/m1","fallbacks":["provb/m2"]},"workspace":"/lab/workspace","skipBootstrap":true,"heartbeat":{"every":"0m"},"maxConcurrent":4},
  "list": [{"id":"main","default":true}]
 },
 "models": {"mode":"replace","providers":{
  "prova": {"baseUrl":"http://127.0.0.1:18101/v1","api":"openai-completions","apiKey":"CONFIGKEY","models":[{"id":"m1","name":"m1","reasoning":false,"input":["text"],"cost":{"input":0},"contextWindow":200000,"maxTokens":4096}]},
  "provb": {"baseUrl":"http://127.0.0.1:18102/v1","api":"openai-completions","apiKey":"CONFIGKEY","models":[{"id":"m2","name":"m2"}]}
 }},
 "discovery": {"mdns":{"mode":"off"}}, "cron": {"enabled":false}, "update": {"checkOnStart":false},
 "channels": {
  "telegram": {"enabled":true,"dmPolicy":"open","allowFrom":["*"],"groupPolicy":"open","groups":{"*":{"requireMention":false}},"streaming":"off","proxy":"http://127.0.0.1:18203",
   "accounts":{"default":{"botToken":"111:AAA"},"biz":{"botToken":"222:BBB"}}},
  "irc": {"enabled":true,"host":"127.0.0.1","channels":["#room","#dev"],"accounts":{"default":{},"biz":{"nick":"oc4biz"}}}
 },
 "browser": {"enabled":false},
 "plugins": {"slots":{"memory":"none"},"entries":{"irc":{"enabled":true}}},
 "session": {"dmScope":"per-channel-peer"},
 "messages": {"queue":{"mode":"collect","debounceMs":1000},"ackReactionScope":"off"}
}"##;

/// The same of 2026.9.
const LAB_2026_9: &str = r##"{
 "gateway": {"mode":"local","port":18309,"bind":"loopback","auth":{"mode":"token","token":"labtoken"}},
 "agents": {"defaults":{"model":{"primary":"prova/m1","fallbacks":["prova/m2"]},"workspace":"/lab/workspace","skipBootstrap":true,"maxConcurrent":4}},
 "models": {"mode":"replace","providers":{"prova":{"baseUrl":"http://127.0.0.1:18101/v1","api":"openai-completions","apiKey":"A-CONFIGKEY","models":[{"id":"m1"},{"id":"m2"}]}}},
 "auth": {"profiles":{"prova:k1":{"provider":"prova","mode":"api_key"}}},
 "channels": {"telegram": {"enabled":true,"dmPolicy":"open","allowFrom":["*"],"groupPolicy":"open","groups":{"*":{"requireMention":false}},"streaming":{"mode":"off"},"apiRoot":"http://127.0.0.1:18201",
   "accounts":{"default":{"botToken":"911:AAA"},"biz":{"botToken":"922:BBB"}}}},
 "session": {"dmScope":"per-channel-peer"},
 "messages": {"queue":{"mode":"collect"}}
}"##;

#[test]
fn the_lab_s_file_of_2026_3_runs_unchanged() {
    insta::assert_snapshot!(told(OLD, LAB_2026_3), @r#"
    configuration accepted: profile 2026.3, listens on 127.0.0.1:18301
    agents: main (prova/m1)
    accounts: telegram/biz, telegram/default
    providers: prova, provb
    ignored: agents.defaults.skipBootstrap
    ignored: agents.defaults.heartbeat
    ignored: models.providers.prova.models[0].name
    ignored: models.providers.prova.models[0].reasoning
    ignored: models.providers.prova.models[0].input
    ignored: models.providers.prova.models[0].cost
    ignored: models.providers.prova.models[0].contextWindow
    ignored: models.providers.provb.models[0].name
    ignored: models.mode
    ignored: channels.telegram.streaming
    ignored: channels.telegram.proxy
    ignored: channels.irc
    ignored: messages.ackReactionScope
    ignored: discovery
    ignored: update
    ignored: browser
    ignored: plugins
    "#);
}

#[test]
fn the_lab_s_file_of_2026_9_runs_unchanged() {
    insta::assert_snapshot!(told(NEW, LAB_2026_9), @r#"
    configuration accepted: profile 2026.9, listens on 127.0.0.1:18309
    agents: main (prova/m1)
    accounts: telegram/biz, telegram/default
    providers: prova
    ignored: agents.defaults.skipBootstrap
    ignored: models.mode
    ignored: channels.telegram.streaming
    "#);
}

#[test]
fn the_lab_s_files_say_what_the_gateway_runs_with() {
    let settings = load_with(OLD, LAB_2026_3, &[], &[]).unwrap().settings;
    assert_eq!(settings.listen.to_string(), "127.0.0.1:18301");
    assert_eq!(settings.core.max_concurrent, 4);
    assert_eq!(settings.core.queue.all.debounce, Some(Millis::new(1_000)));
    assert_eq!(telegram(&settings, "biz").api_root, "https://api.telegram.org");
    assert_eq!(telegram(&settings, "biz").token.expose(), "222:BBB");
    let settings = load_with(NEW, LAB_2026_9, &[], &[]).unwrap().settings;
    assert_eq!(telegram(&settings, "biz").api_root, "http://127.0.0.1:18201");
}

#[test]
fn a_file_may_have_comments_loose_keys_and_trailing_commas() {
    let text = with(
        "// who answers
        agents: { list: [ { id: 'Main', 'default': true, model: \"p/m\", }, ], },
        /* where */ gateway: { port: 0x4968, },",
    );
    insta::assert_snapshot!(told(OLD, &text), @r#"
    configuration accepted: profile 2026.3, listens on 127.0.0.1:18792
    agents: main (p/m)
    accounts: none
    providers: p
    "#);
}

#[test]
fn an_agent_s_id_is_a_name_and_no_path() {
    for id in ["../../evil", "a/b", ".hidden", "-x", "a b", "\u{e9}", &"x".repeat(65)] {
        let text = with(&format!("agents: {{ list: [{{ id: '{id}', model: 'p/m' }}] }}"));
        let report = load_with(OLD, &text, &[], &[]).unwrap_err().plain();
        let why =
            format!("agents.list[0]: found the id `{id}`, expected letters, digits, `_` and `-`");
        assert!(report.contains(&why), "{report}");
    }
    let text = with("agents: { list: [{ id: 'A-b_9', model: 'p/m' }] }");
    assert!(load_with(OLD, &text, &[], &[]).is_ok());
}

#[test]
fn values_come_from_the_environment() {
    let text = with(&format!(
        "{MODEL} channels: {{ telegram: {{ botToken: '${{BOT}}' }} }}, gateway: {{ auth: {{ token: 'a-${{GW}}' }} }}"
    ));
    let loaded = load_with(OLD, &text, &[("BOT", "1:A"), ("GW", "b")], &[]).unwrap();
    assert_eq!(telegram(&loaded.settings, "default").token.expose(), "1:A");
    assert_eq!(loaded.settings.token.unwrap().expose(), "a-b");
    let report = load_with(OLD, &text, &[("GW", "")], &[]).unwrap_err();
    insta::assert_snapshot!(report.plain(), @r#"
    openclaw.json:2:75: channels.telegram.botToken: the environment has no value for `BOT` (set it, or write `$${…}` for the words themselves)
    openclaw.json:2:115: gateway.auth.token: the environment has no value for `GW` (set it, or write `$${…}` for the words themselves)
    "#);
}

#[test]
fn tokens_that_the_file_does_not_have_come_from_the_environment() {
    let text = with(&format!("{MODEL} channels: {{ telegram: {{ enabled: true }} }}"));
    let env = [("TELEGRAM_BOT_TOKEN", "7:T"), ("OPENCLAW_GATEWAY_TOKEN", "gw")];
    let settings = load_with(OLD, &text, &env, &[]).unwrap().settings;
    let tokens: Vec<_> = settings
        .accounts
        .keys()
        .map(|(_, id)| telegram(&settings, id.as_str()).token.expose())
        .collect();
    assert_eq!(
        (tokens.as_slice(), settings.token.as_ref().map(Secret::expose)),
        (&["7:T"][..], Some("gw"))
    );
}

#[test]
fn a_value_of_a_wrong_type_is_told_with_its_place() {
    insta::assert_snapshot!(told_with(OLD, "gateway: { port: '18789' },\nmessages: { queue: { cap: 0 } }"), @r#"
    openclaw.json:3:18: gateway.port: found the text `18789`, expected a whole number from 1 to 65535 (write it without quotes)
    openclaw.json:4:27: messages.queue.cap: found the number `0`, expected a whole number from 1 to 1000
    "#);
}

#[test]
fn broken_syntax_is_told_with_its_place() {
    insta::assert_snapshot!(told(OLD, "{\n  gateway: { port: 1 \n  agents: {} }"), @r#"openclaw.json:2:21: expected comma"#);
    insta::assert_snapshot!(told(OLD, "{ gateway: { bind: lan } }"), @r#"openclaw.json:1:20: unexpected word (put texts in quotes)"#);
    insta::assert_snapshot!(told(OLD, ""), @r#"openclaw.json:1:1: found nothing, expected a value such as `{}`"#);
}

#[test]
fn all_errors_of_a_file_are_told_at_once() {
    let text = with(
        "agents: { list: [ { id: 'a', model: 'q/m' }, { id: 'b', model: 'p/' }, { id: 'A' }, { id: 'c' } ] },
        channels: { telegram: { accounts: { x: {}, y: { botToken: '1:A', dmPolicy: 'open' }, z: { botToken: '1:A' } } } },
        messages: { queue: { mode: 'quick' } },
        gateway: { auth: { token: ' ' } },",
    );
    insta::assert_snapshot!(told(OLD, &text), @r#"
    openclaw.json:2:37: agents.list[0].model: found `q/m`, expected `provider/model` with a provider of `models.providers` (`p`)
    openclaw.json:2:64: agents.list[1].model: found `p/`, expected `provider/model` with a provider of `models.providers` (`p`)
    openclaw.json:2:72: agents.list[2]: there is no model: expected `model` here or in `agents.defaults`, as `provider/model`
    openclaw.json:2:85: agents.list[3]: there is no model: expected `model` here or in `agents.defaults`, as `provider/model`
    openclaw.json:3:48: channels.telegram.accounts.x: there is no `botToken`: expected the token that @BotFather gave
    openclaw.json:3:84: channels.telegram.accounts.y.dmPolicy: telegram account `y` has dmPolicy `open` and no `*` in allowFrom (expected allowFrom: ["*"] for everybody, or dmPolicy `allowlist` for 0 listed)
    openclaw.json:3:97: channels.telegram.accounts.z: accounts `y` and `z` have the same token, expected a bot for each
    openclaw.json:4:36: messages.queue.mode: found `quick`, expected one of the modes of 2026.3: `collect`, `followup`, `steer`, `interrupt`, `steer-backlog`, `steer+backlog`, `queue`
    openclaw.json:5:35: gateway.auth.token: found an empty token, expected one that is hard to guess, or no `token` at all
    "#);
}

#[test]
fn an_unknown_agent_in_a_binding_is_a_warning_in_2026_3_and_an_error_in_2026_9() {
    let lines =
        "bindings: [\n{ type: 'route', agentId: 'ghost', match: { channel: 'telegram' } } ]";
    insta::assert_snapshot!(told_with(OLD, lines), @r#"
    configuration accepted: profile 2026.3, listens on 127.0.0.1:18789
    agents: main (p/m)
    accounts: none
    providers: p
    warning: binding 1 names agent `ghost`, which is not configured: its messages go to `main` (known agents: `main`)
    "#);
    insta::assert_snapshot!(told_with(NEW, lines), @r#"openclaw.json:4:27: bindings[0].agentId: binding 1 names agent `ghost`, which is not configured (known agents: `main`)"#);
}

#[test]
fn a_binding_may_have_nothing_that_is_not_understood() {
    let lines = "bindings: [\n{ agentId: 'main', match: { chanel: 'telegram' } },
        { type: 'acp', agentId: 'main', match: { channel: 'telegram', peer: { kind: 'user', id: '' } } } ]";
    insta::assert_snapshot!(told_with(OLD, lines), @r#"
    openclaw.json:4:29: bindings[0].match: unknown key `chanel` (did you mean `channel`?)
    openclaw.json:5:17: bindings[1].type: found the text `acp`, expected `route`
    openclaw.json:5:85: bindings[1].match.peer.kind: found the text `user`, expected one of `direct`, `dm`, `group`, `channel`
    "#);
}

#[test]
fn modes_are_those_of_the_version() {
    let lines = "messages: { queue: {\nmode: 'steer-backlog',\nbyChannel: { telegram: 'queue' },\ndebounceMs: 5 } }";
    insta::assert_snapshot!(told_with(OLD, lines), @r#"
    configuration accepted: profile 2026.3, listens on 127.0.0.1:18789
    agents: main (p/m)
    accounts: none
    providers: p
    "#);
    insta::assert_snapshot!(told_with(NEW, lines), @r#"
    openclaw.json:4:7: messages.queue.mode: found `steer-backlog`, expected one of the modes of 2026.9: `collect`, `followup`, `steer`, `interrupt`
    openclaw.json:5:24: messages.queue.byChannel.telegram: found `queue`, expected one of the modes of 2026.9: `collect`, `followup`, `steer`, `interrupt`
    openclaw.json:6:13: messages.queue.debounceMs: 2026.9 has no `messages.queue.debounceMs`: use `debounceMsByChannel`, or `/queue debounce:…`
    "#);
}

#[test]
fn keys_that_decide_who_answers_or_speaks_are_never_ignored() {
    let lines = "$include: 'more.json5',
        accessGroups: {},
        messages: { groupChat: { unmentionedInbound: 'x' } },
        session: { sendPolicy: {}, maintenance: {} },
        commands: { allowFrom: {}, native: true },
        channels: { defaults: {}, telegram: { botToken: '1:A', dms: {}, streaming: 'off',
          groups: { '-1': { topics: { '2': { agentId: 'x', systemPrompt: 'p' } } } } } },";
    insta::assert_snapshot!(told_with(OLD, lines), @r#"
    openclaw.json:3:1: $include: `$include` is not supported yet and cannot be ignored, since the other file may decide who answers and who may speak (remove it)
    openclaw.json:4:9: accessGroups: `accessGroups` is not supported yet and cannot be ignored, since it decides who may speak (remove it)
    openclaw.json:5:34: messages.groupChat.unmentionedInbound: `messages.groupChat.unmentionedInbound` is not supported yet and cannot be ignored, since it decides which messages begin a turn (remove it)
    openclaw.json:8:21: channels.defaults: `channels.defaults` is not supported yet and cannot be ignored, since its group policy decides who may speak (remove it)
    openclaw.json:8:64: channels.telegram.dms: `channels.telegram.dms` is not supported yet and cannot be ignored, since it decides who may write directly (remove it)
    openclaw.json:9:46: channels.telegram.groups.-1.topics.2.agentId: `channels.telegram.groups.-1.topics.2.agentId` is not supported yet and cannot be ignored, since it decides who answers (remove it)
    "#);
}

#[test]
fn what_is_missing_is_told() {
    insta::assert_snapshot!(told(OLD, "{ channels: { telegram: {} } }"), @r#"
    openclaw.json:1:1: agents.list: there is no model: expected `model` here or in `agents.defaults`, as `provider/model`
    openclaw.json:1:25: channels.telegram.accounts.default: there is no `botToken`: expected the token that @BotFather gave
    "#);
    insta::assert_snapshot!(told(NEW, "{ models: { providers: { p: {} } } }"), @r#"openclaw.json:1:29: models.providers.p: missing key `baseUrl` (the address, up to and without the protocol's own path)"#);
    insta::assert_snapshot!(told(NEW, "{ agents: { entries: { a: { model: 'q/m' } } } }"), @r#"openclaw.json:1:36: agents.entries.a.model: found `q/m`, expected `provider/model` with a provider of `models.providers` (there is none)"#);
}

#[test]
fn addresses_must_be_callable() {
    let text = "{ models: { providers: { p: { baseUrl: 'localhost:1' } } }, agents: { defaults: { model: 'p/m' } },
        channels: { telegram: { accounts: { a: { botToken: '1:A', apiRoot: 'ftp://x' } } } } }";
    insta::assert_snapshot!(told(OLD, text), @r#"
    openclaw.json:1:40: models.providers.p.baseUrl: found `localhost:1`, expected an address with `http://` or `https://`
    openclaw.json:2:76: channels.telegram.accounts.a.apiRoot: found `ftp://x`, expected an address with `http://` or `https://`
    "#);
}

#[test]
fn ignored_keys_are_listed_once() {
    let lines = "cron: { enabled: false }, channels: { telegram: { botToken: '1:A', groups: {
        '-1': { skills: [] } }, accounts: { a: { botToken: '2:B', textChunkLimit: 5 } } } }";
    insta::assert_snapshot!(told_with(OLD, lines), @r#"
    configuration accepted: profile 2026.3, listens on 127.0.0.1:18789
    agents: main (p/m)
    accounts: telegram/a
    providers: p
    ignored: channels.telegram.groups.-1.skills
    ignored: channels.telegram.accounts.a.textChunkLimit
    "#);
}
