//! What a provider did, as a scenario says it.

use std::time::Duration;

use serde_json::Value;

use super::tape::{Ending, Exchange};
use crate::{
    scenario::{Part, StreamEnd},
    twins::openai::dialect::Dialect,
};

/// Parts that come closer together are one.
const APART_MIN: Duration = Duration::from_millis(5);

/// The most parts of an answer. Beyond it, neighbours are joined.
const PARTS_MAX: usize = 100;

/// What a provider did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Did {
    /// How long it waited first.
    pub(super) after: Duration,
    /// What it did then.
    pub(super) what: What,
}

/// The acts of a scenario, as far as they can be seen in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// An error status, with what it said and asked for.
    Status { status: u16, said: Said, headers: Vec<(String, String)> },
    /// Nothing at all, until the gateway left.
    Hang,
    /// A text, whole.
    Say(String),
    /// Parts of a text.
    Stream(Vec<Part>, StreamEnd),
    /// A part of a text, then what is not JSON.
    Malformed(String),
}

/// What an error's body says: its words, and by which names gateways may know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) message: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) code: Option<String>,
}

impl Did {
    /// Whether it was an answer, and not a failure after which somebody is asked again.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self.what, What::Say(_) | What::Stream(_, StreamEnd::Complete))
    }
}

/// What was read out of an answer, and whether it asks for tools, which is not replayed.
pub(super) fn did(exchange: &Exchange) -> (Did, bool) {
    let (end_at, ending) = exchange.end.unwrap_or((Duration::ZERO, Ending::Left));
    let Some((head_at, status, _)) = &exchange.head else {
        let did = match ending {
            Ending::Left => Did { after: Duration::ZERO, what: What::Hang },
            Ending::Cut | Ending::Complete => {
                Did { after: end_at, what: What::Stream(Vec::new(), StreamEnd::Cut) }
            }
        };
        return (did, false);
    };
    if !(200..300).contains(status) {
        return (Did { after: *head_at, what: refusal(exchange, *status) }, false);
    }
    if is_stream(exchange) {
        let (what, has_tools) = stream(exchange, *head_at, ending);
        return (Did { after: *head_at, what }, has_tools);
    }
    let body = body(exchange);
    let read = serde_json::from_slice::<Value>(&body);
    let (what, has_tools) = match (read, ending) {
        (Ok(document), _) => (What::Say(whole(exchange.dialect, &document)), calls(&document)),
        // Its end is not recorded; the gateway has it.
        (Err(_), Ending::Complete) if exchange.is_cut => (What::Say(String::new()), false),
        (Err(_), Ending::Complete) => (What::Malformed(String::new()), false),
        (Err(_), Ending::Cut) => (What::Stream(vec![nothing()], StreamEnd::Cut), false),
        (Err(_), Ending::Left) => (What::Stream(vec![nothing()], StreamEnd::Stall), false),
    };
    (Did { after: end_at, what }, has_tools)
}

fn nothing() -> Part {
    Part { after: Duration::ZERO, text: String::new() }
}

fn body(exchange: &Exchange) -> Vec<u8> {
    exchange.pieces.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect()
}

fn header<'a>(exchange: &'a Exchange, name: &str) -> Option<&'a str> {
    exchange.head.as_ref().and_then(|(_, _, headers)| headers.get(name)?.to_str().ok())
}

fn is_stream(exchange: &Exchange) -> bool {
    header(exchange, "content-type").is_some_and(|it| it.starts_with("text/event-stream"))
}

/// What gateways may heed beside the status: waits and limits.
fn refusal(exchange: &Exchange, status: u16) -> What {
    let body = body(exchange);
    let said = match serde_json::from_slice::<Value>(&body) {
        Ok(document) => said(document.get("error").unwrap_or(&document)),
        Err(_) => {
            Said { message: Some(String::from_utf8_lossy(&body).into_owned()), ..Said::default() }
        }
    };
    let is_heeded = |name: &str| name.starts_with("retry-after") || name.contains("ratelimit");
    let headers = exchange.head.iter().flat_map(|(_, _, headers)| headers.iter());
    let headers = headers.filter(|(name, _)| is_heeded(name.as_str()));
    let text = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    // What is no error to a scenario is one to a gateway all the same.
    let status = if (400..600).contains(&status) { status } else { 502 };
    let is_said = |it: &String| !it.trim().is_empty();
    let said = Said { message: said.message.filter(is_said), ..said };
    What::Status { status, said, headers: headers.filter_map(text).collect() }
}

