mod approvals;
mod subagents;
mod talks;
mod tools;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    approval::{self, Approval},
    lane::{DropPolicy, Mode},
    media::Said,
    profile::Version,
    run::{Answer, LaneName, ModelFailure, ModelOutcome, ModelRequest},
    session::Entry,
    testing,
    time::Millis,
    tools::{Job, ToolOutcome},
};

/// A gateway with a world around it that does what it is told: every model request stays open until the script ends it,
/// every send is accepted at once.
struct World {
    gateway: Gateway,
    now: u64,
    open: BTreeMap<RunId, ModelRequest>,
    /// Tools that run.
    jobs: BTreeMap<Ticket, Job>,
    /// How often each request's prompt holds each message.
    requests: Vec<BTreeMap<String, usize>>,
    /// How often each message was new in a request: stood there more often than in the request's predecessor.
    appeared: BTreeMap<String, usize>,
    /// What people see, by chat.
    visible: Vec<(String, String)>,
    /// Messages that were refused, by the number that the refusal quotes.
    refused: Vec<String>,
    /// What was asked about, how it ended, and what was allowed for good.
    asked: Vec<Approval>,
    ended: Vec<approval::Ended>,
    kept: Vec<Grant>,
}

impl World {
    fn new(version: Version, mode: Mode, drop: DropPolicy) -> Self {
        let gateway = Gateway::new(testing::settings(version, mode, drop), 1);
        Self {
            gateway,
            now: 0,
            open: BTreeMap::new(),
            jobs: BTreeMap::new(),
            requests: Vec::new(),
            appeared: BTreeMap::new(),
            visible: Vec::new(),
            refused: Vec::new(),
            asked: Vec::new(),
            ended: Vec::new(),
            kept: Vec::new(),
        }
    }

    fn write(&mut self, chat: &str, id: &str, text: &str) {
        let inbound = testing::inbound(testing::dm(chat), id, text);
        self.step(Event::Inbound(inbound));
    }

    fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.gateway.step(Timestamp::from_ms(self.now), event, &mut effects);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::CallModel(request) => self.open(request),
                Effect::CancelModel(run) => _ = self.open.remove(&run),
                Effect::CallTool(job) => {
                    assert!(self.jobs.insert(job.ticket, job).is_none(), "a call starts once");
                }
                Effect::CancelTools(run) => self.jobs.retain(|it, _| it.run != run),
                Effect::Send(outgoing) => {
                    self.refused.extend(outgoing.reply_to.as_ref().map(ToString::to_string));
                    self.visible.push((outgoing.route.peer.id.to_string(), outgoing.text));
                    let sent = crate::egress::SendOutcome::Delivered.into();
                    self.step(Event::SendEnded { send: outgoing.send, sent });
                }
                Effect::ApprovalAsked(approval) => self.asked.push(*approval),
                Effect::ApprovalEnded(ended) => self.ended.push(*ended),
                Effect::KeepGrant(grant) => self.kept.push(grant),
                Effect::KeepHealth(_) | Effect::Told(_) | Effect::Note(_) => (),
            }
        }
    }

    fn open(&mut self, request: ModelRequest) {
        // A run that this very step ended is cancelled by a later effect of it.
        let session = |run: &RunId| self.gateway.runs.get(run).map(|it| it.session.clone());
        assert!(
            self.open.keys().all(|it| *it == request.run || session(it) != session(&request.run)),
            "two requests of one session at once"
        );
        let lane = |run: &RunId| self.gateway.runs.get(run).map(|it| it.lane);
        let is_main = |it: &&RunId| lane(it) == Some(LaneName::Main);
        let main = self.open.keys().filter(is_main).filter(|it| **it != request.run).count();
        assert!(main < 2 || lane(&request.run) != Some(LaneName::Main), "more than two at once");
        let counts = counts(&request);
        let nothing = BTreeMap::new();
        let related =
            |it: &&BTreeMap<String, usize>| counts.keys().any(|word| it.contains_key(word));
        let before = self.requests.iter().rev().find(related).unwrap_or(&nothing);
        for (word, count) in &counts {
            let rose = count.saturating_sub(before.get(word).copied().unwrap_or(0));
            *self.appeared.entry(word.clone()).or_default() += rose;
        }
        self.requests.push(counts);
        self.open.insert(request.run, request);
    }

    /// Ends the oldest open request.
    fn answer(&mut self, outcome: &ModelOutcome) {
        if let Some((run, request)) = self.open.pop_first() {
            self.step(Event::ModelEnded { run, call: request.call, outcome: outcome.clone() });
        }
    }

    /// Ends the oldest tool that runs.
    fn end_tool(&mut self) {
        if let Some((ticket, job)) = self.jobs.pop_first() {
            let outcome = ToolOutcome::Done(format!("{} is done", job.name));
            self.step(Event::ToolEnded { ticket, outcome });
        }
    }

    fn pass(&mut self, span: Millis) {
        self.now += span.as_ms();
        self.step(Event::Tick);
    }

    /// Answers everything and lets time pass until nothing is left to do.
    fn finish(&mut self) {
        for _ in 0..200 {
            self.answer(&answered());
            self.end_tool();
            self.pass(Millis::new(200));
        }
        assert_eq!(self.gateway.unfinished(), (0, 0), "something never ended");
    }
}

