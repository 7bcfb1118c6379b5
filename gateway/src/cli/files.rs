//! Where the configuration and the state are, and how they are read.

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;
use creel_core::profile::Version;

use super::eprintln;
use crate::{
    secret::Secret,
    settings::{self, Loaded, Source, file::ConfigFile},
};

/// Where the configuration and the state are.
#[derive(Args, Debug)]
pub(super) struct Files {
    /// The configuration [default: <state-dir>/openclaw.json]
    #[arg(long, env = "OPENCLAW_CONFIG_PATH")]
    pub(super) config: Option<PathBuf>,
    /// The state folder [default: ~/.openclaw]
    #[arg(long, env = "OPENCLAW_STATE_DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// The version of the contract.
    #[arg(long, env = "CREEL_PROFILE", default_value = "2026.3", value_parser = parse_profile)]
    pub(super) profile: Version,
}

fn parse_profile(name: &str) -> Result<Version, String> {
    let found = Version::ALL.into_iter().find(|it| it.name() == name);
    found.ok_or_else(|| format!("expected {}", Version::ALL.map(Version::name).join(" or ")))
}

/// Whose environment the variables are looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// The gateway's, which this process is or shall be able to be.
    Ours,
    /// That of a gateway that was started elsewhere: what is missing here may be there.
    Another,
}

/// What stands for a variable that another process may have.
const STAND_IN: &str = "1:not-set-here-";

/// What no other value can stand for: who the operator is, and which clock the gateway goes by.
const OWN: [&str; 2] = ["OPENCLAW_GATEWAY_TOKEN", "TZ"];

impl Whose {
    fn value(self, name: &str) -> Option<String> {
        let given = std::env::var_os(name).and_then(|it| it.into_string().ok());
        let given = given.or_else(|| (name == "TZ").then(machine_zone).flatten());
        let is_lacking = given.as_ref().is_none_or(String::is_empty) && !OWN.contains(&name);
        match self {
            Self::Another if is_lacking => Some(format!("{STAND_IN}{name}")),
            Self::Another | Self::Ours => given,
        }
    }
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_alphanumeric() || "/._-+=:@%,".contains(it);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

impl Files {
    pub(super) fn state_dir(&self) -> anyhow::Result<PathBuf> {
        if let Some(folder) = &self.state_dir {
            return Ok(folder.clone());
        }
        let home = etcetera::home_dir().context("find the home folder; or give --state-dir")?;
        Ok(home.join(".openclaw"))
    }

    /// The arguments by which these files are found again.
    pub(super) fn given(&self) -> String {
        let files = [("--config", &self.config), ("--state-dir", &self.state_dir)];
        let files = files.into_iter().filter_map(|(key, path)| Some((key, path.as_ref()?)));
        let mut given: Vec<String> = files
            .map(|(key, path)| format!(" {key} {}", quoted(&path.display().to_string())))
            .collect();
        if self.profile != Version::default() {
            given.push(format!(" --profile {}", self.profile.name()));
        }
        given.concat()
    }

    pub(super) fn config_path(&self) -> anyhow::Result<PathBuf> {
        let state_dir = self.state_dir()?;
        Ok(self.config.clone().unwrap_or_else(|| state_dir.join("openclaw.json")))
    }

    /// Reads the configuration; none when it was refused, which has then been reported.
    pub(super) fn load(&self) -> anyhow::Result<Option<Loaded>> {
        self.load_of(Whose::Ours)
    }

    /// Reads the configuration of a gateway that runs, or shall, in an environment of its own: nobody needs its keys to ask it.
    pub(super) fn load_of_another(&self) -> anyhow::Result<Option<Loaded>> {
        let Some(loaded) = self.load_of(Whose::Another)? else { return Ok(None) };
        let token = loaded.settings.token.as_ref().map_or("", Secret::expose);
        if let Some(name) = token.strip_prefix(STAND_IN) {
            eprintln(&format!(
                "error: `{name}`, which `gateway.auth.token` names, is not set here: operator calls need it"
            ));
            return Ok(None);
        }
        Ok(Some(loaded))
    }

    fn load_of(&self, whose: Whose) -> anyhow::Result<Option<Loaded>> {
        let path = self.config_path()?;
        match fs::read_to_string(&path) {
            Ok(text) => self.read(&text, whose),
            Err(error) => {
                eprintln(&format!("error: read {}: {error}; or give --config", path.display()));
                Ok(None)
            }
        }
    }

    /// The file of the configuration, and how its text is read.
    fn config_file(&self, whose: Whose) -> anyhow::Result<ConfigFile> {
        let (state_dir, path, version) = (self.state_dir()?, self.config_path()?, self.profile);
        let name = path.display().to_string();
        let read = move |text: &str| {
            let source = Source {
                name: &name,
                text,
                version,
                env: &|name| whose.value(name),
                state_file: &|file: &str| read_if_there(&state_dir.join(file)),
                state_dir: &state_dir,
                cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            };
            let mut loaded = settings::load(&source)?;
            let ended = loaded.settings.ended(loaded.settings.wall_clock.now());
            loaded.warnings.extend(ended);
            Ok(loaded)
        };
        Ok(ConfigFile::on_disk(&path, Arc::new(read)))
    }

    /// Whether a gateway could begin with this text, once its variables are set. If not, that has been reported.
    pub(super) fn is_good(&self, text: &str) -> anyhow::Result<bool> {
        Ok(self.read(text, Whose::Another)?.is_some())
    }

    /// Reads a configuration's text, as if it stood in the file.
    fn read(&self, text: &str, whose: Whose) -> anyhow::Result<Option<Loaded>> {
        match self.config_file(whose)?.read(text) {
            Ok(loaded) => Ok(Some(loaded)),
            Err(report) => {
                // Editors and scripts read `file:line:column`, people look at the lines themselves.
                let shown = if io::stderr().is_terminal() {
                    format!("{:?}", miette::Report::new(report))
                } else {
                    report.plain().trim_end().to_owned()
                };
                eprintln(&shown);
                Ok(None)
            }
        }
    }
}

/// The zone of the machine, by the name of the file that its clocks go by.
fn machine_zone() -> Option<String> {
    let file = fs::canonicalize("/etc/localtime").ok()?;
    let (_, name) = file.to_str()?.split_once("/zoneinfo/")?;
    Some(name.trim_start_matches("posix/").to_owned())
}

fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_given_as_a_shell_reads_it_back() {
        let check = |path: &str, expected: &str| assert_eq!(quoted(path), expected);
        check("/srv/openclaw.json", "/srv/openclaw.json");
        check("my files/a.json", "'my files/a.json'");
        check("it's.json", r"'it'\''s.json'");
        check("$(rm)", "'$(rm)'");
        check("", "''");
    }
}
