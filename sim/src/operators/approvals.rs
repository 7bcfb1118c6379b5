//! The approvals that clients were told of, and the place that a scenario leaves for the id of one.
//!
//! Ids are the gateway's, so a scenario names an approval by what is asked for: `{ approval: notes, nth: 2 }` stands for the
//! id of the second one whose request holds `notes`. One that nobody was told of has an id that no gateway has.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::UNTOLD;

/// What was told so far. A clone is the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Approvals(Arc<Mutex<Vec<Told>>>);

#[derive(Debug)]
struct Told {
    id: String,
    words: String,
}

impl Approvals {
    /// A client was told something.
    pub(super) fn hear(&self, text: &str) {
        let Ok(frame) = serde_json::from_str::<Value>(text) else { return };
        let is_one = frame["event"].as_str().is_some_and(|it| it.ends_with(".approval.requested"));
        let payload = &frame["payload"];
        let Some(id) = payload["id"].as_str().filter(|_| is_one) else { return };
        let mut told = self.0.lock().expect("nothing panics while it holds what was told");
        if told.iter().all(|it| it.id != id) {
            told.push(Told { id: id.to_owned(), words: payload["request"].to_string() });
        }
    }

    /// Puts ids where a call's parameters leave a place for one.
    pub(super) fn fill(&self, params: &mut Value) {
        if let Some((wanted, nth)) = place(params) {
            let told = self.0.lock().expect("nothing panics while it holds what was told");
            let mut found = told.iter().filter(|it| it.words.contains(&wanted));
            let id = found.nth(nth - 1).map_or(UNTOLD, |it| &it.id);
            *params = Value::from(id);
            return;
        }
        match params {
            Value::Object(entries) => entries.values_mut().for_each(|it| self.fill(it)),
            Value::Array(items) => items.iter_mut().for_each(|it| self.fill(it)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// What is asked for, and which of them is meant, from 1.
fn place(value: &Value) -> Option<(String, usize)> {
    let entries = value.as_object()?;
    let wanted = entries.get("approval")?.as_str()?.to_owned();
    if entries.keys().any(|it| it != "approval" && it != "nth") {
        return None;
    }
    let nth = entries.get("nth").and_then(Value::as_u64).unwrap_or(1);
    Some((wanted, usize::try_from(nth).ok()?.max(1)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_is_filled_with_the_id_of_what_is_asked_for() {
        let approvals = Approvals::default();
        let told = |id: &str, command: &str| {
            let payload = json!({ "id": id, "request": { "command": command } });
            json!({ "type": "event", "event": "exec.approval.requested", "payload": payload })
        };
        for (id, command) in [("a", "notes: read"), ("b", "mail: send"), ("c", "notes: read")] {
            approvals.hear(&told(id, command).to_string());
            approvals.hear(&told(id, command).to_string());
        }
        let filled = |wanted: Value| {
            let mut params = json!({ "id": wanted });
            approvals.fill(&mut params);
            params["id"].clone()
        };
        assert_eq!(filled(json!({ "approval": "notes" })), "a");
        assert_eq!(filled(json!({ "approval": "notes", "nth": 2 })), "c");
        assert_eq!(filled(json!({ "approval": "notes", "nth": 3 })), UNTOLD);
        assert_eq!(filled(json!("b")), "b");
        let other = json!({ "approval": "notes", "more": 1 });
        assert_eq!(filled(other.clone()), other);
    }
}
