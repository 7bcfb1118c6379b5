//! `agents`: what the configuration says of them, and one more of them.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use creel_document::{edit, json5, problem::Problem};
use serde_json::{Value, json};

use super::{Files, REFUSED, eprintln, operator::print_json, println};
use crate::state::StateFolder;

#[derive(Debug, Subcommand)]
pub(super) enum Agents {
    /// List the agents of the configuration.
    List {
        /// Show which messages are each one's.
        #[arg(long)]
        bindings: bool,
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        files: Files,
    },
    /// Add an agent to the configuration; the gateway has it from its next start on.
    Add {
        /// Its id.
        id: String,
        /// Its model, as `provider/model`; the default one unless given.
        #[arg(long)]
        model: Option<String>,
        /// Its folder.
        #[arg(long)]
        workspace: Option<String>,
        #[command(flatten)]
        files: Files,
    },
}

/// `agents`.
pub(super) fn agents(asked: &Agents) -> anyhow::Result<ExitCode> {
    match asked {
        Agents::List { bindings, json, files } => list_agents(files, *bindings, *json),
        Agents::Add { id, model, workspace, files } => {
            let mut agent = json!({ "id": id });
            if let Some(model) = model {
                agent["model"] = json!(model);
            }
            if let Some(workspace) = workspace {
                agent["workspace"] = json!(workspace);
            }
            add_agent(files, id, &agent)
        }
    }
}

fn list_agents(files: &Files, with_bindings: bool, as_json: bool) -> anyhow::Result<ExitCode> {
    let Some(loaded) = files.load()? else { return Ok(ExitCode::from(REFUSED)) };
    let core = &loaded.settings.core;
    let bindings = loaded.settings.shown.json["bindings"].as_array().cloned().unwrap_or_default();
    let row = |id: &creel_core::ids::AgentId| {
        let own: Vec<&Value> = bindings.iter().filter(|it| it["agentId"] == id.as_str()).collect();
        let mut row = json!({
            "id": id.as_str(), "model": core.agents[id].model.as_str(),
            "isDefault": *id == core.default_agent,
        });
        if with_bindings {
            row["bindings"] = own.iter().map(|it| it["match"].clone()).collect();
        }
        row
    };
    let rows: Vec<Value> = core.agents.keys().map(row).collect();
    if as_json {
        print_json(&json!(rows));
        return Ok(ExitCode::SUCCESS);
    }
    for row in rows {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let mark = if row["isDefault"] == true { " (default)" } else { "" };
        println(&format!("{}{mark}: {}", text("id"), text("model")));
        for binding in row["bindings"].as_array().into_iter().flatten() {
            println(&format!("  {binding}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts an agent where the file has its agents, if the configuration is then still good.
fn add_agent(files: &Files, id: &str, agent: &Value) -> anyhow::Result<ExitCode> {
    let Some(loaded) = files.load()? else { return Ok(ExitCode::from(REFUSED)) };
    let path = files.config_path()?;
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let known = loaded.settings.core.agents.keys().any(|it| it.as_str() == id.to_lowercase());
    if known {
        eprintln(&format!("error: agent `{id}` is configured already"));
        return Ok(ExitCode::from(REFUSED));
    }
    let edited = with_agent(&text, loaded.settings.core.default_agent.as_str(), agent)
        .map_err(|_| anyhow::anyhow!("edit {}", path.display()))?;
    if files.read(&edited)?.is_none() {
        return Ok(ExitCode::from(REFUSED));
    }
    StateFolder::replace_file(&path, &edited)
        .with_context(|| format!("write {}", path.display()))?;
    println(&format!("agent {id} is in {}; start the gateway again", path.display()));
    Ok(ExitCode::SUCCESS)
}

/// The file's text with one more agent: in `agents.entries` where that is how it has them, else at the end of `agents.list`.
fn with_agent(text: &str, default_agent: &str, agent: &Value) -> Result<String, Vec<Problem>> {
    let agents = json5::parse(text)?.to_json()["agents"].clone();
    let mut agent = agent.clone();
    let is_empty = |it: &Value| it.as_object().is_none_or(serde_json::Map::is_empty);
    if !is_empty(&agents["entries"]) {
        let id = agent["id"].take();
        let id = id.as_str().unwrap_or_default();
        agent.as_object_mut().map(|it| it.remove("id"));
        let edited = edit::set(text, &["agents", "entries", id], &agent)?;
        // The first by name is the default one, unless one says that it is.
        let mut entries = agents["entries"].as_object().into_iter().flatten();
        if id < default_agent && !entries.any(|(_, it)| it["default"] == true) {
            let of_default = ["agents", "entries", default_agent, "default"];
            return edit::set(&edited, &of_default, &json!(true));
        }
        return Ok(edited);
    }
    let mut list = agents["list"].as_array().cloned().unwrap_or_default();
    if list.is_empty() {
        // Where none is listed there is one all the same, and it stays.
        list.push(json!({ "id": default_agent, "default": true }));
    }
    list.push(agent);
    edit::set(text, &["agents", "list"], &json!(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_added_where_the_file_has_its_agents() {
        let check = |text: &str, expected: Value| {
            let edited = with_agent(text, "main", &json!({ "id": "new", "model": "p/m" })).unwrap();
            assert_eq!(json5::parse(&edited).unwrap().to_json()["agents"], expected, "{edited}");
        };
        let new = json!({ "id": "new", "model": "p/m" });
        check("{}", json!({ "list": [{ "id": "main", "default": true }, new] }));
        check("{ agents: { list: [ { id: 'a' } ] } }", json!({ "list": [{ "id": "a" }, new] }));
        check(
            "{ agents: { entries: { a: {} } } }",
            json!({ "entries": { "a": {}, "new": { "model": "p/m" } } }),
        );
        // The default agent stays the one that it was.
        check(
            "{ agents: { entries: { main: {}, z: {} } } }",
            json!({ "entries": { "main": {}, "z": {}, "new": { "model": "p/m" } } }),
        );
        let added = with_agent("{ agents: { entries: { z: {} } } }", "z", &new).unwrap();
        let entries = json5::parse(&added).unwrap().to_json()["agents"]["entries"].clone();
        assert_eq!(entries, json!({ "z": { "default": true }, "new": { "model": "p/m" } }));
    }
}
