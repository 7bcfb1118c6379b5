//! Which chats and requests belong to one conversation.
//!
//! Session keys are inside the gateway. Which chats *may* share one is declared; which requests *do* is told by the
//! canaries that they share. Requests are taken for one conversation only where both agree, so that a leak (I9's
//! business) does not also look like two runs at once (I4's).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    context::{Chat, Context, DmScope},
    spec::{self, session_key::SessionKey},
    trace::Place,
    turns::{Message, Request, Turns},
};

/// The conversations of a trace.
#[derive(Debug)]
pub(super) struct Conversations<'a> {
    context: &'a Context,
    turns: &'a Turns,
    /// By chat, its sessions, where groups may share the main one.
    joined_groups: BTreeMap<&'a str, BTreeSet<SessionKey>>,
    /// By chat, the models that its requests went to.
    models: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// By request, the chat that it serves, if anything tells.
    homes: Vec<Option<&'a str>>,
    /// By request, its conversation, named by one of its requests.
    roots: Vec<usize>,
}

impl<'a> Conversations<'a> {
    pub(super) fn of(turns: &'a Turns, context: &'a Context) -> Self {
        let mut this = Self {
            context,
            turns,
            joined_groups: spec::joined_groups(turns, context),
            models: BTreeMap::new(),
            homes: Vec::new(),
            roots: Vec::new(),
        };
        for request in &turns.requests {
            let home = this.find_home(request);
            this.homes.push(home);
            if let Some(home) = home {
                this.models.entry(home).or_default().insert(&request.model);
            }
        }
        this.connect();
        this
    }

    /// The chat that a request serves, if anything tells.
    pub(super) fn home(&self, request: usize) -> Option<&'a str> {
        self.homes[request]
    }

    /// The requests of one conversation have one number.
    pub(super) fn conversation(&self, request: usize) -> usize {
        self.roots[request]
    }

    /// The requests of each conversation, in order.
    pub(super) fn all(&self) -> BTreeMap<usize, Vec<usize>> {
        let mut all: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (request, conversation) in self.roots.iter().enumerate() {
            all.entry(*conversation).or_default().push(request);
        }
        all
    }

    /// Where a chat is.
    pub(super) fn place(&self, chat: &str) -> Option<&'a Place> {
        let written = || self.turns.messages.iter().find(|it| it.chat == chat).map(|it| &it.place);
        self.context.chats.get(chat).map(|it| &it.place).or_else(written)
    }

    /// A chat at a place, if one is declared there.
    pub(super) fn chat_at(&self, place: &Place) -> Option<&'a str> {
        self.context.chats.iter().find(|(_, it)| it.place == *place).map(|(name, _)| name.as_str())
    }

    /// Whether two chats are declared to share a session: they are at one place, or both are direct and `dmScope` joins
    /// them, or `groupScope` joins a group with the main session, and nothing shows that they belong to different agents.
    pub(super) fn are_joined(&self, one: &str, other: &str) -> bool {
        if one == other || self.place(one).is_some_and(|it| Some(it) == self.place(other)) {
            return true;
        }
        let (Some(a), Some(b)) = (self.context.chats.get(one), self.context.chats.get(other))
        else {
            return false;
        };
        let joined = match (a.direct, b.direct) {
            (true, true) => self.share_scope(a, b),
            (false, false) => same_room(&a.place, &b.place) || self.share_main(one, other),
            (true, false) | (false, true) => self.share_main(one, other),
        };
        joined && !self.have_different_agents(one, other)
    }

    /// The messages of all chats that may share a session with this one, its own among them.
    pub(super) fn messages(&self, chat: &'a str) -> impl Iterator<Item = &'a Message> {
        let mut known: BTreeMap<&str, bool> = BTreeMap::new();
        self.turns.messages.iter().filter(move |it| {
            *known.entry(&it.chat).or_insert_with(|| self.are_joined(chat, &it.chat))
        })
    }

    /// Whether `groupScope` joins two chats of which one is a group.
    fn share_main(&self, one: &str, other: &str) -> bool {
        match (self.joined_groups.get(one), self.joined_groups.get(other)) {
            (Some(a), Some(b)) => !a.is_disjoint(b),
            _ => false,
        }
    }

    fn share_scope(&self, a: &Chat, b: &Chat) -> bool {
        let same_person = || self.person(a) == self.person(b);
        let same_channel = || a.place.channel == b.place.channel;
        match self.context.dm_scope {
            DmScope::Main => true,
            DmScope::PerPeer => same_person(),
            DmScope::PerChannelPeer => same_person() && same_channel(),
            DmScope::PerAccountChannelPeer => {
                same_person() && same_channel() && a.place.account == b.place.account
            }
        }
    }

    /// The sender's id, or the canonical name that `identityLinks` gives it. Keys are lower-cased, so this is too.
    fn person(&self, chat: &Chat) -> String {
        let entry = format!("{}:{}", chat.place.channel, chat.sender).to_lowercase();
        let is_linked = |entries: &[String]| entries.iter().any(|it| it.to_lowercase() == entry);
        let canonical = self.context.identity_links.iter().find(|(_, entries)| is_linked(entries));
        canonical.map_or(&chat.sender, |(name, _)| name).to_lowercase()
    }

    /// Every agent has a model of its own, so chats whose requests never went to one model belong to different agents.
    fn have_different_agents(&self, one: &str, other: &str) -> bool {
        match (self.models.get(one), self.models.get(other)) {
            (Some(a), Some(b)) => a.is_disjoint(b),
            _ => false,
        }
    }

    fn find_home(&self, request: &'a Request) -> Option<&'a str> {
        let by_canary = || {
            let newest = request.new.last().or(request.history.last())?;
            Some(self.turns.message(newest)?.chat.as_str())
        };
        let by_predecessor = || request.predecessor.and_then(|it| self.homes[it]);
        request.chat.as_deref().or_else(by_canary).or_else(by_predecessor)
    }

    /// Joins each request to its predecessor and to the one before at its place, of the same agent where several answer
    /// one message.
    fn connect(&mut self) {
        let mut last_at: BTreeMap<(&Place, Option<String>), usize> = BTreeMap::new();
        for (index, request) in self.turns.requests.iter().enumerate() {
            let predecessor = request.predecessor.filter(|it| self.may_share(*it, index));
            self.roots.push(predecessor.map_or(index, |it| self.roots[it]));
            let place = self.homes[index].and_then(|it| self.place(it));
            let asker = self.context.configuration.asker(&request.credential, &request.model);
            if let Some(earlier) = place.and_then(|it| last_at.insert((it, asker), index)) {
                self.unite(earlier, index);
            }
        }
    }

    fn may_share(&self, one: usize, other: usize) -> bool {
        match (self.homes[one], self.homes[other]) {
            (Some(one), Some(other)) => self.are_joined(one, other),
            _ => true,
        }
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.roots[one], self.roots[other]);
        if one == other {
            return;
        }
        for it in self.roots.iter_mut().filter(|it| **it == other) {
            *it = one;
        }
    }
}

/// Whether two places are one room. A room's session does not depend on the account that listens in it: the contract's
/// keys of groups have none (section 3).
fn same_room(a: &Place, b: &Place) -> bool {
    let room = |it: &Place| (it.channel.clone(), it.peer.clone(), it.thread.clone());
    room(a) == room(b)
}
