//! `creel target init`.

use std::path::Path;

use clap::Args;

use super::{Exit, usage};
use crate::cli::print;

/// The manifest, with the place of its name.
pub(super) const MANIFEST: &str = include_str!("manifest.toml");

/// What stands for the target's name in the manifest.
const NAME: &str = "my-gateway";

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The name of the gateway, in reports and of the file.
    name: String,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        let is_word = |it: char| it.is_ascii_alphanumeric() || "-._".contains(it);
        if self.name.is_empty() || !self.name.chars().all(is_word) || self.name.starts_with('.') {
            return usage(&format!(
                "found the name `{}`, expected letters, digits, `-`, `.` and `_`",
                self.name
            ));
        }
        let file = format!("{}.toml", self.name);
        if Path::new(&file).exists() && !self.force {
            return usage(&format!("`{file}` is there already: give `--force` to write over it"));
        }
        let text = MANIFEST.replace(NAME, &self.name);
        if let Err(error) = std::fs::write(&file, text) {
            return usage(&format!("write {file}: {error}"));
        }
        print(&format!(
            "{file} is written. Next: say in it how your gateway is started, then\n  creel target doctor ./{file}"
        ));
        Exit::Ok
    }
}

#[cfg(test)]
mod tests {
    use creel_sim::target::Target;

    use super::*;

    #[test]
    fn the_manifest_is_one_and_short() {
        let target: Target = toml::from_str(MANIFEST).unwrap();
        assert_eq!(
            (target.name.as_str(), target.profiles.as_slice()),
            (NAME, &["2026.9".to_owned()][..])
        );
        let comments =
            MANIFEST.lines().filter(|it| it.starts_with('#') || it.starts_with("features"));
        let words: Vec<&str> =
            comments.flat_map(|it| it.split(|it: char| !it.is_alphanumeric())).collect();
        for (feature, _) in creel_sim::target::FEATURES {
            assert!(words.contains(feature), "{feature}");
        }
        assert!(MANIFEST.lines().count() < 60);
        assert!(MANIFEST.lines().all(|it| it.chars().count() <= 120));
    }
}
