//! The methods that make what a person sees: `sendMessage`, `editMessageText`, `deleteMessage`.

use std::time::Duration;

use creel_judge::trace::{Kind, Place};
use serde_json::{Value, json};

use super::{
    Telegram,
    call::{Call, Failure, Outcome, integer},
    files::{self, Photo},
    render::render,
    rooms::{Author, Kind as RoomKind, Room},
    state::State,
    wire,
};
use crate::scenario::SendFault;

/// The longest message, in UTF-16 units of what the person sees.
pub(super) const TEXT_UNITS_MAX: usize = 4_096;

/// The longest caption, in the same units.
const CAPTION_UNITS_MAX: usize = 1_024;

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly the \
    same as a current content and reply markup of the message";

/// A valid send, before the platform decides what to do with it.
struct Draft {
    room: i64,
    thread: Option<i64>,
    text: String,
    photo: Option<Photo>,
    reply_to: Option<i64>,
}

/// `sendMessage`. A slow platform shows the message at once, and answers later.
pub(super) async fn send(twin: &Telegram, bot: usize, call: &Call) -> Outcome {
    let (delay, message) = {
        let state = &mut *twin.state();
        match accept(state, bot, call) {
            Ok(accepted) => accepted,
            Err(failure) => {
                let place = place(state, bot, call);
                state.recorder.record(refused(place, call, &failure));
                return Err(failure);
            }
        }
    };
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    Ok(message)
}

/// Shows a message, unless it is not valid or the scenario refuses it. With it, how slow to answer.
fn accept(
    state: &mut State,
    bot: usize,
    call: &Call,
) -> Result<(Option<Duration>, Value), Failure> {
    let draft = draft(state, bot, call)?;
    let fault = room(state, bot, draft.room)?.next_fault(draft.thread);
    let delay = match fault {
        SendFault::Accept => None,
        SendFault::Slow { delay } => Some(delay),
        SendFault::Refuse { status, retry_after_s } => return Err(scripted(status, retry_after_s)),
    };
    let content = (draft.thread, (draft.text, draft.photo), draft.reply_to);
    let message = state.write_as_bot(bot, draft.room, content);
    let account = &state.accounts[bot];
    state.recorder.record(Kind::Sent {
        place: account.place(draft.room, message.thread),
        platform_id: message.id.to_string(),
        text: message.text.clone(),
        reply_to: message.reply_to.map(|it| it.to_string()),
        images: message.photo.as_ref().map(|it| state.files.seen(it)).unwrap_or_default(),
    });
    let own = (&account.bot, &state.files);
    Ok((delay, wire::message(own, &account.rooms[&draft.room], &message)))
}

fn draft(state: &mut State, bot: usize, call: &Call) -> Result<Draft, Failure> {
    let is_photo = call.method == "sendphoto";
    let photo = is_photo.then(|| files::photo(state, call)).transpose()?;
    let room = room(state, bot, chat_id(call)?)?;
    let text = if is_photo { caption(call)? } else { text(call)? };
    let thread = room.thread(call.integer("message_thread_id"))?;
    let reply_to = match reply(call)? {
        Some((id, _)) if room.messages.contains_key(&id) => Some(id),
        None | Some((_, true)) => None,
        Some((_, false)) => return Err(Failure::bad_request("message to be replied not found")),
    };
    Ok(Draft { room: room.id, thread, text, photo, reply_to })
}

/// The message to quote, and whether it is well if it is not there.
fn reply(call: &Call) -> Result<Option<(i64, bool)>, Failure> {
    if let Some(parameters) = call.structure("reply_parameters")? {
        let lenient = parameters["allow_sending_without_reply"] == json!(true);
        return Ok(integer(&parameters["message_id"]).map(|id| (id, lenient)));
    }
    let id = call.integer("reply_to_message_id").filter(|it| *it != 0);
    Ok(id.map(|id| (id, call.flag("allow_sending_without_reply"))))
}

/// `editMessageText`.
pub(super) fn edit(state: &mut State, bot: usize, call: &Call) -> Outcome {
    let result = edited(state, bot, call);
    if let Err(failure) = &result
        // The person sees this very text already, so nothing was kept from them.
        && !failure.description.ends_with(NOT_MODIFIED)
    {
        let place = place(state, bot, call);
        state.recorder.record(refused(place, call, failure));
    }
    result
}

fn edited(state: &mut State, bot: usize, call: &Call) -> Outcome {
    let date = state.date();
    let room_id = chat_id(call)?;
    let room = room(state, bot, room_id)?;
    let text = text(call)?;
    let message = room
        .messages
        .get_mut(&message_id(call)?)
        .ok_or_else(|| Failure::bad_request("message to edit not found"))?;
    if message.author != Author::Bot {
        return Err(Failure::bad_request("message can't be edited"));
    }
    if message.text == text {
        return Err(Failure::bad_request(NOT_MODIFIED));
    }
    message.text = text;
    message.edited = Some(date);
    let message = message.clone();
    let account = &state.accounts[bot];
    state.recorder.record(Kind::Edited {
        place: account.place(room_id, message.thread),
        platform_id: message.id.to_string(),
        text: message.text.clone(),
    });
    Ok(wire::message((&account.bot, &state.files), &account.rooms[&room_id], &message))
}

