//! Requests for responses: what they say, read leniently for the trace, and whether they are valid, strictly.

use std::collections::BTreeSet;

use creel_judge::trace::PromptMessage;
use serde_json::{Value, json};

use super::super::request::{Asked, Invalid, image_at, invalid, is_image, is_tool_name, items};

/// Reads a request as far as it can be understood, and says whether it is valid.
pub(in super::super) fn read(body: &[u8]) -> (Asked, Result<(), Invalid>) {
    match serde_json::from_slice(body) {
        Ok(request) => (asked(&request), check(&request)),
        Err(error) => {
            let message = format!("We could not parse the JSON body of your request: {error}");
            (asked(&Value::Null), Err(Invalid { message, param: None }))
        }
    }
}

/// The items; a text alone is what the user says.
fn input(request: &Value) -> Vec<Value> {
    match &request["input"] {
        Value::String(text) => vec![json!({ "role": "user", "content": text })],
        items => items.as_array().cloned().unwrap_or_default(),
    }
}

fn kind(item: &Value) -> &str {
    item["type"].as_str().unwrap_or("message")
}

fn asked(request: &Value) -> Asked {
    let names = items(&request["tools"]).filter_map(|it| it["name"].as_str().map(str::to_owned));
    let mut tools: Vec<_> = names.collect();
    tools.sort();
    let mut prompt = Vec::new();
    if let Some(text) = request["instructions"].as_str() {
        let (role, text) = ("system".to_owned(), text.to_owned());
        prompt.push(PromptMessage { role, text, ..PromptMessage::default() });
    }
    for item in input(request) {
        add(&mut prompt, &item);
    }
    Asked {
        model: request["model"].as_str().unwrap_or("?").to_owned(),
        stream: request["stream"] == Value::Bool(true),
        include_usage: true,
        prompt,
        tools,
    }
}

/// Calls belong to what the model said before them, as in other protocols.
fn add(prompt: &mut Vec<PromptMessage>, item: &Value) {
    let id = || item["call_id"].as_str().map(str::to_owned);
    match kind(item) {
        "message" => prompt.push(message(item)),
        "function_call" => match prompt.last_mut() {
            Some(last) if last.role == "assistant" => last.calls.extend(id()),
            _ => prompt.push(PromptMessage {
                role: "assistant".to_owned(),
                calls: id().into_iter().collect(),
                ..PromptMessage::default()
            }),
        },
        "function_call_output" => prompt.push(PromptMessage {
            role: "tool".to_owned(),
            text: text_of(&item["output"]),
            result_of: id(),
            ..PromptMessage::default()
        }),
        _ => (),
    }
}

