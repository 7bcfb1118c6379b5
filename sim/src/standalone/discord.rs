//! Discord's twin alone: one bot, one person who writes to it directly, in a channel of a guild and in a thread of it.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;

use super::{ACCOUNT, Server, bad_request, block_on, picture, unix_now_s};
use crate::{
    recorder::Recorder,
    scenario::{Chat, ChatKind, Cut, SendFault},
    twins::{
        Inbound,
        discord::{Bot, CHANNEL, Discord, TOKEN},
    },
};

/// The person who writes.
pub const PERSON: &str = "3001";
/// The guild.
pub const GUILD: &str = "900";
/// The channel in it.
pub const ROOM: &str = "800";
/// The thread in that.
pub const THREAD: &str = "801";
/// The role that the person has.
pub const ROLE: &str = "42";

/// Serves a Discord twin until the process is ended, and prints where. See [`bind`].
///
/// # Errors
///
/// If the address cannot be bound.
pub fn serve(address: SocketAddr, token: &str) -> io::Result<()> {
    block_on(bind(address, token))
}

/// Binds a Discord twin with one bot.
///
/// Beside Discord's own interface it has endpoints for the person at the other end: `POST /twin/messages {"text", "chat",
/// "mention", "image"}` writes as [`PERSON`] in the chat `direct`, `room` or `thread`; `GET /twin/messages` lists what everybody wrote;
/// `POST /twin/refusals {"chat", "status", "retry_after"}` refuses the bot's next message; `POST /twin/cuts {"code"}`
/// closes the bot's connection.
///
/// # Errors
///
/// If the address cannot be bound.
pub async fn bind(address: SocketAddr, token: &str) -> io::Result<Server> {
    let bot = Bot::of(1, ACCOUNT, &[(TOKEN, token.to_owned())].into());
    let twin = Discord::new(Recorder::discarding(), vec![bot], unix_now_s());
    let direct = Chat::direct(CHANNEL, ACCOUNT, PERSON);
    let in_room = |thread: Option<&str>| Chat {
        kind: ChatKind::Room { id: ROOM.to_owned(), thread: thread.map(str::to_owned) },
        guild: Some(GUILD.to_owned()),
        roles: vec![ROLE.to_owned()],
        ..direct.clone()
    };
    let chats =
        [("direct", direct.clone()), ("room", in_room(None)), ("thread", in_room(Some(THREAD)))];
    for (name, chat) in chats {
        twin.declare(name, &chat, &[]);
    }
    let controls = Router::new()
        .route("/twin/messages", get(list).post(write))
        .route("/twin/refusals", post(refuse))
        .route("/twin/cuts", post(cut))
        .with_state(twin.clone());
    Server::bind(address, controls.merge(twin.router())).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    text: String,
    #[serde(default = "direct")]
    chat: String,
    #[serde(default)]
    mention: bool,
    /// The name of a picture that comes with it.
    image: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    #[serde(default = "direct")]
    chat: String,
    status: u16,
    retry_after: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scissors {
    code: u16,
}

fn direct() -> String {
    "direct".to_owned()
}

async fn list(State(twin): State<Discord>) -> Response {
    Json(twin.conversation()).into_response()
}

async fn write(State(twin): State<Discord>, Json(written): Json<Written>) -> Response {
    let Written { text, chat, mention, image } = written;
    if !twin.knows(&chat) {
        return bad_request(&format!("no chat `{chat}`: expected `direct`, `room` or `thread`"));
    }
    let id = twin.deliver(&Inbound {
        name: "by-hand".to_owned(),
        chat: chat.clone(),
        text,
        canary: None,
        mention,
        reply_to: None,
        forged: None,
        image: picture(image.as_deref()),
        apart: Duration::ZERO,
        events: None,
    });
    Json(json!({ "chat": chat, "message_id": id })).into_response()
}

async fn refuse(State(twin): State<Discord>, Json(refusal): Json<Refusal>) -> Response {
    let Refusal { chat, status, retry_after } = refusal;
    if !(400..=599).contains(&status) || !twin.knows(&chat) {
        return bad_request(
            "expected a status from 400 to 599 and the chat `direct`, `room` or `thread`",
        );
    }
    twin.script(&chat, SendFault::Refuse { status, retry_after_s: retry_after });
    Json(json!({ "chat": chat, "status": status })).into_response()
}

async fn cut(State(twin): State<Discord>, Json(Scissors { code }): Json<Scissors>) -> Response {
    if !(1_000..=4_999).contains(&code) {
        return bad_request(&format!("code {code} closes nothing: expected 1000 to 4999"));
    }
    twin.cut(Cut::Close(code), Duration::ZERO);
    Json(json!({ "code": code })).into_response()
}
