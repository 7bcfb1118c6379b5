//! A model provider: chat completions, as `https://platform.openai.com/docs/api-reference/chat` documents them, and with
//! the same script the responses of `OpenAI` and the messages of Anthropic, streamed and whole.
//!
//! A request is read and recorded, then refused (key, then shape) or answered as the script says. What differs from
//! protocol to protocol is a `Dialect`'s.

mod answer;
mod anthropic;
mod body;
pub(crate) mod dialect;
mod request;
mod responses;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Request as HttpRequest, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use creel_judge::trace::{Kind, ModelOutcome};
use serde_json::{Value, json};

use self::{
    answer::Heading,
    body::Ending,
    dialect::Dialect,
    request::{Asked, Invalid},
};
use super::{
    script::{self, Cue, ModelScript},
    tokens::Tokens,
};
use crate::{
    recorder::Recorder,
    scenario::{Act, Answer, ErrorStatus},
};

/// The largest request body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;

/// The header that asks for a wait in milliseconds.
const IN_MILLISECONDS: &str = "retry-after-ms";

/// The name of the provider that every scenario has.
pub const NAME: &str = "openai";

/// When a scenario's answers say that they were created, at its zero: 2026-03-16T09:00:00Z, as on its platforms.
const ZERO_UNIX_S: i64 = 1_773_651_600;

/// What a twin needs to know about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The provider's name in the scenario.
    pub name: String,
    /// The scenario's names of the keys, by the keys themselves. Every other key is refused.
    pub keys: BTreeMap<String, String>,
    /// What `/v1/models` lists. Requests may name any model.
    pub models: Vec<String>,
    /// The date at the recorder's zero, in seconds since 1970.
    pub zero_unix_s: i64,
}

/// The twin. A clone is another handle on the same provider.
#[derive(Clone, Debug)]
pub struct OpenAi {
    recorder: Recorder,
    script: ModelScript,
    provider: Provider,
    logins: Option<Tokens>,
    unfinished: Arc<AtomicUsize>,
}

impl OpenAi {
    /// A provider that answers as the script says.
    pub fn new(recorder: Recorder, script: ModelScript, provider: Provider) -> Self {
        Self { recorder, script, provider, logins: None, unfinished: Arc::default() }
    }

    /// The same, which takes the access tokens of these logins too.
    #[must_use]
    pub fn with_logins(self, logins: Tokens) -> Self {
        Self { logins: Some(logins), ..self }
    }

    /// A provider of a scenario, with the names of its keys by the keys themselves.
    pub fn scripted(
        recorder: Recorder,
        script: ModelScript,
        (name, keys): (&str, BTreeMap<String, String>),
    ) -> Self {
        let name = name.to_owned();
        let provider = Provider { name, keys, models: Vec::new(), zero_unix_s: ZERO_UNIX_S };
        Self::new(recorder, script, provider)
    }

    /// Says which message will carry a canary, and in which chat. See [`ModelScript::expect`].
    pub fn expect(&self, canary: &str, message: &str, chat: &str) {
        self.script.expect(canary, message, chat);
    }

    /// How many requests have arrived and not ended.
    pub fn unfinished(&self) -> usize {
        self.unfinished.load(Ordering::Relaxed)
    }

    /// The APIs, below `/v1` and without it. Which one is spoken, the gateway's configuration says.
    pub fn router(&self) -> Router {
        let speaking = |dialect: Dialect| {
            post(move |twin: State<Self>, request: HttpRequest| complete(dialect, twin, request))
        };
        let api = Router::new()
            .route("/chat/completions", speaking(Dialect::ChatCompletions))
            .route("/responses", speaking(Dialect::Responses))
            .route("/messages", speaking(Dialect::Messages))
            .route("/models", get(models))
            .route("/models/{id}", get(model));
        Router::new().nest("/v1", api.clone()).merge(api).fallback(unknown).with_state(self.clone())
    }

    /// The scenario's name of the key that a request carries.
    fn credential(&self, key: Option<&str>) -> Result<String, Refusal> {
        let Some(key) = key else {
            let what = "You didn't provide an API key. You need to provide your API key in an Authorization header using \
                Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
            return Err(Refusal { code: None, ..Refusal::usual(401, Some(what)) });
        };
        let known = self.provider.keys.get(key).cloned();
        let login = || self.logins.as_ref()?.name(&self.provider.name, key);
        known.or_else(login).ok_or_else(|| Refusal::usual(401, None))
    }

