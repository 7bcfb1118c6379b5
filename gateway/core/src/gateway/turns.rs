//! Runs: begun when their lane and the main lane are free, ended by an answer, a failure, a timeout or an abort.
//!
//! Whatever ends a run frees both lanes and drains the queue. Late events of an ended run change nothing: they are
//! recognised by the run's id and the number of its request.

use super::{Effect, Gateway, Note, RunFailure, Timer};
use crate::{
    ids::RunId,
    message::Turn,
    run::{ModelOutcome, ModelRequest, Phase, Run},
    session::Entry,
    session_key::SessionKey,
    time::Timestamp,
};

/// An answer that says nothing on purpose.
const NO_REPLY: &str = "NO_REPLY";

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
        turn: Turn,
        effects: &mut Vec<Effect>,
    ) {
        self.runs_started += 1;
        let id = RunId(self.runs_started);
        self.end_life_that_is_over(now, key);
        self.session(key).lane.occupy(id, turn.authority);
        let route = turn.route.clone();
        self.runs.insert(id, Run { session: key.clone(), route, phase: Phase::Pending(turn) });
        if self.main_lane.enter(id) {
            self.begin(now, id, effects);
        }
    }

    /// A run has its slot: its first model request goes out.
    fn begin(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        let run = self.runs.get_mut(&id).expect("a run that has a slot is known");
        let Phase::Pending(turn) = std::mem::replace(&mut run.phase, Phase::Calling(1)) else {
            unreachable!("a run begins once");
        };
        let key = run.session.clone();
        self.session(&key).history.push(Entry::User(turn.prompt.into()));
        self.deadlines.set(&Timer::Run(id), Some(now + self.settings.run_timeout));
        effects.push(Effect::Note(Note::RunStarted(id, key.clone())));
        self.call_model(id, 1, &key, effects);
    }

    fn call_model(&self, run: RunId, call: u32, key: &SessionKey, effects: &mut Vec<Effect>) {
        let session = &self.sessions[key];
        let agent = self.agent(&session.agent);
        effects.push(Effect::CallModel(ModelRequest {
            run,
            call,
            agent: session.agent.clone(),
            model: session.model.as_ref().unwrap_or(&agent.model).clone(),
            system: agent.system.clone(),
            history: session.history.clone(),
        }));
    }

    pub(super) fn model_ended(
        &mut self,
        now: Timestamp,
        (id, call): (RunId, u32),
        outcome: ModelOutcome,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Run { session, route, phase: Phase::Calling(current) }) = self.runs.get(&id)
        else {
            return;
        };
        if *current != call {
            return;
        }
        let (key, route) = (session.clone(), route.clone());
        match outcome {
            ModelOutcome::Answered(text) => {
                let visible = match text.trim() {
                    "" => Some("(The model's answer was empty.)".to_owned()),
                    NO_REPLY => None,
                    _ => Some(text.clone()),
                };
                self.remember_answer(&key, text);
                if let Some(text) = visible {
                    self.say(now, &route, &text, effects);
                }
                if !self.continue_steered(id, call, &key, effects) {
                    effects.push(Effect::Note(Note::RunAnswered(id)));
                    self.end(now, id, effects);
                }
            }
            ModelOutcome::Failed(failure) => {
                self.fail(now, id, RunFailure::Model(failure), effects);
            }
        }
    }

    /// The end of a response is a boundary: messages that wait to join the run make its next request, at once.
    fn continue_steered(
        &mut self,
        id: RunId,
        call: u32,
        key: &SessionKey,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let batch = self.settings.profile.steer_batch;
        let steering = self.session(key).lane.take_steering(batch);
        let Some(last) = steering.last() else { return false };
        let run = self.runs.get_mut(&id).expect("the run that was just answered");
        run.route = last.route.clone();
        run.phase = Phase::Calling(call + 1);
        for message in steering {
            self.session(key).history.push(Entry::User(message.into_prompt().into()));
        }
        self.call_model(id, call + 1, key, effects);
        true
    }

    pub(super) fn time_out(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        effects.push(Effect::CancelModel(id));
        self.fail(now, id, RunFailure::Timeout, effects);
    }

    fn fail(&mut self, now: Timestamp, id: RunId, why: RunFailure, effects: &mut Vec<Effect>) {
        effects.push(Effect::Note(Note::RunFailed(id, why)));
        let route = self.runs[&id].route.clone();
        let text = format!("No answer this time: {why}. Your message is kept; please ask again.");
        self.say(now, &route, &text, effects);
        self.end(now, id, effects);
    }

    /// Ends a run that must say nothing more. Its lane is free when this returns.
    pub(super) fn abort(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        if matches!(self.runs[&id].phase, Phase::Calling(_)) {
            effects.push(Effect::CancelModel(id));
        }
        effects.push(Effect::Note(Note::RunAborted(id)));
        self.end(now, id, effects);
    }

    fn end(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        let run = self.runs.remove(&id).expect("a run ends once");
        self.deadlines.set(&Timer::Run(id), None);
        self.session(&run.session).lane.release(now);
        self.watch_lane(&run.session);
        match run.phase {
            Phase::Pending(_) => self.main_lane.withdraw(id),
            Phase::Calling(_) => {
                if let Some(next) = self.main_lane.leave() {
                    self.begin(now, next, effects);
                }
            }
        }
    }
}