/// The messages in a prompt: words like `m12`.
fn counts(request: &ModelRequest) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for entry in request.history.entries() {
        let Entry::User(Said { text, .. }) = entry else { continue };
        let number = |it: &&str| it.strip_prefix('m').is_some_and(|it| it.parse::<u32>().is_ok());
        for word in text.split_whitespace().filter(number) {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    counts
}

fn answered() -> ModelOutcome {
    ModelOutcome::Answered(Answer::of("fine"))
}

#[test]
fn a_late_answer_of_an_aborted_run_changes_nothing() {
    let mut world = World::new(Version::V2026_3, Mode::Interrupt, DropPolicy::Old);
    world.write("3001", "1", "m1");
    let (run, request) = world.open.first_key_value().map(|(run, it)| (*run, it.call)).unwrap();
    world.write("3001", "2", "m2");
    let outcome = ModelOutcome::Answered(Answer::of("stale"));
    world.step(Event::ModelEnded { run, call: request, outcome });
    world.finish();
    assert_eq!(world.visible, [("3001".to_owned(), "fine".to_owned())]);
}

#[test]
fn a_run_that_takes_too_long_is_ended_visibly_and_the_queue_drains() {
    let mut world = World::new(Version::V2026_3, Mode::Followup, DropPolicy::Old);
    world.write("3001", "1", "m1");
    world.write("3001", "2", "m2");
    world.pass(Millis::from_s(600));
    assert!(world.visible[0].1.contains("took longer than it may"), "{:?}", world.visible);
    world.finish();
    assert_eq!(world.appeared.get("m2"), Some(&1));
}

#[test]
fn a_redelivered_message_is_taken_once() {
    let mut world = World::new(Version::V2026_3, Mode::Collect, DropPolicy::Old);
    world.write("3001", "1", "m1");
    world.write("3001", "1", "m1");
    world.finish();
    world.write("3001", "1", "m1");
    world.finish();
    assert_eq!(world.appeared, [("m1".to_owned(), 1)].into());
    assert_eq!(world.visible.len(), 1);
}

#[test]
fn stop_frees_the_slot_for_others() {
    let mut world = World::new(Version::V2026_3, Mode::Collect, DropPolicy::Old);
    for chat in ["3001", "3002", "3003"] {
        world.write(chat, "1", &format!("m{chat}"));
    }
    assert_eq!(world.open.len(), 2, "the main lane has two slots");
    world.write("3001", "2", "/stop");
    assert_eq!(world.appeared.get("m3003"), Some(&1));
    world.finish();
}

/// What a generated script can do.
#[derive(Clone, Debug)]
enum Act {
    Write { chat: u8 },
    Redeliver,
    Command { chat: u8, which: u8 },
    Answer,
    Call { tools: u8 },
    EndTool,
    Fail,
    Pass { ms: u64 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..3_u8).prop_map(|chat| Act::Write { chat }),
        1 => Just(Act::Redeliver),
        1 => (0..3_u8, 0..4_u8).prop_map(|(chat, which)| Act::Command { chat, which }),
        4 => Just(Act::Answer),
        1 => Just(Act::Fail),
        2 => (1..4_u8).prop_map(|tools| Act::Call { tools }),
        2 => Just(Act::EndTool),
        3 => (1..400_u64).prop_map(|ms| Act::Pass { ms }),
    ]
}

