//! A scenario on another channel than it was written for, where a target has no way to the one that it names.
//!
//! The same people meet in the same chats, under names that the other channel has; who is let in, which agent answers and
//! which conversation goes on are the same questions there. What the other channel cannot carry is no such question: the
//! scenario is then not played, and the reason says what stands in the way.

mod names;
mod values;

use std::{collections::BTreeMap, sync::Arc};

use creel_judge::words::{FactName, Visible, Word};

use self::names::Exchange;
use super::{
    Act, Action, Answer, Call, Chat, ChatKind, Control, Hook, HttpCall, Scenario, Send, Step,
};

/// The longest text that surely is one line on IRC, in bytes: its canary comes behind it.
const LINE_BYTES_MAX: usize = 330;

impl Scenario {
    /// The scenario with each channel's chats on the other channel that the map gives it, and its control with it.
    ///
    /// # Errors
    ///
    /// What it uses that the other channel cannot have.
    pub fn played_on(&self, channels: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut scenario = self.clone();
        for (from, to) in channels {
            let exchange = Exchange::new(from, to)?;
            if crate::base::channels(&scenario).contains(from) {
                scenario = exchanged(&scenario, &exchange)?;
            }
        }
        Ok(scenario)
    }
}

fn exchanged(scenario: &Scenario, exchange: &Exchange) -> Result<Scenario, String> {
    let Exchange { from, to } = exchange;
    let why = |what: String| format!("{from} is played on {to}, which has no {what}");
    let concerns = |it: &&Chat| it.channel == *from;
    let chats = scenario.chats.iter().map(|(name, it)| Ok((name.clone(), chat(it, exchange)?)));
    let chats = chats.collect::<Result<BTreeMap<_, _>, String>>().map_err(why)?;
    one_account_a_room(&chats, exchange).map_err(why)?;
    if scenario.platform.iter().any(|(chat, faults)| {
        !faults.is_empty() && scenario.chats.get(chat).as_ref().is_some_and(concerns)
    }) {
        return Err(why("answers to what it is sent".to_owned()));
    }
    let steps = scenario.steps.iter().map(|it| step(it, scenario, exchange));
    let steps = steps.collect::<Result<_, String>>().map_err(why)?;
    for answer in scenario.model.values().flatten() {
        fits(answer).map_err(why)?;
    }
    for expectation in &scenario.expect {
        is_told(&expectation.word).map_err(why)?;
    }
    if values::speaks_of(&serde_json::json!(scenario.state), from) {
        return Err(why(format!("state files that name {from}")));
    }
    let mut model = scenario.model.clone();
    for answer in model.values_mut().flatten() {
        speak(answer, exchange).map_err(why)?;
    }
    let gateway = values::configuration(&scenario.gateway, exchange).map_err(why)?;
    let control = match &scenario.control {
        Some(Control { edited, flips }) => {
            let edited = Arc::new(exchanged(edited, exchange)?);
            Some(Control { edited, flips: flips.clone() })
        }
        None => None,
    };
    Ok(Scenario { gateway, chats, model, steps, control, ..scenario.clone() })
}

fn chat(chat: &Chat, exchange: &Exchange) -> Result<Chat, String> {
    if chat.channel != exchange.from {
        return Ok(chat.clone());
    }
    let kind = match &chat.kind {
        ChatKind::Direct => ChatKind::Direct,
        ChatKind::Group { id, topic: None } => {
            ChatKind::Group { id: Exchange::room(id)?, topic: None }
        }
        ChatKind::Group { topic: Some(_), .. } => return Err("topics".to_owned()),
        ChatKind::Room { .. } => return Err("rooms of a guild".to_owned()),
    };
    let sender = Exchange::person(&chat.sender)?;
    Ok(Chat { channel: exchange.to.clone(), kind, sender, ..chat.clone() })
}

/// A room is one for all who are in it, so that two accounts in one would both hear everything.
fn one_account_a_room(chats: &BTreeMap<String, Chat>, exchange: &Exchange) -> Result<(), String> {
    let mut accounts: BTreeMap<&str, &str> = BTreeMap::new();
    for chat in chats.values().filter(|it| it.channel == exchange.to) {
        let ChatKind::Group { id, .. } = &chat.kind else { continue };
        if *accounts.entry(id).or_insert(&chat.account) != chat.account {
            return Err("groups that look different to each account".to_owned());
        }
    }
    Ok(())
}

