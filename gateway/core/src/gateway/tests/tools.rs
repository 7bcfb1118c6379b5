//! A run and its tools: order, boundaries, and results for every call whatever happens.

use super::*;
use crate::{
    media::Said,
    owners::Authority,
    tools::{
        Asked, Builtin, Consent, ServerName, ToolCall, ToolName, ToolOwner, ToolSpec,
        builtin::{self, Addressee, Send, Spawn},
        policy::{Layer, Policy, ToolNames},
    },
};

/// The session of the person 3002.
const BOB: &str = "agent:main:telegram:direct:3002";

/// A model's answer that asks for these tools.
pub(super) fn asking(names: &[&&str]) -> ModelOutcome {
    let calls = names.iter().enumerate().map(|(index, name)| ToolCall {
        id: format!("call-{index}").into(),
        name: ToolName::nearest(name),
        arguments: "{}".into(),
        asked: match **name {
            builtin::MESSAGE => Asked::Builtin(Builtin::Message {
                text: "by tool".to_owned(),
                media: None,
                to: None,
            }),
            builtin::SESSIONS_SPAWN => Asked::Builtin(Builtin::SessionsSpawn(Spawn {
                task: "dig".to_owned(),
                label: Some("digger".to_owned()),
                agent: None,
            })),
            builtin::SESSIONS_SEND => Asked::Builtin(Builtin::SessionsSend(Send {
                to: Addressee::Session(SessionKey::canonical(BOB).unwrap()),
                text: "psst".to_owned(),
                wait: Some(Millis::from_s(5)),
            })),
            builtin::SESSIONS_LIST => Asked::Builtin(Builtin::SessionsList { limit: 10 }),
            "broken" => Asked::Malformed("the arguments are no JSON".to_owned()),
            _ => Asked::Other,
        },
    });
    ModelOutcome::Answered(Answer { text: String::new(), calls: calls.collect() })
}

fn spec(name: &str, parallel: bool) -> ToolSpec {
    ToolSpec {
        name: ToolName::nearest(name),
        description: "".into(),
        parameters: "{}".into(),
        owner: ToolOwner::Server(ServerName("notes".into())),
        parallel,
        least: Authority::Guest,
        consent: Consent::Free,
    }
}

/// A world whose server has `notes__read` and `notes__write`, one after the other, and `notes__p1` and `notes__p2`.
pub(super) fn world(mode: Mode) -> World {
    let mut world = World::new(Version::V2026_3, mode, DropPolicy::Old);
    world.list();
    world
}

impl World {
    pub(super) fn list(&mut self) {
        let tools = [
            ("notes__read", false),
            ("notes__write", false),
            ("notes__p1", true),
            ("notes__p2", true),
            ("broken", true),
        ];
        let tools = tools.map(|(name, parallel)| spec(name, parallel)).to_vec();
        self.step(Event::ToolsListed(ServerName("notes".into()), tools));
    }

    pub(super) fn ask(&mut self, names: &[&str]) {
        self.answer(&asking(&names.iter().collect::<Vec<_>>()));
    }

    /// Which tools run.
    fn running(&self) -> Vec<&str> {
        self.jobs.values().map(|it| it.name.as_str()).collect()
    }

    /// The history that the only open request carries: a word for a message, `name=result` for a call.
    pub(super) fn history(&self) -> String {
        let [request] = self.open.values().collect::<Vec<_>>()[..] else {
            panic!("expected one open request, found {}", self.open.len());
        };
        let mut words = Vec::new();
        for entry in request.history.entries() {
            match entry {
                Entry::User(Said { text, .. }) | Entry::Assistant(text) => {
                    words.push(text.to_string());
                }
                Entry::Tools(round) => words.extend(round.calls.iter().map(|(call, result)| {
                    let result = result.split([':', '.']).next().unwrap_or_default();
                    format!("{}={result}", call.name)
                })),
            }
        }
        words.join(" | ")
    }
}

#[test]
fn results_are_in_the_next_request_in_the_order_of_the_calls() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.ask(&["notes__read", "notes__write"]);
    assert_eq!(world.running(), ["notes__read"], "the second waits for the first");
    world.end_tool();
    assert_eq!(world.running(), ["notes__write"]);
    world.end_tool();
    let expected = "m1 | notes__read=notes__read is done | notes__write=notes__write is done";
    assert_eq!(world.history(), expected);
}

#[test]
fn a_parallel_batch_starts_together_and_its_results_keep_the_order() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.ask(&["notes__p1", "notes__p2", "notes__read"]);
    assert_eq!(world.running(), ["notes__p1", "notes__p2"]);
    let (ticket, _) = world.jobs.pop_last().unwrap();
    world.step(Event::ToolEnded { ticket, outcome: ToolOutcome::Failed("no".to_owned()) });
    world.end_tool();
    world.end_tool();
    let expected =
        "m1 | notes__p1=notes__p1 is done | notes__p2=Error | notes__read=notes__read is done";
    assert_eq!(world.history(), expected);
}

#[test]
fn a_steering_message_lets_the_running_tool_finish_and_skips_the_rest() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.ask(&["notes__read", "notes__write", "message"]);
    world.write("3001", "2", "m2");
    assert_eq!(world.running(), ["notes__read"], "it is not cut short");
    world.end_tool();
    let expected =
        "m1 | notes__read=notes__read is done | notes__write=Not run | message=Not run | m2";
    assert_eq!(world.history(), expected);
    assert!(world.visible.is_empty(), "the skipped `message` sent nothing");
}

