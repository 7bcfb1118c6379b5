//! Sub-agents: their own lane, their own tools, and one report.

mod jobs;
mod nested;

use super::*;

fn digging(mode: Mode) -> World {
    let mut world = tools::world(mode);
    world.write("3001", "1", "m1");
    world.ask(&["sessions_spawn"]);
    world
}

impl World {
    /// The open request of the sub-agent, or of its parent.
    fn open_of(&self, subagent: bool) -> &ModelRequest {
        let is_wanted = |it: &&ModelRequest| {
            self.gateway.runs[&it.run].session.as_str().contains("subagent") == subagent
        };
        self.open.values().find(is_wanted).expect("such a request is open")
    }

    fn answer_of(&mut self, subagent: bool, outcome: ModelOutcome) {
        let ModelRequest { run, call, .. } = *self.open_of(subagent);
        self.open.remove(&run);
        self.step(Event::ModelEnded { run, call, outcome });
    }
}

#[test]
fn a_subagent_runs_beside_its_parent_also_where_only_one_turn_may() {
    let mut world = tools::world(Mode::Collect);
    world.gateway.lanes = Lanes::new(crate::run::Widths { main: 1, subagent: 1, cron: 1 });
    world.write("3001", "1", "m1");
    world.ask(&["sessions_spawn"]);
    assert_eq!(world.open.len(), 2, "the parent's next request and the sub-agent's first");
    world.finish();
}

#[test]
fn its_words_reach_people_only_through_its_parent_and_once() {
    let mut world = digging(Mode::Collect);
    world.answer_of(false, ModelOutcome::Answered(Answer::of("started")));
    world.answer_of(true, ModelOutcome::Answered(Answer::of("gold")));
    assert_eq!(world.visible.len(), 1, "{:?}", world.visible);
    assert!(world.history().ends_with("[Sub-agent digger has finished:]\ngold"));
    world.finish();
    assert_eq!(world.visible.len(), 2, "{:?}", world.visible);
}

#[test]
fn a_report_waits_while_its_parent_is_busy() {
    for mode in [Mode::Collect, Mode::Followup, Mode::Steer, Mode::SteerBacklog, Mode::Interrupt] {
        let mut world = digging(mode);
        world.answer_of(true, ModelOutcome::Answered(Answer::of("gold")));
        assert_eq!(world.open.len(), 1, "{mode:?}: the parent's request goes on");
        world.answer(&answered());
        world.pass(Millis::new(200));
        assert_eq!(world.history().matches("gold").count(), 1, "{mode:?}: {}", world.history());
        world.finish();
        assert_eq!(world.visible.len(), 2, "{mode:?}: {:?}", world.visible);
    }
}

#[test]
fn no_cap_and_no_interrupt_loses_a_report() {
    for mode in [Mode::Collect, Mode::Followup, Mode::Interrupt] {
        let mut world = digging(mode);
        world.answer_of(true, ModelOutcome::Answered(Answer::of("gold")));
        for id in 2..9 {
            world.write("3001", &id.to_string(), &format!("m{id}"));
        }
        let mut seen = 0;
        for _ in 0..20 {
            let holds = |it: &&ModelRequest| {
                let last = it.history.entries().last();
                matches!(last, Some(Entry::User(said)) if said.text.contains("gold"))
            };
            seen += world.open.values().filter(holds).count();
            world.answer(&answered());
            world.pass(Millis::new(200));
        }
        assert_eq!(seen, 1, "{mode:?}");
    }
}

#[test]
fn a_failure_is_reported_too() {
    let mut world = digging(Mode::Collect);
    world.answer_of(false, answered());
    world.answer_of(true, ModelOutcome::Failed(ModelFailure::Status(400).into()));
    assert!(
        world.history().contains("[Sub-agent digger failed: the model provider did not accept")
    );
    world.finish();
}

#[test]
fn stop_ends_subagents_without_a_report() {
    let mut world = digging(Mode::Collect);
    world.answer_of(false, answered());
    world.write("3001", "2", "/stop");
    assert!(world.open.is_empty());
    assert_eq!(world.visible.last().unwrap().1, "Stopped.");
    world.finish();
    assert_eq!(world.requests.len(), 3, "nothing runs after it");
}

#[test]
fn a_subagent_has_neither_its_parents_words_nor_its_session_tools() {
    let world = digging(Mode::Collect);
    let request = world.open_of(true);
    assert_eq!(request.history.entries(), [Entry::User("dig".into())]);
    let offered: Vec<_> = request.tools.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(offered, ["notes__read", "notes__write", "notes__p1", "notes__p2", "broken"]);
}

#[test]
fn subagents_are_limited_and_forgotten_in_the_end() {
    let mut world = tools::world(Mode::Collect);
    world.write("3001", "1", "m1");
    world.ask(&["sessions_spawn"; 7]);
    assert_eq!(world.gateway.runs.len(), 6, "five and their parent");
    world.finish();
    assert_eq!(world.gateway.sessions.len(), 6);
    world.pass(Millis::from_s(2 * 60 * 60));
    assert_eq!(world.gateway.sessions.len(), 1);
}
