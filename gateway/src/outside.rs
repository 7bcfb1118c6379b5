//! Everything outside that the loop speaks to: which provider answers for a model, which account sends for a route.

use std::{collections::BTreeMap, sync::Arc};

use creel_core::{
    egress::{Outgoing, SendOutcome, Sent},
    ids::{AccountId, AgentId, Channel, ProfileId},
    media::{Received, Source},
    run::{ModelFailed, ModelFailure, ModelOutcome, ModelRequest},
    session::Entry,
    tools::{Job, ToolOutcome},
};

use bytes::Bytes;
use tracing::Instrument as _;

use crate::{
    channels::{Account, Board},
    clock::WallClock,
    credentials::{Logins, TokenEndpoint},
    http::Http,
    media::{self, Folder, MODEL_BYTES_MAX, Picture, Store, Unavailable, without_image},
    net::Net,
    providers::{self, Api, Asked, Endpoint, Parts, Patience},
    secret::Secret,
    tools::servers::Servers,
};

/// A model provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The address up to and without the protocol's own path.
    pub base_url: String,
    /// Its protocol.
    pub api: Api,
    /// How long it may take.
    pub patience: Patience,
    /// How long an answer of its models may be, in tokens, where that is configured.
    pub tokens_max: BTreeMap<String, u32>,
    /// The key of agents that have none of their own.
    pub key: Option<Secret>,
    /// Where it renews logins, if that is known.
    pub token_endpoint: Option<TokenEndpoint>,
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
    /// Each agent's secrets, by credential. One agent's are never used for another.
    pub keys: BTreeMap<AgentId, BTreeMap<ProfileId, Secret>>,
    /// The logins among their credentials, whose secrets change.
    pub logins: Arc<Logins<N>>,
    /// How the channels are doing: a send may find out first that an account is down.
    pub board: Arc<Board>,
    /// The date, for signatures.
    pub wall_clock: WallClock,
    /// What tells this life of the gateway from its earlier ones, and so its sends from theirs.
    pub life: u64,
    /// Servers of tools.
    pub servers: Servers,
    /// Each agent's folder, which the images of its answers may come from.
    pub workspaces: BTreeMap<AgentId, Folder>,
    /// Images that were fetched for the model.
    pub store: Store,
}

impl<N: Net> Outside<N> {
    /// Asks the provider of the request's model. What the log says meanwhile carries the run.
    pub fn ask(
        self: Arc<Self>,
        request: ModelRequest,
        parts: Option<Parts>,
    ) -> impl Future<Output = ModelOutcome> + Send {
        let ModelRequest { run, call, model, profile, .. } = &request;
        let span = tracing::info_span!("model", %run, call, %model, %profile);
        async move {
            tracing::info!("model request");
            let key = match self.key(&request).await {
                Ok(key) => key,
                Err(failed) => return ModelOutcome::Failed(failed),
            };
            let Some((endpoint, model)) = self.endpoint(&request, key) else {
                tracing::error!("no provider for this model");
                return ModelOutcome::Failed(ModelFailure::NotConfigured.into());
            };
            let pictures = self.pictures(&request).await;
            let tokens_max = self.tokens_max(&request);
            let asked = Asked { model, tokens_max, request: &request, pictures: &pictures };
            let outcome = providers::complete(&self.http, &endpoint, asked, parts.as_ref()).await;
            if let ModelOutcome::Failed(ModelFailed {
                failure: ModelFailure::Status(401), ..
            }) = &outcome
            {
                self.logins.doubt(&endpoint.key);
            }
            outcome
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
    pub fn send(self: Arc<Self>, outgoing: Outgoing) -> impl Future<Output = Sent> + Send {
        let Outgoing { send, route, .. } = &outgoing;
        let (channel, account, peer) = (&route.channel, &route.account, &route.peer.id);
        let span = tracing::info_span!("send", %send, %channel, %account, %peer);
        let key = (channel.clone(), account.clone());
        async move {
            let Some(account) = self.accounts.get(&key) else {
                tracing::error!("no such account");
                return Sent::failed(SendOutcome::Permanent, "this account is not configured");
            };
            let Some(presented) = &outgoing.image else {
                return account.send(&self, &outgoing, None).await;
            };
            match media::load(&self, presented, account.media_bytes_max()).await {
                Ok(picture) => account.send(&self, &outgoing, Some(&picture)).await,
                Err(why) => account.send(&self, &without_image(&outgoing, &why), None).await,
            }
        }
        .instrument(span)
    }

    /// The pictures of a request, in its order.
    async fn pictures(&self, request: &ModelRequest) -> Vec<Result<Picture, Unavailable>> {
        let mut pictures = Vec::new();
        for entry in request.history.entries() {
            let Entry::User(said) = entry else { continue };
            for received in &said.images {
                pictures.push(self.picture(received).await);
            }
        }
        pictures
    }

    async fn picture(&self, received: &Received) -> Result<Picture, Unavailable> {
        let Received { route, image } = received;
        if let Source::Inline(bytes) = &image.source {
            return Picture::new(Bytes::from_owner(bytes.clone()), MODEL_BYTES_MAX);
        }
        if let Some(found) = self.store.find(received) {
            return found;
        }
        let account = self.accounts.get(&(route.channel.clone(), route.account.clone()));
        let found = match account {
            None => Err(Unavailable::NotFetched),
            Some(account) => {
                let bytes_max = account.media_bytes_max().min(MODEL_BYTES_MAX);
                let is_larger = |it: u64| usize::try_from(it).map_or(true, |it| it > bytes_max);
                if image.bytes.is_some_and(is_larger) {
                    Err(Unavailable::TooLarge(bytes_max))
                } else {
                    account.fetch(self, image, bytes_max).await
                }
            }
        };
        if let Err(why) = &found {
            tracing::warn!(%why, "an image is not shown to the model");
        }
        self.store.keep(received, &found);
        found
    }

    /// What tells a piece from all others, for platforms that must not show it twice: each attempt has the same.
    pub fn idempotency_key(&self, outgoing: &Outgoing) -> String {
        format!("{:016x}-{}", self.life, outgoing.piece)
    }

    fn tokens_max(&self, request: &ModelRequest) -> Option<u32> {
        let (provider, model) = request.model.as_str().split_once('/')?;
        self.providers.get(provider)?.tokens_max.get(model).copied()
    }

    /// What the request is made with.
    async fn key(&self, request: &ModelRequest) -> Result<Secret, ModelFailed> {
        let ModelRequest { agent, profile, .. } = request;
        if let Some(key) = self.keys.get(agent).and_then(|it| it.get(profile)) {
            return Ok(key.clone());
        }
        self.logins.access(agent, profile).await.unwrap_or_else(|| {
            tracing::error!("no key for this model");
            Err(ModelFailure::NotConfigured.into())
        })
    }

    fn endpoint<'a>(&self, request: &'a ModelRequest, key: Secret) -> Option<(Endpoint, &'a str)> {
        let (provider, model) = request.model.as_str().split_once('/')?;
        let Provider { base_url, api, patience, .. } = self.providers.get(provider)?;
        let (base_url, api, patience) = (base_url.clone(), *api, *patience);
        Some((Endpoint { base_url, api, key, patience }, model))
    }
}
