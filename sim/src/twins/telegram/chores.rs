//! The methods that gateways call around a conversation: they need a true answer, and leave no fact.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    call::{Call, Failure, Outcome, integer},
    messages::{chat_id, message_id, room},
    rooms::{Kind, Room},
    state::{Account, State},
    wire,
};

const COMMANDS_MAX: usize = 100;
const COMMAND_CHARACTERS_MAX: usize = 32;
const DESCRIPTION_CHARACTERS_MAX: usize = 256;

/// What `sendChatAction` may say.
const ACTIONS: [&str; 11] = [
    "choose_sticker",
    "find_location",
    "record_video",
    "record_video_note",
    "record_voice",
    "typing",
    "upload_document",
    "upload_photo",
    "upload_video",
    "upload_video_note",
    "upload_voice",
];

/// What a bot has been told about itself.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// By scope and language.
    commands: BTreeMap<(String, String), Value>,
    /// The address that updates should go to, or empty for polling.
    pub(super) webhook: String,
}

pub(super) fn perform(state: &mut State, bot: usize, call: &Call) -> Outcome {
    let account = &mut state.accounts[bot];
    match call.method.as_str() {
        "getme" => Ok(own_user(account)),
        "logout" | "close" => Ok(json!(true)),
        "setmycommands" => set_commands(account, call),
        "getmycommands" => {
            let commands = account.settings.commands.get(&scope(call)?);
            Ok(commands.cloned().unwrap_or_else(|| json!([])))
        }
        "deletemycommands" => {
            account.settings.commands.remove(&scope(call)?);
            Ok(json!(true))
        }
        "getwebhookinfo" => Ok(webhook_info(account)),
        "deletewebhook" => {
            account.settings.webhook.clear();
            drop_pending(account, call);
            Ok(json!(true))
        }
        "setwebhook" => set_webhook(state, bot, call),
        "answercallbackquery" => Err(Failure::bad_request(
            "query is too old and response timeout expired or query ID is invalid",
        )),
        "sendchataction" => act(room(state, bot, chat_id(call)?)?, call),
        "getchat" => Ok(full_chat(room(state, bot, chat_id(call)?)?)),
        "getchatmember" => chat_member(state, bot, call),
        "setmessagereaction" => react(room(state, bot, chat_id(call)?)?, call),
        other => Err(unknown(state, other)),
    }
}

/// What the twin does not speak is not found, as on an older server. If a person would have seen something, a trace
/// without it would accuse the gateway, so the harness takes the blame.
fn unknown(state: &State, method: &str) -> Failure {
    let shows = ["send", "forward", "copy", "edit"].iter().any(|it| method.starts_with(it));
    if shows && method != "sendmessagedraft" {
        state.recorder.harness_error(format!(
            "the gateway called `{method}`, which the Telegram twin does not speak: it knows text messages and photos only"
        ));
    }
    Failure::not_found()
}

fn own_user(account: &Account) -> Value {
    let mut user = wire::bot(&account.bot);
    user["can_join_groups"] = json!(true);
    user["can_read_all_group_messages"] = json!(true);
    user["supports_inline_queries"] = json!(false);
    user["can_connect_to_business"] = json!(false);
    user["has_main_web_app"] = json!(false);
    user
}

fn scope(call: &Call) -> Result<(String, String), Failure> {
    let scope = call.structure("scope")?.unwrap_or_else(|| json!({ "type": "default" }));
    Ok((scope.to_string(), call.text("language_code").unwrap_or_default()))
}

fn set_commands(account: &mut Account, call: &Call) -> Outcome {
    let Some(Value::Array(commands)) = call.structure("commands")? else {
        return Err(Failure::bad_request("can't parse commands JSON object"));
    };
    if commands.len() > COMMANDS_MAX {
        return Err(Failure::bad_request("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in &commands {
        let name = command["command"].as_str().unwrap_or_default().trim_start_matches('/');
        let is_valid = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
        if !(1..=COMMAND_CHARACTERS_MAX).contains(&name.len()) || !name.chars().all(is_valid) {
            return Err(Failure::bad_request("BOT_COMMAND_INVALID"));
        }
        let description = command["description"].as_str().unwrap_or_default().chars().count();
        if !(1..=DESCRIPTION_CHARACTERS_MAX).contains(&description) {
            return Err(Failure::bad_request("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    account.settings.commands.insert(scope(call)?, Value::Array(commands));
    Ok(json!(true))
}

fn webhook_info(account: &Account) -> Value {
    json!({
        "url": account.settings.webhook,
        "has_custom_certificate": false,
        "pending_update_count": account.queue.waiting(),
    })
}

fn drop_pending(account: &mut Account, call: &Call) {
    if call.flag("drop_pending_updates") {
        account.queue.clear();
    }
}

fn set_webhook(state: &mut State, bot: usize, call: &Call) -> Outcome {
    let url = call.text("url").unwrap_or_default();
    if !url.is_empty() && !url.starts_with("https://") {
        let what = "bad webhook: An HTTPS URL must be provided for webhook";
        return Err(Failure::bad_request(what));
    }
    if !url.is_empty() {
        let what = "the gateway set a webhook, to which the Telegram twin delivers nothing: configure polling";
        state.recorder.harness_error(what);
    }
    let account = &mut state.accounts[bot];
    account.settings.webhook = url;
    drop_pending(account, call);
    Ok(json!(true))
}

fn act(room: &Room, call: &Call) -> Outcome {
    room.thread(call.integer("message_thread_id").filter(|it| *it != 1))?;
    match call.text("action") {
        Some(action) if ACTIONS.contains(&action.as_str()) => Ok(json!(true)),
        _ => Err(Failure::bad_request("wrong parameter action in request")),
    }
}

fn full_chat(room: &Room) -> Value {
    let mut chat = wire::chat(room);
    chat["accent_color_id"] = json!(0);
    chat["max_reaction_count"] = json!(11);
    chat["accepted_gift_types"] = json!({
        "unlimited_gifts": false,
        "limited_gifts": false,
        "unique_gifts": false,
        "premium_subscription": false,
        "gifts_from_channels": false,
    });
    if room.kind != Kind::Private {
        chat["permissions"] = json!({ "can_send_messages": true });
    }
    chat
}

fn chat_member(state: &mut State, bot: usize, call: &Call) -> Outcome {
    let user = call.integer("user_id");
    let own = &state.accounts[bot].bot;
    if user == Some(own.id) {
        let user = wire::bot(own);
        return Ok(json!({ "status": "member", "user": user }));
    }
    let room = room(state, bot, chat_id(call)?)?;
    match user {
        Some(user) if room.members.iter().any(|it| it.sender == user) => {
            Ok(json!({ "status": "member", "user": wire::person(user) }))
        }
        _ => Err(Failure::bad_request("user not found")),
    }
}

fn react(room: &Room, call: &Call) -> Outcome {
    let reaction = call.structure("reaction")?.unwrap_or_else(|| json!([]));
    let is_valid = |it: &Value| {
        it["type"].as_str().is_some_and(|kind| match kind {
            "emoji" => it["emoji"].is_string(),
            "custom_emoji" => integer(&it["custom_emoji_id"]).is_some(),
            other => other == "paid",
        })
    };
    if !reaction.as_array().is_some_and(|it| it.iter().all(is_valid)) {
        return Err(Failure::bad_request("REACTION_INVALID"));
    }
    match room.messages.get(&message_id(call)?) {
        Some(_) => Ok(json!(true)),
        None => Err(Failure::bad_request("message to react not found")),
    }
}
