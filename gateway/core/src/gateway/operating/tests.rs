use super::*;
use crate::{
    egress::Outgoing,
    gateway::{Event, Hook, Settings},
    ids::RunId,
    lane::{DropPolicy, Mode},
    operator::End,
    profile::Version,
    run::{Answer, ModelOutcome},
    session::{Cut, Entry},
    testing,
    tools::{
        Asked, ToolCall, ToolName,
        builtin::{self, Builtin, Spawn},
    },
};

mod sends;

/// A gateway, what it wants done, and what whoever watches was told of ends.
struct Desk {
    gateway: Gateway,
    now_ms: u64,
    effects: Vec<Effect>,
    calls: Vec<(RunId, u32, String)>,
    told: Vec<String>,
    /// What operators sent to chats, since they hear by no channel themselves.
    sends: Vec<Outgoing>,
}

impl Desk {
    fn new() -> Self {
        Self::with(testing::settings(Version::V2026_3, Mode::Followup, DropPolicy::Old))
    }

    fn with(settings: Settings) -> Self {
        let gateway = Gateway::new(settings, 1);
        Self {
            gateway,
            now_ms: 1_000,
            effects: Vec::new(),
            calls: Vec::new(),
            told: Vec::new(),
            sends: Vec::new(),
        }
    }

    fn now(&self) -> Now {
        Timestamp::from_ms(self.now_ms).into()
    }

    fn say(&mut self, name: &str, session: &str, text: &str) -> Result<Taken, Refused> {
        let name = MessageId::new(name).unwrap();
        let say = Say { name, session: session.to_owned(), text: text.to_owned(), deliver: None };
        let taken = self.gateway.say_as_operator(self.now(), say, &mut self.effects);
        self.look();
        taken
    }

    /// A program reports something in a session that passes.
    fn report_once(&mut self) {
        let hook = Hook {
            name: MessageId::new("a").unwrap(),
            session: "once".to_owned(),
            label: "ci".to_owned(),
            text: "the build broke".to_owned(),
            model: None,
            passes: true,
            deliver: None,
            fresh: false,
        };
        self.gateway.say_as_hook(self.now(), hook, &mut self.effects).unwrap();
        self.look();
    }

    fn abort(&mut self, session: &str, name: Option<&str>) -> Aborted {
        let only = name.map(|it| MessageId::new(it).unwrap());
        let asked = (Some(session), only.as_ref());
        let aborted = self.gateway.abort_as_operator(self.now(), asked, &mut self.effects);
        self.look();
        aborted.unwrap()
    }

    fn answer(&mut self, text: &str) {
        let (run, call, _) = self.calls.pop().expect("a model was asked");
        let outcome = ModelOutcome::Answered(Answer::of(text));
        self.step(Event::ModelEnded { run, call, outcome });
    }

    /// The newest run's model begins a sub-agent, whose request is the newest then.
    fn spawn(&mut self) {
        let (run, call, _) = self.calls.pop().expect("a model was asked");
        let spawn = Spawn { task: "dig".to_owned(), label: None, agent: None };
        let calls = vec![ToolCall {
            id: "1".into(),
            name: ToolName::nearest(builtin::SESSIONS_SPAWN),
            arguments: "{}".into(),
            asked: Asked::Builtin(Builtin::SessionsSpawn(spawn)),
        }];
        let outcome = ModelOutcome::Answered(Answer { text: "wait".to_owned(), calls });
        self.step(Event::ModelEnded { run, call, outcome });
        self.calls.sort_by_key(|it| it.2 == "dig");
    }

    fn wait(&mut self, ms: u64) {
        self.now_ms += ms;
        self.step(Event::Tick);
    }

    fn step(&mut self, event: Event) {
        self.gateway.step(self.now(), event, &mut self.effects);
        self.look();
    }