fn message(item: &Value) -> PromptMessage {
    let role = match item["role"].as_str().unwrap_or("?") {
        "developer" => "system",
        other => other,
    };
    let images = items(&item["content"]).filter(|it| it["type"] == "input_image");
    PromptMessage {
        role: role.to_owned(),
        text: text_of(&item["content"]),
        images: images.filter_map(|it| it["image_url"].as_str().map(image_at)).collect(),
        ..PromptMessage::default()
    }
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        parts => {
            let texts = items(parts).filter_map(|it| it["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
    }
}

fn check(request: &Value) -> Result<(), Invalid> {
    if request["model"].as_str().is_none_or(str::is_empty) {
        return invalid("model", "Missing required parameter: 'model'.");
    }
    let stream = &request["stream"];
    if !stream.is_null() && !stream.is_boolean() {
        let what = format!("Invalid type for 'stream': expected a boolean, got {stream}.");
        return invalid("stream", what);
    }
    let is_input = request["input"].is_string() || request["input"].is_array();
    let items_found = input(request);
    if !is_input || items_found.is_empty() {
        return invalid("input", "Missing required parameter: 'input'.");
    }
    for (index, item) in items_found.iter().enumerate() {
        check_item(item, &format!("input[{index}]"))?;
    }
    check_pairs(&items_found)?;
    check_tools(&request["tools"])
}

fn check_item(item: &Value, at: &str) -> Result<(), Invalid> {
    let is_given = |name: &str| item[name].as_str().is_some_and(|it| !it.is_empty());
    let is_valid = match kind(item) {
        "message" => return check_message(item, at),
        "function_call" => {
            is_given("call_id")
                && item["name"].as_str().is_some_and(is_tool_name)
                && item["arguments"].is_string()
        }
        "function_call_output" => is_given("call_id") && item["output"].is_string(),
        "reasoning" | "item_reference" => true,
        _ => false,
    };
    if is_valid { Ok(()) } else { invalid(at, format!("Invalid value: '{at}': {item}.")) }
}

fn check_message(item: &Value, at: &str) -> Result<(), Invalid> {
    let role = item["role"].as_str().unwrap_or_default();
    let is_part = |part: &Value| match (part["type"].as_str().unwrap_or_default(), role) {
        ("input_text", "user" | "system" | "developer")
        | ("output_text" | "refusal", "assistant") => {
            part["text"].is_string() || part["refusal"].is_string()
        }
        ("input_image", "user") => part["image_url"].as_str().is_some_and(is_image),
        ("input_file", "user") => true,
        _ => false,
    };
    let is_valid = ["user", "assistant", "system", "developer"].contains(&role)
        && match &item["content"] {
            Value::String(_) => true,
            Value::Array(parts) => !parts.is_empty() && parts.iter().all(is_part),
            _ => false,
        };
    if is_valid { Ok(()) } else { invalid(at, format!("Invalid value: '{at}': {item}.")) }
}

/// Each call has its output somewhere behind it, and each output its call before it.
fn check_pairs(items: &[Value]) -> Result<(), Invalid> {
    let mut open = BTreeSet::new();
    for item in items {
        let id = item["call_id"].as_str().unwrap_or_default();
        match kind(item) {
            "function_call" => _ = open.insert(id),
            "function_call_output" if !open.remove(id) => {
                let what = "No tool call found for function call output with call_id";
                return invalid("input", format!("{what} {id}."));
            }
            _ => (),
        }
    }
    match open.first() {
        None => Ok(()),
        Some(id) => invalid("input", format!("No tool output found for function call {id}.")),
    }
}

fn check_tools(tools: &Value) -> Result<(), Invalid> {
    items(tools).enumerate().try_for_each(|(index, tool)| {
        if tool["type"] == "function" && tool["name"].as_str().is_some_and(is_tool_name) {
            return Ok(());
        }
        let what = "expected a function with a name";
        invalid(format!("tools[{index}]"), format!("Invalid 'tools[{index}]': {what}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(input: &Value) -> String {
        let request = json!({ "model": "m", "input": input });
        check(&request).map_or_else(|it| it.message, |()| "valid".to_owned())
    }

    fn call(id: &str) -> Value {
        json!({ "type": "function_call", "call_id": id, "name": "read", "arguments": "{}" })
    }

    fn output(id: &str) -> Value {
        json!({ "type": "function_call_output", "call_id": id, "output": "done" })
    }

    #[test]
    fn what_gateways_send_is_valid_and_read() {
        let user = json!({ "role": "user", "content": [{ "type": "input_text", "text": "go" }] });
        let said = json!({ "role": "assistant", "content": "I read." });
        let input = json!([user, said, call("c1"), call("c2"), output("c1"), output("c2"), user]);
        assert_eq!(problem(&input), "valid");
        assert_eq!(problem(&json!("hi")), "valid");
        let asked = asked(&json!({ "instructions": "be brief", "input": input }));
        let rows: Vec<_> =
            asked.prompt.iter().map(|it| (&*it.role, &*it.text, it.calls.len())).collect();
        let expected = [
            ("system", "be brief", 0),
            ("user", "go", 0),
            ("assistant", "I read.", 2),
            ("tool", "done", 0),
            ("tool", "done", 0),
            ("user", "go", 0),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn calls_and_outputs_come_in_pairs() {
        assert_eq!(problem(&json!([call("c1")])), "No tool output found for function call c1.");
        let orphan = problem(&json!([output("c1"), call("c1")]));
        assert!(orphan.starts_with("No tool call found"), "{orphan}");
    }

    #[test]
    fn malformed_items_are_refused() {
        let refused = [
            json!(null),
            json!([]),
            json!([{ "role": "robot", "content": "x" }]),
            json!([{ "role": "user", "content": [] }]),
            json!([{ "role": "user", "content": [{ "type": "output_text", "text": "x" }] }]),
            json!([{ "role": "assistant", "content": [{ "type": "input_text", "text": "x" }] }]),
            json!([{ "type": "function_call", "name": "read", "arguments": "{}" }]),
        ];
        for input in refused {
            assert_ne!(problem(&input), "valid", "{input}");
        }
    }
}
