//! The gateway's own tools, performed: each answers at once, but `sessions_send`, which waits for another session.

use std::fmt::Write as _;

use super::{Effect, Gateway};
use crate::{
    ids::RunId,
    media::Presented,
    message::TEXT_BYTES_MAX,
    session::{Entry, Session},
    session_key::SessionKey,
    time::Timestamp,
    tools::{Builtin, ToolOutcome, builtin::ROWS_MAX, settings::Visibility},
};

impl Gateway {
    pub(super) fn perform_builtin(
        &mut self,
        now: Timestamp,
        run: RunId,
        asked: Builtin,
        effects: &mut Vec<Effect>,
    ) -> ToolOutcome {
        let here = self.runs[&run].session.clone();
        match asked {
            Builtin::Gateway => ToolOutcome::Done(self.own_status()),
            Builtin::SessionsList { limit } => ToolOutcome::Done(self.list_sessions(&here, limit)),
            Builtin::SessionsHistory { session, limit, include_tools } => {
                match self.seen_from(&here, &session) {
                    Some(found) => ToolOutcome::Done(transcript(found, limit, include_tools)),
                    None => unseen(&session),
                }
            }
            Builtin::SessionsSend(_) => unreachable!("its answer comes later"),
            Builtin::SessionsSpawn(spawn) => self.spawn(now, run, spawn, effects),
            Builtin::Message { text, media, to } => {
                self.send_for_model(now, run, (text, media, to), effects)
            }
        }
    }

    /// A session, if another's tools may reach it.
    pub(super) fn seen_from(&self, here: &SessionKey, there: &SessionKey) -> Option<&Session> {
        let (asking, found) = (&self.sessions[here], self.sessions.get(there)?);
        let is_child = found.parent.as_ref().is_some_and(|it| it.session == *here);
        let settings = &self.settings.tools;
        let is_within_reach = match settings.visibility {
            Visibility::Own => false,
            Visibility::Tree => is_child,
            Visibility::Agent => is_child || found.agent == asking.agent,
            Visibility::All => {
                is_child || settings.between_agents.joins(&asking.agent, &found.agent)
            }
        };
        (here == there || is_within_reach).then_some(found)
    }

    fn own_status(&self) -> String {
        let agents: Vec<_> = self.settings.agents.keys().map(ToString::to_string).collect();
        format!(
            "Profile {}, agents {}, {} conversations, {} turns under way.",
            self.settings.profile.version.name(),
            agents.join(", "),
            self.sessions.len(),
            self.runs.len()
        )
    }

    fn list_sessions(&self, here: &SessionKey, limit: usize) -> String {
        let mut rows = String::new();
        let seen = self.sessions.iter().filter(|(key, _)| self.seen_from(here, key).is_some());
        for (key, session) in seen.take(limit.min(ROWS_MAX)) {
            let state = if session.lane.active().is_some() { "running" } else { "idle" };
            let whose = match (&session.parent, key == here) {
                (_, true) => ", this conversation".to_owned(),
                (Some(parent), false) => format!(", sub-agent `{}`", parent.label),
                (None, false) => String::new(),
            };
            let entries = session.history.entries().len();
            _ = writeln!(rows, "{key}: agent {}, {state}, {entries} entries{whose}", session.agent);
        }
        rows
    }

    /// Sends what the model wants sent. The same text goes to the same chat once in a run, however often it is asked for.
    fn send_for_model(
        &mut self,
        now: Timestamp,
        id: RunId,
        (text, media, to): (String, Option<String>, Option<SessionKey>),
        effects: &mut Vec<Effect>,
    ) -> ToolOutcome {
        let says_nothing = text.trim().is_empty() && media.is_none();
        if says_nothing || text.len() > TEXT_BYTES_MAX {
            let why = format!("expected an image, or a text of 1 to {TEXT_BYTES_MAX} bytes");
            return ToolOutcome::Failed(why);
        }
        let run = &self.runs[&id];
        let route = match to {
            None => {
                let Some(route) = run.route.clone() else {
                    let why = "this turn has no chat: expected a session key as `to`".to_owned();
                    return ToolOutcome::Failed(why);
                };
                route
            }
            Some(to) => match self.seen_from(&run.session, &to).map(|it| it.route.clone()) {
                None => return unseen(&to),
                Some(None) => return ToolOutcome::Failed(format!("`{to}` has no chat")),
                Some(Some(route)) => route,
            },
        };
        let run = self.runs.get_mut(&id).expect("found above");
        let agent = self.sessions[&run.session].agent.clone();
        if !run.sent.insert((route.clone(), text.clone(), media.clone())) {
            let told = "Sent already in this turn, so it was not sent again.".to_owned();
            return ToolOutcome::Done(told);
        }
        let present = |it: String| Presented { agent, source: it.into() };
        let images = media.map(present).into_iter().collect();
        self.show(now, &route, (&text, images), effects);
        ToolOutcome::Done("Sent.".to_owned())
    }
}

/// The same words for what does not exist and what must not be seen: which of the two it is is not told either.
pub(super) fn unseen(session: &SessionKey) -> ToolOutcome {
    ToolOutcome::Failed(format!("there is no session `{session}` that this conversation may see"))
}

/// The last entries of a session, oldest first.
fn transcript(session: &Session, limit: usize, include_tools: bool) -> String {
    let mut lines = Vec::new();
    for entry in session.history.entries() {
        match entry {
            Entry::User(said) => lines.push(format!("user: {}", said.text)),
            Entry::Assistant(text) => lines.push(format!("assistant: {text}")),
            Entry::Tools(round) => {
                if !round.text.is_empty() {
                    lines.push(format!("assistant: {}", round.text));
                }
                let calls = round.calls.iter().filter(|_| include_tools);
                lines.extend(calls.map(|(call, result)| {
                    format!("tool {} {}: {result}", call.name, call.arguments)
                }));
            }
        }
    }
    let skipped = lines.len().saturating_sub(limit.min(ROWS_MAX));
    lines.split_off(skipped).join("\n")
}
