//! The platform: its numbers, the chats with people, and what was written in them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use creel_judge::trace::{Kind, Place};
use serde_json::{Value, json};

use super::{CHANNEL, Number, SIGNATURE, media::Media, sign};
use crate::{
    declared,
    picture::{self, Picture},
    recorder::Recorder,
    scenario::{Chat, Forgery, SendFault},
    twins::{
        Inbound,
        push::{Call, Headers, Policy},
    },
};

/// How long after a person's last message the business may write, in microseconds: a day.
const WINDOW_US: i64 = 24 * 3_600 * 1_000_000;

#[derive(Debug)]
pub(super) struct State {
    pub(super) recorder: Recorder,
    numbers: Vec<Number>,
    chats: BTreeMap<String, Member>,
    /// What people wrote, by the messages' names, to deliver it once more.
    delivered: BTreeMap<String, (Kind, Call)>,
    /// Everything that was written, in order.
    written: Vec<Written>,
    pub(super) media: Media,
    zero_unix_s: i64,
}

/// A chat of the scenario.
#[derive(Debug)]
struct Member {
    place: Place,
    faults: VecDeque<SendFault>,
    /// When the person wrote last, in microseconds since zero.
    wrote_us: Option<i64>,
}

#[derive(Debug)]
struct Written {
    id: String,
    place: Place,
    by_us: bool,
    text: String,
    reply_to: Option<String>,
}

impl State {
    pub(super) fn new(recorder: Recorder, numbers: Vec<Number>, zero_unix_s: i64) -> Self {
        Self {
            recorder,
            numbers,
            chats: BTreeMap::new(),
            delivered: BTreeMap::new(),
            written: Vec::new(),
            media: Media::default(),
            zero_unix_s,
        }
    }

    /// Seconds since 1970, as the wire carries them.
    fn date(&self) -> String {
        (self.zero_unix_s + self.recorder.now_us().div_euclid(1_000_000)).to_string()
    }

    pub(super) fn number_of_token(&self, token: &str) -> Option<Number> {
        self.numbers.iter().find(|it| it.access_token == token).cloned()
    }

    pub(super) fn declare(&mut self, name: &str, chat: &Chat, faults: &[SendFault]) {
        let (place, faults) = (declared::place(chat), faults.iter().cloned().collect());
        self.chats.insert(name.to_owned(), Member { place, faults, wrote_us: None });
    }

    pub(super) fn knows(&self, chat: &str) -> bool {
        self.chats.contains_key(chat)
    }

    pub(super) fn script(&mut self, chat: &str, fault: SendFault) {
        match self.chats.get_mut(chat) {
            Some(member) => member.faults.push_back(fault),
            None => self.recorder.harness_error(format!("whatsapp has no chat `{chat}`")),
        }
    }

    /// An id that no other message has, in the platform's form.
    fn next_id(&self) -> String {
        format!("wamid.HBgCREEL{:012}", self.written.len() + 1)
    }

    pub(super) fn deliver(&mut self, inbound: &Inbound) -> Option<(String, Call)> {
        let (id, date, now_us) = (self.next_id(), self.date(), self.recorder.now_us());
        let Some(member) = self.chats.get_mut(&inbound.chat) else {
            self.recorder.harness_error(format!("whatsapp has no chat `{}`", inbound.chat));
            return None;
        };
        member.wrote_us = Some(now_us);
        let place = member.place.clone();
        let number = self.numbers.iter().find(|it| it.account == place.account)?.clone();
        let from = place.peer.trim_start_matches('+').to_owned();
        let user_id = format!("US.{from}");
        let mut message = json!({
            "from": from,
            "from_user_id": user_id,
            "id": id,
            "timestamp": date,
            "type": "text",
            "text": { "body": inbound.text },
        });
        if let (Some(image), Some(fields)) = (&inbound.image, message.as_object_mut()) {
            fields.remove("text");
            let id = self.media.keep(image);
            let mut shown = json!({ "id": id, "mime_type": picture::MIME, "sha256": image.seen() });
            if !inbound.text.is_empty() {
                shown["caption"] = json!(inbound.text);
            }
            fields.insert("image".to_owned(), shown);
            fields.insert("type".to_owned(), json!("image"));
        }
        if let Some(answered) = &inbound.reply_to {
            message["context"] = json!({ "from": number.display(), "id": answered });
        }
        let content = json!({
            "contacts": [{ "profile": { "name": format!("User {from}") }, "wa_id": from, "user_id": user_id }],
            "messages": [message],
        });
        let fact = Kind::Inbound {
            message: inbound.name.clone(),
            chat: inbound.chat.clone(),
            place: place.clone(),
            sender: place.peer.clone(),
            platform_id: id.clone(),
            text: inbound.text.clone(),
            canary: inbound.canary.clone(),
            images: inbound.image.iter().map(Picture::seen).collect(),
        };
        let call = Self::call(&number, Some(inbound), content);
        self.delivered.insert(inbound.name.clone(), (fact, call));
        let (text, reply_to) = (inbound.text.clone(), inbound.reply_to.clone());
        self.written.push(Written { id: id.clone(), place, by_us: false, text, reply_to });
        self.redeliver(&inbound.name).map(|call| (id, call))
    }

