//! Scenarios a second on one core, and what silence costs, in each engine.

use std::{hint::black_box, sync::Arc, time::Duration};

use creel_judge::{invariants, turns::Turns};
use creel_sim::{
    scenario::{self, Scenario},
    world::World,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const ONE_MESSAGE: &str = "
id: run/one
title: one message
settle: 100ms
chats: { alice: { dm: '3001' } }
model: { alice: [{ say: hello }] }
steps: [{ at: 0s, send: { chat: alice, text: hi } }]
expect: [{ visible: { chat: alice, ends_with: hello } }]
";

const SILENT_HOUR: &str = "
id: run/hour
title: an hour of silence between two messages
chats: { alice: { dm: '3001' } }
model: { alice: [{ say: hello }, { say: again }] }
steps:
  - { at: 0s, send: { chat: alice, text: hi } }
  - { at: 1h, send: { chat: alice, text: still there } }
expect: [{ visible: { chat: alice, ends_with: again } }]
";

fn ten_messages() -> String {
    let answers: Vec<String> =
        (0..10).map(|it| format!("    - {{ after: 5ms, say: 'answer {it}' }}\n")).collect();
    let step = |it| {
        format!("  - {{ at: {}ms, send: {{ chat: alice, text: 'message {it}' }} }}\n", it * 50)
    };
    let steps: Vec<String> = (0..10).map(step).collect();
    let (answers, steps) = (answers.concat(), steps.concat());
    format!(
        "id: run/ten\ntitle: ten messages\nsettle: 100ms\nchats: {{ alice: {{ dm: '3001' }} }}\n\
         model:\n  alice:\n{answers}steps:\n{steps}\
         expect: [{{ visible: {{ chat: alice, ends_with: 'answer 9' }} }}]\n"
    )
}

fn parse(id: &str, text: &str) -> Arc<Scenario> {
    Arc::new(scenario::parse(id, text).expect("a scenario of ours"))
}

/// Runs and judges by every invariant.
fn run(world: &World, scenario: &Arc<Scenario>, seed: u64) -> usize {
    let run = world.run(scenario, "2026.3", seed).expect("it runs");
    let turns = Turns::of(&run.trace, &run.context);
    let verdicts = invariants::judge_all(&run.trace, &turns, &run.context);
    verdicts.len() + run.trace.facts.len()
}

fn simulator(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulator");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    let ten = ten_messages();
    let cases = [
        ("one-message", "run/one", ONE_MESSAGE),
        ("ten-messages", "run/ten", &ten),
        ("silent-hour", "run/hour", SILENT_HOUR),
    ];
    for (name, id, text) in cases {
        let scenario = parse(id, text);
        for world in [World::Turmoil, World::Events] {
            let mut seed = 0;
            group.throughput(Throughput::Elements(1));
            group.bench_function(format!("{name}/{}", world.name()), |bencher| {
                bencher.iter(|| {
                    seed += 1;
                    black_box(run(&world, &scenario, seed))
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, simulator);
criterion_main!(benches);
