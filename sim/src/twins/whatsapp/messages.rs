//! `POST /<version>/<number>/messages`: what the person sees.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State as Extract},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use creel_judge::trace::{Kind, Place};
use serde_json::{Map, Value, json};

use super::{
    CHANNEL, Number, WhatsApp,
    call::{Failure, caller, check_version},
    render::render,
    state::State,
};
use crate::scenario::SendFault;

/// The longest text of a message, in characters.
const TEXT_CHARACTERS_MAX: usize = 4_096;

/// The longest caption of a picture, in characters.
const CAPTION_CHARACTERS_MAX: usize = 1_024;

/// The keys that a message may have.
const KEYS: [&str; 8] = [
    "messaging_product",
    "recipient_type",
    "to",
    "context",
    "type",
    "text",
    "image",
    "biz_opaque_callback_data",
];

/// A valid send, before the platform decides what to do with it.
struct Draft {
    place: Place,
    text: String,
    /// The picture, as a trace has it.
    image: Option<String>,
    reply_to: Option<String>,
}

pub(super) async fn send(
    Extract(twin): Extract<WhatsApp>,
    Path((version, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let number = check_version(&version).and_then(|()| {
        let own = caller(&twin, &headers)?;
        if own.id == number {
            Ok(own)
        } else {
            Err(Failure::new(400, 100, "(#100) Unknown number"))
        }
    });
    let accepted = match number {
        Ok(number) => {
            let accepted = accept(&mut twin.state(), &number, &request);
            accepted.map(|it| (it, number))
        }
        Err(failure) => Err(Box::new((failure, None))),
    };
    match accepted {
        Ok(((delay, answer, id), number)) => {
            let status = twin.state().status(&number, &id, "sent");
            twin.push.deliver(status);
            tokio::time::sleep(delay).await;
            Json(answer).into_response()
        }
        Err(refused) => {
            let (failure, place) = *refused;
            twin.state().recorder.record(Kind::Refused {
                place,
                text: words(&request).to_owned(),
                status: failure.status,
                retry_after_s: failure.retry_after_s,
                description: failure.message.clone(),
            });
            failure.into_response()
        }
    }
}

type Accepted = (Duration, Value, String);

fn accept(
    state: &mut State,
    number: &Number,
    request: &Value,
) -> Result<Accepted, Box<(Failure, Option<Place>)>> {
    let draft =
        draft(state, number, request).map_err(|it| Box::new((it, place(number, request))))?;
    let Draft { place, text, image, reply_to } = draft;
    let delay = match state.next_fault(&place) {
        SendFault::Accept => Duration::ZERO,
        SendFault::Slow { delay } => delay,
        SendFault::Refuse { status, retry_after_s } => {
            return Err(Box::new((scripted(status, retry_after_s), Some(place))));
        }
    };
    let to = place.peer.clone();
    let id = state.show(place, (text, image), reply_to);
    let answer = json!({
        "messaging_product": "whatsapp",
        "contacts": [{ "input": request["to"], "wa_id": to.trim_start_matches('+') }],
        "messages": [{ "id": id }],
    });
    Ok((delay, answer, id))
}

/// The digits behind `to`, which may be written with spaces, dashes and a plus.
fn recipient(request: &Value) -> Option<String> {
    let to = request["to"].as_str()?;
    let digits: String = to.chars().filter(char::is_ascii_digit).collect();
    let plain = to.chars().all(|it| it.is_ascii_digit() || "+ -()".contains(it));
    (plain && !digits.is_empty()).then_some(digits)
}

fn place(number: &Number, request: &Value) -> Option<Place> {
    let digits = recipient(request)?;
    let (channel, account) = (CHANNEL.to_owned(), number.account.clone());
    Some(Place { channel, account, peer: format!("+{digits}"), thread: None })
}

fn draft(state: &State, number: &Number, request: &Value) -> Result<Draft, Failure> {
    let object = request.as_object().ok_or_else(|| Failure::parameter("The body is not JSON"))?;
    let known = |it: &&String| !KEYS.contains(&it.as_str());
    if let Some(unknown) = object.keys().find(known) {
        return Err(Failure::parameter(&format!(
            "Unexpected key \"{unknown}\" on param \"root\"."
        )));
    }
    if object.get("messaging_product") != Some(&json!("whatsapp")) {
        return Err(Failure::parameter("The parameter messaging_product is required."));
    }
    if object.get("recipient_type").is_some_and(|it| it != "individual") {
        return Err(Failure::value("recipient_type must be individual"));
    }
    let place = place(number, request)
        .ok_or_else(|| Failure::parameter("The parameter to is required."))?;
    if !state.is_allowed(&place) {
        let what = "(#131030) Recipient phone number not in allowed list";
        return Err(Failure::new(400, 131_030, what));
    }
    let (text, image) = match object.get("type").map_or(Some("text"), Value::as_str) {
        Some("text") => (text(object)?, None),
        Some("image") => image(state, object)?,
        other => return Err(Failure::value(&format!("type {other:?} is not known to this twin"))),
    };
    let reply_to = match object.get("context") {
        None | Some(Value::Null) => None,
        Some(context) => {
            let id = context["message_id"].as_str().unwrap_or_default();
            if !state.has_message(&place, id) {
                return Err(Failure::value("context.message_id is no message of this chat"));
            }
            Some(id.to_owned())
        }
    };
    if !state.is_window_open(&place) {
        let what = "(#131047) Re-engagement message";
        let details =
            "More than 24 hours have passed since the customer last replied to this number.";
        let failure = Failure::new(400, 131_047, what);
        return Err(Failure { details: Some(details.to_owned()), ..failure });
    }
    Ok(Draft { place, text, image, reply_to })
}

/// What a send says, also where it is not valid.
fn words(request: &Value) -> &str {
    let caption = request["image"]["caption"].as_str();
    request["text"]["body"].as_str().or(caption).unwrap_or_default()
}

/// A picture that was uploaded, with its caption.
fn image(state: &State, object: &Map<String, Value>) -> Result<(String, Option<String>), Failure> {
    let image = object.get("image").and_then(Value::as_object);
    let image = image.ok_or_else(|| Failure::parameter("The parameter image is required."))?;
    let known = |it: &&String| !["id", "caption"].contains(&it.as_str());
    if let Some(unknown) = image.keys().find(known) {
        return Err(Failure::parameter(&format!(
            "Unexpected key \"{unknown}\" on param \"image\"."
        )));
    }
    let id = image.get("id").and_then(Value::as_str).unwrap_or_default();
    let seen = state.media.seen(id).ok_or_else(|| {
        Failure::parameter(
            "Param image['id'] is not a valid whatsapp business account media attachment ID",
        )
    })?;
    let caption = image.get("caption").and_then(Value::as_str).unwrap_or_default();
    if caption.chars().count() > CAPTION_CHARACTERS_MAX {
        let what = format!(
            "Param image['caption'] must be at most {CAPTION_CHARACTERS_MAX} characters long."
        );
        return Err(Failure::parameter(&what));
    }
    Ok((render(caption), Some(seen)))
}

fn text(object: &Map<String, Value>) -> Result<String, Failure> {
    let text = object.get("text").and_then(Value::as_object);
    let text = text.ok_or_else(|| Failure::parameter("The parameter text is required."))?;
    let known = |it: &&String| !["body", "preview_url"].contains(&it.as_str());
    if let Some(unknown) = text.keys().find(known) {
        return Err(Failure::parameter(&format!(
            "Unexpected key \"{unknown}\" on param \"text\"."
        )));
    }
    let body = text.get("body").and_then(Value::as_str).unwrap_or_default();
    if body.trim().is_empty() {
        return Err(Failure::parameter("The parameter text['body'] is required."));
    }
    if body.chars().count() > TEXT_CHARACTERS_MAX {
        let what =
            format!("Param text['body'] must be at most {TEXT_CHARACTERS_MAX} characters long.");
        return Err(Failure::parameter(&what));
    }
    Ok(render(body))
}

/// A refusal that the scenario asks for, with the code that goes with its status.
fn scripted(status: u16, retry_after_s: Option<u64>) -> Failure {
    let (code, message) = match status {
        400 => (131_026, "(#131026) Message undeliverable"),
        401 => (190, "Error validating access token: Session has expired"),
        403 => (10, "(#10) Application does not have permission for this action"),
        429 => (130_429, "(#130429) Rate limit hit"),
        503 => (131_016, "(#131016) Service unavailable"),
        500.. => (131_000, "(#131000) Something went wrong"),
        _ => (100, "(#100) Invalid parameter"),
    };
    Failure { retry_after_s, ..Failure::new(status, code, message) }
}