    fn by<'a>(&'a self, model: &'a str, credential: &'a str) -> script::Asked<'a> {
        let us = u64::try_from(self.recorder.now_us()).unwrap_or(0);
        script::Asked {
            provider: &self.provider.name,
            model,
            credential: credential.rsplit_once(':').map_or(credential, |(_, name)| name),
            at: Duration::from_micros(us),
        }
    }

    fn created(&self) -> i64 {
        self.provider.zero_unix_s + self.recorder.now_us().div_euclid(1_000_000)
    }

    /// Records a request, and finds out what it gets.
    fn arrive(
        &self,
        dialect: Dialect,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(Asked, Ending, Answer), Refusal> {
        let (mut asked, validity) = dialect.read(headers, body);
        self.script.sort(&mut asked.prompt);
        let credential = self.credential(dialect.key(headers));
        let turn = match (&credential, &validity) {
            (Ok(credential), Ok(())) => {
                Some(self.script.cue(&asked.prompt, self.by(&asked.model, credential)))
            }
            _ => None,
        };
        let request = turn.as_ref().map_or_else(|| self.script.skip(), |it| it.request);
        self.recorder.record(Kind::ModelRequest {
            request,
            chat: turn.as_ref().and_then(|it| it.chat.clone()),
            call: turn.as_ref().and_then(|it| it.call),
            provider: self.provider.name.clone(),
            model: asked.model.clone(),
            credential: credential.as_ref().map_or_else(|_| "?".to_owned(), Clone::clone),
            prompt: asked.prompt.clone(),
            tools: asked.tools.clone(),
        });
        let ending = Ending::new(self.recorder.clone(), self.unfinished.clone(), request);
        let refusal = match (credential, validity, turn) {
            (Err(refusal), _, _) => refusal,
            (_, Err(invalid), _) => self.refuse_invalid(invalid),
            (_, _, Some(Cue { answer: Ok(answer), .. })) => return Ok((asked, ending, answer)),
            (_, _, Some(Cue { answer: Err(missing), .. })) => self.refuse_unscripted(missing),
            (Ok(_), Ok(()), None) => unreachable!("a valid request has its turn"),
        };
        ending.end(ModelOutcome::Failed {
            status: refusal.status,
            retry_after_ms: None,
            said: None,
        });
        Err(refusal)
    }

    fn refuse_invalid(&self, invalid: Invalid) -> Refusal {
        let what = &invalid.message;
        self.recorder.harness_error(format!("the gateway sent an invalid request: {what}"));
        let refusal = Refusal::usual(400, Some(what));
        Refusal { param: invalid.param, ..refusal }
    }

    fn refuse_unscripted(&self, missing: String) -> Refusal {
        // A status that nobody should try again on: what follows shows no more than what was missing.
        let refusal = Refusal::usual(400, Some(&missing));
        self.recorder.harness_error(missing);
        refusal
    }
}

/// `POST /v1/chat/completions`, and the same in the other protocols.
async fn complete(dialect: Dialect, State(twin): State<OpenAi>, request: HttpRequest) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return dialect.refuse(Refusal::usual(413, None));
    };
    let (asked, ending, answer) = match twin.arrive(dialect, &parts.headers, &body) {
        Ok(arrived) => arrived,
        Err(refusal) => return dialect.refuse(refusal),
    };
    tokio::time::sleep(answer.after).await;
    let heading = Heading { request: ending.request(), created: twin.created(), asked: &asked };
    let said = said(dialect, &answer.act);
    let act = echoing(answer.act, dialect.key(&parts.headers).unwrap_or_default());
    let ending = match dialect.answer(&heading, ending, &act) {
        Ok(body) => {
            let kind = if asked.stream { "text/event-stream" } else { "application/json" };
            let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
            return (headers, Body::new(body)).into_response();
        }
        Err(ending) => ending,
    };
    match act {
        Act::Hang => {
            // The client's patience ends this future, and that is what it records.
            let _ending = ending;
            std::future::pending().await
        }
        Act::Status(error) => {
            let retry_after_ms = asked_wait_ms(error.retry_after_s, &error.headers);
            ending.end(ModelOutcome::Failed { status: error.status, retry_after_ms, said });
            let mut response = dialect.refuse(Refusal::scripted(&error));
            for (name, value) in error.headers {
                let name = HeaderName::try_from(name).expect("scenarios are checked");
                let value = HeaderValue::try_from(value).expect("scenarios are checked");
                response.headers_mut().insert(name, value);
            }
            response
        }
        written => unreachable!("it has a body: {written:?}"),
    }
}

/// The wait that an answer asks for, in milliseconds: the protocols have one header in seconds, and another.
fn asked_wait_ms(retry_after_s: Option<u64>, headers: &BTreeMap<String, String>) -> Option<u64> {
    let in_ms = headers.get(IN_MILLISECONDS).and_then(|it| it.parse().ok());
    in_ms.or(retry_after_s.map(|it| it.saturating_mul(1_000)))
}

