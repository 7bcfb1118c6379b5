//! A response body that follows a plan: pieces with pauses, then a proper end or none.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use creel_judge::trace::{Kind, ModelOutcome};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use crate::recorder::Recorder;

/// Part of a body.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The pause before it.
    pub(super) after: Duration,
    /// What is written.
    pub(super) bytes: Bytes,
    /// What of the answer's text is in it.
    pub(super) text: String,
}

impl Piece {
    /// At once.
    pub(super) fn of(bytes: String, text: &str) -> Self {
        Self { after: Duration::ZERO, bytes: Bytes::from(bytes), text: text.to_owned() }
    }
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finale {
    /// With everything that belongs to an answer.
    Complete,
    /// Properly, but what was written is no answer.
    Spoiled(&'static str),
    /// By closing the connection.
    Cut,
    /// Not at all.
    Stall,
}

/// The body. While it lives unfinished, the request is open; when it is dropped, the client is gone.
#[derive(Debug)]
pub(super) struct Planned {
    pieces: VecDeque<Piece>,
    finale: Finale,
    pause: Option<Pin<Box<Sleep>>>,
    /// What was written before a cut must be on its way first: an error discards what hyper still holds.
    flushed: bool,
    ending: Option<Ending>,
    length: Option<u64>,
}

impl Planned {
    pub(super) fn new(pieces: Vec<Piece>, finale: Finale, ending: Ending) -> Self {
        let length = match (pieces.as_slice(), finale) {
            ([whole], Finale::Complete | Finale::Spoiled(_)) => {
                u64::try_from(whole.bytes.len()).ok()
            }
            _ => None,
        };
        // With nothing before it, a cut discards the status too.
        let flushed = pieces.is_empty();
        let (pieces, ending) = (pieces.into(), Some(ending));
        Self { pieces, finale, pause: None, flushed, ending, length }
    }

    /// The same, later.
    pub(super) fn delayed(mut self, wait: Duration) -> Self {
        if let Some(first) = self.pieces.front_mut() {
            first.after += wait;
        }
        self
    }

    fn write(&mut self, piece: Piece) -> Frame<Bytes> {
        if let Some(ending) = &mut self.ending {
            ending.text.push_str(&piece.text);
        }
        if self.is_end_stream() {
            self.end();
        }
        Frame::data(piece.bytes)
    }

    fn end(&mut self) {
        let Some(mut ending) = self.ending.take() else { return };
        let text = std::mem::take(&mut ending.text);
        let outcome = match self.finale {
            Finale::Complete => ModelOutcome::Completed { text },
            Finale::Spoiled(how) => ModelOutcome::Spoiled { how: how.to_owned(), text },
            Finale::Cut => ModelOutcome::Spoiled { how: "cut".to_owned(), text },
            Finale::Stall => ModelOutcome::Abandoned { text },
        };
        ending.end(outcome);
    }
}

impl Body for Planned {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(piece) = self.pieces.front_mut() {
            let after = std::mem::take(&mut piece.after);
            if !after.is_zero() {
                self.pause = Some(Box::pin(tokio::time::sleep(after)));
            }
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        match self.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(self.write(piece)))),
            // The client's patience ends this, by dropping it.
            None if self.finale == Finale::Stall => Poll::Pending,
            None if self.finale != Finale::Cut => Poll::Ready(None),
            None if !self.flushed => {
                self.flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            None => {
                self.end();
                Poll::Ready(Some(Err(io::Error::other("the scenario cuts the connection here"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !matches!(self.finale, Finale::Cut | Finale::Stall)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The open end of a request. Dropped, it records that the client went away first.
#[derive(Debug)]
pub(super) struct Ending {
    recorder: Recorder,
    /// Counts the open ends.
    unfinished: Arc<AtomicUsize>,
    request: u64,
    /// What of the answer has been written.
    text: String,
    open: bool,
}

impl Ending {
    pub(super) fn new(recorder: Recorder, unfinished: Arc<AtomicUsize>, request: u64) -> Self {
        unfinished.fetch_add(1, Ordering::Relaxed);
        Self { recorder, unfinished, request, text: String::new(), open: true }
    }

    pub(super) fn request(&self) -> u64 {
        self.request
    }

    pub(super) fn end(mut self, outcome: ModelOutcome) {
        self.close(outcome);
    }

    fn close(&mut self, outcome: ModelOutcome) {
        self.open = false;
        self.unfinished.fetch_sub(1, Ordering::Relaxed);
        self.recorder.record(Kind::ModelEnd { request: self.request, outcome });
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.open {
            let outcome = ModelOutcome::Abandoned { text: std::mem::take(&mut self.text) };
            self.close(outcome);
        }
    }
}
