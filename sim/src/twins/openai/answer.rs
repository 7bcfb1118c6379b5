//! Answers on the wire: one JSON document, or a stream of server-sent events.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    body::{Ending, Finale, Piece, Planned},
    request::Asked,
};

use crate::scenario::{Part, StreamEnd, ToolUse};

/// A token is some four bytes of English.
const TOKEN_BYTES: usize = 4;

/// What all events of an answer repeat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heading<'a> {
    pub(super) request: u64,
    pub(super) created: i64,
    pub(super) asked: &'a Asked,
}

/// The whole text, in chunks with a pause between them where the client asked for a stream.
pub(super) fn say(
    heading: &Heading<'_>,
    ending: Ending,
    text: &str,
    (chunks, every): (u32, Duration),
) -> Planned {
    if !heading.asked.stream {
        let document = heading.document(text, &json!("stop"));
        return Planned::new(vec![whole(&document, text)], Finale::Complete, ending);
    }
    let pieces = stream(heading, &even(text, (chunks, every)), StreamEnd::Complete);
    Planned::new(pieces, Finale::Complete, ending)
}

/// A stream of these parts, with its end if it has one.
pub(super) fn stream(heading: &Heading<'_>, parts: &[Part], ends: StreamEnd) -> Vec<Piece> {
    let mut pieces = heading.opening_with(parts);
    let reason = match ends {
        StreamEnd::Complete => "stop",
        StreamEnd::Length => "length",
        StreamEnd::Refused => "content_filter",
        StreamEnd::Failed => "error",
        StreamEnd::Cut | StreamEnd::Eof | StreamEnd::Stall => return pieces,
        StreamEnd::Error | StreamEnd::Overloaded => {
            let (code, message) = fault(ends);
            let error = json!({ "message": message, "type": code, "param": null, "code": code });
            pieces.push(event(&json!({ "error": error })));
            return pieces;
        }
    };
    pieces.push(event(&heading.chunk(&json!({}), &json!(reason))));
    if heading.asked.include_usage {
        let text: String = parts.iter().map(|it| it.text.as_str()).collect();
        pieces.push(event(&heading.usage_chunk(&text)));
    }
    pieces.push(line("[DONE]"));
    pieces
}

/// What an error in the middle of a stream is called, and what it says.
pub(super) fn fault(ends: StreamEnd) -> (&'static str, &'static str) {
    match ends {
        StreamEnd::Overloaded => ("overloaded_error", "Overloaded"),
        _ => ("server_error", "The server had an error."),
    }
}

/// An answer that asks for tools, each call in pieces as providers stream them.
pub(super) fn call(
    heading: &Heading<'_>,
    ending: Ending,
    text: &str,
    calls: &[ToolUse],
) -> Planned {
    let reason = json!("tool_calls");
    let whole_calls: Vec<Value> =
        calls.iter().enumerate().map(|(index, it)| heading.tool_call(index, it)).collect();
    if !heading.asked.stream {
        let mut document = heading.document(text, &reason);
        document["choices"][0]["message"]["tool_calls"] = whole_calls.into();
        return Planned::new(vec![whole(&document, text)], Finale::Complete, ending);
    }
    let mut pieces = heading.opening(text, (1, Duration::ZERO));
    for (index, (tool_use, mut first)) in calls.iter().zip(whole_calls).enumerate() {
        first["index"] = json!(index);
        first["function"]["arguments"] = json!("");
        pieces.push(event(&heading.chunk(&json!({ "tool_calls": [first] }), &Value::Null)));
        for part in parts(&tool_use.arguments, 2) {
            let piece = json!({ "index": index, "function": { "arguments": part } });
            pieces.push(event(&heading.chunk(&json!({ "tool_calls": [piece] }), &Value::Null)));
        }
    }
    pieces.push(event(&heading.chunk(&json!({}), &reason)));
    if heading.asked.include_usage {
        pieces.push(event(&heading.usage_chunk(text)));
    }
    pieces.push(line("[DONE]"));
    Planned::new(pieces, Finale::Complete, ending)
}

/// A part of an answer, and then nothing: the connection closes.
pub(super) fn cut(heading: &Heading<'_>, ending: Ending, text: &str) -> Planned {
    if heading.asked.stream {
        let pieces = heading.opening(text, (1, Duration::ZERO));
        return Planned::new(pieces, Finale::Cut, ending);
    }
    let mut document = heading.document(text, &json!("stop")).to_string();
    let written = document.find("\"usage\"").expect("documents report usage");
    document.truncate(written);
    Planned::new(vec![piece(document, text)], Finale::Cut, ending)
}

/// A part of an answer, then an event that is not JSON, in a response that ends properly otherwise.
pub(super) fn malformed(heading: &Heading<'_>, ending: Ending, text: &str) -> Planned {
    let broken = r#"{"id":"chatcmpl-broken","choices":[{"delta":{"content":"#;
    let pieces = if heading.asked.stream {
        let mut pieces = heading.opening(text, (1, Duration::ZERO));
        pieces.push(line(broken));
        pieces.push(event(&heading.chunk(&json!({}), &json!("stop"))));
        pieces.push(line("[DONE]"));
        pieces
    } else {
        vec![piece(broken.to_owned(), text)]
    };
    Planned::new(pieces, Finale::Spoiled("malformed"), ending)
}

