//! What the tests share: one context, and traces written as scripts.

use std::collections::BTreeMap;

use crate::{
    context::{
        Agent, Binding, Chat, Choices, Clock, Configuration, Context, DmScope, Peer, PeerKind,
        Queue, Room,
    },
    trace::{
        Fact, Header, Kind, ModelOutcome, Place, PromptMessage, RefreshOutcome, Trace, VERSION,
    },
    turns::Turns,
    verdict::{Failure, Verdict},
};

/// Direct chats `alice`, `bob` (both Telegram) and `alice-dc` (Alice on Discord), the group `ops`, its topic `ops-7`;
/// collect with 1 s of debounce, four runs at once, 5 s of patience, and an exact clock.
pub(crate) fn context() -> Context {
    let chat = |channel: &str, peer: &str, thread: Option<&str>, sender: &str| Chat {
        place: Place {
            channel: channel.to_owned(),
            account: "default".to_owned(),
            peer: peer.to_owned(),
            thread: thread.map(str::to_owned),
        },
        direct: peer == sender,
        sender: sender.to_owned(),
        room: Room::default(),
    };
    let chats = [
        ("alice", chat("telegram", "1", None, "1")),
        ("alice-dc", chat("discord", "d1", None, "d1")),
        ("bob", chat("telegram", "2", None, "2")),
        ("ops", chat("telegram", "-100", None, "2")),
        ("ops-7", chat("telegram", "-100", Some("7"), "2")),
    ];
    Context {
        profile: "2026.3".to_owned(),
        chats: chats.into_iter().map(|(name, chat)| (name.to_owned(), chat)).collect(),
        queue: Queue {
            modes: vec!["collect".to_owned()],
            drops: vec!["summarize".to_owned()],
            debounce_us: 1_000_000,
            max_concurrent: 4,
        },
        configuration: Configuration::default(),
        dm_scope: DmScope::PerChannelPeer,
        identity_links: BTreeMap::new(),
        unadmitted: Vec::new(),
        overheard: Vec::new(),
        secrets: Vec::new(),
        clock: Clock::Exact { hop_us: 1_000 },
        choices: Choices::default(),
        liveness_us: 5_000_000,
    }
}

/// A context with some changes.
pub(crate) fn context_with(change: impl FnOnce(&mut Context)) -> Context {
    let mut context = context();
    change(&mut context);
    context
}

/// Two agents: `main`, and `work`, to whom bob writes.
pub(crate) fn two_agents(context: &mut Context) {
    let agent = |id: &str| Agent { id: id.to_owned(), ..Agent::default() };
    context.configuration.agents = vec![agent("main"), agent("work")];
    context.configuration.bindings = vec![Binding {
        agent: "work".to_owned(),
        channel: "telegram".to_owned(),
        peer: Some(Peer { kind: PeerKind::Direct, id: "2".to_owned() }),
        ..Binding::default()
    }];
}

/// A clock that widens bounds by 250 ms, with a harness that was late by so many microseconds.
pub(crate) fn measured(lateness_us: i64) -> Clock {
    Clock::Measured { slack_us: 250_000, lateness_us }
}

/// The canary of a message: its name, padded.
pub(crate) fn canary(message: &str) -> String {
    format!("k{message:0>12}")
}

/// Reads a script, one fact a line, as `seconds verb …`. The facts are numbered by line.
///
/// ```text
/// say m1 alice [text]         given to the platform and fetched; its canary is appended
/// offer m1 alice [text]       only given to the platform; again: `again m1`, fetched too
/// fetch m1, ack m1
/// ask alice[@model[#key]] user m1 | assistant ok | user m2     names of messages stand for their texts
/// end 1 completed text        the number counts all requests; failed 500, spoiled text, abandoned text
/// sent alice [^m1] text       the platform's ids are s1, s2, …
/// edit alice s1 text, delete alice s1
/// refuse alice 429 30 text    status, seconds to wait or `-`
/// refresh p:one refused       what came of renewing a login
/// start, ready, exit text, call text
/// ```
pub(crate) fn trace(script: &str) -> Trace {
    let mut reader = Reader {
        context: context(),
        facts: Vec::new(),
        calls: BTreeMap::new(),
        requests: 0,
        sends: 0,
    };
    for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
        reader.read(line);
    }
    let header = Header {
        creel_trace: VERSION,
        scenario: "test".to_owned(),
        profile: "2026.3".to_owned(),
        seed: 1,
        world: "turmoil".to_owned(),
        target: "reference".to_owned(),
        choices: Choices::default(),
        lateness: None,
    };
    Trace { header, facts: reader.facts }
}

