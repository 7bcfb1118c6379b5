//! Who wants to be woken, and when: an ordered set, so that asking costs nothing and idle sessions cost no work.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Timestamp;

/// At most one deadline a key. Equal deadlines are due in the order of their keys.
#[derive(Clone, Debug)]
pub struct Deadlines<K> {
    by_key: BTreeMap<K, Timestamp>,
    by_time: BTreeSet<(Timestamp, K)>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }
}

impl<K: Clone + Ord> Deadlines<K> {
    /// Wakes `key` at `due` and no longer at any earlier choice, or never for `None`.
    pub fn set(&mut self, key: &K, due: Option<Timestamp>) {
        let before = match due {
            Some(due) => self.by_key.insert(key.clone(), due),
            None => self.by_key.remove(key),
        };
        if before == due {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, key.clone()));
        }
        if let Some(due) = due {
            self.by_time.insert((due, key.clone()));
        }
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(due, _)| *due)
    }

    /// Takes out the first key that is due at `now`.
    pub fn take_due(&mut self, now: Timestamp) -> Option<K> {
        self.next().filter(|due| *due <= now)?;
        let (_, key) = self.by_time.pop_first().expect("there is a next one");
        self.by_key.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_deadline_and_equal_ones_are_ordered() {
        let at = Timestamp::from_ms;
        let mut deadlines = Deadlines::default();
        deadlines.set(&"b", Some(at(5)));
        deadlines.set(&"a", Some(at(9)));
        deadlines.set(&"a", Some(at(5)));
        deadlines.set(&"c", Some(at(1)));
        deadlines.set(&"c", None);
        assert_eq!(deadlines.next(), Some(at(5)));
        assert_eq!(deadlines.take_due(at(4)), None);
        assert_eq!(deadlines.take_due(at(5)), Some("a"));
        assert_eq!(deadlines.take_due(at(5)), Some("b"));
        assert_eq!(deadlines.next(), None);
    }
}
