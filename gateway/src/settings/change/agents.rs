//! One agent more, one that is otherwise, and one less: in `agents.entries` where that is how a file has them, else in `agents.list`.

use serde_json::{Map, Value, json};

/// Adds an agent, or puts these values over those that it has. The default agent stays the one that it is.
pub fn put(says: &mut Value, default_agent: &str, id: &str, values: Map<String, Value>) {
    let agents = within(says, "agents");
    if has_entries(agents) {
        let entries = within(agents, "entries");
        let is_new = entry_name(entries, id).is_none();
        // The first by name is the default one, unless one says that it is.
        let none_says =
            !entries.as_object().into_iter().flatten().any(|it| it.1["default"] == true);
        if is_new && id < default_agent && none_says {
            within(entries, default_agent)["default"] = json!(true);
        }
        let name = entry_name(entries, id).unwrap_or_else(|| id.to_owned());
        return lay_over(within(entries, &name), values);
    }
    let list = listed(agents, default_agent);
    let at = list.iter().position(|it| is_called(it, id));
    let at = at.unwrap_or_else(|| {
        list.push(json!({ "id": id }));
        list.len() - 1
    });
    lay_over(&mut list[at], values);
}

/// Takes an agent away, with its bindings and with what lets others write to it. How many bindings that were.
pub fn remove(says: &mut Value, default_agent: &str, id: &str) -> usize {
    let agents = within(says, "agents");
    if has_entries(agents) {
        let entries = within(agents, "entries");
        if let (Some(name), Some(entries)) = (entry_name(entries, id), entries.as_object_mut()) {
            entries.remove(&name);
        }
    } else {
        listed(agents, default_agent).retain(|it| !is_called(it, id));
    }
    let is_its = |it: &Value| it.as_str().is_some_and(|it| it.trim().eq_ignore_ascii_case(id));
    if let Some(Value::Array(allowed)) = says.pointer_mut("/tools/agentToAgent/allow") {
        allowed.retain(|it| !is_its(it));
    }
    let Some(Value::Array(bindings)) = says.get_mut("bindings") else { return 0 };
    let before = bindings.len();
    bindings.retain(|it| !it.get("agentId").is_some_and(is_its));
    before - bindings.len()
}

fn has_entries(agents: &Value) -> bool {
    agents["entries"].as_object().is_some_and(|it| !it.is_empty())
}

/// How an entry's name is written.
fn entry_name(entries: &Value, id: &str) -> Option<String> {
    let mut names = entries.as_object()?.keys();
    names.find(|it| it.trim().eq_ignore_ascii_case(id)).cloned()
}

fn is_called(agent: &Value, id: &str) -> bool {
    agent["id"].as_str().is_some_and(|it| it.trim().eq_ignore_ascii_case(id))
}

/// `agents.list`. Where none is listed there is one all the same, and it stays.
fn listed<'a>(agents: &'a mut Value, default_agent: &str) -> &'a mut Vec<Value> {
    let list = &mut agents["list"];
    if list.as_array().is_none_or(Vec::is_empty) {
        *list = json!([{ "id": default_agent, "default": true }]);
    }
    list.as_array_mut().expect("it has been made one")
}

/// The map of a key; it is made where there is none.
fn within<'a>(of: &'a mut Value, key: &str) -> &'a mut Value {
    let found = &mut of[key];
    if !found.is_object() {
        *found = json!({});
    }
    found
}

/// `null` takes a value away, and maps are laid over maps.
fn lay_over(on: &mut Value, values: Map<String, Value>) {
    if !on.is_object() {
        *on = json!({});
    }
    let Some(entries) = on.as_object_mut() else { return };
    for (key, value) in values {
        match value {
            Value::Null => _ = entries.remove(&key),
            Value::Object(values) => lay_over(entries.entry(key).or_insert(Value::Null), values),
            value => _ = entries.insert(key, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new() -> Map<String, Value> {
        [("model".to_owned(), json!("p/m"))].into_iter().collect()
    }

    #[track_caller]
    fn put_into(mut says: Value, default_agent: &str, id: &str, expected: &Value) {
        put(&mut says, default_agent, id, new());
        assert_eq!(says["agents"], *expected);
    }

    #[test]
    fn an_agent_is_added_where_the_file_has_its_agents() {
        let agent = json!({ "id": "new", "model": "p/m" });
        let main = json!({ "id": "main", "default": true });
        put_into(json!({}), "main", "new", &json!({ "list": [main, agent] }));
        let listed = json!({ "agents": { "list": [{ "id": "A" }] } });
        put_into(listed.clone(), "a", "new", &json!({ "list": [{ "id": "A" }, agent] }));
        put_into(listed, "a", "a", &json!({ "list": [{ "id": "A", "model": "p/m" }] }));
        let entries = json!({ "agents": { "entries": { "a": {} } } });
        let expected = json!({ "entries": { "a": {}, "new": { "model": "p/m" } } });
        put_into(entries, "a", "new", &expected);
    }

    #[test]
    fn the_default_agent_stays_the_one_that_it_was() {
        let entries = json!({ "agents": { "entries": { "z": {} } } });
        let expected =
            json!({ "entries": { "z": { "default": true }, "new": { "model": "p/m" } } });
        put_into(entries, "z", "new", &expected);
        let entries = json!({ "agents": { "entries": { "main": {}, "z": {} } } });
        let expected = json!({ "entries": { "main": {}, "z": {}, "new": { "model": "p/m" } } });
        put_into(entries, "main", "new", &expected);
    }

    #[test]
    fn what_names_an_agent_goes_with_it() {
        let mut says = json!({
            "agents": { "list": [{ "id": "main" }, { "id": "b" }] },
            "tools": { "agentToAgent": { "allow": ["main", "b"] } },
            "bindings": [{ "agentId": "b", "match": {} }, { "agentId": "main" }, { "agentId": " B" }],
        });
        assert_eq!(remove(&mut says, "main", "b"), 2);
        let left = json!({
            "agents": { "list": [{ "id": "main" }] },
            "tools": { "agentToAgent": { "allow": ["main"] } },
            "bindings": [{ "agentId": "main" }],
        });
        assert_eq!(says, left);
        let mut says = json!({ "agents": { "entries": { "main": {}, "B": {} } } });
        assert_eq!(remove(&mut says, "main", "b"), 0);
        assert_eq!(says, json!({ "agents": { "entries": { "main": {} } } }));
    }
}