fn mode() -> impl Strategy<Value = (Version, Mode, DropPolicy)> {
    let mode = prop_oneof![
        Just(Mode::Collect),
        Just(Mode::Followup),
        Just(Mode::Steer),
        Just(Mode::SteerBacklog),
        Just(Mode::Interrupt),
    ];
    let drop =
        prop_oneof![Just(DropPolicy::Old), Just(DropPolicy::New), Just(DropPolicy::Summarize)];
    (prop_oneof![Just(Version::V2026_3), Just(Version::V2026_9)], mode, drop)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever happens: nothing hangs, no session runs twice at once, the main lane is never too wide, no message
    /// reaches the model twice (steer-backlog: three times), and none is lost without a policy that says so.
    #[test]
    fn every_message_has_exactly_one_fate((version, mode, drop) in mode(), script in prop::collection::vec(act(), 1..60)) {
        let mut world = World::new(version, mode, drop);
        let mut written: Vec<(String, String)> = Vec::new();
        let mut discards = false;
        for act in script {
            let id = (written.len() + 1).to_string();
            match act {
                Act::Write { chat } => {
                    let chat = format!("300{chat}");
                    world.write(&chat, &id, &format!("m{id}"));
                    written.push((chat, format!("m{id}")));
                }
                Act::Redeliver => {
                    if let Some((chat, text)) = written.last().cloned() {
                        world.write(&chat, text.trim_start_matches('m'), &text);
                    }
                }
                Act::Command { chat, which } => {
                    discards |= which < 2;
                    let command = ["/stop", "/reset", "/status", "/queue"][usize::from(which)];
                    let number = written.len() * 1_000 + world.visible.len();
                    world.write(&format!("300{chat}"), &format!("9{number}"), command);
                }
                Act::Answer => world.answer(&answered()),
                Act::Call { tools: count } => {
                    let names = ["notes__read", "message", "gone", "sessions_spawn"];
                    let calls: Vec<_> =
                        names.iter().cycle().skip(usize::from(count)).take(usize::from(count)).collect();
                    world.answer(&tools::asking(&calls));
                }
                Act::EndTool => world.end_tool(),
                Act::Fail => world.answer(&ModelOutcome::Failed(ModelFailure::Status(400).into())),
                Act::Pass { ms } => world.pass(Millis::new(ms)),
            }
        }
        world.finish();
        let most = if mode == Mode::SteerBacklog { 2 } else { 1 };
        let may_vanish = discards || mode == Mode::Interrupt || drop == DropPolicy::Old;
        for (_, message) in &written {
            let times = world.appeared.get(message).copied().unwrap_or(0);
            let refused = world.refused.contains(&message.trim_start_matches('m').to_owned());
            prop_assert!(times <= most, "{message} reached the model {times} times");
            prop_assert!(times > 0 || refused || may_vanish, "{message} was lost");
        }
    }
}

/// The words of the requests that are open.
fn prompts(world: &World) -> Vec<Vec<String>> {
    let text = |it: &Entry| match it {
        Entry::User(Said { text, .. }) | Entry::Assistant(text) => text.to_string(),
        Entry::Tools(round) => round.text.to_string(),
    };
    world.open.values().map(|it| it.history.entries().iter().map(text).collect()).collect()
}

