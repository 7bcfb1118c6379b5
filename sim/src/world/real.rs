//! A gateway as a process over loopback sockets, on the machine's clock.
//!
//! Every run has a folder, ports, tokens and ids of its own, and the process is always ended: asked first, then with
//! its whole group.

use std::{
    cell::Cell,
    convert::Infallible,
    fs,
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use creel_gateway::{http::Http, net::TokioNet, state::StateFolder};
use creel_judge::{context::Clock, profile::Profile, trace::Kind};
use http_body_util::Full;
use hyper::Request;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep, timeout},
};

use super::{
    Error, RealClock, Seen, Stuck,
    jumps::Jumps,
    needs_jumps, ports,
    process::{self, Process, Room, tail},
    tunnel::Tunnel,
};
use crate::{
    base::Addresses,
    lives::{Exit, Lives, Orders, Zero},
    recorder::Recorder,
    scenario::Scenario,
    stage::{Operator, Stage, waiting, warm_up::Warmth},
    standalone::unix_now_s,
    target::{self, Target},
};

/// The least that a bound in time is widened by.
const SLACK_US_MIN: i64 = 250_000;

/// What the start of a target may take beside what its manifest allows, in seconds.
const START_MARGIN_S: u64 = 10;

/// How often the harness's own timer is measured.
const MEASURE_EVERY: Duration = Duration::from_millis(10);

/// A target, and how its runs are kept.
#[derive(Clone, Debug)]
pub struct Real {
    /// The gateway under test.
    pub target: Target,
    /// The `creel` program, which the reference target starts.
    pub creel: PathBuf,
    /// Whether the folders of the runs stay.
    pub keep: Keep,
}

/// What happens to a run's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It goes.
    No,
    /// It stays, in here.
    In(PathBuf),
}

