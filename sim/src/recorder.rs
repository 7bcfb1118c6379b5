//! The recorder: where everything that the harness sees becomes a fact with a number and a time.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use creel_judge::trace::{Fact, Kind, Operation, Saw};
use tokio::{sync::watch, time::Instant};

/// The most facts that one run may record. A gateway in a tight loop reaches it within minutes of virtual time.
pub const FACTS_MAX: usize = 200_000;

/// The most requests that a gateway may make of all twins in one run. Polling every second for a day is half as many.
pub const REQUESTS_MAX: u32 = 10_000;

/// An append-only list of facts that all twins share. A clone is another handle on the same list.
///
/// Inside turmoil it reads the simulation's clock, which all hosts share; each host's own tokio clock begins at another
/// instant. Elsewhere it reads tokio's, which a paused runtime makes virtual.
#[derive(Clone, Debug)]
pub struct Recorder {
    start: Instant,
    log: Arc<Mutex<Log>>,
    /// How many facts there are, for those who wait.
    count: watch::Sender<usize>,
}

#[derive(Debug)]
struct Log {
    facts: Vec<Seen>,
    facts_max: usize,
    state: State,
    /// The scenario's zero, since the recorder's start.
    zero: Duration,
    /// What passed because the clock was moved.
    passed: Duration,
    /// Requests that were made of twins.
    requests: u32,
    /// The end of the longest wait that a platform asked for, since the recorder's start.
    put_off_until: Duration,
}

/// What happens to the next fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The limit was reached, and said.
    Full,
    /// The trace was taken.
    Closed,
}

#[derive(Debug)]
struct Seen {
    /// Since the recorder's start.
    at: Duration,
    kind: Kind,
}

/// Who had the last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastWord {
    /// A person wrote, or an operator asked for something.
    Written,
    /// A model was asked.
    Asked,
    /// Somebody was shown or answered something, or told that a run has ended.
    Told,
}

impl LastWord {
    fn of(kind: &Kind) -> Option<Self> {
        match kind {
            Kind::Inbound { .. } => Some(Self::Written),
            Kind::ModelRequest { .. } => Some(Self::Asked),
            Kind::Sent { .. } => Some(Self::Told),
            Kind::Operator(Operation { saw, .. }) => match saw {
                Saw::Asked { .. } => Some(Self::Written),
                // That something is taken is no answer yet.
                Saw::Answered { status: Some(status), .. }
                    if status == "started" || status == "accepted" =>
                {
                    Some(Self::Written)
                }
                Saw::Answered { .. } => Some(Self::Told),
                Saw::Event { state, .. } => {
                    let ends = ["final", "error", "aborted"];
                    state.as_deref().filter(|it| ends.contains(it)).map(|_| Self::Told)
                }
                _ => None,
            },
            _ => None,
        }
    }
}

impl Recorder {
    /// Starts to record. The scenario's zero is now, until [`Recorder::begin`] says otherwise.
    #[expect(clippy::new_without_default, reason = "it reads the clock, which a default must not")]
    pub fn new() -> Self {
        Self::with_limit(FACTS_MAX)
    }

    /// A recorder that keeps nothing, for twins that serve alone.
    pub fn discarding() -> Self {
        let recorder = Self::with_limit(0);
        recorder.log().state = State::Closed;
        recorder
    }

    #[expect(clippy::disallowed_methods, reason = "time enters the trace here and nowhere else")]
    fn with_limit(facts_max: usize) -> Self {
        let log = Log {
            facts: Vec::new(),
            facts_max,
            state: State::Open,
            zero: Duration::ZERO,
            passed: Duration::ZERO,
            requests: 0,
            put_off_until: Duration::ZERO,
        };
        let (count, _) = watch::channel(0);
        let recorder = Self { start: Instant::now(), log: Arc::new(Mutex::new(log)), count };
        // Inside turmoil the simulation's clock has been running already.
        recorder.begin();
        recorder
    }

    /// Makes now the scenario's zero: what was recorded so far gets negative times.
    pub fn begin(&self) {
        let now = self.elapsed();
        self.log().zero = now;
    }

