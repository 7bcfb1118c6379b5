//! Events a second through the core, by queue mode and number of sessions, beside the least possible work.

use std::{
    collections::{BTreeMap, VecDeque},
    hint::black_box,
    time::{Duration, Instant},
};

use creel_benches::{core, inbound, origin};
use creel_core::{
    gateway::{Effect, Event, Gateway},
    origin::Origin,
    run::{Answer, ModelOutcome},
    time::Timestamp,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Messages of one conversation before its core is made anew, so that no history grows for ever.
const MESSAGES_MAX: u64 = 200_000;

/// Plays one message's life on a session: two arrive, the model answers whatever was asked, the answers are sent.
/// Returns how many events that were.
fn life(gateway: &mut Gateway, effects: &mut Vec<Effect>, origin: &Origin, at: &mut u64) -> u64 {
    let mut events = 0;
    for _ in 0..2 {
        *at += 1;
        let event = Event::Inbound(inbound(origin, *at));
        gateway.step(Timestamp::from_ms(*at), event, effects);
        events += 1;
    }
    while let Some(effect) = effects.pop() {
        let event = match effect {
            Effect::CallModel(request) => Event::ModelEnded {
                run: request.run,
                call: request.call,
                outcome: ModelOutcome::Answered(Answer::of("It is fine.")),
            },
            Effect::Send(outgoing) => Event::SendEnded {
                send: outgoing.send,
                sent: creel_core::egress::SendOutcome::Delivered.into(),
            },
            Effect::CallTool(_) => unreachable!("the model asks for none"),
            Effect::CancelModel(_)
            | Effect::CancelTools(_)
            | Effect::KeepHealth(_)
            | Effect::ApprovalAsked(_)
            | Effect::ApprovalEnded(_)
            | Effect::KeepGrant(_)
            | Effect::Told(_)
            | Effect::Note(_) => continue,
        };
        gateway.step(Timestamp::from_ms(*at), event, effects);
        events += 1;
    }
    events
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn timed(mode: &str, sessions: usize, iterations: u64) -> Duration {
    let origins: Vec<Origin> = (0..sessions).map(origin).collect();
    let mut total = Duration::ZERO;
    let mut done = 0;
    while done < iterations {
        let mut gateway = core(mode);
        let mut effects = Vec::new();
        let mut at = 0;
        // Every session exists before the clock starts.
        for origin in &origins {
            life(&mut gateway, &mut effects, origin, &mut at);
        }
        let batch = (iterations - done).min(MESSAGES_MAX);
        let started = Instant::now();
        for origin in origins.iter().cycle().take(usize::try_from(batch).expect("small")) {
            black_box(life(&mut gateway, &mut effects, origin, &mut at));
        }
        total += started.elapsed();
        done += batch;
    }
    total
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("core");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    for mode in ["collect", "followup", "steer", "steer-backlog", "interrupt"] {
        for sessions in [1, 1_000, 100_000] {
            let per_life = {
                let mut gateway = core(mode);
                life(&mut gateway, &mut Vec::new(), &origin(0), &mut 0)
            };
            group.throughput(Throughput::Elements(per_life));
            group.bench_function(BenchmarkId::new(mode, sessions), |bencher| {
                bencher.iter_custom(|iterations| timed(mode, sessions, iterations));
            });
        }
    }
    group.finish();
}

/// The least that any gateway must do for a message: find its conversation, put it in line, take it out.
fn floor(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("floor");
    group.throughput(Throughput::Elements(2));
    for sessions in [1, 1_000, 100_000] {
        let origins: Vec<Origin> = (0..sessions).map(origin).collect();
        let mut queues: BTreeMap<_, VecDeque<String>> =
            origins.iter().map(|it| (it.route.clone(), VecDeque::new())).collect();
        let mut next = origins.iter().cycle();
        group.bench_function(BenchmarkId::new("queue", sessions), |bencher| {
            bencher.iter(|| {
                let origin = next.next().expect("there is one");
                let queue = queues.get_mut(&origin.route).expect("it is there");
                queue.push_back("what is the weather like today?".to_owned());
                black_box(queue.pop_front())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, events, floor);
criterion_main!(benches);