impl Real {
    pub(super) fn run(
        &self,
        scenario: &Arc<Scenario>,
        profile: &Profile,
        seed: u64,
    ) -> Result<Seen, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|it| Error::Target(format!("start a runtime: {it}")))?;
        let sandbox = self.sandbox(&scenario.id, profile.name)?;
        let seen = runtime.block_on(self.perform(scenario, profile, seed, sandbox.path()));
        if self.keep != Keep::No {
            // The folder is the user's from here on, above all where the run went wrong.
            _ = sandbox.keep();
        }
        seen
    }

    fn sandbox(&self, scenario: &str, profile: &str) -> Result<tempfile::TempDir, Error> {
        let prefix = format!("creel-{}-{profile}-", scenario.replace('/', "-"));
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix);
        match &self.keep {
            Keep::No => builder.tempdir(),
            Keep::In(folder) => {
                fs::create_dir_all(folder).and_then(|()| builder.tempdir_in(folder))
            }
        }
        .map_err(|it| Error::Target(format!("make a folder for the run: {it}")))
    }

    async fn perform(
        &self,
        scenario: &Arc<Scenario>,
        profile: &Profile,
        seed: u64,
        sandbox: &Path,
    ) -> Result<Seen, Error> {
        let io =
            |what: &'static str| move |it: std::io::Error| Error::Target(format!("{what}: {it}"));
        let (addresses, channels, provider) =
            ports::listen(scenario, sandbox, self.zero_unix_s(scenario)).await?;
        let stage = self.stage((scenario, profile, seed), sandbox, &addresses)?;
        let tunnel = self.tunnel(&addresses, &stage.recorder).await?;
        let proxy = tunnel.as_ref().map(|it| format!("http://{}", it.address)).unwrap_or_default();
        let port = addresses.gateway_port;
        let spare_port = ports::free_port().map_err(io("find a free port"))?;
        let room = Room { profile: profile.name, seed, sandbox, port, spare_port, proxy };
        if let Some(tunnel) = &tunnel {
            let written = fs::write(room.authority_file(), &tunnel.authority_pem);
            written.map_err(io("write a certificate"))?;
        }
        room.furnish(self, &stage)?;
        // Before the process, which nobody else would end.
        let mut interrupts = Interrupts::watched()?;
        tokio::select! {
            biased;
            () = interrupts.next() => return Err(Error::Interrupted),
            prepared = process::prepare(self, &stage, &room) => prepared?,
        }
        let process = Process::start(self, &stage, &room)?;
        stage.recorder.record(Kind::GatewayStarted);
        let zero = match self.clock(scenario) {
            RealClock::Wall => Zero::Machine,
            RealClock::Jump => Zero::At(addresses.zero_unix_s),
        };
        let (lives, orders) = Lives::new(StateFolder::Disk(room.state_dir()), zero);
        let mut lateness = Lateness::default();
        let gateway = format!("http://127.0.0.1:{}", addresses.gateway_port);
        let warmth = Cell::new(Warmth::Cold);
        // The twins serve until the process is gone, so that it can end in good order.
        let played = async {
            let conducted = self.conduct(&stage, &gateway, lives, &warmth);
            self.live((&stage, &room), process, (&orders, &mut interrupts), conducted).await
        };
        let (ready, (code, last_words)) = tokio::select! {
            biased;
            never = stage.serve(channels, provider, (TokioNet, &gateway)) => match never {},
            never = async { tunnel.expect("looked at").serve().await }, if tunnel.is_some() => {
                match never {}
            }
            never = lateness.measure() => match never {},
            played = played => played,
        };
        stage.recorder.record(match ready {
            Ok(()) => Kind::GatewayExited { code, last_words },
            Err(Broken::Ended(_)) if stage.is_refused() => {
                Kind::GatewayRefused { text: tail(&last_words, SHOWN_BYTES_MAX).trim().to_owned() }
            }
            Err(broken) => return Err(self.broken(broken, &last_words)),
        });
        let facts = stage.facts(warmth.get());
        let is_warm = warmth.get() == Warmth::Warm;
        let own_ms = if is_warm { 0 } else { self.target.slack_cold_ms };
        let clock = lateness.clock(own_ms.max(self.target.slack_ms));
        let note = format!("real sockets, {clock:?}");
        Ok(Seen { stage, facts, clock, note })
    }

    /// What the scenario happens on, as patient and with such a clock as the target needs.
    fn stage(
        &self,
        (scenario, profile, seed): (&Arc<Scenario>, &Profile, u64),
        sandbox: &Path,
        addresses: &Addresses,
    ) -> Result<Stage, Error> {
        let zero_unix_s = addresses.zero_unix_s;
        let mut stage = Stage::new(scenario.clone(), profile.name, seed, addresses, zero_unix_s)?;
        // The scenarios are written with the reference: where it needs an answer that is not there, the scenario is wrong.
        if self.target.name != target::REFERENCE {
            stage.spare_answers(&self.target.own_messages);
            stage.patience = Duration::from_millis(self.target.slack_ms);
        }
        if self.clock(scenario) == RealClock::Jump {
            let before_ms = (zero_unix_s - self.start_within_s(scenario)) * 1_000;
            let jumps = Jumps::new(sandbox.join("clock"), before_ms).map_err(Error::Target)?;
            stage.jumps = Some(jumps);
        }
        Ok(stage)
    }

    /// The target's clock in a scenario. Where nothing needs that it is moved it is left alone: reading it costs less.
    fn clock(&self, scenario: &Scenario) -> RealClock {
        if needs_jumps(scenario) { self.target.clock } else { RealClock::Wall }
    }

    /// How long before its scenario's zero the date is when a target is started whose clock can be set, in seconds: then it
    /// only ever goes forwards.
    fn start_within_s(&self, scenario: &Scenario) -> i64 {
        let target = &self.target;
        let prepared = target.prepared(scenario).map(|_| process::PREPARED_WITHIN.as_secs());
        let warm_up_s = target.ready.warm_up_within_s.unwrap_or_default();
        let all_s = prepared.sum::<u64>() + target.ready.within_s + warm_up_s + START_MARGIN_S;
        i64::try_from(all_s).unwrap_or(i64::MAX / 2_000)
    }

    /// The date at the scenario's zero: where it can be set, the scenario's own, or one before which the target has time
    /// to start.
    fn zero_unix_s(&self, scenario: &Scenario) -> i64 {
        match self.clock(scenario) {
            RealClock::Wall => unix_now_s(),
            RealClock::Jump if scenario.clock.is_set => scenario.clock.start_unix_s,
            RealClock::Jump => unix_now_s() + self.start_within_s(scenario),
        }
    }

    /// The proxy to the hosts that the target insists on, if there are any.
    async fn tunnel(
        &self,
        addresses: &Addresses,
        recorder: &Recorder,
    ) -> Result<Option<Tunnel>, Error> {
        if self.target.hosts.is_empty() {
            return Ok(None);
        }
        let twin = |(host, channel): (&String, &String)| {
            let address = addresses.channels.get(channel)?.strip_prefix("http://")?;
            Some((host.clone(), address.parse().ok()?))
        };
        let twins = self.target.hosts.iter().filter_map(twin).collect();
        let tunnel = Tunnel::bind(ports::loopback(0), twins, recorder.clone()).await;
        tunnel.map(Some).map_err(|it| Error::Target(it.to_string()))
    }

    fn broken(&self, broken: Broken, last_words: &str) -> Error {
        let (at, why) = match broken {
            Broken::Interrupted => return Error::Interrupted,
            Broken::Clock(why) => return Error::Clock(why),
            Broken::Ended(status) => {
                (Some(Stuck::Ended), format!("it ended during the run: {status}"))
            }
            Broken::Stuck(at, why) => (Some(at), why),
            Broken::Other(why) => (None, why),
        };
        let (target, said) = (&self.target.name, tail(last_words, SHOWN_BYTES_MAX));
        let why = format!("target `{target}`: {why}\nits last words:\n{said}");
        match at {
            Some(at) => Error::Stuck { at, why },
            None => Error::Target(why),
        }
    }

    /// One life after the other, until the scenario has happened; then the last one's end.
    async fn live(
        &self,
        (stage, room): (&Stage, &Room<'_>),
        mut process: Process,
        (orders, interrupts): (&Orders, &mut Interrupts),
        conducted: impl Future<Output = Result<(), Broken>>,
    ) -> (Result<(), Broken>, (Option<i32>, String)) {
        let mut conducted = pin!(conducted);
        loop {
            let ready = tokio::select! {
                biased;
                conducted = &mut conducted => conducted,
                status = process.ended() => Err(Broken::Ended(status)),
                // The process has a group of its own, so the terminal's interrupt reaches us alone.
                () = interrupts.next() => Err(Broken::Interrupted),
                tell = orders.end() => {
                    let next = async {
                        let (code, last_words) = process.end().await;
                        // The conductor waits for it.
                        _ = tell.send(Exit { code, last_words });
                        orders.begin().await;
                        Process::start(self, stage, room)
                    };
                    // The conductor goes on meanwhile: it says when the next life begins.
                    let started = tokio::select! {
                        biased;
                        started = next => started,
                        ended = &mut conducted => return (ended, (None, String::new())),
                    };
                    match started {
                        Ok(next) => process = next,
                        Err(why) => {
                            return (Err(Broken::Other(why.to_string())), (None, String::new()));
                        }
                    }
                    continue;
                }
            };
            return (ready, process.end().await);
        }
    }

    /// Waits until the target is ready, then makes the scenario happen.
    async fn conduct(
        &self,
        stage: &Stage,
        gateway: &str,
        lives: Lives,
        warmth: &Cell<Warmth>,
    ) -> Result<(), Broken> {
        let http = Http::new(TokioNet);
        let within = Duration::from_secs(self.target.ready.within_s);
        let approve = self.target.approve_pairing.as_ref().map(|it| it.http_path.clone());
        let answered = Cell::new(false);
        let listening = async {
            if let Some(path) = &self.target.ready.http_path {
                while !answers(&http, &format!("{gateway}{path}")).await {
                    sleep(MEASURE_EVERY).await;
                }
            }
            answered.set(true);
            while !stage.gateway_listens() {
                sleep(MEASURE_EVERY).await;
            }
        };
        if timeout(within, listening).await.is_err() {
            let (at, what) = match &self.target.ready.http_path {
                Some(path) if !answered.get() => {
                    (Stuck::Path, format!("`{path}` did not answer 200"))
                }
                _ => (Stuck::Channel, "it did not listen to every account".to_owned()),
            };
            return Err(Broken::Stuck(at, format!("it was not ready within {within:?}: {what}")));
        }
        if let Some(within_s) = self.target.ready.warm_up_within_s {
            warmth.set(stage.warm_up(Duration::from_secs(within_s)).await);
        }
        let token = stage.configuration.gateway_token.clone();
        let operator = Operator {
            http,
            gateway: gateway.to_owned(),
            approve_path: approve,
            ready_path: self.target.ready.http_path.clone(),
            token,
            lives,
        };
        if let Some(jumps) = &stage.jumps {
            let zero_ms = operator.lives.zero_unix_ms(&stage.recorder);
            jumps.show(zero_ms).map_err(Broken::Other)?;
        }
        stage.conduct(&operator).await.map_err(|it| match it {
            waiting::Error::Busy => Broken::Clock(it.to_string()),
            waiting::Error::Unwritten(why) => Broken::Other(why),
        })
    }
}

