//! Chat-completion requests: what they say, read leniently for the trace, and whether they are valid, strictly.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use creel_judge::trace::PromptMessage;
use serde_json::Value;

use crate::picture;

const TOOL_NAME_CHARACTERS_MAX: usize = 64;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) prompt: Vec<PromptMessage>,
    /// Sorted.
    pub(crate) tools: Vec<String>,
}

/// Why a request is refused, in the provider's manner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(super) message: String,
    pub(super) param: Option<String>,
}

/// Reads a request as far as it can be understood, and says whether it is valid.
pub(super) fn read(body: &[u8]) -> (Asked, Result<(), Invalid>) {
    match serde_json::from_slice(body) {
        Ok(request) => (Asked::of(&request), check(&request)),
        Err(error) => {
            let message = format!("We could not parse the JSON body of your request: {error}");
            (Asked::of(&Value::Null), Err(Invalid { message, param: None }))
        }
    }
}

impl Asked {
    fn of(request: &Value) -> Self {
        let mut tools: Vec<_> = items(&request["tools"])
            .filter_map(|it| it["function"]["name"].as_str().map(str::to_owned))
            .collect();
        tools.sort();
        Self {
            model: request["model"].as_str().unwrap_or("?").to_owned(),
            stream: request["stream"] == Value::Bool(true),
            include_usage: request["stream_options"]["include_usage"] == Value::Bool(true),
            prompt: items(&request["messages"]).map(message).collect(),
            tools,
        }
    }
}

pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn message(message: &Value) -> PromptMessage {
    let role = match message["role"].as_str().unwrap_or("?") {
        "developer" => "system",
        "function" => "tool",
        other => other,
    };
    let text = match &message["content"] {
        Value::String(text) => text.clone(),
        parts => {
            let texts = items(parts).filter_map(|it| it["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
    };
    let ids = items(&message["tool_calls"]).filter_map(|it| it["id"].as_str().map(str::to_owned));
    PromptMessage {
        role: role.to_owned(),
        text,
        calls: ids.collect(),
        result_of: message["tool_call_id"].as_str().map(str::to_owned),
        images: items(&message["content"]).filter_map(image).collect(),
    }
}

fn image(part: &Value) -> Option<String> {
    part["image_url"]["url"].as_str().map(image_at)
}

/// A picture in an address of its own. One that would have to be fetched is told by its address.
pub(super) fn image_at(address: &str) -> String {
    let data = address.strip_prefix("data:").and_then(|it| it.split_once(";base64,"));
    let bytes = data.and_then(|(_, data)| BASE64_STANDARD.decode(data).ok());
    bytes.map_or_else(|| address.to_owned(), |it| picture::seen(&it))
}

pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Result<(), Invalid> {
    Err(Invalid { message: message.into(), param: Some(param.into()) })
}

fn check(request: &Value) -> Result<(), Invalid> {
    if request["model"].as_str().is_none_or(str::is_empty) {
        return invalid("model", "you must provide a model parameter");
    }
    let Some(messages) = request["messages"].as_array() else {
        return invalid("messages", "Missing required parameter: 'messages'.");
    };
    if messages.is_empty() {
        let what = "Invalid 'messages': empty array. Expected an array with minimum length 1.";
        return invalid("messages", what);
    }
    for (index, message) in messages.iter().enumerate() {
        check_message(message, &format!("messages.[{index}]"))?;
    }
    check_pairs(messages)?;
    check_options(request)?;
    check_tools(&request["tools"])
}

fn check_message(message: &Value, at: &str) -> Result<(), Invalid> {
    let calls = &message["tool_calls"];
    match message["role"].as_str() {
        Some("assistant") => {
            check_calls(calls, at)?;
            let may_be_silent = !calls.is_null() || !message["function_call"].is_null();
            if message["content"].is_null() && (may_be_silent || !message["refusal"].is_null()) {
                return Ok(());
            }
        }
        Some("tool") if message["tool_call_id"].as_str().is_none_or(str::is_empty) => {
            return invalid(at, format!("Missing required parameter: '{at}.tool_call_id'."));
        }
        Some("system" | "developer" | "user" | "tool" | "function") => {}
        Some(other) => {
            let roles = "'system', 'assistant', 'user', 'function', 'tool', and 'developer'";
            let what = format!("Invalid value: '{other}'. Supported values are: {roles}.");
            return invalid(format!("{at}.role"), what);
        }
        None => return invalid(at, format!("Missing required parameter: '{at}.role'.")),
    }
    check_content(&message["content"], &format!("{at}.content"))
}

fn check_content(content: &Value, at: &str) -> Result<(), Invalid> {
    match content {
        Value::String(_) => Ok(()),
        Value::Array(parts) if !parts.is_empty() => parts.iter().try_for_each(|part| {
            let is_valid = match part["type"].as_str() {
                Some("text") => part["text"].is_string(),
                Some("refusal") => part["refusal"].is_string(),
                Some("image_url") => part["image_url"]["url"].as_str().is_some_and(is_image),
                Some(kind @ ("input_audio" | "file")) => part[kind].is_object(),
                _ => false,
            };
            if is_valid { Ok(()) } else { invalid(at, format!("Invalid content part: {part}.")) }
        }),
        other => {
            let what = "expected a string or a non-empty array of content parts";
            invalid(at, format!("Invalid value for '{at}': {what}, found {other}."))
        }
    }
}

/// An address that can be fetched, or a picture in the address itself.
pub(super) fn is_image(address: &str) -> bool {
    let data = address.strip_prefix("data:image/").and_then(|it| it.split_once(";base64,"));
    match data {
        Some((kind, data)) => {
            let bytes = BASE64_STANDARD.decode(data).unwrap_or_default();
            ["png", "jpeg", "gif", "webp"].contains(&kind)
                && picture::seen(&bytes).starts_with(&format!("image/{kind} "))
        }
        None => address.starts_with("https://") || address.starts_with("http://"),
    }
}

fn check_calls(calls: &Value, at: &str) -> Result<(), Invalid> {
    let at = format!("{at}.tool_calls");
    if calls.is_null() {
        return Ok(());
    }
    if items(calls).next().is_none() {
        return invalid(&*at, format!("Invalid '{at}': expected a non-empty array."));
    }
    items(calls).try_for_each(|call| {
        let function = &call["function"];
        let is_valid = call["id"].as_str().is_some_and(|it| !it.is_empty())
            && call["type"] == "function"
            && function["name"].as_str().is_some_and(is_tool_name)
            && function["arguments"].is_string();
        if is_valid { Ok(()) } else { invalid(&*at, format!("Invalid tool call: {call}.")) }
    })
}

/// Every call of a tool is followed by its result before anything else, and every result follows its call.
fn check_pairs(messages: &[Value]) -> Result<(), Invalid> {
    let mut open = BTreeSet::new();
    for (index, message) in messages.iter().enumerate() {
        let at = || format!("messages.[{index}].role");
        if message["role"] == "tool" {
            if !open.remove(message["tool_call_id"].as_str().unwrap_or_default()) {
                let what = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
                return invalid(at(), format!("Invalid parameter: {what}"));
            }
            continue;
        }
        check_answered(&open, at())?;
        open = items(&message["tool_calls"]).filter_map(|it| it["id"].as_str()).collect();
    }
    check_answered(&open, format!("messages.[{}].role", messages.len()))
}

fn check_answered(open: &BTreeSet<&str>, at: String) -> Result<(), Invalid> {
    if open.is_empty() {
        return Ok(());
    }
    let ids = open.iter().copied().collect::<Vec<_>>().join(", ");
    let what = "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
        'tool_call_id'. The following tool_call_ids did not have response messages:";
    invalid(at, format!("{what} {ids}"))
}

fn check_options(request: &Value) -> Result<(), Invalid> {
    let stream = &request["stream"];
    if !stream.is_null() && !stream.is_boolean() {
        return invalid(
            "stream",
            format!("Invalid type for 'stream': expected a boolean, got {stream}."),
        );
    }
    if !request["stream_options"].is_null() && stream != &Value::Bool(true) {
        let what = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return invalid("stream_options", what);
    }
    let temperature = &request["temperature"];
    let in_range = |it: f64| (0.0..=2.0).contains(&it);
    if !temperature.is_null() && !temperature.as_f64().is_some_and(in_range) {
        let what =
            format!("Invalid 'temperature': expected a number from 0 to 2, got {temperature}.");
        return invalid("temperature", what);
    }
    for name in ["max_tokens", "max_completion_tokens"] {
        let limit = &request[name];
        if !limit.is_null() && limit.as_u64().is_none_or(|it| it == 0) {
            let what = format!("Invalid '{name}': expected an integer of at least 1, got {limit}.");
            return invalid(name, what);
        }
    }
    if !request["n"].is_null() && request["n"] != 1 {
        return invalid("n", "Invalid 'n': this twin gives one choice.");
    }
    Ok(())
}

fn check_tools(tools: &Value) -> Result<(), Invalid> {
    if !tools.is_null() && !tools.is_array() {
        return invalid("tools", "Invalid type for 'tools': expected an array of objects.");
    }
    items(tools).enumerate().try_for_each(|(index, tool)| {
        let name = tool["function"]["name"].as_str();
        if tool["type"] == "function" && name.is_some_and(is_tool_name) {
            return Ok(());
        }
        let what =
            "expected a function with a name of up to 64 letters, digits, underscores and dashes";
        invalid(format!("tools[{index}]"), format!("Invalid 'tools[{index}]': {what}."))
    })
}

pub(super) fn is_tool_name(name: &str) -> bool {
    let is_valid = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
    (1..=TOOL_NAME_CHARACTERS_MAX).contains(&name.len()) && name.chars().all(is_valid)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(messages: &Value) -> String {
        let request = json!({ "model": "m", "messages": messages });
        check(&request).map_or_else(|it| it.message, |()| "valid".to_owned())
    }

    #[test]
    fn what_gateways_send_is_valid() {
        let call = json!({
            "id": "c1", "type": "function", "function": { "name": "read", "arguments": "{}" },
        });
        let messages = json!([
            { "role": "developer", "content": "be brief" },
            { "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
            { "role": "assistant", "content": null, "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "c1", "content": "done" },
        ]);
        assert_eq!(problem(&messages), "valid");
        let asked = Asked::of(&json!({ "model": "m", "messages": messages }));
        let rows: Vec<_> = asked.prompt.iter().map(|it| (&*it.role, &*it.text)).collect();
        assert_eq!(
            rows,
            [("system", "be brief"), ("user", "a\nb"), ("assistant", ""), ("tool", "done")]
        );
    }

    #[test]
    fn tool_calls_and_results_come_in_pairs() {
        let call = json!({
            "id": "c1", "type": "function", "function": { "name": "read", "arguments": "{}" },
        });
        let calls = json!({ "role": "assistant", "content": "", "tool_calls": [call] });
        let unanswered = json!([calls, { "role": "user", "content": "well?" }]);
        assert!(problem(&unanswered).ends_with("did not have response messages: c1"));
        assert!(problem(&json!([calls])).ends_with("did not have response messages: c1"));
        let orphan = json!([{ "role": "tool", "tool_call_id": "c1", "content": "done" }]);
        assert!(problem(&orphan).contains("must be a response to a preceeding message"));
    }

    #[test]
    fn malformed_messages_are_refused() {
        let refused = [
            json!(null),
            json!([]),
            json!([{ "content": "x" }]),
            json!([{ "role": "robot", "content": "x" }]),
            json!([{ "role": "user", "content": null }]),
            json!([{ "role": "user", "content": [] }]),
            json!([{ "role": "user", "content": [{ "type": "text" }] }]),
            json!([{ "role": "assistant", "content": null }]),
            json!([{ "role": "assistant", "content": "x", "tool_calls": [] }]),
        ];
        for messages in refused {
            assert_ne!(problem(&messages), "valid", "{messages}");
        }
    }
}
