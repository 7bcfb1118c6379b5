//! The logins of all agents: each is renewed when its end is near, once, however many wait for it.
//!
//! ```text
//!   request ─▶ fresh? ──yes──────────────────────────────▶ access
//!                └─no─▶ its turn ─▶ still not fresh? ─▶ provider ─▶ files ─▶ memory ─▶ access
//!                       (one at a time for each provider and credential)
//! ```
//!
//! Agents that were given the same login share its renewal, since a provider that gives another refresh token each time
//! takes the old one from all of them. Agents whose credentials only have the same name share nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use creel_core::{
    ids::{AgentId, ProfileId},
    run::{ModelFailed, ModelFailure},
};

use super::{
    Keeper,
    login::{Login, TokenEndpoint, renew},
};
use crate::{clock::WallClock, http::Http, net::Net, secret::Secret};

/// How long the renewals under way may take when the gateway ends: their tokens are used up already.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);

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
    held: BTreeMap<Holder, Renewable>,
    /// Who renews: one at a time for each provider and credential.
    turns: BTreeMap<(String, ProfileId), Arc<tokio::sync::Mutex<()>>>,
    /// What came of the tries with a refresh token that brought nothing.
    tries: BTreeMap<String, Tries>,
}

#[derive(Clone, Default)]
struct Tries {
    count: u64,
    last: Option<ModelFailed>,
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
        let state = State { held, turns: BTreeMap::new(), tries: BTreeMap::new() };
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
        let Renewable { provider, login, .. } = self.state().held.get(&holder)?.clone();
        if login.is_fresh(self.wall_clock.now()) {
            return Some(Ok(login.access));
        }
        let tries = self.tries(&login).count;
        let this = self.clone();
        // Whoever waits may be stopped; the provider has taken the old token all the same.
        let renewal = tokio::spawn(async move {
            let turn = this.turn(provider, holder.1.clone());
            let _turn = turn.lock().await;
            this.renewed(&holder, tries).await
        });
        match renewal.await {
            Ok(renewed) => Some(renewed),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
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
    }

    /// Renews a login in its turn, unless somebody did so meanwhile. `tries` is how many had failed when the wait began.
    async fn renewed(&self, holder: &Holder, tries: u64) -> Result<Secret, ModelFailed> {
        // Somebody may have logged in anew beside us.
        if let Some(login) = self.keeper.stored_login(&holder.0, &holder.1).await {
            let held = &mut self.state().held;
            if let Some(it) = held.get_mut(holder).filter(|it| it.login.refresh != login.refresh) {
                it.login = login;
            }
        }
        let Some(Renewable { provider, endpoint, login }) = self.state().held.get(holder).cloned()
        else {
            return Err(ModelFailure::NotConfigured.into());
        };
        let now = self.wall_clock.now();
        if login.is_fresh(now) {
            return Ok(login.access);
        }
        let Tries { count, last } = self.tries(&login);
        let is_over = last.as_ref().is_some_and(|it| it.failure == ModelFailure::LoginRefused);
        if let Some(failed) = last.filter(|_| is_over || count > tries) {
            // It was asked while we waited, or is known to be over: asking again would bring the same.
            return Err(failed);
        }
        match renew(&self.http, &endpoint, (&login, now)).await {
            Ok(renewed) => {
                self.replace(&provider, &holder.1, (&login, &renewed)).await;
                tracing::info!(provider, profile = %holder.1, "login renewed");
                Ok(renewed.access)
            }
            Err(failed) => {
                let tries = &mut self.state().tries;
                let Tries { count, last } =
                    tries.entry(login.refresh.expose().to_owned()).or_default();
                *count += 1;
                *last = Some(failed.clone());
                Err(failed)
            }
        }
    }

    /// Puts a renewed login in the place of the old one wherever that is held: in the files first, since the old one is gone.
    async fn replace(&self, provider: &str, profile: &ProfileId, (old, new): (&Login, &Login)) {
        let is_it = |(holder, it): &(&Holder, &Renewable)| {
            holder.1 == *profile && it.provider == provider && it.login.refresh == old.refresh
        };
        let holders: Vec<Holder> =
            self.state().held.iter().filter(is_it).map(|(holder, _)| holder.clone()).collect();
        for (agent, profile) in &holders {
            self.keeper.keep_login((agent, profile), (old.clone(), new.clone())).await;
        }
        let mut state = self.state();
        state.tries.remove(old.refresh.expose());
        for holder in holders {
            if let Some(it) = state.held.get_mut(&holder) {
                it.login = new.clone();
            }
        }
    }

    fn turn(&self, provider: String, profile: ProfileId) -> Arc<tokio::sync::Mutex<()>> {
        self.state().turns.entry((provider, profile)).or_default().clone()
    }

    fn tries(&self, login: &Login) -> Tries {
        self.state().tries.get(login.refresh.expose()).cloned().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}