    /// Takes back what was recorded after the first `count` facts: it is not part of the run.
    pub(crate) fn forget_from(&self, count: usize) {
        self.log().facts.truncate(count);
        self.count.send_replace(count);
    }

    /// Lets time pass at once.
    pub(crate) fn pass(&self, time: Duration) {
        self.log().passed += time;
    }

    /// How long the clock has been running. Only differences mean something.
    #[expect(clippy::disallowed_methods, reason = "time enters the trace here and nowhere else")]
    fn elapsed(&self) -> Duration {
        let running =
            turmoil::sim_elapsed().unwrap_or_else(|| Instant::now().duration_since(self.start));
        running + self.log().passed
    }

    /// Microseconds since the scenario's zero, negative before it.
    pub fn now_us(&self) -> i64 {
        let now = self.elapsed();
        since(self.log().zero, now)
    }

    /// Appends a fact that was seen now.
    ///
    /// Beyond [`FACTS_MAX`], a single [`Kind::HarnessError`] says so and later facts are dropped. Facts that come after
    /// [`Recorder::take`] are dropped too: tearing a world down is not part of the run.
    pub fn record(&self, kind: Kind) {
        let at = self.elapsed();
        let count = {
            let mut log = self.log();
            log.append(Seen { at, kind });
            log.facts.len()
        };
        self.count.send_if_modified(|known| {
            let grew = *known < count;
            *known = count.max(*known);
            grew
        });
    }

    /// How much is left of the waits that platforms asked for when they put sends off.
    pub fn put_off_for(&self) -> Duration {
        let now = self.elapsed();
        self.log().put_off_until.saturating_sub(now)
    }

    /// Appends that the harness, or the scenario, is at fault.
    pub fn harness_error(&self, what: impl Into<String>) {
        self.record(Kind::HarnessError { what: what.into() });
    }

    /// Whether such a fact was recorded.
    pub(crate) fn has(&self, kind: &Kind) -> bool {
        self.log().facts.iter().any(|it| it.kind == *kind)
    }

    /// Who had the last word: people and operators, the gateway that asked a model, or the gateway that told somebody.
    pub(crate) fn last_word(&self) -> Option<LastWord> {
        self.log().facts.iter().rev().find_map(|it| LastWord::of(&it.kind))
    }

    /// How many facts there are of people, models and runs. A gateway that only tells its operators that time passes adds none.
    pub(crate) fn doings(&self) -> usize {
        let is_idle = |kind: &Kind| {
            let Kind::Operator(Operation { saw, .. }) = kind else { return false };
            matches!(saw, Saw::Event { run: None, .. })
        };
        self.log().facts.iter().filter(|it| !is_idle(&it.kind)).count()
    }

    /// Whether a twin may answer one more request. The first beyond [`REQUESTS_MAX`] is a [`Kind::HarnessError`].
    pub fn admit_request(&self) -> bool {
        let (requests, recording) = {
            let mut log = self.log();
            log.requests = log.requests.saturating_add(1);
            (log.requests, log.state == State::Open)
        };
        if requests == REQUESTS_MAX + 1 {
            self.harness_error(format!(
                "the gateway made more than {REQUESTS_MAX} requests: a loop without a pause"
            ));
        }
        requests <= REQUESTS_MAX || !recording
    }

    /// How many facts there are.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// When the newest fact was recorded, in microseconds since the scenario's zero.
    pub fn last_at(&self) -> Option<i64> {
        let log = self.log();
        log.facts.last().map(|it| since(log.zero, it.at))
    }

    /// Waits until there are more facts than `seen`, and says how many there are.
    pub async fn more_than(&self, seen: usize) -> usize {
        let mut count = self.count.subscribe();
        let count = count.wait_for(|count| *count > seen).await;
        *count.expect("the sender lives as long as this handle")
    }

    /// The facts so far, from the one at `index` on.
    pub fn facts_from(&self, index: usize) -> Vec<Fact> {
        let log = self.log();
        (index..log.facts.len()).map(|it| log.fact(it)).collect()
    }

