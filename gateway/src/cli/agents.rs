//! `agents`: what the configuration says of them, and one more of them.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use creel_document::{edit, json5};
use serde_json::{Map, Value, json};

use super::{Files, REFUSED, eprintln, operator::print_json, println};
use crate::{settings::change, state::StateFolder};

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
            let given = [("model", model), ("workspace", workspace)];
            let given = given
                .into_iter()
                .filter_map(|(key, it)| Some((key.to_owned(), json!(it.as_ref()?))));
            add_agent(files, id, given.collect())
        }
    }
}

fn list_agents(files: &Files, with_bindings: bool, as_json: bool) -> anyhow::Result<ExitCode> {
    let Some(loaded) = files.load_of_another()? else { return Ok(ExitCode::from(REFUSED)) };
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
fn add_agent(files: &Files, id: &str, agent: Map<String, Value>) -> anyhow::Result<ExitCode> {
    let Some(loaded) = files.load_of_another()? else { return Ok(ExitCode::from(REFUSED)) };
    let path = files.config_path()?;
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let known = loaded.settings.core.agents.keys().any(|it| it.as_str() == id.to_lowercase());
    if known {
        eprintln(&format!("error: agent `{id}` is configured already"));
        return Ok(ExitCode::from(REFUSED));
    }
    let wrong = || anyhow::anyhow!("edit {}", path.display());
    let mut says = json5::parse(&text).map_err(|_| wrong())?.to_json();
    let default_agent = loaded.settings.core.default_agent.as_str();
    change::agents::put(&mut says, default_agent, id, agent);
    let edited = edit::reshape(&text, &says).map_err(|_| wrong())?;
    if !files.is_good(&edited)? {
        return Ok(ExitCode::from(REFUSED));
    }
    StateFolder::replace_file(&path, &edited)
        .with_context(|| format!("write {}", path.display()))?;
    println(&format!("agent {id} is in {}; start the gateway again", path.display()));
    Ok(ExitCode::SUCCESS)
}
