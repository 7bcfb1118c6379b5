//! OpenClaw's `openclaw.json`, read and checked: all problems at once, each with its line, column and key.
//!
//! Keys that we do not support yet are ignored and listed, unless ignoring them would change who answers or who may
//! speak: those are refused.

mod admission;
mod agents;
mod broadcast;
pub mod change;
mod channels;
mod commands;
mod credentials;
pub mod cron;
pub(crate) mod environment;
pub mod file;
mod mentions;
mod messages;
mod providers;
mod raw;
mod reference;
mod secrecy;
mod session;
mod shape;
mod shared;
mod streaming;
#[cfg(test)]
mod tests;
mod tools;
mod web;

pub use self::agents::ID_CHARS_MAX as AGENT_ID_CHARS_MAX;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path as FilePath,
};

use creel_core::{
    cron::Cron,
    gateway,
    ids::{AccountId, AgentId, Channel, ModelId, ProfileId},
    life::LifeRules,
    profile::Version,
};
use creel_document::{
    check::{IgnoredKey, check},
    json5,
    path::{Part, Path},
    problem::{Problem, Report},
    tree::Node,
};
use serde::Deserialize as _;

use crate::{
    channels::Account,
    clock::WallClock,
    control::device::fingerprint,
    credentials::Renewable,
    entropy::Entropy,
    log::Tail,
    media::Folder,
    outside::Provider,
    secret::{Masks, Secret},
    state::StateFolder,
    tools::servers::ServerSettings,
};

/// The gateway's port unless configured.
pub const PORT: u16 = 18_789;

/// Where a configuration comes from, and everything else that reading it may ask.
pub struct Source<'a> {
    /// The file's name, for messages.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
    /// The version of the contract.
    pub version: Version,
    /// The environment, for `${NAME}`.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a file of the state folder, by its path below it; none if there is no such file.
    pub state_file: &'a dyn Fn(&str) -> io::Result<Option<String>>,
    /// The state folder.
    pub state_dir: &'a FilePath,
    /// How many CPUs the machine has.
    pub cpus: usize,
}

impl<'a> Source<'a> {
    /// A configuration that stands alone: no environment and no state files.
    pub fn alone(version: Version, text: &'a str) -> Self {
        Self {
            name: "openclaw.json",
            text,
            version,
            env: &|_| None,
            state_file: &|_| Ok(None),
            state_dir: FilePath::new("/state"),
            cpus: 1,
        }
    }
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The configuration, as an operator may see it: nothing secret is in it.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The file's path.
    pub path: String,
    /// What it says, written down without its comments.
    pub text: String,
    /// What it says, with stars for what is secret.
    pub json: serde_json::Value,
    /// The SHA-256 of the file as it is, in hexadecimal.
    pub hash: String,
}

/// What the gateway runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The core's part.
    pub core: gateway::Settings,
    /// Where the gateway listens.
    pub listen: SocketAddr,
    /// The clock of calendar rules: the machine's, unless a simulation puts another here.
    pub wall_clock: WallClock,
    /// The configuration, as an operator may see it.
    pub shown: Shown,
    /// What it says that is secret.
    pub masks: Masks,
    /// What cron jobs may name.
    pub jobs: cron::Ground,
    /// Where it stands, if that is a file.
    pub file: Option<file::ConfigFile>,
    /// What was logged lately.
    pub log: Tail,
    /// The token of operator calls.
    pub token: Option<Secret>,
    /// Where nonces and tokens come from: the operating system, unless a simulation puts a seed here.
    pub entropy: Entropy,
    /// What is served over HTTP beside health.
    pub web: crate::control::web::Settings,
    /// Whether every address counts as this machine's own. Only in a simulation, whose hosts stand for one machine.
    pub all_are_near: bool,
    /// The accounts that receive, of every channel.
    pub accounts: BTreeMap<(Channel, AccountId), Account>,
    /// Providers by name.
    pub providers: BTreeMap<String, Provider>,
    /// Each agent's secrets, by credential.
    pub keys: BTreeMap<AgentId, BTreeMap<ProfileId, Secret>>,
    /// The logins among their credentials, which are renewed.
    pub logins: BTreeMap<(AgentId, ProfileId), Renewable>,
    /// Servers of tools.
    pub servers: Vec<ServerSettings>,
    /// Each agent's folder: on the disk, unless a simulation puts another here.
    pub workspaces: BTreeMap<AgentId, Folder>,
    /// The state folder: on the disk, unless a simulation puts another here.
    pub state: StateFolder,
}

