//! `/hooks/agent` and `/hooks/wake`: programs outside ask for a turn, or tell of something that happened.
//!
//! They show a secret of their own, in a header and nowhere else. A request that has a key, in a header or beside its message, happens
//! once, however often it comes. What they say is read as a guest's words and never as an owner's.

mod asked;

use std::net::{IpAddr, SocketAddr};

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use creel_core::{
    gateway::Hook,
    ids::{AgentId, MessageId, ModelId},
    operator::{Refused, Taken},
    profile::Version,
};
use ring::digest;
use serde_json::json;

use self::asked::{Turn, Wake, read};
use super::{
    connect::Peer,
    gate::{self, Refusal},
    methods::deliver::Target,
    plane::Facts,
    web::Web,
};
use crate::secret::Secret;

/// The longest body, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The longest name of a request, in bytes.
const KEY_BYTES_MAX: usize = 256;

/// The headers that may bear the name of a request; the first that is there counts.
const KEY_HEADERS: [&str; 2] = ["idempotency-key", "x-openclaw-idempotency-key"];

/// What `mode` and `wakeMode` may be: this gateway has no heartbeats that something could wait for.
const NOW: &str = "now";

/// What programs outside may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What they show.
    pub token: Secret,
    /// Where they call: the beginning of the path, without a `/` at its end.
    pub path: String,
    /// Which agents they may speak to; any, where nothing is said.
    pub agents: Option<Vec<AgentId>>,
    /// The session of requests that name none; else each has its own.
    pub session: Option<String>,
    /// Which sessions a request may name.
    pub named: Named,
}

/// Which sessions a request may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// None.
    Never,
    /// Those that begin with one of these, or any if there is none.
    Beginning(Vec<String>),
}

/// What a program reads instead of what it asked for.
struct Error {
    status: StatusCode,
    headers: Box<HeaderMap>,
    message: String,
}

impl Error {
    fn of(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, headers: Box::default(), message: message.into() }
    }

    fn wrong(message: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST, message)
    }

    fn response(self) -> Response {
        let shown = json!({ "ok": false, "error": self.message });
        (self.status, *self.headers, Json(shown)).into_response()
    }
}

impl From<&Refused> for Error {
    fn from(why: &Refused) -> Self {
        let status = match why {
            Refused::Session { .. } | Refused::Empty(_) | Refused::NoChat | Refused::Text => {
                StatusCode::BAD_REQUEST
            }
            Refused::NotTheirs => StatusCode::FORBIDDEN,
            Refused::Conflict => StatusCode::CONFLICT,
            Refused::Busy => StatusCode::TOO_MANY_REQUESTS,
            Refused::TooMany => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::of(status, why.to_string())
    }
}

/// Answers whatever is at no other route: hooks, and the word that there is nothing.
pub async fn answer(
    State(web): State<Web>,
    Extension(from): Extension<SocketAddr>,
    (method, uri): (Method, Uri),
    headers: HeaderMap,
    body: Body,
) -> Response {
    let hooks = web.settings.hooks.as_ref();
    let below = hooks.and_then(|it| uri.path().strip_prefix(it.path.as_str())?.strip_prefix('/'));
    let (Some(hooks), Some(below)) = (hooks, below) else {
        return (StatusCode::NOT_FOUND, "there is nothing here\n").into_response();
    };
    let call = Call { web: &web, hooks, headers: &headers };
    call.serve((from.ip(), &method, &uri), below, body).await.unwrap_or_else(Error::response)
}

/// One call.
struct Call<'a> {
    web: &'a Web,
    hooks: &'a Settings,
    headers: &'a HeaderMap,
}

