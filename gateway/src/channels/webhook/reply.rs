//! Replies: one POST a piece, signed, and with an id that stays the same however often it is tried.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use creel_core::{
    egress::{Outgoing, SendOutcome, Sent},
    ids::MessageId,
    origin::{PeerKind, Thread},
    time::Millis,
};
use http_body_util::Full;
use hyper::{Request, header};
use serde::Serialize;

use super::{Account, SIGNATURE, TIMESTAMP};
use crate::{
    clock::WallClock,
    http::{Error, Http},
    media::Picture,
    net::Net,
    signature,
};

/// The header with a reply's id.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How long an answer may take.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// How much of an answer is read, in bytes. Nothing in it matters.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    id: &'a str,
    account: &'a str,
    conversation: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<&'a str>,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "replyTo")]
    quoted: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
}

#[derive(Serialize)]
struct Attachment {
    kind: &'static str,
    mime: &'static str,
    /// In base64.
    data: String,
}

/// Sends one piece. `key` tells the receiver whether it has it already.
pub async fn send<N: Net>(
    (http, wall_clock): (Http<N>, &WallClock),
    account: &Account,
    (outgoing, picture): (&Outgoing, Option<&Picture>),
    key: &str,
) -> Sent {
    let Outgoing { route, text, reply_to, .. } = outgoing;
    let reply = Reply {
        id: key,
        account: account.id.as_str(),
        conversation: route.peer.id.as_str(),
        kind: if route.peer.kind == PeerKind::Direct { "direct" } else { "group" },
        thread: route.thread.as_ref().map(|it: &Thread| it.id().as_str()),
        text,
        quoted: reply_to.as_ref().map(MessageId::as_str),
        attachments: picture.map(attachment).into_iter().collect(),
    };
    let body = serde_json::to_vec(&reply).expect("a body of strings is plain data");
    let date = wall_clock.now().as_unix_ms().div_euclid(1_000).to_string();
    let signed = signature::sign(&account.secret, &[date.as_bytes(), b".", &body]);
    let request = Request::post(&account.reply_url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(TIMESTAMP, &date)
        .header(SIGNATURE, signed)
        .header(IDEMPOTENCY_KEY, key)
        .body(Full::new(Bytes::from(body)))
        .expect("settings take addresses only, and the rest is plain");
    match http.exchange_whole(request, ANSWER_WAIT, ANSWER_BYTES_MAX).await {
        // Its receiver knows it by no other name than ours.
        Ok(answer) if answer.status().is_success() => Sent::delivered(MessageId::new(key).ok()),
        Ok(answer) => {
            let status = answer.status();
            tracing::warn!(%status, "send");
            let wait = answer.headers().get(header::RETRY_AFTER);
            Sent::failed(outcome(status, wait), &format!("the address answered {status}"))
        }
        Err(error) => {
            tracing::warn!(%error, "send");
            let outcome = match &error {
                Error::Connect(_)
                | Error::Exchange(_)
                | Error::TimedOut(_)
                | Error::Body(_)
                | Error::TooLong => SendOutcome::Transient,
            };
            Sent::failed(outcome, &error.to_string())
        }
    }
}

fn attachment(Picture { mime, bytes }: &Picture) -> Attachment {
    Attachment { kind: "image", mime, data: BASE64_STANDARD.encode(bytes) }
}

/// What an answer means that is no success. Repeating is safe, so all that may pass is tried again.
fn outcome(status: hyper::StatusCode, wait: Option<&header::HeaderValue>) -> SendOutcome {
    let wait = wait.and_then(|it| it.to_str().ok()?.trim().parse::<u64>().ok());
    match (status.as_u16(), wait) {
        (429 | 503, Some(seconds)) => SendOutcome::RetryAfter(Millis::from_s(seconds)),
        (408 | 425 | 429 | 500.., _) => SendOutcome::Transient,
        _ => SendOutcome::Permanent,
    }
}

#[cfg(test)]
mod tests {
    use hyper::{StatusCode, header::HeaderValue};

    use super::*;

    #[test]
    fn statuses_tell_whether_to_try_again() {
        let check = |status: u16, wait: Option<&'static str>| {
            let wait = wait.map(HeaderValue::from_static);
            outcome(StatusCode::from_u16(status).unwrap(), wait.as_ref())
        };
        assert_eq!(check(429, Some("2")), SendOutcome::RetryAfter(Millis::from_s(2)));
        assert_eq!(check(429, Some("soon")), SendOutcome::Transient);
        assert_eq!(check(503, None), SendOutcome::Transient);
        assert_eq!(check(302, None), SendOutcome::Permanent);
        assert_eq!(check(410, Some("2")), SendOutcome::Permanent);
    }
}