/// A verdict as tests show it: the word, and what it says.
pub(crate) fn shown(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass { witnesses } => format!("pass {witnesses:?}"),
        Verdict::Fail(Failure { expected, observed, witnesses, breaks: _ }) => {
            format!("fail {witnesses:?}\nexpected {expected}\nobserved {observed}")
        }
        Verdict::Vacuous { why } | Verdict::Inconclusive { why } => format!("{verdict}: {why}"),
        Verdict::NotTestable { why } | Verdict::NotApplicable { why } => {
            format!("{verdict}: {why}")
        }
    }
}

/// What an invariant says of a script.
pub(crate) fn invariant(id: &str, script: &str, context: &Context) -> String {
    let trace = trace(script);
    let verdicts = crate::invariants::judge_all(&trace, &Turns::of(&trace, context), context);
    shown(&verdicts.iter().find(|it| it.0 == id).unwrap().1)
}

struct Reader {
    context: Context,
    facts: Vec<Fact>,
    calls: BTreeMap<String, u64>,
    requests: u64,
    sends: u64,
}

impl Reader {
    fn read(&mut self, line: &str) {
        let (at, rest) = line.split_once(' ').unwrap();
        let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let seconds: f64 = at.parse().unwrap();
        #[expect(clippy::cast_possible_truncation, reason = "tests are short")]
        let at_us = (seconds * 1_000_000.0).round() as i64;
        for kind in self.kinds(verb, rest.trim()) {
            let seq = self.facts.len() as u64 + 1;
            self.facts.push(Fact { seq, at_us, kind });
        }
    }

    fn kinds(&mut self, verb: &str, rest: &str) -> Vec<Kind> {
        let message = || rest.to_owned();
        match verb {
            "say" => self.say(rest),
            "offer" => self.say(rest).into_iter().take(1).collect(),
            "again" => vec![self.inbound(rest), Kind::Fetched { message: message() }],
            "fetch" => vec![Kind::Fetched { message: message() }],
            "ack" => vec![Kind::Acknowledged { message: message() }],
            "ask" => vec![self.ask(rest)],
            "end" => vec![end(rest)],
            "sent" => vec![self.sent(rest)],
            "edit" | "delete" => vec![self.change(verb, rest)],
            "refuse" => vec![self.refuse(rest)],
            "refresh" => vec![refresh(rest)],
            "start" => vec![Kind::GatewayStarted],
            "ready" => vec![Kind::GatewayReady],
            "refused" => vec![Kind::GatewayRefused { text: rest.to_owned() }],
            "exit" => vec![Kind::GatewayExited { code: Some(1), last_words: rest.to_owned() }],
            "call" => vec![Kind::OperatorCalled { call: rest.to_owned(), status: 200 }],
            other => panic!("no verb `{other}`"),
        }
    }

    fn say(&self, rest: &str) -> Vec<Kind> {
        let (name, rest) = rest.split_once(' ').unwrap();
        let (chat, text) = rest.split_once(' ').unwrap_or((rest, "hello"));
        let declared = &self.context.chats[chat];
        let is_command = text.starts_with('/');
        let canary = (!is_command).then(|| canary(name));
        let inbound = Kind::Inbound {
            message: name.to_owned(),
            chat: chat.to_owned(),
            place: declared.place.clone(),
            sender: declared.sender.clone(),
            platform_id: format!("p-{name}"),
            text: format!("{text} {}", canary.clone().unwrap_or_default()).trim().to_owned(),
            canary,
            images: Vec::new(),
        };
        vec![inbound, Kind::Fetched { message: name.to_owned() }]
    }

