//! Runs: begun when their lane and the main lane are free, ended by an answer, a failure, a timeout or an abort.
//!
//! Whatever ends a run frees both lanes and drains the queue. Late events of an ended run change nothing: they are
//! recognised by the run's id and the number of its request.

use std::sync::Arc;

use super::{Effect, Gateway, Note, RunFailure, Timer, subagents::Status};
use crate::{
    egress::{attached, silence},
    failover::plan::Attempt,
    ids::{MessageId, RunId},
    media::Presented,
    message::{Errand, Message, Turn},
    operator::{Telling, is_operators},
    origin::Route,
    run::{Answer, LaneName, ModelOutcome, ModelRequest, Phase, Run},
    session::{Cut, Entry},
    session_key::SessionKey,
    time::Timestamp,
};

impl Gateway {
    /// The queue has been quiet for long enough: its next turn runs.
    pub(super) fn drain(&mut self, now: Timestamp, key: &SessionKey, effects: &mut Vec<Effect>) {
        if let Some(turn) = self.session(key).lane.take_due(now) {
            self.start(now, key, turn, effects);
        }
        self.watch_lane(key);
    }

    /// Gives a lane to a turn, which begins as soon as the main lane has a slot.
    pub(super) fn start(
        &mut self,
        now: Timestamp,
        key: &SessionKey,
        mut turn: Turn,
        effects: &mut Vec<Effect>,
    ) {
        self.runs_started += 1;
        let id = RunId(self.runs_started);
        self.end_life_that_is_over(now, key);
        let session = self.session(key);
        // What another session asked for is answered to it alone, so nobody's words join it.
        let joinable = (turn.errand == Errand::Talk).then_some(turn.authority);
        session.lane.occupy(id, joinable);
        let lane = match (turn.errand, &session.parent) {
            (Errand::Talk, None) => LaneName::Main,
            (Errand::Talk, Some(_)) => LaneName::Subagent,
            (Errand::Cron, _) => LaneName::Cron,
            (Errand::Nested(_), _) => LaneName::Nested,
        };
        if lane == LaneName::Nested {
            turn.route.clone_from(&session.route);
        }
        turn.asked = self.requests.run(turn.asked, id);
        self.runs.insert(id, Run::new(key.clone(), lane, turn));
        if self.lanes.slots(lane).enter(id) {
            self.begin(now, id, effects);
        }
    }

    /// A run has its slot: its first model request goes out.
    fn begin(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        let run = self.runs.get_mut(&id).expect("a run that has a slot is known");
        let Phase::Pending(turn) = std::mem::replace(&mut run.phase, Phase::Calling(1)) else {
            unreachable!("a run begins once");
        };
        run.began = Some(self.wall);
        let key = run.session.clone();
        self.remember(&key, Entry::User(turn.prompt), None);
        self.deadlines.set(&Timer::Run(id), Some(now + self.run_timeout(&key)));
        effects.push(Effect::Note(Note::RunStarted(id, key.clone())));
        self.tell(id, Telling::Started, effects);
        self.call_model(now, (id, 1), &key, effects);
    }

