//! One callback of the Events API, read as an inbound message. Socket Mode carries the same.

use creel_core::{
    ids::{AccountId, Channel, MessageId, PeerId, SenderId, TeamId, ThreadId},
    media::{Attachment, Image, Source},
    message::Inbound,
    origin::{Origin, Peer, PeerKind, Route, Thread},
};
use serde::Deserialize;

use super::{
    Account, CHANNEL,
    api::{self, Api},
    markup,
};
use crate::net::Net;

/// What Slack calls us with.
#[derive(Deserialize)]
pub(super) struct Callback {
    pub(super) r#type: String,
    /// What a `url_verification` wants to hear back.
    pub(super) challenge: Option<String>,
    team_id: Option<String>,
    event: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    subtype: Option<String>,
    channel: Option<String>,
    channel_type: Option<String>,
    user: Option<String>,
    bot_id: Option<String>,
    #[serde(default)]
    text: String,
    ts: Option<String>,
    thread_ts: Option<String>,
    parent_user_id: Option<String>,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    mimetype: Option<String>,
    url_private: Option<String>,
    size: Option<u64>,
}

/// The message in a callback, if it is one for us. What is not understood is skipped, so that Slack does not bring it
/// again and again.
///
/// # Errors
///
/// [`Unclear`], where it is not known yet whose message it is: Slack has to bring it again.
pub(super) async fn read<N: Net>(
    callback: Callback,
    account: &Account,
    me: &str,
    api: &Api<N>,
) -> Result<Option<Inbound>, Unclear> {
    let Callback { r#type, team_id, event, .. } = callback;
    let (Some(event), "event_callback") = (event, r#type.as_str()) else { return Ok(None) };
    let Ok(event) = serde_json::from_value::<Event>(event) else {
        // Without the error, which would quote the message's words.
        tracing::warn!(account = account.name(), "this event is not understood and skipped");
        return Ok(None);
    };
    match event.channel.clone() {
        Some(channel) if is_for_us(&event, me) => {
            let kind = kind_of(&event, &channel, account, api).await?;
            Ok(place(event, (kind, &channel), (account, me), team_id.as_deref()))
        }
        Some(_) | None => Ok(None),
    }
}

/// Slack did not say in what kind of conversation a message stands.
#[derive(Debug)]
pub(super) struct Unclear;

/// A message of a conversation of this kind, if the account takes part in such.
fn place(
    event: Event,
    (kind, channel): (PeerKind, &str),
    (account, me): (&Account, &str),
    team: Option<&str>,
) -> Option<Inbound> {
    if kind == PeerKind::Group && !account.group_dms.admit(channel) {
        tracing::info!(account = account.name(), "conversations of several people are disabled");
        return None;
    }
    if let (PeerKind::Direct, Some(user)) = (kind, &event.user) {
        account.memory.talk(user, channel);
    }
    let in_our_thread = event.thread_ts.as_ref().is_some_and(|thread| {
        event.parent_user_id.as_deref() == Some(me) || account.memory.takes_part(channel, thread)
    });
    inbound(event, (kind, channel), team, (&account.id, me), in_our_thread)
}

/// New words of a person. Edits, deletions and what the chat says of itself have subtypes.
fn is_for_us(event: &Event, me: &str) -> bool {
    let is_message = matches!(event.r#type.as_str(), "message" | "app_mention");
    let is_new = matches!(event.subtype.as_deref(), None | Some("file_share"));
    is_message && is_new && event.bot_id.is_none() && event.user.as_deref() != Some(me)
}

/// An `app_mention` does not say in what kind of conversation it stands.
async fn kind_of<N: Net>(
    event: &Event,
    channel: &str,
    account: &Account,
    api: &Api<N>,
) -> Result<PeerKind, Unclear> {
    let told = match event.channel_type.as_deref() {
        Some("im") => Some(PeerKind::Direct),
        Some("mpim") => Some(PeerKind::Group),
        Some("channel" | "group") => Some(PeerKind::Channel),
        Some(_) | None => None,
    };
    let told = if channel.starts_with('D') { Some(PeerKind::Direct) } else { told };
    if let Some(kind) = told.or_else(|| account.memory.kind_of(channel)) {
        account.memory.learn_kind(channel, kind);
        return Ok(kind);
    }
    match api.kind_of(channel).await {
        Ok(kind) => {
            account.memory.learn_kind(channel, kind);
            Ok(kind)
        }
        Err(failure) => {
            tracing::warn!(account = account.name(), %failure, "what kind of conversation?");
            // An app without the right to ask will not have it later: most mentions stand in channels.
            let is_refused = api::refusal(&failure).is_some() && !api::is_passing(&failure);
            if is_refused { Ok(PeerKind::Channel) } else { Err(Unclear) }
        }
    }
}

fn inbound(
    event: Event,
    (kind, channel): (PeerKind, &str),
    team: Option<&str>,
    (account, me): (&AccountId, &str),
    in_our_thread: bool,
) -> Option<Inbound> {
    let Event { r#type, user, text, ts, thread_ts, parent_user_id: _, files, .. } = event;
    let (user, ts) = (user?, ts?);
    // A thread's first message carries its own time stamp once somebody answered it.
    let thread = thread_ts.filter(|it| *it != ts);
    let media =
        files.first().map(|it| format!("<media:{}>", if it.is_image() { "image" } else { "file" }));
    let mention = format!("<@{me}>");
    let mentioned = r#type == "app_mention" || text.contains(&mention) || in_our_thread;
    let peer = if kind == PeerKind::Direct { user.as_str() } else { channel };
    let text = match (words(&text, &mention), media) {
        (text, Some(media)) if text.trim().is_empty() => media,
        (text, _) => text,
    };
    Some(Inbound {
        message: MessageId::new(&ts).ok()?,
        mentioned: mentioned || kind != PeerKind::Channel,
        media: files.into_iter().map(File::into_media).collect(),
        merged: Vec::new(),
        origin: Origin {
            route: Route {
                channel: Channel::new(CHANNEL).expect("a constant name"),
                account: account.clone(),
                peer: Peer { kind, id: PeerId::new(peer).ok()? },
                thread: thread.and_then(|it| ThreadId::new(&it).ok()).map(Thread::Thread),
            },
            sender: SenderId::new(&user).ok()?,
            guild: None,
            team: team.and_then(|it| TeamId::new(it).ok()),
            roles: Vec::new(),
        },
        text,
        sender_name: user,
    })
}

impl File {
    fn is_image(&self) -> bool {
        self.mimetype.as_deref().is_some_and(|it| it.starts_with("image/"))
    }

    /// It as the core knows it. Files of other workspaces come without an address at first.
    fn into_media(self) -> Attachment {
        match (self.is_image(), self.url_private) {
            (true, Some(url)) => Attachment::Image(Image {
                mime: self.mimetype.map(Into::into),
                bytes: self.size,
                source: Source::Platform(url.into()),
            }),
            _ => Attachment::Other,
        }
    }
}

/// The words as the person wrote them; a command loses the mention before it.
fn words(text: &str, mention: &str) -> String {
    let after = text.trim_start().strip_prefix(mention).map(str::trim_start);
    let text = after.filter(|it| it.starts_with('/')).unwrap_or(text);
    markup::plain(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Reads an event with these fields, and shows what the gateway would see.
    fn check(kind: PeerKind, fields: &serde_json::Value) -> String {
        let mut event = json!({ "type": "message", "user": "U1", "ts": "7.000100", "text": "hi" });
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let event: Event = serde_json::from_value(event).unwrap();
        if !is_for_us(&event, "UBOT") {
            return "-".into();
        }
        let account = AccountId::new("default").unwrap();
        let made = inbound(event, (kind, "C8"), Some("T1"), (&account, "UBOT"), false).unwrap();
        let Inbound { origin, text, mentioned, media, .. } = made;
        let thread = origin.route.thread.map_or("-".into(), |it| it.id().to_string());
        let (kind, peer) = (origin.route.peer.kind, origin.route.peer.id);
        format!("{kind:?} {peer} {thread} {text:?} mentioned={mentioned} media={}", media.len())
    }

    #[test]
    fn a_direct_chat_is_the_person_and_always_speaks_to_us() {
        let seen = check(PeerKind::Direct, &json!({}));
        assert_eq!(seen, r#"Direct U1 - "hi" mentioned=true media=0"#);
    }

    #[test]
    fn a_room_needs_a_mention_in_words_or_as_an_event() {
        let seen = check(PeerKind::Channel, &json!({ "text": "a &lt; b" }));
        assert_eq!(seen, r#"Channel C8 - "a < b" mentioned=false media=0"#);
        let seen = check(PeerKind::Channel, &json!({ "text": "<@UBOT> hi" }));
        assert_eq!(seen, r#"Channel C8 - "<@UBOT> hi" mentioned=true media=0"#);
        let seen = check(PeerKind::Channel, &json!({ "type": "app_mention" }));
        assert_eq!(seen, r#"Channel C8 - "hi" mentioned=true media=0"#);
        let seen = check(PeerKind::Channel, &json!({ "text": "<@UOTHER> hi" }));
        assert_eq!(seen, r#"Channel C8 - "<@UOTHER> hi" mentioned=false media=0"#);
    }

    #[test]
    fn a_thread_is_one_unless_the_message_began_it() {
        let seen = check(PeerKind::Channel, &json!({ "thread_ts": "5.000100" }));
        assert_eq!(seen, r#"Channel C8 5.000100 "hi" mentioned=false media=0"#);
        let seen = check(PeerKind::Channel, &json!({ "thread_ts": "7.000100" }));
        assert_eq!(seen, r#"Channel C8 - "hi" mentioned=false media=0"#);
    }

    #[test]
    fn a_command_loses_the_mention_before_it() {
        let seen = check(PeerKind::Channel, &json!({ "text": "<@UBOT> /stop" }));
        assert_eq!(seen, r#"Channel C8 - "/stop" mentioned=true media=0"#);
    }

    #[test]
    fn files_come_with_a_word_for_them() {
        let fields = json!({ "subtype": "file_share", "files": [{}], "text": "" });
        let seen = check(PeerKind::Channel, &fields);
        assert_eq!(seen, r#"Channel C8 - "<media:file>" mentioned=false media=1"#);
        let image = json!({ "mimetype": "image/png", "url_private": "https://files.slack.com/1" });
        let fields = json!({ "subtype": "file_share", "files": [image], "text": "" });
        let seen = check(PeerKind::Channel, &fields);
        assert_eq!(seen, r#"Channel C8 - "<media:image>" mentioned=false media=1"#);
    }

    #[test]
    fn bots_edits_and_our_own_words_are_skipped() {
        for fields in [
            json!({ "bot_id": "B1" }),
            json!({ "subtype": "bot_message" }),
            json!({ "subtype": "message_changed" }),
            json!({ "subtype": "message_deleted" }),
            json!({ "subtype": "channel_join" }),
            json!({ "user": "UBOT" }),
            json!({ "type": "reaction_added" }),
        ] {
            assert_eq!(check(PeerKind::Channel, &fields), "-", "{fields}");
        }
    }
}
