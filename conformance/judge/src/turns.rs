//! The one derived view that all checks share: which message is new in which model request.
//!
//! Session keys and runs are inside the gateway. What can be seen outside is which messages a request carries, so that
//! is what a turn is here: the first request in which a message is *new*. `turns/newness.rs` has the rule and its reasons.

mod canary;
mod gather;
mod newness;

use std::collections::{BTreeMap, BTreeSet};

pub use canary::{canaries_in, canary};

use crate::{
    context::Context,
    trace::{Kind, ModelOutcome, Place, PromptMessage, RefreshOutcome, Trace},
};

/// What a trace says about messages, model requests and sends, joined.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    /// The messages, in the order in which people wrote them.
    pub messages: Vec<Message>,
    /// The model requests, in the order in which they arrived.
    pub requests: Vec<Request>,
    /// What the platforms accepted from the gateway, in order.
    pub sends: Vec<Delivery>,
    /// When logins were to be renewed, in order.
    pub renewals: Vec<Renewal>,
    /// The calls of tools, by the fact of their start.
    pub(crate) calls: Vec<u64>,
    /// Those that the gateway took back.
    pub(crate) abandoned_calls: Vec<u64>,
    /// Where each message is in `messages`, by name.
    by_name: BTreeMap<String, usize>,
    /// Where each request is in `requests`, by number.
    by_number: BTreeMap<u64, usize>,
    /// By message, the requests in which it is new.
    appearances: BTreeMap<String, Vec<Appearance>>,
}

/// Within what time a model is asked again whose tools were refused, in microseconds.
const AT_ONCE_US: i64 = 500_000;

/// A fact's number and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The fact.
    pub seq: u64,
    /// When, in microseconds since the scenario's zero.
    pub at_us: i64,
}

/// A person's message and what became of it on the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The scenario's name for it.
    pub name: String,
    /// The scenario's name for the chat.
    pub chat: String,
    /// Where it was written.
    pub place: Place,
    /// The sender's id.
    pub sender: String,
    /// The platform's id.
    pub platform_id: String,
    /// The text, with its canary.
    pub text: String,
    /// The token that finds it again, if it has one.
    pub canary: Option<String>,
    /// The pictures that it shows.
    pub images: Vec<String>,
    /// When it was given to the platform: once, and once more for each redelivery.
    pub inbound: Vec<Moment>,
    /// When the gateway fetched it.
    pub fetched: Vec<Moment>,
    /// When the gateway acknowledged it.
    pub acknowledged: Vec<Moment>,
}

/// A model request, with what it carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Counts all requests of the scenario, from 1.
    pub number: u64,
    /// When it arrived.
    pub start: Moment,
    /// How and when it ended, if it did.
    pub end: Option<End>,
    /// The chat whose script answers it, if a canary told.
    pub chat: Option<String>,
    /// Counts the chat's requests, from 1.
    pub call: Option<u64>,
    /// The provider's name in the scenario.
    pub provider: String,
    /// The model that was asked for.
    pub model: String,
    /// The scenario's name of the credential.
    pub credential: String,
    /// The messages that are new in it, in the order of the prompt.
    pub new: Vec<String>,
    /// The other messages in it, in the order of the prompt.
    pub history: Vec<String>,
    /// How often each message occurs in it, the system prompt aside.
    pub counts: BTreeMap<String, u64>,
    /// The messages in it, the system prompt not aside.
    pub anywhere: BTreeSet<String>,
    /// The latest earlier request, as an index, that shares a message with it.
    pub predecessor: Option<usize>,
    /// The prompt message that holds the last of the new ones or, where none is new, the last `user` message.
    pub newest_text: String,
    /// How many results of tools the prompt holds. More than its predecessor's: tools ran in between.
    pub tool_results: usize,
    /// The messages before the first new one in the prompt: what `history` of a scenario's `request` speaks of.
    pub before_new: BTreeSet<String>,
    /// Where the fact is in the trace.
    fact: usize,
}

/// The end of a model request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Moment,
    /// How.
    pub outcome: ModelOutcome,
}

/// That a login was to be renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// When its provider was asked.
    pub at: Moment,
    /// The scenario's name of the login.
    pub credential: String,
    /// What came of it.
    pub outcome: RefreshOutcome,
}

/// A message of the gateway that a platform accepted, with its later edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When it was accepted.
    pub at: Moment,
    /// Where it appeared.
    pub place: Place,
    /// The platform's id for it.
    pub platform_id: String,
    /// The text, as accepted first.
    pub text: String,
    /// The platform's id of the message that it answers, if it quotes one.
    pub reply_to: Option<String>,
    /// The pictures that are seen with it.
    pub images: Vec<String>,
    /// Later texts, in order.
    pub edits: Vec<(Moment, String)>,
    /// When it was deleted, if it was.
    pub deleted: Option<Moment>,
}

/// That a message is new in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// The request, as an index into [`Turns::requests`].
    pub request: usize,
    /// How often it is new there: twice where a batch holds it twice.
    pub times: u64,
}

