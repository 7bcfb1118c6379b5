//! The Web API: `auth.test`, `apps.connections.open`, `conversations.open`, `conversations.info`, `chat.postMessage`, and the
//! two methods around an upload.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State as Extract},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use creel_judge::trace::{Kind, Place};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::{Slack, events::shown, files, state::State};
use crate::scenario::{ChatKind, SendFault};

/// The longest text, in characters.
const TEXT_CHARS_MAX: usize = 40_000;

/// What `chat.postMessage` takes of us. Others are refused, so that a misspelt one does not pass unseen.
const POST_FIELDS: &[&str] = &[
    "channel",
    "text",
    "thread_ts",
    "mrkdwn",
    "unfurl_links",
    "unfurl_media",
    "reply_broadcast",
    // Of every method: whose it is, and in which workspace.
    "token",
    "team_id",
];

pub(super) async fn take(
    Extract(twin): Extract<Slack>,
    Path(method): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let of = |name| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    twin.state().meet(of(header::HOST));
    let mut arguments = match arguments(of(header::CONTENT_TYPE), &body) {
        Ok(arguments) => arguments,
        Err(error) => return refusal(error),
    };
    arguments.extend(form(uri.query().unwrap_or_default()));
    let bearer = of(header::AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default();
    let token = if bearer.is_empty() { text(&arguments, "token") } else { bearer };
    if token.is_empty() {
        return refusal("not_authed");
    }
    if method == "apps.connections.open" {
        let host = of(header::HOST);
        if twin.state().is_closed() {
            return refusal("service_unavailable");
        }
        return match twin.state().ticket(token) {
            Some(ticket) => {
                Json(json!({ "ok": true, "url": format!("ws://{host}/link?ticket={ticket}") }))
                    .into_response()
            }
            None => refusal("invalid_auth"),
        };
    }
    call(&twin, (&method, token), &arguments).await
}

/// A method of a bot.
async fn call(
    twin: &Slack,
    (method, token): (&str, &str),
    arguments: &Map<String, Value>,
) -> Response {
    let account = twin.state().bot(token).map(|(id, _)| id.clone());
    let Some(account) = account else { return refusal("invalid_auth") };
    match method {
        "auth.test" => {
            let mut state = twin.state();
            let (_, bot) = state.bot(token).expect("it was just found");
            bot.met = true;
            Json(json!({
                "ok": true, "url": "https://creel.slack.com/", "team": "Creel", "team_id": "T1",
                "user": "creel", "user_id": bot.bot, "bot_id": format!("B{}", bot.bot),
                "is_enterprise_install": false,
            }))
            .into_response()
        }
        "conversations.open" => {
            let person = text(arguments, "users");
            if !twin.state().knows(person) {
                return refusal("user_not_found");
            }
            let id = State::conversation_with(person);
            Json(json!({ "ok": true, "channel": { "id": id } })).into_response()
        }
        "conversations.info" => {
            let channel = text(arguments, "channel");
            match twin.state().kind_of(&account, channel) {
                Some(kind) => Json(json!({ "ok": true, "channel": {
                    "id": channel,
                    "is_channel": matches!(kind, ChatKind::Room { .. }),
                    "is_mpim": matches!(kind, ChatKind::Group { .. }),
                    "is_im": *kind == ChatKind::Direct,
                } }))
                .into_response(),
                None => refusal("channel_not_found"),
            }
        }
        "chat.postMessage" => {
            let taken = accept(&mut twin.state(), &account, arguments);
            answer(twin, taken, text(arguments, "text")).await
        }
        "files.getUploadURLExternal" => {
            Json(files::upload_url(&mut twin.state(), arguments)).into_response()
        }
        "files.completeUploadExternal" => {
            let taken = files::complete(&mut twin.state(), &account, arguments);
            answer(twin, taken, text(arguments, "initial_comment")).await
        }
        _ => refusal("unknown_method"),
    }
}

/// A method's arguments, from a form or from JSON.
fn arguments(content_type: &str, body: &[u8]) -> Result<Map<String, Value>, &'static str> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    if content_type.starts_with("application/json") {
        return serde_json::from_slice(body).map_err(|_| "invalid_json");
    }
    if !content_type.is_empty() && !content_type.starts_with("application/x-www-form-urlencoded") {
        return Err("invalid_post_type");
    }
    std::str::from_utf8(body).map(form).map_err(|_| "invalid_form_data")
}