    fn look(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::CallModel(request) => {
                    let newest = match request.history.entries().last() {
                        Some(Entry::User(said)) => said.text.to_string(),
                        Some(Entry::Tools(_)) => "tools".to_owned(),
                        other => panic!("{other:?}"),
                    };
                    self.calls.push((request.run, request.call, newest));
                }
                Effect::CancelModel(run) => self.calls.retain(|it| it.0 != run),
                Effect::Told(told) => {
                    let names: Vec<&str> = told.asked.iter().map(MessageId::as_str).collect();
                    match &told.what {
                        Telling::Ended(End { how, .. }) => {
                            self.told.push(format!("{} {how:?}", names.join("+")));
                        }
                        Telling::Sent(End { how, .. }) => {
                            self.told.push(format!("{} sent {how:?}", names.join("+")));
                        }
                        Telling::Notice(text) => self.told.push(format!("notice {text}")),
                        Telling::AskedAgain(stands) => self.told.push(format!("stands {stands:?}")),
                        Telling::Started | Telling::Wrote(_) => (),
                    }
                }
                Effect::Send(outgoing) => self.sends.push(outgoing),
                Effect::CallTool(_)
                | Effect::CancelTools(_)
                | Effect::ApprovalAsked(_)
                | Effect::ApprovalEnded(_)
                | Effect::KeepGrant(_)
                | Effect::KeepHealth(_)
                | Effect::Note(_) => (),
            }
        }
    }

    fn told(&mut self) -> String {
        assert!(self.sends.is_empty(), "operators hear by no channel: {:?}", self.sends);
        std::mem::take(&mut self.told).join("; ")
    }
}

