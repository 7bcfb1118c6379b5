//! Failover: what a provider's failure means, how long a credential rests for it, and who is asked next.
//!
//! Nothing here talks to a provider. [`classify`](classify::classify) turns what came back into a [`Reason`];
//! [`Health`](ledger::Health) is how one credential is doing; [`Credentials`](credentials::Credentials) are an agent's,
//! in their order; a [`Plan`](plan::Plan) leads one turn through them.
//!
//! Source: contract, section 6.

pub mod classify;
pub mod credentials;
pub mod ledger;
pub mod plan;

use crate::ids::{ModelId, ProviderId};

/// The provider of a model, if its id names one.
pub fn provider_of(model: &ModelId) -> Option<ProviderId> {
    let (provider, _) = model.as_str().split_once('/')?;
    ProviderId::new(provider).ok()
}

/// Why a model request failed, as far as anybody has to act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The credential is not accepted.
    Auth,
    /// The credential was revoked, or its account closed: it will not be accepted again soon.
    AuthPermanent,
    /// The account has no money.
    Billing,
    /// Too many requests, or a usage window is used up. Time heals it.
    RateLimit,
    /// The provider is busy.
    Overloaded,
    /// Nothing came in time, from the provider or through what stands before it.
    Timeout,
    /// The provider broke down, or its answer did.
    ServerError,
    /// The provider does not take a request of this form.
    Format,
    /// The provider does not have the model.
    ModelNotFound,
    /// The conversation is too long for the model. That is compaction's business, not failover's.
    ContextOverflow,
    /// The provider will not answer this request, whoever asks.
    Refusal,
    /// The user or the operator broke the request off.
    Aborted,
    /// The gateway's own store or transcript is at fault.
    Local,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 13] = [
        Self::Auth,
        Self::AuthPermanent,
        Self::Billing,
        Self::RateLimit,
        Self::Overloaded,
        Self::Timeout,
        Self::ServerError,
        Self::Format,
        Self::ModelNotFound,
        Self::ContextOverflow,
        Self::Refusal,
        Self::Aborted,
        Self::Local,
    ];

    /// The name in state files, logs and traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthPermanent => "auth_permanent",
            Self::Billing => "billing",
            Self::RateLimit => "rate_limit",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::ServerError => "server_error",
            Self::Format => "format",
            Self::ModelNotFound => "model_not_found",
            Self::ContextOverflow => "context_overflow",
            Self::Refusal => "refusal",
            Self::Aborted => "aborted",
            Self::Local => "local",
        }
    }

    /// What a person is told. Nothing of the provider's own words is in it.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Auth | Self::AuthPermanent => {
                "the model provider does not accept the gateway's credential"
            }
            Self::Billing => "the gateway's account at the model provider has no credit left",
            Self::RateLimit => "the model provider takes no more requests for now",
            Self::Overloaded => "the model provider is too busy",
            Self::Timeout => "the model provider did not answer in time",
            Self::ServerError => "the model provider had an error",
            Self::Format => "the model provider did not accept the request",
            Self::ModelNotFound => "the model provider does not have the model",
            Self::ContextOverflow => "the conversation is too long for the model",
            Self::Refusal => "the model declined to answer",
            Self::Aborted => "the request was stopped",
            Self::Local => "the gateway could not ask the model",
        }
    }
}