#[test]
fn a_parallel_batch_that_started_is_not_recalled() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.ask(&["notes__p1", "notes__p2", "notes__read"]);
    world.write("3001", "2", "m2");
    world.end_tool();
    world.end_tool();
    let expected =
        "m1 | notes__p1=notes__p1 is done | notes__p2=notes__p2 is done | notes__read=Not run | m2";
    assert_eq!(world.history(), expected);
}

#[test]
fn a_steering_message_before_the_answer_lets_no_tool_start() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.write("3001", "2", "m2");
    world.ask(&["notes__p1", "notes__p2"]);
    assert_eq!(world.history(), "m1 | notes__p1=Not run | notes__p2=Not run | m2");
}

#[test]
fn outside_of_steering_a_message_waits_for_the_whole_turn() {
    let mut world = world(Mode::Followup);
    world.write("3001", "1", "m1");
    world.ask(&["notes__read", "notes__write"]);
    world.write("3001", "2", "m2");
    world.end_tool();
    assert_eq!(world.running(), ["notes__write"]);
    world.finish();
    assert_eq!(world.appeared.get("m2"), Some(&1));
}

#[test]
fn stop_cancels_tools_and_the_next_request_has_a_result_for_each() {
    let mut world = world(Mode::Collect);
    world.write("3001", "1", "m1");
    world.ask(&["notes__read", "notes__write"]);
    let (ticket, _) = world.jobs.first_key_value().map(|(it, job)| (*it, job.clone())).unwrap();
    world.write("3001", "2", "/stop");
    assert!(world.jobs.is_empty(), "the tool was cancelled");
    world.step(Event::ToolEnded { ticket, outcome: ToolOutcome::Done("late".to_owned()) });
    world.write("3001", "3", "m3");
    assert_eq!(world.history(), "m1 | notes__read=Cancelled | notes__write=Not run | m3");
}

#[test]
fn a_timeout_cancels_tools_too() {
    let mut world = world(Mode::Collect);
    world.write("3001", "1", "m1");
    world.ask(&["notes__read"]);
    world.pass(Millis::from_s(600));
    assert!(world.jobs.is_empty());
    assert!(world.visible[0].1.contains("took longer than it may"));
    world.write("3001", "2", "m2");
    assert_eq!(world.history(), "m1 | notes__read=Cancelled | m2");
}

#[test]
fn an_interrupt_cancels_tools_too() {
    let mut world = world(Mode::Interrupt);
    world.write("3001", "1", "m1");
    world.ask(&["notes__read"]);
    world.write("3001", "2", "m2");
    assert!(world.jobs.is_empty());
    assert_eq!(world.history(), "m1 | notes__read=Cancelled | m2");
}

#[test]
fn what_was_not_offered_is_refused_and_what_cannot_be_read_too() {
    let mut world = world(Mode::Collect);
    world.write("3001", "1", "m1");
    world.ask(&["gone", "broken", "notes__read"]);
    assert_eq!(world.running(), ["notes__read"]);
    world.end_tool();
    let expected = "m1 | gone=Refused | broken=Refused | notes__read=notes__read is done";
    assert_eq!(world.history(), expected);
}

#[test]
fn a_denied_tool_is_neither_offered_nor_run() {
    let mut world = world(Mode::Collect);
    let deny = ToolNames::of(["notes__*", "message"]);
    for agent in world.gateway.settings.agents.values_mut() {
        agent.tools = Policy::of([Layer { deny: deny.clone(), ..Layer::default() }]);
    }
    world.write("3001", "1", "m1");
    let offered: Vec<_> =
        world.open.values().flat_map(|it| &it.tools).map(|it| it.name.to_string()).collect();
    assert_eq!(
        offered,
        ["sessions_history", "sessions_list", "sessions_send", "sessions_spawn", "broken"]
    );
    world.ask(&["notes__read", "message"]);
    assert_eq!(world.history(), "m1 | notes__read=Refused | message=Refused");
    assert!(world.visible.is_empty());
}

#[test]
fn a_model_that_goes_in_a_circle_is_ended_visibly() {
    let mut world = world(Mode::Collect);
    world.gateway.settings.tools.calls_max = 3;
    world.write("3001", "1", "m1");
    world.ask(&["sessions_list", "sessions_list"]);
    world.ask(&["sessions_list"]);
    world.ask(&["notes__read"]);
    assert!(world.jobs.is_empty());
    assert!(world.visible[0].1.contains("more than 3 tools"), "{:?}", world.visible);
    world.write("3001", "2", "m2");
    assert!(world.history().ends_with("notes__read=Not run | m2"), "{}", world.history());
}

#[test]
fn the_same_text_is_sent_once_in_a_turn() {
    let mut world = world(Mode::Collect);
    world.write("3001", "1", "m1");
    world.ask(&["message", "message"]);
    world.ask(&["message"]);
    assert_eq!(world.visible, [("3001".to_owned(), "by tool".to_owned())]);
    world.answer(&answered());
    world.write("3001", "2", "m2");
    world.ask(&["message"]);
    assert_eq!(world.visible.len(), 3, "another turn may say it again: {:?}", world.visible);
}

#[test]
fn words_beside_calls_are_seen_at_once() {
    let mut world = world(Mode::Collect);
    world.write("3001", "1", "m1");
    let ModelOutcome::Answered(mut answer) = asking(&[&"notes__read"]) else { unreachable!() };
    answer.text = "one moment".to_owned();
    world.answer(&ModelOutcome::Answered(answer));
    assert_eq!(world.visible, [("3001".to_owned(), "one moment".to_owned())]);
    world.finish();
    assert_eq!(world.visible.len(), 2);
}
