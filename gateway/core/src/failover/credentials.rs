//! An agent's credentials, and in which order they are used.
//!
//! Source: contract, section 6.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    ledger::{Health, Pin, Policy},
    provider_of,
};
use crate::{
    ids::{ModelId, ProfileId, ProviderId},
    time::Timestamp,
};

/// What kind of credential it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A login that is refreshed.
    OAuth,
    /// A token that is not.
    Token,
    /// An API key.
    ApiKey,
}

/// One credential. The secret itself stays in the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Whose it is.
    pub provider: ProviderId,
    /// Of which kind.
    pub kind: Kind,
    /// From when on nobody takes it any more, if that is known.
    pub ends: Option<Timestamp>,
}

/// One agent's credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// All that there are.
    pub stored: BTreeMap<ProfileId, Credential>,
    /// `auth.order`: these and no others, in this order.
    pub order: BTreeMap<ProviderId, Vec<ProfileId>>,
    /// `auth.profiles`: where one of a provider is named, these and no others of it.
    pub configured: Vec<ProfileId>,
}

/// How an agent's credentials are doing.
pub type Ledger = BTreeMap<ProfileId, Health>;

/// What a choice of a credential is made from.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'a> {
    /// The agent's.
    pub credentials: &'a Credentials,
    /// How they are doing.
    pub ledger: &'a Ledger,
    /// The version's constants.
    pub policy: &'a Policy,
    /// What the person chose.
    pub pin: Option<&'a ProfileId>,
    /// What the session used last, by provider.
    pub kept: &'a BTreeMap<ProviderId, ProfileId>,
}