#[test]
fn what_is_asked_under_one_name_runs_once() {
    let mut desk = Desk::new();
    assert!(matches!(desk.say("a", "main", "hello"), Ok(Taken::New { .. })));
    assert_eq!(desk.calls.len(), 1);
    let again = desk.say("a", "main", "hello");
    assert!(matches!(again, Ok(Taken::Again { progress: Progress::Running(_), .. })), "{again:?}");
    assert_eq!(desk.say("a", "main", "bye"), Err(Refused::Conflict));
    assert_eq!(desk.calls.len(), 1);
    desk.answer("hi");
    assert_eq!(desk.told(), r#"a Answered("hi")"#);
    let again = desk.say("a", "agent:main:main", "hello");
    assert!(matches!(again, Ok(Taken::Again { progress: Progress::Ended(_), .. })), "{again:?}");
    assert!(desk.calls.is_empty());
    assert_eq!(desk.told(), "");
}

#[test]
fn sessions_go_by_their_keys_and_share_nothing() {
    let mut desk = Desk::new();
    for session in ["", "  ", "agent:nobody:main", "agent:main:", "agent:main"] {
        let refused = desk.say("x", session, "hello");
        assert!(matches!(refused, Err(Refused::Session { .. })), "{session}: {refused:?}");
    }
    desk.say("a", "Main", "one").unwrap();
    desk.answer("first");
    desk.say("b", "s2", "two").unwrap();
    desk.answer("second");
    let said = |desk: &Desk, session| {
        let (key, entries) = desk.gateway.history(session, 10).unwrap();
        format!("{key} {entries:?}")
    };
    let (main, other) = (said(&desk, "main"), said(&desk, "agent:main:s2"));
    assert!(main.starts_with("agent:main:main") && !main.contains(r#""two""#), "{main}");
    assert!(other.starts_with("agent:main:s2") && !other.contains(r#""one""#), "{other}");
    assert_eq!(desk.gateway.sessions().len(), 2);
}

#[test]
fn what_was_written_before_an_abort_is_seen_where_it_stood_and_no_model_is_shown_it() {
    let mut desk = Desk::new();
    desk.say("a", "main", "one").unwrap();
    let (run, call, _) = desk.calls[0];
    desk.step(Event::ModelWrote { run, call, text: "wor".to_owned() });
    desk.step(Event::ModelWrote { run, call, text: "d".to_owned() });
    desk.now_ms += 5;
    desk.abort("main", None);
    desk.say("b", "main", "two").unwrap();
    let (_, shown) = desk.gateway.history("main", 10).unwrap();
    let kinds: Vec<String> = shown
        .iter()
        .map(|it| match it {
            Shown::Entry(Entry::User(said), noted) => format!("{} {:?}", said.text, noted.by),
            Shown::Cut(Cut { asked, text, .. }) => {
                format!("cut {text} of {}", asked.as_ref().unwrap())
            }
            other @ Shown::Entry(..) => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["one None", "cut word of a", "two None"]);
    assert_eq!(desk.gateway.history("main", 2).unwrap().1, shown[1..]);
    desk.answer("done");
    let (_, shown) = desk.gateway.history("main", 1).unwrap();
    let model = testing::settings(Version::V2026_3, Mode::Followup, DropPolicy::Old)
        .agents
        .values()
        .next()
        .map(|it| it.model.clone());
    assert!(matches!(&shown[0], Shown::Entry(Entry::Assistant(_), noted) if noted.by == model));
    desk.say("c", "main", "/new").unwrap();
    let (_, shown) = desk.gateway.history("main", 10).unwrap();
    assert_eq!(shown.len(), 1, "another life has none of it, and greets: {shown:?}");
}

#[test]
fn each_request_has_one_end_whatever_becomes_of_it() {
    let mut desk = Desk::new();
    desk.say("run", "main", "one").unwrap();
    desk.say("wait", "main", "two").unwrap();
    desk.say("stay", "main", "three").unwrap();
    assert_eq!(desk.abort("main", Some("wait")).names.len(), 1, "it has not begun");
    assert_eq!(desk.told(), "wait Aborted");
    assert_eq!(desk.calls.len(), 1, "the run goes on");
    assert!(!desk.abort("s2", Some("run")).any, "it is of another session");
    desk.answer("first");
    desk.wait(5_000);
    assert!(desk.calls[0].2.contains("three") && !desk.calls[0].2.contains("two"));
    let aborted = desk.abort("main", None);
    assert_eq!(aborted.names.iter().map(MessageId::as_str).collect::<Vec<_>>(), ["stay"]);
    assert_eq!(desk.told(), r#"run Answered("first"); stay Aborted"#);
    assert!(desk.calls.is_empty() && !desk.abort("main", None).any);
}

#[test]
fn a_command_is_answered_without_a_run() {
    let mut desk = Desk::new();
    desk.say("status", "main", "/status").unwrap();
    let told = desk.told();
    assert!(told.starts_with("status Answered(\"Agent main, model"), "{told}");
    desk.say("a", "main", "hello").unwrap();
    desk.say("stop", "main", "/stop").unwrap();
    assert_eq!(desk.told(), r#"a Aborted; stop Answered("Stopped.")"#);
    assert!(desk.calls.is_empty());
}

#[test]
fn a_reset_ends_what_runs_and_forgets_what_was_said() {
    let mut desk = Desk::new();
    desk.say("a", "main", "hello").unwrap();
    desk.answer("hi");
    desk.say("b", "main", "more").unwrap();
    desk.gateway.reset_session(desk.now(), "main", &mut desk.effects).unwrap();
    desk.look();
    assert_eq!(desk.told(), r#"a Answered("hi"); b Aborted"#);
    assert_eq!(desk.gateway.session_view("main").unwrap().entries, 0);
    let deleted = desk.gateway.delete_session(desk.now(), "main", &mut desk.effects).unwrap();
    assert!(deleted.1 && desk.gateway.sessions().is_empty());
    assert!(!desk.gateway.delete_session(desk.now(), "main", &mut desk.effects).unwrap().1);
}

#[test]
fn requests_that_give_way_are_told_so() {
    let mut desk = Desk::new();
    desk.say("run", "main", "one").unwrap();
    desk.say("cap", "main", "/queue cap:1 drop:old").unwrap();
    desk.told();
    desk.say("old", "main", "two").unwrap();
    desk.say("new", "main", "three").unwrap();
    let told = desk.told();
    assert_eq!(told, r#"old Failed("it gave way to later messages")"#);
}

#[test]
fn a_session_that_passes_stays_until_its_sub_agents_have_reported() {
    for archive_after_s in [0, 60] {
        let mut settings = testing::settings(Version::V2026_3, Mode::Followup, DropPolicy::Old);
        settings.tools.subagents.archive_after = Millis::from_s(archive_after_s);
        let mut desk = Desk::with(settings);
        desk.report_once();
        desk.spawn();
        desk.calls.swap(0, 1);
        desk.answer("it is looked into");
        desk.wait(150_000);
        desk.told();
        desk.answer("found");
        desk.wait(1_000);
        assert!(desk.calls[0].2.contains("found"), "its parent hears of it: {:?}", desk.calls);
        desk.answer("fixed");
        assert_eq!(desk.told(), r#" Answered("found");  Answered("fixed")"#);
        desk.wait(300_000);
        assert!(desk.gateway.sessions().is_empty(), "both are gone then");
    }
}

#[test]
fn a_session_may_be_deleted_that_would_have_passed_by_itself() {
    let mut desk = Desk::new();
    desk.report_once();
    desk.answer("noted");
    assert!(desk.gateway.delete_session(desk.now(), "once", &mut desk.effects).unwrap().1);
    desk.wait(30 * 24 * 3_600_000);
    assert!(desk.gateway.sessions().is_empty());
}

#[test]
fn a_request_that_joined_a_run_and_is_kept_behind_it_ends_once() {
    let mut desk = Desk::new();
    desk.say("run", "main", "one").unwrap();
    desk.say("mode", "main", "/queue steer-backlog").unwrap();
    desk.told();
    desk.say("both", "main", "two").unwrap();
    desk.answer("first");
    desk.answer("second");
    let told = r#"stands "first"; run+both Answered("first\n\nsecond")"#;
    assert_eq!(desk.told(), told, "it joined");
    desk.wait(5_000);
    assert!(desk.calls[0].2.contains("two"), "it is kept behind the run");
    desk.answer("again");
    assert_eq!(desk.told(), r#" Answered("again")"#, "nobody asked for this run by name");
}

#[test]
fn a_sub_agent_may_outlive_the_session_that_began_it() {
    let mut desk = Desk::new();
    desk.say("a", "side", "dig").unwrap();
    desk.spawn();
    let (session, child) = ("agent:main:side", "agent:main:subagent:1");
    assert_eq!(desk.gateway.sessions().len(), 2);
    assert!(desk.gateway.delete_session(desk.now(), session, &mut desk.effects).unwrap().1);
    desk.look();
    assert!(desk.calls.is_empty(), "what it began ends with it");
    desk.told();
    desk.say("b", child, "go on").unwrap();
    desk.answer("found");
    assert_eq!(desk.told(), r#"b Answered("found")"#);
}

#[test]
fn what_an_abort_ended_does_not_begin_again_behind_the_run() {
    let mut desk = Desk::new();
    desk.say("run", "main", "one").unwrap();
    desk.say("mode", "main", "/queue steer-backlog").unwrap();
    desk.say("both", "main", "two").unwrap();
    desk.answer("first");
    desk.told();
    assert_eq!(desk.abort("main", None).names.len(), 2);
    desk.wait(5_000);
    assert_eq!(desk.told(), "run+both Aborted");
    assert!(desk.calls.is_empty(), "{:?}", desk.calls);
}

#[test]
fn who_watches_knows_which_words_stand_when_a_model_is_asked_again() {
    let mut desk = Desk::new();
    desk.say("a", "main", "dig").unwrap();
    desk.spawn();
    assert_eq!(desk.told(), r#"stands "wait""#);
}

#[test]
fn a_request_takes_no_longer_than_its_client_allows() {
    let mut desk = Desk::new();
    desk.say("run", "main", "one").unwrap();
    desk.say("wait", "main", "two").unwrap();
    for name in ["run", "wait"] {
        let name = MessageId::new(name).unwrap();
        desk.gateway.end_within(desk.now(), &name, Millis::from_s(5));
    }
    desk.answer("first");
    desk.wait(4_999);
    assert_eq!(desk.told(), r#"run Answered("first")"#);
    desk.wait(1);
    assert_eq!(desk.told(), "wait Aborted");
    assert!(desk.calls.is_empty() && desk.gateway.next_deadline().is_none(), "nothing is left");
}
