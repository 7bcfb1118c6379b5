//! Reads what happens, and the names of the messages.

use std::{collections::BTreeMap, time::Duration};

use super::{Action, Cut, Event, Forgery, Send, Step, at::At, context::Context, operators};
use crate::picture::Picture;

/// What can be wrong with a forged call.
pub(super) const FORGERIES: &[&str] = &["wrong-secret", "other-body", "stale-date", "unsigned"];

/// The events that can tell of a message.
pub(super) const EVENTS: &[&str] = &[Event::Message.name(), Event::AppMention.name()];

fn events(at: &At<'_>) -> Option<Vec<Event>> {
    let event =
        |name: String| [Event::Message, Event::AppMention].into_iter().find(|it| it.name() == name);
    at.get("events")?;
    Some(at.items_of("events").iter().filter_map(|it| event(it.text()?)).collect())
}

fn forgery(name: &str) -> Option<Forgery> {
    match name {
        "wrong-secret" => Some(Forgery::WrongSecret),
        "other-body" => Some(Forgery::OtherBody),
        "stale-date" => Some(Forgery::StaleDate),
        "unsigned" => Some(Forgery::Unsigned),
        _ => None,
    }
}

/// The channels whose platforms can cut a connection.
pub(super) const CUT_CHANNELS: &[&str] = &["discord", "slack"];

/// How a platform can cut its connections.
pub(super) const CUTS: &[&str] =
    &["4000", "4004", "4009", "drop", "reconnect", "invalid-session", "silent"];

fn cut(name: &str) -> Option<Cut> {
    match name {
        "drop" => Some(Cut::Drop),
        "reconnect" => Some(Cut::Reconnect),
        "invalid-session" => Some(Cut::Invalid),
        "silent" => Some(Cut::Silent),
        code => code.parse().ok().map(Cut::Close),
    }
}

/// The steps, in order of time. Defines the messages.
pub(super) fn read(root: &At<'_>, context: &mut Context<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut latest: Option<(Duration, String)> = None;
    // How many messages each chat has sent.
    let mut sent: BTreeMap<String, u32> = BTreeMap::new();
    for item in root.items_of("steps") {
        let at = item.get("at").and_then(|it| Some((it.duration()?, it)));
        if let Some((time, at)) = &at {
            let written = at.text().unwrap_or_default();
            match &latest {
                Some((earlier, earlier_written)) if time < earlier => {
                    let message = format!(
                        "`{written}` lies before the step above it, at `{earlier_written}`"
                    );
                    context.push(at.problem(message).help("write the steps in order of time"));
                }
                Some(_) | None => latest = Some((*time, written)),
            }
        }
        let action = action(&item, &mut sent, context);
        if let (Some((at, _)), Some(action)) = (at, action) {
            steps.push(Step { at, action });
        }
    }
    if root.get("steps").is_some_and(|it| it.node.items().is_empty()) {
        context.push(root.problem("a scenario needs at least one step"));
    }
    steps
}

fn action(
    at: &At<'_>,
    sent: &mut BTreeMap<String, u32>,
    context: &mut Context<'_>,
) -> Option<Action> {
    if let Some(at) = at.get("send") {
        return send(&at, sent, context).map(Action::Send);
    }
    if let Some(at) = at.get("redeliver") {
        let at = at.get("message")?;
        let message = at.text()?;
        if !context.has_message(&message) {
            context.push(at.problem(format!("no step above sends a message called `{message}`")));
        }
        return Some(Action::Redeliver { message });
    }
    if let Some(at) = at.get("disconnect") {
        let cut = cut(&at.text_of("how")?)?;
        let lasts = at.duration_of("lasts").unwrap_or_default();
        return Some(Action::Disconnect { channel: at.text_of("channel")?, cut, lasts });
    }
    if let Some(at) = at.get("restart") {
        return Some(Action::Restart { lasts: at.duration_of("lasts").unwrap_or_default() });
    }
    if let Some(action) = operators::action(at, context) {
        return Some(action);
    }
    let chat = context.chat_of(&at.get("approve")?, "chat")?;
    Some(Action::ApprovePairing { chat })
}

fn send(at: &At<'_>, sent: &mut BTreeMap<String, u32>, context: &mut Context<'_>) -> Option<Send> {
    let chat = at.text_of("chat");
    if let Some(chat) = &chat {
        *sent.entry(chat.clone()).or_default() += 1;
    }
    let name = match (at.get("as"), &chat) {
        (Some(given), _) => given.text(),
        (None, Some(chat)) => Some(format!("{chat}-{}", sent[chat])),
        (None, None) => None,
    };
    if let Some(name) = &name {
        context.define_message(&at.get("as").unwrap_or_else(|| at.clone()), name);
    }
    let chat = context.chat_of(at, "chat");
    let text = at.text_of("text")?;
    Some(Send {
        canary: at.flag_of("canary").unwrap_or_else(|| takes_canary(&text)),
        mention: at.flag_of("mention").unwrap_or(false),
        admitted: at.flag_of("admitted").unwrap_or(true),
        overheard: at.flag_of("overheard").unwrap_or(false),
        forged: at.text_of("forged").and_then(|it| forgery(&it)),
        events: events(at),
        apart: at.duration_of("apart").unwrap_or_default(),
        padded_to: at.number_of("padded_to"),
        image: at.get("image").and_then(|it| image(&it)),
        chat: chat?,
        text,
        name: name?,
    })
}

fn image(at: &At<'_>) -> Option<Picture> {
    let padded_to = at.number_of("padded_to").unwrap_or_default();
    let is_lost = at.get("lost").is_some();
    Some(Picture::new(&at.text_of("name")?, padded_to, is_lost))
}

/// Whether a canary at the end leaves a text what it is: not a command, or one that takes a message.
pub(super) fn takes_canary(text: &str) -> bool {
    let with_message =
        |command| text.strip_prefix(command).is_some_and(|it: &str| !it.trim().is_empty());
    !text.starts_with('/') || with_message("/new ") || with_message("/reset ")
}