impl Call<'_> {
    async fn serve(
        &self,
        (from, method, uri): (IpAddr, &Method, &Uri),
        below: &str,
        body: Body,
    ) -> Result<Response, Error> {
        // Addresses are written down in many places where no secret should be.
        let mut query = uri.query().unwrap_or_default().split('&');
        if query.any(|it| it.split('=').next() == Some("token")) {
            return Err(Error::wrong("expected the token in a header, and not in the address"));
        }
        if method != Method::POST {
            let mut error = Error::of(StatusCode::METHOD_NOT_ALLOWED, "expected POST");
            error.headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            return Err(error);
        }
        self.pass(from)?;
        if !matches!(below, "agent" | "wake") {
            return Err(Error::of(StatusCode::NOT_FOUND, "expected `agent` or `wake`"));
        }
        let body = gate::read(self.headers, body, BODY_BYTES_MAX)
            .await
            .map_err(|it| Error::of(it.status(), it.to_string()))?;
        match below {
            "agent" => self.turn(&body).await,
            _ => self.wake(&body).await,
        }
    }

    /// Whether the caller may. Pages have no business here, and nobody is exempt: hooks are made to be reached from outside.
    fn pass(&self, from: IpAddr) -> Result<(), Error> {
        let peer = Peer::Remote(from.to_string());
        let own = self.headers.get("x-openclaw-token").and_then(|it| it.to_str().ok());
        let shown = gate::bearer(self.headers).or(own.map(str::trim).filter(|it| !it.is_empty()));
        let refused = if self.headers.contains_key(header::ORIGIN) {
            Err(Refusal::Elsewhere("expected no `Origin`: pages may not call hooks"))
        } else {
            gate::check(&self.web.hook_guesses, &peer, &self.hooks.token, shown)
        };
        refused.map_err(|it| {
            let message = match it {
                Refusal::NoSecret => {
                    "expected the header `authorization: Bearer <hooks.token>`".to_owned()
                }
                other => other.to_string(),
            };
            Error { headers: it.headers().into(), ..Error::of(it.status(), message) }
        })
    }

    async fn turn(&self, body: &[u8]) -> Result<Response, Error> {
        let asked: Turn = read(body)?;
        check_mode(asked.wake_mode.as_deref())?;
        let facts = &self.web.plane.facts;
        let (channel, to) = (asked.channel.as_deref(), asked.to.as_deref());
        let target = match asked.deliver {
            Some(false) => None,
            None | Some(true) => {
                Some(Target::of(facts, channel, (None, to)).map_err(Error::wrong)?)
            }
        };
        let model = asked.model.map(|it| known_model(facts, &it)).transpose()?;
        let agent = self.agent(asked.agent_id.as_deref())?;
        let fresh = self.begins_anew(asked.session_mode.as_deref(), asked.session_key.is_some())?;
        let named = self.named(asked.session_key)?.or_else(|| self.hooks.session.clone());
        let label = asked.name.unwrap_or_else(|| "Hook".to_owned());
        let hook = |name: &MessageId| {
            let own = || format!("hook:{}", name.as_str());
            let session = named.clone().unwrap_or_else(own);
            let others = || {
                let why = format!("expected `sessionKey` to be one of agent `{agent}`'s sessions");
                Error::wrong(why)
            };
            let session = facts.session_of(&agent, &session).ok_or_else(others)?.to_string();
            Ok::<Hook, Error>(Hook {
                name: name.clone(),
                session,
                label: label.clone(),
                text: asked.message.clone(),
                model: model.clone(),
                passes: named.is_none(),
                deliver: None,
                fresh,
            })
        };
        let mut name = self.name(asked.idempotency_key.as_deref())?;
        let mut taken = self.take(hook(&name)?, target.clone()).await?;
        if taken == Err(Refused::Conflict) {
            let meant = named.as_deref().unwrap_or(agent.as_str());
            name = apart(&name, &[meant, &asked.message]);
            taken = self.take(hook(&name)?, target.clone()).await?;
        }
        let taken = taken.map_err(|it| Error::from(&it))?;
        let run = name.as_str();
        let (Taken::New { session } | Taken::Again { session, .. }) = &taken;
        tracing::info!(run, session = session.as_str(), "a hook's turn was taken");
        let shown = json!({ "ok": true, "runId": run, "sessionKey": session.as_str() });
        Ok(Json(shown).into_response())
    }

    async fn wake(&self, body: &[u8]) -> Result<Response, Error> {
        let asked: Wake = read(body)?;
        check_mode(asked.mode.as_deref())?;
        if asked.session_key.is_some() {
            return Err(Error::wrong(
                "`sessionKey` is not there yet: an event is for a main session",
            ));
        }
        let agent = self.agent(asked.agent_id.as_deref())?;
        let name = self.name(None)?;
        let mut taken = self.tell(name.clone(), &agent, &asked.text).await?;
        if taken == Err(Refused::Conflict) {
            let name = apart(&name, &[agent.as_str(), &asked.text]);
            taken = self.tell(name, &agent, &asked.text).await?;
        }
        let outcome = match taken.map_err(|it| Error::from(&it))? {
            Taken::New { .. } => "queued",
            Taken::Again { .. } => "coalesced",
        };
        Ok(Json(json!({ "ok": true, "mode": NOW, "eventOutcome": outcome })).into_response())
    }

    async fn take(
        &self,
        hook: Hook,
        target: Option<Target>,
    ) -> Result<Result<Taken, Refused>, Error> {
        let taken = self.web.plane.operate(move |core, now, effects| {
            // Where nobody wrote yet, whoever watches hears the answer.
            let deliver = target.and_then(|it| it.route(core, &hook.session).ok());
            core.say_as_hook(now, Hook { deliver, ..hook }, effects)
        });
        taken.await.map_err(|it| ending(it.message))
    }

    async fn tell(
        &self,
        name: MessageId,
        agent: &AgentId,
        text: &str,
    ) -> Result<Result<Taken, Refused>, Error> {
        let (agent, text) = (agent.clone(), text.to_owned());
        let told = self.web.plane.operate(move |core, now, effects| {
            core.tell_of_event(now, (&name, &agent, &text), effects)
        });
        told.await.map_err(|it| ending(it.message))
    }

    /// Whether a turn knows nothing of what was said in its session: in 2026.9 unless its caller wants it to, who has to name
    /// the session then. Before, a session that is named goes on.
    fn begins_anew(&self, mode: Option<&str>, is_named: bool) -> Result<bool, Error> {
        if self.web.plane.facts.version == Version::V2026_3 {
            return Ok(false);
        }
        let has_prefixes =
            matches!(&self.hooks.named, Named::Beginning(allowed) if !allowed.is_empty());
        match mode {
            None | Some("isolated") => Ok(true),
            Some("persistent") if is_named && has_prefixes => Ok(false),
            Some("persistent") => Err(Error::wrong(
                "`sessionMode` `persistent` needs a `sessionKey`, and `hooks.allowedSessionKeyPrefixes`",
            )),
            Some(_) => Err(Error::wrong("expected `sessionMode` `isolated` or `persistent`")),
        }
    }

    /// The request's name: what a header bears, or else what the body has. An operator's names are others, whatever a program
    /// sends.
    fn name(&self, beside: Option<&str>) -> Result<MessageId, Error> {
        let borne = KEY_HEADERS.iter().find_map(|it| self.headers.get(*it));
        let borne = borne.map(|it| it.to_str().unwrap_or_default());
        let key = match borne.or(beside).map(str::trim) {
            None => self.web.plane.entropy.uuid(),
            Some(key) if key.is_empty() || key.len() > KEY_BYTES_MAX => {
                let why = format!("expected an `Idempotency-Key` of 1 to {KEY_BYTES_MAX} letters");
                return Err(Error::wrong(why));
            }
            Some(key) => key.to_owned(),
        };
        Ok(MessageId::new(&format!("hook-{key}")).expect("it has letters"))
    }

    fn agent(&self, id: Option<&str>) -> Result<AgentId, Error> {
        let facts = &self.web.plane.facts;
        let unknown = || Error::wrong("expected `agentId` of a configured agent");
        let agent = match id {
            None => facts.default_agent.clone(),
            Some(id) => facts.agent_called(id).cloned().ok_or_else(unknown)?,
        };
        match &self.hooks.agents {
            Some(allowed) if !allowed.contains(&agent) => {
                Err(Error::wrong(format!("hooks may not speak to agent `{agent}`")))
            }
            _ => Ok(agent),
        }
    }

    /// The session that a request names, if it may.
    fn named(&self, session: Option<String>) -> Result<Option<String>, Error> {
        let Some(session) = session else { return Ok(None) };
        let session = session.trim().to_lowercase();
        match &self.hooks.named {
            Named::Never => Err(Error::wrong(
                "`sessionKey` is refused unless `hooks.allowRequestSessionKey` is set",
            )),
            Named::Beginning(allowed) => {
                let bare = bare(&session);
                if allowed.is_empty() || allowed.iter().any(|it| bare.starts_with(it.as_str())) {
                    Ok(Some(session))
                } else {
                    let why =
                        format!("expected `sessionKey` to begin with {}", allowed.join(" or "));
                    Err(Error::wrong(why))
                }
            }
        }
    }
}

