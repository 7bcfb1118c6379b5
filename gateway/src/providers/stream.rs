//! An answer as it arrives: server-sent events, whatever the protocol makes of them.

use std::time::Duration;

use creel_core::run::{Answer, ModelFailed, ModelFailure};
use futures_util::StreamExt as _;
use sse_stream::SseStream;

use super::{
    Parts,
    patience::{Spoiled, Watched},
};

/// The longest answer that is taken, in bytes of text.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// How much of a stream is read in all, in bytes: an answer with what JSON puts around it.
pub(super) const STREAM_BYTES_MAX: usize = 64 * ANSWER_BYTES_MAX;

/// How long the end of a stream is waited for after the answer's end, so that its connection can be used again.
const END_WAIT: Duration = Duration::from_secs(1);

/// What an event said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing that is shown.
    Nothing,
    /// A part of the answer's text.
    Part(String),
    /// That the answer is whole.
    End,
}

/// A protocol's answer, as far as it was read. It is whole only when the stream said so: half an answer is never passed
/// off as one.
pub(super) trait Reading: Default {
    /// Takes the data of an event in.
    ///
    /// # Errors
    ///
    /// If it is not understood, or says that there will be no answer.
    fn take(&mut self, data: &str) -> Result<Heard, ModelFailed>;

    /// How long it is by now, in bytes.
    fn bytes(&self) -> usize;

    /// Whether it may end without having said so: the stream has ended in good order.
    fn may_end(&self) -> bool;

    /// The answer.
    fn finish(self) -> Answer;
}

/// Reads an answer to its end.
pub(super) async fn read<R: Reading>(
    body: Watched,
    parts: Option<&Parts>,
) -> Result<Answer, ModelFailed> {
    let mut events = SseStream::new(body);
    let mut reading = R::default();
    while let Some(event) = events.next().await {
        let Some(data) = event.map_err(|it| broken(&it))?.data else { continue };
        match reading.take(&data)? {
            Heard::Nothing => (),
            Heard::Part(part) => {
                if let (Some(parts), false) = (parts, part.is_empty()) {
                    parts.tell(&part).await;
                }
            }
            Heard::End => {
                // Nothing behind it matters, neither what comes nor that nothing does.
                let rest = async { while events.next().await.is_some_and(|it| it.is_ok()) {} };
                _ = tokio::time::timeout(END_WAIT, rest).await;
                return Ok(reading.finish());
            }
        }
        if reading.bytes() > ANSWER_BYTES_MAX {
            return Err(ModelFailure::TooLong.into());
        }
    }
    if reading.may_end() { Ok(reading.finish()) } else { Err(ModelFailure::BrokenOff.into()) }
}

fn broken(error: &sse_stream::Error) -> ModelFailure {
    let spoiled = if let sse_stream::Error::Body(why) = error {
        why.downcast_ref()
    } else {
        tracing::warn!(%error, "model stream");
        return ModelFailure::Malformed;
    };
    // A limit that was reached has told the log already.
    if let Some(Spoiled::Overdue(failure)) = spoiled {
        return *failure;
    }
    tracing::warn!(%error, "model stream");
    if let Some(Spoiled::TooLong) = spoiled {
        ModelFailure::TooLong
    } else {
        ModelFailure::BrokenOff
    }
}
