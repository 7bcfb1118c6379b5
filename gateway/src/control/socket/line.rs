//! A socket that is written to and read from at the same time, so that who takes long to hear is heard all the same.

use std::{collections::VecDeque, future::poll_fn, pin::Pin, task::Poll};

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::{Sink as _, SinkExt as _, Stream as _};
use tokio::time::{Instant, timeout_at};

use super::{Gone, SEND_WITHIN};
use crate::clock;

/// The socket, and since when a text is on its way.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) socket: &'a mut WebSocket,
    since: Option<Instant>,
}

/// What happened on the line.
#[derive(Debug)]
pub(super) enum Turn {
    /// The other side said something, or nothing any more.
    Heard(Option<Message>),
    /// It says more at once than may be said.
    TooLong,
    /// The text has left.
    Sent,
    /// The text does not leave.
    Stuck,
    /// The connection has broken.
    Broken,
}

/// Whether the other side is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ears {
    Open,
    Closed,
}

impl<'a> Line<'a> {
    pub(super) const fn new(socket: &'a mut WebSocket) -> Self {
        Self { socket, since: None }
    }

    /// Whether a text may be put on it.
    pub(super) const fn is_free(&self) -> bool {
        self.since.is_none()
    }

    /// Puts a text on a free line. It leaves while turns are taken.
    pub(super) async fn put(&mut self, text: String) -> Result<(), Gone> {
        self.since = Some(clock::instant());
        let text = Message::Text(Utf8Bytes::from(text));
        self.socket.feed(text).await.map_err(|_| Gone)
    }

    /// The next thing that happens. Nothing is lost when the future is dropped.
    pub(super) async fn turn(&mut self, ears: Ears) -> Turn {
        let due = self.since.map(|it| it + SEND_WITHIN);
        let turn = poll_fn(|cx| {
            let mut socket = Pin::new(&mut *self.socket);
            let mut has_sent = false;
            if self.since.is_some() {
                match socket.as_mut().poll_flush(cx) {
                    Poll::Ready(Ok(())) => has_sent = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(Turn::Broken),
                    Poll::Pending => {}
                }
            }
            if has_sent {
                self.since = None;
            }
            // After every text, too: who is told much is not deaf to us.
            if ears == Ears::Open
                && let Poll::Ready(heard) = socket.poll_next(cx)
            {
                return Poll::Ready(match heard {
                    Some(Ok(message)) => Turn::Heard(Some(message)),
                    Some(Err(error)) => {
                        if is_too_long(error) {
                            Turn::TooLong
                        } else {
                            Turn::Heard(None)
                        }
                    }
                    None => Turn::Heard(None),
                });
            }
            if has_sent { Poll::Ready(Turn::Sent) } else { Poll::Pending }
        });
        match due {
            None => turn.await,
            Some(due) => timeout_at(due, turn).await.unwrap_or(Turn::Stuck),
        }
    }
}

fn is_too_long(error: axum::Error) -> bool {
    let error = error.into_inner();
    let known = error.downcast_ref::<tokio_tungstenite::tungstenite::Error>();
    matches!(known, Some(tokio_tungstenite::tungstenite::Error::Capacity(_)))
}

/// Answers that wait for the line, each behind the events that were there before it.
#[derive(Debug, Default)]
pub(super) struct Answers {
    waiting: VecDeque<(u64, String)>,
    bytes: usize,
}

impl Answers {
    /// Adds an answer, which leaves when so many events have left.
    pub(super) fn push(&mut self, after: u64, answer: String) {
        self.bytes += answer.len();
        self.waiting.push_back((after, answer));
    }

    /// Whether one may leave when so many events have left.
    pub(super) fn is_due(&self, left: u64) -> bool {
        self.waiting.front().is_some_and(|it| it.0 <= left)
    }

    /// The next one.
    pub(super) fn take(&mut self) -> Option<String> {
        let (_, answer) = self.waiting.pop_front()?;
        self.bytes -= answer.len();
        Some(answer)
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How long all of them are.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}