/// What a refusal says that its status does not usually have, and in headers that ask for nothing that is understood.
fn said(dialect: Dialect, act: &Act) -> Option<String> {
    let Act::Status(error) = act else { return None };
    let ErrorStatus { status, message, kind, code, headers, retry_after_s: _ } = error;
    let (_, usual_code, usual_words) = usual(*status);
    let has_codes = dialect != Dialect::Messages;
    let own = [
        message.as_deref().filter(|it| *it != usual_words),
        kind.as_deref().filter(|it| *it != dialect.usual_kind(*status)),
        code.as_deref().filter(|it| has_codes && Some(*it) != usual_code),
    ];
    let own = own.into_iter().flatten().map(str::to_owned);
    let others = headers.iter().filter(|(name, _)| *name != IN_MILLISECONDS);
    let others = others.map(|(name, value)| format!("header {name}: {value}"));
    let all: Vec<String> = own.chain(others).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// What stands in a script for the key that the request came with. Providers do put keys into their errors.
const KEY: &str = "<key>";

/// The act, with the request's key where its text asks for it.
fn echoing(act: Act, key: &str) -> Act {
    match act {
        Act::Say { text, chunks, every } => {
            Act::Say { text: text.replace(KEY, key), chunks, every }
        }
        Act::Status(error) => {
            let message = error.message.map(|it| it.replace(KEY, key));
            Act::Status(ErrorStatus { message, ..error })
        }
        other => other,
    }
}

/// `GET /v1/models`.
async fn models(State(twin): State<OpenAi>, headers: HeaderMap) -> Response {
    if let Err(refusal) = twin.credential(dialect::bearer(&headers)) {
        return refusal.into_response();
    }
    let data: Vec<_> = twin.provider.models.iter().map(|it| twin.describe(it)).collect();
    Json(json!({ "object": "list", "data": data })).into_response()
}

/// `GET /v1/models/{id}`.
async fn model(State(twin): State<OpenAi>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if let Err(refusal) = twin.credential(dialect::bearer(&headers)) {
        return refusal.into_response();
    }
    if twin.provider.models.contains(&id) {
        return Json(twin.describe(&id)).into_response();
    }
    let what = format!("The model `{id}` does not exist or you do not have access to it.");
    let refusal = Refusal::usual(404, Some(&what));
    Refusal { code: Some("model_not_found".into()), ..refusal }.into_response()
}

/// Everything else. A request of another API would leave a trace without the run that it belongs to.
async fn unknown(State(twin): State<OpenAi>, method: Method, uri: Uri) -> Response {
    if method == Method::POST {
        let path = uri.path();
        twin.recorder.harness_error(format!(
            "the gateway called `POST {path}`, which the provider twin does not speak: configure chat completions, responses or messages"
        ));
    }
    let what = format!("Invalid URL ({method} {})", uri.path());
    Refusal::usual(404, Some(&what)).into_response()
}

impl OpenAi {
    fn describe(&self, model: &str) -> Value {
        let (created, owner) = (self.provider.zero_unix_s, &self.provider.name);
        json!({ "id": model, "object": "model", "created": created, "owned_by": owner })
    }
}

/// An error answer: `error: {message, type, param, code}`.
#[derive(Clone, Debug)]
struct Refusal {
    status: u16,
    message: String,
    /// Another type than the status usually has.
    kind: Option<String>,
    param: Option<String>,
    code: Option<Cow<'static, str>>,
    retry_after_s: Option<u64>,
}

/// The type, the code and the words that a status usually has; Anthropic's messages have types of their own.
fn usual(status: u16) -> (&'static str, Option<&'static str>, &'static str) {
    let invalid = "invalid_request_error";
    match status {
        400 => (invalid, None, "Invalid request."),
        401 => (invalid, Some("invalid_api_key"), "Incorrect API key provided."),
        402 => ("insufficient_quota", Some("insufficient_quota"), "Insufficient credits."),
        403 => (invalid, Some("forbidden"), "You are not allowed to use this resource."),
        404 => (invalid, None, "Not found."),
        413 => (invalid, None, "The request body is too large."),
        429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached for requests."),
        529 => ("overloaded_error", Some("overloaded"), "The engine is currently overloaded."),
        503 => ("server_error", Some("overloaded"), "The engine is currently overloaded."),
        500.. => ("server_error", None, "The server had an error."),
        _ => (invalid, None, "The request was refused."),
    }
}

impl Refusal {
    /// What the provider says with a status, in other words if there are any.
    fn usual(status: u16, message: Option<&str>) -> Self {
        let (_, code, words) = usual(status);
        let (message, code) = (message.unwrap_or(words).to_owned(), code.map(Cow::Borrowed));
        Self { status, message, kind: None, param: None, code, retry_after_s: None }
    }

    /// What a scenario lets it say.
    fn scripted(error: &ErrorStatus) -> Self {
        let ErrorStatus { status, message, kind, code, retry_after_s, headers: _ } = error;
        let usual = Self::usual(*status, message.as_deref());
        let code = code.clone().map(Cow::Owned).or(usual.code);
        Self { kind: kind.clone(), code, retry_after_s: *retry_after_s, ..usual }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, message, kind, param, code, retry_after_s } = self;
        let kind = kind.unwrap_or_else(|| usual(status).0.to_owned());
        let error = json!({ "message": message, "type": kind, "param": param, "code": code });
        let status = StatusCode::from_u16(status).expect("scenarios say 400 to 599");
        let mut response = (status, Json(json!({ "error": error }))).into_response();
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests;
