//! Failover: who may be asked for an answer, and when, whatever the providers did so far.
//!
//! The model walks along what happened. For each request it has the set of those that the contract allows at that
//! moment, and for each failed turn whether somebody else had to be asked. What is left to a gateway (how often a passing
//! failure is repeated in `2026.3`, how long it waits, whether it probes) is a set with more than one member.
//!
//! Source: contract, sections 0 and 6.

mod allowed;
mod health;
pub(super) mod observed;
mod rests;

use std::collections::{BTreeMap, BTreeSet};

use self::{
    allowed::Allowed,
    health::{Effect, Health},
};
pub use self::{
    observed::reason_of_status,
    rests::{Rest, RestKind, Rests, rests},
};
use super::{rule::Rule, version::Version};
use crate::context::Chain;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;

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

/// Judges what happened to one agent. `promptly_us` is how long anything may take that waits for nothing.
///
/// # Errors
///
/// The first thing that the contract does not allow.
pub fn judge(
    version: Version,
    chain: &Chain,
    happened: &[Happening],
    promptly_us: i64,
) -> Result<(Marks, Vec<(Rule, u64)>), Wrong> {
    let mut model = Model {
        version,
        chain,
        promptly_us,
        healths: BTreeMap::new(),
        sessions: BTreeMap::new(),
        marks: Marks::new(),
        held: Vec::new(),
    };
    for (index, it) in happened.iter().enumerate() {
        let mut later = happened[index + 1..].iter().filter(|next| next.session == it.session);
        let next = later.find(|it| !matches!(it.what, What::Chosen(..)));
        model.walk(it, next)?;
    }
    Ok((model.marks, model.held))
}

struct Model<'a> {
    version: Version,
    chain: &'a Chain,
    promptly_us: i64,
    /// By credential: provider and name.
    healths: BTreeMap<(String, String), Health>,
    sessions: BTreeMap<String, Session>,
    marks: Marks,
    held: Vec<(Rule, u64)>,
}

#[derive(Clone, Debug, Default)]
struct Session {
    kept: BTreeMap<String, String>,
    chosen: Option<String>,
    pin: Option<String>,
    last_us: i64,
    turn: Turn,
}

#[derive(Clone, Debug, Default)]
struct Turn {
    models: Vec<String>,
    at: usize,
    current: Option<Asked>,
    failed: Option<(Reason, i64, i64)>,
    asked: BTreeSet<Asked>,
    /// Requests to the present model since it answered last, and its first failure since then.
    tries: u32,
    failing_since_us: Option<i64>,
    rotations: u32,
    probed: bool,
}

fn provider_of(model: &str) -> &str {
    model.split_once('/').map_or(model, |(provider, _)| provider)
}

