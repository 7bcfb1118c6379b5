//! Who has shown a wrong secret too often may show no more for a while. What is remembered is bounded.
//!
//! A missing secret is no guess. Programs on this machine are not counted by the usual rule: whoever runs them can read the
//! gateway's configuration anyway, and nobody shall lock them out.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;

use super::connect::{Attempts, Peer};
use crate::clock;

/// How many peers are remembered. The one that was heard of longest ago gives way, those that are shut out last.
const PEERS_MAX: usize = 4_096;

/// How often a peer may guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// So many wrong secrets,
    pub failures_max: u32,
    /// within so long,
    pub window: Duration,
    /// shut a peer out for so long.
    pub lockout: Duration,
    /// Whether programs on this machine are counted too.
    pub near: Near,
}

/// What holds for programs on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Near {
    /// They may guess.
    Exempt,
    /// They are peers like others.
    Counted,
}

impl Default for Rule {
    /// The one of the gateway's own token.
    fn default() -> Self {
        Self {
            failures_max: 10,
            window: Duration::from_mins(1),
            lockout: Duration::from_mins(5),
            near: Near::Exempt,
        }
    }
}

/// What is remembered of wrong secrets. A clone is the same memory.
#[derive(Clone, Debug, Default)]
pub struct Guesses {
    rule: Rule,
    peers: Arc<Mutex<BTreeMap<String, Guessed>>>,
}

/// What is remembered of one peer.
#[derive(Clone, Copy, Debug)]
struct Guessed {
    since: Instant,
    failures: u32,
    shut_out_until: Option<Instant>,
}

