//! Fake gateways: a small honest one, and the same with one lie each.
//!
//! A suite that can be trusted fails every gateway that lies, and passes one that does not lie although it is nothing like
//! the reference: this one shares no code with it but the HTTP client. It speaks Telegram and OpenAI, knows `collect` and
//! `followup`, and leaves out whatever the named scenarios do not need. A lie is one deviation at one place, looked up
//! by `Fake::tells`.

mod gateway;
mod lies;
mod outside;
mod parts;
mod rooms;

use std::collections::BTreeMap;

use creel_gateway::net::TokioNet;
use creel_judge::profile::Profile;
use serde_json::Value;

pub use self::lies::Lie;
use crate::base::Configuration;

/// A fake gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fake {
    /// It does what it says.
    Honest,
    /// It does, but for this.
    Liar(Lie),
}

impl Fake {
    /// Its name, as reports print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Liar(lie) => lie.name(),
        }
    }

    /// The fake of this name.
    pub fn named(name: &str) -> Option<Self> {
        let liar = || Lie::ALL.iter().find(|it| it.name() == name).map(|it| Self::Liar(*it));
        if name == Self::Honest.name() { Some(Self::Honest) } else { liar() }
    }

    /// Whether it tells this lie.
    fn tells(self, lie: Lie) -> bool {
        self == Self::Liar(lie)
    }
}

/// What a fake is given.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// OpenClaw's configuration.
    pub config: Value,
    /// The keys of its provider, by agent.
    pub keys: BTreeMap<String, String>,
}

impl From<&Configuration> for Given {
    fn from(configuration: &Configuration) -> Self {
        let keys = configuration.keys.iter().map(|(key, agent)| (agent.clone(), key.clone()));
        Self { config: configuration.config.clone(), keys: keys.collect() }
    }
}

/// Runs a fake on real sockets, for ever.
pub async fn serve(given: Given, profile: Profile, fake: Fake) {
    run(TokioNet, given, profile, fake).await;
}

pub(crate) use gateway::run;