    fn inbound(&self, name: &str) -> Kind {
        let is_it =
            |it: &&Fact| matches!(&it.kind, Kind::Inbound { message, .. } if message == name);
        self.facts.iter().find(is_it).unwrap().kind.clone()
    }

    fn ask(&mut self, rest: &str) -> Kind {
        let (target, prompt) = rest.split_once(' ').unwrap();
        let (chat, target) = target.split_once('@').unwrap_or((target, "gpt#key-a"));
        let (model, credential) = target.split_once('#').unwrap_or((target, "key-a"));
        let chat = (chat != "-").then(|| chat.to_owned());
        let call = chat.as_ref().map(|it| {
            let call = self.calls.entry(it.clone()).or_insert(0);
            *call += 1;
            *call
        });
        self.requests += 1;
        Kind::ModelRequest {
            request: self.requests,
            chat,
            call,
            provider: "openai".to_owned(),
            model: model.to_owned(),
            credential: credential.to_owned(),
            prompt: prompt.split(" | ").map(|it| self.part(it)).collect(),
            tools: Vec::new(),
        }
    }

    fn part(&self, part: &str) -> PromptMessage {
        let (role, text) = part.split_once(' ').unwrap_or((part, ""));
        let words = text.split(' ').map(|word| {
            let known = self.facts.iter().find_map(|it| match &it.kind {
                Kind::Inbound { message, text, .. } if message == word => Some(text.as_str()),
                _ => None,
            });
            known.unwrap_or(word)
        });
        let text = words.collect::<Vec<_>>().join(" ");
        PromptMessage { role: role.to_owned(), text, ..PromptMessage::default() }
    }

    fn sent(&mut self, rest: &str) -> Kind {
        let (chat, text) = rest.split_once(' ').unwrap();
        let (reply_to, text) = match text.strip_prefix('^').and_then(|it| it.split_once(' ')) {
            Some((message, text)) => (Some(format!("p-{message}")), text),
            None => (None, text),
        };
        self.sends += 1;
        let platform_id = format!("s{}", self.sends);
        Kind::Sent {
            place: self.place(chat),
            platform_id,
            text: text.to_owned(),
            reply_to,
            images: Vec::new(),
        }
    }

    fn change(&self, verb: &str, rest: &str) -> Kind {
        let (chat, rest) = rest.split_once(' ').unwrap();
        let (id, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let (place, platform_id) = (self.place(chat), id.to_owned());
        match verb {
            "edit" => Kind::Edited { place, platform_id, text: text.to_owned() },
            _ => Kind::Deleted { place, platform_id },
        }
    }

    fn refuse(&self, rest: &str) -> Kind {
        let words: Vec<&str> = rest.splitn(4, ' ').collect();
        Kind::Refused {
            place: Some(self.place(words[0])),
            text: words[3].to_owned(),
            status: words[1].parse().unwrap(),
            retry_after_s: words[2].parse().ok(),
            description: "because".to_owned(),
        }
    }

    fn place(&self, chat: &str) -> Place {
        self.context.chats[chat].place.clone()
    }
}

fn refresh(rest: &str) -> Kind {
    let (credential, outcome) = rest.split_once(' ').unwrap();
    let outcome = RefreshOutcome::ALL.into_iter().find(|it| it.name() == outcome).unwrap();
    Kind::Refresh { provider: "p".to_owned(), credential: credential.to_owned(), outcome }
}

fn end(rest: &str) -> Kind {
    let (request, rest) = rest.split_once(' ').unwrap();
    let (how, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let text = text.to_owned();
    let outcome = match how {
        "completed" => ModelOutcome::Completed { text },
        "failed" => {
            ModelOutcome::Failed { status: text.parse().unwrap(), retry_after_ms: None, said: None }
        }
        "spoiled" => ModelOutcome::Spoiled { how: "cut".to_owned(), text },
        "abandoned" => ModelOutcome::Abandoned { text },
        other => panic!("no outcome `{other}`"),
    };
    Kind::ModelEnd { request: request.parse().unwrap(), outcome }
}
