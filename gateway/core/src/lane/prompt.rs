//! How waiting messages become the prompt of one turn.

use std::fmt::Write as _;

use super::Dropped;
use crate::{
    media::Said,
    message::{Errand, Message, Turn},
};

/// The turn of all messages of a batch, which share a route.
pub(super) fn batch(messages: &[Message], dropped: Option<Dropped>) -> Turn {
    let first = messages.first().expect("a batch has a message");
    let (route, authority) = (Some(first.route.clone()), first.authority);
    // What was dropped is read out in this turn, and so its senders have a say in it.
    let authority = dropped.as_ref().map_or(authority, |it| it.authority.min(authority));
    let mut prompt = dropped.map(|it| overflow(&it)).unwrap_or_default();
    prompt.extend(messages.iter().map(|it| it.context.as_str()));
    match messages {
        [only] => prompt.push_str(&only.text),
        all => {
            let count = all.len();
            write!(prompt, "[{count} messages arrived while you were busy, oldest first]")
                .expect("writing to a string");
            for (index, message) in all.iter().enumerate() {
                write!(prompt, "\n\n({} of {count}) {}", index + 1, message.text)
                    .expect("writing to a string");
            }
        }
    }
    let images = messages.iter().filter_map(|it| it.image.clone()).collect();
    let errand = first.asker.map_or(Errand::Talk, Errand::Nested);
    let asked = messages.iter().flat_map(Message::requests).cloned().collect();
    Turn { errand, route, authority, prompt: Said::new(prompt, images), asked }
}

/// The text on one line, of at most `chars_max` characters.
pub(super) fn one_line(text: &str, chars_max: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= chars_max {
        return words;
    }
    words.chars().take(chars_max - 1).chain(['…']).collect()
}

fn overflow(dropped: &Dropped) -> String {
    let Dropped { count, lines, authority: _ } = dropped;
    let mut text = format!("[The queue was full: {count} earlier messages were dropped]\n");
    for line in lines {
        writeln!(text, "- {line}").expect("writing to a string");
    }
    text.push('\n');
    text
}
