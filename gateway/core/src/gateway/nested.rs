//! Nested runs: what a run says in another session, and the answer that it waits for.
//!
//! The other session serves it as a turn of its own, behind all that waits there. That turn has no slot of its asker's
//! lane, so it never waits for one that its asker holds.

use super::{Effect, Gateway, Timer, builtins::unseen, subagents::Status};
use crate::{
    ids::{AgentId, MessageId, RunId},
    lane::{Arrival, QueueOverride},
    message::{Errand, Message, TEXT_BYTES_MAX},
    profile::Version,
    send_policy::Verdict,
    session::Session,
    session_key::{MAIN_KEY, SessionKey},
    time::{Millis, Timestamp},
    tools::{
        Ticket, ToolOutcome,
        builtin::{Addressee, Send},
        settings::Visibility,
    },
    untrusted,
};

/// What a run waits for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// The session that is to answer.
    target: SessionKey,
    /// What it was told.
    message: MessageId,
    /// How long its answer is waited for.
    wait: Millis,
}

impl Gateway {
    /// Says something in another session. None if its answer is waited for.
    pub(super) fn send_to_session(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        Send { to, text, wait }: Send,
        effects: &mut Vec<Effect>,
    ) -> Option<ToolOutcome> {
        let here = self.runs[&ticket.run].session.clone();
        let there = match self.addressed(&here, to, &text) {
            Ok(there) => there,
            Err(refused) => return Some(refused),
        };
        if wait.is_some() && self.waits_for(&there, &here) {
            let why = format!("`{there}` waits for an answer of this conversation itself");
            return Some(ToolOutcome::Failed(why));
        }
        let session = &self.sessions[&here];
        let text = format!(
            "[From session `{here}` of agent `{}`, not from a person:]\n{}",
            session.agent,
            untrusted::neutral(&text)
        );
        let authority = self.runs[&ticket.run].authority;
        let message = Message::asked(ticket, authority, &here, text);
        if let Some(wait) = wait {
            let ask = Ask { target: there.clone(), message: message.id.clone(), wait };
            self.asks.insert(ticket, ask);
            self.deadlines.set(&Timer::Ask(ticket), Some(now + wait));
        }
        let overridden = self.sessions[&there].queue;
        let settings = self.settings.queue.resolve(
            &self.settings.profile,
            &message.route.channel,
            overridden,
            QueueOverride::default(),
        );
        match self.session(&there).lane.ask(now, message, settings) {
            Arrival::Start(turn) => self.start(now, &there, turn, effects),
            Arrival::Queued => (),
            Arrival::Interrupt { .. } | Arrival::Rejected(_) => {
                unreachable!("it neither interrupts nor is refused")
            }
        }
        self.watch_lane(&there);
        let accepted = || ToolOutcome::Done(format!("Accepted: `{there}` will read it."));
        wait.is_none().then(accepted)
    }

