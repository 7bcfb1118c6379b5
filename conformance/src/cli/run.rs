//! `creel run`.

use std::{
    collections::BTreeMap, io::IsTerminal as _, path::PathBuf, str::FromStr, sync::Arc,
    time::Instant,
};

use clap::{Args, ValueEnum};
use creel_sim::{
    base::{Addresses, Configuration},
    world::World,
};

use super::{
    Exit, complain, given, print, refuse,
    report_files::{ReportFile, write},
    target::installing,
};
use crate::{
    corpus,
    report::{
        console::{self, Color},
        data::{Report, Status},
        gather::{self, Occasion},
        json,
        terminal::{Signs, Terminal},
        timeline::Timeline,
    },
    suite::{self, Controls, Extent, Missing, Outcome, Plan},
};

/// The seed unless one is given. Fixed, so that a run is the same run everywhere.
const SEED: u64 = 1;

/// How many real gateways run at once unless the target or the user says it: they mostly wait.
pub(super) const REAL_JOBS: usize = 16;

#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// Ids, areas, globs over ids, or paths of files and folders. The built-in corpus if none is given.
    select: Vec<String>,
    /// Where scenarios run.
    #[arg(long, value_enum, default_value_t = WorldName::Turmoil)]
    world: WorldName,
    /// The gateway under test, a built-in target or a manifest's path. Implies `--world real`.
    #[arg(long)]
    target: Option<String>,
    /// Only this profile of the contract.
    #[arg(long, value_parser = ["2026.3", "2026.9"])]
    profile: Option<String>,
    /// A number, or `random`, which prints the number.
    #[arg(long, default_value = "1")]
    seed: Seed,
    /// How many scenarios run at once [default: the number of CPUs; in the real world what the target says, else 16]
    #[arg(short, long)]
    jobs: Option<usize>,
    /// Run each case so often; it must come out the same every time, to the byte in turmoil.
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// A list of known failures [default: `<target>.expect.toml` beside the target's manifest]
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Leave the controls out, where it is known that every check can fail.
    #[arg(long)]
    without_controls: bool,
    /// Draw each case against virtual time: who was asked with which result, what rested, what people were shown.
    #[arg(long, conflicts_with = "json")]
    timeline: bool,
    /// Draw with the signs of ASCII alone. So it is, too, where the locale is not one of UTF-8.
    #[arg(long, requires = "timeline")]
    ascii: bool,
    /// Print the report as JSON instead of lines.
    #[arg(long)]
    json: bool,
    /// Write a report: `json=`, `junit=`, `html=`, `md=`, `github=` (annotations) or `badge=` (SVG) and a path, or `-`
    /// for standard output. May be given more than once.
    #[arg(long, value_name = "FORMAT=PATH")]
    report: Vec<ReportFile>,
    /// A text that only this run's report has, such as CI's run id [default: random]
    #[arg(long, value_name = "TEXT")]
    nonce: Option<String>,
    /// Write the trace: a file when one case runs, a folder otherwise.
    #[arg(long, value_name = "PATH")]
    trace: Option<PathBuf>,
    /// Keep the folders of real runs, in this folder.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Whether the output is coloured.
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WorldName {
    /// Simulated network and clock, in this process.
    Turmoil,
    /// As turmoil, on a clock that jumps from event to event: many times faster, above all where little happens.
    Events,
    /// A process over loopback sockets, on the machine's clock.
    Real,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ColorChoice {
    /// When a terminal reads it, and `NO_COLOR` is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(pub(super) u64);

impl ColorChoice {
    /// Whether standard output is coloured.
    pub(super) fn color(self) -> Color {
        let on = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                std::io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
            }
        };
        if on { Color::On } else { Color::Off }
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "random" {
            let seed = u64::from(std::process::id()) ^ since_boot();
            complain(&format!("seed {seed}"));
            return Ok(Self(seed));
        }
        let why = || format!("`{text}` is not a seed: expected a whole number or `random`");
        text.parse().map(Self).map_err(|_| why())
    }
}

#[expect(clippy::disallowed_methods, reason = "asked for chance, which is then printed")]
fn since_boot() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(SEED, |it| u64::from(it.subsec_nanos()) << 20 | (it.as_secs() & 0xf_ffff))
}

impl Arguments {
    #[expect(clippy::disallowed_methods, reason = "how long the whole took is told to people")]
    pub(super) fn run(self) -> Exit {
        let started = Instant::now();
        let plan = match self.plan() {
            Ok(plan) => plan,
            Err(exit) => return exit,
        };
        let nonce = match given::nonce(self.nonce.as_deref()) {
            Ok(nonce) => nonce,
            Err(exit) => return exit,
        };
        let color = self.color.color();
        let mut terminal = Terminal::of_output(color);
        if self.ascii {
            terminal.signs = Signs::Ascii;
        }
        let (mut cases, mut failures) = (Vec::new(), Vec::new());
        let outcomes = suite::run(&plan, |outcome| {
            let case = gather::case(&plan, outcome);
            if !self.json && (self.timeline || !console::is_quiet(&case)) {
                let variants = outcome.case.entry.scenario.variants.len();
                print(&console::line(&case, variants, color));
            }
            if let (true, Ok(judged)) = (self.timeline, &outcome.result) {
                print(&Timeline::of(&judged.trace, &judged.context).text(terminal));
            }
            if !case.is_quiet() && case.known.is_none() {
                failures.push(console::explained(&case, plan.seed));
            }
            cases.push(case);
        });
        let occasion = Occasion { nonce, command: given::command(), took: started.elapsed() };
        let report = gather::report(&plan, cases, occasion);
        if self.json {
            print(&json::text(&report));
        } else {
            for failure in &failures {
                print(&format!("\n{}", failure.trim_end()));
            }
            print(&format!("\n{}", console::summary(&report)));
        }
        match self.write(&report, &outcomes) {
            Ok(()) => exit(&outcomes, &report),
            Err(why) => {
                complain(&format!("error: {why}"));
                Exit::Usage
            }
        }
    }

