//! Scenarios × profiles → outcomes.
//!
//! A scenario passes only when every expectation passed with evidence, no invariant failed, and its control, the same
//! scenario with one edit, made the checks fail that it names. So a check that cannot fail is found on every run.

mod claims;
mod control;
mod judging;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use creel_judge::{context::Context, trace::Trace, verdict::Verdict};
use creel_sim::{
    scenario::Scenario,
    target::REFERENCE,
    world::{self, World, ticks},
};

pub use self::{
    claims::left_out,
    control::Control,
    judging::{harness_errors, judge},
};
use crate::{
    corpus::Entry,
    expectations::{self, Expectations, Known},
};

/// What is run, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenarios.
    pub entries: Vec<Entry>,
    /// Only this profile, if given.
    pub profile: Option<String>,
    /// The seed.
    pub seed: u64,
    /// Where.
    pub world: World,
    /// The target as the user named it, for the command that runs a case again. None for the reference.
    pub target: Option<String>,
    /// How many run at once.
    pub jobs: usize,
    /// How often each case is run. From the second time on it must come out the same, or the case is an error: with the
    /// same trace where the clock is virtual, with the same verdicts on a real one.
    pub repeat: u32,
    /// What is done with controls.
    pub controls: Controls,
    /// What is known to fail, if that is listed.
    pub expectations: Option<Arc<Expectations>>,
    /// Whether all that the target can be judged by is run, or a part that somebody chose.
    pub extent: Extent,
}

impl Plan {
    /// Scenarios that somebody chose, once each with their controls, one after the other.
    pub fn new(entries: Vec<Entry>, world: World) -> Self {
        Self {
            entries,
            world,
            profile: None,
            seed: 1,
            target: None,
            jobs: 1,
            repeat: 1,
            controls: Controls::Run,
            expectations: None,
            extent: Extent::Chosen,
        }
    }
}

/// How much of the corpus is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// As much as says everything of the target.
    Whole,
    /// What somebody chose.
    Chosen,
}

/// What is done with controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controls {
    /// Each is run, and must flip.
    Run,
    /// None is run, which halves the time, where it was seen before that every check can fail.
    LeftOut,
}

/// One scenario, or one variant of it, under one profile.
#[derive(Clone, Debug)]
pub struct Case {
    /// The scenario.
    pub entry: Entry,
    /// The profile.
    pub profile: String,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which case.
    pub case: Case,
    /// What came of it.
    pub result: Result<Judged, Missing>,
    /// How long it took, control and all, on the machine's clock.
    pub took: Duration,
    /// Why its failure was expected, if all that is broken in it is listed.
    pub known: Option<Known>,
    /// What the list of known failures says of it, and was not so.
    pub stale: Vec<String>,
}

/// Why a case was not judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It needs virtual time, and this is a real clock.
    NeedsVirtualTime(String),
    /// Its clock could not be moved as far as the scenario goes.
    Unmoved(String),
    /// The target does not claim the profile.
    Unclaimed(String),
    /// The target made a choice that it declares, and for which the provider's script has no answers.
    Unforeseen(String),
    /// The target could not be started or did not get ready.
    Target(String),
    /// A template of the target's manifest cannot be filled in.
    Manifest(String),
    /// The scenario asks for what cannot be.
    Scenario(String),
    /// The simulation broke down.
    Broken(String),
    /// The user broke the run off.
    Interrupted(String),
}

impl Missing {
    /// The reason, in words.
    pub fn why(&self) -> &str {
        match self {
            Self::NeedsVirtualTime(why)
            | Self::Unmoved(why)
            | Self::Unclaimed(why)
            | Self::Unforeseen(why)
            | Self::Target(why)
            | Self::Manifest(why)
            | Self::Scenario(why)
            | Self::Broken(why)
            | Self::Interrupted(why) => why,
        }
    }
}

/// A judged case.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Every check: expectations, invariants, specifications.
    pub checks: Vec<Check>,
    /// Why the control did not do its part, if it did not.
    pub control: Control,
    /// What the harness itself found wrong.
    pub harness_errors: Vec<String>,
    /// What was seen.
    pub trace: Trace,
    /// What was declared.
    pub context: Context,
    /// How the world was set up.
    pub note: String,
}

/// One check and its verdict.
#[derive(Clone, Debug)]
pub struct Check {
    /// The expectation's label, or the invariant's or specification's id.
    pub label: String,
    /// What it checks, for an invariant or a specification.
    pub title: Option<&'static str>,
    /// The line in the scenario file, for an expectation.
    pub line: Option<usize>,
    /// The requirements that it judges in this profile, by id.
    pub requirements: Vec<String>,
    /// What it says.
    pub verdict: Verdict,
}

/// A case in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Everything held, with evidence.
    Pass,
    /// Something was broken.
    Fail,
    /// What was broken is listed as known to fail, in these words.
    KnownFailing,
    /// It is listed as known to fail, and passed, failed in other words or was skipped.
    Stale,
    /// An expectation was not exercised.
    Vacuous,
    /// The harness was late, or an order cannot be told.
    Inconclusive,
    /// It was left out, for a reason that is said.
    Skipped,
    /// The scenario, the target or the harness is at fault.
    Error,
}

