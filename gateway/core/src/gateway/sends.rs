//! What leaves: texts in pieces that their channel takes, in line behind what their room waits for.

use super::{Effect, Gateway, Note, Timer};
use crate::{
    egress::{CAPTION_UNITS_MAX, SendOutcome, chunk},
    ids::{MessageId, SendId},
    media::Presented,
    operator::is_operators,
    origin::Route,
    time::Timestamp,
};

impl Gateway {
    /// Puts a text in line for a route, in pieces that the channel takes.
    pub(super) fn say(
        &mut self,
        now: Timestamp,
        route: &Route,
        text: &str,
        effects: &mut Vec<Effect>,
    ) {
        self.post(now, (route, None), text, effects);
    }

    /// The same with pictures. The words are the first one's caption if they are short enough, else they follow.
    pub(super) fn show(
        &mut self,
        now: Timestamp,
        route: &Route,
        (text, images): (&str, Vec<Presented>),
        effects: &mut Vec<Effect>,
    ) {
        let is_caption = !images.is_empty() && text.encode_utf16().count() <= CAPTION_UNITS_MAX;
        let mut caption = if is_caption { text.to_owned() } else { String::new() };
        for image in images {
            if !self.outbox.push_image(route, std::mem::take(&mut caption), image) {
                effects.push(Effect::Note(Note::OutboxFull(route.clone())));
            }
        }
        self.post(now, (route, None), if is_caption { "" } else { text }, effects);
    }

    /// The same, as a quote of the message that it is about.
    pub(super) fn reply(
        &mut self,
        now: Timestamp,
        (route, message): (&Route, MessageId),
        text: &str,
        effects: &mut Vec<Effect>,
    ) {
        self.post(now, (route, Some(message)), text, effects);
    }

    pub(super) fn post(
        &mut self,
        now: Timestamp,
        (route, mut quoted): (&Route, Option<MessageId>),
        text: &str,
        effects: &mut Vec<Effect>,
    ) {
        if is_operators(route) {
            return self.notify_operators(now, (route, quoted), text, effects);
        }
        let limit = self.settings.text_limit(&route.channel);
        for piece in chunk::chunk(text, limit) {
            if !self.outbox.push(route, piece, quoted.take()) {
                effects.push(Effect::Note(Note::OutboxFull(route.clone())));
                break;
            }
        }
        self.pump(now, route, effects);
    }

    pub(super) fn send_ended(
        &mut self,
        now: Timestamp,
        send: SendId,
        outcome: SendOutcome,
        effects: &mut Vec<Effect>,
    ) {
        let Some((route, given_up)) = self.outbox.ended(now, send, outcome) else { return };
        if let Some(why) = given_up {
            effects.push(Effect::Note(Note::SendGivenUp(route.clone(), why)));
        }
        self.pump(now, &route, effects);
    }

    pub(super) fn pump(&mut self, now: Timestamp, route: &Route, effects: &mut Vec<Effect>) {
        if let Some(outgoing) = self.outbox.next(now, route) {
            effects.push(Effect::Send(outgoing));
        }
        let due = self.outbox.next_deadline(route);
        self.deadlines.set(&Timer::Route(route.clone()), due);
    }
}
