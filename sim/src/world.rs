//! The worlds that a scenario runs in, behind one function: scenario × profile × seed → trace.

mod events;
pub mod jumps;
mod ports;
mod process;
pub mod real;
mod simulated;
pub mod tunnel;
pub mod turmoil;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use creel_judge::{
    context::{Choices, Clock, Context},
    profile::{self, Profile},
    trace::{Fact, Header, Lateness, Trace, VERSION},
    words::{Span, Word},
};

use crate::{
    declared,
    fakes::Fake,
    scenario::{Act, Answer, Scenario, SendFault, StreamEnd},
    stage::{
        Stage,
        waiting::{JUMP_FROM, JUMP_TAKES},
    },
    target::Target,
};

/// Where scenarios run.
#[derive(Clone, Debug)]
pub enum World {
    /// The reference gateway inside turmoil's network and clock, which move in ticks.
    Turmoil,
    /// The same on turmoil's TCP stacks alone, in a clock that jumps from event to event.
    Events,
    /// A fake gateway inside turmoil's network and clock: honest, or a liar that the suite must catch.
    Fake(Fake),
    /// A process over loopback sockets, on the machine's clock.
    Real(Box<real::Real>),
}

/// What a run left behind.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was seen.
    pub trace: Trace,
    /// What was declared.
    pub context: Context,
    /// How the world was set up, for those who wonder: the tick, or the slack.
    pub note: String,
}

/// Why a run has no trace. Each is the harness's or the target's to mend; none is a verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scenario names a profile that the judge does not know.
    #[error("profile `{found}` is unknown: expected {}", profile::ALL.map(|it| it.name).join(" or "))]
    Profile {
        /// What was found.
        found: String,
    },
    /// The scenario's chats cannot be.
    #[error(transparent)]
    Stage(#[from] crate::stage::Error),
    /// The scenario's `gateway` is not a configuration of the reference gateway.
    #[error("the reference gateway refuses the scenario's `gateway`:\n{0}")]
    Settings(String),
    /// The simulation ended with an error, or something in it panicked.
    #[error("the simulation ended with an error: {0}")]
    Simulation(String),
    /// The target could not be started or did not get ready.
    #[error("{0}")]
    Target(String),
    /// The target was started, and came no further than this.
    #[error("{why}")]
    Stuck {
        /// How far it came.
        at: Stuck,
        /// What was seen of it, with its last words.
        why: String,
    },
    /// The target's clock could not be moved as far as the scenario goes, which proves nothing of the target.
    #[error("{0}")]
    Clock(String),
    /// The user broke the run off.
    #[error("interrupted")]
    Interrupted,
    /// The target's manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] crate::target::Error),
}

/// How far a target came that never took part in its scenario, or not to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// Its program cannot be started.
    Program,
    /// It ended by itself.
    Ended,
    /// The path that says that it is ready does not answer 200.
    Path,
    /// It does not ask an account's platform for messages, or does not connect to it.
    Channel,
}

impl World {
    /// The world's name, in trace headers and on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Turmoil | Self::Fake(_) => "turmoil",
            Self::Events => "events",
            Self::Real(_) => "real",
        }
    }

    /// The gateway's name.
    pub fn target(&self) -> &str {
        match self {
            Self::Turmoil | Self::Events => "reference",
            Self::Fake(fake) => fake.name(),
            Self::Real(real) => &real.target.name,
        }
    }

    /// What its target does where the contract leaves a choice.
    fn choices(&self) -> Choices {
        match self {
            Self::Turmoil | Self::Events | Self::Fake(_) => Choices::default(),
            Self::Real(real) => real.target.choices,
        }
    }

    /// Runs a scenario.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn run(&self, scenario: &Arc<Scenario>, profile: &str, seed: u64) -> Result<Run, Error> {
        let profile =
            profile::named(profile).ok_or_else(|| Error::Profile { found: profile.to_owned() })?;
        let seen = match *self {
            Self::Fake(fake) => {
                let run = move |scenario: &_, profile: &_, seed| {
                    turmoil::run_fake(fake, scenario, profile, seed)
                };
                simulated::on_own_thread(scenario, profile, seed, run)?
            }
            Self::Turmoil => simulated::on_own_thread(scenario, profile, seed, turmoil::run)?,
            Self::Events => simulated::on_own_thread(scenario, profile, seed, events::run)?,
            Self::Real(ref real) => real.run(scenario, profile, seed)?,
        };
        let header = Header {
            creel_trace: VERSION,
            scenario: scenario.name(),
            profile: profile.name.to_owned(),
            seed,
            world: self.name().to_owned(),
            target: self.target().to_owned(),
            choices: self.choices(),
            lateness: match seen.clock {
                Clock::Exact { .. } => None,
                Clock::Measured { slack_us, lateness_us } => {
                    Some(Lateness { slack_us, lateness_us })
                }
            },
        };
        Ok(seen.into_run(header, profile))
    }
}

