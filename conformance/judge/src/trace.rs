//! A trace: the append-only list of facts that were seen from outside the gateway.
//!
//! What cannot be seen from outside is not evidence, so there is no fact about the gateway's inside. Written as JSON
//! lines, one [`Fact`] each, after a line with the [`Header`].

mod operation;
mod outcome;
mod refresh;
mod track;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::context::Choices;

pub use self::{
    operation::{Operation, Saw},
    outcome::{ModelOutcome, ToolOutcome},
    refresh::RefreshOutcome,
    track::Track,
};

/// The version of the trace format, in the header of every trace file.
pub const VERSION: u32 = 1;

/// The first line of a trace file: which run this was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`VERSION`] of the writer.
    pub creel_trace: u32,
    /// The scenario's id.
    pub scenario: String,
    /// The contract profile that was judged, for example `2026.3`.
    pub profile: String,
    /// The seed.
    pub seed: u64,
    /// `turmoil` or `real`.
    pub world: String,
    /// The target's name, `reference` for our own gateway.
    pub target: String,
    /// What the target declares where the contract leaves a choice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub choices: Choices,
    /// How far a real clock could be trusted; none in simulated time. Not part of the hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness: Option<Lateness>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_default(choices: &Choices) -> bool {
    *choices == Choices::default()
}

/// How far a real clock could be trusted during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lateness {
    /// What bounds in time are widened by, in microseconds.
    pub slack_us: i64,
    /// The worst lateness of the harness's own timer, in microseconds.
    pub lateness_us: i64,
}

/// One run, as seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Which run this was.
    pub header: Header,
    /// What was seen, in the order in which it was recorded.
    pub facts: Vec<Fact>,
}

/// Something that was seen, when, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Position in the trace, counted from 1.
    pub seq: u64,
    /// Microseconds since the scenario's zero, on the world's monotonic clock. Negative while the gateway starts.
    pub at_us: i64,
    /// What was seen.
    #[serde(rename = "fact")]
    pub kind: Kind,
}

/// A place of conversation, as the platform names it. Two places are equal exactly when a person would see both
/// messages in one thread of one chat.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The channel, for example `telegram`.
    pub channel: String,
    /// The account on the channel, for example `default`.
    pub account: String,
    /// The chat's id on the platform: the sender's for a direct chat, the group's otherwise.
    pub peer: String,
    /// The topic or thread, if the chat has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

/// What the facts can be. Every kind belongs to one track (see [`Kind::track`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// A person's message was given to the platform. Repeated with the same `message` when the platform redelivers.
    Inbound {
        /// The step's name for the message (`as`), unique in the scenario.
        message: String,
        /// The scenario's name for the chat.
        chat: String,
        /// Where it was written.
        place: Place,
        /// The sender's id.
        sender: String,
        /// The platform's message id.
        platform_id: String,
        /// The text, with its canary.
        text: String,
        /// The token that finds this message again, if it has one.
        canary: Option<String>,
        /// The pictures that it shows, each as [`picture`] writes it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        images: Vec<String>,
    },
    /// The gateway fetched a message from the platform.
    Fetched {
        /// The message's name.
        message: String,
    },
    /// The gateway told the platform that it need not keep the message any longer.
    Acknowledged {
        /// The message's name.
        message: String,
    },
    /// The platform accepted a message from the gateway: a person sees it.
    Sent {
        /// Where it appeared.
        place: Place,
        /// The platform's id for it.
        platform_id: String,
        /// The text, as accepted.
        text: String,
        /// The platform's id of the message that it answers, if it quotes one.
        reply_to: Option<String>,
        /// The pictures that a person sees with it, each as [`picture`] writes it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        images: Vec<String>,
    },
    /// The gateway replaced the text of a message that it had sent.
    Edited {
        /// Where.
        place: Place,
        /// The platform's id of the message.
        platform_id: String,
        /// The new text.
        text: String,
    },
    /// The gateway deleted a message that it had sent.
    Deleted {
        /// Where.
        place: Place,
        /// The platform's id of the message.
        platform_id: String,
    },
    /// The platform refused a message from the gateway, because the scenario said so or because it was not valid.
    Refused {
        /// Where it should have appeared, if that much was understood.
        place: Option<Place>,
        /// The text that was refused.
        text: String,
        /// The HTTP status.
        status: u16,
        /// The wait that the platform asked for, in seconds.
        retry_after_s: Option<u64>,
        /// What the platform said.
        description: String,
    },
    /// A model request arrived at a provider.
    ModelRequest {
        /// Counts all requests of the scenario, from 1.
        request: u64,
        /// The chat whose script answers it, if a canary told.
        chat: Option<String>,
        /// Counts the chat's requests, from 1.
        call: Option<u64>,
        /// The provider's name in the scenario.
        provider: String,
        /// The model that was asked for.
        model: String,
        /// The scenario's name of the credential, `?` if it is not one of ours.
        credential: String,
        /// What was sent upstream, in order.
        prompt: Vec<PromptMessage>,
        /// Names of the tools that were offered, sorted.
        tools: Vec<String>,
    },
    /// A model request ended.
    ModelEnd {
        /// Which request.
        request: u64,
        /// How.
        outcome: ModelOutcome,
    },
    /// The gateway asked a server of tools to run one.
    ToolCalled {
        /// Counts all calls of the scenario, from 1.
        call: u64,
        /// The server's name in the scenario.
        server: String,
        /// The tool's name at its server.
        tool: String,
        /// The arguments, as JSON.
        arguments: String,
    },
    /// A tool call ended.
    ToolEnded {
        /// Which call.
        call: u64,
        /// How.
        outcome: ToolOutcome,
        /// What was answered, if anything.
        text: String,
    },
    /// The gateway under test was started; for a process, with its arguments.
    GatewayStarted,
    /// The gateway met its target's ready conditions.
    GatewayReady,
    /// The gateway ended by itself before it was ready, where the scenario expects that.
    GatewayRefused {
        /// What it said, secrets and all: the reports redact, the secrets check reads it.
        text: String,
    },
    /// The gateway ended, by itself or because the world ended it.
    GatewayExited {
        /// The exit code of a process, if it had one.
        code: Option<i32>,
        /// What it wrote to standard error last, secrets and all: the reports redact, the secrets check reads it.
        last_words: String,
    },
    /// The operator called the gateway.
    OperatorCalled {
        /// What was asked, for example `pairing.approve`.
        call: String,
        /// The answer's status.
        status: u16,
    },
    /// A client of an operator did or saw something on the control plane.
    Operator(Operation),
    /// A login was to be renewed at its provider's token endpoint.
    Refresh {
        /// The provider's name in the scenario.
        provider: String,
        /// The scenario's name of the login, `?` if it is none of ours.
        credential: String,
        /// What came of it.
        outcome: RefreshOutcome,
    },
    /// What stood in a file of the gateway's state folder.
    StateFile {
        /// The file, by its path below the folder.
        file: String,
        /// Its text, with the names of secrets in their places; none if there was no such file.
        text: Option<String>,
        /// The date at the scenario's zero, in milliseconds since 1970.
        zero_unix_ms: i64,
    },
    /// The scenario's script had no answer for what the gateway did, or the harness itself went wrong.
    HarnessError {
        /// What was missing or wrong, and what to add to the scenario.
        what: String,
    },
}

