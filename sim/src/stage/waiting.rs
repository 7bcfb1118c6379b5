//! Waiting for the next step: by the clock, or by moving it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Stage;

/// A wait that is longer than this is a jump, where clocks can be moved.
pub(crate) const JUMP_FROM: Duration = Duration::from_secs(8);

/// How long before its end a jump lands: what the gateway does by a timer of its own then still comes first.
const LANDING: Duration = Duration::from_secs(3);

/// How long nothing may happen before the clock is moved.
const STILL: Duration = Duration::from_millis(1_500);

/// How long it may take until nothing is under way.
const STILL_WITHIN: Duration = Duration::from_mins(1);

impl Stage {
    /// Waits until this moment of the scenario.
    pub(super) async fn wait_until(&self, at: Duration) {
        if self.jumps.is_some() && self.left_until(at) > JUMP_FROM {
            self.jump_to(at).await;
        }
        sleep(self.left_until(at)).await;
    }

    fn left_until(&self, at: Duration) -> Duration {
        let at_us = i64::try_from(at.as_micros()).expect("a scenario ends within 292,000 years");
        u64::try_from(at_us - self.recorder.now_us()).map_or(Duration::ZERO, Duration::from_micros)
    }

    /// Moves the clock to shortly before this moment, as soon as nothing is under way.
    async fn jump_to(&self, at: Duration) {
        let Some(jumps) = &self.jumps else { return };
        if !self.is_still().await {
            let seconds = STILL_WITHIN.as_secs();
            let what =
                format!("the clock could not be moved: something was under way for {seconds} s");
            return self.recorder.harness_error(what);
        }
        let time = self.left_until(at).saturating_sub(LANDING);
        if let Err(why) = jumps.pass(time, &self.recorder) {
            self.recorder.harness_error(why);
        }
    }

    /// Waits until nothing is under way: nobody waits for an answer, no request is being answered, nothing was seen for a
    /// while. False if that takes too long.
    #[expect(clippy::disallowed_methods, reason = "a bound of the harness's own, on a real clock")]
    async fn is_still(&self) -> bool {
        let end = Instant::now() + STILL_WITHIN;
        while Instant::now() < end {
            let seen = self.recorder.count();
            sleep(STILL).await;
            let is_quiet = seen == self.recorder.count() && self.unfinished() == 0;
            if is_quiet && !self.recorder.awaits_an_answer() {
                return true;
            }
        }
        false
    }
}
