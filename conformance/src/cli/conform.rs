//! `creel conform`.

mod progress;
mod table;

use std::{path::PathBuf, sync::Arc, time::Instant};

use clap::Args;
use creel_sim::world::World;

use self::progress::Progress;
use super::{
    Exit, complain,
    given::{self, usage},
    print, refuse,
    report_files::ReportFile,
    run::{self, ColorChoice, Seed},
    target::installing::Missing,
};
use crate::{
    corpus,
    report::{
        console,
        data::{Case, Report, Standing},
        evidence, gather, json,
    },
    selection::{self, Depth, Goal, Reason, Selection},
    suite::{self, Controls, Extent, Outcome, Plan},
};

#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// The gateway under test, a built-in target or a manifest's path.
    #[arg(long)]
    target: String,
    /// Only this profile of the contract. The report then says nothing of the other one.
    #[arg(long, value_parser = ["2026.3", "2026.9"])]
    profile: Option<String>,
    /// Run every scenario that can run, although fewer judge the same requirements.
    #[arg(long, conflicts_with = "each")]
    all: bool,
    /// Judge each requirement by so many scenarios, if there are so many [default: 1, and as many scenarios as the
    /// target's manifest allows]
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u16).range(1..))]
    each: Option<u16>,
    /// Say what would run and why the rest would not, and run nothing.
    #[arg(long)]
    dry_run: bool,
    /// Install the target first, in a folder of the user's cache, if it is not there.
    #[arg(long)]
    install: bool,
    /// Run the controls, too: they show on this gateway, as they do on the reference, that every check can fail.
    #[arg(long)]
    with_controls: bool,
    /// A number, or `random`, which prints the number.
    #[arg(long, default_value = "1")]
    seed: Seed,
    /// How many gateways run at once [default: what the target says, else 16]
    #[arg(short, long)]
    jobs: Option<usize>,
    /// Run each case so often; its verdicts must be the same every time.
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// A list of known failures [default: `<target>.expect.toml` beside the target's manifest]
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// The folder of the reports.
    #[arg(long, value_name = "FOLDER", default_value = "creel-report")]
    out: PathBuf,
    /// A text of this run alone, such as the number of a CI run [default: a random one]
    #[arg(long, value_name = "TEXT")]
    nonce: Option<String>,
    /// Print the report as JSON instead of lines.
    #[arg(long)]
    json: bool,
    /// Keep the folders of the runs, in this folder.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Whether the output is coloured.
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

impl Arguments {
    #[expect(clippy::disallowed_methods, reason = "how long the whole took is told to people")]
    pub(super) fn run(self) -> Exit {
        let started = Instant::now();
        let (plan, selection) = match self.plan() {
            Ok(planned) => planned,
            Err(exit) => return exit,
        };
        if !self.json {
            print(&introduction(&plan, &selection));
        }
        if plan.entries.is_empty() {
            complain("error: no scenario can run on this target, so nothing was judged");
            return Exit::Nothing;
        }
        if self.dry_run {
            for case in &selection.cases {
                print(&format!("{} {}", case.profile, case.entry.scenario.name()));
            }
            return Exit::Ok;
        }
        let nonce = match given::nonce(self.nonce.as_deref()) {
            Ok(nonce) => nonce,
            Err(exit) => return exit,
        };
        let (outcomes, cases) = self.perform(&plan);
        let occasion =
            gather::Occasion { nonce, command: given::command(), took: started.elapsed() };
        let mut report = gather::report(&plan, cases, occasion);
        add_reasons(&mut report, &selection);
        if self.json {
            print(&json::text(&report));
        } else {
            print(&table::text(&report));
            print(&console::summary(&report));
        }
        match self.write(&report) {
            Ok(files) => {
                if !self.json {
                    print(&format!("reports: {}", files.join(", ")));
                }
                run::exit(&outcomes, &report)
            }
            Err(why) => usage(&why),
        }
    }

