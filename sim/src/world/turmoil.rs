//! The reference gateway inside turmoil: a simulated network and clock, a thousand times faster than the real one.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use ::turmoil::Sim;
use creel_core::time::WallTime;
use creel_gateway::{app, clock::WallClock, state::StateFolder};
use creel_judge::profile::Profile;

use super::{
    Error, Seen, World, exact,
    simulated::{addresses, contained, load, perform, refused},
};
use crate::{
    base::Configuration,
    fakes::{self, Fake, Given},
    lives::{Lives, Zero},
    net::TurmoilNet,
    scenario::Scenario,
    stage::Stage,
};

/// turmoil panics when more segments than this wait on one connection.
const SEGMENTS_MAX: usize = 1_024;

/// The end of every simulation, so that nothing can run for ever: a year.
const SIMULATED_MAX: Duration = Duration::from_hours(366 * 24);

/// Up to this long, a scenario's tick is no more than 10 ms.
const SHORT_UP_TO: Duration = Duration::from_mins(2);

/// Runs the reference gateway.
pub(super) fn run(scenario: &Arc<Scenario>, profile: &Profile, seed: u64) -> Result<Seen, Error> {
    let addresses = addresses(scenario);
    let configuration = Configuration::of(scenario, profile.name, seed, &addresses);
    let state = StateFolder::in_memory(configuration.state_files.clone());
    let (lives, orders) = Lives::new(state, Zero::At(scenario.clock.start_unix_s));
    if let Err(why) = load(&configuration, profile, (scenario, &lives.state)) {
        return refused(why, (scenario, profile.name, seed), World::Turmoil.name());
    }
    let mut sim = network(scenario, seed);
    let stage = Arc::new(OnceLock::<Stage>::new());
    let (seen, clock) = (stage.clone(), scenario.clock.clone());
    // The gateway's wall shows what the twins' does, but for its jumps: both are read off the recorder's clock.
    let wall_clock = WallClock::showing(move || {
        let since_us = seen.get().map_or(0, |it| it.recorder.now_us());
        WallTime::from_unix_ms(clock.shows_unix_ms(since_us))
    });
    let given = Arc::new((scenario.clone(), configuration, *profile, lives.state.clone()));
    sim.host("gateway", move || {
        let (given, wall_clock, orders) = (given.clone(), wall_clock.clone(), orders.clone());
        async move {
            let (scenario, configuration, profile, state) = &*given;
            let living = orders.live(|asked| {
                let mut settings =
                    load(configuration, profile, (scenario, state)).map_err(|it| it.to_string())?;
                settings.wall_clock = wall_clock.clone();
                Ok(contained(app::run(TurmoilNet, settings, seed, asked.wait())))
            });
            Ok(Box::pin(living).await?)
        }
    });
    conduct(sim, (scenario, profile.name, seed), (&stage, lives))
}

/// Runs a fake gateway in its place.
pub(super) fn run_fake(
    fake: Fake,
    scenario: &Arc<Scenario>,
    profile: &Profile,
    seed: u64,
) -> Result<Seen, Error> {
    let configuration = Configuration::of(scenario, profile.name, seed, &addresses(scenario));
    let mut sim = network(scenario, seed);
    let profile = *profile;
    sim.host("gateway", move || {
        let configuration = configuration.clone();
        async move {
            fakes::run(TurmoilNet, Given::from(&configuration), profile, fake).await;
            Ok(())
        }
    });
    // A fake has one life.
    let state = StateFolder::in_memory(BTreeMap::new());
    let (lives, _) = Lives::new(state, Zero::At(scenario.clock.start_unix_s));
    conduct(sim, (scenario, profile.name, seed), (&Arc::default(), lives))
}

fn network(scenario: &Scenario, seed: u64) -> Sim<'static> {
    let start = Duration::from_secs(scenario.clock.start_unix_s.unsigned_abs());
    ::turmoil::Builder::new()
        .epoch(SystemTime::UNIX_EPOCH + start)
        .rng_seed(seed)
        .tick_duration(tick(scenario))
        .simulation_duration(SIMULATED_MAX)
        .min_message_latency(scenario.latency.start)
        .max_message_latency(scenario.latency.end)
        .tcp_capacity(SEGMENTS_MAX)
        .build()
}

/// Makes the scenario happen around the gateway that the network has already.
fn conduct(
    mut sim: Sim<'static>,
    (scenario, profile_name, seed): (&Arc<Scenario>, &'static str, u64),
    (stage, lives): (&Arc<OnceLock<Stage>>, Lives),
) -> Result<Seen, Error> {
    let addresses = addresses(scenario);
    let tick = tick(scenario);
    let set = stage.clone();
    let scenario = scenario.clone();
    let zero_unix_s = scenario.clock.start_unix_s;
    sim.client("world", async move {
        let stage = Stage::new(scenario, profile_name, seed, &addresses, zero_unix_s)?;
        perform(set.get_or_init(|| stage), TurmoilNet, lives).await?;
        Ok(())
    });
    let ended = sim.run().map_err(|it| it.to_string());
    let stage: Stage =
        stage.get().cloned().ok_or_else(|| Error::Simulation(format!("{ended:?}")))?;
    if let Err(why) = ended {
        stage.recorder.record(stage.ended(why));
    }
    let facts = stage.recorder.take();
    let note = format!("turmoil, tick {} ms", tick.as_millis());
    let clock = exact(World::Turmoil.name(), &stage.scenario);
    Ok(Seen { stage, facts, clock, note })
}

/// How finely the network is simulated. Timers are exact at any tick; only hops are rounded up to it, and each tick
/// costs some microseconds: an idle hour at 1 ms would take a quarter of a minute. So a scenario gets the coarsest
/// tick that all its steps stand on, unless something in it turns on a fine edge.
pub(crate) fn tick(scenario: &Scenario) -> Duration {
    let waiting = super::waiting(scenario);
    let finest = Duration::from_millis(1);
    if waiting <= SHORT_UP_TO && super::fine_edge(scenario).is_some() {
        return finest;
    }
    let stands_on = |tick: &Duration| {
        scenario.steps.iter().all(|it| it.at.as_millis().is_multiple_of(tick.as_millis()))
    };
    // What hangs may be ended soon, so it is not known to be long.
    let is_long = waiting > SHORT_UP_TO && !crate::stage::hangs(scenario);
    let coarsest = if is_long { 1_000 } else { 10 };
    let ticks = [1_000, 100, 10].into_iter().filter(|it| *it <= coarsest);
    ticks.map(Duration::from_millis).find(stands_on).unwrap_or(finest)
}
