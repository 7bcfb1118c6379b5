//! `agents.*`: who answers, and changing that. A change is written to the configuration, and the gateway starts again with it.

use creel_core::{
    gateway::Agent,
    ids::{AgentId, ModelId},
    profile::Version,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::{
    Caller, Outcome, config, nothing, refuse_given,
    write::{self, Base, Wish, Written},
};
use crate::{
    control::{
        frame::ErrorShape,
        plane::Plane,
        schema::{Change, Shape},
    },
    settings::{
        AGENT_ID_CHARS_MAX, Settings,
        change::{self, Error, agents},
        file::Standing,
    },
};

/// The agent that is there where none is configured.
const MAIN: &str = "main";

/// `agents.list`.
pub(super) fn list(plane: &Plane, params: &Value) -> Outcome {
    nothing(plane, "agents.list", params)?;
    let facts = &plane.facts;
    let row = |(id, agent): (&AgentId, &Agent)| {
        let fallbacks: Vec<&str> = agent.fallbacks.iter().map(ModelId::as_str).collect();
        json!({
            "id": id.as_str(),
            "model": { "primary": agent.model.as_str(), "fallbacks": fallbacks },
        })
    };
    Ok(json!({
        "defaultId": facts.default_agent.as_str(), "mainKey": facts.main_key(),
        "scope": "per-sender", "agents": facts.agents.iter().map(row).collect::<Vec<_>>(),
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    #[schemars(length(min = 1))]
    name: String,
    #[schemars(length(min = 1))]
    workspace: Option<String>,
    #[schemars(length(min = 1))]
    model: Option<String>,
    emoji: Option<String>,
    avatar: Option<String>,
}

pub(super) fn create_shape(version: Version) -> Shape<Create> {
    match version {
        Version::V2026_3 => Shape::new().without(&[("", "model")]).requiring(&["workspace"]),
        Version::V2026_9 => Shape::new(),
    }
}

pub(super) fn update_shape(version: Version) -> Shape<Update> {
    match version {
        Version::V2026_3 => Shape::new().without(&[("", "agentRuntime"), ("", "emoji")]),
        Version::V2026_9 => Shape::new(),
    }
}

/// `agents.create`: its id is made of its name.
pub(super) async fn create(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    const METHOD: &str = "agents.create";
    let version = plane.facts.version;
    let Create { name, workspace, model, emoji, avatar } =
        create_shape(version).check(version, METHOD, params)?;
    refuse_avatar(avatar.as_ref())?;
    let name = name.trim().to_owned();
    let id = id_of(&name)?;
    if id == MAIN {
        return Err(ErrorShape::invalid(format!(
            "`{MAIN}` is the name of the agent that is always there"
        )));
    }
    let mut values = Map::new();
    values.insert("name".to_owned(), json!(name));
    put_if_any(&mut values, "workspace", workspace.as_deref().map(folder).transpose()?);
    put_if_any(&mut values, "model", model);
    if let Some(emoji) = emoji.filter(|it| !it.trim().is_empty()) {
        values.insert("identity".to_owned(), json!({ "emoji": emoji.trim() }));
    }
    let new = id.clone();
    let written = written(plane, caller, METHOD, move |says, settings| {
        if settings.core.agents.keys().any(|it| it.as_str() == new) {
            return Err(ErrorShape::invalid(format!("there is an agent `{new}` already")));
        }
        agents::put(says, settings.core.default_agent.as_str(), &new, values);
        Ok(())
    });
    let (written, ()) = written.await?;
    let settings = &written.loaded.settings;
    let found = settings.workspaces.iter().find(|it| it.0.as_str() == id);
    let workspace = found.and_then(|it| it.1.on_disk()).map(|it| it.display().to_string());
    let model = settings.core.agents.iter().find(|it| it.0.as_str() == id);
    let model = model.map(|it| it.1.model.to_string());
    Ok(answered(
        &written,
        &json!({
            "agentId": id, "name": name, "workspace": workspace, "model": model,
        }),
    ))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Update {
    #[schemars(length(min = 1))]
    agent_id: String,
    #[schemars(length(min = 1))]
    name: Option<String>,
    #[schemars(length(min = 1))]
    workspace: Option<String>,
    #[serde(default)]
    model: Change<String>,
    #[schemars(length(min = 1))]
    agent_runtime: Option<String>,
    emoji: Option<String>,
    avatar: Option<String>,
}

/// `agents.update`.
pub(super) async fn update(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    const METHOD: &str = "agents.update";
    let version = plane.facts.version;
    let asked = update_shape(version).check(version, METHOD, params)?;
    let Update { agent_id, name, workspace, model, agent_runtime, emoji, avatar } = asked;
    refuse_given(&[("agentRuntime", agent_runtime.is_some())], "this gateway has one runtime")?;
    refuse_avatar(avatar.as_ref())?;
    let id = known(&agent_id)?;
    let mut values = Map::new();
    put_if_any(
        &mut values,
        "name",
        name.map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()),
    );
    put_if_any(&mut values, "workspace", workspace.as_deref().map(folder).transpose()?);
    match model {
        Change::Keep => {}
        Change::Clear if version == Version::V2026_3 => {
            let why = "invalid agents.update params: at /model: must be string";
            return Err(ErrorShape::invalid(why));
        }
        Change::Clear => _ = values.insert("model".to_owned(), Value::Null),
        Change::Set(model) => _ = values.insert("model".to_owned(), json!(model)),
    }
    let told = id.clone();
    let written = written(plane, caller, METHOD, move |says, settings| {
        there(settings, &id)?;
        let default_agent = settings.core.default_agent.as_str();
        agents::put(says, default_agent, &id, values);
        if let Some(emoji) = emoji {
            let identity = json!({ "emoji": emoji.trim() });
            agents::put(
                says,
                default_agent,
                &id,
                [("identity".to_owned(), identity)].into_iter().collect(),
            );
        }
        Ok(())
    });
    Ok(answered(&written.await?.0, &json!({ "agentId": told })))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    #[schemars(length(min = 1))]
    agent_id: String,
    delete_files: Option<bool>,
}

/// `agents.delete`: with its bindings. Its files stay, whatever is asked for.
pub(super) async fn delete(plane: &Plane, caller: &Caller, params: &Value) -> Outcome {
    const METHOD: &str = "agents.delete";
    let Delete { agent_id, delete_files } =
        Shape::new().check(plane.facts.version, METHOD, params)?;
    let why = "this gateway deletes no agent's files";
    refuse_given(&[("deleteFiles", delete_files == Some(true))], why)?;
    let id = known(&agent_id)?;
    if id == MAIN {
        return Err(ErrorShape::invalid(format!("`{MAIN}` cannot be deleted")));
    }
    let told = id.clone();
    let written = written(plane, caller, METHOD, move |says, settings| {
        there(settings, &id)?;
        let default_agent = settings.core.default_agent.as_str();
        if default_agent == id {
            let why = format!(
                "`{id}` answers where no binding matches: give that to another agent first"
            );
            return Err(ErrorShape::invalid(why));
        }
        Ok(agents::remove(says, default_agent, &id))
    });
    let (written, removed) = written.await?;
    Ok(answered(
        &written,
        &json!({ "agentId": told, "removedBindings": removed, "filesKept": true }),
    ))
}

/// Writes a change of the agents, and has the gateway start again with it.
async fn written<T: Send + 'static>(
    plane: &Plane,
    caller: &Caller,
    method: &'static str,
    edit: impl FnOnce(&mut Value, &Settings) -> Result<T, ErrorShape> + Send + 'static,
) -> Result<(Written, T), ErrorShape> {
    let wish = Wish { method, base_hash: Base::Anything, restart: Some(None) };
    let (tell, mut told) = oneshot::channel();
    let written = write::write(plane, caller, wish, move |standing| {
        let (standing, settings) = good(standing)?;
        let mut says = standing.says.clone().unwrap_or_default();
        let done = edit(&mut says, settings)?;
        // The other end waits for it.
        _ = tell.send(done);
        let wanted = change::becoming(standing, says);
        wanted.map_err(|it| config::refused(&it))
    });
    let written = written.await?;
    let done = told.try_recv().expect("what was written was made first");
    Ok((written, done))
}

/// A file of which the agents are known.
fn good(standing: Option<&Standing>) -> Result<(&Standing, &Settings), ErrorShape> {
    let standing = standing.ok_or_else(|| config::refused(&Error::Broken))?;
    let loaded = standing.loaded.as_ref().map_err(|_| config::refused(&Error::Broken))?;
    Ok((standing, &loaded.settings))
}

fn there(settings: &Settings, id: &str) -> Result<(), ErrorShape> {
    let is_there = settings.core.agents.keys().any(|it| it.as_str() == id);
    let unknown = || ErrorShape::invalid(format!("agent \"{id}\" not found"));
    is_there.then_some(()).ok_or_else(unknown)
}

fn answered(written: &Written, more: &Value) -> Value {
    let mut answer = json!({ "ok": true, "restart": written.restart() });
    for (key, value) in more.as_object().into_iter().flatten().filter(|it| !it.1.is_null()) {
        answer[key] = value.clone();
    }
    answer
}

fn refuse_avatar(avatar: Option<&String>) -> Result<(), ErrorShape> {
    refuse_given(&[("avatar", avatar.is_some())], "this gateway shows no pictures of agents")
}

fn put_if_any(values: &mut Map<String, Value>, key: &str, value: Option<String>) {
    if let Some(value) = value {
        values.insert(key.to_owned(), json!(value));
    }
}

/// Where the gateway was started says nothing about where an agent's folder is.
fn folder(path: &str) -> Result<String, ErrorShape> {
    let path = path.trim();
    let is_absolute = std::path::Path::new(path).is_absolute();
    let wrong =
        || ErrorShape::invalid(format!("found the workspace `{path}`, expected the whole path"));
    is_absolute.then(|| path.to_owned()).ok_or_else(wrong)
}

fn known(id: &str) -> Result<String, ErrorShape> {
    let id = AgentId::new(id).map_err(|it| ErrorShape::invalid(it.to_string()))?;
    Ok(id.to_string())
}

/// Letters, digits, `-` and `_`, in lower case; everything else between them is one `-`.
fn id_of(name: &str) -> Result<String, ErrorShape> {
    let plain = |it: char| if it.is_ascii_alphanumeric() || it == '_' { it } else { ' ' };
    let words: String = name.to_lowercase().chars().map(plain).collect();
    let id = words.split_whitespace().collect::<Vec<_>>().join("-");
    let id: String = id.chars().take(AGENT_ID_CHARS_MAX).collect();
    let id = id.trim_end_matches('-').to_owned();
    let none =
        || ErrorShape::invalid("the name has no letter or digit that an id could be made of");
    Some(id).filter(|it| !it.is_empty()).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_of_a_name() {
        let check = |name: &str, expected: &str| {
            assert_eq!(id_of(name).unwrap_or_default(), expected, "{name}");
        };
        check("Ops", "ops");
        check("  Night Shift -- 2 ", "night-shift-2");
        check("a_b", "a_b");
        check("Ö/../é", "");
        check("../x", "x");
        check(&"n".repeat(80), &"n".repeat(64));
    }
}
