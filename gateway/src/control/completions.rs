//! `/v1/chat/completions`: a turn of an agent in the shape that OpenAI's clients speak.
//!
//! The bearer of the gateway's token is an operator. `model` names an agent; which session speaks is the header's to say, or
//! `user`'s, and else it is a new one that is gone with its answer. A session belongs to whom it was begun for: a request reaches
//! the sessions of its own `user`, and one without `user` the operator's own.

mod asked;
mod shown;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{
        IntoResponse as _, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use creel_core::{
    gateway::Lasts,
    ids::MessageId,
    operator::{End, Ended, Refused, Say},
    profile::Version,
};
use futures_util::stream;
use tokio::sync::{mpsc, oneshot};

use self::{
    asked::{Asked, Place, Wrong},
    shown::Shown,
};
use super::{gate, web::Web};
use crate::driver::Inbox;

/// Where it is.
pub const PATH: &str = "/v1/chat/completions";

/// The longest body, in bytes.
const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;

/// How often a stream that has nothing to say says so.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long somebody waits who came when too many were there, in seconds.
const RETRY_AFTER_S: u64 = 1;

/// Whether it is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endpoint {
    /// There is nothing there.
    #[default]
    Off,
    /// It is.
    On,
}

/// What a client reads instead of an answer.
#[derive(Debug)]
struct Error {
    status: StatusCode,
    headers: Box<HeaderMap>,
    wrong: Box<Wrong>,
}

impl From<Wrong> for Error {
    fn from(wrong: Wrong) -> Self {
        let status = match wrong.code {
            "model_not_found" => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, headers: Box::default(), wrong: wrong.into() }
    }
}

impl Error {
    fn of(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let wrong = Wrong { message: message.into(), parameter: None, code };
        Self { status, headers: Box::default(), wrong: wrong.into() }
    }

    fn with(mut self, name: header::HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    fn response(self) -> Response {
        let Self { status, headers, wrong } = self;
        (status, *headers, Json(shown::error(status, &wrong))).into_response()
    }
}

/// A turn that was taken, as whoever asked for it follows it. Dropping it ends a session that is the turn's alone, and what
/// nobody waits for any more.
struct Turn {
    inbox: Inbox,
    name: MessageId,
    session: String,
    left: Left,
    words: mpsc::Receiver<Arc<str>>,
    end: Option<oneshot::Receiver<End>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (name, session) = (self.name.clone(), std::mem::take(&mut self.session));
        let left = self.left;
        self.inbox.operate_soon(move |core, now, effects| match left {
            // It was there a moment ago; if it is gone, all the better.
            Left::Nothing => _ = core.delete_session(now, &session, effects),
            // One that has ended already is nobody's to end.
            Left::Session => _ = core.abort_as_operator(now, (None, Some(&name)), effects),
            Left::Turn => {}
        });
    }
}

/// What is left where nobody waits for an answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// Nothing: the session is the turn's alone.
    Nothing,
    /// The session; the turn ends. So 2026.9 has it.
    Session,
    /// The turn as well, which is said to nobody.
    Turn,
}

/// `POST /v1/chat/completions`.
pub async fn answer(
    State(web): State<Web>,
    Extension(from): Extension<SocketAddr>,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    serve(&web, (from, method, &headers), body).await.unwrap_or_else(Error::response)
}

async fn serve(
    web: &Web,
    (from, method, headers): (SocketAddr, Method, &HeaderMap),
    body: Body,
) -> Result<Response, Error> {
    if web.settings.completions == Endpoint::Off {
        return Err(Error::of(StatusCode::NOT_FOUND, "not_found", "this endpoint is not enabled"));
    }
    if method != Method::POST {
        let error =
            Error::of(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "expected POST");
        return Err(error.with(header::ALLOW, HeaderValue::from_static("POST")));
    }
    web.gate.operator(headers, from.ip()).map_err(|it| {
        let code = match it {
            gate::Refusal::NoSecret => "invalid_api_key",
            gate::Refusal::TooOften { .. } => "rate_limit_exceeded",
            gate::Refusal::Elsewhere(_) | gate::Refusal::NoToken => "forbidden",
        };
        Error { headers: it.headers().into(), ..Error::of(it.status(), code, it.to_string()) }
    })?;
    let body = gate::read(headers, body, BODY_BYTES_MAX)
        .await
        .map_err(|it| Error::of(it.status(), "invalid_body", it.to_string()))?;
    let asked = Asked::read(&body)?;
    let id = format!("chatcmpl-{}", web.plane.entropy.uuid());
    let place = asked.place(&web.plane.facts, headers, &id)?;
    let shown =
        Shown { id, model: asked.model.clone(), created: web.plane.hub.now_ms().div_euclid(1_000) };
    let is_stream = asked.is_stream;
    let turn = begin(web, &shown.id, asked, place).await?;
    if is_stream {
        return Ok(stream(turn, shown));
    }
    whole(turn, &shown).await
}

