//! What a bot writes, edits and deletes.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State as Extract},
    http::{HeaderMap, StatusCode},
};
use creel_judge::trace::{Kind, Place};
use serde_json::{Value, json};

use super::{
    Discord,
    files::{self, File},
    render::{self, Calls},
    rest::{Failure, caller},
    state::{Message, State},
    wire,
};
use crate::scenario::SendFault;

/// The longest text of a message, in code points.
pub(super) const TEXT_MAX: usize = 2_000;

/// The longest nonce.
const NONCE_MAX: usize = 25;

/// For how long a nonce that is enforced is remembered, in milliseconds.
const NONCE_MS: i64 = 5 * 60 * 1_000;

/// A valid send, before the platform decides what to do with it.
struct Draft {
    text: String,
    /// As people see it.
    shown: String,
    nonce: Option<String>,
    enforced: bool,
    reply_to: Option<String>,
    file: Option<File>,
}

/// `POST /channels/{channel}/messages`. A slow platform shows the message at once, and answers later.
pub(super) async fn create(
    Extract(twin): Extract<Discord>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let accepted = {
        let state = &mut *twin.state();
        state.meet(&headers);
        let read = files::body(&headers, &body);
        let body = read.as_ref().map(|(body, _)| body.clone()).unwrap_or_default();
        let bot = caller(state, &headers);
        let accepted = bot.clone().and_then(|bot| accept(state, bot, &channel, read?));
        if let Err(failure) = &accepted {
            let place = bot.ok().and_then(|bot| state.place(bot, &channel));
            let text = body["content"].as_str().unwrap_or_default();
            state.recorder.record(refused(place, text, failure));
        }
        accepted
    };
    let (delay, message) = accepted?;
    tokio::time::sleep(delay).await;
    Ok(Json(message))
}

fn accept(
    state: &mut State,
    bot: usize,
    channel: &str,
    body: (Value, Option<File>),
) -> Result<(Duration, Value), Failure> {
    let place = state.place(bot, channel).ok_or_else(Failure::unknown_channel)?;
    let Draft { text, shown, nonce, enforced, reply_to, file } = draft(state, channel, body)?;
    if let Some(known) = state.known(bot, channel, nonce.as_deref().filter(|_| enforced)) {
        return Ok((Duration::ZERO, known));
    }
    let delay = match state.next_fault(bot, channel) {
        SendFault::Accept => Duration::ZERO,
        SendFault::Slow { delay } => delay,
        SendFault::Refuse { status, retry_after_s } => return Err(scripted(status, retry_after_s)),
    };
    let message = Message {
        id: state.snowflake(),
        channel: channel.to_owned(),
        bot: Some(bot),
        author: state.bots[bot].id.to_string(),
        text,
        shown,
        reply_to,
        nonce,
        at_ms: state.now_ms(),
        edited: false,
        file,
    };
    state.keep(message.clone());
    state.recorder.record(Kind::Sent {
        place,
        platform_id: message.id.clone(),
        text: message.shown.clone(),
        reply_to: message.reply_to.clone(),
        images: message.file.iter().map(File::seen).collect(),
    });
    let shown = wire::message(state, &message);
    // The bot hears itself, as on the platform.
    state.dispatch(bot, "MESSAGE_CREATE", &shown, None);
    Ok((delay, shown))
}

fn draft(
    state: &State,
    channel: &str,
    (body, file): (Value, Option<File>),
) -> Result<Draft, Failure> {
    let text = text(&body, file.is_some())?;
    let nonce = match &body["nonce"] {
        Value::Null => None,
        Value::String(it) if it.chars().count() <= NONCE_MAX => Some(it.clone()),
        Value::Number(it) => Some(it.to_string()),
        _ => return Err(Failure::invalid_form("nonce: Must be 25 or fewer in length.")),
    };
    let reference = &body["message_reference"];
    let reply_to = reference["message_id"].as_str().map(str::to_owned);
    let reply_to = reply_to.or_else(|| reference["message_id"].as_u64().map(|it| it.to_string()));
    let exists =
        |id: &String| state.messages.iter().any(|it| it.id == *id && it.channel == channel);
    let reply_to = match reply_to {
        Some(id) if exists(&id) => Some(id),
        Some(_) if reference["fail_if_not_exists"] != json!(false) => {
            return Err(Failure::invalid_form("message_reference: Unknown message"));
        }
        Some(_) | None => None,
    };
    let calls = Calls::read(&body["allowed_mentions"])
        .map_err(|why| Failure::invalid_form(&format!("allowed_mentions: {why}")))?;
    let shown = render::render(&text, &calls);
    let enforced = body["enforce_nonce"] == json!(true);
    Ok(Draft { text, shown, nonce, enforced, reply_to, file })
}