/// One message of a prompt, as it was sent upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptMessage {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// The text of all parts.
    pub text: String,
    /// The ids of the tool calls in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    /// The id of the tool call whose result it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_of: Option<String>,
    /// The pictures in it, each as [`picture`] writes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

/// A picture as a trace has it: its media type, and the beginning of its SHA-256. Megabytes are no evidence.
pub fn picture(mime: &str, bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex = digest.iter().take(8).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    format!("{mime} {hex}")
}

impl Trace {
    /// SHA-256 over the header's seed, scenario and profile and every fact, in hexadecimal: equal for equal runs in
    /// any process on any machine.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        let Header { scenario, profile, seed, .. } = &self.header;
        hasher.update(format!("{scenario}\n{profile}\n{seed}\n"));
        for fact in &self.facts {
            hasher.update(serde_json::to_vec(fact).expect("facts are plain data"));
            hasher.update(b"\n");
        }
        hasher.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    /// The trace as JSON lines: the header, then the facts.
    pub fn to_json_lines(&self) -> String {
        let header = serde_json::to_string(&self.header).expect("a header is plain data");
        let facts = self.facts.iter().map(|it| serde_json::to_string(it).expect("plain data"));
        std::iter::once(header).chain(facts).map(|line| line + "\n").collect()
    }

    /// Reads what [`Trace::to_json_lines`] wrote.
    ///
    /// # Errors
    ///
    /// Refuses another version, and lines that are not facts, with the line's number.
    pub fn from_json_lines(text: &str) -> Result<Self, Error> {
        let mut lines = text.lines();
        let first = lines.next().ok_or(Error::Empty)?;
        let parse = |line, source| Error::Line { line, source };
        let header: Header = serde_json::from_str(first).map_err(|it| parse(1, it))?;
        if header.creel_trace != VERSION {
            return Err(Error::Version { found: header.creel_trace });
        }
        let facts = lines
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(index, line)| serde_json::from_str(line).map_err(|it| parse(index + 2, it)))
            .collect::<Result<_, _>>()?;
        Ok(Self { header, facts })
    }
}

/// Why a trace file was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There was nothing to read.
    #[error("the trace is empty: expected a header line and one line a fact")]
    Empty,
    /// Another version wrote it.
    #[error("trace version {found} is not supported: expected {VERSION}")]
    Version {
        /// The version in the header.
        found: u32,
    },
    /// A line is not a fact.
    #[error("line {line} is not a trace line")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}
