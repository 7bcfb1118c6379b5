//! Reads what the model answers.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue};

use super::{Act, Answer, ErrorStatus, Part, StreamEnd, UNTAGGED, at::At, context::Context, tools};

/// What the model answers: by chat, then by call.
pub(super) fn read(root: &At<'_>, context: &mut Context<'_>) -> BTreeMap<String, Vec<Answer>> {
    let mut model = BTreeMap::new();
    // The judge tells answers apart by their text.
    let mut said: BTreeMap<String, &str> = BTreeMap::new();
    for (key, at) in root.entries_of("model") {
        if key.name != UNTAGGED {
            context.require_voice(&at, &key.name);
        }
        let mut answers = Vec::new();
        for item in at.items() {
            let Some(answer) = answer(&item, context) else { continue };
            if let Some(text) = answer.act.text().filter(|it| !it.is_empty()) {
                let chat = *said.entry(text.clone()).or_insert(&key.name);
                if chat != key.name {
                    let message = format!(
                        "`{chat}` is answered `{text}` too, expected a text of its own for each chat"
                    );
                    context.push(
                        item.problem(message).help("the judge tells answers apart by their text"),
                    );
                }
            }
            answers.push(answer);
        }
        model.insert(key.name.clone(), answers);
    }
    model
}

impl Act {
    /// What it writes of an answer, if anything.
    fn text(&self) -> Option<String> {
        match self {
            Self::Say { text, .. }
            | Self::Call { text, .. }
            | Self::Cut { text }
            | Self::Malformed { text }
            | Self::Eof { text } => Some(text.clone()),
            Self::Stream { parts, .. } => Some(parts.iter().map(|it| it.text.as_str()).collect()),
            Self::Status(_) | Self::Hang => None,
        }
    }
}

pub(super) fn answer(at: &At<'_>, context: &mut Context<'_>) -> Option<Answer> {
    let after = at.duration_of("after").unwrap_or_default();
    let act = if let Some(text) = at.text_of("say") {
        Act::Say {
            text,
            chunks: at.number_of("chunks").unwrap_or(1),
            every: at.duration_of("every").unwrap_or_default(),
        }
    } else if let Some(parts) = at.get("stream") {
        let part = |it: &At<'_>| Part {
            after: it.duration_of("after").unwrap_or_default(),
            text: it.text_of("say").unwrap_or_default(),
        };
        let ends = match at.text_of("ends").as_deref() {
            Some("cut") => StreamEnd::Cut,
            Some("eof") => StreamEnd::Eof,
            Some("stall") => StreamEnd::Stall,
            Some("error") => StreamEnd::Error,
            Some("overloaded") => StreamEnd::Overloaded,
            Some("failed") => StreamEnd::Failed,
            Some("refused") => StreamEnd::Refused,
            Some("length") => StreamEnd::Length,
            _ => StreamEnd::Complete,
        };
        Act::Stream { parts: parts.items().iter().map(part).collect(), ends }
    } else if let Some(calls) = at.get("call") {
        Act::Call { text: at.text_of("saying").unwrap_or_default(), calls: tools::uses(&calls) }
    } else if let Some(status) = at.number_of("status") {
        Act::Status(ErrorStatus {
            status,
            message: at.text_of("message"),
            kind: at.text_of("type"),
            code: at.text_of("code"),
            retry_after_s: retry_after_s(at, context),
            headers: headers(at, context),
        })
    } else if let Some(text) = at.text_of("cut") {
        Act::Cut { text }
    } else if let Some(text) = at.text_of("eof") {
        Act::Eof { text }
    } else if at.flag_of("hang").is_some() {
        Act::Hang
    } else if let Some(text) = at.text_of("malformed") {
        Act::Malformed { text }
    } else {
        return None;
    };
    Some(Answer { after, act })
}

/// `headers`, each of which must be one.
fn headers(at: &At<'_>, context: &mut Context<'_>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    for (key, value) in at.entries_of("headers") {
        let Some(text) = value.text() else { continue };
        let is_name = HeaderName::try_from(key.name.as_str()).is_ok();
        if !is_name || HeaderValue::try_from(text.as_str()).is_err() {
            context.push(value.problem(format!("`{}: {text}` is not a header", key.name)));
        }
        headers.insert(key.name.clone(), text);
    }
    headers
}

/// `retry_after`, which both protocols carry in whole seconds.
pub(super) fn retry_after_s(at: &At<'_>, context: &mut Context<'_>) -> Option<u64> {
    let at = at.get("retry_after")?;
    let wait = at.duration()?;
    if wait.subsec_nanos() != 0 {
        context.push(at.problem(
            "found a part of a second, expected whole seconds: the protocol has no others",
        ));
    }
    Some(wait.as_secs())
}