/// The name of a request whose key stood for another one already: a key happens once for the same words, and other words are another
/// request. It is the same however often they come.
fn apart(name: &MessageId, asked: &[&str]) -> MessageId {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in asked {
        hash.update(&part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    let hash = BASE64_URL_SAFE_NO_PAD.encode(hash.finish());
    MessageId::new(&format!("{}-{}", name.as_str(), hash.get(..16).unwrap_or(&hash)))
        .expect("it has letters")
}

/// A key without the agent before it.
fn bare(session: &str) -> &str {
    match session.strip_prefix("agent:").and_then(|it| it.split_once(':')) {
        Some((_, rest)) => rest,
        None => session,
    }
}

fn ending(message: String) -> Error {
    Error::of(StatusCode::SERVICE_UNAVAILABLE, message)
}

fn known_model(facts: &Facts, model: &str) -> Result<ModelId, Error> {
    let known = facts.models.iter().find(|it| it.as_str() == model.trim());
    known
        .cloned()
        .ok_or_else(|| Error::wrong("expected `model` as `provider/model` that is configured"))
}

fn check_mode(mode: Option<&str>) -> Result<(), Error> {
    match mode {
        None | Some(NOW) => Ok(()),
        Some(_) => Err(Error::wrong("expected the mode `now`: this gateway has no heartbeats yet")),
    }
}
