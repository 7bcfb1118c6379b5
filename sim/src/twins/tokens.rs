//! Where providers renew logins: the refresh of OAuth 2, as RFC 6749 has it in sections 5 and 6, with what RFC 9700 asks for
//! in section 4.14: each renewal gives another refresh token, and one that is shown a second time ends the login.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Form, Json, Router,
    extract::{State as Shared, rejection::FormRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use creel_judge::trace::{Fact, Kind, RefreshOutcome};
use serde_json::{Value, json};

use crate::{
    base::{Login, token},
    recorder::Recorder,
    scenario::{Provider, Renewal, RenewalAct},
};

/// The twin. A clone is another handle on the same logins.
#[derive(Clone, Debug)]
pub struct Tokens {
    recorder: Recorder,
    state: Arc<Mutex<State>>,
    unfinished: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct State {
    seed: u64,
    families: Vec<Family>,
    /// What is answered next, by provider; a login is renewed where nothing stands here.
    answers: BTreeMap<String, VecDeque<Renewal>>,
    /// Every token that was given away, with the name that reports may print.
    issued: Vec<(String, String)>,
}

/// A login and everything that came of it.
#[derive(Debug)]
struct Family {
    login: Login,
    /// When each access token ends.
    access: BTreeMap<String, i64>,
    refresh: String,
    spent: BTreeSet<String>,
    is_over: bool,
    renewals: u32,
}

/// An answer, and the fact that it becomes.
struct Decided {
    credential: String,
    outcome: RefreshOutcome,
    answer: Answer,
}

enum Answer {
    Body(StatusCode, Value),
    None,
}

impl Tokens {
    /// The logins of a scenario's providers.
    pub fn new(
        recorder: Recorder,
        (logins, seed): (&[Login], u64),
        providers: &BTreeMap<String, Provider>,
    ) -> Self {
        let family = |login: &Login| Family {
            access: [(login.access.clone(), micros(login.terms.expires_in))].into(),
            refresh: login.refresh.clone(),
            spent: BTreeSet::new(),
            is_over: false,
            renewals: 0,
            login: login.clone(),
        };
        let answers = providers.iter().map(|(name, it)| (name.clone(), it.renewals.clone().into()));
        let state = State {
            seed,
            families: logins.iter().map(family).collect(),
            answers: answers.collect(),
            issued: Vec::new(),
        };
        Self { recorder, state: Arc::new(Mutex::new(state)), unfinished: Arc::default() }
    }

    /// The scenario's name of the login whose access token this is, if it may be used now.
    pub fn name(&self, provider: &str, access: &str) -> Option<String> {
        let now_us = self.recorder.now_us();
        let state = self.state();
        let family = state.families.iter().find(|it| {
            let ends_us = it.access.get(access);
            it.login.provider == provider && !it.is_over && ends_us.is_some_and(|it| now_us < *it)
        });
        family.map(|it| it.login.name.clone())
    }

    /// Every token that was given away, with its name: secrets that came up during the run.
    pub fn issued(&self) -> Vec<(String, String)> {
        self.state().issued.clone()
    }

    /// How many requests have arrived and not ended.
    pub fn unfinished(&self) -> usize {
        self.unfinished.load(Ordering::Relaxed)
    }

    /// A provider's token endpoint: `/oauth/token`.
    pub fn router(&self, provider: &str) -> Router {
        let state = (self.clone(), Arc::<str>::from(provider));
        Router::new().route("/oauth/token", post(renew)).with_state(state)
    }

    fn decide(&self, provider: &str, form: &BTreeMap<String, String>) -> (Decided, Renewal) {
        let now_us = self.recorder.now_us();
        let mut state = self.state();
        let State { seed, families, answers, issued } = &mut *state;
        let given = |name: &str| form.get(name).map_or("", String::as_str);
        let shown = given("refresh_token");
        if given("grant_type") != "refresh_token" || shown.is_empty() {
            return (Decided::refused("?", "invalid_request"), Renewal::default());
        }
        let is_its = |it: &Family| {
            it.login.provider == provider && (it.refresh == shown || it.spent.contains(shown))
        };
        let Some(family) = families.iter_mut().find(|it| is_its(it)) else {
            return (Decided::refused("?", "invalid_grant"), Renewal::default());
        };
        let name = family.login.name.clone();
        if given("client_id") != family.login.client {
            return (Decided::refused(&name, "invalid_client"), Renewal::default());
        }
        if family.spent.contains(shown) {
            family.is_over = true;
            let refused = Decided::refused(&name, "invalid_grant");
            let reused = Decided { outcome: RefreshOutcome::Reused, ..refused };
            return (reused, Renewal::default());
        }
        if family.is_over {
            return (Decided::refused(&name, "invalid_grant"), Renewal::default());
        }
        let renewal = answers.get_mut(provider).and_then(VecDeque::pop_front).unwrap_or_default();
        let decided = match renewal.act {
            RenewalAct::Grant => {
                let body = family.renew(*seed, now_us, issued);
                let answer = Answer::Body(StatusCode::OK, body);
                Decided { credential: name, outcome: RefreshOutcome::Granted, answer }
            }
            RenewalAct::Refuse => {
                family.is_over = true;
                Decided::refused(&name, "invalid_grant")
            }
            RenewalAct::Status(status) => {
                let status = StatusCode::from_u16(status).expect("scenarios say 400 to 599");
                let answer = Answer::Body(status, json!({ "error": "temporarily_unavailable" }));
                Decided { credential: name, outcome: RefreshOutcome::Failed, answer }
            }
            RenewalAct::Hang => {
                let outcome = RefreshOutcome::Unanswered;
                Decided { credential: name, outcome, answer: Answer::None }
            }
        };
        (decided, renewal)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl Family {
    /// Gives the next tokens, and takes the present refresh token back.
    fn renew(&mut self, seed: u64, now_us: i64, issued: &mut Vec<(String, String)>) -> Value {
        self.renewals += 1;
        let number = self.renewals + 1;
        let name = &self.login.name;
        let given = given(seed, name, number);
        let [(access, _), (refresh, _)] = given.clone();
        issued.extend(given);
        self.spent.insert(std::mem::replace(&mut self.refresh, refresh.clone()));
        let lifetime = self.login.terms.lifetime;
        self.access.insert(access.clone(), now_us.saturating_add(micros(lifetime)));
        json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": lifetime.as_secs(),
            "refresh_token": refresh,
        })
    }
}

impl Decided {
    fn refused(credential: &str, error: &str) -> Self {
        let status = match error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        let answer = Answer::Body(status, json!({ "error": error }));
        Self { credential: credential.to_owned(), outcome: RefreshOutcome::Refused, answer }
    }
}

/// The tokens of a login's n-th issue, the first of which it began with, each with the name that reports may print: access,
/// refresh.
fn given(seed: u64, login: &str, number: u32) -> [(String, String); 2] {
    [("access", "at"), ("refresh", "rt")].map(|(what, prefix)| {
        let value = format!("{prefix}-{}", token(seed, &format!("{what} {number}"), login));
        (value, format!("{login} {what} {number}"))
    })
}

/// Every token that was given away in a run of this seed, with its name: what is granted is in its facts, and the rest follows.
pub fn issued(seed: u64, facts: &[Fact]) -> Vec<(String, String)> {
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    let mut issued = Vec::new();
    for fact in facts {
        if let Kind::Refresh { credential, outcome: RefreshOutcome::Granted, .. } = &fact.kind {
            let number = numbers.entry(credential).or_insert(1);
            *number += 1;
            issued.extend(given(seed, credential, *number));
        }
    }
    issued
}

fn micros(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// A request that has not ended.
struct Pending(Arc<AtomicUsize>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn renew(
    Shared((twin, provider)): Shared<(Tokens, Arc<str>)>,
    form: Result<Form<BTreeMap<String, String>>, FormRejection>,
) -> Response {
    let form = form.map(|Form(it)| it).unwrap_or_default();
    let (Decided { credential, outcome, answer }, renewal) = twin.decide(&provider, &form);
    let provider = provider.to_string();
    twin.recorder.record(Kind::Refresh { provider, credential, outcome });
    twin.unfinished.fetch_add(1, Ordering::Relaxed);
    let _pending = Pending(twin.unfinished.clone());
    tokio::time::sleep(renewal.after).await;
    match answer {
        Answer::Body(status, body) => {
            (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
        Answer::None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::scenario::Terms;

    fn twin(renewals: Vec<Renewal>) -> Tokens {
        let terms = Terms {
            expires_in: Duration::from_secs(5),
            lifetime: Duration::from_mins(1),
            is_shared: false,
        };
        let text = str::to_owned;
        let login = Login {
            provider: text("p"),
            name: text("p:one"),
            access: text("a1"),
            refresh: text("r1"),
            client: text("c"),
            terms,
        };
        let provider = Provider { renewals, ..Provider::default() };
        Tokens::new(Recorder::new(), (&[login], 1), &[(text("p"), provider)].into())
    }

    fn shown(twin: &Tokens, refresh: &str, client: &str) -> (RefreshOutcome, Option<Value>) {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let form = [
            pair("grant_type", "refresh_token"),
            pair("refresh_token", refresh),
            pair("client_id", client),
        ];
        let (decided, _) = twin.decide("p", &form.into());
        let body = match decided.answer {
            Answer::Body(_, body) => Some(body),
            Answer::None => None,
        };
        (decided.outcome, body)
    }

    fn text(body: Option<&Value>, key: &str) -> String {
        body.and_then(|it| it[key].as_str()).unwrap_or_default().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_token_is_taken_once_and_shown_again_ends_the_login() {
        let twin = twin(Vec::new());
        twin.recorder.begin();
        assert_eq!(twin.name("p", "a1").as_deref(), Some("p:one"));
        let (outcome, body) = shown(&twin, "r1", "c");
        assert_eq!(outcome, RefreshOutcome::Granted);
        let access = text(body.as_ref(), "access_token");
        assert_eq!(twin.name("p", &access).as_deref(), Some("p:one"));
        assert_eq!(twin.issued().len(), 2);
        let kind = Kind::Refresh {
            provider: "p".to_owned(),
            credential: "p:one".to_owned(),
            outcome: RefreshOutcome::Granted,
        };
        let facts = [Fact { seq: 1, at_us: 0, kind }];
        assert_eq!(issued(1, &facts), twin.issued(), "a replay knows them too");
        let (outcome, body) = shown(&twin, "r1", "c");
        assert_eq!(
            (outcome, text(body.as_ref(), "error")),
            (RefreshOutcome::Reused, "invalid_grant".into())
        );
        assert_eq!(twin.name("p", &access), None, "everything that came of it is over");
    }

    #[tokio::test(start_paused = true)]
    async fn an_access_token_ends() {
        let twin = twin(Vec::new());
        twin.recorder.begin();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(twin.name("p", "a1"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_scenario_says_goes_before_and_a_stranger_gets_nothing() {
        let act = |act| Renewal { act, ..Renewal::default() };
        let twin = twin(vec![
            act(RenewalAct::Status(503)),
            act(RenewalAct::Hang),
            act(RenewalAct::Refuse),
        ]);
        assert_eq!(shown(&twin, "r1", "other").0, RefreshOutcome::Refused);
        assert_eq!(shown(&twin, "r9", "c").0, RefreshOutcome::Refused);
        let expected = [
            RefreshOutcome::Failed,
            RefreshOutcome::Unanswered,
            RefreshOutcome::Refused,
            RefreshOutcome::Refused,
        ];
        for outcome in expected {
            assert_eq!(shown(&twin, "r1", "c").0, outcome);
        }
    }
}
