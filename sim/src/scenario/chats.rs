//! Reads the chats, and what the platform does with the gateway's sends to them.

use std::collections::BTreeMap;

use super::{
    Chat, ChatKind, SendFault, UNTAGGED, answers::retry_after_s, at::At, context::Context,
};

/// The chats by name.
pub(super) fn read(root: &At<'_>, context: &mut Context<'_>) -> BTreeMap<String, Chat> {
    let mut chats: BTreeMap<String, Chat> = BTreeMap::new();
    for (key, at) in root.entries_of("chats") {
        if key.name == UNTAGGED {
            context.push(at.problem(format!(
                "a chat must not be called `{UNTAGGED}`: `model` means something else by it"
            )));
        }
        let Some(chat) = chat(&at, context) else { continue };
        if let Some((twin, _)) = chats.iter().find(|(_, it)| **it == chat) {
            context.push(at.problem(format!("this is the same chat and person as `{twin}`")));
        }
        chats.insert(key.name.clone(), chat);
    }
    if root.get("chats").is_some_and(|it| it.node.entries().is_empty()) {
        context.push(root.problem("a scenario needs at least one chat"));
    }
    chats
}

fn chat(at: &At<'_>, context: &mut Context<'_>) -> Option<Chat> {
    let channel = at.text_of("channel").unwrap_or_else(|| "telegram".to_owned());
    let account = at.text_of("account").unwrap_or_else(|| "default".to_owned());
    let ids = ids(&channel);
    let name = name(at, &channel, context);
    if at.get("dm").is_some() {
        let sender = id(at, "dm", &ids.person, context)?;
        return Some(Chat { name, ..Chat::direct(&channel, &account, &sender) });
    }
    let sender = id(at, "sender", &ids.person, context);
    let kind = if at.get("group").is_some() {
        let (group, topic) = (ids.group.as_ref(), ids.topic.as_ref());
        let topic = inner(at, (&channel, "topic"), topic, context);
        let found = outer(at, (&channel, "group"), group, context);
        ChatKind::Group { id: found?, topic }
    } else {
        let (room, thread) = (ids.room.as_ref(), ids.thread.as_ref());
        let thread = inner(at, (&channel, "thread"), thread, context);
        let found = outer(at, (&channel, "room"), room, context);
        ChatKind::Room { id: found?, thread }
    };
    let texts = |name| at.items_of(name).iter().filter_map(At::text).collect();
    Some(Chat {
        kind,
        name,
        guild: at.text_of("guild"),
        team: at.text_of("team"),
        roles: texts("roles"),
        ..Chat::direct(&channel, &account, &sender?)
    })
}

/// The name that the person has in this chat. On the platforms, people have one name everywhere.
fn name(at: &At<'_>, channel: &str, context: &mut Context<'_>) -> Option<String> {
    let given = at.get("name")?;
    if channel != "webhook" {
        let message = format!("a person of channel `{channel}` has the name that its twin gives");
        context.push(given.problem(message).help("leave `name` out, or use channel `webhook`"));
    }
    given.text()
}

/// What the ids of a channel look like; none where it has no such thing.
struct Ids {
    person: Id,
    group: Option<Id>,
    topic: Option<Id>,
    room: Option<Id>,
    thread: Option<Id>,
}

struct Id {
    channel: &'static str,
    example: &'static str,
    fits: fn(&str) -> bool,
}