/// The pairs of a form or a query.
fn form(text: &str) -> Map<String, Value> {
    let decode = |it: &str| {
        let spaced = it.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let pair = |it: &str| it.split_once('=').map(|(k, v)| (decode(k), Value::from(decode(v))));
    text.split('&').filter_map(pair).collect()
}

pub(super) fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> &'a str {
    arguments.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn refusal(error: &str) -> Response {
    Json(json!({ "ok": false, "error": error })).into_response()
}

/// A message that is taken: what is answered, how slowly.
pub(super) struct Taken {
    pub(super) answer: Value,
    pub(super) delay: Duration,
}

/// Why a message is not taken.
pub(super) struct Refusal {
    place: Option<Place>,
    status: u16,
    retry_after_s: Option<u64>,
    error: &'static str,
}

async fn answer(twin: &Slack, taken: Result<Taken, Box<Refusal>>, text: &str) -> Response {
    match taken {
        Ok(Taken { answer, delay }) => {
            sleep(delay).await;
            Json(answer).into_response()
        }
        Err(refused) => {
            let Refusal { place, status, retry_after_s, error } = *refused;
            twin.state().recorder.record(Kind::Refused {
                place,
                text: shown(text),
                status,
                retry_after_s,
                description: error.to_owned(),
            });
            let mut response = refusal(error);
            match (status, retry_after_s) {
                (429, Some(seconds)) => {
                    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                }
                (502.., _) => {
                    return StatusCode::from_u16(status).unwrap_or_default().into_response();
                }
                _ => (),
            }
            response
        }
    }
}

pub(super) fn refused<T>(
    place: Option<Place>,
    status: u16,
    error: &'static str,
) -> Result<T, Box<Refusal>> {
    Err(Box::new(Refusal { place, status, retry_after_s: None, error }))
}

/// Takes a message, unless it is not valid or the scenario refuses it.
fn accept(
    state: &mut State,
    account: &str,
    arguments: &Map<String, Value>,
) -> Result<Taken, Box<Refusal>> {
    let known = |it: &String| POST_FIELDS.contains(&it.as_str());
    if !arguments.keys().all(known) {
        return refused(None, 400, "invalid_arguments");
    }
    let thread = Some(text(arguments, "thread_ts")).filter(|it| !it.is_empty());
    if !thread.is_none_or(is_ts) {
        return refused(None, 400, "invalid_thread_ts");
    }
    let Some(place) = state.place(account, text(arguments, "channel"), thread) else {
        return refused(None, 404, "channel_not_found");
    };
    let words = text(arguments, "text");
    match words.chars().count() {
        _ if words.trim().is_empty() => return refused(Some(place), 400, "no_text"),
        count if count > TEXT_CHARS_MAX => return refused(Some(place), 400, "msg_too_long"),
        _ => (),
    }
    let delay = delay(state, &place)?;
    let ts = state.show(place, shown(words), Vec::new());
    let message = json!({ "type": "message", "ts": ts, "text": words });
    let channel = text(arguments, "channel");
    Ok(Taken {
        answer: json!({ "ok": true, "channel": channel, "ts": ts, "message": message }),
        delay,
    })
}

/// How slowly the next message into a place is answered, unless the scenario refuses it.
pub(super) fn delay(state: &mut State, place: &Place) -> Result<Duration, Box<Refusal>> {
    match state.next_fault(place) {
        SendFault::Accept => Ok(Duration::ZERO),
        SendFault::Slow { delay } => Ok(delay),
        SendFault::Refuse { status, retry_after_s } => {
            let error = match status {
                401 => "invalid_auth",
                403 => "is_archived",
                404 => "channel_not_found",
                429 => "ratelimited",
                500.. => "internal_error",
                _ => "restricted_action",
            };
            Err(Box::new(Refusal { place: Some(place.clone()), status, retry_after_s, error }))
        }
    }
}

/// Whether a text is a time stamp: ten digits, a full stop, six digits.
pub(super) fn is_ts(text: &str) -> bool {
    let digits = |it: &str, count| it.len() == count && it.bytes().all(|it| it.is_ascii_digit());
    text.split_once('.').is_some_and(|(a, b)| digits(a, 10) && digits(b, 6))
}
