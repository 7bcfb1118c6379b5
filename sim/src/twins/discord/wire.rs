//! What the platform's objects look like as JSON.

use serde_json::{Value, json};

use super::state::{Message, State};
use crate::scenario::{Chat, ChatKind};

/// A bot or a person.
pub(super) fn user(id: &str, name: &str, bot: bool) -> Value {
    json!({
        "id": id, "username": name, "discriminator": "0", "global_name": null, "avatar": null,
        "bot": bot, "public_flags": 0,
    })
}

pub(super) fn bot(state: &State, index: usize) -> Value {
    let bot = &state.bots[index];
    user(&bot.id.to_string(), &bot.username, true)
}

fn author(state: &State, message: &Message) -> Value {
    match message.bot {
        Some(index) => bot(state, index),
        None => user(&message.author, &format!("user{}", message.author), false),
    }
}

/// A message as everybody sees it.
pub(super) fn message(state: &State, it: &Message) -> Value {
    let mentions: Vec<Value> = (0..state.bots.len())
        .filter(|index| it.text.contains(&format!("<@{}>", state.bots[*index].id)))
        .map(|index| bot(state, index))
        .collect();
    let mut value = json!({
        "id": it.id, "channel_id": it.channel, "author": author(state, it), "content": it.text,
        "timestamp": date(it.at_ms), "edited_timestamp": it.edited.then(|| date(state.now_ms())),
        "tts": false, "mention_everyone": false, "mentions": mentions, "mention_roles": [],
        "attachments": it.file.iter().map(|file| file.wire(it, &state.host)).collect::<Vec<_>>(), "embeds": [], "pinned": false, "components": [], "flags": 0,
        "type": if it.reply_to.is_some() { 19 } else { 0 },
    });
    if let Some(nonce) = &it.nonce {
        value["nonce"] = json!(nonce);
    }
    if let Some(reply_to) = &it.reply_to {
        value["message_reference"] = json!({ "message_id": reply_to, "channel_id": it.channel });
        let quoted = state.messages.iter().find(|it| it.id == *reply_to);
        value["referenced_message"] = quoted.map_or(Value::Null, |quoted| {
            // One level is told, as the platform does.
            message(state, &Message { reply_to: None, ..quoted.clone() })
        });
    }
    value
}

/// What an event adds to a message in a guild.
pub(super) fn add_member(event: &mut Value, chat: &Chat) {
    if let (Some(guild), true) = (&chat.guild, chat.kind != ChatKind::Direct) {
        event["guild_id"] = json!(guild);
        event["member"] = member(&chat.roles);
    }
}

fn member(roles: &[String]) -> Value {
    json!({
        "roles": roles, "joined_at": "2026-01-01T00:00:00.000000+00:00", "deaf": false,
        "mute": false, "flags": 0, "nick": null, "avatar": null, "premium_since": null,
        "pending": false,
    })
}

/// The guilds in which the bot is, with their channels and threads.
pub(super) fn guilds(state: &State, index: usize) -> Vec<Value> {
    let mine = || state.chats.values().filter(|it| it.bot == index);
    let mut ids: Vec<&String> = mine().filter_map(|it| it.chat.guild.as_ref()).collect();
    ids.sort();
    ids.dedup();
    let guild = |id: &String| {
        let here = || mine().filter(|it| it.chat.guild.as_ref() == Some(id));
        let mut rooms: Vec<&String> = here().map(|it| &it.place.peer).collect();
        rooms.sort();
        rooms.dedup();
        let mut threads: Vec<(&String, &String)> =
            here().filter_map(|it| Some((it.place.thread.as_ref()?, &it.place.peer))).collect();
        threads.sort();
        threads.dedup();
        let mut roles: Vec<&String> = here().flat_map(|it| &it.chat.roles).chain([id]).collect();
        roles.sort();
        roles.dedup();
        json!({
            "id": id, "name": format!("guild {id}"), "owner_id": "1", "unavailable": false,
            "member_count": 2, "large": false, "joined_at": "2026-01-01T00:00:00.000000+00:00",
            "channels": rooms.iter().map(|it| room(it)).collect::<Vec<_>>(),
            "threads": threads.iter().map(|(it, parent)| thread(it, parent, id)).collect::<Vec<_>>(),
            "roles": roles.iter().map(|it| role(it)).collect::<Vec<_>>(),
            "members": [{ "user": bot(state, index), "roles": [], "deaf": false, "mute": false,
                "joined_at": "2026-01-01T00:00:00.000000+00:00", "flags": 0 }],
            "emojis": [], "stickers": [], "features": [], "voice_states": [], "presences": [],
            "stage_instances": [], "guild_scheduled_events": [], "verification_level": 0,
            "default_message_notifications": 0, "explicit_content_filter": 0, "mfa_level": 0,
            "system_channel_flags": 0, "premium_tier": 0, "preferred_locale": "en-US",
            "nsfw_level": 0, "premium_progress_bar_enabled": false, "afk_timeout": 300,
        })
    };
    ids.into_iter().map(guild).collect()
}

pub(super) fn room(id: &str) -> Value {
    json!({
        "id": id, "type": 0, "name": format!("room-{id}"), "position": 0, "parent_id": "600",
        "permission_overwrites": [], "nsfw": false, "topic": null, "last_message_id": null,
        "rate_limit_per_user": 0,
    })
}

pub(super) fn thread(id: &str, parent: &str, guild: &str) -> Value {
    json!({
        "id": id, "type": 11, "name": format!("thread-{id}"), "parent_id": parent,
        "guild_id": guild, "owner_id": "1", "last_message_id": null, "message_count": 0,
        "member_count": 1, "rate_limit_per_user": 0, "flags": 0,
        "thread_metadata": { "archived": false, "auto_archive_duration": 1440, "locked": false,
            "archive_timestamp": "2026-01-01T00:00:00.000000+00:00" },
    })
}

fn role(id: &str) -> Value {
    json!({
        "id": id, "name": format!("role {id}"), "color": 0, "hoist": false, "position": 0,
        "permissions": "0", "managed": false, "mentionable": false, "flags": 0,
        "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
    })
}

/// A direct chat.
pub(super) fn direct(channel: &str, person: &str) -> Value {
    let recipient = user(person, &format!("user{person}"), false);
    json!({ "id": channel, "type": 1, "last_message_id": null, "recipients": [recipient] })
}

fn date(ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(ms).expect("a scenario's date is in range");
    moment.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
}