    fn plan(&self) -> Result<(Plan, Selection), Exit> {
        let missing = if self.install { Missing::Installed } else { Missing::Told };
        let world = given::real(&self.target, self.keep.as_deref(), missing)?;
        let World::Real(real) = &world else { unreachable!("a target runs for real") };
        let jobs = self.jobs.or(real.target.jobs).unwrap_or(run::REAL_JOBS);
        let entries = corpus::choose(&[]).map_err(refuse)?;
        let list =
            given::expectations(self.expect.as_deref(), Some(&self.target), (&world, &entries))?;
        let cases = suite::cases_of(&entries, self.profile.as_deref());
        let depth = match (self.all, self.each, real.target.cases) {
            (true, ..) => Depth::All,
            (_, Some(times), _) => Depth::Each(times.into()),
            (_, None, Some(cases)) => Depth::Most(cases),
            (_, None, None) => Depth::Each(1),
        };
        let selection = selection::choose(cases, (&world, list.as_ref()), depth);
        let extent = if self.profile.is_none() { Extent::Whole } else { Extent::Chosen };
        let plan = Plan {
            seed: self.seed.0,
            target: Some(self.target.clone()),
            jobs,
            repeat: self.repeat,
            controls: if self.with_controls { Controls::Run } else { Controls::LeftOut },
            expectations: list.map(Arc::new),
            extent,
            ..Plan::new(selection.entries(), world)
        };
        Ok((plan, selection))
    }

    /// Runs what was chosen. Failures are explained behind the lines of all cases.
    fn perform(&self, plan: &Plan) -> (Vec<Outcome>, Vec<Case>) {
        let color = self.color.color();
        let mut progress = Progress::new(plan.entries.len());
        let (mut cases, mut failures) = (Vec::new(), Vec::new());
        let outcomes = suite::run(plan, |outcome| {
            let case = gather::case(plan, outcome);
            progress.hide();
            if !self.json {
                print(&console::line(&case, 0, color));
            }
            if !case.is_quiet() && case.known.is_none() {
                failures.push(console::explained(&case, plan.seed));
            }
            cases.push(case);
            progress.show(failures.len());
        });
        progress.hide();
        if !self.json {
            for failure in &failures {
                print(&format!("\n{}", failure.trim_end()));
            }
        }
        (outcomes, cases)
    }

    /// Writes every form of the report, and says which files those are.
    fn write(&self, report: &Report) -> Result<Vec<String>, String> {
        let mut written = Vec::new();
        for (format, name) in [
            ("json", "report.json"),
            ("html", "report.html"),
            ("md", "report.md"),
            ("junit", "junit.xml"),
            ("badge", "badge.svg"),
        ] {
            let file = self.out.join(name).display().to_string();
            format!("{format}={file}").parse::<ReportFile>()?.write(report)?;
            written.push(file);
        }
        Ok(written)
    }
}

/// Says of requirements that no case of the run judges why none does.
fn add_reasons(report: &mut Report, selection: &Selection) {
    for requirement in &mut report.requirements {
        let profiles = requirement.profiles.iter();
        let goals = profiles.map(|it| (requirement.id.clone(), it.clone()));
        let reason = goals.filter_map(|it| selection.unreached.get(&it)).max();
        let (Standing::NotRun, Some(reason)) = (requirement.verdict, reason) else { continue };
        requirement.verdict = match reason {
            Reason::Profile | Reason::Unclaimed => Standing::Unclaimed,
            Reason::Clock => Standing::NotTestable,
            Reason::Superfluous | Reason::Budget | Reason::Nobody => Standing::NotRun,
        };
        requirement.why = Some(reason.words().to_owned());
    }
    report.evidence.digest = evidence::digest(report);
}

/// What is run, and what is not.
fn introduction(plan: &Plan, selection: &Selection) -> String {
    let World::Real(real) = &plan.world else { unreachable!("a target runs for real") };
    let target = &real.target;
    let version = target.version.as_ref().map_or(String::new(), |it| format!(" ({it})"));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let minutes = selection.takes(&plan.world, plan.jobs, cores).as_secs().div_ceil(60);
    let (jobs, name) = (plan.jobs, &target.name);
    let mut lines = vec![format!(
        "{name}{version}, profile {}: {jobs} at once, about {minutes} min",
        target.profiles.join(" and ")
    )];
    let left_out: usize = selection.left_out.values().sum();
    lines.push(format!(
        "chosen: {} of {} cases, which judge {} requirements",
        selection.cases.len(),
        selection.cases.len() + left_out,
        selection.judged.len()
    ));
    for (reason, count) in &selection.left_out {
        lines.push(format!("left out: {count} cases ({})", reason.words()));
    }
    for reason in [Reason::Unclaimed, Reason::Clock, Reason::Budget, Reason::Nobody] {
        let of = selection.unreached.iter().filter(|it| *it.1 == reason);
        let ids: Vec<&Goal> = of.map(|it| it.0).collect();
        if !ids.is_empty() {
            lines.push(format!("not judged: {} requirements ({})", ids.len(), reason.words()));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}
