//! Calls that wait for a decision, as clients see them. No configured secret is in what they see.

use creel_core::approval::{Approval, Call, Decision, Ended, Subject, Verdict};
use serde_json::{Map, Value, json};

use crate::secret::Masks;

/// How much of a call is shown in one line, in characters.
const WORDS_CHARS_MAX: usize = 4_000;

/// How much of a call's arguments is shown as they are, in bytes.
const ARGUMENTS_BYTES_MAX: usize = 64 * 1024;

/// `exec.approval.requested`, and an entry of `exec.approval.list`.
pub fn requested(approval: &Approval, masks: &Masks) -> Value {
    json!({
        "id": approval.id.as_str(), "request": request(approval, masks),
        "createdAtMs": approval.created.as_unix_ms(), "expiresAtMs": approval.expires.as_unix_ms(),
    })
}

/// `exec.approval.resolved`: nothing was decided where `decision` is `null`, and `reason` says why.
pub fn resolved(ended: &Ended, masks: &Masks, now_ms: i64) -> Value {
    let Ended { approval, how } = ended;
    let mut payload = json!({
        "id": approval.id.as_str(), "decision": how.decision().map(Decision::name), "ts": now_ms,
        "request": request(approval, masks),
    });
    match how {
        Verdict::Decided { by, .. } => payload["resolvedBy"] = json!(by),
        Verdict::Expired => payload["reason"] = json!("expired"),
        Verdict::Unheard => payload["reason"] = json!("no-approval-route"),
        Verdict::Withdrawn => payload["reason"] = json!("withdrawn"),
    }
    payload
}

/// What is asked for.
fn request(approval: &Approval, masks: &Masks) -> Value {
    let offers: Vec<&str> = approval.offers.iter().map(|it| it.name()).collect();
    let mut request = json!({
        "command": words(approval, masks), "agentId": approval.agent.as_ref().map(ToString::to_string),
        "sessionKey": approval.session.as_ref().map(ToString::to_string), "allowedDecisions": offers,
        "host": null, "nodeId": null, "cwd": null, "resolvedPath": null, "security": null, "ask": null,
    });
    match &approval.subject {
        Subject::Call(Call { ticket, id, name, server, tool, arguments }) => {
            request["ask"] = json!("always");
            request["runId"] = json!(ticket.run.to_string());
            request["toolCallId"] = json!(id);
            request["toolName"] = json!(name.as_str());
            let shown = (arguments.len() <= ARGUMENTS_BYTES_MAX).then(|| hidden(arguments, masks));
            request["mcp"] = json!({ "server": server.0, "tool": tool, "arguments": shown });
        }
        Subject::Foreign(words) => {
            let given = hidden(words, masks);
            for (key, value) in given.as_object().unwrap_or(&Map::new()) {
                if key != "command" && !value.is_null() {
                    request[key] = value.clone();
                }
            }
        }
    }
    request
}

/// What is asked for in one line, as whoever decides reads it.
pub fn words(approval: &Approval, masks: &Masks) -> String {
    let text = match &approval.subject {
        Subject::Call(Call { server, tool, arguments, .. }) => {
            format!("{server}: {tool} {}", hidden(arguments, masks))
        }
        Subject::Foreign(words) => {
            let given = hidden(words, masks);
            given["command"].as_str().unwrap_or_default().to_owned()
        }
    };
    plain(&text)
}

/// A JSON text without secrets.
fn hidden(text: &str, masks: &Masks) -> Value {
    match serde_json::from_str(text) {
        Ok(value) => masks.hide_in_json(&value),
        Err(_) => Value::String(masks.hide_in(text)),
    }
}

/// A text in which nothing hides: what cannot be seen, or turns around what stands beside it, is shown by its number.
fn plain(text: &str) -> String {
    let is_unseen = |it: char| {
        it.is_control()
            || matches!(
                it,
                '\u{ad}'
                    | '\u{61c}'
                    | '\u{115f}'
                    | '\u{1160}'
                    | '\u{180e}'
                    | '\u{3164}'
                    | '\u{feff}'
            )
            || matches!(it, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(it, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let mut shown = String::new();
    for (count, letter) in text.chars().enumerate() {
        if count == WORDS_CHARS_MAX {
            return shown + "… (cut here)";
        }
        if is_unseen(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use creel_core::{
        ids::{AgentId, ApprovalId, RunId},
        time::WallTime,
        tools::{ServerName, Ticket, ToolName},
    };

    use super::*;
    use crate::secret::Secret;

    fn approval(subject: Subject) -> Approval {
        Approval {
            id: ApprovalId::new("a1").unwrap(),
            agent: Some(AgentId::new("main").unwrap()),
            session: None,
            subject,
            offers: vec![Decision::AllowOnce, Decision::Deny],
            created: WallTime::from_unix_ms(1),
            expires: WallTime::from_unix_ms(2),
            chat: None,
            hearers_min: 1,
        }
    }

    #[test]
    fn a_call_is_shown_without_secrets_and_with_what_would_not_be_seen() {
        let masks = Masks::new([Secret::new("k-secret")]);
        let call = Subject::Call(Call {
            ticket: Ticket { run: RunId(7), request: 1, index: 0 },
            id: "call-1".into(),
            name: ToolName::nearest("notes__write"),
            server: ServerName("notes".into()),
            tool: "write".into(),
            arguments: "{\"to\":\"k-secret\",\"as\":\"\u{202e}cod\"}".into(),
        });
        let shown = requested(&approval(call), &masks);
        let request = &shown["request"];
        assert_eq!(request["command"], r#"notes: write {"as":"\u{202e}cod","to":"[secret]"}"#);
        assert_eq!(request["mcp"]["arguments"]["to"], "[secret]");
        assert_eq!(request["allowedDecisions"], json!(["allow-once", "deny"]));
        assert!(!shown.to_string().contains("k-secret"));
    }

    #[test]
    fn a_clients_words_are_shown_as_it_gave_them() {
        let foreign = Subject::Foreign(r#"{"command":"rm -r x","cwd":"/home","host":null}"#.into());
        let shown = requested(&approval(foreign), &Masks::default());
        assert_eq!(shown["request"]["command"], "rm -r x");
        assert_eq!(
            (&shown["request"]["cwd"], &shown["request"]["host"]),
            (&json!("/home"), &Value::Null)
        );
        assert_eq!(plain(&"é".repeat(5_000)).chars().count(), WORDS_CHARS_MAX + 12);
    }
}
