//! Providers and credentials, as a scenario configures them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

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
    /// `auth.cooldowns`.
    pub cooldowns: Cooldowns,
}

/// What `auth.cooldowns` says, in microseconds: where it says nothing, the version of the contract does.
#[expect(clippy::struct_field_names, reason = "each has its unit at its end")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cooldowns {
    /// `failureWindowHours`.
    pub failure_window_us: Option<i64>,
    /// `billingBackoffHours`.
    pub billing_backoff_us: Option<i64>,
    /// `billingBackoffHoursByProvider`.
    pub billing_backoff_by_provider_us: BTreeMap<String, i64>,
    /// `billingMaxHours`.
    pub billing_max_us: Option<i64>,
}

/// What a gateway chooses where the contract leaves it open. Its target declares it; a check that foresees something else
/// then says so and does not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Choices {
    /// How often one credential may be asked, while its failures pass by themselves, before another one is. 2026.3 leaves it
    /// open, from 1 to 20.
    #[serde(deserialize_with = "tries")]
    pub tries_per_credential: u32,
    /// What begins the count of a credential's failures anew.
    pub ladder_reset: LadderReset,
}

impl Default for Choices {
    fn default() -> Self {
        Self { tries_per_credential: 1, ladder_reset: LadderReset::Answer }
    }
}

/// What begins the count of a credential's failures anew, and with it the ladder of its rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LadderReset {
    /// An answer, or a long time without a failure.
    Answer,
    /// The end of a rest as well.
    RestEnd,
}

fn tries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let found = u32::deserialize(deserializer)?;
    if (1..=20).contains(&found) {
        return Ok(found);
    }
    Err(D::Error::custom(format!("found {found} tries, expected a number from 1 to 20")))
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
