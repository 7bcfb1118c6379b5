//! Control commands and notices: answered without the model, never behind a run.

use super::{Effect, Gateway};
use crate::{
    admission::PairingCode,
    command::{self, Command},
    ids::ModelId,
    ingress::burst_key,
    lane::{Cap, QueueOverride},
    message::{Errand, Inbound, Message, TEXT_BYTES_MAX, Turn},
    operator::is_operators,
    origin::Origin,
    owners::Authority,
    profile::BareNew,
    send_policy::Verdict,
    session_key::SessionKey,
    time::Timestamp,
};

/// What opens a session when a person asked for one and said nothing.
const GREETING_PROMPT: &str =
    "(A new session begins. Say hello in one short sentence and ask what is wanted.)";

impl Gateway {
    pub(super) fn control(
        &mut self,
        now: Timestamp,
        inbound: Inbound,
        command: Command,
        effects: &mut Vec<Effect>,
    ) {
        let route = inbound.origin.route.clone();
        let clears = matches!(command, Command::Stop | Command::New { .. });
        if !clears {
            self.finish_burst(now, &burst_key(&inbound), effects);
        }
        if clears && let Some(group) = self.settings.broadcasts.of(&route).cloned() {
            return self.clear_talks(now, (inbound, command), group, effects);
        }
        let Some((key, _)) = self.session_of(&inbound.origin) else {
            return self.say(now, &route, &selection_required_notice(), effects);
        };
        self.control_in(now, (&key, inbound), command, effects);
    }

    /// The same, where the session is known.
    pub(super) fn control_in(
        &mut self,
        now: Timestamp,
        (key, inbound): (&SessionKey, Inbound),
        command: Command,
        effects: &mut Vec<Effect>,
    ) {
        let route = inbound.origin.route.clone();
        let version = self.settings.profile.version;
        let text = match command {
            Command::Stop => {
                let (aborted, cleared) = self.clear(now, key, &inbound, effects);
                stopped_notice(aborted, cleared)
            }
            Command::New { rest } => {
                return self.renew(now, key, Inbound { text: rest, ..inbound }, effects);
            }
            Command::Status => self.status(key, &inbound.origin),
            Command::QueueSet(set) => {
                let queue = &mut self.session(key).queue;
                *queue = merged(*queue, set);
                self.queue_notice(key, &inbound.origin)
            }
            Command::QueueReset => {
                self.session(key).queue = QueueOverride::default();
                self.queue_notice(key, &inbound.origin)
            }
            Command::QueueShow => self.queue_notice(key, &inbound.origin),
            Command::QueueRefused(why) => format!("{why}: {}.", command::queue_usage(version)),
            Command::QueueInline(..) => unreachable!("an inline setting is a message"),
            Command::Send(send) => match self.authority(&inbound.origin) {
                Authority::Owner => {
                    self.session(key).send = send;
                    send_notice(send).to_owned()
                }
                Authority::Guest => "Only an owner may use /send.".to_owned(),
            },
            Command::SendRefused => "/send takes on, off or inherit.".to_owned(),
            // What an operator may decide depends on the client's scopes, and words do not show them.
            Command::Approve { .. } if is_operators(&route) => {
                "A client decides with exec.approval.resolve.".to_owned()
            }
            Command::Approve { id, decision } => match self.authority(&inbound.origin) {
                Authority::Owner => self.approve_in_chat(now, (&id, decision), &inbound, effects),
                Authority::Guest => "Only an owner may use /approve.".to_owned(),
            },
            Command::ApproveRefused => {
                "/approve takes an id and allow-once, allow-always or deny.".to_owned()
            }
            Command::Model(wanted) => self.set_model(key, &wanted),
            Command::Unsupported(name) => format!("{name} is not supported yet."),
        };
        self.say(now, &route, &text, effects);
    }

    /// Aborts the active run and its sub-agents, and forgets all that waits: whether there was a run, and how many messages waited.
    pub(super) fn clear(
        &mut self,
        now: Timestamp,
        key: &SessionKey,
        inbound: &Inbound,
        effects: &mut Vec<Effect>,
    ) -> (bool, usize) {
        let gathered = self.bursts.clear(&inbound.origin.route);
        let (ended, queued) = self.empty_lane(now, key, effects);
        (ended, gathered + queued)
    }

    /// The same, without what is gathered still.
    pub(super) fn empty_lane(
        &mut self,
        now: Timestamp,
        key: &SessionKey,
        effects: &mut Vec<Effect>,
    ) -> (bool, usize) {
        // Queued first: what waited to join the run must not become its followup.
        let queued = self.session(key).lane.clear();
        let active = self.session(key).lane.active();
        if let Some(run) = active {
            self.abort(now, run, effects);
        }
        let stopped = self.stop_subagents(now, key, effects);
        self.answer_asks_that_are_gone(now, key, effects);
        self.tell_given_way(now, key, effects);
        self.watch_lane(key);
        (active.is_some() || stopped > 0, queued)
    }

