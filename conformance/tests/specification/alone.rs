//! The core by itself: no network, no tasks, a clock that jumps from event to event. What it does becomes a trace, as if
//! twins had seen it, so that the judge's own code judges it.

use std::{collections::BTreeMap, sync::Arc};

use creel_core::{
    egress::SendOutcome,
    gateway::{Effect, Event, Gateway},
    ids::{AccountId, Channel, MessageId, PeerId, RunId, SenderId, ThreadId},
    message::Inbound,
    origin::{Origin, Peer, PeerKind, Route, Thread},
    run::{Answer, ModelOutcome as Ended, ModelRequest},
    session::Entry,
    time::{Now, Timestamp, WallTime},
};
use creel_judge::{
    context::{Choices, Clock, Context, Hops},
    profile,
    trace::{Fact, Header, Kind, ModelOutcome, Place, PromptMessage, Trace, VERSION},
    turns::{canaries_in, canary},
};
use creel_sim::{
    base::{Addresses, Configuration},
    declared,
    scenario::{Act, Action, Chat, ChatKind, Scenario, Send},
};

/// Longer than any scenario of ours lasts, in milliseconds.
const LASTS_MS_MAX: u64 = 48 * 60 * 60 * 1_000;

const SEED: u64 = 1;

/// What the core does in a scenario, and what the scenario declares. No hop takes any time.
pub(crate) fn play(scenario: &Scenario, profile: &str) -> Result<(Trace, Context), String> {
    let addresses = Addresses {
        gateway_port: 1,
        channels: BTreeMap::from([("telegram".to_owned(), "http://localhost".to_owned())]),
        provider: "http://localhost".to_owned(),
        workspaces: "/workspaces".to_owned(),
        zero_unix_s: scenario.clock.start_unix_s,
    };
    let configuration = Configuration::of(scenario, profile, SEED, &addresses);
    let settings = crate::load(
        &configuration.config,
        &configuration.state_files,
        profile,
        &scenario.clock.zone,
    )?;
    let profile = profile::named(profile).expect("a profile");
    let mut context =
        declared::context(scenario, profile, &configuration, Clock::Exact { hop_us: 0 });
    context.configuration.hops = Hops { few_us: 0, promptly_us: 0 };
    let mut world = World {
        scenario,
        gateway: Gateway::new(settings.core, SEED),
        now_ms: 0,
        coming: BTreeMap::new(),
        numbered: 0,
        facts: Vec::new(),
        canaries: BTreeMap::new(),
        calls: BTreeMap::new(),
        open: BTreeMap::new(),
        requests: 0,
        sends: 0,
    };
    world.run();
    let header = Header {
        creel_trace: VERSION,
        scenario: scenario.id.clone(),
        profile: profile.name.to_owned(),
        seed: SEED,
        world: "core".to_owned(),
        target: "reference".to_owned(),
        choices: Choices::default(),
        lateness: None,
    };
    Ok((Trace { header, facts: world.facts }, context))
}

/// What is to come, in order.
#[expect(clippy::large_enum_variant, reason = "a few are alive at once, in a test")]
enum Coming {
    /// A person writes: the step's number among the sends.
    Send(usize),
    /// An event of the core.
    Event(Event),
}

struct World<'a> {
    scenario: &'a Scenario,
    gateway: Gateway,
    now_ms: u64,
    coming: BTreeMap<(u64, u64), Coming>,
    numbered: u64,
    facts: Vec<Fact>,
    /// Chats by canary.
    canaries: BTreeMap<String, String>,
    calls: BTreeMap<String, u64>,
    /// Requests that were not answered yet, with their answers, by run.
    open: BTreeMap<RunId, (u64, String)>,
    requests: u64,
    sends: u64,
}

