//! Short ways to write origins and messages in unit tests.

use crate::{
    ids::{AccountId, Channel, MessageId, PeerId, SenderId},
    message::{Inbound, Message},
    origin::{Origin, Peer, PeerKind, Route},
};

pub(crate) fn dm(sender: &str) -> Origin {
    let peer = Peer { kind: PeerKind::Direct, id: PeerId::new(sender).unwrap() };
    let channel = Channel::new("telegram").unwrap();
    let route = Route { channel, account: AccountId::new("default").unwrap(), peer, thread: None };
    let sender = SenderId::new(sender).unwrap();
    Origin { route, sender, guild: None, team: None, roles: Vec::new() }
}

pub(crate) fn inbound(origin: Origin, id: &str, text: &str) -> Inbound {
    let sender_name = "Someone".to_owned();
    let message = MessageId::new(id).unwrap();
    Inbound { origin, message, text: text.to_owned(), sender_name, mentioned: false, media: false }
}

pub(crate) fn message(origin: Origin, text: &str) -> Message {
    Message::of(inbound(origin, text, text))
}
