//! How many of something each network has, so that none has them all.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// The counts. A clone is the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks(Arc<Mutex<BTreeMap<String, usize>>>);

/// One of a network's. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    networks: Networks,
    name: String,
}

impl Networks {
    /// One more for a network, unless it has so many.
    pub(crate) fn share(&self, name: String, most: usize) -> Option<Share> {
        let mut counts = self.held();
        let count = counts.entry(name.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Share { networks: self.clone(), name })
    }

    /// Whether no network has any.
    #[cfg(test)]
    pub(crate) fn are_empty(&self) -> bool {
        self.held().is_empty()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.networks.held();
        match counts.get_mut(&self.name) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_so_many_and_what_it_gives_back_it_may_have_again() {
        let networks = Networks::default();
        let share = |name: &str| networks.share(name.to_owned(), 2);
        let (one, two) = (share("a"), share("a"));
        assert!(one.is_some() && two.is_some() && share("a").is_none());
        assert!(share("b").is_some());
        drop(one);
        assert!(share("a").is_some());
        drop(two);
        assert!(networks.are_empty());
    }
}
