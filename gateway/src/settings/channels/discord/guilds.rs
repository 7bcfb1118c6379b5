//! `guilds`: where the bot listens, to whom.

use std::collections::BTreeMap;

use creel_core::{
    admission::{GroupPolicy, GuildRule, Guilds, RoomRule, Speakers},
    ids::{GuildId, PeerId, RoleId},
};
use serde::Deserialize;
use serde_json::Value;

use super::accounts::Account;
use crate::settings::{
    Problems,
    admission::{SenderIds, is_number, senders},
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Guild {
    require_mention: Option<bool>,
    users: Option<Vec<Value>>,
    roles: Option<Vec<Value>>,
    channels: BTreeMap<String, Room>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Room {
    allow: Option<bool>,
    enabled: Option<bool>,
    require_mention: Option<bool>,
    users: Option<Vec<Value>>,
    roles: Option<Vec<Value>>,
}

/// An account's guilds.
pub(super) fn read(account: &Account, problems: &mut Problems<'_>) -> Guilds {
    let guilds = account.keys.get("guilds").cloned().unwrap_or_default();
    let raw: Option<BTreeMap<String, Guild>> =
        serde_json::from_value(guilds).expect("a checked document has these types");
    let policy = match account.text("groupPolicy").as_deref() {
        Some("open") => GroupPolicy::Open,
        Some("disabled") => GroupPolicy::Disabled,
        _ => GroupPolicy::Allowlist,
    };
    let mut guilds = Guilds { policy, ..Guilds::default() };
    for (id, guild) in raw.unwrap_or_default() {
        let path = format!("{}.guilds.{id}", account.path);
        check_id(&id, &path, "guild", problems);
        let rule = guild_rule(guild, &path, problems);
        match GuildId::new(&id) {
            _ if id == "*" => guilds.any = Some(rule),
            Ok(id) => _ = guilds.listed.insert(id, rule),
            Err(_) => (),
        }
    }
    guilds
}

fn guild_rule(guild: Guild, path: &str, problems: &mut Problems<'_>) -> GuildRule {
    let Guild { require_mention, users, roles, channels } = guild;
    let speakers = speakers(users.as_deref(), roles.as_deref());
    let mut rule = GuildRule {
        chat: RoomRule { closed: false, require_mention, speakers },
        ..GuildRule::default()
    };
    for (id, room) in channels {
        check_id(&id, &format!("{path}.channels.{id}"), "channel", problems);
        let room = room_rule(&room);
        match PeerId::new(&id) {
            _ if id == "*" => rule.any = Some(room),
            Ok(id) => _ = rule.channels.insert(id, room),
            Err(_) => (),
        }
    }
    rule
}

fn room_rule(room: &Room) -> RoomRule {
    let Room { allow, enabled, require_mention, users, roles } = room;
    RoomRule {
        closed: *allow == Some(false) || *enabled == Some(false),
        require_mention: *require_mention,
        speakers: speakers(users.as_deref(), roles.as_deref()),
    }
}

/// An empty list is no list, as the documents have it: it names nobody, and so restricts nobody.
fn speakers(users: Option<&[Value]>, roles: Option<&[Value]>) -> Option<Speakers> {
    let (users, roles) = (users.unwrap_or_default(), roles.unwrap_or_default());
    if users.is_empty() && roles.is_empty() {
        return None;
    }
    let text = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
    let roles = roles.iter().filter_map(|it| RoleId::new(&text(it)).ok()).collect();
    Some(Speakers { users: senders(users, SenderIds::Discord), roles })
}

/// Names change and may be anybody's; OpenClaw looks them up, and we do not.
fn check_id(id: &str, path: &str, what: &str, problems: &mut Problems<'_>) {
    if id != "*" && !is_number(id) {
        problems.add(path, format!("found the name `{id}`, expected a {what}'s id or `*`"));
    }
}
