//! What a fake keeps in mind: places, messages, conversations.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// Where a message stood and its answer goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) account: String,
    pub(super) chat: i64,
    pub(super) direct: bool,
    pub(super) topic: Option<i64>,
}

/// A message of a person.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) place: Place,
    pub(super) id: i64,
    pub(super) sender: i64,
    pub(super) text: String,
}

/// A conversation.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) agent: String,
    pub(super) history: Vec<Value>,
    pub(super) waiting: VecDeque<Message>,
    /// The run that is under way, if any.
    pub(super) run: Option<u64>,
    /// Counts arrivals, to tell the last one's quiet from an earlier one's.
    pub(super) arrivals: u64,
    pub(super) quiet: bool,
    pub(super) first_answer: Option<String>,
}

/// How a model request ended.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Whole(String),
    /// It broke off behind this.
    Half(String),
    Failed(String),
}

impl Message {
    /// Reads an update; none if it is no text of a person.
    pub(super) fn of(account: &str, update: &Value) -> Option<Self> {
        let message = update.get("message")?;
        let forum = message.pointer("/chat/is_forum") == Some(&json!(true));
        let topic = message["message_thread_id"].as_i64().filter(|_| forum);
        Some(Self {
            place: Place {
                account: account.to_owned(),
                chat: message.pointer("/chat/id")?.as_i64()?,
                direct: message.pointer("/chat/type")? == "private",
                topic: topic.or(forum.then_some(1)),
            },
            id: message["message_id"].as_i64()?,
            sender: message.pointer("/from/id")?.as_i64()?,
            text: message["text"].as_str()?.to_owned(),
        })
    }

    /// What the model reads.
    pub(super) fn prompt(&self) -> String {
        if self.place.direct {
            self.text.clone()
        } else {
            format!("[{}] {}", self.sender, self.text)
        }
    }
}

/// The longest piece that is sent, in UTF-16 units.
const PIECE_UNITS_MAX: usize = 4_000;

/// A text in pieces that end at a line or a word. Code is not looked at.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let units = |it: &str| it.encode_utf16().count();
    for word in text.split_inclusive([' ', '\n']) {
        if !piece.is_empty() && units(&piece) + units(word.trim_end()) > PIECE_UNITS_MAX {
            pieces.push(std::mem::take(&mut piece).trim_end().to_owned());
        }
        piece.push_str(word);
    }
    pieces.push(piece.trim_end().to_owned());
    pieces
}
