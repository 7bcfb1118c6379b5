//! The corpus against one defect: a process of its own, with the defect's switch on.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{blame, plant::SWITCH};

/// The least that a run of the corpus may take before it counts as hung.
const TIME_MIN: Duration = Duration::from_mins(2);

/// How many times as long as the run without a defect a run may take before it counts as hung.
const TIME_FACTOR: u32 = 6;

/// How often it is looked whether a run has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the hunt needs to know.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// The planted program.
    pub program: PathBuf,
    /// A folder for reports.
    pub folder: PathBuf,
    /// How many scenarios run at once.
    pub jobs: usize,
    /// How long a run may take.
    pub time_max: Duration,
}

/// What a run of the corpus came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A check failed.
    Killed(Kill),
    /// No check failed.
    Survived,
    /// No check failed, but cases broke down or could not be judged: not what a suite should be praised for.
    Broke(String),
    /// It did not end in time.
    Hung(Duration),
}

/// How a defect was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// The first case with a failing check, in the corpus's order.
    pub scenario: String,
    /// Its profile.
    pub profile: String,
    /// The first check of it that failed.
    pub check: String,
    /// How many cases had a failing check.
    pub cases: usize,
    /// The profiles of those cases.
    pub profiles: Vec<String>,
    /// The requirement that the failures speak of first, if the catalogue knows one.
    pub first: Option<String>,
}

/// Why a run has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program could not be run.
    #[error("run {program}: {source}")]
    Run {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It left no report that can be read.
    #[error("read the report {path}: {why}")]
    Report {
        /// The report.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Without any defect the corpus is not green, so a red case would prove nothing.
    #[error(
        "without a defect {count} cases are not green, `{first}` first: expected none, or no defect can be told from them"
    )]
    Baseline {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
}

impl Hunt {
    /// Runs the corpus without a defect, which must be green, and says how long it took.
    ///
    /// # Errors
    ///
    /// When it is not green, or could not be run.
    #[expect(clippy::disallowed_methods, reason = "sets how long other processes may take")]
    pub fn baseline(&mut self) -> Result<Duration, Error> {
        let started = Instant::now();
        let Some(report) = self.corpus(None)? else {
            return Err(Error::Baseline { count: 1, first: "the whole corpus hung".to_owned() });
        };
        let red: Vec<&Value> = cases(&report).iter().filter(|it| it["status"] != "pass").collect();
        if let Some(first) = red.first() {
            return Err(Error::Baseline { count: red.len(), first: text(&first["scenario"]) });
        }
        let took = started.elapsed();
        self.time_max = TIME_MIN.max(took * TIME_FACTOR);
        Ok(took)
    }

    /// Runs the corpus with a defect.
    ///
    /// # Errors
    ///
    /// When it could not be run.
    pub fn run(&self, defect: &str) -> Result<Outcome, Error> {
        let report = match self.corpus(Some(defect)) {
            // One that takes the whole program along is no reason not to hunt the others.
            Err(Error::Report { why, .. }) => {
                return Ok(Outcome::Broke(format!("the corpus ended without a report: {why}")));
            }
            report => report?,
        };
        Ok(report.map_or(Outcome::Hung(self.time_max), |it| outcome(&it)))
    }

    /// The report of a run; none if it took too long.
    fn corpus(&self, defect: Option<&str>) -> Result<Option<Value>, Error> {
        let path = self.folder.join(format!("{}.json", defect.unwrap_or("none")));
        let mut command = Command::new(&self.program);
        let jobs = self.jobs.to_string();
        // The engine in which silence costs nothing: the verdicts are the same.
        command.args(["run", "--world", "events", "--without-controls", "--jobs", &jobs]);
        command.arg("--report");
        command.arg(format!("json={}", path.display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env_remove(SWITCH).envs(defect.map(|it| (SWITCH, it)));
        let run = |source| Error::Run { program: self.program.clone(), source };
        fs::create_dir_all(&self.folder).map_err(run)?;
        // What an earlier run left must not pass for this one's.
        _ = fs::remove_file(&path);
        let child = command.spawn().map_err(run)?;
        if !ended_within(child, self.time_max).map_err(run)? {
            return Ok(None);
        }
        read(&path).map(Some)
    }
}

/// Waits for a process; one that takes too long is ended.
#[expect(clippy::disallowed_methods, reason = "waits for another process on the machine's clock")]
fn ended_within(mut child: Child, within: Duration) -> io::Result<bool> {
    let started = Instant::now();
    while started.elapsed() < within {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

fn read(path: &Path) -> Result<Value, Error> {
    let error = |why: String| Error::Report { path: path.to_owned(), why };
    let text = fs::read(path).map_err(|it| error(it.to_string()))?;
    serde_json::from_slice(&text).map_err(|it| error(it.to_string()))
}

/// What a report says of the defect.
fn outcome(report: &Value) -> Outcome {
    let red: Vec<(&Value, Vec<String>)> = cases(report)
        .iter()
        .map(|case| (case, failed(case)))
        .filter(|(_, failed)| !failed.is_empty())
        .collect();
    let Some((first, labels)) = red.first() else {
        let broken = |it: &&Value| it["status"] == "error";
        return match cases(report).iter().find(broken) {
            Some(case) => Outcome::Broke(why(case)),
            None => Outcome::Survived,
        };
    };
    let mut profiles: Vec<String> = red.iter().map(|(case, _)| text(&case["profile"])).collect();
    profiles.sort();
    profiles.dedup();
    Outcome::Killed(Kill {
        scenario: text(&first["scenario"]),
        profile: text(&first["profile"]),
        check: labels[0].clone(),
        cases: red.len(),
        profiles,
        first: blame::first(report),
    })
}

/// The labels of a case's checks that failed, in order.
pub(super) fn failed(case: &Value) -> Vec<String> {
    let checks = case["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    checks.iter().filter(|it| it["verdict"] == "fail").map(|it| text(&it["label"])).collect()
}

/// The cases of a report, in the corpus's order.
pub(super) fn cases(report: &Value) -> &[Value] {
    report["cases"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn why(case: &Value) -> String {
    let reason = case["reason"].as_str().or(case["harness_errors"][0].as_str());
    format!("{}: {}", text(&case["scenario"]), reason.unwrap_or("no reason was given"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