fn text(body: &Value, has_file: bool) -> Result<String, Failure> {
    let text = body["content"].as_str().unwrap_or_default().trim();
    if text.is_empty() && !has_file {
        return Err(Failure::new(400, 50_006, "Cannot send an empty message"));
    }
    if text.chars().count() > TEXT_MAX {
        return Err(Failure::invalid_form("content: Must be 2000 or fewer in length."));
    }
    Ok(text.to_owned())
}

/// `PATCH /channels/{channel}/messages/{message}`.
pub(super) async fn edit(
    Extract(twin): Extract<Discord>,
    Path((channel, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let state = &mut *twin.state();
    let bot = caller(state, &headers)?;
    let place = state.place(bot, &channel).ok_or_else(Failure::unknown_channel)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let edited = own(state, bot, &channel, &id).map(|it| it.file.is_some());
    let edited = edited.and_then(|has_file| text(&body, has_file)).and_then(|text| {
        let message = own(state, bot, &channel, &id)?;
        // An edit calls nobody.
        message.shown = render::render(&text, &Calls::default());
        message.text = text;
        message.edited = true;
        Ok(message.clone())
    });
    match edited {
        Ok(message) => {
            let text = message.shown.clone();
            state.recorder.record(Kind::Edited { place, platform_id: id, text });
            Ok(Json(wire::message(state, &message)))
        }
        Err(failure) => {
            let text = body["content"].as_str().unwrap_or_default();
            state.recorder.record(refused(Some(place), text, &failure));
            Err(failure)
        }
    }
}

/// `DELETE /channels/{channel}/messages/{message}`.
pub(super) async fn delete(
    Extract(twin): Extract<Discord>,
    Path((channel, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let state = &mut *twin.state();
    let bot = caller(state, &headers)?;
    let place = state.place(bot, &channel).ok_or_else(Failure::unknown_channel)?;
    own(state, bot, &channel, &id)?;
    state.messages.retain(|it| it.id != id);
    state.recorder.record(Kind::Deleted { place, platform_id: id });
    Ok(StatusCode::NO_CONTENT)
}

/// A message that the bot wrote itself.
fn own<'a>(
    state: &'a mut State,
    bot: usize,
    channel: &str,
    id: &str,
) -> Result<&'a mut Message, Failure> {
    let found = state.messages.iter_mut().find(|it| it.id == id && it.channel == channel);
    match found {
        Some(message) if message.bot == Some(bot) => Ok(message),
        Some(_) => Err(Failure::new(403, 50_005, "Cannot edit a message authored by another user")),
        None => Err(Failure::new(404, 10_008, "Unknown Message")),
    }
}

impl State {
    /// The message that the bot wrote with this nonce not long ago.
    fn known(&self, bot: usize, channel: &str, nonce: Option<&str>) -> Option<Value> {
        let since_ms = self.now_ms() - NONCE_MS;
        let same = |it: &&Message| {
            it.bot == Some(bot)
                && it.channel == channel
                && it.at_ms > since_ms
                && it.nonce.as_deref() == nonce
        };
        nonce?;
        self.messages.iter().rev().find(same).map(|it| wire::message(self, it))
    }
}

fn refused(place: Option<Place>, text: &str, failure: &Failure) -> Kind {
    Kind::Refused {
        place,
        text: text.to_owned(),
        status: failure.status,
        retry_after_s: failure.retry_after_s,
        description: failure.message.clone(),
    }
}

/// A refusal that the scenario asks for, in the platform's words for its status.
fn scripted(status: u16, retry_after_s: Option<u64>) -> Failure {
    let (code, message) = match status {
        401 => (0, "401: Unauthorized"),
        403 => (50_013, "Missing Permissions"),
        404 => (10_003, "Unknown Channel"),
        429 => (0, "You are being rate limited."),
        500.. => (0, "Internal Server Error"),
        _ => (50_035, "Invalid Form Body"),
    };
    Failure { retry_after_s, ..Failure::new(status, code, message) }
}
