//! Which messages are new in a model request.
//!
//! A gateway repeats the conversation in every request, so a message's canary occurs in many. A message is *new* where
//! its canary occurs more often than in the request's predecessor: the latest earlier request that shares a canary.
//!
//! ```text
//! request 1   user m1                                   new m1: there is no predecessor
//! request 2   user m1                                   nothing new: a retry after a failure
//! request 3   user m1, assistant, user m2 m3            new m2 m3: a batch
//! request 4   user m1, assistant, user m2 m3 m3         new m3: a duplicate, which a set of canaries would hide
//! request 5   user m9                                   new m9: another conversation, or the same after `/new`
//! ```
//!
//! Comparing counts instead of sets shows duplicates; comparing with the predecessor instead of with all earlier
//! requests keeps a retry from looking like a second turn. It leaves one case: a message that is redelivered after
//! `/new` is alone in its request, as it was at first, and looks like a retry. So a request with nothing new is not a
//! retry but a second turn if its predecessor was completed, a person saw the answer, and the message was delivered
//! again after that.

use std::collections::{BTreeMap, BTreeSet};

use super::{Message, Moment, Request, Turns, canaries_in};
use crate::trace::{ModelOutcome, PromptMessage};

/// What is known before a request.
#[derive(Debug)]
pub(super) struct Newness {
    /// Message names by canary.
    names: BTreeMap<String, String>,
    /// By asker and message, the latest request that holds it, as an index.
    latest: BTreeMap<(Asker, String), usize>,
}

/// Whose request it is, where that keeps conversations apart that share messages: the agent, where several answer one
/// message.
pub(super) type Asker = Option<String>;

/// What one prompt holds. The fields are those of [`Request`].
#[derive(Debug)]
pub(super) struct Content {
    pub(super) new: Vec<String>,
    pub(super) history: Vec<String>,
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) risen: BTreeMap<String, u64>,
    pub(super) anywhere: BTreeSet<String>,
    pub(super) predecessor: Option<usize>,
    pub(super) newest_text: String,
    pub(super) before_new: BTreeSet<String>,
}

/// Where a message occurs in a prompt. Positions count canaries from the prompt's beginning.
#[derive(Clone, Copy, Debug)]
struct Occurrence {
    count: u64,
    first: usize,
    last: usize,
    /// The prompt message of the last one.
    last_in: usize,
}

impl Newness {
    pub(super) fn of(messages: &[Message]) -> Self {
        let mut names = BTreeMap::new();
        for message in messages {
            if let Some(canary) = &message.canary {
                names.entry(canary.clone()).or_insert_with(|| message.name.clone());
            }
        }
        Self { names, latest: BTreeMap::new() }
    }

    /// Judges the next request, which starts at `start`; `turns` holds those before it.
    pub(super) fn judge(
        &mut self,
        start: Moment,
        (prompt, asker): (&[PromptMessage], &Asker),
        turns: &Turns,
    ) -> Content {
        let (occurrences, anywhere) = self.scan(prompt);
        let latest = |it: &String| self.latest.get(&(asker.clone(), it.clone()));
        let predecessor = occurrences.keys().filter_map(latest).max().copied();
        let before = predecessor.map(|it| &turns.requests[it]);
        let mut risen = risen(&occurrences, before);
        if let (true, Some(before)) = (risen.is_empty(), before) {
            risen = asked_again(start, prompt, &occurrences, before, turns);
        }
        for name in occurrences.keys() {
            self.latest.insert((asker.clone(), name.clone()), turns.requests.len());
        }
        let new = sorted(&occurrences, |name, _| risen.contains_key(name), |it| it.last);
        let history = sorted(&occurrences, |name, _| !risen.contains_key(name), |it| it.first);
        let first_new = new.iter().map(|it| occurrences[it].last).min().unwrap_or(usize::MAX);
        let before_new =
            sorted(&occurrences, |_, it| it.first < first_new, |it| it.first).into_iter().collect();
        let newest_text = newest_text(prompt, new.last().map(|it| occurrences[it].last_in));
        let counts = occurrences.iter().map(|(name, it)| (name.clone(), it.count)).collect();
        Content { new, history, counts, risen, anywhere, predecessor, newest_text, before_new }
    }

