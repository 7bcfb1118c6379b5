//! What is asked, and what is made of the events that come.

use super::{super::testing, *};

#[track_caller]
fn check(events: &str, expected: &str) {
    assert_eq!(testing::read::<ResponseReading>(events), expected);
}

#[test]
fn a_request_is_the_whole_conversation_as_items() {
    let request = testing::request();
    let asked = Asked { model: "m", tokens_max: None, request: &request, pictures: &[] };
    let said =
        |text: &str| json!({ "role": "user", "content": [{ "type": "input_text", "text": text }] });
    let call = |id: &str, arguments: &str| json!({ "type": "function_call", "call_id": id, "name": "look", "arguments": arguments });
    let result = |id: &str, output: &str| json!({ "type": "function_call_output", "call_id": id, "output": output });
    assert_eq!(
        body(asked),
        json!({
            "model": "m", "stream": true, "store": false, "instructions": "You help.",
            "tools": [{
                "type": "function", "name": "look", "description": "Looks.", "strict": false,
                "parameters": { "properties": { "at": { "type": "string" } } },
            }],
            "input": [
                said("hi"),
                { "role": "assistant", "content": "" },
                said("look up"),
                { "role": "assistant", "content": "I look." },
                call("c1", r#"{"at":"sky"}"#),
                call("a:b", "not JSON"),
                result("c1", "blue"),
                result("a:b", "Error: unreadable"),
                said("and?"),
            ],
        })
    );
}

#[test]
fn words_and_calls_come_in_items() {
    check(
        r#"
        {"type":"response.created","response":{"id":"r1","status":"in_progress"}}
        {"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs"}}
        {"type":"response.output_item.added","output_index":1,"item":{"type":"message","id":"msg","content":[]}}
        {"type":"response.content_part.added","output_index":1,"content_index":0,"part":{"type":"output_text","text":""}}
        {"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"I "}
        {"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"look."}
        {"type":"response.output_text.done","output_index":1,"content_index":0,"text":"I look."}
        {"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","id":"fc","call_id":"c1","name":"look","arguments":""}}
        {"type":"response.function_call_arguments.delta","output_index":2,"delta":"{\"at\":"}
        {"type":"response.output_item.added","output_index":3,"item":{"type":"function_call","id":"fd","call_id":"c2","name":"wait","arguments":""}}
        {"type":"response.function_call_arguments.delta","output_index":3,"delta":"{}"}
        {"type":"response.function_call_arguments.delta","output_index":2,"delta":"1}"}
        {"type":"response.function_call_arguments.done","output_index":2,"arguments":"{\"at\":1}"}
        {"type":"response.news","x":1}
        {"type":"response.completed","response":{"status":"completed"}}
        "#,
        r#""I look." [c1 look {"at":1}; c2 wait {}]"#,
    );
}

#[test]
fn an_answer_is_whole_only_when_the_stream_said_so() {
    let begun = r#"{"type":"response.output_text.delta","output_index":0,"delta":"half"}"#;
    let then = |event: &str| format!("{begun}\n{event}");
    check(begun, "may not end after 4 bytes");
    let incomplete = |reason: &str| {
        format!(
            r#"{{"type":"response.incomplete","response":{{"incomplete_details":{{"reason":"{reason}"}}}}}}"#
        )
    };
    check(&then(&incomplete("max_output_tokens")), r#""half" []"#);
    check(&then(&incomplete("content_filter")), r#"EndedEarly "content_filter" """#);
    check(
        &then(
            r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"Sorry"}}}"#,
        ),
        r#"InStream "server_error" "Sorry""#,
    );
    check(
        &then(
            r#"{"type":"error","code":"rate_limit_exceeded","message":"Slow down","param":null}"#,
        ),
        r#"InStream "rate_limit_exceeded" "Slow down""#,
    );
    check(
        &then(r#"{"type":"response.refusal.done","refusal":"No."}"#),
        r#"EndedEarly "refusal" """#,
    );
    check("[]", r#"Malformed "" """#);
    check(
        r#"{"type":"response.function_call_arguments.delta","output_index":2,"delta":"{"}"#,
        r#"Malformed "" """#,
    );
}
