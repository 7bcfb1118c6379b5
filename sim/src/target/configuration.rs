//! A target's configuration: OpenClaw's for the scenario, with the manifest's patch over it.

use serde_json::Value;

use super::{Error, Target, Variables};
use crate::base;

/// The configuration file's name unless a manifest says otherwise.
pub(super) fn file_name() -> String {
    "openclaw.json".to_owned()
}

/// The configuration's template unless a manifest says otherwise.
pub(super) fn openclaws() -> String {
    "{{ openclaw | tojson }}".to_owned()
}

/// How long a target may take to end, unless its manifest says otherwise, in seconds.
pub(super) fn grace_s() -> u64 {
    8
}

impl Target {
    /// OpenClaw's configuration with the patch over it.
    ///
    /// # Errors
    ///
    /// Refuses a template that names what does not exist.
    pub fn patched(&self, variables: &Variables<'_>) -> Result<Value, Error> {
        let patch = self.rendered("patch", &toml::Value::Table(self.patch.clone()), variables)?;
        let mut config = variables.openclaw.clone();
        base::merge(&mut config, &patch);
        Ok(config)
    }

    fn rendered(
        &self,
        at: &str,
        value: &toml::Value,
        variables: &Variables<'_>,
    ) -> Result<Value, Error> {
        Ok(match value {
            toml::Value::String(text) => Value::String(self.render(at, text, variables)?),
            toml::Value::Integer(it) => Value::from(*it),
            toml::Value::Float(it) => Value::from(*it),
            toml::Value::Boolean(it) => Value::from(*it),
            toml::Value::Datetime(it) => Value::from(it.to_string()),
            toml::Value::Array(items) => {
                let item = |it| self.rendered(at, it, variables);
                Value::Array(items.iter().map(item).collect::<Result<_, _>>()?)
            }
            toml::Value::Table(table) => {
                let pair = |(key, it): (&String, _)| {
                    Ok((key.clone(), self.rendered(&format!("{at}.{key}"), it, variables)?))
                };
                Value::Object(table.iter().map(pair).collect::<Result<_, Error>>()?)
            }
        })
    }
}
