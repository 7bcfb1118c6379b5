//! The REST API: who calls, and what is where.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, patch, post},
};
use serde_json::{Value, json};

use super::{
    Discord, messages,
    state::{LOGINS_MAX, State},
    wire,
};
use crate::scenario::ChatKind;

/// When logins are counted anew.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) code: u64,
    pub(super) message: String,
    pub(super) retry_after_s: Option<u64>,
}

impl Failure {
    pub(super) fn new(status: u16, code: u64, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), retry_after_s: None }
    }

    pub(super) fn unknown_channel() -> Self {
        Self::new(404, 10_003, "Unknown Channel")
    }

    pub(super) fn invalid_form(what: &str) -> Self {
        Self::new(400, 50_035, &format!("Invalid Form Body: {what}"))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { status, code, message, retry_after_s } = self;
        let status = StatusCode::from_u16(status).expect("scenarios say 400 to 599");
        let mut body = json!({ "message": message, "code": code });
        let Some(seconds) = retry_after_s else { return (status, Json(body)).into_response() };
        body["retry_after"] = json!(u32::try_from(seconds).map_or(f64::MAX, f64::from));
        body["global"] = json!(false);
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        let wait = header::HeaderValue::from(seconds);
        headers.insert("x-ratelimit-remaining", header::HeaderValue::from(0));
        headers.insert("x-ratelimit-limit", header::HeaderValue::from(5));
        headers.insert("x-ratelimit-scope", header::HeaderValue::from_static("user"));
        headers.insert("x-ratelimit-bucket", header::HeaderValue::from_static("messages"));
        headers.insert("x-ratelimit-reset-after", wait.clone());
        headers.insert(header::RETRY_AFTER, wait);
        // Clients believe in rate limits only where the platform's own proxy tells of itself.
        headers.insert(header::VIA, header::HeaderValue::from_static("1.1 google"));
        response
    }
}

pub(super) fn router() -> Router<Discord> {
    Router::new()
        .route("/gateway", get(gateway))
        .route("/gateway/bot", get(gateway_bot))
        .route("/users/@me", get(me))
        .route("/oauth2/applications/@me", get(application))
        .route("/applications/@me", get(application))
        .route("/users/@me/channels", post(create_direct_chat))
        .route("/channels/{channel}", get(channel))
        .route("/channels/{channel}/typing", post(typing))
        .route("/channels/{channel}/messages", post(messages::create))
        .route(
            "/channels/{channel}/messages/{message}",
            patch(messages::edit).delete(messages::delete),
        )
}

pub(super) async fn not_found() -> Failure {
    Failure::new(404, 0, "404: Not Found")
}

/// The bot that calls.
pub(super) fn caller(state: &State, headers: &HeaderMap) -> Result<usize, Failure> {
    let of = |name| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !of(header::USER_AGENT).starts_with("DiscordBot (") {
        return Err(Failure::new(403, 40_333, "internal network error"));
    }
    let token = of(header::AUTHORIZATION).strip_prefix("Bot ");
    let known = state.bots.iter().position(|it| Some(it.token.as_str()) == token);
    known.ok_or_else(|| Failure::new(401, 0, "401: Unauthorized"))
}

fn address(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    format!("ws://{host}")
}

async fn gateway(headers: HeaderMap) -> Json<Value> {
    Json(json!({ "url": address(&headers) }))
}

async fn gateway_bot(
    Extract(twin): Extract<Discord>,
    headers: HeaderMap,
) -> Result<Json<Value>, Failure> {
    let state = twin.state();
    let remaining = state.logins_left(caller(&state, &headers)?);
    let limit = json!({
        "total": LOGINS_MAX, "remaining": remaining, "reset_after": DAY_MS, "max_concurrency": 1,
    });
    Ok(Json(json!({ "url": address(&headers), "shards": 1, "session_start_limit": limit })))
}

async fn me(Extract(twin): Extract<Discord>, headers: HeaderMap) -> Result<Json<Value>, Failure> {
    let state = twin.state();
    let bot = caller(&state, &headers)?;
    Ok(Json(wire::bot(&state, bot)))
}

async fn application(
    Extract(twin): Extract<Discord>,
    headers: HeaderMap,
) -> Result<Json<Value>, Failure> {
    let state = twin.state();
    let bot = wire::bot(&state, caller(&state, &headers)?);
    Ok(Json(json!({
        "id": bot["id"], "name": bot["username"], "icon": null, "description": "", "flags": 0,
        "bot_public": true, "bot_require_code_grant": false, "verify_key": "", "owner": bot,
        "team": null, "rpc_origins": [], "summary": "",
    })))
}

async fn create_direct_chat(
    Extract(twin): Extract<Discord>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let state = twin.state();
    let bot = caller(&state, &headers)?;
    let body: Value = serde_json::from_slice(&body)
        .map_err(|_| Failure::new(400, 50_109, "The request body contains invalid JSON."))?;
    let person = match &body["recipient_id"] {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return Err(Failure::invalid_form("recipient_id: This field is required")),
    };
    let theirs = |it: &&super::state::Member| {
        it.bot == bot && it.chat.kind == ChatKind::Direct && it.chat.sender == person
    };
    match state.chats.values().find(theirs) {
        Some(member) => Ok(Json(wire::direct(&member.channel, &person))),
        None => Err(Failure::new(400, 50_007, "Cannot send messages to this user")),
    }
}

async fn channel(
    Extract(twin): Extract<Discord>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Failure> {
    let state = twin.state();
    let bot = caller(&state, &headers)?;
    let guild = |it: &super::state::Member| it.chat.guild.clone().unwrap_or_default();
    match state.member(bot, &id) {
        Some(it) if it.chat.kind == ChatKind::Direct => {
            Ok(Json(wire::direct(&id, &it.chat.sender)))
        }
        Some(it) if it.place.thread.is_some() => {
            Ok(Json(wire::thread(&id, &it.place.peer, &guild(it))))
        }
        Some(it) => {
            let mut room = wire::room(&id);
            room["guild_id"] = json!(guild(it));
            Ok(Json(room))
        }
        None if state.place(bot, &id).is_some() => Ok(Json(wire::room(&id))),
        None => Err(Failure::unknown_channel()),
    }
}

async fn typing(
    Extract(twin): Extract<Discord>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let state = twin.state();
    let bot = caller(&state, &headers)?;
    state.place(bot, &id).map(|_| StatusCode::NO_CONTENT).ok_or_else(Failure::unknown_channel)
}
