//! What can come of renewing a login.

use serde::{Deserialize, Serialize};

/// What came of renewing a login, as the provider saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshOutcome {
    /// It was renewed.
    Granted,
    /// It was refused: the login is over.
    Refused,
    /// It was refused, since a token was shown that had been used before: the login is over.
    Reused,
    /// The endpoint answered that it is broken or busy.
    Failed,
    /// The endpoint never answered.
    Unanswered,
}

impl RefreshOutcome {
    /// Every outcome.
    pub const ALL: [Self; 5] =
        [Self::Granted, Self::Refused, Self::Reused, Self::Failed, Self::Unanswered];

    /// Its name in traces and filters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Reused => "reused",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
        }
    }
}
