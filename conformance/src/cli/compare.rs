//! `creel compare`: what is different between two reports.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, complain, print};
use crate::report::{compare, json};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The older report, as `--report json=PATH` wrote it.
    old: PathBuf,
    /// The newer one.
    new: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        let (old, new) = match (json::read(&self.old), json::read(&self.new)) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(error), _) | (_, Err(error)) => {
                complain(&format!("error: {error}"));
                return Exit::Usage;
            }
        };
        let comparison = compare::compare(&old, &new);
        if self.json {
            let text = serde_json::to_string_pretty(&comparison).expect("it is plain data");
            print(&text);
        } else {
            print(comparison.text().trim_end());
        }
        if comparison.is_worse() { Exit::Failed } else { Exit::Ok }
    }
}