impl Status {
    /// The word that reports print.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::KnownFailing => "known failing",
            Self::Stale => "stale",
            Self::Vacuous => "vacuous",
            Self::Inconclusive => "inconclusive",
            Self::Skipped => "skipped",
            Self::Error => "error",
        }
    }

    /// What a trace's checks amount to, its control aside.
    pub fn of(checks: &[Check], harness_errors: &[String]) -> Self {
        if !harness_errors.is_empty() {
            return Self::Error;
        }
        let has = |test: fn(&Check) -> bool| checks.iter().any(test);
        if has(|it| matches!(it.verdict, Verdict::Fail(_))) {
            Self::Fail
        } else if has(|it| it.line.is_some() && matches!(it.verdict, Verdict::Vacuous { .. })) {
            Self::Vacuous
        } else if has(|it| matches!(it.verdict, Verdict::Inconclusive { .. })) {
            Self::Inconclusive
        } else if has(|it| it.line.is_some() && matches!(it.verdict, Verdict::NotApplicable { .. }))
            && !has(|it| it.line.is_some() && matches!(it.verdict, Verdict::Pass { .. }))
        {
            Self::Skipped
        } else {
            Self::Pass
        }
    }
}

impl Outcome {
    /// The case in one word.
    pub fn status(&self) -> Status {
        match (self.observed(), &self.known) {
            (Status::Fail | Status::Vacuous, Some(_)) if !self.stale.is_empty() => Status::Stale,
            (Status::Fail | Status::Vacuous, Some(_)) => Status::KnownFailing,
            (Status::Error, Some(_)) if self.result.is_err() => Status::KnownFailing,
            (Status::Pass | Status::Skipped | Status::Inconclusive, _)
                if !self.stale.is_empty() =>
            {
                Status::Stale
            }
            (observed, _) => observed,
        }
    }

    /// The case in one word, whatever was known of it before.
    pub fn observed(&self) -> Status {
        let judged = match &self.result {
            Ok(judged) => judged,
            Err(Missing::NeedsVirtualTime(_) | Missing::Unclaimed(_) | Missing::Unforeseen(_)) => {
                return Status::Skipped;
            }
            Err(Missing::Unmoved(_)) => return Status::Inconclusive,
            Err(
                Missing::Target(_)
                | Missing::Manifest(_)
                | Missing::Scenario(_)
                | Missing::Broken(_)
                | Missing::Interrupted(_),
            ) => {
                return Status::Error;
            }
        };
        let status = Status::of(&judged.checks, &judged.harness_errors);
        match (status, &judged.control) {
            // A gateway of others may well do more than any script foresees: what it broke counts.
            (Status::Error, _) if is_foreign(judged) => Status::of(&judged.checks, &[]),
            (Status::Error, _) => Status::Error,
            (_, Control::Stuck(_) | Control::NotRun(_)) => Status::Fail,
            (Status::Pass, Control::Unclear(_)) => Status::Inconclusive,
            (status, _) => status,
        }
    }
}

/// Whether a gateway that runs for real went beyond its scenario's script, and broke something.
fn is_foreign(judged: &Judged) -> bool {
    let broken = judged.checks.iter().any(|it| matches!(it.verdict, Verdict::Fail(_)));
    let header = &judged.trace.header;
    broken && header.world == "real" && header.target != REFERENCE
}

/// The cases of a plan, in order.
pub fn cases(plan: &Plan) -> Vec<Case> {
    cases_of(&plan.entries, plan.profile.as_deref())
}

/// The cases of scenarios, in their order; of one profile, if it is given.
pub fn cases_of(entries: &[Entry], profile: Option<&str>) -> Vec<Case> {
    let wanted = |it: &&String| profile.is_none_or(|wanted| wanted == *it);
    let of = |entry: &Entry| {
        let profiles: Vec<String> =
            entry.scenario.profiles.iter().filter(wanted).cloned().collect();
        let scenarios = std::iter::once(&entry.scenario).chain(&entry.scenario.variants);
        let entries = scenarios.map(|it| Entry { scenario: it.clone(), ..entry.clone() });
        profiles
            .into_iter()
            .flat_map(|profile| {
                entries.clone().map(move |entry| Case { entry, profile: profile.clone() })
            })
            .collect::<Vec<_>>()
    };
    entries.iter().flat_map(of).collect()
}

