//! Waiting for the next step: by the clock, or by moving it.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Stage;
use crate::recorder::LastWord;

/// A wait that is longer than this is a jump, where clocks can be moved.
pub(crate) const JUMP_FROM: Duration = Duration::from_secs(30);

/// How long a jump takes, stillness and landing and all.
pub(crate) const JUMP_TAKES: Duration = Duration::from_secs(8);

/// How long before its end a jump lands: what the gateway does by a timer of its own then still comes first.
const LANDING: Duration = Duration::from_secs(3);

/// How long nothing may happen before the clock is moved.
const STILL: Duration = Duration::from_millis(1_500);

/// After so long without anything done nothing is waited for any more: it was silent on purpose, or lost something.
const GIVEN_UP: Duration = Duration::from_secs(20);

/// How long it may take until nothing is under way.
const STILL_WITHIN: Duration = Duration::from_mins(1);

/// Why a scenario cannot go on: its next moment is far away, and the clock was not moved there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What waits for a timer would have been cut short.
    #[error("the clock could not be moved, since something was under way for {} s", STILL_WITHIN.as_secs())]
    Busy,
    /// The clock's file cannot be written.
    #[error("{0}")]
    Unwritten(String),
}

impl Stage {
    /// Waits until this moment of the scenario.
    pub(super) async fn wait_until(&self, at: Duration) -> Result<(), Error> {
        if self.jumps.is_some() && self.left_until(at) > JUMP_FROM {
            self.jump_to(at).await?;
        }
        sleep(self.left_until(at)).await;
        Ok(())
    }

    fn left_until(&self, at: Duration) -> Duration {
        let at_us = i64::try_from(at.as_micros()).expect("a scenario ends within 292,000 years");
        u64::try_from(at_us - self.recorder.now_us()).map_or(Duration::ZERO, Duration::from_micros)
    }

    /// Moves the clock to shortly before this moment, as soon as nothing is under way.
    async fn jump_to(&self, at: Duration) -> Result<(), Error> {
        let Some(jumps) = &self.jumps else { return Ok(()) };
        timeout(STILL_WITHIN, self.stillness()).await.map_err(|_| Error::Busy)?;
        let time = self.left_until(at).saturating_sub(LANDING);
        jumps.pass(time, &self.recorder).map_err(Error::Unwritten)
    }

    /// Returns when nothing is under way: no request is being answered, nothing was done for a while, and nobody waits for
    /// an answer, or has waited in vain.
    async fn stillness(&self) {
        let (mut seen, mut quiet) = (self.recorder.doings(), Duration::ZERO);
        loop {
            sleep(STILL).await;
            let now = self.recorder.doings();
            let is_quiet = seen == now && self.unfinished() == 0;
            (seen, quiet) = (now, if is_quiet { quiet + STILL } else { Duration::ZERO });
            let is_awaited = self.recorder.last_word().is_some_and(|it| it != LastWord::Told);
            if is_quiet && (!is_awaited || quiet >= GIVEN_UP) {
                return;
            }
        }
    }
}
