//! A scenario at a slower pace: for gateways that need longer from one step to the next than the author thought of.
//!
//! Everything that the scenario itself decides takes so many times as long: its steps, its answers, the durations that it
//! configures. Long waits between two steps, which are long for any gateway, stay as they are. What the gateway decides, its own defaults and its own work, does not. So something that an expectation has at
//! the earliest after some time may still be that early, and what it has at the latest may be so many times as late.

use std::{sync::Arc, time::Duration};

use creel_judge::words::{Span, Word};
use serde_json::Value;

use super::{Act, Action, Answer, Holds, Scenario, SendFault, Step};

/// The most times slower that a scenario goes.
const PACE_MAX: u32 = 20;

/// A wait that is long for any gateway.
const LONG: Duration = Duration::from_secs(5);

impl Scenario {
    /// How many times slower it has to go for a gateway that may need so long from a message to its turn, from 1 to
    /// twenty.
    pub fn pace_for(&self, hop: Duration) -> u32 {
        let between = self.steps.windows(2).map(|it| it[1].at.saturating_sub(it[0].at));
        let standing = self.providers.values().flat_map(|it| it.answers.values()).flatten();
        let answers = self.model.values().flatten().chain(standing.map(|it| &it.answer));
        let waits = between.chain(answers.map(|it| it.after)).filter(|it| !it.is_zero());
        let shortest = waits.min().unwrap_or(hop).max(Duration::from_millis(1));
        let times = hop.as_millis().div_ceil(shortest.as_millis());
        u32::try_from(times).unwrap_or(PACE_MAX).clamp(1, PACE_MAX)
    }

    /// The same scenario, so many times as slow.
    #[must_use]
    pub fn paced(&self, pace: u32) -> Self {
        let mut it = self.clone();
        let moment = |at| self.moment_at(at, pace);
        it.steps = self.steps.iter().map(|step| paced_step(step, moment(step.at), pace)).collect();
        it.lasts = moment(self.lasts);
        it.clock.jumps.iter_mut().for_each(|it| it.at = moment(it.at));
        it.model.values_mut().flatten().for_each(|it| slow_down(it, pace));
        it.tools
            .values_mut()
            .flat_map(|it| it.values_mut())
            .flatten()
            .for_each(|it| it.after *= pace);
        for provider in it.providers.values_mut() {
            provider.renewals.iter_mut().for_each(|it| it.after *= pace);
            for standing in provider.answers.values_mut().flatten() {
                slow_down(&mut standing.answer, pace);
                if let Holds::Until(end) = &mut standing.holds {
                    *end = moment(*end);
                }
            }
        }
        for fault in it.platform.values_mut().flatten() {
            if let SendFault::Slow { delay } = fault {
                *delay *= pace;
            }
        }
        configure(&mut it.gateway, pace, false);
        for expectation in &mut it.expect {
            match &mut expectation.word {
                Word::Quiet { between, .. } => {
                    between.from_us = moment_us(self, between.from_us, pace);
                    between.to_us = moment_us(self, between.to_us, pace);
                }
                word => widen(word, i64::from(pace)),
            }
        }
        if let Some(control) = &mut it.control {
            control.edited = Arc::new(control.edited.paced(pace));
        }
        it.variants = self.variants.iter().map(|it| Arc::new(it.paced(pace))).collect();
        it
    }

    /// When something happens at this pace that the scenario has at `at`: short waits before it are longer, long ones are not.
    fn moment_at(&self, at: Duration, pace: u32) -> Duration {
        let before = self.steps.iter().map(|it| it.at).filter(|it| *it < at);
        let (mut last, mut moment) = (Duration::ZERO, Duration::ZERO);
        for next in before.chain([at]) {
            let wait = next.saturating_sub(last);
            moment += if wait > LONG { wait } else { wait * pace };
            last = next;
        }
        moment
    }
}

fn moment_us(scenario: &Scenario, at_us: i64, pace: u32) -> i64 {
    let at = Duration::from_micros(u64::try_from(at_us).unwrap_or_default());
    i64::try_from(scenario.moment_at(at, pace).as_micros()).unwrap_or(i64::MAX)
}

fn paced_step(step: &Step, at: Duration, pace: u32) -> Step {
    let mut action = step.action.clone();
    match &mut action {
        Action::Send(send) => send.apart *= pace,
        Action::Disconnect { lasts, .. } | Action::Restart { lasts } => *lasts *= pace,
        Action::Redeliver { .. }
        | Action::Connect(_)
        | Action::Call(_)
        | Action::Hook(_)
        | Action::Http(_)
        | Action::Frame { .. }
        | Action::Drop { .. }
        | Action::ApprovePairing { .. } => (),
    }
    Step { at, action }
}

