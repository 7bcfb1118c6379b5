//! `creel list`.

use clap::Args;
use creel_sim::world::needs_virtual_time;
use serde_json::json;

use super::{Exit, print, refuse};
use crate::corpus;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Ids, areas, globs over ids, or paths of files and folders. The built-in corpus if none is given.
    select: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        let entries = match corpus::choose(&self.select) {
            Ok(entries) => entries,
            Err(error) => return refuse(error),
        };
        if self.json {
            let rows: Vec<_> = entries
                .iter()
                .map(|it| {
                    json!({
                        "id": it.scenario.id,
                        "title": it.scenario.title,
                        "profiles": it.scenario.profiles,
                        "bugs": it.scenario.bugs,
                        "variants": it.scenario.variants.iter().map(|it| it.name()).collect::<Vec<_>>(),
                        "file": it.file,
                        "virtual_only": needs_virtual_time(&it.scenario),
                    })
                })
                .collect();
            print(&format!("{:#}", json!(rows)));
            return Exit::Ok;
        }
        for entry in &entries {
            let profiles = entry.scenario.profiles.join(" ");
            print(&format!("{:<58} {profiles:<14} {}", entry.scenario.id, entry.scenario.title));
        }
        Exit::Ok
    }
}
