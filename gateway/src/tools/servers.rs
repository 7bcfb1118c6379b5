//! The servers of `mcp.servers`: each is kept connected, tells which tools it has, and is asked to run them.
//!
//! A server that cannot be reached costs its tools and nothing else; it is tried again. What it says of a failure goes
//! to the model and to the log without the secrets that it was given.

mod call;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use creel_core::{
    owners::Authority,
    tools::{
        Consent, Job, ServerName, ToolName, ToolOutcome, ToolOwner, ToolSpec, policy::is_match,
    },
};
use rmcp::{
    ClientHandler, Peer, RoleClient, ServiceExt as _,
    model::Tool,
    service::{NotificationContext, RunningService},
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use tokio::sync::{Notify, watch};

use super::{
    http::Client,
    process::{self, Program},
};
use crate::{driver::Inbox, http::Http, net::Net, secret::Secret};

/// The wait after the first connection that failed; it doubles with each further one.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// The longest wait between two connections.
const BACKOFF_MAX: Duration = Duration::from_mins(5);

/// How long the gateway waits for its servers before it takes messages.
const FIRST_WAIT_MAX: Duration = Duration::from_secs(5);

/// How many tools of one server are taken.
const TOOLS_MAX: usize = 500;

/// The longest prefix of a tool's name.
const PREFIX_BYTES_MAX: usize = 24;

/// How a server of tools is reached, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Its name in the configuration.
    pub name: ServerName,
    /// What its tools' names begin with, up to `__`.
    pub prefix: String,
    /// Where it is.
    pub way: Way,
    /// How long connecting and listing may take.
    pub connect_within: Duration,
    /// How long a call may take.
    pub call_within: Duration,
    /// Whether its calls may run beside others of the same answer.
    pub parallel: bool,
    /// Which of its tools' calls somebody has to allow.
    pub asks: Asks,
    /// Which of its tools are taken, with `*` for any letters; empty is all.
    pub include: Vec<String>,
    /// Which are not.
    pub exclude: Vec<String>,
}

/// Which of a server's calls somebody has to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// None.
    Never,
    /// Those of tools that may change something, as far as the server says, unless the agent was allowed the tool for good.
    Unannotated,
    /// Each.
    Always,
}

impl Asks {
    /// Whose decision a tool's calls wait for.
    fn of(self, tool: &Tool) -> Consent {
        let name = || tool.name.as_ref().into();
        match self {
            Self::Never => Consent::Free,
            Self::Always => Consent::Each(name()),
            Self::Unannotated if is_harmless(tool) => Consent::Free,
            Self::Unannotated => Consent::Kept(name()),
        }
    }
}

/// Whether a server says that a tool changes nothing; what it does not say is taken for the worst.
fn is_harmless(tool: &Tool) -> bool {
    let Some(hints) = &tool.annotations else { return false };
    match (hints.destructive_hint, hints.read_only_hint) {
        (Some(true), _) => false,
        (_, Some(true)) => true,
        (destroys, _) => destroys == Some(false) && hints.open_world_hint == Some(false),
    }
}

/// The way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Streamable HTTP.
    Http {
        /// The address.
        url: String,
        /// Headers of every request.
        headers: BTreeMap<String, Secret>,
    },
    /// A program's standard streams.
    Program(Program),
}

/// What names of servers are in the names of their tools.
pub fn prefixes<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let safe = ToolName::nearest(name);
        let begins_well = safe.as_str().starts_with(|it: char| it.is_ascii_alphabetic());
        let mut prefix = if begins_well { safe.to_string() } else { format!("mcp-{safe}") };
        prefix.truncate(PREFIX_BYTES_MAX);
        let is_taken = |it: &str| taken.iter().any(|other| other.eq_ignore_ascii_case(it));
        if is_taken(&prefix) {
            let free = (2..1_000_000).map(|it| format!("{prefix}-{it}")).find(|it| !is_taken(it));
            prefix = free.expect("there are enough numbers");
        }
        taken.push(prefix);
    }
    taken
}