    /// One walk over the prompt: where each message occurs outside the system prompt, and which occur at all.
    fn scan(&self, prompt: &[PromptMessage]) -> (BTreeMap<String, Occurrence>, BTreeSet<String>) {
        let mut occurrences: BTreeMap<String, Occurrence> = BTreeMap::new();
        let mut anywhere = BTreeSet::new();
        let mut position = 0;
        for (index, part) in prompt.iter().enumerate() {
            for name in canaries_in(&part.text).filter_map(|it| self.names.get(it)) {
                anywhere.insert(name.clone());
                if part.role == "system" {
                    continue;
                }
                position += 1;
                let fresh =
                    Occurrence { count: 0, first: position, last: position, last_in: index };
                let found = occurrences.entry(name.clone()).or_insert(fresh);
                *found =
                    Occurrence { count: found.count + 1, last: position, last_in: index, ..*found };
            }
        }
        (occurrences, anywhere)
    }
}

/// By message, how much oftener it occurs than in the predecessor.
fn risen(
    occurrences: &BTreeMap<String, Occurrence>,
    before: Option<&Request>,
) -> BTreeMap<String, u64> {
    let count_before = |name| before.and_then(|it| it.counts.get(name)).copied().unwrap_or(0);
    occurrences
        .iter()
        .map(|(name, it)| (name.clone(), it.count.saturating_sub(count_before(name))))
        .filter(|(_, times)| *times > 0)
        .collect()
}

/// The messages that this request, which holds nothing that its predecessor does not, asks about a second time.
fn asked_again(
    start: Moment,
    prompt: &[PromptMessage],
    occurrences: &BTreeMap<String, Occurrence>,
    before: &Request,
    turns: &Turns,
) -> BTreeMap<String, u64> {
    let Some(last) = prompt.iter().rposition(|it| it.role != "system") else {
        return BTreeMap::new();
    };
    let Some(answered) = seen_answer(before, start, turns) else {
        return BTreeMap::new();
    };
    let again = |name: &str| {
        let Some(message) = turns.message(name) else { return false };
        message.inbound.iter().chain(&message.fetched).any(|it| answered < *it && *it < start)
    };
    occurrences
        .iter()
        .filter(|(name, it)| prompt[last].role == "user" && it.last_in == last && again(name))
        .map(|(name, _)| (name.clone(), 1))
        .collect()
}

/// When a person first saw the answer of a completed request, if that was before `until`.
fn seen_answer(request: &Request, until: Moment, turns: &Turns) -> Option<Moment> {
    let end = request.end.as_ref()?;
    let ModelOutcome::Completed { text } = &end.outcome else { return None };
    let shows = |it: &str| !it.trim().is_empty() && text.contains(it.trim());
    let later = turns.sends.partition_point(|it| it.at <= request.start);
    let mut sends = turns.sends[later..].iter().take_while(|it| it.at < until);
    let seen = sends.find(|it| shows(it.final_text()))?;
    Some(seen.at.max(end.at))
}

/// The names of the messages that are wanted, by position.
fn sorted(
    occurrences: &BTreeMap<String, Occurrence>,
    wanted: impl Fn(&str, &Occurrence) -> bool,
    position: impl Fn(&Occurrence) -> usize,
) -> Vec<String> {
    let mut found: Vec<_> = occurrences.iter().filter(|(name, it)| wanted(name, it)).collect();
    found.sort_by_key(|(_, it)| position(it));
    found.into_iter().map(|(name, _)| name.clone()).collect()
}

fn newest_text(prompt: &[PromptMessage], last_new_in: Option<usize>) -> String {
    let index = last_new_in.or_else(|| prompt.iter().rposition(|it| it.role == "user"));
    index.map(|it| prompt[it].text.clone()).unwrap_or_default()
}
