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
    let person = |name| Id { name, example: "3001", fits: |it| it > 0 };
    let channel = at.text_of("channel").unwrap_or_else(|| "telegram".to_owned());
    let account = at.text_of("account").unwrap_or_else(|| "default".to_owned());
    if at.get("dm").is_some() {
        let sender = id(at, &person("dm"), context)?;
        return Some(Chat { channel, account, kind: ChatKind::Direct, sender });
    }
    let group = id(at, &Id { name: "group", example: "-100777", fits: |it| it < 0 }, context);
    let topic = id(at, &Id { name: "topic", example: "42", fits: |it| it > 0 }, context);
    let sender = id(at, &person("sender"), context);
    Some(Chat { channel, account, kind: ChatKind::Group { id: group?, topic }, sender: sender? })
}

/// One of Telegram's ids, which are numbers with a sign that says what they are of.
struct Id {
    name: &'static str,
    example: &'static str,
    fits: fn(i64) -> bool,
}

fn id(at: &At<'_>, id: &Id, context: &mut Context<'_>) -> Option<String> {
    let at = at.get(id.name)?;
    let found = at.text()?;
    if found.parse().is_ok_and(id.fits) {
        return Some(found);
    }
    context.push(at.problem(format!(
        "found the text `{found}`, expected a Telegram id such as `\"{}\"`",
        id.example
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
