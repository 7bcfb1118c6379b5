//! `creel mutants`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use creel_sim::fakes::Lie;

use super::{Exit, complain, print, refuse, run::REAL_JOBS};
use crate::{
    corpus,
    mutants::{
        defects::{self, Defect},
        earlier,
        hunt::{self, Hunt},
        liars::{self, Caught},
        processes,
        table::{self, Counts, Row},
        workshop::{self, Workshop},
    },
    report::console,
};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Ids of defects, globs over them, or ids of requirements. All if none is given.
    select: Vec<String>,
    /// The checkout whose gateway is spoiled in a copy [default: the one that this folder is in]
    #[arg(long, value_name = "FOLDER")]
    source: Option<PathBuf>,
    /// Where the copy and its build are kept [default: below the user's cache folder]
    #[arg(long, value_name = "FOLDER")]
    work: Option<PathBuf>,
    /// Cargo's profile for the build of the copy. The corpus is run often, so it is worth optimising.
    #[arg(long, default_value = "release")]
    profile: String,
    /// How many scenarios run at once [default: the number of CPUs]
    #[arg(short, long)]
    jobs: Option<usize>,
    /// Print what came of it as JSON instead of lines.
    #[arg(long)]
    json: bool,
    /// Run the lying gateways instead of the defects; SELECT names some of them.
    #[arg(long)]
    liars: bool,
    /// Run the lying gateways as processes over loopback sockets, too, on the machine's clock.
    #[arg(long, requires = "liars")]
    processes: bool,
    /// Run these scenarios on the liars instead of the sample that the honest one passes.
    #[arg(long, value_name = "SELECT", requires = "liars")]
    on: Vec<String>,
    /// Write a table in Markdown.
    #[arg(long, value_name = "PATH")]
    table: Option<PathBuf>,
    /// Write what came of it as JSON. Where SELECT leaves defects out, what the file says of them is kept, in the table
    /// too, unless they were changed.
    #[arg(long, value_name = "PATH")]
    results: Option<PathBuf>,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Defects(#[from] defects::Error),
    #[error(transparent)]
    Workshop(#[from] workshop::Error),
    #[error(transparent)]
    Hunt(#[from] hunt::Error),
    #[error("find the cache folder: {0}; or give --work")]
    Cache(#[from] etcetera::HomeDirError),
    #[error("{what} {path}: {source}")]
    Io { what: &'static str, path: PathBuf, source: io::Error },
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        if self.liars {
            return self.try_liars();
        }
        match self.hunt() {
            Ok(rows) if Counts::of(&rows).all_killed() => Exit::Ok,
            Ok(_) => Exit::Failed,
            Err(error) => {
                complain(&format!("error: {error}"));
                match error {
                    // Our own program did not do what it does everywhere.
                    Error::Hunt(hunt::Error::Report { .. }) => Exit::Bug,
                    _ => Exit::Usage,
                }
            }
        }
    }

    /// Shows first that the honest one passes, or a liar's failures would prove nothing.
    fn try_liars(&self) -> Exit {
        let entries = if self.on.is_empty() { liars::sample() } else { corpus::choose(&self.on) };
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return refuse(error),
        };
        let accused = liars::wrongly_accused(&entries, self.jobs());
        for outcome in &accused {
            print(&console::short_line(outcome));
        }
        if !accused.is_empty() {
            complain(&format!(
                "error: the honest gateway does not pass {} cases, so a liar's failures prove nothing",
                accused.len()
            ));
            return Exit::Failed;
        }
        let creel = match self.processes.then(std::env::current_exe).transpose() {
            Ok(creel) => creel,
            Err(error) => {
                complain(&format!("error: find creel: {error}"));
                return Exit::Usage;
            }
        };
        if let Some(creel) = &creel {
            let accused = processes::wrongly_accused(&entries, creel, REAL_JOBS);
            for outcome in &accused {
                print(&console::short_line(outcome));
            }
            if !accused.is_empty() {
                complain(
                    "error: as a process the honest gateway does not pass, so a liar's failures prove nothing",
                );
                return Exit::Failed;
            }
        }
        let chosen =
            |lie: &&Lie| self.select.is_empty() || self.select.iter().any(|it| it == lie.name());
        let mut caught = Vec::new();
        for lie in Lie::ALL.iter().filter(chosen) {
            let mut one = liars::catch(*lie, &entries, self.jobs());
            if let Some(creel) = &creel {
                one = processes::catch(*lie, &one, &entries, creel);
            }
            if !self.json {
                print(&one.line());
            }
            caught.push(one);
        }
        let count = caught.iter().filter(|it| !it.by.is_empty()).count();
        if self.json {
            print(&format!("{:#}", caught.iter().map(Caught::json).collect::<serde_json::Value>()));
        } else {
            let (all, cases) = (caught.len(), entries.len());
            print(&format!(
                "\n{count} of {all} liars caught; the honest gateway passes all {cases} scenarios"
            ));
        }
        if let Some(path) = &self.table
            && let Err(error) = fs::write(path, liars::markdown(&caught))
        {
            complain(&format!("error: {}", io_error("write", path, error)));
            return Exit::Usage;
        }
        match count == caught.len() {
            true if caught.is_empty() => Exit::Nothing,
            true => Exit::Ok,
            false => Exit::Failed,
        }
    }

    fn jobs(&self) -> usize {
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.jobs.unwrap_or(cpus)
    }

    fn hunt(&self) -> Result<Vec<Row>, Error> {
        let here = || std::env::current_dir().map_err(|it| io_error("find", Path::new("."), it));
        let from = self.source.clone().map_or_else(here, Ok)?;
        let root = defects::root(&from)?;
        let all = defects::load(&root)?;
        let chosen = defects::choose(&all, &self.select)?;
        let work = self.work.clone().map_or_else(workshop::cache, Ok)?;
        fs::create_dir_all(&work).map_err(|it| io_error("make", &work, it))?;
        let work = work.canonicalize().map_err(|it| io_error("find", &work, it))?;
        complain(&format!("{} defects are planted in {}", all.len(), work.display()));
        let workshop = Workshop::new(root, work.clone());
        // All of them, whatever was chosen: another choice needs no other build.
        workshop.plant(&all)?;
        let program = workshop.build(&self.profile)?;
        let (jobs, folder) = (self.jobs(), work.join("reports"));
        let mut hunt = Hunt { program, folder, jobs, time_max: Duration::from_hours(1) };
        let took = hunt.baseline()?;
        complain(&format!("the corpus is green without a defect, in {} s", took.as_secs()));
        let rows = self.rows(&hunt, chosen)?;
        self.write(&all, rows.clone())?;
        Ok(rows)
    }

    fn rows(&self, hunt: &Hunt, chosen: Vec<Defect>) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        for defect in chosen {
            let outcome = hunt.run(&defect.id)?;
            let row = Row { defect, outcome };
            if self.json {
                complain(&row.line());
            } else {
                print(&row.line());
            }
            rows.push(row);
        }
        let Counts { all, killed, right } = Counts::of(&rows);
        if self.json {
            print(&format!("{:#}", table::json(&rows)));
        } else {
            print(&format!(
                "\n{killed} of {all} killed, {right} with the requirement first that they were planted for"
            ));
        }
        Ok(rows)
    }

    fn write(&self, all: &[Defect], mut rows: Vec<Row>) -> Result<(), Error> {
        let written = |path: &Path, text: String| {
            fs::write(path, text).map_err(|it| io_error("write", path, it))
        };
        if let Some(path) = &self.results {
            if !self.select.is_empty() && path.exists() {
                let text = fs::read(path).map_err(|it| io_error("read", path, it))?;
                let earlier = serde_json::from_slice(&text)
                    .map_err(|it| io_error("read", path, io::Error::other(it)))?;
                rows = earlier::joined(all, &rows, &earlier);
            }
            written(path, format!("{:#}\n", table::json(&rows)))?;
        }
        if let Some(path) = &self.table {
            written(path, table::markdown(&rows))?;
        }
        Ok(())
    }
}

fn io_error(what: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { what, path: path.to_owned(), source }
}
