//! A scenario: chats, what the model answers, what happens when, what must be seen, and the edit that must break it.

mod answers;
mod at;
mod chats;
mod clock;
mod context;
mod control;
mod covers;
mod expect;
mod hooks;
mod http;
mod operators;
mod pace;
mod platform;
mod played;
mod providers;
mod read;
mod shape;
mod steps;
mod tools;
mod variants;

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use creel_document::{problem::Problem, yaml};
use creel_judge::words::Word;

use crate::picture::Picture;

pub use clock::{Clock, Jump};
pub use hooks::{Hook, HookToken};
pub use http::{HttpCall, HttpToken};
pub(crate) use operators::merge;
pub use operators::{Call, Connect, DeviceProof, First, Token};
pub use platform::{Cut, Event, Forgery};
pub use providers::{Asker, Holds, Kind, Provider, Renewal, RenewalAct, Standing, Terms};
pub use shape::shape;

/// Reads a scenario file. `id` is the file's path below `scenarios/`, without its extension.
///
/// # Errors
///
/// Everything that is wrong with the file, in the order of its text: what is not YAML, or else what does not have the
/// [`shape`], names that nothing defines, and times that run backwards.
pub fn parse(id: &str, text: &str) -> Result<Scenario, Vec<Problem>> {
    let tree = yaml::parse(text)?;
    let (scenario, mut problems) = match read::read(id, text, &tree) {
        Ok(scenario) => (Some(scenario), Vec::new()),
        Err(problems) => (None, problems),
    };
    let control = control::read(text, &tree, scenario.as_ref()).unwrap_or_else(|found| {
        problems.extend(found);
        None
    });
    match scenario {
        Some(scenario) if problems.is_empty() => Ok(Scenario { control, ..scenario }),
        Some(_) | None => {
            problems.sort_by_key(|it| it.span.start);
            Err(problems)
        }
    }
}

/// Whether scenarios of this area can be: the first part of an id.
pub fn is_area(name: &str) -> bool {
    read::AREAS.contains(&name)
}

/// One scenario file, checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// `<area>/<fact-it-shows>`, equal to the file's path below `scenarios/`.
    pub id: String,
    /// What is different in this variant of the file's scenario: `m2+17ms` in a sweep, `m3,m1,m2` in a permutation. None
    /// for the scenario as it is written.
    pub variant: Option<String>,
    /// The fact, as a sentence.
    pub title: String,
    /// Rows of the public bug corpus that it reproduces, for example `Q-01`.
    pub bugs: Vec<String>,
    /// The requirements that its expectations judge, each once, in the order of the file.
    pub covers: Vec<String>,
    /// The profiles that it holds for. It runs once for each.
    pub profiles: Vec<String>,
    /// Gateway configuration in the keys of `openclaw.json`, merged over the harness's base. A map.
    pub gateway: serde_json::Value,
    /// Files of the gateway's state folder, by path below it.
    pub state: BTreeMap<String, serde_json::Value>,
    /// The chats, by name.
    pub chats: BTreeMap<String, Chat>,
    /// What the model answers: by chat, then by call. [`UNTAGGED`] answers requests that carry no message of ours.
    pub model: BTreeMap<String, Vec<Answer>>,
    /// The providers beside the base's own, by name.
    pub providers: BTreeMap<String, Provider>,
    /// The servers of tools: by server, then by tool, then by call.
    pub tools: BTreeMap<String, BTreeMap<String, Vec<ToolAnswer>>>,
    /// What servers say of their tools: by server, then by tool.
    pub hints: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// The pictures in each agent's folder, by their names: `cat` is the file `cat.png`.
    pub images: BTreeMap<String, Vec<String>>,
    /// What the platform does with the gateway's sends: by chat, then by send. Sends beyond the list are accepted.
    pub platform: BTreeMap<String, Vec<SendFault>>,
    /// One-way latency of the simulated network. From 1 ms; equal ends for a fixed one.
    pub latency: Range<Duration>,
    /// What clocks and calendars show.
    pub clock: Clock,
    /// What happens, in order of time.
    pub steps: Vec<Step>,
    /// How long the run lasts at the least, since zero.
    pub lasts: Duration,
    /// How long nothing may happen before the run is over.
    pub settle: Duration,
    /// Why it cannot be run on a real clock, if the author says so.
    pub virtual_only: Option<String>,
    /// What must be seen, with each expectation's label (`request#2`) and place in the file.
    pub expect: Vec<Expectation>,
    /// The edit that must make named checks fail.
    pub control: Option<Control>,
    /// The scenario's other courses, judged by the same checks. They have no control and no variants of their own.
    pub variants: Vec<Arc<Scenario>>,
}

