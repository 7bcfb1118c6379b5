//! A target: how a gateway under test is started as a process, and how the harness knows that it is ready.
//!
//! A manifest is TOML with minijinja templates in it; an unknown variable or key is an error. No code of the harness is
//! needed in the gateway.

use std::{collections::BTreeMap, path::Path};

use creel_judge::context::Choices;
use serde::{Deserialize, Serialize};

/// The manifest of our own gateway, the first target.
pub const REFERENCE: &str = include_str!("../targets/reference.toml");

/// A gateway under test.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Target {
    /// Its name in reports.
    pub name: String,
    /// The contract profiles that it claims.
    pub profiles: Vec<String>,
    /// The program and its arguments, each a template.
    pub argv: Vec<String>,
    /// The environment beside `PATH`, each value a template.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The template of the configuration file.
    pub config: String,
    /// When it is ready.
    pub ready: Ready,
    /// What it does where the contract leaves a choice.
    #[serde(default)]
    pub choices: Choices,
    /// How the operator approves a pairing code, if it can be done over HTTP.
    pub approve_pairing: Option<ApprovePairing>,
}

/// When a target is ready: every account polled, and this.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ready {
    /// A path of the gateway's port that answers 200.
    pub http_path: Option<String>,
    /// How long that may take, in seconds.
    pub within_s: u64,
}

/// An HTTP call that approves a pairing code: `POST` with `{channel, code}` and the gateway's token as bearer.
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
    /// The folder of this run, with everything below in it.
    pub sandbox: &'a Path,
    /// The configuration file.
    pub config_file: &'a Path,
    /// The state folder.
    pub state_dir: &'a Path,
    /// The gateway's port.
    pub port: u16,
    /// The contract profile.
    pub profile: &'a str,
    /// The seed.
    pub seed: u64,
    /// OpenClaw's configuration for this scenario, complete.
    pub openclaw: &'a serde_json::Value,
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
        "there is no target `{name}`: expected `reference`, or the path of a manifest such as `./my-gateway.toml`"
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
        if name_or_path == "reference" {
            return Self::parse("reference", REFERENCE);
        }
        let path = Path::new(name_or_path);
        if !path.exists() && path.extension().is_none() {
            return Err(Error::Unknown { name: name_or_path.to_owned() });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: name_or_path.to_owned(), source })?;
        Self::parse(name_or_path, &text)
    }

    fn parse(path: &str, text: &str) -> Result<Self, Error> {
        toml::from_str(text)
            .map_err(|source| Error::Parse { path: path.to_owned(), source: Box::new(source) })
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
            Target::parse("x.toml", &format!("{REFERENCE}\n[choices]\n{choices}\n"))
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
        let path = Path::new("x");
        let variables = Variables {
            creel: path,
            sandbox: path,
            config_file: path,
            state_dir: path,
            port: 1,
            profile: "2026.3",
            seed: 0,
            openclaw: &serde_json::Value::Null,
        };
        assert_eq!(target.render("t", "{{ port }}", &variables).unwrap(), "1");
        assert!(target.render("t", "{{ prot }}", &variables).is_err());
    }
}