fn slow_down(answer: &mut Answer, pace: u32) {
    answer.after *= pace;
    match &mut answer.act {
        Act::Say { every, .. } => *every *= pace,
        Act::Stream { parts, .. } => parts.iter_mut().for_each(|it| it.after *= pace),
        Act::Call { .. }
        | Act::Status(_)
        | Act::Hang
        | Act::Cut { .. }
        | Act::Malformed { .. }
        | Act::Eof { .. } => (),
    }
}

/// Durations in a configuration: numbers whose key says their unit, or that stand in a map whose key does.
fn configure(value: &mut Value, pace: u32, is_duration: bool) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let is_duration = is_duration || is_duration_key(key);
                configure(value, pace, is_duration);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| configure(it, pace, is_duration)),
        Value::Number(number) if is_duration => {
            if let Some(slower) = number.as_u64().and_then(|it| it.checked_mul(u64::from(pace))) {
                *value = Value::from(slower);
            }
        }
        _ => (),
    }
}

fn is_duration_key(key: &str) -> bool {
    // `messages.inbound.byChannel` has durations; what `messages.queue.byChannel` has is no number.
    ["Ms", "Seconds", "MsByChannel", "byChannel"].iter().any(|unit| key.ends_with(unit))
}

/// Bounds in time that hold for whatever part of it takes longer.
fn widen(word: &mut Word, pace: i64) {
    let later = |span: &mut Span| span.to_us = span.to_us.saturating_mul(pace);
    match word {
        Word::Request(request) => request.between.iter_mut().for_each(later),
        Word::Visible(visible) => visible.between.iter_mut().for_each(later),
        Word::Gap { between, .. } => later(between),
        Word::Attempts(claim) => {
            claim.between.iter_mut().for_each(later);
            claim
                .are
                .iter_mut()
                .flat_map(|it| [&mut it.between, &mut it.after])
                .flatten()
                .for_each(later);
        }
        Word::Backoff(claim) => claim.gaps.iter_mut().for_each(later),
        Word::State(claim) => claim.moments.iter_mut().for_each(|(_, it)| later(it)),
        Word::Quiet { .. }
        | Word::Exactly { .. }
        | Word::AtLeast { .. }
        | Word::AtMost { .. }
        | Word::Never { .. }
        | Word::Order(_)
        | Word::Refuses(_)
        | Word::Unique { .. } => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse;

    const TEXT: &str = r#"
id: queue/slow
title: A scenario to slow down
covers: [QUE-003]
gateway:
  messages: { queue: { mode: collect, debounceMs: 500, debounceMsByChannel: { telegram: 20 }, cap: 3 } }
chats:
  alice: { channel: telegram, dm: "3001" }
model:
  alice:
    - { after: 2s, say: "first" }
    - { say: "second" }
steps:
  - { at: 0s, send: { chat: alice, text: "one", as: m1 } }
  - { at: 1s, send: { chat: alice, text: "two", as: m2 } }
expect:
  - request: { chat: alice, call: 2, new: [m2], between: [2500ms, 2600ms] }
control:
  edit: { "steps[1].at": 5s }
  flips: [request]
"#;

    #[test]
    fn a_scenario_is_as_slow_as_its_shortest_wait_needs() {
        let scenario = parse("queue/slow", TEXT).unwrap();
        let pace = |ms| scenario.pace_for(Duration::from_millis(ms));
        assert_eq!([0, 100, 1_000, 1_001, 3_000, 90_000].map(pace), [1, 1, 1, 2, 3, 20]);
    }

    #[test]
    fn long_waits_stay_as_they_are() {
        let text = TEXT.replace("at: 1s,", "at: 3601s,").replace("steps:", "lasts: 3602s\nsteps:");
        let mut scenario = parse("queue/slow", &text).unwrap();
        scenario.steps.insert(1, Step { at: Duration::from_secs(1), ..scenario.steps[0].clone() });
        let slow = scenario.paced(4);
        let at: Vec<_> = slow.steps.iter().map(|it| it.at.as_secs()).collect();
        assert_eq!((at, slow.lasts.as_secs()), (vec![0, 4, 3_604], 3_608));
    }

    #[test]
    fn what_the_scenario_decides_is_slower_and_bounds_hold_for_both() {
        let scenario = parse("queue/slow", TEXT).unwrap().paced(4);
        let at: Vec<_> = scenario.steps.iter().map(|it| it.at.as_millis()).collect();
        assert_eq!(at, [0, 4_000]);
        assert_eq!(scenario.model["alice"][0].after, Duration::from_secs(8));
        let queue = &scenario.gateway["messages"]["queue"];
        assert_eq!(
            (&queue["debounceMs"], &queue["debounceMsByChannel"]["telegram"], &queue["cap"]),
            (&Value::from(2_000), &Value::from(80), &Value::from(3))
        );
        let Word::Request(request) = &scenario.expect[0].word else { panic!("it is a request") };
        assert_eq!(request.between, Some(Span { from_us: 2_500_000, to_us: 10_400_000 }));
        let control = scenario.control.unwrap();
        assert_eq!(control.edited.steps[1].at, Duration::from_secs(20));
    }
}
