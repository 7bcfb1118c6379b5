//! The gateway's one clock: tokio's monotonic time, which is virtual under a paused runtime and real otherwise, and the
//! wall clock, which a simulation may set.
//!
//! There is no clock trait: production and simulation run the same code. Nothing else here reads a clock.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use creel_core::time::{Now, Timestamp, WallTime};
use tokio::time::{Instant, sleep_until};

/// The present moment of tokio's clock, from which a wait is counted.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn instant() -> Instant {
    Instant::now()
}

/// What the clock on the wall shows. A clone is the same clock.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> WallTime + Send + Sync>);

impl WallClock {
    /// The machine's.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn system() -> Self {
        Self::showing(|| {
            let since =
                SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            WallTime::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        })
    }

    /// What it shows now.
    pub fn now(&self) -> WallTime {
        (self.0)()
    }

    /// A clock that shows what the function says.
    pub fn showing(show: impl Fn() -> WallTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(show))
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WallClock").field(&self.now()).finish()
    }
}

/// Both clocks. The monotonic one began at what the wall's showed when the gateway started.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    start_ms: u64,
    wall: WallClock,
}

impl Clock {
    /// Starts a clock: it reads what the wall clock shows now, and counts on by itself.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn start(wall: WallClock) -> Self {
        let start_ms = u64::try_from(wall.now().as_unix_ms()).unwrap_or_default();
        Self { start: Instant::now(), start_ms, wall }
    }

    /// The time now, on both clocks.
    pub fn both(&self) -> Now {
        Now { monotonic: self.now(), wall: self.wall.now() }
    }

    /// The time now. Never runs backwards.
    pub fn now(&self) -> Timestamp {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Timestamp::from_ms(self.start_ms.saturating_add(elapsed))
    }

    /// Waits until `moment`, or for ever if there is none.
    pub async fn reach(&self, moment: Option<Timestamp>) {
        let elapsed =
            moment.map(|it| Duration::from_millis(it.as_ms().saturating_sub(self.start_ms)));
        // A moment beyond what the machine can count never comes either.
        match elapsed.and_then(|it| self.start.checked_add(it)) {
            Some(moment) => sleep_until(moment).await,
            None => std::future::pending().await,
        }
    }
}

/// A time in which something rests, because the other side asked for it. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Rest(Arc<Mutex<Option<Instant>>>);

impl Rest {
    /// Begins, for this long; ends none that lasts longer.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn begin(&self, wait: Duration) {
        let mut end = self.0.lock().expect("no holder of this lock panics");
        *end = Instant::now().checked_add(wait).max(*end);
    }

    /// What is left of it, if anything is.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn left(&self) -> Option<Duration> {
        let end = (*self.0.lock().expect("no holder of this lock panics"))?;
        Some(end.saturating_duration_since(Instant::now())).filter(|it| !it.is_zero())
    }
}
