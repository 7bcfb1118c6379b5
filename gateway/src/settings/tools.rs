//! `tools`, `mcp` and sub-agents: what agents may use, and the servers that have it.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use creel_core::{
    ids::AgentId,
    time::Millis,
    tools::{
        ServerName,
        policy::{Layer, PROFILE_NAMES, Policy, ToolNames},
        settings::{BetweenAgents, Subagents, ToolSettings, Visibility},
    },
};
use creel_document::shape::{Field, Shape};
use serde::Deserialize;

use super::{
    Problems, agents, raw,
    shape::{key, open},
};
use crate::{
    secret::Secret,
    tools::{
        process::{self, Program},
        servers::{Asks, ServerSettings, Way, prefixes},
    },
};

/// How long connecting to a server may take, unless configured.
const CONNECT_WITHIN_MS: u64 = 30_000;

/// How long a call may take, unless configured.
const CALL_WITHIN_MS: u64 = 60_000;

const TEXTS: Shape = Shape::ListOf(&Shape::Text);
const TEXT_MAP: Shape = Shape::MapOf(&Shape::Text);
const WAIT_MS: Shape = Shape::Integer { min: 1, max: 86_400_000 };
const ALLOW: Field =
    key("allow", &TEXTS, "The tools that may be used, with `*` and groups; all if left out.");
const DENY: Field = key("deny", &TEXTS, "Those that may not, whatever else allows them.");
const PROFILE: Field = key("profile", &Shape::OneOf(&PROFILE_NAMES), "A usual set of tools.");
const ALSO: Field = key("alsoAllow", &TEXTS, "What is added to the profile.");

/// An agent's `tools`.
pub(super) const AGENT_TOOLS: Shape = open(&[PROFILE, ALSO, ALLOW, DENY]);
/// An agent's `subagents`.
pub(super) const AGENT_SUBAGENTS: Shape =
    open(&[key("allowAgents", &TEXTS, "Which other agents its sub-agents may be, or `*`.")]);

/// `tools`.
pub(super) const TOOLS: Shape = open(&[
    PROFILE,
    ALSO,
    ALLOW,
    DENY,
    key(
        "sessions",
        &open(&[key(
            "visibility",
            &Shape::OneOf(&["self", "tree", "agent", "all"]),
            "Which conversations' words a conversation's tools may reach.",
        )]),
        "The session tools.",
    ),
    key(
        "agentToAgent",
        &open(&[
            key("enabled", &Shape::Bool, "Whether agents may reach each other's conversations."),
            key("allow", &TEXTS, "Which agents, with `*`."),
        ]),
        "Between agents.",
    ),
    key(
        "subagents",
        &open(&[key("tools", &open(&[ALLOW, DENY]), "What sub-agents may use.")]),
        "Sub-agents.",
    ),
]);

/// `agents.defaults.subagents`.
pub(super) const SUBAGENTS: Shape = open(&[
    key("maxConcurrent", &Shape::Integer { min: 1, max: 10_000 }, "How many run at once."),
    key(
        "maxChildrenPerAgent",
        &Shape::Integer { min: 1, max: 20 },
        "How many of one conversation.",
    ),
    key(
        "runTimeoutSeconds",
        &Shape::Integer { min: 0, max: 31_536_000 },
        "How long one may take; 0 is as long as any run.",
    ),
    key(
        "archiveAfterMinutes",
        &Shape::Integer { min: 0, max: 525_600 },
        "How long a finished one can be read.",
    ),
    key("allowAgents", &TEXTS, "Which other agents they may be, or `*`."),
]);

/// `mcp`.
pub(super) const MCP: Shape =
    open(&[key("servers", &Shape::MapOf(&SERVER), "Servers of tools, by name.")]);

