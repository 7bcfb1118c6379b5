//! The whole gateway as one future: a listener, the channels, the loop.
//!
//! It is given its network, its settings, its seed and its end; it reads nothing else. So the same function runs for
//! real and inside a simulation.

use std::{collections::BTreeSet, convert::Infallible, io, pin::Pin, sync::Arc, time::Duration};

use creel_core::{approval::Grant, gateway::Gateway, time::WallTime};
use futures_util::{FutureExt as _, future::FusedFuture as _};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    channels::{Account, Board, State, push::Ground},
    clock::Clock,
    control::{
        connect::ConnectParams,
        devices::{
            Devices, disk,
            shelf::{self, Shelf},
        },
        door::Porch,
        gate::Gate,
        guesses::{Guesses, Near, Rule},
        hub::Hub,
        jobs::Jobs,
        members::Members,
        metrics::Metrics,
        plane::{Facts, Plane},
        socket,
        web::{self, Web},
    },
    credentials::{Keeper, Logins},
    driver::{Driver, Inbox, Unfinished},
    grants::Book,
    http::Http,
    media::Store,
    net::Net,
    outside::Outside,
    restart::{Changes, Restart},
    server::{self, Control},
    settings::{Settings, file::ConfigFile},
    state::StateFolder,
    tools::servers::Servers,
};

/// How long a gateway that was asked to end may finish what it adopted.
pub const DRAIN_WITHIN: Duration = Duration::from_secs(30);

/// How many sockets may wait to be served.
const OPENED_MAX: usize = 64;

/// How often a peer may guess at the hooks' token, on this machine too.
const HOOK_GUESSES: Rule = Rule {
    failures_max: 20,
    window: Duration::from_mins(1),
    lockout: Duration::from_mins(1),
    near: Near::Counted,
};

/// How long clients of the control plane may take to hear that the gateway ends.
const GOODBYE_WITHIN: Duration = Duration::from_millis(1_500);

/// How long the channels may take to acknowledge what was adopted.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(5);

/// Why the gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port cannot be had.
    #[error("listen on {address}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The file of paired devices cannot be read. It is left as it is.
    #[error("read {file} in the state folder: {why}; mend it, or put it elsewhere to pair anew")]
    Devices {
        /// Which file.
        file: &'static str,
        /// Why not.
        why: String,
    },
}

/// What outlives one life of the gateway in its process. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Lives {
    /// Who may ask for another one.
    pub restart: Restart,
    /// How often clients have changed something.
    pub changes: Changes,
}

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The process ends too.
    Asked,
    /// Another one follows.
    Again,
}

/// Runs a gateway until `shutdown` returns and what was adopted is finished.
///
/// When an operator has changed its configuration it ends in the same way, reads the file again, and goes on with that.
///
/// # Errors
///
/// Fails only at the start, when the port cannot be had or the paired devices cannot be read.
pub async fn run<N: Net>(
    net: N,
    settings: Settings,
    seed: u64,
    shutdown: impl Future<Output = ()>,
) -> Result<Unfinished, Error> {
    tokio::pin!(shutdown);
    let lives = Lives::default();
    let (mut settings, mut earlier) = (settings, None);
    loop {
        let given = settings.clone();
        // Each life has a large future of its own.
        let live = Box::pin(live(net.clone(), settings, seed, (shutdown.as_mut(), &lives)));
        match (live.await, earlier.take()) {
            (Ok((unfinished, End::Asked)), _) => return Ok(unfinished),
            (Ok((Unfinished { turns, sends }, End::Again)), _) => {
                tracing::info!(turns, sends, "starting again");
                settings = again(&given).await;
                earlier = Some(given);
            }
            (Err(error), Some(before)) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "could not start with what was changed; going on as before"
                );
                settings = before;
            }
            (Err(error), None) => return Err(error),
        }
        lives.restart.done();
    }
}

/// What the file says now; if that cannot be had, what the gateway was given before.
async fn again(given: &Settings) -> Settings {
    let Some(file) = &given.file else { return given.clone() };
    match file.apart(ConfigFile::load).await {
        Ok(loaded) => {
            loaded.tell();
            if let Err(error) = loaded.make_workspaces() {
                tracing::error!(%error, "an agent's workspace could not be made");
            }
            loaded.settings.after(given.clone())
        }
        Err(error) => {
            tracing::error!(%error, "the configuration cannot be read; going on as before");
            given.clone()
        }
    }
}

