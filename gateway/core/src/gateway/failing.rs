//! Failover: which model and credential a run's next request is made with, and what its failures lead to.
//!
//! A fallback answers its turn and no other: what the session has chosen stays as it is.

use super::{Effect, Gateway, Note, RunFailure, Timer};
use crate::{
    failover::{
        Reason,
        classify::classify,
        credentials::Pool,
        plan::{Attempt, Failed, Next, Plan},
        provider_of,
    },
    ids::{ModelId, RunId},
    message::Errand,
    origin::PeerKind,
    profile::Version,
    run::{ModelFailed, ModelFailure, Phase},
    session_key::SessionKey,
    time::{Millis, Timestamp},
};

impl Gateway {
    /// With which model and credential a run's next request is made; none if nothing is left.
    pub(super) fn choose(
        &mut self,
        now: Timestamp,
        id: RunId,
        effects: &mut Vec<Effect>,
    ) -> Option<Attempt> {
        let key = self.runs[&id].session.clone();
        let mut plan = self.runs[&id].plan.clone();
        if plan.candidates().is_empty() {
            plan = Plan::new(self.candidates(&key));
        }
        let attempt = plan.choose(now, &self.pool(&key));
        self.runs.get_mut(&id).expect("found above").plan = plan;
        if let Some(Attempt { profile, .. }) = &attempt {
            let agent = self.sessions[&key].agent.clone();
            self.change_health((&agent, profile), None, effects, |it| it.used(now));
        }
        attempt
    }

    /// The models that may answer in a session, the wanted one first.
    fn candidates(&self, key: &SessionKey) -> Vec<ModelId> {
        let session = &self.sessions[key];
        let agent = self.agent(&session.agent);
        let configured = std::iter::once(agent.model.clone());
        let fallbacks = agent.fallbacks.iter().cloned();
        match (&session.model, self.settings.profile.version) {
            (None, _) => configured.chain(fallbacks).collect(),
            // What a person chose is followed by the fallbacks, and the configured model comes last.
            (Some(chosen), Version::V2026_3) => {
                std::iter::once(chosen.clone()).chain(fallbacks).chain(configured).collect()
            }
            // What a person chose is meant exactly.
            (Some(chosen), Version::V2026_9) => vec![chosen.clone()],
        }
    }

