//! Where the time of each turn went: the attempts, what came of them, and the waits between them.

use std::fmt::Write as _;

use creel_judge::{
    context::Context,
    phrase,
    trace::ModelOutcome,
    turns::{Delivery, Moment, Request, Turns},
};

use super::{EntryKind, Timeline, lanes, words};
use crate::report::terminal::Terminal;

/// The most turns that are told of.
const ROWS_MAX: usize = 30;

/// A turn: what a person wrote, the attempts at an answer, and what the person was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The chat, if it can be told.
    pub chat: Option<String>,
    /// The messages that are new in it.
    pub messages: Vec<String>,
    /// When the first of them was written, or else when somebody was first asked.
    pub from_us: i64,
    /// The attempts, in order; none where nobody could be asked, or need be.
    pub attempts: Vec<Attempt>,
    /// The last that the person was shown of it.
    pub told: Option<Told>,
}

/// A model request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Who was asked: `provider/model@credential`.
    pub lane: String,
    /// When.
    pub at_us: i64,
    /// When it ended; the trace's end if it did not.
    pub until_us: i64,
    /// How it ended.
    pub kind: EntryKind,
    /// The same in words.
    pub result: String,
}

/// What a person was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at_us: i64,
    /// The text.
    pub text: String,
}

/// After so long, what a person is shown belongs to something else.
const APART_US_MAX: i64 = 10_000_000;

/// The turns of a trace. Attempts that bring nothing new go on with the turn of those before.
pub(super) fn of(turns: &Turns, context: &Context, ends_us: i64) -> Vec<Turn> {
    let mut found: Vec<Turn> = Vec::new();
    let mut turn_of: Vec<usize> = Vec::new();
    let mut requests: Vec<Vec<&Request>> = Vec::new();
    for request in &turns.requests {
        let before = request.predecessor.filter(|_| request.new.is_empty());
        let own = before.map_or(found.len(), |it| turn_of[it]);
        turn_of.push(own);
        if own == found.len() {
            found.push(begun(request));
            requests.push(Vec::new());
        }
        found[own].attempts.push(attempt(request, ends_us));
        requests[own].push(request);
    }
    let mut shown = Shown::of(turns, context);
    for (turn, requests) in found.iter_mut().zip(&requests) {
        turn.told = shown.for_turn(turn.chat.as_deref(), requests);
    }
    let mut unasked = Vec::new();
    for message in &turns.messages {
        let own = turns.appearances(&message.name).first().map(|it| turn_of[it.request]);
        let start = own.map(|it| requests[it][0].start);
        let Some(written) = message.inbound.first() else { continue };
        match shown.before_asking(&message.chat, *written, start) {
            Some(told) => {
                if let Some(own) = own {
                    found[own].messages.retain(|it| *it != message.name);
                }
                unasked.push(Turn {
                    chat: Some(message.chat.clone()),
                    messages: vec![message.name.clone()],
                    from_us: written.at_us,
                    attempts: Vec::new(),
                    told: Some(told),
                });
            }
            None if own.is_none() => (),
            None => {
                let turn = &mut found[own.expect("checked before")];
                turn.from_us = turn.from_us.min(written.at_us);
            }
        }
    }
    found.extend(unasked);
    found.sort_by_key(|it| it.from_us);
    found
}

/// What people were shown, each at most one turn's.
struct Shown<'a> {
    /// With the chat, and whether it is some turn's already.
    sends: Vec<(String, &'a Delivery, bool)>,
    context: &'a Context,
}

impl<'a> Shown<'a> {
    fn of(turns: &'a Turns, context: &'a Context) -> Self {
        let with_chat = |it: &'a Delivery| (lanes::chat(&it.place, context), it, false);
        Self { sends: turns.sends.iter().map(with_chat).collect(), context }
    }

    /// What came of a turn: the model's words where it has some, else what was shown next.
    fn for_turn(&mut self, chat: Option<&str>, requests: &[&Request]) -> Option<Told> {
        let (first, last) = (requests.first()?, requests.last()?);
        let answer = last.completed_answer().map(str::trim).filter(|it| !it.is_empty());
        let from = match answer {
            Some(_) => last.start,
            None => last.end.as_ref().map_or(last.start, |it| it.at),
        };
        let is_its = |text: &str| {
            answer.is_none_or(|answer| text.contains(answer) || answer.contains(text.trim()))
        };
        let mut last_at: Option<Moment> = None;
        let mut told = None;
        for (index, (whose, send, is_taken)) in self.sends.iter().enumerate() {
            let text = send.final_text();
            let is_near = last_at.is_none_or(|it| send.at.at_us - it.at_us <= APART_US_MAX);
            if Some(whose.as_str()) == chat
                && !is_taken
                && send.at > from
                && is_its(text)
                && is_near
            {
                last_at = Some(send.at);
                told = Some(index);
                if answer.is_none() {
                    break;
                }
            }
        }
        let told = told?;
        let until = self.sends[told].1.at;
        for (whose, send, is_taken) in &mut self.sends {
            *is_taken |= Some(whose.as_str()) == chat && first.start < send.at && send.at <= until;
        }
        Some(self.told(told))
    }

