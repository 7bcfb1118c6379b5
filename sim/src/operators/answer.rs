//! What an answer over HTTP tells.

use creel_judge::trace::Saw;
use hyper::{StatusCode, body::Bytes};
use serde_json::{Value, json};

/// A whole answer. Whatever it is, it has a status.
pub(super) fn answered(call: &str, status: StatusCode, body: &Bytes) -> Saw {
    let read: Option<Value> = serde_json::from_slice(body).ok();
    let at = |pointer: &str| read.as_ref()?.pointer(pointer)?.as_str().map(str::to_owned);
    Saw::Answered {
        call: call.to_owned(),
        ok: status.is_success(),
        code: Some(status.as_u16().to_string()),
        details: at("/error/code").or_else(|| at("/error/type")),
        run: at("/runId"),
        status: at("/eventOutcome").or_else(|| at("/choices/0/finish_reason")),
        text: match &read {
            Some(read) => read.to_string(),
            None => String::from_utf8_lossy(body).into_owned(),
        },
    }
}

/// A chat completion that comes in parts.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    /// What came behind the last whole line.
    rest: Vec<u8>,
    said: String,
    finish: Option<String>,
    error: Option<Value>,
    is_done: bool,
}

impl Streamed {
    /// Takes bytes in; the words that they bring, each part by itself.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let mut parts = Vec::new();
        while let Some(end) = self.rest.iter().position(|it| *it == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if let Some(data) = line.trim_end().strip_prefix("data:") {
                parts.extend(self.event(data.trim_start()));
            }
        }
        parts
    }

    fn event(&mut self, data: &str) -> Option<String> {
        if data == "[DONE]" {
            self.is_done = true;
            return None;
        }
        let event: Value = serde_json::from_str(data).ok()?;
        if let Some(error) = event.get("error") {
            self.error = Some(error.clone());
        }
        let choice = event.pointer("/choices/0")?;
        if let Some(finish) = choice["finish_reason"].as_str() {
            self.finish = Some(finish.to_owned());
        }
        let words = choice.pointer("/delta/content")?.as_str().filter(|it| !it.is_empty())?;
        self.said.push_str(words);
        Some(words.to_owned())
    }

    /// All of it, as if it had come at once.
    pub(super) fn whole(self, call: &str, status: StatusCode) -> Saw {
        let Self { said, finish, error, is_done, .. } = self;
        let finish = finish.filter(|_| is_done);
        let code = error.as_ref().and_then(|it| it["code"].as_str()).map(str::to_owned);
        let mut text = json!({
            "done": is_done,
            "choices": [{
                "finish_reason": finish, "message": { "role": "assistant", "content": said },
            }],
        });
        if let Some(error) = &error {
            text["error"] = error.clone();
        }
        Saw::Answered {
            call: call.to_owned(),
            ok: status.is_success() && is_done && error.is_none(),
            code: Some(status.as_u16().to_string()),
            details: code,
            run: None,
            status: finish,
            text: text.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(saw: &Saw) -> String {
        let Saw::Answered { ok, code, details, run, status, text, .. } = saw else {
            panic!("{saw:?}")
        };
        let or_none = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
        let named = [code, details, run, status].map(or_none).join(" ");
        format!("{ok} {named} {text}")
    }

    #[test]
    fn an_answer_is_told_by_its_status_and_what_it_names() {
        let check = |status, body: &'static str, expected: &str| {
            assert_eq!(shown(&answered("h1", status, &Bytes::from(body))), expected);
        };
        let taken = r#"{ "ok": true, "runId": "r" }"#;
        check(StatusCode::OK, taken, r#"true 200 - r - {"ok":true,"runId":"r"}"#);
        let told = r#"{"eventOutcome":"queued"}"#;
        check(StatusCode::OK, told, &format!("true 200 - - queued {told}"));
        check(StatusCode::NOT_FOUND, "nothing here", "false 404 - - - nothing here");
        let error = r#"{"error":{"code":"x","type":"y"}}"#;
        check(StatusCode::FORBIDDEN, error, &format!("false 403 x - - {error}"));
        let said = r#"{"choices":[{"finish_reason":"stop"}]}"#;
        check(StatusCode::OK, said, &format!("true 200 - - stop {said}"));
    }

    #[test]
    fn a_stream_is_joined_and_has_ended_only_if_it_says_so() {
        let check = |pieces: &[&str], parts: &str, expected: &str| {
            let mut streamed = Streamed::default();
            let heard: Vec<String> =
                pieces.iter().flat_map(|it| streamed.hear(it.as_bytes())).collect();
            assert_eq!(heard.join("|"), parts);
            let shown = shown(&streamed.whole("c", StatusCode::OK));
            assert_eq!(shown.split(" {").next(), Some(expected), "{shown}");
        };
        let one = "data: {\"choices\":[{\"delta\":{\"content\":\"one \"}}]}\n\n";
        let two = "data: {\"choices\":[{\"delta\":{\"content\":\"two\"}}]}\n\n";
        let stop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        let (done, comment) = ("data: [DONE]\n\n", ": still here\n\n");
        check(&[one, comment, two, stop, done], "one |two", "true 200 - - stop");
        let (begun, rest) = one.split_at(9);
        check(&[begun, rest, two, stop], "one |two", "false 200 - - -");
        let error = "data: {\"error\":{\"code\":\"run_failed\"}}\n\n";
        check(&[one, error, done], "one ", "false 200 run_failed - -");
    }
}