/// Runs every case, several at once, and hands each outcome to `report` in the order of the cases. Once the user broke a
/// case off, no other is begun.
pub fn run(plan: &Plan, mut report: impl FnMut(&Outcome)) -> Vec<Outcome> {
    let cases = cases(plan);
    let order = longest_first(plan, &cases);
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel(cases.len().max(1));
    let mut slots: Vec<Option<Outcome>> = cases.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.clamp(1, cases.len().max(1)) {
            let (sender, next, cases, order) = (sender.clone(), &next, &cases, &order);
            scope.spawn(move || {
                while let Some(index) = take(next, order) {
                    let outcome = run_case(plan, &cases[index]);
                    if matches!(outcome.result, Err(Missing::Interrupted(_))) {
                        next.store(cases.len(), Ordering::Relaxed);
                    }
                    if sender.send((index, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut reported = 0;
        for (index, outcome) in receiver {
            slots[index] = Some(outcome);
            while let Some(Some(outcome)) = slots.get(reported) {
                report(outcome);
                reported += 1;
            }
        }
    });
    slots.into_iter().flatten().collect()
}

/// The order in which cases are begun: in turmoil, where a case costs what it ticks, none that takes long comes last, when
/// all others are done. Elsewhere it is the order of the cases.
fn longest_first(plan: &Plan, cases: &[Case]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cases.len()).collect();
    if matches!(plan.world, World::Turmoil) {
        order.sort_by_key(|index| std::cmp::Reverse(ticks(&cases[*index].entry.scenario)));
    }
    order
}

fn take(next: &AtomicUsize, order: &[usize]) -> Option<usize> {
    order.get(next.fetch_add(1, Ordering::Relaxed)).copied()
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a case took is told to people; no verdict reads it"
)]
fn run_case(plan: &Plan, case: &Case) -> Outcome {
    let started = Instant::now();
    let result = judge_case(plan, case);
    let took = started.elapsed();
    let outcome = Outcome { case: case.clone(), result, took, known: None, stale: Vec::new() };
    let ruling = plan.expectations.as_ref().map(|it| it.rule(&outcome)).unwrap_or_default();
    let expectations::Ruling { known, stale } = ruling;
    Outcome { known, stale, ..outcome }
}

fn judge_case(plan: &Plan, case: &Case) -> Result<Judged, Missing> {
    let scenario = &claims::playable(&plan.world, case)?;
    let run = plan.world.run(scenario, &case.profile, plan.seed).map_err(|it| missing(&it))?;
    let mut checks = judge(scenario, &run.trace, &run.context);
    let mut harness_errors = harness_errors(&run.trace);
    if let World::Real(real) = &plan.world {
        let excused = claims::excuse(&mut checks, &real.target.claims);
        let is_broken = checks.iter().any(|it| matches!(it.verdict, Verdict::Fail(_)));
        if let (Some(why), Some(error), false) = (excused, harness_errors.first(), is_broken) {
            return Err(Missing::Unclaimed(format!("{why}, and the script foresees it: {error}")));
        }
    }
    if let (Some(chosen), Some(error)) =
        (judging::chosen(&run.trace, &run.context), harness_errors.first())
    {
        return Err(Missing::Unforeseen(format!("{chosen}: {error}")));
    }
    let control = control::run(plan, (scenario, &case.profile))?;
    for again in 2..=plan.repeat {
        if let Some(what) = differs(plan, (scenario, &case.profile), (&run.trace, &checks))? {
            harness_errors.push(format!("run {again} of {}: {what}", plan.repeat));
            break;
        }
    }
    let world::Run { trace, context, note } = run;
    Ok(Judged { checks, control, harness_errors, trace, context, note })
}

/// Runs a case once more. Says what came out otherwise than before, if anything did.
fn differs(
    plan: &Plan,
    (scenario, profile): (&Arc<Scenario>, &str),
    (trace, checks): (&Trace, &[Check]),
) -> Result<Option<String>, Missing> {
    let run = match plan.world.run(scenario, profile, plan.seed) {
        // What the first run showed it showed.
        Err(world::Error::Clock(_)) => return Ok(None),
        run => run.map_err(|it| missing(&it))?,
    };
    let (before, now) = (trace.hash(), run.trace.hash());
    let differs = match &plan.world {
        World::Turmoil | World::Events | World::Fake(_) if before == now => None,
        World::Turmoil | World::Events | World::Fake(_) => {
            Some(format!("the trace {now} instead of {before}"))
        }
        World::Real(real) => {
            let mut other = judge(scenario, &run.trace, &run.context);
            claims::excuse(&mut other, &real.target.claims);
            let mut pairs = checks.iter().zip(&other);
            let changed = pairs.find(|(a, b)| a.verdict.word() != b.verdict.word());
            changed.map(|(a, b)| format!("`{}` was {}, not {}", a.label, b.verdict, a.verdict))
        }
    };
    Ok(differs)
}

fn missing(error: &world::Error) -> Missing {
    let why = error.to_string();
    match error {
        world::Error::Target(_) | world::Error::Stuck { .. } => Missing::Target(why),
        world::Error::Clock(_) => Missing::Unmoved(why),
        world::Error::Manifest(_) => Missing::Manifest(why),
        world::Error::Profile { .. } | world::Error::Stage(_) | world::Error::Settings(_) => {
            Missing::Scenario(why)
        }
        world::Error::Simulation(_) => Missing::Broken(why),
        world::Error::Interrupted => Missing::Interrupted(why),
    }
}
