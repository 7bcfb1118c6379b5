//! How a credential is doing: the ladder of rests, disables, and what ends them.

use super::{Reason, Version, provider_of};
use crate::context::Cooldowns;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// A provider that asks to be left alone for longer is asked again after so long. The contract has no limit, but a wait needs
/// one.
const ASKED_MAX: i64 = 24 * HOUR;

/// A time in which a credential must not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rest {
    until_us: i64,
    /// The one model that it is about; all without.
    model: Option<String>,
}

/// One credential's health.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Health {
    /// When it was asked last, and when it last answered.
    pub(super) last_used_us: Option<i64>,
    pub(super) last_answer_us: Option<i64>,
    rests: Vec<Rest>,
    disabled_until_us: Option<i64>,
    failures: u32,
    disables: u32,
    last_failure_us: Option<i64>,
}

/// What a failure did, for marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    Unmoved,
    /// It rests, at this step of the ladder, from 1.
    Rests {
        step: u32,
        /// As long as the provider asked for.
        is_asked: bool,
    },
    /// Disabled, for the n-th time.
    Disabled(u32),
}

impl Health {
    /// Until when it must not be asked for a model; nothing if it may.
    pub(super) fn rests_until(&self, model: &str, now_us: i64) -> Option<i64> {
        let rests = self.rests.iter().filter(|it| it.model.as_deref().is_none_or(|it| it == model));
        let ends = rests.map(|it| it.until_us).chain(self.disabled_until_us);
        ends.filter(|it| *it > now_us).max()
    }

    /// What the newest rest, or the disable, is about (all models without), and when it ends.
    pub(super) fn newest(&self, is_disable: bool) -> (Option<String>, i64) {
        match self.rests.last() {
            Some(rest) if !is_disable => (rest.model.clone(), rest.until_us),
            _ => (None, self.disabled_until_us.unwrap_or_default()),
        }
    }

    /// Whether it rested, and may be asked for a model again, with no answer since.
    pub(super) fn is_back(&self, model: &str, now_us: i64) -> bool {
        let rests = self.rests.iter().filter(|it| it.model.as_deref().is_none_or(|it| it == model));
        let mut ends = rests.map(|it| it.until_us).chain(self.disabled_until_us);
        ends.any(|it| it <= now_us) && self.rests_until(model, now_us).is_none()
    }

    /// Whether it rests for another model alone.
    pub(super) fn rests_for_another(&self, model: &str, now_us: i64) -> bool {
        self.rests
            .iter()
            .any(|it| it.until_us > now_us && it.model.as_deref().is_some_and(|it| it != model))
    }

    /// Forgets its failures where it rested, and does not any more: says whether there were any.
    pub(super) fn begins_anew(&mut self, now_us: i64) -> bool {
        let rests = self.rests.iter().map(|it| it.until_us).chain(self.disabled_until_us);
        let had = self.failures + self.disables > 0;
        if !had || rests.max().is_none_or(|it| it > now_us) {
            return false;
        }
        (self.failures, self.disables) = (0, 0);
        true
    }

    /// Whether its failures are so long ago that they do not count any more.
    pub(super) fn forgets(&self, now_us: i64, cooldowns: &Cooldowns) -> bool {
        let window_us = cooldowns.failure_window_us.unwrap_or(24 * HOUR);
        self.last_failure_us.is_some_and(|it| now_us - it >= window_us)
    }

    /// An answer ends what kept it from being asked for this model, and the count of failures. Whether there was one.
    pub(super) fn answered(&mut self, model: &str, now_us: i64) -> bool {
        let has_counted = self.failures + self.disables > 0;
        let stays =
            |it: &Rest| it.until_us > now_us && it.model.as_deref().is_some_and(|it| it != model);
        self.rests.retain(stays);
        *self = Self {
            last_used_us: self.last_used_us,
            last_answer_us: Some(now_us),
            rests: std::mem::take(&mut self.rests),
            ..Self::default()
        };
        has_counted
    }

    pub(super) fn failed(
        &mut self,
        version: Version,
        model: &str,
        (reason, asked_us): (Reason, i64),
        (now_us, cooldowns): (i64, &Cooldowns),
    ) -> Effect {
        if !reason.is_the_provider_s() {
            return Effect::Nothing;
        }
        if self.forgets(now_us, cooldowns) {
            (self.failures, self.disables) = (0, 0);
        }
        self.last_failure_us = Some(now_us);
        if matches!(reason, Reason::Billing | Reason::AuthPermanent) {
            if self.disabled_until_us.is_some_and(|it| it > now_us) {
                return Effect::Unmoved;
            }
            let (first, longest) = disables(version, provider_of(model), cooldowns);
            self.disabled_until_us = Some(now_us + (first << self.disables.min(16)).min(longest));
            self.disables += 1;
            return Effect::Disabled(self.disables);
        }
        // A model that is overloaded or breaks leaves its siblings to be asked.
        let is_scoped = match reason {
            Reason::Overloaded | Reason::Timeout | Reason::ServerError => true,
            Reason::RateLimit => version == Version::September,
            _ => false,
        };
        let model = is_scoped.then(|| model.to_owned());
        self.rests.retain(|it| it.until_us > now_us);
        if self.rests.iter().any(|it| it.model == model) {
            return Effect::Unmoved;
        }
        self.failures += 1;
        let step = match (version, self.failures) {
            // min(3600, 60 x 5^(n-1)) s.
            (Version::March, n @ 1..=3) => MINUTE * 5_i64.pow(n - 1),
            (Version::March, _) => HOUR,
            (Version::September, 1) => 30 * SECOND,
            (Version::September, 2) => MINUTE,
            (Version::September, _) => 5 * MINUTE,
        };
        let asked_us = asked_us.min(ASKED_MAX);
        self.rests.push(Rest { until_us: now_us + step.max(asked_us), model });
        Effect::Rests { step: self.failures, is_asked: asked_us > step }
    }
}

/// How long a provider's credential is disabled first, and how long at most. A first time that somebody chose is never cut.
fn disables(version: Version, provider: &str, cooldowns: &Cooldowns) -> (i64, i64) {
    let (first, longest) = match version {
        Version::March => (5 * HOUR, 24 * HOUR),
        Version::September => (10 * MINUTE, 10 * MINUTE),
    };
    let own = cooldowns.billing_backoff_by_provider_us.get(provider).copied();
    let shared = cooldowns.billing_backoff_us.unwrap_or(first);
    let longest = cooldowns.billing_max_us.unwrap_or(longest).max(shared);
    let first = own.unwrap_or(shared);
    (first, longest.max(first))
}
