//! A target: how a gateway under test is started as a process, and how the harness knows that it is ready.
//!
//! A manifest is TOML with minijinja templates in it; an unknown variable or key is an error. No code of the harness is
//! needed in the gateway.

mod claims;
mod configuration;
pub mod install;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use creel_judge::context::Choices;
use serde::{Deserialize, Serialize};

use crate::{scenario::Scenario, world::RealClock};

pub use self::{
    claims::{Claims, Excluded, FEATURES, needs},
    install::Install,
};

/// How many hops longer a run waits for more than it would for the reference.
const HOPS_TO_SETTLE: u32 = 4;

/// The name of our own gateway.
pub const REFERENCE: &str = "reference";

/// The manifests that come with the program, by name.
pub const BUILT_IN: &[(&str, &str)] = &[
    (REFERENCE, include_str!("../targets/reference.toml")),
    ("openclaw-2026.3", include_str!("../targets/openclaw-2026.3.toml")),
    ("openclaw-2026.9", include_str!("../targets/openclaw-2026.9.toml")),
    ("nanobot", include_str!("../targets/nanobot.toml")),
    ("hermes-agent", include_str!("../targets/hermes-agent.toml")),
];

/// A gateway under test.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Target {
    /// Its name in reports.
    pub name: String,
    /// The release that the manifest was written for, as the gateway writes it.
    pub version: Option<String>,
    /// What it is, in a sentence.
    pub about: Option<String>,
    /// The contract profiles that it claims.
    pub profiles: Vec<String>,
    /// The program and its arguments, each a template.
    pub argv: Vec<String>,
    /// The environment beside `PATH`, each value a template.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The name of the configuration file in the sandbox.
    #[serde(default = "configuration::file_name")]
    pub config_file: String,
    /// The template of the configuration file: OpenClaw's, unless it says otherwise.
    #[serde(default = "configuration::openclaws")]
    pub config: String,
    /// What is merged over OpenClaw's configuration before the template sees it. Its texts are templates.
    #[serde(default)]
    pub patch: toml::Table,
    /// Where it takes the base's provider's key from.
    #[serde(default)]
    pub credentials: Credentials,
    /// Commands that run in the sandbox before it is started, in this order.
    #[serde(default)]
    pub prepare: Vec<Prepare>,
    /// Further files, by path below the sandbox; both are templates.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Where it comes from.
    pub install: Option<Install>,
    /// Keys of OpenClaw's configuration that it does not know, such as `channels.telegram.apiRoot`; `*` is any one part.
    #[serde(default)]
    pub without: Vec<String>,
    /// The channels on which it plays scenarios that are written for another one, by that one's name: the first that can
    /// carry a scenario.
    #[serde(default)]
    pub channels: BTreeMap<String, Vec<String>>,
    /// The hosts that it insists on, and the channel whose twin each is behind the proxy of the run, such as `telegram` by
    /// `api.telegram.org`. There is a proxy where there is one.
    #[serde(default)]
    pub hosts: BTreeMap<String, String>,
    /// What it claims to do. Everything, unless it says otherwise.
    #[serde(default)]
    pub claims: Claims,
    /// How many cases its suite has at the most, unless the user asks for all: those that judge most of what it claims, what
    /// it must do first. For targets that take long to start.
    pub cases: Option<usize>,
    /// How many of it run at once, unless the user says so: as many as this machine bears.
    pub jobs: Option<usize>,
    /// What a case costs it at the least, its start, its end and its work, in seconds of one core; each command of
    /// `[[prepare]]` counts as much again. That is how long its suite takes where it does not wait, and why one long
    /// scenario is better than two short ones.
    #[serde(default = "configuration::cpu_s")]
    pub cpu_s: u64,
    /// How long it may take to end after it was asked to, in seconds.
    #[serde(default = "configuration::grace_s")]
    pub grace_s: u64,
    /// When it is ready.
    pub ready: Ready,
    /// What bounds in time are widened by at the least, in milliseconds: how long a hop through the gateway may take on
    /// a busy machine.
    #[serde(default)]
    pub slack_ms: u64,
    /// The same where it was not warmed up, since nobody is let in whom the scenario does not name.
    #[serde(default)]
    pub slack_cold_ms: u64,
    /// What of time it can be shown.
    #[serde(default)]
    pub clock: RealClock,
    /// How long it may need from a message to its turn, in milliseconds. Scenarios are written for a gateway that needs
    /// next to nothing; they go as many times slower as their shortest wait needs.
    #[serde(default)]
    pub hop_ms: u64,
    /// How messages begin in which it tells the model something of its own, as if a person did: what they quote is nobody's
    /// turn.
    #[serde(default)]
    pub own_messages: Vec<String>,
    /// What it does where the contract leaves a choice.
    #[serde(default)]
    pub choices: Choices,
    /// The folder of the manifest, for what lies beside it. Empty for a built-in target.
    #[serde(skip)]
    pub here: PathBuf,
    /// How the operator approves a pairing code, if it can be done over HTTP.
    pub approve_pairing: Option<ApprovePairing>,
}

