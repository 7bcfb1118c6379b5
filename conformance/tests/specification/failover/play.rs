//! The core plays a case: no network, a clock that jumps from event to event. What happens is told to the specification,
//! agent by agent.

use std::collections::{BTreeMap, BTreeSet};

use creel_core::{
    egress::SendOutcome,
    gateway::{Effect, Event, Gateway, Note, RunFailure},
    ids::{AccountId, Channel, MessageId, PeerId, RunId, SenderId},
    message::Inbound,
    origin::{Origin, Peer, PeerKind, Route},
    run::{Answer, ModelFailed, ModelFailure, ModelOutcome, ModelRequest},
    time::{Millis, Now, Timestamp, WallTime},
    tools::{Asked as AskedFor, ToolCall, ToolName},
};
use creel_judge::spec::failover::{Asked, Happening, Reason, What};

use super::cases::{Case, Outcome};

/// In what shape a failure of this reason reaches the core. Each shape is told in several ways.
fn failure(reason: Reason, shape: usize, rest_s: Option<u64>) -> ModelFailed {
    use ModelFailure::{
        BrokenOff, EndedEarly, InStream, Malformed, Silent, Stalled, Status, TooLong, TooSlow,
        Unreachable,
    };
    let shapes: &[(ModelFailure, &str, &str)] = match reason {
        Reason::Auth => {
            &[(Status(401), "", ""), (Status(403), "", ""), (Status(400), "invalid_api_key", "")]
        }
        Reason::AuthPermanent => {
            &[(Status(401), "", "this key was revoked"), (Status(403), "", "account is disabled")]
        }
        Reason::Billing => &[
            (Status(402), "", ""),
            (Status(400), "", "insufficient credits"),
            (Status(429), "insufficient_quota", ""),
        ],
        Reason::RateLimit => &[
            (Status(429), "", ""),
            (Status(402), "", "weekly usage limit reached"),
            (InStream, "rate_limit_error", ""),
            (Status(503), "", "resource exhausted"),
        ],
        Reason::Overloaded => &[
            (Status(529), "", ""),
            (InStream, "overloaded_error", ""),
            (Status(503), "", "at capacity"),
        ],
        Reason::Timeout => &[
            (Status(408), "", ""),
            (Status(499), "", ""),
            (Status(504), "", ""),
            (Silent, "", ""),
            (Stalled, "", ""),
            (TooSlow, "", ""),
            (Unreachable, "", ""),
            (BrokenOff, "", ""),
            (EndedEarly, "network_error", ""),
        ],
        Reason::ServerError => {
            &[(Status(500), "", ""), (Malformed, "", ""), (InStream, "api_error", "")]
        }
        Reason::Format => &[(Status(400), "", ""), (Status(422), "", "")],
        Reason::ModelNotFound => &[(Status(404), "", ""), (Status(400), "model_not_found", "")],
        Reason::ContextOverflow => {
            &[(Status(400), "context_length_exceeded", ""), (Status(413), "", "")]
        }
        Reason::Refusal => {
            &[(Status(400), "content_policy_violation", ""), (EndedEarly, "content_filter", "")]
        }
        Reason::Local | Reason::Aborted => &[(TooLong, "", "")],
    };
    let (failure, code, words) = shapes[shape % shapes.len()];
    ModelFailed {
        failure,
        code: code.to_owned(),
        words: words.to_owned(),
        rest_asked: rest_s.map(Millis::from_s),
    }
}

pub(super) struct Play<'a> {
    case: &'a Case,
    gateway: Gateway,
    now_ms: u64,
    coming: BTreeMap<(u64, u64), Event>,
    numbered: u64,
    /// The request under way of each run: its number of the run, and what comes of it.
    open: BTreeMap<RunId, (u32, Outcome)>,
    /// The agent and the person of each run.
    sessions: BTreeMap<RunId, (String, String)>,
    /// Runs whose last request failed, and that have not asked again.
    between: BTreeSet<RunId>,
    pub(super) requests: usize,
    told: usize,
    /// By agent.
    pub(super) happened: BTreeMap<String, Vec<Happening>>,
    pub(super) marks: BTreeSet<&'static str>,
}