/// All servers.
#[derive(Debug, Default)]
pub struct Servers(BTreeMap<ServerName, Arc<Server>>);

/// One server, and the connection to it if there is one.
#[derive(Debug)]
struct Server {
    settings: ServerSettings,
    connection: Mutex<Option<Connection>>,
}

#[derive(Clone, Debug)]
struct Connection {
    peer: Peer<RoleClient>,
    /// The server's own names, by ours.
    names: Arc<BTreeMap<ToolName, String>>,
}

/// Hears that a server's tools have changed.
#[derive(Clone, Debug, Default)]
struct Listener(Arc<Notify>);

impl ClientHandler for Listener {
    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.0.notify_one();
    }
}

impl Servers {
    /// Servers, none connected yet.
    pub fn new(settings: Vec<ServerSettings>) -> Self {
        let server = |settings: ServerSettings| {
            let name = settings.name.clone();
            (name, Arc::new(Server { settings, connection: Mutex::default() }))
        };
        Self(settings.into_iter().map(server).collect())
    }

    /// A future for each server that keeps it connected for ever, and one that ends when each was tried once, or after
    /// a while.
    pub fn keep<N: Net>(
        &self,
        net: &N,
        http: &Http<N>,
        inbox: &Inbox,
    ) -> (Vec<impl Future<Output = ()> + Send + use<N>>, Tried) {
        let (untried, seen) = watch::channel(self.0.len());
        let untried = Arc::new(untried);
        let keeper = |server: &Arc<Server>| {
            let keeper = Keeper {
                server: server.clone(),
                may_spawn: net.may_spawn(),
                http: http.clone(),
                inbox: inbox.clone(),
            };
            keeper.keep(untried.clone())
        };
        (self.0.values().map(keeper).collect(), Tried(seen))
    }

    /// Has a tool run.
    pub async fn call(&self, job: &Job) -> ToolOutcome {
        match self.0.get(&job.server) {
            Some(server) => server.call(job).await,
            None => ToolOutcome::Failed(format!("there is no server `{}`", job.server)),
        }
    }
}

/// Whether each server was tried once.
#[derive(Clone, Debug)]
pub struct Tried(watch::Receiver<usize>);

impl Tried {
    /// Does the work when each was tried, or after a while: whoever writes first shall find the tools there.
    pub async fn before(self, work: impl Future<Output = ()>) {
        self.wait().await;
        work.await;
    }

    /// Returns when each was tried, or after a while.
    pub async fn wait(mut self) {
        let all = self.0.wait_for(|it| *it == 0);
        // Neither an end of the gateway nor a slow server is a reason to take no messages.
        _ = tokio::time::timeout(FIRST_WAIT_MAX, all).await;
    }
}

/// Keeps one server connected.
struct Keeper<N: Net> {
    server: Arc<Server>,
    may_spawn: bool,
    http: Http<N>,
    inbox: Inbox,
}

type Service = RunningService<RoleClient, Listener>;