fn idle_after_an_hour(mode: Mode) -> World {
    let mut world = World::new(Version::V2026_9, mode, DropPolicy::Old);
    world.gateway.settings.life.all.idle = Some(Millis::from_s(3_600));
    world.gateway.settings.run_timeout = Millis::from_s(172_800);
    world
}

#[test]
fn a_life_that_is_over_waits_for_its_run() {
    let mut world = idle_after_an_hour(Mode::Followup);
    world.write("3001", "1", "m1");
    world.pass(Millis::from_s(3_601));
    world.write("3001", "2", "m2");
    assert_eq!(prompts(&world), [["m1"]], "the run goes on");
    world.answer(&answered());
    world.pass(Millis::from_s(1));
    assert_eq!(prompts(&world), [["m2"]]);
    world.finish();
    world.write("3001", "3", "m3");
    assert_eq!(prompts(&world), [["m2", "fine", "m3"]]);
}

#[test]
fn a_life_that_a_steered_message_found_over_is_asked_again() {
    let mut world = idle_after_an_hour(Mode::Steer);
    world.write("3001", "1", "m1");
    world.pass(Millis::from_s(3_601));
    world.write("3001", "2", "m2");
    world.finish();
    world.write("3001", "3", "m3");
    assert_eq!(prompts(&world), [["m1", "fine", "m2", "fine", "m3"]], "m2 was a minute ago");
}

#[test]
fn an_interrupting_message_opens_the_new_life() {
    let mut world = idle_after_an_hour(Mode::Interrupt);
    world.write("3001", "1", "m1");
    world.pass(Millis::from_s(3_601));
    world.write("3001", "2", "m2");
    assert_eq!(prompts(&world), [["m2"]]);
}

/// A world that streams blocks of lines.
fn streaming() -> World {
    use crate::egress::stream::{Blocks, Break, BreakAt, StreamedBy, Streaming};
    let mut world = World::new(Version::V2026_3, Mode::Interrupt, DropPolicy::Old);
    let blocks = Blocks {
        chars_min: 3,
        chars_max: 40,
        prefer: Break::Newline,
        at: BreakAt::Text,
        coalesce: None,
    };
    world.gateway.settings.streaming =
        Streaming { blocks: Some(blocks), default: StreamedBy::All, ..Streaming::default() };
    world
}

fn write(world: &mut World, text: &str) -> (RunId, u32) {
    let (run, request) = world.open.first_key_value().expect("a request is open");
    assert!(request.deltas);
    let (run, call) = (*run, request.call);
    world.step(Event::ModelWrote { run, call, text: text.to_owned() });
    (run, call)
}

fn seen(world: &World) -> Vec<&str> {
    world.visible.iter().map(|(_, text)| text.as_str()).collect()
}

#[test]
fn blocks_leave_while_the_model_writes_and_the_end_repeats_none() {
    let mut world = streaming();
    world.write("3001", "1", "m1");
    write(&mut world, "one\ntw");
    assert_eq!(seen(&world), ["one"]);
    world.answer(&ModelOutcome::Answered(Answer::of("one\ntwo\nthree")));
    assert_eq!(seen(&world), ["one", "two\nthree"]);
    world.finish();
}

#[test]
fn a_stream_that_was_interrupted_says_nothing_more() {
    let mut world = streaming();
    world.write("3001", "1", "m1");
    let (run, call) = write(&mut world, "one\ntw");
    world.write("3001", "2", "m2");
    world.step(Event::ModelWrote { run, call, text: "o\nthree\nfour\n".to_owned() });
    world.finish();
    assert_eq!(seen(&world), ["one", "fine"]);
}

#[test]
fn a_failure_behind_blocks_is_told() {
    let mut world = streaming();
    world.write("3001", "1", "m1");
    write(&mut world, "one\ntw");
    world.answer(&ModelOutcome::Failed(ModelFailure::Status(400).into()));
    assert!(seen(&world)[1].contains("No answer this time"), "{:?}", seen(&world));
}
