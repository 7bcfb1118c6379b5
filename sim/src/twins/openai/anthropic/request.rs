//! Requests for messages: what they say, read leniently for the trace, and whether they are valid, strictly.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use creel_judge::trace::PromptMessage;
use serde_json::Value;

use super::super::request::{Asked, Invalid, invalid, is_tool_name, items};
use crate::picture;

/// Reads a request as far as it can be understood, and says whether it is valid.
pub(in super::super) fn read(headers: &HeaderMap, body: &[u8]) -> (Asked, Result<(), Invalid>) {
    let request: Value = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => {
            let message = format!("The request body is not valid JSON: {error}");
            return (asked(&Value::Null), Err(Invalid { message, param: None }));
        }
    };
    let validity = match headers.get("anthropic-version") {
        None => invalid("anthropic-version", "anthropic-version: header is required"),
        Some(_) => check(&request),
    };
    (asked(&request), validity)
}

fn asked(request: &Value) -> Asked {
    let names = items(&request["tools"]).filter_map(|it| it["name"].as_str().map(str::to_owned));
    let mut tools: Vec<_> = names.collect();
    tools.sort();
    let system = match &request["system"] {
        Value::Null => None,
        system => Some(PromptMessage {
            role: "system".to_owned(),
            text: text_of(system),
            ..PromptMessage::default()
        }),
    };
    Asked {
        model: request["model"].as_str().unwrap_or("?").to_owned(),
        stream: request["stream"] == Value::Bool(true),
        include_usage: true,
        prompt: system
            .into_iter()
            .chain(items(&request["messages"]).flat_map(messages_of))
            .collect(),
        tools,
    }
}

