//! WhatsApp Business, by the Cloud API: signed webhooks in, the Graph API out.
//!
//! The Cloud API has direct chats only. A person's peer id and sender id are the phone number in E.164, with its `+`.
//! A call is acknowledged after the gateway adopted all its messages; the platform repeats it until then, and an id that
//! is known is not taken twice. Sends are at least once: the Graph API has no key that would let an ambiguous send be
//! repeated safely.

mod graph;
mod update;

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use creel_core::{
    egress::{Outgoing, SendOutcome, Sent},
    ids::AccountId,
    time::Millis,
};
use serde::Deserialize;

use self::graph::{Failure, Graph};
use crate::{
    channels::{
        Board, State as Doing, failure,
        push::{Door, Ground, adopt},
    },
    driver::Inbox,
    http::Http,
    media::{Picture, Unavailable, without_image},
    net::Net,
    outside::Outside,
    secret::Secret,
    signature,
};

/// The name of the channel in configuration, bindings and session keys.
pub const CHANNEL: &str = "whatsapp";

/// The longest text of one message, in characters.
pub const TEXT_MAX: u32 = 4_096;

/// The header with a call's signature.
const SIGNATURE: &str = "x-hub-signature-256";

/// The largest call that is read, in bytes: as much as the platform sends.
const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;

/// The waits between two attempts to find out who we are. The last one is repeated.
const WAITS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(15),
    Duration::from_mins(1),
];

/// How long is waited after too many messages to one person: the platform takes one every 6 s from then on.
const PAIR_WAIT: Millis = Millis::from_s(6);

/// One business phone number.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name in the configuration.
    pub id: AccountId,
    /// The platform's id of the number.
    pub phone_number_id: String,
    /// What we show the platform.
    pub access_token: Secret,
    /// What the platform signs with.
    pub app_secret: Secret,
    /// What the platform shows when it asks for the first time.
    pub verify_token: Secret,
    /// The Graph API's address with its version, without a slash at the end.
    pub api_root: String,
    /// Where on our port the platform calls.
    pub path: String,
    /// The largest image that it takes, either way, in bytes.
    pub media_bytes_max: usize,
}

impl Account {
    /// The account as the log and `/ready` call it.
    pub fn name(&self) -> String {
        format!("{CHANNEL}/{}", self.id)
    }

    /// What it adds to the gateway's port.
    pub fn door<N: Net>(&self, ground: Ground<N>) -> Door {
        let caller = Caller { account: self.clone(), ground };
        let methods = get(verify::<N>).post(take::<N>).with_state(caller);
        Door::new(&self.path, BODY_BYTES_MAX, methods)
    }
}

/// Finds out whether the token is accepted, and is up until the gateway takes no more messages.
pub async fn receive<N: Net>(http: Http<N>, account: Account, inbox: Inbox, board: Arc<Board>) {
    let name = account.name();
    let graph = Graph::new(http, &account);
    let mut waits = WAITS.into_iter().chain(std::iter::repeat(WAITS[WAITS.len() - 1]));
    loop {
        let asked = tokio::select! {
            biased;
            () = inbox.closing() => return,
            asked = graph.own_number() => asked,
        };
        let failure = match asked {
            Ok(number) => {
                tracing::info!(account = name, number, path = account.path, "receiving");
                board.set(&name, Doing::Up);
                return inbox.closing().await;
            }
            Err(failure) => failure,
        };
        if failure.is_refused_token() {
            tracing::error!(account = name, %failure, "the token is not accepted; this account stops");
            board.set(&name, Doing::Down(failure.to_string()));
            return inbox.closing().await;
        }
        tracing::warn!(account = name, %failure, "will try again");
        board.set(&name, Doing::Retrying(failure.to_string()));
        tokio::select! {
            biased;
            () = inbox.closing() => return,
            () = tokio::time::sleep(waits.next().unwrap_or_default()) => (),
        }
    }
}

/// Fetches an image that somebody sent.
///
/// # Errors
///
/// Says why it cannot be had.
pub async fn fetch<N: Net>(
    http: Http<N>,
    account: &Account,
    id: &str,
    bytes_max: usize,
) -> Result<Picture, Unavailable> {
    Picture::fetched(Graph::new(http, account).media(id, bytes_max).await, bytes_max)
}