impl Scenario {
    /// What tells this scenario from all others: its id, and the variant's name behind an `@`.
    pub fn name(&self) -> String {
        match &self.variant {
            Some(variant) => format!("{}@{variant}", self.id),
            None => self.id.clone(),
        }
    }

    /// What people write, in the order of the steps.
    pub fn sends(&self) -> impl Iterator<Item = &Send> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Send(send) => Some(send),
            Action::Redeliver { .. }
            | Action::Disconnect { .. }
            | Action::ApprovePairing { .. }
            | Action::Connect(_)
            | Action::Call(_)
            | Action::Hook(_)
            | Action::Http(_)
            | Action::Frame { .. }
            | Action::Drop { .. }
            | Action::Restart { .. } => None,
        })
    }

    /// Whether the gateway is expected not to begin.
    pub fn expects_refusal(&self) -> bool {
        self.expect.iter().any(|it| matches!(it.word, Word::Refuses(_)))
    }

    fn varied(&self, variant: variants::Variant) -> Self {
        let variants::Variant { name, steps, moved } = variant;
        let why = || "a sweep moves its messages by less than a real clock can tell".to_owned();
        let virtual_only = self.virtual_only.clone().or_else(|| moved.then(why));
        Self { variant: Some(name), steps, virtual_only, ..self.clone() }
    }
}

/// The key in `model` that answers requests which carry no message of the scenario.
pub const UNTAGGED: &str = "untagged";

/// A chat and the person who writes in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// The channel: `telegram`.
    pub channel: String,
    /// The account: a key of `channels.<channel>.accounts`.
    pub account: String,
    /// Where in the channel.
    pub kind: ChatKind,
    /// The sender's id. In a direct chat, the chat's own.
    pub sender: String,
    /// The sender's name, where the webhook's caller gives another than usual.
    pub name: Option<String>,
    /// The Discord guild that the chat is in.
    pub guild: Option<String>,
    /// The Slack team that the chat is in.
    pub team: Option<String>,
    /// The Discord roles that the sender has in the guild.
    pub roles: Vec<String>,
}

impl Chat {
    /// A person's direct chat.
    pub fn direct(channel: &str, account: &str, sender: &str) -> Self {
        Self {
            channel: channel.to_owned(),
            account: account.to_owned(),
            kind: ChatKind::Direct,
            sender: sender.to_owned(),
            name: None,
            guild: None,
            team: None,
            roles: Vec::new(),
        }
    }
}

/// Where in a channel a chat is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatKind {
    /// A person's direct chat.
    Direct,
    /// A group, or one topic of it.
    Group {
        /// The group's id.
        id: String,
        /// The topic's id.
        topic: Option<String>,
    },
    /// A room of a workspace or guild, or one thread of it.
    Room {
        /// The room's id.
        id: String,
        /// The thread's id.
        thread: Option<String>,
    },
}

/// How a provider twin answers one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How long it waits before the first byte.
    pub after: Duration,
    /// What it does then.
    pub act: Act,
}

/// How a provider refuses a request. What the scenario does not say is as the provider usually has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorStatus {
    /// 400 to 599.
    pub status: u16,
    /// The `error.message` of the body.
    pub message: Option<String>,
    /// The `error.type` of the body.
    pub kind: Option<String>,
    /// The `error.code` of the body, which Anthropic's messages do not have.
    pub code: Option<String>,
    /// `Retry-After`, in seconds.
    pub retry_after_s: Option<u64>,
    /// Headers beside.
    pub headers: BTreeMap<String, String>,
}

/// What a provider twin does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Answers with a text, in this many chunks with this pause between them.
    Say {
        /// The text.
        text: String,
        /// How many chunks, from 1.
        chunks: u32,
        /// The pause between two chunks.
        every: Duration,
    },
    /// Asks for tools, and may say something beside.
    Call {
        /// What it says; may be empty.
        text: String,
        /// What it asks for.
        calls: Vec<ToolUse>,
    },
    /// Answers an error status.
    Status(ErrorStatus),
    /// Answers in parts that each have a pause of their own.
    Stream {
        /// The parts.
        parts: Vec<Part>,
        /// How it ends.
        ends: StreamEnd,
    },
    /// Accepts the request and never answers.
    Hang,
    /// Writes this much of an answer, then closes the connection in the middle of the body.
    Cut {
        /// What it writes first.
        text: String,
    },
    /// Writes this much of an answer, then an event that is not JSON, then a proper end.
    Malformed {
        /// What it writes first.
        text: String,
    },
    /// Ends the body properly, but without a finish reason or `[DONE]`.
    Eof {
        /// What it writes first.
        text: String,
    },
}

/// A part of a streamed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The pause before it.
    pub after: Duration,
    /// Its text.
    pub text: String,
}

