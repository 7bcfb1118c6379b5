//! The logins of all agents: each is renewed when its end is near, once, however many wait for it.
//!
//! ```text
//!   request ─▶ good? ──yes──────────────────────────────▶ access
//!                └─no─▶ file ─▶ its turn ─▶ still not good? ─▶ provider ─▶ files ─▶ memory ─▶ access
//!                       (one at a time for each refresh token)
//! ```
//!
//! Agents that were given the same login share its renewal, since a provider that gives another refresh token each time
//! takes the old one from all of them. Agents whose credentials only have the same name share nothing. A login is good until
//! shortly before its end, by the wall clock and by the monotonic one, whichever comes first; and until its provider does
//! not accept it in a request, which one renewal may cure.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use creel_core::{
    ids::{AgentId, ProfileId},
    run::{ModelFailed, ModelFailure},
    time::WallTime,
};
use tokio::time::Instant;

use super::{
    Keeper,
    login::{Login, RENEW_BEFORE_MS, TokenEndpoint, renew},
};
use crate::{
    clock::{WallClock, instant},
    http::Http,
    net::Net,
    secret::Secret,
};

/// How long the renewals under way may take when the gateway ends: their tokens are used up already.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);

/// How many refresh tokens are remembered as used up. They matter where a file could not be written, and still has one.
const SPENT_MAX: usize = 256;

/// Whose login.
type Holder = (AgentId, ProfileId);

/// A login and where its provider renews it.
#[derive(Clone, Debug)]
pub struct Renewable {
    /// The provider's name.
    pub provider: String,
    /// Where.
    pub endpoint: TokenEndpoint,
    /// The login, as the agent's file has it.
    pub login: Login,
}

/// All logins.
pub struct Logins<N: Net> {
    http: Http<N>,
    keeper: Keeper,
    wall_clock: WallClock,
    state: Mutex<State>,
}

struct State {
    held: BTreeMap<Holder, Held>,
    /// Who renews: one at a time for each refresh token.
    turns: BTreeMap<Secret, Arc<tokio::sync::Mutex<()>>>,
    /// What came of the tries with a refresh token that brought nothing.
    tries: BTreeMap<Secret, Tries>,
    /// Refresh tokens that are used up, the latest last.
    spent: VecDeque<Secret>,
    /// Whose file does not have the renewed login.
    unkept: BTreeSet<Holder>,
}

/// A login, and what is known of it beside what its file says.
#[derive(Clone)]
struct Held {
    it: Renewable,
    /// Its end on the monotonic clock, which nobody sets.
    ends: Option<Instant>,
    trust: Trust,
}

/// Whether the provider takes a login that is not at its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Nothing else is known.
    Good,
    /// It did not accept it.
    Doubted,
    /// It was renewed for that: another refusal is about something else.
    Renewed,
}

#[derive(Clone, Default)]
struct Tries {
    count: u64,
    last: Option<ModelFailed>,
}

impl Held {
    fn new(it: Renewable, trust: Trust, (now, at): (WallTime, Instant)) -> Self {
        // An end beyond what the clock can count is none.
        let ends = it.login.left(now).and_then(|left| at.checked_add(left));
        Self { it, ends, trust }
    }

    /// Whether it can be used now without being renewed.
    fn is_good(&self, (now, at): (WallTime, Instant)) -> bool {
        let before = Duration::from_millis(RENEW_BEFORE_MS.unsigned_abs());
        let lasts = self.ends.is_none_or(|it| it.saturating_duration_since(at) > before);
        self.trust != Trust::Doubted && lasts && self.it.login.is_fresh(now)
    }
}

/// Without the tokens.
impl<N: Net> std::fmt::Debug for Logins<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logins").finish_non_exhaustive()
    }
}

