//! Servers of tools that are programs: started, asked, started again; with no secret but their own, and that one hidden.
#![expect(clippy::unwrap_used, reason = "in a test, a failure is the report")]

use std::{sync::Arc, time::Duration};

use creel_core::{
    gateway::Gateway,
    ids::RunId,
    tools::{Job, ServerName, Ticket, ToolName, ToolOutcome},
};
use creel_gateway::{
    clock::{Clock, WallClock},
    control::hub::Hub,
    credentials::{Keeper, Logins},
    driver::{Driver, Inbox},
    http::Http,
    net::{Net, TokioNet},
    outside::Outside,
    settings::{self, Source},
    tools::servers::Servers,
};
use serde_json::json;
use tokio::task::JoinSet;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tools.sh");

/// How long a test waits for a program.
const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway whose one server of tools is the script, without its loop: what the server tells waits in the inbox.
fn gateway() -> (Arc<Outside<TokioNet>>, Driver<TokioNet>, Inbox) {
    let config = json!({
        "agents": { "defaults": { "model": "p/m" } },
        "models": { "providers": { "p": { "baseUrl": "http://127.0.0.1:1/v1" } } },
        "mcp": { "servers": { "sh": {
            "command": "sh",
            "args": [SCRIPT],
            "env": { "GITHUB_TOKEN": "gh-canary", "LD_PRELOAD": "/evil.so" },
        } } },
    });
    let text = config.to_string();
    let source = Source::alone(creel_core::profile::Version::default(), &text);
    let loaded = settings::load(&source).unwrap();
    assert!(loaded.warnings.iter().any(|it| it.contains("LD_PRELOAD")), "{:?}", loaded.warnings);
    let settings = loaded.settings;
    let keeper = Keeper::new(settings.state);
    let (http, wall_clock) = (Http::new(TokioNet), WallClock::system());
    let logins = Logins::new(http, keeper.clone(), wall_clock, settings.logins);
    let outside = Arc::new(Outside {
        http: Http::new(TokioNet),
        accounts: settings.accounts,
        providers: settings.providers,
        keys: settings.keys,
        logins: Arc::new(logins),
        servers: Servers::new(settings.servers),
        board: Arc::default(),
        wall_clock: WallClock::system(),
        life: 1,
        workspaces: settings.workspaces,
        store: creel_gateway::media::Store::default(),
    });
    let clock = Clock::start(WallClock::system());
    let (driver, inbox) = Driver::new(
        Gateway::new(settings.core, 1),
        clock,
        (outside.clone(), keeper, Hub::new(WallClock::system())),
    );
    (outside, driver, inbox)
}

async fn ask(outside: &Arc<Outside<TokioNet>>, tool: &str) -> String {
    let job = Job {
        ticket: Ticket { run: RunId(1), request: 1, index: 0 },
        server: ServerName("sh".into()),
        name: ToolName::nearest(tool),
        arguments: "{}".into(),
    };
    match outside.clone().call_tool(job).await {
        ToolOutcome::Done(text) => text,
        ToolOutcome::Failed(why) => format!("failed: {why}"),
    }
}

#[tokio::test]
async fn a_program_is_asked_and_started_again() {
    let (outside, _driver, inbox) = gateway();
    let (keepers, tried) = outside.servers.keep(&TokioNet, &outside.http, &inbox);
    let _keeping: JoinSet<()> = keepers.into_iter().collect();
    tried.wait().await;
    // Its own token is hidden, and nothing of the gateway's environment but the usual reached it.
    assert_eq!(ask(&outside, "sh__echo").await, "token [secret], cargo hidden");
    assert_eq!(ask(&outside, "sh__none").await, "failed: the tool's server has it no longer");
    assert!(ask(&outside, "sh__die").await.starts_with("failed: "));
    let again = async {
        while ask(&outside, "sh__echo").await != "token [secret], cargo hidden" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("it is started again");
}

/// The real network, but no place for programs: as a simulation is.
#[derive(Clone, Debug)]
struct NoPrograms;

impl Net for NoPrograms {
    type Stream = <TokioNet as Net>::Stream;
    type Listener = <TokioNet as Net>::Listener;

    async fn bind(&self, address: std::net::SocketAddr) -> std::io::Result<Self::Listener> {
        TokioNet.bind(address).await
    }

    async fn connect(&self, host: &str, port: u16) -> std::io::Result<Self::Stream> {
        TokioNet.connect(host, port).await
    }
}

#[tokio::test]
async fn in_a_simulation_no_program_is_started() {
    let (outside, _driver, inbox) = gateway();
    let (keepers, tried) = outside.servers.keep(&NoPrograms, &Http::new(NoPrograms), &inbox);
    let _keeping: JoinSet<()> = keepers.into_iter().collect();
    tried.wait().await;
    assert_eq!(ask(&outside, "sh__echo").await, "failed: the tool's server is not connected");
}