/// Codes are numbers at some providers.
fn said(error: &Value) -> Said {
    let text = |key: &str| match &error[key] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let message = error.as_str().map(str::to_owned).or_else(|| text("message"));
    Said { message, kind: text("type"), code: text("code") }
}

fn stream(exchange: &Exchange, head_at: Duration, ending: Ending) -> (What, bool) {
    let mut parts: Vec<Part> = Vec::new();
    let mut line = Vec::new();
    let mut last_at = head_at;
    let (mut is_finished, mut is_broken, mut has_tools) = (false, false, false);
    for (at, bytes) in &exchange.pieces {
        for byte in bytes {
            if *byte != b'\n' {
                line.push(*byte);
                continue;
            }
            let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
            let Some(data) = text.trim_end().strip_prefix("data:").map(str::trim) else { continue };
            if data == "[DONE]" {
                is_finished = true;
                continue;
            }
            let Ok(event) = serde_json::from_str::<Value>(data) else {
                is_broken = true;
                continue;
            };
            is_finished |= finishes(exchange.dialect, &event);
            has_tools |= calls(&event);
            let Some(said) = delta(exchange.dialect, &event).filter(|it| !it.is_empty()) else {
                continue;
            };
            let pause = at.saturating_sub(last_at);
            last_at = *at;
            match parts.last_mut() {
                Some(last) if pause < APART_MIN => last.text.push_str(said),
                _ => parts.push(Part { after: pause, text: said.to_owned() }),
            }
        }
    }
    let text = |parts: &[Part]| parts.iter().map(|it| it.text.as_str()).collect::<String>();
    let ends = match ending {
        _ if is_broken => return (What::Malformed(text(&parts)), has_tools),
        _ if is_finished => StreamEnd::Complete,
        Ending::Complete if exchange.is_cut => StreamEnd::Complete,
        Ending::Complete => StreamEnd::Eof,
        Ending::Cut => StreamEnd::Cut,
        Ending::Left => StreamEnd::Stall,
    };
    if parts.is_empty() && ends != StreamEnd::Complete {
        parts.push(nothing());
    }
    (What::Stream(joined(parts), ends), has_tools)
}

/// Neighbours joined until there are few enough.
fn joined(mut parts: Vec<Part>) -> Vec<Part> {
    while parts.len() > PARTS_MAX {
        let mut pairs = parts.into_iter();
        let mut fewer = Vec::new();
        while let Some(mut first) = pairs.next() {
            if let Some(second) = pairs.next() {
                first.after += second.after;
                first.text.push_str(&second.text);
            }
            fewer.push(first);
        }
        parts = fewer;
    }
    parts
}

/// The words in an event.
fn delta(dialect: Dialect, event: &Value) -> Option<&str> {
    match dialect {
        Dialect::ChatCompletions => event["choices"][0]["delta"]["content"].as_str(),
        Dialect::Responses if event["type"] == "response.output_text.delta" => {
            event["delta"].as_str()
        }
        Dialect::Messages if event["type"] == "content_block_delta" => {
            event["delta"]["text"].as_str()
        }
        Dialect::Responses | Dialect::Messages => None,
    }
}

fn finishes(dialect: Dialect, event: &Value) -> bool {
    let kind = event["type"].as_str().unwrap_or_default();
    match dialect {
        Dialect::ChatCompletions => event["choices"][0]["finish_reason"].is_string(),
        Dialect::Responses => matches!(kind, "response.completed" | "response.incomplete"),
        Dialect::Messages => kind == "message_stop",
    }
}

/// Whether something asks for a tool, in any of the protocols.
fn calls(value: &Value) -> bool {
    let choice = &value["choices"][0];
    let has_items = |it: &Value| it.as_array().is_some_and(|it| !it.is_empty());
    let is_call = |it: &Value| matches!(it["type"].as_str(), Some("function_call" | "tool_use"));
    has_items(&choice["delta"]["tool_calls"])
        || has_items(&choice["message"]["tool_calls"])
        || is_call(&value["item"])
        || is_call(&value["content_block"])
        || ["output", "content"]
            .iter()
            .any(|it| value[it].as_array().into_iter().flatten().any(is_call))
}

/// The words of a whole answer.
fn whole(dialect: Dialect, document: &Value) -> String {
    let texts = |items: &Value| {
        let texts = items.as_array().into_iter().flatten().filter_map(|it| it["text"].as_str());
        texts.collect::<String>()
    };
    match dialect {
        Dialect::ChatCompletions => {
            document["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
        }
        Dialect::Responses => {
            let items = document["output"].as_array().into_iter().flatten();
            items.map(|it| texts(&it["content"])).collect()
        }
        Dialect::Messages => texts(&document["content"]),
    }
}