impl<N: Net> Logins<N> {
    /// These logins, whose files the keeper writes.
    pub fn new(
        http: Http<N>,
        keeper: Keeper,
        wall_clock: WallClock,
        held: BTreeMap<Holder, Renewable>,
    ) -> Self {
        let now = (wall_clock.now(), instant());
        let held = held.into_iter().map(|(holder, it)| (holder, Held::new(it, Trust::Good, now)));
        let state = State {
            held: held.collect(),
            turns: BTreeMap::new(),
            tries: BTreeMap::new(),
            spent: VecDeque::new(),
            unkept: BTreeSet::new(),
        };
        Self { http, keeper, wall_clock, state: Mutex::new(state) }
    }

    /// What a request of this agent is made with, renewed if its end is near; none if the credential is no login.
    #[expect(
        clippy::disallowed_methods,
        reason = "a renewal outlives the request that asked for it; `settle` waits for it at the end"
    )]
    pub async fn access(
        self: &Arc<Self>,
        agent: &AgentId,
        profile: &ProfileId,
    ) -> Option<Result<Secret, ModelFailed>> {
        let holder = (agent.clone(), profile.clone());
        let known = self.held(&holder)?;
        if known.is_good(self.now()) {
            return Some(Ok(known.it.login.access));
        }
        let refresh = known.it.login.refresh;
        let tries = (refresh.clone(), self.tries(&refresh).count);
        let this = self.clone();
        // Whoever waits may be stopped; the provider has taken the old token all the same.
        let renewal = tokio::spawn(async move { this.in_turn(&holder, tries).await });
        match renewal.await {
            Ok(renewed) => Some(renewed),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Takes note that a provider did not accept what a request was made with: whoever asks with it next has it renewed before,
    /// once, though its end may be far.
    pub fn doubt(&self, access: &Secret) {
        let mut state = self.state();
        for held in state.held.values_mut().filter(|it| it.it.login.access == *access) {
            if held.trust == Trust::Good {
                held.trust = Trust::Doubted;
            }
        }
    }

    /// Waits for the renewals under way, when the gateway ends.
    pub async fn settle(&self) {
        let turns: Vec<_> = self.state().turns.values().cloned().collect();
        let all = async {
            for turn in turns {
                drop(turn.lock().await);
            }
        };
        if tokio::time::timeout(SETTLE_WITHIN, all).await.is_err() {
            tracing::error!("a login was being renewed when the gateway ended: it may be lost");
        }
        let unkept = self.state().unkept.clone();
        for holder in unkept {
            self.keep(&holder).await;
        }
    }

    /// Takes up what somebody else wrote into the file beside us, and renews a login in its turn unless that was done meanwhile.
    /// `tries` is how many had failed with a refresh token when the wait began.
    async fn in_turn(&self, holder: &Holder, tries: (Secret, u64)) -> Result<Secret, ModelFailed> {
        loop {
            self.take_up(holder).await;
            let Some(held) = self.held(holder) else {
                return Err(ModelFailure::NotConfigured.into());
            };
            let refresh = &held.it.login.refresh;
            let before = if tries.0 == *refresh { tries.1 } else { self.tries(refresh).count };
            let turn = self.turn(refresh);
            let guard = turn.lock().await;
            // Whoever had the turn before may have put another one in its place.
            let is_same = self.held(holder).is_some_and(|it| it.it.login.refresh == *refresh);
            let renewed = if is_same { Some(self.renewed(holder, before).await) } else { None };
            drop(guard);
            drop(turn);
            self.state().turns.retain(|_, it| Arc::strong_count(it) > 1);
            if let Some(renewed) = renewed {
                return renewed;
            }
        }
    }

    async fn take_up(&self, holder: &Holder) {
        let Some(login) = self.keeper.stored_login(&holder.0, &holder.1).await else { return };
        let now = self.now();
        let mut state = self.state();
        // A file that could not be written still has what is used up.
        if state.spent.contains(&login.refresh) {
            return;
        }
        if let Some(held) = state.held.get_mut(holder)
            && held.it.login.refresh != login.refresh
        {
            *held = Held::new(Renewable { login, ..held.it.clone() }, Trust::Good, now);
        }
    }

    /// Renews a login, unless somebody did so meanwhile.
    async fn renewed(&self, holder: &Holder, tries: u64) -> Result<Secret, ModelFailed> {
        let Some(held) = self.held(holder) else {
            return Err(ModelFailure::NotConfigured.into());
        };
        let now = self.now();
        if held.is_good(now) {
            return Ok(held.it.login.access);
        }
        let Renewable { provider, endpoint, login } = held.it;
        let Tries { count, last } = self.tries(&login.refresh);
        let is_over = last.as_ref().is_some_and(|it| it.failure == ModelFailure::LoginRefused);
        if let Some(failed) = last.filter(|_| is_over || count > tries) {
            // It was asked while we waited, or is known to be over: asking again would bring the same.
            return Err(failed);
        }
        match renew(&self.http, &endpoint, (&login, now.0)).await {
            Ok(renewed) => {
                let trust = if held.trust == Trust::Doubted { Trust::Renewed } else { Trust::Good };
                let renewed = Renewable { provider, endpoint, login: renewed };
                let renewed = Held::new(renewed, trust, now);
                self.replace(&holder.1, &login, &renewed).await;
                let Held { it: Renewable { provider, login, .. }, .. } = renewed;
                tracing::info!(provider, profile = %holder.1, "login renewed");
                Ok(login.access)
            }
            Err(failed) => {
                let tries = &mut self.state().tries;
                let Tries { count, last } = tries.entry(login.refresh).or_default();
                *count += 1;
                *last = Some(failed.clone());
                Err(failed)
            }
        }
    }

    /// Puts a renewed login in the place of the old one wherever that is held: in the files first, since the old one is gone.
    async fn replace(&self, profile: &ProfileId, old: &Login, new: &Held) {
        let provider = &new.it.provider;
        let is_it = |(holder, held): &(&Holder, &Held)| {
            let it = &held.it;
            holder.1 == *profile && it.provider == *provider && it.login.refresh == old.refresh
        };
        let holders: Vec<Holder> =
            self.state().held.iter().filter(is_it).map(|(holder, _)| holder.clone()).collect();
        if new.it.login.refresh != old.refresh {
            let spent = &mut self.state().spent;
            spent.push_back(old.refresh.clone());
            if spent.len() > SPENT_MAX {
                spent.pop_front();
            }
        }
        for holder in &holders {
            self.keep_as(holder, &new.it.login).await;
        }
        let mut state = self.state();
        state.tries.remove(&old.refresh);
        for holder in holders {
            state.held.insert(holder, new.clone());
        }
    }

    /// Writes a login that is in no file yet once more.
    async fn keep(&self, holder: &Holder) {
        if let Some(held) = self.held(holder) {
            self.keep_as(holder, &held.it.login).await;
        }
    }

    async fn keep_as(&self, holder: &Holder, login: &Login) {
        let mut gone: Vec<Secret> = self.state().spent.iter().cloned().collect();
        // Some providers never change it.
        gone.push(login.refresh.clone());
        let is_done = self.keeper.keep_login((&holder.0, &holder.1), (gone, login.clone())).await;
        let unkept = &mut self.state().unkept;
        if is_done {
            unkept.remove(holder);
        } else {
            unkept.insert(holder.clone());
        }
    }

    fn held(&self, holder: &Holder) -> Option<Held> {
        self.state().held.get(holder).cloned()
    }

    fn turn(&self, refresh: &Secret) -> Arc<tokio::sync::Mutex<()>> {
        self.state().turns.entry(refresh.clone()).or_default().clone()
    }

    fn tries(&self, refresh: &Secret) -> Tries {
        self.state().tries.get(refresh).cloned().unwrap_or_default()
    }

    /// What both clocks show.
    fn now(&self) -> (WallTime, Instant) {
        (self.wall_clock.now(), instant())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests;
