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

/// What a case costs a target unless its manifest says otherwise, in seconds.
pub(super) fn cpu_s() -> u64 {
    1
}

/// How long a target may take to end, unless its manifest says otherwise, in seconds.
pub(super) fn grace_s() -> u64 {
    8
}

impl Target {
    /// OpenClaw's configuration with the patch over it, and without what the target does not know. What is patched of a
    /// channel that the scenario does not use is left out.
    ///
    /// # Errors
    ///
    /// Refuses a template that names what does not exist.
    pub fn patched(&self, variables: &Variables<'_>) -> Result<Value, Error> {
        let patch = self.rendered("patch", &toml::Value::Table(self.patch.clone()), variables)?;
        let mut patch = patch;
        let mut config = variables.openclaw.clone();
        if let Some(Value::Object(channels)) = patch.get_mut("channels") {
            channels.retain(|name, _| config.pointer(&format!("/channels/{name}")).is_some());
        }
        base::merge(&mut config, &patch);
        for key in &self.without {
            take_out(&mut config, &key.split('.').collect::<Vec<_>>());
        }
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

/// Takes a key out, wherever its path leads; `*` is any one part.
fn take_out(value: &mut Value, path: &[&str]) {
    let (Value::Object(map), [first, rest @ ..]) = (value, path) else { return };
    if rest.is_empty() {
        map.retain(|key, _| *first != "*" && key != first);
        return;
    }
    let inside = map.iter_mut().filter(|(key, _)| *first == "*" || *key == first);
    inside.for_each(|(_, it)| take_out(it, rest));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_taken_out_wherever_its_path_leads() {
        let mut config = json!({ "a": { "x": { "k": 1, "l": 2 }, "y": { "k": 3 } }, "k": 4 });
        take_out(&mut config, &["a", "*", "k"]);
        assert_eq!(config, json!({ "a": { "x": { "l": 2 }, "y": {} }, "k": 4 }));
        take_out(&mut config, &["b", "k"]);
        take_out(&mut config, &["k"]);
        assert_eq!(config, json!({ "a": { "x": { "l": 2 }, "y": {} } }));
    }
}
