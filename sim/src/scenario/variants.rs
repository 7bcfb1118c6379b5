//! Reads `sweep` and `permute`: the variants of a scenario that turns on one instant, or on an order.

use std::{collections::BTreeSet, time::Duration};

use super::{Action, Hook, HttpCall, Step, at::At, context::Context};

/// How many variants a scenario may have beside itself.
const VARIANTS_MAX: usize = 1_000;

/// How many messages may exchange their times: more would have too many orders to run.
const PERMUTED_MAX: usize = 5;

/// Another course of the same scenario.
pub(super) struct Variant {
    /// What is different: `m2+17ms`, or `m3,m1,m2`.
    pub(super) name: String,
    /// The steps, in order of time.
    pub(super) steps: Vec<Step>,
    /// Whether a time was moved by less than a real clock can tell.
    pub(super) moved: bool,
}

/// Every variant but the scenario as it is written.
pub(super) fn read(root: &At<'_>, steps: &[Step], context: &mut Context<'_>) -> Vec<Variant> {
    let sweep = root.get("sweep");
    let orders = permute(root, steps, context);
    let moves = sweep.as_ref().map(|it| offsets(it, context)).unwrap_or_default();
    if moves.len() * orders.len().max(1) > VARIANTS_MAX {
        let at = sweep.as_ref().unwrap_or(root);
        context.push(
            at.problem(format!(
                "there would be {} variants, and {VARIANTS_MAX} is the most",
                moves.len() * orders.len().max(1)
            ))
            .help("take a wider `every`"),
        );
        return Vec::new();
    }
    let moved = sweep.iter().flat_map(|it| it.texts_of("move").unwrap_or_default());
    let moved: BTreeSet<String> = moved.collect();
    let named: Vec<&String> = moved.iter().filter(|it| find(steps, it).is_none()).collect();
    for name in named {
        if let Some(at) = sweep.as_ref().and_then(|it| it.get("move")) {
            context.require_message(&at, name);
        }
    }
    let as_written = vec![(String::new(), steps.to_vec())];
    let orders = if orders.is_empty() { as_written } else { orders };
    let mut variants = Vec::new();
    for (order, steps) in orders {
        for offset in std::iter::once(Duration::ZERO).chain(moves.iter().copied()) {
            let mut name = order.clone();
            let mut steps = steps.clone();
            if !offset.is_zero() {
                let names: Vec<&str> = moved.iter().map(String::as_str).collect();
                name =
                    [order.as_str(), &format!("{}+{}", names.join(","), shown(offset))].join(" ");
                shift(&mut steps, &moved, offset);
            }
            if !name.is_empty() {
                let name = name.trim_start().replace(' ', ":");
                variants.push(Variant { name, steps, moved: !offset.is_zero() });
            }
        }
    }
    variants
}

/// Every other order of the messages in `permute`: they exchange their times.
fn permute(root: &At<'_>, steps: &[Step], context: &mut Context<'_>) -> Vec<(String, Vec<Step>)> {
    let Some(at) = root.get("permute") else { return Vec::new() };
    let names: Vec<String> = at.items().iter().filter_map(At::text).collect();
    for item in at.items() {
        if let Some(name) = item.text() {
            context.require_message(&item, &name);
        }
    }
    let distinct: BTreeSet<&String> = names.iter().collect();
    if distinct.len() != names.len() || !(2..=PERMUTED_MAX).contains(&names.len()) {
        context.push(at.problem(format!(
            "found {} names, expected 2 to {PERMUTED_MAX} different ones",
            names.len()
        )));
        return Vec::new();
    }
    let places: Vec<usize> = names.iter().filter_map(|it| find(steps, it)).collect();
    if places.len() != names.len() {
        return Vec::new();
    }
    let times: Vec<Duration> = places.iter().map(|it| steps[*it].at).collect();
    let order = |permutation: Vec<usize>| {
        let mut steps = steps.to_vec();
        for (time, which) in times.iter().zip(&permutation) {
            steps[places[*which]].at = *time;
        }
        steps.sort_by_key(|it| it.at);
        let order: Vec<&str> = permutation.iter().map(|it| names[*it].as_str()).collect();
        (order.join(","), steps)
    };
    let as_written: Vec<usize> = (0..names.len()).collect();
    let mut orders = vec![(String::new(), steps.to_vec())];
    orders.extend(permutations(&as_written).into_iter().filter(|it| *it != as_written).map(order));
    orders
}