/// Each result of a tool is a message of its own in the trace, as in other protocols.
fn messages_of(message: &Value) -> Vec<PromptMessage> {
    let content = &message["content"];
    let of_kind = |kind: &'static str| items(content).filter(move |it| it["type"] == kind);
    let results = of_kind("tool_result").map(|it| PromptMessage {
        role: "tool".to_owned(),
        text: text_of(&it["content"]),
        result_of: it["tool_use_id"].as_str().map(str::to_owned),
        ..PromptMessage::default()
    });
    let mut found: Vec<_> = results.collect();
    let rest = PromptMessage {
        role: message["role"].as_str().unwrap_or("?").to_owned(),
        text: text_of(content),
        calls: of_kind("tool_use").filter_map(|it| it["id"].as_str().map(str::to_owned)).collect(),
        result_of: None,
        images: of_kind("image").map(image).collect(),
    };
    if found.is_empty() || !rest.text.is_empty() || !rest.images.is_empty() {
        found.push(rest);
    }
    found
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        blocks => {
            let texts = items(blocks).filter(|it| it["type"] == "text");
            texts.filter_map(|it| it["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
    }
}

fn image(block: &Value) -> String {
    match block["source"]["data"].as_str().and_then(|it| BASE64_STANDARD.decode(it).ok()) {
        Some(bytes) => picture::seen(&bytes),
        None => block["source"]["url"].as_str().unwrap_or("?").to_owned(),
    }
}

fn check(request: &Value) -> Result<(), Invalid> {
    if request["model"].as_str().is_none_or(str::is_empty) {
        return invalid("model", "model: Field required");
    }
    if request["max_tokens"].as_u64().is_none_or(|it| it == 0) {
        return invalid("max_tokens", "max_tokens: Field required, an integer of at least 1");
    }
    let stream = &request["stream"];
    if !stream.is_null() && !stream.is_boolean() {
        return invalid("stream", "stream: Input should be a valid boolean");
    }
    let Some(messages) = request["messages"].as_array().filter(|it| !it.is_empty()) else {
        return invalid("messages", "messages: at least one message is required");
    };
    if messages[0]["role"] != "user" {
        return invalid("messages.0.role", "messages: first message must use the \"user\" role");
    }
    for (index, message) in messages.iter().enumerate() {
        check_message(message, &format!("messages.{index}"))?;
    }
    check_pairs(messages)?;
    check_tools(&request["tools"])
}

fn check_message(message: &Value, at: &str) -> Result<(), Invalid> {
    let role = message["role"].as_str().unwrap_or_default();
    if !["user", "assistant"].contains(&role) {
        return invalid(at, format!("{at}.role: Input should be 'user' or 'assistant'"));
    }
    match &message["content"] {
        Value::String(text) if !text.trim().is_empty() => Ok(()),
        Value::Array(blocks) if !blocks.is_empty() => {
            blocks.iter().try_for_each(|it| check_block(it, role, at))
        }
        _ => invalid(at, format!("{at}: all messages must have non-empty content")),
    }
}

fn check_block(block: &Value, role: &str, at: &str) -> Result<(), Invalid> {
    let is_valid = match (block["type"].as_str().unwrap_or_default(), role) {
        ("text", _) => {
            if block["text"].as_str().is_none_or(|it| it.trim().is_empty()) {
                let what = "text content blocks must contain non-whitespace text";
                return invalid(at, format!("{at}: {what}"));
            }
            true
        }
        ("image", "user") => is_image(&block["source"]),
        ("tool_use", "assistant") => {
            block["id"].as_str().is_some_and(is_id)
                && block["name"].as_str().is_some_and(is_tool_name)
                && block["input"].is_object()
        }
        ("tool_result", "user") => block["tool_use_id"].as_str().is_some_and(is_id),
        _ => false,
    };
    if is_valid { Ok(()) } else { invalid(at, format!("{at}: Invalid content block: {block}")) }
}

fn is_id(id: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
    !id.is_empty() && id.bytes().all(is_plain)
}

fn is_image(source: &Value) -> bool {
    match source["type"].as_str() {
        Some("base64") => {
            let kind = source["media_type"].as_str().and_then(|it| it.strip_prefix("image/"));
            let data = source["data"].as_str().and_then(|it| BASE64_STANDARD.decode(it).ok());
            let (Some(kind), Some(bytes)) = (kind, data) else { return false };
            ["png", "jpeg", "gif", "webp"].contains(&kind)
                && picture::seen(&bytes).starts_with(&format!("image/{kind} "))
        }
        Some("url") => source["url"].as_str().is_some_and(|it| it.starts_with("https://")),
        _ => false,
    }
}

/// Messages of one role in a row are one. Each call has its result at the beginning of the message behind it, and each
/// result has its call in the message before.
fn check_pairs(messages: &[Value]) -> Result<(), Invalid> {
    let mut turns: Vec<(&str, Vec<&Value>)> = Vec::new();
    for message in messages {
        let role = message["role"].as_str().unwrap_or_default();
        let content = &message["content"];
        // A text that is all of a message is a block, too.
        let own = items(content).chain(content.is_string().then_some(content));
        match turns.last_mut() {
            Some((last, blocks)) if *last == role => blocks.extend(own),
            _ => turns.push((role, own.collect())),
        }
    }
    let mut open = BTreeSet::new();
    for (index, (_, blocks)) in turns.iter().enumerate() {
        let at = format!("messages.{index}");
        let mut words_came = false;
        for block in blocks {
            if block["type"] != "tool_result" {
                words_came = true;
                continue;
            }
            let id = block["tool_use_id"].as_str().unwrap_or_default();
            if words_came || !open.remove(id) {
                let what = "unexpected `tool_use_id` found in `tool_result` blocks";
                return invalid(&*at, format!("{at}: {what}: {id}"));
            }
        }
        if let Some(id) = open.first() {
            let what = "`tool_use` ids were found without `tool_result` blocks immediately after";
            return invalid(&*at, format!("{at}: {what}: {id}"));
        }
        let uses = blocks.iter().filter(|it| it["type"] == "tool_use");
        open = uses.filter_map(|it| it["id"].as_str()).collect();
    }
    match open.first() {
        None => Ok(()),
        Some(id) => {
            let what = "`tool_use` ids were found without `tool_result` blocks immediately after";
            invalid("messages", format!("messages: {what}: {id}"))
        }
    }
}

fn check_tools(tools: &Value) -> Result<(), Invalid> {
    items(tools).enumerate().try_for_each(|(index, tool)| {
        let has_schema = tool["input_schema"]["type"] == "object";
        if tool["name"].as_str().is_some_and(is_tool_name) && has_schema {
            return Ok(());
        }
        let what = "expected a name and an `input_schema` of type `object`";
        invalid(format!("tools.{index}"), format!("tools.{index}: {what}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(messages: &Value) -> String {
        let request = json!({ "model": "m", "max_tokens": 9, "messages": messages });
        check(&request).map_or_else(|it| it.message, |()| "valid".to_owned())
    }

    fn used(id: &str) -> Value {
        let call = json!({ "type": "tool_use", "id": id, "name": "read", "input": {} });
        json!({ "role": "assistant", "content": [call] })
    }

    fn result(id: &str) -> Value {
        let result = json!({ "type": "tool_result", "tool_use_id": id, "content": "done" });
        json!({ "role": "user", "content": [result] })
    }

    #[test]
    fn what_gateways_send_is_valid_and_read() {
        let user = json!({ "role": "user", "content": [{ "type": "text", "text": "go" }] });
        let messages = json!([user, used("c1"), result("c1"), user]);
        assert_eq!(problem(&messages), "valid");
        let asked = asked(&json!({ "system": "be brief", "messages": messages }));
        let rows: Vec<_> = asked.prompt.iter().map(|it| (&*it.role, &*it.text)).collect();
        let expected = [
            ("system", "be brief"),
            ("user", "go"),
            ("assistant", ""),
            ("tool", "done"),
            ("user", "go"),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn calls_and_results_come_in_pairs() {
        let user = json!({ "role": "user", "content": "go" });
        assert!(problem(&json!([user, used("c1")])).contains("without `tool_result`"));
        assert!(problem(&json!([user, used("c1"), user])).contains("without `tool_result`"));
        assert!(problem(&json!([user, result("c1")])).contains("unexpected `tool_use_id`"));
        assert!(problem(&json!([user, used("c1"), user, result("c1")])).contains("c1"));
    }

    #[test]
    fn malformed_messages_are_refused() {
        let refused = [
            json!(null),
            json!([]),
            json!([{ "role": "assistant", "content": "x" }]),
            json!([{ "role": "system", "content": "x" }]),
            json!([{ "role": "user", "content": "" }]),
            json!([{ "role": "user", "content": [{ "type": "text", "text": " " }] }]),
            json!([{ "role": "user", "content": [{ "type": "tool_use", "id": "c", "name": "n", "input": {} }] }]),
            json!([{ "role": "user", "content": "x" }, { "role": "assistant", "content": [
                { "type": "tool_use", "id": "c:1", "name": "n", "input": {} },
            ] }]),
        ];
        for messages in refused {
            assert_ne!(problem(&messages), "valid", "{messages}");
        }
    }
}
