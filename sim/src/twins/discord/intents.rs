//! What a bot asked to be told when it logged in, and so what it is told.

use serde_json::{Value, json};

const GUILDS: u64 = 1 << 0;
const GUILD_MESSAGES: u64 = 1 << 9;
const DIRECT_MESSAGES: u64 = 1 << 12;
const MESSAGE_CONTENT: u64 = 1 << 15;

/// An event as a bot with these intents sees it, if it does. The bot's id is `me`.
pub(super) fn seen(intents: u64, name: &str, what: &Value, me: &str) -> Option<Value> {
    let has = |it: u64| intents & it != 0;
    let in_guild = what["guild_id"].is_string();
    let is_told = match name {
        "GUILD_CREATE" => has(GUILDS),
        _ if in_guild => has(GUILD_MESSAGES),
        _ => has(DIRECT_MESSAGES),
    };
    if !is_told {
        return None;
    }
    let mut what = what.clone();
    let is_me = |it: &Value| it["id"] == me;
    let calls_me = what["mentions"].as_array().is_some_and(|it| it.iter().any(is_me));
    if in_guild && !has(MESSAGE_CONTENT) && !calls_me && !is_me(&what["author"]) {
        what["content"] = json!("");
        for list in ["attachments", "embeds", "components"] {
            what[list] = json!([]);
        }
    }
    Some(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a bot with these intents reads of a message; `-` for nothing at all.
    fn check(intents: u64, guild: bool, mention: bool, expected: &str) {
        let mut message = json!({ "content": "words", "author": { "id": "3001" } });
        if guild {
            message["guild_id"] = json!("900");
        }
        if mention {
            message["mentions"] = json!([{ "id": "7" }]);
        }
        let seen = seen(intents, "MESSAGE_CREATE", &message, "7");
        let read = seen.as_ref().map_or("-", |it| it["content"].as_str().unwrap());
        assert_eq!(read, expected, "{intents:b} guild: {guild} mention: {mention}");
    }

    #[test]
    fn a_bot_is_told_what_it_asked_for() {
        for mention in [true, false] {
            check(DIRECT_MESSAGES, false, mention, "words");
            check(GUILD_MESSAGES | MESSAGE_CONTENT, false, mention, "-");
            check(DIRECT_MESSAGES | MESSAGE_CONTENT, true, mention, "-");
            check(GUILD_MESSAGES | MESSAGE_CONTENT, true, mention, "words");
        }
        check(GUILD_MESSAGES, true, true, "words");
        check(GUILD_MESSAGES, true, false, "");
        let guild = json!({ "id": "900" });
        assert_eq!(seen(GUILD_MESSAGES, "GUILD_CREATE", &guild, "7"), None);
        assert_eq!(seen(GUILDS, "GUILD_CREATE", &guild, "7"), Some(guild));
    }
}
