//! The reference gateway inside turmoil: a simulated network and clock, a thousand times faster than the real one.
//!
//! Each simulation has a thread of its own, so that no thread-local of an earlier one can reach its trace.

use std::{
    any::Any,
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use creel_core::{profile::Version, time::WallTime};
use creel_gateway::{
    app,
    clock::WallClock,
    http::Http,
    net::Net,
    settings::{self, Settings, Source},
};
use creel_judge::{context::Clock, profile::Profile, trace::Kind};

use super::{Error, Seen};
use crate::{
    base::{self, Addresses, Configuration},
    net::TurmoilNet,
    scenario::Scenario,
    stage::{Operator, Stage},
};

const GATEWAY_PORT: u16 = 18_789;
const PROVIDER_PORT: u16 = 8_080;

/// The port of the first channel's twin; the others follow in the order of their names.
const CHANNEL_PORT_FIRST: u16 = 8_081;

/// turmoil panics when more segments than this wait on one connection.
const SEGMENTS_MAX: usize = 1_024;

/// The end of every simulation, so that nothing can run for ever: a year.
const SIMULATED_MAX: Duration = Duration::from_hours(366 * 24);

/// How long the gateway may take to listen, in virtual time.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// Up to this long, a scenario is simulated at the finest tick. Each tick costs some microseconds.
const FINE_UP_TO: Duration = Duration::from_mins(2);

pub(super) fn run(scenario: &Arc<Scenario>, profile: &Profile, seed: u64) -> Result<Seen, Error> {
    let (scenario, profile) = (scenario.clone(), *profile);
    let simulation = std::thread::Builder::new()
        .name(scenario.id.clone())
        .spawn(move || simulate(&scenario, &profile, seed))
        .expect("a thread can be had");
    simulation.join().unwrap_or_else(|panic| Err(Error::Simulation(words(panic.as_ref()))))
}

fn simulate(scenario: &Arc<Scenario>, profile: &Profile, seed: u64) -> Result<Seen, Error> {
    let addresses = addresses(scenario);
    let configuration = Configuration::of(scenario, profile.name, seed, &addresses);
    let mut settings = load(&configuration, profile, &scenario.clock.zone)?;
    let tick = tick(scenario);
    let mut sim = ::turmoil::Builder::new()
        .epoch(
            SystemTime::UNIX_EPOCH
                + Duration::from_secs(scenario.clock.start_unix_s.unsigned_abs()),
        )
        .rng_seed(seed)
        .tick_duration(tick)
        .simulation_duration(SIMULATED_MAX)
        .min_message_latency(scenario.latency.start)
        .max_message_latency(scenario.latency.end)
        .tcp_capacity(SEGMENTS_MAX)
        .build();
    let stage = Arc::new(OnceLock::<Stage>::new());
    let (seen, start_ms) = (stage.clone(), scenario.clock.start_unix_s * 1_000);
    // The gateway's wall shows what the twins' does: both are read off the recorder's clock.
    settings.wall_clock = WallClock::showing(move || {
        let since_us = seen.get().map_or(0, |it| it.recorder.now_us());
        WallTime::from_unix_ms(start_ms + since_us.div_euclid(1_000))
    });
    sim.host("gateway", move || {
        let settings = settings.clone();
        async move {
            app::run(TurmoilNet, settings, seed, std::future::pending()).await?;
            Ok(())
        }
    });
    let set = stage.clone();
    let (scenario, profile_name) = (scenario.clone(), profile.name);
    sim.client("world", async move {
        let stage = Stage::new(scenario, profile_name, seed, &addresses)?;
        perform(set.get_or_init(|| stage)).await?;
        Ok(())
    });
    let ended = sim.run().map_err(|it| it.to_string());
    let stage: Stage =
        stage.get().cloned().ok_or_else(|| Error::Simulation(format!("{ended:?}")))?;
    if let Err(why) = ended {
        stage.recorder.record(Kind::GatewayExited { code: None, last_words: why });
    }
    let facts = stage.recorder.take();
    let note = format!("turmoil, tick {} ms", tick.as_millis());
    Ok(Seen { stage, facts, clock: Clock::Exact, note })
}

/// The world's side: the twins, and the conductor.
async fn perform(stage: &Stage) -> std::io::Result<()> {
    stage.recorder.record(Kind::GatewayStarted);
    let mut channels = BTreeMap::new();
    for (channel, port) in ports(&stage.scenario) {
        channels.insert(channel, TurmoilNet.bind(any(port)).await?);
    }
    let provider = TurmoilNet.bind(any(PROVIDER_PORT)).await?;
    let operator = Operator {
        http: Http::new(TurmoilNet),
        gateway: format!("http://gateway:{GATEWAY_PORT}"),
        approve_path: Some("/pairing/approve".to_owned()),
        token: stage.configuration.gateway_token.clone(),
    };
    let conducted = async {
        if stage.await_gateway(READY_WITHIN).await {
            stage.conduct(&operator).await;
        } else {
            stage.recorder.harness_error("the gateway did not ask for messages within 60 s");
        }
    };
    tokio::select! {
        biased;
        never = stage.serve(channels, provider) => match never {},
        () = conducted => (),
    }
    Ok(())
}

/// Where the twin of each channel listens.
fn ports(scenario: &Scenario) -> impl Iterator<Item = (String, u16)> {
    base::channels(scenario).into_iter().zip(CHANNEL_PORT_FIRST..)
}

fn addresses(scenario: &Scenario) -> Addresses {
    let at = |(channel, port)| (channel, format!("http://world:{port}"));
    Addresses {
        gateway_port: GATEWAY_PORT,
        channels: ports(scenario).map(at).collect(),
        provider: format!("http://world:{PROVIDER_PORT}"),
        workspaces: "/workspaces".to_owned(),
    }
}

fn any(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)
}

/// The reference gateway's settings, read as it reads them, from files that exist in memory only.
fn load(configuration: &Configuration, profile: &Profile, zone: &str) -> Result<Settings, Error> {
    let text = serde_json::to_string_pretty(&configuration.config).expect("JSON is plain data");
    let files: &BTreeMap<String, String> = &configuration.state_files;
    let version = Version::ALL.into_iter().find(|it| it.name() == profile.name);
    let loaded = settings::load(&Source {
        name: "openclaw.json",
        text: &text,
        version: version.expect("the judge's profiles are the gateway's"),
        env: &|name| (name == "TZ").then(|| zone.to_owned()),
        state_file: &|file| Ok(files.get(file).cloned()),
        state_dir: Path::new("/state"),
        // Part of the scenario's outcome, so not this machine's.
        cpus: 2,
    });
    let mut settings = loaded.map_err(|it| Error::Settings(it.plain()))?.settings;
    // turmoil's hosts are reached by their own address, which a loopback listener would not hear.
    settings.listen.set_ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    Ok(settings)
}

/// How finely the network is simulated. Timers are exact at any tick; only hops are rounded up to it. A long scenario
/// gets the coarsest tick that all its steps stand on, since an idle hour at 1 ms would take a quarter of a minute.
pub fn tick(scenario: &Scenario) -> Duration {
    let finest = Duration::from_millis(1);
    let long = super::waiting(scenario) > FINE_UP_TO;
    if !long || crate::stage::hangs(scenario) {
        return finest;
    }
    let stands_on = |tick: &Duration| {
        scenario.steps.iter().all(|it| it.at.as_millis().is_multiple_of(tick.as_millis()))
    };
    [1_000, 100, 10].map(Duration::from_millis).into_iter().find(stands_on).unwrap_or(finest)
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("without words"))
}
