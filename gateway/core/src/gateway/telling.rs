//! What whoever watches is told: how runs go on, how requests end, and what the gateway itself has to say.

use super::{Effect, Gateway, Timer, subagents::Status};
use crate::{
    ids::{MessageId, RunId},
    operator::{End, Ended, Progress, Telling, Told, is_operators},
    origin::Route,
    run::Run,
    session_key::SessionKey,
    time::Timestamp,
};

impl Gateway {
    /// Tells whoever watches how a run goes on.
    pub(super) fn tell(&self, id: RunId, what: Telling, effects: &mut Vec<Effect>) {
        let Run { session, asked, .. } = &self.runs[&id];
        let (session, asked) = (session.clone(), asked.clone());
        effects.push(Effect::Told(Box::new(Told { session, run: Some(id), asked, what })));
    }

    /// A run's model is asked once more.
    pub(super) fn tell_asked_again(&self, id: RunId, effects: &mut Vec<Effect>) {
        let run = &self.runs[&id];
        if run.route.as_ref().is_some_and(is_operators) {
            self.tell(id, Telling::AskedAgain(run.told.as_str().into()), effects);
        }
    }

    /// A run ended, and with it whatever was asked of it.
    pub(super) fn tell_end(
        &mut self,
        now: Timestamp,
        (id, run): (RunId, &Run),
        status: &Status,
        effects: &mut Vec<Effect>,
    ) {
        let how = match status {
            Status::Answered(text) if run.told.is_empty() => Ended::Answered(text.clone()),
            Status::Answered(_) => Ended::Answered(run.told.as_str().into()),
            Status::Failed(why) => Ended::Failed(why.to_string().into()),
            Status::Stopped => Ended::Aborted,
        };
        let end = End { began: run.began, at: self.wall, how: how.clone() };
        for name in &run.asked {
            self.requests.end(now, name, &end);
            self.deadlines.set(&Timer::Request(name.clone()), None);
        }
        let (session, asked, what) = (run.session.clone(), run.asked.clone(), Telling::Ended(end));
        effects.push(Effect::Told(Box::new(Told { session, run: Some(id), asked, what })));
    }

    /// A request ended without a run.
    pub(super) fn end_request(
        &mut self,
        now: Timestamp,
        (key, name): (&SessionKey, MessageId),
        how: &Ended,
        effects: &mut Vec<Effect>,
    ) {
        let end = End { began: None, at: self.wall, how: how.clone() };
        self.deadlines.set(&Timer::Request(name.clone()), None);
        if self.requests.end(now, &name, &end) {
            let (session, asked, what) = (key.clone(), vec![name], Telling::Ended(end));
            effects.push(Effect::Told(Box::new(Told { session, run: None, asked, what })));
        }
    }

    /// What operators asked for and gave way in its session is over.
    pub(super) fn tell_given_way(
        &mut self,
        now: Timestamp,
        key: &SessionKey,
        effects: &mut Vec<Effect>,
    ) {
        for name in self.session(key).lane.take_given_way() {
            // What is kept behind the run that it joined gives way there, and is answered all the same.
            if self.requests.progress(&name).is_some_and(|it| *it.1 != Progress::Waiting) {
                continue;
            }
            let how = Ended::Failed("it gave way to later messages".into());
            self.end_request(now, (key, name), &how, effects);
        }
    }

    /// The gateway itself has something for operators: about one request, which is its end, or about none.
    pub(super) fn notify_operators(
        &mut self,
        now: Timestamp,
        (route, about): (&Route, Option<MessageId>),
        text: &str,
        effects: &mut Vec<Effect>,
    ) {
        let key = SessionKey::canonical(route.peer.id.as_str()).expect("a key has letters");
        if let Some(name) = about {
            return self.end_request(now, (&key, name), &Ended::Failed(text.into()), effects);
        }
        let what = Telling::Notice(text.into());
        let told = Told { session: key, run: None, asked: Vec::new(), what };
        effects.push(Effect::Told(Box::new(told)));
    }
}
