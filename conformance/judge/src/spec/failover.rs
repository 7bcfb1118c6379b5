//! Failover: who may be asked for an answer, and when, whatever the providers did so far.
//!
//! The model walks along what happened. For each request it has the set of those that the contract allows at that
//! moment, and for each failed turn whether somebody else had to be asked. What is left to a gateway (how often a passing
//! failure is repeated in `2026.3`, how long it waits, whether it probes) is a set with more than one member. Where nothing
//! tells whether a failure was counted already (somebody stopped the turn while the same request might have been made
//! again), the walk goes on in both worlds, until what happens next contradicts one of them.
//!
//! Source: contract, sections 0 and 6.

mod allowed;
mod asking;
mod health;
mod logins;
pub(super) mod observed;
mod reasons;
mod rests;
mod session;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use self::health::Health;
pub use self::{
    reasons::reason_of_status,
    rests::{Rest, RestKind, Rests, rests},
};
use super::{rule::Rule, version::Version};
use crate::context::{Chain, Choices};

const SECOND: i64 = 1_000_000;

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the contract's")]
pub enum Reason {
    Auth,
    AuthPermanent,
    Billing,
    RateLimit,
    Overloaded,
    Timeout,
    ServerError,
    Format,
    ModelNotFound,
    ContextOverflow,
    Refusal,
    Aborted,
    Local,
}

impl Reason {
    /// In words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Auth => "not authorised",
            Self::AuthPermanent => "not authorised for good",
            Self::Billing => "no money",
            Self::RateLimit => "rate limit",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::ServerError => "server error",
            Self::Format => "bad request",
            Self::ModelNotFound => "no such model",
            Self::ContextOverflow => "prompt too long",
            Self::Refusal => "refusal",
            Self::Aborted => "stopped",
            Self::Local => "the gateway's own fault",
        }
    }

    /// Whether it says something about the credential.
    fn is_the_provider_s(self) -> bool {
        self.passes() || matches!(self, Self::Auth | Self::AuthPermanent | Self::Billing)
    }

    /// Whether the same request may succeed a little later.
    fn passes(self) -> bool {
        matches!(self, Self::RateLimit | Self::Overloaded | Self::Timeout | Self::ServerError)
    }
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// `provider/model`.
    pub model: String,
    /// The credential's name at its provider.
    pub credential: String,
}

/// Something that happened in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at_us: i64,
    /// In which session.
    pub session: String,
    /// The fact that shows it.
    pub seq: u64,
    /// What.
    pub what: What,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A person chose a model, and perhaps a credential of its provider.
    Chosen(Option<String>, Option<String>),
    /// The session was reset.
    Reset,
    /// A turn begins.
    Begins,
    /// A request is made.
    Asks(Asked),
    /// The request was answered.
    Answered,
    /// The request failed; the provider asked to be left alone for so long, in microseconds.
    Failed(Reason, i64),
    /// The turn is over, and nobody stopped it.
    Over,
    /// The turn was stopped.
    Stopped,
    /// Nothing tells whether a credential (its provider and name) may be asked: its login may not have been renewed in time.
    Doubted((String, String)),
    /// A login is renewed: whoever is to be asked next may have waited for it.
    Renewed,
    /// The gateway began anew.
    Restarted,
}

/// What is wrong with what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The rule that was broken.
    pub rule: Rule,
    /// What the contract allowed.
    pub expected: String,
    /// What happened instead.
    pub observed: String,
    /// The fact.
    pub seq: u64,
}

/// What was met on the way, for tests that must have met everything: `step 2`, `probe`, `exhausted`.
pub type Marks = BTreeSet<String>;

/// The marks of what the contract leaves to a gateway, where it does otherwise than ours.
pub(super) const CHOSEN: [&str; 2] =
    ["again before the next credential", "the end of a rest began the count anew"];

/// Judges what happened to one agent. `promptly_us` is how long anything may take that waits for nothing.
///
/// # Errors
///
/// The first thing that the contract does not allow.
pub fn judge(
    version: Version,
    (chain, choices): (&Chain, Choices),
    happened: &[Happening],
    promptly_us: i64,
) -> Result<(Marks, Vec<(Rule, u64)>), Wrong> {
    let mut worlds = vec![Model::new(version, (chain, choices), promptly_us)];
    for (index, it) in happened.iter().enumerate() {
        let mut later = happened[index + 1..].iter().filter(|next| next.session == it.session);
        let next = later.find(|it| !matches!(it.what, What::Chosen(..)));
        let (mut walked, mut wrong) = (Vec::<Model<'_>>::new(), None);
        for world in worlds {
            let other = world.may_not_count(it, (next, happened)).then(|| world.clone());
            let is_counted = world.counts(it, next);
            let both = [Some((world, is_counted)), other.map(|it| (it, false))];
            for (mut world, is_counted) in both.into_iter().flatten() {
                match world.walk(it, is_counted) {
                    Ok(()) if walked.iter().any(|other| other.is_as(&world)) => (),
                    Ok(()) => walked.push(world),
                    Err(it) => wrong = wrong.or(Some(it)),
                }
            }
        }
        worlds = walked;
        if let (true, Some(wrong)) = (worlds.is_empty(), wrong) {
            return Err(wrong);
        }
    }
    let world = worlds.swap_remove(0);
    Ok((world.marks, world.held))
}

#[derive(Clone)]
struct Model<'a> {
    version: Version,
    chain: &'a Chain,
    choices: Choices,
    promptly_us: i64,
    /// By credential: provider and name.
    healths: BTreeMap<(String, String), Health>,
    sessions: BTreeMap<String, Session>,
    /// In which session each credential failed last.
    lost_by: BTreeMap<(String, String), String>,
    /// Of whom nothing tells whether they may be asked.
    doubted: BTreeSet<(String, String)>,
    /// When a login was last to be renewed.
    renewed_us: Option<i64>,
    /// When the gateway began anew: what a session kept may be forgotten.
    began_us: i64,
    marks: Marks,
    held: Vec<(Rule, u64)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Session {
    kept: BTreeMap<String, String>,
    /// The providers for which a long silence or a restart may have ended that.
    forgotten: BTreeSet<String>,
    chosen: Option<String>,
    pin: Option<String>,
    last_us: i64,
    turn: Turn,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Turn {
    models: Vec<String>,
    at: usize,
    current: Option<Asked>,
    failed: Option<Failed>,
    asked: BTreeSet<Asked>,
    /// How often the present model (2026.3: and credential) has failed in a passing way since it answered last, and when it
    /// first failed since then.
    tries: u32,
    failing_since_us: Option<i64>,
    rotations: u32,
    /// Who was asked although it rests, once a turn.
    probe: Option<Asked>,
}

/// How the present request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failed {
    reason: Reason,
    at_us: i64,
    /// How long the provider asked to be left alone.
    rest_us: i64,
    /// Whether its credential's health knows: it does not while the same request is to be made again.
    is_counted: bool,
}

fn provider_of(model: &str) -> &str {
    model.split_once('/').map_or(model, |(provider, _)| provider)
}

fn shown(asked: &Asked) -> String {
    format!("`{}@{}`", asked.model, asked.credential)
}
