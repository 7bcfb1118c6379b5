//! `agents` and `models`: who answers, with which model, with whose key, from which folder.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Problems, Source,
    credentials::{self, Held},
    mentions,
    providers::Providers,
    raw, tools,
};
use crate::{credentials::Renewable, secret::Secret};
use creel_core::{
    gateway::Agent,
    ids::{AgentId, ModelId, ProfileId},
    profile::{Profile, Version},
    routing::{Agents, Listed},
    time::Millis,
};

/// The agents, in the order of the configuration.
pub(super) struct Roster {
    pub(super) listed: Agents,
    pub(super) agents: BTreeMap<AgentId, Agent>,
    pub(super) keys: BTreeMap<AgentId, BTreeMap<ProfileId, Secret>>,
    pub(super) logins: BTreeMap<(AgentId, ProfileId), Renewable>,
    pub(super) workspaces: BTreeMap<AgentId, PathBuf>,
}

/// Whether an address can be called.
pub(super) fn is_http(address: &str) -> bool {
    let parsed = address.parse::<hyper::Uri>();
    parsed.is_ok_and(|it| matches!(it.scheme_str(), Some("http" | "https")) && it.host().is_some())
}

pub(super) fn run_timeout(document: &raw::Document, profile: &Profile) -> Millis {
    document.agents.defaults.timeout_seconds.map_or(profile.run_timeout, Millis::from_s)
}

/// An agent as the file has it, with the path of its entry.
struct Entry {
    path: String,
    agent: raw::Agent,
}

