//! The plan of one turn: with which model and credential each request is made, and what follows a failure.
//!
//! ```text
//!            passes by itself, tries left
//!          ┌────────── waits ◀─────────┐
//!          ▼                           │
//!   ┌▶ (model, credential) ──fails─────┤
//!   │      │                           ├─▶ the model's next credential ─┐
//!   │      ▼                           ├─▶ the next model ──────────────┤
//!   │   answered                       └─▶ the turn fails               │
//!   └───────────────────────────────────────────────────────────────────┘
//! ```
//!
//! What rests is skipped, not failed. Where all rests, the first model's credential is asked once, shortly before its
//! rest is over.
//!
//! Source: contract, section 6.

use std::collections::BTreeSet;

use super::{
    Reason,
    credentials::Pool,
    ledger::{Malformed, Policy},
};
use crate::{
    ids::{ModelId, ProfileId},
    time::{Millis, Timestamp},
};

/// How long before its rest is over a credential is asked where nothing else is left.
pub const PROBE_WITHIN: Millis = Millis::from_s(5);

/// The longest wait between two tries that we choose ourselves.
pub const WAIT_MAX: Millis = Millis::from_s(30);

/// The longest wait that a provider may ask for within a turn. One that asks for more is left for the next.
pub const WAIT_ASKED_MAX: Millis = Millis::from_s(60);

/// The first wait after a rate limit; it doubles.
const RATE_LIMIT_WAIT_MS: u64 = 2_000;

/// The first wait after another passing failure; it doubles.
const OUTAGE_WAIT_MS: u64 = 1_000;

/// With which model and credential a request is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The model.
    pub model: ModelId,
    /// The credential.
    pub profile: ProfileId,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same again, after this wait. The credential's health is not touched yet.
    Wait(Millis),
    /// Whatever [`Plan::choose`] says, at once.
    Choose,
    /// Nothing: the turn fails.
    Surface,
}

/// A failure, as far as a plan has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Why.
    pub reason: Reason,
    /// How long the provider asked to be left alone.
    pub rest_asked: Option<Millis>,
    /// A number from the gateway's seed, by which waits differ.
    pub jitter: u64,
}

/// One turn's way through models and credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    candidates: Vec<ModelId>,
    at: usize,
    current: Option<Attempt>,
    asked: BTreeSet<(ModelId, ProfileId)>,
    /// Failures in a row of the present model and its credentials.
    failures: u32,
    failing_since: Option<Timestamp>,
    rotations: u32,
    /// What was asked although it rests.
    probe: Option<Attempt>,
}

impl Plan {
    /// A plan through these models, the wanted one first. A model that stands there twice counts once.
    pub fn new(candidates: impl IntoIterator<Item = ModelId>) -> Self {
        let mut plan = Self::default();
        for model in candidates {
            if !plan.candidates.contains(&model) {
                plan.candidates.push(model);
            }
        }
        plan
    }

    /// The models, the wanted one first.
    pub fn candidates(&self) -> &[ModelId] {
        &self.candidates
    }

    /// With what the last request was made, or will be made again.
    pub fn current(&self) -> Option<&Attempt> {
        self.current.as_ref()
    }

    /// With what the next request is made; none if nothing is left.
    pub fn choose(&mut self, now: Timestamp, pool: &Pool<'_>) -> Option<Attempt> {
        let is_free = |model: &ModelId, profile: &ProfileId| {
            pool.blocked_until(now, model, profile).is_none()
        };
        if let Some(Attempt { model, profile }) = &self.current
            && (self.is_probing() || is_free(model, profile))
        {
            return self.current.clone();
        }
        if self.current.take().is_some() && self.failures > 0 {
            // Another conversation lost it while this one waited to ask it again.
            self.rotate(pool.policy);
        }
        while let Some(model) = self.candidates.get(self.at).cloned() {
            let is_new = |it: &ProfileId| !self.asked.contains(&(model.clone(), it.clone()));
            let found = pool.ordered(now, &model).into_iter().filter(is_new);
            if let Some(profile) = found.into_iter().find(|it| is_free(&model, it)) {
                return Some(self.take(model, profile));
            }
            self.go_to_next_model();
        }
        self.probe(now, pool)
    }

