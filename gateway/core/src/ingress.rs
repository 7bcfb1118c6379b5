//! The first stage: an id is taken once, and rapid words of one person become one message.
//!
//! Source: contract, section 4 (duplicates; `messages.inbound.debounceMs`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    ids::{Channel, SenderId},
    message::Inbound,
    origin::{InboundId, Route},
    time::{Millis, Timestamp},
};

/// How long an inbound id is remembered.
pub const SEEN_FOR: Millis = Millis::from_s(20 * 60);

/// How many inbound ids are remembered.
pub const SEEN_MAX: usize = 5_000;

/// The ids that were adopted lately. Its content outlives the queue: a redelivery after the drain is still known.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    ids: BTreeSet<InboundId>,
    by_age: VecDeque<(Timestamp, InboundId)>,
}

impl Seen {
    /// Remembers `id`, and says whether it is new.
    pub fn adopt(&mut self, now: Timestamp, id: InboundId) -> bool {
        self.forget_old(now);
        let new = self.ids.insert(id.clone());
        if new {
            self.by_age.push_back((now, id));
        }
        new
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some((adopted, _)) = self.by_age.front() {
            if *adopted + SEEN_FOR > now && self.by_age.len() < SEEN_MAX {
                return;
            }
            let (_, id) = self.by_age.pop_front().expect("the front was just seen");
            self.ids.remove(&id);
        }
    }
}

/// `messages.inbound`: how long rapid text messages of one sender are gathered. Off unless configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BurstConfig {
    /// For all channels.
    pub all: Millis,
    /// For single channels.
    pub by_channel: BTreeMap<Channel, Millis>,
}

impl BurstConfig {
    /// How long a channel's messages are gathered.
    pub fn quiet(&self, channel: &Channel) -> Millis {
        self.by_channel.get(channel).copied().unwrap_or(self.all)
    }
}

/// Whose burst: one sender in one conversation of one account.
pub type BurstKey = (Route, SenderId);

/// How much of a burst is gathered, in messages; the next one starts another.
const BURST_MESSAGES_MAX: usize = 100;

/// Rapid messages that wait for quiet.
#[derive(Clone, Debug, Default)]
pub struct Bursts {
    open: BTreeMap<BurstKey, Burst>,
}

#[derive(Clone, Debug)]
struct Burst {
    messages: Vec<Inbound>,
    until: Timestamp,
}

/// The key of the burst that a message belongs to.
pub fn burst_key(inbound: &Inbound) -> BurstKey {
    (inbound.origin.route.clone(), inbound.origin.sender.clone())
}

impl Bursts {
    /// Adds a message to its burst. Returns the moment at which the burst is complete unless more comes.
    pub fn gather(&mut self, now: Timestamp, inbound: Inbound, quiet: Millis) -> Timestamp {
        let until = now + quiet;
        let burst = self
            .open
            .entry(burst_key(&inbound))
            .or_insert_with(|| Burst { messages: Vec::new(), until });
        burst.messages.push(inbound);
        // A full burst is due at once, so that a flood cannot keep it open.
        burst.until = if burst.messages.len() < BURST_MESSAGES_MAX { until } else { now };
        burst.until
    }

    /// Takes a burst out as one message: the words in order, the id of the last with those merged into it.
    pub fn take(&mut self, key: &BurstKey) -> Option<Inbound> {
        let mut messages = self.open.remove(key)?.messages;
        let text = messages.iter().map(|it| it.text.as_str()).collect::<Vec<_>>().join("\n");
        let last = messages.pop().expect("a burst has a message");
        let merged = messages.into_iter().map(|it| it.message).collect();
        Some(Inbound { text, merged, ..last })
    }

    /// Forgets the bursts of a conversation, and says how many messages that were.
    pub fn clear(&mut self, route: &Route) -> usize {
        let keys: Vec<BurstKey> = self.keys_of(route).cloned().collect();
        keys.iter().filter_map(|key| self.open.remove(key)).map(|it| it.messages.len()).sum()
    }

    /// How many messages are gathered.
    pub fn depth(&self) -> usize {
        self.open.values().map(|it| it.messages.len()).sum()
    }

    fn keys_of<'a>(&'a self, route: &'a Route) -> impl Iterator<Item = &'a BurstKey> {
        self.open.keys().filter(move |(of, _)| of == route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{dm, inbound};

    fn id(text: &str) -> InboundId {
        let message = crate::ids::MessageId::new(text).unwrap();
        InboundId { route: dm("3001").route, message }
    }

    #[test]
    fn an_id_is_new_once_until_it_is_forgotten() {
        let mut seen = Seen::default();
        let at = Timestamp::from_ms;
        assert!(seen.adopt(at(0), id("1")));
        assert!(!seen.adopt(at(1_000), id("1")));
        assert!(!seen.adopt(at(SEEN_FOR.as_ms() - 1), id("1")));
        assert!(seen.adopt(at(SEEN_FOR.as_ms()), id("1")), "20 minutes later it may come again");
    }

    #[test]
    fn the_memory_of_ids_is_bounded() {
        let mut seen = Seen::default();
        for number in 0..=SEEN_MAX {
            assert!(seen.adopt(Timestamp::from_ms(1), id(&number.to_string())));
        }
        assert_eq!(seen.ids.len(), SEEN_MAX);
        assert!(seen.adopt(Timestamp::from_ms(2), id("0")), "the oldest is forgotten first");
    }

    #[test]
    fn a_burst_is_one_message_with_the_last_id() {
        let mut bursts = Bursts::default();
        let quiet = Millis::new(300);
        bursts.gather(Timestamp::from_ms(0), inbound(dm("3001"), "1", "one"), quiet);
        let until = bursts.gather(Timestamp::from_ms(200), inbound(dm("3001"), "2", "two"), quiet);
        assert_eq!(until, Timestamp::from_ms(500));
        let merged = bursts.take(&burst_key(&inbound(dm("3001"), "3", ""))).unwrap();
        assert_eq!((merged.message.as_str(), merged.text.as_str()), ("2", "one\ntwo"));
    }

    #[test]
    fn bursts_of_two_senders_stay_apart() {
        let mut bursts = Bursts::default();
        let quiet = Millis::new(300);
        bursts.gather(Timestamp::from_ms(0), inbound(dm("3001"), "1", "one"), quiet);
        bursts.gather(Timestamp::from_ms(0), inbound(dm("3002"), "1", "two"), quiet);
        assert_eq!(bursts.clear(&dm("3001").route), 1);
        assert_eq!(bursts.open.len(), 1);
    }
}