    fn plan(&self) -> Result<Plan, Exit> {
        let world = match (&self.target, self.world) {
            (None, WorldName::Turmoil) => World::Turmoil,
            (None, WorldName::Events) => World::Events,
            (target, _) => given::real(
                target.as_deref().unwrap_or("reference"),
                self.keep.as_deref(),
                installing::Missing::Told,
            )?,
        };
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let jobs = self.jobs.unwrap_or(match world {
            World::Turmoil | World::Events | World::Fake(_) => cpus,
            World::Real(ref real) => real.target.jobs.unwrap_or(REAL_JOBS),
        });
        if self.keep.is_some() && !matches!(world, World::Real(_)) {
            complain(
                "error: `--keep` keeps the folders of real runs: add `--world real` or `--target`",
            );
            return Err(Exit::Usage);
        }
        let entries = corpus::choose(&self.select).map_err(refuse)?;
        let controls = if self.without_controls { Controls::LeftOut } else { Controls::Run };
        let list = given::expectations(
            self.expect.as_deref(),
            self.target.as_deref(),
            (&world, &entries),
        )?;
        let plan = Plan {
            profile: self.profile.clone(),
            seed: self.seed.0,
            target: self.target.clone(),
            jobs,
            repeat: self.repeat,
            controls,
            expectations: list.map(Arc::new),
            extent: self.extent(),
            ..Plan::new(entries, world)
        };
        match (suite::cases(&plan).is_empty(), &self.profile) {
            (true, Some(profile)) => {
                complain(&format!(
                    "error: none of the chosen scenarios is of profile {profile}, so nothing was judged"
                ));
                Err(Exit::Nothing)
            }
            _ => Ok(plan),
        }
    }

    fn extent(&self) -> Extent {
        let whole = self.select.is_empty() && self.profile.is_none();
        if whole { Extent::Whole } else { Extent::Chosen }
    }

    fn write(&self, report: &Report, outcomes: &[Outcome]) -> Result<(), String> {
        for file in &self.report {
            file.write(report)?;
        }
        let Some(path) = &self.trace else { return Ok(()) };
        let all: Vec<_> = outcomes
            .iter()
            .filter_map(|it| it.result.as_ref().ok().map(|judged| (it, judged)))
            .collect();
        for (outcome, judged) in &all {
            let file = if outcomes.len() == 1 {
                path.clone()
            } else {
                let id = outcome.case.entry.scenario.name().replace('/', "-");
                path.join(format!("{id}-{}.jsonl", outcome.case.profile))
            };
            write(&file, &judged.trace.to_json_lines())?;
        }
        Ok(())
    }
}

/// What a run leaves behind. What was known to fail is as it was expected.
pub(super) fn exit(outcomes: &[Outcome], report: &Report) -> Exit {
    let is = |test: fn(&Missing) -> bool| {
        let mut unknown = outcomes.iter().filter(|it| it.known.is_none());
        unknown.any(|it| it.result.as_ref().is_err_and(test))
    };
    if is(|it| matches!(it, Missing::Interrupted(_))) {
        Exit::Interrupted
    } else if is(|it| matches!(it, Missing::Broken(_))) {
        Exit::Bug
    } else if is(|it| matches!(it, Missing::Target(_))) {
        Exit::Target
    } else if [Status::Fail, Status::Stale, Status::Vacuous]
        .into_iter()
        .any(|it| report.count(it) > 0)
    {
        Exit::Failed
    } else if report.count(Status::Error) > 0 {
        Exit::Usage
    } else if report.count(Status::Pass) + report.count(Status::KnownFailing) > 0
        && report.evidence.witnessed > 0
    {
        Exit::Ok
    } else if report.count(Status::Inconclusive) > 0 {
        Exit::Inconclusive
    } else {
        Exit::Nothing
    }
}

/// The harness's base configuration, with the places that a run fills in.
pub(super) fn base(profile: &str) -> serde_json::Value {
    let addresses = Addresses {
        gateway_port: 18_789,
        channels: [("telegram".to_owned(), "http://<telegram twin>".to_owned())].into(),
        provider: "http://<provider twin>".into(),
        workspaces: "<sandbox>/workspaces".into(),
        zero_unix_s: 0,
    };
    let accounts = [("telegram".to_owned(), vec!["default".to_owned()])].into();
    let nothing = serde_json::json!({});
    let nobody = BTreeMap::default();
    Configuration::merged(&nothing, &accounts, (&[], &nobody), (profile, SEED), &addresses).config
}
