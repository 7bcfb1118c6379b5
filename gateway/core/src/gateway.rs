//! The whole gateway on one page: events in, effects out, in the order of a message's life.
//!
//! The driver's part of the contract is three lines: call [`Gateway::step`] for every event, perform its effects, and
//! send [`Event::Tick`] when [`Gateway::next_deadline`] has come. Deadlines that have come are served before the event,
//! so what was due first happens first, whatever woke the driver.

mod addressing;
mod approving;
mod builtins;
mod control;
mod cron;
mod delivering;
mod events;
mod failing;
mod gathering;
mod health;
mod hooks;
mod lives;
mod looking;
mod models;
mod nested;
mod note;
mod operating;
mod sends;
mod settings;
mod streams;
mod subagents;
mod talks;
mod telling;
mod tooling;
mod turns;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use self::{
    approving::{Known, Question},
    cron::{JobDone, JobEnd},
    events::{Effect, Event},
    health::Kept,
    hooks::{Hook, Lasts},
    looking::{CredentialView, Load},
    note::{CronSkipped, Note, RunFailure},
    operating::Aborted,
    settings::{Agent, Settings},
};
use self::{cron::Planner, nested::Ask};
use crate::{
    admission::{Admission, Ignored, PairingError, Pairings},
    approval::{Approvals, Grant},
    broadcast::Talk,
    command::{self, Command},
    deadlines::Deadlines,
    egress::{Outbox, stream::Stream},
    failover::credentials::Ledger,
    ids::{AccountId, AgentId, ApprovalId, Channel, MessageId, RunId, SenderId},
    ingress::{BurstKey, Bursts, Seen, burst_key},
    lane::{Arrival, QueueOverride},
    life::Days,
    message::{Inbound, Message, TEXT_BYTES_MAX},
    operator::{Requests, is_operators},
    origin::{InboundId, Route},
    overheard::Overheard,
    run::{Lanes, Run},
    send_policy::Verdict,
    session::Session,
    session_key::SessionKey,
    time::{Now, Timestamp, WallTime},
    tools::{ServerName, Ticket, ToolSpec, builtin},
};

/// Who can want to be woken. The order is the order of equal deadlines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Burst(BurstKey),
    Lane(SessionKey),
    Run(RunId),
    Retry(RunId),
    Ask(Ticket),
    Approval(ApprovalId),
    Cron,
    Archive(SessionKey),
    Stream(RunId),
    Route(Route),
    Request(MessageId),
}

/// The gateway's whole state.
#[derive(Clone, Debug)]
pub struct Gateway {
    settings: Settings,
    seen: Seen,
    pairings: Pairings,
    overheard: Overheard,
    bursts: Bursts,
    sessions: BTreeMap<SessionKey, Session>,
    runs: BTreeMap<RunId, Run>,
    runs_started: u64,
    lanes: Lanes,
    /// What runs wait for in other sessions.
    asks: BTreeMap<Ticket, Ask>,
    /// What waits for somebody's decision.
    approvals: Approvals,
    /// What agents were allowed for good.
    grants: BTreeSet<Grant>,
    cron: Planner,
    /// The tools of each server.
    tools: BTreeMap<ServerName, Vec<Arc<ToolSpec>>>,
    builtins: Vec<Arc<ToolSpec>>,
    subagents_started: u64,
    streams: BTreeMap<RunId, Stream>,
    talks: Vec<Talk>,
    outbox: Outbox,
    /// What operators asked for by name.
    requests: Requests,
    /// How each agent's credentials are doing.
    ledgers: BTreeMap<AgentId, Ledger>,
    no_ledger: Ledger,
    /// What waits between tries differ by.
    seed: u64,
    deadlines: Deadlines<Timer>,
    /// What the wall clock showed when the step under way began.
    wall: WallTime,
    days: Days,
}

