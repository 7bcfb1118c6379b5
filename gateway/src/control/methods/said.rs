//! What was said in a session, as clients read it.

use creel_core::{
    ids::ModelId,
    session::{Cut, Entry, Noted, Shown},
};
use serde_json::{Value, json};

/// What stands for the model where none said it, as clients of OpenClaw know it.
const NO_MODEL: (&str, &str) = ("openclaw", "gateway-injected");

/// An entry as clients read it: a call and what came of it are messages of their own.
pub(super) fn messages(shown: &Shown) -> Vec<Value> {
    match shown {
        Shown::Entry(Entry::User(said), noted) => {
            vec![
                json!({ "role": "user", "content": text(&said.text), "timestamp": noted.at.as_unix_ms() }),
            ]
        }
        Shown::Entry(Entry::Assistant(said), noted) => vec![assistant(&text(said), "stop", noted)],
        Shown::Entry(Entry::Tools(settled), noted) => {
            let mut content = Vec::new();
            if !settled.text.is_empty() {
                content.push(json!({ "type": "text", "text": &*settled.text }));
            }
            let mut results = Vec::new();
            for (call, result) in &settled.calls {
                content
                    .push(json!({ "type": "toolCall", "id": call.id, "name": call.name.as_str() }));
                results.push(json!({
                    "role": "toolResult", "toolCallId": call.id, "toolName": call.name.as_str(),
                    "content": text(result), "isError": result.starts_with("Error: "),
                    "timestamp": noted.at.as_unix_ms(),
                }));
            }
            let asked = assistant(&Value::from(content), "toolUse", noted);
            std::iter::once(asked).chain(results).collect()
        }
        Shown::Cut(cut) => vec![cut_off(cut)],
    }
}

fn text(said: &str) -> Value {
    json!([{ "type": "text", "text": said }])
}

fn assistant(content: &Value, stop: &str, noted: &Noted) -> Value {
    let named = noted.by.as_ref().and_then(|it: &ModelId| it.as_str().split_once('/'));
    let (provider, model) = named.unwrap_or(NO_MODEL);
    json!({
        "role": "assistant", "content": content, "provider": provider, "model": model, "stopReason": stop,
        "timestamp": noted.at.as_unix_ms(),
    })
}

/// The words of a turn that was ended.
fn cut_off(Cut { at, asked, text: said }: &Cut) -> Value {
    let mut message = assistant(&text(said), "stop", &Noted { at: *at, by: None });
    if let Some(run) = asked {
        let run = run.as_str();
        message["idempotencyKey"] = json!(format!("{run}:assistant"));
        message["openclawAbort"] = json!({ "aborted": true, "origin": "rpc", "runId": run });
    }
    message
}

#[cfg(test)]
mod tests {
    use creel_core::{ids::MessageId, time::WallTime};

    use super::*;

    #[test]
    fn who_said_it_and_when_stands_beside_the_words() {
        let noted = |by: Option<&str>| Noted {
            at: WallTime::from_unix_ms(7),
            by: by.map(|it| ModelId::new(it).unwrap()),
        };
        let said = |by| messages(&Shown::Entry(Entry::Assistant("hi".into()), noted(by))).remove(0);
        assert_eq!(
            said(Some("p/deep/m")),
            json!({
                "role": "assistant", "content": [{ "type": "text", "text": "hi" }], "provider": "p", "model": "deep/m",
                "stopReason": "stop", "timestamp": 7,
            })
        );
        assert_eq!(said(None)["model"], "gateway-injected");
        let at = WallTime::from_unix_ms(9);
        let cut = Cut { at, asked: MessageId::new("k1").ok(), text: "half".into() };
        let cut = messages(&Shown::Cut(cut)).remove(0);
        assert_eq!(
            cut["openclawAbort"],
            json!({ "aborted": true, "origin": "rpc", "runId": "k1" })
        );
        assert_eq!((&cut["timestamp"], &cut["stopReason"]), (&json!(9), &json!("stop")));
    }
}
