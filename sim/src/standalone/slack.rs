//! A Slack twin with one app in one workspace.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use creel_gateway::net::TokioNet;
use serde::Deserialize;
use serde_json::json;

use super::{ACCOUNT, Server, bad_request, block_on, picture, unix_now_s};
use crate::{
    base::Credentials,
    recorder::Recorder,
    scenario::{Chat, ChatKind, Cut, SendFault},
    twins::{
        Inbound,
        push::Gateway,
        slack::{APP_TOKEN, BOT_TOKEN, CHANNEL, SIGNING_SECRET, Slack},
    },
};

/// The person who writes, and her direct chat.
pub const PERSON: &str = "U3001";

/// The channel that she and the bot are in.
pub const ROOM: &str = "C800";

/// What the twin is told about the app.
#[derive(Clone, Debug)]
pub struct App {
    /// The bot's token.
    pub bot_token: String,
    /// The app's own token, with which connections of Socket Mode are opened.
    pub socket_token: String,
    /// What calls of the Events API are signed with.
    pub signing_secret: String,
    /// Where the gateway is called while no connection is open, as `http://host:port/path`.
    pub events_url: String,
}

/// Serves a Slack twin until the process is ended, and prints where. See [`bind`].
///
/// # Errors
///
/// If the address cannot be bound, or that of the events is no address.
pub fn serve(address: SocketAddr, app: &App) -> io::Result<()> {
    block_on(bind(address, app))
}

/// Binds a Slack twin with one app.
///
/// Beside the Web API at `/api` it has endpoints for the people: `POST /twin/messages {"text", "room"?, "thread"?,
/// "mention"?, "image"?}` writes as [`PERSON`], in [`ROOM`] if `room` is true; `GET /twin/messages` lists what everybody wrote;
/// `POST /twin/refusals {"status", "room"?, "retry_after"?}` refuses the bot's next message there; `POST
/// /twin/disconnections {}` asks open connections to connect again.
///
/// # Errors
///
/// If the address cannot be bound, or that of the events is no address.
pub async fn bind(address: SocketAddr, app: &App) -> io::Result<Server> {
    let url: hyper::Uri = app.events_url.parse().map_err(io::Error::other)?;
    let (Some(host), Some(port)) = (url.host(), url.port_u16()) else {
        let what = format!("`{}` is no address with a port", app.events_url);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    };
    let gateway = Gateway { host: host.to_owned(), port };
    let secrets: Credentials = [
        (BOT_TOKEN, app.bot_token.clone()),
        (APP_TOKEN, app.socket_token.clone()),
        (SIGNING_SECRET, app.signing_secret.clone()),
    ]
    .into();
    let accounts = [(ACCOUNT.to_owned(), secrets)].into();
    let paths = [(ACCOUNT.to_owned(), url.path().to_owned())].into();
    let twin = Slack::called_at(Recorder::discarding(), &accounts, unix_now_s(), &paths);
    place(&twin, false, None, &[]);
    place(&twin, true, None, &[]);
    let controls = Router::new()
        .route("/twin/messages", get(list).post(write))
        .route("/twin/refusals", post(refuse))
        .route("/twin/disconnections", post(disconnect))
        .with_state(twin.clone());
    let server = Server::bind(address, controls.merge(twin.router())).await?;
    Ok(server.beside(async move { twin.run(TokioNet, gateway).await }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    text: String,
    #[serde(default)]
    room: bool,
    thread: Option<String>,
    #[serde(default)]
    mention: bool,
    /// The name of a picture that comes with it.
    image: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    status: u16,
    #[serde(default)]
    room: bool,
    retry_after: Option<u64>,
}

/// The name of a place, which is added if it is new.
fn place(twin: &Slack, room: bool, thread: Option<&str>, faults: &[SendFault]) -> String {
    let direct = Chat::direct(CHANNEL, ACCOUNT, PERSON);
    let (name, chat) = match (room, thread) {
        (false, _) => (PERSON.to_owned(), direct),
        (true, thread) => {
            let name = thread.map_or_else(|| ROOM.to_owned(), |it| format!("{ROOM}/{it}"));
            let kind = ChatKind::Room { id: ROOM.to_owned(), thread: thread.map(str::to_owned) };
            (name, Chat { kind, ..direct })
        }
    };
    if !twin.has_chat(&name) || !faults.is_empty() {
        twin.declare(&name, &chat, faults);
    }
    name
}

async fn list(State(twin): State<Slack>) -> Response {
    Json(twin.conversation()).into_response()
}

async fn write(State(twin): State<Slack>, Json(written): Json<Written>) -> Response {
    let Written { text, room, thread, mention, image } = written;
    let chat = place(&twin, room, thread.as_deref(), &[]);
    let ts = twin.deliver(&Inbound {
        name: "by-hand".to_owned(),
        chat: chat.clone(),
        text,
        canary: None,
        mention,
        reply_to: None,
        forged: None,
        image: picture(image.as_deref()),
        events: None,
        apart: Duration::ZERO,
    });
    Json(json!({ "chat": chat, "ts": ts })).into_response()
}

async fn refuse(State(twin): State<Slack>, Json(refusal): Json<Refusal>) -> Response {
    let Refusal { status, room, retry_after } = refusal;
    if !(400..=599).contains(&status) {
        return bad_request(&format!("status {status} is no refusal: expected 400 to 599"));
    }
    place(&twin, room, None, &[SendFault::Refuse { status, retry_after_s: retry_after }]);
    Json(json!({ "status": status })).into_response()
}

async fn disconnect(State(twin): State<Slack>) -> Response {
    twin.cut(Cut::Reconnect, Duration::ZERO);
    Json(json!({ "ok": true })).into_response()
}
