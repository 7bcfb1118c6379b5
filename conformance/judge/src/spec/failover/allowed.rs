//! Everybody who may be asked at a moment, by what happened before.

use super::{Asked, Failed, Model, Reason, SECOND, Session, Turn, provider_of};
use crate::{
    context::{Credential, CredentialKind},
    spec::version::Version,
};

/// The longest wait between two tries that a gateway chooses itself.
pub(super) const WAIT_MAX_US: i64 = 30 * SECOND;

/// How near the end of a rest must be for a probe: the contract says no more than "near".
const NEAR_US: i64 = 60 * SECOND;

/// For so long a renewal that was begun may still be waited for.
const RENEWAL_US_MAX: i64 = 300 * SECOND;

/// A request that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) asked: Asked,
    pub(super) from_us: i64,
    pub(super) to_us: i64,
    pub(super) kind: Kind,
}

/// Whether a request has to be made where nothing else is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Must,
    May,
    /// It rests, and is nearly well: it may be asked once a turn.
    Probe,
}

impl Model<'_> {
    /// Everybody who may be asked now. How long a renewal takes, nothing tells.
    pub(super) fn allowed(&self, session: &Session, now_us: i64) -> Vec<Allowed> {
        let mut allowed = self.allowed_at_once(session, now_us);
        let since_us = session.turn.failed.map_or(now_us, |it| it.at_us);
        if self.renewed_us.is_some_and(|it| since_us.saturating_sub(it) <= RENEWAL_US_MAX) {
            for it in &mut allowed {
                it.to_us = i64::MAX;
            }
        }
        allowed
    }

    /// Whether nothing tells if somebody may be asked.
    pub(super) fn is_doubted(&self, asked: &Asked) -> bool {
        self.doubted.contains(&(provider_of(&asked.model).to_owned(), asked.credential.clone()))
    }

    fn allowed_at_once(&self, session: &Session, now_us: i64) -> Vec<Allowed> {
        let turn = &session.turn;
        let Some(failed) = turn.failed else {
            return match &turn.current {
                Some(asked)
                    if self.rests_until(asked, now_us).is_none()
                        || turn.probe == turn.current
                        || self.is_doubted(asked) =>
                {
                    let (from_us, to_us) = (i64::MIN, i64::MAX);
                    vec![Allowed { asked: asked.clone(), from_us, to_us, kind: Kind::Must }]
                }
                _ => self.next(session, turn.at, (now_us, now_us)),
            };
        };
        let from = |at: usize| self.next(session, at, (failed.at_us, now_us));
        match failed.reason {
            Reason::ContextOverflow | Reason::Refusal | Reason::Aborted | Reason::Local => {
                Vec::new()
            }
            // Another model may be asked; whether one is, is the gateway's own.
            Reason::Format if self.ends_the_turn(Reason::Format) => {
                let others = from(turn.at + 1);
                others.into_iter().map(|it| Allowed { kind: Kind::May, ..it }).collect()
            }
            Reason::ModelNotFound => from(turn.at + 1),
            Reason::Auth | Reason::AuthPermanent | Reason::Billing | Reason::Format => {
                let mut allowed = from(turn.at);
                // A token that was not accepted may be renewed, and shown at once.
                let renewed_us = self.renewed_us.filter(|it| *it >= failed.at_us);
                let again = turn.current.clone().filter(|_| failed.reason == Reason::Auth);
                if let (Some(from_us), Some(asked)) = (renewed_us, again) {
                    allowed.push(Allowed { asked, from_us, to_us: i64::MAX, kind: Kind::May });
                }
                allowed
            }
            Reason::RateLimit | Reason::Overloaded | Reason::Timeout | Reason::ServerError => {
                let has_rotated = self.version == Version::September && turn.rotations > 0;
                let mut allowed = from(turn.at + usize::from(has_rotated));
                let again = self.again(turn, failed, turn.tries);
                match (again, &turn.current) {
                    (Some(again), Some(current)) if self.rests_until(current, now_us).is_some() => {
                        // Another conversation lost it during the wait, which may come to its end first.
                        if !failed.is_counted {
                            for it in &mut allowed {
                                it.to_us = again.to_us;
                            }
                        }
                    }
                    (again, _) => allowed.extend(again),
                }
                allowed
            }
        }
    }

    /// Whether nobody else may be asked after such a failure.
    pub(super) fn ends_the_turn(&self, reason: Reason) -> bool {
        let is_format = reason == Reason::Format && self.version == Version::September;
        is_format
            || !(reason.is_the_provider_s()
                || matches!(reason, Reason::Format | Reason::ModelNotFound))
    }

    /// The same request once more, after a wait, where so many of the model's have failed that a later one might not.
    pub(super) fn again(&self, turn: &Turn, failed: Failed, tries: u32) -> Option<Allowed> {
        let Failed { reason, at_us, rest_us, .. } = failed;
        let to_us = at_us + WAIT_MAX_US.max(rest_us);
        let since_us = turn.failing_since_us.unwrap_or(at_us);
        let may = match (self.version, reason) {
            (Version::March, _) => tries < self.choices.tries_per_credential,
            (Version::September, Reason::RateLimit) => tries < 10,
            (Version::September, _) => tries <= 8,
        };
        let to_us = match (self.version, reason) {
            (Version::September, reason) if reason != Reason::RateLimit => {
                to_us.min(since_us + 90 * SECOND)
            }
            _ => to_us,
        };
        let asked = turn.current.clone().filter(|_| may && turn.probe != turn.current)?;
        Some(Allowed { asked, from_us: at_us + rest_us, to_us, kind: Kind::May })
    }

    /// The next of the models from `at` on with a credential that is free and was not tried; those that are alike in what
    /// decides are all allowed. And the wanted model's, near the end of its rest.
    fn next(&self, session: &Session, at: usize, (from_us, now_us): (i64, i64)) -> Vec<Allowed> {
        let turn = &session.turn;
        let allow = |asked: Asked, kind| Allowed { asked, from_us, to_us: from_us, kind };
        let is_new = |it: &Asked| !turn.asked.contains(it);
        let mut allowed = Vec::new();
        if let Some(first) = turn.models.first().filter(|_| turn.probe.is_none()) {
            let near = self.ranked(session, first, READINGS[0]).into_iter().map(|(_, it)| it);
            let near = near.filter(|it| {
                is_new(it) && self.rests_until(it, now_us).is_some_and(|it| it - now_us <= NEAR_US)
            });
            allowed.extend(near.map(|it| allow(it, Kind::Probe)));
        }
        // Whoever probed had passed by everybody: what became free since then may be asked.
        let must = if turn.probe.is_some() { Kind::May } else { Kind::Must };
        for model in turn.models.iter().skip(at) {
            let forgets = session.forgotten.contains(provider_of(model));
            let is_free = |it: &Asked, at_us| self.rests_until(it, at_us).is_none();
            let before = allowed.len();
            for reading in READINGS.into_iter().filter(|it| it.keeps || forgets) {
                let ranked = self.ranked(session, model, reading);
                let (doubted, ranked): (Vec<_>, Vec<_>) =
                    ranked.into_iter().partition(|(_, it)| self.is_doubted(it));
                let doubted = doubted.into_iter().map(|(_, it)| it).filter(|it| is_new(it));
                let free = ranked.into_iter().filter(|(_, it)| is_new(it) && is_free(it, now_us));
                // Whether a rest that ended a moment ago is over for the gateway too, the network does not tell.
                let (long, just): (Vec<_>, Vec<_>) =
                    free.partition(|(_, it)| is_free(it, now_us - self.promptly_us));
                let best = long.iter().map(|(rank, _)| rank.clone()).min();
                let best = long.into_iter().filter(|(rank, _)| Some(rank) == best.as_ref());
                let just = just.into_iter().map(|(_, it)| it).chain(doubted);
                let just = just.map(|it| allow(it, Kind::May));
                for it in just.chain(best.map(|(_, it)| allow(it, must))) {
                    if !allowed.contains(&it) {
                        allowed.push(it);
                    }
                }
            }
            if allowed[before..].iter().any(|it| it.kind == must) {
                break;
            }
        }
        allowed
    }

    /// Everybody who may ever be asked for a model.
    pub(super) fn all_for(&self, session: &Session, model: &str) -> Vec<Asked> {
        self.ranked(session, model, READINGS[0]).into_iter().map(|(_, it)| it).collect()
    }

    /// The credentials for a model, each with what decides: less goes first.
    fn ranked(&self, session: &Session, model: &str, reading: Reading) -> Vec<(Rank, Asked)> {
        let provider = provider_of(model);
        let of = |name: &String| Asked { model: model.to_owned(), credential: name.clone() };
        let own: Vec<&Credential> =
            self.chain.credentials.iter().filter(|it| it.provider == provider).collect();
        let pin = session.pin.as_ref().filter(|pin| own.iter().any(|it| it.name == **pin));
        if let (Some(pin), Version::March) = (pin, self.version) {
            return vec![(Rank::default(), of(pin))];
        }
        let order = self.chain.order.get(provider);
        let kept = session.kept.get(provider);
        let rank = |it: &&Credential| {
            let health = self.healths.get(&(provider.to_owned(), it.name.clone()));
            let answered_us = health.filter(|_| reading.counts_answers).map(|it| it.last_answer_us);
            let last_used_us = health.and_then(|it| it.last_used_us).max(answered_us.flatten());
            let place = match order {
                Some(order) => (order.iter().position(|name| *name == it.name)?, None),
                None => (self.tier(it.kind), last_used_us),
            };
            let is_kept = kept == Some(&it.name) && reading.keeps;
            Some((Rank(pin != Some(&it.name), !is_kept, place), of(&it.name)))
        };
        own.iter().filter_map(rank).collect()
    }

    fn tier(&self, kind: CredentialKind) -> usize {
        match (kind, self.version) {
            (CredentialKind::OAuth, _) => 0,
            (CredentialKind::Token, Version::September) => 1,
            (CredentialKind::Token | CredentialKind::ApiKey, _) => 2,
        }
    }
}

/// What the contract leaves open in the order of credentials.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// Whether what a session kept still holds.
    keeps: bool,
    /// Whether an answer is a use, and not only the request.
    counts_answers: bool,
}

const READINGS: [Reading; 4] = [
    Reading { keeps: true, counts_answers: false },
    Reading { keeps: true, counts_answers: true },
    Reading { keeps: false, counts_answers: false },
    Reading { keeps: false, counts_answers: true },
];

/// What decides between credentials: chosen, kept, and the place in the order or by kind and use.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(bool, bool, (usize, Option<i64>));