    pub(super) fn call_model(
        &mut self,
        now: Timestamp,
        (run, call): (RunId, u32),
        key: &SessionKey,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Attempt { model, profile }) = self.choose(now, run, effects) else {
            return self.exhausted(now, run, effects);
        };
        let deltas = self.open_stream(run);
        self.runs.get_mut(&run).expect("the run is active").partial.clear();
        if call > 1 {
            self.tell_asked_again(run, effects);
        }
        let session = &self.sessions[key];
        let agent = self.agent(&session.agent);
        effects.push(Effect::CallModel(ModelRequest {
            run,
            call,
            agent: session.agent.clone(),
            model,
            profile,
            system: agent.system.clone(),
            history: session.history.clone(),
            tools: self.offered(run),
            deltas,
        }));
    }

    pub(super) fn model_ended(
        &mut self,
        now: Timestamp,
        (id, call): (RunId, u32),
        outcome: ModelOutcome,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Run { phase: Phase::Calling(current), .. }) = self.runs.get(&id) else { return };
        if *current != call {
            return;
        }
        match outcome {
            ModelOutcome::Answered(Answer { text, calls }) if calls.is_empty() => {
                self.request_answered(now, id, effects);
                self.answered(now, (id, call), text, effects);
            }
            ModelOutcome::Answered(answer) => {
                self.request_answered(now, id, effects);
                self.pass_on(now, id, &answer.text, effects);
                self.begin_round(now, (id, call), answer, effects);
            }
            ModelOutcome::Failed(failure) => {
                self.request_failed(now, (id, call), &failure, effects);
            }
        }
    }

    /// The model asks for nothing more.
    fn answered(
        &mut self,
        now: Timestamp,
        (id, call): (RunId, u32),
        text: String,
        effects: &mut Vec<Effect>,
    ) {
        let key = self.runs[&id].session.clone();
        if text.trim().is_empty() {
            self.close_stream(id);
            self.pass_on(now, id, "(The model's answer was empty.)", effects);
        } else {
            self.pass_on(now, id, &text, effects);
        }
        self.talks_hear(&key, &text);
        let text: Arc<str> = text.into();
        let by = self.runs[&id].model();
        self.remember_answer(&key, text.clone(), by);
        if !self.continue_steered(now, (id, call), &key, effects) {
            effects.push(Effect::Note(Note::RunAnswered(id)));
            self.deliver_answer(now, id, &text, effects);
            self.finish(now, id, &Status::Answered(text), effects);
        }
    }

    /// Shows people what the model said, unless that is nothing. What a sub-agent says is for its parent, a nested turn's
    /// words are for who asked, and of a cron job the last word alone is shown.
    fn pass_on(&mut self, now: Timestamp, id: RunId, text: &str, effects: &mut Vec<Effect>) {
        let stream = self.close_stream(id);
        let Run { session, route: Some(route), errand: Errand::Talk, .. } = &self.runs[&id] else {
            return;
        };
        if self.sessions[session].parent.is_some() {
            return;
        }
        let route = route.clone();
        if is_operators(&route) {
            return self.tell_words(id, text);
        }
        if let Some(stream) = stream {
            return self.finish_stream(now, stream, (&route, text), effects);
        }
        self.show_answer(now, id, (&route, text), effects);
    }

    /// Keeps what a run said for operators, who hear it at its end.
    fn tell_words(&mut self, id: RunId, words: &str) {
        let Some(text) = silence::said(words) else { return };
        let text = self.labelled(id, text).unwrap_or_else(|| text.to_owned());
        let run = self.runs.get_mut(&id).expect("a run that says something");
        if !run.told.is_empty() {
            run.told.push_str("\n\n");
        }
        run.told.push_str(&text);
    }

    /// Shows a run's answer in a chat, with its pictures.
    pub(super) fn show_answer(
        &mut self,
        now: Timestamp,
        id: RunId,
        (route, text): (&Route, &str),
        effects: &mut Vec<Effect>,
    ) {
        let agent = self.sessions[&self.runs[&id].session].agent.clone();
        let Some(answer) = silence::said(text) else { return };
        let (text, shown) = attached::read(answer);
        let present = |it: &&str| Presented { agent: agent.clone(), source: (*it).into() };
        let images = shown.iter().map(present).collect();
        let text = self.labelled(id, &text).unwrap_or(text);
        self.show(now, route, (&text, images), effects);
    }

    /// The end of a response is a boundary: messages that wait to join the run make its next request, at once.
    fn continue_steered(
        &mut self,
        now: Timestamp,
        (id, call): (RunId, u32),
        key: &SessionKey,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let joined = self.join_steering(id, key);
        if joined {
            self.call_again(now, (id, call), key, effects);
        }
        joined
    }

    /// Takes in the messages that wait to join a run; false if there are none.
    pub(super) fn join_steering(&mut self, id: RunId, key: &SessionKey) -> bool {
        let batch = self.settings.profile.steer_batch;
        let steering = self.session(key).lane.take_steering(batch);
        let Some(last) = steering.last() else { return false };
        self.runs.get_mut(&id).expect("only active runs are steered").route =
            Some(last.route.clone());
        let asked: Vec<MessageId> = steering.iter().flat_map(Message::requests).cloned().collect();
        let asked = self.requests.run(asked, id);
        self.runs.get_mut(&id).expect("only active runs are steered").asked.extend(asked);
        for message in steering {
            self.remember(key, Entry::User(message.into_prompt()), None);
        }
        true
    }

    /// The run's next request goes out.
    pub(super) fn call_again(
        &mut self,
        now: Timestamp,
        (id, call): (RunId, u32),
        key: &SessionKey,
        effects: &mut Vec<Effect>,
    ) {
        self.runs.get_mut(&id).expect("the run is active").phase = Phase::Calling(call + 1);
        self.call_model(now, (id, call + 1), key, effects);
    }

    pub(super) fn time_out(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        self.cancel(id, effects);
        self.fail(now, id, RunFailure::Timeout, effects);
    }

    pub(super) fn fail(
        &mut self,
        now: Timestamp,
        id: RunId,
        why: RunFailure,
        effects: &mut Vec<Effect>,
    ) {
        // What was written so far is no answer.
        self.close_stream(id);
        effects.push(Effect::Note(Note::RunFailed(id, why)));
        let text = format!("No answer this time: {why}. Your message is kept; please ask again.");
        self.pass_on(now, id, &text, effects);
        self.finish(now, id, &Status::Failed(why), effects);
    }

    /// Ends a run that must say nothing more. Its lane is free when this returns.
    pub(super) fn abort(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        self.keep_what_was_written(id);
        self.cancel(id, effects);
        effects.push(Effect::Note(Note::RunAborted(id)));
        self.finish(now, id, &Status::Stopped, effects);
    }

    /// Operators have seen what the model wrote so far, and find it again.
    fn keep_what_was_written(&mut self, id: RunId) {
        let run = &self.runs[&id];
        if matches!(run.phase, Phase::Calling(_)) && !run.partial.trim().is_empty() {
            let (at, asked) = (self.wall, run.asked.first().cloned());
            let (key, text) = (run.session.clone(), run.partial.as_str().into());
            self.session(&key).cut_off(Cut { at, asked, text });
        }
    }

    /// Stops whatever a run waits for outside.
    fn cancel(&mut self, id: RunId, effects: &mut Vec<Effect>) {
        match &self.runs[&id].phase {
            Phase::Pending(_) | Phase::Waiting(_) => (),
            Phase::Calling(_) => effects.push(Effect::CancelModel(id)),
            Phase::Tools(..) => effects.push(Effect::CancelTools(id)),
        }
    }

    /// Ends a run, and tells whoever waits for it.
    fn finish(&mut self, now: Timestamp, id: RunId, status: &Status, effects: &mut Vec<Effect>) {
        let run = self.runs[&id].clone();
        self.end(now, id, effects);
        self.tell_end(now, (id, &run), status, effects);
        self.remember_job(&run, status);
        let Run { errand, session, .. } = run;
        match errand {
            Errand::Talk => self.announce(now, &session, status, effects),
            Errand::Cron => (),
            Errand::Nested(asker) => self.answer_asker(now, asker, status, effects),
        }
    }

    fn end(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        self.withdraw_approvals(now, id, effects);
        let run = self.runs.remove(&id).expect("a run ends once");
        self.deadlines.set(&Timer::Run(id), None);
        self.deadlines.set(&Timer::Retry(id), None);
        let by = run.model();
        let slots = self.lanes.slots(run.lane);
        let next = match run.phase {
            Phase::Pending(_) => {
                slots.withdraw(id);
                None
            }
            Phase::Calling(_) | Phase::Waiting(_) => slots.leave(),
            Phase::Tools(_, round) => {
                let next = slots.leave();
                let settled = Entry::Tools(Arc::new(round.settle()));
                self.remember(&run.session, settled, by);
                next
            }
        };
        self.close_stream(id);
        self.forget_asks(id);
        self.session(&run.session).lane.release(now);
        self.watch_lane(&run.session);
        self.archive_later(now, &run.session);
        if let Some(next) = next {
            self.begin(now, next, effects);
        }
        self.go_on_with_talks(now, &run.session, effects);
    }
}