/// About how many ticks of turmoil a scenario takes, and so how long compared to others.
pub fn ticks(scenario: &Scenario) -> u128 {
    waiting(scenario).as_nanos() / turmoil::tick(scenario).as_nanos().max(1)
}

/// How exact the clock of a simulated world is, by the world's name in a trace's header.
pub fn exact(world: &str, scenario: &Scenario) -> Clock {
    let tick = if world == World::Events.name() { Duration::ZERO } else { turmoil::tick(scenario) };
    let hop = tick.max(scenario.latency.end);
    Clock::Exact { hop_us: i64::try_from(hop.as_micros()).unwrap_or(i64::MAX) }
}

/// What a world saw, before it is put together.
pub(crate) struct Seen {
    stage: Stage,
    facts: Vec<Fact>,
    clock: Clock,
    note: String,
}

impl Seen {
    fn into_run(self, header: Header, profile: &Profile) -> Run {
        let Self { stage, facts, clock, note } = self;
        let context = declared::context(&stage.scenario, profile, &stage.configuration, clock);
        let context = declared::context_of_run(context, header.seed, &facts);
        let context = Context { choices: header.choices, ..context };
        Run { trace: Trace { header, facts }, context, note }
    }
}

/// The most that a scenario may wait on a real clock.
const REAL_WAIT_MAX: Duration = Duration::from_secs(15);

/// The same where clocks can be moved: every move needs some seconds of stillness.
const JUMPING_WAIT_MAX: Duration = Duration::from_mins(1);

/// What turns on less than this is not for a real clock, and not for a coarse tick.
const FINE: Duration = Duration::from_millis(100);

/// How long an answer that never ends may be waited for.
const STALL: Duration = Duration::from_mins(10);

/// What of time a real world can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RealClock {
    /// The machine's clock: what takes long takes long.
    #[default]
    Wall,
    /// The machine's, whose date can be moved for the gateway while nothing is under way.
    Jump,
}

/// Why a scenario needs the virtual clock, if it does.
pub fn needs_virtual_time(scenario: &Scenario, clock: RealClock) -> Option<String> {
    if let Some(why) = &scenario.virtual_only {
        return Some(why.clone());
    }
    if scenario.clock.is_set && clock == RealClock::Wall {
        return Some("it begins on a date of its own".to_owned());
    }
    if !scenario.clock.jumps.is_empty() {
        return Some("it moves the gateway's clock, and the machine's cannot be moved".to_owned());
    }
    let most = match clock {
        RealClock::Wall => REAL_WAIT_MAX,
        RealClock::Jump => JUMPING_WAIT_MAX,
    };
    let waits = lasts(scenario, clock);
    if waits > most {
        let (waits, most) = (waits.as_secs(), most.as_secs());
        return Some(format!("it waits {waits} s, and {most} s is the most"));
    }
    fine_edge(scenario).map(|it| format!("{it}, and {} ms is the least", FINE.as_millis()))
}

/// About how long a scenario takes on a real clock, the gateway's start aside.
pub fn lasts(scenario: &Scenario, clock: RealClock) -> Duration {
    let jumped = match clock {
        RealClock::Wall => Duration::ZERO,
        RealClock::Jump => long_waits(scenario).map(|it| it.saturating_sub(JUMP_TAKES)).sum(),
    };
    waiting(scenario).saturating_sub(jumped)
}

/// Whether a scenario needs that its gateway's clock is moved, where it can be.
fn needs_jumps(scenario: &Scenario) -> bool {
    scenario.clock.is_set || long_waits(scenario).next().is_some()
}