impl Turns {
    /// Derives the view.
    pub fn of(trace: &Trace, context: &Context) -> Self {
        gather::gather(trace, context)
    }

    /// The message of this name.
    pub fn message(&self, name: &str) -> Option<&Message> {
        self.by_name.get(name).map(|&it| &self.messages[it])
    }

    /// The request of this number, counted over the scenario.
    pub fn request(&self, number: u64) -> Option<&Request> {
        self.by_number.get(&number).map(|&it| &self.requests[it])
    }

    /// The requests in which the message is new, in order.
    pub fn appearances(&self, message: &str) -> &[Appearance] {
        self.appearances.get(message).map_or(&[], Vec::as_slice)
    }

    /// Whether a request, by its index, goes on with the turn of its predecessor: it brings nothing new, as a retry, or
    /// results of tools.
    pub(crate) fn continues(&self, request: usize) -> bool {
        self.requests[request].new.is_empty() || self.tools_ran(request)
    }

    /// Whether tools ran between a request's predecessor and it.
    pub(crate) fn tools_ran(&self, request: usize) -> bool {
        let request = &self.requests[request];
        request.predecessor.is_some_and(|it| self.requests[it].tool_results < request.tool_results)
    }

    /// Whether a request surely goes on with the run of its predecessor: tools ran in between, or were refused at once, and
    /// none was taken back, as the end of a run does. Who waits for an approval has no tool running, and such a run may
    /// have been ended, by words or by its time.
    pub(crate) fn goes_on(&self, request: usize) -> bool {
        let asked = &self.requests[request];
        let Some(before) = asked.predecessor.map(|it| &self.requests[it]) else { return false };
        let is_between = |it: &u64| before.start.seq < *it && *it < asked.start.seq;
        let ended_us = before.end.as_ref().map_or(i64::MAX, |it| it.at.at_us);
        let is_at_once = asked.start.at_us < ended_us.saturating_add(AT_ONCE_US);
        self.tools_ran(request)
            && (is_at_once || self.calls.iter().any(is_between))
            && !self.abandoned_calls.iter().any(is_between)
            && !self.enders(asked).any(|it| is_between(&it.seq))
    }

    /// When the words arrived, in a request's conversation, that end a run.
    fn enders<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = &'a Moment> {
        let is_its = |it: &&Message| Some(&it.chat) == request.chat.as_ref();
        let place = self.messages.iter().find(is_its).map(|it| &it.place);
        let ends = |it: &&Message| {
            let word = it.text.split_whitespace().next().unwrap_or_default();
            ["/stop", "/new", "/reset"].iter().any(|it| word.eq_ignore_ascii_case(it))
        };
        let said = self.messages.iter().filter(move |it| Some(&it.place) == place);
        said.filter(ends).flat_map(|it| &it.inbound)
    }

    /// The request that this fact of the trace is, by the fact's place in the trace.
    pub(crate) fn request_at(&self, fact: usize) -> Option<&Request> {
        let index = self.requests.binary_search_by_key(&fact, |it| it.fact).ok()?;
        Some(&self.requests[index])
    }
}

impl Request {
    /// What the model answered, as far as it was written: empty if nothing was.
    pub fn answer(&self) -> &str {
        match self.end.as_ref().map(|it| &it.outcome) {
            Some(
                ModelOutcome::Completed { text }
                | ModelOutcome::Spoiled { text, .. }
                | ModelOutcome::Abandoned { text },
            ) => text,
            Some(ModelOutcome::Failed { .. }) | None => "",
        }
    }

    /// What the model answered, if it came to the end of it.
    pub fn completed_answer(&self) -> Option<&str> {
        match self.end.as_ref().map(|it| &it.outcome) {
            Some(ModelOutcome::Completed { text }) => Some(text),
            _ => None,
        }
    }

    /// The tools that were offered.
    pub fn tools<'a>(&self, trace: &'a Trace) -> &'a [String] {
        match trace.facts.get(self.fact).map(|it| &it.kind) {
            Some(Kind::ModelRequest { tools, .. }) => tools,
            _ => &[],
        }
    }

    /// The prompt that was sent upstream.
    pub fn prompt<'a>(&self, trace: &'a Trace) -> &'a [PromptMessage] {
        match trace.facts.get(self.fact).map(|it| &it.kind) {
            Some(Kind::ModelRequest { prompt, .. }) => prompt,
            _ => &[],
        }
    }
}

impl Delivery {
    /// The text that it ends with, after edits.
    pub fn final_text(&self) -> &str {
        self.edits.last().map_or(&self.text, |(_, text)| text)
    }

    /// When it got the text that it ends with.
    pub fn shown(&self) -> Moment {
        self.edits.last().map_or(self.at, |(at, _)| *at)
    }

    /// Every text that a person could read, in order.
    pub fn texts(&self) -> impl Iterator<Item = (Moment, &str)> {
        std::iter::once((self.at, self.text.as_str()))
            .chain(self.edits.iter().map(|(at, text)| (*at, text.as_str())))
    }
}

#[cfg(test)]
mod tests;