/// How late the harness's own timer was: the only way to tell a slow gateway from a slow machine.
#[derive(Default)]
struct Lateness {
    samples_us: Vec<i64>,
}

impl Lateness {
    #[expect(clippy::disallowed_methods, reason = "lateness is a difference of two readings")]
    async fn measure(&mut self) -> Infallible {
        loop {
            let due = Instant::now() + MEASURE_EVERY;
            sleep(MEASURE_EVERY).await;
            let late = Instant::now().saturating_duration_since(due);
            self.samples_us.push(i64::try_from(late.as_micros()).unwrap_or(i64::MAX));
        }
    }

    /// The slack: 250 ms, the manifest's, or three times the 99.9th percentile of the lateness.
    fn clock(mut self, slack_ms: u64) -> Clock {
        self.samples_us.sort_unstable();
        let index = self.samples_us.len() * 999 / 1_000;
        let percentile = self.samples_us.get(index).copied().unwrap_or_default();
        let own_us = i64::try_from(slack_ms).unwrap_or(i64::MAX).saturating_mul(1_000);
        let slack_us = SLACK_US_MIN.max(own_us).max(percentile.saturating_mul(3));
        let lateness_us = self.samples_us.last().copied().unwrap_or_default();
        Clock::Measured { slack_us, lateness_us }
    }
}

async fn answers(http: &Http<TokioNet>, address: &str) -> bool {
    let request = Request::get(address).body(Full::new(Bytes::new())).expect("an address of ours");
    let within = Duration::from_secs(2);
    http.exchange(request, within, 64 * 1024).await.is_ok_and(|(status, _)| status.is_success())
}

/// How much of a process's last words is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 2_000;

/// Why a run went no further.
enum Broken {
    /// The process ended by itself, and so.
    Ended(String),
    /// The user broke it off.
    Interrupted,
    /// Its clock could not be moved.
    Clock(String),
    /// It never got ready.
    Stuck(Stuck, String),
    /// Something else.
    Other(String),
}

/// The signals by which the user asks the harness to end.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// From now on none of them is missed.
    fn watched() -> Result<Self, Error> {
        let watch =
            |kind| signal(kind).map_err(|it| Error::Simulation(format!("watch for signals: {it}")));
        Ok(Self {
            interrupt: watch(SignalKind::interrupt())?,
            terminate: watch(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }
}