fn step(step: &Step, scenario: &Scenario, exchange: &Exchange) -> Result<Step, String> {
    let is_here =
        |chat: &String| scenario.chats.get(chat).is_some_and(|it| it.channel == exchange.from);
    let call = |call: &Call| -> Result<Call, String> {
        Ok(Call { params: values::parameters(&call.params, exchange)?, ..call.clone() })
    };
    let action = match &step.action {
        Action::Send(send) if is_here(&send.chat) => {
            can_be_sent(send)?;
            Action::Send(send.clone())
        }
        Action::Redeliver { .. } => return Err("message that comes twice".to_owned()),
        Action::Disconnect { channel, .. } if *channel == exchange.from => {
            return Err("connection of its own".to_owned());
        }
        Action::Call(it) => Action::Call(call(it)?),
        Action::Hook(it) => Action::Hook(Hook { call: call(&it.call)?, ..it.clone() }),
        Action::Http(it) => Action::Http(HttpCall { call: call(&it.call)?, ..it.clone() }),
        other => other.clone(),
    };
    Ok(Step { at: step.at, action })
}

fn can_be_sent(send: &Send) -> Result<(), String> {
    let is_command = send.text.starts_with('/');
    let refusals = [
        (send.text.contains('\n'), "messages of several lines"),
        (send.text.len() > LINE_BYTES_MAX || send.padded_to.is_some(), "messages as long as that"),
        (send.image.is_some(), "pictures"),
        (send.overheard, "memory of what was said without a mention"),
        (send.mention && is_command, "commands that mention somebody"),
    ];
    match refusals.into_iter().find(|(is_so, _)| *is_so) {
        Some((_, what)) => Err(what.to_owned()),
        None => Ok(()),
    }
}

/// Has the model name the other channel's chats to the tools that it asks for.
fn speak(answer: &mut Answer, exchange: &Exchange) -> Result<(), String> {
    let Act::Call { calls, .. } = &mut answer.act else { return Ok(()) };
    for call in calls {
        // What is no JSON is no chat of anybody's.
        let Ok(arguments) = serde_json::from_str(&call.arguments) else { continue };
        let changed = values::parameters(&arguments, exchange)?;
        if changed != arguments {
            call.arguments = changed.to_string();
        }
    }
    Ok(())
}

/// Whether an answer of the model's is one message on the other channel, too.
fn fits(answer: &Answer) -> Result<(), String> {
    let is_long = |text: &str| text.len() > LINE_BYTES_MAX;
    let is_too_long = match &answer.act {
        Act::Say { text, .. } => is_long(text),
        Act::Call { text, .. } => is_long(text),
        Act::Stream { parts, .. } => {
            parts.iter().map(|it| it.text.len()).sum::<usize>() > LINE_BYTES_MAX
        }
        Act::Status(_) | Act::Hang => false,
        Act::Cut { text } | Act::Malformed { text } | Act::Eof { text } => is_long(text),
    };
    if is_too_long { Err("messages as long as that".to_owned()) } else { Ok(()) }
}

/// Whether what a check looks at can be seen on the other channel.
fn is_told(word: &Word) -> Result<(), String> {
    if let Word::Visible(visible) = word {
        return is_one_line(visible);
    }
    for filter in word.filters() {
        match filter.of {
            FactName::Acknowledged => return Err("acknowledgement".to_owned()),
            FactName::Edited => return Err("edits".to_owned()),
            FactName::Deleted => return Err("deletions".to_owned()),
            _ => (),
        }
    }
    Ok(())
}

fn is_one_line(visible: &Visible) -> Result<(), String> {
    let texts = visible.texts.iter().flatten().chain(&visible.ends_with);
    let mut texts = texts.chain(&visible.contains).chain(&visible.lacks);
    if visible.images.is_some() {
        return Err("pictures".to_owned());
    }
    if texts.any(|it| it.contains('\n')) {
        Err("messages of several lines".to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
