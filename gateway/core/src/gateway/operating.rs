//! What operators do: speak in any session, end runs, look at all of it, and hear how runs go on.

use std::sync::Arc;

use super::{Effect, Gateway, Timer};
use crate::{
    command::{self, Command},
    ids::{AgentId, MessageId},
    lane::QueueOverride,
    message::{Inbound, Message},
    operator::{self, Ended, Progress, Refused, Say, SessionView, Taken, Telling, is_operators},
    origin::Origin,
    owners::Authority,
    session::{Session, Shown},
    session_key::SessionKey,
    time::{Millis, Now, Timestamp},
};

impl Gateway {
    /// Says something in a session.
    ///
    /// # Errors
    ///
    /// Refuses a session of no agent, a name that stands for something else, and words that are none or too many.
    pub fn say_as_operator(
        &mut self,
        now: Now,
        Say { name, session, text, deliver }: Say,
        effects: &mut Vec<Effect>,
    ) -> Result<Taken, Refused> {
        self.wall = now.wall;
        let now = now.monotonic;
        operator::worded(&text)?;
        let (key, agent) = self.session_called(&session)?;
        let taken = self.requests.take(now, (&name, &key, &text))?;
        if matches!(taken, Taken::Again { .. }) {
            return Ok(taken);
        }
        self.requests.deliver(&name, deliver);
        self.sessions.entry(key.clone()).or_insert_with(|| Session::new(agent));
        let inbound = operator::inbound(&key, &name, ("operator", text));
        let before = effects.len();
        let triggers = &self.settings.reset_triggers;
        let command = command::parse(self.settings.profile.version, &inbound.text)
            .or_else(|| command::reset_trigger(triggers, &inbound.text));
        match command {
            Some(Command::QueueInline(inline, text)) => {
                let message = Message::of(Inbound { text, ..inbound }, Authority::Owner);
                self.deliver(now, (&key, message), inline, effects);
            }
            Some(command) => self.control_in(now, (&key, inbound), command, effects),
            None => {
                let message = Message::of(inbound, Authority::Owner);
                self.deliver(now, (&key, message), QueueOverride::default(), effects);
            }
        }
        self.end_without_run(now, (&key, name), before, effects);
        self.wake(now, effects);
        Ok(taken)
    }

    /// What was asked for needed no run: what the gateway itself said is the answer.
    pub(super) fn end_without_run(
        &mut self,
        now: Timestamp,
        (key, name): (&SessionKey, MessageId),
        before: usize,
        effects: &mut Vec<Effect>,
    ) {
        let waits = self.requests.progress(&name).is_some_and(|it| *it.1 == Progress::Waiting);
        if !waits || self.sessions[key].lane.holds(&name) {
            return;
        }
        let mut notices: Vec<Arc<str>> = Vec::new();
        for effect in effects.split_off(before) {
            match &effect {
                Effect::Told(told) if told.session == *key => match &told.what {
                    Telling::Notice(text) => notices.push(text.clone()),
                    _ => effects.push(effect),
                },
                _ => effects.push(effect),
            }
        }
        let how = match notices.as_slice() {
            [] => Ended::Failed("this conversation is not answered".into()),
            notices => Ended::Answered(notices.join("\n").into()),
        };
        self.end_request(now, (key, name), &how, effects);
    }