const SERVER: Shape = open(&[
    key("enabled", &Shape::Bool, "Whether it is used."),
    key("command", &Shape::Text, "The program that serves over its standard streams."),
    key("args", &TEXTS, "Its arguments."),
    key("env", &TEXT_MAP, "Variables of its environment."),
    key("cwd", &Shape::Text, "The folder in which it runs."),
    key("workingDirectory", &Shape::Text, "The same."),
    key("url", &Shape::Text, "The address of a server over HTTP."),
    key("transport", &Shape::OneOf(&["streamable-http", "stdio"]), "How it is spoken to."),
    key("headers", &TEXT_MAP, "Headers of every request."),
    key("connectionTimeoutMs", &WAIT_MS, "How long connecting may take."),
    key("requestTimeoutMs", &WAIT_MS, "How long a call may take."),
    key(
        "codex",
        &open(&[key(
            "defaultToolsApprovalMode",
            &Shape::OneOf(&["auto", "prompt", "approve"]),
            "Whether somebody has to allow its calls: each, those of tools that change something, or none.",
        )]),
        "How its calls are allowed.",
    ),
    key("supportsParallelToolCalls", &Shape::Bool, "Whether its calls may run beside others."),
    key(
        "toolFilter",
        &open(&[
            key("include", &TEXTS, "Only these of its tools, with `*`."),
            key("exclude", &TEXTS, "None of these."),
        ]),
        "Which of its tools are taken.",
    ),
]);

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Tools {
    profile: Option<String>,
    also_allow: Vec<String>,
    allow: Vec<String>,
    deny: Vec<String>,
    sessions: Sessions,
    agent_to_agent: AgentToAgent,
    subagents: SubagentTools,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AgentTools {
    profile: Option<String>,
    also_allow: Vec<String>,
    allow: Vec<String>,
    deny: Vec<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Sessions {
    visibility: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct AgentToAgent {
    enabled: bool,
    allow: Vec<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SubagentTools {
    tools: AgentTools,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawSubagents {
    max_concurrent: Option<u32>,
    max_children_per_agent: Option<usize>,
    run_timeout_seconds: Option<u64>,
    archive_after_minutes: Option<u64>,
    allow_agents: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Mcp {
    servers: BTreeMap<String, Server>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Server {
    enabled: Option<bool>,
    command: Option<String>,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    cwd: Option<String>,
    working_directory: Option<String>,
    url: Option<String>,
    headers: BTreeMap<String, String>,
    connection_timeout_ms: Option<u64>,
    request_timeout_ms: Option<u64>,
    supports_parallel_tool_calls: bool,
    codex: Codex,
    tool_filter: Filter,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Codex {
    default_tools_approval_mode: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Filter {
    include: Vec<String>,
    exclude: Vec<String>,
}

impl Tools {
    /// What holds for every agent, in the shape in which each agent has its own.
    fn general(&self) -> AgentTools {
        let Self { profile, also_allow, allow, deny, .. } = self.clone();
        AgentTools { profile, also_allow, allow, deny }
    }
}

/// What an agent may use: its own profile or the general one, then both lists.
pub(super) fn policy(document: &raw::Document, agent: &raw::Agent) -> Policy {
    let (general, own) = (&document.tools.general(), &agent.tools);
    let chosen = if own.profile.is_some() { own } else { general };
    let also: Vec<&str> =
        general.also_allow.iter().chain(&own.also_allow).map(String::as_str).collect();
    let profile = chosen.profile.as_deref().and_then(|it| Policy::profile(it, &also));
    Policy::of([layer(general), layer(own)].into_iter().chain(profile))
}

fn layer(tools: &AgentTools) -> Layer {
    let names = |it: &[String]| ToolNames::of(it.iter().map(String::as_str));
    Layer { allow: names(&tools.allow), deny: names(&tools.deny) }
}

/// Which other agents an agent's sub-agents may be.
pub(super) fn spawns(document: &raw::Document, agent: &raw::Agent) -> Vec<String> {
    let shared = &document.agents.defaults.subagents.allow_agents;
    let names = agent.subagents.allow_agents.as_ref().or(shared.as_ref());
    let id = |it: &String| match AgentId::new(it) {
        Ok(id) => id.to_string(),
        Err(_) => it.clone(),
    };
    names.into_iter().flatten().map(id).collect()
}

/// What is configured about tools beside each agent's policy.
pub(super) fn settings(document: &raw::Document) -> ToolSettings {
    let raw::Document { tools, agents, .. } = document;
    let named = tools.sessions.visibility.as_deref();
    let visibility = Visibility::ALL.into_iter().find(|it| Some(it.name()) == named);
    let AgentToAgent { enabled, allow } = &tools.agent_to_agent;
    let between_agents = match (enabled, allow.is_empty()) {
        (false, _) => BetweenAgents::Off,
        (true, true) => BetweenAgents::Among(vec!["*".to_owned()]),
        (true, false) => BetweenAgents::Among(allow.clone()),
    };
    let (raw, usual) = (&agents.defaults.subagents, Subagents::default());
    let minutes = |it: u64| Millis::from_s(60 * it);
    ToolSettings {
        visibility: visibility.unwrap_or_default(),
        between_agents,
        subagents: Subagents {
            max_concurrent: raw.max_concurrent.unwrap_or(usual.max_concurrent),
            children_max: raw.max_children_per_agent.unwrap_or(usual.children_max),
            timeout: raw.run_timeout_seconds.filter(|it| *it > 0).map(Millis::from_s),
            archive_after: raw.archive_after_minutes.map_or(usual.archive_after, minutes),
            tools: layer(&tools.subagents.tools),
        },
        ..ToolSettings::default()
    }
}

/// The servers of tools.
pub(super) fn servers(
    document: &raw::Document,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Vec<ServerSettings> {
    let servers = &document.mcp.servers;
    let prefixes = prefixes(servers.keys().map(String::as_str));
    let mut settings = Vec::new();
    for ((name, server), prefix) in servers.iter().zip(prefixes) {
        let Some(way) = way(name, server, problems, warnings) else { continue };
        if server.enabled == Some(false) {
            continue;
        }
        let within = |ms: Option<u64>, usual| Duration::from_millis(ms.unwrap_or(usual));
        settings.push(ServerSettings {
            name: ServerName(name.as_str().into()),
            prefix,
            way,
            connect_within: within(server.connection_timeout_ms, CONNECT_WITHIN_MS),
            call_within: within(server.request_timeout_ms, CALL_WITHIN_MS),
            parallel: server.supports_parallel_tool_calls,
            asks: asks(server.codex.default_tools_approval_mode.as_deref()),
            include: server.tool_filter.include.clone(),
            exclude: server.tool_filter.exclude.clone(),
        });
    }
    settings
}

fn asks(mode: Option<&str>) -> Asks {
    match mode {
        Some("prompt") => Asks::Always,
        Some("auto") => Asks::Unannotated,
        // What is not configured asks nobody, as in OpenClaw's own posture.
        Some(_) | None => Asks::Never,
    }
}

/// `approvals`.
pub(super) const APPROVALS: Shape = open(&[key(
    "exec",
    &open(&[
        key("enabled", &Shape::Bool, "Whether those who may allow a call are asked in its chat."),
        key("mode", &Shape::OneOf(&["session", "targets", "both"]), "Where they are asked."),
    ]),
    "Where calls that wait are told.",
)]);

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Approvals {
    exec: Forwarding,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Forwarding {
    enabled: bool,
    mode: Option<String>,
}

/// Whether those who may allow a call are asked in its chat.
pub(super) fn approve_in_chat(document: &raw::Document) -> bool {
    let Forwarding { enabled, mode } = &document.approvals.exec;
    *enabled && mode.as_deref() != Some("targets")
}

fn way(
    name: &str,
    server: &Server,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<Way> {
    let path = format!("mcp.servers.{name}");
    let secrets = |it: &BTreeMap<String, String>| -> BTreeMap<String, Secret> {
        it.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))).collect()
    };
    match (&server.url, &server.command) {
        (Some(url), None) => {
            if !agents::is_http(url) {
                let what =
                    format!("found `{url}`, expected an address with `http://` or `https://`");
                problems.add(&format!("{path}.url"), what);
                return None;
            }
            Some(Way::Http { url: url.clone(), headers: secrets(&server.headers) })
        }
        (None, Some(command)) => {
            let (kept, refused): (BTreeMap<_, _>, BTreeMap<_, _>) =
                secrets(&server.env).into_iter().partition(|(name, _)| process::may_set(name));
            for variable in refused.keys() {
                warnings.push(format!(
                    "`{path}.env.{variable}` is not passed on: it would load code into the program"
                ));
            }
            let cwd = server.cwd.as_ref().or(server.working_directory.as_ref());
            let (command, args) = (command.clone(), server.args.clone());
            Some(Way::Program(Program { command, args, env: kept, cwd: cwd.map(PathBuf::from) }))
        }
        (Some(_), Some(_)) | (None, None) => {
            problems.add(&path, "expected either `command` or `url`");
            None
        }
    }
}
