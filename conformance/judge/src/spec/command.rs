//! Words of a message that are for the gateway and not for the model.
//!
//! Source: contract, section 4 (control commands) and section 7 (`/new`, `/reset`).

use super::{
    settings::{self, Command, Override},
    version::Version,
};
use crate::{
    context::Configuration,
    turns::{Message, canaries_in},
};

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Words for the model.
    Words,
    /// Words for the model, queued by settings of their own.
    Inline(Override),
    /// It stops the run.
    Stop,
    /// It begins a new session. Whether words for the model follow.
    Fresh(Rest),
    /// It sets how the session queues.
    Set(Override),
    /// It forgets what was set.
    Clear,
    /// It runs nothing and changes nothing that a specification knows of.
    Aside,
    /// It is for another bot, or it does what no specification has.
    Beyond,
}

/// What follows `/new`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    Nothing,
    /// Words for the model.
    Words,
    /// Perhaps words, perhaps a model's name alone.
    Unsure,
}

/// What a message is. Who may give commands, where that is restricted, no specification has.
pub(super) fn meaning(
    message: &Message,
    version: Version,
    configuration: &Configuration,
) -> Meaning {
    let text = words(message);
    let trigger = after_trigger(&text, &configuration.session.reset_triggers);
    if configuration.restricts_commands && (trigger.is_some() || text.starts_with('/')) {
        return Meaning::Beyond;
    }
    if let Some(rest) = trigger {
        return fresh(rest, message);
    }
    if !text.starts_with('/') {
        // Without a canary nothing tells in which request it is.
        return if message.canary.is_some() { Meaning::Words } else { Meaning::Beyond };
    }
    let (name, rest) = text.split_once(' ').unwrap_or((&text, ""));
    match name.to_lowercase().as_str() {
        "/queue" => match settings::command(rest, version) {
            Command::Set(set) => Meaning::Set(set),
            Command::Clear => Meaning::Clear,
            Command::Nothing => Meaning::Aside,
            Command::Inline(inline) if message.canary.is_some() => Meaning::Inline(inline),
            Command::Inline(_) => Meaning::Beyond,
        },
        "/stop" => Meaning::Stop,
        "/status" | "/model" | "/approve" | "/context" | "/help" | "/whoami" => Meaning::Aside,
        _ => Meaning::Beyond,
    }
}

/// What a person wrote, without the canary.
fn words(message: &Message) -> String {
    let canary = message.canary.as_deref();
    let is_canary = |word: &str| canary.is_some() && canaries_in(word).next() == canary;
    let words: Vec<&str> = message.text.split_whitespace().filter(|it| !is_canary(it)).collect();
    words.join(" ")
}

/// The rest of a text that begins with what begins a new session.
fn after_trigger<'a>(text: &'a str, triggers: &[String]) -> Option<&'a str> {
    let known = ["/new", "/reset"].into_iter().chain(triggers.iter().map(|it| it.trim()));
    known.filter(|it| !it.is_empty()).find_map(|trigger| {
        let (head, rest) = text.split_at_checked(trigger.len())?;
        let is_whole = rest.is_empty() || rest.starts_with(' ');
        (head.eq_ignore_ascii_case(trigger) && is_whole).then(|| rest.trim())
    })
}

fn fresh(rest: &str, message: &Message) -> Meaning {
    Meaning::Fresh(match rest {
        "" => Rest::Nothing,
        // One word with a slash may be a model's name.
        _ if message.canary.is_none() || (!rest.contains(' ') && rest.contains('/')) => {
            Rest::Unsure
        }
        _ => Rest::Words,
    })
}

/// Whether a text may begin a new session, for whichever bot.
pub(super) fn may_be_fresh(
    message: &Message,
    version: Version,
    configuration: &Configuration,
) -> bool {
    let triggers = &configuration.session.reset_triggers;
    let name = message.text.split_whitespace().next().unwrap_or_default();
    let for_a_bot = matches!(name.split_once('@'), Some(("/new" | "/reset", _)));
    for_a_bot
        || after_trigger(&words(message), triggers).is_some()
        || matches!(meaning(message, version, configuration), Meaning::Fresh(_))
}