    /// Ends what runs in a session, and what an operator asked for that waits there; of one request, if one is named.
    /// The names of those that were ended, in their order; a run that nobody asked for by name has none.
    ///
    /// # Errors
    ///
    /// Refuses a session that cannot be.
    pub fn abort_as_operator(
        &mut self,
        now: Now,
        (session, only): (Option<&str>, Option<&MessageId>),
        effects: &mut Vec<Effect>,
    ) -> Result<Aborted, Refused> {
        self.wall = now.wall;
        let now = now.monotonic;
        let of_name = only.and_then(|it| self.requests.progress(it)).map(|it| it.0.clone());
        let key = match (session, of_name) {
            (Some(session), of_name) => {
                let key = self.session_called(session)?.0;
                // Nobody ends by its name what is said elsewhere.
                if of_name.as_ref().is_some_and(|it| *it != key) {
                    return Ok(Aborted::default());
                }
                key
            }
            (None, Some(key)) => key,
            (None, None) => return Ok(Aborted::default()),
        };
        let Some(session) = self.sessions.get_mut(&key) else { return Ok(Aborted::default()) };
        let mut aborted = Aborted::default();
        // What waits goes first, or the end of the run would begin it.
        for name in self.requests.waiting(&key) {
            if only.is_none_or(|it| *it == name) && session.lane.withdraw(&name) {
                aborted.names.push(name);
            }
        }
        let active = session
            .lane
            .active()
            .filter(|run| only.is_none_or(|it| self.runs[run].asked.contains(it)));
        for name in aborted.names.clone() {
            self.end_request(now, (&key, name), &Ended::Aborted, effects);
        }
        if let Some(run) = active {
            // Nor does what joined the run and is kept for afterwards, as steer-backlog has it.
            for name in self.runs[&run].asked.clone() {
                self.session(&key).lane.withdraw(&name);
            }
            aborted.names.splice(0..0, self.runs[&run].asked.iter().cloned());
            aborted.any = true;
            self.abort(now, run, effects);
            self.stop_subagents(now, &key, effects);
            self.answer_asks_that_are_gone(now, &key, effects);
        }
        aborted.any |= !aborted.names.is_empty();
        self.watch_lane(&key);
        self.wake(now, effects);
        Ok(aborted)
    }

    /// A request may take so long from now on, however long its client stays.
    pub fn end_within(&mut self, now: Now, name: &MessageId, within: Millis) {
        let is_over = |it: &Progress| matches!(it, Progress::Ended(_));
        if self.requests.progress(name).is_some_and(|it| !is_over(it.1)) {
            self.deadlines.set(&Timer::Request(name.clone()), Some(now.monotonic + within));
        }
    }

    /// A request took longer than its client allowed: it is as if it had been called off.
    pub(super) fn end_overdue(
        &mut self,
        now: Timestamp,
        name: &MessageId,
        effects: &mut Vec<Effect>,
    ) {
        let now = Now { monotonic: now, wall: self.wall };
        let aborted = self.abort_as_operator(now, (None, Some(name)), effects);
        debug_assert!(aborted.is_ok(), "only a session that is named can be refused");
    }

    /// How far a request is, if its name is known.
    pub fn progress(&self, name: &MessageId) -> Option<(&SessionKey, &Progress)> {
        self.requests.progress(name)
    }

    /// Puts words into a session's history, as if its model had said them.
    ///
    /// # Errors
    ///
    /// Refuses a session that cannot be, and no words.
    pub fn inject(&mut self, now: Now, session: &str, text: &str) -> Result<SessionKey, Refused> {
        self.wall = now.wall;
        operator::worded(text)?;
        let (key, agent) = self.session_called(session)?;
        self.sessions.entry(key.clone()).or_insert_with(|| Session::new(agent)).hear(now);
        self.remember_answer(&key, text.into(), None);
        Ok(key)
    }

    /// The last of what people see of a session's history, oldest first; empty for one that nobody used yet.
    ///
    /// # Errors
    ///
    /// Refuses a session that cannot be.
    pub fn history(
        &self,
        session: &str,
        limit: usize,
    ) -> Result<(SessionKey, Vec<Shown>), Refused> {
        let (key, _) = self.session_called(session)?;
        let shown = self.sessions.get(&key).map(|it| it.shown(limit)).unwrap_or_default();
        Ok((key, shown))
    }

