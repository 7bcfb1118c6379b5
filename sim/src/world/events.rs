//! The reference gateway on one paused runtime that jumps from event to event: idle time costs nothing.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use creel_core::time::WallTime;
use creel_gateway::{app, clock::WallClock, state::StateFolder};
use creel_judge::profile::Profile;
use tokio::{runtime, time::timeout};

use super::{
    Error, Seen, World, exact,
    simulated::{addresses, contained, load, perform, refused},
};
use crate::{
    base::Configuration,
    lives::{Lives, Zero},
    net::events::Carrier,
    scenario::Scenario,
    stage::Stage,
};

/// The end of every simulation, so that nothing can run for ever: a year.
const SIMULATED_MAX: Duration = Duration::from_hours(366 * 24);

pub(super) fn run(scenario: &Arc<Scenario>, profile: &Profile, seed: u64) -> Result<Seen, Error> {
    let addresses = addresses(scenario);
    let configuration = Configuration::of(scenario, profile.name, seed, &addresses);
    let state = StateFolder::in_memory(configuration.state_files.clone());
    let (lives, orders) = Lives::new(state, Zero::At(scenario.clock.start_unix_s));
    if let Err(why) = load(&configuration, profile, (scenario, &lives.state)) {
        return refused(why, (scenario, profile.name, seed), World::Events.name());
    }
    // Before the runtime, so that it outlives whatever the runtime holds, however this ends.
    let (carrier, [gateway, world]) =
        Carrier::start(["gateway", "world"], scenario.latency.clone(), seed);
    let mut builder = runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).on_thread_park(Carrier::on_park);
    #[cfg(tokio_unstable)]
    builder.rng_seed(runtime::RngSeed::from_bytes(&seed.to_le_bytes()));
    let runtime = builder.build().map_err(|it| Error::Simulation(it.to_string()))?;
    let stage = Arc::new(OnceLock::<Stage>::new());
    let (seen, clock) = (stage.clone(), scenario.clock.clone());
    // The gateway's wall shows what the twins' does, but for its jumps: both are read off the recorder's clock.
    let wall_clock = WallClock::showing(move || {
        let since_us = seen.get().map_or(0, |it| it.recorder.now_us());
        WallTime::from_unix_ms(clock.shows_unix_ms(since_us))
    });
    let ended = runtime.block_on(async {
        let new = Stage::new(
            scenario.clone(),
            profile.name,
            seed,
            &addresses,
            scenario.clock.start_unix_s,
        )?;
        let stage = stage.get_or_init(|| new);
        let state = lives.state.clone();
        let living = orders.live(|asked| {
            let mut settings =
                load(&configuration, profile, (scenario, &state)).map_err(|it| it.to_string())?;
            settings.wall_clock = wall_clock.clone();
            Ok(contained(app::run(gateway, settings, seed, asked.wait())))
        });
        let simulated = Box::pin(async {
            tokio::select! {
                biased;
                ended = living => ended,
                never = carrier.carry() => match never {},
                ended = perform(stage, world, lives) => ended.map_err(|it| it.to_string()),
            }
        });
        let late = || Err("it lasted for more than a year".to_owned());
        Ok::<_, Error>(timeout(SIMULATED_MAX, simulated).await.unwrap_or_else(|_| late()))
    })?;
    // Every socket is closed while its network is there.
    drop(runtime);
    let stage = stage.get().expect("set before anything else").clone();
    if let Err(last_words) = ended {
        stage.recorder.record(stage.ended(last_words));
    }
    let facts = stage.recorder.take();
    let clock = exact(World::Events.name(), &stage.scenario);
    Ok(Seen { stage, facts, clock, note: "event engine".to_owned() })
}
