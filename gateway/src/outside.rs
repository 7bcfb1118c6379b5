//! Everything outside that the loop speaks to: which provider answers for a model, which account sends for a route.

use std::{collections::BTreeMap, sync::Arc};

use creel_core::{
    egress::{Outgoing, SendOutcome},
    ids::{AccountId, AgentId, Channel},
    run::{ModelFailure, ModelOutcome, ModelRequest},
    tools::{Job, ToolOutcome},
};

use tracing::Instrument as _;

use crate::{
    channels::{Account, Board},
    clock::WallClock,
    http::Http,
    net::Net,
    providers::{
        Parts,
        openai::{self, Endpoint},
    },
    secret::Secret,
    tools::servers::Servers,
};

/// A model provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The address up to and without `/chat/completions`.
    pub base_url: String,
    /// The key of agents that have none of their own.
    pub key: Option<Secret>,
}

/// The addresses and keys of everything outside.
#[derive(Debug)]
pub struct Outside<N: Net> {
    /// The client.
    pub http: Http<N>,
    /// The accounts of every channel.
    pub accounts: BTreeMap<(Channel, AccountId), Account>,
    /// Providers by name.
    pub providers: BTreeMap<String, Provider>,
    /// Keys of an agent's own, by agent and provider. One agent's keys are never used for another.
    pub keys: BTreeMap<AgentId, BTreeMap<String, Secret>>,
    /// How the channels are doing: a send may find out first that an account is down.
    pub board: Arc<Board>,
    /// The date, for signatures.
    pub wall_clock: WallClock,
    /// The gateway's seed, which tells its sends from those of its earlier lives.
    pub seed: u64,
    /// Servers of tools.
    pub servers: Servers,
}

impl<N: Net> Outside<N> {
    /// Asks the provider of the request's model. What the log says meanwhile carries the run.
    pub fn ask(
        self: Arc<Self>,
        request: ModelRequest,
        parts: Option<Parts>,
    ) -> impl Future<Output = ModelOutcome> + Send {
        let ModelRequest { run, call, model, .. } = &request;
        let span = tracing::info_span!("model", %run, call, %model);
        async move {
            let Some((endpoint, model)) = self.endpoint(&request) else {
                tracing::error!("no provider or no key for this model");
                return ModelOutcome::Failed(ModelFailure::NotConfigured);
            };
            openai::complete(&self.http, &endpoint, model, &request, parts.as_ref()).await
        }
        .instrument(span)
    }

    /// Has a tool run by the server that has it.
    pub fn call_tool(self: Arc<Self>, job: Job) -> impl Future<Output = ToolOutcome> + Send {
        let Job { ticket, server, name, .. } = &job;
        let span = tracing::info_span!("tool", run = %ticket.run, %server, tool = %name);
        async move { self.servers.call(&job).await }.instrument(span)
    }

    /// Sends a piece by the account that its route names.
    pub fn send(self: Arc<Self>, outgoing: Outgoing) -> impl Future<Output = SendOutcome> + Send {
        let Outgoing { send, route, .. } = &outgoing;
        let (channel, account, peer) = (&route.channel, &route.account, &route.peer.id);
        let span = tracing::info_span!("send", %send, %channel, %account, %peer);
        let key = (channel.clone(), account.clone());
        async move {
            let Some(account) = self.accounts.get(&key) else {
                tracing::error!("no such account");
                return SendOutcome::Permanent;
            };
            account.send(&self, &outgoing).await
        }
        .instrument(span)
    }

    /// What tells a piece from all others, for platforms that must not show it twice: each attempt has the same.
    pub fn idempotency_key(&self, outgoing: &Outgoing) -> String {
        format!("{:016x}-{}", self.seed, outgoing.piece)
    }

    fn endpoint<'a>(&self, request: &'a ModelRequest) -> Option<(Endpoint, &'a str)> {
        let (provider, model) = request.model.as_str().split_once('/')?;
        let Provider { base_url, key } = self.providers.get(provider)?;
        let own = self.keys.get(&request.agent).and_then(|it| it.get(provider));
        let key = own.or(key.as_ref())?.clone();
        Some((Endpoint { base_url: base_url.clone(), key }, model))
    }
}
