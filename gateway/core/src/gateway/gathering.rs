//! Before the queue: what triggers nothing is overheard, and rapid words become one message.

use super::{Effect, Gateway, Timer};
use crate::{
    ingress::{BurstKey, burst_key},
    lane::QueueOverride,
    message::Inbound,
    origin::InboundId,
    time::Timestamp,
};

impl Gateway {
    /// A message that triggers nothing is context of the next one that does.
    pub(super) fn overhear(&mut self, now: Timestamp, inbound: &Inbound) {
        let route = inbound.origin.route.clone();
        let limit = self.settings.history.of(&route);
        let id = InboundId { route, message: inbound.message.clone() };
        if limit > 0 && self.seen.adopt(now, id) {
            self.overheard.hear(now, inbound, limit);
        }
    }

    /// Rapid text messages of one sender become one before they are queued; media ends the burst.
    pub(super) fn gather(&mut self, now: Timestamp, inbound: Inbound, effects: &mut Vec<Effect>) {
        let quiet = self.settings.bursts.quiet(&inbound.origin.route.channel);
        let key = burst_key(&inbound);
        if quiet.as_ms() == 0 || !inbound.media.is_empty() {
            self.finish_burst(now, &key, effects);
            return self.enqueue(now, inbound, QueueOverride::default(), effects);
        }
        let until = self.bursts.gather(now, inbound, quiet);
        self.deadlines.set(&Timer::Burst(key), Some(until));
    }

    pub(super) fn finish_burst(
        &mut self,
        now: Timestamp,
        key: &BurstKey,
        effects: &mut Vec<Effect>,
    ) {
        self.deadlines.set(&Timer::Burst(key.clone()), None);
        if let Some(merged) = self.bursts.take(key) {
            self.enqueue(now, merged, QueueOverride::default(), effects);
        }
    }
}