/// Has the turn taken. What it writes is listened to before it can begin.
async fn begin(web: &Web, id: &str, asked: Asked, place: Place) -> Result<Turn, Error> {
    let name = MessageId::new(id).expect("ids have letters");
    let Place { session, is_fresh } = place;
    let left = match (is_fresh, web.plane.facts.version) {
        (true, _) => Left::Nothing,
        (false, Version::V2026_9) => Left::Session,
        (false, Version::V2026_3) => Left::Turn,
    };
    let turn = Turn {
        inbox: web.plane.inbox.clone(),
        name: name.clone(),
        session: session.clone(),
        left,
        words: web.plane.hub.words_of(&name),
        end: Some(web.plane.hub.end_of(&name)),
    };
    // Dropping the turn deletes it sooner, if the loop has the time.
    let lasts = if is_fresh { Lasts::OneTurn } else { Lasts::UntilDeleted };
    let taken = web.plane.operate(move |core, now, effects| {
        let text =
            if core.knows_what_was_said(now, &session)? { asked.newest } else { asked.whole };
        let say = Say { name, session, text, deliver: None };
        core.say_on_behalf(now, (asked.user.as_deref(), say, lasts), effects)
    });
    let taken = taken
        .await
        .map_err(|it| Error::of(StatusCode::SERVICE_UNAVAILABLE, "unavailable", it.message))?;
    taken.map_err(|why| refused(&why))?;
    Ok(turn)
}

fn refused(why: &Refused) -> Error {
    let wrong = |parameter| Wrong { message: why.to_string(), parameter, code: "invalid_request" };
    match why {
        Refused::Session { .. } => wrong(Some(asked::SESSION_HEADER)).into(),
        Refused::Text => wrong(Some("messages")).into(),
        Refused::Empty(_) | Refused::NoChat => wrong(None).into(),
        Refused::NotTheirs => Error::of(StatusCode::FORBIDDEN, "not_your_session", why.to_string()),
        Refused::Conflict => Error::of(StatusCode::CONFLICT, "conflict", why.to_string()),
        Refused::TooMany | Refused::Busy => {
            Error::of(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", why.to_string())
                .with(header::RETRY_AFTER, RETRY_AFTER_S)
        }
    }
}

/// How a turn ended; one that the gateway did not live to see has failed.
async fn ended(end: Option<oneshot::Receiver<End>>) -> Result<Arc<str>, Wrong> {
    let failed = |message: &str, code| Wrong { message: message.to_owned(), parameter: None, code };
    let Some(end) = end else { return Err(failed("the answer was read already", "server_error")) };
    match end.await.map(|it| it.how) {
        Ok(Ended::Answered(text)) => Ok(text),
        Ok(Ended::Failed(why)) => Err(failed(&why, "run_failed")),
        Ok(Ended::Aborted) => Err(failed("somebody ended this turn", "run_aborted")),
        Err(_) => Err(failed("the gateway is ending", "unavailable")),
    }
}

async fn whole(mut turn: Turn, shown: &Shown) -> Result<Response, Error> {
    match ended(turn.end.take()).await {
        Ok(text) => Ok(Json(shown.whole(&text)).into_response()),
        Err(wrong) => {
            let status = match wrong.code {
                "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
                "run_aborted" => StatusCode::CONFLICT,
                _ => StatusCode::BAD_GATEWAY,
            };
            // The gateway has tried all that it may: the client's own tries would only be more of them.
            let never = (header::HeaderName::from_static("x-should-retry"), "false");
            let error = Error { status, headers: Box::default(), wrong: wrong.into() };
            Err(error.with(never.0, HeaderValue::from_static(never.1)))
        }
    }
}

/// How far a stream is.
enum Stage {
    Begin,
    Words,
    End,
    Done,
    Over,
}

struct Flow {
    turn: Turn,
    shown: Shown,
    stage: Stage,
    /// What was sent of the answer.
    sent: String,
}

fn stream(turn: Turn, shown: Shown) -> Response {
    let flow = Flow { turn, shown, stage: Stage::Begin, sent: String::new() };
    let events = stream::unfold(flow, |mut flow| async move {
        let data = flow.next().await?;
        Some((Ok::<_, Infallible>(sse::Event::default().data(data)), flow))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    ([no_store], Sse::new(events).keep_alive(keep_alive)).into_response()
}

impl Flow {
    /// The next event's text; none when all is said.
    async fn next(&mut self) -> Option<String> {
        loop {
            match self.stage {
                Stage::Begin => {
                    self.stage = Stage::Words;
                    return Some(self.shown.first());
                }
                Stage::Words => match self.turn.words.recv().await {
                    Some(words) => {
                        self.sent.push_str(&words);
                        return Some(self.shown.part(&words));
                    }
                    None => self.stage = Stage::End,
                },
                Stage::End => {
                    let Some(end) = self.turn.end.take() else {
                        self.stage = Stage::Done;
                        return Some(self.shown.last());
                    };
                    match ended(Some(end)).await {
                        Ok(text) => {
                            let rest = shown::rest(&self.sent, &text);
                            if !rest.is_empty() {
                                return Some(self.shown.part(&rest));
                            }
                        }
                        Err(wrong) => {
                            self.stage = Stage::Done;
                            return Some(shown::error(StatusCode::BAD_GATEWAY, &wrong).to_string());
                        }
                    }
                }
                Stage::Done => {
                    self.stage = Stage::Over;
                    return Some("[DONE]".to_owned());
                }
                Stage::Over => return None,
            }
        }
    }
}
