//! How long a provider may take, and the clock that runs beside its answer.
//!
//! ```text
//! request ──first byte──▶ part ──idle──▶ part ──idle──▶ … end
//!    └─────────────────────────total──────────────────────┘
//! ```
//!
//! Whatever arrives counts as a sign of life, also a comment or an event that says nothing: providers send those while
//! their model thinks. One that sends nothing else for ever is ended by the total, or by the run's own timeout.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use creel_core::run::ModelFailure;
use http_body_util::{LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming};
use tokio::time::{Instant, Sleep};

use super::stream::STREAM_BYTES_MAX;
use crate::clock;

/// How long a provider may take; none is for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// From the request to the first part of the answer, connecting included.
    pub first_byte: Option<Duration>,
    /// From one part of the answer to the next.
    pub idle: Option<Duration>,
    /// From the request to the answer's end.
    pub total: Option<Duration>,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    FirstByte,
    Idle,
    Total,
}

impl Limit {
    fn name(self) -> &'static str {
        match self {
            Self::FirstByte => "first byte",
            Self::Idle => "idle",
            Self::Total => "total",
        }
    }
}

/// Why a body is not read any further.
#[derive(Debug, thiserror::Error)]
pub(super) enum Spoiled {
    /// It is too long.
    #[error("longer than {STREAM_BYTES_MAX} bytes")]
    TooLong,
    /// The connection broke.
    #[error("{0}")]
    Broken(Box<dyn std::error::Error + Send + Sync>),
    /// We do not wait any longer.
    #[error("a time limit was reached")]
    Overdue(ModelFailure),
}

impl From<Box<dyn std::error::Error + Send + Sync>> for Spoiled {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        if error.is::<LengthLimitError>() { Self::TooLong } else { Self::Broken(error) }
    }
}

/// A request that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    patience: Patience,
    since: Instant,
}

impl Waiting {
    /// From now on.
    pub(super) fn begin(patience: Patience) -> Self {
        Self { patience, since: clock::instant() }
    }

    /// Waits for the answer's head.
    ///
    /// # Errors
    ///
    /// If it does not come in time.
    pub(super) async fn first<T>(&self, head: impl Future<Output = T>) -> Result<T, ModelFailure> {
        match self.deadline(self.since, false) {
            None => Ok(head.await),
            Some((at, limit)) => {
                tokio::time::timeout_at(at, head).await.map_err(|_| overdue(limit))
            }
        }
    }

    /// The answer's body, which fails when a limit is reached.
    pub(super) fn watch(self, body: Incoming) -> Watched {
        let body = Limited::new(body, STREAM_BYTES_MAX);
        Watched { body, waiting: self, sleep: None, heard: None }
    }

    /// When the next sign of life must have come, and which limit says so.
    fn deadline(&self, heard: Instant, begun: bool) -> Option<(Instant, Limit)> {
        let Patience { first_byte, idle, total } = self.patience;
        let (span, limit) =
            if begun { (idle, Limit::Idle) } else { (first_byte, Limit::FirstByte) };
        let next = span.map(|it| (heard + it, limit));
        let total = total.map(|it| (self.since + it, Limit::Total));
        [next, total].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

fn overdue(limit: Limit) -> ModelFailure {
    tracing::warn!(limit = limit.name(), "the model request was cut: it took too long");
    match limit {
        Limit::FirstByte => ModelFailure::Silent,
        Limit::Idle => ModelFailure::Stalled,
        Limit::Total => ModelFailure::TooSlow,
    }
}

/// A body beside a clock.
#[derive(Debug)]
pub(super) struct Watched {
    body: Limited<Incoming>,
    waiting: Waiting,
    sleep: Option<(Pin<Box<Sleep>>, Limit)>,
    /// When the latest part came.
    heard: Option<Instant>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Spoiled;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Spoiled>>> {
        // What has arrived is taken before the clock is looked at: whoever reads may have been slow, not the provider.
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.heard = Some(clock::instant());
            self.sleep = None;
            return Poll::Ready(frame.map(|it| it.map_err(Spoiled::from)));
        }
        if self.sleep.is_none() {
            let heard = self.heard.unwrap_or(self.waiting.since);
            let deadline = self.waiting.deadline(heard, self.heard.is_some());
            self.sleep =
                deadline.map(|(at, limit)| (Box::pin(tokio::time::sleep_until(at)), limit));
        }
        let Some((sleep, limit)) = &mut self.sleep else { return Poll::Pending };
        let limit = *limit;
        sleep.as_mut().poll(context).map(|()| Some(Err(Spoiled::Overdue(overdue(limit)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_earliest_limit_counts() {
        let check = |[first_byte, idle, total]: [Option<u32>; 3], heard_s: u32, expected| {
            let span = |it: Option<u32>| it.map(|it| SECOND * it);
            let patience =
                Patience { first_byte: span(first_byte), idle: span(idle), total: span(total) };
            let waiting = Waiting::begin(patience);
            let heard = waiting.since + SECOND * heard_s;
            let found = waiting.deadline(heard, heard_s > 0);
            let found =
                found.map(|(at, limit)| (at.duration_since(waiting.since).as_secs(), limit));
            assert_eq!(found, expected, "{patience:?} heard at {heard_s}");
        };
        check([Some(9), Some(2), None], 0, Some((9, Limit::FirstByte)));
        check([Some(9), Some(2), None], 4, Some((6, Limit::Idle)));
        check([Some(9), Some(2), Some(5)], 0, Some((5, Limit::Total)));
        check([Some(9), Some(2), Some(5)], 4, Some((5, Limit::Total)));
        check([Some(9), Some(2), Some(7)], 4, Some((6, Limit::Idle)));
        check([Some(9), None, None], 4, None);
    }
}