/// A scenario's waits that are jumps where the clock can be moved.
fn long_waits(scenario: &Scenario) -> impl Iterator<Item = Duration> {
    let first = scenario.steps.first().map(|it| it.at);
    let between = scenario.steps.windows(2).map(|it| it[1].at.saturating_sub(it[0].at));
    let last = scenario.steps.last().map(|it| scenario.lasts.saturating_sub(it.at));
    first.into_iter().chain(between).chain(last).filter(|it| *it > JUMP_FROM)
}

/// What in a scenario turns on less than [`FINE`], if anything: two steps, or an expectation's bound.
fn fine_edge(scenario: &Scenario) -> Option<String> {
    let apart = |pair: &[crate::scenario::Step]| pair[1].at.saturating_sub(pair[0].at);
    let steps = scenario.steps.windows(2).map(apart).filter(|it| !it.is_zero()).min();
    if let Some(gap) = steps.filter(|it| *it < FINE) {
        return Some(format!("two steps are {} ms apart", gap.as_millis()));
    }
    let bounds = scenario.expect.iter().filter_map(|it| bound(&it.word));
    let narrowest =
        bounds.min().filter(|us| u128::try_from(*us).is_ok_and(|it| it < FINE.as_micros()));
    narrowest.map(|us| format!("a bound is {} ms wide", us / 1_000))
}

/// About how long a run takes: its steps, its answers one after another, and the quiet at its end.
fn waiting(scenario: &Scenario) -> Duration {
    let takes = |Answer { after, act }: &Answer| match act {
        Act::Say { chunks, every, .. } => *after + *every * chunks.saturating_sub(1),
        Act::Stream { parts, ends } => {
            let rest = if *ends == StreamEnd::Stall { STALL } else { Duration::ZERO };
            *after + parts.iter().map(|it| it.after).sum::<Duration>() + rest
        }
        Act::Hang => STALL,
        Act::Call { .. }
        | Act::Status(_)
        | Act::Cut { .. }
        | Act::Malformed { .. }
        | Act::Eof { .. } => *after,
    };
    let scripted = scenario.model.values().map(|it| it.iter().map(takes).sum::<Duration>());
    let standing = scenario.providers.values().flat_map(|it| it.answers.values());
    let standing = standing.map(|it| it.iter().map(|it| takes(&it.answer)).sum());
    let answers = scripted.chain(standing).max();
    let steps = scenario.steps.last().map_or(Duration::ZERO, |it| it.at);
    let tools = scenario.tools.values().flat_map(BTreeMap::values).flatten();
    let tools: Duration = tools.map(|it| it.after).sum();
    let refused = |it: &SendFault| match *it {
        SendFault::Accept => Duration::ZERO,
        SendFault::Slow { delay } => delay,
        SendFault::Refuse { retry_after_s, .. } => {
            Duration::from_secs(retry_after_s.unwrap_or_default())
        }
    };
    let sends = scenario.platform.values().map(|it| it.iter().map(refused).sum::<Duration>());
    let answers = answers.unwrap_or_default() + sends.max().unwrap_or_default();
    scenario.lasts.max(steps + answers + tools) + scenario.settle
}

/// How wide an expectation's bound in time is.
fn bound(word: &Word) -> Option<i64> {
    let width = |span: &Span| span.to_us - span.from_us;
    match word {
        Word::Request(request) => request.between.as_ref().map(width),
        Word::Visible(visible) => visible.between.as_ref().map(width),
        Word::Gap { between, .. } => Some(width(between)),
        Word::Attempts(claim) => {
            let own = claim.are.iter().flat_map(|it| [it.between, it.after]).flatten();
            own.chain(claim.between).map(|it| width(&it)).min()
        }
        Word::Backoff(claim) => claim.gaps.iter().map(width).min(),
        Word::State(claim) => claim.moments.iter().map(|(_, it)| width(it)).min(),
        Word::Quiet { .. }
        | Word::Exactly { .. }
        | Word::AtLeast { .. }
        | Word::AtMost { .. }
        | Word::Never { .. }
        | Word::Order(_)
        | Word::Refuses(_)
        | Word::Unique { .. } => None,
    }
}

/// A target that runs for real.
pub fn real(target: Target, creel: std::path::PathBuf, keep: real::Keep) -> World {
    World::Real(Box::new(real::Real { target, creel, keep }))
}
