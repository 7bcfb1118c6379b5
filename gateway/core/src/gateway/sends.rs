//! What leaves: texts in pieces that their channel takes, in line behind what their room waits for.

use super::{Effect, Gateway, Note, Timer};
use crate::{
    egress::{CAPTION_UNITS_MAX, Sent, chunk},
    ids::{MessageId, SendId},
    media::Presented,
    operator::{self, Addressee, End, Ended, Refused, Taken, Telling, Told, is_operators},
    origin::Route,
    session_key::SessionKey,
    time::{Now, Timestamp},
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

    /// Sends a text to a chat of a channel, behind what waits for it there. What becomes of it is told when it is known.
    ///
    /// # Errors
    ///
    /// Refuses a name that stands for something else, a chat without an id, and words that are none or too many.
    pub fn send_as_operator(
        &mut self,
        now: Now,
        (name, to): (MessageId, Addressee),
        text: &str,
        effects: &mut Vec<Effect>,
    ) -> Result<Taken, Refused> {
        self.wall = now.wall;
        operator::worded(text)?;
        let Addressee { channel, account, chat } = &to;
        let key = SessionKey::canonical(&format!("send:{channel}:{account}:{chat}"))?;
        let route = self.chat_called(&to)?;
        let taken = self.requests.take(now.monotonic, (&name, &key, text))?;
        if matches!(taken, Taken::Again { .. }) {
            return Ok(taken);
        }
        let pieces = chunk::chunk(text, self.settings.text_limit(&route.channel));
        if self.outbox.push_asked(&route, pieces, &name) {
            self.pump(now.monotonic, &route, effects);
        } else {
            effects.push(Effect::Note(Note::OutboxFull(route)));
            let how = Ended::Failed("too many texts wait for this chat".into());
            self.tell_sent(now.monotonic, name, how, effects);
        }
        Ok(taken)
    }

    pub(super) fn send_ended(
        &mut self,
        now: Timestamp,
        (send, sent): (SendId, Sent),
        effects: &mut Vec<Effect>,
    ) {
        let Some(settled) = self.outbox.ended(now, send, sent.outcome) else { return };
        let route = settled.route;
        if let Some(why) = settled.given_up {
            effects.push(Effect::Note(Note::SendGivenUp(route.clone(), why)));
        }
        if let Some(name) = settled.ends {
            let id = sent.message.as_ref().map_or("", MessageId::as_str);
            let how = match settled.given_up {
                None => Ended::Answered(id.into()),
                Some(_) => {
                    Ended::Failed(sent.why.unwrap_or_else(|| "the channel did not take it".into()))
                }
            };
            self.tell_sent(now, name, how, effects);
        }
        self.pump(now, &route, effects);
    }

    /// What became of a text that somebody waits to hear of.
    fn tell_sent(
        &mut self,
        now: Timestamp,
        name: MessageId,
        how: Ended,
        effects: &mut Vec<Effect>,
    ) {
        let end = End { began: None, at: self.wall, how };
        let known = self.requests.progress(&name).map(|it| it.0.clone());
        let Some(session) = known.filter(|_| self.requests.end(now, &name, &end)) else { return };
        let told = Told { session, run: None, asked: vec![name], what: Telling::Sent(end) };
        effects.push(Effect::Told(Box::new(told)));
    }

    pub(super) fn pump(&mut self, now: Timestamp, route: &Route, effects: &mut Vec<Effect>) {
        if let Some(outgoing) = self.outbox.next(now, route) {
            effects.push(Effect::Send(outgoing));
        }
        let due = self.outbox.next_deadline(route);
        self.deadlines.set(&Timer::Route(route.clone()), due);
    }
}