    pub(super) fn redeliver(&mut self, name: &str) -> Option<Call> {
        let (fact, call) = self.delivered.get(name)?;
        self.recorder.record(fact.clone());
        Some(call.clone())
    }

    /// A call that tells what became of a message of the business.
    pub(super) fn status(&self, number: &Number, id: &str, status: &str) -> Call {
        let to = self.written.iter().find(|it| it.id == id);
        let to = to.map_or("", |it| it.place.peer.trim_start_matches('+'));
        let content = json!({ "statuses": [{
            "id": id,
            "status": status,
            "timestamp": self.date(),
            "recipient_id": to,
        }] });
        Self::call(number, None, content)
    }

    /// A call with a content, signed as the platform signs.
    fn call(number: &Number, inbound: Option<&Inbound>, content: Value) -> Call {
        let mut value = json!({
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": number.display(),
                "phone_number_id": number.id,
            },
        });
        if let (Some(value), Value::Object(content)) = (value.as_object_mut(), content) {
            value.extend(content);
        }
        let body = json!({
            "object": "whatsapp_business_account",
            "entry": [{ "id": "102290129340398", "changes": [{ "field": "messages", "value": value }] }],
        });
        let forged = inbound.and_then(|it| it.forged);
        let secret = number.app_secret.clone();
        let headers = Headers(Arc::new(move |body| match forged {
            None => vec![(SIGNATURE, sign(&secret, body))],
            Some(Forgery::WrongSecret) => vec![(SIGNATURE, sign("not the secret", body))],
            // The platform signs no date, so that an old signature is the one of another body.
            Some(Forgery::OtherBody | Forgery::StaleDate) => {
                vec![(SIGNATURE, sign(&secret, b"{}"))]
            }
            Some(Forgery::Unsigned) => Vec::new(),
        }));
        Call {
            message: inbound.map(|it| it.name.clone()),
            path: number.path.clone(),
            body: Bytes::from(body.to_string()),
            headers,
            policy: if forged.is_some() { Policy::Once } else { Policy::UntilTaken },
        }
    }

    /// Whether the person has given the business the number.
    pub(super) fn is_allowed(&self, place: &Place) -> bool {
        self.chats.values().any(|it| it.place == *place)
    }

    /// Whether the person wrote during the last day: later, templates alone may be sent.
    pub(super) fn is_window_open(&self, place: &Place) -> bool {
        let now_us = self.recorder.now_us();
        let mut here = self.chats.values().filter(|it| it.place == *place);
        here.any(|it| it.wrote_us.is_some_and(|it| now_us.saturating_sub(it) <= WINDOW_US))
    }

    pub(super) fn has_message(&self, place: &Place, id: &str) -> bool {
        self.written.iter().any(|it| it.place == *place && it.id == id)
    }

    /// What happens to the next send into a chat.
    pub(super) fn next_fault(&mut self, place: &Place) -> SendFault {
        let mut here = self.chats.values_mut().filter(|it| it.place == *place);
        here.find_map(|it| it.faults.pop_front()).unwrap_or(SendFault::Accept)
    }

    /// Shows a message of the business. Its id.
    pub(super) fn show(
        &mut self,
        place: Place,
        (text, image): (String, Option<String>),
        reply_to: Option<String>,
    ) -> String {
        let id = self.next_id();
        self.recorder.record(Kind::Sent {
            place: place.clone(),
            platform_id: id.clone(),
            text: text.clone(),
            reply_to: reply_to.clone(),
            images: image.into_iter().collect(),
        });
        self.written.push(Written { id: id.clone(), place, by_us: true, text, reply_to });
        id
    }

    pub(super) fn last_text(&self, place: &Place) -> Option<String> {
        let mut here = self.written.iter().rev().filter(|it| it.by_us && it.place == *place);
        here.next().map(|it| it.text.clone())
    }

    pub(super) fn conversation(&self) -> Value {
        let line = |it: &Written| {
            json!({
                "channel": CHANNEL,
                "account": it.place.account,
                "chat": it.place.peer,
                "message_id": it.id,
                "is_bot": it.by_us,
                "text": it.text,
                "reply_to": it.reply_to,
            })
        };
        self.written.iter().map(line).collect()
    }
}
