//! Providers and credentials, as a scenario configures them.

use std::collections::BTreeMap;

/// With what an agent can ask for answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// The models, each as `provider/model`: the configured one, then its fallbacks.
    pub models: Vec<String>,
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