    /// The session that is meant, if it may be told something.
    fn addressed(
        &mut self,
        here: &SessionKey,
        to: Addressee,
        text: &str,
    ) -> Result<SessionKey, ToolOutcome> {
        let failed = |why: &str| Err(ToolOutcome::Failed(why.to_owned()));
        if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
            return failed(&format!("expected a message of 1 to {TEXT_BYTES_MAX} bytes"));
        }
        let keys = &self.settings.keys;
        let there = match to {
            Addressee::Agent(agent) => keys.main(&agent),
            Addressee::Session(key) if key.as_str() == MAIN_KEY => {
                keys.main(&self.sessions[here].agent)
            }
            Addressee::Session(key) => key,
        };
        if there == *here {
            return failed("that is this conversation itself");
        }
        if self.seen_from(here, &there).is_none() {
            match self.main_within_reach(here, &there) {
                Some(agent) => self.sessions.insert(there.clone(), Session::new(agent)),
                None => return Err(unseen(&there)),
            };
        }
        if self.settings.profile.version == Version::V2026_9 && there.is_of_thread() {
            return failed("a thread is its people's: expected the key of the chat around it");
        }
        let session = &self.sessions[&there];
        let configured = |it| self.settings.send_policy.decide(&there, it);
        match session.send.or_else(|| session.route.as_ref().map(configured)) {
            Some(Verdict::Deny) => failed("that conversation is not answered"),
            Some(Verdict::Allow) | None => Ok(there),
        }
    }

    /// The agent of a main session that nobody has used yet, if `here` may reach it.
    fn main_within_reach(&self, here: &SessionKey, there: &SessionKey) -> Option<AgentId> {
        if self.sessions.contains_key(there) {
            return None;
        }
        let Self { settings, sessions, .. } = self;
        let agent = settings.agents.keys().find(|it| settings.keys.main(it) == *there)?;
        let asking = &sessions[here].agent;
        let is_within_reach = match settings.tools.visibility {
            Visibility::Own | Visibility::Tree => false,
            Visibility::Agent => agent == asking,
            Visibility::All => settings.tools.between_agents.joins(asking, agent),
        };
        is_within_reach.then(|| agent.clone())
    }

    /// Whether a session waits for another's answer, or for one of a session that does.
    fn waits_for(&self, session: &SessionKey, other: &SessionKey) -> bool {
        let (mut seen, mut next) = (Vec::new(), vec![session]);
        while let Some(session) = next.pop() {
            if session == other {
                return true;
            }
            if seen.contains(&session) {
                continue;
            }
            seen.push(session);
            let its = |ticket: &Ticket| self.runs[&ticket.run].session == *session;
            next.extend(self.asks.iter().filter(|(it, _)| its(it)).map(|(_, ask)| &ask.target));
        }
        false
    }

    /// The turn that a call asked for has ended.
    pub(super) fn answer_asker(
        &mut self,
        now: Timestamp,
        asker: Ticket,
        status: &Status,
        effects: &mut Vec<Effect>,
    ) {
        let outcome = match status {
            Status::Answered(text) if text.trim().is_empty() => {
                ToolOutcome::Done("It answered nothing.".to_owned())
            }
            Status::Answered(text) => {
                ToolOutcome::Done(format!("It answered:\n{}", untrusted::neutral(text)))
            }
            Status::Failed(why) => ToolOutcome::Failed(format!("its turn failed: {why}")),
            Status::Stopped => ToolOutcome::Failed("somebody there stopped it".to_owned()),
        };
        self.end_ask(now, asker, |_| outcome, effects);
    }

    /// An answer took too long. The turn goes on.
    pub(super) fn stop_waiting(
        &mut self,
        now: Timestamp,
        asker: Ticket,
        effects: &mut Vec<Effect>,
    ) {
        let late = |Ask { target, wait, .. }: Ask| {
            ToolOutcome::Failed(format!("`{target}` has not answered within {wait}; it goes on"))
        };
        self.end_ask(now, asker, late, effects);
    }

    /// A session's queue was emptied: whoever waits for a turn that will not be is told so.
    pub(super) fn answer_asks_that_are_gone(
        &mut self,
        now: Timestamp,
        key: &SessionKey,
        effects: &mut Vec<Effect>,
    ) {
        let lane = &self.sessions[key].lane;
        let served = lane.active().map(|it| self.runs[&it].errand);
        let is_gone = |(ticket, ask): &(&Ticket, &Ask)| {
            let is_served = served == Some(Errand::Nested(**ticket));
            ask.target == *key && !lane.holds(&ask.message) && !is_served
        };
        let gone: Vec<Ticket> = self.asks.iter().filter(is_gone).map(|(it, _)| *it).collect();
        for ticket in gone {
            self.answer_asker(now, ticket, &Status::Stopped, effects);
        }
    }

    /// A run has ended, so nothing is waited for any more.
    pub(super) fn forget_asks(&mut self, run: RunId) {
        for (ticket, _) in self.asks.extract_if(.., |it, _| it.run == run) {
            self.deadlines.set(&Timer::Ask(ticket), None);
        }
    }

    fn end_ask(
        &mut self,
        now: Timestamp,
        asker: Ticket,
        outcome: impl FnOnce(Ask) -> ToolOutcome,
        effects: &mut Vec<Effect>,
    ) {
        let Some(ask) = self.asks.remove(&asker) else { return };
        self.deadlines.set(&Timer::Ask(asker), None);
        self.tool_ended(now, asker, outcome(ask), effects);
    }
}
