//! What operators ask the gateway for, and what whoever watches is told of its runs.
//!
//! An operator speaks in a session by its key, and hears the answer alone. Each request has a name, which its sender
//! chose: under one name something happens once, however often it is asked for.
//!
//! Source: contract, section 8.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use crate::{
    ids::{AccountId, AgentId, Channel, MessageId, ModelId, PeerId, RunId, SenderId},
    message::{Inbound, TEXT_BYTES_MAX},
    origin::{Origin, Peer, PeerKind, Route},
    session_key::SessionKey,
    time::{Millis, Timestamp, WallTime},
};

/// The channel that stands for operators. No platform is behind it.
const CHANNEL: &str = "webchat";

/// How long the name of a request that ended is remembered.
pub const REMEMBERED_FOR: Millis = Millis::from_s(3_600);

/// How many names of requests that ended are remembered.
pub const REMEMBERED_MAX: usize = 2_000;

/// How many requests may be under way.
pub const UNDER_WAY_MAX: usize = 2_000;

/// How many events from outside may wait for one main session, with what else is reported to it.
pub const EVENTS_WAITING_MAX: usize = 20;

/// Where what an operator said in a session stands.
pub fn origin(session: &SessionKey) -> Origin {
    let id = PeerId::new(session.as_str()).expect("keys have letters");
    let route = Route {
        channel: Channel::new(CHANNEL).expect("it has letters"),
        account: AccountId::new("operator").expect("it has letters"),
        peer: Peer { kind: PeerKind::Direct, id },
        thread: None,
    };
    let sender = SenderId::new("operator").expect("it has letters");
    Origin { route, sender, guild: None, team: None, roles: Vec::new() }
}

/// What an operator says in a session, as if a channel had handed it in.
pub fn inbound(session: &SessionKey, name: &MessageId, (sender, text): (&str, String)) -> Inbound {
    Inbound {
        origin: origin(session),
        message: name.clone(),
        text,
        sender_name: sender.to_owned(),
        mentioned: true,
        media: Vec::new(),
        merged: Vec::new(),
    }
}

/// Whether a name is that of the operators' channel.
pub fn is_channel(name: &str) -> bool {
    name == CHANNEL
}

/// Whether a route leads to operators and not to a platform.
pub fn is_operators(route: &Route) -> bool {
    is_channel(route.channel.as_str())
}

/// What an operator says in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// The request's name.
    pub name: MessageId,
    /// The session's key, or a short form of it.
    pub session: String,
    /// The words; a command too.
    pub text: String,
    /// The chat that hears the answer beside whoever asked, if one does.
    pub deliver: Option<Route>,
}

/// Checks that there are words, and not too many.
///
/// # Errors
///
/// If not.
pub fn worded(text: &str) -> Result<(), Refused> {
    let is_worded = !text.trim().is_empty() && text.len() <= TEXT_BYTES_MAX;
    if is_worded { Ok(()) } else { Err(Refused::Text) }
}

/// A chat of a channel, as an operator names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// The channel.
    pub channel: String,
    /// The account that sends.
    pub account: String,
    /// The chat's id there.
    pub chat: String,
}

/// What became of a request that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is new.
    New {
        /// The session that it is for.
        session: SessionKey,
    },
    /// It was asked for before, and nothing happens twice.
    Again {
        /// The session that it is for.
        session: SessionKey,
        /// How far it is.
        progress: Progress,
    },
}

/// How far a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It waits for a run.
    Waiting,
    /// This run serves it.
    Running(RunId),
    /// It is over.
    Ended(End),
}

/// How a request or a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// When its run began, if it had one that did.
    pub began: Option<WallTime>,
    /// When it ended.
    pub at: WallTime,
    /// How.
    pub how: Ended,
}

/// How a request or a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With these words.
    Answered(Arc<str>),
    /// Without an answer, for this reason.
    Failed(Arc<str>),
    /// Somebody ended it.
    Aborted,
}

/// Why a request is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such session, and none can be begun under this key.
    #[error(
        "found session `{found}`, expected `main`, or `agent:<id>:<name>` of a configured agent ({agents})"
    )]
    Session {
        /// What was asked for.
        found: String,
        /// Which agents there are.
        agents: String,
    },
    /// The name stands for something else already.
    #[error("this idempotency key was used for another request")]
    Conflict,
    /// A channel, account or chat without a letter.
    #[error(transparent)]
    Empty(#[from] crate::ids::Empty),
    /// It belongs to somebody else.
    #[error("this session was begun for another user")]
    NotTheirs,
    /// Nobody has said which chat.
    #[error(
        "found no chat to deliver to: nobody wrote here from that channel yet, so expected `channel` and `to`"
    )]
    NoChat,
    /// There are no words.
    #[error("expected a message of 1 to {} bytes", TEXT_BYTES_MAX)]
    Text,
    /// Too much waits in the session already.
    #[error("{EVENTS_WAITING_MAX} events wait for the main session already")]
    Busy,
    /// Too many requests are under way.
    #[error("{UNDER_WAY_MAX} requests are under way already")]
    TooMany,
}