    /// Ends the recording and hands over all facts, numbered from 1.
    pub fn take(&self) -> Vec<Fact> {
        let facts = self.facts_from(0);
        let mut log = self.log();
        log.state = State::Closed;
        log.facts = Vec::new();
        facts
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("nothing panics while it holds the log")
    }
}

impl Log {
    fn append(&mut self, seen: Seen) {
        if let Kind::Refused { retry_after_s: Some(seconds), .. } = seen.kind {
            let until = seen.at.saturating_add(Duration::from_secs(seconds));
            self.put_off_until = self.put_off_until.max(until);
        }
        match self.state {
            State::Open if self.facts.len() < self.facts_max => self.facts.push(seen),
            State::Open => {
                let what = format!(
                    "the run recorded more than {} facts: is the gateway in a loop?",
                    self.facts_max
                );
                self.facts.push(Seen { at: seen.at, kind: Kind::HarnessError { what } });
                self.state = State::Full;
            }
            State::Full | State::Closed => {}
        }
    }

    fn fact(&self, index: usize) -> Fact {
        let Seen { at, kind } = &self.facts[index];
        let seq = u64::try_from(index).expect("an index fits") + 1;
        Fact { seq, at_us: since(self.zero, *at), kind: kind.clone() }
    }
}

/// Microseconds from `zero` to `at`.
fn since(zero: Duration, at: Duration) -> i64 {
    let us = |it: Duration| i64::try_from(it.as_micros()).expect("a run ends within 292,000 years");
    us(at) - us(zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(recorder: &Recorder, what: &str) {
        recorder.harness_error(what);
    }

    fn seen(facts: &[Fact]) -> Vec<(u64, i64, &str)> {
        let row = |it| match it {
            &Fact { seq, at_us, kind: Kind::HarnessError { ref what } } => (seq, at_us, &**what),
            other => panic!("expected a harness error, found {other:?}"),
        };
        facts.iter().map(row).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_before_zero_has_negative_times() {
        let recorder = Recorder::new();
        fact(&recorder, "early");
        tokio::time::sleep(Duration::from_millis(250)).await;
        recorder.begin();
        tokio::time::sleep(Duration::from_millis(3)).await;
        fact(&recorder, "late");
        assert_eq!(recorder.last_at(), Some(3_000));
        assert_eq!(seen(&recorder.take()), [(1, -250_000, "early"), (2, 3_000, "late")]);
    }

    #[test]
    fn what_an_operator_is_told_by_the_clock_is_no_doing() {
        let recorder = Recorder::new();
        let event = |run: Option<&str>, state: Option<&str>| {
            let saw = Saw::Event {
                event: "any".to_owned(),
                seq: None,
                run: run.map(str::to_owned),
                place: None,
                session: None,
                state: state.map(str::to_owned),
                text: String::new(),
            };
            recorder.record(Kind::Operator(Operation { client: "op".to_owned(), saw }));
        };
        event(None, None);
        assert_eq!((recorder.doings(), recorder.last_word()), (0, None));
        event(Some("r1"), Some("delta"));
        assert_eq!((recorder.doings(), recorder.last_word()), (1, None));
        event(Some("r1"), Some("final"));
        assert_eq!((recorder.doings(), recorder.last_word()), (2, Some(LastWord::Told)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_is_said_once() {
        let recorder = Recorder::with_limit(1);
        for what in ["kept", "beyond", "dropped"] {
            fact(&recorder, what);
        }
        let what = "the run recorded more than 1 facts: is the gateway in a loop?";
        assert_eq!(seen(&recorder.take()), [(1, 0, "kept"), (2, 0, what)]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_recorded_after_the_trace_was_taken() {
        let recorder = Recorder::new();
        fact(&recorder, "kept");
        assert_eq!(recorder.take().len(), 1);
        fact(&recorder, "dropped");
        assert_eq!(recorder.take(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_wake_on_a_fact_and_miss_none() {
        let recorder = Recorder::new();
        let writer = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            fact(&recorder, "one");
        };
        let (count, ()) = tokio::join!(recorder.more_than(0), writer);
        assert_eq!((count, recorder.last_at()), (1, Some(1_000_000)));
        assert_eq!(recorder.more_than(0).await, 1);
    }
}
