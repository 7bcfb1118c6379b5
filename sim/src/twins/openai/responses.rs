//! Responses, as `https://platform.openai.com/docs/api-reference/responses` documents them, streamed and whole.

mod request;

use std::time::Duration;

use serde_json::{Value, json};

pub(super) use self::request::read;
use super::{
    answer::{Heading, even, fault, parts, tokens},
    body::{Ending, Finale, Piece, Planned},
};
use crate::scenario::{Part, StreamEnd, ToolUse};

/// The whole text, in pieces with a pause between them where the client asked for a stream.
pub(super) fn say(
    heading: &Heading<'_>,
    ending: Ending,
    text: &str,
    pace: (u32, Duration),
) -> Planned {
    Answer::new(heading).whole(ending, (text, pace), &[])
}

/// A stream of these parts, with its end if it has one.
pub(super) fn stream(heading: &Heading<'_>, parts: &[Part], ends: StreamEnd) -> Vec<Piece> {
    let mut answer = Answer::new(heading);
    let mut pieces = answer.opening_with(parts);
    let text: String = parts.iter().map(|it| it.text.as_str()).collect();
    let (code, message) = fault(ends);
    match ends {
        StreamEnd::Cut | StreamEnd::Eof | StreamEnd::Stall => (),
        StreamEnd::Complete => {
            pieces.extend(answer.close_message(&text));
            pieces.push(answer.completed(&text, &[]));
        }
        StreamEnd::Length | StreamEnd::Refused => {
            let is_long = ends == StreamEnd::Length;
            let reason = if is_long { "max_output_tokens" } else { "content_filter" };
            let mut response = answer.document("incomplete", &answer.output(&text, &[]));
            response["incomplete_details"] = json!({ "reason": reason });
            pieces.extend(answer.close_message(&text));
            let event = json!({ "type": "response.incomplete", "response": response });
            pieces.push(answer.event(event));
        }
        StreamEnd::Failed => {
            let mut response = answer.document("failed", &[]);
            response["error"] = json!({ "code": code, "message": message });
            pieces.push(answer.event(json!({ "type": "response.failed", "response": response })));
        }
        StreamEnd::Error | StreamEnd::Overloaded => {
            let error = json!({ "type": "error", "code": code, "message": message, "param": null });
            pieces.push(answer.event(error));
        }
    }
    pieces
}

/// An answer that asks for tools.
pub(super) fn call(
    heading: &Heading<'_>,
    ending: Ending,
    text: &str,
    calls: &[ToolUse],
) -> Planned {
    Answer::new(heading).whole(ending, (text, (1, Duration::ZERO)), calls)
}

/// A part of an answer, and then nothing: the connection closes.
pub(super) fn cut(heading: &Heading<'_>, ending: Ending, text: &str) -> Planned {
    let mut answer = Answer::new(heading);
    if heading.asked.stream {
        let pieces = answer.opening(text, (1, Duration::ZERO));
        return Planned::new(pieces, Finale::Cut, ending);
    }
    let mut document = answer.document("completed", &answer.output(text, &[])).to_string();
    let written = document.find("\"usage\"").expect("documents report usage");
    document.truncate(written);
    Planned::new(vec![Piece::of(document, text)], Finale::Cut, ending)
}

/// A part of an answer, then an event that is not JSON, in a response that ends properly otherwise.
pub(super) fn malformed(heading: &Heading<'_>, ending: Ending, text: &str) -> Planned {
    let broken = r#"{"type":"response.output_text.delta","output_index":0,"delta":"#;
    let mut answer = Answer::new(heading);
    let pieces = if heading.asked.stream {
        let mut pieces = answer.opening(text, (1, Duration::ZERO));
        pieces
            .push(Piece::of(format!("event: response.output_text.delta\ndata: {broken}\n\n"), ""));
        pieces.push(answer.completed(text, &[]));
        pieces
    } else {
        vec![Piece::of(broken.to_owned(), text)]
    };
    Planned::new(pieces, Finale::Spoiled("malformed"), ending)
}

/// A part of an answer in a response that ends properly, without `response.completed`.
pub(super) fn eof(heading: &Heading<'_>, ending: Ending, text: &str) -> Planned {
    let mut answer = Answer::new(heading);
    let pieces = if heading.asked.stream {
        answer.opening(text, (1, Duration::ZERO))
    } else {
        let document = answer.document("in_progress", &answer.output(text, &[]));
        vec![Piece::of(document.to_string(), text)]
    };
    Planned::new(pieces, Finale::Spoiled("eof"), ending)
}

/// An answer to one request, whose events are counted.
struct Answer<'a> {
    heading: &'a Heading<'a>,
    events: u64,
}

impl<'a> Answer<'a> {
    fn new(heading: &'a Heading<'a>) -> Self {
        Self { heading, events: 0 }
    }

    fn whole(
        mut self,
        ending: Ending,
        (text, pace): (&str, (u32, Duration)),
        calls: &[ToolUse],
    ) -> Planned {
        if !self.heading.asked.stream {
            let document = self.document("completed", &self.output(text, calls)).to_string();
            return Planned::new(vec![Piece::of(document, text)], Finale::Complete, ending);
        }
        let is_silent = text.is_empty() && !calls.is_empty();
        let mut pieces = if is_silent { self.start() } else { self.opening(text, pace) };
        if !is_silent {
            pieces.extend(self.close_message(text));
        }
        for (number, tool_use) in calls.iter().enumerate() {
            let index = number + usize::from(!is_silent);
            pieces.extend(self.call_events(index, number, tool_use));
        }
        pieces.push(self.completed(text, calls));
        Planned::new(pieces, Finale::Complete, ending)
    }

