//! Failover: the core asks whom the specification allows, whatever providers do, in two sessions that share credentials.

use std::{cell::RefCell, collections::BTreeMap};

use creel_core::{
    egress::SendOutcome,
    gateway::{Effect, Event, Gateway, Note, RunFailure},
    ids::{AccountId, Channel, MessageId, PeerId, RunId, SenderId},
    message::Inbound,
    origin::{Origin, Peer, PeerKind, Route},
    run::{Answer, ModelFailed, ModelFailure, ModelOutcome},
    time::{Millis, Now, Timestamp, WallTime},
};
use creel_judge::{
    context::{Chain, Credential, CredentialKind},
    spec::{
        failover::{Asked, Happening, Marks, Reason, What, judge},
        version::Version,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::{load, try_all};

/// What comes of one request: why it fails if it does, after how long, and the wait that its provider asks for.
type Scripted = (Option<Reason>, u64, Option<u64>);

/// A message or a command: how long after the last one, in which session, and what.
type Written = (u64, bool, &'static str);

#[derive(Clone, Debug)]
struct Case {
    profile: &'static str,
    credentials: Vec<Credential>,
    order: Option<Vec<&'static str>>,
    models: Vec<&'static str>,
    written: Vec<Written>,
    script: Vec<Scripted>,
}

const REASONS: [Reason; 11] = [
    Reason::Auth,
    Reason::AuthPermanent,
    Reason::Billing,
    Reason::RateLimit,
    Reason::Overloaded,
    Reason::Timeout,
    Reason::ServerError,
    Reason::Format,
    Reason::ModelNotFound,
    Reason::ContextOverflow,
    Reason::Refusal,
];

fn cases() -> impl Strategy<Value = Case> {
    let kinds = select(&[CredentialKind::ApiKey, CredentialKind::Token, CredentialKind::OAuth][..]);
    let credentials =
        vec(kinds, 4).prop_map(|kinds| {
            let names = [("p", "one"), ("p", "two"), ("p", "three"), ("q", "only")];
            let credential = |((provider, name), kind): ((&str, &str), CredentialKind)| {
                Credential { provider: provider.to_owned(), name: name.to_owned(), kind }
            };
            names.into_iter().zip(kinds).map(credential).collect::<Vec<_>>()
        });
    let orders: &[&[&str]] = &[&["one", "two", "three"], &["three", "one"], &["two"]];
    let order = option::of(select(orders).prop_map(<[_]>::to_vec));
    let chains: &[&[&str]] = &[&["p/m"], &["p/m", "q/m"], &["p/m", "p/n", "q/m"], &["q/m", "p/m"]];
    // Steps of the ladder and their edges, and times in between.
    let gap = prop_oneof![
        0_u64..5_000,
        0_u64..70_000,
        select(&[29_000_u64, 30_000, 31_000, 56_000, 59_000, 61_000, 301_000, 1_501_000][..]),
        0_u64..4_000_000,
        select(&[18_001_000_u64, 86_401_000][..]),
    ];
    let texts: &[&str] =
        &["/model q/m", "/model p/m@p:two", "/model default", "/stop", "/new again"];
    let text = prop_oneof![9 => Just("hello"), 1 => select(texts)];
    let reason = prop_oneof![2 => Just(None), 5 => select(&REASONS[..]).prop_map(Some)];
    let rest = option::weighted(0.2, 1_u64..200);
    let requests = prop_oneof![
        vec((reason.clone(), 0_u64..5_000, rest.clone()), 1..40),
        // Long outages of one kind, which reach the ladder's end and the last try.
        (select(&REASONS[..7]), 1_usize..60).prop_map(|(it, n)| vec![(Some(it), 500, None); n]),
    ];
    (
        select(&["2026.3", "2026.9"][..]),
        credentials,
        order,
        select(chains).prop_map(<[_]>::to_vec),
        vec((gap, any::<bool>(), text), 1..14),
        requests,
    )
        .prop_map(|(profile, credentials, order, models, written, script)| Case {
            profile,
            credentials,
            order,
            models,
            written,
            script,
        })
}

impl Case {
    fn config(&self) -> Value {
        let provider = |models: &[&str]| {
            let models: Vec<Value> = models.iter().map(|it| json!({ "id": it })).collect();
            json!({ "baseUrl": "http://localhost/v1", "api": "openai-completions", "models": models })
        };
        let mut config = json!({
            "agents": { "defaults": { "model": { "primary": self.models[0], "fallbacks": self.models[1..] } } },
            "models": { "providers": { "p": provider(&["m", "n"]), "q": provider(&["m"]) } },
            "channels": { "telegram": { "botToken": "1:x", "dmPolicy": "open", "allowFrom": ["*"] } },
            "session": { "dmScope": "per-channel-peer", "reset": { "mode": "idle", "idleMinutes": 600_000 } },
            "messages": { "queue": { "mode": "followup", "debounceMsByChannel": { "telegram": 0 } } },
        });
        if let Some(order) = &self.order {
            let order: Vec<String> = order.iter().map(|it| format!("p:{it}")).collect();
            config["auth"] = json!({ "order": { "p": order } });
        }
        config
    }

    fn files(&self) -> BTreeMap<String, String> {
        let profile = |it: &Credential| {
            let (kind, key) = match it.kind {
                CredentialKind::OAuth => ("oauth", "access"),
                CredentialKind::Token => ("token", "token"),
                CredentialKind::ApiKey => ("api_key", "key"),
            };
            let expires = 4_102_444_800_000_u64;
            let value =
                json!({ "type": kind, "provider": it.provider, key: "secret", "expires": expires });
            (format!("{}:{}", it.provider, it.name), value)
        };
        let profiles: serde_json::Map<String, Value> =
            self.credentials.iter().map(profile).collect();
        let file = json!({ "version": 1, "profiles": profiles }).to_string();
        [("agents/main/agent/auth-profiles.json".to_owned(), file)].into()
    }

    fn chain(&self) -> Chain {
        let order = self
            .order
            .iter()
            .map(|order| ("p".to_owned(), order.iter().map(|it| (*it).to_owned()).collect()));
        Chain {
            models: self.models.iter().map(|it| (*it).to_owned()).collect(),
            credentials: self.credentials.clone(),
            order: order.collect(),
            failure_window_us: None,
            tells_more: false,
        }
    }
}

/// A failure of this reason, as a provider's client tells it.
fn failure(reason: Reason, rest_s: Option<u64>) -> ModelFailed {
    let (status, code, words) = match reason {
        Reason::Auth => (401, "", ""),
        Reason::AuthPermanent => (401, "", "this key was revoked"),
        Reason::Billing => (402, "", "insufficient credits"),
        Reason::RateLimit => (429, "", ""),
        Reason::Overloaded => (529, "", ""),
        Reason::Timeout => (504, "", ""),
        Reason::ServerError => (500, "", ""),
        Reason::Format => (400, "", ""),
        Reason::ModelNotFound => (404, "", ""),
        Reason::ContextOverflow => (400, "context_length_exceeded", ""),
        Reason::Refusal | Reason::Aborted => (400, "content_policy_violation", ""),
    };
    ModelFailed {
        failure: ModelFailure::Status(status),
        code: code.to_owned(),
        words: words.to_owned(),
        rest_asked: rest_s.map(Millis::from_s),
    }
}

struct Play<'a> {
    case: &'a Case,
    gateway: Gateway,
    now_ms: u64,
    coming: BTreeMap<(u64, u64), Event>,
    numbered: u64,
    /// The request under way of each run: its number of the run, and what comes of it.
    open: BTreeMap<RunId, (u32, Scripted)>,
    sessions: BTreeMap<RunId, String>,
    requests: usize,
    happened: Vec<Happening>,
}

impl Play<'_> {
    fn run(&mut self) {
        let mut at_ms = 1_000;
        for (index, (gap_ms, is_bob, text)) in self.case.written.iter().enumerate() {
            at_ms += gap_ms;
            let message = message(index, *is_bob, text);
            self.later(at_ms, Event::Inbound(message));
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

    fn tell(&mut self, session: &str, what: What) {
        let seq = self.happened.len() as u64;
        let at_us = i64::try_from(self.now_ms * 1_000).expect("short");
        self.happened.push(Happening { at_us, session: session.to_owned(), seq, what });
    }

    fn happen(&mut self, event: Event) {
        match &event {
            Event::ModelEnded { run, call, .. } => {
                // A cancelled request's answer reaches nobody.
                let is_open = self.open.get(run).is_some_and(|(open, _)| open == call);
                if !is_open {
                    return;
                }
                let (_, (reason, _, rest)) = self.open.remove(run).expect("found above");
                let session = self.sessions[run].clone();
                let rest_us = i64::try_from(rest.unwrap_or(0)).expect("short") * 1_000_000;
                self.tell(&session, reason.map_or(What::Answered, |it| What::Failed(it, rest_us)));
            }
            Event::Inbound(message) => {
                self.command(message.origin.sender.as_str() == "2", &message.text.clone())
            }
            _ => (),
        }
        self.step(event);
    }

    /// What a command chooses, for the specification. Sessions are named by their runs, so those of both are told.
    fn command(&mut self, is_bob: bool, text: &str) {
        let session = if is_bob { "2" } else { "1" };
        let chosen = |model: &str, pin: Option<&str>| {
            What::Chosen(Some(model.to_owned()), pin.map(str::to_owned))
        };
        match text {
            "/model q/m" => self.tell(session, chosen("q/m", None)),
            "/model p/m@p:two" => self.tell(session, chosen("p/m", Some("two"))),
            "/model default" => self.tell(session, What::Chosen(None, None)),
            "/new again" => self.tell(session, What::Reset),
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
            Effect::CallModel(request) => {
                let session = self.sessions[&request.run].clone();
                let credential = request.profile.as_str().split_once(':').expect("provider:name").1;
                let model = request.model.to_string();
                self.tell(&session, What::Asks(Asked { model, credential: credential.to_owned() }));
                let scripted =
                    self.case.script.get(self.requests).copied().unwrap_or((None, 5, None));
                self.requests += 1;
                let (reason, after_ms, rest) = scripted;
                let outcome = match reason {
                    Some(reason) => ModelOutcome::Failed(failure(reason, rest)),
                    None => ModelOutcome::Answered(Answer::of(format!("answer {}", self.requests))),
                };
                self.open.insert(request.run, (request.call, scripted));
                let (run, call) = (request.run, request.call);
                self.later(self.now_ms + after_ms, Event::ModelEnded { run, call, outcome });
            }
            Effect::CancelModel(run) => _ = self.open.remove(&run),
            Effect::Send(it) => {
                let ended = Event::SendEnded { send: it.send, outcome: SendOutcome::Delivered };
                self.later(self.now_ms, ended);
            }
            Effect::Note(Note::RunStarted(run, key)) => {
                let session = key.to_string().rsplit(':').next().unwrap_or_default().to_owned();
                self.sessions.insert(run, session.clone());
                self.tell(&session, What::Begins);
            }
            Effect::Note(Note::RunAnswered(run)) => self.over(run, What::Over),
            Effect::Note(Note::RunFailed(run, RunFailure::Timeout) | Note::RunAborted(run)) => {
                self.over(run, What::Stopped);
            }
            Effect::Note(Note::RunFailed(run, _)) => self.over(run, What::Over),
            Effect::CallTool(_) | Effect::CancelTools(_) | Effect::Note(_) => (),
        }
    }

    fn over(&mut self, run: RunId, what: What) {
        if let Some(session) = self.sessions.get(&run).cloned() {
            self.tell(&session, what);
        }
    }
}

fn message(index: usize, is_bob: bool, text: &str) -> Inbound {
    let who = if is_bob { "2" } else { "1" };
    let peer = Peer { kind: PeerKind::Direct, id: PeerId::new(who).expect("an id") };
    let channel = Channel::new("telegram").expect("a name");
    let account = AccountId::new("default").expect("a name");
    Inbound {
        origin: Origin {
            route: Route { channel, account, peer, thread: None },
            sender: SenderId::new(who).expect("an id"),
            guild: None,
            team: None,
            roles: Vec::new(),
        },
        message: MessageId::new(&(index + 1).to_string()).expect("a number"),
        text: text.to_owned(),
        sender_name: who.to_owned(),
        mentioned: false,
        media: Vec::new(),
        merged: Vec::new(),
    }
}

/// What some case must have met, so that agreement says something.
const SOMETIMES: &[&str] = &[
    "step 1",
    "step 2",
    "step 3",
    "step 4",
    "disabled",
    "unmoved",
    "harmless",
    "again",
    "probe",
    "pin",
    "chosen model",
    "exhausted",
    "reason Auth",
    "reason AuthPermanent",
    "reason Billing",
    "reason RateLimit",
    "reason Overloaded",
    "reason Timeout",
    "reason ServerError",
    "reason Format",
    "reason ModelNotFound",
    "reason ContextOverflow",
    "reason Refusal",
];

#[test]
fn the_core_asks_whom_the_specification_allows() {
    let met = RefCell::new((0_u64, 0_u64, Marks::new()));
    try_all(600, &cases(), |case| {
        let settings = load(&case.config(), &case.files(), case.profile, "UTC")
            .map_err(TestCaseError::fail)?;
        let mut play = Play {
            case: &case,
            gateway: Gateway::new(settings.core, 7),
            now_ms: 0,
            coming: BTreeMap::new(),
            numbered: 0,
            open: BTreeMap::new(),
            sessions: BTreeMap::new(),
            requests: 0,
            happened: Vec::new(),
        };
        play.run();
        let version = Version::named(case.profile).expect("a version");
        let judged = judge(version, &case.chain(), &play.happened, 0);
        let (marks, _) = judged.map_err(|it| {
            let told = play.happened.iter().map(|it| format!("{it:?}\n")).collect::<String>();
            TestCaseError::fail(format!("{it:?}\n{told}"))
        })?;
        let mut met = met.borrow_mut();
        met.0 += 1;
        met.1 += play.requests as u64;
        met.2.extend(marks);
        Ok(())
    });
    let (count, requests, marks) = met.into_inner();
    eprintln!(
        "{count} provider scripts with {requests} requests: the core and the specification agree; met {marks:?}"
    );
    let missing: Vec<&&str> = SOMETIMES.iter().filter(|it| !marks.contains(**it)).collect();
    assert!(missing.is_empty(), "no case met {missing:?}");
}