/// Where a target takes the key of the base's provider from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Credentials {
    /// From each agent's `auth-profiles.json`, as OpenClaw 2026.3 has it.
    #[default]
    Profiles,
    /// From the configuration. Only a scenario with providers of its own writes `auth-profiles.json`.
    Configuration,
}

/// A command that makes a sandbox ready, such as one that imports credentials.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Prepare {
    /// The program and its arguments, each a template. It gets the target's environment.
    pub argv: Vec<String>,
    /// It runs only for scenarios that need one of these features; always, if there is none.
    #[serde(default, deserialize_with = "claims::features")]
    pub needed_for: BTreeSet<String>,
}

/// When a target is ready: every account polled, and this.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ready {
    /// A path of the gateway's port that answers 200.
    pub http_path: Option<String>,
    /// How long the answer to a message of the harness's own may take, which is sent before the scenario begins, in
    /// seconds: the first turn of some gateways loads half of them. No such message, unless this is given.
    pub warm_up_within_s: Option<u64>,
    /// How long that may take, in seconds.
    pub within_s: u64,
}

/// How the operator approves a pairing code: an HTTP call with `POST`, `{channel, code}` and the gateway's token as bearer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ApprovePairing {
    /// The path on the gateway's port.
    pub http_path: String,
}

/// What a manifest's templates may name.
#[derive(Clone, Debug, Serialize)]
pub struct Variables<'a> {
    /// The `creel` program.
    pub creel: &'a Path,
    /// The folder of the manifest.
    pub here: &'a Path,
    /// The folder that the target is installed in.
    pub install: &'a Path,
    /// The folder of this run, with everything below in it.
    pub sandbox: &'a Path,
    /// The configuration file.
    pub config_file: &'a Path,
    /// The state folder.
    pub state_dir: &'a Path,
    /// The gateway's port.
    pub port: u16,
    /// Another one, for targets that have two.
    pub spare_port: u16,
    /// The contract profile.
    pub profile: &'a str,
    /// The seed.
    pub seed: u64,
    /// The proxy of the run, as `http://host:port`; empty unless the manifest has `[hosts]`.
    pub proxy: &'a str,
    /// The certificate of the authority that the proxy's certificates are from.
    pub ca_file: &'a Path,
    /// OpenClaw's configuration for this scenario, complete and patched.
    pub openclaw: &'a serde_json::Value,
    /// The keys of the base's provider by agent, and the one that the configuration names as `config`.
    pub keys: &'a BTreeMap<String, String>,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("read {path}: {source}")]
    Read {
        /// The manifest.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It is not a manifest.
    #[error("{path} is not a target manifest: {source}")]
    Parse {
        /// The manifest.
        path: String,
        /// What was found and expected, with line and column.
        source: Box<toml::de::Error>,
    },
    /// A template names what does not exist, or is broken.
    #[error("template `{template}` of target `{target}`: {source}")]
    Template {
        /// The target.
        target: String,
        /// Where in the manifest.
        template: String,
        /// What is wrong with it.
        source: minijinja::Error,
    },
    /// The name is neither a built-in target nor a file.
    #[error(
        "there is no target `{name}`: expected {}, or the path of a manifest such as `./my-gateway.toml`",
        built_in_names()
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
}

