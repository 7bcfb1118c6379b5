//! The API's objects: users, chats, messages and their entities.

use serde_json::{Value, json};

use super::{
    Bot,
    files::Files,
    rooms::{Author, Kind, Message, Room, wire_thread},
};

/// The shortest name that can be mentioned, in characters.
const USERNAME_CHARACTERS_MIN: usize = 3;

/// A bot, as others see it.
pub(super) fn bot(bot: &Bot) -> Value {
    let name = format!("Bot {}", bot.id);
    json!({ "id": bot.id, "is_bot": true, "first_name": name, "username": bot.username })
}

/// A person. Names follow from the id, so that one person has one name in every chat.
pub(super) fn person(id: i64) -> Value {
    json!({
        "id": id,
        "is_bot": false,
        "first_name": format!("User {id}"),
        "username": format!("user{id}"),
        "language_code": "en",
    })
}

/// A chat, as messages carry it.
pub(super) fn chat(room: &Room) -> Value {
    match room.kind {
        Kind::Private => {
            let (name, username) = (format!("User {}", room.id), format!("user{}", room.id));
            json!({ "id": room.id, "first_name": name, "username": username, "type": "private" })
        }
        Kind::Group => json!({ "id": room.id, "title": title(room), "type": "group" }),
        Kind::Supergroup => {
            let mut chat = json!({ "id": room.id, "title": title(room), "type": "supergroup" });
            if room.is_forum() {
                chat["is_forum"] = json!(true);
            }
            chat
        }
    }
}

fn title(room: &Room) -> String {
    format!("Group {}", room.id.unsigned_abs())
}

/// A message with the one that it answers.
pub(super) fn message(own: (&Bot, &Files), room: &Room, message: &Message) -> Value {
    let mut value = bare_message(own, room, message);
    let answered = message.reply_to.and_then(|it| room.messages.get(&it));
    if let Some(answered) = answered {
        value["reply_to_message"] = bare_message(own, room, answered);
    }
    value
}

fn bare_message((own, files): (&Bot, &Files), room: &Room, message: &Message) -> Value {
    let from = match message.author {
        Author::Bot => bot(own),
        Author::Person(id) => person(id),
    };
    let mut value = json!({
        "message_id": message.id,
        "from": from,
        "chat": chat(room),
        "date": message.date,
        "text": message.text,
    });
    if let Some(thread) = wire_thread(message.thread) {
        value["message_thread_id"] = json!(thread);
        value["is_topic_message"] = json!(true);
    }
    if let Some(date) = message.edited {
        value["edit_date"] = json!(date);
    }
    let entities = entities(&message.text);
    if !entities.is_empty() {
        value["entities"] = Value::Array(entities);
    }
    if let (Some(photo), Some(fields)) = (&message.photo, value.as_object_mut()) {
        fields.insert("photo".to_owned(), files.wire(photo));
        for (text, caption) in [("text", "caption"), ("entities", "caption_entities")] {
            if let Some(found) = fields.remove(text).filter(|it| *it != json!("")) {
                fields.insert(caption.to_owned(), found);
            }
        }
    }
    value
}

/// The commands and mentions in a text. Offsets and lengths count UTF-16 units.
fn entities(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut offset = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        if let Some((kind, length)) = entity(word.trim_end()) {
            found.push(json!({ "offset": offset, "length": length, "type": kind }));
        }
        offset += word.encode_utf16().count();
    }
    found
}

/// The entity that a word begins with, and its length. Its letters are ASCII, so all units are the same.
fn entity(word: &str) -> Option<(&'static str, usize)> {
    let name =
        |text: &str| text.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_').count();
    let ends = |rest: Option<char>| rest.is_none_or(|it| it != '/' && !it.is_alphanumeric());
    if let Some(rest) = word.strip_prefix('@') {
        let length = name(rest);
        let is_name = length >= USERNAME_CHARACTERS_MIN && ends(rest.chars().nth(length));
        return is_name.then_some(("mention", length + 1));
    }
    let rest = word.strip_prefix('/')?;
    let command = name(rest);
    let addressee = rest.get(command..).and_then(|it| it.strip_prefix('@')).map(name);
    let length = command + addressee.map_or(0, |it| it + 1);
    let is_command = command > 0 && ends(rest.chars().nth(length));
    is_command.then_some(("bot_command", length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, usize, usize)]) {
        let found = entities(text);
        let row =
            |it: &(&str, usize, usize)| json!({ "type": it.0, "offset": it.1, "length": it.2 });
        assert_eq!(found, expected.iter().map(row).collect::<Vec<_>>(), "{text}");
    }

    #[test]
    fn commands_and_mentions_are_marked_in_utf16_units() {
        check("/stop", &[("bot_command", 0, 5)]);
        check("/stop@creel_bot now", &[("bot_command", 0, 15)]);
        check("🦀 @creel_bot, hi", &[("mention", 3, 10)]);
        check("@creel_bot /new", &[("mention", 0, 10), ("bot_command", 11, 4)]);
    }

    #[test]
    fn paths_and_addresses_are_text() {
        check("/etc/passwd me@example.org / @ 1/2", &[]);
    }
}