/// How a streamed answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// As an answer does.
    Complete,
    /// The connection closes; without any part, before even a status is written.
    Cut,
    /// The body ends properly, without a finish reason.
    Eof,
    /// Nothing more comes, and the connection stays open.
    Stall,
    /// With an event that tells of the server's error.
    Error,
    /// With an event that tells of a provider that is overloaded.
    Overloaded,
    /// As an answer that failed: with the finish reason `error`, or the protocol's event for it.
    Failed,
    /// As an answer that a filter ended, or that the model refused.
    Refused,
    /// As an answer that reached its longest.
    Length,
}

/// A tool that a model asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolUse {
    /// The tool's name, as the gateway offers it.
    pub tool: String,
    /// The arguments, as JSON.
    pub arguments: String,
}

/// How a server of tools answers one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolAnswer {
    /// How long the tool takes.
    pub after: Duration,
    /// What it does then.
    pub act: ToolAct,
}

/// What a tool does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolAct {
    /// It answers this text.
    Result(String),
    /// It answers this error.
    Error(String),
    /// It never answers.
    Hang,
}

impl ToolAnswer {
    /// What a call gets for which the scenario has no answer.
    pub fn unscripted() -> Self {
        Self { after: Duration::ZERO, act: ToolAct::Error("no answer is scripted".to_owned()) }
    }
}

/// What the platform does with one send of the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendFault {
    /// Accepts it as usual.
    Accept,
    /// Accepts it, and answers only after a while.
    Slow {
        /// How long.
        delay: Duration,
    },
    /// Refuses it.
    Refuse {
        /// 400 to 599; 429 needs `retry_after_s`.
        status: u16,
        /// The wait it asks for.
        retry_after_s: Option<u64>,
    },
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, since the scenario's zero.
    pub at: Duration,
    /// What.
    pub action: Action,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A person writes.
    Send(Send),
    /// The platform delivers a message once more.
    Redeliver {
        /// The message's name.
        message: String,
    },
    /// The platform cuts its connections.
    Disconnect {
        /// The channel.
        channel: String,
        /// How.
        cut: Cut,
        /// For how long it takes no new one.
        lasts: Duration,
    },
    /// A client of an operator connects to the control plane.
    Connect(Connect),
    /// A client asks for something.
    Call(Call),
    /// A program outside calls a hook.
    Hook(Hook),
    /// A program outside asks for something over HTTP.
    Http(HttpCall),
    /// A client sends a text that is no request.
    Frame {
        /// The client.
        client: String,
        /// The step's name.
        name: String,
        /// The text.
        text: String,
    },
    /// A client breaks its connection off, without a word.
    Drop {
        /// The client.
        client: String,
    },
    /// The operator ends the gateway and starts it again, with the same state folder.
    Restart {
        /// How long it is down.
        lasts: Duration,
    },
    /// The operator approves the pairing code that the chat was shown last.
    ApprovePairing {
        /// The chat.
        chat: String,
    },
}

/// A person's message.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the scenario")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// In which chat.
    pub chat: String,
    /// The words. The harness appends a canary, unless this is a command or `canary` is false.
    pub text: String,
    /// The name of the message, unique in the scenario.
    pub name: String,
    /// Whether the harness appends a canary.
    pub canary: bool,
    /// Whether the bot is mentioned.
    pub mention: bool,
    /// Whether the gateway should admit it. If not, it must reach no model.
    pub admitted: bool,
    /// Whether it should trigger nothing and may be told to a later turn, as context.
    pub overheard: bool,
    /// How the call that brings it is forged, if it is not the platform's.
    pub forged: Option<Forgery>,
    /// The events that tell of it, in this order; none for the usual ones.
    pub events: Option<Vec<Event>>,
    /// How long after each event the next one comes.
    pub apart: Duration,
    /// The text is repeated up to this many bytes, if given.
    pub padded_to: Option<usize>,
    /// The picture that it shows.
    pub image: Option<Picture>,
}

/// An expectation, as reports name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The word, with its number if the scenario uses it more than once: `request#2`.
    pub label: String,
    /// What it says.
    pub word: Word,
    /// The requirements that it judges: its own, else the scenario's.
    pub covers: Vec<String>,
    /// Bytes of the file.
    pub span: Range<usize>,
    /// The line in the file, from 1.
    pub line: usize,
}

/// The edit that must make named checks fail: the positive control of the scenario.
#[derive(Clone, Debug)]
pub struct Control {
    /// The scenario with the edit applied. It has no control of its own.
    pub edited: Arc<Scenario>,
    /// The labels of the checks that must then fail: expectations, or invariants such as `I1`.
    pub flips: Vec<String>,
}

#[cfg(test)]
mod tests;
