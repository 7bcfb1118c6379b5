//! The ledger: how each credential is doing, and until when it rests.
//!
//! ```text
//!               failed, to be waited out          failed, of money or for good
//!   Well ───────────────▶ Cooling ──┐   Well ──────────────▶ Disabled ──┐
//!    ▲  ▲                  until t  │    ▲                    until t   │
//!    │  └──── succeeded ────┘       │    └──── succeeded ────────┘      │
//!    └──────── t has come ──────────┘    └──────── t has come ──────────┘
//! ```
//!
//! A window that is open is never moved by another failure: only success or its end closes it. Failures that the provider
//! is not to blame for change nothing.
//!
//! Source: contract, section 6; public bugs F-01, F-02, F-09, F-12.

use std::collections::BTreeMap;

use super::Reason;
use crate::{
    ids::ModelId,
    time::{Millis, Timestamp},
};

/// The constants of one version of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long a credential rests after the first failure, the second and so on; the last step holds for all further ones.
    pub ladder: &'static [Millis],
    /// How long one without money, or one that was revoked, is left alone the first time.
    pub disabled_first: Millis,
    /// It doubles with each further time, up to this.
    pub disabled_max: Millis,
    /// After so long without a failure, failures are counted from the first again.
    pub failure_window: Millis,
    /// What a rate limit is a limit of.
    pub rate_limit_scope: RateLimitScope,
    /// How often a request that met a rate limit is made in all, with one credential and model.
    pub rate_limit_tries: u32,
    /// How often a request that met another passing failure is repeated.
    pub outage_retries: u32,
    /// For how long it is repeated, from the first failure on.
    pub outage: Millis,
    /// How many other credentials are tried after passing failures, before the next model.
    pub rotations_max: u32,
    /// What a request that the provider calls malformed leads to.
    pub malformed: Malformed,
    /// What a credential that a person chose is.
    pub pin: Pin,
    /// Whether tokens come before API keys.
    pub tokens_first: bool,
}

impl Policy {
    /// The same with another first disable, which no limit cuts.
    #[must_use]
    pub fn disabling_for(self, first: Millis) -> Self {
        Self { disabled_first: first, disabled_max: self.disabled_max.max(first), ..self }
    }

    /// Whether a failure says nothing of the credential's other models: a model that is overloaded, does not answer or breaks
    /// leaves its siblings to be asked.
    fn rests_one_model(&self, reason: Reason) -> bool {
        match reason {
            Reason::Overloaded | Reason::Timeout | Reason::ServerError => true,
            Reason::RateLimit => self.rate_limit_scope == RateLimitScope::Model,
            _ => false,
        }
    }
}

/// What a request that the provider calls malformed leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The next credential, then the next model.
    GoesOn,
    /// The turn's end.
    EndsTurn,
}

/// What a credential that a person chose is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// The only one of its provider.
    Locked,
    /// The first.
    Preferred,
}

/// The longest rest that a provider's own words can ask for: a day, as for the longest disable.
pub const REST_ASKED_MAX: Millis = Millis::from_s(24 * 3_600);

/// For what a rate limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitScope {
    /// For the credential.
    Profile,
    /// For the credential and the model.
    Model,
}

/// `2026.3`.
pub const POLICY_2026_3: Policy = Policy {
    ladder: &[
        Millis::from_s(60),
        Millis::from_s(300),
        Millis::from_s(1_500),
        Millis::from_s(3_600),
    ],
    disabled_first: Millis::from_s(5 * 3_600),
    disabled_max: Millis::from_s(24 * 3_600),
    failure_window: Millis::from_s(24 * 3_600),
    rate_limit_scope: RateLimitScope::Profile,
    // A declared choice of ours; what the version's own gateway did was twelve requests in some twenty seconds.
    rate_limit_tries: 1,
    outage_retries: 0,
    outage: Millis::ZERO,
    rotations_max: u32::MAX,
    malformed: Malformed::GoesOn,
    pin: Pin::Locked,
    tokens_first: false,
};

/// `2026.9`.
pub const POLICY_2026_9: Policy = Policy {
    ladder: &[Millis::from_s(30), Millis::from_s(60), Millis::from_s(300)],
    disabled_first: Millis::from_s(600),
    disabled_max: Millis::from_s(600),
    failure_window: Millis::from_s(24 * 3_600),
    rate_limit_scope: RateLimitScope::Model,
    rate_limit_tries: 10,
    outage_retries: 8,
    outage: Millis::from_s(90),
    rotations_max: 1,
    malformed: Malformed::EndsTurn,
    pin: Pin::Preferred,
    tokens_first: true,
};

