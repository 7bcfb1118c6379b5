//! Same seed, same trace: in one process, in another, whatever runs beside it. Another seed, another trace.

use std::{collections::BTreeMap, path::Path, thread};

use creel::{
    corpus,
    suite::{self, Case, Plan},
};
use creel_judge::trace::{Kind, Trace};
use creel_sim::world::World;
use serde_json::Value;

use super::{in_ticks, program};

/// A case's scenario and profile.
type Name = (String, String);

/// What this machine can do at once.
fn cpus() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// One in so many cases of the corpus, but no variants of sweeps, simulated side by side without judgement: the traces.
fn traces(seed: u64, one_in: usize) -> BTreeMap<Name, Trace> {
    let jobs = cpus();
    let entries = corpus::choose(&[]).unwrap_or_else(|error| panic!("{error}"));
    let plan = Plan { seed, ..Plan::new(entries, World::Turmoil) };
    let mut cases = suite::cases(&plan);
    cases.retain(|it| it.entry.scenario.variant.is_none());
    let cases: Vec<Case> = cases.into_iter().step_by(one_in).collect();
    let simulate = |case: &Case| {
        let run = World::Turmoil.run(&case.entry.scenario, &case.profile, seed);
        let run = run.unwrap_or_else(|error| panic!("{}: {error}", case.entry.scenario.id));
        ((case.entry.scenario.name(), case.profile.clone()), run.trace)
    };
    let shares: Vec<&[Case]> = cases.chunks(cases.len().div_ceil(jobs)).collect();
    thread::scope(|scope| {
        let share = |share: &&[Case]| {
            let share = share.to_vec();
            scope.spawn(move || share.iter().map(simulate).collect::<Vec<_>>())
        };
        let threads: Vec<_> = shares.iter().map(share).collect();
        threads.into_iter().flat_map(|it| it.join().unwrap()).collect()
    })
}

/// The report of `creel run --json` with a given nonce, without what the machine's clock and the command line have a part in.
fn report(arguments: &[&str]) -> Value {
    let own = ["run", "--json", "--nonce", "the same every time"];
    let arguments = [&own[..], arguments].concat();
    let ran = program::run(program::command(Path::new(".")).args(&arguments));
    assert!([0, 1].contains(&ran.code), "{ran:#?}");
    let mut report: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|it| panic!("{it}: {}", ran.err));
    let whole = report.as_object_mut().unwrap();
    assert!(["took_ms", "command"].iter().all(|it| whole.remove(*it).is_some()), "{whole:#?}");
    for case in report["cases"].as_array_mut().unwrap() {
        case.as_object_mut().unwrap().remove("took_ms").unwrap();
    }
    report
}

/// The hashes in a report.
fn hashes(report: &Value) -> BTreeMap<Name, String> {
    let text = |case: &Value, key: &str| case[key].as_str().unwrap().to_owned();
    let cases = report["cases"].as_array().unwrap();
    let row = |it: &Value| ((text(it, "scenario"), text(it, "profile")), text(it, "trace_hash"));
    cases.iter().map(row).collect()
}

/// Fails with the names of the cases in which two campaigns differ, and the first fact in which each does.
#[track_caller]
fn assert_same(one: &BTreeMap<Name, Trace>, two: &BTreeMap<Name, &Trace>, when: &str) {
    let differ: Vec<String> = one
        .iter()
        .filter(|(name, trace)| two[*name].hash() != trace.hash())
        .map(|(name, trace)| format!("{name:?}: {}", difference(trace, two[name])))
        .collect();
    assert!(!one.is_empty());
    assert!(differ.is_empty(), "{when}, {} cases differ:\n{}", differ.len(), differ.join("\n"));
}

fn difference(one: &Trace, two: &Trace) -> String {
    let pair = one.facts.iter().zip(&two.facts).find(|(one, two)| one != two);
    match pair {
        Some((one, two)) => format!("\n  {one:?}\n  {two:?}"),
        None => format!("{} and {} facts", one.facts.len(), two.facts.len()),
    }
}

/// Whether the seed can be seen: scenarios that judge by count alone carry no canary.
fn has_canary(trace: &Trace) -> bool {
    trace.facts.iter().any(|it| matches!(&it.kind, Kind::Inbound { canary: Some(_), .. }))
}

#[test]
fn the_whole_corpus_is_the_same_run_every_time() {
    // Another process, in which nothing runs beside a case; it runs beside the campaigns here.
    let elsewhere = || hashes(&report(&["--seed", "1", "--without-controls", "-j", "1"]));
    let elsewhere = thread::spawn(elsewhere);
    let first: BTreeMap<Name, &Trace> = in_ticks()
        .iter()
        .map(|it| {
            let name = (it.case.entry.scenario.name(), it.case.profile.clone());
            (name, &it.result.as_ref().unwrap_or_else(|why| panic!("{why:?}")).trace)
        })
        .collect();
    assert_same(&traces(1, 4), &first, "in one process, twice");

    let elsewhere = elsewhere.join().unwrap();
    let here = first.iter().map(|(name, trace)| (name.clone(), trace.hash()));
    let differ: Vec<Name> =
        here.filter(|(name, hash)| elsewhere[name] != *hash).map(|(name, _)| name).collect();
    assert!(differ.is_empty(), "in another process, {} cases differ: {differ:?}", differ.len());

    // The hash covers the seed itself, so it is the facts that must differ.
    let same: Vec<Name> = traces(2, 4)
        .into_iter()
        .filter(|(name, it)| has_canary(it) && first[name].facts == it.facts)
        .map(|(name, _)| name)
        .collect();
    assert!(same.is_empty(), "another seed made no difference to {same:?}");
}

#[test]
fn a_report_is_the_same_however_many_run_at_once() {
    let alone = report(&["run", "-j", "1"]);
    assert!(hashes(&alone).len() > 20, "{alone:#}");
    assert_eq!(alone, report(&["run", "-j", "2"]));
    assert_ne!(alone, report(&["run", "-j", "2", "--seed", "2"]));
}

/// What the other tests rest on: nothing of a trace can change without its hash.
#[test]
fn a_hash_covers_every_fact() {
    let entries = corpus::choose(&["run/one-message-one-answer".to_owned()]).unwrap();
    let trace = |seed| World::Turmoil.run(&entries[0].scenario, "2026.3", seed).unwrap().trace;
    let one = trace(1);
    assert_ne!(one.hash(), trace(2).hash());
    for index in 0..one.facts.len() {
        let mut late = one.clone();
        late.facts[index].at_us += 1;
        assert_ne!(one.hash(), late.hash(), "fact {index}, a microsecond later");
        let mut fewer = one.clone();
        fewer.facts.remove(index);
        assert_ne!(one.hash(), fewer.hash(), "without fact {index}");
    }
}