impl<N: Net> Keeper<N> {
    async fn keep(self, untried: Arc<watch::Sender<usize>>) {
        let mut backoff = BACKOFF_FIRST;
        let mut is_first = true;
        loop {
            let listener = Listener::default();
            let within = self.server.settings.connect_within;
            let connected = tokio::time::timeout(within, self.connect(listener.clone())).await;
            let connected =
                connected.unwrap_or_else(|_| Err(format!("no answer within {within:?}")));
            if std::mem::take(&mut is_first) {
                untried.send_modify(|it| *it -= 1);
            }
            match connected {
                Ok(service) => {
                    backoff = BACKOFF_FIRST;
                    self.listen(service, &listener).await;
                    self.server.connect(None);
                }
                Err(error) => {
                    let error = self.server.redact(&error);
                    let server = &self.server.settings.name;
                    tracing::warn!(%server, %error, "no connection to a server of tools");
                }
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    /// Connects, and tells the gateway which tools there are.
    async fn connect(&self, listener: Listener) -> Result<Service, String> {
        let told = |it: rmcp::service::ClientInitializeError| it.to_string();
        let service = match &self.server.settings.way {
            Way::Http { url, headers } => {
                let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
                config.custom_headers = headers
                    .iter()
                    .filter_map(|(name, value)| {
                        Some((name.parse().ok()?, value.expose().parse().ok()?))
                    })
                    .collect();
                let client = Client(self.http.clone());
                let transport = StreamableHttpClientTransport::with_client(client, config);
                listener.serve(transport).await.map_err(told)?
            }
            Way::Program(_) if !self.may_spawn => {
                return Err("programs are not started in a simulation: expected `url`".to_owned());
            }
            Way::Program(program) => {
                let (child, stdout, stdin) = process::start(program)
                    .map_err(|it| format!("start `{}`: {it}", program.command))?;
                // The child lives as long as its reader.
                let stdout = process::Owned { child, stdout };
                listener.serve((stdout, stdin)).await.map_err(told)?
            }
        };
        self.list(&service).await?;
        Ok(service)
    }

    async fn list(&self, service: &Service) -> Result<(), String> {
        let tools = service.list_all_tools().await.map_err(|it| it.to_string())?;
        let settings = &self.server.settings;
        let mut names = BTreeMap::new();
        let mut specs = Vec::new();
        for tool in tools.into_iter().take(TOOLS_MAX).filter(|it| settings.takes(&it.name)) {
            let spec = settings.spec(&tool);
            if names.contains_key(&spec.name) {
                tracing::warn!(server = %settings.name, tool = %spec.name, "two tools of one name");
                continue;
            }
            names.insert(spec.name.clone(), tool.name.to_string());
            specs.push(spec);
        }
        let (peer, names) = (service.peer().clone(), Arc::new(names));
        self.server.connect(Some(Connection { peer, names }));
        self.inbox.list_tools(settings.name.clone(), specs).await;
        Ok(())
    }

    /// Returns when the connection is gone.
    async fn listen(&self, service: Service, listener: &Listener) {
        let mut closed = std::pin::pin!(closed(&service));
        loop {
            tokio::select! {
                biased;
                () = &mut closed => return,
                () = listener.0.notified() => {
                    if let Err(error) = self.list(&service).await {
                        let server = &self.server.settings.name;
                        let error = self.server.redact(&error);
                        tracing::warn!(%server, %error, "its tools were not listed");
                    }
                }
            }
        }
    }
}

/// How often a connection is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

async fn closed(service: &Service) {
    while !service.is_closed() && !service.peer().is_transport_closed() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl ServerSettings {
    fn takes(&self, tool: &str) -> bool {
        let among = |names: &[String]| names.iter().any(|it| is_match(it, tool));
        (self.include.is_empty() || among(&self.include)) && !among(&self.exclude)
    }

    fn spec(&self, tool: &Tool) -> ToolSpec {
        let parameters = serde_json::Value::Object((*tool.input_schema).clone()).to_string();
        ToolSpec {
            name: ToolName::nearest(&format!("{}__{}", self.prefix, tool.name)),
            description: tool.description.as_deref().unwrap_or_default().into(),
            parameters: parameters.into(),
            owner: ToolOwner::Server(self.name.clone()),
            parallel: self.parallel,
            least: Authority::Guest,
            consent: self.asks.of(tool),
        }
    }
}

impl Server {
    fn connect(&self, connection: Option<Connection>) {
        *self.connection.lock().expect("no holder of this lock panics") = connection;
    }

    /// A text without the secrets that the server was given.
    fn redact(&self, text: &str) -> String {
        let secrets: Vec<&Secret> = match &self.settings.way {
            Way::Http { headers, .. } => headers.values().collect(),
            Way::Program(program) => program.env.values().collect(),
        };
        secrets.into_iter().fold(text.to_owned(), |text, it| it.hide_in(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_names_that_providers_take_and_differ() {
        let found = prefixes(["Outlook Graph", "2nd", "a", "A", "x.y"]);
        assert_eq!(found, ["Outlook-Graph", "mcp-2nd", "a", "A-2", "x-y"]);
    }
}