    /// What was reported to an agent's main session and no turn has read yet.
    pub fn reports_waiting(&self, agent: &AgentId) -> Vec<String> {
        let main = self.sessions.get(&self.settings.keys.main(agent));
        main.map(|it| it.lane.reports_waiting().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// Every session, by key.
    pub fn sessions(&self) -> Vec<SessionView> {
        self.sessions.iter().map(|(key, it)| self.view(key, it)).collect()
    }

    /// One session.
    ///
    /// # Errors
    ///
    /// Refuses a session that cannot be.
    pub fn session_view(&self, session: &str) -> Result<SessionView, Refused> {
        let (key, agent) = self.session_called(session)?;
        let fresh = || Session::new(agent);
        Ok(match self.sessions.get(&key) {
            Some(known) => self.view(&key, known),
            None => self.view(&key, &fresh()),
        })
    }

    fn view(&self, key: &SessionKey, session: &Session) -> SessionView {
        let configured = || self.agent(&session.agent).model.clone();
        SessionView {
            key: key.clone(),
            agent: session.agent.clone(),
            model: session.model.clone().unwrap_or_else(configured),
            label: session.label.clone(),
            updated: session.life.map(|it| it.updated),
            active: session.lane.active(),
            waiting: session.lane.depth(),
            entries: session.history.entries().len(),
            route: session.route.clone(),
            parent: session.parent.as_ref().map(|it| it.session.clone()),
        }
    }

    /// Begins a session's next life: what runs ends, what waits is dropped, what was said is forgotten.
    ///
    /// # Errors
    ///
    /// Refuses a session that cannot be.
    pub fn reset_session(
        &mut self,
        now: Now,
        session: &str,
        effects: &mut Vec<Effect>,
    ) -> Result<SessionKey, Refused> {
        self.wall = now.wall;
        let (key, agent) = self.session_called(session)?;
        self.sessions.entry(key.clone()).or_insert_with(|| Session::new(agent));
        self.empty_lane(now.monotonic, &key, effects);
        self.renew_life(now.monotonic, &key);
        self.wake(now.monotonic, effects);
        Ok(key)
    }

    /// Forgets a session altogether: whether there was one, and it is gone. One in which the end of a run began another stays.
    ///
    /// # Errors
    ///
    /// Refuses a session that cannot be.
    pub fn delete_session(
        &mut self,
        now: Now,
        session: &str,
        effects: &mut Vec<Effect>,
    ) -> Result<(SessionKey, bool), Refused> {
        let key = self.session_called(session)?.0;
        if !self.sessions.contains_key(&key) {
            return Ok((key, false));
        }
        self.reset_session(now, session, effects)?;
        self.archive(now.monotonic, &key);
        let is_gone = !self.sessions.contains_key(&key);
        Ok((key, is_gone))
    }

    /// Changes what is set for a session.
    ///
    /// # Errors
    ///
    /// Refuses a session that cannot be.
    pub fn change_session(
        &mut self,
        session: &str,
        change: impl FnOnce(&mut Session),
    ) -> Result<SessionView, Refused> {
        let (key, agent) = self.session_called(session)?;
        let known = self.sessions.entry(key.clone()).or_insert_with(|| Session::new(agent));
        change(known);
        self.session_view(key.as_str())
    }

    /// The session that an operator calls so, and its agent: a known one, or one of a configured agent.
    pub(super) fn session_called(&self, text: &str) -> Result<(SessionKey, AgentId), Refused> {
        let agents = &self.settings.agents;
        let refused = || Refused::Session {
            found: text.to_owned(),
            agents: agents.keys().map(AgentId::as_str).collect::<Vec<_>>().join(", "),
        };
        let key = SessionKey::canonical(text).map_err(|_| refused())?;
        if let Some(known) = self.sessions.get(&key) {
            return Ok((key, known.agent.clone()));
        }
        if let Some(agent) = agents.keys().find(|it| key.is_of(it)) {
            return Ok((key, agent.clone()));
        }
        if key.as_str().starts_with("agent:") {
            return Err(refused());
        }
        let agent = self.settings.default_agent.clone();
        Ok((self.settings.keys.named(&agent, &key), agent))
    }

    /// With whose authority somebody speaks.
    pub(super) fn authority(&self, origin: &Origin) -> Authority {
        // An operator has shown the gateway's own token.
        if is_operators(&origin.route) {
            return Authority::Owner;
        }
        self.settings.owners.authority(origin)
    }
}

/// What an operator ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aborted {
    /// Whether anything was.
    pub any: bool,
    /// The requests that it was asked for by.
    pub names: Vec<MessageId>,
}

#[cfg(test)]
mod tests;