impl Guesses {
    /// Nobody has guessed yet.
    pub fn new(rule: Rule) -> Self {
        Self { rule, peers: Arc::default() }
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<String, Guessed>> {
        self.peers.lock().expect("no holder of this lock panics")
    }

    /// Whether a peer may show a secret now.
    pub fn attempts(&self, peer: &Peer) -> Attempts {
        self.attempts_at(clock::instant(), peer)
    }

    fn attempts_at(&self, now: Instant, peer: &Peer) -> Attempts {
        let Some(name) = self.name(peer) else { return Attempts::Left };
        let until = self.peers().get(&name).and_then(|it| it.shut_out_until);
        match until.filter(|it| now < *it) {
            None => Attempts::Left,
            Some(until) => {
                let left = (until - now).as_millis();
                Attempts::Exhausted { retry_after_ms: u64::try_from(left).unwrap_or(u64::MAX) }
            }
        }
    }

    /// A peer showed a wrong secret.
    pub fn failed(&self, peer: &Peer) {
        self.failed_at(clock::instant(), peer);
    }

    fn failed_at(&self, now: Instant, peer: &Peer) {
        let Some(name) = self.name(peer) else { return };
        let mut peers = self.peers();
        if !peers.contains_key(&name) && peers.len() >= PEERS_MAX {
            self.make_room(&mut peers, now);
        }
        let fresh = Guessed { since: now, failures: 0, shut_out_until: None };
        let guessed = peers.entry(name).or_insert(fresh);
        if self.is_over(guessed, now) {
            *guessed = fresh;
        }
        guessed.failures = guessed.failures.saturating_add(1);
        if guessed.failures >= self.rule.failures_max && guessed.shut_out_until.is_none() {
            guessed.shut_out_until = Some(now + self.rule.lockout);
        }
    }

    /// A peer showed the right secret: what it guessed before is forgotten.
    pub fn succeeded(&self, peer: &Peer) {
        if let Some(name) = self.name(peer) {
            self.peers().remove(&name);
        }
    }

    /// Whether what is remembered of a peer means nothing any more.
    fn is_over(&self, guessed: &Guessed, now: Instant) -> bool {
        match guessed.shut_out_until {
            Some(until) => until <= now,
            None => guessed.since + self.rule.window <= now,
        }
    }

    fn make_room(&self, peers: &mut BTreeMap<String, Guessed>, now: Instant) {
        peers.retain(|_, it| !self.is_over(it, now));
        if peers.len() < PEERS_MAX {
            return;
        }
        let first = peers.iter().min_by_key(|(_, it)| (it.shut_out_until, it.since));
        if let Some(name) = first.map(|(name, _)| name.clone()) {
            peers.remove(&name);
        }
    }

    /// What a peer is remembered by; none if it is not counted.
    fn name(&self, peer: &Peer) -> Option<String> {
        match (peer, self.rule.near) {
            (Peer::Program, Near::Exempt) => None,
            (Peer::Program, Near::Counted) => Some("this machine".to_owned()),
            // A page may be anybody's doing, even here.
            (Peer::Page, _) => Some("a page".to_owned()),
            (Peer::Remote(address), _) => Some(network(address)),
        }
    }
}

/// One customer has a whole network of the newer addresses, and so they count as one.
pub(crate) fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|it| it.to_canonical()) {
        Ok(IpAddr::V6(it)) => {
            let [a, b, c, d, ..] = it.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        Ok(IpAddr::V4(it)) => it.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far(address: &str) -> Peer {
        Peer::Remote(address.to_owned())
    }

    fn left(guesses: &Guesses, now: Instant, peer: &Peer) -> Option<u64> {
        match guesses.attempts_at(now, peer) {
            Attempts::Left => None,
            Attempts::Exhausted { retry_after_ms } => Some(retry_after_ms),
        }
    }

    #[test]
    fn ten_wrong_secrets_in_a_minute_shut_a_peer_out_for_five() {
        let (guesses, start) = (Guesses::default(), clock::instant());
        let at = |s| start + Duration::from_secs(s);
        let peer = far("192.0.2.7");
        for _ in 0..9 {
            guesses.failed_at(at(0), &peer);
        }
        assert_eq!(left(&guesses, at(0), &peer), None);
        guesses.failed_at(at(59), &peer);
        assert_eq!(left(&guesses, at(60), &peer), Some(299_000));
        assert_eq!(left(&guesses, at(60), &far("192.0.2.8")), None, "others may");
        assert_eq!(left(&guesses, at(359), &peer), None, "until it is over");
        guesses.failed_at(at(359), &peer);
        assert_eq!(left(&guesses, at(359), &peer), None, "and then it begins anew");
    }

    #[test]
    fn old_guesses_and_those_before_the_right_secret_do_not_count() {
        let (guesses, start) = (Guesses::default(), clock::instant());
        let peer = far("192.0.2.7");
        for _ in 0..9 {
            guesses.failed_at(start, &peer);
        }
        guesses.failed_at(start + Duration::from_mins(1), &peer);
        assert_eq!(left(&guesses, start + Duration::from_mins(1), &peer), None);
        for _ in 0..8 {
            guesses.failed_at(start + Duration::from_secs(61), &peer);
        }
        guesses.succeeded(&peer);
        guesses.failed_at(start + Duration::from_secs(62), &peer);
        assert_eq!(left(&guesses, start + Duration::from_secs(62), &peer), None);
    }

    #[test]
    fn programs_here_are_exempt_and_pages_are_not() {
        let now = clock::instant();
        let shut_out = |rule, peer: &Peer| {
            let guesses = Guesses::new(rule);
            (0..20).for_each(|_| guesses.failed_at(now, peer));
            left(&guesses, now, peer).is_some()
        };
        let counted = Rule { near: Near::Counted, ..Rule::default() };
        assert!(!shut_out(Rule::default(), &Peer::Program));
        assert!(shut_out(counted, &Peer::Program));
        assert!(shut_out(Rule::default(), &Peer::Page));
    }

    #[test]
    fn a_network_of_newer_addresses_is_one_peer() {
        assert_eq!(network("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2:ffff::"), "2001:db8:1:2::/64");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn many_peers_are_forgotten_and_those_that_are_shut_out_last() {
        let (guesses, now) = (Guesses::default(), clock::instant());
        let bad = far("192.0.2.7");
        (0..10).for_each(|_| guesses.failed_at(now, &bad));
        for number in 0..2 * PEERS_MAX {
            guesses.failed_at(now, &far(&format!("peer {number}")));
        }
        assert_eq!(guesses.peers().len(), PEERS_MAX);
        assert!(left(&guesses, now, &bad).is_some());
    }
}
