//! What a run says in another session, and how its waiting ends.

use super::*;
use crate::tools::settings::Visibility;

/// Two people; the first one's run says something in the second one's session.
fn asking(mode: Mode, bob_is_busy: bool) -> World {
    let mut world = tools::world(mode);
    world.gateway.settings.tools.visibility = Visibility::Agent;
    world.write("3002", "1", "m1");
    if !bob_is_busy {
        world.answer(&answered());
    }
    world.write("3001", "2", "m2");
    let alice = *world.open.last_key_value().unwrap().0;
    let ModelRequest { run, call, .. } = world.open.remove(&alice).unwrap();
    let outcome = tools::asking(&[&"sessions_send"]);
    world.step(Event::ModelEnded { run, call, outcome });
    world
}

impl World {
    fn results(&self) -> String {
        let asked = |it: &ModelRequest| match it.history.entries().last() {
            Some(Entry::Tools(round)) => Some(round.clone()),
            _ => None,
        };
        let round = self.open.values().find_map(asked).expect("the asking run goes on");
        round.calls.iter().map(|(_, result)| result.to_string()).collect()
    }
}

#[test]
fn the_answer_is_for_the_asking_run_alone() {
    let mut world = asking(Mode::Collect, false);
    let [request] = world.open.values().collect::<Vec<_>>()[..] else { panic!("one request") };
    assert!(matches!(request.history.entries().last(),
        Some(Entry::User(said)) if said.text.ends_with("not from a person:]\npsst")));
    world.answer(&ModelOutcome::Answered(Answer::of("gold")));
    assert_eq!(world.results(), "It answered:\ngold");
    world.finish();
    let shown: Vec<_> = world.visible.iter().map(|(chat, _)| chat.as_str()).collect();
    assert_eq!(shown, ["3002", "3001"], "{:?}", world.visible);
}

#[test]
fn it_needs_no_slot_that_its_asker_holds() {
    let mut world = tools::world(Mode::Collect);
    world.gateway.lanes = Lanes::new(crate::run::Widths { main: 1, subagent: 1, cron: 1 });
    world.gateway.settings.tools.visibility = Visibility::Agent;
    world.write("3002", "1", "m1");
    world.answer(&answered());
    world.write("3001", "2", "m2");
    world.ask(&["sessions_send"]);
    assert_eq!(world.open.len(), 1, "the nested run asks its model");
    world.finish();
}

#[test]
fn it_waits_for_its_sessions_run_in_every_mode_and_joins_none() {
    for mode in [Mode::Collect, Mode::Followup, Mode::Steer, Mode::SteerBacklog, Mode::Interrupt] {
        let mut world = asking(mode, true);
        assert_eq!(world.open.len(), 1, "{mode:?}");
        world.write("3002", "3", "m3");
        world.finish();
        assert_eq!(world.appeared.get("m3"), Some(&1), "{mode:?}");
        assert_eq!(world.visible.last().unwrap().1, "fine", "{mode:?}");
    }
}

#[test]
fn waiting_ends_in_time_or_when_people_stop_the_other_session() {
    let mut world = asking(Mode::Collect, false);
    world.pass(Millis::from_s(5));
    assert!(world.results().contains("has not answered within 5 s"), "{}", world.results());
    world.finish();
    let mut world = asking(Mode::Collect, false);
    world.write("3002", "3", "/stop");
    assert_eq!(world.results(), "Error: somebody there stopped it");
    world.finish();
    let mut world = asking(Mode::Followup, true);
    world.write("3002", "3", "/stop");
    assert_eq!(world.results(), "Error: somebody there stopped it");
    world.finish();
}

#[test]
fn a_circle_is_refused() {
    let mut world = asking(Mode::Collect, false);
    // The nested run says something in its own session, which is where it is.
    world.ask(&["sessions_send"]);
    assert_eq!(world.results(), "Error: that is this conversation itself");
    world.finish();
}

#[test]
fn sessions_out_of_reach_and_unknown_ones_are_refused_alike() {
    let mut world = tools::world(Mode::Collect);
    world.write("3001", "2", "m2");
    world.ask(&["sessions_send"]);
    let unknown = world.results();
    world.finish();
    world.write("3002", "3", "m3");
    world.finish();
    world.write("3001", "4", "m4");
    world.ask(&["sessions_send"]);
    assert_eq!(world.results(), unknown, "one that is there, and another person's");
    assert!(unknown.starts_with("Error: there is no session"), "{unknown}");
    world.finish();
}
