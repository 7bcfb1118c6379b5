//! The platform: its accounts, the chats, and what was written in them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use creel_judge::trace::{Kind, Place};
use serde_json::json;

use super::{SIGNATURE, TIMESTAMP, path, sign};
use crate::{
    declared,
    picture::{self, Picture},
    recorder::Recorder,
    scenario::{Chat, ChatKind, Forgery, SendFault},
    twins::{
        Inbound,
        push::{Call, Headers, Policy},
    },
};

/// How old the date of a call is that was recorded long ago, in seconds.
const STALE_S: i64 = 3_600;

#[derive(Debug)]
pub(super) struct State {
    pub(super) recorder: Recorder,
    /// By account.
    secrets: BTreeMap<String, String>,
    chats: BTreeMap<String, Member>,
    /// What people wrote, by the messages' names, to deliver it once more.
    delivered: BTreeMap<String, (Kind, Call)>,
    /// The gateway's replies, in order.
    shown: Vec<(Place, String)>,
    /// The ids of the replies that were taken.
    pub(super) taken: BTreeSet<String>,
    zero_unix_s: i64,
    messages: u64,
}

/// A chat of the scenario.
#[derive(Debug)]
struct Member {
    chat: Chat,
    place: Place,
    faults: VecDeque<SendFault>,
}

impl State {
    pub(super) fn new(
        recorder: Recorder,
        secrets: Vec<(String, String)>,
        zero_unix_s: i64,
    ) -> Self {
        Self {
            recorder,
            secrets: secrets.into_iter().collect(),
            chats: BTreeMap::new(),
            delivered: BTreeMap::new(),
            shown: Vec::new(),
            taken: BTreeSet::new(),
            zero_unix_s,
            messages: 0,
        }
    }

    /// Seconds since 1970.
    pub(super) fn date(&self) -> i64 {
        self.zero_unix_s + self.recorder.now_us().div_euclid(1_000_000)
    }

    pub(super) fn secret(&self, account: &str) -> Option<&String> {
        self.secrets.get(account)
    }

    pub(super) fn declare(&mut self, name: &str, chat: &Chat, faults: &[SendFault]) {
        let place = declared::place(chat);
        let faults = faults.iter().cloned().collect();
        self.chats.insert(name.to_owned(), Member { chat: chat.clone(), place, faults });
    }

    /// A number that no other message has.
    pub(super) fn next_id(&mut self) -> String {
        self.messages += 1;
        format!("wh-{}", self.messages)
    }

    pub(super) fn deliver(&mut self, inbound: &Inbound) -> Option<Call> {
        let id = self.next_id();
        let Some(Member { chat, place, .. }) = self.chats.get(&inbound.chat) else {
            self.recorder.harness_error(format!("webhook has no chat `{}`", inbound.chat));
            return None;
        };
        let mut body = json!({
            "id": id,
            "conversation": place.peer,
            "sender": chat.sender,
            "senderName": chat.name.clone().unwrap_or_else(|| format!("User {}", chat.sender)),
            "kind": if chat.kind == ChatKind::Direct { "direct" } else { "group" },
            "text": inbound.text,
            "mentioned": inbound.mention,
        });
        if let Some(image) = &inbound.image {
            // The platform gives what it has lost as it has it: nothing.
            let content: &[u8] = if image.is_lost { &[] } else { &image.bytes };
            let data = BASE64_STANDARD.encode(content);
            body["attachments"] = json!([{ "kind": "image", "mime": picture::MIME, "data": data }]);
        }
        if let Some(thread) = &place.thread {
            body["thread"] = json!(thread);
        }
        let fact = Kind::Inbound {
            message: inbound.name.clone(),
            chat: inbound.chat.clone(),
            place: place.clone(),
            sender: chat.sender.clone(),
            platform_id: id,
            text: inbound.text.clone(),
            canary: inbound.canary.clone(),
            images: inbound.image.iter().map(Picture::seen).collect(),
        };
        let call = Call {
            message: Some(inbound.name.clone()),
            path: path(&chat.account),
            body: Bytes::from(body.to_string()),
            headers: self.headers(&chat.account, inbound.forged),
            policy: if inbound.forged.is_some() { Policy::Once } else { Policy::UntilTaken },
        };
        self.delivered.insert(inbound.name.clone(), (fact, call));
        self.redeliver(&inbound.name)
    }

    pub(super) fn redeliver(&mut self, name: &str) -> Option<Call> {
        let (fact, call) = self.delivered.get(name)?;
        self.recorder.record(fact.clone());
        Some(call.clone())
    }

    fn headers(&self, account: &str, forged: Option<Forgery>) -> Headers {
        let secret = self.secrets.get(account).cloned().unwrap_or_default();
        let (recorder, zero_unix_s) = (self.recorder.clone(), self.zero_unix_s);
        Headers(Arc::new(move |body| {
            let now_s = zero_unix_s + recorder.now_us().div_euclid(1_000_000);
            let date = match forged {
                Some(Forgery::StaleDate) => now_s - STALE_S,
                _ => now_s,
            };
            let date = date.to_string();
            let signature = match forged {
                Some(Forgery::WrongSecret) => sign("not the secret", &date, body),
                Some(Forgery::OtherBody) => sign(&secret, &date, b"{}"),
                _ => sign(&secret, &date, body),
            };
            let mut headers = vec![(TIMESTAMP, date)];
            if forged != Some(Forgery::Unsigned) {
                headers.push((SIGNATURE, signature));
            }
            headers
        }))
    }

    /// What happens to the next reply into a place; none if nobody is there.
    pub(super) fn next_fault(&mut self, place: &Place) -> Option<SendFault> {
        let mut here = self.chats.values_mut().filter(|it| it.place == *place).peekable();
        here.peek()?;
        Some(here.find_map(|it| it.faults.pop_front()).unwrap_or(SendFault::Accept))
    }

    /// Whether the place is a direct chat; none if nobody is there.
    pub(super) fn is_direct(&self, place: &Place) -> Option<bool> {
        let here = self.chats.values().find(|it| it.place == *place)?;
        Some(here.chat.kind == ChatKind::Direct)
    }

    pub(super) fn show(
        &mut self,
        place: Place,
        (text, images): (String, Vec<String>),
        reply_to: Option<String>,
    ) {
        let platform_id = self.next_id();
        self.recorder.record(Kind::Sent {
            place: place.clone(),
            platform_id,
            text: text.clone(),
            reply_to,
            images,
        });
        self.shown.push((place, text));
    }

    pub(super) fn last_text(&self, place: &Place) -> Option<String> {
        self.shown.iter().rev().find(|(it, _)| it == place).map(|(_, text)| text.clone())
    }
}
