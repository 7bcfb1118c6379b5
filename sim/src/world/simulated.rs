//! What both simulated worlds share: a thread of its own for each simulation, where the hosts are, and the world's side.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt::Display,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    panic::AssertUnwindSafe,
    path::Path,
    sync::Arc,
    time::Duration,
};

use creel_core::profile::Version;
use creel_document::problem::Report;
use creel_gateway::{
    entropy::Entropy,
    http::Http,
    media::Folder,
    net::Net,
    settings::{self, Loaded, Settings, Source, file::ConfigFile},
    state::StateFolder,
};
use creel_judge::{profile::Profile, trace::Kind};
use futures_util::FutureExt as _;
use tokio::runtime;

use super::{Error, Seen, exact};
use crate::{
    base::{self, Addresses, Configuration},
    lives::Lives,
    picture::Picture,
    scenario::Scenario,
    stage::{Operator, Stage},
};

/// What the configuration's file is called.
const CONFIG: &str = "openclaw.json";

const GATEWAY_PORT: u16 = 18_789;
const PROVIDER_PORT: u16 = 8_080;

/// The port of the first channel's twin; the others follow in the order of their names.
const CHANNEL_PORT_FIRST: u16 = 8_081;

/// How long the gateway may take to listen, in virtual time.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// Simulates on a thread of its own, so that no thread-local of an earlier simulation can reach this one's trace.
pub(super) fn on_own_thread(
    scenario: &Arc<Scenario>,
    profile: &Profile,
    seed: u64,
    simulate: impl FnOnce(&Arc<Scenario>, &Profile, u64) -> Result<Seen, Error> + Send + 'static,
) -> Result<Seen, Error> {
    let (scenario, profile) = (scenario.clone(), *profile);
    let simulation = std::thread::Builder::new()
        .name(scenario.id.clone())
        .spawn(move || simulate(&scenario, &profile, seed))
        .expect("a thread can be had");
    simulation.join().unwrap_or_else(|panic| Err(Error::Simulation(words(panic.as_ref()))))
}

/// The world's side: the twins, and the conductor.
pub(super) async fn perform<N: Net>(stage: &Stage, net: N, lives: Lives) -> std::io::Result<()> {
    stage.recorder.record(Kind::GatewayStarted);
    let mut channels = BTreeMap::new();
    for (channel, port) in ports(&stage.scenario) {
        channels.insert(channel, net.bind(any(port)).await?);
    }
    let provider = net.bind(any(PROVIDER_PORT)).await?;
    let operator = Operator {
        http: Http::new(net.clone()),
        gateway: format!("http://gateway:{GATEWAY_PORT}"),
        approve_path: Some("/pairing/approve".to_owned()),
        ready_path: Some("/ready".to_owned()),
        token: stage.configuration.gateway_token.clone(),
        lives,
    };
    let conducted = async {
        if stage.await_gateway(READY_WITHIN).await {
            stage.conduct(&operator).await.expect("no clock is moved but a real one");
        } else {
            stage.recorder.harness_error("the gateway did not ask for messages within 60 s");
        }
    };
    tokio::select! {
        biased;
        never = stage.serve(channels, provider, (net, &operator.gateway)) => match never {},
        () = conducted => (),
    }
    Ok(())
}

/// What there is to see of a gateway that refuses its configuration: that it does, if the scenario expects it.
pub(super) fn refused(
    why: Error,
    (scenario, profile_name, seed): (&Arc<Scenario>, &str, u64),
    world: &str,
) -> Result<Seen, Error> {
    let Error::Settings(text) = why else { return Err(why) };
    if !scenario.expects_refusal() {
        return Err(Error::Settings(text));
    }
    // A clock that stands still: nothing happens after it.
    let runtime = runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|it| Error::Simulation(it.to_string()))?;
    runtime.block_on(async {
        let (addresses, zero_unix_s) = (addresses(scenario), scenario.clock.start_unix_s);
        let stage = Stage::new(scenario.clone(), profile_name, seed, &addresses, zero_unix_s)?;
        stage.recorder.record(Kind::GatewayStarted);
        stage.recorder.record(Kind::GatewayRefused { text });
        let facts = stage.recorder.take();
        let clock = exact(world, scenario);
        Ok(Seen { stage, facts, clock, note: "the gateway did not begin".to_owned() })
    })
}

