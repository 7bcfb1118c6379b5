//! `creel target`.

mod doctor;
mod init;
pub(super) mod installing;

use clap::{Args, Subcommand};
use creel_sim::target::{BUILT_IN, Target, install};
use serde_json::json;

use super::{Exit, given::usage, print};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the targets that come with the program: what they claim, and whether they are installed.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Begin a manifest for a gateway of yours: `<name>.toml`, with a comment for each key.
    Init(init::Arguments),
    /// Try a target step by step, from its manifest to its end, and say what would mend the first step that fails.
    Doctor(doctor::Arguments),
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        match self.command {
            Command::List { json } => list(json),
            Command::Init(arguments) => arguments.run(),
            Command::Doctor(arguments) => arguments.run(),
        }
    }
}

fn list(as_json: bool) -> Exit {
    let mut rows = Vec::new();
    for (name, _) in BUILT_IN {
        match Target::load(name) {
            Ok(target) => rows.push(target),
            Err(error) => return usage(&error.to_string()),
        }
    }
    if as_json {
        let row = |it: &Target| {
            json!({
                "name": it.name, "version": it.version, "about": it.about, "profiles": it.profiles,
                "features": it.claims.features, "requirements": it.claims.requirements,
                "installed": it.lacks_installed().is_none(), "install": it.install.as_ref().map(|it| &it.hint),
            })
        };
        print(&format!("{:#}", rows.iter().map(row).collect::<serde_json::Value>()));
        return Exit::Ok;
    }
    for target in &rows {
        print(&lines(target));
    }
    Exit::Ok
}

fn lines(target: &Target) -> String {
    let claims = &target.claims;
    let features = claims.features.as_ref().map_or("everything".to_owned(), |it| {
        it.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    });
    let requirements = match &claims.requirements {
        None => String::new(),
        Some(some) => format!("; of the requirements {}", some.join(", ")),
    };
    let excluded = match claims.excluded.len() {
        0 => String::new(),
        count => format!("; {count} excluded"),
    };
    let installed = match (&target.install, target.lacks_installed().is_none()) {
        (_, true) => "installed".to_owned(),
        (Some(install), false) => {
            let folder = install::folder(&target.name);
            format!("not installed: in {}, {}", folder.display(), install.hint.trim())
        }
        (None, false) => "not installed".to_owned(),
    };
    let about = target.about.as_deref().unwrap_or_default();
    let profiles = target.profiles.join(" and ");
    format!(
        "{:<18} {about}\n{:<18} profile {profiles}\n{:<18} claims {features}{requirements}{excluded}\n{:<18} {installed}",
        target.name, "", "", ""
    )
}
