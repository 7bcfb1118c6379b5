//! A call's body, read as an inbound message.

use creel_core::{
    ids::{AccountId, Channel, MessageId, PeerId, SenderId, ThreadId},
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
    text: String,
    #[serde(default)]
    mentioned: bool,
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
    Ok(Inbound {
        message: MessageId::new(&message.id).map_err(empty)?,
        mentioned: direct || message.mentioned,
        media: false,
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
        text: message.text,
        sender_name: message.sender_name.unwrap_or_else(|| sender.to_string()),
    })
}
