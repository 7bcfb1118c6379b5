//! Sub-agents: started by a run, in a session and a lane of their own, and reported to their parent exactly once.
//!
//! A parent does not wait for its sub-agents, and a sub-agent never for its parent's slot. What a sub-agent says reaches
//! people only through its parent.

use std::sync::Arc;

use super::{Arrival, Effect, Gateway, Note, RunFailure, Timer};
use crate::{
    ids::RunId,
    lane::QueueOverride,
    message::{Errand, Message, Turn},
    run::Run,
    session::{Parent, Session},
    session_key::SessionKey,
    time::{Millis, Timestamp},
    tools::{ToolOutcome, builtin::Spawn},
    untrusted,
};

/// How a run ended, for whoever waits for it.
#[derive(Clone, Debug)]
pub(super) enum Status {
    Answered(Arc<str>),
    Failed(RunFailure),
    /// Somebody ended it.
    Stopped,
}

impl Gateway {
    /// Starts a sub-agent for a run.
    pub(super) fn spawn(
        &mut self,
        now: Timestamp,
        run: RunId,
        Spawn { task, label, agent }: Spawn,
        effects: &mut Vec<Effect>,
    ) -> ToolOutcome {
        let Run { session: here, route, authority, .. } = self.runs[&run].clone();
        let Some(route) = route else {
            let why = "a turn without a chat starts no sub-agents: nobody would hear of them";
            return ToolOutcome::Failed(why.to_owned());
        };
        let own = &self.sessions[&here].agent;
        let agent = agent.unwrap_or_else(|| own.clone());
        let allowed = &self.agent(own).spawns;
        let is_allowed = allowed.iter().any(|it| it == "*" || *it == agent.as_str());
        if agent != *own && !(is_allowed && self.settings.agents.contains_key(&agent)) {
            return ToolOutcome::Failed(format!("agent `{agent}` may not be started from here"));
        }
        let (running, most) =
            (self.children(&here).len(), self.settings.tools.subagents.children_max);
        if running >= most {
            let why =
                format!("{running} sub-agents run already, and {most} may: wait for a report");
            return ToolOutcome::Failed(why);
        }
        self.subagents_started += 1;
        let key = SessionKey::of_subagent(&agent, self.subagents_started);
        let label = label.unwrap_or_else(|| format!("{}", self.subagents_started));
        let parent = Parent { session: here, route: route.clone(), authority, label };
        let session = Session { parent: Some(parent), ..Session::new(agent) };
        self.sessions.insert(key.clone(), session);
        effects.push(Effect::Note(Note::SubagentStarted(key.clone())));
        let (errand, prompt) = (Errand::Talk, task.as_str().into());
        let (route, asked) = (Some(route), Vec::new());
        self.start(now, &key, Turn { errand, route, authority, prompt, asked }, effects);
        ToolOutcome::Done(format!(
            "Accepted: the sub-agent works in session `{key}`. Its report will come as a message."
        ))
    }

    /// The sub-agents of a session that are under way.
    fn children(&self, parent: &SessionKey) -> Vec<(SessionKey, RunId)> {
        let is_child =
            |it: &Session| it.parent.as_ref().is_some_and(|parents| parents.session == *parent);
        let children = self.sessions.iter().filter(|(_, session)| is_child(session));
        children.filter_map(|(key, it)| Some((key.clone(), it.lane.active()?))).collect()
    }

    /// Ends a session's sub-agents without a report, and says how many that were.
    pub(super) fn stop_subagents(
        &mut self,
        now: Timestamp,
        parent: &SessionKey,
        effects: &mut Vec<Effect>,
    ) -> usize {
        let children = self.children(parent);
        for (_, run) in &children {
            self.abort(now, *run, effects);
        }
        children.len()
    }

    /// A sub-agent's run has ended: its parent hears of it.
    pub(super) fn announce(
        &mut self,
        now: Timestamp,
        key: &SessionKey,
        status: &Status,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Parent { session, route, authority, label }) = self.sessions[key].parent.clone()
        else {
            return;
        };
        // Nobody is left to hear of it: a session that passes may be gone before its sub-agents.
        if !self.sessions.contains_key(&session) {
            return;
        }
        let text = match status {
            Status::Answered(text) if text.trim().is_empty() => {
                format!("[Sub-agent {label} has finished. It said nothing.]")
            }
            Status::Answered(text) => {
                format!("[Sub-agent {label} has finished:]\n{}", untrusted::neutral(text))
            }
            Status::Failed(why) => format!("[Sub-agent {label} failed: {why}.]"),
            Status::Stopped => return,
        };
        let message = Message::report(route, authority, key.as_str(), text);
        self.report(now, &session, message, effects);
    }

    /// Tells a session what the gateway itself has to say.
    pub(super) fn report(
        &mut self,
        now: Timestamp,
        key: &SessionKey,
        message: Message,
        effects: &mut Vec<Effect>,
    ) {
        let overridden = self.sessions[key].queue;
        let settings = self.settings.queue.resolve(
            &self.settings.profile,
            &message.route.channel,
            overridden,
            QueueOverride::default(),
        );
        match self.session(key).lane.report(now, message, settings) {
            Arrival::Start(turn) => self.start(now, key, turn, effects),
            Arrival::Queued => (),
            Arrival::Interrupt { .. } | Arrival::Rejected(_) => {
                unreachable!("a report neither interrupts nor is refused")
            }
        }
        self.watch_lane(key);
    }

    /// How long a run of a session may take.
    pub(super) fn run_timeout(&self, key: &SessionKey) -> Millis {
        let own = self.sessions[key].parent.as_ref().and(self.settings.tools.subagents.timeout);
        let jobs = self.job_of(key).and_then(|it| it.timeout);
        own.or(jobs).unwrap_or(self.settings.run_timeout)
    }

    /// A finished sub-agent's session can be read for a while, and so can one that was a single turn's.
    pub(super) fn archive_later(&mut self, now: Timestamp, key: &SessionKey) {
        let session = &self.sessions[key];
        if session.parent.is_some() || session.passes {
            let due = now + self.settings.tools.subagents.archive_after;
            self.deadlines.set(&Timer::Archive(key.clone()), Some(due));
        }
    }

    /// Its time is over, unless somebody has it work again: the end of that begins another. Sub-agents report to it still.
    pub(super) fn archive(&mut self, now: Timestamp, key: &SessionKey) {
        // An operator may have deleted it meanwhile.
        let is_busy = |it: &Session| it.lane.active().is_some() || it.lane.is_waiting();
        if self.sessions.get(key).is_some_and(is_busy) {
            return;
        }
        if !self.children(key).is_empty() {
            let later = self.settings.tools.subagents.archive_after.max(Millis::from_s(60));
            self.deadlines.set(&Timer::Archive(key.clone()), Some(now + later));
            return;
        }
        self.sessions.remove(key);
        for timer in [Timer::Lane(key.clone()), Timer::Archive(key.clone())] {
            self.deadlines.set(&timer, None);
        }
    }
}
