//! A message on its way through the gateway, and the turn that it becomes.

use std::{borrow::Cow, sync::Arc};

use crate::{
    ids::{AccountId, Channel, MessageId, PeerId, SenderId},
    media::{Attachment, Received, Said},
    operator::is_operators,
    origin::{Origin, Peer, PeerKind, Route},
    owners::Authority,
    session_key::SessionKey,
    tools::Ticket,
    untrusted,
};

/// The longest text that is admitted, in bytes. Longer ones are answered with a notice that says so.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// What a channel hands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Where it came from.
    pub origin: Origin,
    /// The platform's number for it.
    pub message: MessageId,
    /// The words. Commands come without the bot's name (`/stop`, not `/stop@bot`).
    pub text: String,
    /// The sender's name, as the platform shows it.
    pub sender_name: String,
    /// Whether the message speaks to the bot: a mention, an answer to it, or a command with its name.
    pub mentioned: bool,
    /// What came with the words, in the sender's order. Words that name it stand in `text` if the sender wrote none.
    pub media: Vec<Attachment>,
    /// The earlier messages of a burst that were merged into this one, oldest first. Channels hand in none.
    pub merged: Vec<MessageId>,
}

/// An admitted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The platform's number for it; of a merged burst, the last one's.
    pub id: MessageId,
    /// Where its answer goes.
    pub route: Route,
    /// Who wrote it.
    pub sender: SenderId,
    /// With whose authority.
    pub authority: Authority,
    /// The earlier messages of the burst that it was made of, oldest first.
    pub merged: Vec<MessageId>,
    /// What was overheard before it, told once; empty if nothing was.
    pub context: String,
    /// What the model reads: the words, in a group with the sender's label before them.
    pub text: String,
    /// What the model sees, at most one.
    pub image: Option<Arc<Received>>,
    /// The call by which another session's run said it, if it is no person's.
    pub asker: Option<Ticket>,
}

/// On whose account a turn runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// People's, or a report to them: they hear all that is said. A sub-agent's turn is its parent's.
    Talk,
    /// A cron job's: its chat hears the last word, if it has a chat.
    Cron,
    /// A run's of another session, which made this call: it alone hears the last word.
    Nested(Ticket),
}

impl Message {
    /// The message, as the model shall read it.
    pub fn of(inbound: Inbound, authority: Authority) -> Self {
        let Inbound { origin, message, text, sender_name, mentioned: _, media, merged } = inbound;
        let text = match (untrusted::neutral(&text), origin.route.peer.kind) {
            (Cow::Owned(neutral), PeerKind::Direct) => neutral,
            (Cow::Borrowed(_), PeerKind::Direct) => text,
            (neutral, PeerKind::Group | PeerKind::Channel) => {
                let name = untrusted::name(&sender_name);
                format!("[{name} ({})] {neutral}", origin.sender)
            }
        };
        let Origin { route, sender, .. } = origin;
        let context = String::new();
        let image = Received::first_of(&route, media);
        let asker = None;
        Self { id: message, route, sender, authority, merged, context, text, image, asker }
    }

    /// The requests of operators that it is made of.
    pub fn requests(&self) -> impl Iterator<Item = &MessageId> {
        let is_request = is_operators(&self.route);
        self.merged.iter().chain([&self.id]).filter(move |_| is_request)
    }

    /// The message as an entry of its own.
    pub fn into_prompt(self) -> Said {
        let Self { mut context, text, image, .. } = self;
        context.push_str(&text);
        Said::new(context, image.into_iter().collect())
    }
}

impl Message {
    /// What the gateway itself has to tell a session: never said by a person, so no id of a platform is in it.
    pub fn report(route: Route, authority: Authority, reporter: &str, text: String) -> Self {
        let id = MessageId::new(reporter).expect("reporters have names");
        let sender = SenderId::new(reporter).expect("reporters have names");
        let (merged, context) = (Vec::new(), String::new());
        Self { id, route, sender, authority, merged, context, text, image: None, asker: None }
    }

    /// What another session's run says. It stands in no chat.
    pub fn asked(asker: Ticket, authority: Authority, from: &SessionKey, text: String) -> Self {
        let Ticket { run, request, index } = asker;
        let channel = Channel::new("internal").expect("it has letters");
        let account = AccountId::new("internal").expect("it has letters");
        let id = PeerId::new(from.as_str()).expect("keys have letters");
        let peer = Peer { kind: PeerKind::Direct, id };
        let route = Route { channel, account, peer, thread: None };
        let reporter = format!("{from} {run} {request} {index}");
        Self { asker: Some(asker), ..Self::report(route, authority, &reporter, text) }
    }
}

/// One turn: what the model is asked, and where its answer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who hears what it says.
    pub errand: Errand,
    /// The chat that it is about, and where its answer goes if people hear it; none if there is no chat.
    pub route: Option<Route>,
    /// With whose authority it runs: the least of all that is in it.
    pub authority: Authority,
    /// The new user entry.
    pub prompt: Said,
    /// The requests of operators that are in it.
    pub asked: Vec<MessageId>,
}
