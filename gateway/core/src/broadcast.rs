//! Broadcast groups: one message, several agents, each in a conversation of its own.
//!
//! ```text
//!   message ─▶ selected agents, round 1 ─▶ who answered, or was addressed, round 2 ─▶ … up to maxRounds, maxTurns
//! ```
//!
//! In a further round an agent is told what the others answered in the one before, and may be silent. Parallel agents run
//! at once; sequential ones one after another, without hearing each other within a round.
//!
//! Source: contract, section 2; the documents on broadcast groups.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
};

use crate::{
    egress::silence,
    ids::{AgentId, Channel, PeerId},
    message::Message,
    origin::{Origin, Route},
    session_key::SessionKey,
};

/// The longest text of one agent that the others are told, in characters.
const TOLD_CHARS_MAX: usize = 4_000;

/// The longest text that an agent is told of all others, in characters.
const TOLD_ALL_CHARS_MAX: usize = 16_000;

/// In which order the agents of a group run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// All at once.
    #[default]
    Parallel,
    /// One after another.
    Sequential,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Who answers, in configuration order.
    pub agents: Vec<AgentId>,
    /// Whether a message that names some of them is for those alone.
    pub by_mention: bool,
    /// How many rounds there are at the most: 1 or more.
    pub rounds_max: u8,
    /// How many turns there are at the most, over all rounds: 1 or more.
    pub turns_max: u8,
    /// Whether an answer begins with its agent's name, in bold.
    pub labelled: bool,
}

impl Group {
    /// A group of one round, as `2026.3` has them.
    pub fn of(agents: Vec<AgentId>) -> Self {
        let turns_max = u8::try_from(agents.len()).unwrap_or(u8::MAX);
        Self { agents, by_mention: false, rounds_max: 1, turns_max, labelled: false }
    }
}

/// `broadcast`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broadcasts {
    /// In which order agents run.
    pub strategy: Strategy,
    /// The groups, by channel and chat.
    pub groups: BTreeMap<(Channel, PeerId), Group>,
}

impl Broadcasts {
    /// The group of a chat, if it has one.
    pub fn of(&self, route: &Route) -> Option<&Group> {
        if self.groups.is_empty() {
            return None;
        }
        self.groups.get(&(route.channel.clone(), route.peer.id.clone()))
    }
}

/// What becomes of one message in a group.
#[derive(Clone, Debug)]
pub struct Talk {
    /// Where the message came from.
    pub origin: Origin,
    /// The message.
    pub message: Message,
    group: Group,
    strategy: Strategy,
    /// Who is at it, by conversation.
    running: BTreeMap<SessionKey, AgentId>,
    /// Whose turn in this round comes after those.
    waiting: VecDeque<Part>,
    /// What was said in this round.
    said: BTreeMap<AgentId, String>,
    round: u8,
    turns_left: u8,
}

/// What an agent of a talk shall do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which agent.
    pub agent: AgentId,
    /// What it is told; none for the message itself.
    pub told: Option<String>,
}

impl Talk {
    /// A talk about a message, with those who begin: the `addressed`, or all if none is.
    pub fn begin(
        (origin, message): (Origin, Message),
        addressed: Vec<AgentId>,
        group: Group,
        strategy: Strategy,
    ) -> (Self, Vec<Part>) {
        let selected = if addressed.is_empty() { group.agents.clone() } else { addressed };
        let mut talk = Self {
            origin,
            message,
            turns_left: group.turns_max,
            group,
            strategy,
            running: BTreeMap::new(),
            waiting: VecDeque::new(),
            said: BTreeMap::new(),
            round: 1,
        };
        let parts = selected.into_iter().map(|agent| Part { agent, told: None });
        let parts = talk.open(parts.collect());
        (talk, parts)
    }

    /// An agent's part runs in this conversation.
    pub fn runs_in(&mut self, key: SessionKey, agent: AgentId) {
        self.running.insert(key, agent);
    }

    /// Whether a part runs in this conversation.
    pub fn is_in(&self, key: &SessionKey) -> bool {
        self.running.contains_key(key)
    }

    /// The agent whose name an answer of this conversation begins with, if it does.
    pub fn label(&self, key: &SessionKey) -> Option<&AgentId> {
        self.running.get(key).filter(|_| self.group.labelled)
    }

    /// The agent in this conversation said something; its last word counts.
    pub fn hear(&mut self, key: &SessionKey, text: &str) {
        let Some(agent) = self.running.get(key) else { return };
        match silence::said(text).filter(|it| !it.trim().is_empty()) {
            Some(text) => _ = self.said.insert(agent.clone(), cut(text, TOLD_CHARS_MAX)),
            None => _ = self.said.remove(agent),
        }
    }

    /// The part in this conversation is over, however: who goes on.
    pub fn end(&mut self, key: &SessionKey) -> Vec<Part> {
        self.running.remove(key);
        if let Some(part) = self.waiting.pop_front() {
            return vec![part];
        }
        if !self.running.is_empty() || self.round >= self.group.rounds_max {
            return Vec::new();
        }
        self.round += 1;
        let said = std::mem::take(&mut self.said);
        let addressed =
            |agent: &AgentId| said.iter().any(|(by, it)| by != agent && names(it, agent));
        let goes_on = |it: &&AgentId| said.contains_key(*it) || addressed(it);
        let parts = self
            .group
            .agents
            .iter()
            .filter(goes_on)
            .map(|agent| Part { agent: agent.clone(), told: Some(told(&said, agent)) });
        // Nobody has something new to hear where nobody else spoke.
        let parts = parts.filter(|it| said.keys().any(|by| *by != it.agent)).collect();
        self.open(parts)
    }

    /// Begins a round, as far as turns are left: those who begin now.
    fn open(&mut self, mut parts: Vec<Part>) -> Vec<Part> {
        parts.truncate(self.turns_left.into());
        self.turns_left -= u8::try_from(parts.len()).expect("no more than turns were left");
        match self.strategy {
            Strategy::Parallel => parts,
            Strategy::Sequential => {
                self.waiting = parts.into();
                self.waiting.pop_front().into_iter().collect()
            }
        }
    }

    /// Whether nobody has a part any more.
    pub fn is_over(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }
}

/// What an agent is told of the others' answers.
fn told(said: &BTreeMap<AgentId, String>, to: &AgentId) -> String {
    let mut text = String::from("[The others answered]\n");
    for (agent, answer) in said.iter().filter(|(by, _)| *by != to) {
        writeln!(text, "{agent}: {answer}").expect("writing to a string");
    }
    let mut text = cut(&text, TOLD_ALL_CHARS_MAX);
    write!(text, "\n[Answer only what is new to them, or {}]", silence::NO_REPLY)
        .expect("writing to a string");
    text
}

fn cut(text: &str, chars_max: usize) -> String {
    text.char_indices().nth(chars_max).map_or(text, |(end, _)| text.split_at(end).0).to_owned()
}

/// Whether a text addresses an agent: `@` and its id, as a whole word.
pub(crate) fn names(text: &str, agent: &AgentId) -> bool {
    let is_word = |it: char| it.is_alphanumeric() || matches!(it, '_' | '-');
    text.split('@').skip(1).any(|it| {
        let mut characters = it.chars();
        let is_it = agent.as_str().chars().all(|wanted| {
            characters.next().is_some_and(|found| found.to_lowercase().eq(wanted.to_lowercase()))
        });
        is_it && !characters.next().is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests;
