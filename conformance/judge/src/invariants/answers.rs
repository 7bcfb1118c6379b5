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
/// its chat is.
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
        [] => {
            let place = request.chat.as_deref().and_then(|it| conversations.place(it));
            place.map_or(Origin::Unknown, Origin::Place)
        }
        [one] => Origin::Place(one),
        _ => Origin::Several(places),
    }
}
