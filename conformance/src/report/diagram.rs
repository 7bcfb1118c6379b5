//! What was seen, as a diagram for terminals: time downwards, a column a track, the facts that matter marked.

use std::fmt::Write as _;

use creel_judge::trace::{Kind, ModelOutcome, Operation, Place, Saw, ToolOutcome};

use super::{
    data::{Fact, Track},
    excerpt,
};

/// The most rows that are shown. Facts far from the marked ones are left out.
const ROWS_MAX: usize = 40;

/// How many characters of a text are shown.
pub(super) const TEXT_CHARS_MAX: usize = 34;

/// How wide the channel's column is, in characters.
const COLUMN: usize = 52;

/// Draws an excerpt of a trace that has `total` facts, around those that are marked.
pub fn draw(facts: &[Fact], total: usize) -> String {
    let mut text = format!("      #     time  {:<COLUMN$}provider\n", "channel");
    let first = facts.iter().position(|it| it.marked).unwrap_or(0);
    let start = if total <= ROWS_MAX { 0 } else { first.saturating_sub(excerpt::BEFORE) };
    let shown = facts.get(start..facts.len().min(start + ROWS_MAX)).unwrap_or_default();
    let seq = |it: &Fact| usize::try_from(it.seq).unwrap_or(usize::MAX);
    let earlier = shown.first().map_or(0, |it| seq(it).saturating_sub(1));
    if earlier > 0 {
        writeln!(text, "        … {earlier} earlier facts").expect("writing to a string");
    }
    for fact in shown {
        let mark = if fact.marked { '▶' } else { ' ' };
        let column = match fact.track {
            Track::Channel | Track::Process | Track::Operator | Track::Harness => 0,
            Track::Provider | Track::Tools => COLUMN,
        };
        let Fact { seq, at_us, words, .. } = fact;
        writeln!(text, "  {mark}{seq:>4} {:>8}  {:column$}{words}", seconds(*at_us), "")
            .expect("writing to a string");
    }
    let rest = total.saturating_sub(earlier + shown.len());
    if rest > 0 {
        writeln!(text, "        … {rest} later facts").expect("writing to a string");
    }
    text
}

/// A moment as people read it: seconds to the millisecond.
pub fn seconds(at_us: i64) -> String {
    let ms = at_us.div_euclid(1_000);
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", ms.abs() / 1_000, ms.abs() % 1_000)
}

/// What a fact says, on half a line: of each text so many characters, after `clean` took out what nobody may see.
pub(super) fn words(kind: &Kind, clean: &impl Fn(&str) -> String, chars: usize) -> String {
    let quote = |text: &str| quote(&clean(text), chars);
    match kind {
        Kind::Inbound { message, chat, text, .. } => format!("{chat} ▸ {message} {}", quote(text)),
        Kind::Fetched { message } => format!("  fetched {message}"),
        Kind::Acknowledged { message } => format!("  acknowledged {message}"),
        Kind::Sent { place, text, .. } => format!("◂ {} {}", peer(place), quote(text)),
        Kind::Edited { place, text, .. } => format!("◂ {} edited {}", peer(place), quote(text)),
        Kind::Deleted { place, .. } => format!("◂ {} deleted", peer(place)),
        Kind::Refused { status, text, .. } => format!("✕ refused {status} {}", quote(text)),
        Kind::ModelRequest { request, chat, call, model, .. } => {
            let chat = chat.as_deref().unwrap_or("?");
            let call = call.map_or("?".to_owned(), |it| it.to_string());
            format!("┌ {request}: {chat} call {call} to {model}")
        }
        Kind::ModelEnd { request, outcome } => match outcome {
            ModelOutcome::Completed { text } => format!("└ {request}: {}", quote(text)),
            ModelOutcome::Failed { status, .. } => format!("└ {request}: status {status}"),
            ModelOutcome::Spoiled { how, .. } => format!("└ {request}: {how}"),
            ModelOutcome::Abandoned { .. } => format!("└ {request}: abandoned by the gateway"),
        },
        Kind::ToolCalled { call, server, tool, .. } => format!("┌ tool {call}: {server} {tool}"),
        Kind::ToolEnded { call, outcome, text } => match outcome {
            ToolOutcome::Completed => format!("└ tool {call}: {}", quote(text)),
            ToolOutcome::Failed => format!("└ tool {call}: failed {}", quote(text)),
            ToolOutcome::Abandoned => format!("└ tool {call}: abandoned by the gateway"),
        },
        Kind::GatewayStarted => "gateway started".to_owned(),
        Kind::GatewayRefused { text } => format!("gateway refused to begin: {}", quote(text)),
        Kind::GatewayReady => "gateway ready".to_owned(),
        Kind::GatewayExited { code, .. } => match code {
            Some(code) => format!("gateway exited with {code}"),
            None => "gateway ended".to_owned(),
        },
        Kind::OperatorCalled { call, status } => format!("operator {call}: {status}"),
        Kind::Operator(it) => operated(it, &quote),
        Kind::Refresh { credential, outcome, .. } => {
            format!("login {credential}: {}", outcome.name())
        }
        Kind::StateFile { file, text, .. } => match text {
            Some(text) => format!("state {file}: {} bytes", text.len()),
            None => format!("state {file}: not there"),
        },
        Kind::HarnessError { what } => format!("harness error: {}", clean(what)),
    }
}

/// What a client of an operator did or saw.
fn operated(Operation { client, saw }: &Operation, quote: &impl Fn(&str) -> String) -> String {
    let or_none = |it: &Option<String>| it.clone().unwrap_or_default();
    match saw {
        Saw::Connected { protocol, .. } => format!("{client} connected, protocol {protocol}"),
        Saw::Refused { code, details, .. } => {
            format!("{client} refused {code} {}", or_none(details))
        }
        Saw::Asked { call, method, .. } => format!("{client} ▸ {call} {}", or_none(method)),
        Saw::Answered { call, ok: true, text, .. } => format!("{client} ◂ {call} {}", quote(text)),
        Saw::Answered { call, code, text, .. } => {
            format!("{client} ✕ {call} {} {}", or_none(code), quote(text))
        }
        Saw::Part { call, text } => format!("{client} ◂ {call} … {}", quote(text)),
        Saw::Event { event, seq, run, state, text, .. } => {
            let seq = seq.map_or("-".to_owned(), |it| it.to_string());
            let (run, state) = (or_none(run), or_none(state));
            format!("{client} ◂ #{seq} {event} {run} {state} {}", quote(text))
        }
        Saw::Garbled { text } => format!("{client} ◂ no frame: {}", quote(text)),
        Saw::Closed { code, reason } => {
            let code = code.map_or("-".to_owned(), |it| it.to_string());
            format!("{client} closed with {code} {}", quote(reason))
        }
        Saw::Left => format!("{client} left"),
    }
}

fn peer(place: &Place) -> String {
    match &place.thread {
        Some(thread) => format!("{}:{thread}", place.peer),
        None => place.peer.clone(),
    }
}

fn quote(text: &str, chars: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= chars {
        return format!("“{line}”");
    }
    let cut: String = line.chars().take(chars - 1).collect();
    format!("“{cut}…”")
}
