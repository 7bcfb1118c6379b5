//! `POST /replies/<account>`: strict about what the protocol says, and idempotent by the reply's id.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use creel_judge::trace::{Kind, Place};
use serde::Deserialize;
use serde_json::json;

use super::{CHANNEL, SIGNATURE, TIMESTAMP, TOLERANCE_S, Webhook, sign, state::State};
use crate::{picture, scenario::SendFault};

/// A reply, as the protocol documents it. What it does not document is refused.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reply {
    id: String,
    account: String,
    conversation: String,
    kind: String,
    thread: Option<String>,
    text: String,
    #[serde(rename = "replyTo")]
    quoted: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attachment {
    kind: String,
    mime: String,
    data: String,
}

impl Attachment {
    /// The picture as a trace has it, if it is one.
    fn seen(&self) -> Option<String> {
        let bytes = BASE64_STANDARD.decode(&self.data).ok()?;
        let seen = picture::seen(&bytes);
        (self.kind == "image" && seen.starts_with(&format!("{} ", self.mime))).then_some(seen)
    }
}

/// Why a reply is not taken.
struct Refusal {
    place: Option<Place>,
    text: String,
    status: u16,
    retry_after_s: Option<u64>,
    why: String,
}

pub(super) async fn take(
    Extract(twin): Extract<Webhook>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let taken = accept(&mut twin.state(), &account, &headers, &body);
    match taken {
        Ok(delay) => {
            tokio::time::sleep(delay).await;
            Json(json!({ "ok": true })).into_response()
        }
        Err(refusal) => refuse(&twin, *refusal),
    }
}

fn refuse(twin: &Webhook, refusal: Refusal) -> Response {
    let Refusal { place, text, status, retry_after_s, why } = refusal;
    let answer = json!({ "error": why });
    twin.state().recorder.record(Kind::Refused {
        place,
        text,
        status,
        retry_after_s,
        description: why,
    });
    let status = StatusCode::from_u16(status).expect("scenarios say 400 to 599");
    let mut response = (status, Json(answer)).into_response();
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Takes a reply, unless it is not valid or the scenario refuses it. With it, how slow to answer.
fn accept(
    state: &mut State,
    account: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<std::time::Duration, Box<Refusal>> {
    let refused = |status, why: &str| {
        Box::new(Refusal {
            place: None,
            text: String::new(),
            status,
            retry_after_s: None,
            why: why.to_owned(),
        })
    };
    let of = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let secret = state.secret(account).ok_or_else(|| refused(404, "no such account"))?;
    if of(SIGNATURE) != sign(secret, of(TIMESTAMP), body) {
        return Err(refused(401, "the signature is not valid"));
    }
    let is_near = |it: i64| state.date().abs_diff(it) <= TOLERANCE_S.unsigned_abs();
    if !of(TIMESTAMP).parse().is_ok_and(is_near) {
        return Err(refused(401, "the timestamp is too old or too new"));
    }
    let reply: Reply = serde_json::from_slice(body).map_err(|it| refused(400, &it.to_string()))?;
    if reply.account != account || reply.id.is_empty() || of("idempotency-key") != reply.id {
        return Err(refused(400, "the account or the id is not the one of path and header"));
    }
    if state.taken.contains(&reply.id) {
        return Ok(std::time::Duration::ZERO);
    }
    let place = Place {
        channel: CHANNEL.to_owned(),
        account: reply.account,
        peer: reply.conversation,
        thread: reply.thread,
    };
    let text = reply.text;
    let refusal = |status, retry_after_s, why: &str| {
        Box::new(Refusal {
            place: Some(place.clone()),
            text: text.clone(),
            status,
            retry_after_s,
            why: why.to_owned(),
        })
    };
    match state.is_direct(&place) {
        None => return Err(refusal(404, None, "no such conversation")),
        Some(direct) if (reply.kind == "direct") == direct => (),
        Some(_) => return Err(refusal(400, None, "the conversation is of the other kind")),
    }
    let images: Option<Vec<_>> = reply.attachments.iter().map(Attachment::seen).collect();
    let Some(images) = images else {
        return Err(refusal(400, None, "an attachment is not the picture that it says"));
    };
    if text.trim().is_empty() && images.is_empty() {
        return Err(refusal(400, None, "the text is empty"));
    }
    let delay = match state.next_fault(&place) {
        None | Some(SendFault::Accept) => std::time::Duration::ZERO,
        Some(SendFault::Slow { delay }) => delay,
        Some(SendFault::Refuse { status, retry_after_s }) => {
            return Err(refusal(status, retry_after_s, "the scenario refuses it"));
        }
    };
    state.taken.insert(reply.id);
    state.show(place, (text, images), reply.quoted);
    Ok(delay)
}