/// All orders, those that leave the first items alone first.
fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.len() < 2 {
        return vec![items.to_vec()];
    }
    let mut all = Vec::new();
    for (index, first) in items.iter().enumerate() {
        let mut rest = items.to_vec();
        rest.remove(index);
        for mut tail in permutations(&rest) {
            tail.insert(0, *first);
            all.push(tail);
        }
    }
    all
}

/// By how much the messages of a sweep are moved: the multiples of `every` up to `by`, without zero.
fn offsets(sweep: &At<'_>, context: &mut Context<'_>) -> Vec<Duration> {
    let (Some(by), Some(every)) = (sweep.duration_of("by"), sweep.duration_of("every")) else {
        return Vec::new();
    };
    let count = by.as_micros().checked_div(every.as_micros());
    match count.and_then(|it| u32::try_from(it).ok()) {
        Some(0) => {
            context.push(sweep.problem("`every` is more than `by`, so nothing is swept"));
            Vec::new()
        }
        Some(count) => (1..=count.min(1_000_000)).map(|it| every * it).collect(),
        None => {
            context.push(sweep.problem("`every` must be a step that `by` is made of"));
            Vec::new()
        }
    }
}

fn shift(steps: &mut [Step], moved: &BTreeSet<String>, offset: Duration) {
    for step in steps.iter_mut().filter(|it| name(it).is_some_and(|it| moved.contains(it))) {
        step.at += offset;
    }
    steps.sort_by_key(|it| it.at);
}

fn find(steps: &[Step], wanted: &str) -> Option<usize> {
    steps.iter().position(|it| name(it) == Some(wanted))
}

fn name(step: &Step) -> Option<&str> {
    match &step.action {
        Action::Send(send) => Some(&send.name),
        Action::Call(call)
        | Action::Hook(Hook { call, .. })
        | Action::Http(HttpCall { call, .. }) => Some(&call.name),
        Action::Redeliver { .. }
        | Action::Connect(_)
        | Action::Frame { .. }
        | Action::Drop { .. }
        | Action::Disconnect { .. }
        | Action::Restart { .. }
        | Action::ApprovePairing { .. } => None,
    }
}

fn shown(offset: Duration) -> String {
    match offset.as_micros() {
        us if us % 1_000 == 0 => format!("{}ms", us / 1_000),
        us => format!("{us}us"),
    }
}

/// A redelivered message must have been written before, in every variant.
pub(super) fn check(root: &At<'_>, variants: &[Variant], context: &mut Context<'_>) {
    let too_early = |variant: &&Variant| {
        variant.steps.iter().enumerate().any(|(index, step)| match &step.action {
            Action::Redeliver { message } => {
                find(&variant.steps, message).is_none_or(|it| it > index)
            }
            Action::Send(_)
            | Action::Connect(_)
            | Action::Call(_)
            | Action::Hook(_)
            | Action::Http(_)
            | Action::Frame { .. }
            | Action::Drop { .. }
            | Action::Disconnect { .. }
            | Action::Restart { .. }
            | Action::ApprovePairing { .. } => false,
        })
    };
    if let Some(variant) = variants.iter().find(too_early) {
        let at = root.get("sweep").or_else(|| root.get("permute"));
        let why =
            format!("in variant `{}` a message is redelivered before it is sent", variant.name);
        context.push(at.as_ref().unwrap_or(root).problem(why));
    }
}