impl World<'_> {
    fn run(&mut self) {
        self.record(Kind::GatewayReady);
        for (index, (at_ms, _)) in sends(self.scenario).enumerate() {
            self.later(at_ms, Coming::Send(index));
        }
        loop {
            let next = self.coming.first_key_value().map(|((at_ms, _), _)| *at_ms);
            let deadline = self.gateway.next_deadline().map(Timestamp::as_ms);
            match (next, deadline) {
                (None, None) => return,
                (Some(at_ms), due_ms) if due_ms.is_none_or(|it| at_ms <= it) => {
                    let (_, coming) = self.coming.pop_first().expect("it was there");
                    self.now_ms = self.now_ms.max(at_ms);
                    self.happen(coming);
                }
                (_, Some(due_ms)) => {
                    self.now_ms = self.now_ms.max(due_ms);
                    self.step(Event::Tick);
                }
                (Some(_), None) => unreachable!("what comes next comes before no deadline"),
            }
            assert!(self.now_ms < LASTS_MS_MAX, "the core does not come to rest");
        }
    }

    fn later(&mut self, at_ms: u64, coming: Coming) {
        self.numbered += 1;
        self.coming.insert((at_ms, self.numbered), coming);
    }

    fn record(&mut self, kind: Kind) {
        let seq = self.facts.len() as u64 + 1;
        let at_us = i64::try_from(self.now_ms * 1_000).expect("a scenario is shorter than that");
        self.facts.push(Fact { seq, at_us, kind });
    }

    fn happen(&mut self, coming: Coming) {
        match coming {
            Coming::Send(index) => self.write(index),
            Coming::Event(Event::ModelEnded { run, call, outcome }) => {
                // A cancelled request's answer reaches nobody.
                let Some((request, text)) = self.open.remove(&run) else { return };
                let ended = ModelOutcome::Completed { text };
                self.record(Kind::ModelEnd { request, outcome: ended });
                self.step(Event::ModelEnded { run, call, outcome });
            }
            Coming::Event(event) => self.step(event),
        }
    }

    fn step(&mut self, event: Event) {
        let wall_ms = self.scenario.clock.start_unix_s * 1_000
            + i64::try_from(self.now_ms).expect("a scenario is shorter than that");
        let now = Now {
            monotonic: Timestamp::from_ms(self.now_ms),
            wall: WallTime::from_unix_ms(wall_ms),
        };
        let mut effects = Vec::new();
        self.gateway.step(now, event, &mut effects);
        for effect in effects {
            self.perform(effect);
        }
    }

    fn write(&mut self, index: usize) {
        let (_, send) = sends(self.scenario).nth(index).expect("it was counted");
        let chat = &self.scenario.chats[&send.chat];
        let canary = send.canary.then(|| canary(SEED, index as u64));
        let text = match &canary {
            Some(canary) => format!("{} {canary}", send.text),
            None => send.text.clone(),
        };
        if let Some(canary) = &canary {
            self.canaries.insert(canary.clone(), send.chat.clone());
        }
        let id = (index + 1).to_string();
        self.record(Kind::Inbound {
            message: send.name.clone(),
            chat: send.chat.clone(),
            place: declared::place(chat),
            sender: chat.sender.clone(),
            platform_id: id.clone(),
            text: text.clone(),
            canary,
            images: Vec::new(),
        });
        self.record(Kind::Fetched { message: send.name.clone() });
        self.step(Event::Inbound(Inbound {
            origin: origin(chat),
            message: MessageId::new(&id).expect("a number"),
            text,
            sender_name: chat.sender.clone(),
            mentioned: send.mention,
            media: Vec::new(),
            merged: Vec::new(),
        }));
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::CallModel(request) => self.ask(&request),
            Effect::CancelModel(run) => {
                if let Some((request, _)) = self.open.remove(&run) {
                    let outcome = ModelOutcome::Abandoned { text: String::new() };
                    self.record(Kind::ModelEnd { request, outcome });
                }
            }
            Effect::Send(outgoing) => {
                self.sends += 1;
                self.record(Kind::Sent {
                    place: place(&outgoing.route),
                    platform_id: format!("s{}", self.sends),
                    text: outgoing.text,
                    reply_to: outgoing.reply_to.map(|it| it.to_string()),
                    images: Vec::new(),
                });
                let (send, sent) = (outgoing.send, SendOutcome::Delivered.into());
                self.later(self.now_ms, Coming::Event(Event::SendEnded { send, sent }));
            }
            // No model here asks for a tool.
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
        let message = |entry: &Entry| match entry {
            Entry::User(said) => ("user", said.text.clone()),
            Entry::Assistant(text) => ("assistant", text.clone()),
            Entry::Tools(_) => unreachable!("no model here asks for a tool"),
        };
        let prompt: Vec<PromptMessage> = [("system", Arc::clone(&request.system))]
            .into_iter()
            .chain(request.history.entries().iter().map(message))
            .map(|(role, text)| PromptMessage {
                role: role.to_owned(),
                text: text.to_string(),
                calls: Vec::new(),
                result_of: None,
                images: Vec::new(),
            })
            .collect();
        let canaries = prompt.iter().flat_map(|it| canaries_in(&it.text));
        let chat = canaries.filter_map(|it| self.canaries.get(it)).last().cloned();
        let call = chat.as_ref().map(|chat| {
            let call = self.calls.entry(chat.clone()).or_default();
            *call += 1;
            *call
        });
        let answers = chat.as_ref().and_then(|it| self.scenario.model.get(it));
        let index = call.and_then(|it| usize::try_from(it - 1).ok()).unwrap_or_default();
        let answer = answers.and_then(|it| it.get(index));
        let after_ms = answer.map_or(0, |it| u64::try_from(it.after.as_millis()).expect("short"));
        let text = match answer.map(|it| &it.act) {
            Some(Act::Say { text, .. }) => text.clone(),
            _ => format!("answer {}", self.requests + 1),
        };
        self.requests += 1;
        let model = request.model.as_str();
        self.record(Kind::ModelRequest {
            request: self.requests,
            chat,
            call,
            provider: "openai".to_owned(),
            model: model.split_once('/').map_or(model, |(_, name)| name).to_owned(),
            credential: request.agent.to_string(),
            prompt,
            tools: Vec::new(),
        });
        self.open.insert(request.run, (self.requests, text.clone()));
        let ended = Event::ModelEnded {
            run: request.run,
            call: request.call,
            outcome: Ended::Answered(Answer { text, calls: Vec::new() }),
        };
        self.later(self.now_ms + after_ms, Coming::Event(ended));
    }
}

