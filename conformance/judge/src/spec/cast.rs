//! Who is who in a trace: what routing and session key say of each message, and which session each request serves.

use std::collections::BTreeMap;

use super::{
    broadcast::{self, Fan},
    routing::{self, Address, Decision},
    session_key::{self, At, SessionKey, Speaker},
    version::Version,
};
use crate::{
    context::{Context, Peer, PeerKind},
    turns::{Message, Request, Turns},
};

/// A trace, with what the models say of its messages.
#[derive(Debug)]
pub(super) struct Cast<'a> {
    pub(super) turns: &'a Turns,
    pub(super) context: &'a Context,
    pub(super) version: Version,
    /// The messages that the gateway must take in, in the order in which people wrote them.
    pub(super) heard: Vec<Heard<'a>>,
    by_name: BTreeMap<&'a str, usize>,
    /// By request.
    pub(super) served: Vec<Served<'a>>,
}

/// A message, and where it goes.
#[derive(Debug)]
pub(super) struct Heard<'a> {
    pub(super) message: &'a Message,
    pub(super) decision: Decision,
    /// The sessions that it goes to: none where nobody answers, several where a broadcast names several agents, in order.
    pub(super) keys: Vec<SessionKey>,
    /// Those whom a broadcast names, if one does.
    pub(super) fan: Option<Fan>,
    /// Whether it triggers nothing, and a later turn may tell of it.
    pub(super) is_overheard: bool,
}

/// A request, and whom it serves.
#[derive(Debug)]
pub(super) struct Served<'a> {
    /// The session, if a message tells.
    pub(super) key: Option<SessionKey>,
    /// The messages that are new in its session, those aside that a turn only tells of.
    pub(super) new: Vec<&'a str>,
}

impl<'a> Cast<'a> {
    /// `None`: there is no specification for the profile.
    pub(super) fn of(turns: &'a Turns, context: &'a Context) -> Option<Self> {
        let version = Version::named(&context.profile)?;
        let admitted = turns.messages.iter().filter(|it| !context.unadmitted.contains(&it.name));
        let heard: Vec<Heard> = admitted.filter_map(|it| hear(it, context, version)).collect();
        let by_name =
            heard.iter().enumerate().map(|(index, it)| (it.message.name.as_str(), index)).collect();
        let mut this = Self { turns, context, version, heard, by_name, served: Vec::new() };
        this.served = turns.requests.iter().map(|it| this.serve(it)).collect();
        Some(this)
    }

    /// A message that the gateway must take in.
    pub(super) fn heard(&self, name: &str) -> Option<&Heard<'a>> {
        self.by_name.get(name).map(|&it| &self.heard[it])
    }

    /// The agent that a request is of, as far as it can be told.
    pub(super) fn agent(&self, request: &Request) -> Option<&'a str> {
        self.context.configuration.agent(&request.credential, &request.model)
    }

    /// The sessions, each with its requests in order.
    pub(super) fn sessions(&self) -> BTreeMap<&SessionKey, Vec<usize>> {
        let mut sessions: BTreeMap<&SessionKey, Vec<usize>> = BTreeMap::new();
        for key in self.heard.iter().flat_map(|it| &it.keys) {
            sessions.entry(key).or_default();
        }
        for (index, served) in self.served.iter().enumerate() {
            if let Some(key) = &served.key {
                sessions.entry(key).or_default().push(index);
            }
        }
        sessions
    }

    fn serve(&self, request: &'a Request) -> Served<'a> {
        let carried = request.new.iter().rev().chain(request.history.iter().rev());
        let agent = self.agent(request).map(|it| it.trim().to_lowercase());
        let key = carried.filter_map(|it| self.heard(it)).find_map(|it| {
            let own = it.keys.iter().find(|key| Some(&key.agent) == agent.as_ref());
            own.or(it.keys.first())
        });
        let Some(key) = key else {
            return Served { key: None, new: Vec::new() };
        };
        let is_told = |it: &&str| self.heard(it).is_some_and(|it| it.is_overheard);
        let new = request.new.iter().map(String::as_str).filter(|it| !is_told(it)).collect();
        Served { key: Some(key.clone()), new }
    }
}

/// The agents that are asked about a message; none where nothing tells.
pub(super) fn agents(message: &Message, context: &Context) -> Vec<String> {
    let heard = Version::named(&context.profile).and_then(|it| hear(message, context, it));
    heard.into_iter().flat_map(|it| it.keys).map(|it| it.agent).collect()
}

fn hear<'a>(message: &'a Message, context: &Context, version: Version) -> Option<Heard<'a>> {
    let configuration = &context.configuration;
    let address = address(message, context)?;
    let decision = routing::route(configuration, version, &address);
    let binding = decision.binding.map(|it| &configuration.bindings[it]);
    let fan = broadcast::fan(configuration, version, &address, &message.text);
    let agents: Vec<&str> = match &fan {
        Some(fan) => fan.agents.iter().map(String::as_str).collect(),
        None => decision.agent.as_deref().into_iter().collect(),
    };
    let speaker = speaker(message, context)?;
    let keys = agents
        .into_iter()
        .map(|agent| session_key::key(configuration, version, agent, binding, speaker))
        .collect();
    let is_overheard = context.overheard.contains(&message.name);
    Some(Heard { message, decision, keys, fan, is_overheard })
}

/// Where a message was written, as routing sees it: a topic is a peer of its own whose parent is the group, and so is a
/// Discord thread; a thread on Slack is in its channel.
fn address(message: &Message, context: &Context) -> Option<Address> {
    let chat = context.chats.get(&message.chat)?;
    let place = &message.place;
    let peer = |kind, id: &str| Peer { kind, id: id.to_owned() };
    let kind = if chat.room.is_channel { PeerKind::Channel } else { PeerKind::Group };
    let room = || peer(kind, &place.peer);
    let (own, parent) = match (chat.direct, place.channel.as_str(), &place.thread) {
        (true, ..) => (peer(PeerKind::Direct, &message.sender), None),
        (false, _, None) | (false, "slack", _) => (room(), None),
        (false, "telegram", Some(topic)) => {
            (peer(kind, &format!("{}:topic:{topic}", place.peer)), Some(room()))
        }
        (false, _, Some(thread)) => (peer(kind, thread), Some(room())),
    };
    Some(Address {
        channel: place.channel.clone(),
        account: place.account.clone(),
        peer: Some(own),
        parent,
        guild: chat.room.guild.clone(),
        team: chat.room.team.clone(),
        roles: chat.room.roles.clone(),
    })
}

fn speaker<'a>(message: &'a Message, context: &Context) -> Option<Speaker<'a>> {
    let chat = context.chats.get(&message.chat)?;
    let place = &message.place;
    let thread = place.thread.as_deref();
    let at = match (chat.direct, chat.room.is_channel) {
        (true, _) => At::Direct(&message.sender),
        (false, true) => At::Channel(&place.peer, thread),
        (false, false) => At::Group(&place.peer, thread),
    };
    Some(Speaker { channel: &place.channel, account: &place.account, at })
}
