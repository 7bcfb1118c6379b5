//! What every connection and every method shares: the way to the loop, who watches, and what the gateway is.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use creel_core::{
    gateway::{self, Agent, Effect, Gateway},
    ids::{AgentId, ModelId},
    profile::Version,
    session_key::{KeyRules, SessionKey},
    time::Now,
};

use super::{
    connect::{ConnectParams, Page},
    devices::{Devices, shelf::Shelf},
    frame::ErrorShape,
    guesses::Guesses,
    hub::Hub,
    jobs::Jobs,
    members::Members,
    schema::Shape,
};
use crate::{
    channels::Board,
    driver::Inbox,
    entropy::Entropy,
    grants::Book,
    log::Tail,
    restart::{Changes, Restart},
    secret::Secret,
    settings::{Shown, file::ConfigFile},
};

/// What the gateway is, for whoever asks. Nothing of it changes while it lives.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The contract's version.
    pub version: Version,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Every agent.
    pub agents: BTreeMap<AgentId, Agent>,
    /// The one that is meant where none is named.
    pub default_agent: AgentId,
    /// The main session of that one.
    pub main_session: String,
    /// What sessions are called.
    pub keys: KeyRules,
    /// Every model that is configured.
    pub models: Vec<ModelId>,
    /// Every account, as the board calls it.
    pub accounts: Vec<String>,
    /// The configuration, without its secrets.
    pub shown: Shown,
}

/// The control plane's ground. A clone is the same.
#[derive(Clone, Debug)]
pub struct Plane {
    /// What the gateway is.
    pub facts: Arc<Facts>,
    /// The way to the loop.
    pub inbox: Inbox,
    /// Who watches.
    pub hub: Hub,
    /// How the channels are doing.
    pub board: Arc<Board>,
    /// The token that clients must show, if there is one.
    pub token: Option<Secret>,
    /// Where nonces and names come from.
    pub entropy: Entropy,
    /// Which devices may connect.
    pub devices: Shelf,
    /// Who is connected as which of them.
    pub members: Members,
    /// What was logged lately.
    pub log: Tail,
    /// What the first frame has to look like.
    pub shape: Arc<Shape<ConnectParams>>,
    /// Who has guessed at the token.
    pub guesses: Guesses,
    /// Whether our own page needs a device.
    pub page: Page,
    /// Who may ask the gateway to start again.
    pub restart: Restart,
    /// How often clients have changed something.
    pub changes: Changes,
    /// The file of cron jobs.
    pub jobs: Jobs,
    /// The file of what agents were allowed for good.
    pub book: Book,
    /// Where the configuration stands, if that is a file.
    pub file: Option<ConfigFile>,
    /// What the wall clock showed at the start, in milliseconds since 1970.
    pub started_ms: i64,
}

impl Facts {
    /// What the settings say of the gateway.
    pub fn of(
        (core, shown): (&gateway::Settings, Shown),
        listen: SocketAddr,
        accounts: Vec<String>,
    ) -> Self {
        let default_agent = core.default_agent.clone();
        Self {
            version: core.profile.version,
            listen,
            agents: core.agents.clone(),
            main_session: core.keys.main(&default_agent).to_string(),
            default_agent,
            keys: core.keys.clone(),
            models: core.models.iter().cloned().collect(),
            accounts,
            shown,
        }
    }

    /// The agent of an id.
    ///
    /// # Errors
    ///
    /// If none is configured under it.
    pub fn agent(&self, id: &str) -> Result<AgentId, ErrorShape> {
        let unknown = || ErrorShape::invalid(format!("unknown agent id \"{id}\""));
        self.agent_called(id).cloned().ok_or_else(unknown)
    }

    /// The same; none if there is none.
    pub fn agent_called(&self, id: &str) -> Option<&AgentId> {
        let id = id.trim().to_lowercase();
        self.agents.keys().find(|it| it.as_str() == id)
    }

    /// An agent's session that somebody calls so, by its whole key or by a name alone; none if it is another agent's, or
    /// the name has no letter.
    pub fn session_of(&self, agent: &AgentId, called: &str) -> Option<SessionKey> {
        let key = SessionKey::canonical(called).ok()?;
        if key.is_of(agent) {
            return Some(key);
        }
        (!key.as_str().starts_with("agent:")).then(|| self.keys.named(agent, &key))
    }

    /// What the main sessions are called.
    pub fn main_key(&self) -> &str {
        self.main_session.rsplit(':').next().unwrap_or_default()
    }
}

impl Plane {
    /// Writes down which devices may connect, where the next life of the gateway finds it.
    pub async fn keep_devices(&self) {
        self.devices.keep().await;
    }

    /// Looks at the devices, or changes them.
    pub fn with_devices<T>(&self, look: impl FnOnce(&mut Devices) -> T) -> T {
        self.devices.with(look)
    }

    /// Has the loop do something, and says what came of it.
    ///
    /// # Errors
    ///
    /// When the gateway is ending.
    pub async fn operate<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Gateway, Now, &mut Vec<Effect>) -> T + Send + 'static,
    ) -> Result<T, ErrorShape> {
        let ending = || ErrorShape::unavailable("the gateway is ending");
        self.inbox.operate(operation).await.ok_or_else(ending)
    }
}