/// A part of an answer in a response that ends properly, without a finish reason.
pub(super) fn eof(heading: &Heading<'_>, ending: Ending, text: &str) -> Planned {
    let pieces = if heading.asked.stream {
        heading.opening(text, (1, Duration::ZERO))
    } else {
        vec![whole(&heading.document(text, &Value::Null), text)]
    };
    Planned::new(pieces, Finale::Spoiled("eof"), ending)
}

impl Heading<'_> {
    fn tool_call(&self, index: usize, tool_use: &ToolUse) -> Value {
        let function = json!({ "name": tool_use.tool, "arguments": tool_use.arguments });
        let id = format!("call_{}_{}", self.request, index + 1);
        json!({ "id": id, "type": "function", "function": function })
    }

    fn id(&self) -> String {
        format!("chatcmpl-{}", self.request)
    }

    fn document(&self, text: &str, finish_reason: &Value) -> Value {
        let message = json!({ "role": "assistant", "content": text, "refusal": null });
        let choice = json!({
            "index": 0,
            "message": message,
            "logprobs": null,
            "finish_reason": finish_reason,
        });
        json!({
            "id": self.id(),
            "object": "chat.completion",
            "created": self.created,
            "model": self.asked.model,
            "choices": [choice],
            "usage": self.usage(text),
        })
    }

    /// The role, then the text.
    fn opening(&self, text: &str, pace: (u32, Duration)) -> Vec<Piece> {
        self.opening_with(&even(text, pace))
    }

    fn opening_with(&self, parts: &[Part]) -> Vec<Piece> {
        let role = json!({ "role": "assistant", "content": "", "refusal": null });
        let mut pieces = vec![event(&self.chunk(&role, &Value::Null))];
        for Part { after, text } in parts {
            let content = event(&self.chunk(&json!({ "content": text }), &Value::Null));
            pieces.push(Piece { after: *after, text: text.clone(), ..content });
        }
        pieces
    }

    fn chunk(&self, delta: &Value, finish_reason: &Value) -> Value {
        let choice = json!({
            "index": 0,
            "delta": delta,
            "logprobs": null,
            "finish_reason": finish_reason,
        });
        let mut chunk = self.bare_chunk(&json!([choice]));
        if self.asked.include_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn usage_chunk(&self, text: &str) -> Value {
        let mut chunk = self.bare_chunk(&json!([]));
        chunk["usage"] = self.usage(text);
        chunk
    }

    fn bare_chunk(&self, choices: &Value) -> Value {
        json!({
            "id": self.id(),
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.asked.model,
            "choices": choices,
        })
    }

    /// How long the prompt is, in tokens.
    pub(super) fn prompt_tokens(&self) -> usize {
        let bytes: usize = self.asked.prompt.iter().map(|it| it.text.len()).sum();
        bytes.div_ceil(TOKEN_BYTES)
    }

    fn usage(&self, text: &str) -> Value {
        let (prompt, completion) = (self.prompt_tokens(), tokens(text));
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        })
    }
}

/// How long a text is, in tokens.
pub(super) fn tokens(text: &str) -> usize {
    text.len().div_ceil(TOKEN_BYTES)
}

/// The text in so many parts of nearly the same length, or in fewer if it has not as many characters.
pub(super) fn parts(text: &str, chunks: u32) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let wanted = usize::try_from(chunks).unwrap_or(usize::MAX);
    let count = wanted.clamp(1, characters.len().max(1));
    let edge = |index: usize| index * characters.len() / count;
    (0..count)
        .map(|it| characters[edge(it)..edge(it + 1)].iter().collect::<String>())
        .filter(|it| !it.is_empty())
        .collect()
}

/// The text in so many parts, with the same pause between any two.
pub(super) fn even(text: &str, (chunks, every): (u32, Duration)) -> Vec<Part> {
    let pause = |index| if index == 0 { Duration::ZERO } else { every };
    let parts = parts(text, chunks).into_iter().enumerate();
    parts.map(|(index, text)| Part { after: pause(index), text }).collect()
}

fn event(data: &Value) -> Piece {
    line(&data.to_string())
}

fn line(data: &str) -> Piece {
    piece(format!("data: {data}\n\n"), "")
}

fn whole(document: &Value, text: &str) -> Piece {
    piece(document.to_string(), text)
}

fn piece(bytes: String, text: &str) -> Piece {
    Piece::of(bytes, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_end_between_characters_and_add_up() {
        assert_eq!(parts("añ🦀b", 3), ["a", "ñ", "🦀b"]);
        assert_eq!(parts("ab", 9), ["a", "b"]);
        assert_eq!(parts("abc", 1), ["abc"]);
        assert_eq!(parts("", 4), [""; 0]);
    }
}
