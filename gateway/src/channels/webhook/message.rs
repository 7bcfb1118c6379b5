//! A call's body, read as an inbound message.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use creel_core::{
    ids::{AccountId, Channel, MessageId, PeerId, SenderId, ThreadId},
    media::{Attachment, Image, Source},
    message::Inbound,
    origin::{Origin, Peer, PeerKind, Route, Thread},
};
use serde::Deserialize;

use super::CHANNEL;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Message {
    id: String,
    conversation: String,
    sender: String,
    sender_name: Option<String>,
    kind: Kind,
    thread: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    mentioned: bool,
    #[serde(default)]
    attachments: Vec<Attached>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Attached {
    kind: AttachedKind,
    mime: Option<String>,
    /// In base64. Only images need it.
    data: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum AttachedKind {
    Audio,
    Document,
    Image,
    Video,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Direct,
    Group,
}

/// The message in a body that is signed.
///
/// # Errors
///
/// What is wrong with it, for the caller to read.
pub(super) fn read(body: &[u8], account: &AccountId) -> Result<Inbound, String> {
    let message: Message =
        serde_json::from_slice(body).map_err(|it| format!("the body is not a message: {it}"))?;
    let direct = message.kind == Kind::Direct;
    if direct && message.thread.is_some() {
        return Err("a direct conversation has no threads".to_owned());
    }
    let empty = |it: creel_core::ids::Empty| it.to_string();
    let kind = if direct { PeerKind::Direct } else { PeerKind::Group };
    let thread = message.thread.as_deref().map(ThreadId::new).transpose().map_err(empty)?;
    let sender = SenderId::new(&message.sender).map_err(empty)?;
    let text = match (message.attachments.first(), message.text) {
        (Some(first), text) if text.trim().is_empty() => format!("<media:{}>", first.kind.name()),
        (_, text) => text,
    };
    let media = message.attachments.into_iter().map(attachment).collect::<Result<_, _>>()?;
    Ok(Inbound {
        message: MessageId::new(&message.id).map_err(empty)?,
        mentioned: direct || message.mentioned,
        media,
        merged: Vec::new(),
        origin: Origin {
            route: Route {
                channel: Channel::new(CHANNEL).expect("a constant name"),
                account: account.clone(),
                peer: Peer { kind, id: PeerId::new(&message.conversation).map_err(empty)? },
                thread: thread.map(Thread::Thread),
            },
            sender: sender.clone(),
            guild: None,
            team: None,
            roles: Vec::new(),
        },
        text,
        sender_name: message.sender_name.unwrap_or_else(|| sender.to_string()),
    })
}

/// An image comes with its message: an address would make us ask whatever a caller names.
fn attachment(attached: Attached) -> Result<Attachment, String> {
    let Attached { kind, mime, data } = attached;
    if kind != AttachedKind::Image {
        return Ok(Attachment::Other);
    }
    let data = data.ok_or("an attached image has no `data`, expected it in base64")?;
    let bytes = BASE64_STANDARD.decode(data);
    let bytes = bytes.map_err(|_| "an attached image's `data` is not base64".to_owned())?;
    Ok(Attachment::Image(Image {
        mime: mime.map(Into::into),
        bytes: Some(bytes.len() as u64),
        source: Source::Inline(bytes.into()),
    }))
}

impl AttachedKind {
    fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Image => "image",
            Self::Video => "video",
        }
    }
}
