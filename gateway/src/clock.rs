//! The gateway's one clock: tokio's monotonic time, which is virtual under a paused runtime and real otherwise.
//!
//! There is no clock trait: production and simulation run the same code. Nothing else here reads a clock.

use creel_core::time::Timestamp;
use tokio::time::{Instant, sleep_until};

/// A clock that started when the gateway did.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts a clock: it reads zero now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The time now. Never runs backwards.
    pub fn now(&self) -> Timestamp {
        let elapsed = self.start.elapsed().as_millis();
        Timestamp::from_ms(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    /// Waits until `moment`, or for ever if there is none.
    pub async fn reach(&self, moment: Option<Timestamp>) {
        let elapsed = moment.map(|it| std::time::Duration::from_millis(it.as_ms()));
        // A moment beyond what the machine can count never comes either.
        match elapsed.and_then(|it| self.start.checked_add(it)) {
            Some(moment) => sleep_until(moment).await,
            None => std::future::pending().await,
        }
    }
}
