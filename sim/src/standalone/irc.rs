//! An IRC server alone, for trying a gateway by hand.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use creel_gateway::net::{Net, TokioNet};
use serde::Deserialize;
use serde_json::json;

use super::{ACCOUNT, Server, bad_request, unix_now_s};
use crate::{
    recorder::Recorder,
    scenario::{Chat, ChatKind, SendFault},
    twins::{
        Inbound,
        irc::{Bot, CHANNEL, Irc},
    },
};

/// The person who writes.
pub const PERSON: &str = "alice";
/// The room that she is in.
pub const ROOM: &str = "#creel";

/// Serves an IRC server until the process is ended, and prints where. See [`bind`].
///
/// # Errors
///
/// If an address cannot be bound.
#[expect(clippy::print_stdout, reason = "with port 0, only this line tells where the twin is")]
pub fn serve(address: SocketAddr, people: SocketAddr, password: Option<&str>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (server, irc) = bind(address, people, password).await?;
        println!("listening on irc://{irc}, for people on http://{}", server.address);
        match server.run().await {}
    })
}

/// Binds an IRC server at `address`, which lets in whoever says the password, or everybody if there is none.
///
/// HTTP at `people` is for the person at the other end: `POST /twin/messages {"text", "chat", "mention"}` writes as
/// [`PERSON`] in the chat `direct` or `room` ([`ROOM`]); `GET /twin/messages` lists what everybody wrote; `POST
/// /twin/refusals {"chat"}` refuses the client's next message there; `POST /twin/cuts` ends every connection; `GET /twin`
/// tells where the server is. The server itself is behind the first of the two addresses that are returned.
///
/// # Errors
///
/// If an address cannot be bound.
pub async fn bind(
    address: SocketAddr,
    people: SocketAddr,
    password: Option<&str>,
) -> io::Result<(Server, SocketAddr)> {
    let bot = Bot { account: ACCOUNT.to_owned(), password: password.map(str::to_owned) };
    let twin = Irc::new(Recorder::discarding(), vec![bot], unix_now_s());
    let direct = Chat::direct(CHANNEL, ACCOUNT, PERSON);
    let kind = ChatKind::Group { id: ROOM.to_owned(), topic: None };
    let room = Chat { kind, ..direct.clone() };
    twin.declare("direct", &direct, &[]);
    twin.declare("room", &room, &[]);
    let listener = TokioNet.bind(address).await?;
    let irc = axum::serve::Listener::local_addr(&listener)?;
    let controls = Router::new()
        .route("/twin", get(move || async move { Json(json!({ "irc": irc.to_string() })) }))
        .route("/twin/messages", get(list).post(write))
        .route("/twin/refusals", post(refuse))
        .route("/twin/cuts", post(cut))
        .with_state(twin.clone());
    let server = Server::bind(people, controls).await?;
    Ok((server.beside(async move { twin.serve(listener).await }), irc))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    text: String,
    #[serde(default = "direct")]
    chat: String,
    #[serde(default)]
    mention: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    #[serde(default = "direct")]
    chat: String,
}

fn direct() -> String {
    "direct".to_owned()
}

async fn list(State(twin): State<Irc>) -> Response {
    Json(twin.conversation()).into_response()
}

async fn write(State(twin): State<Irc>, Json(written): Json<Written>) -> Response {
    let Written { text, chat, mention } = written;
    if !twin.knows(&chat) {
        return unknown(&chat);
    }
    twin.deliver(&Inbound {
        name: "by-hand".to_owned(),
        chat: chat.clone(),
        text,
        canary: None,
        mention,
        reply_to: None,
        forged: None,
        image: None,
        apart: Duration::ZERO,
        events: None,
    });
    Json(json!({ "chat": chat })).into_response()
}

async fn refuse(State(twin): State<Irc>, Json(Refusal { chat }): Json<Refusal>) -> Response {
    if !twin.knows(&chat) {
        return unknown(&chat);
    }
    twin.script(&chat, SendFault::Refuse { status: 404, retry_after_s: None });
    Json(json!({ "chat": chat })).into_response()
}

async fn cut(State(twin): State<Irc>) -> Response {
    twin.cut(Some("the network is split"));
    Json(json!({ "cut": true })).into_response()
}

fn unknown(chat: &str) -> Response {
    bad_request(&format!("no chat `{chat}`: expected `direct` or `room`"))
}