    fn start(&mut self) -> Vec<Piece> {
        let begun = self.document("in_progress", &[]);
        ["response.created", "response.in_progress"]
            .map(|kind| self.event(json!({ "type": kind, "response": begun })))
            .into()
    }

    /// The response, then the text's item, which stays open.
    fn opening(&mut self, text: &str, pace: (u32, Duration)) -> Vec<Piece> {
        self.opening_with(&even(text, pace))
    }

    fn opening_with(&mut self, parts: &[Part]) -> Vec<Piece> {
        let mut pieces = self.start();
        let mut item = self.message("");
        item["status"] = json!("in_progress");
        item["content"] = json!([]);
        pieces.push(self.event(json!({
            "type": "response.output_item.added", "output_index": 0, "item": item,
        })));
        pieces.push(self.of_text("response.content_part.added", ("part", &text_part(""))));
        for Part { after, text } in parts {
            let delta = self.of_text("response.output_text.delta", ("delta", &json!(text)));
            pieces.push(Piece { after: *after, text: text.clone(), ..delta });
        }
        pieces
    }

    fn close_message(&mut self, text: &str) -> [Piece; 3] {
        let item = self.message(text);
        [
            self.of_text("response.output_text.done", ("text", &json!(text))),
            self.of_text("response.content_part.done", ("part", &text_part(text))),
            self.event(
                json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
            ),
        ]
    }

    fn call_events(&mut self, index: usize, number: usize, tool_use: &ToolUse) -> Vec<Piece> {
        let whole = self.tool_call(number, tool_use);
        let mut begun = whole.clone();
        begun["arguments"] = json!("");
        begun["status"] = json!("in_progress");
        let of_call = |kind: &str, name: &str, value: Value| json!({ "type": kind, "output_index": index, "item_id": whole["id"], name: value });
        let mut events = vec![of_call("response.output_item.added", "item", begun)];
        let pieces = parts(&tool_use.arguments, 2).into_iter();
        events.extend(
            pieces.map(|it| of_call("response.function_call_arguments.delta", "delta", json!(it))),
        );
        let arguments = json!(tool_use.arguments);
        events.push(of_call("response.function_call_arguments.done", "arguments", arguments));
        events.push(of_call("response.output_item.done", "item", whole.clone()));
        events.into_iter().map(|it| self.event(it)).collect()
    }

    fn completed(&mut self, text: &str, calls: &[ToolUse]) -> Piece {
        let response = self.document("completed", &self.output(text, calls));
        self.event(json!({ "type": "response.completed", "response": response }))
    }

    fn of_text(&mut self, kind: &str, (name, value): (&str, &Value)) -> Piece {
        let item = self.message_id();
        self.event(json!({
            "type": kind, "output_index": 0, "content_index": 0, "item_id": item, name: value,
        }))
    }

    /// An event bears its type twice, and its number.
    fn event(&mut self, mut data: Value) -> Piece {
        data["sequence_number"] = json!(self.events);
        self.events += 1;
        let kind = data["type"].as_str().expect("every event has its type");
        Piece::of(format!("event: {kind}\ndata: {data}\n\n"), "")
    }

    fn output(&self, text: &str, calls: &[ToolUse]) -> Vec<Value> {
        let said = (!text.is_empty() || calls.is_empty()).then(|| self.message(text));
        let calls = calls.iter().enumerate().map(|(number, it)| self.tool_call(number, it));
        said.into_iter().chain(calls).collect()
    }

    fn message_id(&self) -> String {
        format!("msg_{}", self.heading.request)
    }

    fn message(&self, text: &str) -> Value {
        json!({
            "id": self.message_id(),
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [text_part(text)],
        })
    }

    fn tool_call(&self, number: usize, tool_use: &ToolUse) -> Value {
        let (request, number) = (self.heading.request, number + 1);
        json!({
            "id": format!("fc_{request}_{number}"),
            "type": "function_call",
            "status": "completed",
            "call_id": format!("call_{request}_{number}"),
            "name": tool_use.tool,
            "arguments": tool_use.arguments,
        })
    }

    fn document(&self, status: &str, output: &[Value]) -> Value {
        let spent = output.iter().map(|it| it.to_string().len()).sum::<usize>();
        let (asked, answered) = (self.heading.prompt_tokens(), tokens(&"x".repeat(spent)));
        let usage = json!({
            "input_tokens": asked,
            "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": answered,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": asked + answered,
        });
        json!({
            "id": format!("resp_{}", self.heading.request),
            "object": "response",
            "created_at": self.heading.created,
            "status": status,
            "error": null,
            "incomplete_details": null,
            "instructions": null,
            "max_output_tokens": null,
            "metadata": {},
            "model": self.heading.asked.model,
            "output": output,
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "store": false,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": if status == "completed" { usage } else { Value::Null },
        })
    }
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}