/// A time in which a credential is not to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its end: the first moment at which the credential may be used again.
    pub until: Timestamp,
    /// What began it.
    pub reason: Reason,
    /// The one model that it holds for; all of them without.
    pub model: Option<ModelId>,
}

/// How one credential is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// When it was used last.
    pub last_used: Option<Timestamp>,
    /// The cooldowns: at most one for all models, and one for each.
    pub cooldowns: Vec<Window>,
    /// The newest disable, over or not.
    pub disabled: Option<Window>,
    /// Failures in a row that a cooldown answered.
    pub errors: u32,
    /// The same for disables.
    pub disables: u32,
    /// When it failed last.
    pub last_failure: Option<Timestamp>,
    /// All failures in a row, by reason.
    pub failures: BTreeMap<Reason, u32>,
}

/// What a failure does to a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Penalty {
    None,
    Cooldown,
    Disable,
}

fn penalty(reason: Reason) -> Penalty {
    match reason {
        Reason::Billing | Reason::AuthPermanent => Penalty::Disable,
        Reason::Auth
        | Reason::RateLimit
        | Reason::Overloaded
        | Reason::Timeout
        | Reason::ServerError => Penalty::Cooldown,
        // The next credential would meet the same: it is the request, the model, or us.
        Reason::Format
        | Reason::ModelNotFound
        | Reason::ContextOverflow
        | Reason::Refusal
        | Reason::Aborted
        | Reason::Local => Penalty::None,
    }
}

impl Health {
    /// The window that keeps it from being used for `model`, if one does; the later one of two.
    pub fn blocked(&self, now: Timestamp, model: &ModelId) -> Option<&Window> {
        let applies =
            |it: &&Window| now < it.until && it.model.as_ref().is_none_or(|it| it == model);
        self.cooldowns.iter().chain(&self.disabled).filter(applies).max_by_key(|it| it.until)
    }

    /// It answered for `model`: everything is forgotten but that it was used, and that other models have rate limits of
    /// their own.
    pub fn succeeded(&mut self, now: Timestamp, model: &ModelId) {
        let is_another_s = |it: &Window| it.model.as_ref().is_some_and(|it| it != model);
        let mut cooldowns = std::mem::take(&mut self.cooldowns);
        cooldowns.retain(|it| now < it.until && is_another_s(it));
        *self = Self { last_used: Some(now), cooldowns, ..Self::default() };
    }

    /// It is used now, whatever comes of it.
    pub fn used(&mut self, now: Timestamp) {
        self.last_used = Some(now);
    }

    /// It failed while it was used for `model`. The provider asked to be left alone for `rest_asked`, if it asked.
    pub fn failed(
        &mut self,
        now: Timestamp,
        model: &ModelId,
        (reason, rest_asked): (Reason, Option<Millis>),
        policy: &Policy,
    ) {
        let penalty = penalty(reason);
        if penalty == Penalty::None {
            return;
        }
        if self.last_failure.is_some_and(|it| it + policy.failure_window <= now) {
            (self.errors, self.disables) = (0, 0);
            self.failures.clear();
        }
        self.last_failure = Some(now);
        let count = self.failures.entry(reason).or_default();
        *count = count.saturating_add(1);
        match penalty {
            Penalty::None => (),
            Penalty::Cooldown => self.cool(now, model, (reason, rest_asked), policy),
            Penalty::Disable => self.disable(now, reason, policy),
        }
    }

    fn cool(
        &mut self,
        now: Timestamp,
        model: &ModelId,
        (reason, rest_asked): (Reason, Option<Millis>),
        policy: &Policy,
    ) {
        let model = policy.rests_one_model(reason).then(|| model.clone());
        // Windows of single models stand beside each other: one that is open hides no other.
        self.cooldowns.retain(|it| now < it.until);
        if self.cooldowns.iter().any(|it| it.model == model) {
            return;
        }
        let step = policy.ladder.get(self.errors as usize).or(policy.ladder.last());
        let asked = rest_asked.unwrap_or_default().min(REST_ASKED_MAX);
        let rest = step.copied().unwrap_or_default().max(asked);
        self.errors = self.errors.saturating_add(1);
        self.cooldowns.push(Window { until: now + rest, reason, model });
    }

    fn disable(&mut self, now: Timestamp, reason: Reason, policy: &Policy) {
        if self.disabled.as_ref().is_some_and(|it| now < it.until) {
            return;
        }
        let rest = policy.disabled_first.as_ms() << self.disables.min(16);
        let rest = Millis::new(rest.min(policy.disabled_max.as_ms()));
        self.disables = self.disables.saturating_add(1);
        self.disabled = Some(Window { until: now + rest, reason, model: None });
    }
}

#[cfg(test)]
mod tests;
