//! Several agents answer one message.

use super::*;
use crate::{
    broadcast::{Group, Strategy},
    ids::AgentId,
};

/// A world in which agents `a` and `b` answer chat 3001 together.
fn two(strategy: Strategy, group: impl FnOnce(&mut Group)) -> World {
    let mut world = World::new(Version::V2026_9, Mode::Collect, DropPolicy::Summarize);
    let settings = &mut world.gateway.settings;
    let main = settings.agents.values().next().unwrap().clone();
    let agents = ["a", "b"].map(|it| AgentId::new(it).unwrap());
    settings.agents.extend(agents.clone().map(|it| (it, main.clone())));
    let mut made = Group::of(agents.into());
    group(&mut made);
    let route = testing::dm("3001").route;
    settings.broadcasts.groups.insert((route.channel, route.peer.id), made);
    settings.broadcasts.strategy = strategy;
    world
}

/// Who is asked, with the last thing that it was told.
fn asked(world: &World) -> Vec<String> {
    let last = |it: &ModelRequest| match it.history.entries().last() {
        Some(Entry::User(said)) => said.text.lines().last().unwrap_or_default().to_owned(),
        _ => "-".to_owned(),
    };
    world.open.values().map(|it| format!("{}: {}", it.agent, last(it))).collect()
}

fn say(world: &mut World, text: &str) {
    world.answer(&ModelOutcome::Answered(Answer::of(text)));
}

#[test]
fn agents_answer_at_once_each_in_its_own_session() {
    let mut world = two(Strategy::Parallel, |_| ());
    world.write("3001", "1", "hello");
    assert_eq!(asked(&world), ["a: hello", "b: hello"]);
    let sessions: Vec<String> = world.gateway.sessions.keys().map(ToString::to_string).collect();
    assert_eq!(sessions, ["agent:a:telegram:direct:3001", "agent:b:telegram:direct:3001"]);
    world.finish();
    assert_eq!(seen(&world), ["fine", "fine"]);
    assert!(world.gateway.talks.is_empty());
}

#[test]
fn sequential_agents_wait_for_each_other_and_a_failure_holds_up_nobody() {
    let mut world = two(Strategy::Sequential, |_| ());
    world.write("3001", "1", "hello");
    assert_eq!(asked(&world), ["a: hello"]);
    world.answer(&ModelOutcome::Failed(ModelFailure::Status(400).into()));
    assert_eq!(asked(&world), ["b: hello"]);
    world.finish();
}

#[test]
fn a_second_round_is_told_what_the_others_said() {
    let mut world = two(Strategy::Parallel, |it| {
        (it.rounds_max, it.turns_max, it.labelled) = (2, 4, true);
    });
    world.write("3001", "1", "hello");
    say(&mut world, "I say");
    assert_eq!(asked(&world), ["b: hello"]);
    say(&mut world, "NO_REPLY");
    assert_eq!(asked(&world), Vec::<String>::new(), "a heard nothing, b said nothing");
    assert_eq!(seen(&world), ["**a:** I say"]);
    world.write("3001", "2", "again");
    say(&mut world, "one");
    say(&mut world, "two");
    let told = "[Answer only what is new to them, or NO_REPLY]";
    assert_eq!(asked(&world), [format!("a: {told}"), format!("b: {told}")]);
    world.finish();
    assert!(world.gateway.talks.is_empty());
}

#[test]
fn stop_ends_all_of_them_and_nobody_goes_on() {
    let mut world = two(Strategy::Sequential, |_| ());
    world.write("3001", "1", "hello");
    world.write("3001", "2", "/stop");
    assert_eq!(asked(&world), Vec::<String>::new());
    assert_eq!(seen(&world), ["Stopped."]);
    world.finish();
    assert!(world.gateway.talks.is_empty());
}

#[test]
fn a_message_that_waits_is_answered_by_all_in_turn() {
    let mut world = two(Strategy::Sequential, |_| ());
    world.write("3001", "1", "one");
    world.write("3001", "2", "two");
    assert_eq!(asked(&world), ["a: one"]);
    world.answer(&answered());
    assert_eq!(asked(&world), ["b: one"]);
    world.finish();
    assert_eq!(world.visible.len(), 4, "two messages, two agents");
}

#[test]
fn a_new_session_is_new_for_all() {
    let mut world = two(Strategy::Parallel, |_| ());
    world.write("3001", "1", "one");
    world.finish();
    world.write("3001", "2", "/new two");
    assert_eq!(asked(&world), ["a: two", "b: two"]);
    assert!(world.open.values().all(|it| it.history.entries().len() == 1));
}