fn ids(channel: &str) -> Ids {
    match channel {
        "telegram" => {
            let id = |example, fits| Id { channel: "Telegram", example, fits };
            let positive = |it: &str| it.parse::<i64>().is_ok_and(|it| it > 0);
            Ids {
                person: id("3001", positive),
                group: Some(id("-100777", |it| it.parse::<i64>().is_ok_and(|it| it < 0))),
                topic: Some(id("42", positive)),
                room: None,
                thread: None,
            }
        }
        "discord" => {
            let fits = |it: &str| it.parse::<u64>().is_ok();
            let id = |example| Id { channel: "Discord", example, fits };
            Ids {
                person: id("3001"),
                group: None,
                topic: None,
                room: Some(id("800")),
                thread: Some(id("801")),
            }
        }
        "irc" => {
            let id = |example, fits| Id { channel: "IRC", example, fits };
            Ids {
                person: id("alice", crate::twins::irc::is_nick),
                group: Some(id("#team", crate::twins::irc::is_room)),
                topic: None,
                room: None,
                thread: None,
            }
        }
        "slack" => {
            let id = |example, fits| Id { channel: "Slack", example, fits };
            Ids {
                person: id("U3001", |it| it.starts_with(['U', 'W']) && is_slack_id(it)),
                group: Some(id("G900", |it| it.starts_with('G') && is_slack_id(it))),
                topic: None,
                room: Some(id("C800", |it| it.starts_with('C') && is_slack_id(it))),
                thread: Some(id("1700000000.000100", is_slack_ts)),
            }
        }
        "whatsapp" => {
            let fits: fn(&str) -> bool = |it| {
                let digits = it.strip_prefix('+').unwrap_or_default();
                (7..=15).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit())
            };
            Ids {
                person: Id { channel: "WhatsApp", example: "+15550001", fits },
                group: None,
                topic: None,
                room: None,
                thread: None,
            }
        }
        "webhook" => {
            let id = |example| Id { channel: "webhook", example, fits: |it| !it.trim().is_empty() };
            Ids {
                person: id("3001"),
                group: Some(id("team")),
                topic: Some(id("42")),
                room: None,
                thread: None,
            }
        }
        other => unreachable!("the shape allows known channels only, not `{other}`"),
    }
}

fn is_slack_id(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
}

fn is_slack_ts(text: &str) -> bool {
    let digits = |it: &str, count| it.len() == count && it.bytes().all(|it| it.is_ascii_digit());
    text.split_once('.').is_some_and(|(a, b)| digits(a, 10) && digits(b, 6))
}

/// The id of the chat itself.
fn outer(
    at: &At<'_>,
    (channel, name): (&str, &str),
    expected: Option<&Id>,
    context: &mut Context<'_>,
) -> Option<String> {
    let Some(expected) = expected else {
        context.push(at.problem(format!("`{channel}` has no chats of the kind `{name}`")));
        return None;
    };
    id(at, name, expected, context)
}

/// The id of a part of a chat, which may be left out.
fn inner(
    at: &At<'_>,
    (channel, name): (&str, &str),
    expected: Option<&Id>,
    context: &mut Context<'_>,
) -> Option<String> {
    at.get(name).and_then(|_| outer(at, (channel, name), expected, context))
}

fn id(at: &At<'_>, name: &str, expected: &Id, context: &mut Context<'_>) -> Option<String> {
    let at = at.get(name)?;
    let found = at.text()?;
    if (expected.fits)(&found) {
        return Some(found);
    }
    let Id { channel, example, .. } = expected;
    context.push(at.problem(format!(
        "found the text `{found}`, expected a {channel} id such as `\"{example}\"`"
    )));
    None
}

/// What the platform does with the gateway's sends: by chat, then by send.
pub(super) fn read_platform(
    root: &At<'_>,
    context: &mut Context<'_>,
) -> BTreeMap<String, Vec<SendFault>> {
    let mut platform = BTreeMap::new();
    for (key, at) in root.entries_of("platform") {
        context.require_chat(&at, &key.name);
        let faults = at.items().iter().filter_map(|it| send_fault(it, context)).collect();
        platform.insert(key.name.clone(), faults);
    }
    platform
}

fn send_fault(at: &At<'_>, context: &mut Context<'_>) -> Option<SendFault> {
    if let Some(delay) = at.duration_of("slow") {
        return Some(SendFault::Slow { delay });
    }
    if at.flag_of("accept").is_some() {
        return Some(SendFault::Accept);
    }
    let status = at.number_of("refuse")?;
    let retry_after_s = retry_after_s(at, context);
    if status == 429 && at.get("retry_after").is_none() {
        context.push(
            at.problem("a refusal with 429 needs a `retry_after`").help("write `retry_after: 2s`"),
        );
    }
    Some(SendFault::Refuse { status, retry_after_s })
}