impl Model<'_> {
    fn walk(&mut self, it: &Happening, next: Option<&Happening>) -> Result<(), Wrong> {
        let mut session = self.sessions.remove(&it.session).unwrap_or_default();
        let walked = self.walk_in(&mut session, it, next);
        self.sessions.insert(it.session.clone(), session);
        walked
    }

    fn walk_in(
        &mut self,
        session: &mut Session,
        it: &Happening,
        next: Option<&Happening>,
    ) -> Result<(), Wrong> {
        let now_us = it.at_us;
        match &it.what {
            What::Chosen(model, pin) => {
                session.chosen.clone_from(model);
                if pin.is_some() {
                    session.pin.clone_from(pin);
                }
            }
            What::Reset => {
                session.kept.clear();
                session.chosen = None;
                if self.version == Version::March {
                    session.pin = None;
                }
            }
            What::Begins => session.turn = Turn { models: self.models(session), ..Turn::default() },
            What::Asks(asked) => self.ask(session, asked, it)?,
            What::Answered => {
                let Some(asked) = session.turn.current.clone() else { return Ok(()) };
                let provider = provider_of(&asked.model).to_owned();
                self.health(&asked).answered(&asked.model, now_us);
                session.kept.insert(provider, asked.credential);
                let turn = &mut session.turn;
                (turn.failed, turn.failing_since_us) = (None, None);
            }
            What::Failed(reason, rest_us) => self.fail(session, (*reason, *rest_us), it, next),
            What::Over => self.end(session, it)?,
            What::Stopped => session.turn = Turn::default(),
        }
        session.last_us = now_us;
        Ok(())
    }

    fn models(&mut self, session: &Session) -> Vec<String> {
        let configured = self.chain.models.iter().cloned();
        let Some(chosen) = &session.chosen else { return configured.collect() };
        self.marks.insert("chosen model".to_owned());
        let mut models = vec![chosen.clone()];
        if self.version == Version::March {
            let fallbacks = self.chain.models.iter().skip(1).chain(self.chain.models.first());
            for it in fallbacks {
                if !models.contains(it) {
                    models.push(it.clone());
                }
            }
        }
        models
    }

    fn health(&mut self, asked: &Asked) -> &mut Health {
        let key = (provider_of(&asked.model).to_owned(), asked.credential.clone());
        self.healths.entry(key).or_default()
    }

    fn rests_until(&self, asked: &Asked, now_us: i64) -> Option<i64> {
        let key = (provider_of(&asked.model).to_owned(), asked.credential.clone());
        self.healths.get(&key)?.rests_until(&asked.model, now_us)
    }

    fn ask(&mut self, session: &mut Session, asked: &Asked, it: &Happening) -> Result<(), Wrong> {
        let allowed = self.allowed(session, it.at_us);
        let found = allowed.iter().find(|one| {
            one.asked == *asked
                && (one.from_us..=one.to_us.saturating_add(self.promptly_us)).contains(&it.at_us)
        });
        let Some(found) = found else { return Err(self.wrong(session, asked, &allowed, it)) };
        let turn = &mut session.turn;
        let is_again = turn.current.as_ref() == Some(asked) && turn.failed.is_some();
        if found.is_probe {
            self.marks.insert("probe".to_owned());
            turn.probed = true;
        }
        if is_again {
            self.marks.insert("again".to_owned());
            self.held.push((Rule::FailoverAgain, it.seq));
        } else if turn.current.as_ref().is_some_and(|it| it != asked) {
            self.held.push((Rule::FailoverNext, it.seq));
        }
        let before = turn.current.as_ref().map(|it| it.model.clone());
        if before.as_ref() != Some(&asked.model) {
            (turn.tries, turn.rotations, turn.failing_since_us) = (0, 0, None);
            turn.at = turn.models.iter().position(|it| *it == asked.model).unwrap_or(turn.at);
        } else if !is_again && turn.failed.is_some_and(|(reason, ..)| reason.passes()) {
            turn.rotations += 1;
        }
        turn.tries += 1;
        turn.asked.insert(asked.clone());
        turn.current = Some(asked.clone());
        turn.failed = None;
        if session.pin.as_ref() == Some(&asked.credential) {
            self.marks.insert("pin".to_owned());
        }
        if !session.turn.asked.is_empty()
            && self.healths.values().any(|it| *it != Health::default())
        {
            self.held.push((Rule::FailoverRest, it.seq));
        }
        self.health(asked).last_used_us = Some(it.at_us);
        Ok(())
    }

    fn fail(
        &mut self,
        session: &mut Session,
        why: (Reason, i64),
        it: &Happening,
        next: Option<&Happening>,
    ) {
        let Some(asked) = session.turn.current.clone() else { return };
        let is_tried_again =
            matches!(next, Some(Happening { what: What::Asks(next), .. }) if *next == asked);
        let (version, window_us) =
            (self.version, self.chain.failure_window_us.unwrap_or(24 * HOUR));
        self.marks.insert(format!("reason {:?}", why.0));
        if !is_tried_again {
            let effect =
                self.health(&asked).failed(version, &asked.model, why, (it.at_us, window_us));
            self.marks.insert(match effect {
                Effect::Nothing => "harmless".to_owned(),
                Effect::Unmoved => "unmoved".to_owned(),
                Effect::Rests(step) => format!("step {}", step.min(4)),
                Effect::Disabled => "disabled".to_owned(),
            });
        }
        let turn = &mut session.turn;
        turn.failing_since_us.get_or_insert(it.at_us);
        turn.failed = Some((why.0, it.at_us, why.1));
    }

    fn end(&mut self, session: &mut Session, it: &Happening) -> Result<(), Wrong> {
        let allowed = self.allowed(session, it.at_us);
        let must: Vec<Allowed> = allowed.into_iter().filter(|it| !it.is_probe).collect();
        let is_answered = session.turn.current.is_some() && session.turn.failed.is_none();
        // A repetition alone is a choice of the gateway's.
        let is_choice = |one: &Allowed| session.turn.current.as_ref() == Some(&one.asked);
        if !is_answered && !session.turn.models.is_empty() {
            if let Some(one) = must.iter().find(|it| !is_choice(it)) {
                let expected = format!("{} asked", shown(&one.asked));
                let observed = "the turn ended without an answer".to_owned();
                return Err(Wrong { rule: Rule::FailoverNext, expected, observed, seq: it.seq });
            }
            if session.turn.failed.is_none_or(|(reason, ..)| reason.is_the_provider_s()) {
                self.marks.insert("exhausted".to_owned());
            }
        }
        session.turn = Turn::default();
        Ok(())
    }

    fn wrong(
        &self,
        session: &Session,
        asked: &Asked,
        allowed: &[Allowed],
        it: &Happening,
    ) -> Wrong {
        let turn = &session.turn;
        let rests = self.rests_until(asked, it.at_us).is_some();
        let rule = match &turn.current {
            Some(current) if current == asked && turn.failed.is_some() => Rule::FailoverAgain,
            _ if rests => Rule::FailoverRest,
            Some(_) if allowed.is_empty() => Rule::FailoverEnd,
            Some(_) => Rule::FailoverNext,
            None => Rule::FailoverFirst,
        };
        let expected: Vec<String> = allowed.iter().map(|it| shown(&it.asked)).collect();
        let expected = match expected.as_slice() {
            [] => "nobody asked".to_owned(),
            some => format!("{} asked", some.join(" or ")),
        };
        let why = if rests { ", which rests" } else { "" };
        Wrong { rule, expected, observed: format!("{} was asked{why}", shown(asked)), seq: it.seq }
    }
}

fn shown(asked: &Asked) -> String {
    format!("`{}@{}`", asked.model, asked.credential)
}