impl Gateway {
    /// A gateway in which nothing has happened yet. `seed` decides pairing codes and by how much waits differ, nothing else.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            lanes: Lanes::new(settings.widths()),
            asks: BTreeMap::new(),
            approvals: Approvals::new(seed, settings.profile.version),
            grants: BTreeSet::new(),
            cron: Planner::new(&settings.cron),
            tools: BTreeMap::new(),
            builtins: builtin::specs().into_iter().map(Arc::new).collect(),
            subagents_started: 0,
            pairings: Pairings::new(seed),
            seen: Seen::default(),
            overheard: Overheard::default(),
            bursts: Bursts::default(),
            sessions: BTreeMap::new(),
            runs: BTreeMap::new(),
            runs_started: 0,
            streams: BTreeMap::new(),
            talks: Vec::new(),
            outbox: Outbox::default(),
            requests: Requests::default(),
            ledgers: settings.ledgers(),
            no_ledger: Ledger::new(),
            seed,
            deadlines: cron::first_look(&settings.cron),
            wall: WallTime::default(),
            days: Days::default(),
            settings,
        }
    }

    /// Advances the gateway by one event, and appends what should be done to `effects`.
    pub fn step(&mut self, now: impl Into<Now>, event: Event, effects: &mut Vec<Effect>) {
        let Now { monotonic: now, wall } = now.into();
        self.wall = wall;
        self.wake(now, effects);
        match event {
            Event::Inbound(inbound) => self.receive(now, inbound, effects),
            Event::ModelEnded { run, call, outcome } => {
                self.model_ended(now, (run, call), outcome, effects);
            }
            Event::ModelWrote { run, call, text } => {
                self.model_wrote(now, (run, call), &text, effects);
            }
            Event::SendEnded { send, sent } => self.send_ended(now, (send, sent), effects),
            Event::ToolEnded { ticket, outcome } => self.tool_ended(now, ticket, outcome, effects),
            Event::ToolsListed(server, tools) => self.list_tools(server, tools, effects),
            Event::ApprovalShown { id, heard_by, words } => {
                self.approval_shown(now, (&id, heard_by, &words), effects);
            }
            Event::Tick => (),
            Event::Closing => {
                self.end_cron();
                self.close_approvals(now, effects);
            }
        }
        // What the event made due at this very moment: a lane whose quiet ended while its run still ran.
        self.wake(now, effects);
    }

    /// When [`Event::Tick`] is next needed, if ever.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }

    /// Lets the person speak who was shown `code` on `channel`.
    ///
    /// # Errors
    ///
    /// Refuses a code that is not pending there.
    pub fn approve_pairing(
        &mut self,
        now: Timestamp,
        channel: &Channel,
        code: &str,
    ) -> Result<(AccountId, SenderId), PairingError> {
        self.pairings.approve(now, channel, code)
    }

    /// How many runs are under way or wait for a slot, and how many pieces wait to be sent: zero of both means that
    /// nothing would be lost by ending now.
    pub fn unfinished(&self) -> (usize, usize) {
        let waiting: usize = self.sessions.values().map(|it| it.lane.depth()).sum();
        (self.runs.len() + waiting + self.bursts.depth(), self.outbox.depth())
    }

    fn wake(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(timer) = self.deadlines.take_due(now) {
            match timer {
                Timer::Burst(key) => self.finish_burst(now, &key, effects),
                Timer::Lane(key) => self.drain(now, &key, effects),
                Timer::Run(run) => self.time_out(now, run, effects),
                Timer::Retry(run) => self.retry(now, run, effects),
                Timer::Ask(ticket) => self.stop_waiting(now, ticket, effects),
                Timer::Approval(id) => self.expire_approval(now, &id, effects),
                Timer::Cron => self.run_due_jobs(now, effects),
                Timer::Archive(key) => self.archive(now, &key),
                Timer::Stream(run) => self.stream_idles(now, run, effects),
                Timer::Route(route) => self.pump(now, &route, effects),
                Timer::Request(name) => self.end_overdue(now, &name, effects),
            }
        }
    }

    /// Ingress and admission.
    fn receive(&mut self, now: Timestamp, inbound: Inbound, effects: &mut Vec<Effect>) {
        let version = self.settings.profile.version;
        let triggers = &self.settings.reset_triggers;
        let command = command::parse(version, &inbound.text)
            .or_else(|| command::reset_trigger(triggers, &inbound.text));
        let speaks_to_us = inbound.mentioned || command.is_some() || self.is_named_in(&inbound);
        let rules = &self.settings.admission;
        match rules.admit(now, &inbound.origin, speaks_to_us, &mut self.pairings) {
            Admission::Admitted => (),
            Admission::Ignored(reason) => {
                if reason == Ignored::NotMentioned {
                    self.overhear(now, &inbound);
                }
                effects.push(Effect::Note(Note::NotAdmitted(inbound.message, reason)));
                return;
            }
            Admission::PairingNeeded { code } => {
                let text = control::pairing_notice(&inbound.origin, &code);
                return self.say(now, &inbound.origin.route, &text, effects);
            }
        }
        let route = inbound.origin.route.clone();
        let id = InboundId { route: route.clone(), message: inbound.message.clone() };
        if !self.seen.adopt(now, id.clone()) && !self.overheard.forget(&id) {
            return effects.push(Effect::Note(Note::Duplicate(inbound.message)));
        }
        if inbound.text.len() > TEXT_BYTES_MAX {
            let text = control::too_long_notice(inbound.text.len());
            return self.reply(now, (&route, inbound.message), &text, effects);
        }
        if command.is_some() && !self.settings.commanders.admit(&inbound.origin) {
            let note = Note::NotAdmitted(inbound.message, Ignored::CommandNotAllowed);
            return effects.push(Effect::Note(note));
        }
        match command {
            Some(Command::QueueInline(inline, text)) => {
                self.finish_burst(now, &burst_key(&inbound), effects);
                self.enqueue(now, Inbound { text, ..inbound }, inline, effects);
            }
            Some(command) => self.control(now, inbound, command, effects),
            None => self.gather(now, inbound, effects),
        }
    }

    /// Routing, session and lane.
    fn enqueue(
        &mut self,
        now: Timestamp,
        inbound: Inbound,
        inline: QueueOverride,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(group) = self.settings.broadcasts.of(&inbound.origin.route).cloned() {
            return self.begin_talk(now, inbound, group, effects);
        }
        let Some((key, _)) = self.session_of(&inbound.origin) else {
            let text = control::selection_required_notice();
            return self.reply(now, (&inbound.origin.route, inbound.message), &text, effects);
        };
        let message = self.message_of(inbound);
        self.deliver(now, (&key, message), inline, effects);
    }

    /// A message as the model shall read it, with what was overheard before it.
    fn message_of(&mut self, inbound: Inbound) -> Message {
        let authority = self.settings.owners.authority(&inbound.origin);
        let context = self.overheard.take(&inbound.origin.route);
        Message { context, ..Message::of(inbound, authority) }
    }

    /// A message reaches the lane of its session.
    fn deliver(
        &mut self,
        now: Timestamp,
        (key, message): (&SessionKey, Message),
        inline: QueueOverride,
        effects: &mut Vec<Effect>,
    ) {
        let session = &self.sessions[key];
        let policy = &self.settings.send_policy;
        let send = session.send.unwrap_or_else(|| policy.decide(key, &message.route));
        if send == Verdict::Deny {
            let note = Note::NotAdmitted(message.id, Ignored::SendDenied);
            return effects.push(Effect::Note(note));
        }
        let Settings { queue, profile, .. } = &self.settings;
        let settings = queue.resolve(profile, &message.route.channel, session.queue, inline);
        let over = self.hear(now, key, &message.route);
        let session = self.session(key);
        // What an operator says is not where the conversation is.
        if !is_operators(&message.route) {
            session.route = Some(message.route.clone());
        }
        let arrival = session.lane.arrive(now, message, settings);
        // While a run uses the life, its end waits for the next turn.
        session.over = over || (session.over && !matches!(arrival, Arrival::Start(_)));
        match arrival {
            Arrival::Start(turn) => self.start(now, key, turn, effects),
            Arrival::Queued => self.steered(now, key, effects),
            Arrival::Interrupt { aborted, turn } => {
                self.abort(now, aborted, effects);
                self.start(now, key, turn, effects);
            }
            Arrival::Rejected(message) => {
                // Each message of a burst is refused visibly, not only the one that gave it its id.
                let text = control::queue_full_notice(settings.cap);
                for id in message.merged.into_iter().chain([message.id]) {
                    self.reply(now, (&message.route, id), &text, effects);
                }
            }
        }
        self.tell_given_way(now, key, effects);
        self.watch_lane(key);
    }
}

#[cfg(test)]
mod tests;
