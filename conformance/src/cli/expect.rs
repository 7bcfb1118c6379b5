//! `creel expect`.

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};

use super::{
    Exit,
    given::{self, usage},
    print,
};
use crate::{
    expectations::{
        self,
        update::{self, Seen, SeenCheck},
    },
    report::{
        data::{Case, Check, CheckVerdict},
        json,
    },
};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a target's list of known failures anew from the report of a whole run, with its comments.
    Update(Update),
}

#[derive(Args, Debug)]
struct Update {
    /// The report of a whole run, in JSON.
    report: PathBuf,
    /// The target that ran: a built-in target or a manifest's path.
    #[arg(long)]
    target: String,
    /// The list [default: `<target>.expect.toml` beside the target's manifest]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Where new failures are reported.
    #[arg(long, value_name = "URL")]
    link: Option<String>,
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        let Command::Update(update) = self.command;
        match update.run() {
            Ok(()) => Exit::Ok,
            Err(exit) => exit,
        }
    }
}

impl Update {
    fn run(&self) -> Result<(), Exit> {
        let target = given::target(&self.target)?;
        let file = self.file.clone().or_else(|| expectations::beside(&self.target));
        let Some(file) = file else {
            let why = format!("`{}` is built in: say which file with `--file`", self.target);
            return Err(usage(&why));
        };
        let report = json::read(&self.report).map_err(|it| usage(&it.to_string()))?;
        let shown = self.report.display();
        if report.target != target.name {
            let why = format!("{shown} is of target `{}`, not `{}`", report.target, target.name);
            return Err(usage(&why));
        }
        if !report.whole {
            let why = format!(
                "{shown} is of a run that left a part out, and what did not run would be listed no more: \
                 run `creel conform --target {}`, or `creel run` without a choice",
                self.target
            );
            return Err(usage(&why));
        }
        let name = file.display().to_string();
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(usage(&format!("read {name}: {error}"))),
        };
        let seen: Vec<Seen> = report.cases.into_iter().filter_map(seen).collect();
        let updated = update::update(&name, &text, &seen, self.link.as_deref())
            .map_err(|it| usage(&it.to_string()))?;
        fs::write(&file, &updated.text).map_err(|it| usage(&format!("write {name}: {it}")))?;
        for (what, titles) in [
            ("other words", &updated.reworded),
            ("no more", &updated.removed),
            ("new", &updated.added),
        ] {
            for title in titles {
                print(&format!("{what:<12} {title}"));
            }
        }
        let (reworded, removed) = (updated.reworded.len(), updated.removed.len());
        let (kept, added) = (updated.kept, updated.added.len());
        print(&format!(
            "{name}: {kept} as they were, {reworded} in other words, {removed} no more, {added} new"
        ));
        Ok(())
    }
}

/// A case as it was seen; none if it was left out.
fn seen(case: Case) -> Option<Seen> {
    let Case { scenario, profile, checks, reason, left_out, .. } = case;
    if left_out.is_some() {
        return None;
    }
    let mut checks: Vec<SeenCheck> = checks.into_iter().map(seen_check).collect();
    if let Some(reason) = reason {
        checks.push(SeenCheck {
            label: expectations::TARGET_CHECK.to_owned(),
            requirements: Vec::new(),
            broken: Some(reason),
        });
    }
    Some(Seen { name: scenario, profile, checks })
}

fn seen_check(check: Check) -> SeenCheck {
    let Check { label, verdict, line, requirements, observed, why, .. } = check;
    let broken = match verdict {
        CheckVerdict::Fail => Some(observed.unwrap_or_default()),
        CheckVerdict::Vacuous if line.is_some() => Some(why.unwrap_or_default()),
        CheckVerdict::Vacuous
        | CheckVerdict::Pass
        | CheckVerdict::Inconclusive
        | CheckVerdict::NotTestable
        | CheckVerdict::NotApplicable => None,
    };
    SeenCheck { label, requirements, broken }
}
