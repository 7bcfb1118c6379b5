//! One call of a tool: it waits, then its result is one event of the answer's body.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use creel_judge::trace::{Kind, ToolOutcome};
use hyper::body::{Body, Frame};
use serde_json::{Value, json};
use tokio::time::Sleep;

use super::rpc;
use crate::{
    recorder::Recorder,
    scenario::{ToolAct, ToolAnswer},
};

/// The open end of a call, which ends once: by its result, by the client's word, or by the client's going away.
#[derive(Clone, Debug)]
pub(super) struct Open(Arc<Mutex<Option<End>>>);

#[derive(Debug)]
struct End {
    recorder: Recorder,
    call: u64,
    unfinished: Option<Arc<AtomicUsize>>,
}

impl Open {
    /// An open call, twice: for whoever may end it early and for its body. `unfinished` counts it while it is open.
    pub(super) fn new(
        recorder: Recorder,
        call: u64,
        unfinished: Option<Arc<AtomicUsize>>,
    ) -> (Self, Self) {
        if let Some(count) = &unfinished {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let open = Self(Arc::new(Mutex::new(Some(End { recorder, call, unfinished }))));
        (open.clone(), open)
    }

    pub(super) fn end(&self, outcome: ToolOutcome, text: String) {
        let end = self.0.lock().expect("nothing panics while it holds the end").take();
        let Some(End { recorder, call, unfinished }) = end else { return };
        if let Some(count) = unfinished {
            count.fetch_sub(1, Ordering::Relaxed);
        }
        recorder.record(Kind::ToolEnded { call, outcome, text });
    }
}

/// The answer's body.
#[derive(Debug)]
pub(super) struct Planned {
    id: Value,
    answer: Option<ToolAnswer>,
    pause: Option<Pin<Box<Sleep>>>,
    open: Open,
}

impl Planned {
    pub(super) fn new(id: Value, answer: ToolAnswer, open: Open) -> Self {
        let pause = (!answer.after.is_zero()).then(|| Box::pin(tokio::time::sleep(answer.after)));
        Self { id, answer: Some(answer), pause, open }
    }
}

impl Body for Planned {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if self.answer.as_ref().is_some_and(|it| it.act == ToolAct::Hang) {
            return Poll::Pending;
        }
        let Some(ToolAnswer { act, .. }) = self.answer.take() else { return Poll::Ready(None) };
        let (outcome, text) = match act {
            ToolAct::Result(text) => (ToolOutcome::Completed, text),
            ToolAct::Error(text) => (ToolOutcome::Failed, text),
            ToolAct::Hang => unreachable!("it never comes so far"),
        };
        let content = json!([{ "type": "text", "text": text }]);
        let result = json!({ "content": content, "isError": outcome == ToolOutcome::Failed });
        let message = rpc::result_of(&self.id, &result);
        self.open.end(outcome, text);
        let event = format!("event: message\ndata: {message}\n\n");
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(event)))))
    }
}

impl Drop for Planned {
    fn drop(&mut self) {
        self.open.end(ToolOutcome::Abandoned, String::new());
    }
}
