//! Who is connected, and who was lately.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde_json::{Value, json};

use super::seat::Head;
use crate::control::frame::{Event, StateVersion};

/// How many entries are told: the connections that came last, then those that left last. A greeting has them all.
const TOLD_MAX: usize = 50;

/// How often a connection is told at most, where so many are connected: as many connections, as many to tell of each that
/// comes, so that telling takes no more of the machine with ten thousand of them than with a hundred.
pub(super) fn told_every(connections: usize) -> Duration {
    let each = Duration::from_millis(10);
    each.saturating_mul(u32::try_from(connections).unwrap_or(u32::MAX)).max(Duration::from_secs(1))
}

/// Who is there.
#[derive(Debug, Default)]
pub(super) struct Presence {
    present: BTreeMap<u64, Value>,
    /// The last one first.
    gone: VecDeque<Value>,
    /// The event that tells of them, for as long as nothing changes.
    told: Option<Head>,
}

impl Presence {
    pub(super) fn came(&mut self, id: u64, entry: Value) {
        self.present.insert(id, entry);
        self.told = None;
    }

    pub(super) fn left(&mut self, id: u64, now_ms: i64) {
        let Some(mut entry) = self.present.remove(&id) else { return };
        entry["reason"] = json!("disconnect");
        entry["ts"] = json!(now_ms);
        self.gone.push_front(entry);
        self.gone.truncate(TOLD_MAX);
        self.told = None;
    }

    pub(super) fn entries(&self) -> Vec<Value> {
        let all = self.present.values().rev().chain(&self.gone);
        all.take(TOLD_MAX).cloned().collect()
    }

    pub(super) fn event(&mut self, version: StateVersion) -> Head {
        if let Some(told) = &self.told {
            return told.clone();
        }
        let payload = json!({ "presence": self.entries() });
        let event =
            Event { state_version: Some(version), ..Event::unnumbered("presence", payload) };
        self.told.insert(Head::of(&event)).clone()
    }
}
