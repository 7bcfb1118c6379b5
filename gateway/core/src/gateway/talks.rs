//! Broadcast groups: which sessions a message reaches, and who goes on when a run of theirs ends.

use super::{Effect, Gateway, control::stopped_notice};
use crate::{
    broadcast::{Group, Part, Talk},
    command::Command,
    egress::silence,
    ids::RunId,
    lane::{Mode, QueueOverride},
    message::{Inbound, Message},
    session::Session,
    session_key::SessionKey,
    time::Timestamp,
};

impl Gateway {
    /// A message for several agents.
    pub(super) fn begin_talk(
        &mut self,
        now: Timestamp,
        inbound: Inbound,
        group: Group,
        effects: &mut Vec<Effect>,
    ) {
        let origin = inbound.origin.clone();
        let addressed =
            if group.by_mention { self.addressed_in(&group, &inbound.text) } else { Vec::new() };
        let message = self.message_of(inbound);
        let strategy = self.settings.broadcasts.strategy;
        let (talk, parts) = Talk::begin((origin, message), addressed, group, strategy);
        self.take_parts(now, talk, parts, effects);
    }

    fn take_parts(
        &mut self,
        now: Timestamp,
        mut talk: Talk,
        parts: Vec<Part>,
        effects: &mut Vec<Effect>,
    ) {
        let mut ready = Vec::new();
        for Part { agent, told } in parts {
            let key = self.settings.keys.key(&agent, &talk.origin);
            self.sessions.entry(key.clone()).or_insert_with(|| Session::new(agent.clone()));
            talk.runs_in(key.clone(), agent);
            let message = talk.message.clone();
            ready.push(match told {
                None => (key, message, QueueOverride::default()),
                // A further round is a turn of its own, whatever is asked of people's messages.
                Some(text) => {
                    let message = Message { context: String::new(), text, image: None, ..message };
                    let inline = QueueOverride { mode: Some(Mode::Followup), ..Default::default() };
                    (key, message, inline)
                }
            });
        }
        if !talk.is_over() {
            self.talks.push(talk);
        }
        for (key, message, inline) in ready {
            self.deliver(now, (&key, message), inline, effects);
            // A message that was not taken has no run whose end could tell.
            if self.sessions[&key].lane.active().is_none() && !self.sessions[&key].lane.is_waiting()
            {
                self.go_on_with_talks(now, &key, effects);
            }
        }
    }

    /// A session's model said something to people.
    pub(super) fn talks_hear(&mut self, key: &SessionKey, text: &str) {
        self.talks.iter_mut().for_each(|it| it.hear(key, text));
    }

    /// A run of a session ended: parts whose message waits no more are over.
    pub(super) fn go_on_with_talks(
        &mut self,
        now: Timestamp,
        key: &SessionKey,
        effects: &mut Vec<Effect>,
    ) {
        if self.talks.is_empty() {
            return;
        }
        let lane = &self.sessions[key].lane;
        let is_over = |it: &mut Talk| it.is_in(key) && !lane.holds(&it.message.id);
        for mut talk in self.talks.extract_if(.., is_over).collect::<Vec<_>>() {
            let parts = talk.end(key);
            self.take_parts(now, talk, parts, effects);
        }
    }

    /// `/stop` and `/new` are for all agents of a chat: nobody goes on.
    pub(super) fn clear_talks(
        &mut self,
        now: Timestamp,
        (inbound, command): (Inbound, Command),
        group: Group,
        effects: &mut Vec<Effect>,
    ) {
        let origin = &inbound.origin;
        self.talks.retain(|it| it.origin.route != origin.route);
        let (mut aborted, mut cleared) = (false, 0);
        for agent in &group.agents {
            let key = self.settings.keys.key(agent, origin);
            self.sessions.entry(key.clone()).or_insert_with(|| Session::new(agent.clone()));
            let (was_active, waited) = self.clear(now, &key, &inbound, effects);
            aborted |= was_active;
            // Each agent's copy is the same message.
            cleared = cleared.max(waited);
            if matches!(command, Command::New { .. }) {
                self.renew_life(now, &key);
            }
        }
        let route = origin.route.clone();
        match command {
            Command::New { rest } if !rest.is_empty() => {
                self.overheard.take(&route);
                self.begin_talk(now, Inbound { text: rest, ..inbound }, group, effects);
            }
            Command::New { .. } => self.say(now, &route, "A new session began.", effects),
            _ => self.say(now, &route, &stopped_notice(aborted, cleared), effects),
        }
    }

    /// An answer as it is shown: with its agent's name, where several answer.
    pub(super) fn labelled(&self, id: RunId, text: &str) -> Option<String> {
        let session = &self.runs[&id].session;
        let agent = self.talks.iter().find_map(|it| it.label(session))?;
        silence::said(text)
            .filter(|it| !it.trim().is_empty())
            .map(|it| format!("**{agent}:** {it}"))
    }
}
