use std::collections::BTreeMap;

use super::*;
use crate::{
    gateway::{Event, Hook},
    ids::MessageId,
    lane::{DropPolicy, Mode},
    operator::Say,
    profile::Version,
    run::{Answer, ModelOutcome},
    session_key::{DmScope, KeyRules},
    testing,
    time::Now,
};

/// A gateway, what its models were asked, and what was sent to chats.
struct Desk {
    gateway: Gateway,
    now_ms: u64,
    asked: Vec<(RunId, u32)>,
    sent: Vec<String>,
}

impl Desk {
    fn new() -> Self {
        let version = Version::V2026_9;
        let mut settings = testing::settings(version, Mode::Collect, DropPolicy::Old);
        settings.keys = KeyRules::new(version, DmScope::Main, "main", &BTreeMap::new()).0;
        Self {
            gateway: Gateway::new(settings, 1),
            now_ms: 1_000,
            asked: Vec::new(),
            sent: Vec::new(),
        }
    }

    fn act<T>(&mut self, act: impl FnOnce(&mut Gateway, Now, &mut Vec<Effect>) -> T) -> T {
        let mut effects = Vec::new();
        let done = act(&mut self.gateway, Timestamp::from_ms(self.now_ms).into(), &mut effects);
        for effect in effects {
            match effect {
                Effect::CallModel(request) => self.asked.push((request.run, request.call)),
                Effect::Send(it) => {
                    self.sent.push(format!("{} {:?}", it.route.peer.id, it.text));
                }
                _ => (),
            }
        }
        done
    }

    fn chat(&self, chat: &str) -> Route {
        let word = |it: &str| it.to_owned();
        let to =
            Addressee { channel: word("telegram"), account: word("default"), chat: word(chat) };
        self.gateway.chat_called(&to).unwrap()
    }

    fn say(&mut self, name: &str, deliver: Option<Route>) {
        let (name, session) = (MessageId::new(name).unwrap(), "main".to_owned());
        let say = Say { name, session, text: "report".to_owned(), deliver };
        self.act(|core, now, effects| core.say_as_operator(now, say, effects)).unwrap();
    }

    fn answer(&mut self, text: &str) -> String {
        let (run, call) = self.asked.remove(0);
        let outcome = ModelOutcome::Answered(Answer::of(text));
        self.act(|core, now, effects| {
            core.step(now, Event::ModelEnded { run, call, outcome }, effects);
        });
        std::mem::take(&mut self.sent).join("; ")
    }
}

#[test]
fn the_chat_that_is_named_hears_the_answer_once() {
    let mut desk = Desk::new();
    let chat = desk.chat("3001");
    desk.say("a", Some(chat.clone()));
    // Asked again while it runs, it is the same request.
    desk.say("a", Some(chat));
    assert_eq!(desk.answer("all done"), r#"3001 "all done""#);
    assert!(desk.asked.is_empty());
}

#[test]
fn each_chat_of_a_shared_turn_hears_it() {
    let mut desk = Desk::new();
    let (one, other) = (desk.chat("3001"), desk.chat("3002"));
    desk.say("a", None);
    desk.say("b", Some(one.clone()));
    desk.say("c", Some(other));
    desk.say("d", Some(one));
    assert_eq!(desk.answer("first"), "", "nobody named a chat for it");
    desk.now_ms += 1_000;
    desk.act(|core, now, effects| core.step(now, Event::Tick, effects));
    assert_eq!(desk.answer("second"), r#"3001 "second"; 3002 "second""#);
}

#[test]
fn what_says_nothing_is_not_delivered() {
    for answer in ["NO_REPLY", "HEARTBEAT_OK", " \n"] {
        let mut desk = Desk::new();
        let chat = desk.chat("3001");
        desk.say("a", Some(chat));
        assert_eq!(desk.answer(answer), "", "{answer}");
    }
}

#[test]
fn what_a_program_asked_for_is_delivered_too() {
    let mut desk = Desk::new();
    let hook = Hook {
        name: MessageId::new("hook-1").unwrap(),
        session: "hook:1".to_owned(),
        label: "ci".to_owned(),
        text: "the build broke".to_owned(),
        model: None,
        passes: true,
        deliver: Some(desk.chat("3001")),
        fresh: false,
    };
    desk.act(|core, now, effects| core.say_as_hook(now, hook, effects)).unwrap();
    assert_eq!(desk.answer("at line 7"), r#"3001 "at line 7""#);
}

#[test]
fn the_last_chat_is_where_people_wrote_and_not_operators() {
    let mut desk = Desk::new();
    let last = |desk: &Desk, channel| desk.gateway.last_chat("hook:1", channel);
    assert_eq!(last(&desk, None), Err(Refused::NoChat));
    desk.say("a", None);
    assert_eq!(last(&desk, None), Err(Refused::NoChat), "no platform is behind operators");
    let inbound = testing::inbound(testing::dm("3001"), "1", "hello");
    desk.act(|core, now, effects| core.step(now, Event::Inbound(inbound), effects));
    assert_eq!(last(&desk, None), Ok(desk.chat("3001")));
    assert_eq!(last(&desk, Some("telegram")), Ok(desk.chat("3001")));
    assert_eq!(last(&desk, Some("slack")), Err(Refused::NoChat));
}
