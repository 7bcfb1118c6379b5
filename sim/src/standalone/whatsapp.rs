//! WhatsApp's twin alone: one business number, and one person who writes to it.

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
    recorder::Recorder,
    scenario::{Chat, SendFault},
    twins::{
        Inbound,
        push::Gateway,
        whatsapp::{CHANNEL, Number, WhatsApp},
    },
};

/// The person who writes, and her chat's name.
pub const PERSON_NUMBER: &str = "+15550001";

/// What the twin is told about the business.
#[derive(Clone, Debug)]
pub struct Business {
    /// The platform's id of the number.
    pub phone_number_id: String,
    /// What calls of the Graph API bear.
    pub access_token: String,
    /// What webhooks are signed with.
    pub app_secret: String,
    /// What the twin shows when it asks for the webhook.
    pub verify_token: String,
    /// Where the gateway takes webhooks, as `http://host:port/path`.
    pub webhook: String,
}

/// Serves a WhatsApp twin until the process is ended, and prints where. See [`bind`].
///
/// # Errors
///
/// If the address cannot be bound, or the webhook is no address.
pub fn serve(address: SocketAddr, business: &Business) -> io::Result<()> {
    block_on(bind(address, business))
}

/// Binds a WhatsApp twin with one number.
///
/// Beside the Graph API it has endpoints for the person at the other end: `POST /twin/messages {"text", "reply_to", "image"}`
/// writes as [`PERSON_NUMBER`], which the twin posts to the webhook; `GET /twin/messages` lists what everybody wrote;
/// `POST /twin/refusals {"status"}` refuses the business's next message.
///
/// # Errors
///
/// If the address cannot be bound, or the webhook is no address.
pub async fn bind(address: SocketAddr, business: &Business) -> io::Result<Server> {
    let webhook: hyper::Uri = business.webhook.parse().map_err(io::Error::other)?;
    let (Some(host), Some(port)) = (webhook.host(), webhook.port_u16()) else {
        let what = format!("`{}` is no address with a port", business.webhook);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    };
    let gateway = Gateway { host: host.to_owned(), port };
    let number = Number {
        account: ACCOUNT.to_owned(),
        id: business.phone_number_id.clone(),
        access_token: business.access_token.clone(),
        app_secret: business.app_secret.clone(),
        verify_token: business.verify_token.clone(),
        path: webhook.path().to_owned(),
    };
    let twin = WhatsApp::new(Recorder::discarding(), vec![number], unix_now_s());
    twin.declare(PERSON_NUMBER, &Chat::direct(CHANNEL, ACCOUNT, PERSON_NUMBER), &[]);
    let controls = Router::new()
        .route("/twin/messages", get(list).post(write))
        .route("/twin/refusals", post(refuse))
        .with_state(twin.clone());
    let server = Server::bind(address, controls.merge(twin.router())).await?;
    let push = twin.push().clone();
    Ok(server.beside(async move { push.run(TokioNet, gateway).await }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    text: String,
    reply_to: Option<String>,
    /// The name of a picture that comes with it.
    image: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    status: u16,
}

async fn list(State(twin): State<WhatsApp>) -> Response {
    Json(twin.conversation()).into_response()
}

async fn write(State(twin): State<WhatsApp>, Json(written): Json<Written>) -> Response {
    let id = twin.deliver(&Inbound {
        name: "by-hand".to_owned(),
        chat: PERSON_NUMBER.to_owned(),
        text: written.text,
        canary: None,
        mention: false,
        reply_to: written.reply_to,
        forged: None,
        image: picture(written.image.as_deref()),
        events: None,
        apart: Duration::ZERO,
    });
    Json(json!({ "chat": PERSON_NUMBER, "message_id": id })).into_response()
}

async fn refuse(State(twin): State<WhatsApp>, Json(Refusal { status }): Json<Refusal>) -> Response {
    if !(400..=599).contains(&status) {
        return bad_request(&format!("status {status} is no refusal: expected 400 to 599"));
    }
    twin.script(PERSON_NUMBER, SendFault::Refuse { status, retry_after_s: None });
    Json(json!({ "status": status })).into_response()
}
