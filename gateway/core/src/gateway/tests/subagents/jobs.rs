//! Cron jobs: their moments, their lane and sessions, and who hears them.

use super::*;
use crate::{
    cron::{Cron, Delivery, Isolated, Job, Schedule, Work},
    ids::{AgentId, JobId},
};

fn job(id: &str, work: Work) -> Job {
    Job {
        id: JobId::new(id).unwrap(),
        name: id.to_owned(),
        agent: AgentId::new("main").unwrap(),
        schedule: Schedule::Every { span: Millis::from_s(10), anchor: None },
        work,
    }
}

fn isolated(id: &str, delivery: Delivery) -> Job {
    let message = format!("do {id}");
    job(id, Work::Isolated(Isolated { message, model: None, timeout: None, delivery }))
}

fn world(jobs: Vec<Job>) -> World {
    let mut world = World::new(Version::V2026_3, Mode::Collect, DropPolicy::Old);
    let mut settings = testing::settings(Version::V2026_3, Mode::Collect, DropPolicy::Old);
    settings.cron = Cron { max_concurrent: 1, jobs };
    world.gateway = Gateway::new(settings, 1);
    world.pass(Millis::ZERO);
    world
}

#[test]
fn a_job_runs_again_and_again_and_remembers_nothing() {
    let to = Delivery::To(testing::dm("3009").route);
    let mut world = world(vec![isolated("brief", to)]);
    for round in 1..4 {
        assert!(world.open.is_empty(), "not before its time");
        world.pass(Millis::from_s(10));
        assert_eq!(world.history(), "[cron:brief brief] do brief");
        world.answer(&answered());
        assert_eq!(world.visible, vec![("3009".to_owned(), "fine".to_owned()); round]);
    }
}

#[test]
fn jobs_share_a_lane_that_is_not_peoples() {
    let jobs = vec![isolated("a", Delivery::Nowhere), isolated("b", Delivery::Nowhere)];
    let mut world = world(jobs);
    world.pass(Millis::from_s(10));
    assert_eq!(world.open.len(), 1, "the second waits for the first");
    world.write("3001", "1", "m1");
    world.write("3002", "2", "m2");
    assert_eq!(world.open.len(), 3, "people do not");
    world.answer(&answered());
    assert_eq!(world.open.len(), 3);
}

#[test]
fn a_job_that_is_under_way_is_passed_over() {
    let mut world = world(vec![isolated("slow", Delivery::Nowhere)]);
    world.pass(Millis::from_s(35));
    world.pass(Millis::from_s(10));
    assert_eq!(world.open.len(), 1);
    world.answer(&answered());
    assert!(world.open.is_empty(), "nothing is made up for");
    assert!(world.visible.is_empty());
}

#[test]
fn an_event_is_answered_where_people_last_wrote() {
    let mut world = world(vec![job("nudge", Work::Event("look".to_owned()))]);
    world.pass(Millis::from_s(10));
    assert!(world.open.is_empty(), "nobody would read it");
    let scope = crate::session_key::DmScope::Main;
    let none = BTreeMap::new();
    world.gateway.settings.keys =
        crate::session_key::KeyRules::new(Version::V2026_3, scope, "main", &none).0;
    world.write("3001", "1", "m1");
    world.answer(&answered());
    world.pass(Millis::from_s(10));
    assert!(world.history().ends_with("[cron:nudge nudge] look"), "{}", world.history());
    world.answer(&answered());
    assert_eq!(world.visible.len(), 2);
}

#[test]
fn a_gateway_that_ends_begins_no_job() {
    let mut world = world(vec![isolated("a", Delivery::Nowhere)]);
    world.step(Event::Closing);
    world.pass(Millis::from_s(60));
    assert!(world.open.is_empty());
    assert_eq!(world.gateway.next_deadline(), None);
}
