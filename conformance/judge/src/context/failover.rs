//! Providers and credentials, as a scenario configures them.

use std::collections::BTreeMap;

/// With what an agent can ask for answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// The models, each as `provider/model`: the configured one, then its fallbacks.
    pub models: Vec<String>,
    /// Every model that a person may choose, as `provider/model`.
    pub choices: Vec<String>,
    /// The credentials.
    pub credentials: Vec<Credential>,
    /// `auth.order`, by provider: the credentials' own names.
    pub order: BTreeMap<String, Vec<String>>,
    /// `auth.cooldowns.failureWindowHours`, in microseconds.
    pub failure_window_us: Option<i64>,
    /// Whether failures are told by more than their statuses: a trace does not have their words, nor the waits that they
    /// ask for.
    pub tells_more: bool,
}

impl Chain {
    /// Whether a credential is for one of the models, unless a person chooses another, and is not left out of the order.
    pub(crate) fn uses(&self, credential: &Credential) -> bool {
        let provider = credential.provider.as_str();
        let is_its = |it: &String| it.split_once('/').is_some_and(|(its, _)| its == provider);
        let order = self.order.get(provider);
        self.models.iter().any(is_its) && order.is_none_or(|it| it.contains(&credential.name))
    }
}

/// A credential.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Credential {
    /// Whose it is.
    pub provider: String,
    /// Its name at its provider: `one` of `p:one`.
    pub name: String,
    /// Of which kind.
    pub kind: CredentialKind,
}

/// The kinds of credential, in the order in which they are used in `2026.9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CredentialKind {
    /// A login.
    OAuth,
    /// A token that is not refreshed.
    Token,
    /// An API key.
    ApiKey,
}
