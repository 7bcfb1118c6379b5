//! Cron jobs: their moments, their lane and sessions, and who hears them.

use super::*;
use crate::{
    cron::{Cron, Delivery, Isolated, Job, Schedule, Work},
    gateway::{JobDone, JobEnd},
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

fn now(world: &World) -> Now {
    Now::from(Timestamp::from_ms(world.now))
}

fn done(world: &World) -> Vec<String> {
    let told = |it: &JobDone| {
        let ms = it.ended.as_unix_ms() - it.began.as_unix_ms();
        let how = match &it.how {
            JobEnd::Answered(text) => format!("said {text}"),
            JobEnd::Failed(why) => format!("failed: {why}"),
            JobEnd::Skipped(why) => format!("skipped: {why}"),
        };
        format!("{} after {ms} ms: {how}", it.job)
    };
    world.gateway.jobs_done().map(told).collect()
}

#[test]
fn jobs_come_change_and_go_while_the_gateway_runs() {
    let mut world = world(Vec::new());
    assert_eq!(world.gateway.next_deadline(), None);
    world.gateway.put_job(now(&world), isolated("a", Delivery::Nowhere));
    world.pass(Millis::from_s(10));
    assert_eq!(world.history(), "[cron:a a] do a");
    world.answer(&answered());
    let later = Schedule::Every { span: Millis::from_s(60), anchor: None };
    let job = Job { schedule: later, ..isolated("a", Delivery::Nowhere) };
    world.gateway.put_job(now(&world), job);
    world.pass(Millis::from_s(30));
    assert!(world.open.is_empty(), "it has another moment now");
    world.pass(Millis::from_s(30));
    assert_eq!(world.open.len(), 1);
    world.answer(&answered());
    let (at, id) = (now(&world), JobId::new("a").unwrap());
    assert!(world.gateway.remove_job(at, &id, &mut Vec::new()));
    assert!(!world.gateway.remove_job(at, &id, &mut Vec::new()), "it is gone");
    assert_eq!(world.gateway.next_deadline(), None);
}

#[test]
fn a_job_that_is_removed_ends_its_turn() {
    let mut world = world(vec![isolated("a", Delivery::Nowhere)]);
    world.pass(Millis::from_s(10));
    let (at, id, mut effects) = (now(&world), JobId::new("a").unwrap(), Vec::new());
    assert_eq!(world.gateway.job_under_way_since(&id), Some(at.wall));
    assert!(world.gateway.remove_job(at, &id, &mut effects));
    assert!(effects.iter().any(|it| matches!(it, Effect::CancelModel(_))), "{effects:?}");
    assert_eq!(world.gateway.unfinished(), (0, 0));
    assert_eq!(world.gateway.job_under_way_since(&id), None);
    assert_eq!(done(&world), ["a after 0 ms: failed: stopped"]);
}

#[test]
fn what_became_of_jobs_is_remembered() {
    let nudge = job("nudge", Work::Event("look".to_owned()));
    let mut world = world(vec![isolated("a", Delivery::Nowhere), nudge]);
    world.pass(Millis::from_s(10));
    world.pass(Millis::from_s(10));
    world.answer(&answered());
    let nobody = "nudge after 0 ms: skipped: nobody has written in its agent's main session yet";
    let busy = "a after 0 ms: skipped: its session is still busy";
    assert_eq!(done(&world), [nobody, busy, nobody, "a after 10000 ms: said fine"]);
}

#[test]
fn a_gateway_that_ends_begins_no_job() {
    let mut world = world(vec![isolated("a", Delivery::Nowhere)]);
    world.step(Event::Closing);
    world.pass(Millis::from_s(60));
    assert!(world.open.is_empty());
    assert_eq!(world.gateway.next_deadline(), None);
}
