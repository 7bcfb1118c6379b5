//! What a request asks for: its words, its agent, its session.

use std::fmt::Write as _;

use axum::http::HeaderMap;
use creel_core::session_key::MAIN_KEY;
use serde::Deserialize;
use serde_json::Value;

use crate::control::plane::Facts;

/// Names the session.
pub(super) const SESSION_HEADER: &str = "x-openclaw-session-key";

/// Names the agent.
const AGENT_HEADER: &str = "x-openclaw-agent-id";

/// How long a `user` may be, in bytes.
const USER_BYTES_MAX: usize = 256;

/// Beginnings of sessions that are not a caller's to name: the gateway's own, and those that this endpoint makes.
const RESERVED: [&str; 6] = ["subagent:", "cron:", "acp:", "hook:", "openai:", "openai-user:"];

/// What is wrong with a request, or went wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) parameter: Option<&'static str>,
    pub(super) code: &'static str,
}

impl Wrong {
    fn of(parameter: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), parameter: Some(parameter), code: "invalid_request" }
    }
}

/// A request that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// `model` as it was sent.
    pub(super) model: String,
    pub(super) user: Option<String>,
    pub(super) is_stream: bool,
    /// The whole conversation, for a session that knows nothing of it.
    pub(super) whole: String,
    /// What was said since the assistant's last words, with the instructions.
    pub(super) newest: String,
}

/// Where a turn is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) session: String,
    /// Whether it is this turn's alone.
    pub(super) is_fresh: bool,
}

/// Clients send much that an agent decides for itself, such as `temperature` and `max_tokens`; it is left out here. What would change
/// the answer's form is refused.
#[derive(Deserialize)]
struct Wire {
    model: Option<String>,
    #[serde(default)]
    messages: Vec<Message>,
    stream: Option<bool>,
    user: Option<String>,
    n: Option<u64>,
    tools: Option<Vec<Value>>,
    tool_choice: Option<Value>,
    response_format: Option<Value>,
    functions: Option<Vec<Value>>,
    logprobs: Option<bool>,
    stop: Option<Value>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Option<Value>,
}

impl Asked {
    pub(super) fn read(body: &[u8]) -> Result<Self, Wrong> {
        let wire: Wire = serde_json::from_slice(body).map_err(|it| Wrong {
            message: format!("the body is no request: line {}, column {}", it.line(), it.column()),
            parameter: None,
            code: "invalid_json",
        })?;
        refuse_what_is_missing(&wire)?;
        let user = wire.user.filter(|it| !it.trim().is_empty());
        if user.as_ref().is_some_and(|it| it.len() > USER_BYTES_MAX) {
            return Err(Wrong::of("user", format!("expected at most {USER_BYTES_MAX} bytes")));
        }
        let said = wire.messages.iter().map(|it| Ok((it.role.as_str(), words(it)?)));
        let said = said.collect::<Result<Vec<_>, Wrong>>()?;
        let (whole, newest) = prompts(&said)?;
        Ok(Self {
            model: wire.model.unwrap_or_else(|| "openclaw".to_owned()),
            user,
            is_stream: wire.stream.unwrap_or_default(),
            whole,
            newest,
        })
    }

    /// Which session speaks. What a caller names is taken as it is or refused, and never rewritten.
    pub(super) fn place(
        &self,
        facts: &Facts,
        headers: &HeaderMap,
        id: &str,
    ) -> Result<Place, Wrong> {
        let header = |name| {
            let value = headers.get(name).and_then(|it| it.to_str().ok()).map(str::trim);
            value.filter(|it| !it.is_empty())
        };
        let named = match header(AGENT_HEADER) {
            Some(id) => Some(known(facts, id).ok_or_else(|| no_agent(AGENT_HEADER, id))?),
            None => self.agent(facts)?,
        };
        let agent = named.clone().unwrap_or_else(|| facts.default_agent.as_str().to_owned());
        let Some(key) = header(SESSION_HEADER) else {
            let is_fresh = self.user.is_none();
            let session = match &self.user {
                Some(user) => format!("agent:{agent}:openai-user:{}", spelled(user)),
                None => format!("agent:{agent}:openai:{id}"),
            };
            return Ok(Place { session, is_fresh });
        };
        let key = key.to_lowercase();
        let (agent_of_key, rest) =
            match key.strip_prefix("agent:").and_then(|it| it.split_once(':')) {
                Some((agent, rest)) => (Some(agent.to_owned()), rest.to_owned()),
                None => (None, key.clone()),
            };
        if named.is_some() && agent_of_key.is_some() && agent_of_key != named {
            let why = format!("the session is another agent's than `{agent}`");
            return Err(Wrong::of(SESSION_HEADER, why));
        }
        if let Some(reserved) = RESERVED.iter().find(|it| rest.starts_with(**it)) {
            let why = format!("sessions that begin with `{reserved}` are not to be named");
            return Err(Wrong::of(SESSION_HEADER, why));
        }
        // Chats and main sessions are the operator's, also those in which nobody has written yet.
        let is_plain = !rest.contains(':') && rest != MAIN_KEY && rest != facts.main_key();
        if self.user.is_some() && !is_plain {
            let why = "a request with `user` names a session by a name of its own, without `:`";
            return Err(Wrong::of(SESSION_HEADER, why));
        }
        let agent = agent_of_key.unwrap_or(agent);
        Ok(Place { session: format!("agent:{agent}:{rest}"), is_fresh: false })
    }