/// A configuration that was accepted.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    /// What a person should know about it.
    pub warnings: Vec<String>,
    /// Keys that are not supported yet and change nothing about who answers or who may speak.
    pub ignored: Vec<String>,
}

impl Settings {
    /// The same for the next life in the same process, with what outlives the first.
    #[must_use]
    pub fn after(self, earlier: Self) -> Self {
        let Self { wall_clock, log, entropy, all_are_near, .. } = earlier;
        Self { wall_clock, log, entropy, all_are_near, ..self }
    }

    /// Where a program on this machine reaches the gateway: `0.0.0.0` is where it listens, and no name of this machine.
    pub fn reachable(&self) -> SocketAddr {
        let ip = match self.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        SocketAddr::new(ip, self.listen.port())
    }
}

impl Loaded {
    /// Makes the agents' folders that are not there yet.
    ///
    /// # Errors
    ///
    /// The operating system's, and which folder it is about.
    pub fn make_workspaces(&self) -> io::Result<()> {
        let on_disk = self.settings.workspaces.values().filter_map(Folder::on_disk);
        for folder in on_disk.filter(|it| !it.is_dir()) {
            let why = |it: io::Error| {
                io::Error::new(it.kind(), format!("make the workspace {}: {it}", folder.display()))
            };
            std::fs::create_dir_all(folder).map_err(why)?;
        }
        Ok(())
    }

    /// Logs what a person should know about it.
    pub fn tell(&self) {
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
        if !self.ignored.is_empty() {
            let keys = self.ignored.join(", ");
            tracing::warn!(keys, "these configuration keys are not supported yet and are ignored");
        }
    }

    /// The configuration in a few lines.
    pub fn summary(&self) -> String {
        let Settings { core, listen, accounts, providers, .. } = &self.settings;
        let names = |it: Vec<String>| if it.is_empty() { "none".to_owned() } else { it.join(", ") };
        let agents =
            core.agents.iter().map(|(id, agent)| format!("{id} ({})", agent.model)).collect();
        let accounts = accounts.values().map(Account::name).collect();
        format!(
            "configuration accepted: profile {}, listens on {listen}\n\
             agents: {}\naccounts: {}\nproviders: {}",
            core.profile.version.name(),
            names(agents),
            names(accounts),
            names(providers.keys().cloned().collect())
        )
    }
}

/// Collects what is wrong, with its place in the file.
struct Problems<'a> {
    tree: &'a Node,
    found: Vec<Problem>,
}

impl Problems<'_> {
    /// Adds a problem at a path like `bindings[2].agentId`. What was left out has its parent's place.
    fn add(&mut self, path: &str, message: impl Into<String>) {
        let path: Path = path.parse().unwrap_or_default();
        let span = (0..=path.parts().len())
            .rev()
            .find_map(|length| self.tree.find(&Path::from(path.parts().get(..length)?)))
            .map_or(0..0, |it| it.span.clone());
        self.found.push(Problem::new(span, path, message));
    }
}

/// Reads a configuration.
///
/// # Errors
///
/// Every problem of the file.
pub fn load(source: &Source<'_>) -> Result<Loaded, Report> {
    let mut tree = json5::parse(source.text).map_err(|problems| {
        Report::new(source.name, secrecy::shown_broken_text(source.text), problems)
    })?;
    let (written, missing) = environment::substitute(&mut tree, source.env);
    let refuse = |problems: Vec<Problem>| {
        let hidden = problems.into_iter().map(|it| secrecy::without_secrets(it, &tree, &written));
        Report::new(source.name, secrecy::shown_text(source.text, &tree), hidden.collect())
    };
    let checked = check(&tree, &shape::DOCUMENT);
    let (refused, ignored) = split_ignored(checked.ignored);
    let found: Vec<Problem> = [missing, checked.problems, refused].into_iter().flatten().collect();
    if !found.is_empty() {
        return Err(refuse(found));
    }
    let file = tree.to_json();
    let document =
        raw::Document::deserialize(&file).expect("a checked document has the raw types' shape");
    let mut problems = Problems { tree: &tree, found: Vec::new() };
    let loaded = convert(source, (&file, &document), &mut problems);
    match loaded {
        Some((mut settings, mut warnings)) if problems.found.is_empty() => {
            settings.core.cron = cron::read(source, &settings.jobs, &mut warnings)?;
            settings.shown = shown(source, &tree);
            let keys = settings.keys.values().flat_map(BTreeMap::values).cloned();
            settings.masks = Masks::new(secrecy::values(&tree).into_iter().chain(keys));
            Ok(Loaded { settings, warnings, ignored })
        }
        _ => Err(refuse(problems.found)),
    }
}