impl Target {
    /// The target of this name, or of the manifest at this path.
    ///
    /// # Errors
    ///
    /// Says what was found, and what would be accepted.
    pub fn load(name_or_path: &str) -> Result<Self, Error> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(name, text);
        }
        let path = Path::new(name_or_path);
        if !path.exists() && path.extension().is_none() {
            return Err(Error::Unknown { name: name_or_path.to_owned() });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: name_or_path.to_owned(), source })?;
        let here = std::path::absolute(path).ok().and_then(|it| Some(it.parent()?.to_owned()));
        Ok(Self { here: here.unwrap_or_default(), ..Self::parse(name_or_path, &text)? })
    }

    fn parse(path: &str, text: &str) -> Result<Self, Error> {
        toml::from_str(text)
            .map_err(|source| Error::Parse { path: path.to_owned(), source: Box::new(source) })
    }

    /// The commands of `[[prepare]]` that a scenario needs, with their places in the manifest.
    pub(crate) fn prepared(&self, scenario: &Scenario) -> impl Iterator<Item = (usize, &Prepare)> {
        let needs = needs(scenario);
        let is_needed = move |it: &&Prepare| {
            it.needed_for.is_empty() || it.needed_for.iter().any(|it| needs.contains(it.as_str()))
        };
        self.prepare.iter().enumerate().filter(move |it| is_needed(&it.1))
    }

    /// What a case of a scenario costs, in time of one core.
    pub fn cpu_for(&self, scenario: &Scenario) -> Duration {
        let starts = std::iter::once(()).chain(self.prepared(scenario).map(|_| ()));
        starts.map(|()| Duration::from_secs(self.cpu_s)).sum()
    }

    /// A scenario as it is played for this target: as slow as it needs, and over only when nothing more can come.
    #[must_use]
    pub fn adapted(&self, scenario: Scenario) -> Scenario {
        let hop = Duration::from_millis(self.hop_ms);
        if hop.is_zero() {
            return scenario;
        }
        let paced = scenario.paced(scenario.pace_for(hop));
        Scenario { settle: paced.settle + hop * HOPS_TO_SETTLE, ..paced }
    }

    /// A scenario on the channels that the target has for it.
    ///
    /// # Errors
    ///
    /// What none of them can carry.
    pub fn played(&self, scenario: &Scenario) -> Result<Scenario, String> {
        let mut played = scenario.clone();
        for (from, others) in &self.channels {
            let on = |to: &String| {
                if to == from {
                    return Ok(played.clone());
                }
                played.played_on(&BTreeMap::from([(from.clone(), to.clone())]))
            };
            let mut tried = others.iter().map(on);
            let first = tried.next().unwrap_or_else(|| Ok(played.clone()));
            // Why the one that it prefers cannot carry it is what its author wants to know.
            let first = first.or_else(|why| tried.find_map(Result::ok).ok_or(why));
            played = first?;
        }
        Ok(played)
    }

    /// Renders one template of the manifest.
    ///
    /// # Errors
    ///
    /// Refuses a variable that does not exist.
    pub fn render(
        &self,
        template: &str,
        source: &str,
        variables: &Variables<'_>,
    ) -> Result<String, Error> {
        let mut environment = minijinja::Environment::new();
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        let variables = minijinja::Value::from(minijinja::value::Serde(variables));
        environment.render_str(source, variables).map_err(|source| Error::Template {
            target: self.name.clone(),
            template: template.to_owned(),
            source,
        })
    }
}

/// The built-in targets, for a sentence.
fn built_in_names() -> String {
    BUILT_IN.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use creel_judge::context::LadderReset;

    use super::*;

    #[test]
    fn the_reference_manifest_is_one() {
        let target = Target::load("reference").unwrap();
        assert_eq!((target.name.as_str(), target.profiles.len()), ("reference", 2));
    }

    #[test]
    fn what_is_wrong_with_a_manifest_is_said() {
        let unknown = Target::load("referense").unwrap_err().to_string();
        assert!(unknown.contains("expected `reference`"), "{unknown}");
        let broken = Target::parse("x.toml", "name = 5").unwrap_err().to_string();
        assert!(broken.contains("line 1, column 8") && broken.contains("a string"), "{broken}");
    }

    #[test]
    fn choices_are_declared_within_what_the_contract_leaves_open() {
        let with = |choices: &str| {
            Target::parse("x.toml", &format!("{}\n[choices]\n{choices}\n", BUILT_IN[0].1))
        };
        assert_eq!(Target::load("reference").unwrap().choices, Choices::default());
        let declared =
            with("tries-per-credential = 12\nladder-reset = \"rest-end\"").unwrap().choices;
        let expected = Choices { tries_per_credential: 12, ladder_reset: LadderReset::RestEnd };
        assert_eq!(declared, expected);
        for (choices, why) in [
            ("tries-per-credential = 0", "found 0 tries, expected a number from 1 to 20"),
            ("tries-per-credential = 21", "found 21 tries, expected a number from 1 to 20"),
            ("ladder-reset = \"never\"", "expected `answer` or `rest-end`"),
            ("tries = 2", "expected `tries-per-credential` or `ladder-reset`"),
        ] {
            let told = with(choices).unwrap_err().to_string();
            assert!(told.contains(why) && told.contains("line "), "{told}");
        }
    }

    #[test]
    fn a_template_must_not_name_what_does_not_exist() {
        let target = Target::load("reference").unwrap();
        let (path, keys) = (Path::new("x"), BTreeMap::new());
        let variables = Variables {
            creel: path,
            here: path,
            install: path,
            sandbox: path,
            config_file: path,
            state_dir: path,
            port: 1,
            spare_port: 2,
            profile: "2026.3",
            seed: 0,
            proxy: "",
            ca_file: path,
            openclaw: &serde_json::Value::Null,
            keys: &keys,
        };
        assert_eq!(target.render("t", "{{ port }}", &variables).unwrap(), "1");
        assert!(target.render("t", "{{ prot }}", &variables).is_err());
    }
}