    /// The agent that `model` names; none if it means the default one.
    fn agent(&self, facts: &Facts) -> Result<Option<String>, Wrong> {
        let model = self.model.trim();
        if matches!(model, "openclaw" | "openclaw/default") {
            return Ok(None);
        }
        let id = ["openclaw:", "openclaw/", "agent:"].iter().find_map(|it| model.strip_prefix(it));
        match id.and_then(|it| known(facts, it)) {
            Some(agent) => Ok(Some(agent)),
            None => Err(Wrong { code: "model_not_found", ..no_agent("model", model) }),
        }
    }
}

fn known(facts: &Facts, id: &str) -> Option<String> {
    facts.agent_called(id).map(ToString::to_string)
}

fn no_agent(parameter: &'static str, found: &str) -> Wrong {
    let why =
        format!("found `{found}`, expected `openclaw`, or `openclaw:<id>` of a configured agent");
    Wrong::of(parameter, why)
}

/// A `user` as a part of a session's key: two that differ never share one, though keys are lower-cased.
fn spelled(user: &str) -> String {
    let mut spelled = String::new();
    for byte in user.bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.@".contains(&byte) {
            spelled.push(char::from(byte));
        } else {
            write!(spelled, "%{byte:02x}").expect("writing to a string");
        }
    }
    spelled
}

/// What would change the answer's form, and is not there.
fn refuse_what_is_missing(wire: &Wire) -> Result<(), Wrong> {
    if wire.n.is_some_and(|it| it != 1) {
        return Err(Wrong::of("n", "expected 1: an agent answers once"));
    }
    let wants_none = wire.tool_choice.as_ref().is_some_and(|it| it == "none");
    if wire.tools.as_ref().is_some_and(|it| !it.is_empty()) && !wants_none {
        return Err(Wrong::of(
            "tools",
            "an agent uses its own tools: a caller's are not there yet",
        ));
    }
    if wire.functions.as_ref().is_some_and(|it| !it.is_empty()) {
        return Err(Wrong::of(
            "functions",
            "an agent uses its own tools: a caller's are not there yet",
        ));
    }
    if wire.logprobs == Some(true) {
        return Err(Wrong::of("logprobs", "they are not there yet"));
    }
    let is_nothing = |it: &Value| it.is_null() || it.as_array().is_some_and(Vec::is_empty);
    if wire.stop.as_ref().is_some_and(|it| !is_nothing(it)) {
        return Err(Wrong::of("stop", "an agent says all that it has to say"));
    }
    let format = wire.response_format.as_ref().and_then(|it| it.get("type"));
    if format.is_some_and(|it| it != "text") {
        return Err(Wrong::of("response_format", "expected `text`: other forms are not there yet"));
    }
    Ok(())
}

/// A message's words.
fn words(message: &Message) -> Result<String, Wrong> {
    let only_text = "expected text: pictures and sounds are not taken here yet";
    match &message.content {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().map(|part| match (part["type"].as_str(), &part["text"]) {
                (Some("text" | "input_text"), Value::String(text)) => Ok(text.as_str()),
                _ => Err(Wrong::of("messages", only_text)),
            });
            Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
        }
        Some(_) => Err(Wrong::of("messages", only_text)),
    }
}

/// The prompts: of everything, and of what is new.
fn prompts(said: &[(&str, String)]) -> Result<(String, String), Wrong> {
    for (role, _) in said {
        if !matches!(*role, "system" | "developer" | "user" | "assistant" | "tool" | "function") {
            return Err(Wrong::of("messages", format!("found the role `{role}`")));
        }
    }
    let is_instruction = |role: &str| matches!(role, "system" | "developer");
    let has_words = |it: &&(&str, String)| !it.1.trim().is_empty();
    let instructions: Vec<&str> = said
        .iter()
        .filter(|it| is_instruction(it.0))
        .filter(has_words)
        .map(|it| it.1.trim())
        .collect();
    let talk: Vec<&(&str, String)> =
        said.iter().filter(|it| !is_instruction(it.0)).filter(has_words).collect();
    let after_answer = talk.iter().rposition(|it| it.0 == "assistant").map_or(0, |it| it + 1);
    let (before, newest) = talk.split_at(after_answer);
    if !newest.iter().any(|it| it.0 == "user") {
        return Err(Wrong::of("messages", "expected a message of the role `user` at the end"));
    }
    let mut head = String::new();
    if !instructions.is_empty() {
        head =
            format!("[Instructions of the program that asks:]\n{}\n\n", instructions.join("\n\n"));
    }
    let line = |it: &&(&str, String)| match it.0 {
        "assistant" => format!("You: {}", it.1.trim()),
        "user" => format!("User: {}", it.1.trim()),
        _ => format!("Result of a tool: {}", it.1.trim()),
    };
    let new: Vec<String> = match newest {
        [only] => vec![only.1.clone()],
        all => all.iter().map(line).collect(),
    };
    let new = new.join("\n\n");
    let mut whole = head.clone();
    if !before.is_empty() {
        let lines: Vec<String> = before.iter().map(line).collect();
        write!(whole, "[The conversation so far:]\n{}\n\n[And now:]\n", lines.join("\n\n"))
            .expect("writing to a string");
    }
    whole.push_str(&new);
    Ok((whole, head + &new))
}

#[cfg(test)]
mod tests;
