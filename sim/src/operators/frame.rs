//! What the gateway says, as facts.

use creel_judge::trace::Saw;
use serde_json::Value;

use super::greeting;

/// How much of a text that is no frame becomes a fact.
const GARBLED_CHARS_MAX: usize = 200;

/// What a text tells.
pub(super) fn read(text: &str) -> Saw {
    let garbled = || Saw::Garbled { text: text.chars().take(GARBLED_CHARS_MAX).collect() };
    let Ok(frame) = serde_json::from_str::<Value>(text) else { return garbled() };
    match frame["type"].as_str() {
        Some("event") => event(&frame).unwrap_or_else(garbled),
        Some("res") => answer(&frame).unwrap_or_else(garbled),
        Some(_) | None => garbled(),
    }
}

/// The payload of the challenge, if this is it.
pub(super) fn challenge(text: &str) -> Option<Value> {
    let mut frame: Value = serde_json::from_str(text).ok()?;
    (frame["event"] == "connect.challenge").then(|| frame["payload"].take())
}

fn owned(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn event(frame: &Value) -> Option<Saw> {
    let event = owned(&frame["event"])?;
    let payload = &frame["payload"];
    let state = match event.as_str() {
        "agent" => {
            let phase = payload["data"]["phase"].as_str().map(|it| format!("-{it}"));
            Some(payload["stream"].as_str()?.to_owned() + &phase.unwrap_or_default())
        }
        _ => owned(&payload["state"]),
    };
    Some(Saw::Event {
        seq: frame["seq"].as_u64(),
        run: owned(&payload["runId"]),
        place: payload["seq"].as_u64(),
        session: owned(&payload["sessionKey"]),
        state,
        text: words(&event, payload),
        event,
    })
}

/// The words in an event: what was said, or why not; the whole of it where nobody speaks.
fn words(event: &str, payload: &Value) -> String {
    let text = |it: &Value| it.as_str().map(str::to_owned);
    match event {
        "chat" => {
            let parts = payload["message"]["content"].as_array().into_iter().flatten();
            let said: String = parts.filter_map(|it| it["text"].as_str()).collect();
            if said.is_empty() { text(&payload["errorMessage"]).unwrap_or_default() } else { said }
        }
        "agent" => {
            let data = &payload["data"];
            text(&data["text"]).or_else(|| text(&data["error"])).unwrap_or_default()
        }
        _ => payload.to_string(),
    }
}

fn answer(frame: &Value) -> Option<Saw> {
    let call = owned(&frame["id"])?;
    let ok = frame["ok"].as_bool()?;
    if !ok {
        let error = &frame["error"];
        let code = owned(&error["code"])?;
        owned(&error["message"])?;
        let details = &error["details"];
        let details = owned(&details["code"]).or_else(|| owned(&details["reason"]));
        let text = error.to_string();
        if call == greeting::ID {
            return Some(Saw::Refused { code, details, text });
        }
        let payload = &frame["payload"];
        let (run, status) = (owned(&payload["runId"]), owned(&payload["status"]));
        return Some(Saw::Answered { call, ok, code: Some(code), details, run, status, text });
    }
    let mut payload = frame.get("payload").cloned().unwrap_or_default();
    if payload["type"] == "hello-ok" {
        // A secret of the device's own, which it may know.
        if let Some(auth) = payload["auth"].as_object_mut() {
            auth.remove("deviceToken");
        }
        let protocol = payload["protocol"].as_u64()?;
        return Some(Saw::Connected { protocol, text: payload.to_string() });
    }
    if payload["deviceId"].is_string() && payload["token"].is_string() {
        payload["token"] = Value::from("<device token>");
    }
    let (run, status) = (owned(&payload["runId"]), owned(&payload["status"]));
    Some(Saw::Answered {
        call,
        ok,
        code: None,
        details: None,
        run,
        status,
        text: payload.to_string(),
    })
}