fn sends(scenario: &Scenario) -> impl Iterator<Item = (u64, &Send)> {
    scenario.steps.iter().filter_map(|step| match &step.action {
        Action::Send(send) => Some((u64::try_from(step.at.as_millis()).expect("short"), send)),
        _ => None,
    })
}

fn origin(chat: &Chat) -> Origin {
    let peer = |kind, id: &str| Peer { kind, id: PeerId::new(id).expect("an id") };
    let (peer, thread) = match &chat.kind {
        ChatKind::Direct => (peer(PeerKind::Direct, &chat.sender), None),
        ChatKind::Group { id, topic } => {
            let topic = topic.as_ref().map(|it| Thread::Topic(ThreadId::new(it).expect("an id")));
            (peer(PeerKind::Group, id), topic)
        }
        ChatKind::Room { id, thread } => {
            let thread =
                thread.as_ref().map(|it| Thread::Thread(ThreadId::new(it).expect("an id")));
            (peer(PeerKind::Channel, id), thread)
        }
    };
    let channel = Channel::new(&chat.channel).expect("a name");
    let account = AccountId::new(&chat.account).expect("a name");
    Origin {
        route: Route { channel, account, peer, thread },
        sender: SenderId::new(&chat.sender).expect("an id"),
        guild: None,
        team: None,
        roles: Vec::new(),
    }
}

fn place(route: &Route) -> Place {
    Place {
        channel: route.channel.to_string(),
        account: route.account.to_string(),
        peer: route.peer.id.to_string(),
        thread: route.thread.as_ref().map(|it| it.id().to_string()),
    }
}
