//! The `creel` command line.

mod compare;
mod conform;
mod expect;
mod explain;
mod fake;
mod given;
mod list;
mod matrix;
mod mutants;
mod record;
mod replay;
mod report_files;
mod run;
mod target;
mod twin;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use creel_document::schema;
use creel_sim::scenario;

use crate::{corpus, report::json};

/// Catches gateway bugs: runs scenarios against an AI-agent gateway and judges what crosses the wire.
#[derive(Debug, Parser)]
#[command(name = "creel", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  creel run                              the whole corpus on the reference gateway, in simulated time
  creel run queue 'routing/*binding*'    an area, and a glob over ids
  creel run my-scenarios/                files of your own
  creel run --world real -j 8            the reference gateway as a process over loopback sockets
  creel conform --target my-gateway.toml a gateway of yours: what it keeps of the contract, and a report
  creel lint my-scenarios/               every problem of every file
  creel explain QUE-003                  what is promised, by whom, and which scenarios judge it
  creel record --upstream https://api.openai.com/v1 --out incident.yaml   an incident, as a scenario to replay
  creel twin telegram --port 8081        a Telegram that you can talk to with curl

Exit codes: 0 ok, 1 failed, 2 wrong usage, scenario or manifest, 3 the target did not start, 4 nothing was judged,
5 only inconclusive, 70 a bug of ours.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios and judge them.
    Run(run::Arguments),
    /// Judge a gateway: as few scenarios as say everything of it, and a report.
    Conform(conform::Arguments),
    /// List scenarios, or requirements and what judges them.
    List(list::Arguments),
    /// Check scenario files without running them: every problem of every file.
    Lint {
        /// Ids, areas, globs or paths. The built-in corpus if none is given.
        select: Vec<String>,
    },
    /// Print the JSON Schema of scenario files, for completion in editors, or of another format.
    Schema {
        /// Of what.
        #[arg(value_enum, default_value_t = Format::Scenario)]
        of: Format,
    },
    /// List the targets that come with the program, begin a manifest, or see what is wrong with one.
    Target(target::Arguments),
    /// Keep the list of a target's known failures.
    Expect(expect::Arguments),
    /// Judge a trace file again.
    Replay(replay::Arguments),
    /// Put reports of several targets beside each other: which keeps what.
    Matrix(matrix::Arguments),
    /// Tell what is different between two reports. Exit code 1 if something that held is broken.
    Compare(compare::Arguments),
    /// Stand between a gateway and its model provider, and write what happens as a scenario, without secrets.
    Record(record::Arguments),
    /// Explain a requirement, an area of the catalogue, or the base configuration.
    Explain(explain::Arguments),
    /// Print the whole catalogue of requirements as markdown.
    Spec,
    /// Plant defects in a copy of the reference gateway, and see whether the corpus notices each.
    Mutants(mutants::Arguments),
    /// Serve one twin alone, until Ctrl-C.
    Twin(twin::Arguments),
    /// Run the small gateway that the suite is tried on, as a process.
    #[command(hide = true)]
    FakeGateway(fake::Arguments),
    /// Print a shell's completions.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// The reference gateway: the same as the program `creel-gateway`.
    Gateway(creel_gateway::cli::Cli),
}

/// What there is a schema of.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Files of scenarios.
    Scenario,
    /// What `--report json=PATH` writes.
    Report,
}

/// Why the program ends, as its exit code. Never a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// A case failed.
    Failed = 1,
    /// The command line, a scenario or a manifest is wrong.
    Usage = 2,
    /// The target did not start.
    Target = 3,
    /// Nothing was judged.
    Nothing = 4,
    /// Nothing failed, and nothing could be told.
    Inconclusive = 5,
    /// A bug of ours.
    Bug = 70,
    /// The user broke the run off.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Run(arguments) => arguments.run().into(),
            Command::Conform(arguments) => arguments.run().into(),
            Command::List(arguments) => arguments.run().into(),
            Command::Lint { select } => lint(&select).into(),
            Command::Schema { of } => {
                let schema = match of {
                    Format::Scenario => schema::json_schema(scenario::shape(), "Creel scenario"),
                    Format::Report => json::schema(),
                };
                print(&format!("{schema:#}"));
                Exit::Ok.into()
            }
            Command::Target(arguments) => arguments.run().into(),
            Command::Expect(arguments) => arguments.run().into(),
            Command::Replay(arguments) => arguments.run().into(),
            Command::Matrix(arguments) => arguments.run().into(),
            Command::Compare(arguments) => arguments.run().into(),
            Command::Record(arguments) => arguments.run().into(),
            Command::Explain(arguments) => arguments.run().into(),
            Command::Spec => explain::spec().into(),
            Command::Mutants(arguments) => arguments.run().into(),
            Command::Twin(arguments) => arguments.run().into(),
            Command::FakeGateway(arguments) => arguments.run().into(),
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "creel", &mut script);
                print(String::from_utf8_lossy(&script).trim_end());
                Exit::Ok.into()
            }
            Command::Gateway(gateway) => gateway.run(),
        }
    }
}

fn lint(select: &[String]) -> Exit {
    match corpus::choose(select) {
        Ok(entries) => {
            print(&format!("{} scenarios, no problem", entries.len()));
            Exit::Ok
        }
        Err(error) => refuse(error),
    }
}

/// Shows why scenarios could not be chosen.
fn refuse(error: corpus::Error) -> Exit {
    if let corpus::Error::Invalid(reports) = error {
        let files = reports.len();
        for report in reports {
            complain(&format!("{:?}", miette::Report::new(report)));
        }
        complain(&format!("error: {files} of the chosen scenario files cannot be used"));
    } else {
        complain(&format!("error: {error}"));
    }
    Exit::Usage
}

/// Data goes to standard output. A reader that has had enough, such as `head`, is no error.
fn print(text: &str) {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("error: write to standard output: {error}"));
        }
        Ok(()) | Err(_) => (),
    }
}

/// Everything else goes to standard error. If that is closed, there is nobody to tell.
fn complain(text: &str) {
    _ = writeln!(io::stderr(), "{text}");
}