/// Where the twin of each channel listens.
fn ports(scenario: &Scenario) -> impl Iterator<Item = (String, u16)> {
    base::channels(scenario).into_iter().zip(CHANNEL_PORT_FIRST..)
}

pub(super) fn addresses(scenario: &Scenario) -> Addresses {
    let at = |(channel, port)| (channel, format!("http://world:{port}"));
    Addresses {
        gateway_port: GATEWAY_PORT,
        channels: ports(scenario).map(at).collect(),
        provider: format!("http://world:{PROVIDER_PORT}"),
        workspaces: "/workspaces".to_owned(),
        zero_unix_s: scenario.clock.start_unix_s,
    }
}

fn any(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)
}

/// Gives the agents folders that exist in memory only, with what the scenario puts into them.
fn furnish(settings: &mut Settings, scenario: &Scenario) {
    for (agent, folder) in &mut settings.workspaces {
        let names = scenario.images.get(agent.as_str()).into_iter().flatten();
        let file = |it: &String| (format!("{it}.png").into(), Picture::new(it, 0, false).bytes);
        *folder = Folder::Memory(names.map(file).collect());
    }
}

/// The reference gateway's settings, read as it reads them, from a state folder that exists in memory only. What its operators
/// change of them stands there too, so that its next life has it.
pub(super) fn load(
    configuration: &Configuration,
    profile: &Profile,
    (scenario, state): (&Arc<Scenario>, &StateFolder),
) -> Result<Settings, Error> {
    let text = serde_json::to_string_pretty(&configuration.config).expect("JSON is plain data");
    let version = Version::ALL.into_iter().find(|it| it.name() == profile.name);
    let version = version.expect("the judge's profiles are the gateway's");
    let (scenario, folder) = (scenario.clone(), state.clone());
    let reader = move |text: &str| read(text, version, (&scenario, &folder));
    let file = ConfigFile::within(state.clone(), CONFIG, &text, Arc::new(reader));
    file.load().map(|it| it.settings).map_err(|it| Error::Settings(it.to_string()))
}

fn read(
    text: &str,
    version: Version,
    (scenario, state): (&Scenario, &StateFolder),
) -> Result<Loaded, Report> {
    let mut loaded = settings::load(&Source {
        name: CONFIG,
        text,
        version,
        env: &|name| (name == "TZ").then(|| scenario.clock.zone.clone()),
        state_file: &|file| state.read(file),
        state_dir: Path::new("/state"),
        // Part of the scenario's outcome, so not this machine's.
        cpus: 2,
    })?;
    let settings = &mut loaded.settings;
    // Simulated hosts are reached by their own address, which a loopback listener would not hear.
    settings.listen.set_ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    settings.state = state.clone();
    // What nobody shall guess, a test must be able to say again.
    settings.entropy = Entropy::seeded(0);
    settings.all_are_near = true;
    furnish(settings, scenario);
    Ok(loaded)
}

/// Runs the gateway, whose panic ends it and not the simulation: a process that broke down is a fact about it.
pub(super) async fn contained<T, E: Display>(
    gateway: impl Future<Output = Result<T, E>>,
) -> Result<(), String> {
    match AssertUnwindSafe(gateway).catch_unwind().await {
        Ok(ended) => ended.map(|_| ()).map_err(|it| it.to_string()),
        Err(panic) => Err(words(panic.as_ref())),
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("without words"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_how_the_gateway_ended() {
        let broken = async { if true { panic!("a lane was lost") } else { Ok::<_, String>(()) } };
        assert_eq!(contained(broken).await, Err("panicked: a lane was lost".to_owned()));
        assert_eq!(contained(async { Err::<(), _>("no port") }).await, Err("no port".to_owned()));
        assert_eq!(contained(async { Ok::<_, String>(1) }).await, Ok(()));
    }
}