impl Pool<'_> {
    /// When a credential may be used for a model again; none if it may be used now.
    pub fn blocked_until(
        &self,
        now: Timestamp,
        model: &ModelId,
        it: &ProfileId,
    ) -> Option<Timestamp> {
        Some(self.ledger.get(it)?.blocked(now, model)?.until)
    }

    /// The credentials for a model, best first; those that rest come last, soonest first.
    pub fn ordered(&self, now: Timestamp, model: &ModelId) -> Vec<ProfileId> {
        let Some(provider) = provider_of(model) else { return Vec::new() };
        let mut found = self.of_provider(now, &provider);
        let pin = self.pin.filter(|it| found.contains(it)).cloned();
        if let (Some(pin), Pin::Locked) = (&pin, self.policy.pin) {
            return vec![pin.clone()];
        }
        let kept = self.kept.get(&provider);
        // Sorting is stable: where nothing tells two apart, the order that was found holds.
        found.sort_by_key(|it| {
            (
                self.blocked_until(now, model, it),
                Reverse(pin.as_ref() == Some(it)),
                Reverse(kept == Some(it)),
            )
        });
        found
    }

    /// The soonest moment at which one of the models can be asked, of those that only rest.
    pub fn soonest(&self, now: Timestamp, models: &[ModelId]) -> Option<Timestamp> {
        let of_model = |model: &ModelId| {
            let waits = self.ordered(now, model).into_iter();
            waits.filter_map(|it| self.blocked_until(now, model, &it)).min()
        };
        models.iter().filter_map(of_model).min()
    }

    fn of_provider(&self, now: Timestamp, provider: &ProviderId) -> Vec<ProfileId> {
        let Credentials { stored, order, configured } = self.credentials;
        let is_its = |it: &&ProfileId| stored.get(*it).is_some_and(|it| it.provider == *provider);
        let lives = |it: &ProfileId| stored[it].ends.is_none_or(|end| now < end);
        if let Some(order) = order.get(provider) {
            return order.iter().filter(is_its).filter(|it| lives(it)).cloned().collect();
        }
        let mut found: Vec<_> = configured.iter().filter(is_its).cloned().collect();
        if found.is_empty() {
            found = stored.keys().filter(is_its).cloned().collect();
        }
        // One that was named and has ended is not replaced by one that was not.
        found.retain(lives);
        let last_used = |it: &ProfileId| self.ledger.get(it).and_then(|it| it.last_used);
        found.sort_by_key(|it| (self.tier(stored[it].kind), last_used(it)));
        found
    }

    const fn tier(&self, kind: Kind) -> u8 {
        match kind {
            Kind::OAuth => 0,
            Kind::Token if self.policy.tokens_first => 1,
            Kind::Token | Kind::ApiKey => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        failover::{
            Reason,
            ledger::{POLICY_2026_3, POLICY_2026_9},
        },
        time::Millis,
    };

    fn id(text: &str) -> ProfileId {
        ProfileId::new(text).unwrap()
    }

    fn model() -> ModelId {
        ModelId::new("p/m").unwrap()
    }

    /// Credentials by name and kind, all of provider `p`.
    fn of(rows: &[(&str, Kind)]) -> Credentials {
        let provider = ProviderId::new("p").unwrap();
        let credential = |kind| Credential { provider: provider.clone(), kind, ends: None };
        let stored = rows.iter().map(|(name, kind)| (id(name), credential(*kind))).collect();
        Credentials { stored, ..Credentials::default() }
    }

    fn order(pool: &Pool<'_>, now: u64) -> String {
        let found = pool.ordered(Timestamp::from_ms(now), &model());
        found.iter().map(ProfileId::as_str).collect::<Vec<_>>().join(" ")
    }

    fn pool<'a>(
        credentials: &'a Credentials,
        ledger: &'a Ledger,
        kept: &'a BTreeMap<ProviderId, ProfileId>,
    ) -> Pool<'a> {
        Pool { credentials, ledger, policy: &POLICY_2026_9, pin: None, kept }
    }

    #[test]
    fn what_has_ended_is_not_offered_and_lets_nobody_else_in() {
        let mut credentials = of(&[("a", Kind::ApiKey), ("t", Kind::Token)]);
        credentials.stored.get_mut(&id("t")).unwrap().ends = Some(Timestamp::from_ms(100));
        let (ledger, nothing) = (Ledger::new(), BTreeMap::new());
        let check = |credentials: &Credentials, pin: Option<&ProfileId>, expected: [&str; 2]| {
            let pool = Pool { pin, policy: &POLICY_2026_3, ..pool(credentials, &ledger, &nothing) };
            assert_eq!([order(&pool, 99), order(&pool, 100)], expected);
        };
        check(&credentials, None, ["a t", "a"]);
        check(&credentials, Some(&id("t")), ["t", "a"]);
        let named = Credentials { configured: vec![id("t")], ..credentials.clone() };
        check(&named, None, ["t", ""]);
        let provider = ProviderId::new("p").unwrap();
        let ordered = [(provider, vec![id("t"), id("a")])].into();
        check(&Credentials { order: ordered, ..credentials }, None, ["t a", "a"]);
    }

    #[test]
    fn logins_come_first_then_the_least_recently_used_then_those_that_rest() {
        let rows = [
            ("a", Kind::ApiKey),
            ("b", Kind::ApiKey),
            ("c", Kind::ApiKey),
            ("o", Kind::OAuth),
            ("t", Kind::Token),
        ];
        let mut credentials = of(&rows);
        let mut ledger = Ledger::new();
        let nothing = BTreeMap::new();
        assert_eq!(order(&pool(&credentials, &ledger, &nothing), 0), "o t a b c");
        let older = Pool { policy: &POLICY_2026_3, ..pool(&credentials, &ledger, &nothing) };
        assert_eq!(order(&older, 0), "o a b c t");
        ledger.entry(id("a")).or_default().used(Timestamp::from_ms(2));
        ledger.entry(id("b")).or_default().used(Timestamp::from_ms(1));
        assert_eq!(order(&pool(&credentials, &ledger, &nothing), 5), "o t c b a");
        for (name, at) in [("o", 10), ("c", 5)] {
            let why = (Reason::Timeout, None);
            let health = ledger.entry(id(name)).or_default();
            health.failed(Timestamp::from_ms(at), &model(), why, &POLICY_2026_9);
        }
        assert_eq!(order(&pool(&credentials, &ledger, &nothing), 20), "t b a c o");
        credentials.configured = vec![id("c"), id("a")];
        assert_eq!(order(&pool(&credentials, &ledger, &nothing), 20), "a c");
        credentials.order = [(ProviderId::new("p").unwrap(), vec![id("b"), id("t")])].into();
        assert_eq!(order(&pool(&credentials, &ledger, &nothing), 20), "b t");
    }

    #[test]
    fn a_session_keeps_its_credential_and_a_person_s_choice_goes_before() {
        let credentials = of(&[("a", Kind::ApiKey), ("b", Kind::ApiKey), ("c", Kind::ApiKey)]);
        let mut ledger = Ledger::new();
        let kept = [(ProviderId::new("p").unwrap(), id("b"))].into();
        let pin = id("c");
        let kept_only = pool(&credentials, &ledger, &kept);
        assert_eq!(order(&kept_only, 0), "b a c");
        assert_eq!(order(&Pool { pin: Some(&pin), ..kept_only }, 0), "c b a");
        let locked = Pool { pin: Some(&pin), policy: &POLICY_2026_3, ..kept_only };
        assert_eq!(order(&locked, 0), "c");
        let health = ledger.entry(id("c")).or_default();
        health.failed(Timestamp::from_ms(0), &model(), (Reason::Auth, None), &POLICY_2026_9);
        let rests = Pool { pin: Some(&pin), ..pool(&credentials, &ledger, &kept) };
        assert_eq!(order(&rests, 29_999), "b a c");
        assert_eq!(order(&rests, 30_000), "c b a");
        assert_eq!(
            rests.soonest(Timestamp::from_ms(1), &[model()]),
            Some(Timestamp::from_ms(0) + Millis::from_s(30))
        );
    }
}
