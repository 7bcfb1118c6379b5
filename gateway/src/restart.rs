//! Starting again in the same process: who asks for it, when it happens, and how often a client may ask for what leads to it.
//!
//! The port is given up and taken again, so that all that is in memory alone is lost; what was adopted is finished first,
//! as at the end of the process.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::clock;

/// How long a gateway waits before it starts again, unless told.
pub const DELAY: Duration = Duration::from_secs(2);

/// The longest that it may be told to.
const DELAY_MAX: Duration = Duration::from_mins(1);

/// How far apart two starts are at the least.
const COOLDOWN: Duration = Duration::from_secs(30);

/// In what time changes are counted.
const WINDOW: Duration = Duration::from_mins(1);

/// How many clients' changes are remembered; then whoever has not asked for longest is forgotten.
const ASKERS_MAX: usize = 256;

/// Who may ask the gateway to start again. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Restart(Arc<watch::Sender<State>>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    due: Option<Instant>,
    /// It is ending to start again.
    is_ending: bool,
    /// When it did so the last time.
    last: Option<Instant>,
}

/// What became of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// From now until it starts again.
    pub delay: Duration,
    /// How much of that is there because it has done so lately.
    pub cooldown: Duration,
    /// Somebody had asked before, and it happens once.
    pub coalesced: bool,
}

impl Restart {
    /// Asks for it, after this long.
    pub fn ask(&self, delay: Option<Duration>) -> Asked {
        let now = clock::instant();
        let State { due, last, .. } = *self.0.borrow();
        let rested = last.map_or(COOLDOWN, |it| now.saturating_duration_since(it));
        let cooldown = COOLDOWN.saturating_sub(rested);
        let wanted = now + delay.unwrap_or(DELAY).min(DELAY_MAX) + cooldown;
        // Whoever wants it sooner has it sooner.
        let at = due.map_or(wanted, |it| it.min(wanted));
        self.0.send_modify(|it| it.due = Some(at));
        let coalesced = due.is_some_and(|it| it <= wanted);
        Asked { delay: at.saturating_duration_since(now), cooldown, coalesced }
    }

    /// Returns when the time has come.
    pub async fn due(&self) {
        let mut state = self.0.subscribe();
        loop {
            let due = state.borrow_and_update().due;
            let reached = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = reached => break,
                // We hold the other end ourselves.
                _ = state.changed() => {}
            }
        }
        self.0.send_modify(|it| it.is_ending = true);
    }

    /// Whether the gateway is ending only to start again.
    pub fn is_ending(&self) -> bool {
        self.0.borrow().is_ending
    }

    /// It has started again.
    pub fn done(&self) {
        let last = Some(clock::instant());
        self.0.send_modify(|it| *it = State { last, ..State::default() });
    }
}

/// How often each client has changed something lately, by what it called and as whom. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Mutex<Times>>);

type Times = BTreeMap<(&'static str, String), VecDeque<Instant>>;

impl Changes {
    /// Counts a change.
    ///
    /// # Errors
    ///
    /// How long to wait, if there were as many as there may be.
    pub fn count(&self, what: &'static str, who: &str, most: usize) -> Result<(), Duration> {
        let now = clock::instant();
        let mut counted = self.0.lock().expect("no holder of this lock panics");
        counted.retain(|_, times| {
            times.retain(|it| now.saturating_duration_since(*it) < WINDOW);
            !times.is_empty()
        });
        while counted.len() >= ASKERS_MAX {
            let oldest = counted.iter().min_by_key(|it| it.1.back()).map(|it| it.0.clone());
            let Some(oldest) = oldest else { break };
            counted.remove(&oldest);
        }
        let times = counted.entry((what, who.to_owned())).or_default();
        if let Some(first) = times.front().filter(|_| times.len() >= most) {
            return Err(WINDOW.saturating_sub(now.saturating_duration_since(*first)));
        }
        times.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn it_happens_once_however_often_it_is_asked_for() {
        let restart = Restart::default();
        assert!(timeout(100 * SECOND, restart.due()).await.is_err());
        let first = restart.ask(None);
        assert_eq!(first, Asked { delay: DELAY, cooldown: Duration::ZERO, coalesced: false });
        advance(SECOND).await;
        let second = restart.ask(None);
        assert_eq!(second, Asked { delay: SECOND, cooldown: Duration::ZERO, coalesced: true });
        let sooner = restart.ask(Some(Duration::ZERO));
        assert_eq!(sooner, Asked { delay: Duration::ZERO, coalesced: false, ..second });
        assert!(!restart.is_ending());
        restart.due().await;
        assert!(restart.is_ending());
        restart.done();
        assert!(!restart.is_ending());
        assert!(timeout(100 * SECOND, restart.due()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn two_starts_are_half_a_minute_apart() {
        let restart = Restart::default();
        restart.done();
        advance(10 * SECOND).await;
        let asked = restart.ask(Some(Duration::from_hours(1)));
        assert_eq!(asked, Asked { delay: 80 * SECOND, cooldown: 20 * SECOND, coalesced: false });
    }

    #[tokio::test(start_paused = true)]
    async fn changes_are_counted_for_a_minute_by_what_and_who() {
        let changes = Changes::default();
        let count = |what, who| changes.count(what, who, 2);
        assert_eq!(count("patch", "a"), Ok(()));
        advance(20 * SECOND).await;
        assert_eq!(count("patch", "a"), Ok(()));
        assert_eq!(count("patch", "a"), Err(40 * SECOND));
        assert_eq!((count("apply", "a"), count("patch", "b")), (Ok(()), Ok(())));
        advance(40 * SECOND).await;
        assert_eq!(count("patch", "a"), Ok(()));
        assert_eq!(count("patch", "a"), Err(20 * SECOND));
    }
}