fn shown(source: &Source<'_>, tree: &Node) -> Shown {
    let json = secrecy::shown_json(source.text, tree);
    let text = serde_json::to_string_pretty(&json).expect("JSON can be written");
    let hash = fingerprint(source.text.as_bytes());
    Shown { path: source.name.to_owned(), text, json, hash }
}

/// The configuration's shape as JSON Schema.
pub fn json_schema() -> serde_json::Value {
    creel_document::schema::json_schema(&shape::DOCUMENT, "openclaw.json")
}

type Converted = (Settings, Vec<String>);

/// None only after a problem was added; a problem may also be added beside a result, to report as many as there are.
fn convert(
    source: &Source<'_>,
    (file, document): (&serde_json::Value, &raw::Document),
    problems: &mut Problems<'_>,
) -> Option<Converted> {
    let profile = source.version.profile();
    let mut warnings = Vec::new();
    let providers = providers::providers(document, problems);
    let roster = agents::roster(source, document, &providers, problems, &mut warnings);
    let found = channels::read(source, document, problems, &mut warnings);
    let routing = roster.as_ref().and_then(|it| {
        channels::routing(&profile, document, (&found, it), problems, &mut warnings)
    });
    let keys = channels::key_rules(source.version, document, problems, &mut warnings);
    let admission = admission::rules(&found, keys.dm_scope(), problems, &mut warnings);
    let life = session::life(source, document, problems, &mut warnings);
    let (queue, bursts) = messages::queue(source.version, document, problems);
    let streaming = streaming::streaming(source.version, (file, document), problems);
    let token = token(source, document, problems);
    let web = web::read(document, token.as_ref(), problems, &mut warnings);
    let servers = tools::servers(document, problems, &mut warnings);
    cron::check_settings(source.version, document, problems);
    // All has been looked at, so that all problems are told at once.
    let (roster, routing, admission) = (roster?, routing?, admission?);
    let broadcasts =
        broadcast::broadcasts(source.version, document, &roster, problems, &mut warnings);
    let folders = roster.workspaces.iter();
    let jobs = jobs(document, &roster, (&providers.models, &life, &found));
    let settings = Settings {
        core: gateway::Settings {
            profile,
            default_agent: roster.listed.first(),
            models: providers.models,
            admission,
            bursts,
            routing,
            broadcasts,
            keys,
            history: shared::history(file),
            owners: commands::owners(source.version, document, &found, &mut warnings),
            commanders: commands::commanders(document),
            send_policy: commands::send_policy(document),
            life,
            reset_triggers: session::reset_triggers(document),
            queue,
            max_concurrent: width(source, document),
            run_timeout: agents::run_timeout(document, &profile),
            failover: credentials::policy(document, &profile),
            disabled_first: credentials::disabled_first(document),
            tools: tools::settings(document),
            approve_in_chat: tools::approve_in_chat(document),
            // Read last, since jobs name what stands here.
            cron: Cron::default(),
            streaming,
            text_limits: channels::text_limits(&found),
            agents: roster.agents,
        },
        listen: SocketAddr::new(bind(document), document.gateway.port.unwrap_or(PORT)),
        wall_clock: WallClock::system(),
        shown: Shown::default(),
        masks: Masks::default(),
        jobs,
        file: None,
        log: Tail::default(),
        token,
        web,
        entropy: Entropy::System,
        all_are_near: false,
        accounts: found.into_iter().flat_map(channels::Found::into_accounts).collect(),
        providers: providers.by_name,
        keys: roster.keys,
        logins: roster.logins,
        servers,
        state: StateFolder::Disk(source.state_dir.to_owned()),
        workspaces: folders.map(|(id, it)| (id.clone(), Folder::Disk(it.clone()))).collect(),
    };
    Some((settings, warnings))
}