    fn pool(&self, key: &SessionKey) -> Pool<'_> {
        let session = &self.sessions[key];
        Pool {
            credentials: &self.agent(&session.agent).credentials,
            ledger: self.ledgers.get(&session.agent).unwrap_or(&self.no_ledger),
            policy: &self.settings.failover,
            pin: session.pin.as_ref(),
            kept: &session.profiles,
        }
    }

    /// Nothing is left that could be asked.
    pub(super) fn exhausted(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        let run = &self.runs[&id];
        let pool = self.pool(&run.session);
        let is_known = |it: &ModelId| !pool.ordered(now, it).is_empty();
        let why = if run.plan.candidates().iter().any(is_known) {
            let soonest = pool.soonest(now, run.plan.candidates());
            let ready_in = soonest.map(|it| it.since(now));
            RunFailure::Exhausted { last: run.last_failure, ready_in }
        } else {
            RunFailure::Model(Reason::Local, ModelFailure::NotConfigured)
        };
        self.fail(now, id, why, effects);
    }

    /// A run's request brought an answer.
    pub(super) fn request_answered(
        &mut self,
        now: Timestamp,
        id: RunId,
        effects: &mut Vec<Effect>,
    ) {
        let run = self.runs.get_mut(&id).expect("the run that was just answered");
        run.plan.answered();
        let Some(Attempt { model, profile }) = run.plan.current().cloned() else { return };
        let wanted = run.plan.candidates().first().cloned();
        let (key, route) = (run.session.clone(), run.route.clone());
        let is_talk = run.errand == Errand::Talk;
        let agent = self.sessions[&key].agent.clone();
        let provider = provider_of(&model);
        self.change_health((&agent, &profile), provider.clone(), effects, |it| {
            it.succeeded(now, &model);
        });
        let session = self.session(&key);
        if let Some(provider) = provider {
            session.profiles.insert(provider, profile);
        }
        let instead = Some(model).filter(|it| Some(it) != wanted.as_ref());
        if session.answered_by == instead {
            return;
        }
        session.answered_by.clone_from(&instead);
        let Some(route) = route.filter(|_| is_talk) else { return };
        let is_in_group = route.peer.kind != PeerKind::Direct;
        let is_told = self.settings.profile.version == Version::V2026_3 || !is_in_group;
        if !is_told || self.sessions[&key].parent.is_some() {
            return;
        }
        let wanted = wanted.map_or_else(String::new, |it| it.to_string());
        let text = match instead {
            Some(model) => format!("({wanted} cannot answer just now: {model} does.)"),
            None => format!("({wanted} answers again.)"),
        };
        self.say(now, &route, &text, effects);
    }

    /// A run's request brought no answer.
    pub(super) fn request_failed(
        &mut self,
        now: Timestamp,
        (id, call): (RunId, u32),
        failed: &ModelFailed,
        effects: &mut Vec<Effect>,
    ) {
        let reason = classify(failed.seen());
        // What people have read cannot be taken back, and must not be said twice.
        let is_shown = self.close_stream(id).is_some_and(|it| it.has_begun());
        let jitter = mixed(self.seed, id.0, u64::from(call));
        let policy = self.settings.failover;
        let run = self.runs.get_mut(&id).expect("the run whose request failed");
        run.last_failure = Some((reason, failed.failure));
        let key = run.session.clone();
        let Some(Attempt { model, profile }) = run.plan.current().cloned() else {
            return self.fail(now, id, RunFailure::Model(reason, failed.failure), effects);
        };
        let rest_asked = failed.rest_asked;
        let mut next = run.plan.failed(now, Failed { reason, rest_asked, jitter }, &policy);
        let agent = self.sessions[&key].agent.clone();
        let is_blocked = self.pool(&key).blocked_until(now, &model, &profile).is_some();
        if matches!(next, Next::Wait(_)) && is_blocked {
            // Another conversation's failure took it away meanwhile: there is nothing to wait for.
            next = Next::Choose;
        }
        if is_shown {
            next = Next::Surface;
        }
        let attempt = (model.clone(), profile.clone());
        effects.push(Effect::Note(Note::RequestFailed(id, attempt.clone(), reason)));
        if !matches!(next, Next::Wait(_)) {
            let first = provider_of(&model).and_then(|it| self.settings.disabled_first.get(&it));
            let policy = first.map_or(policy, |it| policy.disabling_for(*it));
            self.change_health((&agent, &profile), None, effects, |it| {
                it.failed(now, &model, (reason, rest_asked), &policy);
            });
            if let Some(until) = self.pool(&key).blocked_until(now, &model, &profile) {
                effects.push(Effect::Note(Note::CredentialRests(attempt, until.since(now))));
            }
        }
        match next {
            Next::Wait(wait) => {
                self.runs.get_mut(&id).expect("found above").phase = Phase::Waiting(call);
                self.deadlines.set(&Timer::Retry(id), Some(now + wait));
                effects.push(Effect::Note(Note::RetriesIn(id, wait)));
            }
            Next::Choose => self.call_again(now, (id, call), &key, effects),
            Next::Surface => {
                self.fail(now, id, RunFailure::Model(reason, failed.failure), effects);
            }
        }
    }

    /// A wait between two tries is over.
    pub(super) fn retry(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        let Some(run) = self.runs.get(&id) else { return };
        let Phase::Waiting(call) = run.phase else { return };
        let key = run.session.clone();
        self.call_again(now, (id, call), &key, effects);
    }
}

/// How long a wait is, for people.
pub(super) fn plainly(span: Millis) -> String {
    let seconds = span.as_ms().div_ceil(1_000).max(1);
    let of = |count: u64, unit: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {unit}{plural}")
    };
    match seconds {
        0..120 => of(seconds, "second"),
        120..7_200 => of(seconds.div_ceil(60), "minute"),
        _ => of(seconds.div_ceil(3_600), "hour"),
    }
}

/// A number that looks random, and is the same for the same three.
fn mixed(seed: u64, run: u64, call: u64) -> u64 {
    let mut word = seed ^ run.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ call.rotate_left(32);
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        word = (word ^ (word >> 30)).wrapping_mul(factor);
    }
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gateway::Event,
        ids::ProviderId,
        lane::{DropPolicy, Mode},
        run::ModelOutcome,
        testing,
    };

    #[test]
    fn a_provider_has_its_own_time_without_money() {
        let check = |provider: &str, expected_s: u64| {
            let mut settings = testing::settings(Version::V2026_3, Mode::Followup, DropPolicy::Old);
            let provider = ProviderId::new(provider).unwrap();
            settings.disabled_first = [(provider, Millis::from_s(3_600))].into();
            let mut gateway = Gateway::new(settings, 1);
            let (now, mut effects) = (Timestamp::from_ms(0), Vec::new());
            let inbound = testing::inbound(testing::dm("3001"), "1", "m1");
            gateway.step(now, Event::Inbound(inbound), &mut effects);
            let request = effects.iter().find_map(|it| match it {
                Effect::CallModel(request) => Some((request.run, request.call)),
                _ => None,
            });
            let (run, call) = request.unwrap();
            let outcome = ModelOutcome::Failed(ModelFailure::Status(402).into());
            gateway.step(now, Event::ModelEnded { run, call, outcome }, &mut effects);
            let [view] = gateway.credentials(now).try_into().unwrap();
            assert_eq!((view.is_disabled, view.rests[0].0), (true, Millis::from_s(expected_s)));
        };
        check("openai", 3_600);
        check("another", 5 * 3_600);
    }
}