    /// The present request has its answer: what failed before it is not counted any more.
    pub fn answered(&mut self) {
        (self.failures, self.failing_since) = (0, None);
    }

    /// The present request failed.
    pub fn failed(&mut self, now: Timestamp, failed: Failed, policy: &Policy) -> Next {
        match failed.reason {
            Reason::ContextOverflow | Reason::Refusal | Reason::Aborted | Reason::Local => {
                return Next::Surface;
            }
            Reason::Format => match policy.malformed {
                Malformed::EndsTurn => return Next::Surface,
                Malformed::GoesOn => self.current = None,
            },
            Reason::Auth | Reason::AuthPermanent | Reason::Billing => self.current = None,
            Reason::ModelNotFound => self.go_to_next_model(),
            Reason::RateLimit | Reason::Overloaded | Reason::Timeout | Reason::ServerError => {
                if let Some(wait) = self.wait(now, failed, policy) {
                    return Next::Wait(wait);
                }
                self.rotate(policy);
            }
        }
        Next::Choose
    }

    /// How long until the same request is made again, if it is.
    fn wait(&mut self, now: Timestamp, failed: Failed, policy: &Policy) -> Option<Millis> {
        // A credential that others gave way to has one try.
        if self.rotations > 0 || self.is_probing() {
            return None;
        }
        self.failures += 1;
        let since = *self.failing_since.get_or_insert(now);
        let asked = failed.rest_asked.unwrap_or_default();
        let is_rate_limit = failed.reason == Reason::RateLimit;
        let first = if is_rate_limit { RATE_LIMIT_WAIT_MS } else { OUTAGE_WAIT_MS };
        let wait = backoff(first, self.failures, failed.jitter).max(asked);
        let is_within = if is_rate_limit {
            self.failures < policy.rate_limit_tries
        } else {
            self.failures <= policy.outage_retries && (now + wait).since(since) <= policy.outage
        };
        (is_within && asked <= WAIT_ASKED_MAX).then_some(wait)
    }

    fn take(&mut self, model: ModelId, profile: ProfileId) -> Attempt {
        self.asked.insert((model.clone(), profile.clone()));
        let attempt = Attempt { model, profile };
        self.current = Some(attempt.clone());
        attempt
    }

    /// A passing failure was not waited out: the next credential, or where enough were tried, the next model.
    fn rotate(&mut self, policy: &Policy) {
        self.current = None;
        self.rotations += 1;
        if self.rotations > policy.rotations_max {
            self.go_to_next_model();
        }
    }

    fn go_to_next_model(&mut self) {
        self.at += 1;
        self.current = None;
        self.rotations = 0;
        self.answered();
    }

    fn is_probing(&self) -> bool {
        self.current.is_some() && self.probe == self.current
    }

    /// All rests: the wanted model may be asked all the same if it will be free in a moment.
    fn probe(&mut self, now: Timestamp, pool: &Pool<'_>) -> Option<Attempt> {
        if self.probe.is_some() {
            return None;
        }
        let model = self.candidates.first()?.clone();
        let is_near = |it: &ProfileId| {
            let until = pool.blocked_until(now, &model, it);
            until.is_some_and(|it| it.since(now) <= PROBE_WITHIN)
        };
        let is_new = |it: &ProfileId| !self.asked.contains(&(model.clone(), it.clone()));
        let found = pool.ordered(now, &model).into_iter().find(|it| is_new(it) && is_near(it))?;
        let attempt = self.take(model, found);
        self.probe = Some(attempt.clone());
        Some(attempt)
    }
}

/// A wait that doubles up to [`WAIT_MAX`], shortened by up to a quarter.
fn backoff(first_ms: u64, failures: u32, jitter: u64) -> Millis {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = (first_ms << doublings).min(WAIT_MAX.as_ms());
    Millis::new(whole - jitter % (whole / 4 + 1))
}

#[cfg(test)]
mod tests;