pub(super) fn roster(
    source: &Source<'_>,
    document: &raw::Document,
    providers: &Providers,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<Roster> {
    let mut roster = Roster {
        listed: Agents::default(),
        agents: BTreeMap::new(),
        keys: BTreeMap::new(),
        logins: BTreeMap::new(),
        workspaces: BTreeMap::new(),
    };
    let mut complete = true;
    for Entry { path, agent } in entries(source.version, document, problems)? {
        let Ok(id) = AgentId::new(&agent.id) else {
            problems.add(&path, "the agent's id is empty");
            continue;
        };
        // It is a folder's name, and a part of sessions' keys.
        if !is_a_name(id.as_str()) {
            let why = format!(
                "found the id `{id}`, expected letters, digits, `_` and `-`: at most {ID_CHARS_MAX}, the first a letter or a digit"
            );
            problems.add(&path, why);
            continue;
        }
        if roster.agents.contains_key(&id) {
            problems.add(&path, format!("there are two agents `{id}`, expected ids to be unique"));
            continue;
        }
        let model = models(source, document, (&path, &agent), providers, problems);
        let held =
            credentials::of_agent(source, document, (&id, &providers.by_name), problems, warnings);
        let folder = workspace(source.state_dir, document, &id, &agent);
        roster.workspaces.insert(id.clone(), folder);
        let name = agent.name.as_deref().unwrap_or(id.as_str());
        let system: Arc<str> = format!("You are {name}, an assistant (agent `{id}`).").into();
        let (Some((model, fallbacks)), Some(Held { credentials, health, keys, logins })) =
            (model, held)
        else {
            complete = false;
            continue;
        };
        roster.listed.0.push(Listed { id: id.clone(), default: agent.default });
        roster.keys.insert(id.clone(), keys);
        let logins = logins.into_iter().map(|(it, login)| ((id.clone(), it), login));
        roster.logins.extend(logins);
        let mentions = mentions::mentions(document, (&path, &agent), warnings);
        let (tools, spawns) = (tools::policy(document, &agent), tools::spawns(document, &agent));
        let agent =
            Agent { model, fallbacks, credentials, health, system, mentions, tools, spawns };
        roster.agents.insert(id, agent);
    }
    complete.then_some(roster)
}

/// How long an agent's id may be. All its characters are a byte each.
pub const ID_CHARS_MAX: usize = 64;

fn is_a_name(id: &str) -> bool {
    let is_meant = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-');
    id.len() <= ID_CHARS_MAX
        && id.starts_with(|it: char| it.is_ascii_alphanumeric())
        && id.chars().all(is_meant)
}

/// `agents.list` or `agents.entries`; without either, the one agent `main`.
fn entries(
    version: Version,
    document: &raw::Document,
    problems: &mut Problems<'_>,
) -> Option<Vec<Entry>> {
    let raw::Agents { list, entries, .. } = &document.agents;
    if !list.is_empty() && !entries.is_empty() {
        problems.add(
            "agents.entries",
            "found both `agents.list` and `agents.entries`, expected one of them",
        );
        return None;
    }
    let listed = list.iter().enumerate().map(|(index, agent)| Entry {
        path: format!("agents.list[{index}]"),
        agent: agent.clone(),
    });
    let named = entries.iter().map(|(id, agent)| Entry {
        path: format!("agents.entries.{id}"),
        agent: raw::Agent { id: id.clone(), ..agent.clone() },
    });
    let mut all: Vec<Entry> = listed.chain(named).collect();
    if all.is_empty() {
        let agent = raw::Agent { id: "main".to_owned(), ..raw::Agent::default() };
        let path = match version {
            Version::V2026_3 => "agents.list",
            Version::V2026_9 => "agents.entries",
        };
        all.push(Entry { path: path.to_owned(), agent });
    }
    Some(all)
}

/// The models of an agent: the wanted one, and its fallbacks.
fn models(
    source: &Source<'_>,
    document: &raw::Document,
    (path, agent): (&str, &raw::Agent),
    providers: &Providers,
    problems: &mut Problems<'_>,
) -> Option<(ModelId, Vec<ModelId>)> {
    let own = agent.model.as_ref().map(|it| (format!("{path}.model"), it));
    let shared = document.agents.defaults.model.as_ref();
    let shared = shared.map(|it| ("agents.defaults.model".to_owned(), it));
    let primary = |it: &serde_json::Value| {
        it.as_str().or_else(|| it.get("primary")?.as_str()).map(ToOwned::to_owned)
    };
    let given =
        |(path, value): &(String, &serde_json::Value)| Some((path.clone(), primary(value)?));
    let Some((path, found)) = own.as_ref().and_then(given).or_else(|| given(shared.as_ref()?))
    else {
        let why =
            "there is no model: expected `model` here or in `agents.defaults`, as `provider/model`";
        problems.add(path, why);
        return None;
    };
    let has_own_primary = own.as_ref().and_then(given).is_some();
    let own_fallbacks = own.filter(|(_, it)| it.get("fallbacks").is_some());
    // In 2026.9 an agent's own model is meant exactly, unless it brings its own fallbacks.
    let inherits = source.version == Version::V2026_3 || !has_own_primary;
    let chain = own_fallbacks.or_else(|| shared.filter(|_| inherits));
    let mut fallbacks = Vec::new();
    if let Some((path, list)) = chain.and_then(|(path, it)| Some((path, it.get("fallbacks")?))) {
        for (index, it) in list.as_array().into_iter().flatten().enumerate() {
            let path = format!("{path}.fallbacks[{index}]");
            fallbacks.extend(known(&path, it.as_str().unwrap_or_default(), providers, problems));
        }
    }
    Some((known(&path, &found, providers, problems)?, fallbacks))
}

/// A model of a known provider.
fn known(
    path: &str,
    found: &str,
    providers: &Providers,
    problems: &mut Problems<'_>,
) -> Option<ModelId> {
    let provider = found.split_once('/').map(|(provider, _)| provider);
    let is_known = provider.is_some_and(|it| providers.by_name.contains_key(it));
    if is_known && !found.ends_with('/') {
        return ModelId::new(found).ok();
    }
    let names = match providers.by_name.len() {
        0 => "there is none".to_owned(),
        _ => creel_document::names::list(providers.by_name.keys().map(String::as_str)),
    };
    let expected =
        format!("expected `provider/model` with a provider of `models.providers` ({names})");
    problems.add(path, format!("found `{found}`, {expected}"));
    None
}

fn workspace(
    state_dir: &Path,
    document: &raw::Document,
    id: &AgentId,
    agent: &raw::Agent,
) -> PathBuf {
    let shared = document.agents.defaults.workspace.as_ref().filter(|_| id.as_str() == "main");
    match agent.workspace.as_ref().or(shared) {
        Some(folder) => PathBuf::from(folder),
        None if id.as_str() == "main" => state_dir.join("workspace"),
        None => state_dir.join(format!("workspace-{id}")),
    }
}