impl<'a> Play<'a> {
    pub(super) fn new(case: &'a Case, gateway: Gateway) -> Self {
        Self {
            case,
            gateway,
            now_ms: 0,
            coming: BTreeMap::new(),
            numbered: 0,
            open: BTreeMap::new(),
            sessions: BTreeMap::new(),
            between: BTreeSet::new(),
            requests: 0,
            told: 0,
            happened: BTreeMap::new(),
            marks: BTreeSet::new(),
        }
    }

    pub(super) fn run(&mut self) {
        let mut at_ms = 1_000;
        for (index, it) in self.case.written.iter().enumerate() {
            at_ms += it.gap_ms;
            self.later(at_ms, Event::Inbound(message(index, it.person, it.text)));
        }
        loop {
            let next = self.coming.first_key_value().map(|((at_ms, _), _)| *at_ms);
            let due = self.gateway.next_deadline().map(Timestamp::as_ms);
            match (next, due) {
                (None, None) => return,
                (Some(at_ms), due) if due.is_none_or(|it| at_ms < it) => {
                    let (_, event) = self.coming.pop_first().expect("it was there");
                    self.now_ms = self.now_ms.max(at_ms);
                    self.happen(event);
                }
                (_, Some(due)) => {
                    self.now_ms = self.now_ms.max(due);
                    self.step(Event::Tick);
                }
                (Some(_), None) => unreachable!("what comes next comes before no deadline"),
            }
        }
    }

    fn later(&mut self, at_ms: u64, event: Event) {
        self.numbered += 1;
        self.coming.insert((at_ms, self.numbered), event);
    }

    fn tell(&mut self, (agent, session): (String, String), what: What) {
        let seq = self.told as u64;
        self.told += 1;
        let at_us = i64::try_from(self.now_ms * 1_000).expect("short");
        self.happened.entry(agent).or_default().push(Happening { at_us, session, seq, what });
    }

    fn happen(&mut self, event: Event) {
        match &event {
            Event::ModelEnded { run, call, .. } => {
                // A cancelled request's answer reaches nobody.
                let is_open = self.open.get(run).is_some_and(|(open, _)| open == call);
                if !is_open {
                    return;
                }
                let (_, outcome) = self.open.remove(run).expect("found above");
                let session = self.sessions[run].clone();
                let rest_us =
                    i64::try_from(outcome.rest_s.unwrap_or(0)).expect("short") * 1_000_000;
                let what = outcome.failure.map_or(What::Answered, |it| What::Failed(it.0, rest_us));
                if outcome.failure.is_some() {
                    self.between.insert(*run);
                }
                self.tell(session, what);
            }
            Event::Inbound(message) => {
                let person = message.origin.sender.to_string();
                self.command(&person, &message.text.clone());
            }
            _ => (),
        }
        self.step(event);
    }

    /// What a command chooses, for the specification.
    fn command(&mut self, person: &str, text: &str) {
        let agent = if matches!(person, "1" | "2") { "main" } else { "work" };
        let session = (agent.to_owned(), person.to_owned());
        let (command, rest) = text.split_once(' ').unwrap_or((text, ""));
        match command {
            "/model" => {
                let (model, pin) = rest
                    .split_once("@p:")
                    .map_or((rest, None), |(model, pin)| (model, Some(pin.to_owned())));
                let model = Some(model.to_owned()).filter(|it| it != "default");
                self.marks.insert("/model");
                self.tell(session, What::Chosen(model, pin));
            }
            "/new" => {
                self.marks.insert("/new");
                self.tell(session, What::Reset);
            }
            _ => (),
        }
    }