/// `deleteMessage`. A bot may delete a person's message in a direct chat, which no fact tells.
pub(super) fn delete(state: &mut State, bot: usize, call: &Call) -> Outcome {
    let room_id = chat_id(call)?;
    let room = room(state, bot, room_id)?;
    let id = message_id(call)?;
    let message = room
        .messages
        .get(&id)
        .ok_or_else(|| Failure::bad_request("message to delete not found"))?;
    if message.author != Author::Bot && room.kind != RoomKind::Private {
        return Err(Failure::bad_request("message can't be deleted"));
    }
    let message = room.messages.remove(&id).expect("found above");
    if message.author == Author::Bot {
        let place = state.accounts[bot].place(room_id, message.thread);
        state.recorder.record(Kind::Deleted { place, platform_id: id.to_string() });
    }
    Ok(json!(true))
}

/// The chat that a call names.
pub(super) fn room(state: &mut State, bot: usize, id: i64) -> Result<&mut Room, Failure> {
    state.accounts[bot].rooms.get_mut(&id).ok_or_else(|| Failure::bad_request("chat not found"))
}

/// `chat_id`. The twin's chats have no public names, so that any `@name` is not found.
pub(super) fn chat_id(call: &Call) -> Result<i64, Failure> {
    match call.get("chat_id") {
        None => Err(Failure::bad_request("chat_id is empty")),
        Some(_) => call.integer("chat_id").ok_or_else(|| Failure::bad_request("chat not found")),
    }
}

/// `message_id`.
pub(super) fn message_id(call: &Call) -> Result<i64, Failure> {
    call.integer("message_id")
        .ok_or_else(|| Failure::bad_request("message identifier is not specified"))
}

/// `text`, as the person sees it.
fn text(call: &Call) -> Result<String, Failure> {
    let text = call.text("text").unwrap_or_default();
    let shown = render(&text, call.text("parse_mode").as_deref())?;
    let shown = shown.trim();
    if shown.is_empty() {
        return Err(Failure::bad_request("message text is empty"));
    }
    if shown.encode_utf16().count() > TEXT_UNITS_MAX {
        return Err(Failure::bad_request("message is too long"));
    }
    Ok(shown.to_owned())
}

/// `caption`, as the person sees it. A photo needs none.
fn caption(call: &Call) -> Result<String, Failure> {
    let caption = call.text("caption").unwrap_or_default();
    let shown = render(&caption, call.text("parse_mode").as_deref())?;
    let shown = shown.trim();
    if shown.encode_utf16().count() > CAPTION_UNITS_MAX {
        return Err(Failure::bad_request("message caption is too long"));
    }
    Ok(shown.to_owned())
}

/// Where a refused call wanted to write, as far as it says so.
fn place(state: &mut State, bot: usize, call: &Call) -> Option<Place> {
    let id = call.integer("chat_id")?;
    let thread = call.integer("message_thread_id");
    let thread = match room(state, bot, id) {
        Ok(room) => room.thread(thread).unwrap_or(thread),
        Err(_) => thread,
    };
    Some(state.accounts[bot].place(id, thread))
}

pub(super) fn refused(place: Option<Place>, call: &Call, failure: &Failure) -> Kind {
    Kind::Refused {
        place,
        text: call.text("text").or_else(|| call.text("caption")).unwrap_or_default(),
        status: failure.status,
        retry_after_s: failure.retry_after_s,
        description: failure.description.clone(),
    }
}

/// A refusal that the scenario asks for, in the platform's words for its status.
fn scripted(status: u16, retry_after_s: Option<u64>) -> Failure {
    let description = match (status, retry_after_s) {
        (400, _) => "Bad Request: not enough rights to send text messages to the chat".to_owned(),
        (401, _) => "Unauthorized".to_owned(),
        (403, _) => "Forbidden: bot was blocked by the user".to_owned(),
        (404, _) => "Not Found".to_owned(),
        (429, Some(seconds)) => format!("Too Many Requests: retry after {seconds}"),
        (429, None) => "Too Many Requests".to_owned(),
        (502, _) => "Bad Gateway".to_owned(),
        (503, _) => "Service Unavailable".to_owned(),
        (504, _) => "Gateway Timeout".to_owned(),
        (500.., _) => "Internal Server Error".to_owned(),
        _ => "Bad Request".to_owned(),
    };
    Failure { status, description, retry_after_s }
}
