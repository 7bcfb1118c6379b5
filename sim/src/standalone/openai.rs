//! A model provider alone: it echoes, or fails as it is told, by key and while it runs.

use std::{collections::BTreeMap, io, net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::json;

use super::{Server, bad_request, block_on, unix_now_s};
use crate::{
    recorder::Recorder,
    scenario::{Act, Answer, Asker, ErrorStatus, Holds, Part, Standing, StreamEnd},
    twins::{
        openai::{OpenAi, Provider},
        script::ModelScript,
    },
};

/// What it lists as its models. It answers for any other, too.
pub const MODEL: &str = "creel-echo";

/// Its name where it has answers of its own.
const NAME: &str = "creel";

/// The wait that it asks for with status 429, in seconds.
const RETRY_AFTER_S: u64 = 1;

/// Serves until the process is ended, and prints where. See [`bind`].
///
/// # Errors
///
/// If the address cannot be bound, or the status is no error status.
pub fn serve(address: SocketAddr, keys: &[String], status: Option<u16>) -> io::Result<()> {
    block_on(bind(address, keys, status))
}

/// Binds a provider that accepts these keys. It answers `You said: <what the person said last>`, or every request with an
/// error status.
///
/// `POST /twin/answers {"key", "model", "times", "after_ms", "status", "retry_after", "say", "cut", "hang"}` makes it do
/// something else, from then on or so many times, for all requests or those with a key or for a model; of what is posted
/// for the same, the first goes first. `DELETE /twin/answers` takes all of it back.
///
/// # Errors
///
/// If the address cannot be bound, or the status is not 400 to 599.
pub async fn bind(address: SocketAddr, keys: &[String], status: Option<u16>) -> io::Result<Server> {
    let script = match status {
        None => ModelScript::echo(),
        Some(status @ 400..=599) => {
            let retry_after_s = (status == 429).then_some(RETRY_AFTER_S);
            let error = ErrorStatus { status, retry_after_s, ..ErrorStatus::default() };
            ModelScript::always(Act::Status(error))
        }
        Some(other) => {
            let what = format!("status {other} is no error status: expected 400 to 599");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
    };
    let names = (1..).map(|it| format!("key-{it}"));
    let keys: BTreeMap<String, String> = keys.iter().cloned().zip(names).collect();
    let provider = Provider {
        name: NAME.to_owned(),
        keys: keys.clone(),
        models: vec![MODEL.to_owned()],
        zero_unix_s: unix_now_s(),
    };
    let twin = OpenAi::new(Recorder::discarding(), script.clone(), provider);
    let controls = Router::new()
        .route("/twin/answers", post(told).delete(forgotten))
        .with_state(Control { script, keys });
    Server::bind(address, twin.router().merge(controls)).await
}

#[derive(Clone)]
struct Control {
    script: ModelScript,
    /// The names of the keys.
    keys: BTreeMap<String, String>,
}

/// What it shall do, as the control endpoint takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    key: Option<String>,
    model: Option<String>,
    times: Option<u64>,
    #[serde(default)]
    after_ms: u64,
    status: Option<u16>,
    retry_after: Option<u64>,
    say: Option<String>,
    cut: Option<String>,
    #[serde(default)]
    hang: bool,
}

async fn told(State(control): State<Control>, Json(told): Json<Told>) -> Response {
    let credential = match &told.key {
        None => None,
        Some(key) => match control.keys.get(key) {
            Some(name) => Some(name.clone()),
            None => return bad_request("the twin does not have this key"),
        },
    };
    let part = |text: String| vec![Part { after: Duration::ZERO, text }];
    let act = match (told.status, told.say, told.cut, told.hang) {
        (Some(status @ 400..=599), None, None, false) => {
            let retry_after_s = told.retry_after;
            Act::Status(ErrorStatus { status, retry_after_s, ..ErrorStatus::default() })
        }
        (None, Some(text), None, false) => {
            Act::Stream { parts: part(text), ends: StreamEnd::Complete }
        }
        (None, None, Some(text), false) => Act::Stream { parts: part(text), ends: StreamEnd::Cut },
        (None, None, None, true) => Act::Hang,
        _ => return bad_request("expected one of `status` (400 to 599), `say`, `cut` and `hang`"),
    };
    let answer = Answer { after: Duration::from_millis(told.after_ms), act };
    let standing = Standing { answer, holds: told.times.map_or(Holds::Always, Holds::Times) };
    control.script.add(NAME, Asker { model: told.model, credential }, standing);
    Json(json!({ "ok": true })).into_response()
}

async fn forgotten(State(control): State<Control>) -> Response {
    control.script.clear(NAME);
    Json(json!({ "ok": true })).into_response()
}
