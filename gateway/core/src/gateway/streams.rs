//! Block streaming: what an answer's parts become while the model still writes it.

use super::{Effect, Gateway, Timer};
use crate::{
    egress::stream::Stream,
    ids::RunId,
    message::Errand,
    operator::{Telling, is_operators},
    origin::Route,
    run::{Phase, Run},
    time::Timestamp,
};

impl Gateway {
    /// A request is about to begin: whether its answer is wanted in parts.
    pub(super) fn open_stream(&mut self, run: RunId) -> bool {
        let Run { session, route: Some(route), errand: Errand::Talk, .. } = &self.runs[&run] else {
            return false;
        };
        let blocks = self.settings.streaming.of(route);
        // What a sub-agent says is for its parent.
        if self.sessions[session].parent.is_some() {
            return false;
        }
        if is_operators(route) {
            return true;
        }
        let Some(blocks) = blocks else { return false };
        let limit = self.settings.text_limit(&route.channel);
        self.streams.insert(run, Stream::new(blocks.within(limit)));
        true
    }

    /// A part of an answer came.
    pub(super) fn model_wrote(
        &mut self,
        now: Timestamp,
        (id, call): (RunId, u32),
        text: &str,
        effects: &mut Vec<Effect>,
    ) {
        let is_current =
            |phase: &Phase| matches!(phase, Phase::Calling(current) if *current == call);
        let Some(run) = self.runs.get_mut(&id).filter(|it| is_current(&it.phase)) else { return };
        let Some(route) = run.route.clone() else { return };
        if is_operators(&route) {
            run.partial.push_str(text);
            return self.tell(id, Telling::Wrote(text.into()), effects);
        }
        let Some(stream) = self.streams.get_mut(&id) else { return };
        for block in stream.push(now, text) {
            self.say(now, &route, &block, effects);
        }
        self.watch_stream(id);
    }

    /// No block came for a while.
    pub(super) fn stream_idles(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        let (Some(run), Some(stream)) = (self.runs.get(&id), self.streams.get_mut(&id)) else {
            return;
        };
        let Some(route) = run.route.clone() else { return };
        if let Some(text) = stream.take_due(now) {
            self.say(now, &route, &text, effects);
        }
        self.watch_stream(id);
    }

    /// The answer is complete: what was not said of it yet is said. Words that leave in parts show no pictures.
    pub(super) fn finish_stream(
        &mut self,
        now: Timestamp,
        stream: Stream,
        (route, answer): (&Route, &str),
        effects: &mut Vec<Effect>,
    ) {
        for text in stream.finish(answer) {
            self.say(now, route, &text, effects);
        }
    }

    /// Whatever ends a request ends its stream: nothing of it leaves any more.
    pub(super) fn close_stream(&mut self, id: RunId) -> Option<Stream> {
        if self.streams.is_empty() {
            return None;
        }
        self.deadlines.set(&Timer::Stream(id), None);
        self.streams.remove(&id)
    }

    fn watch_stream(&mut self, id: RunId) {
        let due = self.streams.get(&id).and_then(Stream::next_deadline);
        self.deadlines.set(&Timer::Stream(id), due);
    }
}
