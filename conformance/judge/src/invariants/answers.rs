//! Which model answer a text that a person reads came from, and where it belongs.

use std::collections::BTreeMap;

use super::conversations::Conversations;
use crate::{
    plain::plain,
    trace::Place,
    turns::{Moment, Request, Turns},
};

/// The shortest text that is taken for a piece of a longer answer, in characters. Shorter ones (`ok`) are in many
/// texts by chance.
const CHUNK_CHARS_MIN: usize = 12;

/// The answers of a trace, by their text.
#[derive(Debug)]
pub(super) struct Answers<'a> {
    by_text: BTreeMap<String, Vec<&'a Request>>,
}

/// Where an answer belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin<'a> {
    /// Nothing tells.
    Unknown,
    /// Where all its messages were written.
    Place(&'a Place),
    /// Nowhere: its messages were written in different places.
    Several(Vec<&'a Place>),
}

impl<'a> Answers<'a> {
    pub(super) fn of(turns: &'a Turns) -> Self {
        let mut by_text: BTreeMap<String, Vec<&Request>> = BTreeMap::new();
        for request in turns.requests.iter().filter(|it| !it.answer().trim().is_empty()) {
            by_text.entry(plain(request.answer()).trim().to_owned()).or_default().push(request);
        }
        Self { by_text }
    }

    /// The requests before `until` that a text may be the answer of, in order: those whose answer it is or, if there are
    /// none, those whose answer it is a piece of.
    pub(super) fn sources(&self, text: &str, until: Moment) -> Vec<&'a Request> {
        let text = plain(text);
        let text = text.trim();
        let is_before = |it: &&Request| it.start < until;
        let whole = self.by_text.get(text).into_iter().flatten();
        let whole: Vec<_> = whole.copied().filter(is_before).collect();
        if !whole.is_empty() || text.chars().count() < CHUNK_CHARS_MIN {
            return whole;
        }
        let longer = self.by_text.iter().filter(|(answer, _)| answer.contains(text));
        let mut sources: Vec<_> =
            longer.flat_map(|(_, it)| it).copied().filter(is_before).collect();
        sources.sort_by_key(|it| it.start);
        sources
    }

    /// Whether a text is an answer or a piece of one, of whatever length.
    pub(super) fn tells(&self, text: &str) -> bool {
        let text = plain(text);
        self.by_text.keys().any(|it| it.contains(text.trim()))
    }
}

/// Where the answer of a request belongs: where the messages that are new in it were written or, if none is new, where
/// its chat is. Nothing tells whom a turn is for that no message began, such as a sub-agent's report, where its
/// conversation is of several places.
pub(super) fn origin<'a>(
    request: &'a Request,
    turns: &'a Turns,
    conversations: &Conversations<'a>,
) -> Origin<'a> {
    let mut places: Vec<&Place> = Vec::new();
    for message in request.new.iter().filter_map(|it| turns.message(it)) {
        if !places.contains(&&message.place) {
            places.push(&message.place);
        }
    }
    match places.as_slice() {
        [] if is_of_several_places(request, turns) && no_message_began(request, turns) => {
            Origin::Unknown
        }
        [] => {
            let place = request.chat.as_deref().and_then(|it| conversations.place(it));
            place.map_or(Origin::Unknown, Origin::Place)
        }
        [one] => Origin::Place(one),
        _ => Origin::Several(places),
    }
}

fn is_of_several_places(request: &Request, turns: &Turns) -> bool {
    let mut places = request.history.iter().filter_map(|it| turns.message(it)).map(|it| &it.place);
    let first = places.next();
    places.any(|it| Some(it) != first)
}

/// Whether the turn of a request with nothing new followed an answer that was complete, without a tool in between.
fn no_message_began(request: &Request, turns: &Turns) -> bool {
    let mut asked = request;
    while asked.new.is_empty() {
        let Some(before) = asked.predecessor.map(|it| &turns.requests[it]) else { return true };
        let has_ended = before.completed_answer().is_some_and(|it| !it.trim().is_empty());
        if has_ended && before.tool_results == asked.tool_results {
            return true;
        }
        asked = before;
    }
    false
}
