//! What an account learned since it started, so that it need not ask for every message.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use creel_core::origin::PeerKind;

use super::api::Me;

/// How much of each kind is remembered. Beyond it, what was learned is forgotten and asked for again.
const KNOWN_MAX: usize = 10_000;

/// What an account learned. A clone is another handle on the same memory.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    me: Option<String>,
    kinds: BTreeMap<String, PeerKind>,
    conversations: BTreeMap<String, String>,
    threads: BTreeSet<(String, String)>,
}

impl Memory {
    /// Forgets everything: a gateway that starts knows nothing.
    pub(super) fn forget(&self) {
        *self.known() = Known::default();
    }

    pub(super) fn meet(&self, me: Me) {
        self.known().me = Some(me.user_id);
    }

    /// The bot's user id, once Slack told it.
    pub(super) fn me(&self) -> Option<String> {
        self.known().me.clone()
    }

    pub(super) fn kind_of(&self, channel: &str) -> Option<PeerKind> {
        self.known().kinds.get(channel).copied()
    }

    pub(super) fn learn_kind(&self, channel: &str, kind: PeerKind) {
        let mut known = self.known();
        if known.kinds.len() >= KNOWN_MAX {
            known.kinds.clear();
        }
        known.kinds.insert(channel.to_owned(), kind);
    }

    /// The direct conversation with a person, if it is known.
    pub(super) fn conversation_with(&self, user: &str) -> Option<String> {
        self.known().conversations.get(user).cloned()
    }

    pub(super) fn talk(&self, user: &str, channel: &str) {
        let mut known = self.known();
        if known.conversations.len() >= KNOWN_MAX {
            known.conversations.clear();
        }
        known.conversations.insert(user.to_owned(), channel.to_owned());
    }

    /// Whether the bot has written in a thread.
    pub(super) fn takes_part(&self, channel: &str, thread: &str) -> bool {
        self.known().threads.contains(&(channel.to_owned(), thread.to_owned()))
    }

    pub(super) fn take_part(&self, channel: &str, thread: &str) {
        let mut known = self.known();
        if known.threads.len() >= KNOWN_MAX {
            known.threads.clear();
        }
        known.threads.insert((channel.to_owned(), thread.to_owned()));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().expect("nothing panics while it holds this")
    }
}
