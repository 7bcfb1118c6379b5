//! `creel target doctor`.

mod visit;

use std::path::PathBuf;

use clap::Args;
use creel_judge::{profile, trace::Trace};
use creel_sim::{
    target::Target,
    world::{self, Stuck},
};

use self::visit::Visit;
use super::{Exit, installing, usage};
use crate::cli::{given::misclaimed, print};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A built-in target or a manifest's path.
    target: String,
    /// Under this profile of the contract [default: the first that the target claims]
    #[arg(long, value_parser = ["2026.3", "2026.9"])]
    profile: Option<String>,
    /// Install it first, in a folder of the user's cache, if it is not there.
    #[arg(long)]
    install: bool,
    /// Keep the folder of the run, in this folder.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

/// The steps, in their order.
const STEPS: [&str; 10] = [
    "its manifest is one",
    "its templates can be filled in",
    "its program is there",
    "it starts and stays",
    "it gets ready",
    "it listens to its channel",
    "a message reaches the provider",
    "the answer is shown",
    "it ends when it is asked to",
    "nothing is left, and nobody else was called",
];

/// The last steps, each of which is tried whatever became of the one before.
const LAST: usize = 8;

/// What came of a step.
enum Found {
    Fine(String),
    Trouble { why: String, likely: String },
}

fn trouble(why: impl Into<String>, likely: impl Into<String>) -> Found {
    Found::Trouble { why: why.into(), likely: likely.into() }
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        let mut found = Vec::new();
        let exit = match self.examine(&mut found) {
            Ok(()) => Exit::Target,
            Err(exit) => return exit,
        };
        let mut is_fine = found.len() == STEPS.len();
        for (index, step) in STEPS.iter().enumerate() {
            let number = index + 1;
            match found.get(index) {
                Some(Found::Fine(what)) => print(&format!("{number:>2}  ok     {step}{what}")),
                Some(Found::Trouble { why, likely }) => {
                    is_fine = false;
                    let why = why.replace('\n', "\n                ");
                    print(&format!("{number:>2}  FAILS  {step}\n      found     {why}"));
                    print(&format!(
                        "      likely    {}",
                        likely.replace('\n', "\n                ")
                    ));
                }
                None => print(&format!("{number:>2}  -      {step}: not tried")),
            }
        }
        let manifest = &self.target;
        if !is_fine {
            return if found.len() <= 2 { Exit::Usage } else { exit };
        }
        print(&format!("\nit is fit to be judged: creel conform --target {manifest}"));
        Exit::Ok
    }

    /// Goes through the steps, up to the first trouble that leaves nothing more to try.
    fn examine(&self, found: &mut Vec<Found>) -> Result<(), Exit> {
        let target = match Target::load(&self.target) {
            Ok(target) => target,
            Err(error) => {
                let likely =
                    "mend that place; `creel target init NAME` writes a manifest that is right";
                found.push(trouble(error.to_string(), likely));
                return Ok(());
            }
        };
        if let Some(why) = misclaimed(&target) {
            found.push(trouble(why, "claim what there is, or leave the claim out"));
            return Ok(());
        }
        let claimed = target.profiles.first().cloned().unwrap_or_default();
        let name = self.profile.clone().unwrap_or(claimed);
        if !target.profiles.contains(&name) {
            let known = profile::ALL.map(|it| format!("`{}`", it.name)).join(" or ");
            let why = format!("it claims the profiles {:?}", target.profiles);
            found.push(trouble(why, format!("`profiles = [{known}]`")));
            return Ok(());
        }
        found.push(Found::Fine(format!(": `{}`, profile {name}", target.name)));
        if self.install {
            installing::ensure(&target, installing::Missing::Installed)?;
        }
        let visit =
            Visit::new(target, &name, self.keep.as_deref()).map_err(|it: String| usage(&it))?;
        match visit.run() {
            Ok(trace) => judge(&visit, &trace, found),
            Err(world::Error::Interrupted) => return Err(Exit::Interrupted),
            Err(error) => stopped(&visit, &error, found),
        }
        Ok(())
    }
}

/// The step at which a run broke off, and what would mend it.
fn stopped(visit: &Visit, error: &world::Error, found: &mut Vec<Found>) {
    let why = error.to_string();
    let (step, likely) = match error {
        world::Error::Manifest(_) => (1, "mend that template; `creel target init NAME` lists what may be named".to_owned()),
        world::Error::Stuck { at: Stuck::Program, .. } => (2, visit.program_advice()),
        world::Error::Stuck { at: Stuck::Ended, .. } => (
            3,
            "its last words say why; run it by hand in the folder that `--keep FOLDER` leaves. It has only PATH, TZ and \
             what `[env]` says"
                .to_owned(),
        ),
        world::Error::Stuck { at: Stuck::Path, .. } => (
            4,
            "see that it listens on 127.0.0.1 at `{{ port }}`, that `ready.http-path` is a path that answers 200 without a \
             token, and that `ready.within-s` is long enough"
                .to_owned(),
        ),
        world::Error::Stuck { at: Stuck::Channel, .. } => (5, visit.channel_advice()),
        _ => (3, "see what it says".to_owned()),
    };
    found.extend((found.len()..step).map(|_| Found::Fine(String::new())));
    found.push(trouble(visit::shortened(&why), likely));
}

/// The steps of a run that came to its end.
fn judge(visit: &Visit, trace: &Trace, found: &mut Vec<Found>) {
    let ready = visit::ready_after_s(trace);
    found.extend([
        Found::Fine(String::new()),
        Found::Fine(String::new()),
        Found::Fine(String::new()),
        Found::Fine(format!(" after {ready:.1} s")),
        Found::Fine(visit.channel.map_or(": it claims none", |_| "").to_owned()),
    ]);
    let asked = visit.asked(trace);
    let is_asked = matches!(asked, Found::Fine(_));
    found.push(asked);
    if is_asked {
        found.push(Visit::shown(trace));
    } else {
        found.push(trouble("the provider was not asked", "mend the step before"));
    }
    debug_assert_eq!(found.len(), LAST);
    found.push(visit.ended(trace));
    found.push(visit.left(trace));
}
