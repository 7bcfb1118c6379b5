//! I9, isolation: nothing of one conversation reaches another, and no secret reaches anyone.

use std::collections::{BTreeMap, BTreeSet};

use super::{conversations::Conversations, merged};
use crate::{
    context::Context,
    phrase::{self, seconds},
    trace::{Fact, Kind, Place, PromptMessage, Saw, Trace},
    turns::{Message, Request, Turns, canaries_in},
    verdict::Verdict,
};

/// A message is only in model requests of chats that are declared to share a session with its own, and in no text sent
/// to others; and no secret is in a prompt, in a text that a person can read, or in the gateway's last words.
///
/// Exercised by requests once messages with canaries were written in two places, and by everything that could tell a
/// declared secret. Chats share a session at one place, or as `dmScope` and `identityLinks` say; under `main`, chats
/// whose requests never went to one model belong to different agents and share none.
pub(super) fn check(trace: &Trace, turns: &Turns, context: &Context) -> Verdict {
    let conversations = Conversations::of(turns, context);
    let with_canary = turns.messages.iter().filter_map(|it| Some((it.canary.as_deref()?, it)));
    let by_canary: BTreeMap<_, _> = with_canary.collect();
    let places: BTreeSet<_> = by_canary.values().map(|it| &it.place).collect();
    let guard = Guard {
        context,
        conversations: &conversations,
        by_canary,
        has_strangers: places.len() > 1,
    };
    let requests = turns.requests.iter().enumerate().map(|(index, request)| {
        let leak = guard.stranger_in_request(request, conversations.home(index));
        let told = || guard.secret_in_prompt(request, request.prompt(trace));
        guard.verdict(leak.or_else(told), request.start.seq, !request.anywhere.is_empty())
    });
    let facts = trace.facts.iter().filter_map(|fact| match &fact.kind {
        Kind::Sent { place, text, .. } | Kind::Edited { place, text, .. } => {
            let leak = guard.stranger_in_text(fact, place, text);
            let told =
                || guard.secret_in(text, fact, &format!("text at `{}`", phrase::place(place)));
            Some(guard.verdict(leak.or_else(told), fact.seq, true))
        }
        Kind::Operator(it) => {
            let text = shown(&it.saw)?;
            let what = format!("words to client `{}`", it.client);
            Some(guard.verdict(guard.secret_in(text, fact, &what), fact.seq, false))
        }
        Kind::GatewayExited { last_words, .. } | Kind::GatewayRefused { text: last_words } => {
            Some(guard.verdict(guard.secret_in(last_words, fact, "last words"), fact.seq, false))
        }
        _ => None,
    });
    merged(
        requests.chain(facts),
        "messages were written in one place only, and nothing could tell a secret",
    )
}

/// What a client was told.
fn shown(saw: &Saw) -> Option<&str> {
    match saw {
        Saw::Connected { text, .. }
        | Saw::Refused { text, .. }
        | Saw::Answered { text, .. }
        | Saw::Part { text, .. }
        | Saw::Event { text, .. }
        | Saw::Garbled { text }
        | Saw::Closed { reason: text, .. } => Some(text),
        Saw::Asked { .. } | Saw::Left => None,
    }
}

#[derive(Debug)]
struct Guard<'a> {
    context: &'a Context,
    conversations: &'a Conversations<'a>,
    by_canary: BTreeMap<&'a str, &'a Message>,
    /// Whether messages were written in more than one place.
    has_strangers: bool,
}

impl Guard<'_> {
    /// The verdict on one fact. It shows something if it could have told a secret, or a message and there was one of
    /// another place.
    fn verdict(&self, failure: Option<Verdict>, seq: u64, carries_messages: bool) -> Verdict {
        let is_exercised =
            !self.context.secrets.is_empty() || (carries_messages && self.has_strangers);
        let witnesses = if is_exercised { vec![seq] } else { Vec::new() };
        failure.unwrap_or_else(|| Verdict::pass_or_vacuous(witnesses, "nothing could leak"))
    }

    fn stranger_in_request(&self, request: &Request, home: Option<&str>) -> Option<Verdict> {
        let home = home?;
        let mut carried = self.by_canary.values().filter(|it| request.anywhere.contains(&it.name));
        let stranger = carried.find(|it| !self.conversations.are_joined(home, &it.chat))?;
        let expected = format!(
            "nothing of `{}` in a request of `{home}`: they share no session",
            stranger.chat
        );
        let observed = format!(
            "`{}` in request {} at {}",
            stranger.name,
            request.number,
            seconds(request.start.at_us)
        );
        let witnesses = vec![stranger.inbound[0].seq, request.start.seq];
        Some(Verdict::fail(expected, observed, witnesses).breaking(&["SEC-001"]))
    }

    fn stranger_in_text(&self, fact: &Fact, place: &Place, text: &str) -> Option<Verdict> {
        let chat = self.conversations.chat_at(place);
        let is_joined =
            |it: &Message| chat.is_some_and(|chat| self.conversations.are_joined(chat, &it.chat));
        let mut carried = canaries_in(text).filter_map(|it| self.by_canary.get(it));
        let stranger = carried.find(|it| it.place != *place && !is_joined(it))?;
        let expected =
            format!("nothing of `{}` in a text at `{}`", stranger.chat, phrase::place(place));
        let observed = format!("`{}` in a text at {}", stranger.name, seconds(fact.at_us));
        let witnesses = vec![stranger.inbound[0].seq, fact.seq];
        Some(Verdict::fail(expected, observed, witnesses).breaking(&["SEC-001"]))
    }

    fn secret_in_prompt(&self, request: &Request, prompt: &[PromptMessage]) -> Option<Verdict> {
        let name = prompt.iter().find_map(|it| self.secret(&it.text))?;
        let observed =
            format!("it is in request {} at {}", request.number, seconds(request.start.at_us));
        let expected = format!("no prompt with the {name}");
        Some(Verdict::fail(expected, observed, vec![request.start.seq]).breaking(&["SEC-002"]))
    }

    fn secret_in(&self, text: &str, fact: &Fact, what: &str) -> Option<Verdict> {
        let name = self.secret(text)?;
        let observed = format!("it is in the {what} at {}", seconds(fact.at_us));
        let expected = format!("no {what} with the {name}");
        Some(Verdict::fail(expected, observed, vec![fact.seq]).breaking(&["SEC-002"]))
    }

    /// The name of a secret that a text tells, never its value.
    fn secret(&self, text: &str) -> Option<&str> {
        let told = self
            .context
            .secrets
            .iter()
            .find(|(_, value)| !value.is_empty() && text.contains(value.as_str()));
        told.map(|(name, _)| name.as_str())
    }
}
