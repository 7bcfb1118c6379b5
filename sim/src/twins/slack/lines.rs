//! What was written, and where: places as the scenario names them, and what everybody sees in them.

use creel_judge::trace::{Kind, Place};
use serde_json::{Value, json};

use super::{
    CHANNEL,
    state::{Line, Member, State},
};
use crate::scenario::{ChatKind, SendFault};

impl State {
    /// Where a post goes, as the scenario names it; none if the bot is not there.
    pub(super) fn place(
        &self,
        account: &str,
        channel: &str,
        thread: Option<&str>,
    ) -> Option<Place> {
        let is_here = |it: &&Member| {
            let id = match &it.chat.kind {
                ChatKind::Direct => Self::conversation_with(&it.chat.sender),
                ChatKind::Group { id, .. } | ChatKind::Room { id, .. } => id.clone(),
            };
            it.chat.account == account && id == channel
        };
        let here = self.chats.values().find(is_here)?;
        Some(Place {
            channel: CHANNEL.to_owned(),
            account: account.to_owned(),
            peer: here.place.peer.clone(),
            thread: thread.map(str::to_owned),
        })
    }

    /// What kind of conversation a channel is; none if there is no such channel.
    pub(super) fn kind_of(&self, account: &str, channel: &str) -> Option<&ChatKind> {
        let place = self.place(account, channel, None)?;
        Some(&self.chats.values().find(|it| it.place.peer == place.peer)?.chat.kind)
    }

    /// Whether a person is on the platform.
    pub(super) fn knows(&self, person: &str) -> bool {
        self.chats.values().any(|it| it.chat.sender == person)
    }

    /// What happens to the next message into a place.
    pub(super) fn next_fault(&mut self, place: &Place) -> SendFault {
        let mut here = self.chats.values_mut().filter(|it| it.place == *place);
        here.find_map(|it| it.faults.pop_front()).unwrap_or(SendFault::Accept)
    }

    pub(super) fn show(&mut self, place: Place, text: String, images: Vec<String>) -> String {
        let ts = self.next_ts();
        self.recorder.record(Kind::Sent {
            place: place.clone(),
            platform_id: ts.clone(),
            text: text.clone(),
            reply_to: None,
            images: images.clone(),
        });
        self.lines.push(Line { place, ts: ts.clone(), by_us: true, text, images });
        ts
    }

    pub(super) fn last_text(&self, place: &Place) -> Option<String> {
        let here = |it: &&Line| it.by_us && it.place == *place;
        self.lines.iter().rev().find(here).map(|it| it.text.clone())
    }

    /// What everybody wrote, as JSON.
    pub(super) fn conversation(&self) -> Value {
        let line = |it: &Line| {
            json!({
                "chat": it.place.peer,
                "thread": it.place.thread,
                "ts": it.ts,
                "is_bot": it.by_us,
                "text": it.text,
                "images": it.images,
            })
        };
        self.lines.iter().map(line).collect()
    }
}