/// Runs a gateway until `shutdown` returns, or it shall start again, and what was adopted is finished.
async fn live<N: Net>(
    net: N,
    settings: Settings,
    seed: u64,
    (shutdown, lives): (Pin<&mut impl Future<Output = ()>>, &Lives),
) -> Result<(Unfinished, End), Error> {
    let address = settings.listen;
    let hub = Hub::new(settings.wall_clock.clone()).masking(settings.masks.clone());
    let keeper = Keeper::new(settings.state.clone());
    let book = keeper.book();
    let board = Arc::new(Board::default());
    let plane = plane(&settings, (hub.clone(), board.clone(), book.clone()), lives.clone())?;
    let listener = net.bind(address).await.map_err(|source| Error::Listen { address, source })?;
    let http = Http::new(net.clone());
    let receivers: Vec<_> = settings.accounts.values().cloned().collect();
    let (wall_clock, all_are_near) = (settings.wall_clock.clone(), settings.all_are_near);
    let (core, web) = (settings.core.clone(), settings.web.clone());
    let outside = Arc::new(outside(http.clone(), (keeper.clone(), board.clone()), settings, seed));
    let (mut core, clock) = (Gateway::new(core, seed), Clock::start(wall_clock.clone()));
    core.set_grants(granted(&book));
    let (driver, inbox) = Driver::new(core, clock, (outside.clone(), keeper.clone(), hub));
    let (keepers, tried) = outside.servers.keep(&net, &http, &inbox);
    let mut connections: JoinSet<()> = keepers.into_iter().collect();
    let (opened, sockets) = mpsc::channel(OPENED_MAX);
    let plane = plane(inbox.clone());
    let porch = Porch { opened, all_are_near };
    let operators = operators(&plane, porch, (web, driver.metrics()));
    let ground = Ground { http: http.clone(), inbox: inbox.clone(), wall_clock };
    let doors = receivers.iter().filter_map(|it| it.door(ground.clone())).collect();
    drop(ground);
    let mut channels = JoinSet::new();
    for account in receivers {
        // Now, or `/ready` could say that all of no channels are up.
        board.set(&account.name(), State::Starting);
        let receive = account.receive(http.clone(), (inbox.clone(), board.clone()), seed);
        channels.spawn(tried.clone().before(receive));
    }
    drop(inbox);
    tracing::info!(%address, "listening");
    let mut end = End::Asked;
    let asked = async { end = due(shutdown, lives).await };
    let sockets = socket::serve(plane, sockets).fuse();
    tokio::pin!(sockets);
    let unfinished = tokio::select! {
        biased;
        unfinished = driver.run(asked, DRAIN_WITHIN) => unfinished,
        never = server::serve(listener, server::router(operators, doors), server::Idle::Closed) => match never {},
        never = then_for_ever(sockets.as_mut()) => match never {},
        never = outlast(&mut channels) => match never {},
        never = outlast(&mut connections) => match never {},
        never = keeper.run() => match never {},
    };
    // Who operates hears that it ends, also where nothing was under way.
    if !sockets.is_terminated() {
        _ = tokio::time::timeout(GOODBYE_WITHIN, sockets).await;
    }
    outside.logins.settle().await;
    keeper.flush().await;
    // The channels acknowledge what was adopted; a platform that does not answer must not hold up the end.
    _ = tokio::time::timeout(ACKNOWLEDGE_WITHIN, finish(&mut channels)).await;
    Ok((unfinished, end))
}

/// What the loop reaches beyond itself.
fn outside<N: Net>(
    http: Http<N>,
    (keeper, board): (Keeper, Arc<Board>),
    settings: Settings,
    seed: u64,
) -> Outside<N> {
    let Settings { accounts, providers, keys, logins, servers, wall_clock, workspaces, .. } =
        settings;
    let logins = Logins::new(http.clone(), keeper, wall_clock.clone(), logins);
    Outside {
        http,
        accounts,
        providers,
        keys,
        logins: Arc::new(logins),
        servers: Servers::new(servers),
        board,
        life: life(seed, wall_clock.now()),
        wall_clock,
        workspaces,
        store: Store::default(),
    }
}

