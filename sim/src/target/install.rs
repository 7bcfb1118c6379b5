//! Where a target comes from: what is told to the user, and what `--install` does.

use std::path::PathBuf;

use serde::Deserialize;

use super::Target;

/// How a target is installed. Nothing is, unless the user asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Install {
    /// What the user would do, in a line or a few.
    pub hint: String,
    /// Commands that install it, pinned, one after the other in a new folder, each a program and its arguments.
    #[serde(default)]
    pub commands: Vec<Vec<String>>,
    /// Files that are in the folder before the first command, by name.
    #[serde(default)]
    pub files: std::collections::BTreeMap<String, String>,
    /// A path below the folder that is there once it is installed.
    pub provides: Option<String>,
}

impl Target {
    /// What is not there and would be, were the target installed. Nothing, where its program comes from elsewhere.
    pub fn lacks_installed(&self) -> Option<PathBuf> {
        let install = self.install.as_ref()?;
        let environment = minijinja::Environment::new();
        let names_it = |argument: &String| {
            let template = environment.template_from_str(argument);
            template.is_ok_and(|it| it.undeclared_variables(false).contains("install"))
        };
        let folder = folder(&self.name);
        let provided = install.provides.as_ref().map_or(folder.clone(), |it| folder.join(it));
        (self.argv.iter().any(names_it) && !provided.exists()).then_some(provided)
    }
}

/// The folder of a target that was installed: `creel/targets/<name>` in `XDG_CACHE_HOME`, or in the `.cache` of the home.
pub fn folder(name: &str) -> PathBuf {
    let xdg = std::env::var_os("XDG_CACHE_HOME").filter(|it| !it.is_empty()).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|it| PathBuf::from(it).join(".cache"));
    let cache = xdg.filter(|it| it.is_absolute()).or_else(home);
    cache.unwrap_or_else(std::env::temp_dir).join("creel").join("targets").join(name)
}
