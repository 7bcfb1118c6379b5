//! What is asked, and what is made of the events that come.

use super::{super::testing, *};

#[track_caller]
fn check(events: &str, expected: &str) {
    assert_eq!(testing::read::<MessageReading>(events), expected);
}

#[test]
fn the_base_may_name_the_version() {
    let expected = "https://api.example/v1/messages";
    assert_eq!(address("https://api.example"), expected);
    assert_eq!(address("https://api.example/v1"), expected);
}

#[test]
fn a_request_has_no_empty_texts_and_its_results_come_first() {
    let request = testing::request();
    let asked = Asked { model: "m", tokens_max: Some(99), request: &request, pictures: &[] };
    let said = |text: &str| json!([{ "type": "text", "text": text }]);
    let sky = json!({ "type": "tool_use", "id": "c1", "name": "look", "input": { "at": "sky" } });
    let lost = json!({
        "type": "tool_use", "id": "call_3_1", "name": "look", "input": { "arguments": "not JSON" },
    });
    let result =
        |id: &str, text: &str| json!({ "type": "tool_result", "tool_use_id": id, "content": text });
    let schema = json!({ "type": "object", "properties": { "at": { "type": "string" } } });
    assert_eq!(
        body(asked),
        json!({
            "model": "m", "max_tokens": 99, "stream": true, "system": "You help.",
            "tools": [{ "name": "look", "description": "Looks.", "input_schema": schema }],
            "messages": [
                { "role": "user", "content": said("hi") },
                { "role": "assistant", "content": said(NOTHING) },
                { "role": "user", "content": said("look up") },
                { "role": "assistant", "content": [{ "type": "text", "text": "I look." }, sky, lost] },
                { "role": "user", "content": [result("c1", "blue"), result("call_3_1", "Error: unreadable")] },
                { "role": "user", "content": said("and?") },
            ],
        })
    );
}

#[test]
fn a_picture_stands_before_its_words_and_may_stand_alone() {
    let picture = crate::media::Picture { mime: "image/png", bytes: Bytes::from_static(b"abc") };
    let shown = json!({
        "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "YWJj" },
    });
    let pictures = [Ok(picture)];
    let words = json!({ "type": "text", "text": "look" });
    assert_eq!(spoken("look", pictures.iter()), json!([shown, words]));
    assert_eq!(spoken(" ", pictures.iter()), json!([shown]));
    assert_eq!(spoken("", [].iter()), text_block(NOTHING));
}

#[test]
fn words_and_calls_come_in_blocks() {
    check(
        r#"
        {"type":"message_start","message":{"id":"m1","content":[]}}
        {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
        {"type":"ping"}
        {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"I "}}
        {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"look."}}
        {"type":"content_block_stop","index":0}
        {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"look","input":{}}}
        {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}
        {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"at\":"}}
        {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}
        {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t2","name":"wait","input":{"s":1}}}
        {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9}}
        {"type":"message_stop"}
        "#,
        r#""I look." [t1 look {"at":1}; t2 wait {"s":1}]"#,
    );
}

#[test]
fn what_is_not_known_is_passed_over() {
    check(
        r#"
        {"type":"message_start","message":{}}
        {"type":"news_of_tomorrow","index":0,"x":[1]}
        {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}
        {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}
        {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}
        {"type":"content_block_start","index":1,"content_block":{"type":"text","text":"y"}}
        {"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{}}}
        {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"es"}}
        {"type":"message_stop"}
        "#,
        r#""yes" []"#,
    );
}

#[test]
fn an_answer_is_whole_only_when_the_stream_said_so() {
    let begun =
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"half"}}"#;
    check(begun, "may not end after 4 bytes");
    let reason = r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}"#;
    check(&format!("{begun}\n{reason}"), "may end after 4 bytes");
    let refusal = r#"{"type":"message_delta","delta":{"stop_reason":"refusal"}}"#;
    check(&format!("{begun}\n{refusal}"), r#"EndedEarly "refusal" """#);
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    check(&format!("{begun}\n{error}"), r#"InStream "overloaded_error" "Overloaded""#);
}

#[test]
fn pieces_that_belong_nowhere_are_not_understood() {
    let malformed = r#"Malformed "" """#;
    check(
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#,
        malformed,
    );
    let text =
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    let json = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"1"}}"#;
    check(&format!("{text}\n{json}"), malformed);
    check(&format!("{text}\n{text}"), malformed);
    check("{", malformed);
    check(r#"{"index":0}"#, malformed);
}