/// Sends one piece. If the platform does not want its picture, the words are sent without it, and say so.
pub async fn send<N: Net>(
    outside: &Outside<N>,
    account: &Account,
    outgoing: &Outgoing,
    picture: Option<&Picture>,
) -> Sent {
    let graph = Graph::new(outside.http.clone(), account);
    let mut sent = match picture {
        Some(picture) => graph.send_image(outgoing, picture).await,
        None => graph.send_text(outgoing).await,
    };
    if let (Some(_), Err(failure)) = (picture, &sent)
        && failure.is_refused_media()
    {
        tracing::warn!(%failure, "the image was refused");
        sent = graph.send_text(&without_image(outgoing, &Unavailable::Refused)).await;
    }
    if let Err(failure) = &sent
        && failure.is_refused_token()
    {
        outside.board.set(&account.name(), Doing::Down(failure.to_string()));
    }
    failure::sent(sent, outcome)
}

/// What a failed send means. Source: the Cloud API's public list of error codes.
fn outcome(failure: &Failure) -> SendOutcome {
    match failure {
        Failure::Refused { code: 131_056, .. } => SendOutcome::RetryAfter(PAIR_WAIT),
        // Too many calls by the app, the account or the number; the platform's own trouble.
        Failure::Refused { code: 4 | 80_007 | 130_429 | 131_048, .. } => SendOutcome::Transient,
        Failure::Refused { code: 1 | 2 | 131_000 | 131_016 | 131_057 | 133_004, .. } => {
            SendOutcome::Transient
        }
        Failure::Refused { code: 190, .. } => SendOutcome::Permanent,
        Failure::Refused { status, .. } => failure::outcome_of_status(*status),
        Failure::Other(failure) => failure.outcome(),
    }
}

#[derive(Clone)]
struct Caller<N: Net> {
    account: Account,
    ground: Ground<N>,
}

#[derive(Deserialize)]
struct Verification {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.verify_token")]
    token: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
}

/// The platform's first call: it shows the token that the operator gave it, and wants its challenge back.
async fn verify<N: Net>(
    State(Caller { account, .. }): State<Caller<N>>,
    Query(asked): Query<Verification>,
) -> (StatusCode, String) {
    let knows = asked.token.is_some_and(|it| signature::is_same(&account.verify_token, &it));
    match asked.challenge {
        Some(challenge) if knows && asked.mode.as_deref() == Some("subscribe") => {
            (StatusCode::OK, challenge)
        }
        _ => (StatusCode::FORBIDDEN, "the verify token is not ours\n".to_owned()),
    }
}

async fn take<N: Net>(
    State(Caller { account, ground }): State<Caller<N>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let given = headers.get(SIGNATURE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !signature::is_valid(&account.app_secret, &[&body], given) {
        tracing::warn!(account = account.name(), "a call without a valid signature was refused");
        return StatusCode::UNAUTHORIZED;
    }
    match update::read(&body, &account) {
        Some(messages) => adopt(&ground.inbox, messages).await,
        None => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_whether_to_try_again() {
        let refused =
            |status, code| outcome(&Failure::Refused { status, code, description: String::new() });
        assert_eq!(refused(400, 131_056), SendOutcome::RetryAfter(Millis::from_s(6)));
        assert_eq!(refused(400, 130_429), SendOutcome::Transient);
        assert_eq!(refused(400, 80_007), SendOutcome::Transient);
        assert_eq!(refused(400, 131_047), SendOutcome::Permanent);
        assert_eq!(refused(401, 190), SendOutcome::Permanent);
        assert_eq!(refused(400, 100), SendOutcome::Permanent);
        assert_eq!(refused(503, 100), SendOutcome::Transient);
        assert_eq!(refused(408, 100), SendOutcome::Transient);
        let strange = |status| outcome(&failure::Failure::NotThePlatform { status }.into());
        assert_eq!(strange(502), SendOutcome::Transient);
        // A page of a network that wants a log-in first is as good as no answer.
        assert_eq!(strange(200), SendOutcome::Transient);
        assert_eq!(strange(404), SendOutcome::Permanent);
    }
}