/// What jobs may name.
fn jobs(
    document: &raw::Document,
    roster: &agents::Roster,
    (models, life, found): (&BTreeSet<ModelId>, &LifeRules, &[channels::Found]),
) -> cron::Ground {
    let (enabled, max_concurrent) = cron::of(document);
    cron::Ground {
        enabled,
        max_concurrent,
        agents: roster.agents.keys().cloned().collect(),
        models: models.clone(),
        default_agent: roster.listed.first(),
        zone: life.zone.clone(),
        channels: found.iter().map(channels::Found::account_ids).collect(),
    }
}

/// The main lane's width, if none is configured: `2026.9` gives a big machine more.
fn width(source: &Source<'_>, document: &raw::Document) -> u32 {
    let least = source.version.profile().main_lane_width;
    let usual = match source.version {
        Version::V2026_3 => least,
        Version::V2026_9 => least.max(u32::try_from(4 * source.cpus).unwrap_or(least)),
    };
    document.agents.defaults.max_concurrent.unwrap_or(usual)
}

fn bind(document: &raw::Document) -> IpAddr {
    match document.gateway.bind.as_deref() {
        Some("lan") => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

/// An empty token would let everybody in who sends an empty one.
fn token(
    source: &Source<'_>,
    document: &raw::Document,
    problems: &mut Problems<'_>,
) -> Option<Secret> {
    let configured = document.gateway.auth.token.as_ref();
    if configured.is_some_and(|it| it.trim().is_empty()) {
        let why = "found an empty token, expected one that is hard to guess, or no `token` at all";
        problems.add("gateway.auth.token", why);
    }
    let given = (source.env)("OPENCLAW_GATEWAY_TOKEN").filter(|it| !it.trim().is_empty());
    match (document.gateway.auth.mode.as_deref(), configured, given) {
        (Some("none"), Some(_), _) => {
            let why = "found a token beside `mode: none`, expected one of them";
            problems.add("gateway.auth.token", why);
            None
        }
        (Some("none"), None, _) => None,
        (Some("token"), None, None) => {
            let why = "found `token` and no token, expected `gateway.auth.token` or OPENCLAW_GATEWAY_TOKEN";
            problems.add("gateway.auth.mode", why);
            None
        }
        // What clients show is read without the space around it too.
        (_, configured, given) => configured.cloned().or(given).map(|it| Secret::new(it.trim())),
    }
}

/// Keys that must not be ignored become problems; the others are listed.
fn split_ignored(ignored: Vec<IgnoredKey>) -> (Vec<Problem>, Vec<String>) {
    let mut problems = Vec::new();
    let mut listed = Vec::new();
    for IgnoredKey { path, span } in ignored {
        match why_refused(&path) {
            Some(why) => {
                let message =
                    format!("`{path}` is not supported yet and cannot be ignored, since {why}");
                problems.push(Problem::new(span, path, message).help("remove it"));
            }
            None => listed.push(path.to_string()),
        }
    }
    (problems, listed)
}

/// `$include` may stand anywhere.
fn why_refused(path: &Path) -> Option<&'static str> {
    if matches!(path.parts().last(), Some(Part::Key(key)) if key == "$include") {
        return Some("the other file may decide who answers and who may speak");
    }
    let refused = shape::REFUSED.iter().find(|(pattern, _)| matches(pattern, path));
    let ours = |pattern: &[&str]| matches(pattern, path);
    refused.map(|(_, why)| *why).or_else(|| channels::discord::why_refused(ours))
}

fn matches(pattern: &[&str], path: &Path) -> bool {
    let same = |(expected, part): (&&str, &Part)| match part {
        Part::Key(key) => *expected == "*" || *expected == key,
        Part::Index(_) => *expected == "*",
    };
    pattern.len() == path.parts().len() && pattern.iter().zip(path.parts()).all(same)
}