/// Waits for what ends a life.
async fn due(shutdown: Pin<&mut impl Future<Output = ()>>, lives: &Lives) -> End {
    tokio::select! {
        biased;
        () = shutdown => End::Asked,
        () = lives.restart.due() => End::Again,
    }
}

/// What the port serves for operators, behind one gate.
fn operators(
    plane: &Plane,
    porch: Porch,
    (settings, metrics): (web::Settings, Metrics),
) -> (Control, axum::Router) {
    let all_are_near = porch.all_are_near;
    let (token, guesses) = (plane.token.clone(), plane.guesses.clone());
    let gate = Gate { token, guesses, all_are_near };
    let (board, inbox) = (plane.board.clone(), plane.inbox.clone());
    let web = Web {
        plane: plane.clone(),
        gate: gate.clone(),
        metrics,
        settings: Arc::new(settings),
        hook_guesses: Guesses::new(HOOK_GUESSES),
    };
    (Control { board, inbox, gate }, web::router(web, porch))
}

/// The control plane's ground, as soon as there is a way into the loop.
pub(crate) fn plane(
    settings: &Settings,
    (hub, board, book): (Hub, Arc<Board>, Book),
    Lives { restart, changes }: Lives,
) -> Result<impl FnOnce(Inbox) -> Plane + use<>, Error> {
    let devices = known_devices(&settings.state)?;
    let names = settings.accounts.values().map(Account::name).collect();
    let facts = Facts::of((&settings.core, settings.shown.clone()), settings.listen, names);
    let shape = Arc::new(ConnectParams::shape(facts.version));
    let Settings { token, entropy, state, log, wall_clock, web, file, jobs, .. } = settings.clone();
    let started_ms = wall_clock.now().as_unix_ms();
    let jobs = Jobs::new(state.clone(), jobs);
    let devices = Shelf::new(devices, state);
    let facts = Arc::new(facts);
    Ok(move |inbox| Plane {
        facts,
        inbox,
        hub,
        board,
        token,
        entropy,
        guesses: Guesses::new(web.guesses),
        page: web.page_device,
        devices,
        members: Members::default(),
        log,
        shape,
        restart,
        changes,
        jobs,
        book,
        file,
        started_ms,
    })
}

/// What was allowed for good in earlier lives. With a file that cannot be read nothing is, and every call is asked about.
fn granted(book: &Book) -> BTreeSet<Grant> {
    book.grants().unwrap_or_else(|error| {
        tracing::error!(%error, "what was allowed for good is not known");
        BTreeSet::new()
    })
}

/// The devices that an earlier life paired.
fn known_devices(state: &StateFolder) -> Result<Devices, Error> {
    let unreadable = |why: String| Error::Devices { file: shelf::FILE, why };
    match state.read(shelf::FILE).map_err(|it| unreadable(it.to_string()))? {
        Some(text) => disk::read(&text).map_err(|it| unreadable(it.to_string())),
        None => Ok(Devices::default()),
    }
}

/// A number that an earlier life of the gateway did not have, even if it was given the same seed.
fn life(seed: u64, started: WallTime) -> u64 {
    // An odd factor keeps different moments different.
    seed ^ started.as_unix_ms().cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Waits for every channel. One that panicked is a bug, and must not look like one that is quiet.
async fn finish(channels: &mut JoinSet<()>) {
    while let Some(ended) = channels.join_next().await {
        if let Err(error) = ended {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

/// Goes on when the future is over: the gateway is not.
async fn then_for_ever(it: impl Future<Output = ()>) -> Infallible {
    it.await;
    std::future::pending().await
}

/// Watches channels or connections, also when all have ended: the gateway still answers for its port.
async fn outlast(channels: &mut JoinSet<()>) -> Infallible {
    then_for_ever(finish(channels)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_told_from_an_earlier_one_with_its_seed() {
        let of = |seed, ms| life(seed, WallTime::from_unix_ms(ms));
        assert_ne!(of(7, 1_700_000_000_000), of(7, 1_700_000_000_001));
        assert_ne!(of(7, 1_700_000_000_000), of(8, 1_700_000_000_000));
        assert_eq!(of(7, 1_700_000_000_000), of(7, 1_700_000_000_000));
    }
}
