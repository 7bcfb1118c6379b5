//! Routing with 1 to 10,000 bindings, beside one look-up in a map of the same size.

use std::{collections::BTreeMap, hint::black_box, time::Duration};

use creel_benches::{origin, settings};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde_json::json;

fn routing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("routing");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for bindings in [1_usize, 10, 100, 1_000, 10_000] {
        let rows: Vec<_> = (0..bindings)
            .map(|number| {
                let id = origin(number).route.peer.id.to_string();
                let peer = json!({ "kind": "direct", "id": id });
                json!({ "agentId": "work", "match": { "channel": "telegram", "peer": peer } })
            })
            .collect();
        let table = settings("collect", &json!(rows), "http://127.0.0.1:1", "http://127.0.0.1:1")
            .core
            .routing;
        let (hit, miss) = (origin(bindings - 1), origin(bindings + 7));
        group.bench_function(BenchmarkId::new("hit", bindings), |bencher| {
            bencher.iter(|| black_box(table.route(black_box(&hit))));
        });
        group.bench_function(BenchmarkId::new("miss", bindings), |bencher| {
            bencher.iter(|| black_box(table.route(black_box(&miss))));
        });
        let map: BTreeMap<_, usize> =
            (0..bindings).map(|it| (origin(it).route.peer.id, it)).collect();
        group.bench_function(BenchmarkId::new("floor", bindings), |bencher| {
            bencher.iter(|| black_box(map.get(black_box(&hit.route.peer.id))));
        });
    }
    group.finish();
}

criterion_group!(benches, routing);
criterion_main!(benches);