    /// What a person was shown after a message for which nobody had been asked.
    fn before_asking(
        &mut self,
        chat: &str,
        written: Moment,
        asked: Option<Moment>,
    ) -> Option<Told> {
        let index = self.sends.iter().position(|(whose, send, is_taken)| {
            whose == chat && !is_taken && send.at > written && asked.is_none_or(|it| send.at < it)
        })?;
        self.sends[index].2 = true;
        Some(self.told(index))
    }

    fn told(&self, index: usize) -> Told {
        let send = self.sends[index].1;
        let text = phrase::redacted(send.final_text().to_owned(), self.context);
        Told { at_us: send.shown().at_us, text }
    }
}

fn begun(request: &Request) -> Turn {
    Turn {
        chat: request.chat.clone(),
        messages: request.new.clone(),
        from_us: request.start.at_us,
        attempts: Vec::new(),
        told: None,
    }
}

fn attempt(request: &Request, ends_us: i64) -> Attempt {
    let end = request.end.as_ref();
    let kind = match end.map(|it| &it.outcome) {
        Some(ModelOutcome::Completed { .. }) => EntryKind::Answered,
        Some(ModelOutcome::Failed { .. } | ModelOutcome::Spoiled { .. }) => EntryKind::Failed,
        Some(ModelOutcome::Abandoned { .. }) | None => EntryKind::Open,
    };
    Attempt {
        lane: request.asked(),
        at_us: request.start.at_us,
        until_us: end.map_or(ends_us, |it| it.at.at_us),
        kind,
        result: end.map_or_else(|| "still open".to_owned(), |it| words::outcome(&it.outcome)),
    }
}

impl Turn {
    /// The times in which nobody was asked, each with the lane that is asked after it.
    pub(super) fn waits(&self) -> impl Iterator<Item = (&str, i64, i64)> {
        let wait = |pair: &[Attempt]| (pair[0].until_us, pair[1].at_us);
        let pairs = self.attempts.windows(2);
        pairs
            .map(move |pair| (pair[1].lane.as_str(), wait(pair)))
            .filter(|(_, (from, until))| until - from >= WAIT_US_MIN)
            .map(|(lane, (from, until))| (lane, from, until))
    }
}

/// What is shorter is the gateway's own computing, not a wait.
const WAIT_US_MIN: i64 = 50_000;

/// The turns as lines.
pub(super) fn text(timeline: &Timeline, terminal: Terminal) -> String {
    let mut text = String::new();
    for turn in timeline.turns.iter().take(ROWS_MAX) {
        let line = words::shown(&line(turn), terminal.signs);
        writeln!(text, "  {line}").expect("writing to a string");
    }
    if let Some(more) = timeline.turns.len().checked_sub(ROWS_MAX).filter(|it| *it > 0) {
        writeln!(text, "  and {more} more turns").expect("writing to a string");
    }
    text
}

fn line(turn: &Turn) -> String {
    let whose = match (&turn.chat, turn.messages.as_slice()) {
        (None, _) => "a turn of no chat's".to_owned(),
        (Some(chat), []) => chat.clone(),
        (Some(chat), messages) => format!("{chat} {}", messages.join("+")),
    };
    let after = |it: &Told| words::length(it.at_us - turn.from_us);
    let end = match (&turn.told, turn.attempts.last().map(|it| it.kind)) {
        (Some(told), None) => {
            return format!("{whose}: nobody asked, told so after {}", after(told));
        }
        (Some(told), Some(EntryKind::Answered)) => format!("answered after {}", after(told)),
        (Some(told), Some(_)) => format!("not answered, told so after {}", after(told)),
        (None, Some(EntryKind::Answered)) => "answered, and nothing was shown".to_owned(),
        (None, _) => "not answered, and nothing was shown".to_owned(),
    };
    format!("{whose}: {end}; {}", spent(turn))
}

/// `3 attempts (2× 429 rate limit, answered): asking 1.2s, waiting 25m48s`.
fn spent(turn: &Turn) -> String {
    let mut results: Vec<(&str, usize)> = Vec::new();
    for it in &turn.attempts {
        match results.iter_mut().find(|(result, _)| *result == it.result) {
            Some((_, times)) => *times += 1,
            None => results.push((&it.result, 1)),
        }
    }
    let results: Vec<String> = results
        .iter()
        .map(|(it, times)| if *times == 1 { (*it).to_owned() } else { format!("{times}× {it}") })
        .collect();
    let noun = if turn.attempts.len() == 1 { "attempt" } else { "attempts" };
    let before_us = turn.attempts.first().map_or(0, |it| it.at_us - turn.from_us);
    let asking_us: i64 = turn.attempts.iter().map(|it| it.until_us - it.at_us).sum();
    let waiting_us: i64 = turn.waits().map(|(_, from, until)| until - from).sum();
    let shares = [("queued", before_us), ("asking", asking_us), ("waiting", waiting_us)];
    let shares = shares.into_iter().filter(|(_, us)| *us >= WAIT_US_MIN);
    let shares: Vec<String> =
        shares.map(|(what, us)| format!("{what} {}", words::length(us))).collect();
    let shares = if shares.is_empty() { String::new() } else { format!(": {}", shares.join(", ")) };
    format!("{} {noun} ({}){shares}", turn.attempts.len(), results.join(", "))
}