/// Something that happened, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// In which session.
    pub session: SessionKey,
    /// Which run, if it was one's.
    pub run: Option<RunId>,
    /// The requests that it serves.
    pub asked: Vec<MessageId>,
    /// What.
    pub what: Telling,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Telling {
    /// The run talks to its model.
    Started,
    /// The model wrote these words, after those before.
    Wrote(Arc<str>),
    /// The model is asked once more: of what it wrote, these words stand. What a try wrote that failed is void.
    AskedAgain(Arc<str>),
    /// The run, or what was asked without one, ended.
    Ended(End),
    /// A text for a chat is there, under the id that its platform gave it, or never will be. Whoever sent it hears so.
    Sent(End),
    /// The gateway itself has something to say there.
    Notice(Arc<str>),
}

/// A session, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Its key.
    pub key: SessionKey,
    /// Which agent answers.
    pub agent: AgentId,
    /// Which model is asked.
    pub model: ModelId,
    /// What an operator called it.
    pub label: Option<String>,
    /// When anything was last said in it; none before its life's first words.
    pub updated: Option<WallTime>,
    /// Which run holds its lane.
    pub active: Option<RunId>,
    /// How many messages wait.
    pub waiting: usize,
    /// How many entries its history has.
    pub entries: usize,
    /// The chat that it belongs to, if one does.
    pub route: Option<Route>,
    /// Which session started it, if it is a sub-agent's.
    pub parent: Option<SessionKey>,
}

/// The requests that are under way, and those that ended lately.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    by_name: BTreeMap<MessageId, Request>,
    /// Those that ended, oldest first.
    ended: VecDeque<(Timestamp, MessageId)>,
}

#[derive(Clone, Debug)]
struct Request {
    session: SessionKey,
    content: u64,
    progress: Progress,
    /// The chat that hears the answer too.
    deliver: Option<Route>,
}

impl Requests {
    /// Takes a request in, unless its name is known.
    ///
    /// # Errors
    ///
    /// Refuses a name that stands for something else, and more than a gateway can have under way.
    pub fn take(
        &mut self,
        now: Timestamp,
        (name, session, text): (&MessageId, &SessionKey, &str),
    ) -> Result<Taken, Refused> {
        self.forget_old(now);
        let content = fingerprint(session, text);
        let session = session.clone();
        if let Some(known) = self.by_name.get(name) {
            let progress = known.progress.clone();
            return if known.content == content {
                Ok(Taken::Again { session, progress })
            } else {
                Err(Refused::Conflict)
            };
        }
        if self.by_name.len() - self.ended.len() >= UNDER_WAY_MAX {
            return Err(Refused::TooMany);
        }
        let (progress, deliver) = (Progress::Waiting, None);
        let request = Request { session: session.clone(), content, progress, deliver };
        self.by_name.insert(name.clone(), request);
        Ok(Taken::New { session })
    }

    /// A chat hears the answer to a request too.
    pub fn deliver(&mut self, name: &MessageId, to: Option<Route>) {
        if let Some(request) = self.by_name.get_mut(name) {
            request.deliver = to;
        }
    }

    /// The chats that hear the answer to these requests too, each once.
    pub fn chats(&self, names: &[MessageId]) -> BTreeSet<Route> {
        names.iter().filter_map(|it| self.by_name.get(it)?.deliver.clone()).collect()
    }

    /// How far a request is, if its name is known.
    pub fn progress(&self, name: &MessageId) -> Option<(&SessionKey, &Progress)> {
        self.by_name.get(name).map(|it| (&it.session, &it.progress))
    }

    /// The requests of a session that no run serves yet.
    pub fn waiting(&self, session: &SessionKey) -> Vec<MessageId> {
        let waits = |it: &Request| it.session == *session && it.progress == Progress::Waiting;
        self.by_name.iter().filter(|(_, it)| waits(it)).map(|(name, _)| name.clone()).collect()
    }

    /// A run begins with these, and serves those that it returns: an earlier run may have answered one of them already.
    pub fn run(&mut self, mut names: Vec<MessageId>, run: RunId) -> Vec<MessageId> {
        names.retain(|name| match self.by_name.get_mut(name).map(|it| &mut it.progress) {
            Some(progress @ (Progress::Waiting | Progress::Running(_))) => {
                *progress = Progress::Running(run);
                true
            }
            Some(Progress::Ended(_)) | None => false,
        });
        names
    }

    /// It is over: false if it was already, or is not known.
    pub fn end(&mut self, now: Timestamp, name: &MessageId, end: &End) -> bool {
        let under_way = |it: &&mut Request| !matches!(it.progress, Progress::Ended(_));
        let Some(request) = self.by_name.get_mut(name).filter(under_way) else { return false };
        request.progress = Progress::Ended(end.clone());
        self.ended.push_back((now, name.clone()));
        true
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some((ended, _)) = self.ended.front() {
            if *ended + REMEMBERED_FOR > now && self.ended.len() < REMEMBERED_MAX {
                return;
            }
            let (_, name) = self.ended.pop_front().expect("the front was just seen");
            self.by_name.remove(&name);
        }
    }
}

/// What a request asks for, in short: words may be long, and names are remembered for an hour.
fn fingerprint(session: &SessionKey, text: &str) -> u64 {
    // The same in every process of one build, and no further: nothing of it is ever written down.
    let mut hasher = DefaultHasher::new();
    (session.as_str(), text).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