    /// Begins another session, with the text that stood behind the command.
    fn renew(
        &mut self,
        now: Timestamp,
        key: &SessionKey,
        inbound: Inbound,
        effects: &mut Vec<Effect>,
    ) {
        let (_, cleared) = self.clear(now, key, &inbound, effects);
        self.renew_life(now, key);
        // It was said before the new session began.
        self.overheard.take(&inbound.origin.route);
        let route = inbound.origin.route.clone();
        if cleared > 0 {
            let text = format!("{cleared} waiting {} discarded.", messages_were(cleared));
            self.say(now, &route, &text, effects);
        }
        let (model, rest) = self.split_model(&inbound.text);
        let rest = rest.to_owned();
        self.session(key).model = model;
        let authority = self.authority(&inbound.origin);
        let turn = match (rest.as_str(), self.settings.profile.bare_new) {
            ("", BareNew::Notice) => {
                return self.say(now, &route, "A new session began.", effects);
            }
            ("", BareNew::GreetingTurn) => Turn {
                errand: Errand::Talk,
                route: Some(route),
                authority,
                prompt: GREETING_PROMPT.into(),
                asked: Message::of(inbound, authority).requests().cloned().collect(),
            },
            (_, _) => {
                let message = Message::of(Inbound { text: rest, ..inbound }, authority);
                Turn {
                    errand: Errand::Talk,
                    route: Some(route),
                    authority,
                    asked: message.requests().cloned().collect(),
                    prompt: message.into_prompt(),
                }
            }
        };
        self.start(now, key, turn, effects);
    }

    /// `/new provider/model text` chooses a model, if it is a configured one.
    fn split_model<'a>(&self, rest: &'a str) -> (Option<ModelId>, &'a str) {
        let (first, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let chosen = ModelId::new(first).ok().filter(|it| self.settings.models.contains(it));
        match chosen {
            Some(model) => (Some(model), after.trim_start()),
            None => (None, rest),
        }
    }

    fn status(&mut self, key: &SessionKey, origin: &Origin) -> String {
        let session = &self.sessions[key];
        let agent = self.agent(&session.agent);
        let model = session.model.as_ref().unwrap_or(&agent.model);
        let state = if session.lane.active().is_some() { "running" } else { "idle" };
        let depth = session.lane.depth();
        format!(
            "Agent {}, model {model}: {state}, {depth} waiting.\n{}",
            session.agent,
            self.queue_notice(key, origin)
        )
    }

    fn queue_notice(&self, key: &SessionKey, origin: &Origin) -> String {
        let inline = QueueOverride::default();
        let session = self.sessions[key].queue;
        let in_force = self.settings.queue.resolve(
            &self.settings.profile,
            &origin.route.channel,
            session,
            inline,
        );
        format!(
            "Queue: {}, debounce {}, cap {}, drop {}.",
            in_force.mode.name(),
            in_force.debounce,
            in_force.cap.get(),
            in_force.drop.name()
        )
    }
}

fn merged(before: QueueOverride, set: QueueOverride) -> QueueOverride {
    QueueOverride {
        mode: set.mode.or(before.mode),
        debounce: set.debounce.or(before.debounce),
        cap: set.cap.or(before.cap),
        drop: set.drop.or(before.drop),
    }
}

fn send_notice(send: Option<Verdict>) -> &'static str {
    match send {
        Some(Verdict::Allow) => "This conversation is answered.",
        Some(Verdict::Deny) => "This conversation is not answered until /send on or /send inherit.",
        None => "This conversation is answered as configured.",
    }
}

pub(super) fn stopped_notice(aborted: bool, cleared: usize) -> String {
    let run = if aborted { "Stopped." } else { "Nothing was running." };
    match cleared {
        0 => run.to_owned(),
        _ => format!("{run} {cleared} waiting {} discarded.", messages_were(cleared)),
    }
}

fn messages_were(count: usize) -> &'static str {
    if count == 1 { "message was" } else { "messages were" }
}

pub(super) fn queue_full_notice(cap: Cap) -> String {
    format!("Too busy: {} messages wait already, so this one was not taken.", cap.get())
}

pub(super) fn too_long_notice(bytes: usize) -> String {
    format!("This message has {bytes} bytes, more than the {TEXT_BYTES_MAX} that are taken.")
}

pub(super) fn selection_required_notice() -> String {
    "AGENT_SELECTION_REQUIRED: several agents are configured and no binding chooses one for this \
     chat. The operator can add a binding or mark one agent as default."
        .to_owned()
}

pub(super) fn pairing_notice(origin: &Origin, code: &PairingCode) -> String {
    let channel = &origin.route.channel;
    format!(
        "You are not known here yet (your id is {}). Ask the operator to run\n\n\
         creel-gateway pairing approve {channel} {code}",
        origin.sender
    )
}