    fn step(&mut self, event: Event) {
        let wall_ms = 1_773_651_600_000 + i64::try_from(self.now_ms).expect("short");
        let (monotonic, wall) = (Timestamp::from_ms(self.now_ms), WallTime::from_unix_ms(wall_ms));
        let mut effects = Vec::new();
        self.gateway.step(Now { monotonic, wall }, event, &mut effects);
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::CallModel(request) => self.ask(&request),
            Effect::CancelModel(run) => _ = self.open.remove(&run),
            Effect::Send(it) => {
                if it.text.contains("can be asked again in") {
                    self.marks.insert("a person is told when something can be asked again");
                }
                if it.text.contains("cannot answer just now") {
                    self.marks.insert("a person is told who answers instead");
                }
                let sent = SendOutcome::Delivered.into();
                let ended = Event::SendEnded { send: it.send, sent };
                self.later(self.now_ms, ended);
            }
            Effect::Note(Note::RunStarted(run, key)) => {
                let key = key.to_string();
                let parts: Vec<&str> = key.split(':').collect();
                let session = (parts[1].to_owned(), parts[parts.len() - 1].to_owned());
                self.sessions.insert(run, session.clone());
                self.tell(session, What::Begins);
            }
            Effect::Note(Note::RunAnswered(run)) => self.over(run, What::Over),
            Effect::Note(Note::RunAborted(run)) => {
                let is_between = self.between.contains(&run);
                let mark = if is_between { "/stop in a wait" } else { "/stop in a request" };
                self.marks.insert(mark);
                self.over(run, What::Stopped);
            }
            Effect::Note(Note::RunFailed(run, RunFailure::Timeout)) => {
                self.over(run, What::Stopped);
            }
            Effect::Note(Note::RunFailed(run, _)) => self.over(run, What::Over),
            Effect::CallTool(_)
            | Effect::CancelTools(_)
            | Effect::KeepHealth(_)
            | Effect::ApprovalAsked(_)
            | Effect::ApprovalEnded(_)
            | Effect::KeepGrant(_)
            | Effect::Told(_)
            | Effect::Note(_) => (),
        }
    }

    fn ask(&mut self, request: &ModelRequest) {
        let session = self.sessions[&request.run].clone();
        let (provider, credential) =
            request.profile.as_str().split_once(':').expect("provider:name");
        let asked = Asked { model: request.model.to_string(), credential: credential.to_owned() };
        self.tell(session, What::Asks(asked));
        let outcome = self.case.outcome(self.requests, self.now_ms, (provider, credential));
        self.requests += 1;
        self.between.remove(&request.run);
        let mut answer = Answer::of(format!("answer {}", self.requests));
        if outcome.asks_tool {
            answer.calls.push(ToolCall {
                id: "1".into(),
                name: ToolName::nearest("nobody-has-it"),
                arguments: "{}".into(),
                asked: AskedFor::Other,
            });
        }
        let ended = match outcome.failure {
            Some((reason, shape)) => ModelOutcome::Failed(failure(reason, shape, outcome.rest_s)),
            None => ModelOutcome::Answered(answer),
        };
        self.open.insert(request.run, (request.call, outcome));
        let (run, call) = (request.run, request.call);
        let ended = Event::ModelEnded { run, call, outcome: ended };
        self.later(self.now_ms + outcome.after_ms, ended);
    }

    fn over(&mut self, run: RunId, what: What) {
        self.between.remove(&run);
        if let Some(session) = self.sessions.get(&run).cloned() {
            self.tell(session, what);
        }
    }
}

fn message(index: usize, person: usize, text: &str) -> Inbound {
    let who = (person + 1).to_string();
    let peer = Peer { kind: PeerKind::Direct, id: PeerId::new(&who).expect("an id") };
    let channel = Channel::new("telegram").expect("a name");
    let account = AccountId::new("default").expect("a name");
    Inbound {
        origin: Origin {
            route: Route { channel, account, peer, thread: None },
            sender: SenderId::new(&who).expect("an id"),
            guild: None,
            team: None,
            roles: Vec::new(),
        },
        message: MessageId::new(&(index + 1).to_string()).expect("a number"),
        text: text.to_owned(),
        sender_name: who,
        mentioned: false,
        media: Vec::new(),
        merged: Vec::new(),
    }
}
